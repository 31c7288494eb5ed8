//! Gradient importance of heads (Michel et al., 2019, "Are Sixteen Heads Really Better than One?",
//! Section 4.1).
//!
//! Each head's context is multiplied by a gate `ξ`, which is 1. A head's importance is the mean
//! over examples of `|∂ loss / ∂ ξ|`: how fast the loss changes when the head is faded out. One
//! forward and one backward pass give it for all heads, where ablation needs a pass for each; it
//! speaks of a small change of a head, though, and ablation of its whole absence.
//!
//! Every example has gates of its own in a batch, so that one backward pass of the summed loss
//! gives each example's gradient.

use crate::SweepError;
use crate::bucket::{batch, by_length, check};
use attn_bert::{ForwardError, SequenceClassifier, TokenBatch, TokenIds, to_finite};
use attn_core::{HeadGrid, HeadId, Label};
use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData, activation};
use serde::{Deserialize, Serialize};

/// Importance that cannot be computed.
#[derive(Debug, thiserror::Error)]
pub enum ImportanceError {
    /// Running the model failed.
    #[error(transparent)]
    Sweep(#[from] SweepError),
    /// Examples and labels differ in number.
    #[error("there are {examples} examples but {labels} labels")]
    Labels {
        /// Examples.
        examples: usize,
        /// Labels.
        labels: usize,
    },
    /// A label that the classifier does not have.
    #[error("example {index} has the label {label:?}, but the model has {outputs} outputs")]
    Label {
        /// Which example, from 0.
        index: usize,
        /// Its label.
        label: Label,
        /// Outputs of the model; 1 is a regression, which takes scores.
        outputs: usize,
    },
    /// The gates are not of the model's size.
    #[error("gates for {found:?} layers and heads, the model has {expected:?}")]
    Gates {
        /// Layers and heads of the gates.
        found: (usize, usize),
        /// Layers and heads of the model.
        expected: (usize, usize),
    },
    /// Nothing to average over.
    #[error("there is no example to average over")]
    NoExamples,
    /// A gradient is missing: the device does not differentiate.
    #[error("the device gave no gradient for layer {0}")]
    NoGradient(usize),
}

/// Importance of every head.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Importance {
    /// Mean over examples of `|∂ loss / ∂ ξ|`.
    pub raw: HeadGrid<f64>,
    /// Standard error of that mean: the examples' standard deviation over the root of their number;
    /// NaN for a single example.
    pub error: HeadGrid<f64>,
    /// `raw` divided by its layer's Euclidean norm, as the paper does before it ranks heads.
    pub normalised: HeadGrid<f64>,
    /// Examples.
    pub n: usize,
}

