//! Arguments of the commands that train and score.

use super::{ModelArgs, SourceArgs};
use attn_core::{Split, Task};
use attn_train::{Init, Recipe};
use clap::Args;
use std::path::PathBuf;

/// How to train. The defaults are the paper's (Section 3 and its code).
#[derive(Debug, Clone, Args)]
pub struct RecipeArgs {
    /// Passes over the training data.
    #[arg(long, default_value_t = 3, value_name = "N")]
    pub epochs: usize,
    /// Examples per step.
    #[arg(long, default_value_t = 32, value_name = "N")]
    pub batch: usize,
    /// Highest learning rate, reached after the warm-up.
    #[arg(long, default_value_t = 5e-5, value_name = "RATE")]
    pub learning_rate: f64,
    /// Share of the steps over which the learning rate rises; over the others it falls to 0.
    #[arg(long, default_value_t = 0.1, value_name = "SHARE")]
    pub warmup: f64,
    /// Decoupled weight decay of matrices (biases and LayerNorm have none).
    #[arg(long, default_value_t = 0.01, value_name = "DECAY")]
    pub weight_decay: f64,
    /// Train as the original BERT code: Adam without bias correction, epsilon 1e-6.
    #[arg(long)]
    pub bert_adam: bool,
    /// Largest norm of the gradient; longer ones are scaled down.
    #[arg(long, default_value_t = 1.0, value_name = "NORM")]
    pub clip: f64,
    /// Dropout in place of the checkpoint's own (0.1 for BERT).
    #[arg(long, value_name = "P")]
    pub dropout: Option<f64>,
    /// Word pieces that are computed at once; less saves memory, a step stays the same.
    #[arg(long, default_value_t = 4096, value_name = "N")]
    pub micro_tokens: usize,
}

impl RecipeArgs {
    /// The recipe with one seed.
    pub fn recipe(&self, seed: u64) -> Recipe {
        let recipe = Recipe {
            batch: self.batch,
            epochs: self.epochs,
            learning_rate: self.learning_rate,
            warmup: self.warmup,
            weight_decay: self.weight_decay,
            clip: self.clip,
            micro_tokens: self.micro_tokens,
            seed,
            ..Recipe::default()
        };
        if self.bert_adam {
            recipe.bert_adam()
        } else {
            recipe
        }
    }
}

/// How much data a training sees.
#[derive(Debug, Clone, Args)]
pub struct AmountArgs {
    /// At most so many training examples, drawn at random [default: all].
    #[arg(long, value_name = "N")]
    pub max_train: Option<usize>,
    /// At most so many evaluation examples, drawn at random [default: all].
    #[arg(long, value_name = "N")]
    pub max_eval: Option<usize>,
    /// Seed of those samples and of the bootstrap; the same for all trainings.
    #[arg(long, default_value_t = 42, value_name = "SEED")]
    pub sample_seed: u64,
}

/// Arguments of `attn finetune`.
#[derive(Debug, Clone, Args)]
pub struct FinetuneArgs {
    #[command(flatten)]
    pub model: ModelArgs,
    #[command(flatten)]
    pub source: SourceArgs,
    /// The GLUE task (with --text-a, your own file is the task).
    #[arg(long, required_unless_present = "text_a", conflicts_with = "text_a")]
    pub task: Option<Task>,
    #[command(flatten)]
    pub amount: AmountArgs,
    /// Weights before the first step: pretrained, or normal (the paper's random baseline).
    #[arg(long, default_value_t = Init::Pretrained, value_name = "pretrained|normal")]
    pub init: Init,
    #[command(flatten)]
    pub recipe: RecipeArgs,
    /// Seed of the classifier's weights, the order of examples and dropout.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// So many trainings with consecutive seeds, each in its own folder OUT/seed-N, and their mean,
    /// standard deviation and interval.
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub seeds: u64,
    /// Steps between two states on disk, from which a killed training goes on; more where the disk is slow.
    #[arg(long, default_value_t = 100, value_name = "N")]
    pub state_every: usize,
    /// Folder for the checkpoint (Hugging Face's layout), loss curve, scores and manifest.
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
}

/// Arguments of `attn evaluate`.
#[derive(Debug, Clone, Args)]
pub struct EvaluateArgs {
    #[command(flatten)]
    pub model: ModelArgs,
    #[command(flatten)]
    pub source: SourceArgs,
    /// The GLUE task (with --text-a, your own file is the task).
    #[arg(long, required_unless_present = "text_a", conflicts_with = "text_a")]
    pub task: Option<Task>,
    /// Part of the data: train or dev.
    #[arg(long, default_value_t = Split::Dev)]
    pub split: Split,
    #[command(flatten)]
    pub amount: AmountArgs,
    /// Names of the model's classes in the order of its outputs, in place of its configuration's.
    #[arg(long, value_delimiter = ',', value_name = "NAME,…")]
    pub labels: Vec<String>,
    /// Give a model without a classifier a random one with this seed (Table 1's first column).
    #[arg(long, value_name = "SEED")]
    pub fresh_classifier: Option<u64>,
    /// Folder for predictions.parquet, records and manifest.
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
}

/// Arguments of `attn table1`.
#[derive(Debug, Clone, Args)]
pub struct Table1Args {
    #[command(flatten)]
    pub model: ModelArgs,
    #[command(flatten)]
    pub source: SourceArgs,
    /// Tasks, separated by commas [default: the paper's seven, as far as --data has them].
    #[arg(long, value_delimiter = ',', value_name = "TASK,…")]
    pub tasks: Vec<Task>,
    #[command(flatten)]
    pub amount: AmountArgs,
    /// --max-train for tasks with more than 6000 training rows in GLUE.
    #[arg(long, value_name = "N")]
    pub max_train_large: Option<usize>,
    #[command(flatten)]
    pub recipe: RecipeArgs,
    /// Trainings of each task and initialisation, with seeds 1, 2, ….
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub seeds: u64,
    /// Trainings of tasks with more than 6000 training rows in GLUE [default: as --seeds].
    #[arg(long, value_name = "N")]
    pub seeds_large: Option<u64>,
    /// Initialisations, separated by commas [default: pretrained,normal].
    #[arg(long, value_delimiter = ',', default_values_t = [Init::Pretrained, Init::Normal], hide_default_value = true, value_name = "INIT,…")]
    pub inits: Vec<Init>,
    /// Only what is trained already: make the table from it and leave the rest out.
    #[arg(long)]
    pub no_train: bool,
    /// Folder for checkpoints [default: checkpoints/<model>-<data> in the cache folder].
    #[arg(long, value_name = "DIR")]
    pub checkpoints: Option<PathBuf>,
    /// Folder for records, tables and figures [default: results/<model>-<data>/table-1].
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}
