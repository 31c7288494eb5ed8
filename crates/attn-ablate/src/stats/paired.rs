//! Resampling and paired tests.

use super::Score;
use super::score::pearson;
use super::swapped::SwappedRanks;
use rand::{Rng, RngCore, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

/// Bootstrap samples of `n` examples, drawn with replacement. The same object serves all variants,
/// so that their scores can be compared sample by sample.
#[derive(Debug, Clone)]
pub struct Resamples {
    n: usize,
    /// `[replicate, n]`.
    indices: Vec<u32>,
}

impl Resamples {
    /// `replicates` samples of `n` examples. Sample number `i` depends on `seed`, `n` and `i` only.
    pub fn new(n: usize, replicates: usize, seed: u64) -> Self {
        let mut indices = Vec::with_capacity(n * replicates);
        for replicate in 0..replicates {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            rng.set_stream(replicate as u64);
            indices.extend((0..n).map(|_| rng.random_range(0..n as u32)));
        }
        Self { n, indices }
    }

    /// The score of each sample.
    pub fn scores(&self, predictions: &[f64], labels: &[f64], score: &dyn Score) -> Vec<f64> {
        if self.n == 0 {
            return Vec::new();
        }
        let (mut p, mut l) = (Vec::with_capacity(self.n), Vec::with_capacity(self.n));
        let samples = self.indices.chunks_exact(self.n);
        samples
            .map(|sample| {
                p.clear();
                l.clear();
                for &index in sample {
                    p.push(predictions[index as usize]);
                    l.push(labels[index as usize]);
                }
                score.score(&p, &l)
            })
            .collect()
    }
}

/// The `q`-quantile with linear interpolation, as NumPy's default; NaN values are left out. `None`
/// when nothing is left.
pub fn quantile(values: &[f64], q: f64) -> Option<f64> {
    let mut sorted: Vec<f64> = values.iter().copied().filter(|v| !v.is_nan()).collect();
    sorted.sort_by(f64::total_cmp);
    attn_stats::quantile(&sorted, q)
}

/// The central interval of `level` (0.95, say).
pub(crate) fn interval(values: &[f64], level: f64) -> Option<(f64, f64)> {
    let tail = (1.0 - level) / 2.0;
    Some((quantile(values, tail)?, quantile(values, 1.0 - tail)?))
}

/// Exact McNemar test (McNemar, 1947): of the examples that only one of two models gets right, do
/// both get as many?
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct McNemar {
    /// Examples that only the baseline gets right.
    pub lost: usize,
    /// Examples that only the variant gets right.
    pub gained: usize,
    /// Two-sided p-value from the binomial distribution with probability one half.
    pub p: f64,
}

/// Compares two models' class predictions by [`McNemar`]'s test.
pub fn mcnemar(baseline: &[f64], variant: &[f64], labels: &[f64]) -> McNemar {
    let (mut lost, mut gained) = (0, 0);
    for ((b, v), l) in baseline.iter().zip(variant).zip(labels) {
        match (b == l, v == l) {
            (true, false) => lost += 1,
            (false, true) => gained += 1,
            _ => {}
        }
    }
    McNemar {
        lost,
        gained,
        p: binomial_half(lost.min(gained), lost + gained),
    }
}

/// Twice the probability of at most `k` heads in `n` fair throws, at most 1.
fn binomial_half(k: usize, n: usize) -> f64 {
    // ln C(n, i) - n ln 2 by a running sum of logarithms: exact enough for any n, no underflow.
    let mut log = -(n as f64) * std::f64::consts::LN_2;
    let mut sum = 0.0;
    for i in 0..=k {
        sum += log.exp();
        log += ((n - i) as f64).ln() - ((i + 1) as f64).ln();
    }
    (2.0 * sum).min(1.0)
}

/// Paired permutation test: if both models predict equally well, swapping their predictions of any
/// example changes nothing systematically.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Permutation {
    /// Two-sided p-value.
    pub p: f64,
    /// Swaps tried: all `2^k` of the `k` examples predicted differently when they are few enough,
    /// else random ones.
    pub swaps: usize,
    /// Whether all were tried.
    pub exact: bool,
}

