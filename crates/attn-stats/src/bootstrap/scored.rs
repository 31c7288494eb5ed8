//! How sure a metric's value is: over the evaluation set and over seeds.

use super::{draw, interval};
use crate::metrics::score;
use attn_core::Metric;
use rayon::prelude::*;
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

/// [`score`] of pairs.
pub fn score_pairs(metric: Metric, pairs: &[Pair]) -> Option<f64> {
    let (predictions, labels): (Vec<f64>, Vec<f64>) =
        pairs.iter().map(|p| (p.prediction, p.label)).unzip();
    score(metric, &predictions, &labels)
}

/// A score with the interval that resampling its examples gives.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct MetricEstimate {
    /// The score.
    pub metric: Metric,
    /// Its value on all examples; absent where it is not defined.
    pub value: Option<f64>,
    /// The 2.5 % and 97.5 % quantiles over the replicates; absent for fewer than two examples or
    /// when no replicate has a value.
    pub interval: Option<(f64, f64)>,
    /// Examples.
    pub n: usize,
    /// Replicates on which the score is defined: fewer than asked for on small sets, where a
    /// replicate may hold one label only.
    pub replicates: usize,
}

/// The score with its 95 % percentile bootstrap interval: `replicates` times, as many examples are
/// drawn with replacement (1000 give an interval two stable digits).
///
/// Replicate `r` draws from stream `r` of `seed`: the result does not depend on threads, and two
/// models scored on the same examples with the same seed are resampled alike, so that differences
/// can be paired.
pub fn bootstrap_metric(
    pairs: &[Pair],
    metric: Metric,
    seed: u64,
    replicates: usize,
) -> MetricEstimate {
    bootstrap_mean_metric(&[pairs], metric, seed, replicates)
}

/// As [`bootstrap_metric`], of the mean score of several runs (of other seeds, say) on the same
/// examples: a replicate draws the same examples for every run, so that the interval is about the
/// examples, not about the runs. [`over_seeds`] says how the runs differ.
///
/// The value is absent, and so is the interval, without a run, when a run's score is not defined, or
/// when the runs differ in length: they are not on the same examples then.
pub fn bootstrap_mean_metric(
    runs: &[&[Pair]],
    metric: Metric,
    seed: u64,
    replicates: usize,
) -> MetricEstimate {
    let n = runs.first().map_or(0, |pairs| pairs.len());
    let same = runs.iter().all(|pairs| pairs.len() == n);
    let mean = |score: &dyn Fn(&[Pair]) -> Option<f64>| -> Option<f64> {
        let scores: Option<Vec<f64>> = runs.iter().map(|pairs| score(pairs)).collect();
        let scores = scores.filter(|scores| same && !scores.is_empty())?;
        Some(scores.iter().sum::<f64>() / scores.len() as f64)
    };
    let value = mean(&|pairs| score_pairs(metric, pairs));
    if n < 2 || !same {
        return MetricEstimate {
            metric,
            value,
            interval: None,
            n,
            replicates: 0,
        };
    }
    let values: Vec<f64> = (0..replicates as u64)
        .into_par_iter()
        .filter_map(|replicate| {
            let drawn: Vec<usize> = draw(n, seed, replicate).collect();
            mean(&|pairs| {
                let resampled: Vec<Pair> = drawn.iter().map(|&i| pairs[i]).collect();
                score_pairs(metric, &resampled)
            })
        })
        .collect();
    MetricEstimate {
        metric,
        value,
        interval: interval(&values, 0.95),
        n,
        replicates: values.len(),
    }
}

/// A score over runs that differ in their seed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// Mean over the runs.
    pub mean: f64,
    /// Standard deviation over the runs, dividing by one less than their number; absent for one.
    pub deviation: Option<f64>,
    /// Runs.
    pub n: usize,
}

