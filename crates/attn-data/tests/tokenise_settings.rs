//! Every tokenizer setting against transformers: `reference/tokenizer_settings.py` wrote the files, the
//! texts and what the fast and slow tokenizers of transformers 4 and those of transformers 5 make of them.

use attn_core::Example;
use attn_data::tokenise::{TokeniseError, Tokenizer};
use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Deserialize)]
struct Table {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    files: BTreeMap<String, String>,
    limit: Option<usize>,
    inputs: Vec<Vec<String>>,
    fast: Column,
    slow: Option<Column>,
    v5: Column,
}

#[derive(Deserialize, PartialEq, Debug)]
#[serde(untagged)]
enum Column {
    Rows(Vec<Row>),
    Error {
        #[allow(dead_code)] // for whoever reads a failure
        error: String,
    },
    /// `"as fast"`.
    Same(String),
}

#[derive(Deserialize, PartialEq, Debug)]
struct Row {
    ids: Vec<u32>,
    segments: Vec<u32>,
}

fn table() -> Table {
    serde_json::from_str(include_str!("fixtures/tokenizer_settings.json")).unwrap()
}

fn written(case: &Case) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (file, content) in &case.files {
        std::fs::write(folder.path().join(file), content).unwrap();
    }
    folder
}

/// What we refuse, and what the error names.
const REFUSED: &[(&str, &str)] = &[
    // Slow and fast tokenizers differ.
    ("vocab, do_basic_tokenize False", "do_basic_tokenize"),
    ("vocab, never_split", "never_split"),
    ("json, never_split", "never_split"),
    ("vocab, added_tokens.json with a hole", "added_tokens.json"),
    ("vocab, decoder with a wrong id", "'<ent>'"),
    ("json, vocab differs", "vocab.txt"),
    // Transformers 4 and 5 differ.
    (
        "json, no post-processor, PreTrainedTokenizerFast",
        "post_processor",
    ),
    ("json, post-processor without sep", "post_processor"),
    ("json, unk renamed in config", "unk_token"),
    ("json, cls renamed in config", "cls_token"),
    (
        "json, add_prefix_space False, config True",
        "add_prefix_space",
    ),
    (
        "json, add_prefix_space True, config None",
        "add_prefix_space",
    ),
    (
        "json, add_prefix_space True, config False",
        "add_prefix_space",
    ),
    // Transformers ignores the key without a word, whatever its author meant.
    ("vocab, clean_text false", "clean_text"),
    ("vocab, wordpieces_prefix", "wordpieces_prefix"),
    (
        "vocab, max_input_chars_per_word",
        "max_input_chars_per_word",
    ),
    // Another family's class; a token that no vocabulary has.
    ("vocab, class PreTrainedTokenizerFast", "tokenizer_class"),
    ("vocab, class RobertaTokenizer", "tokenizer_class"),
    ("vocab, class BertJapaneseTokenizer", "tokenizer_class"),
    ("json, class BertJapaneseTokenizer", "tokenizer_class"),
    ("vocab, cls not in vocabulary", "cls_token"),
];

/// Cases in which transformers is of two minds and we follow another column than `fast`.
const AS_V5: &[&str] = &["json, no post-processor"];

/// Cases in which the slow tokenizer or version 5 differs and we follow `fast`: where the slow tokenizer
/// lower-cases special tokens or splits none, and what version 5 ignores of tokenizer.json.
const AS_FAST: &[&str] = &[
    "vocab, split_special_tokens",
    "vocab, additional_special_tokens",
    "vocab, additional in map",
    "vocab, added_tokens.json",
    "vocab, added token normalized False",
    "json, clean_text false",
    "json, cased, PreTrainedTokenizerFast",
    "json, PreTrainedTokenizerFast with do_lower_case",
    "json, prefix",
    "json, max_input_chars_per_word",
    "json, class XLMRobertaTokenizer",
    "json, add_prefix_space False, config None",
    "json, add_prefix_space False, config False",
    "json, add_prefix_space True, config True",
];

