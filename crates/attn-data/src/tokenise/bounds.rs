//! What a tokenizer's files may ask for, and how much of a text is tokenised.
//!
//! `tokenizer.json` may bring regular expressions, replacements and tables of its own. [`check`]
//! reads the file without building anything and compares it with [`attn_core::limits`]; whatever
//! tokenizers still panics on (a broken `precompiled_charsmap`, for one) becomes an error in
//! [`quiet`]. [`encode`] does not tokenise all of a long text of which a hundred tokens are used.

use super::TokeniseError;
use super::patterns;
use attn_core::guard::quietly;
use attn_core::limits::{self, Exceeded};
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use std::fmt;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use tokenizers::{EncodeInput, Tokenizer, TruncationDirection};

/// Small files that may stand beside a tokenizer.
const SETTINGS: [&str; 3] = [
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
];

/// Checks the tokenizer files of a folder, whichever are there.
pub(super) fn check(folder: &Path) -> Result<(), TokeniseError> {
    for name in SETTINGS {
        size(
            &folder.join(name),
            limits::MAX_CONFIG_BYTES,
            "MAX_CONFIG_BYTES",
        )?;
    }
    let json = folder.join("tokenizer.json");
    if json.is_file() {
        let bytes = limits::read(&json, limits::MAX_TOKENIZER_BYTES, "MAX_TOKENIZER_BYTES")
            .map_err(|e| broken(&json, e.to_string()))?;
        let outline: Outline =
            serde_json::from_slice(&bytes).map_err(|e| broken(&json, e.to_string()))?;
        return outline.problem().map_err(|reason| broken(&json, reason));
    }
    let vocabulary = folder.join("vocab.txt");
    if vocabulary.is_file() {
        size(
            &vocabulary,
            limits::MAX_TOKENIZER_BYTES,
            "MAX_TOKENIZER_BYTES",
        )?;
        let file = File::open(&vocabulary).map_err(|e| broken(&vocabulary, e.to_string()))?;
        let lines = BufReader::new(file).split(b'\n').count() as u64;
        vocabulary_size(lines).map_err(|e| broken(&vocabulary, e.to_string()))?;
    }
    Ok(())
}

fn broken(path: &Path, reason: String) -> TokeniseError {
    TokeniseError::File {
        path: path.to_owned(),
        reason,
    }
}

fn size(path: &Path, most: u64, limit: &'static str) -> Result<(), TokeniseError> {
    // A file that is not there, or cannot be asked, is its reader's affair.
    let bytes = path.metadata().map_or(0, |m| m.len());
    limits::check("bytes", bytes, most, limit).map_err(|e| broken(path, e.to_string()))
}

fn vocabulary_size(entries: u64) -> Result<(), Exceeded> {
    limits::check(
        "entries in the vocabulary",
        entries,
        limits::MAX_VOCABULARY,
        "MAX_VOCABULARY",
    )
}

/// Runs what reads the tokenizer of a folder; a panic in it becomes an error that names the file.
pub(super) fn quiet<T>(
    folder: &Path,
    read: impl FnOnce() -> Result<T, TokeniseError>,
) -> Result<T, TokeniseError> {
    quietly(read).unwrap_or_else(|panic| {
        let json = folder.join("tokenizer.json");
        let path = if json.is_file() {
            json
        } else {
            folder.join("vocab.txt")
        };
        Err(broken(&path, panic.to_string()))
    })
}

/// What counts of `tokenizer.json`; the vocabulary is counted and not kept.
#[derive(Deserialize)]
struct Outline {
    #[serde(default)]
    added_tokens: Option<Count>,
    #[serde(default)]
    normalizer: Value,
    #[serde(default)]
    pre_tokenizer: Value,
    #[serde(default)]
    post_processor: Value,
    #[serde(default)]
    decoder: Value,
    #[serde(default)]
    model: Option<Model>,
}

#[derive(Deserialize)]
struct Model {
    #[serde(default)]
    vocab: Option<Count>,
    #[serde(default)]
    merges: Option<Count>,
    #[serde(default)]
    max_input_chars_per_word: Option<u64>,
}

