//! Regular expressions and replacements in `tokenizer.json`: which cannot explode.
//!
//! tokenizers runs patterns with fancy-regex, which backtracks where a pattern looks around or
//! refers back: a few bytes can then take minutes. A pattern that regex-syntax can read runs in
//! linear time, so that only its size counts; the one look-around that published tokenizers use, `(?!\S)` in
//! GPT-2's `\s+(?!\S)`, is let through in patterns without nested repetition.

use attn_core::limits::{
    MAX_CHARSMAP_BYTES, MAX_PATTERN_BYTES, MAX_PATTERN_STEPS, check as within,
};
use regex_syntax::hir::{Hir, HirKind};
use serde_json::Value;

/// The look-around of GPT-2's pattern.
const BEFORE_BLANK: &str = r"(?!\S)";

/// Checks every pattern and table in a part of `tokenizer.json`.
pub(super) fn check(part: &str, value: &Value) -> Result<(), String> {
    match value {
        Value::Array(items) => items.iter().try_for_each(|item| check(part, item)),
        Value::Object(fields) => {
            if let Some(Value::String(regex)) = fields.get("Regex") {
                pattern(regex).map_err(|e| format!("{part}: {e}"))?;
            }
            fields.values().try_for_each(|field| check(part, field))
        }
        _ => Ok(()),
    }
}

fn pattern(regex: &str) -> Result<(), String> {
    let text = |e: attn_core::limits::Exceeded| e.to_string();
    within(
        "bytes in one pattern",
        regex.len() as u64,
        MAX_PATTERN_BYTES,
        "MAX_PATTERN_BYTES",
    )
    .map_err(text)?;
    let plain = regex.replace(BEFORE_BLANK, "");
    let tree = regex_syntax::Parser::new().parse(&plain).map_err(|_| {
        let shown: String = regex.chars().take(60).collect();
        format!(
            "the pattern '{shown}' looks around or refers back, which can take for ever: expected a \
             plain regular expression ({BEFORE_BLANK} is allowed)"
        )
    })?;
    let (steps, nested) = measure(&tree);
    within(
        "steps in one pattern",
        steps,
        MAX_PATTERN_STEPS,
        "MAX_PATTERN_STEPS",
    )
    .map_err(text)?;
    if nested && plain != regex {
        return Err(format!(
            "the pattern '{regex}' repeats a repetition and looks around, which can take for ever"
        ));
    }
    Ok(())
}

/// Steps with counted repetitions written out, and whether an endless repetition holds another.
fn measure(tree: &Hir) -> (u64, bool) {
    let all = |parts: &[Hir]| {
        parts.iter().map(measure).fold((0u64, false), |all, one| {
            (all.0.saturating_add(one.0), all.1 || one.1)
        })
    };
    match tree.kind() {
        HirKind::Empty | HirKind::Look(_) | HirKind::Class(_) => (1, false),
        HirKind::Literal(literal) => (literal.0.len() as u64, false),
        HirKind::Capture(capture) => measure(&capture.sub),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => all(parts),
        HirKind::Repetition(repetition) => {
            let (steps, nested) = measure(&repetition.sub);
            let times = repetition.max.unwrap_or(repetition.min.saturating_add(1));
            let inside = repetition.max.is_none() && holds_repetition(&repetition.sub);
            (
                steps.saturating_mul(u64::from(times.max(1))),
                nested || inside,
            )
        }
    }
}

fn holds_repetition(tree: &Hir) -> bool {
    match tree.kind() {
        HirKind::Repetition(repetition) => {
            repetition.max.is_none() || holds_repetition(&repetition.sub)
        }
        HirKind::Capture(capture) => holds_repetition(&capture.sub),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => parts.iter().any(holds_repetition),
        _ => false,
    }
}

/// How many times longer a normaliser or pre-tokenizer can make a text, at most; Unicode's own
/// normal forms aside, which tokenizers bounds.
pub(super) fn growth(value: &Value) -> Result<u64, String> {
    let Value::Object(fields) = value else {
        return Ok(1);
    };
    let of = |name: &str| fields.get(name).and_then(Value::as_str).unwrap_or_default();
    let mut times = match of("type") {
        "Replace" => {
            // A pattern may match the empty text between all characters; else it takes one at least.
            let matched = fields.get("pattern").and_then(|p| p.get("String"));
            let matched = matched.and_then(Value::as_str).map_or(0, str::len);
            let content = of("content").len();
            match matched {
                0 => content as u64 + 1,
                matched => content.div_ceil(matched).max(1) as u64,
            }
        }
        // Once a word at most.
        "Prepend" => of("prepend").len() as u64 + 1,
        "Metaspace" => of("replacement").len().max(1) as u64,
        "Precompiled" => longest_replacement(of("precompiled_charsmap"))?,
        _ => 1,
    };
    for name in ["normalizers", "pretokenizers"] {
        for part in fields
            .get(name)
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            times = times.saturating_mul(growth(part)?);
        }
    }
    Ok(times)
}

