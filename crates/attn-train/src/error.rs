//! What can go wrong in training.

use attn_bert::{CheckpointError, ForwardError, ReadError};
use std::path::PathBuf;

/// Training, prediction or the state on disk failed.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// Nothing to learn from or to score.
    #[error("the {what} set is empty: give at least one labelled example")]
    Empty {
        /// Which set: `training` or `evaluation`.
        what: &'static str,
    },
    /// A class that the model has no output for.
    #[error(
        "example {index} of the {what} set has label {label}, but the model has {labels} outputs \
         (labels count from 0): load the model with as many labels as the task has"
    )]
    Label {
        /// Which set.
        what: &'static str,
        /// The example, from 0.
        index: usize,
        /// Its label.
        label: usize,
        /// The model's outputs.
        labels: usize,
    },
    /// A score where a class is expected, or the other way round.
    #[error(
        "example {index} of the {what} set has {found}, but a model with {labels} output(s) learns \
         {expected}: does the data belong to this task?"
    )]
    LabelKind {
        /// Which set.
        what: &'static str,
        /// The example, from 0.
        index: usize,
        /// What it has.
        found: String,
        /// What fits the model.
        expected: &'static str,
        /// The model's outputs.
        labels: usize,
    },
    /// An example that the model cannot read.
    #[error("example {index} of the {what} set: {source}")]
    Example {
        /// Which set.
        what: &'static str,
        /// The example, from 0.
        index: usize,
        /// What is wrong with it.
        source: ForwardError,
    },
    /// A recipe that cannot be followed.
    #[error("the recipe's {field} is {found}: expected {expected}")]
    Recipe {
        /// The field.
        field: &'static str,
        /// Its value.
        found: String,
        /// What would do.
        expected: &'static str,
    },
    /// The loss or the gradient is NaN or infinite.
    #[error(
        "the {what} is {value} at step {step} of {total} (learning rate {learning_rate:.1e}): training has \
         diverged. Try a lower learning rate, a longer warm-up, a smaller clipping norm or another seed; \
         {advice}"
    )]
    NotFinite {
        /// `loss` or `gradient norm`.
        what: &'static str,
        /// The number.
        value: f64,
        /// The step, from 1.
        step: usize,
        /// All steps.
        total: usize,
        /// The learning rate of the step.
        learning_rate: f64,
        /// What else to look at.
        advice: &'static str,
    },
    /// The forward pass refused a batch.
    #[error(transparent)]
    Forward(#[from] ForwardError),
    /// The device failed.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// Loading or initialising the model failed.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// A file could not be written or read.
    #[error(transparent)]
    Io(#[from] attn_core::io::IoError),
    /// The saved state cannot be gone on from.
    #[error("{path}: cannot go on from this training state: {reason}")]
    Resume {
        /// The state's file.
        path: PathBuf,
        /// Why, and what to do.
        reason: String,
    },
    /// The progress callback asked for an end of a prediction.
    #[error("stopped after {done} of {total} examples")]
    Cancelled {
        /// Examples done.
        done: usize,
        /// All examples.
        total: usize,
    },
    /// The observer asked for an end.
    #[error("training was stopped after step {step} of {total}{}", match state {
        Some(path) => format!("; its state is in {}: the same command goes on from there", path.display()),
        None => "; no state was kept".to_owned(),
    })]
    Stopped {
        /// Steps done.
        step: usize,
        /// All steps.
        total: usize,
        /// Where the state was written, when a place for it was given.
        state: Option<PathBuf>,
    },
}
