//! What the tokens of an example are: from words with part of speech and dependency relations to
//! positions of word pieces.

use crate::inputs::{InputSet, Prepared};
use anyhow::Context;
use attn_core::Reading;
use attn_data::framenet::zip_pairs;
use attn_data::tokenise::{PieceRole, Tokenizer};
use attn_lingua::{Annotations, Annotator, Feature, LinkKind, Word, align, negation};
use attn_stats::{Annotation, SharedWords, shared};
use std::path::Path;

/// Links between words that both texts of a pair have.
pub const SHARED: &str = "shared_word";
/// The authors' pairs of token positions for verb and subject, by direction.
pub const TOKEN_PAIRS: [&str; 2] = ["verb_subject", "subject_verb"];

/// The texts of a set, in the order in which annotations come: of each example the first, then the
/// second.
pub fn texts(set: &InputSet) -> Vec<&str> {
    set.examples
        .iter()
        .flat_map(|e| {
            [Some(e.example.text_a.as_str()), e.example.text_b.as_deref()]
                .into_iter()
                .flatten()
        })
        .collect()
}

/// The words of every text: by our own tagger and parser, or from a CoNLL-U file.
///
/// # Errors
/// A file that is broken or does not fit the texts.
pub fn words(set: &InputSet, file: Option<&Path>) -> anyhow::Result<Vec<Vec<Word>>> {
    let texts = texts(set);
    Ok(match file {
        Some(path) => Annotations::from_conllu(path)?
            .match_texts(&texts)
            .context(
                "the annotations must hold the sentences of all texts, in order (attn stats --texts-out)",
            )?,
        None => Annotator::embedded()?.annotate_all(&texts),
    })
}

/// Annotates every example of a set.
///
/// # Errors
/// As [`words`], and a tokenizer that fails on a negation word.
pub fn annotate(
    set: &InputSet,
    tokenizer: &Tokenizer,
    reading: Reading,
    file: Option<&Path>,
) -> anyhow::Result<Vec<Annotation>> {
    let words = words(set, file)?;
    // Pieces of the authors' negation words, which are few: once, and with errors seen.
    let negations: Vec<(String, Vec<String>)> = negation::WORDS
        .iter()
        .map(|word| Ok(((*word).to_owned(), tokenizer.pieces(word)?)))
        .collect::<anyhow::Result<_>>()?;
    let mut rest = words.as_slice();
    let mut all = Vec::with_capacity(set.examples.len());
    for example in &set.examples {
        let count = 1 + usize::from(example.example.text_b.is_some());
        let (own, others) = rest.split_at_checked(count).with_context(|| {
            format!(
                "example {}: its texts are not annotated",
                example.example.id
            )
        })?;
        rest = others;
        all.push(annotate_one(example, own, reading, &negations));
    }
    Ok(all)
}

/// `texts` holds the words of the example's texts.
fn annotate_one(
    example: &Prepared,
    texts: &[Vec<Word>],
    reading: Reading,
    negations: &[(String, Vec<String>)],
) -> Annotation {
    let encoding = &example.encoding;
    let strings = encoding.texts();
    let mut annotation = Annotation::default();
    let mut put = |name: &str, positions: Vec<usize>| {
        annotation
            .features
            .entry(name.to_owned())
            .or_default()
            .extend(positions);
    };
    put("cls", encoding.positions(PieceRole::Cls));
    put("sep", encoding.positions(PieceRole::Sep));
    let sources = [
        Some(example.example.text_a.as_str()),
        example.example.text_b.as_deref(),
    ];
    for (number, ((words, source), name)) in texts
        .iter()
        .zip(sources.into_iter().flatten())
        .zip([SharedWords::FIRST, SharedWords::SECOND])
        .enumerate()
    {
        // Pieces of the other text have no extent in this one.
        let pieces: Vec<(usize, usize)> = encoding
            .pieces
            .iter()
            .map(|piece| match piece.origin {
                Some((text, start, end)) if text == number => (start, end),
                _ => (0, 0),
            })
            .collect();
        let spans: Vec<_> = words.iter().map(|word| word.bytes.clone()).collect();
        let word_pieces = align::word_pieces(&spans, &pieces);
        let everything = (0..words.len()).collect::<Vec<_>>();
        put(name, align::pieces_of(&everything, &word_pieces));
        for feature in Feature::ALL {
            let positions = match (feature, reading) {
                (Feature::Negation, Reading::Authors) => {
                    let split = |word: &str| {
                        let known = negations.iter().find(|(w, _)| w == word);
                        known.map_or(Vec::new(), |(_, pieces)| pieces.clone())
                    };
                    negation::matching_pieces(source, &strings, &split)
                }
                _ => {
                    let found = feature.words(reading, source, words);
                    let positions = align::pieces_of(&found, &word_pieces);
                    match reading {
                        Reading::Paper => positions,
                        Reading::Authors => align::same_string(&strings, &positions),
                    }
                }
            };
            put(feature.name(), positions);
        }
        let first = annotation.words.len();
        for kind in LinkKind::ALL {
            let links = kind.links(reading, source, words);
            if kind == LinkKind::VerbSubject {
                for link in &links {
                    let strings_of = |word: usize| -> Vec<&str> {
                        let pieces = word_pieces.get(word).into_iter().flatten();
                        pieces.filter_map(|&p| strings.get(p).copied()).collect()
                    };
                    let (verb, subject) = (strings_of(link.from), strings_of(link.to));
                    for (name, query, key) in [
                        (TOKEN_PAIRS[0], &verb, &subject),
                        (TOKEN_PAIRS[1], &subject, &verb),
                    ] {
                        let pairs = zip_pairs(&strings, query, key);
                        annotation
                            .pairs
                            .entry(name.to_owned())
                            .or_default()
                            .extend(pairs);
                    }
                }
            }
            annotation
                .links
                .entry(kind.name().to_owned())
                .or_default()
                .extend(links.iter().map(|l| (l.from + first, l.to + first)));
        }
        annotation.words.extend(word_pieces);
    }
    if let [first, second] = texts {
        let of = |words: &[Word]| words.iter().map(|w| w.text.clone()).collect::<Vec<_>>();
        let twins = shared::twins(&of(first), &of(second));
        let twins = twins.into_iter().map(|(a, b)| (a, b + first.len()));
        annotation.links.insert(SHARED.to_owned(), twins.collect());
    }
    for positions in annotation.features.values_mut() {
        positions.sort_unstable();
        positions.dedup();
    }
    annotation
}

