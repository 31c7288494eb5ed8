//! The structure of maps beyond the paper: entropy, neighbours, distance (Clark et al., 2019,
//! Sections 3.1 and 3.3).
//!
//! For each head, over all tokens as queries, special tokens included:
//!
//! - `entropy`: mean entropy of the rows, in nats;
//! - `previous`, `next`: mean weight on the token before and after, over the queries that have
//!   such a neighbour (an example of one token has none and does not count);
//! - `itself`: mean weight on the query itself;
//! - `distance`: mean of `sum over keys of weight * |query - key|`, in tokens.

use crate::bootstrap::{BootstrapMean, Estimate, Resampler};
use crate::entropy::entropy;
use crate::observer::{Observation, Observer, append_layer_means};
use crate::view::StatsError;

/// What one map looks like.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Structure {
    /// Mean entropy of the rows, in nats.
    pub entropy: f64,
    /// Mean weight on the token before; `None` for a single token.
    pub previous: Option<f64>,
    /// Mean weight on the token after; `None` for a single token.
    pub next: Option<f64>,
    /// Mean weight on the query itself.
    pub itself: f64,
    /// Mean distance in tokens.
    pub distance: f64,
}

impl Structure {
    /// Of a map of `length` tokens; `None` when there are none or the slice is no such map.
    pub fn of(map: &[f32], length: usize) -> Option<Self> {
        if length == 0 || map.len() != length * length {
            return None;
        }
        let (mut bits, mut previous, mut next, mut itself, mut distance) =
            (0.0, 0.0, 0.0, 0.0, 0.0);
        // Distances from a query are a window of L-1, ..., 1, 0, 1, ..., L-1.
        let ramp: Vec<f32> = (0..2 * length - 1)
            .map(|i| i.abs_diff(length - 1) as f32)
            .collect();
        for (query, row) in map.chunks_exact(length).enumerate() {
            bits += entropy(row);
            let at = |key: Option<usize>| {
                key.and_then(|key| row.get(key))
                    .map_or(0.0, |&w| f64::from(w))
            };
            previous += at(query.checked_sub(1));
            itself += at(Some(query));
            next += at(Some(query + 1));
            let ramp = ramp.get(length - 1 - query..).unwrap_or_default();
            distance += f64::from(dot(row, ramp));
        }
        let n = length as f64;
        let neighbours = |sum: f64| (length > 1).then(|| sum / (n - 1.0));
        Some(Self {
            entropy: bits / n,
            previous: neighbours(previous),
            next: neighbours(next),
            itself: itself / n,
            distance: distance / n,
        })
    }
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut lanes = [0.0f32; 8];
    let (whole_a, rest_a) = a.as_chunks::<8>();
    let (whole_b, rest_b) = b.as_chunks::<8>();
    for (a, b) in whole_a.iter().zip(whole_b) {
        for i in 0..8 {
            lanes[i] += a[i] * b[i];
        }
    }
    // `b` may be longer, so that its last part can start inside one of its chunks.
    let rest_b = whole_b
        .get(whole_a.len()..)
        .unwrap_or_default()
        .as_flattened()
        .iter()
        .chain(rest_b);
    for ((lane, a), b) in lanes.iter_mut().zip(rest_a).zip(rest_b) {
        *lane += a * b;
    }
    lanes.iter().sum()
}

/// A statistic of [`Structure`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum StructureStatistic {
    /// [`Structure::entropy`].
    Entropy,
    /// [`Structure::previous`].
    Previous,
    /// [`Structure::next`].
    Next,
    /// [`Structure::itself`].
    Itself,
    /// [`Structure::distance`].
    Distance,
}

impl StructureStatistic {
    /// All.
    pub const ALL: [StructureStatistic; 5] = [
        StructureStatistic::Entropy,
        StructureStatistic::Previous,
        StructureStatistic::Next,
        StructureStatistic::Itself,
        StructureStatistic::Distance,
    ];

    /// The name in records.
    pub fn name(self) -> &'static str {
        match self {
            StructureStatistic::Entropy => "entropy",
            StructureStatistic::Previous => "attention_to_previous",
            StructureStatistic::Next => "attention_to_next",
            StructureStatistic::Itself => "attention_to_itself",
            StructureStatistic::Distance => "mean_distance",
        }
    }

    fn of(self, structure: &Structure) -> Option<f64> {
        match self {
            StructureStatistic::Entropy => Some(structure.entropy),
            StructureStatistic::Previous => structure.previous,
            StructureStatistic::Next => structure.next,
            StructureStatistic::Itself => Some(structure.itself),
            StructureStatistic::Distance => Some(structure.distance),
        }
    }
}

/// The structure of every head's maps, averaged over examples.
#[derive(Debug, Clone)]
pub struct MapStructures {
    layers: usize,
    heads: usize,
    means: Vec<(StructureStatistic, BootstrapMean)>,
}

impl MapStructures {
    /// For a model of `layers` layers with `heads` heads each.
    pub fn new(layers: usize, heads: usize, resampler: &Resampler) -> Self {
        let mean = BootstrapMean::new(layers * heads + layers, resampler.replicates());
        Self {
            layers,
            heads,
            means: StructureStatistic::ALL
                .iter()
                .map(|&s| (s, mean.clone()))
                .collect(),
        }
    }

