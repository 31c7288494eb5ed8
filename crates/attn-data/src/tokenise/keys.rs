//! The keys of `tokenizer_config.json` that are not read elsewhere: those with one supported value, and
//! those that change no token. docs/your-own.md has the same table for readers.

use serde_json::Value;

/// Keys whose other values change the tokens and are not supported: key, whether a value is, what is.
type Fixed = (&'static str, fn(&Value) -> bool, &'static str);

fn yes(value: &Value) -> bool {
    value.is_null() || *value == Value::Bool(true)
}

fn no(value: &Value) -> bool {
    value.is_null() || *value == Value::Bool(false)
}

fn empty(value: &Value) -> bool {
    value.is_null() || value.as_array().is_some_and(Vec::is_empty)
}

fn word(value: &Value, expected: &str) -> bool {
    value.is_null() || value.as_str() == Some(expected)
}

pub(super) const FIXED: &[Fixed] = &[
    // The slow tokenizer honours it, the fast one does not.
    ("do_basic_tokenize", yes, "true"),
    // No tokenizer of transformers reads these three from here; whoever wrote them meant something else.
    ("clean_text", yes, "true"),
    ("wordpieces_prefix", |v| word(v, "##"), "\"##\""),
    (
        "max_input_chars_per_word",
        |v| v.is_null() || v.as_u64() == Some(100),
        "100",
    ),
    ("from_slow", no, "false"),
    ("init_inputs", empty, "an empty list"),
    ("auto_map", Value::is_null, "no code of its own"),
    ("add_special_tokens", yes, "true"),
    ("add_bos_token", no, "false"),
    ("add_eos_token", no, "false"),
    // BertJapaneseTokenizer and BertweetTokenizer.
    ("word_tokenizer_type", |v| word(v, "basic"), "\"basic\""),
    (
        "subword_tokenizer_type",
        |v| word(v, "wordpiece"),
        "\"wordpiece\"",
    ),
    ("do_word_tokenize", yes, "true"),
    ("do_subword_tokenize", yes, "true"),
    ("normalization", no, "false"),
];

/// Keys that change no token of a text: paths and versions, decoding, padding (we pad no text; each is
/// computed as if alone), and defaults of arguments that `--max-length` replaces.
pub(super) const HARMLESS: &[&str] = &[
    "_commit_hash",
    "backend",
    "cache_dir",
    "chat_template",
    "clean_up_tokenization_spaces",
    "device_map",
    "errors",
    "full_tokenizer_file",
    "is_local",
    "legacy",
    "local_files_only",
    "max_length",
    "model_specific_special_tokens",
    "name_or_path",
    "pad_to_multiple_of",
    "pad_token_type_id",
    "padding",
    "padding_side",
    "processor_class",
    "revision",
    "sp_model_kwargs",
    "special_tokens_map_file",
    "stride",
    "subfolder",
    "tokenizer_file",
    "torch_dtype",
    "trim_offsets",
    "truncation",
    "truncation_strategy",
    "use_auth_token",
    "use_fast",
    "verbose",
    "vocab_file",
];

/// Keys that [`super::settings`] reads.
pub(super) const READ: &[&str] = &[
    "add_prefix_space",
    "added_tokens_decoder",
    "additional_special_tokens",
    "do_lower_case",
    "extra_special_tokens",
    "max_len",
    "model_input_names",
    "model_max_length",
    "never_split",
    "split_special_tokens",
    "strip_accents",
    "tokenize_chinese_chars",
    "tokenizer_class",
    "truncation_side",
];
