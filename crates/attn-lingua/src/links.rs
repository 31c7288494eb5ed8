//! Pairs of words for Section 4.5: verb and subject, noun and pronoun.
//!
//! The paper does not say how it found them, and the authors released code for the first only.
//!
//! | link | `paper` | `authors` |
//! |---|---|---|
//! | verb–subject | every `nsubj` (passives too) and its verb | `nsubj` without passives and its verb |
//! | noun–pronoun | every noun with every pronoun of its sentence | the same (no code was released) |
//!
//! UD hangs the subject of a copular clause on the predicate ("she is a *doctor*"); spaCy on the
//! copula. Where the head has a `cop`, the copula is the verb, in both readings. Which noun a
//! pronoun stands for is unknown without coreference, hence all pairs: "are there heads that
//! join nouns and pronouns" can be asked with those, "the right ones" cannot. In `paper` a
//! pronoun is personal or possessive (PRP, PRP$): "this" and "who" are no pronouns of a noun.

use crate::annotate::Word;
use crate::features::Feature;
use crate::labels::base;
use attn_core::Reading;
use serde::{Deserialize, Serialize};

/// A relation between two words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LinkKind {
    /// From a verb to its subject.
    VerbSubject,
    /// From a noun to a pronoun of the same sentence.
    NounPronoun,
}

/// A pair of words, by their indices in the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Link {
    /// The verb or noun.
    pub from: usize,
    /// The subject or pronoun.
    pub to: usize,
}

impl LinkKind {
    /// Both.
    pub const ALL: [LinkKind; 2] = [LinkKind::VerbSubject, LinkKind::NounPronoun];

    /// The name in records.
    pub fn name(self) -> &'static str {
        match self {
            LinkKind::VerbSubject => "verb_subject",
            LinkKind::NounPronoun => "noun_pronoun",
        }
    }

    /// The pairs of a text, sorted. `words` are all its words.
    pub fn links(self, reading: Reading, text: &str, words: &[Word]) -> Vec<Link> {
        let mut links = match self {
            LinkKind::VerbSubject => verb_subject(reading, words),
            LinkKind::NounPronoun => noun_pronoun(reading, text, words),
        };
        links.sort_unstable();
        links
    }
}

fn verb_subject(reading: Reading, words: &[Word]) -> Vec<Link> {
    let mut copula = vec![None; words.len()];
    for (i, word) in words
        .iter()
        .enumerate()
        .filter(|(_, word)| base(&word.deprel) == "cop")
    {
        if let Some(slot) = word.head.and_then(|head| copula.get_mut(head)) {
            *slot = Some(i);
        }
    }
    let verb = |head: usize| {
        let upos = words.get(head)?.upos.as_str();
        copula[head].or_else(|| matches!(upos, "VERB" | "AUX").then_some(head))
    };
    let is_subject = |word: &Word| match reading {
        Reading::Paper => base(&word.deprel) == "nsubj",
        Reading::Authors => base(&word.deprel) == "nsubj" && word.deprel != "nsubj:pass",
    };
    let pairs = words
        .iter()
        .enumerate()
        .filter(|(_, word)| is_subject(word));
    pairs
        .filter_map(|(to, word)| {
            Some(Link {
                from: verb(word.head?)?,
                to,
            })
        })
        .collect()
}

fn noun_pronoun(reading: Reading, text: &str, words: &[Word]) -> Vec<Link> {
    let nouns = Feature::Noun.words(reading, text, words);
    let pronouns = Feature::Pronoun.words(Reading::Authors, text, words);
    let mut links = Vec::new();
    for &from in &nouns {
        for &to in pronouns
            .iter()
            .filter(|&&to| words[to].sentence == words[from].sentence && to != from)
        {
            links.push(Link { from, to });
        }
    }
    links
}
