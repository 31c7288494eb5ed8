//! Where training starts from (Section 4.3), and the configuration a tuned model is saved with.

use crate::state;
use attn_bert::checkpoint::{Fresh, initialise};
use attn_bert::{BertConfig, Checkpoint, CheckpointError, LoadReport, SequenceClassifier};
use attn_core::TaskKind;
use burn::tensor::Device;
use serde::{Deserialize, Serialize};

/// The weights before the first step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Init {
    /// The checkpoint's; a pooler or classifier that it lacks is drawn from the seed.
    #[default]
    Pretrained,
    /// The paper's random baseline: every matrix and table from N(0, `initializer_range`) (0.02 for
    /// BERT), LayerNorm 1 and 0, biases 0. Only the checkpoint's configuration is used.
    Normal,
}

impl std::fmt::Display for Init {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Init::Pretrained => "pretrained",
            Init::Normal => "normal",
        })
    }
}

impl std::str::FromStr for Init {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "pretrained" => Ok(Init::Pretrained),
            "normal" => Ok(Init::Normal),
            other => Err(format!(
                "unknown initialisation '{other}': expected 'pretrained' or 'normal'"
            )),
        }
    }
}

/// The classifier before the first step, where training starts from pre-trained weights.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Head {
    /// The checkpoint's own, where it has as many outputs as the task has; else a fresh one.
    #[default]
    Own,
    /// The checkpoint's own with its outputs in this order: it knows the task's classes in another.
    Ordered(Vec<usize>),
    /// A fresh one: the checkpoint's, if it has one, is for other classes.
    Fresh,
}

/// As [`prepare`], with a choice of the classifier. [`Init::Normal`] draws all afresh whatever it is.
///
/// # Errors
/// [`CheckpointError`] as [`Checkpoint::load_classifier`]; an order that does not fit the classifier.
pub fn prepare_head(
    checkpoint: &Checkpoint,
    labels: usize,
    init: Init,
    head: &Head,
    seed: u64,
    device: &Device,
) -> Result<(SequenceClassifier, LoadReport), CheckpointError> {
    match (init, head) {
        (Init::Normal, _) | (_, Head::Own) => prepare(checkpoint, labels, init, seed, device),
        (Init::Pretrained, Head::Ordered(order)) => {
            checkpoint.load_classifier_ordered(order, seed, device)
        }
        (Init::Pretrained, Head::Fresh) => checkpoint.load_classifier_fresh(labels, seed, device),
    }
}

/// The model that training starts from, with `labels` outputs, everything random drawn from `seed`.
/// Evaluated as it is, with [`Init::Pretrained`], it is Table 1's un-tuned column. A classifier of the
/// checkpoint with another number of labels is left, and a fresh one drawn, as the report says.
///
/// # Errors
/// [`CheckpointError`] as [`Checkpoint::load_classifier`].
pub fn prepare(
    checkpoint: &Checkpoint,
    labels: usize,
    init: Init,
    seed: u64,
    device: &Device,
) -> Result<(SequenceClassifier, LoadReport), CheckpointError> {
    match init {
        Init::Pretrained => match checkpoint.classifier_labels() {
            Some(found) if found != labels => {
                checkpoint.load_classifier_fresh(labels, seed, device)
            }
            _ => checkpoint.load_classifier(labels, seed, device),
        },
        Init::Normal => {
            let config = checkpoint.config();
            let fresh = Fresh {
                deviation: config.initializer_range,
                seed,
            };
            let model = initialise(SequenceClassifier::new(config, labels, device), fresh);
            let fresh = state::names(&model);
            Ok((
                model,
                LoadReport {
                    fresh,
                    ..LoadReport::default()
                },
            ))
        }
    }
}

/// The configuration to save a tuned model with, so that transformers loads it as a classifier or
/// regressor of this task. `names` are the classes' names in order; none for a regression.
pub fn tuned_config(config: &BertConfig, kind: TaskKind, names: &[&str]) -> BertConfig {
    let regression = matches!(kind, TaskKind::Regression);
    let outputs = kind.outputs();
    let name = |i: usize| {
        names
            .get(i)
            .map_or_else(|| format!("LABEL_{i}"), |name| (*name).to_owned())
    };
    BertConfig {
        num_labels: Some(outputs),
        id2label: Some((0..outputs).map(|i| (i.to_string(), name(i))).collect()),
        // The base model's, if it had any, would contradict these names.
        label2id: None,
        architectures: Some(vec!["BertForSequenceClassification".to_owned()]),
        problem_type: Some(
            if regression {
                "regression"
            } else {
                "single_label_classification"
            }
            .to_owned(),
        ),
        ..config.clone()
    }
}
