//! The GLUE metrics (Table 1) and two that need no threshold: the one place that defines them.
//!
//! A metric reads two slices, predictions and labels, one number an example; classes are compared as
//! numbers (`1.0` is class 1). `None` means that the metric is not defined there, and slices of
//! different lengths always give `None`. Values agree with scikit-learn's and scipy's to rounding, on
//! degenerate input too (`tests/metrics.rs`):
//!
//! | input | accuracy | F1 | Matthews | Pearson, Spearman | AUC |
//! | --- | --- | --- | --- | --- | --- |
//! | no example | `None` | `None` | `None` | `None` | `None` |
//! | one example | 0 or 1 | 0 or 1 | 0 | `None` (scipy refuses) | `None` |
//! | constant predictions | as ever | 0 when class 1 is neither predicted nor there | 0 | `None` (scipy: NaN) | 0.5 |
//! | one label only | as ever | as above | 0 | `None` (scipy: NaN) | `None` (scikit-learn: NaN) |
//! | ties | – | – | – | mean ranks | half a pair |
//! | a number that is NaN or infinite | counts as wrong | counts as not class 1 | a class of its own | `None` (scipy: NaN) | `None` |
//!
//! [`Score`] is the same for code that does arithmetic on many values (bootstrap samples, swaps): there
//! NaN stands for `None`.

use attn_core::Metric;

/// A number that says how good predictions are. NaN says that it is not defined there.
pub trait Score: Sync {
    /// The score; both slices have one number an example.
    fn score(&self, predictions: &[f64], labels: &[f64]) -> f64;

    /// What kind of function it is, where a permutation test has a fast or exact way for that kind.
    fn form(&self) -> Form {
        Form::Other
    }
}

/// Kinds of scores that [`crate::paired::permutation`] knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// One of GLUE's metrics.
    Metric(Metric),
    /// [`Auc`].
    Auc,
    /// [`Mean`].
    Mean,
    /// Anything else.
    Other,
}

impl<F: Fn(&[f64], &[f64]) -> f64 + Sync> Score for F {
    fn score(&self, predictions: &[f64], labels: &[f64]) -> f64 {
        self(predictions, labels)
    }
}

impl Score for Metric {
    fn score(&self, predictions: &[f64], labels: &[f64]) -> f64 {
        score(*self, predictions, labels).unwrap_or(f64::NAN)
    }

    fn form(&self) -> Form {
        Form::Metric(*self)
    }
}

/// [`auc`] as a [`Score`]; predictions are scores of class 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Auc;

impl Score for Auc {
    fn score(&self, predictions: &[f64], labels: &[f64]) -> f64 {
        auc(predictions, labels).unwrap_or(f64::NAN)
    }

    fn form(&self) -> Form {
        Form::Auc
    }
}

/// The mean of the predictions, whatever the labels: for losses by example.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mean;

impl Score for Mean {
    fn score(&self, predictions: &[f64], _: &[f64]) -> f64 {
        predictions.iter().sum::<f64>() / predictions.len() as f64
    }

    fn form(&self) -> Form {
        Form::Mean
    }
}

/// The metric by its name; `None` where it is not defined (see the [module](self)).
pub fn score(metric: Metric, predictions: &[f64], labels: &[f64]) -> Option<f64> {
    match metric {
        Metric::Accuracy => accuracy(predictions, labels),
        Metric::F1 => f1(predictions, labels),
        Metric::Matthews => matthews(predictions, labels),
        Metric::Pearson => pearson(predictions, labels),
        Metric::Spearman => spearman(predictions, labels),
        Metric::PearsonSpearman => {
            Some((pearson(predictions, labels)? + spearman(predictions, labels)?) / 2.0)
        }
    }
}

fn fit(predictions: &[f64], labels: &[f64]) -> bool {
    !labels.is_empty() && predictions.len() == labels.len()
}

/// The proportion of right predictions.
pub fn accuracy(predictions: &[f64], labels: &[f64]) -> Option<f64> {
    let pairs = predictions.iter().zip(labels);
    let right = pairs.filter(|(p, l)| p == l).count();
    fit(predictions, labels).then(|| right as f64 / labels.len() as f64)
}

/// F1 from counts: the right positives, those predicted and those there. `None` where there is
/// neither. Counts may be weighted.
pub fn f1_of_counts(right: f64, predicted: f64, there: f64) -> Option<f64> {
    let both = predicted + there;
    (both > 0.0).then(|| 2.0 * right / both)
}