/// Compares two models by any score. The statistic is the difference of the scores, its reference
/// distribution that under random swaps (Noreen, 1989; Yeh, 2000). With all `2^k` swaps tried the
/// p-value is the share of those with a difference at least as large; with `swaps` random ones it
/// is `(1 + as large) / (1 + swaps)` (Phipson and Smyth, 2010). Swaps where the score is not
/// defined count as large. NaN when the observed difference is not defined.
pub fn permutation(
    baseline: &[f64],
    variant: &[f64],
    labels: &[f64],
    score: &dyn Score,
    swaps: usize,
    seed: u64,
) -> Permutation {
    let observed = (score.score(variant, labels) - score.score(baseline, labels)).abs();
    let different: Vec<usize> = baseline
        .iter()
        .zip(variant)
        .enumerate()
        .filter(|(_, (b, v))| b != v)
        .map(|(i, _)| i)
        .collect();
    // One swap and its opposite give the same statistic, so the first example may stay as it is.
    let free = different.len().saturating_sub(1);
    let all = u32::try_from(free).ok().and_then(|k| 1usize.checked_shl(k));
    let all = all.filter(|&all| all <= swaps.max(1));
    if observed.is_nan() {
        return Permutation {
            p: f64::NAN,
            swaps: 0,
            exact: false,
        };
    }
    // Sums in another order differ by rounding; such differences are equal.
    let threshold = observed - 1e-12 * observed.max(1.0);
    let (mut a, mut b) = (baseline.to_vec(), variant.to_vec());
    let ranked = score
        .correlations()
        .map(|weights| (weights, SwappedRanks::new(baseline, variant, labels)));
    let mut are_swapped = vec![false; baseline.len()];
    let mut large = |swapped: &mut dyn FnMut(usize) -> bool| {
        for (position, &i) in different.iter().enumerate() {
            are_swapped[i] = swapped(position);
            (a[i], b[i]) = if are_swapped[i] {
                (variant[i], baseline[i])
            } else {
                (baseline[i], variant[i])
            };
        }
        let difference = match &ranked {
            Some(((of_values, of_ranks), ranks)) => {
                let [x, y] = ranks.correlations(&are_swapped);
                let mut difference = of_ranks * (y - x);
                if *of_values != 0.0 {
                    difference += of_values * (pearson(&b, labels) - pearson(&a, labels));
                }
                difference.abs()
            }
            None => (score.score(&b, labels) - score.score(&a, labels)).abs(),
        };
        difference.is_nan() || difference >= threshold
    };
    match all {
        Some(all) => {
            let count = (0..all)
                .filter(|bits| large(&mut |i| i < free && bits >> i & 1 == 1))
                .count();
            Permutation {
                p: count as f64 / all as f64,
                swaps: 2 * all,
                exact: true,
            }
        }
        None => {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            let count = (0..swaps)
                .filter(|_| {
                    let mut word = 0;
                    large(&mut |i| {
                        if i % 64 == 0 {
                            word = rng.next_u64();
                        }
                        word >> (i % 64) & 1 == 1
                    })
                })
                .count();
            Permutation {
                p: (1 + count) as f64 / (1 + swaps) as f64,
                swaps,
                exact: false,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use attn_core::Metric;

    #[test]
    fn equal_models_differ_with_p_one() {
        let (a, l) = ([1.0, 0.0, 1.0], [1.0, 1.0, 1.0]);
        assert_eq!(
            mcnemar(&a, &a, &l),
            McNemar {
                lost: 0,
                gained: 0,
                p: 1.0
            }
        );
        let test = permutation(&a, &a, &l, &Metric::F1, 100, 0);
        assert_eq!((test.p, test.exact), (1.0, true));
    }

    /// The way without sorting gives the p-values of the plain one.
    #[test]
    fn rank_scores_without_sorting_give_the_same_p() {
        let mut rng = ChaCha8Rng::seed_from_u64(8);
        let mut draw = |n: usize| -> Vec<f64> { (0..n).map(|_| rng.random::<f64>()).collect() };
        for n in [8, 60] {
            let (l, noise, more) = (draw(n), draw(n), draw(n));
            let a: Vec<f64> = l.iter().zip(&noise).map(|(l, e)| l + e).collect();
            let b: Vec<f64> = a.iter().zip(&more).map(|(a, e)| a + 0.5 * e).collect();
            for metric in [Metric::Spearman, Metric::PearsonSpearman] {
                let plain = |p: &[f64], l: &[f64]| metric.score(p, l);
                let slow = permutation(&a, &b, &l, &plain, 999, 4);
                let fast = permutation(&a, &b, &l, &metric, 999, 4);
                assert_eq!(slow, fast, "{metric} {n}");
                assert!(slow.p < 1.0);
            }
        }
    }

    #[test]
    fn binomial_tails_do_not_underflow() {
        // 2 * (1 + 10) / 2^10
        assert!((binomial_half(1, 10) - 22.0 / 1024.0).abs() < 1e-15);
        assert_eq!(binomial_half(5, 10), 1.0);
        let tiny = binomial_half(0, 1000);
        assert!(tiny > 0.0 && (tiny.log2() + 999.0).abs() < 1e-9);
        assert!((binomial_half(2000, 4000) - 1.0).abs() < 1e-12);
        assert!(binomial_half(1900, 4000) < 0.01);
    }

    #[test]
    fn resamples_repeat_and_cover() {
        let (a, b) = (Resamples::new(50, 40, 3), Resamples::new(50, 20, 3));
        assert_eq!(a.indices[..1000], b.indices[..]);
        assert_ne!(b.indices, Resamples::new(50, 20, 4).indices);
        assert!((0..50).all(|i| a.indices.contains(&i)));
        assert!(
            Resamples::new(0, 3, 0)
                .scores(&[], &[], &Metric::Accuracy)
                .is_empty()
        );
    }

    #[test]
    fn quantiles_are_numpys() {
        // numpy.quantile([8, 1, 4, 2], [0.025, 0.5, 0.975])
        for (q, expected) in [(0.025, 1.075), (0.5, 3.0), (0.975, 7.7)] {
            assert!(
                (quantile(&[8.0, f64::NAN, 1.0, 4.0, 2.0], q).unwrap() - expected).abs() < 1e-12
            );
        }
        assert_eq!(quantile(&[f64::NAN], 0.5), None);
    }
}
