//! Where the words of a sentence lie in a text.

use super::Sentence;
use std::ops::Range;

/// A word that is not where it should be in the text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "word {number} '{form}' does not stand in the text at byte {at}, where it reads '{found}': the annotation belongs to another text"
)]
pub struct SpanError {
    /// The word's number, from 1.
    pub number: usize,
    /// What the annotation has.
    pub form: String,
    /// Byte offset in the text.
    pub at: usize,
    /// What the text has there (cut).
    pub found: String,
}

impl Sentence {
    /// Finds the words in `text` from byte `from` on, white space aside, and returns each one's
    /// bytes and the byte behind the last.
    ///
    /// Words of a contraction get their own part of it when their forms put together are the
    /// token ("do" + "n't"), else all of it.
    pub fn spans(&self, text: &str, from: usize) -> Result<(Vec<Range<usize>>, usize), SpanError> {
        let mut spans = Vec::with_capacity(self.words.len());
        let mut at = from;
        for token in self.surface() {
            let span = find(text, at, token.form).map_err(|at| SpanError {
                number: token.first + 1,
                form: token.form.to_owned(),
                at,
                found: text
                    .get(at..)
                    .unwrap_or("")
                    .chars()
                    .take(token.form.chars().count().max(12))
                    .collect(),
            })?;
            at = span.end;
            let words = &self.words[token.first..=token.last];
            let mut start = span.start;
            let mut parts = Vec::with_capacity(words.len());
            for word in words {
                match find(&text[..span.end], start, &word.form) {
                    Ok(part) => {
                        start = part.end;
                        parts.push(part);
                    }
                    Err(_) => break,
                }
            }
            if parts.len() == words.len() && start == span.end {
                spans.extend(parts);
            } else {
                spans.extend(words.iter().map(|_| span.clone()));
            }
        }
        Ok((spans, at))
    }
}

/// Matches `form` at the first non-blank at or behind `from`. White space within the form and
/// within the text may differ. The error is where matching started.
fn find(text: &str, from: usize, form: &str) -> Result<Range<usize>, usize> {
    let rest = text.get(from..).unwrap_or("");
    let start = from + (rest.len() - rest.trim_start().len());
    let mut end = start;
    for c in form.chars().filter(|c| !c.is_whitespace()) {
        let rest = text.get(end..).unwrap_or("");
        let blank = rest.len() - rest.trim_start().len();
        // A blank inside the word is allowed where the form has one too ("1 000").
        let skip = if end > start && form.contains(char::is_whitespace) {
            blank
        } else {
            0
        };
        match rest[skip..].chars().next() {
            Some(found) if found == c => end += skip + c.len_utf8(),
            _ => return Err(start),
        }
    }
    Ok(start..end)
}