#[cfg(test)]
mod tests {
    use super::*;
    use attn_core::Example;
    use attn_data::tokenise::{Encoding, Piece};

    /// Pieces by hand: text, role, origin.
    fn prepared(a: &str, b: &str, pieces: &[(&str, usize)]) -> Prepared {
        let mut at = [0, 0];
        let sources = [a.to_lowercase(), b.to_lowercase()];
        let pieces = pieces.iter().enumerate().map(|(i, &(text, source))| {
            let special = text.starts_with('[');
            let bare = text.trim_start_matches("##");
            let origin = (!special).then(|| {
                let start = at[source] + sources[source][at[source]..].find(bare).unwrap();
                at[source] = start + bare.len();
                (source, start, start + bare.len())
            });
            Piece {
                id: i as u32,
                segment: source as u32,
                text: text.to_owned(),
                role: match (special, i) {
                    (false, _) => PieceRole::Text,
                    (true, 0) => PieceRole::Cls,
                    (true, _) => PieceRole::Sep,
                },
                origin,
            }
        });
        Prepared {
            encoding: Encoding {
                pieces: pieces.collect(),
                truncated: false,
            },
            example: Example::unlabelled("x", a, Some(b.to_owned())),
        }
    }

    const PIECES: [(&str, usize); 14] = [
        ("[CLS]", 0),
        ("she", 0),
        ("never", 0),
        ("saw", 0),
        ("the", 0),
        ("pig", 0),
        ("##eons", 0),
        (".", 0),
        ("[SEP]", 0),
        ("the", 1),
        ("pig", 1),
        ("##eons", 1),
        ("slept", 1),
        ("[SEP]", 1),
    ];

    /// Annotations by hand: what our own parser says of a sentence may change.
    const CONLLU: &str = "\
        1\tShe\tshe\tPRON\tPRP\t_\t3\tnsubj\t_\t_\n\
        2\tnever\tnever\tADV\tRB\t_\t3\tadvmod\t_\t_\n\
        3\tsaw\tsee\tVERB\tVBD\t_\t0\troot\t_\t_\n\
        4\tthe\tthe\tDET\tDT\t_\t5\tdet\t_\t_\n\
        5\tpigeons\tpigeon\tNOUN\tNNS\t_\t3\tobj\t_\t_\n\
        6\t.\t.\tPUNCT\t.\t_\t3\tpunct\t_\t_\n\n\
        1\tThe\tthe\tDET\tDT\t_\t2\tdet\t_\t_\n\
        2\tpigeons\tpigeon\tNOUN\tNNS\t_\t3\tnsubj\t_\t_\n\
        3\tslept\tsleep\tVERB\tVBD\t_\t0\troot\t_\t_\n\n";

    fn annotated(reading: Reading) -> Annotation {
        let example = prepared("She never saw the pigeons.", "The pigeons slept", &PIECES);
        let set = InputSet {
            name: "x".to_owned(),
            split: String::new(),
            task: None,
            examples: vec![example],
            inputs: Vec::new(),
            notes: Vec::new(),
            all_rows: true,
        };
        let words = Annotations::from_text(CONLLU, "test")
            .unwrap()
            .match_texts(&texts(&set))
            .unwrap();
        let negations = [("never".to_owned(), vec!["never".to_owned()])];
        let annotation = annotate_one(&set.examples[0], &words, reading, &negations);
        annotation.check(PIECES.len()).unwrap();
        annotation
    }

    #[test]
    fn words_become_positions_in_both_texts() {
        let annotation = annotated(Reading::Paper);
        let features = &annotation.features;
        assert_eq!(features["cls"], [0]);
        assert_eq!(features["sep"], [8, 13]);
        assert_eq!(features["noun"], [5, 6, 10, 11]);
        assert_eq!(features["pronoun"], [1]);
        assert_eq!(features["negation"], [2]);
        assert_eq!(features["punctuation"], [7]);
        assert_eq!(features["subject"], [1, 10, 11]);
        assert_eq!(features["second_text"], [9, 10, 11, 12]);
        // Words: She never saw the pigeons . | The pigeons slept
        assert_eq!(annotation.words[7], [10, 11]);
        assert_eq!(annotation.links["verb_subject"], [(2, 0), (8, 7)]);
        assert_eq!(annotation.links["noun_pronoun"], [(4, 0)]);
        assert_eq!(annotation.links[SHARED], [(3, 6), (4, 7)]);
        assert_eq!(features["object"], [5, 6]);
    }

    #[test]
    fn the_authors_find_tokens_by_their_strings() {
        let annotation = annotated(Reading::Authors);
        // The subject "pigeons" of the second text marks those of the first, too.
        assert_eq!(annotation.features["subject"], [1, 5, 6, 10, 11]);
        // And as a link it is found at its first place, one pair for two pieces and one.
        assert_eq!(annotation.pairs["verb_subject"], [(3, 1), (12, 5)]);
        assert_eq!(annotation.pairs["subject_verb"], [(1, 3), (5, 12)]);
    }
}
