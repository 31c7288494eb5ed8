//! Annotations in other label sets: right subjects, objects and parts of speech, and nothing dropped
//! without a word.

mod support;

use attn_core::Reading::{Authors, Paper};
use attn_lingua::foreign::{LabelSet, relation};
use attn_lingua::{Annotations, Feature, Link, LinkKind, Word};
use support::texts;

/// `FORM/UPOS/XPOS/HEAD/DEPREL` words of one sentence, as CoNLL-U.
fn conllu(sentence: &str) -> String {
    let mut out = String::new();
    for (i, word) in sentence.split(' ').enumerate() {
        let [form, upos, xpos, head, deprel] = word.split('/').collect::<Vec<_>>()[..] else {
            panic!("{word}");
        };
        out += &format!(
            "{}\t{form}\t_\t{upos}\t{xpos}\t_\t{head}\t{deprel}\t_\t_\n",
            i + 1
        );
    }
    out + "\n"
}

fn read(text: &str, sentence: &str) -> (Annotations, Vec<Word>) {
    let annotations = Annotations::from_text(&conllu(sentence), "test").unwrap();
    let words = annotations.match_texts(&[text]).unwrap().remove(0);
    (annotations, words)
}

const GAVE: &str = "They gave the man a book and left.";
/// As spaCy's en_core_web models label it.
const GAVE_CLEAR: &str = "They/PRON/PRP/2/nsubj gave/VERB/VBD/0/ROOT the/DET/DT/4/det man/NOUN/NN/2/dative a/DET/DT/6/det book/NOUN/NN/2/dobj and/CCONJ/CC/2/cc left/VERB/VBD/2/conj ./PUNCT/./2/punct";

#[test]
fn one_dobj_is_one_object() {
    let (annotations, words) = read(GAVE, GAVE_CLEAR);
    let found = |feature: Feature, reading| texts(&words, &feature.words(reading, GAVE, &words));
    assert_eq!(found(Feature::Object, Paper), ["book"]);
    // The authors' list has spaCy's dative.
    assert_eq!(found(Feature::Object, Authors), ["man", "book"]);
    assert_eq!(found(Feature::Subject, Paper), ["They"]);
    let report = annotations.report();
    assert_eq!(report.set, LabelSet::Clear);
    assert_eq!(
        report.renamed.iter().collect::<Vec<_>>(),
        [(&("dobj".to_owned(), "obj".to_owned()), &1)]
    );
    let notes = report.notes();
    assert_eq!(notes.len(), 1, "{notes:?}");
    assert!(notes[0].contains("dobj → obj (1)"), "{notes:?}");
}

#[test]
fn a_passive_reads_alike_in_three_label_sets() {
    let text = "The mouse was seen by the dog.";
    for (set, sentence) in [
        (
            LabelSet::Clear,
            "The/DET/DT/2/det mouse/NOUN/NN/4/nsubjpass was/AUX/VBD/4/auxpass seen/VERB/VBN/0/ROOT by/ADP/IN/4/agent the/DET/DT/7/det dog/NOUN/NN/5/pobj ./PUNCT/./4/punct",
        ),
        (
            LabelSet::Ud1,
            "The/DET/DT/2/det mouse/NOUN/NN/4/nsubjpass was/AUX/VBD/4/auxpass seen/VERB/VBN/0/root by/ADP/IN/7/case the/DET/DT/7/det dog/NOUN/NN/4/nmod ./PUNCT/./4/punct",
        ),
        (
            LabelSet::Ud2,
            "The/DET/DT/2/det mouse/NOUN/NN/4/nsubj:pass was/AUX/VBD/4/aux:pass seen/VERB/VBN/0/root by/ADP/IN/7/case the/DET/DT/7/det dog/NOUN/NN/4/obl:agent ./PUNCT/./4/punct",
        ),
    ] {
        let (annotations, words) = read(text, sentence);
        assert_eq!(annotations.report().set, set);
        let found = |reading| texts(&words, &Feature::Subject.words(reading, text, &words));
        assert_eq!(found(Paper), ["mouse"], "{set:?}");
        assert_eq!(found(Authors), ["mouse", "by"], "{set:?}");
        // The authors leave passive subjects out of their links.
        assert!(
            LinkKind::VerbSubject
                .links(Authors, text, &words)
                .is_empty()
        );
        assert_eq!(
            LinkKind::VerbSubject.links(Paper, text, &words),
            [Link { from: 3, to: 1 }]
        );
        assert!(annotations.report().unknown_relations.is_empty());
    }
}

#[test]
fn attributes_and_object_predicates_of_spacy_are_the_authors_objects() {
    let text = "He is a teacher.";
    let (_, words) = read(
        text,
        "He/PRON/PRP/2/nsubj is/AUX/VBZ/0/ROOT a/DET/DT/4/det teacher/NOUN/NN/2/attr ./PUNCT/./2/punct",
    );
    assert_eq!(Feature::Object.words(Authors, text, &words), [3]);
    assert!(Feature::Object.words(Paper, text, &words).is_empty());
    assert_eq!(
        LinkKind::VerbSubject.links(Paper, text, &words),
        [Link { from: 1, to: 0 }]
    );
    let text = "They called him a liar.";
    let (_, words) = read(
        text,
        "They/PRON/PRP/2/nsubj called/VERB/VBD/0/ROOT him/PRON/PRP/2/dobj a/DET/DT/5/det liar/NOUN/NN/2/oprd ./PUNCT/./2/punct",
    );
    assert_eq!(Feature::Object.words(Authors, text, &words), [2, 4]);
    assert_eq!(Feature::Object.words(Paper, text, &words), [2]);
}

