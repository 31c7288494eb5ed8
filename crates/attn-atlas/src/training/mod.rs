//! Fine-tuning and scoring on labelled data: what `attn finetune`, `attn evaluate` and `attn table1`
//! share.

mod course;
mod job;
mod score;

pub use job::{Job, is_whole};
pub use score::{REPLICATES, Scored, score_table, scored_records, write_scored};

use crate::inputs::InputSet;
use anyhow::Context;
use attn_train::{TrainExample, TrainingSet};

/// The examples of a labelled set as training wants them.
///
/// # Errors
/// The first example without a label.
pub fn training_set(set: &InputSet) -> anyhow::Result<TrainingSet> {
    let examples = set
        .examples
        .iter()
        .map(|prepared| {
            let label = prepared.example.label.with_context(|| {
                format!(
                    "{} {}: example {} has no label, so that nothing can be learnt from it or scored on it \
                     (a file of your own: name the column with --label)",
                    set.name, set.split, prepared.example.id
                )
            })?;
            Ok(TrainExample {
                ids: prepared.encoding.ids(),
                types: prepared.encoding.segments(),
                label,
            })
        })
        .collect::<anyhow::Result<_>>()?;
    Ok(TrainingSet::new(examples))
}
