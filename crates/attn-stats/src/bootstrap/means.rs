//! Means with intervals, one example at a time.
//!
//! The bootstrap resamples examples. With the Poisson bootstrap each example enters each replicate
//! a Poisson(1) number of times, drawn from the seed and the example's index alone (Hanley and
//! MacGibbon, 2006; Chamandy et al., 2012): no example needs to be kept, one pass suffices, and
//! the result does not depend on threads. For the sample sizes here (60 examples and up) its
//! percentile intervals agree with the multinomial bootstrap's.

use super::samples::interval;
pub use attn_core::Estimate;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

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
///
/// Cells are resampled together, so that two of them can be compared in pairs ([`Self::differences`]).
#[derive(Debug, Clone)]
pub struct BootstrapMean {
    cells: usize,
    n: usize,
    total: f64,
    sums: Vec<f64>,
    weights: Vec<f64>,
    /// `[replicate, cell]`.
    replicate_sums: Vec<f64>,
    /// Examples that are not yet in `replicate_sums`: going through that large table once for
    /// [`BLOCK`] examples rather than once for each keeps a row of it in the nearest cache.
    waiting: Vec<Waiting>,
}

/// An example on its way into the replicates.
#[derive(Debug, Clone)]
struct Waiting {
    values: Vec<f64>,
    weight: f64,
    counts: Vec<u8>,
}

/// Examples that are added to the replicates at a time.
const BLOCK: usize = 32;

impl BootstrapMean {
    /// An empty accumulator for `cells` numbers an example.
    pub fn new(cells: usize, replicates: usize) -> Self {
        Self {
            cells,
            n: 0,
            total: 0.0,
            sums: vec![0.0; cells],
            weights: vec![0.0; replicates],
            replicate_sums: vec![0.0; replicates * cells],
            waiting: Vec::new(),
        }
    }

    /// Adds one example: its values, one a cell, and its [`Resampler::counts`]. Values beyond
    /// `cells` and counts beyond the replicates are ignored; absent values count as 0.
    pub fn add(&mut self, values: &[f32], counts: &[u8]) {
        self.add_total(values, 1.0, counts);
    }

    /// Adds one example that holds `weight` units (links, tokens): `totals` are sums over them. The
    /// estimate is then the mean over units, resampled by example, since units of one example are
    /// not independent. An example without units leaves no trace.
    pub fn add_total(&mut self, totals: &[f32], weight: f64, counts: &[u8]) {
        if weight <= 0.0 {
            return;
        }
        self.n += 1;
        self.total += weight;
        let mut values: Vec<f64> = totals
            .iter()
            .take(self.cells)
            .map(|&v| f64::from(v))
            .collect();
        values.resize(self.cells, 0.0);
        for (sum, value) in self.sums.iter_mut().zip(&values) {
            *sum += value;
        }
        self.waiting.push(Waiting {
            values,
            weight,
            counts: counts.to_vec(),
        });
        if self.waiting.len() >= BLOCK {
            self.flush();
        }
    }

    fn flush(&mut self) {
        let rows = self.replicate_sums.chunks_exact_mut(self.cells.max(1));
        for (replicate, (row, weight)) in rows.zip(&mut self.weights).enumerate() {
            for example in &self.waiting {
                let count = example.counts.get(replicate).copied().unwrap_or(0);
                if count == 0 {
                    continue;
                }
                let count = f64::from(count);
                *weight += count * example.weight;
                for (sum, value) in row.iter_mut().zip(&example.values) {
                    *sum += count * value;
                }
            }
        }
        self.waiting.clear();
    }

    /// Number of examples so far.
    pub fn n(&self) -> usize {
        self.n
    }

    /// Number of units so far: examples, unless they were added with weights.
    pub fn units(&self) -> f64 {
        self.total
    }

    /// Number of cells.
    pub fn cells(&self) -> usize {
        self.cells
    }

