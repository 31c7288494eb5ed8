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

use crate::enrich::Candidate;
use crate::store::{Drawn, State};
use attn_core::{HeadId, Task};
use rand::SeedableRng;
use rand::seq::{IndexedRandom, SliceRandom};
use rand_chacha::ChaCha8Rng;
use serde::Serialize;
use std::collections::BTreeMap;

/// Word pieces of the shortest example taken.
pub const SHORTEST: usize = 8;
/// Word pieces of the longest.
pub const LONGEST: usize = 64;
/// First lengths of the length bins; the last ends at [`LONGEST`].
pub const BINS: [usize; 4] = [SHORTEST, 20, 32, 44];

/// Maps of one head that a search for one rare kind may take.
const MOST_OF_A_HEAD: usize = 3;

/// One model that maps are drawn from.
#[derive(Debug, Clone)]
pub struct Source {
    /// Its layers.
    pub layers: usize,
    /// Heads per layer.
    pub heads: usize,
    /// Tasks with a fine-tuned state; may be empty.
    pub tuned: Vec<Task>,
    /// Length of every example in this model's word pieces; beyond [`LONGEST`] where it was cut.
    pub lengths: Vec<usize>,
}

/// One map to make.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Draw {
    /// Which source.
    pub source: usize,
    /// Before or after fine-tuning (on `task`).
    pub state: State,
    /// By chance, or in the search for rare kinds.
    pub drawn: Drawn,
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

/// Draws maps, each example once.
#[derive(Debug, Clone)]
pub struct Sampler<'a> {
    sources: &'a [Source],
    examples: &'a [Task],
    tasks: Vec<Task>,
    used: Vec<bool>,
    seed: u64,
}

/// The part of `count` that falls to one of `parts`.
pub fn share(count: usize, part: usize, parts: usize) -> usize {
    count * (part + 1) / parts - count * part / parts
}

impl<'a> Sampler<'a> {
    /// Over models and examples, of which the tasks are given.
    ///
    /// # Errors
    /// [`SampleError`] when a list is empty or they do not fit one another.
    pub fn new(
        sources: &'a [Source],
        examples: &'a [Task],
        seed: u64,
    ) -> Result<Self, SampleError> {
        let tasks: Vec<Task> = Task::ALL
            .into_iter()
            .filter(|t| examples.contains(t))
            .collect();
        if sources.is_empty() || sources.iter().any(|s| s.layers * s.heads == 0) {
            let what = "the list of models or of a model's heads";
            return Err(SampleError::Empty { what });
        }
        if tasks.is_empty() {
            let what = "the list of examples";
            return Err(SampleError::Empty { what });
        }
        for (index, source) in sources.iter().enumerate() {
            if source.lengths.len() != examples.len() {
                return Err(SampleError::Lengths {
                    source_index: index,
                    found: source.lengths.len(),
                    expected: examples.len(),
                });
            }
        }
        Ok(Self {
            sources,
            examples,
            tasks,
            used: vec![false; examples.len()],
            seed,
        })
    }

    /// A generator of its own for each part: what is drawn does not depend on the other parts but
    /// through the examples that they used.
    fn rng(&self, stream: u64) -> ChaCha8Rng {
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        rng.set_stream(stream);
        rng
    }

    /// Examples that are left and of the right length, with the lengths in one model's pieces.
    fn free<'b>(&'b self, source: &'b Source) -> impl Iterator<Item = (usize, usize)> + 'b {
        let lengths = source.lengths.iter().copied().zip(&self.used).enumerate();
        lengths
            .filter(|(_, (length, used))| !**used && (SHORTEST..=LONGEST).contains(length))
            .map(|(index, (length, _))| (index, length))
    }

    fn take(&mut self, example: usize) {
        if let Some(used) = self.used.get_mut(example) {
            *used = true;
        }
    }

    /// `count` maps in one state, balanced, in random order; fine-tuned ones one model after the
    /// other ([`share`] gives each model's number), and none of a model without such states.
    ///
    /// # Errors
    /// [`SampleError::Exhausted`] when the examples do not suffice.
    pub fn balanced(&mut self, state: State, count: usize) -> Result<Vec<Draw>, SampleError> {
        let sources = self.sources;
        let half = u64::from(state == State::FineTuned);
        let mut draws = Vec::new();
        for (index, source) in sources.iter().enumerate() {
            let allowed = |t: &Task| state == State::Pretrained || source.tuned.contains(t);
            let tasks: Vec<Task> = self.tasks.iter().copied().filter(allowed).collect();
            if tasks.is_empty() {
                continue;
            }
            let count = share(count, index, sources.len());
            let mut rng = self.rng(2 * index as u64 + half);
            let heads: Vec<HeadId> = (0..source.layers * source.heads)
                .map(|i| HeadId::new(i / source.heads, i % source.heads))
                .collect();
            let heads = rounds(&heads, count, &mut rng);
            let tasks = rounds(&tasks, count, &mut rng);
            let bins = rounds(&[0, 1, 2, 3], count, &mut rng);
            let mut of_source = Vec::with_capacity(count);
            for ((head, task), wanted) in heads.into_iter().zip(tasks).zip(bins) {
                let free: Vec<(usize, usize)> = self
                    .free(source)
                    .filter(|(i, _)| self.examples.get(*i) == Some(&task))
                    .map(|(i, length)| (bin(length).abs_diff(wanted), i))
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
                self.take(example);
                of_source.push(Draw {
                    source: index,
                    state,
                    drawn: Drawn::Balanced,
                    task,
                    head,
                    example,
                });
            }
            if state == State::FineTuned {
                of_source.shuffle(&mut rng);
            }
            draws.append(&mut of_source);
        }
        // Ids are given in this order: they must not tell one head from the other. Fine-tuned
        // states come one model after the other, as they are made.
        if state == State::Pretrained {
            draws.shuffle(&mut self.rng(u64::MAX));
        }
        Ok(draws)
    }