/// Computes the importance of every head over labelled examples. The loss is the cross-entropy, or
/// for a model with one output the squared error. `batch_tokens` bounds the tokens of a backward
/// pass and thereby memory; it changes nothing else.
///
/// # Errors
/// [`ImportanceError`] when labels are missing or do not fit the model, or an example cannot be run.
pub fn importance(
    model: &SequenceClassifier,
    examples: &[TokenIds<'_>],
    labels: &[Label],
    batch_tokens: usize,
) -> Result<Importance, ImportanceError> {
    let model = model.valid();
    check_labels(&model, examples, labels)?;
    let (layers, heads) = (model.bert.layers(), model.bert.heads());
    let device = model.bert.device().autodiff();
    let mut sums = HeadGrid::from_fn(layers, heads, |_| 0.0f64);
    let mut squares = sums.clone();
    for (chosen, batch) in batches(examples, batch_tokens)? {
        let gates: Vec<Tensor<4>> = (0..layers)
            .map(|_| Tensor::ones([batch.size(), heads, 1, 1], &device).require_grad())
            .collect();
        let chosen: Vec<Label> = chosen.iter().map(|&i| labels[i]).collect();
        let gradients = gated(&model, &batch, &chosen, &gates)?.sum().backward();
        for (layer, gate) in gates.iter().enumerate() {
            let gradient = gate
                .grad(&gradients)
                .ok_or(ImportanceError::NoGradient(layer))?;
            let values = to_finite(gradient, "gradient").map_err(SweepError::from)?;
            for (i, value) in values.iter().enumerate() {
                let (at, value) = (layer * heads + i % heads, f64::from(value.abs()));
                sums.values_mut()[at] += value;
                squares.values_mut()[at] += value * value;
            }
        }
    }
    let n = examples.len() as f64;
    let raw = sums.map(|sum| sum / n);
    let error = HeadGrid::from_fn(layers, heads, |id| {
        let at = |grid: &HeadGrid<f64>| grid.get(id).copied().unwrap_or(f64::NAN);
        let variance = (at(&squares) - n * at(&raw).powi(2)).max(0.0) / (n - 1.0);
        (variance / n).sqrt()
    });
    Ok(Importance {
        normalised: normalised(&raw),
        raw,
        error,
        n: examples.len(),
    })
}

/// Each value divided by its layer's Euclidean norm.
fn normalised(raw: &HeadGrid<f64>) -> HeadGrid<f64> {
    let norms: Vec<f64> = raw
        .values()
        .chunks(raw.heads().max(1))
        .map(|row| row.iter().map(|v| v * v).sum::<f64>().sqrt())
        .collect();
    HeadGrid::from_fn(raw.layers(), raw.heads(), |id| {
        let (value, norm) = (raw.get(id).copied().unwrap_or(0.0), norms[id.layer]);
        // A layer whose heads do nothing at all has no direction to normalise.
        if norm > 0.0 { value / norm } else { 0.0 }
    })
}

impl Importance {
    /// The importance over two sets of examples together, from that over each. `None` when they
    /// are of different models.
    pub fn joined(&self, other: &Self) -> Option<Self> {
        let shape = |i: &Self| (i.raw.layers(), i.raw.heads());
        if shape(self) != shape(other) {
            return None;
        }
        let (a, b) = (self.n as f64, other.n as f64);
        let n = a + b;
        let pair = |f: fn(&Self) -> &HeadGrid<f64>, id: HeadId| {
            let at = |i: &Self| f(i).get(id).copied().unwrap_or(f64::NAN);
            (at(self), at(other))
        };
        let (layers, heads) = shape(self);
        let raw = HeadGrid::from_fn(layers, heads, |id| {
            let (x, y) = pair(|i| &i.raw, id);
            (a * x + b * y) / n
        });
        let error = HeadGrid::from_fn(layers, heads, |id| {
            let ((x, y), (ex, ey)) = (pair(|i| &i.raw, id), pair(|i| &i.error, id));
            // Sums of squared deviations, each set's own and that between their means.
            let within = ex * ex * a * (a - 1.0) + ey * ey * b * (b - 1.0);
            let between = a * b / n * (x - y).powi(2);
            ((within + between) / (n - 1.0) / n).sqrt()
        });
        Some(Self {
            normalised: normalised(&raw),
            raw,
            error,
            n: self.n + other.n,
        })
    }
}

/// Each example's loss with every head's context multiplied by its gate, in the order given. All
/// gates 1: the model's own loss; a gate of 0: the head disabled in mode `zero`.
///
/// # Errors
/// As [`importance`], and when the gates do not fit the model.
pub fn losses(
    model: &SequenceClassifier,
    examples: &[TokenIds<'_>],
    labels: &[Label],
    gates: &HeadGrid<f32>,
    batch_tokens: usize,
) -> Result<Vec<f32>, ImportanceError> {
    let model = model.valid();
    check_labels(&model, examples, labels)?;
    let expected = (model.bert.layers(), model.bert.heads());
    let found = (gates.layers(), gates.heads());
    if expected != found {
        return Err(ImportanceError::Gates { found, expected });
    }
    let device = model.bert.device();
    let gates: Vec<Tensor<4>> = gates
        .values()
        .chunks(found.1.max(1))
        .map(|row| Tensor::from_data(TensorData::new(row.to_vec(), [1, found.1, 1, 1]), &device))
        .collect();
    let mut out = vec![0.0; examples.len()];
    for (chosen, batch) in batches(examples, batch_tokens)? {
        let own: Vec<Label> = chosen.iter().map(|&i| labels[i]).collect();
        let losses = gated(&model, &batch, &own, &gates)?;
        let values = to_finite(losses, "loss").map_err(SweepError::from)?;
        for (&index, value) in chosen.iter().zip(values) {
            out[index] = value;
        }
    }
    Ok(out)
}

fn check_labels(
    model: &SequenceClassifier,
    examples: &[TokenIds<'_>],
    labels: &[Label],
) -> Result<(), ImportanceError> {
    if examples.is_empty() {
        return Err(ImportanceError::NoExamples);
    }
    if examples.len() != labels.len() {
        return Err(ImportanceError::Labels {
            examples: examples.len(),
            labels: labels.len(),
        });
    }
    let outputs = model.labels();
    for (index, &label) in labels.iter().enumerate() {
        let fits = match label {
            Label::Class(class) => outputs > 1 && class < outputs,
            Label::Score(score) => outputs == 1 && score.is_finite(),
        };
        if !fits {
            return Err(ImportanceError::Label {
                index,
                label,
                outputs,
            });
        }
    }
    Ok(())
}

fn batches(
    examples: &[TokenIds<'_>],
    tokens: usize,
) -> Result<Vec<(Vec<usize>, TokenBatch)>, SweepError> {
    check(examples)?;
    let lengths: Vec<usize> = examples.iter().map(|e| e.ids.len()).collect();
    let groups = by_length(&lengths, tokens, 0.2).into_iter();
    groups
        .map(|chosen| batch(examples, &chosen).map(|b| (chosen, b)))
        .collect()
}

/// Losses `[batch]` with gates `[batch or 1, heads, 1, 1]`, one a layer. The model's parameters
/// are constants here: only gates can have gradients.
fn gated(
    model: &SequenceClassifier,
    batch: &TokenBatch,
    labels: &[Label],
    gates: &[Tensor<4>],
) -> Result<Tensor<1>, ImportanceError> {
    let device = model.bert.device();
    let mut x = model.bert.embed(batch).map_err(SweepError::from)?;
    let bias = batch.has_padding().then(|| batch.score_bias(&device));
    let [size, width, hidden] = x.dims();
    for (layer, gate) in model.bert.encoder.layer.iter().zip(gates) {
        let attention = &layer.attention.self_attention;
        let weights = attention.weights(x.clone(), bias.clone());
        let contexts = weights.matmul(attention.split(attention.value.forward(x.clone())));
        let contexts = (contexts * gate.clone())
            .swap_dims(1, 2)
            .reshape([size, width, hidden]);
        x = layer.feed_forward(layer.attention.output.forward(contexts, x));
    }
    let pooler = model
        .bert
        .pooler
        .as_ref()
        .ok_or(ForwardError::NoPooler)
        .map_err(SweepError::from)?;
    let logits = model.classifier.forward(pooler.forward(x));
    Ok(loss(logits, labels, &device))
}

/// Cross-entropy, or squared error for one output: `[batch]`.
fn loss(logits: Tensor<2>, labels: &[Label], device: &Device) -> Tensor<1> {
    let [size, outputs] = logits.dims();
    if outputs == 1 {
        let targets: Vec<f32> = labels.iter().map(|l| l.value()).collect();
        let targets = Tensor::<1>::from_data(TensorData::new(targets, [size]), device);
        let difference = logits.reshape([size]) - targets;
        return difference.clone() * difference;
    }
    let mut hot = vec![0.0f32; size * outputs];
    for (row, label) in hot.chunks_exact_mut(outputs).zip(labels) {
        if let Some(slot) = label.class().and_then(|class| row.get_mut(class)) {
            *slot = 1.0;
        }
    }
    let hot = Tensor::<2>::from_data(TensorData::new(hot, [size, outputs]), device);
    (activation::log_softmax(logits, 1) * hot)
        .sum_dim(1)
        .neg()
        .reshape([size])
}
