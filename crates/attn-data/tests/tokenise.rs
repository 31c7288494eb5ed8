//! Tokenising with a small vocabulary of our own.

use attn_core::Example;
use attn_data::tokenise::{PieceRole, TokeniseError, Tokenizer, pieces_of_span};
use proptest::prelude::*;
use std::path::Path;
use tempfile::TempDir;

const VOCABULARY: &str = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nthe\ncat\nsat\n##s\n##ting\non\nmat\n.\n,\n'\nt\ndon\ncafe\n";

fn tokenizer(limit: usize) -> (TempDir, Tokenizer) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("vocab.txt"), VOCABULARY).unwrap();
    let tokenizer = Tokenizer::open(folder.path(), limit).unwrap();
    (folder, tokenizer)
}

fn example(a: &str, b: Option<&str>) -> Example {
    Example::unlabelled("test:1", a, b.map(str::to_owned))
}

#[test]
fn pieces_roles_and_origins_of_a_pair() {
    let (_folder, tokenizer) = tokenizer(32);
    let (a, b) = ("The cats sat.", "Don't café!");
    let encoding = tokenizer.encode(&example(a, Some(b))).unwrap();
    assert_eq!(
        encoding.texts(),
        [
            "[CLS]", "the", "cat", "##s", "sat", ".", "[SEP]", "don", "'", "t", "cafe", "[UNK]",
            "[SEP]"
        ]
    );
    assert_eq!(encoding.segments(), [0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1]);
    assert_eq!(encoding.positions(PieceRole::Cls), [0]);
    assert_eq!(encoding.positions(PieceRole::Sep), [6, 12]);
    assert!(!encoding.truncated);
    let word = |text: usize, needle: &str| {
        let source = [a, b][text];
        let start = source.find(needle).unwrap();
        pieces_of_span(&encoding, text, start..start + needle.len())
    };
    assert_eq!(word(0, "cats"), [2, 3]);
    assert_eq!(word(1, "Don't"), [7, 8, 9]);
    assert_eq!(word(1, "café"), [10]);
    assert_eq!(tokenizer.ids(), 18);
}

/// Seven and three pieces into five places: the longer text loses pieces until both have three, then
/// the second loses one, as in BERT's own code.
#[test]
fn truncates_the_longer_text_first_and_says_so() {
    let (_folder, tokenizer) = tokenizer(8);
    let encoding = tokenizer
        .encode(&example("the cat sat on the mat .", Some("the mat .")))
        .unwrap();
    assert_eq!(
        encoding.texts(),
        ["[CLS]", "the", "cat", "sat", "[SEP]", "the", "mat", "[SEP]"]
    );
    assert!(encoding.truncated);
    let exact = tokenizer
        .encode(&example("the cat sat", Some("the mat")))
        .unwrap();
    assert_eq!((exact.len(), exact.truncated), (8, false));
}

#[test]
fn errors_name_the_file_and_the_way_out() {
    let folder = tempfile::tempdir().unwrap();
    let open = |limit| Tokenizer::open(folder.path(), limit).unwrap_err();
    assert!(matches!(open(9), TokeniseError::Missing { .. }));
    std::fs::write(folder.path().join("vocab.txt"), "a\nb\n").unwrap();
    let message = open(9).to_string();
    assert!(
        message.contains("vocab.txt") && message.contains("[CLS]"),
        "{message}"
    );
    std::fs::write(folder.path().join("vocab.txt"), VOCABULARY).unwrap();
    assert!(matches!(
        open(3),
        TokeniseError::Limit {
            limit: 3,
            special: 3
        }
    ));
    std::fs::write(folder.path().join("tokenizer.json"), "{\"version\":").unwrap();
    let message = open(9).to_string();
    assert!(message.contains("tokenizer.json"), "{message}");
}

/// The real tokenizer of the 12×12 model: `<s>` and `</s>`, Unigram, no WordPiece.
#[test]
fn unigram_tokenizer_with_other_special_tokens() {
    let shared = std::env::var("ATTN_SHARED")
        .unwrap_or_else(|_| concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared").to_owned());
    let folder = Path::new(&shared).join("models/multilingual-e5-small-en-pt");
    if !folder.is_dir() {
        eprintln!("SKIPPED: {} is absent", folder.display());
        return;
    }
    let tokenizer = Tokenizer::open(&folder, 64).unwrap();
    let (a, b) = ("She agreed.", "He never agreed with her.");
    let encoding = tokenizer.encode(&example(a, Some(b))).unwrap();
    let texts = encoding.texts();
    assert_eq!((texts[0], *texts.last().unwrap()), ("<s>", "</s>"));
    assert_eq!(encoding.positions(PieceRole::Cls), [0]);
    assert!(encoding.positions(PieceRole::Sep).len() >= 2);
    let start = b.find("never").unwrap();
    let pieces = pieces_of_span(&encoding, 1, start..start + 5);
    let spelled: String = pieces.iter().map(|&i| texts[i]).collect();
    assert_eq!(spelled.trim_start_matches('▁'), "never");
}

proptest! {
    /// Whatever the text, origins lie on its character boundaries, in order, and cover every
    /// character that is not blank or removed by normalisation.
    #[test]
    fn origins_round_trip(a in "\\PC{0,60}", b in proptest::option::of("\\PC{0,60}")) {
        let (_folder, tokenizer) = tokenizer(512);
        let encoding = tokenizer.encode(&example(&a, b.as_deref())).unwrap();
        let mut last = (0, 0);
        for piece in &encoding.pieces {
            match piece.origin {
                None => prop_assert_ne!(piece.role, PieceRole::Text),
                Some((text, start, end)) => {
                    let source = if text == 0 { a.as_str() } else { b.as_deref().unwrap() };
                    prop_assert!(source.get(start..end).is_some());
                    prop_assert!((text, start) >= last, "{:?}", encoding);
                    last = (text, start);
                }
            }
        }
        for (text, source) in [Some(a.as_str()), b.as_deref()].into_iter().flatten().enumerate() {
            for (start, c) in source.char_indices().filter(|(_, c)| c.is_ascii_alphanumeric()) {
                prop_assert!(!pieces_of_span(&encoding, text, start..start + c.len_utf8()).is_empty());
            }
        }
    }
}
