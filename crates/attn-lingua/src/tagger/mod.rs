//! Part-of-speech tagger: one joint UPOS|XPOS tag per word, left to right.
//!
//! An averaged perceptron over the word's spelling, its neighbours, the two tags before it and
//! the lexicon's ambiguity classes. A third of the training sentences is lower-cased (drawn anew
//! in every epoch), because several data sets are: without it, a tagger that has seen capitals
//! only takes every proper noun of SST-2 for a common one.

mod features;
mod lexicon;
mod train;

pub(crate) use lexicon::Lexicon;
pub(crate) use train::train;

use crate::hash::Features;
use crate::model::Table;
use crate::perceptron::best;
use crate::words::{Casing, Word};

/// Anything that scores features: weights in training and frozen ones alike.
pub(crate) trait Scorer {
    /// Fills `scores` with the score of every class.
    fn score(&self, features: &[u32], scores: &mut Vec<i32>);
}

impl Scorer for Table {
    fn score(&self, features: &[u32], scores: &mut Vec<i32>) {
        Table::score(self, features, scores);
    }
}

impl Scorer for crate::perceptron::Perceptron {
    fn score(&self, features: &[u32], scores: &mut Vec<i32>) {
        crate::perceptron::Perceptron::score(self, features, scores);
    }
}

/// Tags a sentence: an index into the model's tags per word.
pub(crate) fn tag(
    scorer: &impl Scorer,
    lexicon: &Lexicon,
    words: &[Word],
    casing: Casing,
) -> Vec<u16> {
    let mut features = Features::default();
    let mut scores = Vec::new();
    let context = features::Context::new(words, lexicon, casing);
    let mut tags: Vec<u16> = Vec::with_capacity(words.len());
    for i in 0..words.len() {
        context.features(i, &tags, &mut features);
        scorer.score(features.hashes(), &mut scores);
        tags.push(best(&scores) as u16);
    }
    tags
}
