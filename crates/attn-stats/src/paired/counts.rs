//! The permutation test of metrics that depend on counts alone, without a random swap.
//!
//! F1 needs three counts: right positives, predicted positives, positives. Of the examples that two models
//! predict differently, `k` are of class 1 and `m` are not. Swapping at random gives one model
//! `Binomial(k, 1/2)` of the former as right positives and `Binomial(m, 1/2)` of the latter as wrong ones,
//! the other model the rest. So the p-value is a sum over `(k + 1)(m + 1)` outcomes. The same holds for Matthews
//! correlation of two classes.

use attn_core::Metric;

/// Beyond so many standard deviations from the middle a binomial's weight is below 1e-80.
const REACH: f64 = 20.0;

/// The exact two-sided p-value; `None` for a metric that is more than counts of two classes.
pub(super) fn exact(
    metric: Metric,
    baseline: &[f64],
    variant: &[f64],
    labels: &[f64],
) -> Option<f64> {
    match metric {
        Metric::F1 => {}
        Metric::Matthews => {
            let all = baseline.iter().chain(variant).chain(labels);
            if all.copied().any(|v| v != 0.0 && v != 1.0) {
                return None;
            }
        }
        _ => return None,
    }
    // Right and wrong positives of both models, of the baseline only, of the variant only.
    let (mut both, mut first, mut second) = ([0usize; 2], [0usize; 2], [0usize; 2]);
    let mut classes = [0usize; 2];
    for ((&b, &v), &l) in baseline.iter().zip(variant).zip(labels) {
        let kind = usize::from(l != 1.0);
        classes[kind] += 1;
        match (b == 1.0, v == 1.0) {
            (true, true) => both[kind] += 1,
            (true, false) => first[kind] += 1,
            (false, true) => second[kind] += 1,
            (false, false) => {}
        }
    }
    let value = |right: usize, wrong: usize| -> f64 {
        let [right, wrong] = [both[0] + right, both[1] + wrong].map(|c| c as f64);
        let [there, others] = classes.map(|c| c as f64);
        match metric {
            Metric::F1 => crate::metrics::f1_of_counts(right, right + wrong, there).unwrap_or(0.0),
            _ => {
                let predicted = right + wrong;
                let n = there + others;
                let spread = predicted * (n - predicted) * there * others;
                let covariance = right * n - predicted * there;
                if spread > 0.0 {
                    covariance / spread.sqrt()
                } else {
                    0.0
                }
            }
        }
    };
    let swapped = [first[0] + second[0], first[1] + second[1]];
    let difference = |right: usize, wrong: usize| {
        value(swapped[0] - right, swapped[1] - wrong) - value(right, wrong)
    };
    let threshold = difference(first[0], first[1]).abs() - 1e-11;
    let [rights, wrongs] = swapped.map(binomial);
    let mut p = 0.0;
    for &(right, weight) in &rights {
        let large = wrongs
            .iter()
            .filter(|(wrong, _)| difference(right, *wrong).abs() >= threshold);
        p += weight * large.map(|w| w.1).sum::<f64>();
    }
    Some(p.min(1.0))
}

/// Outcomes of `n` fair throws with their probabilities.
fn binomial(n: usize) -> Vec<(usize, f64)> {
    let mut log = -(n as f64) * std::f64::consts::LN_2;
    let reach = REACH * (n as f64).sqrt() / 2.0;
    let mut all = Vec::new();
    for i in 0..=n {
        if (i as f64 - n as f64 / 2.0).abs() <= reach {
            all.push((i, log.exp()));
        }
        if i < n {
            log += ((n - i) as f64).ln() - ((i + 1) as f64).ln();
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Score;
    use crate::paired::{Swaps, permutation};
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    #[test]
    fn probabilities_sum_to_one() {
        for n in [0, 1, 7, 60, 1000, 20_000] {
            let all = binomial(n);
            let sum: f64 = all.iter().map(|b| b.1).sum();
            assert!((sum - 1.0).abs() < 1e-9, "{n}: {sum}");
        }
        assert_eq!(binomial(20_000).len(), 2829);
    }

    /// Summing counts equals trying all swaps.
    #[test]
    fn counting_equals_trying_all_swaps() {
        let mut rng = ChaCha8Rng::seed_from_u64(11);
        for round in 0..12 {
            let n = 12;
            let mut draw = || -> Vec<f64> {
                (0..n)
                    .map(|_| f64::from(rng.random_range(0..2u8)))
                    .collect()
            };
            let (a, b, l) = (draw(), draw(), draw());
            for metric in [Metric::F1, Metric::Matthews] {
                let plain = |p: &[f64], l: &[f64]| metric.score(p, l);
                let tried = permutation(&a, &b, &l, &plain, Swaps::only(1 << 12), 0);
                assert!(tried.exact);
                let counted = exact(metric, &a, &b, &l).unwrap();
                assert!((counted - tried.p).abs() < 1e-12, "{round} {metric}");
            }
        }
        assert_eq!(exact(Metric::Accuracy, &[1.0], &[0.0], &[1.0]), None);
        assert_eq!(exact(Metric::Matthews, &[2.0], &[0.0], &[1.0]), None);
    }
}
