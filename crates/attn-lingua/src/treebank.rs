//! A treebank with its names turned into numbers, ready for training.

use crate::conllu::Sentence;
use crate::words::{Casing, Word};
use std::collections::{BTreeMap, HashMap};

/// Relations with a subtype rarer than this are learnt without it.
const RARE: usize = 20;

/// One sentence.
#[derive(Debug, Clone)]
pub(crate) struct Tree {
    /// The words' forms.
    pub forms: Vec<String>,
    /// What the features know of the forms.
    pub words: Vec<Word>,
    /// How the sentence uses capitals.
    pub casing: Casing,
    /// Joint tags, by number.
    pub tags: Vec<u16>,
    /// Head of each word; the number of words stands for the root.
    pub heads: Vec<usize>,
    /// Relation of each word, by number.
    pub labels: Vec<u16>,
}

/// The same sentence without capitals.
#[derive(Debug, Clone)]
pub(crate) struct Lowered {
    /// What the features know of the lower-cased forms.
    pub words: Vec<Word>,
}

/// The names of tags and relations, the most frequent first: small numbers take fewer bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Names {
    /// `UPOS|XPOS`.
    pub tags: Vec<String>,
    /// Relations, with subtypes.
    pub labels: Vec<String>,
}

/// Sentences of a treebank with the names in them.
#[derive(Debug)]
pub(crate) struct Treebank {
    /// The sentences, in file order.
    pub trees: Vec<Tree>,
    /// Their lower-cased copies, in the same order.
    pub lowered: Vec<Lowered>,
    /// What the numbers mean.
    pub names: Names,
}

impl Treebank {
    /// Numbers the names of `sentences`. Sentences without words are left out.
    pub(crate) fn new(sentences: &[Sentence]) -> Self {
        let words = || sentences.iter().flat_map(|s| s.words.iter());
        let full = by_frequency(words().map(|w| w.deprel.clone()));
        let rare: HashMap<String, String> = full
            .iter()
            .filter(|(name, n)| *n < RARE && name.contains(':'))
            .map(|(name, _)| (name.clone(), crate::labels::base(name).to_owned()))
            .collect();
        let label = |name: &str| rare.get(name).cloned().unwrap_or_else(|| name.to_owned());
        let list = |names: Vec<(String, usize)>| names.into_iter().map(|n| n.0).collect::<Vec<_>>();
        let tags = list(by_frequency(words().map(|w| joint(&w.upos, &w.xpos))));
        let labels = list(by_frequency(words().map(|w| label(&w.deprel))));
        let numbers = |names: &[String]| -> HashMap<String, u16> {
            names
                .iter()
                .enumerate()
                .map(|(i, n)| (n.clone(), i as u16))
                .collect()
        };
        let (tag_numbers, label_numbers) = (numbers(&tags), numbers(&labels));
        let mut treebank = Self {
            trees: Vec::new(),
            lowered: Vec::new(),
            names: Names { tags, labels },
        };
        for sentence in sentences.iter().filter(|s| !s.words.is_empty()) {
            let n = sentence.words.len();
            let forms: Vec<String> = sentence.words.iter().map(|w| w.form.clone()).collect();
            let low: Vec<String> = forms.iter().map(|form| form.to_lowercase()).collect();
            treebank.lowered.push(Lowered {
                words: Word::all(&low),
            });
            treebank.trees.push(Tree {
                words: Word::all(&forms),
                casing: Casing::of(&forms),
                tags: sentence
                    .words
                    .iter()
                    .map(|w| tag_numbers[&joint(&w.upos, &w.xpos)])
                    .collect(),
                heads: sentence.words.iter().map(|w| w.head.unwrap_or(n)).collect(),
                labels: sentence
                    .words
                    .iter()
                    .map(|w| label_numbers[&label(&w.deprel)])
                    .collect(),
                forms,
            });
        }
        treebank
    }
}

/// The tagger's class for a word.
pub(crate) fn joint(upos: &str, xpos: &str) -> String {
    format!("{upos}|{xpos}")
}

fn by_frequency(names: impl Iterator<Item = String>) -> Vec<(String, usize)> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for name in names {
        *counts.entry(name).or_default() += 1;
    }
    let mut names: Vec<(String, usize)> = counts.into_iter().collect();
    // A stable sort over the map's order: equally frequent names stay in alphabetical order.
    names.sort_by_key(|name| std::cmp::Reverse(name.1));
    names
}
