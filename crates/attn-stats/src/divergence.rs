//! How different the heads of one model are: Jensen-Shannon divergence between their rows, for all
//! pairs of heads (Clark et al., 2019, Section 6).
//!
//! For heads i and j: the mean over queries of the divergence between row q of their maps, then
//! the mean over examples, in nats (0 to ln 2).
//!
//! # Cost
//! 144 heads make 10,296 pairs. The entropy of a mixture has no shortcut: each pair, query and key
//! takes one logarithm, 169 million at L = 128. So an example contributes a random sample of its
//! queries, 8 by default, drawn without replacement from the seed and the example's index. The
//! mean stays unbiased and over 1000 examples rests on 8000 rows. `x ln x` is vectorised
//! (`entropy.rs`) and each head's own part is computed once. About 20 ms an example of 128 tokens
//! with 144 heads on one core (`cargo run -p attn-stats --example cost`).
//!
//! Memory: 200 bootstrap replicates for the pairs (16 MB for 144 heads), all for the heads.

use crate::bootstrap::{BootstrapMean, Estimate, Resampler};
use crate::entropy::{divergence, sum_x_ln_x, sum_x_ln_x_of_sums};
use crate::observer::{Observation, Observer};
use crate::view::StatsError;
use rand::SeedableRng;
use rand::seq::index::sample;
use rand_chacha::ChaCha8Rng;

/// Most replicates that are kept for pairs.
const PAIR_REPLICATES: usize = 200;
/// Sets the sampling of queries apart from the bootstrap, which has the same seed.
const ROWS: u64 = 0x726f_7773;

/// Jensen-Shannon divergence between all pairs of heads.
#[derive(Debug, Clone)]
pub struct HeadDivergence {
    layers: usize,
    heads: usize,
    rows: usize,
    seed: u64,
    /// `(0, 1), (0, 2), …, (1, 2), …`
    pairs: BootstrapMean,
    /// Mean divergence of each head to the others of its layer, then to those of other layers.
    means: BootstrapMean,
}

impl HeadDivergence {
    /// Queries of an example that are looked at, unless told otherwise.
    pub const ROWS: usize = 8;

    /// For a model of `layers` layers with `heads` heads each, with at most `rows` queries an
    /// example (`usize::MAX` for all).
    pub fn new(layers: usize, heads: usize, rows: usize, resampler: &Resampler) -> Self {
        let grid = layers * heads;
        let pairs = grid * grid.saturating_sub(1) / 2;
        let replicates = resampler.replicates();
        Self {
            layers,
            heads,
            rows,
            seed: resampler.seed() ^ ROWS,
            pairs: BootstrapMean::new(pairs, replicates.min(PAIR_REPLICATES)),
            means: BootstrapMean::new(2 * grid, replicates),
        }
    }

    /// Heads in all.
    pub fn grid(&self) -> usize {
        self.layers * self.heads
    }

    /// Estimates of all pairs `(i, j)` with `i < j`, in the order `(0, 1), (0, 2), …`; `None`
    /// before the first example. Heads count layer by layer.
    pub fn pairs(&self) -> Option<Vec<((usize, usize), Estimate)>> {
        let grid = self.grid();
        let names = (0..grid).flat_map(move |i| (i + 1..grid).map(move |j| (i, j)));
        Some(names.zip(self.pairs.estimates()?).collect())
    }

    /// The matrix of means, `grid * grid`, zeros on the diagonal: what [`crate::mds`] takes.
    pub fn matrix(&self) -> Option<Vec<f64>> {
        let grid = self.grid();
        let mut matrix = vec![0.0; grid * grid];
        for ((i, j), estimate) in self.pairs()? {
            matrix[i * grid + j] = estimate.mean;
            matrix[j * grid + i] = estimate.mean;
        }
        Some(matrix)
    }

    /// Each head's mean divergence to the other heads of its layer; all 0 with one head a layer.
    pub fn within_layer(&self) -> Option<Vec<Estimate>> {
        let mut estimates = self.means.estimates()?;
        estimates.truncate(self.grid());
        Some(estimates)
    }

    /// Each head's mean divergence to the heads of other layers; all 0 with one layer.
    pub fn across_layers(&self) -> Option<Vec<Estimate>> {
        Some(self.means.estimates()?.split_off(self.grid()))
    }
}

