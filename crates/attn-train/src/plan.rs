//! Which examples each step learns from.
//!
//! An epoch's order follows from the seed and the epoch's number alone, so that training can go on
//! from any step without a stored generator.

use crate::Recipe;
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

/// The batches of every step.
#[derive(Debug, Clone)]
pub struct Plan {
    source: Source,
    epochs: usize,
    per_epoch: usize,
    /// The epoch whose batches are at hand.
    current: Option<(usize, Vec<Vec<usize>>)>,
}

#[derive(Debug, Clone)]
enum Source {
    Drawn {
        lengths: Vec<usize>,
        batch: usize,
        bucket: usize,
        seed: u64,
    },
    Fixed(Vec<Vec<usize>>),
}

impl Plan {
    /// Batches by the recipe over examples of these lengths: shuffled, sorted by length within
    /// windows of `bucket` batches, cut, and the batches shuffled. Every example occurs once an
    /// epoch; one batch an epoch may be smaller.
    pub fn new(lengths: &[usize], recipe: &Recipe) -> Self {
        let (batch, bucket) = (recipe.batch.max(1), recipe.bucket.max(1));
        Self {
            source: Source::Drawn {
                lengths: lengths.to_vec(),
                batch,
                bucket,
                seed: recipe.seed,
            },
            epochs: recipe.epochs,
            per_epoch: lengths.len().div_ceil(batch),
            current: None,
        }
    }

    /// One epoch of exactly these batches: to follow another program step by step.
    pub fn fixed(batches: Vec<Vec<usize>>) -> Self {
        let per_epoch = batches.len();
        Self {
            source: Source::Fixed(batches),
            epochs: 1,
            per_epoch,
            current: None,
        }
    }

    /// Number of steps.
    pub fn steps(&self) -> usize {
        self.epochs * self.per_epoch
    }

    /// Steps in an epoch.
    pub fn steps_per_epoch(&self) -> usize {
        self.per_epoch
    }

    /// The indices of the examples of a step, or `None` after the last.
    pub fn batch(&mut self, step: usize) -> Option<Vec<usize>> {
        if step >= self.steps() {
            return None;
        }
        let (epoch, within) = (step / self.per_epoch, step % self.per_epoch);
        if self.current.as_ref().is_none_or(|(at, _)| *at != epoch) {
            self.current = Some((epoch, self.epoch(epoch)));
        }
        self.current.as_ref()?.1.get(within).cloned()
    }

    fn epoch(&self, epoch: usize) -> Vec<Vec<usize>> {
        let (lengths, batch, bucket, seed) = match &self.source {
            Source::Fixed(batches) => return batches.clone(),
            Source::Drawn {
                lengths,
                batch,
                bucket,
                seed,
            } => (lengths, *batch, *bucket, *seed),
        };
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(epoch as u64);
        let mut order: Vec<usize> = (0..lengths.len()).collect();
        order.shuffle(&mut rng);
        if bucket > 1 {
            for window in order.chunks_mut(batch.saturating_mul(bucket)) {
                // Stable: examples of one length keep their random order.
                window.sort_by_key(|&index| lengths[index]);
            }
        }
        let mut batches: Vec<Vec<usize>> = order.chunks(batch).map(<[usize]>::to_vec).collect();
        batches.shuffle(&mut rng);
        batches
    }
}

/// Cuts a batch into parts of at most `tokens` word pieces after padding (or of one example), the
/// examples sorted by length. Returns positions in `lengths`.
pub(crate) fn micro_batches(lengths: &[usize], tokens: usize) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..lengths.len()).collect();
    order.sort_by_key(|&index| lengths[index]);
    let mut parts: Vec<Vec<usize>> = Vec::new();
    for index in order {
        match parts.last_mut() {
            // The longest comes last: it decides the width.
            Some(part) if (part.len() + 1).saturating_mul(lengths[index]) <= tokens => {
                part.push(index)
            }
            _ => parts.push(vec![index]),
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lengths() -> Vec<usize> {
        (0..203).map(|i| 5 + i * 37 % 90).collect()
    }

    fn padding(batches: &[Vec<usize>]) -> usize {
        let lengths = lengths();
        let waste = |batch: &Vec<usize>| {
            let widest = batch.iter().map(|&i| lengths[i]).max().unwrap_or(0);
            batch.iter().map(|&i| widest - lengths[i]).sum::<usize>()
        };
        batches.iter().map(waste).sum()
    }

    fn epoch(recipe: &Recipe, epoch: usize) -> Vec<Vec<usize>> {
        let mut plan = Plan::new(&lengths(), recipe);
        let per = plan.steps_per_epoch();
        (epoch * per..(epoch + 1) * per)
            .map(|step| plan.batch(step).unwrap())
            .collect()
    }

    #[test]
    fn every_example_once_an_epoch_in_another_order_each_time() {
        let recipe = Recipe {
            batch: 8,
            bucket: 4,
            seed: 5,
            ..Recipe::default()
        };
        let mut plan = Plan::new(&lengths(), &recipe);
        assert_eq!((plan.steps_per_epoch(), plan.steps()), (26, 78));
        assert_eq!(plan.batch(78), None);
        for at in 0..3 {
            let mut seen = epoch(&recipe, at).concat();
            seen.sort_unstable();
            assert!(seen.into_iter().eq(0..203));
        }
        assert_ne!(epoch(&recipe, 0), epoch(&recipe, 1));
        assert_eq!(epoch(&recipe, 1), epoch(&recipe, 1));
        assert_ne!(
            epoch(&recipe, 1),
            epoch(
                &Recipe {
                    seed: 6,
                    ..recipe.clone()
                },
                1
            )
        );
        // Any step can be asked for first: nothing depends on those before.
        assert_eq!(Plan::new(&lengths(), &recipe).batch(60), plan.batch(60));
    }

    #[test]
    fn buckets_save_padding_and_leave_batches_in_random_order() {
        let recipe = Recipe {
            batch: 8,
            bucket: 8,
            ..Recipe::default()
        };
        let (sorted, plain) = (
            epoch(&recipe, 0),
            epoch(
                &Recipe {
                    bucket: 1,
                    ..recipe
                },
                0,
            ),
        );
        assert!(
            padding(&sorted) * 4 < padding(&plain),
            "{} {}",
            padding(&sorted),
            padding(&plain)
        );
        let lengths = lengths();
        let first: Vec<usize> = sorted.iter().map(|batch| lengths[batch[0]]).collect();
        assert!(!first.is_sorted());
    }

    #[test]
    fn parts_hold_every_example_within_the_limit() {
        let lengths = [10, 3, 8, 3, 40, 9];
        let parts = micro_batches(&lengths, 30);
        assert_eq!(parts, [vec![1, 3, 2], vec![5, 0], vec![4]]);
        assert_eq!(
            micro_batches(&lengths, usize::MAX),
            [vec![1, 3, 2, 5, 0, 4]]
        );
        assert_eq!(micro_batches(&lengths, 1).len(), 6);
    }
}
