//! Words to word pieces, by offsets.
//!
//! Words and pieces both know their bytes (or both their characters) in the same text, so
//! nothing is compared as a string, whatever a tokenizer lower-cases, strips or merges. A piece
//! belongs to every word that it shares a byte with: most lie in one word, but `don` of "don't"
//! lies in "do" and in "n't".

use std::ops::Range;

/// For each word, the indices of its pieces, ascending.
///
/// `words` and `pieces` are `start..end` offsets into the same text and in the same unit. Pieces
/// without extent, as special tokens and padding have, belong to no word; a word that a
/// tokenizer dropped or truncation cut off has no piece. For a pair of texts, call this once per
/// text, with the pieces of the other text set to `(0, 0)`.
pub fn word_pieces(words: &[Range<usize>], pieces: &[(usize, usize)]) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..pieces.len())
        .filter(|&i| pieces[i].0 < pieces[i].1)
        .collect();
    order.sort_by_key(|&i| pieces[i]);
    // Ends rise with starts but for pieces within pieces; the longest reach so far bounds the
    // search from the left.
    let mut reach = 0;
    let reaches: Vec<usize> = order
        .iter()
        .map(|&i| {
            reach = pieces[i].1.max(reach);
            reach
        })
        .collect();
    words
        .iter()
        .map(|word| {
            let first = reaches.partition_point(|&reach| reach <= word.start);
            let mut found: Vec<usize> = order[first..]
                .iter()
                .copied()
                .take_while(|&i| pieces[i].0 < word.end)
                .filter(|&i| pieces[i].1 > word.start)
                .collect();
            found.sort_unstable();
            found
        })
        .collect()
}

/// The pieces of several words in one ascending list, each once: the positions of a feature.
pub fn pieces_of(words: &[usize], word_pieces: &[Vec<usize>]) -> Vec<usize> {
    let mut pieces: Vec<usize> = words
        .iter()
        .filter_map(|&word| word_pieces.get(word))
        .flatten()
        .copied()
        .collect();
    pieces.sort_unstable();
    pieces.dedup();
    pieces
}

/// The authors' way with positions: every position whose piece string occurs among those at
/// `positions`.
pub fn same_string(pieces: &[&str], positions: &[usize]) -> Vec<usize> {
    let strings: std::collections::HashSet<&str> = positions
        .iter()
        .filter_map(|&i| pieces.get(i))
        .copied()
        .collect();
    (0..pieces.len())
        .filter(|&i| strings.contains(pieces[i]))
        .collect()
}
