//! How many maps are of each class: Figure 2's shares, and each head's dominant class.
//!
//! **A classifier that errs shifts shares.** If it calls a tenth of the Diagonal maps Vertical,
//! Vertical looks too frequent. What its errors are is known from cross-validation: the share of
//! maps of each true class that it gives each class. Both the plain shares (what it says, as in
//! the paper) and corrected ones are given; the interval of the corrected ones covers the
//! uncertainty of the examples and of the errors, both resampled.

use crate::engine::Engine;
use crate::score::Confusion;
use attn_core::Pattern;
use attn_stats::{BootstrapMean, Estimate, Observation, Observer, Resampler, StatsError, interval};

const CLASSES: usize = Pattern::ALL.len();

/// Names of the token positions that [`PatternShares`] reads from an observation's annotation:
/// the first special token, the others, and all tokens that belong to the second text.
pub const FEATURES: [&str; 3] = ["cls", "sep", "second_text"];

/// Rounds of [`correct`]; shares move by less than 1e-6 well before.
const ROUNDS: usize = 2000;

/// The shares that lead to the observed ones through a classifier with these error rates
/// (`rates[true][predicted]`): maximum likelihood over shares that are not negative and sum to 1,
/// by expectation-maximisation (Saerens et al., 2002).
pub fn correct(observed: &[f64; CLASSES], rates: &[[f64; CLASSES]; CLASSES]) -> [f64; CLASSES] {
    let mut shares = [1.0 / CLASSES as f64; CLASSES];
    for _ in 0..ROUNDS {
        let mut next = [0.0; CLASSES];
        for (predicted, &seen) in observed.iter().enumerate() {
            let expected: f64 = (0..CLASSES).map(|t| shares[t] * rates[t][predicted]).sum();
            if expected > 0.0 {
                for (truth, next) in next.iter_mut().enumerate() {
                    *next += seen * shares[truth] * rates[truth][predicted] / expected;
                }
            }
        }
        let sum: f64 = next.iter().sum();
        if sum <= 0.0 {
            return *observed;
        }
        let change: f64 = next
            .iter()
            .zip(shares)
            .map(|(n, s)| (n / sum - s).abs())
            .sum();
        shares = next.map(|n| n / sum);
        if change < 1e-10 {
            break;
        }
    }
    shares
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

    /// The share of all maps (all heads, all examples) that the classifier gives each class, with
    /// intervals over examples.
    pub fn plain(&self) -> Option<[Estimate; CLASSES]> {
        self.shares(|_, shares| shares)
    }

    /// The same, corrected for the classifier's errors. `errors` is what cross-validation found,
    /// `resampled` its bootstrap replicates ([`crate::score::replicates`]), of which the `i`-th
    /// goes with the `i`-th replicate of the examples.
    pub fn corrected(
        &self,
        errors: &Confusion,
        resampled: &[Confusion],
    ) -> Option<[Estimate; CLASSES]> {
        self.shares(|replicate, shares| {
            let confusion = replicate.and_then(|i| resampled.get(i)).unwrap_or(errors);
            correct(&shares, &confusion.rates())
        })
    }

    fn shares(
        &self,
        change: impl Fn(Option<usize>, [f64; CLASSES]) -> [f64; CLASSES],
    ) -> Option<[Estimate; CLASSES]> {
        if self.n == 0 {
            return None;
        }
        let means = change(None, self.sums.map(|s| s / self.n as f64));
        let replicates: Vec<[f64; CLASSES]> = self
            .replicates
            .iter()
            .enumerate()
            .filter(|(_, (weight, _))| *weight > 0.0)
            .map(|(i, (weight, sums))| change(Some(i), sums.map(|s| s / weight)))
            .collect();
        Some(std::array::from_fn(|class| {
            let values: Vec<f64> = replicates.iter().map(|r| r[class]).collect();
            Estimate {
                mean: means[class],
                n: self.n,
                interval: interval(&values, 0.95).filter(|_| self.n > 1),
            }
        }))
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
    fn correction_undoes_known_errors() {
        let truth = [0.3, 0.25, 0.2, 0.05, 0.2];
        let mut rates = [[0.02; CLASSES]; CLASSES];
        for (class, row) in rates.iter_mut().enumerate() {
            row[class] = 0.92;
        }
        rates[1] = [0.3, 0.6, 0.1, 0.0, 0.0];
        let observed: [f64; CLASSES] =
            std::array::from_fn(|p| (0..CLASSES).map(|t| truth[t] * rates[t][p]).sum());
        let corrected = correct(&observed, &rates);
        for (a, b) in corrected.iter().zip(truth) {
            assert!((a - b).abs() < 1e-4, "{corrected:?}");
        }
        // A class that is never predicted and never confused stays away.
        let perfect = Confusion::default().rates();
        assert_eq!(correct(&[0.5, 0.5, 0.0, 0.0, 0.0], &perfect)[3], 0.0);
    }

    #[test]
    fn shares_are_those_of_the_maps_one_by_one() {
        let weights = Weights::random(5);
        let engine = Engine::new(&weights).unwrap();
        let resampler = Resampler::new(1, 50);
        let mut shares = PatternShares::new(&engine, 2, 3, &resampler);
        assert!(shares.plain().is_none() && shares.heads().is_none());
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
        let plain = shares.plain().unwrap();
        for (p, e) in plain.iter().zip(expected) {
            assert!((p.mean - e).abs() < 1e-12 && p.n == 6);
        }
        let heads = shares.heads().unwrap();
        assert_eq!(heads.len(), 6);
        for head in &heads {
            assert!((head.iter().map(|e| e.mean).sum::<f64>() - 1.0).abs() < 1e-9);
        }
        let perfect = Confusion::default();
        let corrected = shares.corrected(&perfect, &[]).unwrap();
        for (c, p) in corrected.iter().zip(plain) {
            assert!((c.mean - p.mean).abs() < 1e-6);
        }
    }
}
