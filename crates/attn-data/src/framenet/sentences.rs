//! Where sentences begin inside a text, as far as that changes the tokens.
//!
//! NLTK's `word_tokenize` first cuts the text with Punkt, a statistical splitter whose English
//! model we neither have nor copy. A cut changes tokens in one way only: a word's period becomes a
//! token of its own at the end of a sentence. So this module decides for each `word.` whether a
//! sentence ends there, after Punkt's scheme with short lists of our own: a period ends a
//! sentence unless the word is a known abbreviation, an initial, or a number before a small
//! letter. Those that could go both ways end one when a capitalised everyday word follows.
//!
//! On every FrameNet 1.7 sentence of at most 12 tokens the outcome is Punkt's; that is what the
//! paper's filter needs. On long and unusual texts it may differ.

use super::tokenize::is_space;

/// Abbreviations that do not end a sentence. Not in the list on purpose, because the English
/// Punkt model lacks them too: `No.`, `Fig.`, `Hon.`, `P.S.`
const ABBREVIATIONS: &[&str] = &[
    "a.m", "aug", "ave", "bros", "co", "col", "corp", "d.c", "dec", "dr", "e.g", "feb", "gen",
    "gov", "i.e", "inc", "jan", "jr", "lt", "ltd", "messrs", "mr", "mrs", "ms", "n.y", "nov",
    "oct", "p.m", "ph.d", "prof", "rep", "sen", "sep", "sept", "sr", "st", "u.k", "u.n", "u.s",
    "vs",
];

/// Words that, capitalised after an abbreviation or an initial, open a sentence. The last three
/// are here because Punkt's model takes them so in FrameNet's sentences.
const OPENERS: &[&str] = &[
    "a",
    "after",
    "all",
    "although",
    "an",
    "and",
    "as",
    "at",
    "because",
    "before",
    "but",
    "by",
    "for",
    "from",
    "he",
    "her",
    "his",
    "how",
    "however",
    "i",
    "if",
    "in",
    "it",
    "its",
    "many",
    "most",
    "my",
    "no",
    "now",
    "of",
    "on",
    "one",
    "our",
    "she",
    "since",
    "so",
    "some",
    "that",
    "the",
    "their",
    "then",
    "there",
    "these",
    "they",
    "this",
    "those",
    "to",
    "we",
    "what",
    "when",
    "where",
    "while",
    "who",
    "why",
    "with",
    "yet",
    "you",
    "your",
    "copy",
    "favor",
    "successful",
];

/// Starts of the sentences in `chars`; the first is 0, so that the list is never empty.
pub(super) fn sentence_starts(chars: &[char]) -> Vec<usize> {
    let mut starts = vec![0];
    let mut begin = 0;
    for (i, &ch) in chars.iter().enumerate() {
        if !matches!(ch, '.' | '?' | '!') || i < begin {
            continue;
        }
        let after = &chars[i + 1..];
        let blanks = after.iter().take_while(|c| is_space(**c)).count();
        let closer = after.first().is_some_and(|c| is_closer(*c));
        if (blanks == 0 && !closer) || !ends_sentence(chars, i) {
            continue;
        }
        let next = skip_closers(chars, i + 1 + blanks);
        if next < chars.len() {
            starts.push(next);
            begin = next;
        }
    }
    starts
}

fn is_closer(ch: char) -> bool {
    matches!(ch, '"' | '\'' | ')' | ']' | '}')
}

/// Closing quotes and brackets that stand alone belong to the sentence before them.
fn skip_closers(chars: &[char], from: usize) -> usize {
    let rest = chars.get(from..).unwrap_or_default();
    let closers = rest.iter().take_while(|c| is_closer(**c)).count();
    let tail = &rest[closers..];
    let blanks = tail.iter().take_while(|c| is_space(**c)).count();
    if closers > 0 && (blanks > 0 || tail.is_empty() || tail.starts_with(&['-', '-'])) {
        from + closers + blanks
    } else {
        from
    }
}

fn ends_sentence(chars: &[char], dot: usize) -> bool {
    if chars[dot] != '.' {
        return true;
    }
    let blank = |c: &char| is_space(*c);
    let start = chars[..dot].iter().rposition(blank).map_or(0, |i| i + 1);
    let word: String = chars[start..dot]
        .iter()
        .skip_while(|c| !c.is_alphanumeric() && **c != '.')
        .flat_map(|c| c.to_lowercase())
        .collect();
    // An ellipsis is a token of its own wherever it stands.
    if word.ends_with('.') {
        return false;
    }
    let next: String = chars[dot + 1..]
        .iter()
        .skip_while(|c| is_space(**c) || is_closer(**c))
        .take_while(|c| c.is_alphanumeric())
        .collect();
    let capital = next.chars().next().is_some_and(char::is_uppercase);
    let opener = capital && OPENERS.contains(&next.to_lowercase().as_str());
    let last_part = word.rsplit('-').next().unwrap_or(&word);
    let initial = word.chars().count() == 1 && word.chars().all(char::is_alphabetic);
    let number = word.chars().any(|c| c.is_ascii_digit())
        && word
            .chars()
            .all(|c| c.is_ascii_digit() || matches!(c, '.' | ',' | '-'));
    if initial || ABBREVIATIONS.contains(&last_part) {
        opener
    } else if number {
        !next.chars().next().is_some_and(char::is_lowercase)
    } else {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(text: &str) -> Vec<String> {
        let chars: Vec<char> = text.chars().collect();
        let mut starts = sentence_starts(&chars);
        starts.push(chars.len());
        starts
            .windows(2)
            .map(|w| {
                chars[w[0]..w[1]]
                    .iter()
                    .collect::<String>()
                    .trim()
                    .to_owned()
            })
            .collect()
    }

    #[test]
    fn abbreviations_initials_and_numbers_go_on() {
        for text in [
            "Mrs. Dale fell ill.",
            "It is 5 a.m. in Oslo.",
            "J. B. Priest came.",
            "See 1. below.",
            "...",
            "",
        ] {
            assert_eq!(split(text), [text], "{text}");
        }
    }

    #[test]
    fn closing_quotes_stay_with_their_sentence() {
        assert_eq!(
            split("He left. \" Then rain."),
            ["He left. \"", "Then rain."]
        );
        assert_eq!(split("See Fig. 2 there."), ["See Fig.", "2 there."]);
        assert_eq!(split("I saw J. The end."), ["I saw J.", "The end."]);
    }
}
