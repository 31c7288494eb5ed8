//! How many maps are of each class: Figure 2's proportions, and each head's dominant class.
//!
//! Here stands what the classifier says, as in the paper; [`crate::correction`] corrects it for the
//! classifier's errors.

use crate::engine::Engine;
use attn_core::Pattern;
use attn_stats::{BootstrapMean, Estimate, Observation, Observer, Resampler, StatsError, interval};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

const CLASSES: usize = Pattern::ALL.len();

/// Names of the token positions that [`PatternShares`] reads from an observation's annotation:
/// the first special token, the others, and all tokens that belong to the second text.
pub const FEATURES: [&str; 3] = ["cls", "sep", "second_text"];

/// The proportion of maps of each class, in the order of [`Pattern::ALL`], with bootstrap replicates.
#[derive(Debug, Clone, PartialEq)]
pub struct Proportions {
    /// Over all examples.
    pub mean: [f64; CLASSES],
    /// Examples.
    pub n: usize,
    /// Of each bootstrap sample; `None` where it drew nothing.
    pub replicates: Vec<Option<[f64; CLASSES]>>,
}

impl Proportions {
    /// With 95 % intervals.
    pub fn estimates(&self) -> [Estimate; CLASSES] {
        std::array::from_fn(|class| {
            let drawn = self.replicates.iter().flatten();
            let mut values: Vec<f64> = drawn.map(|r| r[class]).collect();
            values.sort_by(f64::total_cmp);
            let interval = interval(&values, 0.95);
            Estimate {
                mean: self.mean[class],
                n: self.n,
                interval: interval.filter(|_| self.n > 1),
            }
        })
    }

    /// From means and intervals alone, when the examples are gone: replicates are drawn from a normal
    /// distribution with the intervals' widths whose values sum to 1, cut at 0.
    pub fn of_estimates(
        estimates: &[Estimate; CLASSES],
        resampler: &Resampler,
        stream: u64,
    ) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(resampler.seed());
        rng.set_stream(stream);
        let mean = estimates.map(|e| e.mean);
        let variances = free_variances(&estimates.map(|e| {
            let (low, high) = e.interval.unwrap_or((e.mean, e.mean));
            ((high - low) / (2.0 * 1.959_963_984_540_054)).powi(2)
        }));
        let total: f64 = variances.iter().sum();
        let replicates = (0..resampler.replicates())
            .map(|_| {
                let free = variances.map(|v| {
                    let z: f64 = StandardNormal.sample(&mut rng);
                    v.sqrt() * z
                });
                let sum: f64 = free.iter().sum();
                let part = |class: usize| variances[class] / total.max(f64::MIN_POSITIVE);
                let drawn: [f64; CLASSES] = std::array::from_fn(|class| {
                    (mean[class] + free[class] - part(class) * sum).max(0.0)
                });
                let sum: f64 = drawn.iter().sum();
                (sum > 0.0).then(|| drawn.map(|d| d / sum))
            })
            .collect();
        Self {
            mean,
            n: estimates.iter().map(|e| e.n).min().unwrap_or(0),
            replicates,
        }
    }

    /// The change from `before` to this, replicate by replicate.
    pub fn minus(&self, before: &Self) -> Self {
        let difference = |a: &[f64; CLASSES], b: &[f64; CLASSES]| {
            let difference: [f64; CLASSES] = std::array::from_fn(|class| a[class] - b[class]);
            difference
        };
        let pairs = self.replicates.iter().zip(&before.replicates);
        Self {
            mean: difference(&self.mean, &before.mean),
            n: self.n.min(before.n),
            replicates: pairs
                .map(|(a, b)| Some(difference(a.as_ref()?, b.as_ref()?)))
                .collect(),
        }
    }
}

/// Variances of independent normal values that have the given variances once their sum is held at
/// its mean: `s (1 - s / total) = given`, by iteration.
fn free_variances(given: &[f64; CLASSES]) -> [f64; CLASSES] {
    let mut free = *given;
    for _ in 0..200 {
        let total: f64 = free.iter().sum();
        if total <= 0.0 {
            break;
        }
        // A value cannot vary more than all others together; the bound keeps such input finite.
        free = std::array::from_fn(|i| given[i] / (1.0 - (free[i] / total).min(0.9)));
    }
    free
}

/// Sorts the maps of one example after another.
#[derive(Debug, Clone)]
pub struct PatternShares<'a> {
    engine: &'a Engine,
    layers: usize,
    heads: usize,
    /// `layers * heads * 5`: 1 where the head's map was of the class.
    by_head: BootstrapMean,
    n: usize,
    sums: [f64; CLASSES],
    /// Weight and weighted shares of each replicate.
    replicates: Vec<(f64, [f64; CLASSES])>,
}

impl<'a> PatternShares<'a> {
    /// For a model of `layers` layers with `heads` heads each.
    pub fn new(engine: &'a Engine, layers: usize, heads: usize, resampler: &Resampler) -> Self {
        let replicates = resampler.replicates();
        Self {
            engine,
            layers,
            heads,
            by_head: BootstrapMean::new(layers * heads * CLASSES, replicates),
            n: 0,
            sums: [0.0; CLASSES],
            replicates: vec![(0.0, [0.0; CLASSES]); replicates],
        }
    }

    /// Examples so far.
    pub fn n(&self) -> usize {
        self.n
    }

