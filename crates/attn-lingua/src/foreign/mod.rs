//! Annotations in other label sets, brought to Universal Dependencies v2.
//!
//! Most English tools do not write UD v2: spaCy's models have CLEAR labels, older treebanks and
//! parsers UD v1 or Stanford Dependencies, and some leave UPOS or XPOS blank. Without a mapping,
//! an object that is called `dobj` would be no object, without a word. [`normalise`] renames what
//! is known, fills in one part-of-speech column from the other and counts everything that it does
//! and everything that it does not know ([`Report`]). Heads stay where the tool put them, but for
//! chains of coordinated words (see [`normalise`]).

mod tables;

use crate::conllu::{Sentence, Word};
use crate::labels::base;
use std::collections::BTreeMap;
use tables::{CLEAR, MODALS, PENN, PERSONAL, POSSESSIVE, UD1, UD2, UPOS};

/// The label set that a file is written in, as far as it can be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LabelSet {
    /// Universal Dependencies v2.
    #[default]
    Ud2,
    /// Universal Dependencies v1.
    Ud1,
    /// CLEAR, as in spaCy's English models, or Stanford Dependencies.
    Clear,
}

impl LabelSet {
    /// For readers.
    pub fn title(self) -> &'static str {
        match self {
            LabelSet::Ud2 => "Universal Dependencies v2",
            LabelSet::Ud1 => "Universal Dependencies v1",
            LabelSet::Clear => "CLEAR or Stanford Dependencies",
        }
    }
}

/// What was made of a file's labels.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// The label set.
    pub set: LabelSet,
    /// Relations that were renamed: from, to, how often.
    pub renamed: BTreeMap<(String, String), usize>,
    /// Words whose UPOS was derived from XPOS.
    pub upos_from_xpos: usize,
    /// Words whose XPOS was derived from UPOS.
    pub xpos_from_upos: usize,
    /// Words of a chain of coordination that were attached to its first word.
    pub reattached: usize,
    /// Relations that are not known, with their counts.
    pub unknown_relations: BTreeMap<String, usize>,
    /// UPOS that are not known.
    pub unknown_upos: BTreeMap<String, usize>,
    /// XPOS that are no Penn tags.
    pub unknown_xpos: BTreeMap<String, usize>,
}

impl Report {
    /// What a reader of numbers made from the file must know, a sentence each; nothing for UD v2
    /// with every label known.
    pub fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if !self.renamed.is_empty() {
            let all: Vec<String> = self
                .renamed
                .iter()
                .map(|((from, to), count)| format!("{from} → {to} ({count})"))
                .collect();
            notes.push(format!(
                "annotations: the labels are those of {}; read as {}: {}",
                self.set.title(),
                LabelSet::Ud2.title(),
                all.join(", ")
            ));
        }
        if self.reattached > 0 {
            notes.push(format!(
                "annotations: {} words at the end of chains of coordination were attached to the first word, as in {}",
                self.reattached,
                LabelSet::Ud2.title()
            ));
        }
        if self.upos_from_xpos > 0 {
            notes.push(format!(
                "annotations: UPOS of {} words was derived from their Penn tags",
                self.upos_from_xpos
            ));
        }
        if self.xpos_from_upos > 0 {
            notes.push(format!(
                "annotations: the Penn tag of {} words without XPOS was derived from UPOS, modals and pronouns by their form",
                self.xpos_from_upos
            ));
        }
        for (what, effect, unknown) in [
            (
                "relations",
                "they count as no feature and no link",
                &self.unknown_relations,
            ),
            (
                "UPOS",
                "they count as no part of speech",
                &self.unknown_upos,
            ),
            (
                "XPOS",
                "they are no Penn tags and count as no noun, verb or pronoun under the authors' reading and as no pronoun of a noun",
                &self.unknown_xpos,
            ),
        ] {
            if !unknown.is_empty() {
                let all: Vec<String> = unknown
                    .iter()
                    .map(|(label, count)| format!("{label} ({count})"))
                    .collect();
                notes.push(format!(
                    "annotations: {what} that are not known, {effect}: {}",
                    all.join(", ")
                ));
            }
        }
        notes
    }
}

