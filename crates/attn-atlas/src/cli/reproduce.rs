//! Arguments of `attn reproduce`.

use super::{ModelArgs, RecipeArgs, SourceArgs};
use attn_core::{Reading, Task};
use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// Parts of the paper.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Artefact {
    /// Table 1: fine-tuning from pre-trained and random weights (trains what the others need).
    Table1,
    /// Figure 3 and Section 4.2: FrameNet.
    Framenet,
    /// Figures 5, 6 and 7, Sections 4.3 to 4.5 and 5: what heads attend to.
    Stats,
    /// Figures 1 and 2, Section 4.1 and Appendix A: kinds of map.
    Patterns,
    /// Figures 8 and 9, Section 4.6: heads and layers disabled.
    Ablation,
    /// Figure 6 without fine-tuning: attention to [SEP] and [CLS]. Not among the default.
    SepCls,
    /// All results as one page, report.html, and REPORT.md.
    Report,
}

impl Artefact {
    /// What is made when nothing is named, in order.
    pub const DEFAULT: [Artefact; 6] = [
        Artefact::Table1,
        Artefact::Framenet,
        Artefact::Stats,
        Artefact::Patterns,
        Artefact::Ablation,
        Artefact::Report,
    ];

    /// The name on the command line, which is also the folder's.
    pub fn name(self) -> &'static str {
        match self {
            Artefact::Table1 => "table1",
            Artefact::Framenet => "framenet",
            Artefact::Stats => "stats",
            Artefact::Patterns => "patterns",
            Artefact::Ablation => "ablation",
            Artefact::SepCls => "sep-cls",
            Artefact::Report => "report",
        }
    }
}

/// Arguments of `attn reproduce`.
#[derive(Debug, Args)]
pub struct ReproduceArgs {
    /// Defaults for the options below: starter, glue, paper (see profiles/), or a file like them.
    /// What is given on the command line counts more.
    #[arg(long, default_value = "starter", value_name = "NAME|FILE")]
    pub profile: String,
    /// Only these, separated by commas [default: all but sep-cls].
    #[arg(long, value_delimiter = ',', value_name = "ARTEFACT,…")]
    pub only: Vec<Artefact>,
    /// Print what would be done and about how long it takes, and stop.
    #[arg(long)]
    pub dry_run: bool,
    #[command(flatten)]
    pub model: ModelArgs,
    #[command(flatten)]
    pub source: SourceArgs,
    /// FrameNet 1.7: a folder, or NLTK's framenet_v17.zip; without it Figure 3 is left out.
    #[arg(long, value_name = "PATH")]
    pub framenet: Option<PathBuf>,
    /// Tasks, separated by commas [default: the paper's seven, as far as --data has them].
    #[arg(long, value_delimiter = ',', value_name = "TASK,…")]
    pub tasks: Vec<Task>,
    /// At most so many training examples of each task, drawn at random [default: all].
    #[arg(long, value_name = "N")]
    pub max_train: Option<usize>,
    /// The same for tasks with more than 6000 training rows in GLUE.
    #[arg(long, value_name = "N")]
    pub max_train_large: Option<usize>,
    /// At most so many examples of each task are scored for Table 1 [default: all].
    #[arg(long, value_name = "N")]
    pub max_scored: Option<usize>,
    /// At most so many examples of each task in maps and ablations (the paper's limit).
    #[arg(long, default_value_t = 1000, value_name = "N")]
    pub max_eval: usize,
    /// Points of the curves that disable more and more heads, 0 for none: they take two to four times
    /// as long as the sweep of single heads and layers.
    #[arg(long, default_value_t = 12, value_name = "N")]
    pub curve_points: usize,
    /// Seed of samples and bootstraps.
    #[arg(long, default_value_t = 42)]
    pub seed: u64,
    /// Trainings of each task and initialisation, with seeds 1, 2, ….
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub seeds: u64,
    /// Trainings of tasks with more than 6000 training rows in GLUE [default: as --seeds].
    #[arg(long, value_name = "N")]
    pub seeds_large: Option<u64>,
    /// The paper's words or the authors' code.
    #[arg(long, default_value_t = Reading::Paper)]
    pub reading: Reading,
    #[command(flatten)]
    pub recipe: RecipeArgs,
    /// Folder for checkpoints [default: checkpoints/<model>-<data> in the cache folder].
    #[arg(long, value_name = "DIR")]
    pub checkpoints: Option<PathBuf>,
    /// Folder for the results, one subfolder each [default: results/<model>-<data>].
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}
