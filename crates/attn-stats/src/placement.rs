//! Where else in its sentence an annotated link could stand.
//!
//! A link joins a target and its elements, each a run of words. A placement moves these runs to other
//! words and leaves the maps alone: a run keeps its number of words, in order and side by side, so
//! that an element of three words is again a run of three. Three questions, three sets of places
//! ([`NullKind`]).

use std::ops::Range;

/// What a word is, as far as placements care.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WordKind {
    /// Nouns, verbs, adjectives, adverbs, numbers, and pronouns, which stand for nouns.
    Content,
    /// Articles, prepositions, auxiliaries, conjunctions, particles.
    Function,
    /// Punctuation. No run is placed on it, unless the run holds punctuation itself.
    Punctuation,
}

/// Which places count as just as likely when the annotation means nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum NullKind {
    /// The sentence's words are permuted, annotated runs as wholes: every run anywhere. A head above
    /// it attends to these words more than to words at large.
    Words,
    /// The same, each run on as many content words as in reality: rules out a head that likes content
    /// words.
    Content,
    /// The whole link moves along the sentence, target and elements at their distances: rules out a
    /// head that likes an offset.
    Distance,
}

impl NullKind {
    /// All of them.
    pub const ALL: [NullKind; 3] = [NullKind::Words, NullKind::Content, NullKind::Distance];

    /// The name in records.
    pub fn name(self) -> &'static str {
        match self {
            NullKind::Words => "words",
            NullKind::Content => "content",
            NullKind::Distance => "distance",
        }
    }
}

/// How the tokens of target and elements make pairs of query and key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Pairing {
    /// Every token of an element with every token of the target.
    ElementToTarget,
    /// Every token of the target with every token of an element.
    TargetToElement,
    /// An element's tokens beside the target's, as far as the shorter goes, each token at the first
    /// place where its string stands in the sentence (the authors' code).
    Zipped,
}

/// An annotated link in its sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpanLink {
    /// The tokens of each word, words in reading order.
    pub words: Vec<Vec<usize>>,
    /// What each word is.
    pub kinds: Vec<WordKind>,
    /// The target's runs of words.
    pub target: Vec<Range<usize>>,
    /// Each element's run of words.
    pub elements: Vec<Range<usize>>,
    /// For each token the first one with the same string ([`Pairing::Zipped`]).
    pub first: Vec<usize>,
    /// The selection's least distance between a word of the target and one of an element; a link that
    /// is nearer sets its own.
    pub least_distance: usize,
}

/// Runs that overlap move as one.
#[derive(Debug, Clone)]
struct Blocks {
    /// In words.
    real: Vec<Range<usize>>,
    /// Of each run, targets first: its block, and where in it the run begins.
    runs: Vec<(usize, usize, usize)>,
}

/// Words from the last of the nearer run to the first of the further; 0 when they overlap.
fn gap(a: &Range<usize>, b: &Range<usize>) -> usize {
    let (near, far) = if a.start <= b.start { (a, b) } else { (b, a) };
    (far.start + 1).saturating_sub(near.end)
}

impl SpanLink {
    /// Every placement, the real one among them, as the words of each run, targets first. For the
    /// short sentences of Section 4.2; their number grows with a power of the words.
    pub fn placements(&self, null: NullKind) -> Vec<Vec<Range<usize>>> {
        let blocks = self.blocks();
        let mut found = Vec::new();
        if null == NullKind::Distance {
            let first = blocks.real.iter().map(|b| b.start).min().unwrap_or(0);
            let end = blocks.real.iter().map(|b| b.end).max().unwrap_or(0);
            for at in 0..(self.words.len() + 1 + first).saturating_sub(end) {
                let starts: Vec<usize> = blocks.real.iter().map(|b| b.start - first + at).collect();
                let fits =
                    |(block, &start): (usize, &usize)| self.fits(&blocks.real[block], start, null);
                if starts.iter().enumerate().all(fits) {
                    found.push(blocks.runs_at(&starts));
                }
            }
        } else {
            let runs: Vec<Range<usize>> = self.runs().cloned().collect();
            let least = self.nearest(&runs).min(self.least_distance);
            let mut starts = Vec::new();
            self.place(&blocks, null, least, &mut starts, &mut found);
        }
        found
    }

