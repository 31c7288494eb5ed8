//! Changes to a map that keep its class, for training.
//!
//! - **Reversal** of the order of tokens, rows and columns together: previous becomes next, the
//!   first text the second, columns stay columns. (Transposing would turn columns into rows: it is
//!   not used.)
//! - **Dropping** up to a tenth of the tokens that are not special, rows and columns together:
//!   lines and blocks keep their form.
//! - **Contrast and noise**: weights to a power near 1, each multiplied by a factor near 1.

use crate::measures::{MEASURES, measures};
use crate::store::StoredMap;
use rand::Rng;
use rand_chacha::ChaCha8Rng;

/// What the network needs of a map.
#[derive(Debug, Clone, PartialEq)]
pub struct Sketch {
    /// `[length, length]`.
    pub weights: Vec<f32>,
    /// Tokens.
    pub length: usize,
    /// Positions of special tokens.
    pub special: Vec<usize>,
    /// Text of each token.
    pub segments: Vec<u8>,
}

impl Sketch {
    /// Of a stored map.
    pub fn of(map: &StoredMap) -> Self {
        Self {
            weights: map.weights.clone(),
            length: map.entry.length(),
            special: map.entry.special.clone(),
            segments: map.entry.segments.clone(),
        }
    }

    /// The picture that the network sees.
    pub fn image(&self) -> Vec<f32> {
        crate::image::image(&self.weights, self.length, &self.special, &self.segments)
    }

    /// What is counted in it beside ([`crate::measures`](mod@crate::measures)).
    pub fn measures(&self) -> [f32; MEASURES] {
        measures(&self.weights, self.length, &self.special, &self.segments)
    }

    /// The map over the given tokens only, in the given order.
    fn select(&self, order: &[usize]) -> Self {
        let weights = order
            .iter()
            .flat_map(|&q| order.iter().map(move |&k| (q, k)))
            .filter_map(|(q, k)| self.weights.get(q * self.length + k).copied())
            .collect();
        let special = |new: &usize| {
            order
                .get(*new)
                .is_some_and(|old| self.special.contains(old))
        };
        Self {
            weights,
            length: order.len(),
            special: (0..order.len()).filter(special).collect(),
            segments: order
                .iter()
                .filter_map(|&p| self.segments.get(p).copied())
                .collect(),
        }
    }

    /// A random variant of the same class.
    pub fn vary(&self, rng: &mut ChaCha8Rng) -> Self {
        let reversed = rng.random_bool(0.5);
        let dropped = if rng.random_bool(0.5) { 0.1 } else { 0.0 };
        let mut order: Vec<usize> = (0..self.length)
            .filter(|p| self.special.contains(p) || !rng.random_bool(dropped))
            .collect();
        if reversed {
            order.reverse();
        }
        let mut varied = self.select(&order);
        if reversed {
            // Which text is called first is a convention; the network only compares them.
            varied
                .segments
                .iter_mut()
                .for_each(|s| *s = 1 - (*s).min(1));
            if !self.segments.contains(&1) {
                varied.segments.fill(0);
            }
        }
        let power = rng.random_range(0.85..1.18f32);
        for weight in &mut varied.weights {
            *weight = weight.powf(power) * rng.random_range(0.8..1.2f32);
        }
        varied
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    #[test]
    fn variants_keep_columns_and_diagonals_in_place() {
        let length = 20;
        let mut weights = vec![0.01f32; length * length];
        for i in 0..length {
            weights[i * length] = 0.5;
            weights[i * length + i] = 0.5;
        }
        let sketch = Sketch {
            weights,
            length,
            special: vec![0, 9, 19],
            segments: (0..20).map(|i| u8::from(i > 9)).collect(),
        };
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let mut lengths = std::collections::BTreeSet::new();
        for _ in 0..50 {
            let varied = sketch.vary(&mut rng);
            let n = varied.length;
            lengths.insert(n);
            assert_eq!((varied.special.len(), varied.segments.len()), (3, n));
            assert!(varied.segments[0] == 0 && varied.segments[n - 1] == 1);
            let column = if varied.weights[1] < 0.2 && varied.weights[n] > 0.2 {
                0
            } else {
                n - 1
            };
            for row in 0..n {
                assert!(
                    varied.weights[row * n + column] > 0.3 && varied.weights[row * n + row] > 0.3
                );
            }
            assert_eq!(
                varied.image().len(),
                crate::image::CHANNELS * crate::image::AREA
            );
        }
        assert!(lengths.len() > 2);
    }
}