#[test]
fn chains_of_coordinated_verbs_hang_on_the_first() {
    // spaCy: each verb on the one before. The third verb's object is one of a main predicate, too.
    let text = "We came, saw it and took the house.";
    let (annotations, words) = read(
        text,
        "We/PRON/PRP/2/nsubj came/VERB/VBD/0/ROOT ,/PUNCT/,/2/punct saw/VERB/VBD/2/conj it/PRON/PRP/4/dobj and/CCONJ/CC/4/cc took/VERB/VBD/4/conj the/DET/DT/9/det house/NOUN/NN/7/dobj ./PUNCT/./2/punct",
    );
    // A file of UD v2 keeps its heads; this one is told as spaCy's only by what else it has.
    assert_eq!(annotations.report().set, LabelSet::Ud1);
    assert_eq!(Feature::Object.words(Paper, text, &words), [4]);
    let (annotations, words) = read(
        text,
        "We/PRON/PRP/2/nsubj came/VERB/VBD/0/ROOT ,/PUNCT/,/2/punct saw/VERB/VBD/2/conj it/PRON/PRP/4/dobj and/CCONJ/CC/4/cc took/VERB/VBD/4/conj the/DET/DT/9/poss house/NOUN/NN/7/dobj ./PUNCT/./2/punct",
    );
    assert_eq!(annotations.report().set, LabelSet::Clear);
    assert_eq!(annotations.report().reattached, 1);
    assert_eq!(Feature::Object.words(Paper, text, &words), [4, 8]);
}

#[test]
fn parts_of_speech_fill_one_another_in() {
    let text = "She did not see this, and Ann can see it.";
    let (annotations, words) = read(
        text,
        "She/_/PRP/4/nsubj did/_/VBD/4/aux not/_/RB/4/neg see/_/VB/0/root this/_/DT/4/dobj ,/_/,/4/punct and/_/CC/4/cc Ann/_/NNP/10/nsubj can/_/MD/10/aux see/_/VB/4/conj it/_/PRP/10/dobj ./_/./4/punct",
    );
    let upos: Vec<&str> = words.iter().map(|w| w.upos.as_str()).collect();
    assert_eq!(
        upos,
        [
            "PRON", "AUX", "PART", "VERB", "PRON", "PUNCT", "CCONJ", "PROPN", "AUX", "VERB",
            "PRON", "PUNCT"
        ]
    );
    assert_eq!(annotations.report().upos_from_xpos, 12);
    assert_eq!(Feature::Noun.words(Paper, text, &words), [7]);
    assert_eq!(Feature::Punctuation.words(Paper, text, &words), [5, 11]);
    // And the other way: the authors' features need Penn tags.
    let (annotations, words) = read(
        text,
        "She/PRON/_/4/nsubj did/AUX/_/4/aux not/PART/_/4/advmod see/VERB/_/0/root this/PRON/_/4/obj ,/PUNCT/_/4/punct and/CCONJ/_/10/cc Ann/PROPN/_/10/nsubj can/AUX/_/10/aux see/VERB/_/4/conj it/PRON/_/10/obj ./PUNCT/_/4/punct",
    );
    assert_eq!(Feature::Noun.words(Authors, text, &words), [7]);
    assert_eq!(Feature::Verb.words(Authors, text, &words), [1, 3, 9]);
    assert_eq!(Feature::Pronoun.words(Authors, text, &words), [0, 10]);
    let report = annotations.report();
    assert_eq!((report.set, report.xpos_from_upos), (LabelSet::Ud2, 7));
}

#[test]
fn unknown_labels_are_listed_with_their_counts() {
    // TIGER's labels and STTS tags.
    let text = "Er sieht den Hund.";
    let (annotations, _) = read(
        text,
        "Er/PRO/PPER/2/SB sieht/VERB/VVFIN/0/ROOT den/DET/ART/4/NK Hund/NOUN/NN/2/OA ./PUNCT/$./2/punct",
    );
    let notes = annotations.report().notes().join("\n");
    for expected in [
        "NK (1), OA (1), SB (1)",
        "PRO (1)",
        "$. (1), ART (1), PPER (1), VVFIN (1)",
    ] {
        assert!(notes.contains(expected), "{notes}");
    }
    // UD v2 with all labels known says nothing.
    let (annotations, _) = read(
        "She sleeps.",
        "She/PRON/PRP/2/nsubj sleeps/VERB/VBZ/0/root ./PUNCT/./2/punct",
    );
    assert!(annotations.report().notes().is_empty());
}

#[test]
fn subtypes_are_kept_or_replaced() {
    for (label, expected) in [
        ("nsubj:pass", "nsubj:pass"),
        ("obl:tmod", "obl:tmod"),
        ("acl:relcl", "acl:relcl"),
        ("dobj", "obj"),
        ("dobj:tmod", "obj:tmod"),
        ("nsubjpass:x", "nsubj:pass"),
        ("ROOT", "root"),
        ("prep_of", "obl"),
        ("conj_and", "conj"),
        ("relcl", "acl:relcl"),
        ("tmod", "obl:tmod"),
        ("agent", "agent"),
    ] {
        assert_eq!(relation(label).as_deref(), Some(expected), "{label}");
    }
    for label in ["SB", "_", "", "prep", "nsubject", "x_y"] {
        let known = relation(label);
        assert_eq!(
            known.as_deref(),
            (label == "prep").then_some("prep"),
            "{label}"
        );
    }
}