    /// Places the next block everywhere, and those after it.
    fn place(
        &self,
        blocks: &Blocks,
        null: NullKind,
        least: usize,
        starts: &mut Vec<usize>,
        found: &mut Vec<Vec<Range<usize>>>,
    ) {
        let Some(block) = blocks.real.get(starts.len()) else {
            let runs = blocks.runs_at(starts);
            if self.nearest(&runs) >= least {
                found.push(runs);
            }
            return;
        };
        for start in 0..(self.words.len() + 1).saturating_sub(block.len()) {
            let range = start..start + block.len();
            let free = starts
                .iter()
                .zip(&blocks.real)
                .all(|(&other, b)| other >= range.end || other + b.len() <= range.start);
            if free && self.fits(block, start, null) {
                starts.push(start);
                self.place(blocks, null, least, starts, found);
                starts.pop();
            }
        }
    }

    /// Whether a block may stand on the words from `start`.
    fn fits(&self, real: &Range<usize>, start: usize, null: NullKind) -> bool {
        let of = |range: Range<usize>, kind: WordKind| {
            let kinds = self.kinds.get(range).unwrap_or(&[]);
            kinds.iter().filter(|k| **k == kind).count()
        };
        let place = start..start + real.len();
        let whole = self
            .words
            .get(place.clone())
            .is_some_and(|words| words.iter().all(|tokens| !tokens.is_empty()));
        let count = |kind| (of(real.clone(), kind), of(place.clone(), kind));
        let (own, there) = count(WordKind::Punctuation);
        let (content, content_there) = count(WordKind::Content);
        whole && (own > 0 || there == 0) && (null != NullKind::Content || content == content_there)
    }

    /// The least distance between a target's word and an element's.
    fn nearest(&self, runs: &[Range<usize>]) -> usize {
        let (targets, elements) = runs.split_at(self.target.len().min(runs.len()));
        let gaps = targets
            .iter()
            .flat_map(|t| elements.iter().map(move |e| gap(t, e)));
        gaps.min().unwrap_or(usize::MAX)
    }

    fn runs(&self) -> impl Iterator<Item = &Range<usize>> {
        self.target.iter().chain(&self.elements)
    }

    fn blocks(&self) -> Blocks {
        let mut real: Vec<Range<usize>> = Vec::new();
        let mut order: Vec<&Range<usize>> = self.runs().collect();
        order.sort_by_key(|r| (r.start, r.end));
        for run in order {
            match real.last_mut() {
                Some(last) if run.start < last.end => last.end = last.end.max(run.end),
                _ => real.push(run.clone()),
            }
        }
        let runs = self.runs().map(|run| {
            let within = |b: &Range<usize>| b.start <= run.start && run.end <= b.end;
            let block = real.iter().position(within).unwrap_or(0);
            let start = real.get(block).map_or(0, |b| run.start - b.start);
            (block, start, run.len())
        });
        let runs = runs.collect();
        Blocks { real, runs }
    }

    /// The pairs of query and key of a placement.
    pub fn pairs(&self, runs: &[Range<usize>], pairing: Pairing) -> Vec<(usize, usize)> {
        let tokens = |run: &Range<usize>| -> Vec<usize> {
            let words = self.words.get(run.clone()).unwrap_or(&[]);
            words.iter().flatten().copied().collect()
        };
        let (targets, elements) = runs.split_at(self.target.len().min(runs.len()));
        let target: Vec<usize> = targets.iter().flat_map(tokens).collect();
        let first = |token: &usize| self.first.get(*token).copied().unwrap_or(*token);
        let mut pairs = Vec::new();
        for element in elements.iter().map(tokens) {
            match pairing {
                Pairing::Zipped => {
                    pairs.extend(element.iter().map(first).zip(target.iter().map(first)));
                }
                _ => {
                    for &e in &element {
                        pairs.extend(target.iter().map(|&t| match pairing {
                            Pairing::TargetToElement => (t, e),
                            _ => (e, t),
                        }));
                    }
                }
            }
        }
        pairs
    }
}

