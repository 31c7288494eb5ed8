//! What is known about the tokens of one example.
//!
//! Positions are places in the example's sequence of word pieces, special tokens included, from 0:
//! rows and columns of its maps. Who found them (a parser, a tokenizer, a person) is of no matter
//! here.

use crate::view::StatsError;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Where the features of one example stand: feature name to token positions.
pub type FeaturePositions = BTreeMap<String, Vec<usize>>;

/// Pairs `(query, key)` of token positions by name.
pub type TokenPairs = BTreeMap<String, Vec<(usize, usize)>>;

/// Pairs `(from, to)` of words, by their indices in [`Annotation::words`].
pub type WordLinks = BTreeMap<String, Vec<(usize, usize)>>;

/// Everything the observers may want to know about the tokens of one example. What an observer
/// does not ask for may stay empty.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Annotation {
    /// Positions by feature; a feature that is absent has no entry or an empty one.
    pub features: FeaturePositions,
    /// The word pieces of each word, words in reading order; a word that was cut off has none.
    pub words: Vec<Vec<usize>>,
    /// Links between words.
    pub links: WordLinks,
    /// Pairs of tokens.
    pub pairs: TokenPairs,
}

impl Annotation {
    /// Only features.
    pub fn of_features(features: FeaturePositions) -> Self {
        Self {
            features,
            ..Self::default()
        }
    }

    /// Fails when a position lies outside an example of `length` tokens or a link names a word
    /// that does not exist.
    ///
    /// # Errors
    /// [`StatsError::Position`].
    pub fn check(&self, length: usize) -> Result<(), StatsError> {
        let check = |what: &dyn Fn() -> String, position: usize, length: usize| {
            if position < length {
                return Ok(());
            }
            Err(StatsError::Position {
                what: what(),
                position,
                length,
            })
        };
        for (name, positions) in &self.features {
            for &position in positions {
                check(&|| format!("feature '{name}'"), position, length)?;
            }
        }
        for (number, pieces) in self.words.iter().enumerate() {
            for &position in pieces {
                check(&|| format!("word {number}"), position, length)?;
            }
        }
        for (name, pairs) in &self.pairs {
            for &(query, key) in pairs {
                check(&|| format!("pairs '{name}'"), query.max(key), length)?;
            }
        }
        for (name, links) in &self.links {
            for &(from, to) in links {
                let what = || format!("links '{name}' between words");
                check(&what, from.max(to), self.words.len())?;
            }
        }
        Ok(())
    }

    /// The pieces of a word; empty when there is no such word.
    pub(crate) fn pieces(&self, word: usize) -> &[usize] {
        self.words.get(word).map_or(&[], Vec::as_slice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_outside_are_named() {
        let sound = Annotation {
            features: [("noun".to_owned(), vec![0, 3])].into(),
            words: vec![vec![1], vec![2, 3], vec![]],
            links: [("verb_subject".to_owned(), vec![(2, 0)])].into(),
            pairs: [("frame".to_owned(), vec![(3, 0)])].into(),
        };
        assert_eq!(sound.check(4), Ok(()));
        let error = sound.check(3).unwrap_err().to_string();
        assert!(
            error.contains("feature 'noun': position 3") && error.contains("3 tokens"),
            "{error}"
        );
        let mut bad = sound.clone();
        bad.links.insert("x".to_owned(), vec![(0, 3)]);
        assert!(bad.check(4).unwrap_err().to_string().contains("links 'x'"));
        let mut bad = sound;
        bad.pairs.insert("y".to_owned(), vec![(0, 4)]);
        assert!(bad.check(4).unwrap_err().to_string().contains("pairs 'y'"));
    }
}
