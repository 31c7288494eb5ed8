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
//! [`ShuffleNull`] asks how large such scores get when the annotation means nothing.

use crate::bootstrap::{BootstrapMean, Estimate, Resampler, quantile};
use crate::observer::{Observation, Observer};
use crate::view::{MapsView, StatsError};
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
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

/// Whether the heads that join annotated pairs join any pairs: the same score under shuffled
/// annotations.
///
/// Each draw permutes an example's text tokens (all but the first and the last, in models that
/// wrap a single text in two special tokens) and carries the pairs along, so that their number and
/// shape stay and their place does not. Pairs of the real annotation are at least `distance`
/// tokens apart because Section 4.2 excludes neighbours; draws that bring a pair nearer are drawn
/// again, up to 100 times, and then kept, so that a head that looks at neighbours is not favoured.
#[derive(Debug, Clone)]
pub struct ShuffleNull {
    layers: usize,
    heads: usize,
    name: String,
    seed: u64,
    draws: usize,
    n: usize,
    real: Vec<f64>,
    /// `[draw, head]`.
    shuffled: Vec<f64>,
}

/// What shuffling says about one set of pairs.
#[derive(Debug, Clone, PartialEq)]
pub struct NullResult {
    /// Examples.
    pub n: usize,
    /// The 99th percentile of the real scores.
    pub threshold: f64,
    /// Heads whose real score lies above it, greatest first, as indices layer by layer.
    pub above: Vec<usize>,
    /// How many heads lie above that same threshold under shuffled annotation: the mean over
    /// draws and the 2.5 % and 97.5 % quantiles.
    pub shuffled_above: (f64, f64, f64),
    /// For each head the share of draws in which it scores at least as much as in reality, the
    /// real one counted as a draw: a one-sided p-value, never 0.
    pub p_head: Vec<f64>,
    /// The same against the greatest score among all heads in each draw: a p-value that allows
    /// for having looked at all heads.
    pub p_any: Vec<f64>,
    /// Mean shuffled score of each head.
    pub shuffled_mean: Vec<f64>,
}

/// Nearest distance between a query and a key in a shuffled annotation.
const DISTANCE: usize = 2;

impl ShuffleNull {
    /// For the pairs called `name`, with `draws` shuffled annotations from `seed`. Memory:
    /// `draws * heads`.
    pub fn new(layers: usize, heads: usize, name: &str, draws: usize, seed: u64) -> Self {
        Self {
            layers,
            heads,
            name: name.to_owned(),
            seed,
            draws,
            n: 0,
            real: vec![0.0; layers * heads],
            shuffled: vec![0.0; draws * layers * heads],
        }
    }

    /// The comparison; `None` before the first example with pairs.
    pub fn result(&self) -> Option<NullResult> {
        if self.n == 0 {
            return None;
        }
        let n = self.n as f64;
        let real: Vec<f64> = self.real.iter().map(|sum| sum / n).collect();
        let (threshold, above) = above_99th_percentile(&real)?;
        let draws: Vec<Vec<f64>> = self
            .shuffled
            .chunks_exact(real.len().max(1))
            .map(|sums| sums.iter().map(|sum| sum / n).collect())
            .collect();
        let mut counts: Vec<f64> = draws
            .iter()
            .map(|draw| draw.iter().filter(|v| **v > threshold).count() as f64)
            .collect();
        counts.sort_by(f64::total_cmp);
        let mean = counts.iter().sum::<f64>() / counts.len().max(1) as f64;
        // One part in 10^9 for sums taken in another order.
        let reaches = |value: f64, real: f64| value >= real * (1.0 - 1e-9);
        let p = |at_least: &dyn Fn(&Vec<f64>, usize) -> bool, head: usize| {
            let hits = draws.iter().filter(|draw| at_least(draw, head)).count();
            (hits + 1) as f64 / (draws.len() + 1) as f64
        };
        let of_head = |draw: &Vec<f64>, head: usize| reaches(draw[head], real[head]);
        let of_any = |draw: &Vec<f64>, head: usize| draw.iter().any(|&v| reaches(v, real[head]));
        Some(NullResult {
            n: self.n,
            threshold,
            above,
            shuffled_above: (
                mean,
                quantile(&counts, 0.025).unwrap_or(f64::NAN),
                quantile(&counts, 0.975).unwrap_or(f64::NAN),
            ),
            p_head: (0..real.len()).map(|head| p(&of_head, head)).collect(),
            p_any: (0..real.len()).map(|head| p(&of_any, head)).collect(),
            shuffled_mean: (0..real.len())
                .map(|head| {
                    draws.iter().map(|draw| draw[head]).sum::<f64>() / draws.len().max(1) as f64
                })
                .collect(),
        })
    }
}

/// The pairs after a random permutation of the text tokens `1..length - 1`; pairs that touch the
/// first or last token keep that end.
fn shuffle(length: usize, pairs: &[(usize, usize)], rng: &mut impl Rng) -> Vec<(usize, usize)> {
    let mut places: Vec<usize> = (0..length).collect();
    let mut shuffled = pairs.to_vec();
    for _ in 0..100 {
        if let Some(text) = places.get_mut(1..length.saturating_sub(1)) {
            text.shuffle(rng);
        }
        for (pair, &(query, key)) in shuffled.iter_mut().zip(pairs) {
            let place = |i: usize| places.get(i).copied().unwrap_or(i);
            *pair = (place(query), place(key));
        }
        if shuffled.iter().all(|(q, k)| q.abs_diff(*k) >= DISTANCE) {
            break;
        }
    }
    shuffled
}

impl Observer for ShuffleNull {
    fn observe(&mut self, example: &Observation<'_>) -> Result<(), StatsError> {
        let (maps, annotation) = (example.maps, example.annotation);
        maps.check_grid(self.layers, self.heads)?;
        annotation.check(maps.length())?;
        let Some(pairs) = annotation.pairs.get(&self.name).filter(|p| !p.is_empty()) else {
            return Ok(());
        };
        let add = |sums: &mut [f64], maps: MapsView<'_>, pairs: &[(usize, usize)]| {
            for (sum, map) in sums.iter_mut().zip(maps.maps()) {
                *sum += f64::from(greatest(map, maps.length(), pairs).unwrap_or(0.0));
            }
        };
        self.n += 1;
        add(&mut self.real, maps, pairs);
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        rng.set_stream(example.index as u64);
        for sums in self
            .shuffled
            .chunks_exact_mut((self.layers * self.heads).max(1))
            .take(self.draws)
        {
            add(sums, maps, &shuffle(maps.length(), pairs, &mut rng));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
