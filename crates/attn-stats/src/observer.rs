//! One forward pass feeds many statistics.

use crate::bootstrap::{BootstrapMean, Estimate, Resampler};
use crate::features::attention_to;
use crate::view::{MapsView, StatsError};
use std::collections::BTreeMap;

/// Where the features of one example stand: feature name to token positions.
pub type FeaturePositions = BTreeMap<String, Vec<usize>>;

/// One example as observers see it.
#[derive(Debug, Clone, Copy)]
pub struct Observation<'a> {
    /// The example's index in its data set: names its bootstrap stream.
    pub index: usize,
    /// Its maps.
    pub maps: MapsView<'a>,
    /// Its features.
    pub features: &'a FeaturePositions,
    /// Bootstrap counts of this example, shared by all observers.
    pub counts: &'a [u8],
}

/// Takes one example after another. Memory must not grow with their number.
pub trait Observer {
    /// Looks at one example.
    ///
    /// # Errors
    /// [`StatsError`] when the maps do not fit the observer.
    fn observe(&mut self, example: &Observation<'_>) -> Result<(), StatsError>;
}

/// Attention to features for every head (Section 4.4), each averaged over the examples that have
/// the feature.
#[derive(Debug, Clone)]
pub struct FeatureAttention {
    layers: usize,
    heads: usize,
    means: BTreeMap<String, BootstrapMean>,
}

impl FeatureAttention {
    /// For a model of `layers` layers with `heads` heads each, and these features.
    pub fn new(layers: usize, heads: usize, features: &[&str], resampler: &Resampler) -> Self {
        let mean = BootstrapMean::new(layers * heads + layers, resampler.replicates());
        let means = features
            .iter()
            .map(|name| ((*name).to_owned(), mean.clone()))
            .collect();
        Self {
            layers,
            heads,
            means,
        }
    }

    /// One estimate a head, layer by layer; `None` when no example had the feature.
    pub fn heads(&self, feature: &str) -> Option<Vec<Estimate>> {
        let mut estimates = self.means.get(feature)?.estimates()?;
        estimates.truncate(self.layers * self.heads);
        Some(estimates)
    }

    /// One estimate a layer, of the mean over its heads; `None` when no example had the feature.
    pub fn layers(&self, feature: &str) -> Option<Vec<Estimate>> {
        let mut estimates = self.means.get(feature)?.estimates()?;
        Some(estimates.split_off(self.layers * self.heads))
    }
}

impl Observer for FeatureAttention {
    fn observe(&mut self, example: &Observation<'_>) -> Result<(), StatsError> {
        let (maps, expected) = (example.maps, (self.layers, self.heads));
        let found = (maps.layers(), maps.heads());
        if found != expected {
            return Err(StatsError::Grid { found, expected });
        }
        for (feature, mean) in &mut self.means {
            let positions = example.features.get(feature).map_or(&[][..], Vec::as_slice);
            let scores: Option<Vec<f32>> = maps
                .maps()
                .map(|map| attention_to(map, maps.length(), positions))
                .collect();
            // An example without tokens has no maps and so no scores.
            let Some(mut scores) = scores.filter(|s| s.len() == self.layers * self.heads) else {
                continue;
            };
            let layer_mean = |layer: &[f32]| layer.iter().sum::<f32>() / self.heads as f32;
            let layers: Vec<f32> = scores
                .chunks_exact(self.heads.max(1))
                .map(layer_mean)
                .collect();
            scores.extend(layers);
            mean.add(&scores, example.counts);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn features(positions: &[usize]) -> FeaturePositions {
        [("noun".to_owned(), positions.to_vec())].into()
    }

    #[test]
    fn examples_without_the_feature_do_not_count() {
        let resampler = Resampler::new(0, 50);
        let mut attention = FeatureAttention::new(1, 2, &["noun"], &resampler);
        let weights = [0.9, 0.1, 0.7, 0.3, 0.5, 0.5, 0.5, 0.5];
        for (index, positions) in [(0, &[0][..]), (1, &[]), (2, &[1])] {
            let maps = MapsView::new(1, 2, 2, &weights).unwrap();
            let (features, counts) = (features(positions), resampler.counts(index));
            let example = Observation {
                index: index as usize,
                maps,
                features: &features,
                counts: &counts,
            };
            attention.observe(&example).unwrap();
        }
        let estimates = attention.heads("noun").unwrap();
        assert_eq!(estimates[0].n, 2);
        assert!((estimates[0].mean - (0.8 + 0.2) / 2.0).abs() < 1e-6);
        assert!((estimates[1].mean - 0.5).abs() < 1e-6);
        let layers = attention.layers("noun").unwrap();
        assert_eq!((estimates.len(), layers.len()), (2, 1));
        assert!((layers[0].mean - 0.5).abs() < 1e-6);
        assert_eq!(attention.heads("verb"), None);
    }

    #[test]
    fn a_model_of_another_shape_is_refused() {
        let resampler = Resampler::new(0, 5);
        let mut attention = FeatureAttention::new(2, 2, &["noun"], &resampler);
        let weights = [1.0f32, 1.0];
        let maps = MapsView::new(1, 2, 1, &weights).unwrap();
        let example = Observation {
            index: 0,
            maps,
            features: &features(&[0]),
            counts: &[],
        };
        let error = attention.observe(&example).unwrap_err();
        assert_eq!(
            error,
            StatsError::Grid {
                found: (1, 2),
                expected: (2, 2)
            }
        );
    }
}
