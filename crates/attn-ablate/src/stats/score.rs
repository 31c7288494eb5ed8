//! Scores of predictions against labels.

use attn_core::Metric;

/// A score of predictions against labels, higher is better. Classes are given by their index.
/// NaN says that the score is not defined there.
pub trait Score: Sync {
    /// The score; both slices have one number an example.
    fn score(&self, predictions: &[f64], labels: &[f64]) -> f64;

    /// The weights of Pearson's and Spearman's correlation, where the score is a weighted sum of the
    /// two: lets the permutation test do without sorting for every swap.
    fn correlations(&self) -> Option<(f64, f64)> {
        None
    }
}

impl<F: Fn(&[f64], &[f64]) -> f64 + Sync> Score for F {
    fn score(&self, predictions: &[f64], labels: &[f64]) -> f64 {
        self(predictions, labels)
    }
}

impl Score for Metric {
    fn score(&self, predictions: &[f64], labels: &[f64]) -> f64 {
        match self {
            Metric::Accuracy => accuracy(predictions, labels),
            Metric::F1 => f1(predictions, labels),
            Metric::Matthews => matthews(predictions, labels),
            Metric::Pearson => pearson(predictions, labels),
            Metric::Spearman => spearman(predictions, labels),
            Metric::PearsonSpearman => {
                (pearson(predictions, labels) + spearman(predictions, labels)) / 2.0
            }
        }
    }

    fn correlations(&self) -> Option<(f64, f64)> {
        match self {
            Metric::Spearman => Some((0.0, 1.0)),
            Metric::PearsonSpearman => Some((0.5, 0.5)),
            _ => None,
        }
    }
}

fn accuracy(predictions: &[f64], labels: &[f64]) -> f64 {
    let right = predictions
        .iter()
        .zip(labels)
        .filter(|(p, l)| p == l)
        .count();
    right as f64 / labels.len() as f64
}

/// True positives, false positives, false negatives, true negatives of class 1.
fn confusion(predictions: &[f64], labels: &[f64]) -> [f64; 4] {
    let mut counts = [0.0; 4];
    for (&p, &l) in predictions.iter().zip(labels) {
        counts[match (p == 1.0, l == 1.0) {
            (true, true) => 0,
            (true, false) => 1,
            (false, true) => 2,
            (false, false) => 3,
        }] += 1.0;
    }
    counts
}

/// F1 of class 1; 0 where there is neither a positive prediction nor a positive label, as in
/// scikit-learn.
fn f1(predictions: &[f64], labels: &[f64]) -> f64 {
    let [tp, fp, fn_, _] = confusion(predictions, labels);
    if tp == 0.0 {
        0.0
    } else {
        2.0 * tp / (2.0 * tp + fp + fn_)
    }
}

/// Matthews correlation of two classes; 0 where a class never occurs, as in scikit-learn.
fn matthews(predictions: &[f64], labels: &[f64]) -> f64 {
    let [tp, fp, fn_, tn] = confusion(predictions, labels);
    let norm = ((tp + fp) * (tp + fn_) * (tn + fp) * (tn + fn_)).sqrt();
    if norm == 0.0 {
        0.0
    } else {
        (tp * tn - fp * fn_) / norm
    }
}

/// Pearson correlation; NaN for fewer than two values or a constant side.
pub fn pearson(a: &[f64], b: &[f64]) -> f64 {
    let n = a.len().min(b.len()) as f64;
    let mean = |v: &[f64]| v.iter().sum::<f64>() / n;
    let (mean_a, mean_b) = (mean(a), mean(b));
    let (mut ab, mut aa, mut bb) = (0.0, 0.0, 0.0);
    for (x, y) in a.iter().zip(b) {
        let (x, y) = (x - mean_a, y - mean_b);
        ab += x * y;
        aa += x * x;
        bb += y * y;
    }
    if aa > 0.0 && bb > 0.0 {
        (ab / (aa * bb).sqrt()).clamp(-1.0, 1.0)
    } else {
        f64::NAN
    }
}

/// Ranks from 1; equal values share the mean of their ranks.
pub fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_unstable_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut out = vec![0.0; values.len()];
    let mut start = 0;
    for tied in order.chunk_by(|&a, &b| values[a] == values[b]) {
        let rank = start as f64 + (tied.len() as f64 + 1.0) / 2.0;
        tied.iter().for_each(|&i| out[i] = rank);
        start += tied.len();
    }
    out
}

/// Spearman correlation: Pearson's of the ranks.
pub fn spearman(a: &[f64], b: &[f64]) -> f64 {
    pearson(&ranks(a), &ranks(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_cases_by_hand() {
        let (p, l) = ([1.0, 1.0, 0.0, 0.0, 1.0], [1.0, 0.0, 0.0, 1.0, 1.0]);
        assert_eq!(Metric::Accuracy.score(&p, &l), 0.6);
        assert!((Metric::F1.score(&p, &l) - 2.0 / 3.0).abs() < 1e-12);
        assert!((Metric::Matthews.score(&p, &l) - 1.0 / 6.0).abs() < 1e-12);
        assert_eq!(Metric::F1.score(&[0.0, 0.0], &[0.0, 0.0]), 0.0);
        assert_eq!(ranks(&[3.0, 1.0, 3.0, 2.0]), [3.5, 1.0, 3.5, 2.0]);
        assert_eq!(spearman(&[1.0, 2.0, 3.0], &[1.0, 4.0, 9.0]), 1.0);
        assert!(pearson(&[1.0, 1.0], &[1.0, 2.0]).is_nan());
        let own = |p: &[f64], _: &[f64]| p[0];
        assert_eq!(own.score(&[4.0], &[0.0]), 4.0);
    }
}
