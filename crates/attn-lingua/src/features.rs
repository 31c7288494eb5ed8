//! Linguistic features for Section 4.4: which words of a text are nouns, subjects, negations, …
//!
//! | feature | `paper` | `authors` (their code, spaCy's labels mapped to UD) |
//! |---|---|---|
//! | nouns | UPOS NOUN, PROPN | XPOS NN, NNS, NNP, NNPS |
//! | verbs | UPOS VERB (no auxiliaries) | XPOS VB, VBD, VBG, VBN, VBP, VBZ (auxiliaries too, modals not) |
//! | pronouns | UPOS PRON | XPOS PRP, PRP$ |
//! | subjects | `nsubj` with its subtypes | `nsubj*`, `csubj*`, `expl`, and the agent |
//! | objects | `obj` of a main predicate | `obj`, `iobj`, attribute, object predicate |
//! | negation | the paper's 17 words, whole | any word that a substring match touches |
//! | punctuation | UPOS PUNCT | the same |
//!
//! *Main predicates* are the root of a sentence and the verbs coordinated with it (`conj`).
//!
//! The authors' list of subjects is spaCy's nsubj, nsubjpass, csubj, csubjpass, agent, expl; of
//! objects dobj, iobj, dative, attr, oprd. What spaCy calls
//! - *agent* is the preposition "by" itself: here the `case` word of an `obl:agent`;
//! - *attr* is the noun behind a copula, which UD makes the head of the clause: here a noun,
//!   proper noun, pronoun or number that has a `cop`;
//! - *oprd* is the predicate of an object ("called him a *liar*"): here an `xcomp` that is no
//!   verb and has no `mark`, whose head has an `obj`;
//! - *dative* is an indirect object ("gave *him*": `iobj` here) or its preposition ("*to* him"),
//!   which UD does not tell from other "to"; that half is not mapped.
//!
//! Annotations that come in with spaCy's own labels ([`crate::foreign`]) keep these four, and the
//! `authors` column takes them as they are.

use crate::annotate::Word;
use crate::labels::base;
use crate::negation;
use attn_core::Reading;
use serde::{Deserialize, Serialize};

/// A linguistic feature of words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Feature {
    /// Nouns and proper nouns.
    Noun,
    /// Verbs.
    Verb,
    /// Pronouns.
    Pronoun,
    /// Subjects.
    Subject,
    /// Objects.
    Object,
    /// Negation words.
    Negation,
    /// Punctuation.
    Punctuation,
}

impl Feature {
    /// All, in the order of the paper's figures.
    pub const ALL: [Feature; 7] = [
        Feature::Noun,
        Feature::Verb,
        Feature::Pronoun,
        Feature::Subject,
        Feature::Object,
        Feature::Negation,
        Feature::Punctuation,
    ];

    /// The name in records.
    pub fn name(self) -> &'static str {
        match self {
            Feature::Noun => "noun",
            Feature::Verb => "verb",
            Feature::Pronoun => "pronoun",
            Feature::Subject => "subject",
            Feature::Object => "object",
            Feature::Negation => "negation",
            Feature::Punctuation => "punctuation",
        }
    }

    /// Indices of the words of `text` that have the feature, ascending. `words` are all words of
    /// the text, as the annotator or an import gives them.
    pub fn words(self, reading: Reading, text: &str, words: &[Word]) -> Vec<usize> {
        if self == Feature::Negation {
            return match reading {
                Reading::Paper => negation::whole_words(words),
                Reading::Authors => negation::touched_words(text, words),
            };
        }
        let copulas = dependents(words, "cop");
        let objects = dependents(words, "obj");
        let marks = dependents(words, "mark");
        let has = |i: usize| match (self, reading) {
            (Feature::Noun, Reading::Paper) => matches!(words[i].upos.as_str(), "NOUN" | "PROPN"),
            (Feature::Noun, Reading::Authors) => words[i].xpos.starts_with("NN"),
            (Feature::Verb, Reading::Paper) => words[i].upos == "VERB",
            (Feature::Verb, Reading::Authors) => words[i].xpos.starts_with("VB"),
            (Feature::Pronoun, Reading::Paper) => words[i].upos == "PRON",
            (Feature::Pronoun, Reading::Authors) => {
                matches!(words[i].xpos.as_str(), "PRP" | "PRP$")
            }
            (Feature::Subject, Reading::Paper) => base(&words[i].deprel) == "nsubj",
            (Feature::Subject, Reading::Authors) => {
                matches!(base(&words[i].deprel), "nsubj" | "csubj" | "expl" | "agent")
                    || is_agent(words, i)
            }
            (Feature::Object, Reading::Paper) => {
                base(&words[i].deprel) == "obj"
                    && words[i].head.is_some_and(|head| is_main(words, head))
            }
            (Feature::Object, Reading::Authors) => {
                let nominal = matches!(words[i].upos.as_str(), "NOUN" | "PROPN" | "PRON" | "NUM");
                let attribute = nominal && copulas[i];
                let predicate = words[i].deprel == "xcomp"
                    && matches!(words[i].upos.as_str(), "NOUN" | "PROPN" | "ADJ" | "NUM")
                    && !marks[i]
                    && words[i]
                        .head
                        .is_some_and(|head| objects.get(head) == Some(&true));
                let own = matches!(
                    base(&words[i].deprel),
                    "obj" | "iobj" | "dative" | "attr" | "oprd"
                );
                own || attribute || predicate
            }
            (Feature::Punctuation, _) => words[i].upos == "PUNCT",
            (Feature::Negation, _) => false,
        };
        (0..words.len()).filter(|&i| has(i)).collect()
    }
}

impl std::fmt::Display for Feature {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

/// For each word, whether it has a dependent with the relation (subtypes included).
fn dependents(words: &[Word], relation: &str) -> Vec<bool> {
    let mut has = vec![false; words.len()];
    for word in words.iter().filter(|word| base(&word.deprel) == relation) {
        if let Some(slot) = word.head.and_then(|head| has.get_mut(head)) {
            *slot = true;
        }
    }
    has
}

/// Whether a word is "by" in front of an agent.
fn is_agent(words: &[Word], i: usize) -> bool {
    words[i].deprel == "case"
        && words[i].text.eq_ignore_ascii_case("by")
        && words[i]
            .head
            .and_then(|head| words.get(head))
            .is_some_and(|head| head.deprel == "obl:agent")
}

/// Whether a word is the root of its sentence or a verb coordinated with it.
fn is_main(words: &[Word], i: usize) -> bool {
    let Some(word) = words.get(i) else {
        return false;
    };
    match word.head {
        None => true,
        Some(head) => {
            word.deprel == "conj"
                && word.upos == "VERB"
                && words.get(head).is_some_and(|head| head.head.is_none())
        }
    }
}