/// F1 of class 1; 0 where class 1 is neither predicted nor there (scikit-learn's `zero_division`).
pub fn f1(predictions: &[f64], labels: &[f64]) -> Option<f64> {
    let (mut right, mut predicted, mut there) = (0.0, 0.0, 0.0);
    for (&p, &l) in predictions.iter().zip(labels) {
        right += f64::from(u8::from(p == 1.0 && l == 1.0));
        predicted += f64::from(u8::from(p == 1.0));
        there += f64::from(u8::from(l == 1.0));
    }
    fit(predictions, labels).then(|| f1_of_counts(right, predicted, there).unwrap_or(0.0))
}

/// Matthews correlation of any number of classes (Gorodkin, 2004); 0 when either side is constant.
pub fn matthews(predictions: &[f64], labels: &[f64]) -> Option<f64> {
    if !fit(predictions, labels) {
        return None;
    }
    // Classes by their bits (0 and -0 made one): few, so that a sorted list serves as a map.
    let bits = |value: f64| (value + 0.0).to_bits();
    let mut classes: Vec<u64> = predictions.iter().chain(labels).map(|&v| bits(v)).collect();
    classes.sort_unstable();
    classes.dedup();
    let (mut predicted, mut real) = (vec![0.0f64; classes.len()], vec![0.0f64; classes.len()]);
    let mut right = 0.0;
    for (&p, &l) in predictions.iter().zip(labels) {
        let at = |value: f64| classes.binary_search(&bits(value)).unwrap_or(0);
        predicted[at(p)] += 1.0;
        real[at(l)] += 1.0;
        right += f64::from(u8::from(p == l));
    }
    let n = labels.len() as f64;
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let covariance = right * n - dot(&predicted, &real);
    let spread = (n * n - dot(&predicted, &predicted)) * (n * n - dot(&real, &real));
    Some(if spread == 0.0 {
        0.0
    } else {
        covariance / spread.sqrt()
    })
}

/// Pearson's correlation; `None` for fewer than two pairs, a constant side, a number that is not
/// finite, or sides of different lengths.
pub fn pearson(a: &[f64], b: &[f64]) -> Option<f64> {
    if a.len() != b.len() {
        return None;
    }
    let (a, b) = (unit_deviations(a)?, unit_deviations(b)?);
    let r: f64 = a.iter().zip(&b).map(|(a, b)| a * b).sum();
    Some(r.clamp(-1.0, 1.0)) // rounding can step over the edge
}

/// Spearman's correlation: Pearson's of the ranks, ties sharing their mean rank. `None` as for
/// [`pearson`].
pub fn spearman(a: &[f64], b: &[f64]) -> Option<f64> {
    if a.iter().chain(b).any(|v| !v.is_finite()) {
        return None;
    }
    pearson(&ranks(a), &ranks(b))
}

/// Deviations from the mean, scaled to length 1; `None` when that is impossible.
pub(crate) fn unit_deviations(values: &[f64]) -> Option<Vec<f64>> {
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

/// Ranks from 1, equal values sharing the mean of their ranks (scipy's `rankdata`). NaN ranks last.
pub fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_unstable_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut ranks = vec![0.0; values.len()];
    let mut before = 0usize;
    // `==`, not the sort's order: -0.0 and 0.0 are neighbours in it, but equal.
    for tied in order.chunk_by(|&a, &b| values[a] == values[b]) {
        // The mean of the ranks `before + 1` to `before + tied.len()`.
        let rank = before as f64 + (tied.len() as f64 + 1.0) / 2.0;
        for &index in tied {
            ranks[index] = rank;
        }
        before += tied.len();
    }
    ranks
}

/// The area under the ROC curve: the probability that a random example of class 1 has a higher score
/// than a random one of another class, ties counting half. `None` when either kind is missing or a
/// score is not finite.
pub fn auc(scores: &[f64], labels: &[f64]) -> Option<f64> {
    if !fit(scores, labels) || scores.iter().any(|v| !v.is_finite()) {
        return None;
    }
    let ranks = ranks(scores);
    let positives = labels.iter().filter(|&&l| l == 1.0).count() as f64;
    let negatives = labels.len() as f64 - positives;
    let of_positives = ranks.iter().zip(labels).filter(|(_, l)| **l == 1.0);
    let sum: f64 = of_positives.map(|(r, _)| r).sum();
    (positives > 0.0 && negatives > 0.0)
        .then(|| (sum - positives * (positives + 1.0) / 2.0) / (positives * negatives))
}