    fn estimates(&self, statistic: StructureStatistic) -> Option<Vec<Estimate>> {
        let (_, mean) = self.means.iter().find(|(s, _)| *s == statistic)?;
        mean.estimates()
    }

    /// One estimate a head, layer by layer; `None` before the first example that has it.
    pub fn heads(&self, statistic: StructureStatistic) -> Option<Vec<Estimate>> {
        let mut estimates = self.estimates(statistic)?;
        estimates.truncate(self.layers * self.heads);
        Some(estimates)
    }

    /// One estimate a layer, of the mean over its heads.
    pub fn layers(&self, statistic: StructureStatistic) -> Option<Vec<Estimate>> {
        Some(
            self.estimates(statistic)?
                .split_off(self.layers * self.heads),
        )
    }
}

impl Observer for MapStructures {
    fn observe(&mut self, example: &Observation<'_>) -> Result<(), StatsError> {
        let maps = example.maps;
        maps.check_grid(self.layers, self.heads)?;
        let structures: Option<Vec<Structure>> = maps
            .maps()
            .map(|map| Structure::of(map, maps.length()))
            .collect();
        let Some(structures) = structures.filter(|s| !s.is_empty()) else {
            return Ok(());
        };
        for (statistic, mean) in &mut self.means {
            let values: Option<Vec<f32>> = structures
                .iter()
                .map(|structure| statistic.of(structure).map(|v| v as f32))
                .collect();
            let Some(mut values) = values else { continue };
            append_layer_means(&mut values, self.heads);
            mean.add(&values, example.counts);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Annotation, MapsView};
    use proptest::prelude::*;

    fn near(a: f64, b: f64) {
        assert!((a - b).abs() < 1e-6, "{a} {b}");
    }

    #[test]
    fn hand_computed() {
        let map = [0.5, 0.25, 0.25, 0.1, 0.4, 0.5, 0.0, 0.0, 1.0];
        let structure = Structure::of(&map, 3).unwrap();
        let row = |p: &[f64]| -> f64 { -p.iter().map(|p| p * p.ln()).sum::<f64>() };
        near(
            structure.entropy,
            (row(&[0.5, 0.25, 0.25]) + row(&[0.1, 0.4, 0.5])) / 3.0,
        );
        near(structure.previous.unwrap(), (0.1 + 0.0) / 2.0);
        near(structure.next.unwrap(), (0.25 + 0.5) / 2.0);
        near(structure.itself, (0.5 + 0.4 + 1.0) / 3.0);
        near(structure.distance, (0.25 + 0.5 + 0.1 + 0.5) / 3.0);
    }

    #[test]
    fn one_token_and_none() {
        let structure = Structure::of(&[1.0], 1).unwrap();
        assert_eq!(
            (structure.entropy, structure.itself, structure.distance),
            (0.0, 1.0, 0.0)
        );
        assert_eq!((structure.previous, structure.next), (None, None));
        assert_eq!(Structure::of(&[], 0), None);
        assert_eq!(Structure::of(&[1.0], 2), None);
    }

    #[test]
    fn examples_of_one_token_have_no_neighbours() {
        let resampler = Resampler::new(0, 10);
        let mut structures = MapStructures::new(1, 1, &resampler);
        let annotation = Annotation::default();
        let one = [1.0f32];
        let two = [0.0f32, 1.0, 0.25, 0.75];
        for (index, (length, map)) in [(1, &one[..]), (2, &two[..]), (0, &[][..])]
            .into_iter()
            .enumerate()
        {
            let maps = MapsView::new(1, 1, length, map).unwrap();
            let counts = resampler.counts(index as u64);
            structures
                .observe(&Observation::new(index, maps, &annotation, &counts))
                .unwrap();
        }
        let next = structures.heads(StructureStatistic::Next).unwrap()[0];
        assert_eq!((next.n, next.mean), (1, 1.0));
        let itself = structures.heads(StructureStatistic::Itself).unwrap()[0];
        assert_eq!((itself.n, itself.mean), (2, (1.0 + 0.375) / 2.0));
        assert_eq!(
            structures.layers(StructureStatistic::Itself).unwrap()[0].mean,
            itself.mean
        );
    }

    proptest! {
        #[test]
        fn bounds(raw in prop::collection::vec(0.001f32..1.0, 400), length in 1usize..20) {
            let mut map = raw[..length * length].to_vec();
            for row in map.chunks_exact_mut(length) {
                let sum: f32 = row.iter().sum();
                row.iter_mut().for_each(|w| *w /= sum);
            }
            let structure = Structure::of(&map, length).unwrap();
            prop_assert!(structure.entropy <= (length as f64).ln() + 1e-5 && structure.entropy >= 0.0);
            prop_assert!(structure.distance <= length as f64 - 1.0 + 1e-4 && structure.distance >= 0.0);
            let slow: f64 = map.iter().enumerate().map(|(at, &w)| {
                f64::from(w) * (at / length).abs_diff(at % length) as f64
            }).sum::<f64>() / length as f64;
            prop_assert!((structure.distance - slow).abs() < 1e-4);
        }
    }
}
