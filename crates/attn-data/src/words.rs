//! Which tokens make up a word, by the tokens' own spelling.
//!
//! WordPiece marks what continues a word (`pig`, `##eons`), Unigram and byte-level BPE what begins one
//! (`▁pigeons`, `Ġpigeons`). Special tokens stand alone.

use std::ops::Range;

/// A word and its tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenWord {
    /// The word, without marks.
    pub text: String,
    /// Its tokens' positions.
    pub tokens: Range<usize>,
}

/// WordPiece's mark of what continues a word.
const CONTINUES: &str = "##";
/// Marks of what begins a word.
const BEGINS: [char; 2] = ['▁', 'Ġ'];

/// The words of a tokenised text, in order: every token belongs to one. `special` are positions of
/// special tokens.
pub fn words<S: AsRef<str>>(tokens: &[S], special: &[usize]) -> Vec<TokenWord> {
    let is_special = |position: usize| special.contains(&position);
    let marked = tokens
        .iter()
        .enumerate()
        .any(|(i, t)| !is_special(i) && t.as_ref().starts_with(BEGINS));
    let mut words: Vec<TokenWord> = Vec::new();
    for (position, token) in tokens.iter().enumerate() {
        let token = token.as_ref();
        let first = position == 0 || is_special(position) || is_special(position - 1);
        let continues = if marked {
            !token.starts_with(BEGINS)
        } else {
            token.len() > CONTINUES.len() && token.starts_with(CONTINUES)
        };
        let bare = match is_special(position) {
            true => token,
            false if marked => token.trim_start_matches(BEGINS),
            false if continues => &token[CONTINUES.len()..],
            false => token,
        };
        match words.last_mut() {
            Some(word) if !first && continues => {
                word.text.push_str(bare);
                word.tokens.end = position + 1;
            }
            _ => words.push(TokenWord {
                text: bare.to_owned(),
                tokens: position..position + 1,
            }),
        }
    }
    for word in &mut words {
        if word.text.is_empty() {
            // A mark and nothing else.
            word.text = tokens[word.tokens.start].as_ref().to_owned();
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, special: &[usize], expected: &[(&str, Range<usize>)]) {
        let tokens: Vec<&str> = text.split(' ').collect();
        let found = words(&tokens, special);
        let found: Vec<_> = found
            .iter()
            .map(|w| (w.text.as_str(), w.tokens.clone()))
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn each_tokenizer_has_its_marks() {
        check(
            "[CLS] the pig ##eon ##s . [SEP]",
            &[0, 6],
            &[
                ("[CLS]", 0..1),
                ("the", 1..2),
                ("pigeons", 2..5),
                (".", 5..6),
                ("[SEP]", 6..7),
            ],
        );
        check(
            "<s> ▁the ▁pigeon s . </s> </s> ▁She ▁ </s>",
            &[0, 5, 6, 9],
            &[
                ("<s>", 0..1),
                ("the", 1..2),
                ("pigeons.", 2..5),
                ("</s>", 5..6),
                ("</s>", 6..7),
                ("She", 7..8),
                ("▁", 8..9),
                ("</s>", 9..10),
            ],
        );
        check("pig eons Ġfly", &[], &[("pigeons", 0..2), ("fly", 2..3)]);
        // A cut text may begin with what continues a word; marks alone are a word.
        check("##s ## a", &[], &[("s", 0..1), ("##", 1..2), ("a", 2..3)]);
        check("a b", &[], &[("a", 0..1), ("b", 1..2)]);
        assert!(words::<&str>(&[], &[]).is_empty());
    }
}
