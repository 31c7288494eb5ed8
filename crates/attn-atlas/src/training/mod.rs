//! Fine-tuning and scoring on labelled data: what `attn finetune`, `attn evaluate` and `attn table1`
//! share.

mod course;
mod job;
mod score;

pub use job::{Job, heard, is_whole};
pub use score::{REPLICATES, Scored, score_table, scored_records, supported, write_scored};

use crate::inputs::InputSet;
use crate::labels::labelled;
use attn_train::{TrainExample, TrainingSet};

/// The examples of a labelled set as training wants them.
///
/// # Errors
/// The first example without a label.
pub fn training_set(set: &InputSet) -> anyhow::Result<TrainingSet> {
    labelled(set)?;
    let examples = set.examples.iter().filter_map(|prepared| {
        Some(TrainExample {
            ids: prepared.encoding.ids(),
            types: prepared.encoding.segments(),
            label: prepared.example.label?,
        })
    });
    Ok(TrainingSet::new(examples.collect()))
}
