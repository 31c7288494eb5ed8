//! How the authors' notebook finds a link among word pieces (the `authors` reading).
//!
//! It looks each piece of the element and of the target up by its *string*, takes the first place
//! where the sentence has that string, and pairs the two lists like a zip: a three-piece element
//! and a one-piece target give one pair, not three. The query is the element, the key the target.

use std::collections::HashMap;

/// For each of `wanted` the first index in `sentence` with the same string. A piece that the
/// sentence lacks (the tokenizer can cut a part differently from the whole) gives `None`.
pub fn first_occurrences<S: AsRef<str>, W: AsRef<str>>(
    sentence: &[S],
    wanted: &[W],
) -> Vec<Option<usize>> {
    let mut first = HashMap::new();
    for (i, piece) in sentence.iter().enumerate() {
        first.entry(piece.as_ref()).or_insert(i);
    }
    wanted
        .iter()
        .map(|piece| first.get(piece.as_ref()).copied())
        .collect()
}

/// The authors' pairs of positions `(query: element, key: target)` in the sentence's pieces:
/// first occurrences, zipped, so that there are as many as the shorter list has. Pieces that the
/// sentence lacks are left out before the zip.
pub fn zip_pairs<S: AsRef<str>>(
    sentence: &[S],
    element: &[S],
    target: &[S],
) -> Vec<(usize, usize)> {
    let queries = first_occurrences(sentence, element).into_iter().flatten();
    let keys = first_occurrences(sentence, target).into_iter().flatten();
    queries.zip(keys).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SENTENCE: [&str; 9] = [
        "[CLS]", "the", "old", "man", "fed", "the", "pig", "##eons", "[SEP]",
    ];

    #[test]
    fn a_repeated_piece_is_found_at_its_first_place() {
        let found = first_occurrences(&SENTENCE, &["the", "pig", "##eons"]);
        assert_eq!(found, [Some(1), Some(6), Some(7)]);
        assert_eq!(first_occurrences(&SENTENCE, &["pigeons"]), [None]);
        assert_eq!(first_occurrences::<&str, &str>(&SENTENCE, &[]), []);
    }

    #[test]
    fn pairs_stop_at_the_shorter_list() {
        assert_eq!(
            zip_pairs(&SENTENCE, &["the", "old", "man"], &["fed"]),
            [(1, 4)]
        );
        assert_eq!(zip_pairs(&SENTENCE, &["man"], &["pig", "##eons"]), [(3, 6)]);
        assert_eq!(zip_pairs(&SENTENCE, &["absent", "man"], &["fed"]), [(3, 4)]);
        assert!(zip_pairs(&SENTENCE, &["man"], &["absent"]).is_empty());
    }
}
