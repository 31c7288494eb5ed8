//! Arguments of the commands that write HTML pages.

use super::ModelArgs;
use attn_core::Mode;
use clap::Args;
use std::path::PathBuf;

/// Arguments of `attn view`.
#[derive(Debug, Args)]
pub struct ViewArgs {
    /// The sentence.
    #[arg(value_name = "SENTENCE")]
    pub text_a: String,
    /// The second sentence of a pair.
    #[arg(value_name = "SECOND")]
    pub text_b: Option<String>,
    #[command(flatten)]
    pub model: ModelArgs,
    /// Another model to show beside it, for example the one before fine-tuning: same tokenizer,
    /// layers and heads.
    #[arg(long, value_name = "NAME|PATH")]
    pub reference: Option<PathBuf>,
    /// How a head is switched off where the model is a fine-tuned classifier: uniform or zero.
    #[arg(long, default_value_t = Mode::Uniform)]
    pub mode: Mode,
    /// Names of the model's classes in the order of its outputs, in place of its configuration's.
    #[arg(long, value_delimiter = ',', value_name = "NAME,…")]
    pub labels: Vec<String>,
    /// The page to write.
    #[arg(long, value_name = "FILE.html")]
    pub out: PathBuf,
}

/// Arguments of `attn report`.
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// Folder of a run, or a folder with several.
    #[arg(value_name = "RESULTS_DIR")]
    pub folder: PathBuf,
    /// The page to write; REPORT.md goes beside it [default: RESULTS_DIR/report.html].
    #[arg(long, value_name = "FILE.html")]
    pub out: Option<PathBuf>,
    /// The report's title [default: from the folder's name].
    #[arg(long, value_name = "TEXT")]
    pub title: Option<String>,
}