impl Blocks {
    /// The runs when the blocks begin at these words.
    fn runs_at(&self, starts: &[usize]) -> Vec<Range<usize>> {
        self.runs
            .iter()
            .filter_map(|&(block, offset, length)| {
                let start = starts.get(block)? + offset;
                Some(start..start + length)
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use WordKind::{Content, Function, Punctuation};

    fn one(start: usize, end: usize) -> Vec<Range<usize>> {
        std::iter::once(start..end).collect()
    }

    /// `[CLS] he was be ##com ##ing agitated . [SEP]`: target "agitated" (word 3), element "he".
    fn link() -> SpanLink {
        SpanLink {
            words: vec![vec![1], vec![2], vec![3, 4, 5], vec![6], vec![7]],
            kinds: vec![Content, Function, Content, Content, Punctuation],
            target: one(3, 4),
            elements: one(0, 1),
            first: (0..9).collect(),
            least_distance: 2,
        }
    }

    /// Where target and element begin, sorted.
    fn begins(link: &SpanLink, null: NullKind) -> Vec<(usize, usize)> {
        let placements = link.placements(null);
        let mut begins: Vec<_> = placements
            .iter()
            .map(|r| (r[0].start, r[1].start))
            .collect();
        begins.sort_unstable();
        begins
    }

    #[test]
    fn places_listed_by_hand() {
        let link = link();
        // Among words 0 to 3, two apart.
        let right = [(0, 2), (0, 3), (1, 3), (2, 0), (3, 0), (3, 1)];
        assert_eq!(begins(&link, NullKind::Words), right);
        // "was" is no content word.
        let right = [(0, 2), (0, 3), (2, 0), (3, 0)];
        assert_eq!(begins(&link, NullKind::Content), right);
        // Three words apart leave one place before the full stop.
        assert_eq!(begins(&link, NullKind::Distance), [(3, 0)]);
        let near = SpanLink {
            target: one(2, 3),
            ..link
        };
        assert_eq!(begins(&near, NullKind::Distance), [(2, 0), (3, 1)]);
    }

    #[test]
    fn an_element_of_two_words_stays_whole() {
        let link = SpanLink {
            kinds: vec![Content; 5],
            elements: one(0, 2),
            target: one(4, 5),
            ..link()
        };
        let right = [(0, 2), (0, 3), (1, 3), (3, 0), (4, 0), (4, 1)];
        assert_eq!(begins(&link, NullKind::Words), right);
        for runs in link.placements(NullKind::Words) {
            assert_eq!((runs[0].len(), runs[1].len()), (1, 2));
        }
        // Runs that overlap keep their places in each other; a link nearer than the rule sets its own.
        let overlapping = SpanLink {
            elements: one(1, 3),
            target: one(2, 3),
            ..link
        };
        let right = [(1, 0), (2, 1), (3, 2), (4, 3)];
        assert_eq!(begins(&overlapping, NullKind::Words), right);
        assert_eq!(begins(&overlapping, NullKind::Distance), right);
    }

    #[test]
    fn pairs_of_a_placement() {
        let mut link = link();
        link.first[4] = 3;
        let runs = [2..3, 0..1];
        let pairs = |pairing| link.pairs(&runs, pairing);
        assert_eq!(pairs(Pairing::ElementToTarget), [(1, 3), (1, 4), (1, 5)]);
        assert_eq!(pairs(Pairing::TargetToElement), [(3, 1), (4, 1), (5, 1)]);
        assert_eq!(pairs(Pairing::Zipped), [(1, 3)]);
        let runs = [0..1, 2..4];
        assert_eq!(link.pairs(&runs, Pairing::Zipped), [(3, 1)]);
        let both = link.pairs(&[1..2, 2..3], Pairing::ElementToTarget);
        assert_eq!(both, [(3, 2), (4, 2), (5, 2)]);
    }

    #[test]
    fn a_word_that_was_cut_off_and_empty_links() {
        let mut link = link();
        link.words[3].clear();
        assert_eq!(begins(&link, NullKind::Words), [(0, 2), (2, 0)]);
        assert!(link.placements(NullKind::Distance).is_empty());
        let empty = SpanLink {
            words: vec![],
            kinds: vec![],
            target: vec![],
            elements: vec![],
            first: vec![],
            least_distance: 2,
        };
        for null in NullKind::ALL {
            assert_eq!(empty.placements(null), [Vec::new()]);
        }
        assert!(empty.pairs(&[], Pairing::Zipped).is_empty());
    }
}
