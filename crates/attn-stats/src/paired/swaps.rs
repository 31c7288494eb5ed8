//! The difference of two models' scores when some of their predictions have changed places, fast.
//!
//! Swapping moves values between the two lists but makes no new ones. So what is needed of them is summed
//! up or sorted once, and each swap costs one pass without sorting, some thirty times as fast as scoring anew.

use crate::metrics::{Form, Score, ranks, unit_deviations};
use attn_core::Metric;

/// A difference as a function of which examples are swapped.
type Difference<'a> = Box<dyn FnMut(&[bool]) -> f64 + 'a>;

/// The variant's score less the baseline's as a function of which examples are swapped. Predictions are
/// standardised already.
pub(super) fn differences<'a>(
    score: &'a dyn Score,
    baseline: &'a [f64],
    variant: &'a [f64],
    labels: &'a [f64],
) -> Difference<'a> {
    let (a, b) = (baseline, variant);
    match score.form() {
        Form::Metric(Metric::Pearson) => {
            let values = SwappedValues::new(a, b, labels);
            Box::new(move |swapped| values.difference(swapped))
        }
        Form::Metric(Metric::Spearman) => {
            let ranked = SwappedRanks::new(a, b, labels);
            Box::new(move |swapped| ranked.difference(swapped))
        }
        Form::Metric(Metric::PearsonSpearman) => {
            let values = SwappedValues::new(a, b, labels);
            let ranked = SwappedRanks::new(a, b, labels);
            Box::new(move |swapped| 0.5 * (values.difference(swapped) + ranked.difference(swapped)))
        }
        // Of ranks: AUC's difference is that of the mean ranks of class 1 and the others, over n.
        Form::Auc => {
            let positives = labels.iter().filter(|&&l| l == 1.0).count() as f64;
            let negatives = labels.len() as f64 - positives;
            let n = labels.len() as f64;
            let weights = labels.iter().map(|&l| match l == 1.0 {
                true => 1.0 / (positives * n),
                false => -1.0 / (negatives * n),
            });
            linear(a, b, weights.collect())
        }
        Form::Mean => linear(a, b, vec![1.0 / labels.len() as f64; labels.len()]),
        _ => {
            let (mut x, mut y) = (a.to_vec(), b.to_vec());
            Box::new(move |swapped| {
                for (i, &swapped) in swapped.iter().enumerate() {
                    (x[i], y[i]) = if swapped { (b[i], a[i]) } else { (a[i], b[i]) };
                }
                score.score(&y, labels) - score.score(&x, labels)
            })
        }
    }
}

/// A weighted sum of the predictions: a swap changes the sign of an example's part.
fn linear<'a>(a: &[f64], b: &[f64], weights: Vec<f64>) -> Difference<'a> {
    let parts = a.iter().zip(b).zip(weights);
    let parts: Vec<f64> = parts.map(|((a, b), weight)| (b - a) * weight).collect();
    Box::new(move |swapped| {
        let signed = parts
            .iter()
            .zip(swapped)
            .map(|(d, &s)| if s { -d } else { *d });
        signed.sum()
    })
}

/// Pearson's correlations with the labels of both lists.
struct SwappedValues {
    /// For each example half the difference of the two predictions, this times the label's deviation, and
    /// this times the middle of the two: what a swap changes of the sum, the covariance and the squares.
    parts: Vec<[f64; 3]>,
    /// The same sums that no swap changes.
    fixed: [f64; 3],
}

impl SwappedValues {
    fn new(baseline: &[f64], variant: &[f64], labels: &[f64]) -> Self {
        let labels = unit_deviations(labels).unwrap_or_default();
        let (mut parts, mut fixed) = (Vec::new(), [0.0; 3]);
        for ((a, b), label) in baseline.iter().zip(variant).zip(&labels) {
            let (middle, half) = ((a + b) / 2.0, (a - b) / 2.0);
            parts.push([half, half * label, half * middle]);
            fixed[0] += middle;
            fixed[1] += middle * label;
            fixed[2] += middle * middle + half * half;
        }
        Self { parts, fixed }
    }

    fn difference(&self, swapped: &[bool]) -> f64 {
        let mut sums = [0.0f64; 3];
        for (part, &swapped) in self.parts.iter().zip(swapped) {
            let sign = if swapped { -1.0 } else { 1.0 };
            for (sum, part) in sums.iter_mut().zip(part) {
                *sum += sign * part;
            }
        }
        let n = self.parts.len() as f64;
        let correlation = |sign: f64| {
            let [sum, product, square] = self.fixed;
            let sum = sum + sign * sums[0];
            let variance = square + 2.0 * sign * sums[2] - sum * sum / n;
            if variance > 1e-14 {
                (product + sign * sums[1]) / variance.sqrt()
            } else {
                f64::NAN
            }
        };
        correlation(-1.0) - correlation(1.0)
    }
}