    /// With nothing waiting.
    fn settled(&self) -> std::borrow::Cow<'_, Self> {
        if self.waiting.is_empty() {
            return std::borrow::Cow::Borrowed(self);
        }
        let mut settled = self.clone();
        settled.flush();
        std::borrow::Cow::Owned(settled)
    }

    /// Mean and interval of each cell; `None` before the first example.
    pub fn estimates(&self) -> Option<Vec<Estimate>> {
        let settled = self.settled();
        (self.n > 0).then(|| {
            (0..self.cells)
                .map(|cell| settled.estimate(|sums| sums[cell]))
                .collect()
        })
    }

    /// Cell `a` less cell `b`, for each pair, with the interval of the paired difference; `None`
    /// before the first example or for a cell that does not exist.
    pub fn differences(&self, pairs: &[(usize, usize)]) -> Option<Vec<Estimate>> {
        let inside = pairs.iter().all(|&(a, b)| a < self.cells && b < self.cells);
        let settled = self.settled();
        (self.n > 0 && inside).then(|| {
            pairs
                .iter()
                .map(|&(a, b)| settled.estimate(|sums| sums[a] - sums[b]))
                .collect()
        })
    }

    /// The means of each replicate that drew an example, `[replicate][cell]`: to ask how often
    /// something holds under resampling.
    pub fn replicate_means(&self) -> Vec<Vec<f64>> {
        let settled = self.settled();
        settled
            .replicates()
            .map(|(sums, weight)| sums.iter().map(|sum| sum / weight).collect())
            .collect()
    }

    /// Sums and weight of each replicate that drew an example.
    fn replicates(&self) -> impl Iterator<Item = (&[f64], f64)> {
        let rows = self.replicate_sums.chunks_exact(self.cells.max(1));
        rows.zip(self.weights.iter().copied())
            .filter(|(_, weight)| *weight > 0.0)
    }

    fn estimate(&self, value: impl Fn(&[f64]) -> f64) -> Estimate {
        let means: Vec<f64> = self
            .replicates()
            .map(|(sums, weight)| value(sums) / weight)
            .collect();
        let interval = (self.n >= 2).then(|| interval(&means, 0.95)).flatten();
        Estimate {
            mean: value(&self.sums) / self.total,
            n: self.n,
            interval,
        }
    }
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

    /// Against the definition: every replicate is the mean of its draws.
    #[test]
    fn blocks_do_not_change_the_result() {
        let resampler = Resampler::new(9, 40);
        let value = |i: u64| (i as f32 * 0.7).sin();
        let mut mean = BootstrapMean::new(1, 40);
        let (mut sums, mut weights) = (vec![0.0; 40], vec![0.0; 40]);
        for i in 0..2 * BLOCK as u64 + 5 {
            let counts = resampler.counts(i);
            mean.add(&[value(i)], &counts);
            for (r, &c) in counts.iter().enumerate() {
                sums[r] += f64::from(c) * f64::from(value(i));
                weights[r] += f64::from(c);
            }
        }
        let means = mean.replicate_means();
        assert_eq!(means.len(), 40);
        for (r, mean) in means.iter().enumerate() {
            assert!((mean[0] - sums[r] / weights[r]).abs() < 1e-12);
        }
    }

    #[test]
    fn totals_give_the_mean_over_units_and_differences_are_paired() {
        let resampler = Resampler::new(1, 500);
        let mut mean = BootstrapMean::new(2, 500);
        // Cell 1 is always cell 0 less a quarter of the units: the difference has no spread.
        for i in 0..30u64 {
            let units = (i % 3) as f32;
            let total = units * (i as f32 * 1.3).cos();
            mean.add_total(
                &[total, total - 0.25 * units],
                f64::from(units),
                &resampler.counts(i),
            );
        }
        assert_eq!((mean.n(), mean.units()), (20, 30.0));
        let difference = mean.differences(&[(0, 1)]).unwrap()[0];
        let (low, high) = difference.interval.unwrap();
        for value in [difference.mean, low, high] {
            assert!((value - 0.25).abs() < 1e-6, "{difference:?}");
        }
        let (low, high) = mean.estimates().unwrap()[0].interval.unwrap();
        assert!(high - low > 0.1);
        assert_eq!(mean.differences(&[(0, 2)]), None);
    }
}
