//! What must hold for any text.

use attn_core::Reading;
use attn_lingua::align::{pieces_of, same_string, word_pieces};
use attn_lingua::tokenize::{sentences, tokenize};
use attn_lingua::{Annotator, Feature, LinkKind, Word};
use proptest::prelude::*;
use std::sync::OnceLock;

fn annotator() -> &'static Annotator {
    static ANNOTATOR: OnceLock<Annotator> = OnceLock::new();
    ANNOTATOR.get_or_init(|| Annotator::embedded().unwrap())
}

/// Heads lie within the sentence, with one root and no cycle.
fn check_tree(words: &[Word]) {
    for sentence in words.chunk_by(|a, b| a.sentence == b.sentence) {
        assert!(sentence.iter().filter(|word| word.head.is_none()).count() >= 1);
    }
    for (i, word) in words.iter().enumerate() {
        assert_eq!(word.head.is_none(), word.deprel == "root");
        let (mut at, mut steps) = (i, 0);
        while let Some(head) = words[at].head {
            assert_eq!(words[head].sentence, word.sentence);
            (at, steps) = (head, steps + 1);
            assert!(steps <= words.len(), "cycle");
        }
    }
}

fn check(text: &str) {
    let words = annotator().annotate(text);
    let mut end = 0;
    for word in &words {
        assert!(word.bytes.start >= end && word.bytes.start < word.bytes.end);
        end = word.bytes.end;
        let on_text: String = text[word.bytes.clone()].split_whitespace().collect();
        assert_eq!(on_text, word.text);
        let by_chars: String = text
            .chars()
            .skip(word.chars.start)
            .take(word.chars.len())
            .collect();
        assert_eq!(by_chars, text[word.bytes.clone()]);
    }
    let glued: String = words.iter().map(|word| word.text.as_str()).collect();
    assert_eq!(
        glued,
        text.split_whitespace().collect::<String>(),
        "nothing is lost"
    );
    check_tree(&words);
    for reading in [Reading::Paper, Reading::Authors] {
        for feature in Feature::ALL {
            let found = feature.words(reading, text, &words);
            assert!(found.windows(2).all(|pair| pair[0] < pair[1]));
            assert!(found.iter().all(|&i| i < words.len()));
        }
        for kind in LinkKind::ALL {
            assert!(
                kind.links(reading, text, &words)
                    .iter()
                    .all(|l| l.from < words.len() && l.to < words.len())
            );
        }
    }
}

proptest! {
    #[test]
    fn any_text_is_annotated(text in "\\PC{0,60}") {
        check(&text);
    }

    #[test]
    fn text_that_looks_like_text(words in prop::collection::vec("[A-Za-z]{1,8}|n't|'s|'|\"|\\.|\\.\\.\\.|!|-|--|/|[0-9]{1,4}|\\$|%|\\(|\\)|’|“|\n|\n\n|don|'t|https?://[a-z.]{1,5}|[a-z]@[a-z]", 0..25), glue in prop::collection::vec(any::<bool>(), 25)) {
        let mut text = String::new();
        for (word, blank) in words.iter().zip(glue) {
            text.push_str(word);
            if blank {
                text.push(' ');
            }
        }
        check(&text);
    }

    #[test]
    fn sentences_cover_all_words(text in "[a-zA-Z .!?\"'\n]{0,80}") {
        let tokens = tokenize(&text);
        let mut at = 0;
        for sentence in sentences(&text, &tokens) {
            prop_assert_eq!(sentence.start, at);
            prop_assert!(sentence.end > at);
            at = sentence.end;
        }
        prop_assert_eq!(at, tokens.len());
    }

    /// Cut a text into pieces anywhere: every word gets exactly the pieces that share a byte.
    #[test]
    fn pieces_of_a_word_cover_it(text in "[a-z' .]{0,40}", cuts in prop::collection::vec(0usize..40, 0..12)) {
        let words: Vec<_> = tokenize(&text).into_iter().map(|token| token.bytes).collect();
        let mut borders: Vec<usize> = cuts.into_iter().map(|cut| cut.min(text.len())).collect();
        borders.extend([0, text.len()]);
        borders.sort_unstable();
        borders.dedup();
        let mut pieces = vec![(0, 0)];
        pieces.extend(borders.windows(2).map(|pair| (pair[0], pair[1])));
        pieces.push((0, 0));
        let found = word_pieces(&words, &pieces);
        for (word, found) in words.iter().zip(&found) {
            let expected: Vec<usize> = (0..pieces.len()).filter(|&i| pieces[i].0 < word.end && word.start < pieces[i].1 && pieces[i].0 < pieces[i].1).collect();
            prop_assert_eq!(found, &expected);
            for byte in word.clone() {
                prop_assert!(found.iter().any(|&i| pieces[i].0 <= byte && byte < pieces[i].1));
            }
        }
    }

    /// Pieces that lie anyhow, also within one another.
    #[test]
    fn odd_pieces_do_no_harm(pieces in prop::collection::vec((0usize..20, 0usize..20), 0..12), start in 0usize..20, size in 0usize..6) {
        let word = start..start + size;
        let expected: Vec<usize> = (0..pieces.len())
            .filter(|&i| pieces[i].0 < pieces[i].1 && pieces[i].0 < word.end && pieces[i].1 > word.start)
            .collect();
        prop_assert_eq!(&word_pieces(&[word], &pieces)[0], &expected);
    }
}

#[test]
fn degenerate_texts_are_annotated() {
    let long = "word ".repeat(3000);
    let comma = ",".repeat(5000);
    let clitics = "x's".repeat(2000);
    for text in [
        "",
        " \n\t",
        ".",
        "\u{0}",
        "\u{feff}a",
        "a\u{301}",
        &long,
        &comma,
        &clitics,
    ] {
        check(text);
    }
}

#[test]
fn lists_of_pieces() {
    let pieces = vec![vec![1], vec![2, 3], vec![3, 4]];
    assert_eq!(pieces_of(&[1, 2, 9], &pieces), [2, 3, 4]);
    assert_eq!(same_string(&["a", "b", "a", "c"], &[0, 7]), [0, 2]);
}
