//! Rank correlations of two models whose predictions of some examples are swapped.
//!
//! Swapping moves values between the two lists but makes no new ones. So all of them are sorted once,
//! together; for each swap one pass over that order counts off the ranks in both lists. That is some
//! thirty times as fast as sorting anew.

use super::score::ranks;

/// Both models' predictions in one order, with the labels' ranks.
pub(crate) struct SwappedRanks {
    /// Example and whether the value is the variant's, ascending by value; each tie is one group.
    groups: Vec<Vec<(usize, bool)>>,
    /// Ranks of the labels less their mean, and the root of the sum of their squares.
    labels: Vec<f64>,
    norm: f64,
}

impl SwappedRanks {
    /// Sorts the predictions. Values that are not numbers are equal to one another here, as in
    /// [`ranks`].
    pub fn new(baseline: &[f64], variant: &[f64], labels: &[f64]) -> Self {
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

    /// Spearman's correlation with the labels of both lists, the baseline's first, when the
    /// predictions of the examples in `swapped` have changed places. NaN where a side is constant.
    pub fn correlations(&self, swapped: &[bool]) -> [f64; 2] {
        let middle = (self.labels.len() as f64 + 1.0) / 2.0;
        let (mut before, mut products, mut squares) = ([0.0; 2], [0.0; 2], [0.0; 2]);
        for group in &self.groups {
            let list =
                |&(example, variant): &(usize, bool)| usize::from(variant != swapped[example]);
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
    use crate::stats::spearman;
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    /// The same as swapping and sorting, with ties within and between the lists.
    #[test]
    fn counting_off_equals_sorting() {
        let mut rng = ChaCha8Rng::seed_from_u64(2);
        for (n, levels) in [(2, 5), (30, 4), (200, 50), (200, 100_000)] {
            let mut draw = || -> Vec<f64> {
                (0..n)
                    .map(|_| f64::from(rng.random_range(0..levels)))
                    .collect()
            };
            let (a, b, labels) = (draw(), draw(), draw());
            let ranked = SwappedRanks::new(&a, &b, &labels);
            for _ in 0..20 {
                let swapped: Vec<bool> = (0..n).map(|_| rng.random_bool(0.5)).collect();
                let mix = |x: &[f64], y: &[f64]| -> Vec<f64> {
                    (0..n)
                        .map(|i| if swapped[i] { y[i] } else { x[i] })
                        .collect()
                };
                let expected = [
                    spearman(&mix(&a, &b), &labels),
                    spearman(&mix(&b, &a), &labels),
                ];
                for (found, expected) in ranked.correlations(&swapped).iter().zip(expected) {
                    let close = (found - expected).abs() < 1e-12;
                    assert!(
                        close || (found.is_nan() && expected.is_nan()),
                        "{found} {expected}"
                    );
                }
            }
        }
        let constant = SwappedRanks::new(&[1.0; 3], &[1.0; 3], &[1.0, 2.0, 3.0]);
        assert!(
            constant
                .correlations(&[false; 3])
                .iter()
                .all(|c| c.is_nan())
        );
    }
}
