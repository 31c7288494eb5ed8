//! Attention to features over many examples: Section 4.4 (Figure 6) and the row of `[CLS]`
//! (Figure 7).
//!
//! For each head and feature: what each token of the feature receives, the maximum over those
//! tokens, the mean over examples. Received means one of two things:
//!
//! - from all tokens: the mean of the token's column, `sum over queries / L` (Section 4.4);
//! - from `[CLS]` in one layer, usually the last: the weight in the row of `[CLS]` (Section 4.5).
//!
//! Readings. `paper`: "we disregard input sentences that do not contain a given feature", so the
//! mean is over those that do. `authors`: their code gives such examples a score of 0 for all
//! features but negation, so that rare features look unattended
//! ([`FeatureAttention::absent_as_zero`]); in the row of `[CLS]` it skips them.
//!
//! With [`FeatureAttention::paired`] the same is taken from a second model's maps in the same
//! pass, and the difference comes with the interval of the paired difference.

use crate::annotation::FeaturePositions;
use crate::bootstrap::{BootstrapMean, Estimate, Resampler};
use crate::features::column_means;
use crate::observer::{Observation, Observer, append_layer_means};
use crate::view::{MapsView, StatsError};
use std::collections::BTreeMap;

/// From where weights are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum From {
    AllTokens,
    /// The row of the first position of a feature of this name, in one layer.
    ClsRow {
        layer: usize,
    },
}

/// The feature whose first position is the row of [`FeatureAttention::cls_row`].
const CLS: &str = "cls";

#[derive(Debug, Clone)]
struct Feature {
    /// Own heads, own layers and, when paired, the reference's heads and layers.
    means: BootstrapMean,
    absent_as_zero: bool,
}

/// Attention to features for every head, each averaged over the examples that have the feature.
#[derive(Debug, Clone)]
pub struct FeatureAttention {
    layers: usize,
    heads: usize,
    from: From,
    paired: bool,
    replicates: usize,
    features: BTreeMap<String, Feature>,
}

impl FeatureAttention {
    /// Weights from all tokens, for a model of `layers` layers with `heads` heads each.
    pub fn new(layers: usize, heads: usize, features: &[&str], resampler: &Resampler) -> Self {
        Self::build(layers, heads, From::AllTokens, features, resampler)
    }

    /// Weights from `[CLS]` (the first position of the feature `cls`) in layer `layer`, from 0.
    /// Results hold one value a head of that layer.
    pub fn cls_row(
        layers: usize,
        heads: usize,
        layer: usize,
        features: &[&str],
        resampler: &Resampler,
    ) -> Self {
        Self::build(layers, heads, From::ClsRow { layer }, features, resampler)
    }

    fn build(
        layers: usize,
        heads: usize,
        from: From,
        features: &[&str],
        resampler: &Resampler,
    ) -> Self {
        let mut attention = Self {
            layers,
            heads,
            from,
            paired: false,
            replicates: resampler.replicates(),
            features: BTreeMap::new(),
        };
        for name in features {
            let feature = Feature {
                means: attention.empty(),
                absent_as_zero: false,
            };
            attention.features.insert((*name).to_owned(), feature);
        }
        attention
    }

    /// Takes the reference model's maps as well; call before the first example.
    #[must_use]
    pub fn paired(mut self) -> Self {
        self.paired = true;
        let empty = self.empty();
        for feature in self.features.values_mut() {
            feature.means = empty.clone();
        }
        self
    }

    /// Counts examples without these features as 0 (the authors' code).
    #[must_use]
    pub fn absent_as_zero(mut self, features: &[&str]) -> Self {
        for (name, feature) in &mut self.features {
            feature.absent_as_zero |= features.contains(&name.as_str());
        }
        self
    }

    /// Layers that results cover.
    fn covered(&self) -> usize {
        match self.from {
            From::AllTokens => self.layers,
            From::ClsRow { .. } => 1,
        }
    }

    /// Cells of one model: heads, then layers.
    fn cells(&self) -> usize {
        self.covered() * (self.heads + 1)
    }

    fn empty(&self) -> BootstrapMean {
        let models = if self.paired { 2 } else { 1 };
        BootstrapMean::new(self.cells() * models, self.replicates)
    }

