//! Words to word pieces, by offsets.

use super::Encoding;
use std::ops::Range;

/// Whether two byte ranges share a byte.
pub fn overlapping(a: &Range<usize>, b: &Range<usize>) -> bool {
    a.start < b.end && b.start < a.end
}

/// Positions of the pieces that share a byte with `span` of text 0 or 1, ascending. Empty when the
/// span was cut off by truncation or is empty.
pub fn pieces_of_span(encoding: &Encoding, text: usize, span: Range<usize>) -> Vec<usize> {
    encoding
        .pieces
        .iter()
        .enumerate()
        .filter(|(_, piece)| {
            piece
                .origin
                .is_some_and(|(of, start, end)| of == text && overlapping(&(start..end), &span))
        })
        .map(|(position, _)| position)
        .collect()
}

/// Positions of the pieces of several spans of one text, ascending, each once.
pub fn pieces_of_spans(
    encoding: &Encoding,
    text: usize,
    spans: impl IntoIterator<Item = Range<usize>>,
) -> Vec<usize> {
    let mut all: Vec<usize> = spans
        .into_iter()
        .flat_map(|span| pieces_of_span(encoding, text, span))
        .collect();
    all.sort_unstable();
    all.dedup();
    all
}
