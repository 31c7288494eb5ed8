//! Rank correlation with an interval.

use super::paired::{Resamples, interval};
use super::score::spearman;
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
    let samples = Resamples::new(a.len(), replicates, seed).scores(a, b, &spearman);
    let interval = if a.len() >= 3 {
        interval(&samples, level)
    } else {
        None
    };
    Some(Correlation {
        value: spearman(a, b),
        interval,
        n: a.len(),
    })
}
