//! Raw English text to words and sentences, after the conventions of UD English EWT.
//!
//! - Contractions fall apart: `do|n't`, `it|'s`, `can|not`, `gon|na`, `dogs|'`.
//! - Hyphens are words of their own (`15|-|year`) but after prefixes (`non-stop`, `e-mail`) and
//!   in telephone numbers and dates; the slash likewise (`and|/|or`, but `1/2`).
//! - Currency signs, percent signs and units leave their numbers (`$|5`, `100|%`, `8|pm`).
//! - Web addresses, mail addresses, file names and emoticons stay whole.
//! - Text that is already tokenised passes through: `does n't`, `doesn 't` (as MRPC has it),
//!   `-lrb-`, `` ` `` and `''`.
//!
//! Every word knows its bytes in the text. Only blanks lie between words, never inside one, with
//! the one exception of `n 't`.

mod chunk;
mod lists;
mod sentences;

pub use sentences::sentences;

use std::ops::Range;

/// A word of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// The word, without any blank.
    pub text: String,
    /// Its bytes in the text.
    pub bytes: Range<usize>,
}

/// Splits a text into words.
pub fn tokenize(text: &str) -> Vec<Token> {
    let mut spans: Vec<Range<usize>> = Vec::new();
    let chunks = blanks(text);
    let mut skip = false;
    for (i, chunk) in chunks.iter().enumerate() {
        if std::mem::take(&mut skip) {
            continue;
        }
        let next = chunks.get(i + 1).map_or("", |next| &text[next.clone()]);
        // "doesn 't": the n belongs to the word behind it.
        if matches!(next, "'t" | "’t" | "'T" | "’T") && lists::takes_not(&text[chunk.clone()]) {
            let cut = chunk.end - 1;
            spans.push(chunk.start..cut);
            spans.push(cut..chunks[i + 1].end);
            skip = true;
            continue;
        }
        chunk::split(text, chunk.clone(), next, &mut spans);
    }
    spans
        .into_iter()
        .filter(|span| !span.is_empty())
        .map(|bytes| Token {
            text: text[bytes.clone()].split_whitespace().collect(),
            bytes,
        })
        .collect()
}

/// What lies between white space.
fn blanks(text: &str) -> Vec<Range<usize>> {
    let mut chunks = Vec::new();
    let mut start = None;
    for (at, c) in text.char_indices() {
        if c.is_whitespace() {
            if let Some(start) = start.take() {
                chunks.push(start..at);
            }
        } else {
            start.get_or_insert(at);
        }
    }
    if let Some(start) = start {
        chunks.push(start..text.len());
    }
    chunks
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> String {
        let words: Vec<String> = tokenize(text).into_iter().map(|t| t.text).collect();
        words.join(" ")
    }

    #[test]
    fn the_conventions_of_the_treebank() {
        for (text, expected) in [
            ("I don't know, it's fine.", "I do n't know , it 's fine ."),
            ("We can't; you won’t.", "We ca n't ; you wo n’t ."),
            (
                "They cannot. I'm gonna go!",
                "They can not . I 'm gon na go !",
            ),
            ("the dogs' owner's car", "the dogs ' owner 's car"),
            (
                "a 15-year term, a well-known e-mail",
                "a 15 - year term , a well - known e-mail",
            ),
            (
                "non-stop anti-American co-workers",
                "non-stop anti-American co-workers",
            ),
            (
                "Call 713-853-3989 on 11/20/2000 at 5:30pm.",
                "Call 713-853-3989 on 11/20/2000 at 5:30 pm .",
            ),
            ("and/or", "and / or"),
            (
                "It costs $5,000.50 (up 3%).",
                "It costs $ 5,000.50 ( up 3 % ) .",
            ),
            (
                "See http://a.b/c-d?e=f, or mail me@x.com.",
                "See http://a.b/c-d?e=f , or mail me@x.com .",
            ),
            ("\"Really?!\" he said...", "\" Really ?! \" he said ..."),
            (
                "Mr. Smith of the U.S. Senate said so.",
                "Mr. Smith of the U.S. Senate said so .",
            ),
            ("Wait--what?", "Wait -- what ?"),
            ("I like it :) .", "I like it :) ."),
            ("the 1970s and the '70s", "the 1970s and the '70s"),
            ("rock 'n' roll", "rock 'n' roll"),
            (
                "He lives in Ohio.  She, too!!!",
                "He lives in Ohio . She , too !!!",
            ),
            ("Sales were 1,350kg.", "Sales were 1,350 kg ."),
            ("“Yes,” she said—twice.", "“ Yes , ” she said — twice ."),
            ("file.doc is here", "file.doc is here"),
        ] {
            assert_eq!(words(text), expected);
        }
    }

    #[test]
    fn tokenised_text_passes_through() {
        for text in [
            "it 's a charming and often affecting journey .",
            "i do n't know , `` he said '' .",
            "( a -lrb- b -rrb- c )",
            "the dogs ' bowls ; they 'll bark",
            "a film -- but not a good one .",
        ] {
            assert_eq!(words(text), text);
        }
        let text = "pie business doesn 't fit ; I can 't say";
        assert_eq!(words(text), "pie business does n't fit ; I ca n't say");
        assert_eq!(&text[tokenize(text)[3].bytes.clone()], "n 't");
    }

    #[test]
    fn nothing_is_lost_and_nothing_overlaps() {
        for text in [
            "",
            " ",
            "'",
            "''''",
            "n't",
            "-",
            "a-",
            "-a",
            "$",
            "%",
            "...",
            "日本語。",
            "é’s",
            "(((",
            "'s",
            "$$5",
            "can't'",
            "\u{0}x\u{200d}",
        ] {
            let tokens = tokenize(text);
            let glued: String = tokens.iter().map(|t| t.text.as_str()).collect();
            assert_eq!(
                glued,
                text.split_whitespace().collect::<String>(),
                "{text:?}"
            );
            assert!(
                tokens
                    .windows(2)
                    .all(|pair| pair[0].bytes.end <= pair[1].bytes.start)
            );
        }
    }
}
