//! Attention between chosen tokens: the FrameNet score (Section 4.2, Figure 3) and the authors'
//! token-to-token score (Section 4.5).
//!
//! For each head: the greatest weight among an example's pairs `(query, key)`, averaged over the
//! examples that have pairs. Which pairs, and in which direction, is the caller's reading:
//!
//! - `paper`: all pairs of word pieces of the two linked words. The text says "while processing"
//!   one word, the code has the other as query, so both directions are reported under two names.
//! - `authors`: query = frame element, key = target, pieces zipped, found by first occurrence
//!   (`attn_data::framenet::zip_pairs`); their token-to-token code scores an example without a
//!   link 0 ([`PairAttention::absent_as_zero`]).
//!
//! [`crate::PlacementNull`] asks how large such scores get when the annotation means nothing.

use crate::bootstrap::{BootstrapMean, Estimate, Resampler, quantile};
use crate::observer::{Observation, Observer};
use crate::view::StatsError;
use std::collections::BTreeMap;

/// The greatest weight among `pairs` of `(query, key)`; `None` without pairs, or when one lies
/// outside the map.
pub fn greatest(map: &[f32], length: usize, pairs: &[(usize, usize)]) -> Option<f32> {
    let weights: Option<Vec<f32>> = pairs
        .iter()
        .map(|&(query, key)| {
            (query < length && key < length)
                .then(|| map.get(query * length + key).copied())
                .flatten()
        })
        .collect();
    weights?.into_iter().reduce(f32::max)
}

/// Heads whose value lies above the 99th percentile of all heads' values (linear interpolation),
/// greatest first, with that percentile. Of 144 different values there are always two: the paper's
/// "2 out of 144 heads" follows from the definition, whatever the annotation. `None` without
/// values.
pub fn above_99th_percentile(values: &[f64]) -> Option<(f64, Vec<usize>)> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let threshold = quantile(&sorted, 0.99)?;
    let mut above: Vec<usize> = (0..values.len())
        .filter(|&i| values[i] > threshold)
        .collect();
    above.sort_by(|&a, &b| values[b].total_cmp(&values[a]));
    Some((threshold, above))
}

/// The greatest weight among an example's pairs, for each head and each named set of pairs,
/// averaged over the examples that have such pairs.
#[derive(Debug, Clone)]
pub struct PairAttention {
    layers: usize,
    heads: usize,
    absent_as_zero: bool,
    means: BTreeMap<String, BootstrapMean>,
}

impl PairAttention {
    /// For these names of [`crate::Annotation::pairs`].
    pub fn new(layers: usize, heads: usize, names: &[&str], resampler: &Resampler) -> Self {
        let mean = BootstrapMean::new(layers * heads, resampler.replicates());
        let means = names
            .iter()
            .map(|name| ((*name).to_owned(), mean.clone()))
            .collect();
        Self {
            layers,
            heads,
            absent_as_zero: false,
            means,
        }
    }

    /// Counts examples without pairs as 0 (the authors' token-to-token code).
    #[must_use]
    pub fn absent_as_zero(mut self) -> Self {
        self.absent_as_zero = true;
        self
    }

    /// One estimate a head, layer by layer; `None` when no example had pairs of that name.
    pub fn heads(&self, name: &str) -> Option<Vec<Estimate>> {
        self.means.get(name)?.estimates()
    }
}

impl Observer for PairAttention {
    fn observe(&mut self, example: &Observation<'_>) -> Result<(), StatsError> {
        let (maps, annotation) = (example.maps, example.annotation);
        maps.check_grid(self.layers, self.heads)?;
        annotation.check(maps.length())?;
        if maps.length() == 0 {
            return Ok(());
        }
        for (name, mean) in &mut self.means {
            let pairs = annotation.pairs.get(name).map_or(&[][..], Vec::as_slice);
            if pairs.is_empty() && !self.absent_as_zero {
                continue;
            }
            let scores: Vec<f32> = maps
                .maps()
                .map(|map| greatest(map, maps.length(), pairs).unwrap_or(0.0))
                .collect();
            mean.add(&scores, example.counts);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