/// Minus the log of the probability that a softmax of `logits` gives `label`: the log loss of one
/// example. NaN when there is no such class.
pub fn cross_entropy(logits: &[f64], label: f64) -> f64 {
    let largest = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let sum: f64 = logits.iter().map(|v| (v - largest).exp()).sum();
    let right = (label >= 0.0).then(|| logits.get(label as usize)).flatten();
    right.map_or(f64::NAN, |right| sum.ln() + largest - right)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_cases_by_hand() {
        let (p, l) = ([1.0, 1.0, 0.0, 0.0, 1.0], [1.0, 0.0, 0.0, 1.0, 1.0]);
        assert_eq!(accuracy(&p, &l), Some(0.6));
        assert!((f1(&p, &l).unwrap() - 2.0 / 3.0).abs() < 1e-12);
        assert!((matthews(&p, &l).unwrap() - 1.0 / 6.0).abs() < 1e-12);
        assert_eq!(f1(&[0.0, 0.0], &[0.0, 0.0]), Some(0.0));
        let monotone = spearman(&[1.0, 2.0, 3.0], &[1.0, 4.0, 9.0]).unwrap();
        assert!((monotone - 1.0).abs() < 1e-12);
        // Of the six pairs of a 1 and another, five are in order and one is tied.
        assert_eq!(
            auc(&[3.0, 2.0, 1.0, 2.0, 0.5], &[1.0, 1.0, 0.0, 0.0, 0.0]),
            Some(5.5 / 6.0)
        );
        let own = |p: &[f64], _: &[f64]| p[0];
        assert_eq!((own.score(&[4.0], &[0.0]), own.form()), (4.0, Form::Other));
        let half = cross_entropy(&[0.0, 0.0], 1.0);
        assert!((half - 2.0f64.ln()).abs() < 1e-15);
        assert!(cross_entropy(&[0.0, 0.0], 2.0).is_nan() && cross_entropy(&[0.0], -1.0).is_nan());
    }

    /// The mean of equal numbers differs from them by rounding for most lengths; that must not make
    /// a correlation.
    #[test]
    fn constant_predictions_have_no_correlation_at_any_length() {
        for n in 1..=200usize {
            let constant = vec![0.1; n];
            let labels: Vec<f64> = (0..n).map(|i| (i as f64 * 0.7).sin()).collect();
            for metric in [Metric::Pearson, Metric::Spearman, Metric::PearsonSpearman] {
                assert_eq!(score(metric, &constant, &labels), None, "{metric}, n = {n}");
                assert_eq!(score(metric, &labels, &constant), None, "{metric}, n = {n}");
                assert!(metric.score(&constant, &labels).is_nan());
            }
        }
        // One that differs of 200 is enough (scipy.stats.pearsonr says so, too).
        let mut nearly = vec![0.1; 200];
        nearly[17] = 0.2;
        let labels: Vec<f64> = (0..200).map(f64::from).collect();
        let expected = -0.101_296_272_958_745_6;
        assert!((pearson(&nearly, &labels).unwrap() - expected).abs() < 1e-6);
    }

    #[test]
    fn ranks_share_and_zeros_are_equal() {
        assert_eq!(ranks(&[3.0, 1.0, 3.0, 2.0]), [3.5, 1.0, 3.5, 2.0]);
        assert_eq!(ranks(&[0.0, -0.0, f64::NAN, -1.0]), [2.5, 2.5, 4.0, 1.0]);
        assert!(ranks(&[]).is_empty());
        assert_eq!(matthews(&[0.0, -0.0, 1.0], &[-0.0, 0.0, 1.0]), Some(1.0));
    }

    #[test]
    fn lengths_that_differ_have_no_metric() {
        for metric in [
            Metric::Accuracy,
            Metric::F1,
            Metric::Matthews,
            Metric::Pearson,
            Metric::Spearman,
            Metric::PearsonSpearman,
        ] {
            assert_eq!(score(metric, &[1.0, 0.0, 2.0], &[1.0, 0.0]), None);
            assert_eq!(score(metric, &[], &[]), None);
        }
        assert_eq!(auc(&[1.0], &[]), None);
        assert_eq!(auc(&[1.0, 2.0], &[1.0, 1.0]), None);
        assert_eq!(auc(&[1.0, f64::NAN], &[1.0, 0.0]), None);
        assert_eq!(auc(&[7.0; 4], &[1.0, 0.0, 0.0, 1.0]), Some(0.5));
    }
}
