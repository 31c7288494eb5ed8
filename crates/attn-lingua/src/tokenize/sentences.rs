//! Sentences of a text.

use super::Token;
use std::ops::Range;

/// Groups the words of `text` into sentences, as ranges of `tokens` that cover them all.
///
/// A sentence ends with a full stop, question or exclamation mark (closing quotes and brackets
/// included) when a blank follows and the next word does not begin with a small letter. In
/// text that is already tokenised the mark stands alone; there, small letters do not hinder.
/// A blank line always ends a sentence.
pub fn sentences(text: &str, tokens: &[Token]) -> Vec<Range<usize>> {
    let mut sentences = Vec::new();
    let mut start = 0;
    for i in 0..tokens.len().saturating_sub(1) {
        let (this, next) = (&tokens[i], &tokens[i + 1]);
        let gap = text.get(this.bytes.end..next.bytes.start).unwrap_or("");
        let paragraph = gap.matches('\n').count() > 1;
        if paragraph
            || (!gap.is_empty()
                && ends(text, &tokens[start..=i])
                && may_begin(text, tokens, start, i))
        {
            sentences.push(start..i + 1);
            start = i + 1;
        }
    }
    if start < tokens.len() {
        sentences.push(start..tokens.len());
    }
    sentences
}

fn is_mark(word: &str) -> bool {
    !word.is_empty() && word.chars().all(|c| matches!(c, '.' | '!' | '?' | '…'))
}

fn is_closer(word: &str) -> bool {
    matches!(
        word,
        "\"" | "”" | "''" | "'" | "’" | ")" | "]" | "-rrb-" | "-RRB-"
    )
}

/// The place of the mark at the end of `words`, closers skipped.
fn mark(words: &[Token]) -> Option<usize> {
    let at = words.iter().rposition(|token| !is_closer(&token.text))?;
    (is_mark(&words[at].text) && at > 0).then_some(at)
}

fn ends(text: &str, words: &[Token]) -> bool {
    let Some(at) = mark(words) else { return false };
    // A number in front of a list item ("1. Introduction") is no sentence.
    let number = at == 1 && words[0].text.chars().all(|c| c.is_ascii_digit());
    // A closer that stands apart opens what follows.
    let apart = words[at + 1..].iter().any(|closer| {
        text[..closer.bytes.start].ends_with(char::is_whitespace)
            && !text[..words[at].bytes.start].ends_with(char::is_whitespace)
    });
    !number && !apart
}

fn may_begin(text: &str, tokens: &[Token], start: usize, i: usize) -> bool {
    let Some(at) = mark(&tokens[start..=i]).map(|at| at + start) else {
        return false;
    };
    let next = &tokens[i + 1];
    let alone = text[..tokens[at].bytes.start].ends_with(char::is_whitespace);
    let first = next.text.chars().next().unwrap_or('a');
    if is_closer(&next.text) && alone {
        return false;
    }
    // An ellipsis mostly goes on.
    let ellipsis = tokens[at].text.len() > 1 && tokens[at].text.starts_with(['.', '…']);
    if alone && !ellipsis {
        return !matches!(first, ',' | ';' | ':' | ')' | '.');
    }
    !first.is_lowercase() && !matches!(first, ',' | ';' | ':' | ')' | '.' | '-' | '!' | '?')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tokenize::tokenize;

    fn split(text: &str) -> Vec<String> {
        let tokens = tokenize(text);
        let sentences = sentences(text, &tokens);
        assert_eq!(
            sentences.iter().map(|s| s.len()).sum::<usize>(),
            tokens.len()
        );
        sentences
            .iter()
            .map(|s| text[tokens[s.start].bytes.start..tokens[s.end - 1].bytes.end].to_owned())
            .collect()
    }

    #[test]
    fn sentences_end_where_they_should() {
        assert_eq!(
            split("He left. She stayed! Why?"),
            ["He left.", "She stayed!", "Why?"]
        );
        assert_eq!(
            split("Mr. Smith came at 5 p.m. with J. Doe."),
            ["Mr. Smith came at 5 p.m. with J. Doe."]
        );
        assert_eq!(split("\"Go.\" He went."), ["\"Go.\"", "He went."]);
        assert_eq!(
            split("one . two was ' fine . '"),
            ["one .", "two was ' fine . '"]
        );
        assert_eq!(split("A title\n\nThe text"), ["A title", "The text"]);
        assert_eq!(
            split("It costs 3.5 million... or so. yes"),
            ["It costs 3.5 million... or so. yes"]
        );
        assert_eq!(split("1. First"), ["1. First"]);
        assert!(split("").is_empty());
    }
}
