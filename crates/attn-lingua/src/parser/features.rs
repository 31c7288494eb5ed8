//! Feature templates of the parser.
//!
//! After Zhang and Nivre (2011), cut to the arc-hybrid system: words and tags of the three words
//! on top of the stack (`s0`, `s1`, `s2`) and the first three of the buffer (`b0`, `b1`, `b2`),
//! their dependents, distances, valencies and label sets; besides, what lies between `s0` and
//! `b0` and the shape of words too rare to be learnt.

use super::Input;
use super::state::{NONE, State};
use crate::hash::{Features, mix};

const FAMILY: u64 = 2;
/// Value of a node that is not there, and of the root.
const ABSENT: u64 = 3;
const ROOT: u64 = 5;

/// A sentence, with sums over its tags.
#[derive(Debug)]
pub(crate) struct Context<'a> {
    input: Input<'a>,
}

impl<'a> Context<'a> {
    /// Prepares a sentence.
    pub(crate) fn new(input: Input<'a>) -> Self {
        Self { input }
    }

    fn of(&self, node: usize, value: impl Fn(usize) -> u64) -> u64 {
        match node {
            NONE => ABSENT,
            node if node >= self.input.words.len() => ROOT,
            node => value(node),
        }
    }

    /// The features of a state.
    pub(crate) fn features(&self, state: &State, f: &mut Features) {
        let input = self.input;
        let word = |i| self.of(i, |i| input.words[i].norm);
        let tag = |i| self.of(i, |i| u64::from(input.tags[i]) + 10);
        let upos = |i| {
            self.of(i, |i| {
                u64::from(
                    input
                        .upos
                        .get(usize::from(input.tags[i]))
                        .copied()
                        .unwrap_or(0),
                ) + 10
            })
        };
        let suffix = |i| self.of(i, |i| input.words[i].suffix[2]);
        let label = |i| state.label(i).map_or(ABSENT, |l| u64::from(l) + 10);

        let (s0, s1, s2) = (state.stack(0), state.stack(1), state.stack(2));
        let (b0, b1, b2, b3) = (
            state.buffer(0),
            state.buffer(1),
            state.buffer(2),
            state.buffer(3),
        );
        let (s0w, s1w, s2w, b0w, b1w, b2w) =
            (word(s0), word(s1), word(s2), word(b0), word(b1), word(b2));
        let (s0t, s1t, s2t, b0t, b1t, b2t) = (tag(s0), tag(s1), tag(s2), tag(b0), tag(b1), tag(b2));
        let (s0u, s1u, s2u, b0u, b1u, b2u) =
            (upos(s0), upos(s1), upos(s2), upos(b0), upos(b1), upos(b2));
        let b3u = upos(b3);
        let gap = |a: usize, b: usize| {
            if a == NONE || b == NONE {
                0
            } else {
                b.abs_diff(a).min(12) as u64
            }
        };
        let (d0, d1) = (gap(s0, b0), gap(s1, s0));
        let (s0l, s0r, s1l, s1r, b0l) = (
            state.left(s0),
            state.right(s0),
            state.left(s1),
            state.right(s1),
            state.left(b0),
        );
        let count = |side: super::state::Side| u64::from(side.count.min(5)) + 1;

        f.start(FAMILY);
        f.add([0]);
        // Single words.
        f.add([s0w]);
        f.add([s0t]);
        f.add([s0w, s0t]);
        f.add([s1w]);
        f.add([s1t]);
        f.add([s1w, s1t]);
        f.add([s2t]);
        f.add([s2w, s2t]);
        f.add([b0w]);
        f.add([b0t]);
        f.add([b0w, b0t]);
        f.add([b1w]);
        f.add([b1t]);
        f.add([b1w, b1t]);
        f.add([b2w]);
        f.add([b2t]);
        f.add([suffix(s0), s0t]);
        f.add([suffix(b0), b0t]);
        // Pairs of the top of the stack and the front of the buffer.
        f.add([s0w, s0t, b0w, b0t]);
        f.add([s0w, s0t, b0w]);
        f.add([s0w, b0w, b0t]);
        f.add([s0w, s0t, b0t]);
        f.add([s0t, b0w, b0t]);
        f.add([s0w, b0w]);
        f.add([s0t, b0t]);
        f.add([s0u, b0u]);
        f.add([s0w, b0u]);
        f.add([s0u, b0w]);
        f.add([b0t, b1t]);
        f.add([b0w, b1t]);
        f.add([b0t, b1w]);
        f.add([b0w, b1w]);
        // Pairs within the stack, and of its second word with the buffer.
        f.add([s1w, s0w]);
        f.add([s1t, s0t]);
        f.add([s1w, s0t]);
        f.add([s1t, s0w]);
        f.add([s1w, s1t, s0w, s0t]);
        f.add([s1u, s0u]);
        f.add([s1t, b0t]);
        f.add([s1w, b0w]);
        f.add([s1w, b0t]);
        f.add([s1t, b0w]);
        // Triples and more.
        f.add([b0t, b1t, b2t]);
        f.add([s0t, b0t, b1t]);
        f.add([s0w, b0t, b1t]);
        f.add([s0t, b0w, b1t]);
        f.add([s0t, b0t, b1w]);
        f.add([s0u, b0u, b1u, b2u]);
        f.add([s1t, s0t, b0t]);
        f.add([s1u, s0u, b0u]);
        f.add([s1t, s0w, b0t]);
        f.add([s1w, s0t, b0t]);
        f.add([s1t, s0t, b0w]);
        f.add([s1w, s0w, b0u]);
        f.add([s1w, s0u, b0w]);
        f.add([s1u, s0w, b0w]);
        f.add([s2t, s1t, s0t]);
        f.add([s2t, s1t, s0t, b0t]);
        f.add([s2u, s1u, s0u, b0u]);
        f.add([s1t, s0t, b0t, b1t]);
        f.add([mix(s1u, s0u), b0u, b1u, b2u]);
        f.add([mix(s1u, s0u), mix(b0u, b1u), b2u, b3u]);
        // Distances.
        f.add([s0t, d0]);
        f.add([s0w, d0]);
        f.add([b0t, d0]);
        f.add([b0w, d0]);
        f.add([s0t, b0t, d0]);
        f.add([s0w, b0w, d0]);
        f.add([s1t, s0t, d1]);
        f.add([s1w, d1]);
        f.add([s1w, s0w, d1]);
        f.add([s1t, d1]);
        f.add([s0t, d1]);
        // Valencies and label sets.
        let (s0lc, s0rc, s1rc, b0lc) = (count(s0l), count(s0r), count(s1r), count(b0l));
        f.add([s0w, s0lc]);
        f.add([s0t, s0lc]);
        f.add([s0w, s0rc]);
        f.add([s0t, s0rc]);
        f.add([b0w, b0lc]);
        f.add([b0t, b0lc]);
        f.add([s1t, s1rc]);
        f.add([s1w, s1rc]);
        f.add([s0t, b0t, b0lc]);
        f.add([s0w, s0l.labels]);
        f.add([s0t, s0l.labels]);
        f.add([s0w, s0r.labels]);
        f.add([s0t, s0r.labels]);
        f.add([b0w, b0l.labels]);
        f.add([b0t, b0l.labels]);
        f.add([s1t, s1r.labels]);
        f.add([s1w, s1r.labels]);
        f.add([s1t, s1l.labels]);
        f.add([s0t, s0l.labels, b0t]);
        f.add([s0t, s0r.labels, b0t]);
        f.add([s1t, s1r.labels, s0t]);
        f.add([s0t, b0t, b0l.labels]);
        f.add([s1u, s1r.labels, mix(s0u, s0l.labels)]);
        f.add([s0u, mix(s0l.labels, s0r.labels), mix(b0u, b0l.labels)]);
        // Dependents.
        for side in [s0l, s0r, s1l, s1r, b0l] {
            f.add([word(side.outer)]);
            f.add([tag(side.outer)]);
            f.add([label(side.outer)]);
        }
        for side in [s0l, s0r, s1r, b0l] {
            f.add([word(side.second)]);
            f.add([tag(side.second)]);
            f.add([label(side.second)]);
        }
        let (s0lt, s0rt, s1lt, s1rt, b0lt) = (
            tag(s0l.outer),
            tag(s0r.outer),
            tag(s1l.outer),
            tag(s1r.outer),
            tag(b0l.outer),
        );
        f.add([s0t, s0lt, tag(s0l.second)]);
        f.add([s0t, s0rt, tag(s0r.second)]);
        f.add([b0t, b0lt, tag(b0l.second)]);
        f.add([s1t, s1rt, tag(s1r.second)]);
        f.add([s0t, s0lt, b0t]);
        f.add([s0t, s0rt, b0t]);
        f.add([s0t, b0t, b0lt]);
        f.add([s1t, s0t, s1rt]);
        f.add([s1t, s0t, s0lt]);
        f.add([s1t, s0t, s0rt]);
        f.add([s1t, s0t, s1lt]);
        f.add([s0t, label(s0l.outer), b0t, label(b0l.outer)]);
        f.add([s0w, label(s0l.outer), label(s0r.outer)]);
        f.add([s1t, label(s1r.outer), s0t]);
        f.add([s1w, label(s1r.outer), s0t]);
        f.add([s1w, label(s1r.outer), s0w]);
        // The preposition or conjunction of a phrase is its leftmost dependent: it decides where
        // the phrase belongs and what it is called.
        let (s0lw, b0lw, s1lw) = (word(s0l.outer), word(b0l.outer), word(s1l.outer));
        f.add([s1w, s0lw]);
        f.add([s1t, s0lw, s0t]);
        f.add([s1w, s0lw, s0w]);
        f.add([s1u, s1lw, s0u, s0lw]);
        f.add([b0w, s0lw]);
        f.add([b0t, s0lw, s0t]);
        f.add([s0t, b0lw, b0t]);
        f.add([s0w, b0lw]);
        // A word between that does not hang on either: commas and verbs part clauses.
        if s0 != NONE && s0 < b0 {
            let mut between = 0u64;
            // Cut, so that a text without any sentence end does not take quadratic time.
            for i in (s0 + 1..b0.min(input.words.len())).take(40) {
                between |= 1 << (upos(i) & 31);
            }
            f.add([s0u, b0u, between]);
        } else {
            f.add([ABSENT, ABSENT, ABSENT]);
        }
    }
}