/// Mean and standard deviation over seeds; `None` without a run.
pub fn over_seeds(values: &[f64]) -> Option<Spread> {
    let n = values.len();
    if n == 0 {
        return None;
    }
    let mean = values.iter().sum::<f64>() / n as f64;
    let squares: f64 = values.iter().map(|v| (v - mean).powi(2)).sum();
    let deviation = (n > 1).then(|| (squares / (n - 1) as f64).sqrt());
    Some(Spread { mean, deviation, n })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn coin(n: usize, wrong: usize) -> Vec<Pair> {
        (0..n)
            .map(|i| Pair::new(f64::from(u8::from(i >= wrong)), 1.0))
            .collect()
    }

    #[test]
    fn an_accuracys_interval_has_the_binomial_width() {
        let pairs = coin(400, 100);
        let estimate = bootstrap_metric(&pairs, Metric::Accuracy, 3, 2000);
        let (low, high) = estimate.interval.unwrap();
        let expected = 2.0 * 1.96 * (0.75f64 * 0.25 / 400.0).sqrt();
        assert_eq!(
            (estimate.value, estimate.n, estimate.replicates),
            (Some(0.75), 400, 2000)
        );
        assert!(
            ((high - low) / expected - 1.0).abs() < 0.1,
            "{low} {high} {expected}"
        );
        assert!(low < 0.75 && 0.75 < high);
        assert_eq!(
            estimate,
            bootstrap_metric(&pairs, Metric::Accuracy, 3, 2000)
        );
        assert_ne!(
            estimate,
            bootstrap_metric(&pairs, Metric::Accuracy, 4, 2000)
        );
    }

    #[test]
    fn runs_are_resampled_alike() {
        // Two runs that err on the same examples are no surer than one; one that errs where the
        // other is right makes the mean constant.
        let run = coin(40, 10);
        let one = bootstrap_metric(&run, Metric::Accuracy, 5, 500);
        let twice = bootstrap_mean_metric(&[&run, &run], Metric::Accuracy, 5, 500);
        assert_eq!((one.value, one.interval), (twice.value, twice.interval));
        let half = coin(40, 20);
        let other: Vec<Pair> = half
            .iter()
            .map(|p| Pair::new(1.0 - p.prediction, p.label))
            .collect();
        let mixed = bootstrap_mean_metric(&[&half, &other], Metric::Accuracy, 5, 500);
        assert_eq!((mixed.value, mixed.interval), (Some(0.5), Some((0.5, 0.5))));
        let unlike = bootstrap_mean_metric(&[&run, &run[1..]], Metric::Accuracy, 5, 500);
        assert_eq!((unlike.value, unlike.interval), (None, None));
        assert_eq!(bootstrap_mean_metric(&[], Metric::F1, 5, 9).value, None);
    }

    #[test]
    fn the_threads_do_not_matter() {
        let pairs: Vec<Pair> = (0..50)
            .map(|i| Pair::new(f64::from(i * 7 % 50), f64::from(i)))
            .collect();
        let run = |threads| {
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(threads)
                .build()
                .unwrap();
            pool.install(|| bootstrap_metric(&pairs, Metric::Spearman, 9, 200))
        };
        assert_eq!(run(1), run(3));
    }

    #[test]
    fn what_cannot_be_resampled_has_no_interval() {
        let one = bootstrap_metric(&coin(1, 0), Metric::Accuracy, 0, 100);
        assert_eq!(
            (one.value, one.interval, one.replicates),
            (Some(1.0), None, 0)
        );
        let constant = bootstrap_metric(&coin(9, 0), Metric::Pearson, 0, 100);
        assert_eq!(
            (constant.value, constant.interval, constant.replicates),
            (None, None, 0)
        );
        // Two pairs: about half of the replicates draw one of them twice and have no correlation.
        let two = [Pair::new(0.0, 0.0), Pair::new(1.0, 1.0)];
        let two = bootstrap_metric(&two, Metric::Pearson, 0, 400);
        assert!(two.replicates > 150 && two.replicates < 250, "{two:?}");
    }

    #[test]
    fn spreads() {
        assert_eq!(over_seeds(&[]), None);
        assert_eq!(
            over_seeds(&[0.5]),
            Some(Spread {
                mean: 0.5,
                deviation: None,
                n: 1
            })
        );
        // numpy.std([1, 2, 4], ddof=1)
        let spread = over_seeds(&[1.0, 2.0, 4.0]).unwrap();
        assert!((spread.deviation.unwrap() - 1.527_525_231_651_946_8).abs() < 1e-12);
    }
}
