//! Which maps to label: a seeded sample, balanced over everything that is known beforehand.
//!
//! The paper labelled around 400 maps of random examples (Section 4.1). Here each model gives the
//! same number, half of them before and half after fine-tuning. Within each half every head comes
//! equally often (up to one), and so do the tasks and the length bins; which goes with which is
//! drawn. No map is chosen by what it looks like. The first half does not depend on which
//! fine-tuned states there are, so that it can be labelled before they exist.
//!
//! **Each example is used once.** So two maps share a sentence only if they are one map, and
//! folds that keep a head's maps together keep sentences apart as well (see [`crate::folds`]).

use crate::store::State;
use attn_core::{HeadId, Task};
use rand::SeedableRng;
use rand::seq::{IndexedRandom, SliceRandom};
use rand_chacha::ChaCha8Rng;
use serde::Serialize;

/// Word pieces of the shortest example taken.
pub const SHORTEST: usize = 8;
/// Word pieces of the longest.
pub const LONGEST: usize = 64;
/// First lengths of the length bins; the last ends at [`LONGEST`].
pub const BINS: [usize; 4] = [SHORTEST, 20, 32, 44];

/// One model that maps are drawn from.
#[derive(Debug, Clone)]
pub struct Source {
    /// Its layers.
    pub layers: usize,
    /// Heads per layer.
    pub heads: usize,
    /// Tasks with a fine-tuned state; may be empty.
    pub tuned: Vec<Task>,
    /// Length of every example in this model's word pieces.
    pub lengths: Vec<usize>,
}

/// One map to make.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Draw {
    /// Which source.
    pub source: usize,
    /// Before or after fine-tuning (on `task`).
    pub state: State,
    /// The example's task.
    pub task: Task,
    /// The head.
    pub head: HeadId,
    /// The example's index.
    pub example: usize,
}

/// A sample that cannot be drawn.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SampleError {
    /// Nothing to draw from.
    #[error("{what} is empty; give at least one")]
    Empty {
        /// Which list.
        what: &'static str,
    },
    /// A source's lengths do not belong to the examples.
    #[error("model {source_index} has the lengths of {found} examples, expected {expected}")]
    Lengths {
        /// Which source, from 0.
        source_index: usize,
        /// Lengths given.
        found: usize,
        /// Examples.
        expected: usize,
    },
    /// Not enough text: each example serves once.
    #[error(
        "task {task} has too few examples of {SHORTEST} to {LONGEST} word pieces: \
         each serves for one map only; ask for fewer maps or add examples"
    )]
    Exhausted {
        /// The task.
        task: Task,
    },
}

/// `count` items in rounds: every item once in each round, each round shuffled.
fn rounds<T: Copy>(items: &[T], count: usize, rng: &mut ChaCha8Rng) -> Vec<T> {
    let mut all = Vec::with_capacity(count);
    while all.len() < count && !items.is_empty() {
        let mut round = items.to_vec();
        round.shuffle(rng);
        all.extend(round.into_iter().take(count - all.len()));
    }
    all
}

fn bin(length: usize) -> usize {
    BINS.iter().rposition(|&first| length >= first).unwrap_or(0)
}

/// What is drawn from and what was used.
struct Pool<'a> {
    examples: &'a [Task],
    used: Vec<bool>,
}

impl Pool<'_> {
    /// `count` maps of one model in one state.
    fn draw(
        &mut self,
        index: usize,
        source: &Source,
        (state, tasks): (State, &[Task]),
        count: usize,
        rng: &mut ChaCha8Rng,
    ) -> Result<Vec<Draw>, SampleError> {
        let heads: Vec<HeadId> = (0..source.layers * source.heads)
            .map(|i| HeadId::new(i / source.heads, i % source.heads))
            .collect();
        let heads = rounds(&heads, count, rng);
        let tasks = rounds(tasks, count, rng);
        let bins = rounds(&[0, 1, 2, 3], count, rng);
        let mut draws = Vec::with_capacity(count);
        for ((head, task), wanted) in heads.into_iter().zip(tasks).zip(bins) {
            let lengths = self.examples.iter().zip(&self.used).zip(&source.lengths);
            let free: Vec<(usize, usize)> = lengths
                .enumerate()
                .filter(|(_, ((of, used), length))| {
                    **of == task && !**used && (SHORTEST..=LONGEST).contains(*length)
                })
                .map(|(i, (_, &length))| (bin(length).abs_diff(wanted), i))
                .collect();
            // Sentences of a task are of like length, so often the wanted bin has none left.
            let nearest = free.iter().map(|f| f.0).min();
            let choice: Vec<usize> = free
                .iter()
                .filter(|f| Some(f.0) == nearest)
                .map(|f| f.1)
                .collect();
            let &example = choice.choose(rng).ok_or(SampleError::Exhausted { task })?;
            if let Some(used) = self.used.get_mut(example) {
                *used = true;
            }
            draws.push(Draw {
                source: index,
                state,
                task,
                head,
                example,
            });
        }
        Ok(draws)
    }
}

/// The part of `count` that falls to one of `parts`.
fn share(count: usize, part: usize, parts: usize) -> usize {
    count * (part + 1) / parts - count * part / parts
}

