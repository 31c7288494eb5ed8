//! Arguments of the commands about the five patterns (Section 4.1).

use super::{CacheArgs, DataArgs, ModelArgs};
use attn_bert::Backend;
use attn_core::Task;
use clap::{Args, Subcommand};
use std::path::PathBuf;

// Where the labelled maps lie and what was made of them, from the repository's root.
const MAPS: &str = "datasets/attention-maps";
const PREDICTIONS: &str = "results/patterns/predictions.jsonl";
const FIGURES: &str = "results/patterns/figures";
const EACH: usize = 2;

/// Subcommands of `attn maps`.
#[derive(Debug, Subcommand)]
pub enum MapsCommand {
    /// Draw a seeded sample of maps over layers, heads, tasks, lengths and states, and store it.
    Sample(SampleArgs),
    /// Draw stored maps as pages of pictures for labelling, in a seeded order.
    Sheets(SheetsArgs),
}

/// Arguments of `attn maps sample`.
#[derive(Debug, Args)]
pub struct SampleArgs {
    /// Models, separated by commas: names from `attn fetch` or checkpoint folders.
    #[arg(long, required = true, value_delimiter = ',', value_name = "MODEL,…")]
    pub models: Vec<PathBuf>,
    /// Folder with fine-tuned states: <model>/<task>-pretrained-s<seed>/. Without it only the
    /// first half is made, the maps before fine-tuning; it is the same with and without.
    #[arg(long, value_name = "DIR")]
    pub checkpoints: Option<PathBuf>,
    /// Folder with GLUE's task folders; both splits are used. Its texts are stored as word pieces
    /// beside the maps, so it must be data that you may pass on.
    #[arg(long, default_value = "datasets/starter", value_name = "DIR")]
    pub data: PathBuf,
    /// Tasks, separated by commas [default: the paper's seven].
    #[arg(long, value_delimiter = ',', value_name = "TASK,…")]
    pub tasks: Vec<Task>,
    /// Number of maps that are drawn by chance.
    #[arg(long, default_value_t = 640)]
    pub n: usize,
    /// Further maps from a search for rare kinds (diagonals and blocks); their labels are given by
    /// eye like all others.
    #[arg(long, default_value_t = 120, value_name = "N")]
    pub enrich: usize,
    /// Examples that the search looks at, of each model.
    #[arg(long, default_value_t = 200, value_name = "N")]
    pub pool: usize,
    /// Seed of the sample.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// What computes: flex (CPU), wgpu or cuda, as far as compiled in.
    #[arg(long, default_value_t = Backend::Flex)]
    pub backend: Backend,
    /// Which device of the backend, from 0.
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub device: usize,
    #[command(flatten)]
    pub cache: CacheArgs,
    /// Folder for maps.jsonl, maps.safetensors and manifest.json.
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
}

/// Arguments of `attn maps sheets`.
#[derive(Debug, Args)]
pub struct SheetsArgs {
    /// Folder that `attn maps sample` wrote.
    #[arg(long, default_value = MAPS, value_name = "DIR")]
    pub maps: PathBuf,
    /// Seed of the order; give each labelling pass its own.
    #[arg(long)]
    pub seed: u64,
    /// Leave out the maps that this table labels.
    #[arg(long, value_name = "FILE")]
    pub skip: Option<PathBuf>,
    /// Draw only the maps whose ids this file lists, one a line.
    #[arg(long, value_name = "FILE")]
    pub only: Option<PathBuf>,
    /// Maps on a page.
    #[arg(long, default_value_t = 12, value_name = "N")]
    pub per_sheet: usize,
    /// Folder for sheet-NN.png and labels.csv, an empty table to fill in.
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
}

/// Arguments of `attn annotate`.
#[derive(Debug, Args)]
pub struct AnnotateArgs {
    /// Folder that `attn maps sample` wrote.
    #[arg(long, default_value = MAPS, value_name = "DIR")]
    pub maps: PathBuf,
    /// Seed of the order; give each labelling pass its own.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// The page to write: one HTML file that needs nothing else.
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
}

/// Subcommands of `attn patterns`.
#[derive(Debug, Subcommand)]
pub enum PatternsCommand {
    /// Compare two labelling passes and write the labels they end in.
    Agree(AgreeArgs),
    /// Train the network on all labelled maps.
    Train(PatternTrainArgs),
    /// Cross-validate the network and a plain baseline, and test across models.
    Evaluate(PatternEvaluateArgs),
    /// Shares of the classes for each task (Figure 2) and each head's most frequent class.
    Shares(SharesArgs),
    /// Draw typical maps of each class (Figure 1) from the labelled ones.
    Examples(ExamplesArgs),
    /// Draw all heads' maps of one example of each task (Appendix A).
    Grid(GridArgs),
}

/// Arguments of `attn patterns agree`.
#[derive(Debug, Args)]
pub struct AgreeArgs {
    /// The first pass: CSV with the columns id and label.
    #[arg(long, value_name = "FILE")]
    pub first: PathBuf,
    /// The second pass.
    #[arg(long, value_name = "FILE")]
    pub second: PathBuf,
    /// The third look at maps on which they differ.
    #[arg(long, value_name = "FILE")]
    pub third: Option<PathBuf>,
    /// The maps; every one needs a label in both passes.
    #[arg(long, default_value = MAPS, value_name = "DIR")]
    pub maps: PathBuf,
    /// Seed of the bootstrap.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Where agreement.md goes, and labels.csv once nothing is open; differing.txt lists the maps
    /// that need a third look.
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
}