    /// For each head, layer by layer, the share of examples in which its map is of each class, in
    /// the order of [`Pattern::ALL`]; `None` before the first example.
    pub fn heads(&self) -> Option<Vec<[Estimate; CLASSES]>> {
        let all = self.by_head.estimates()?;
        let heads = all.chunks_exact(CLASSES);
        Some(heads.filter_map(|c| c.try_into().ok()).collect())
    }

    /// The proportion of all maps (all heads, all examples) that the classifier gives each class;
    /// `None` before the first example.
    pub fn proportions(&self) -> Option<Proportions> {
        (self.n > 0).then(|| Proportions {
            mean: self.sums.map(|s| s / self.n as f64),
            n: self.n,
            replicates: self
                .replicates
                .iter()
                .map(|(weight, sums)| (*weight > 0.0).then(|| sums.map(|s| s / weight)))
                .collect(),
        })
    }
}

impl Observer for PatternShares<'_> {
    fn observe(&mut self, example: &Observation<'_>) -> Result<(), StatsError> {
        let maps = &example.maps;
        maps.check_grid(self.layers, self.heads)?;
        let length = maps.length();
        if length == 0 {
            return Ok(());
        }
        example.annotation.check(length)?;
        let positions = |name: &str| example.annotation.features.get(name).into_iter().flatten();
        let [first, others, second] = FEATURES;
        let mut special: Vec<usize> = positions(first).chain(positions(others)).copied().collect();
        special.sort_unstable();
        let mut segments = vec![0u8; length];
        for &position in positions(second) {
            segments[position] = 1;
        }
        let sorted = self
            .engine
            .classify(maps.values(), length, &special, &segments);
        let mut cells = vec![0.0f32; sorted.len() * CLASSES];
        let mut shares = [0.0f64; CLASSES];
        for (cells, probabilities) in cells.chunks_exact_mut(CLASSES).zip(&sorted) {
            let class = probabilities.pattern().index();
            cells[class] = 1.0;
            shares[class] += 1.0 / sorted.len() as f64;
        }
        self.by_head.add(&cells, example.counts);
        self.n += 1;
        for (sum, share) in self.sums.iter_mut().zip(shares) {
            *sum += share;
        }
        for ((weight, sums), &count) in self.replicates.iter_mut().zip(example.counts) {
            *weight += f64::from(count);
            for (sum, share) in sums.iter_mut().zip(shares) {
                *sum += f64::from(count) * share;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::weights::Weights;
    use attn_stats::{Annotation, MapsView};

    #[test]
    fn shares_are_those_of_the_maps_one_by_one() {
        let weights = Weights::random(5);
        let engine = Engine::new(&weights).unwrap();
        let resampler = Resampler::new(1, 50);
        let mut shares = PatternShares::new(&engine, 2, 3, &resampler);
        assert!(shares.proportions().is_none() && shares.heads().is_none());
        let mut expected = [0.0; CLASSES];
        for index in 0..6 {
            let length = 9 + index;
            let value = |i: usize| ((i * 7919 + index * 31) % 97) as f32 / 97.0;
            let values: Vec<f32> = (0..6 * length * length).map(value).collect();
            let features = [
                ("cls".to_owned(), vec![0]),
                ("sep".to_owned(), vec![4, length - 1]),
                ("second_text".to_owned(), (5..length).collect()),
            ];
            let annotation = Annotation::of_features(features.into());
            let maps = MapsView::new(2, 3, length, &values).unwrap();
            let counts = resampler.counts(index as u64);
            let observation = Observation::new(index, maps, &annotation, &counts);
            shares.observe(&observation).unwrap();
            let segments: Vec<u8> = (0..length).map(|i| u8::from(i > 4)).collect();
            for p in engine.classify(&values, length, &[0, 4, length - 1], &segments) {
                expected[p.pattern().index()] += 1.0 / 36.0;
            }
        }
        let plain = shares.proportions().unwrap().estimates();
        for (p, e) in plain.iter().zip(expected) {
            assert!((p.mean - e).abs() < 1e-12 && p.n == 6);
        }
        let heads = shares.heads().unwrap();
        assert_eq!(heads.len(), 6);
        for head in &heads {
            assert!((head.iter().map(|e| e.mean).sum::<f64>() - 1.0).abs() < 1e-9);
        }
    }

    #[test]
    fn intervals_alone_give_the_same_intervals_again() {
        let estimate = |mean: f64, half: f64| Estimate {
            mean,
            n: 300,
            interval: Some((mean - half, mean + half)),
        };
        let given = [
            estimate(0.6, 0.01),
            estimate(0.1, 0.005),
            estimate(0.2, 0.01),
            estimate(0.1, 0.002),
            estimate(0.0, 0.0),
        ];
        let drawn = Proportions::of_estimates(&given, &Resampler::new(1, 4000), 2);
        for (found, given) in drawn.estimates().iter().zip(given) {
            let (low, high) = found.interval.unwrap();
            let (expected_low, expected_high) = given.interval.unwrap();
            assert_eq!((found.mean, found.n), (given.mean, 300));
            assert!((low - expected_low).abs() < 2e-3, "{found:?} {given:?}");
            assert!((high - expected_high).abs() < 2e-3, "{found:?} {given:?}");
        }
        let change = drawn.minus(&drawn).estimates();
        assert!(
            change
                .iter()
                .all(|e| e.mean == 0.0 && e.interval == Some((0.0, 0.0)))
        );
    }
}