impl Outline {
    fn problem(&self) -> Result<(), String> {
        let entries = |count: &Option<Count>| count.as_ref().map_or(0, |count| count.0);
        let model = self.model.as_ref();
        let counts = [
            vocabulary_size(model.map_or(0, |model| entries(&model.vocab))),
            vocabulary_size(model.map_or(0, |model| entries(&model.merges))),
            limits::check(
                "added tokens",
                entries(&self.added_tokens),
                limits::MAX_ADDED_TOKENS,
                "MAX_ADDED_TOKENS",
            ),
            limits::check(
                "characters in max_input_chars_per_word",
                model.and_then(|m| m.max_input_chars_per_word).unwrap_or(0),
                limits::MAX_WORD_CHARS,
                "MAX_WORD_CHARS",
            ),
        ];
        for count in counts {
            count.map_err(|e| e.to_string())?;
        }
        for (name, part) in [
            ("normalizer", &self.normalizer),
            ("pre_tokenizer", &self.pre_tokenizer),
            ("post_processor", &self.post_processor),
            ("decoder", &self.decoder),
        ] {
            limits::check(
                format!("values in its {name}"),
                values(part),
                limits::MAX_TOKENIZER_PARTS,
                "MAX_TOKENIZER_PARTS",
            )
            .map_err(|e| e.to_string())?;
            patterns::check(name, part)?;
        }
        let growth = patterns::growth(&self.normalizer)?
            .saturating_mul(patterns::growth(&self.pre_tokenizer)?);
        limits::check(
            "times its length is what its normaliser can make of a text",
            growth,
            limits::MAX_GROWTH,
            "MAX_GROWTH",
        )
        .map_err(|e| e.to_string())
    }
}

/// How many values a JSON value holds, itself included. serde_json bounds the depth.
fn values(value: &Value) -> u64 {
    1 + match value {
        Value::Array(items) => items.iter().map(values).sum(),
        Value::Object(fields) => fields.values().map(values).sum(),
        _ => 0u64,
    }
}

/// The number of entries of a list or an object.
struct Count(u64);

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;
        impl<'de> Visitor<'de> for Entries {
            type Value = u64;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list or an object")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<u64, A::Error> {
                let mut count = 0;
                while list.next_element::<IgnoredAny>()?.is_some() {
                    count += 1;
                }
                Ok(count)
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<u64, A::Error> {
                let mut count = 0;
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {
                    count += 1;
                }
                Ok(count)
            }
        }
        deserializer.deserialize_any(Entries).map(Count)
    }
}

/// Bytes per token of the limit that are tokenised at first.
const BYTES_PER_TOKEN: usize = 64;
/// Fewest bytes tokenised at first.
const FEWEST_BYTES: usize = 64 << 10;

/// Encodes one text or a pair, with special tokens and the tokenizer's truncation.
///
/// Of a text longer than 64 KiB (or 64 bytes per token of the limit), a part is tokenised that ends at a
/// blank, twice as much as long as it gives fewer tokens than the limit, up to all of it. Tokens of
/// words before a blank do not depend on what stands behind it, so the tokens that are kept are
/// those of the whole text. (One exception: where *both* texts of a pair are cut and the limit leaves
/// an odd number of tokens, the odd one goes to the text with more tokens in its part.)
pub(super) fn encode(
    tokenizer: &Tokenizer,
    path: &Path,
    a: &str,
    b: Option<&str>,
) -> Result<tokenizers::Encoding, String> {
    let truncation = tokenizer.get_truncation();
    let limit = truncation.map_or(usize::MAX, |t| t.max_length);
    let left = truncation.is_some_and(|t| matches!(t.direction, TruncationDirection::Left));
    let part = |text| part(tokenizer, path, text, limit, left);
    let (a, b) = (part(a)?, b.map(part).transpose()?);
    let input = match b {
        Some(b) => EncodeInput::Dual(a.0.into(), b.0.into()),
        None => EncodeInput::Single(a.0.into()),
    };
    let mut raw = raw(tokenizer, path, input, true)?;
    // Offsets count from the start of the whole text.
    for (index, skipped) in [(0, a.1), (1, b.map_or(0, |b| b.1))] {
        if skipped > 0 {
            shift(&mut raw, index, skipped);
        }
    }
    Ok(raw)
}