    /// At most `count` examples that are left, at random: to look for rare kinds in.
    pub fn pool(&self, source: usize, count: usize) -> Vec<usize> {
        let Some(of) = self.sources.get(source) else {
            return Vec::new();
        };
        let mut free: Vec<usize> = self.free(of).map(|f| f.0).collect();
        free.shuffle(&mut self.rng(1 << 32 | source as u64));
        free.truncate(count);
        free
    }

    /// `count` maps (fewer where candidates lack) of every model's candidates, before fine-tuning:
    /// half with the greatest hint of a diagonal, half with that of blocks, at most three of a
    /// head in either half, in random order.
    pub fn enriched(&mut self, candidates: &[Vec<Candidate>], count: usize) -> Vec<Draw> {
        let mut draws = Vec::new();
        let parts = 2 * candidates.len();
        for (index, of) in candidates.iter().enumerate() {
            for half in 0..2 {
                let hint = |c: &Candidate| {
                    if half == 0 {
                        c.hints.diagonal
                    } else {
                        c.hints.block
                    }
                };
                let mut order: Vec<&Candidate> = of.iter().collect();
                order.sort_by(|a, b| {
                    let place = |c: &Candidate| (c.example, c.head);
                    hint(b).total_cmp(&hint(a)).then(place(a).cmp(&place(b)))
                });
                let mut of_head = BTreeMap::new();
                let mut left = share(count, 2 * index + half, parts);
                for candidate in order {
                    let task = self.examples.get(candidate.example).copied();
                    let (Some(task), Some(false)) = (task, self.used.get(candidate.example)) else {
                        continue;
                    };
                    let taken: &mut usize = of_head.entry(candidate.head).or_default();
                    if left == 0 || *taken >= MOST_OF_A_HEAD {
                        continue;
                    }
                    *taken += 1;
                    left -= 1;
                    self.take(candidate.example);
                    draws.push(Draw {
                        source: index,
                        state: State::Pretrained,
                        drawn: Drawn::Enriched,
                        task,
                        head: candidate.head,
                        example: candidate.example,
                    });
                }
            }
        }
        draws.shuffle(&mut self.rng(u64::MAX - 2));
        draws
    }
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
    use crate::enrich::Hints;

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
        let sources = sources();
        let mut sampler = Sampler::new(&sources, &tasks, 1).unwrap();
        let first = sampler.balanced(State::Pretrained, 160).unwrap();
        let second = sampler.balanced(State::FineTuned, 160).unwrap();
        // The second model has no fine-tuned state.
        assert_eq!((first.len(), second.len()), (160, 80));
        let again = |seed| {
            let mut sampler = Sampler::new(&sources, &tasks, seed).unwrap();
            sampler.balanced(State::Pretrained, 160).unwrap()
        };
        assert_eq!(first, again(1));
        assert_ne!(first, again(2));
        let draws: Vec<Draw> = first.into_iter().chain(second.clone()).collect();
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
        let known = [Task::Mrpc, Task::Rte];
        assert!(
            second
                .iter()
                .all(|d| d.source == 0 && known.contains(&d.task))
        );
        for bin_index in 0..4 {
            let of_bin = |d: &&Draw| bin(lengths[d.example]) == bin_index;
            let n = draws.iter().filter(of_bin).count();
            assert!((45..=75).contains(&n), "bin {bin_index}: {n}");
        }
    }

    #[test]
    fn the_search_takes_the_most_promising_of_several_heads() {
        let (tasks, _) = examples();
        let sources = sources();
        let mut sampler = Sampler::new(&sources, &tasks, 1).unwrap();
        sampler.balanced(State::Pretrained, 160).unwrap();
        let pools = [sampler.pool(0, 100), sampler.pool(1, 100)];
        assert!(pools.iter().all(|p| p.len() == 100));
        let candidates: Vec<Vec<Candidate>> = pools
            .iter()
            .map(|pool| {
                let heads = |&example: &usize| {
                    (0..12).map(move |head| Candidate {
                        head: HeadId::new(0, head),
                        example,
                        hints: Hints {
                            diagonal: head as f64,
                            block: -(head as f64),
                        },
                    })
                };
                pool.iter().flat_map(heads).collect()
            })
            .collect();
        let draws = sampler.enriched(&candidates, 24);
        assert_eq!(draws.len(), 24);
        let mut used: Vec<usize> = draws.iter().map(|d| d.example).collect();
        used.sort_unstable();
        used.dedup();
        assert_eq!(used.len(), 24);
        for d in &draws {
            // Six of each half: three of either of the two best heads.
            assert!([0, 1, 10, 11].contains(&d.head.head), "{d:?}");
            assert_eq!(d.drawn, Drawn::Enriched);
        }
    }

    #[test]
    fn impossible_samples_are_refused() {
        let (tasks, _) = examples();
        let empty = |s: &[Source], t: &[Task]| {
            matches!(Sampler::new(s, t, 1), Err(SampleError::Empty { .. }))
        };
        assert!(empty(&[], &tasks) && empty(&sources(), &[]));
        let all = sources();
        let mut sampler = Sampler::new(&all, &tasks, 1).unwrap();
        let error = sampler.balanced(State::Pretrained, 2000).unwrap_err();
        assert!(matches!(error, SampleError::Exhausted { .. }));
        let mut short = sources();
        short[1].lengths.pop();
        assert!(matches!(
            Sampler::new(&short, &tasks, 1),
            Err(SampleError::Lengths {
                source_index: 1,
                ..
            })
        ));
    }
}
