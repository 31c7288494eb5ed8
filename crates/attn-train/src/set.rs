//! What is learnt from: word-piece ids with a label.

use crate::TrainError;
use attn_bert::{BatchError, SequenceClassifier, TokenIds};
use attn_core::Label;
use sha2::{Digest, Sha256};

/// One labelled example, already cut into word pieces.
#[derive(Debug, Clone, PartialEq)]
pub struct TrainExample {
    /// Word-piece ids, special tokens included, truncated to the longest wanted input.
    pub ids: Vec<u32>,
    /// Segment of each piece; as long as `ids`.
    pub types: Vec<u32>,
    /// What is right.
    pub label: Label,
}

impl TrainExample {
    /// The ids without the label.
    pub fn tokens(&self) -> TokenIds<'_> {
        TokenIds {
            ids: &self.ids,
            types: &self.types,
        }
    }
}

/// Labelled examples in a fixed order: their indices are what batches are made of.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TrainingSet {
    /// The examples.
    pub examples: Vec<TrainExample>,
}

impl TrainingSet {
    /// Wraps examples.
    pub fn new(examples: Vec<TrainExample>) -> Self {
        Self { examples }
    }

    /// Number of examples.
    pub fn len(&self) -> usize {
        self.examples.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.examples.is_empty()
    }

    /// Number of word pieces of each example.
    pub fn lengths(&self) -> Vec<usize> {
        self.examples.iter().map(|e| e.ids.len()).collect()
    }

    /// The ids without labels, in order.
    pub fn tokens(&self) -> Vec<TokenIds<'_>> {
        self.examples.iter().map(TrainExample::tokens).collect()
    }

    /// Lower-case hex sha256 over all ids, segments and labels: tells whether a saved training
    /// state belongs to this set.
    pub fn fingerprint(&self) -> String {
        let mut hash = Sha256::new();
        for example in &self.examples {
            hash.update((example.ids.len() as u64).to_le_bytes());
            for &value in example.ids.iter().chain(&example.types) {
                hash.update(value.to_le_bytes());
            }
            match example.label {
                Label::Class(class) => {
                    hash.update([[0].as_slice(), &(class as u64).to_le_bytes()].concat())
                }
                Label::Score(score) => hash.update([[1].as_slice(), &score.to_le_bytes()].concat()),
            }
        }
        hash.finalize()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }

    /// Checks every example against a model before the first step, so that a bad row is named at
    /// once and not hours later. `what` names the set in messages.
    ///
    /// # Errors
    /// [`TrainError`] for an empty set, a label that does not fit the model's outputs, or ids that
    /// the model has no embeddings for.
    pub fn check(&self, what: &'static str, model: &SequenceClassifier) -> Result<(), TrainError> {
        if self.is_empty() {
            return Err(TrainError::Empty { what });
        }
        let labels = model.labels();
        let tables = Tables::of(model);
        for (index, example) in self.examples.iter().enumerate() {
            check_label(what, index, example.label, labels)?;
            if let Some(problem) = tables.problem(example.tokens()) {
                return Err(TrainError::Example {
                    what,
                    index,
                    source: problem.into(),
                });
            }
        }
        Ok(())
    }
}

/// Rows of a model's embedding tables.
struct Tables {
    words: usize,
    segments: usize,
    positions: usize,
}

impl Tables {
    fn of(model: &SequenceClassifier) -> Self {
        let embeddings = &model.bert.embeddings;
        Self {
            words: embeddings.word_embeddings.weight.lazy_shape()[0],
            segments: embeddings.token_type_embeddings.weight.lazy_shape()[0],
            positions: embeddings.position_embeddings.weight.lazy_shape()[0],
        }
    }

    /// What keeps the model from reading an example, if anything.
    fn problem(&self, TokenIds { ids, types }: TokenIds<'_>) -> Option<BatchError> {
        if ids.is_empty() {
            return Some(BatchError::Empty { index: 0 });
        }
        if ids.len() != types.len() {
            return Some(BatchError::Lengths {
                index: 0,
                ids: ids.len(),
                types: types.len(),
            });
        }
        if ids.len() > self.positions {
            return Some(BatchError::TooLong {
                found: ids.len(),
                limit: self.positions,
            });
        }
        let beyond = |table, ids: &[u32], rows: usize| {
            let id = ids.iter().copied().find(|&id| id as usize >= rows)?;
            Some(BatchError::Id { table, id, rows })
        };
        beyond("word piece", ids, self.words).or_else(|| beyond("segment", types, self.segments))
    }
}

fn check_label(
    what: &'static str,
    index: usize,
    label: Label,
    labels: usize,
) -> Result<(), TrainError> {
    let kind = |found, expected| {
        Err(TrainError::LabelKind {
            what,
            index,
            found,
            expected,
            labels,
        })
    };
    match label {
        Label::Class(class) if labels == 1 => {
            kind(format!("class {class}"), "a score (a real number)")
        }
        Label::Class(label) if label >= labels => Err(TrainError::Label {
            what,
            index,
            label,
            labels,
        }),
        Label::Class(_) => Ok(()),
        Label::Score(score) if labels > 1 => kind(format!("score {score}"), "a class"),
        Label::Score(score) if !score.is_finite() => {
            kind(format!("score {score}"), "a finite score")
        }
        Label::Score(_) => Ok(()),
    }
}
