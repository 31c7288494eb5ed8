//! Training of the parser.

use super::features::Context;
use super::oracle::{costs, right_label};
use super::state::{Action, State};
use super::{Input, best_valid};
use crate::hash::Features;
use crate::perceptron::Perceptron;
use crate::words::Word;
use rand::{Rng, SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;

/// How often, after the first epoch, the parser follows its own choice rather than the oracle's.
const EXPLORATION: f64 = 0.9;

/// A sentence with its tree and with the tags of a tagger that did not see it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Example<'a> {
    /// The cased words and their tags.
    pub cased: (&'a [Word], &'a [u16]),
    /// The lower-cased words and their tags.
    pub lowered: (&'a [Word], &'a [u16]),
    /// Gold heads; the number of words for the root.
    pub heads: &'a [usize],
    /// Gold relations.
    pub labels: &'a [u16],
}

/// Numbers that shape training.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Options {
    /// Number of relations.
    pub labels: usize,
    /// Passes over the examples.
    pub epochs: usize,
    /// Seed of order, lower-casing and exploration.
    pub seed: u64,
    /// Share of sentences that are lower-cased.
    pub lowered: f64,
    /// How far ahead the right transition must be to be left alone.
    pub margin: i32,
}

/// Trains a parser. `done` is called after each epoch with its number from 1 and the share of
/// transitions that were right during it.
pub(crate) fn train(
    examples: &[Example<'_>],
    upos: &[u8],
    options: Options,
    mut done: impl FnMut(usize, f64),
) -> Perceptron {
    let Options {
        labels,
        epochs,
        seed,
        lowered,
        margin,
    } = options;
    let mut perceptron = Perceptron::new(Action::classes(labels));
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut order: Vec<usize> = (0..examples.len()).collect();
    let (mut features, mut scores) = (Features::default(), Vec::new());
    for epoch in 1..=epochs {
        order.shuffle(&mut rng);
        let (mut right, mut all) = (0usize, 0usize);
        for &i in &order {
            let example = &examples[i];
            let (words, tags) = if rng.random_bool(lowered) {
                example.lowered
            } else {
                example.cased
            };
            let context = Context::new(Input { words, tags, upos });
            let mut state = State::new(words.len());
            while !state.done() {
                context.features(&state, &mut features);
                perceptron.score(features.hashes(), &mut scores);
                let Some(guess) = best_valid(&state, &scores, labels) else {
                    break;
                };
                let gold = best_gold(&state, example, &scores, labels).unwrap_or(guess);
                perceptron.tick();
                // The best wrong transition must lose by a margin, not only lose.
                if let Some(rival) = best_wrong(&state, example, &scores, labels)
                    && scores[gold.class()].saturating_sub(scores[rival.class()]) <= margin
                {
                    perceptron.update(features.hashes(), gold.class(), rival.class());
                }
                right += usize::from(guess == gold);
                all += 1;
                let explore = epoch > 1 && rng.random_bool(EXPLORATION);
                state.apply(if explore { guess } else { gold });
            }
        }
        done(epoch, right as f64 / all.max(1) as f64);
    }
    perceptron
}

/// Of the transitions with the least cost and the right label, the one the parser likes best.
fn best_gold(
    state: &State,
    example: &Example<'_>,
    scores: &[i32],
    labels: usize,
) -> Option<Action> {
    best_where(state, example, scores, labels, true)
}

/// Of the other valid transitions, the one the parser likes best.
fn best_wrong(
    state: &State,
    example: &Example<'_>,
    scores: &[i32],
    labels: usize,
) -> Option<Action> {
    best_where(state, example, scores, labels, false)
}

fn best_where(
    state: &State,
    example: &Example<'_>,
    scores: &[i32],
    labels: usize,
    good: bool,
) -> Option<Action> {
    let costs = costs(state, example.heads);
    let least = costs.least();
    let mut best: Option<(i32, Action)> = None;
    for kind in state.valid() {
        let cheap = costs.of(kind) == least;
        if good && !cheap {
            continue;
        }
        for action in kind.actions(labels) {
            let score = scores[action.class()];
            if best.is_none_or(|(top, _)| score > top)
                && (cheap && right_label(state, action, example.heads, example.labels)) == good
            {
                best = Some((score, action));
            }
        }
    }
    best.map(|(_, action)| action)
}
