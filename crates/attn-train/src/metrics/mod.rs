//! The GLUE scores (Table 1), over plain numbers.
//!
//! Every score reads a slice of [`Pair`]s, so that predictions and labels cannot differ in number.
//! Classes are compared as numbers: `1.0` is class 1. Values agree with scikit-learn's and scipy's
//! to rounding, on degenerate input too:
//!
//! | input | accuracy | F1 | Matthews | Pearson, Spearman |
//! | --- | --- | --- | --- | --- |
//! | no pair | `None` | `None` | `None` | `None` |
//! | one pair | 0 or 1 | 0 or 1 | 0 | `None` (scipy refuses) |
//! | constant predictions or labels | as ever | 0 when class 1 is neither predicted nor there | 0 | `None` (scipy: NaN) |
//! | a number that is NaN or infinite | counts as wrong | counts as not class 1 | a class of its own | `None` (scipy: NaN) |
//!
//! `None` means that the score is not defined; records leave it out and tables print a dash, so
//! that no NaN spreads through means.

mod bootstrap;
mod rank;

pub use bootstrap::{MetricEstimate, Spread, bootstrap_mean_metric, bootstrap_metric, over_seeds};
pub use rank::average_ranks;

use attn_core::Metric;
use serde::{Deserialize, Serialize};

/// What was predicted for one example, and what is right: class indices or scores.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Pair {
    /// The prediction.
    pub prediction: f64,
    /// The gold label.
    pub label: f64,
}

impl Pair {
    /// A pair of `prediction` and `label`.
    pub fn new(prediction: f64, label: f64) -> Self {
        Self { prediction, label }
    }
}

/// The score named by `metric`; `None` where it is not defined (see the [module](self)).
pub fn score(metric: Metric, pairs: &[Pair]) -> Option<f64> {
    match metric {
        Metric::Accuracy => accuracy(pairs),
        Metric::F1 => f1(pairs),
        Metric::Matthews => matthews(pairs),
        Metric::Pearson => pearson(pairs),
        Metric::Spearman => spearman(pairs),
        Metric::PearsonSpearman => Some((pearson(pairs)? + spearman(pairs)?) / 2.0),
    }
}

/// Share of right predictions.
pub fn accuracy(pairs: &[Pair]) -> Option<f64> {
    let right = pairs.iter().filter(|p| p.prediction == p.label).count();
    (!pairs.is_empty()).then(|| right as f64 / pairs.len() as f64)
}

/// F1 of class 1: twice the true positives over the predicted and the real positives; 0 when there
/// are neither (scikit-learn's `zero_division`).
pub fn f1(pairs: &[Pair]) -> Option<f64> {
    let count = |test: fn(&Pair) -> bool| pairs.iter().filter(|p| test(p)).count() as f64;
    let hits = count(|p| p.prediction == 1.0 && p.label == 1.0);
    let positives = count(|p| p.prediction == 1.0) + count(|p| p.label == 1.0);
    (!pairs.is_empty()).then(|| {
        if positives == 0.0 {
            0.0
        } else {
            2.0 * hits / positives
        }
    })
}

/// Matthews correlation of any number of classes (Gorodkin, 2004); 0 when either side is constant.
pub fn matthews(pairs: &[Pair]) -> Option<f64> {
    if pairs.is_empty() {
        return None;
    }
    // Classes by their bits: few, so that a sorted list serves as a map.
    let mut classes: Vec<u64> = pairs
        .iter()
        .flat_map(|p| [p.prediction.to_bits(), p.label.to_bits()])
        .collect();
    classes.sort_unstable();
    classes.dedup();
    let (mut predicted, mut real) = (vec![0.0f64; classes.len()], vec![0.0f64; classes.len()]);
    let mut right = 0.0;
    for pair in pairs {
        let at = |value: f64| classes.binary_search(&value.to_bits()).unwrap_or(0);
        predicted[at(pair.prediction)] += 1.0;
        real[at(pair.label)] += 1.0;
        right += f64::from(u8::from(pair.prediction == pair.label));
    }
    let n = pairs.len() as f64;
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let covariance = right * n - dot(&predicted, &real);
    let spread = (n * n - dot(&predicted, &predicted)) * (n * n - dot(&real, &real));
    Some(if spread == 0.0 {
        0.0
    } else {
        covariance / spread.sqrt()
    })
}

/// Pearson's correlation; `None` for fewer than two pairs, a constant side or a number that is not
/// finite.
pub fn pearson(pairs: &[Pair]) -> Option<f64> {
    let predictions: Vec<f64> = pairs.iter().map(|p| p.prediction).collect();
    let labels: Vec<f64> = pairs.iter().map(|p| p.label).collect();
    correlation(&predictions, &labels)
}

/// Spearman's correlation: Pearson's of the ranks, ties sharing their mean rank. `None` as for
/// [`pearson`].
pub fn spearman(pairs: &[Pair]) -> Option<f64> {
    if pairs
        .iter()
        .any(|p| !p.prediction.is_finite() || !p.label.is_finite())
    {
        return None;
    }
    let predictions: Vec<f64> = pairs.iter().map(|p| p.prediction).collect();
    let labels: Vec<f64> = pairs.iter().map(|p| p.label).collect();
    correlation(&average_ranks(&predictions), &average_ranks(&labels))
}

fn correlation(a: &[f64], b: &[f64]) -> Option<f64> {
    let (centred_a, centred_b) = (unit_deviations(a)?, unit_deviations(b)?);
    let r: f64 = centred_a.iter().zip(&centred_b).map(|(a, b)| a * b).sum();
    Some(r.clamp(-1.0, 1.0)) // rounding can step over the edge
}

/// Deviations from the mean, scaled to length 1; `None` when that is impossible.
fn unit_deviations(values: &[f64]) -> Option<Vec<f64>> {
    let first = *values.first()?;
    // Compared with the first value, as scipy does: the mean of equal numbers may differ from them
    // by rounding, and dividing such deviations by their length would make a number from noise.
    if values.iter().any(|v| !v.is_finite()) || values.iter().all(|&v| v == first) {
        return None;
    }
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    // The mean of numbers far from zero is off by rounding, which the mean deviation tells.
    let mean = mean + values.iter().map(|v| v - mean).sum::<f64>() / n;
    let deviations: Vec<f64> = values.iter().map(|v| v - mean).collect();
    // By the largest first, so that squares of tiny or huge numbers stay in range.
    let largest = deviations.iter().fold(0.0f64, |m, d| m.max(d.abs()));
    let scaled: Vec<f64> = deviations.iter().map(|d| d / largest).collect();
    let length = scaled.iter().map(|d| d * d).sum::<f64>().sqrt();
    (length.is_finite() && length > 0.0).then(|| scaled.iter().map(|d| d / length).collect())
}