#[test]
fn every_setting_is_as_in_transformers_or_refused_by_name() {
    let mut wrong = Vec::new();
    for case in &table().cases {
        let folder = written(case);
        let opened = Tokenizer::open(folder.path(), case.limit.unwrap_or(512));
        if let Some((_, word)) = REFUSED.iter().find(|(name, _)| *name == case.name) {
            match opened {
                Ok(_) => wrong.push(format!("{}: not refused", case.name)),
                Err(e) if e.to_string().contains(word) => {}
                Err(e) => wrong.push(format!("{}: the error lacks {word}: {e}", case.name)),
            }
            continue;
        }
        let tokenizer = match opened {
            Ok(tokenizer) => tokenizer,
            Err(e) => {
                wrong.push(format!("{}: refused: {e}", case.name));
                continue;
            }
        };
        let same = |column: &Column| *column == Column::Same("as fast".to_owned());
        let agree = case.slow.as_ref().is_none_or(same) && same(&case.v5);
        let listed = AS_FAST.contains(&case.name.as_str()) || AS_V5.contains(&case.name.as_str());
        if agree == listed {
            wrong.push(format!(
                "{}: transformers agree: {agree}, listed: {listed}",
                case.name
            ));
        }
        let expected = if AS_V5.contains(&case.name.as_str()) {
            &case.v5
        } else {
            &case.fast
        };
        let Column::Rows(rows) = expected else {
            wrong.push(format!("{}: transformers gives {expected:?}", case.name));
            continue;
        };
        assert_eq!(rows.len(), case.inputs.len());
        for (row, texts) in rows.iter().zip(&case.inputs) {
            let example = Example::unlabelled("case", &texts[0], texts.get(1).cloned());
            let encoding = tokenizer.encode(&example).unwrap();
            let found = Row {
                ids: encoding.ids(),
                segments: encoding.segments(),
            };
            if found != *row {
                wrong.push(format!(
                    "{}: {texts:?}: {found:?}, expected {row:?}",
                    case.name
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Sentence-transformers' checkpoints pad to a fixed length: that is no end of a text.
#[test]
fn padding_to_a_fixed_length_is_not_taken_for_the_end_of_a_text() {
    let table = table();
    let mut cases = table.cases.iter();
    let case = cases.find(|c| c.name == "json, truncation and padding");
    let case = case.unwrap();
    let folder = written(case);
    let path = folder.path().join("tokenizer.json");
    let text = std::fs::read_to_string(&path).unwrap();
    let mut json: serde_json::Value = serde_json::from_str(&text).unwrap();
    json["padding"]["strategy"] = serde_json::json!({ "Fixed": 40 });
    std::fs::write(&path, json.to_string()).unwrap();
    let tokenizer = Tokenizer::open(folder.path(), case.limit.unwrap_or(32)).unwrap();
    let Column::Rows(rows) = &case.fast else {
        panic!("{:?}", case.fast)
    };
    for (row, texts) in rows.iter().zip(&case.inputs) {
        let example = Example::unlabelled("case", &texts[0], texts.get(1).cloned());
        assert_eq!(tokenizer.encode(&example).unwrap().ids(), row.ids);
    }
}

/// Lists name cases that exist, so that no exception outlives its case.
#[test]
fn exceptions_are_of_the_table() {
    let names: Vec<String> = table().cases.into_iter().map(|c| c.name).collect();
    let listed = REFUSED
        .iter()
        .map(|(name, _)| *name)
        .chain(AS_V5.iter().copied());
    for name in listed.chain(AS_FAST.iter().copied()) {
        assert!(names.iter().any(|n| n == name), "{name}");
    }
}

/// The example of the issue: transformers gives two unknown tokens, once we gave `z ##o ##ł ##w cafe`.
#[test]
fn lower_case_without_stripping_accents() {
    let folder = tempfile::tempdir().unwrap();
    let vocabulary = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nz\n##o\n##ł\n##w\ncafe\n";
    std::fs::write(folder.path().join("vocab.txt"), vocabulary).unwrap();
    let tokens = |config: &str| {
        std::fs::write(folder.path().join("tokenizer_config.json"), config).unwrap();
        let tokenizer = Tokenizer::open(folder.path(), 16).unwrap();
        tokenizer.pieces("Żółw café").unwrap()
    };
    assert_eq!(
        tokens(r#"{"do_lower_case": true, "strip_accents": false}"#),
        ["[UNK]", "[UNK]"]
    );
    assert_eq!(
        tokens(r#"{"do_lower_case": true}"#),
        ["z", "##o", "##ł", "##w", "cafe"]
    );
}

#[test]
fn lengths_notes_and_broken_values() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    file(
        "vocab.txt",
        "[PAD]\r\n[UNK]\r\n[CLS]\r\n[SEP]\r\n[MASK]\r\na\r\n",
    );
    let open = || Tokenizer::open(folder.path(), 32);
    file(
        "tokenizer_config.json",
        r#"{"model_max_length": 6, "favourite_colour": 1}"#,
    );
    let tokenizer = open().unwrap();
    assert_eq!(tokenizer.limit(), 6);
    let notes = tokenizer.notes().join("\n");
    assert!(
        notes.contains("model_max_length is 6") && notes.contains("favourite_colour"),
        "{notes}"
    );
    let long = tokenizer
        .encode(&Example::unlabelled("x", "a a a a a a a", None))
        .unwrap();
    assert_eq!((long.ids(), long.truncated), (vec![2, 5, 5, 5, 5, 3], true));
    // "No limit", as transformers writes it.
    file(
        "tokenizer_config.json",
        r#"{"model_max_length": 1000000000000000019884624838656}"#,
    );
    assert_eq!(open().unwrap().limit(), 32);
    for (config, key) in [
        (r#"{"do_lower_case": "no"}"#, "do_lower_case"),
        (r#"{"do_lower_case": null}"#, "do_lower_case"),
        (r#"{"strip_accents": 1}"#, "strip_accents"),
        (r#"{"model_max_length": 0}"#, "model_max_length"),
        (r#"{"truncation_side": "middle"}"#, "truncation_side"),
        (r#"{"cls_token": 7}"#, "cls_token"),
        (r#"{"cls_token": "<none>"}"#, "cls_token"),
        (
            r#"{"added_tokens_decoder": {"x": {"content": "y"}}}"#,
            "added_tokens_decoder",
        ),
        (r#"{"added_tokens_decoder": []}"#, "added_tokens_decoder"),
        (r#"{"tokenizer_class": 3}"#, "tokenizer_class"),
        (
            r#"{"auto_map": {"AutoTokenizer": ["own.Tokenizer", null]}}"#,
            "auto_map",
        ),
        ("[1]", "tokenizer_config.json"),
        ("{\"a\":", "tokenizer_config.json"),
    ] {
        file("tokenizer_config.json", config);
        let message = open().unwrap_err().to_string();
        assert!(message.contains(key), "{config}: {message}");
    }
    file("tokenizer_config.json", "{}");
    file("vocab.txt", "\u{feff}[PAD]\n[UNK]\n[CLS]\n[SEP]\n");
    assert!(open().unwrap_err().to_string().contains("byte order mark"));
    std::fs::write(folder.path().join("vocab.txt"), b"[PAD]\n\xff\n").unwrap();
    assert!(matches!(open().unwrap_err(), TokeniseError::File { .. }));
}

/// A class named in `config.json` counts where `tokenizer_config.json` names none, as in transformers.
#[test]
fn the_class_of_the_model_configuration_counts() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("vocab.txt"),
        "[PAD]\n[UNK]\n[CLS]\n[SEP]\n",
    )
    .unwrap();
    let config = folder.path().join("config.json");
    std::fs::write(&config, r#"{"tokenizer_class": "BertJapaneseTokenizer"}"#).unwrap();
    let message = Tokenizer::open(folder.path(), 16).unwrap_err().to_string();
    assert!(
        message.contains("config.json") && message.contains("tokenizer_class"),
        "{message}"
    );
    std::fs::write(&config, r#"{"tokenizer_class": "BertTokenizerFast"}"#).unwrap();
    Tokenizer::open(folder.path(), 16).unwrap();
}