/// Draws `count` maps over the examples, whose tasks are given: half of them before fine-tuning,
/// first, then the other half, which only sources with [`Source::tuned`] tasks give.
///
/// # Errors
/// [`SampleError`] when a list is empty or inconsistent or the examples do not suffice.
pub fn draw(
    sources: &[Source],
    examples: &[Task],
    count: usize,
    seed: u64,
) -> Result<Vec<Draw>, SampleError> {
    let empty = |what| SampleError::Empty { what };
    let tasks: Vec<Task> = Task::ALL
        .into_iter()
        .filter(|t| examples.contains(t))
        .collect();
    if sources.is_empty() || sources.iter().any(|s| s.layers * s.heads == 0) {
        return Err(empty("the list of models or of a model's heads"));
    }
    if tasks.is_empty() {
        return Err(empty("the list of examples"));
    }
    let mut pool = Pool {
        examples,
        used: vec![false; examples.len()],
    };
    let mut all = Vec::with_capacity(count);
    for (half, state) in [State::Pretrained, State::FineTuned]
        .into_iter()
        .enumerate()
    {
        let mut draws = Vec::new();
        for (index, source) in sources.iter().enumerate() {
            if source.lengths.len() != examples.len() {
                return Err(SampleError::Lengths {
                    source_index: index,
                    found: source.lengths.len(),
                    expected: examples.len(),
                });
            }
            let tasks: Vec<Task> = tasks
                .iter()
                .copied()
                .filter(|t| state == State::Pretrained || source.tuned.contains(t))
                .collect();
            let count = if tasks.is_empty() {
                0
            } else {
                share(share(count, half, 2), index, sources.len())
            };
            // A stream of its own: what is drawn does not depend on the other half.
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            rng.set_stream((2 * index + half) as u64);
            draws.extend(pool.draw(index, source, (state, &tasks), count, &mut rng)?);
        }
        // Ids are given in this order: they must not tell one model from the other.
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(u64::MAX - half as u64);
        draws.shuffle(&mut rng);
        all.append(&mut draws);
    }
    Ok(all)
}

/// The order in which a labelling pass sees `count` maps.
pub fn order(count: usize, seed: u64) -> Vec<usize> {
    let mut order: Vec<usize> = (0..count).collect();
    order.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
    order
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn examples() -> (Vec<Task>, Vec<usize>) {
        let tasks: Vec<Task> = (0..700).map(|i| Task::PAPER[i % 7]).collect();
        let lengths = (0..700).map(|i| 4 + (i * 31) % 70).collect();
        (tasks, lengths)
    }

    fn sources() -> Vec<Source> {
        let lengths = examples().1;
        vec![
            Source {
                layers: 6,
                heads: 12,
                tuned: vec![Task::Mrpc, Task::Rte],
                lengths: lengths.clone(),
            },
            Source {
                layers: 12,
                heads: 12,
                tuned: vec![],
                lengths,
            },
        ]
    }

    #[test]
    fn a_sample_is_balanced_and_uses_each_example_once() {
        let (tasks, lengths) = examples();
        let draws = draw(&sources(), &tasks, 320, 1).unwrap();
        // The second model has no fine-tuned state.
        assert_eq!(draws.len(), 240);
        assert_eq!(draws, draw(&sources(), &tasks, 320, 1).unwrap());
        assert_ne!(draws, draw(&sources(), &tasks, 320, 2).unwrap());
        let mut used: Vec<usize> = draws.iter().map(|d| d.example).collect();
        used.sort_unstable();
        used.dedup();
        assert_eq!(used.len(), 240);
        let mut heads: BTreeMap<_, usize> = BTreeMap::new();
        for d in &draws {
            assert!((SHORTEST..=LONGEST).contains(&lengths[d.example]));
            assert_eq!(tasks[d.example], d.task);
            *heads.entry((d.source, d.state, d.head)).or_default() += 1;
        }
        // 80 maps of the first model's 72 heads in either state, 80 of the second's 144.
        assert_eq!(heads.len(), 72 + 72 + 80);
        assert!(heads.values().all(|&n| n <= 2));
        let tuned = draws.iter().filter(|d| d.state == State::FineTuned);
        assert!(
            tuned
                .clone()
                .all(|d| d.source == 0 && [Task::Mrpc, Task::Rte].contains(&d.task))
        );
        assert_eq!(tuned.count(), 80);
        let mut untuned = sources();
        untuned[0].tuned.clear();
        assert_eq!(draw(&untuned, &tasks, 320, 1).unwrap(), draws[..160]);
        for bin_index in 0..4 {
            let n = draws
                .iter()
                .filter(|d| bin(lengths[d.example]) == bin_index)
                .count();
            assert!((45..=75).contains(&n), "bin {bin_index}: {n}");
        }
    }

    #[test]
    fn impossible_samples_are_refused() {
        let (tasks, _) = examples();
        assert!(matches!(
            draw(&[], &tasks, 10, 1),
            Err(SampleError::Empty { .. })
        ));
        assert!(matches!(
            draw(&sources(), &[], 10, 1),
            Err(SampleError::Empty { .. })
        ));
        assert!(matches!(
            draw(&sources(), &tasks, 2000, 1),
            Err(SampleError::Exhausted { .. })
        ));
        let mut short = sources();
        short[1].lengths.pop();
        assert!(matches!(
            draw(&short, &tasks, 10, 1),
            Err(SampleError::Lengths {
                source_index: 1,
                ..
            })
        ));
    }
}
