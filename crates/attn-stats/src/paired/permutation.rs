//! The paired permutation test: swap two models' predictions of random examples.
//!
//! **Correlations are swapped standardised.** Under the null hypothesis the two predictions of an example
//! can change places. A correlation ignores a model's scale and shift, but raw predictions of another
//! scale are not exchangeable: a head whose ablation shrinks all predictions by half would, swapped in for
//! some examples, wreck the correlation of both mixtures, so that the null distribution gets wide and
//! the test misses real differences. So both vectors are brought to what the metric looks at before swapping:
//! z-scores (mean 0, length 1) for Pearson and for the mean of Pearson and Spearman, ranks for Spearman and
//! for AUC. The observed difference is the same either way. Williams' (1959) test of two dependent
//! correlations, the alternative, rests on normal predictions and knows no mean of two correlations;
//! `crates/attn-ablate/tests/reference/sweeps.py` prints it for comparison.
//!
//! **F1 and Matthews need no random swaps**: they depend on counts alone, whose distribution under swapping
//! is a pair of binomials, summed exactly ([`super::counts`]).
//!
//! **Random swaps come in two stages.** A p-value from `k` swaps cannot be below `1 / (1 + k)`, too
//! coarse for corrections over many tests. So where the first stage gives `p < 10 / (1 + first)` the test
//! goes on to `all` swaps, the first ones counted with them. This stays valid: for a level below that bound
//! `p` is at most the level only if the whole run's is, for one above only if the first stage's is, and
//! either has at most the level's probability.

use super::{counts, swaps};
use crate::metrics::{Form, Score, ranks, unit_deviations};
use attn_core::Metric;
use rand::{RngCore, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

/// Fewer differences at least as large, the observed one counted, and the second stage follows.
const FEW: usize = 10;

/// Paired permutation test: if both models predict equally well, swapping their predictions of any
/// example changes nothing systematically.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Permutation {
    /// Two-sided p-value; NaN when the observed difference is not defined.
    pub p: f64,
    /// Swaps tried; 0 where the distribution was summed without trying any.
    pub swaps: usize,
    /// Whether `p` covers all `2^k` swaps of the `k` examples predicted differently.
    pub exact: bool,
}

/// How many random swaps to try.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Swaps {
    /// For every test.
    pub first: usize,
    /// In all, where the first ones find few differences as large as the observed one.
    pub all: usize,
}

impl Swaps {
    /// One stage.
    pub fn only(swaps: usize) -> Self {
        Self {
            first: swaps,
            all: swaps,
        }
    }
}

impl Default for Swaps {
    /// 9,999, and 99,999 where `p < 0.001`: p-values down to 1e-5, so that the tests of several sweeps
    /// (seven of 78: 9e-5 is needed) can be corrected together.
    fn default() -> Self {
        Self {
            first: 9_999,
            all: 99_999,
        }
    }
}

