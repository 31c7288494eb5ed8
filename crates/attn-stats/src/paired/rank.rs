//! How well two rankings of the same things (heads, say) agree, and how well one agrees with itself.

use crate::bootstrap::{Resamples, interval};
use crate::metrics::{Score, spearman};
use attn_core::Metric;
use serde::{Deserialize, Serialize};

/// A correlation and its bootstrap interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Correlation {
    /// The correlation; NaN when a side is constant.
    pub value: f64,
    /// Percentile interval; absent for fewer than three pairs.
    pub interval: Option<(f64, f64)>,
    /// Pairs.
    pub n: usize,
}

/// Spearman's correlation of pairs (heads, say), with the percentile interval of `level` over
/// `replicates` resamples of pairs. `None` when the slices differ in length.
pub fn spearman_interval(
    a: &[f64],
    b: &[f64],
    level: f64,
    replicates: usize,
    seed: u64,
) -> Option<Correlation> {
    if a.len() != b.len() {
        return None;
    }
    let samples = Resamples::new(a.len(), replicates, seed).scores(a, b, &Metric::Spearman);
    let interval = (a.len() >= 3).then(|| interval(&samples, level)).flatten();
    Some(Correlation {
        value: Metric::Spearman.score(a, b),
        interval,
        n: a.len(),
    })
}

/// The reliability of a measure of heads that was taken twice, on two halves of the examples: the rank
/// correlation of the halves, stepped up to all examples by Spearman and Brown's formula (1910),
/// `2r / (1 + r)`. A measure of reliability `q` cannot correlate with another of reliability `w` by more than
/// about `sqrt(q w)`. `None` where the correlation is not defined; one that is not positive is 0 (the halves have
/// nothing in common).
pub fn reliability(first: &[f64], second: &[f64]) -> Option<f64> {
    let r = spearman(first, second)?;
    Some(if r > 0.0 { 2.0 * r / (1.0 + r) } else { 0.0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_are_stepped_up() {
        let a = [1.0, 2.0, 3.0, 4.0, 5.0];
        assert_eq!(reliability(&a, &a), Some(1.0));
        // Spearman 0.8: 1.6 / 1.8.
        let b = [2.0, 1.0, 4.0, 3.0, 5.0];
        assert!((reliability(&a, &b).unwrap() - 1.6 / 1.8).abs() < 1e-12);
        let reversed = [5.0, 4.0, 3.0, 2.0, 1.0];
        assert_eq!(reliability(&a, &reversed), Some(0.0));
        assert_eq!(reliability(&a, &[1.0; 5]), None);
        assert_eq!(spearman_interval(&[1.0], &[], 0.95, 10, 0), None);
    }
}
