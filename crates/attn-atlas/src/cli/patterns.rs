//! Arguments of the commands about the five patterns (Section 4.1).

use super::CacheArgs;
use attn_bert::Backend;
use attn_core::Task;
use clap::{Args, Subcommand};
use std::path::PathBuf;

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
    pub models: Vec<String>,
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
    /// Number of maps.
    #[arg(long, default_value_t = 640)]
    pub n: usize,
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
    #[arg(long, default_value = "datasets/attention-maps", value_name = "DIR")]
    pub maps: PathBuf,
    /// Seed of the order; give each labelling pass its own.
    #[arg(long)]
    pub seed: u64,
    /// Maps on a page.
    #[arg(long, default_value_t = 12, value_name = "N")]
    pub per_sheet: usize,
    /// Folder for sheet-NN.png and labels.csv, an empty table to fill in.
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
}