fn shift(raw: &mut tokenizers::Encoding, text: usize, bytes: usize) {
    let of = raw.get_sequence_ids();
    for (offsets, of) in raw.get_offsets_mut().iter_mut().zip(of) {
        if of == Some(text) {
            *offsets = (offsets.0 + bytes, offsets.1 + bytes);
        }
    }
}

/// Tokens of a bare text, of at most [`limits::MAX_TEXT_BYTES`].
pub(super) fn bare(
    tokenizer: &Tokenizer,
    path: &Path,
    text: &str,
) -> Result<tokenizers::Encoding, String> {
    text_size(text)?;
    raw(tokenizer, path, text.into(), false)
}

/// What tokenizers makes of a text; its panics name the file that it was read from.
fn raw(
    tokenizer: &Tokenizer,
    path: &Path,
    input: EncodeInput<'_>,
    special: bool,
) -> Result<tokenizers::Encoding, String> {
    quietly(|| tokenizer.encode(input, special))
        .map_err(|panic| format!("{}: {panic}", path.display()))?
        .map_err(|e| e.to_string())
}

fn text_size(text: &str) -> Result<(), String> {
    limits::check(
        "bytes in one text",
        text.len() as u64,
        limits::MAX_TEXT_BYTES,
        "MAX_TEXT_BYTES",
    )
    .map_err(|e| e.to_string())
}

/// The part of a text that decides its first (or last) `limit` tokens, and the bytes before it.
fn part<'a>(
    tokenizer: &Tokenizer,
    path: &Path,
    text: &'a str,
    limit: usize,
    left: bool,
) -> Result<(&'a str, usize), String> {
    let mut bytes = limit.saturating_mul(BYTES_PER_TOKEN).max(FEWEST_BYTES);
    let most = limits::MAX_TEXT_BYTES as usize;
    while bytes < text.len() && bytes < most {
        let (part, skipped) = cut(text, bytes, left);
        if part.len() == text.len() {
            break;
        }
        let tokens = raw(tokenizer, path, part.into(), false)?;
        // Truncated to the limit: there were as many at least.
        if tokens.len() >= limit {
            return Ok((part, skipped));
        }
        bytes = bytes.saturating_mul(2);
    }
    text_size(text)?;
    Ok((text, 0))
}

/// About `bytes` bytes from the start (or, `left`, the end) of a text, up to a blank, or, where a
/// word is longer than that again, up to a character.
fn cut(text: &str, bytes: usize, left: bool) -> (&str, usize) {
    if left {
        let at = text.floor_char_boundary(text.len() - bytes);
        let near = text.floor_char_boundary(at.saturating_sub(bytes));
        let blank = text[near..at].rfind(char::is_whitespace);
        let from = blank.map_or(at, |blank| near + blank);
        return (&text[from..], from);
    }
    let at = text.ceil_char_boundary(bytes);
    let far = text.ceil_char_boundary((at + bytes).min(text.len()));
    let blank = text[at..far].find(char::is_whitespace);
    (&text[..blank.map_or(at, |blank| at + blank)], 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_end_at_blanks_and_at_characters() {
        let text = "ab cd éé fg";
        assert_eq!(cut(text, 1, false), ("a", 0), "no blank near");
        assert_eq!(cut(text, 2, false), ("ab", 0));
        assert_eq!(cut(text, 7, false), ("ab cd éé", 0));
        assert_eq!(cut(text, 2, true), (" fg", 10));
        assert_eq!(cut(text, 3, true), (" fg", 10));
        assert_eq!(cut(text, 4, true), (" éé fg", 5), "a blank before the part");
        assert_eq!(cut("ééééé", 3, true), ("éé", 6));
    }
}