    /// One estimate a head, layer by layer; `None` when no example had the feature.
    pub fn heads(&self, feature: &str) -> Option<Vec<Estimate>> {
        self.part(feature, 0, self.covered() * self.heads)
    }

    /// One estimate a layer, of the mean over its heads; `None` when no example had the feature.
    pub fn layers(&self, feature: &str) -> Option<Vec<Estimate>> {
        self.part(feature, self.covered() * self.heads, self.covered())
    }

    /// As [`Self::heads`], of the reference model; `None` also when not paired.
    pub fn reference_heads(&self, feature: &str) -> Option<Vec<Estimate>> {
        self.part(feature, self.cells(), self.covered() * self.heads)
    }

    /// As [`Self::layers`], of the reference model; `None` also when not paired.
    pub fn reference_layers(&self, feature: &str) -> Option<Vec<Estimate>> {
        let start = self.cells() + self.covered() * self.heads;
        self.part(feature, start, self.covered())
    }

    /// The model less the reference model for each head, with the interval of the paired
    /// difference; `None` when no example had the feature or when not paired.
    pub fn head_differences(&self, feature: &str) -> Option<Vec<Estimate>> {
        self.differences(feature, 0, self.covered() * self.heads)
    }

    /// As [`Self::head_differences`], for each layer's mean.
    pub fn layer_differences(&self, feature: &str) -> Option<Vec<Estimate>> {
        self.differences(feature, self.covered() * self.heads, self.covered())
    }

    fn part(&self, feature: &str, start: usize, count: usize) -> Option<Vec<Estimate>> {
        let estimates = self.features.get(feature)?.means.estimates()?;
        estimates.get(start..start + count).map(<[_]>::to_vec)
    }

    fn differences(&self, feature: &str, start: usize, count: usize) -> Option<Vec<Estimate>> {
        let pairs: Vec<_> = (start..start + count)
            .map(|cell| (cell, cell + self.cells()))
            .collect();
        self.features.get(feature)?.means.differences(&pairs)
    }

    /// For each head, `length` numbers: what each token receives. `None` where there is no `[CLS]`.
    fn received(&self, maps: MapsView<'_>, features: &FeaturePositions) -> Option<Vec<f32>> {
        let length = maps.length();
        let mut received = Vec::new();
        match self.from {
            From::AllTokens => {
                let mut sums = Vec::new();
                for map in maps.maps() {
                    column_means(map, length, &mut sums);
                    received.extend(sums.iter().map(|&sum| sum as f32));
                }
            }
            From::ClsRow { layer } => {
                let row = *features.get(CLS)?.first()?;
                for head in 0..self.heads {
                    let map = maps.map(layer, head)?;
                    received.extend_from_slice(map.get(row * length..(row + 1) * length)?);
                }
            }
        }
        Some(received)
    }
}

/// For each head the maximum over the feature's tokens, then the layer means.
fn scores(received: &[f32], length: usize, positions: &[usize], heads: usize) -> Vec<f32> {
    let mut scores: Vec<f32> = received
        .chunks_exact(length.max(1))
        .map(|head| {
            positions
                .iter()
                .filter_map(|&key| head.get(key).copied())
                .fold(0.0, f32::max)
        })
        .collect();
    append_layer_means(&mut scores, heads);
    scores
}

impl Observer for FeatureAttention {
    fn observe(&mut self, example: &Observation<'_>) -> Result<(), StatsError> {
        let (maps, annotation) = (example.maps, example.annotation);
        maps.check_grid(self.layers, self.heads)?;
        annotation.check(maps.length())?;
        let reference = if self.paired {
            Some(example.reference_for("attention to features in two models")?)
        } else {
            None
        };
        if maps.length() == 0 {
            return Ok(());
        }
        let mut received = Vec::new();
        for maps in [Some(maps), reference].into_iter().flatten() {
            let Some(model) = self.received(maps, &annotation.features) else {
                return Ok(());
            };
            received.push(model);
        }
        let (heads, length) = (self.heads, maps.length());
        for (name, feature) in &mut self.features {
            let positions = annotation.features.get(name).map_or(&[][..], Vec::as_slice);
            if positions.is_empty() && !feature.absent_as_zero {
                continue;
            }
            let scores: Vec<f32> = received
                .iter()
                .flat_map(|model| scores(model, length, positions, heads))
                .collect();
            feature.means.add(&scores, example.counts);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
