//! Means with intervals, one example at a time.
//!
//! The bootstrap resamples examples. With the Poisson bootstrap each example enters each replicate
//! a Poisson(1) number of times, drawn from the seed and the example's index alone (Hanley and
//! MacGibbon, 2006; Chamandy et al., 2012): no example needs to be kept, one pass suffices, and
//! the result does not depend on threads. For the sample sizes here (60 examples and up) its
//! percentile intervals agree with the multinomial bootstrap's.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

/// A mean with its 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// The mean over examples.
    pub mean: f64,
    /// Examples.
    pub n: usize,
    /// The 2.5 % and 97.5 % quantiles of the bootstrap means; absent for fewer than two examples.
    pub interval: Option<(f64, f64)>,
}

/// Draws how often an example enters each replicate.
#[derive(Debug, Clone)]
pub struct Resampler {
    seed: u64,
    replicates: usize,
}

impl Resampler {
    /// `replicates` bootstrap samples from `seed`; 1000 give an interval two stable digits.
    pub fn new(seed: u64, replicates: usize) -> Self {
        Self { seed, replicates }
    }

    /// The seed.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Number of replicates.
    pub fn replicates(&self) -> usize {
        self.replicates
    }

    /// Poisson(1) counts of example number `index`, one for each replicate. Statistics that share a
    /// resampler resample alike, so that differences between heads or models can be paired.
    pub fn counts(&self, index: u64) -> Vec<u8> {
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        rng.set_stream(index);
        (0..self.replicates)
            .map(|_| poisson_one(rng.random()))
            .collect()
    }
}

/// The Poisson(1) quantile of a uniform 32-bit number: the distribution function times 2^32.
fn poisson_one(uniform: u32) -> u8 {
    let mut probability = (-1.0f64).exp();
    let mut cumulative = probability;
    let u = (f64::from(uniform) + 0.5) / 4_294_967_296.0;
    let mut count = 0u8;
    while u > cumulative && count < 20 {
        count += 1;
        probability /= f64::from(count);
        cumulative += probability;
    }
    count
}

/// Means of several numbers (cells: heads, for instance) over examples, with bootstrap intervals.
/// Memory: `replicates * cells` numbers, whatever the number of examples.
#[derive(Debug, Clone)]
pub struct BootstrapMean {
    cells: usize,
    n: usize,
    sums: Vec<f64>,
    weights: Vec<f64>,
    /// `[replicate, cell]`.
    replicate_sums: Vec<f64>,
}

impl BootstrapMean {
    /// An empty accumulator for `cells` numbers an example.
    pub fn new(cells: usize, replicates: usize) -> Self {
        Self {
            cells,
            n: 0,
            sums: vec![0.0; cells],
            weights: vec![0.0; replicates],
            replicate_sums: vec![0.0; replicates * cells],
        }
    }

    /// Adds one example: its values, one a cell, and its [`Resampler::counts`]. Values beyond
    /// `cells` and counts beyond the replicates are ignored.
    pub fn add(&mut self, values: &[f32], counts: &[u8]) {
        self.n += 1;
        for (sum, &value) in self.sums.iter_mut().zip(values) {
            *sum += f64::from(value);
        }
        let rows = self.replicate_sums.chunks_exact_mut(self.cells.max(1));
        for ((row, weight), &count) in rows.zip(&mut self.weights).zip(counts) {
            if count == 0 {
                continue;
            }
            let count = f64::from(count);
            *weight += count;
            for (sum, &value) in row.iter_mut().zip(values) {
                *sum += count * f64::from(value);
            }
        }
    }

    /// Number of examples so far.
    pub fn n(&self) -> usize {
        self.n
    }

    /// Mean and interval of each cell; `None` before the first example.
    pub fn estimates(&self) -> Option<Vec<Estimate>> {
        if self.n == 0 {
            return None;
        }
        Some((0..self.cells).map(|cell| self.estimate(cell)).collect())
    }

