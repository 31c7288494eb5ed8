//! Tokenizer files and texts that ask for too much.

use attn_core::Example;
use attn_data::tokenise::Tokenizer;
use std::time::{Duration, Instant};

const VOCABULARY: &str = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nthe\ncat\n##s\n";

fn example(text: &str, second: Option<&str>) -> Example {
    Example {
        id: "x.csv:2".into(),
        text_a: text.into(),
        text_b: second.map(str::to_owned),
        label: None,
    }
}

/// A WordPiece tokenizer.json with the given normaliser and further keys of the model.
fn open(normalizer: &str, model: &str) -> Result<Tokenizer, String> {
    let folder = tempfile::tempdir().unwrap();
    let json = format!(
        r###"{{"version": "1.0", "truncation": null, "padding": null, "added_tokens": [],
        "normalizer": {normalizer}, "pre_tokenizer": {{"type": "BertPreTokenizer"}},
        "post_processor": {{"type": "BertProcessing", "sep": ["[SEP]", 3], "cls": ["[CLS]", 2]}}, "decoder": null,
        "model": {{"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
        {model} "vocab": {{"[PAD]": 0, "[UNK]": 1, "[CLS]": 2, "[SEP]": 3, "the": 4, "cat": 5, "##s": 6}}}}}}"###
    );
    std::fs::write(folder.path().join("tokenizer.json"), json).unwrap();
    Tokenizer::open(folder.path(), 16).map_err(|e| e.to_string())
}

const WORD: &str = r#""max_input_chars_per_word": 100,"#;

#[test]
fn files_that_explode_or_panic_are_errors_that_name_them() {
    open("null", WORD).unwrap();
    let twice = r#"{"type": "Replace", "pattern": {"String": "a"}, "content": "aa"}"#;
    let many = vec![twice; 40].join(",");
    let cases = [
        (
            format!(r#"{{"type": "Sequence", "normalizers": [{many}]}}"#),
            "MAX_GROWTH",
        ),
        (
            r#"{"type": "Replace", "pattern": {"Regex": "(a+)+\\1$"}, "content": ""}"#.into(),
            "refers back",
        ),
        (
            r#"{"type": "Precompiled", "precompiled_charsmap": "//////8="}"#.into(),
            "precompiled_charsmap",
        ),
    ];
    for (normalizer, said) in cases {
        let error = open(&normalizer, WORD).unwrap_err();
        assert!(
            error.contains("tokenizer.json") && error.contains(said),
            "{error}"
        );
    }
    let error = open("null", r#""max_input_chars_per_word": 1000000,"#).unwrap_err();
    assert!(error.contains("MAX_WORD_CHARS"), "{error}");
    // An index of no entries: spm_precompiled looks at its first one and panics.
    let empty = r#"{"type": "Precompiled", "precompiled_charsmap": "AAAAAA=="}"#;
    let error = match open(empty, WORD) {
        Err(error) => error,
        Ok(tokenizer) => tokenizer
            .encode(&example("the cat", None))
            .unwrap_err()
            .to_string(),
    };
    assert!(
        error.contains("tokenizer.json") && error.contains("gave up"),
        "{error}"
    );
}

#[test]
fn a_long_text_is_cut_without_changing_its_tokens_and_a_longer_word_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("vocab.txt"), VOCABULARY).unwrap();
    let tokenizer = Tokenizer::open(folder.path(), 16).unwrap();
    let short = "the cats ".repeat(100);
    let long = "the cats ".repeat(2_000_000);
    let start = Instant::now();
    let whole = tokenizer.encode(&example(&short, Some("the cat"))).unwrap();
    let cut = tokenizer.encode(&example(&long, Some("the cat"))).unwrap();
    assert_eq!(whole, cut);
    assert!(cut.truncated && start.elapsed() < Duration::from_secs(10));
    let word = "x".repeat(16 << 20);
    let error = tokenizer
        .encode(&example(&word, None))
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("x.csv:2") && error.contains("MAX_TEXT_BYTES"),
        "{error}"
    );
    assert!(
        start.elapsed() < Duration::from_secs(30),
        "{:?}",
        start.elapsed()
    );
}
