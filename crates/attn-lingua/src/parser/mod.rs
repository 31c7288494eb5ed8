//! Dependency parser: greedy arc-hybrid transitions chosen by an averaged perceptron.
//!
//! Kuhlmann, Gómez-Rodríguez and Satta (2011) for the transitions, Goldberg and Nivre (2013) for
//! the dynamic oracle and for training by exploration: the parser follows its own choices in
//! training, mistakes included, and learns the best way on from wherever it stands.

mod features;
pub(crate) mod oracle;
pub(crate) mod state;
mod train;

pub(crate) use train::{Example, Options, train};

use crate::hash::Features;
use crate::tagger::Scorer;
use crate::words::Word;
use state::{Action, State};

/// What the parser knows of a sentence: words, joint tags and their UPOS, all by number or hash.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Input<'a> {
    /// The words.
    pub words: &'a [Word],
    /// Joint tag of each word.
    pub tags: &'a [u16],
    /// UPOS of each joint tag.
    pub upos: &'a [u8],
}

/// Parses a sentence: the head (the number of words for the root) and the relation of each word.
pub(crate) fn parse(
    scorer: &impl Scorer,
    input: Input<'_>,
    labels: usize,
) -> (Vec<usize>, Vec<u16>) {
    let mut state = State::new(input.words.len());
    let context = features::Context::new(input);
    let (mut features, mut scores) = (Features::default(), Vec::new());
    while !state.done() {
        context.features(&state, &mut features);
        scorer.score(features.hashes(), &mut scores);
        let Some(action) = best_valid(&state, &scores, labels) else {
            break;
        };
        state.apply(action);
    }
    state.into_tree()
}

/// The valid action with the highest score. There is always one before the end.
pub(crate) fn best_valid(state: &State, scores: &[i32], labels: usize) -> Option<Action> {
    let mut best: Option<(i32, Action)> = None;
    for kind in state.valid() {
        for action in kind.actions(labels) {
            let score = scores.get(action.class()).copied().unwrap_or(i32::MIN);
            if best.is_none_or(|(top, _)| score > top) {
                best = Some((score, action));
            }
        }
    }
    best.map(|(_, action)| action)
}