/// Compares two models by any score. The statistic is the difference of the scores, its reference
/// distribution that under random swaps (Noreen, 1989; Yeh, 2000), of standardised predictions where the
/// score is a correlation or AUC. When all swaps can be tried, or summed, the p-value is the proportion of
/// those with a difference at least as large; with random ones it is `(1 + as large) / (1 + swaps)` (Phipson
/// and Smyth, 2010). Swaps where the score is not defined count as large.
pub fn permutation(
    baseline: &[f64],
    variant: &[f64],
    labels: &[f64],
    score: &dyn Score,
    swaps: Swaps,
    seed: u64,
) -> Permutation {
    let found = |p, swaps, exact| Permutation { p, swaps, exact };
    let observed = score.score(variant, labels) - score.score(baseline, labels);
    if observed.is_nan() {
        return found(f64::NAN, 0, false);
    }
    if let Form::Metric(metric) = score.form()
        && let Some(p) = counts::exact(metric, baseline, variant, labels)
    {
        return found(p, 0, true);
    }
    let standard = |values: &[f64]| match score.form() {
        Form::Metric(Metric::Pearson | Metric::PearsonSpearman) => {
            unit_deviations(values).unwrap_or_else(|| values.to_vec())
        }
        Form::Metric(Metric::Spearman) | Form::Auc => ranks(values),
        _ => values.to_vec(),
    };
    let (a, b) = (standard(baseline), standard(variant));
    let pairs = a.iter().zip(&b).enumerate();
    let different: Vec<usize> = pairs.filter(|(_, (a, b))| a != b).map(|(i, _)| i).collect();
    // Sums in another order differ by rounding; such differences are equal.
    let threshold = observed.abs() - 1e-11 * observed.abs().max(1.0);
    let mut difference = swaps::differences(score, &a, &b, labels);
    let mut are_swapped = vec![false; a.len()];
    let mut large = |swapped: &mut dyn FnMut(usize) -> bool| {
        for (position, &i) in different.iter().enumerate() {
            are_swapped[i] = swapped(position);
        }
        let difference = difference(&are_swapped).abs();
        difference.is_nan() || difference >= threshold
    };
    // One swap and its opposite give the same statistic, so the first example may stay as it is.
    let free = different.len().saturating_sub(1);
    let all = u32::try_from(free).ok().and_then(|k| 1usize.checked_shl(k));
    if let Some(all) = all.filter(|&all| all <= swaps.first.max(1)) {
        let tried = 0..all;
        let count = tried.filter(|bits| large(&mut |i| i < free && bits >> i & 1 == 1));
        return found(count.count() as f64 / all as f64, 2 * all, true);
    }
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut random = |swaps: usize| {
        let tried = 0..swaps;
        let count = tried.filter(|_| {
            let mut word = 0;
            large(&mut |i| {
                if i % 64 == 0 {
                    word = rng.next_u64();
                }
                word >> (i % 64) & 1 == 1
            })
        });
        count.count()
    };
    let (mut count, mut tried) = (random(swaps.first), swaps.first);
    if count + 1 < FEW && swaps.all > swaps.first {
        count += random(swaps.all - swaps.first);
        tried = swaps.all;
    }
    found((1 + count) as f64 / (1 + tried) as f64, tried, false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::{Auc, Mean};
    use rand::Rng;

    fn draw(rng: &mut ChaCha8Rng, n: usize) -> [Vec<f64>; 3] {
        let labels: Vec<f64> = (0..n).map(|_| rng.random_range(0.0..5.0)).collect();
        [3.0, 0.7]
            .map(|noise| {
                let rows = labels.iter();
                rows.map(|l| l + rng.random_range(-noise..noise)).collect()
            })
            .into_iter()
            .chain([labels.clone()])
            .collect::<Vec<_>>()
            .try_into()
            .unwrap()
    }

    #[test]
    fn equal_models_differ_with_p_one() {
        let (a, l) = ([1.0, 0.0, 1.0], [1.0, 1.0, 1.0]);
        let test = permutation(&a, &a, &l, &Metric::F1, Swaps::only(100), 0);
        assert_eq!((test.p, test.exact), (1.0, true));
        let l = [1.0, 0.0, 2.0];
        for metric in [Metric::Pearson, Metric::Spearman] {
            let test = permutation(&a, &a, &l, &metric, Swaps::only(100), 0);
            assert_eq!((test.p, test.exact), (1.0, true));
        }
    }

    /// The fast ways give the p-values of the plain one: standardise, swap, score.
    #[test]
    fn fast_ways_equal_the_plain_one() {
        let mut rng = ChaCha8Rng::seed_from_u64(8);
        for n in [6, 40, 150] {
            let [a, b, l] = draw(&mut rng, n);
            let z = |v: &[f64]| unit_deviations(v).unwrap();
            for (metric, sides) in [
                (Metric::Pearson, [z(&a), z(&b)]),
                (Metric::PearsonSpearman, [z(&a), z(&b)]),
                (Metric::Spearman, [ranks(&a), ranks(&b)]),
            ] {
                let plain = |p: &[f64], l: &[f64]| metric.score(p, l);
                let [x, y] = &sides;
                let slow = permutation(x, y, &l, &plain, Swaps::only(999), 4);
                let fast = permutation(&a, &b, &l, &metric, Swaps::only(999), 4);
                assert_eq!(slow, fast, "{metric} {n}");
                assert!(slow.p < 1.0);
            }
            let plain = |p: &[f64], _: &[f64]| p.iter().sum::<f64>() / p.len() as f64;
            let slow = permutation(&a, &b, &l, &plain, Swaps::only(999), 4);
            assert_eq!(slow, permutation(&a, &b, &l, &Mean, Swaps::only(999), 4));
        }
    }

    /// What a correlation ignores must not change its test.
    #[test]
    fn scale_and_shift_do_not_matter() {
        let [a, b, l] = draw(&mut ChaCha8Rng::seed_from_u64(3), 120);
        let other: Vec<f64> = b.iter().map(|v| 0.25 * v - 7.0).collect();
        for metric in [Metric::Pearson, Metric::Spearman, Metric::PearsonSpearman] {
            let p = |variant: &[f64]| permutation(&a, variant, &l, &metric, Swaps::only(999), 1).p;
            assert_eq!(p(&b), p(&other), "{metric}");
            assert!(p(&b) <= 0.002, "{metric} {}", p(&b));
        }
        let classes: Vec<f64> = l.iter().map(|v| f64::from(u8::from(*v > 2.5))).collect();
        let p = |variant: &[f64]| permutation(&a, variant, &classes, &Auc, Swaps::only(999), 1).p;
        assert_eq!(p(&b), p(&other));
        assert!(p(&b) <= 0.01, "{}", p(&b));
    }

    #[test]
    fn small_p_values_are_looked_at_more_closely() {
        let [a, b, l] = draw(&mut ChaCha8Rng::seed_from_u64(3), 200);
        let both = Swaps {
            first: 999,
            all: 9_999,
        };
        let test = permutation(&a, &b, &l, &Metric::Pearson, both, 1);
        assert_eq!((test.p, test.swaps), (1e-4, 9_999));
        let none = permutation(
            &a,
            &a[1..].iter().chain(&a[..1]).copied().collect::<Vec<_>>(),
            &a,
            &Mean,
            both,
            1,
        );
        assert_eq!((none.p, none.swaps), (1.0, 999));
    }
}
