//! Fine-tuning of [`attn_bert::SequenceClassifier`] (Section 3 and Table 1 of the paper), and the
//! GLUE scores with their uncertainty.
//!
//! Three layers, each usable without those above it:
//!
//! - [`metrics`]: scores over plain numbers, bootstrap intervals, spread over seeds. No Burn.
//! - [`Trainer`]: one optimisation step after another: length-bucketed batches ([`Plan`]), gradients
//!   summed over parts that fit the memory, clipping by the global norm, AdamW with or without bias
//!   correction, a linear warm-up and decay ([`Recipe`]); its state goes to disk and back.
//! - [`finetune`]: a whole training with evaluation, progress and resumption; [`evaluate`] and
//!   [`predict`] for a model at rest.
//!
//! Data comes as word-piece ids with labels ([`TrainingSet`]); the crate knows no files of data and
//! no tokenizer. The same model, data and recipe give the same weights, bit for bit, whatever the
//! number of threads and however often the training was interrupted.
//!
//! ```no_run
//! use attn_bert::{Backend, Checkpoint};
//! use attn_core::{Label, Task};
//! use attn_train::{Init, Options, Recipe, TrainExample, TrainingSet, finetune, prepare, tuned_config};
//!
//! let device = Backend::Flex.device(0)?;
//! let checkpoint = Checkpoint::open("path/to/all-MiniLM-L6-v2")?;
//! let task = Task::Rte;
//! let recipe = Recipe { seed: 1, ..Recipe::default() };
//! let (model, _) = prepare(&checkpoint, task.kind().outputs(), Init::Pretrained, recipe.seed, &device)?;
//! let example = TrainExample { ids: vec![101, 7592, 102], types: vec![0; 3], label: Label::Class(1) };
//! let train = TrainingSet::new(vec![example]);
//! let options = Options {
//!     metrics: task.metrics().to_vec(),
//!     state: Some("state.safetensors".into()),
//!     state_every: 100,
//! };
//! let outcome = finetune(model, &train, Some(&train), &recipe, &options, &mut ())?;
//! let config = tuned_config(checkpoint.config(), task.kind(), task.label_names());
//! attn_bert::checkpoint::save("tuned".as_ref(), &outcome.model, &config, Some(checkpoint.folder()))?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod adamw;
mod error;
mod finetune;
mod gradient;
mod init;
mod loss;
pub mod metrics;
mod plan;
mod predict;
mod recipe;
mod set;
mod state;
mod trainer;

pub use error::TrainError;
pub use finetune::{EpochRecord, History, Observer, Options, Outcome, Progress, finetune};
pub use init::{Head, Init, prepare, prepare_head, tuned_config};
pub use plan::Plan;
pub use predict::{Evaluation, Logits, Score, evaluate, predict};
pub use recipe::Recipe;
pub use set::{TrainExample, TrainingSet};
pub use trainer::{StepRecord, Trainer};
