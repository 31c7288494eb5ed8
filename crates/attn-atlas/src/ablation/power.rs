//! What a sweep's tests can find with so many examples.

use super::LEVEL;
use super::compare::{Row, Scored};
use attn_core::Metric;
use attn_stats::bootstrap;
use attn_stats::paired::power::{mcnemar_power, normal_power, smallest_significant};

/// Below which gain nothing can be significant among `family` variants, the first under Holm's correction.
pub fn bound(scored: &Scored, family: usize) -> Option<f64> {
    let level = (1.0 - LEVEL) / family.max(1) as f64;
    (scored.metric == Metric::Accuracy)
        .then(|| smallest_significant(scored.n, level))
        .flatten()
}

/// The power for a difference of `paper` points among `family` variants, the first under Holm's correction. It is assumed
/// that the variant which gains so much differs from the baseline in as many examples as the one found here (for
/// accuracy: that they disagree about as many, or as many as the gain takes, whichever is more), or as unsteadily (for other
/// metrics: with the same bootstrap standard error).
pub fn power(scored: &Scored, row: &Row, paper: f64, family: usize) -> Option<f64> {
    let (gain, level) = (paper / 100.0, (1.0 - LEVEL) / family.max(1) as f64);
    match row.comparison.mcnemar {
        Some(counted) => {
            let discordant = (counted.lost + counted.gained) as f64 / scored.n as f64;
            mcnemar_power(scored.n, gain, discordant.max(gain.abs()), level)
        }
        None => {
            let error = bootstrap::standard_error(&row.comparison.samples)?;
            normal_power(gain, error, level)
        }
    }
}