/// Labelled maps and how to train on them.
#[derive(Debug, Clone, Args)]
pub struct LabelledArgs {
    /// Folder with the maps.
    #[arg(long, default_value = MAPS, value_name = "DIR")]
    pub maps: PathBuf,
    /// Their labels [default: labels.csv in that folder].
    #[arg(long, value_name = "FILE")]
    pub labels: Option<PathBuf>,
    /// Passes over the maps.
    #[arg(long, value_name = "N")]
    pub epochs: Option<usize>,
    /// Greatest learning rate.
    #[arg(long, value_name = "RATE")]
    pub learning_rate: Option<f64>,
    /// Seed of folds, weights, order, variants and bootstrap.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// What computes: flex (CPU), wgpu or cuda, as far as compiled in.
    #[arg(long, default_value_t = Backend::Flex)]
    pub backend: Backend,
    /// Which device of the backend, from 0.
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub device: usize,
}

/// Arguments of `attn patterns train`.
#[derive(Debug, Args)]
pub struct PatternTrainArgs {
    #[command(flatten)]
    pub labelled: LabelledArgs,
    /// The file to write.
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
}

/// Arguments of `attn patterns evaluate`.
#[derive(Debug, Args)]
pub struct PatternEvaluateArgs {
    #[command(flatten)]
    pub labelled: LabelledArgs,
    /// Folds of the cross-validation.
    #[arg(long, default_value_t = 5, value_name = "N")]
    pub folds: usize,
    /// Folder for records, tables and predictions.
    #[arg(long, default_value = "results/patterns", value_name = "DIR")]
    pub out: PathBuf,
}

/// The trained network.
#[derive(Debug, Clone, Args)]
pub struct NetworkArgs {
    /// The network's weights [default: the ones built in].
    #[arg(long, value_name = "FILE")]
    pub network: Option<PathBuf>,
}

/// Arguments of `attn patterns shares`.
#[derive(Debug, Args)]
pub struct SharesArgs {
    #[command(flatten)]
    pub model: ModelArgs,
    #[command(flatten)]
    pub data: DataArgs,
    #[command(flatten)]
    pub network: NetworkArgs,
    /// Tasks, separated by commas [default: the paper's seven, as far as --data has them].
    #[arg(long, value_delimiter = ',', value_name = "TASK,…")]
    pub tasks: Vec<Task>,
    /// Folder with fine-tuned states, <task>-pretrained-s<seed>/, or with one folder of them for
    /// each model; each task is then also measured on the model that was tuned on it.
    #[arg(long, value_name = "DIR")]
    pub checkpoints: Option<PathBuf>,
    /// What `attn patterns evaluate` found about the network's errors, to correct shares
    /// [default: what it found about the built-in one].
    #[arg(long, value_name = "FILE")]
    pub errors: Option<PathBuf>,
    /// Folder for records, tables and figures [default: results/<model>-<data>/patterns].
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

/// Arguments of `attn patterns examples`.
#[derive(Debug, Args)]
pub struct ExamplesArgs {
    /// Folder with the maps and labels.csv.
    #[arg(long, default_value = MAPS, value_name = "DIR")]
    pub maps: PathBuf,
    /// What `attn patterns evaluate` found: the maps drawn are those it was surest of.
    #[arg(long, default_value = PREDICTIONS, value_name = "FILE")]
    pub errors: PathBuf,
    /// Maps of each class.
    #[arg(long, default_value_t = EACH, value_name = "N")]
    pub each: usize,
    /// Folder for the figure.
    #[arg(long, default_value = FIGURES, value_name = "DIR")]
    pub out: PathBuf,
}

impl Default for ExamplesArgs {
    fn default() -> Self {
        Self {
            maps: MAPS.into(),
            errors: PREDICTIONS.into(),
            each: EACH,
            out: FIGURES.into(),
        }
    }
}

/// Arguments of `attn patterns grid`.
#[derive(Debug, Args)]
pub struct GridArgs {
    #[command(flatten)]
    pub model: ModelArgs,
    #[command(flatten)]
    pub data: DataArgs,
    /// Tasks, separated by commas [default: the paper's seven, as far as --data has them].
    #[arg(long, value_delimiter = ',', value_name = "TASK,…")]
    pub tasks: Vec<Task>,
    /// Fine-tuned states, as for `attn patterns shares`; each task is then drawn with the model
    /// that was tuned on it.
    #[arg(long, value_name = "DIR")]
    pub checkpoints: Option<PathBuf>,
    /// Folder for one page a task.
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
}

/// Arguments of `attn classify`.
#[derive(Debug, Args)]
pub struct ClassifyArgs {
    #[command(flatten)]
    pub model: ModelArgs,
    #[command(flatten)]
    pub network: NetworkArgs,
    /// A file that `attn extract` wrote, in place of running a model.
    #[arg(
        long,
        value_name = "FILE",
        required_unless_present_any = ["task", "text_a"],
        conflicts_with_all = ["task", "text_a"]
    )]
    pub maps: Option<PathBuf>,
    /// A GLUE task to read from --data (with --text-a, your own file is the task).
    #[arg(long, conflicts_with = "text_a")]
    pub task: Option<Task>,
    #[command(flatten)]
    pub data: DataArgs,
    /// The CSV file to write: example, layer, head (both from 0), class, one probability a class.
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
}