/// The longest text that SentencePiece's table puts in place of a character. The table is the size
/// of its index (4 bytes), the index, and the texts, each ended by a zero.
fn longest_replacement(charsmap: &str) -> Result<u64, String> {
    let bad = |reason: &str| Err(format!("its precompiled_charsmap is broken: {reason}"));
    within(
        "bytes of precompiled_charsmap",
        charsmap.len() as u64,
        MAX_CHARSMAP_BYTES,
        "MAX_CHARSMAP_BYTES",
    )
    .map_err(|e| e.to_string())?;
    let Some(bytes) = from_base64(charsmap) else {
        return bad("it is not base64");
    };
    let Some((size, rest)) = bytes.split_first_chunk::<4>() else {
        return bad("it is too short");
    };
    let Some(texts) = rest.get(u32::from_le_bytes(*size) as usize..) else {
        return bad("its index is longer than it is");
    };
    let longest = texts.split(|&byte| byte == 0).map(<[u8]>::len).max();
    Ok(longest.unwrap_or(0).max(1) as u64)
}

/// RFC 4648, with or without padding.
fn from_base64(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let (mut bits, mut held) = (0u32, 0);
    for letter in text.trim_end_matches('=').bytes() {
        let value = match letter {
            b'A'..=b'Z' => letter - b'A',
            b'a'..=b'z' => letter - b'a' + 26,
            b'0'..=b'9' => letter - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        (bits, held) = (bits << 6 | u32::from(value), held + 6);
        if held >= 8 {
            held -= 8;
            bytes.push((bits >> held) as u8);
            bits &= (1 << held) - 1;
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// GPT-2, Llama 3, the multilingual models' blanks, and DeepSeek's digits.
    #[test]
    fn patterns_of_published_tokenizers_pass() {
        for regex in [
            r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+",
            r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
            " {2,}",
            r"\p{N}{1,3}",
            "[0-9][0-9][0-9]",
        ] {
            assert_eq!(pattern(regex), Ok(()), "{regex}");
        }
    }

    #[test]
    fn patterns_that_explode_are_refused() {
        for (regex, said) in [
            (r"(a+)+\1$", "refers back"),
            (r"(?=(a+)+$)a", "looks around"),
            (r"(\s+)+(?!\S)", "repeats a repetition"),
            ("((a{100}){100}){100}", "MAX_PATTERN_STEPS"),
            ("(", "plain regular expression"),
        ] {
            let error = pattern(regex).unwrap_err();
            assert!(error.contains(said), "{regex}: {error}");
        }
        let long = "a".repeat(1001);
        assert!(pattern(&long).unwrap_err().contains("MAX_PATTERN_BYTES"));
        let hidden = json!({"type": "Sequence", "pretokenizers": [{"type": "Split", "pattern": {"Regex": r"(a)\1"}}]});
        assert!(
            check("pre_tokenizer", &hidden)
                .unwrap_err()
                .contains("pre_tokenizer")
        );
    }

    #[test]
    fn growth_multiplies() {
        let replace = |from: &str, to: &str| json!({"type": "Replace", "pattern": {"String": from}, "content": to});
        assert_eq!(growth(&replace("``", "\"")), Ok(1));
        assert_eq!(growth(&replace("a", "aaa")), Ok(3));
        assert_eq!(growth(&replace(" ", "▁")), Ok(3));
        let many: Vec<_> = (0..40).map(|_| replace("a", "aa")).collect();
        let all = json!({"type": "Sequence", "normalizers": many});
        assert_eq!(growth(&all), Ok(1 << 40));
        let empty = json!({"type": "Replace", "pattern": {"Regex": "x*"}, "content": "abc"});
        assert_eq!(growth(&empty), Ok(4));
        let table = |bytes: &[u8]| json!({"type": "Precompiled", "precompiled_charsmap": attn_core::io::base64(bytes)});
        assert_eq!(growth(&table(b"\x04\0\0\0\0\0\0\0ab\0abc\0")), Ok(3));
        assert!(growth(&table(b"\xff\xff\xff\xff\0\0")).is_err());
    }

    #[test]
    fn base64_is_the_inverse_of_what_we_write() {
        for bytes in [&b""[..], b"a", b"ab", b"abc", b"\xff\x00\x80\x7f"] {
            assert_eq!(from_base64(&attn_core::io::base64(bytes)).unwrap(), bytes);
        }
        assert_eq!(from_base64("a?"), None);
    }
}
