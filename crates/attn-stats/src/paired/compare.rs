//! All variants of a sweep against the baseline.

use super::{McNemar, Permutation, Swaps, benjamini_hochberg, holm, mcnemar, permutation};
use crate::bootstrap::{Resamples, interval};
use crate::metrics::Score;
use attn_core::Metric;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// Predictions that cannot be compared.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CompareError {
    /// A list has another length than the labels.
    #[error("{what} has {found} predictions, but there are {labels} labels")]
    Length {
        /// `the baseline` or `variant 3`.
        what: String,
        /// Predictions found.
        found: usize,
        /// Labels.
        labels: usize,
    },
    /// Nothing to compare on.
    #[error("there is no labelled example to compare on")]
    Empty,
}

/// Which paired test decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Test {
    /// [`mcnemar`]: for accuracy.
    McNemar,
    /// [`permutation`]: for every other score.
    Permutation,
}

impl Test {
    /// The test that suits a metric.
    pub fn of(metric: Metric) -> Self {
        match metric {
            Metric::Accuracy => Test::McNemar,
            _ => Test::Permutation,
        }
    }
}

/// How to compare.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// The test.
    pub test: Test,
    /// Bootstrap samples.
    pub replicates: usize,
    /// Random swaps of the permutation test.
    pub swaps: Swaps,
    /// Coverage of the intervals.
    pub level: f64,
    /// Seed of resamples and swaps.
    pub seed: u64,
}

impl Settings {
    /// 1000 resamples, the default number of swaps, 95 % intervals, and the test that suits `metric`.
    pub fn new(metric: Metric, seed: u64) -> Self {
        Self::with(Test::of(metric), seed)
    }

    /// The same with another test.
    pub fn with(test: Test, seed: u64) -> Self {
        Self {
            test,
            replicates: 1000,
            swaps: Swaps::default(),
            level: 0.95,
            seed,
        }
    }
}

/// One variant against the baseline.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// The variant's score.
    pub score: f64,
    /// Its bootstrap interval.
    pub interval: Option<(f64, f64)>,
    /// The variant's score minus the baseline's: above 0, disabling helps.
    pub difference: f64,
    /// The paired bootstrap interval of the difference.
    pub difference_interval: Option<(f64, f64)>,
    /// p-value of the paired test; NaN where the score is not defined.
    pub p: f64,
    /// The p-value corrected by Holm over all variants compared together.
    pub holm: f64,
    /// The p-value corrected by Benjamini and Hochberg.
    pub benjamini_hochberg: f64,
    /// What McNemar's test counted, when it was used.
    pub mcnemar: Option<McNemar>,
    /// What the permutation test did, when it was used.
    pub permutation: Option<Permutation>,
    /// The difference in each bootstrap sample; the same samples for all variants, so that means and
    /// largest differences over variants have intervals, too.
    #[serde(skip)]
    pub samples: Vec<f64>,
}

/// Compares each variant's predictions with the baseline's. The variants given together are one
/// family: leave the baseline out of them. Results do not depend on the number of threads, and a
/// variant's score, intervals and uncorrected p-value not on the other variants.
///
/// # Errors
/// [`CompareError`] when lengths differ or there is no example.
pub fn compare(
    baseline: &[f64],
    variants: &[Vec<f64>],
    labels: &[f64],
    score: &dyn Score,
    settings: &Settings,
) -> Result<Vec<Comparison>, CompareError> {
    if labels.is_empty() {
        return Err(CompareError::Empty);
    }
    let named = variants
        .iter()
        .enumerate()
        .map(|(i, v)| (format!("variant {i}"), v.as_slice()));
    for (what, predictions) in std::iter::once(("the baseline".to_owned(), baseline)).chain(named) {
        if predictions.len() != labels.len() {
            return Err(CompareError::Length {
                what,
                found: predictions.len(),
                labels: labels.len(),
            });
        }
    }
    let resamples = Resamples::new(labels.len(), settings.replicates, settings.seed);
    let own = score.score(baseline, labels);
    let own_samples = resamples.scores(baseline, labels, score);
    let mut rows: Vec<Comparison> = variants
        .par_iter()
        .map(|variant| {
            let value = score.score(variant, labels);
            let samples = resamples.scores(variant, labels, score);
            let differences: Vec<f64> = samples
                .iter()
                .zip(&own_samples)
                .map(|(v, b)| v - b)
                .collect();
            let (mcnemar, permutation) = match settings.test {
                Test::McNemar => (Some(mcnemar(baseline, variant, labels)), None),
                Test::Permutation => {
                    let (swaps, seed) = (settings.swaps, settings.seed);
                    (
                        None,
                        Some(permutation(baseline, variant, labels, score, swaps, seed)),
                    )
                }
            };
            Comparison {
                score: value,
                interval: interval(&samples, settings.level),
                difference: value - own,
                difference_interval: interval(&differences, settings.level),
                p: mcnemar
                    .map(|m| m.p)
                    .or(permutation.map(|p| p.p))
                    .unwrap_or(f64::NAN),
                holm: f64::NAN,
                benjamini_hochberg: f64::NAN,
                mcnemar,
                permutation,
                samples: differences,
            }
        })
        .collect();
    let p: Vec<f64> = rows.iter().map(|row| row.p).collect();
    let corrected = holm(&p).into_iter().zip(benjamini_hochberg(&p));
    for (row, (holm, benjamini_hochberg)) in rows.iter_mut().zip(corrected) {
        row.holm = holm;
        row.benjamini_hochberg = benjamini_hochberg;
    }
    Ok(rows)
}
