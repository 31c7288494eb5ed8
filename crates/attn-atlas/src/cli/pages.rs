//! Arguments of the commands that write HTML pages.

use super::{ModelArgs, SelectArgs};
use attn_core::Mode;
use clap::Args;
use std::path::PathBuf;

/// Arguments of `attn view`.
#[derive(Debug, Args)]
pub struct ViewArgs {
    /// The sentence.
    #[arg(value_name = "SENTENCE", required_unless_present = "maps")]
    pub text_a: Option<String>,
    /// The second sentence of a pair.
    #[arg(value_name = "SECOND")]
    pub text_b: Option<String>,
    #[command(flatten)]
    pub model: ModelArgs,
    /// A file of maps in place of running a model: what `attn extract` wrote, or arrays of your own
    /// (safetensors, .npz or .npy; [layers, heads, L, L], [heads, L, L] or [L, L]).
    #[arg(long, value_name = "FILE", conflicts_with_all = ["text_a", "reference"])]
    pub maps: Option<PathBuf>,
    /// Which example of that file: its id, or its number from 0 [default: the first].
    #[arg(long, value_name = "ID|N", requires = "maps")]
    pub example: Option<String>,
    /// Another model to show beside it, for example the one before fine-tuning: same tokenizer,
    /// layers and heads.
    #[arg(long, value_name = "NAME|PATH")]
    pub reference: Option<PathBuf>,
    #[command(flatten)]
    pub select: SelectArgs,
    /// Merge subword tokens into words: weights summed over a word's tokens as keys, averaged over them as
    /// queries.
    #[arg(long)]
    pub words: bool,
    /// How a head is switched off where the model is a fine-tuned classifier: uniform or zero.
    #[arg(long, default_value_t = Mode::Uniform)]
    pub mode: Mode,
    /// Names of the model's classes in the order of its outputs, in place of its configuration's.
    #[arg(long, value_delimiter = ',', value_name = "NAME,…")]
    pub labels: Vec<String>,
    /// The file to write: .html is a page to explore all heads (with one --head it opens there); .svg, .png or
    /// .pdf a figure of the heads that --heads or --layers name.
    #[arg(long, value_name = "FILE")]
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
