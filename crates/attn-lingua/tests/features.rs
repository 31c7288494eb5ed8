//! Features, links and imports on sentences annotated by hand.

mod support;

use attn_core::Reading::{Authors, Paper};
use attn_lingua::{Annotations, Feature, Link, LinkKind, negation};
use support::{annotated, texts};

#[test]
fn parts_of_speech_by_reading() {
    let (text, words) = annotated(3);
    assert_eq!(
        texts(&words, &Feature::Verb.words(Paper, text, &words)),
        [""; 0],
        "the copula is an auxiliary"
    );
    assert_eq!(
        texts(&words, &Feature::Verb.words(Authors, text, &words)),
        ["is"]
    );
    assert_eq!(
        texts(&words, &Feature::Noun.words(Paper, text, &words)),
        ["teacher"]
    );
    assert_eq!(
        texts(&words, &Feature::Punctuation.words(Paper, text, &words)),
        ["."]
    );
    let (text, words) = annotated(7);
    assert_eq!(
        texts(&words, &Feature::Pronoun.words(Paper, text, &words)),
        ["There", "it"]
    );
    assert_eq!(
        texts(&words, &Feature::Pronoun.words(Authors, text, &words)),
        ["it"]
    );
}

#[test]
fn subjects_and_objects_by_reading() {
    let check = |i: usize, feature: Feature, paper: &[&str], authors: &[&str]| {
        let (text, words) = annotated(i);
        assert_eq!(
            texts(&words, &feature.words(Paper, text, &words)),
            paper,
            "{text}"
        );
        assert_eq!(
            texts(&words, &feature.words(Authors, text, &words)),
            authors,
            "{text}"
        );
    };
    check(0, Feature::Subject, &["dog"], &["dog"]);
    check(4, Feature::Subject, &["mouse"], &["mouse", "by"]);
    check(7, Feature::Subject, &["wish"], &["There", "wish"]);
    check(0, Feature::Object, &["cat"], &["cat"]);
    check(3, Feature::Object, &[], &["teacher"]);
    check(5, Feature::Object, &["book"], &["him", "book"]);
    check(
        6,
        Feature::Object,
        &["it", "house"],
        &["it", "success", "house"],
    );
    check(7, Feature::Object, &[], &["it"]);
}

#[test]
fn links() {
    let (text, words) = annotated(3);
    assert_eq!(
        LinkKind::VerbSubject.links(Paper, text, &words),
        [Link { from: 1, to: 0 }],
        "the copula"
    );
    assert_eq!(
        LinkKind::NounPronoun.links(Paper, text, &words),
        [Link { from: 3, to: 0 }]
    );
    let (text, words) = annotated(4);
    assert_eq!(
        LinkKind::VerbSubject.links(Paper, text, &words),
        [Link { from: 3, to: 1 }]
    );
    assert!(
        LinkKind::VerbSubject
            .links(Authors, text, &words)
            .is_empty()
    );
    let (text, words) = annotated(5);
    assert_eq!(
        LinkKind::NounPronoun.links(Paper, text, &words),
        [Link { from: 4, to: 0 }, Link { from: 4, to: 2 }]
    );
}

#[test]
fn negation_by_reading() {
    let annotator = attn_lingua::Annotator::embedded().unwrap();
    let check = |text: &str, paper: &[&str], authors: &[&str]| {
        let words = annotator.annotate(text);
        assert_eq!(
            texts(&words, &Feature::Negation.words(Paper, text, &words)),
            paper,
            "{text}"
        );
        assert_eq!(
            texts(&words, &Feature::Negation.words(Authors, text, &words)),
            authors,
            "{text}"
        );
    };
    check("I don't know.", &["do", "n't"], &["do", "n't"]);
    check("I do n't know .", &["do", "n't"], &[]);
    check("I DON’T know", &["DO", "N’T"], &["DO", "N’T"]);
    check("It doesn't fit.", &[], &[]);
    check(
        "Never tie a knot, nor that.",
        &["Never", "nor"],
        &["Never", "knot", "nor"],
    );
    check("The northern annotators", &[], &["northern", "annotators"]);
    let split = |word: &str| -> Vec<String> {
        word.split_inclusive('\'')
            .flat_map(|p| match p.strip_suffix('\'') {
                Some(p) => vec![p.to_owned(), "'".to_owned()],
                None => vec![p.to_owned()],
            })
            .collect()
    };
    let pieces = ["[CLS]", "don", "'", "t", "say", "it", "'", "s", "[SEP]"];
    assert_eq!(
        negation::matching_pieces("Don't say it's", &pieces, &split),
        [1, 2, 3, 6]
    );
    assert_eq!(
        negation::matching_pieces("Say it's", &pieces, &split),
        [0usize; 0]
    );
}

#[test]
fn several_sentences_are_one_text_and_their_heads_move() {
    let annotations = Annotations::from_text(&support::treebank(), "hand.conllu").unwrap();
    let all: Vec<&str> = support::SENTENCES.iter().map(|s| s.0).collect();
    let (first, rest) = (all[..2].join("  "), all[2..].join(" "));
    let texts = annotations
        .match_texts(&[first.as_str(), "", rest.as_str()])
        .unwrap();
    assert_eq!((texts[0].len(), texts[1].len()), (12, 0));
    let mouse = &texts[0][10];
    assert_eq!(
        (mouse.text.as_str(), mouse.head, mouse.sentence),
        ("mouse", Some(8), 1)
    );
    assert_eq!(&first[mouse.bytes.clone()], "mouse");
}

#[test]
fn imports_that_do_not_fit_say_where() {
    let annotations = Annotations::from_text(&support::treebank(), "hand.conllu").unwrap();
    let mut all: Vec<&str> = support::SENTENCES.iter().map(|s| s.0).collect();
    all[2] = "She slept.";
    let error = annotations.match_texts(&all).unwrap_err().to_string();
    assert!(
        error.starts_with("hand.conllu, sentence at line 17, against text 3: word 2 'sleeps'"),
        "{error}"
    );
    let error = annotations.match_texts(&all[..2]).unwrap_err().to_string();
    assert!(
        error.contains("line 17") && error.contains("6 sentences are left"),
        "{error}"
    );
    all[2] = "She sleeps.";
    all.push("More.");
    let error = annotations.match_texts(&all).unwrap_err().to_string();
    assert!(
        error.contains("text 9") && error.contains("'More.'"),
        "{error}"
    );
}
