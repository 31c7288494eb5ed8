//! Arguments of the statistics of maps (Sections 4.2 to 4.5).

use super::{DataArgs, ModelArgs};
use attn_core::{Reading, Task};
use clap::Args;
use std::path::PathBuf;

/// Arguments of `attn stats`.
#[derive(Debug, Clone, Args)]
pub struct StatsArgs {
    #[command(flatten)]
    pub model: ModelArgs,
    /// A second model over the same word pieces, usually the pre-trained one beside the fine-tuned:
    /// gives the cosines of Figure 5 and the differences of Section 4.4.
    #[arg(long, value_name = "NAME|PATH")]
    pub reference: Option<PathBuf>,
    #[command(flatten)]
    pub data: DataArgs,
    /// Tasks, separated by commas [default: the paper's seven, as far as --data has them].
    #[arg(long, value_delimiter = ',', value_name = "TASK,…")]
    pub tasks: Vec<Task>,
    /// The paper's words or the authors' code.
    #[arg(long, default_value_t = Reading::Paper)]
    pub reading: Reading,
    /// Annotations by another tool in place of our parser's, as CoNLL-U: the sentences of all
    /// texts of one task, in the order of --texts-out.
    #[arg(long, value_name = "FILE", conflicts_with = "texts_out")]
    pub annotations: Option<PathBuf>,
    /// Write the texts of the (one) task to this file, one a line, for another tool to annotate,
    /// and stop.
    #[arg(long, value_name = "FILE")]
    pub texts_out: Option<PathBuf>,
    /// Also write what is known about each example's tokens, as JSON Lines, to this folder.
    #[arg(long, value_name = "DIR")]
    pub annotations_out: Option<PathBuf>,
    /// Queries of each example that the divergence between heads is taken over, drawn at random.
    #[arg(long, default_value_t = attn_stats::HeadDivergence::ROWS, value_name = "N")]
    pub divergence_rows: usize,
    /// Folder for records, tables and figures [default: results/<model>-<data>/stats].
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

/// Arguments of `attn framenet score`.
#[derive(Debug, Clone, Args)]
pub struct ScoreArgs {
    #[command(flatten)]
    pub model: ModelArgs,
    /// FrameNet 1.7: a folder, or NLTK's framenet_v17.zip.
    #[arg(long, value_name = "PATH")]
    pub framenet: PathBuf,
    /// Whose sentences: the paper's words or the authors' code. All scores are reported for them:
    /// both directions over all pairs, and the authors' zipped pairs.
    #[arg(long, default_value_t = Reading::Authors)]
    pub sentences: Reading,
    /// Shuffled annotations to compare with.
    #[arg(long, default_value_t = 1000, value_name = "N")]
    pub shuffles: usize,
    /// Seed of the bootstrap and the shuffling.
    #[arg(long, default_value_t = 42)]
    pub seed: u64,
    /// Skip broken lexical units and count them, rather than stop at the first.
    #[arg(long)]
    pub lenient: bool,
    /// Folder for records, tables and figures [default: results/<model>-framenet].
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}
