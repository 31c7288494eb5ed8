//! Which maps to label: a seeded sample, balanced over everything that is known beforehand.
//!
//! The paper labelled around 400 maps of random examples (Section 4.1). Here each model gives the
//! same number, half of them (where fine-tuned states are given) after fine-tuning. Within each
//! half every head comes equally often (up to one), and so do the tasks and the length bins; which
//! goes with which is drawn. No map is chosen by what it looks like.
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

/// Draws `count` maps over the examples, whose tasks are given.
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
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut used = vec![false; examples.len()];
    let mut draws = Vec::with_capacity(count);
    for (index, source) in sources.iter().enumerate() {
        if source.lengths.len() != examples.len() {
            return Err(SampleError::Lengths {
                source_index: index,
                found: source.lengths.len(),
                expected: examples.len(),
            });
        }
        let share = count * (index + 1) / sources.len() - count * index / sources.len();
        let tuned_tasks: Vec<Task> = tasks
            .iter()
            .copied()
            .filter(|t| source.tuned.contains(t))
            .collect();
        let tuned = if tuned_tasks.is_empty() { 0 } else { share / 2 };
        let heads: Vec<HeadId> = (0..source.layers * source.heads)
            .map(|i| HeadId::new(i / source.heads, i % source.heads))
            .collect();
        // Fine-tuned first: those tasks may be few.
        for (state, count, tasks) in [
            (State::FineTuned, tuned, &tuned_tasks),
            (State::Pretrained, share - tuned, &tasks),
        ] {
            let heads = rounds(&heads, count, &mut rng);
            let tasks = rounds(tasks, count, &mut rng);
            let bins = rounds(&[0, 1, 2, 3], count, &mut rng);
            for ((head, task), wanted) in heads.into_iter().zip(tasks).zip(bins) {
                let free: Vec<(usize, usize)> = (0..examples.len())
                    .filter(|&i| {
                        examples[i] == task
                            && !used[i]
                            && (SHORTEST..=LONGEST).contains(&source.lengths[i])
                    })
                    .map(|i| (bin(source.lengths[i]).abs_diff(wanted), i))
                    .collect();
                // Sentences of a task are of like length, so often the wanted bin has none left.
                let nearest = free.iter().map(|f| f.0).min();
                let choice: Vec<usize> = free
                    .iter()
                    .filter(|f| Some(f.0) == nearest)
                    .map(|f| f.1)
                    .collect();
                let &example = choice
                    .choose(&mut rng)
                    .ok_or(SampleError::Exhausted { task })?;
                used[example] = true;
                draws.push(Draw {
                    source: index,
                    state,
                    task,
                    head,
                    example,
                });
            }
        }
    }
    // Ids are given in this order: they must not tell one model from the other.
    draws.shuffle(&mut rng);
    Ok(draws)
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
        assert_eq!(draws.len(), 320);
        assert_eq!(draws, draw(&sources(), &tasks, 320, 1).unwrap());
        assert_ne!(draws, draw(&sources(), &tasks, 320, 2).unwrap());
        let mut used: Vec<usize> = draws.iter().map(|d| d.example).collect();
        used.sort_unstable();
        used.dedup();
        assert_eq!(used.len(), 320);
        let mut heads: BTreeMap<_, usize> = BTreeMap::new();
        for d in &draws {
            assert!((SHORTEST..=LONGEST).contains(&lengths[d.example]));
            assert_eq!(tasks[d.example], d.task);
            *heads.entry((d.source, d.state, d.head)).or_default() += 1;
        }
        // 80 maps of the first model's 72 heads in either state, 160 of the second's 144.
        assert_eq!(heads.len(), 72 + 72 + 144);
        assert!(heads.values().all(|&n| n <= 2));
        let tuned = draws.iter().filter(|d| d.state == State::FineTuned);
        assert!(
            tuned
                .clone()
                .all(|d| d.source == 0 && [Task::Mrpc, Task::Rte].contains(&d.task))
        );
        assert_eq!(tuned.count(), 80);
        for bin_index in 0..4 {
            let n = draws
                .iter()
                .filter(|d| bin(lengths[d.example]) == bin_index)
                .count();
            assert!((60..=100).contains(&n), "bin {bin_index}: {n}");
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