fn find<'a>(table: &[(&str, &'a str)], label: &str) -> Option<&'a str> {
    table.iter().find(|(from, _)| *from == label).map(|t| t.1)
}

/// The UD v2 name of a relation (the authors' own labels kept), whatever the label set; `None` for
/// one that is not known. Subtypes are kept.
pub fn relation(label: &str) -> Option<String> {
    let lower = label.to_lowercase();
    let renamed = |label: &str| find(&UD1, label).or_else(|| find(&CLEAR, label));
    if let Some(to) = renamed(&lower) {
        return Some(to.to_owned());
    }
    let (stem, subtype) = lower.split_once(':').unwrap_or((&lower, ""));
    if UD2.contains(&stem) {
        return Some(lower);
    }
    if let Some(to) = renamed(stem) {
        // `dobj:tmod` becomes `obj:tmod`; a name that has a subtype of its own keeps that.
        return Some(if to.contains(':') {
            to.to_owned()
        } else {
            format!("{to}:{subtype}")
        });
    }
    // Stanford's collapsed relations: prep_of, prepc_by, conj_and.
    match lower.split_once('_')? {
        ("prep", _) => Some("obl".to_owned()),
        ("prepc", _) => Some("advcl".to_owned()),
        ("conj", _) => Some("conj".to_owned()),
        _ => None,
    }
}

fn label_set(sentences: &[Sentence]) -> LabelSet {
    let mut set = LabelSet::Ud2;
    for word in sentences.iter().flat_map(|s| &s.words) {
        let lower = word.deprel.to_lowercase();
        if find(&CLEAR, &lower).is_some() || lower.starts_with("prep_") {
            return LabelSet::Clear;
        }
        if find(&UD1, base(&lower)).is_some() {
            set = LabelSet::Ud1;
        }
    }
    set
}

/// Brings the labels of a file to UD v2 and the authors' own, and fills in UPOS from XPOS and the
/// other way round where one of them is `_`.
///
/// - In UD v1 `nmod` also stands for v2's `obl`: it is `obl` under a verb, adjective or adverb, and
///   `obl:agent` where it has a "by" and its verb is passive.
/// - spaCy attaches each coordinated word to the one before; here all hang on the first, as in UD.
pub fn normalise(sentences: &mut [Sentence]) -> Report {
    let mut report = Report {
        set: label_set(sentences),
        ..Report::default()
    };
    for sentence in sentences {
        relations(&mut sentence.words, &mut report);
        for i in 0..sentence.words.len() {
            parts_of_speech(&mut sentence.words[i], &mut report);
        }
        match report.set {
            LabelSet::Ud1 => oblique(&mut sentence.words, &mut report),
            LabelSet::Clear => report.reattached += flatten(&mut sentence.words),
            LabelSet::Ud2 => {}
        }
    }
    report
}

fn relations(words: &mut [Word], report: &mut Report) {
    for word in words {
        match relation(&word.deprel) {
            Some(known) if known == word.deprel => {}
            Some(known) => {
                // Capitals alone ("ROOT") are not worth a line.
                if known != word.deprel.to_lowercase() {
                    *report
                        .renamed
                        .entry((word.deprel.clone(), known.clone()))
                        .or_default() += 1;
                }
                word.deprel = known;
            }
            None => {
                *report
                    .unknown_relations
                    .entry(word.deprel.clone())
                    .or_default() += 1
            }
        }
    }
}

fn parts_of_speech(word: &mut Word, report: &mut Report) {
    let blank = |text: &str| text == "_";
    if blank(&word.upos) {
        if let Some(upos) = upos_of(word) {
            word.upos = upos.to_owned();
            report.upos_from_xpos += 1;
        }
    } else if let Some(known) = find(&UPOS, &word.upos.to_uppercase()) {
        word.upos = known.to_owned();
    }
    if find(&UPOS, &word.upos).is_none() {
        *report.unknown_upos.entry(word.upos.clone()).or_default() += 1;
    }
    if blank(&word.xpos) {
        if let Some(xpos) = xpos_of(word) {
            word.xpos = xpos.to_owned();
            report.xpos_from_upos += 1;
        }
    } else if find(&PENN, &word.xpos).is_none() {
        *report.unknown_xpos.entry(word.xpos.clone()).or_default() += 1;
    }
}

