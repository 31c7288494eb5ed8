//! Counting what is right.

use super::{Input, PrecisionRecall, Scores};
use crate::annotate::Word;
use crate::labels::base;
use std::collections::HashMap;

/// Right, found and there.
#[derive(Debug, Clone, Copy, Default)]
struct Tally {
    right: usize,
    found: usize,
    there: usize,
}

impl Tally {
    fn add(&mut self, other: Tally) {
        self.right += other.right;
        self.found += other.found;
        self.there += other.there;
    }

    fn f1(self) -> f64 {
        percent(2 * self.right, self.found + self.there)
    }

    fn precision_recall(self) -> PrecisionRecall {
        PrecisionRecall {
            precision: percent(self.right, self.found),
            recall: percent(self.right, self.there),
        }
    }
}

fn percent(part: usize, whole: usize) -> f64 {
    if whole == 0 {
        0.0
    } else {
        100.0 * part as f64 / whole as f64
    }
}

/// Counts over some text.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Counts {
    words: Tally,
    sentences: Tally,
    upos: usize,
    xpos: usize,
    uas: usize,
    las: usize,
    las_full: usize,
    subjects: Tally,
    objects: Tally,
}

impl Counts {
    /// Compares the words of a text. Two are the same word when their characters are; where
    /// several share theirs, the first goes with the first.
    pub(super) fn compare(truth: &[Word], guess: &[Word]) -> Self {
        let mut counts = Counts::default();
        counts.words.there = truth.len();
        counts.words.found = guess.len();
        let mut places: HashMap<(usize, usize), Vec<usize>> = HashMap::new();
        for (i, word) in guess.iter().enumerate().rev() {
            places
                .entry((word.bytes.start, word.bytes.end))
                .or_default()
                .push(i);
        }
        let partner: Vec<Option<usize>> = truth
            .iter()
            .map(|word| {
                places
                    .get_mut(&(word.bytes.start, word.bytes.end))
                    .and_then(Vec::pop)
            })
            .collect();
        for (word, partner_at) in truth.iter().zip(&partner) {
            let Some(found) = partner_at.and_then(|i| guess.get(i)) else {
                continue;
            };
            counts.words.right += 1;
            counts.upos += usize::from(word.upos == found.upos);
            counts.xpos += usize::from(word.xpos == found.xpos);
            let same_head = match (word.head, found.head) {
                (None, None) => true,
                (Some(head), Some(_)) => partner
                    .get(head)
                    .is_some_and(|p| p.is_some() && *p == found.head),
                _ => false,
            };
            if same_head {
                counts.uas += 1;
                counts.las += usize::from(base(&word.deprel) == base(&found.deprel));
                counts.las_full += usize::from(word.deprel == found.deprel);
            }
            counts.subjects.right += usize::from(is(word, "nsubj") && is(found, "nsubj"));
            counts.objects.right += usize::from(is(word, "obj") && is(found, "obj"));
        }
        let number =
            |words: &[Word], relation| words.iter().filter(|word| is(word, relation)).count();
        counts.subjects.there = number(truth, "nsubj");
        counts.subjects.found = number(guess, "nsubj");
        counts.objects.there = number(truth, "obj");
        counts.objects.found = number(guess, "obj");
        let (there, found) = (bounds(truth), bounds(guess));
        counts.sentences = Tally {
            right: there
                .iter()
                .filter(|sentence| found.contains(sentence))
                .count(),
            found: found.len(),
            there: there.len(),
        };
        counts
    }

    pub(super) fn add(&mut self, other: &Counts) {
        self.words.add(other.words);
        self.sentences.add(other.sentences);
        self.upos += other.upos;
        self.xpos += other.xpos;
        self.uas += other.uas;
        self.las += other.las;
        self.las_full += other.las_full;
        self.subjects.add(other.subjects);
        self.objects.add(other.objects);
    }

    pub(super) fn scores(&self, section: &str, input: Input, lowered: bool) -> Scores {
        let f1 = |right| {
            Tally {
                right,
                ..self.words
            }
            .f1()
        };
        Scores {
            section: section.to_owned(),
            input,
            lowered,
            sentences: self.sentences.there,
            words: self.words.there,
            word_f1: self.words.f1(),
            sentence_f1: self.sentences.f1(),
            upos: f1(self.upos),
            xpos: f1(self.xpos),
            uas: f1(self.uas),
            las: f1(self.las),
            las_full: f1(self.las_full),
            subjects: self.subjects.precision_recall(),
            objects: self.objects.precision_recall(),
        }
    }
}

fn is(word: &Word, relation: &str) -> bool {
    base(&word.deprel) == relation
}

/// First and last byte of each sentence.
fn bounds(words: &[Word]) -> Vec<(usize, usize)> {
    let ends = |s: &[Word]| Some((s.first()?.bytes.start, s.last()?.bytes.end));
    words
        .chunk_by(|a, b| a.sentence == b.sentence)
        .filter_map(ends)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(start: usize, end: usize, head: Option<usize>, deprel: &str) -> Word {
        Word {
            text: "x".into(),
            bytes: start..end,
            chars: start..end,
            upos: "NOUN".into(),
            xpos: "NN".into(),
            head,
            deprel: deprel.into(),
            sentence: 0,
        }
    }

    #[test]
    fn scores_by_hand() {
        // Gold: three words; guess: the last two as one. Heads: word 0 hangs on word 1.
        let truth = [
            word(0, 1, Some(1), "nsubj"),
            word(2, 3, None, "root"),
            word(3, 4, Some(1), "obj"),
        ];
        let guess = [word(0, 1, Some(1), "nsubj:pass"), word(2, 4, None, "root")];
        let scores = Counts::compare(&truth, &guess).scores("t", Input::RawText, false);
        // One of three gold and two found words aligned: F1 = 2 * 1 / 5.
        assert_eq!((scores.word_f1, scores.upos), (40.0, 40.0));
        assert_eq!(scores.uas, 0.0, "its head is not aligned");
        assert_eq!(
            (scores.subjects.precision, scores.subjects.recall),
            (100.0, 100.0)
        );
        assert_eq!(
            (scores.objects.precision, scores.objects.recall),
            (0.0, 0.0)
        );
        let same = Counts::compare(&truth, &truth).scores("t", Input::GoldWords, false);
        assert_eq!(
            (same.word_f1, same.uas, same.las_full, same.sentence_f1),
            (100.0, 100.0, 100.0, 100.0)
        );
        let pass = [
            word(0, 1, Some(1), "nsubj:pass"),
            word(2, 3, None, "root"),
            word(3, 4, Some(0), "obj"),
        ];
        let scores = Counts::compare(&truth, &pass).scores("t", Input::GoldWords, false);
        assert!((scores.uas - 200.0 / 3.0).abs() < 1e-9 && (scores.las - 200.0 / 3.0).abs() < 1e-9);
        assert!(
            (scores.las_full - 100.0 / 3.0).abs() < 1e-9,
            "a subtype counts here"
        );
    }
}
