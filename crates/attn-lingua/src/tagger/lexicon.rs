//! Which tags the frequent words of the treebank have.
//!
//! A word's *ambiguity class* is the set of tags that it bears often ("that": SCONJ, PRON, DET).
//! It tells the tagger what may come next before the next word is tagged, at the price of a few
//! bytes per word. Words seen less than [`MINIMUM`] times have none: the class of a word seen
//! once would be its right answer, and the tagger would learn to copy it.

use crate::hash;
use crate::model::{Damage, Reader, write_varint};
use crate::words::norm_of;
use std::collections::{BTreeMap, HashMap};

/// How often a word must occur.
const MINIMUM: u32 = 4;
/// Tags below this share of a word's occurrences are taken for slips.
const SHARE: f64 = 0.08;

/// Ambiguity classes by word.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Lexicon {
    classes: HashMap<u32, u16>,
}

impl Lexicon {
    /// Counts the words of tagged sentences.
    pub(crate) fn count<'a>(words: impl Iterator<Item = (&'a str, u16)>) -> Self {
        let mut counts: BTreeMap<u32, BTreeMap<u16, u32>> = BTreeMap::new();
        for (form, tag) in words {
            *counts
                .entry(key(norm_of(form)))
                .or_default()
                .entry(tag)
                .or_default() += 1;
        }
        let mut numbers: BTreeMap<Vec<u16>, u16> = BTreeMap::new();
        let mut classes = HashMap::new();
        for (key, tags) in counts {
            let total: u32 = tags.values().sum();
            if total < MINIMUM {
                continue;
            }
            let mut often: Vec<(u32, u16)> = tags
                .iter()
                .map(|(&tag, &n)| (n, tag))
                .filter(|&(n, _)| f64::from(n) >= SHARE * f64::from(total))
                .collect();
            // Which tag is the most frequent matters, the order of the others does not.
            often.sort_unstable_by(|a, b| b.cmp(a));
            let mut class: Vec<u16> = often.into_iter().map(|(_, tag)| tag).collect();
            if let Some(rest) = class.get_mut(1..) {
                rest.sort_unstable();
            }
            let next = numbers.len().min(usize::from(u16::MAX) - 1) as u16 + 1;
            classes.insert(key, *numbers.entry(class).or_insert(next));
        }
        Self { classes }
    }

    /// The number of the word's class; 0 for a rare or unknown one.
    pub(crate) fn class(&self, norm: u64) -> u16 {
        self.classes.get(&key(norm)).copied().unwrap_or(0)
    }

    /// How many words it knows.
    pub(crate) fn len(&self) -> usize {
        self.classes.len()
    }

    /// Writes the words in the order of their hashes.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut words: Vec<(u32, u16)> = self
            .classes
            .iter()
            .map(|(&key, &class)| (key, class))
            .collect();
        words.sort_unstable();
        let mut out = Vec::new();
        write_varint(&mut out, words.len() as u64);
        let mut last = 0;
        for (key, class) in words {
            write_varint(&mut out, u64::from(key - last));
            write_varint(&mut out, u64::from(class));
            last = key;
        }
        out
    }

    /// Reads what [`Lexicon::encode`] wrote.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Damage> {
        let mut reader = Reader::new(bytes, "lexicon");
        let count = reader.varint("number of words")? as usize;
        if count > bytes.len() {
            return Err(reader.damage(format!("{count} words cannot lie in {} bytes", bytes.len())));
        }
        let mut classes = HashMap::with_capacity(count);
        let mut at = 0u64;
        for _ in 0..count {
            at += reader.varint("word")?;
            let class = reader.varint("class")?;
            let (Ok(key), Ok(class)) = (u32::try_from(at), u16::try_from(class)) else {
                return Err(reader.damage("a word or class is out of range".to_owned()));
            };
            classes.insert(key, class);
        }
        reader.finish()?;
        Ok(Self { classes })
    }
}

fn key(norm: u64) -> u32 {
    (hash::mix(norm, 11) >> 16) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frequent_words_have_classes_and_they_come_back() {
        let mut words = vec![
            ("that", 1),
            ("that", 2),
            ("That", 1),
            ("that", 2),
            ("that", 2),
            ("rare", 3),
        ];
        words.extend([("dog", 4); 30]);
        words.push(("dog", 5));
        words.extend([("cat", 4); 5]);
        let lexicon = Lexicon::count(words.into_iter());
        let class = |w: &str| lexicon.class(norm_of(w));
        assert_eq!(class("rare"), 0);
        assert_eq!(class("dog"), class("CAT"), "one slip in 31 is no ambiguity");
        assert!(class("that") != 0 && class("that") != class("dog"));
        assert_eq!(Lexicon::decode(&lexicon.encode()).unwrap(), lexicon);
        let bytes = lexicon.encode();
        assert!(Lexicon::decode(&bytes[..bytes.len() - 1]).is_err());
    }
}