/// UPOS by the Penn tag and, where that is not enough, by the relation and the form.
fn upos_of(word: &Word) -> Option<&'static str> {
    let relation = base(&word.deprel);
    Some(match (word.xpos.as_str(), relation) {
        ("IN", "mark") => "SCONJ",
        ("TO", "case") => "ADP",
        // "This" alone, not before a noun.
        ("DT" | "PDT", "nsubj" | "obj" | "iobj" | "obl" | "nmod" | "root") => "PRON",
        ("WDT", "det") => "DET",
        ("RB", _) if ["not", "n't", "n’t", "nt"].contains(&&*word.form.to_lowercase()) => "PART",
        (tag, "aux" | "cop") if tag.starts_with("VB") => "AUX",
        (tag, _) => find(&PENN, tag)?,
    })
}

/// A Penn tag that tells nouns, verbs, modals and pronouns apart, as the features ask; number and
/// tense cannot be told. Other words keep `_`.
fn xpos_of(word: &Word) -> Option<&'static str> {
    let form = word.form.to_lowercase();
    let possessive = word.deprel == "nmod:poss" || base(&word.deprel) == "det";
    Some(match word.upos.as_str() {
        "NOUN" => "NN",
        "PROPN" => "NNP",
        "AUX" if MODALS.contains(&form.as_str()) => "MD",
        "VERB" | "AUX" => "VB",
        "PRON" | "DET" if possessive && POSSESSIVE.contains(&form.as_str()) => "PRP$",
        "PRON" if PERSONAL.contains(&form.as_str()) => "PRP",
        _ => return None,
    })
}

/// UD v1's `nmod` of a predicate is v2's `obl`.
fn oblique(words: &mut [Word], report: &mut Report) {
    let passive: Vec<bool> = (0..words.len())
        .map(|i| {
            words.iter().any(|w| {
                w.head == Some(i) && matches!(w.deprel.as_str(), "aux:pass" | "nsubj:pass")
            })
        })
        .collect();
    for i in 0..words.len() {
        let (stem, subtype) = match words[i].deprel.split_once(':') {
            Some((stem, subtype)) => (stem, Some(subtype)),
            None => (words[i].deprel.as_str(), None),
        };
        let Some(head) = words[i].head.filter(|_| stem == "nmod") else {
            continue;
        };
        let predicate = matches!(words[head].upos.as_str(), "VERB" | "AUX" | "ADJ" | "ADV");
        let adverbial = matches!(subtype, Some("tmod" | "npmod" | "agent"));
        if !(predicate && subtype != Some("poss") || adverbial) {
            continue;
        }
        let by = words
            .iter()
            .any(|w| w.head == Some(i) && w.deprel == "case" && w.form.eq_ignore_ascii_case("by"));
        let to = match subtype {
            None if by && passive[head] => "obl:agent".to_owned(),
            None => "obl".to_owned(),
            Some(subtype) => format!("obl:{subtype}"),
        };
        let from = std::mem::replace(&mut words[i].deprel, to.clone());
        *report.renamed.entry((from, to)).or_default() += 1;
    }
}

/// Attaches every word of a chain of coordination to the first; gives how many were moved.
fn flatten(words: &mut [Word]) -> usize {
    let is_conj = |word: &Word| base(&word.deprel) == "conj";
    let first_of = |words: &[Word], mut at: usize| {
        // Trees have no cycle; the bound is for whoever builds words by hand.
        for _ in 0..words.len() {
            match words[at].head {
                Some(head) if is_conj(&words[at]) && head < words.len() => at = head,
                _ => break,
            }
        }
        at
    };
    let mut moved = 0;
    for i in 0..words.len() {
        if !is_conj(&words[i]) {
            continue;
        }
        let first = first_of(words, i);
        if words[i].head != Some(first) && first != i {
            words[i].head = Some(first);
            moved += 1;
        }
    }
    moved
}
