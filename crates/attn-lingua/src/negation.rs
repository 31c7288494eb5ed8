//! Negation words (Section 4.4, footnote 6).
//!
//! Two readings. The paper's words say that tokens of 17 words count. The authors' code asks
//! whether one of the 17 *occurs as a substring* of the sentence ("not" in "knot") and, if so,
//! counts every piece whose string is among the pieces of that word: "don't" becomes `don`, `'`
//! and `t`, so that every apostrophe of such a sentence is a negation.

use crate::annotate::Word;
use std::collections::HashSet;

/// The paper's list, in its order.
pub const WORDS: [&str; 17] = [
    "neither",
    "nor",
    "not",
    "never",
    "none",
    "don't",
    "won't",
    "didn't",
    "hadn't",
    "haven't",
    "can't",
    "isn't",
    "wasn't",
    "shouldn't",
    "couldn't",
    "nothing",
    "nowhere",
];

/// `paper`: the words that are on the list, case and kind of apostrophe aside. Of a contraction,
/// both parts count, whether the text has "don't", "do n't" or "don 't".
pub fn whole_words(words: &[Word]) -> Vec<usize> {
    let plain: Vec<String> = words.iter().map(|word| plain(&word.text)).collect();
    let mut found = Vec::new();
    for (i, word) in plain.iter().enumerate() {
        if WORDS.contains(&word.as_str()) {
            found.push(i);
        } else if matches!(word.as_str(), "n't" | "'t") {
            let Some(before) = i.checked_sub(1) else {
                continue;
            };
            if WORDS.contains(&format!("{}{word}", plain[before]).as_str()) {
                if found.last() != Some(&before) {
                    found.push(before);
                }
                found.push(i);
            }
        }
    }
    found
}

/// `authors`: the words of the list that occur anywhere in the text, also inside other words.
pub fn substrings(text: &str) -> Vec<&'static str> {
    let text = plain(text);
    WORDS
        .into_iter()
        .filter(|word| text.contains(word))
        .collect()
}

/// `authors`, on pieces: positions of all pieces whose string is among the pieces of a word of
/// the list that occurs in the text. `split` is the model's own tokenizer, without special
/// tokens; `pieces` are the strings of the encoded text (special tokens never match).
pub fn matching_pieces(
    text: &str,
    pieces: &[&str],
    split: &dyn Fn(&str) -> Vec<String>,
) -> Vec<usize> {
    let set: HashSet<String> = substrings(text).into_iter().flat_map(split).collect();
    (0..pieces.len())
        .filter(|&i| set.contains(pieces[i]))
        .collect()
}

/// `authors`, on words: those that a substring match touches. The nearest thing to their rule
/// where no pieces are at hand.
pub fn touched_words(text: &str, words: &[Word]) -> Vec<usize> {
    // Lower-casing would move the offsets of a few letters; ASCII lower-casing does not, and
    // the list is ASCII. The typographic apostrophe is matched as an alternative spelling.
    let lower = text.to_ascii_lowercase();
    let mut hits: Vec<(usize, usize)> = Vec::new();
    for word in WORDS {
        for spelling in [word.to_owned(), word.replace('\'', "’")] {
            hits.extend(
                lower
                    .match_indices(&spelling)
                    .map(|(at, hit)| (at, at + hit.len())),
            );
        }
    }
    let touched = |word: &Word| {
        hits.iter()
            .any(|hit| word.bytes.start < hit.1 && hit.0 < word.bytes.end)
    };
    (0..words.len()).filter(|&i| touched(&words[i])).collect()
}

fn plain(text: &str) -> String {
    text.to_lowercase().replace(['’', '‘', '´', '`'], "'")
}