/// Spearman's correlations: all values are sorted once, together; for each swap one pass over that order
/// counts off the ranks in both lists.
struct SwappedRanks {
    /// Example and whether the value is the variant's, ascending by value; each tie is one group.
    groups: Vec<Vec<(usize, bool)>>,
    /// Ranks of the labels less their mean, and the root of the sum of their squares.
    labels: Vec<f64>,
    norm: f64,
}

impl SwappedRanks {
    fn new(baseline: &[f64], variant: &[f64], labels: &[f64]) -> Self {
        let of = |values: &[f64], variant| -> Vec<(f64, usize, bool)> {
            let rows = values.iter().enumerate();
            rows.map(|(i, &value)| (value, i, variant)).collect()
        };
        let mut all = of(baseline, false);
        all.extend(of(variant, true));
        all.sort_by(|a, b| a.0.total_cmp(&b.0));
        let groups = all
            .chunk_by(|a, b| a.0 == b.0)
            .map(|tied| tied.iter().map(|t| (t.1, t.2)).collect())
            .collect();
        let middle = (labels.len() as f64 + 1.0) / 2.0;
        let labels: Vec<f64> = ranks(labels).into_iter().map(|r| r - middle).collect();
        let norm = labels.iter().map(|r| r * r).sum::<f64>().sqrt();
        Self {
            groups,
            labels,
            norm,
        }
    }

    fn difference(&self, swapped: &[bool]) -> f64 {
        let [a, b] = self.correlations(swapped);
        b - a
    }

    /// Both lists' correlations, the baseline's first. NaN where a side is constant.
    fn correlations(&self, swapped: &[bool]) -> [f64; 2] {
        let middle = (self.labels.len() as f64 + 1.0) / 2.0;
        let (mut before, mut products, mut squares) = ([0.0; 2], [0.0; 2], [0.0; 2]);
        let list = |&(example, variant): &(usize, bool)| usize::from(variant != swapped[example]);
        for group in &self.groups {
            let mut count = [0.0; 2];
            for entry in group {
                count[list(entry)] += 1.0;
            }
            // Equal values share the mean of their ranks.
            let rank = [0, 1].map(|l| before[l] + (count[l] + 1.0) / 2.0 - middle);
            for entry in group {
                products[list(entry)] += rank[list(entry)] * self.labels[entry.0];
            }
            for l in 0..2 {
                squares[l] += count[l] * rank[l] * rank[l];
                before[l] += count[l];
            }
        }
        [0, 1].map(|l| {
            let norm = squares[l].sqrt() * self.norm;
            if norm > 0.0 {
                (products[l] / norm).clamp(-1.0, 1.0)
            } else {
                f64::NAN
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::{Auc, spearman};
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    /// The same as swapping and scoring, with ties within and between the lists.
    #[test]
    fn one_pass_equals_scoring_anew() {
        let mut rng = ChaCha8Rng::seed_from_u64(2);
        for (n, levels) in [(2, 5), (30, 4), (200, 50), (200, 100_000)] {
            let mut draw = || -> Vec<f64> {
                let one = (0..n).map(|_| f64::from(rng.random_range(0..levels)));
                one.collect()
            };
            let (a, b, labels) = (draw(), draw(), draw());
            for metric in [Metric::Pearson, Metric::Spearman, Metric::PearsonSpearman] {
                let mut fast = differences(&metric, &a, &b, &labels);
                for _ in 0..20 {
                    let swapped: Vec<bool> = (0..n).map(|_| rng.random_bool(0.5)).collect();
                    let mix = |x: &[f64], y: &[f64]| -> Vec<f64> {
                        let one = (0..n).map(|i| if swapped[i] { y[i] } else { x[i] });
                        one.collect()
                    };
                    let expected =
                        metric.score(&mix(&b, &a), &labels) - metric.score(&mix(&a, &b), &labels);
                    let found = fast(&swapped);
                    let close = (found - expected).abs() < 1e-12;
                    assert!(
                        close || (found.is_nan() && expected.is_nan()),
                        "{metric} {n}: {found} {expected}"
                    );
                }
            }
        }
        let constant = SwappedRanks::new(&[1.0; 3], &[1.0; 3], &[1.0, 2.0, 3.0]);
        assert!(constant.difference(&[false; 3]).is_nan());
        assert_eq!(spearman(&[1.0; 3], &[1.0, 2.0, 3.0]), None);
    }

    /// Without a swap, the weighted ranks are AUC's difference, with ties.
    #[test]
    fn weighted_ranks_are_auc() {
        let mut rng = ChaCha8Rng::seed_from_u64(4);
        let mut draw = |levels: u8| -> Vec<f64> {
            let one = (0..50).map(|_| f64::from(rng.random_range(0..levels)));
            one.collect()
        };
        let (a, b, labels) = (draw(9), draw(90), draw(2));
        let (x, y) = (ranks(&a), ranks(&b));
        let found = differences(&Auc, &x, &y, &labels)(&[false; 50]);
        let expected = Auc.score(&b, &labels) - Auc.score(&a, &labels);
        assert!((found - expected).abs() < 1e-12, "{found} {expected}");
    }
}