impl Observer for HeadDivergence {
    fn observe(&mut self, example: &Observation<'_>) -> Result<(), StatsError> {
        let maps = example.maps;
        maps.check_grid(self.layers, self.heads)?;
        let (grid, length) = (self.grid(), maps.length());
        if length == 0 || grid == 0 {
            return Ok(());
        }
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        rng.set_stream(example.index as u64);
        let mut queries = if self.rows >= length {
            (0..length).collect()
        } else {
            sample(&mut rng, length, self.rows).into_vec()
        };
        queries.sort_unstable();
        let mut sums = vec![0.0f64; grid * (grid - 1) / 2];
        let mut rows: Vec<&[f32]> = Vec::with_capacity(grid);
        let mut own: Vec<(f32, f64)> = Vec::with_capacity(grid);
        for &query in &queries {
            rows.clear();
            let row = |map| <[f32]>::get(map, query * length..(query + 1) * length);
            rows.extend(maps.maps().filter_map(row));
            own.clear();
            own.extend(rows.iter().map(|row| {
                let sum = row.iter().map(|&w| f64::from(w)).sum::<f64>();
                (sum_x_ln_x(row), sum)
            }));
            let mut sums = sums.iter_mut();
            for (i, (a, (own_a, sum_a))) in rows.iter().zip(&own).enumerate() {
                for (b, (own_b, sum_b)) in rows.iter().zip(&own).skip(i + 1) {
                    let mixed = sum_x_ln_x_of_sums(a, b);
                    if let Some(sum) = sums.next() {
                        *sum += divergence(*own_a, *own_b, mixed, sum_a + sum_b);
                    }
                }
            }
        }
        let share = 1.0 / queries.len().max(1) as f64;
        let values: Vec<f32> = sums.iter().map(|sum| (sum * share) as f32).collect();
        let mut means = vec![0.0f32; 2 * grid];
        let mut at = values.iter();
        let within = 1.0 / self.heads.saturating_sub(1).max(1) as f32;
        let across = 1.0 / grid.saturating_sub(self.heads).max(1) as f32;
        for i in 0..grid {
            for j in i + 1..grid {
                let value = at.next().copied().unwrap_or(0.0);
                let (offset, share) = if i / self.heads == j / self.heads {
                    (0, within)
                } else {
                    (grid, across)
                };
                means[offset + i] += value * share;
                means[offset + j] += value * share;
            }
        }
        self.pairs.add(&values, example.counts);
        self.means.add(&means, example.counts);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Annotation, MapsView};

    fn observe(divergence: &mut HeadDivergence, length: usize, maps: &[f32]) {
        let annotation = Annotation::default();
        let view = MapsView::new(divergence.layers, divergence.heads, length, maps).unwrap();
        divergence
            .observe(&Observation::new(0, view, &annotation, &[1; 10]))
            .unwrap();
    }

    /// Layer 0: the identity and its mirror image. Layer 1: the identity again and uniform.
    #[test]
    fn hand_computed() {
        let resampler = Resampler::new(1, 10);
        let mut divergence = HeadDivergence::new(2, 2, usize::MAX, &resampler);
        let maps = [
            [1.0f32, 0.0, 0.0, 1.0],
            [0.0, 1.0, 1.0, 0.0],
            [1.0, 0.0, 0.0, 1.0],
            [0.5, 0.5, 0.5, 0.5],
        ]
        .concat();
        observe(&mut divergence, 2, &maps);
        let ln2 = 2.0f64.ln();
        // H(.75, .25) - H(.5, .5) / 2
        let half = -(0.75f64 * 0.75f64.ln() + 0.25 * 0.25f64.ln()) - 0.5 * ln2;
        let expected = [
            ((0, 1), ln2),
            ((0, 2), 0.0),
            ((0, 3), half),
            ((1, 2), ln2),
            ((1, 3), half),
            ((2, 3), half),
        ];
        for ((pair, estimate), (name, value)) in divergence.pairs().unwrap().iter().zip(expected) {
            assert_eq!(*pair, name);
            assert!((estimate.mean - value).abs() < 1e-6, "{pair:?}");
        }
        let matrix = divergence.matrix().unwrap();
        for i in 0..4 {
            assert_eq!(matrix[i * 4 + i], 0.0);
            for j in 0..4 {
                assert_eq!(matrix[i * 4 + j], matrix[j * 4 + i]);
            }
        }
        let within: Vec<f64> = divergence
            .within_layer()
            .unwrap()
            .iter()
            .map(|e| e.mean)
            .collect();
        assert!((within[0] - ln2).abs() < 1e-6 && (within[3] - half).abs() < 1e-6);
        let across = divergence.across_layers().unwrap();
        assert!((across[0].mean - half / 2.0).abs() < 1e-6);
        assert!((across[2].mean - ln2 / 2.0).abs() < 1e-6);
    }

    #[test]
    fn a_sample_of_queries_comes_near_all_of_them() {
        let resampler = Resampler::new(1, 10);
        let length = 64;
        let mut rng = ChaCha8Rng::seed_from_u64(4);
        let mut maps: Vec<f32> = (0..3 * length * length)
            .map(|_| rand::Rng::random::<f32>(&mut rng))
            .collect();
        for row in maps.chunks_exact_mut(length) {
            let sum: f32 = row.iter().sum();
            row.iter_mut().for_each(|w| *w /= sum);
        }
        let run = |rows| {
            let mut divergence = HeadDivergence::new(1, 3, rows, &resampler);
            observe(&mut divergence, length, &maps);
            divergence.matrix().unwrap()
        };
        let (all, some) = (run(usize::MAX), run(16));
        assert_eq!(run(16), some);
        for (a, b) in all.iter().zip(&some) {
            assert!((a - b).abs() < 0.15 * a + 1e-12, "{a} {b}");
        }
        assert_ne!(all, some);
    }

    #[test]
    fn degenerate_sizes() {
        let resampler = Resampler::new(1, 10);
        let mut divergence = HeadDivergence::new(1, 1, 8, &resampler);
        observe(&mut divergence, 0, &[]);
        assert_eq!(divergence.pairs(), None);
        observe(&mut divergence, 1, &[1.0]);
        assert_eq!(divergence.pairs(), Some(vec![]));
        assert_eq!(divergence.matrix(), Some(vec![0.0]));
        let mut divergence = HeadDivergence::new(0, 0, 8, &resampler);
        observe(&mut divergence, 2, &[]);
    }
}
