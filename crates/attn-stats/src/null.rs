//! Scores of an annotated link beside those of the same link placed elsewhere.
//!
//! For each sentence and head the score is the greatest weight among the link's pairs of tokens. The
//! placements of [`crate::placement`] are few enough to be scored all:
//!
//! - *excess*: the sentence's score less the mean over its placements; mean over sentences with a
//!   bootstrap interval. How much attention the annotation explains beyond what the null does.
//! - *p-values*: in each draw every sentence takes one of its placements at random. One-sided, for a
//!   head against itself, and for all heads at once: each head's score is standardised by its own
//!   draws, and the greatest of a draw is what a head chosen for being greatest has to beat (the
//!   single-step max-t procedure of Westfall and Young 1993).

use crate::bootstrap::{BootstrapMean, Estimate, Resampler, quantile};
use crate::pairs::{above_99th_percentile, greatest};
use crate::placement::{NullKind, Pairing, SpanLink};
use crate::view::{MapsView, StatsError};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// One score under one null, for every head.
#[derive(Debug, Clone)]
pub struct PlacementNull {
    layers: usize,
    heads: usize,
    null: NullKind,
    pairing: Pairing,
    seed: u64,
    n: usize,
    movable: usize,
    real: Vec<f64>,
    expected: Vec<f64>,
    excess: BootstrapMean,
    /// `[draw, head]`.
    drawn: Vec<f64>,
}

/// What a null says about one score.
#[derive(Debug, Clone, PartialEq)]
pub struct NullResult {
    /// Sentences.
    pub n: usize,
    /// Those whose link has another place to go; the rest say nothing.
    pub movable: usize,
    /// The 99th percentile of the real scores.
    pub threshold: f64,
    /// Heads whose real score lies above it, greatest first, as indices layer by layer.
    pub above: Vec<usize>,
    /// How many heads lie above that same threshold in a draw: the mean over draws and the 2.5 % and
    /// 97.5 % quantiles.
    pub drawn_above: (f64, f64, f64),
    /// Each head's mean over all placements.
    pub expected: Vec<f64>,
    /// Each head's real score less that, with the interval over sentences.
    pub excess: Vec<Estimate>,
    /// For each head the proportion of draws in which it scores at least as much as in reality, the
    /// real one counted as a draw: a one-sided p-value, never 0.
    pub p_head: Vec<f64>,
    /// The same for all heads at once: against the greatest standardised score of each draw.
    pub p_any: Vec<f64>,
}

impl PlacementNull {
    /// With `draws` random annotations from the resampler's seed. Memory: `draws * heads`.
    pub fn new(
        (layers, heads): (usize, usize),
        null: NullKind,
        pairing: Pairing,
        draws: usize,
        resampler: &Resampler,
    ) -> Self {
        let grid = layers * heads;
        Self {
            layers,
            heads,
            null,
            pairing,
            seed: resampler.seed(),
            n: 0,
            movable: 0,
            real: vec![0.0; grid],
            expected: vec![0.0; grid],
            excess: BootstrapMean::new(grid, resampler.replicates()),
            drawn: vec![0.0; draws * grid],
        }
    }

    /// Adds a sentence: its maps, its link, the pairs that are scored in reality, and its
    /// [`Resampler::counts`]. A sentence without pairs does not count.
    ///
    /// # Errors
    /// Maps of another grid, a pair outside the sentence.
    pub fn observe(
        &mut self,
        index: usize,
        maps: MapsView<'_>,
        link: &SpanLink,
        real: &[(usize, usize)],
        counts: &[u8],
    ) -> Result<(), StatsError> {
        maps.check_grid(self.layers, self.heads)?;
        if real.is_empty() {
            return Ok(());
        }
        let mut placements: Vec<Vec<(usize, usize)>> = link
            .placements(self.null)
            .iter()
            .map(|runs| link.pairs(runs, self.pairing))
            .filter(|pairs| !pairs.is_empty())
            .collect();
        if placements.is_empty() {
            placements.push(real.to_vec());
        }
        let own = self.scores(maps, real)?;
        let others: Vec<Vec<f64>> = placements
            .iter()
            .map(|pairs| self.scores(maps, pairs))
            .collect::<Result<_, _>>()?;
        self.n += 1;
        self.movable += usize::from(others.len() > 1);
        let mut excess = Vec::with_capacity(own.len());
        for (head, &score) in own.iter().enumerate() {
            let mean = others.iter().map(|o| o[head]).sum::<f64>() / others.len() as f64;
            self.real[head] += score;
            self.expected[head] += mean;
            excess.push((score - mean) as f32);
        }
        self.excess.add(&excess, counts);
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        rng.set_stream(index as u64);
        for sums in self.drawn.chunks_exact_mut(own.len().max(1)) {
            let chosen = &others[rng.random_range(0..others.len())];
            for (sum, score) in sums.iter_mut().zip(chosen) {
                *sum += score;
            }
        }
        Ok(())
    }

