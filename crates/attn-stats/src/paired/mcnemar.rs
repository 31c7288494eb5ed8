//! McNemar's exact test.

use serde::{Deserialize, Serialize};

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
pub(super) fn binomial_half(k: usize, n: usize) -> f64 {
    // ln C(n, i) - n ln 2 by a running sum of logarithms: exact enough for any n, no underflow.
    let mut log = -(n as f64) * std::f64::consts::LN_2;
    let mut sum = 0.0;
    for i in 0..=k {
        sum += log.exp();
        log += ((n - i) as f64).ln() - ((i + 1) as f64).ln();
    }
    (2.0 * sum).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_models_differ_with_p_one() {
        let (a, l) = ([1.0, 0.0, 1.0], [1.0, 1.0, 1.0]);
        let equal = McNemar {
            lost: 0,
            gained: 0,
            p: 1.0,
        };
        assert_eq!(mcnemar(&a, &a, &l), equal);
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
}
