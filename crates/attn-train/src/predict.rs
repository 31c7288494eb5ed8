//! Logits of a whole set, and its scores.

use crate::metrics::{MetricEstimate, Pair, bootstrap_metric, score};
use crate::plan::micro_batches;
use crate::{TrainError, TrainingSet};
use attn_bert::{ForwardError, SequenceClassifier, TokenBatch, TokenIds, to_host};
use attn_core::{Intervention, Metric};
use burn::module::Module;
use serde::{Deserialize, Serialize};
use std::ops::ControlFlow;

/// Examples that are sorted by length together.
const WINDOW: usize = 1024;

/// The outputs of a model for a set of examples, in the set's order.
#[derive(Debug, Clone, PartialEq)]
pub struct Logits {
    /// Outputs of an example.
    pub labels: usize,
    /// `[examples, labels]`, row-major.
    pub values: Vec<f32>,
}

impl Logits {
    /// The outputs of each example.
    pub fn rows(&self) -> impl Iterator<Item = &[f32]> {
        self.values.chunks_exact(self.labels.max(1))
    }

    /// What each example's outputs mean: the index of the largest (the first of equals), or the
    /// score itself where there is only one.
    pub fn predictions(&self) -> Vec<f64> {
        self.rows()
            .map(|row| {
                if let [score] = row {
                    f64::from(*score)
                } else {
                    largest(row) as f64
                }
            })
            .collect()
    }
}

fn largest(row: &[f32]) -> usize {
    let mut best = 0;
    for (index, value) in row.iter().enumerate() {
        if *value > row[best] {
            best = index;
        }
    }
    best
}

/// A score of a set.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// Which.
    pub metric: Metric,
    /// Its value; absent where it is not defined (see [`metrics`](crate::metrics)).
    pub value: Option<f64>,
}

/// How a model does on a labelled set.
#[derive(Debug, Clone, PartialEq)]
pub struct Evaluation {
    /// Outputs by example.
    pub logits: Logits,
    /// Predictions beside labels, by example.
    pub pairs: Vec<Pair>,
    /// The scores asked for, in that order.
    pub scores: Vec<Score>,
}

impl Evaluation {
    /// The score with its bootstrap interval; see [`bootstrap_metric`].
    pub fn bootstrap(&self, metric: Metric, seed: u64, replicates: usize) -> MetricEstimate {
        bootstrap_metric(&self.pairs, metric, seed, replicates)
    }
}

/// Runs a model over examples without dropout and without a tape. Examples of similar length share
/// a forward pass of at most `micro_tokens` word pieces; results come back in the order given.
/// `progress` is told after every pass how many are done of how many, and can end the work there.
///
/// # Errors
/// [`TrainError`] when an example does not fit the model or the device fails, and
/// [`TrainError::Cancelled`] when `progress` breaks off. No examples are no error: the result is empty.
pub fn predict(
    model: &SequenceClassifier,
    examples: &[TokenIds<'_>],
    micro_tokens: usize,
    progress: &mut dyn FnMut(usize, usize) -> ControlFlow<()>,
) -> Result<Logits, TrainError> {
    let model = model.valid();
    let labels = model.labels();
    let mut values = vec![0.0f32; examples.len() * labels];
    for (window, examples_here) in examples.chunks(WINDOW).enumerate() {
        let start = window * WINDOW;
        let lengths: Vec<usize> = examples_here.iter().map(|e| e.ids.len()).collect();
        let mut done = start;
        for part in micro_batches(&lengths, micro_tokens) {
            done += part.len();
            let tokens: Vec<TokenIds<'_>> = part.iter().map(|&i| examples_here[i]).collect();
            let batch = TokenBatch::new(&tokens).map_err(ForwardError::from)?;
            let rows = to_host(model.logits(&batch, &Intervention::none(), None)?)?;
            for (row, index) in rows.chunks_exact(labels).zip(part) {
                let at = (start + index) * labels;
                values[at..at + labels].copy_from_slice(row);
            }
            let total = examples.len();
            if progress(done, total).is_break() {
                return Err(TrainError::Cancelled { done, total });
            }
        }
    }
    Ok(Logits { labels, values })
}

/// Runs a model over a labelled set and scores it.
///
/// # Errors
/// [`TrainError`] for an empty set, labels or ids that do not fit the model, a failing device, or a
/// `progress` that breaks off.
pub fn evaluate(
    model: &SequenceClassifier,
    set: &TrainingSet,
    metrics: &[Metric],
    micro_tokens: usize,
    progress: &mut dyn FnMut(usize, usize) -> ControlFlow<()>,
) -> Result<Evaluation, TrainError> {
    set.check("evaluation", model)?;
    let logits = predict(model, &set.tokens(), micro_tokens, progress)?;
    let pairs: Vec<Pair> = logits
        .predictions()
        .into_iter()
        .zip(&set.examples)
        .map(|(prediction, example)| Pair::new(prediction, f64::from(example.label.value())))
        .collect();
    let scores = metrics
        .iter()
        .map(|&metric| Score {
            metric,
            value: score(metric, &pairs),
        })
        .collect();
    Ok(Evaluation {
        logits,
        pairs,
        scores,
    })
}