    fn scores(&self, maps: MapsView<'_>, pairs: &[(usize, usize)]) -> Result<Vec<f64>, StatsError> {
        let length = maps.length();
        let outside = pairs
            .iter()
            .flat_map(|&(q, k)| [q, k])
            .find(|&p| p >= length);
        if let Some(position) = outside {
            return Err(StatsError::Position {
                what: format!("null '{}'", self.null.name()),
                position,
                length,
            });
        }
        let score = |map| f64::from(greatest(map, length, pairs).unwrap_or(0.0));
        Ok(maps.maps().map(score).collect())
    }

    /// The comparison; `None` before the first sentence with pairs.
    pub fn result(&self) -> Option<NullResult> {
        let n = self.n as f64;
        let excess = self.excess.estimates()?;
        let mean = |sums: &[f64]| sums.iter().map(|sum| sum / n).collect::<Vec<f64>>();
        let real = mean(&self.real);
        let (threshold, above) = above_99th_percentile(&real)?;
        let draws: Vec<Vec<f64>> = self
            .drawn
            .chunks_exact(real.len().max(1))
            .map(mean)
            .collect();
        let mut counts: Vec<f64> = draws
            .iter()
            .map(|draw| draw.iter().filter(|v| **v > threshold).count() as f64)
            .collect();
        counts.sort_by(f64::total_cmp);
        let mean_count = counts.iter().sum::<f64>() / counts.len().max(1) as f64;
        let spreads: Vec<(f64, f64)> = (0..real.len()).map(|head| spread(&draws, head)).collect();
        // A head that is the same in every draw stands out in none.
        let standardised = |value: f64, head: usize| match spreads[head] {
            (mean, deviation) if deviation > 1e-9 => (value - mean) / deviation,
            _ => 0.0,
        };
        let greatest_of: Vec<f64> = draws
            .iter()
            .map(|draw| {
                let each = draw.iter().enumerate().map(|(h, &v)| standardised(v, h));
                each.fold(f64::NEG_INFINITY, f64::max)
            })
            .collect();
        // One part in 10^9 for sums taken in another order.
        let p_value = |hits: usize| (hits + 1) as f64 / (draws.len() + 1) as f64;
        let p_head = (0..real.len()).map(|head| {
            let reached = |draw: &&Vec<f64>| draw[head] >= real[head] * (1.0 - 1e-9);
            p_value(draws.iter().filter(reached).count())
        });
        let p_any = (0..real.len()).map(|head| {
            let own = standardised(real[head], head);
            p_value(greatest_of.iter().filter(|v| **v >= own - 1e-9).count())
        });
        Some(NullResult {
            n: self.n,
            movable: self.movable,
            threshold,
            above,
            drawn_above: (
                mean_count,
                quantile(&counts, 0.025).unwrap_or(f64::NAN),
                quantile(&counts, 0.975).unwrap_or(f64::NAN),
            ),
            expected: mean(&self.expected),
            excess,
            p_head: p_head.collect(),
            p_any: p_any.collect(),
        })
    }
}

/// Mean and standard deviation of a head's draws.
fn spread(draws: &[Vec<f64>], head: usize) -> (f64, f64) {
    let n = draws.len().max(1) as f64;
    let mean = draws.iter().map(|d| d[head]).sum::<f64>() / n;
    let squares = draws.iter().map(|d| (d[head] - mean).powi(2)).sum::<f64>();
    (mean, (squares / n).sqrt())
}

#[cfg(test)]
mod tests;
