//! Training of the tagger.

use super::features::Context;
use super::lexicon::Lexicon;
use crate::hash::Features;
use crate::perceptron::{Perceptron, best, best_but};
use crate::treebank::{Lowered, Tree};
use crate::words::Casing;
use rand::{Rng, SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;

/// Share of the sentences that is lower-cased in each epoch.
pub(crate) const LOWERED: f64 = 1.0 / 3.0;

/// Trains on `trees` (all cased) and their `lowered` copies. `done` is called after each epoch
/// with its number from 1 and the share of words that were tagged right during it.
pub(crate) fn train(
    trees: &[&Tree],
    lowered: &[&Lowered],
    tags: usize,
    epochs: usize,
    margin: i32,
    seed: u64,
    mut done: impl FnMut(usize, f64),
) -> (Perceptron, Lexicon) {
    let counted = trees.iter().flat_map(|tree| {
        tree.forms
            .iter()
            .map(String::as_str)
            .zip(tree.tags.iter().copied())
    });
    let lexicon = Lexicon::count(counted);
    let mut perceptron = Perceptron::new(tags);
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut order: Vec<usize> = (0..trees.len()).collect();
    let (mut features, mut scores) = (Features::default(), Vec::new());
    for epoch in 1..=epochs {
        order.shuffle(&mut rng);
        let (mut right, mut all) = (0usize, 0usize);
        for &i in &order {
            let tree = trees[i];
            let low = rng.random_bool(LOWERED);
            let (words, casing) = if low {
                (&lowered[i].words, Casing::Lower)
            } else {
                (&tree.words, tree.casing)
            };
            let context = Context::new(words, &lexicon, casing);
            let mut guessed: Vec<u16> = Vec::with_capacity(words.len());
            for (word, &gold) in tree.tags.iter().enumerate() {
                context.features(word, &guessed, &mut features);
                perceptron.score(features.hashes(), &mut scores);
                let guess = best(&scores);
                perceptron.tick();
                let rival = best_but(&scores, usize::from(gold));
                if scores[usize::from(gold)].saturating_sub(scores[rival]) <= margin {
                    perceptron.update(features.hashes(), usize::from(gold), rival);
                }
                right += usize::from(guess == usize::from(gold));
                all += 1;
                guessed.push(guess as u16);
            }
        }
        done(epoch, right as f64 / all.max(1) as f64);
    }
    (perceptron, lexicon)
}
