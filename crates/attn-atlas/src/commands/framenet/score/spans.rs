//! An annotated sentence as words, with the runs that target and elements cover.

use attn_core::Reading;
use attn_data::framenet::{Link, Span, word_tokenize};
use attn_data::tokenise::{Encoding, pieces_of_span};
use attn_lingua::Annotator;
use attn_stats::{SpanLink, WordKind};
use std::collections::HashMap;
use std::ops::Range;

/// The selection's least distance between the tokens of a target and an element, by whose sentences
/// they are (`attn_data::framenet::filter`).
fn least_distance(sentences: Reading) -> usize {
    match sentences {
        Reading::Paper => 2,
        Reading::Authors => 3,
    }
}

/// What a part of speech makes of a word.
fn kind(upos: &str) -> WordKind {
    match upos {
        "PUNCT" | "SYM" => WordKind::Punctuation,
        "ADP" | "AUX" | "CCONJ" | "DET" | "PART" | "SCONJ" => WordKind::Function,
        _ => WordKind::Content,
    }
}

/// The sentence's words: tokens as the selection counts them, cut where an annotated span begins or
/// ends within one, in characters, each with what it is.
fn words(link: &Link, annotator: &Annotator) -> Vec<(Span, WordKind)> {
    let tokens: Vec<Span> = word_tokenize(&link.text).iter().map(|t| t.span).collect();
    let forms: Vec<&str> = tokens
        .iter()
        .map(|span| span.of(&link.text).unwrap_or_default())
        .collect();
    let tags = annotator.annotate_words(&forms);
    let spans = link
        .target
        .iter()
        .chain(link.elements.iter().map(|e| &e.span));
    let mut cuts: Vec<usize> = spans.flat_map(|s| [s.start, s.end]).collect();
    cuts.sort_unstable();
    let mut words = Vec::new();
    for (token, tag) in tokens.iter().zip(&tags) {
        let mut start = token.start;
        for &cut in cuts.iter().filter(|c| token.start < **c && **c < token.end) {
            if cut > start {
                words.push((Span { start, end: cut }, kind(&tag.upos)));
                start = cut;
            }
        }
        let end = token.end;
        words.push((Span { start, end }, kind(&tag.upos)));
    }
    words
}

/// The words that a span covers; `None` when it covers none.
fn run(words: &[(Span, WordKind)], span: Span) -> Option<Range<usize>> {
    let first = words.iter().position(|w| w.0.overlaps(span))?;
    let last = words.iter().rposition(|w| w.0.overlaps(span))?;
    Some(first..last + 1)
}

/// The link of a sentence for [`attn_stats::PlacementNull`].
pub(super) fn span_link(
    link: &Link,
    encoding: &Encoding,
    annotator: &Annotator,
    sentences: Reading,
) -> SpanLink {
    let words = words(link, annotator);
    let tokens = |span: Span| {
        let bytes = span.bytes(&link.text).unwrap_or_default();
        pieces_of_span(encoding, 0, bytes)
    };
    let mut places = HashMap::new();
    let texts = encoding.texts();
    let first = texts
        .iter()
        .enumerate()
        .map(|(at, text)| *places.entry(*text).or_insert(at));
    SpanLink {
        first: first.collect(),
        words: words.iter().map(|w| tokens(w.0)).collect(),
        kinds: words.iter().map(|w| w.1).collect(),
        target: link.target.iter().filter_map(|&s| run(&words, s)).collect(),
        elements: link
            .elements
            .iter()
            .filter_map(|e| run(&words, e.span))
            .collect(),
        least_distance: least_distance(sentences),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use attn_data::framenet::LinkElement;

    fn link(text: &str, target: (usize, usize), element: (usize, usize)) -> Link {
        let span = |(start, end)| Span { start, end };
        let element = LinkElement {
            name: "Experiencer".into(),
            core_type: attn_data::framenet::CoreType::Core,
            span: span(element),
        };
        Link {
            sentence: 1,
            annotation_set: 1,
            lexical_unit: "agitated.a".into(),
            lexical_unit_id: 1,
            frame: "Emotion_directed".into(),
            text: text.into(),
            target: vec![span(target)],
            elements: vec![element],
        }
    }

    #[test]
    fn words_are_the_selections_tokens_cut_at_spans() {
        let annotator = Annotator::embedded().unwrap();
        let sentence = link("He was becoming agitated .", (16, 24), (0, 2));
        let found = words(&sentence, &annotator);
        let kinds: Vec<WordKind> = found.iter().map(|w| w.1).collect();
        use WordKind::{Content, Function, Punctuation};
        assert_eq!(kinds, [Content, Function, Content, Content, Punctuation]);
        assert_eq!(run(&found, sentence.target[0]), Some(3..4));
        assert_eq!(run(&found, sentence.elements[0].span), Some(0..1));
        assert_eq!(run(&found, Span { start: 2, end: 3 }), None);
        // "Mr" of "Mr." is annotated: the full stop is a word of its own.
        let cut = link("Mr. Smith left", (10, 14), (0, 2));
        let found = words(&cut, &annotator);
        let texts: Vec<&str> = found.iter().filter_map(|w| w.0.of(&cut.text)).collect();
        assert_eq!(texts, ["Mr", ".", "Smith", "left"]);
    }
}