    fn estimate(&self, cell: usize) -> Estimate {
        let mut means: Vec<f64> = self
            .weights
            .iter()
            .enumerate()
            .filter(|(_, weight)| **weight > 0.0)
            .map(|(replicate, weight)| self.replicate_sums[replicate * self.cells + cell] / weight)
            .collect();
        means.sort_by(f64::total_cmp);
        let interval = (self.n >= 2)
            .then(|| Some((quantile(&means, 0.025)?, quantile(&means, 0.975)?)))
            .flatten();
        Estimate {
            mean: self.sums[cell] / self.n as f64,
            n: self.n,
            interval,
        }
    }
}

/// Quantile of sorted values with linear interpolation, as NumPy's default.
fn quantile(sorted: &[f64], q: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    let position = q * last as f64;
    let below = position.floor() as usize;
    let above = (below + 1).min(last);
    let share = position - below as f64;
    Some(sorted[below] * (1.0 - share) + sorted[above] * share)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_poisson_one_and_repeatable() {
        let resampler = Resampler::new(7, 20_000);
        let counts = resampler.counts(3);
        assert_eq!(counts, resampler.counts(3));
        assert_ne!(counts, resampler.counts(4));
        let n = counts.len() as f64;
        let mean = counts.iter().map(|&c| f64::from(c)).sum::<f64>() / n;
        let variance = counts
            .iter()
            .map(|&c| (f64::from(c) - mean).powi(2))
            .sum::<f64>()
            / n;
        let zeros = counts.iter().filter(|&&c| c == 0).count() as f64 / n;
        assert!(
            (mean - 1.0).abs() < 0.03 && (variance - 1.0).abs() < 0.06,
            "{mean} {variance}"
        );
        assert!((zeros - (-1.0f64).exp()).abs() < 0.015, "{zeros}");
    }

    #[test]
    fn interval_of_a_mean_has_the_width_theory_says() {
        let resampler = Resampler::new(1, 2000);
        let mut mean = BootstrapMean::new(2, 2000);
        let mut rng = ChaCha8Rng::seed_from_u64(5);
        let values: Vec<f32> = (0..400).map(|_| rng.random()).collect();
        for (i, &v) in values.iter().enumerate() {
            mean.add(&[v, 0.25], &resampler.counts(i as u64));
        }
        let estimates = mean.estimates().unwrap();
        let (low, high) = estimates[0].interval.unwrap();
        let n = values.len() as f64;
        let average = values.iter().map(|&v| f64::from(v)).sum::<f64>() / n;
        let deviation = (values
            .iter()
            .map(|&v| (f64::from(v) - average).powi(2))
            .sum::<f64>()
            / n)
            .sqrt();
        let expected = 2.0 * 1.96 * deviation / n.sqrt();
        assert!((estimates[0].mean - average).abs() < 1e-12);
        assert!(
            ((high - low) / expected - 1.0).abs() < 0.1,
            "{} {expected}",
            high - low
        );
        assert!(low < average && average < high);
        let (low, high) = estimates[1].interval.unwrap();
        assert!((low - 0.25).abs() < 1e-12 && (high - 0.25).abs() < 1e-12);
    }

    #[test]
    fn too_few_examples_have_no_interval() {
        let resampler = Resampler::new(1, 100);
        let mut mean = BootstrapMean::new(1, 100);
        assert_eq!(mean.estimates(), None);
        mean.add(&[2.0], &resampler.counts(0));
        assert_eq!(
            mean.estimates().unwrap(),
            [Estimate {
                mean: 2.0,
                n: 1,
                interval: None
            }]
        );
    }

    #[test]
    fn numpy_quantiles() {
        // numpy.quantile([1, 2, 4, 8], [0.025, 0.5, 0.975])
        let values = [1.0, 2.0, 4.0, 8.0];
        for (q, expected) in [(0.025, 1.075), (0.5, 3.0), (0.975, 7.7)] {
            assert!((quantile(&values, q).unwrap() - expected).abs() < 1e-12);
        }
        assert_eq!(quantile(&[], 0.5), None);
    }
}
