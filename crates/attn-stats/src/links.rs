//! Attention between linked words: verb and subject, noun and pronoun (Section 4.5), and words that
//! two sentences share (Section 5).
//!
//! For each head, kind of link and direction:
//!
//! - *link mean*: a link's weight is the maximum over the piece pairs of its two words; the mean over
//!   the example's links; the mean over examples.
//! - *example maximum*: the same with the maximum over the example's links, as the authors' code
//!   and Section 4.2 have it. With many links (every noun with every pronoun) it grows with the
//!   length of the text.
//! - *accuracy*, after Clark et al. (2019, Section 4.2): the share of source words whose strongest
//!   target is one that they are linked to. Weights between words: the sum over the target's
//!   pieces, the mean over the source's; all words of the example but the source itself are
//!   candidates, special tokens are not; of equals the first counts. A source without another
//!   candidate is left out.
//! - *offset baselines*: the accuracy of "always the word k places on", k from -10 to 10. The best
//!   one is what a diagonal head can reach without knowing grammar; it is chosen on the same
//!   sources, which favours the baseline. The difference of a head to it is paired.

use crate::annotation::Annotation;
use crate::bootstrap::{BootstrapMean, Estimate, Resampler};
use crate::observer::{Observation, Observer};
use crate::view::StatsError;
use std::collections::BTreeMap;

/// Which of the linked words attends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Direction {
    /// The query is the link's first word (the verb, the noun).
    Forward,
    /// The query is its second word (the subject, the pronoun).
    Backward,
}

impl Direction {
    /// Both.
    pub const ALL: [Direction; 2] = [Direction::Forward, Direction::Backward];

    /// The name in records.
    pub fn name(self) -> &'static str {
        match self {
            Direction::Forward => "forward",
            Direction::Backward => "backward",
        }
    }
}

/// Offsets of the baselines, 1 to this in either direction.
const FURTHEST: usize = 10;

/// The offset of each baseline: -10 to -1, then 1 to 10.
fn offsets() -> impl Iterator<Item = isize> {
    let furthest = FURTHEST as isize;
    (-furthest..=furthest).filter(|&offset| offset != 0)
}

#[derive(Debug, Clone)]
struct Kind {
    /// Link means of all heads, then example maxima.
    scores: BootstrapMean,
    /// Right answers of all heads, then of all offsets, over source words.
    accuracy: BootstrapMean,
}

/// A fixed offset as a predictor.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OffsetBaseline {
    /// How many words on, or back when negative.
    pub offset: isize,
    /// Share of source words whose linked word lies there.
    pub accuracy: Estimate,
}

/// Attention between linked words for every head.
#[derive(Debug, Clone)]
pub struct LinkAttention {
    layers: usize,
    heads: usize,
    kinds: BTreeMap<(String, Direction), Kind>,
}

impl LinkAttention {
    /// For these names of [`Annotation::links`], in both directions.
    pub fn new(layers: usize, heads: usize, names: &[&str], resampler: &Resampler) -> Self {
        let (grid, replicates) = (layers * heads, resampler.replicates());
        let kind = Kind {
            scores: BootstrapMean::new(2 * grid, replicates),
            accuracy: BootstrapMean::new(grid + 2 * FURTHEST, replicates),
        };
        let mut kinds = BTreeMap::new();
        for name in names {
            for direction in Direction::ALL {
                kinds.insert(((*name).to_owned(), direction), kind.clone());
            }
        }
        Self {
            layers,
            heads,
            kinds,
        }
    }

    fn kind(&self, name: &str, direction: Direction) -> Option<&Kind> {
        self.kinds.get(&(name.to_owned(), direction))
    }

    /// Link means, one estimate a head; `None` when no example had such a link.
    pub fn link_means(&self, name: &str, direction: Direction) -> Option<Vec<Estimate>> {
        let mut estimates = self.kind(name, direction)?.scores.estimates()?;
        estimates.truncate(self.layers * self.heads);
        Some(estimates)
    }

    /// Example maxima, one estimate a head; `None` when no example had such a link.
    pub fn example_maxima(&self, name: &str, direction: Direction) -> Option<Vec<Estimate>> {
        let mut estimates = self.kind(name, direction)?.scores.estimates()?;
        Some(estimates.split_off(self.layers * self.heads))
    }

    /// Accuracy, one estimate a head, and the number of source words; `None` when there was none.
    /// `n` counts examples.
    pub fn accuracies(&self, name: &str, direction: Direction) -> Option<(Vec<Estimate>, usize)> {
        let accuracy = &self.kind(name, direction)?.accuracy;
        let mut estimates = accuracy.estimates()?;
        estimates.truncate(self.layers * self.heads);
        Some((estimates, accuracy.units() as usize))
    }

    /// The best fixed offset over the same source words; of equals the nearest.
    pub fn best_offset(&self, name: &str, direction: Direction) -> Option<OffsetBaseline> {
        let estimates = self.kind(name, direction)?.accuracy.estimates()?;
        offsets()
            .zip(estimates.into_iter().skip(self.layers * self.heads))
            .map(|(offset, accuracy)| OffsetBaseline { offset, accuracy })
            .max_by(|a, b| {
                let nearer = b.offset.abs().cmp(&a.offset.abs());
                a.accuracy.mean.total_cmp(&b.accuracy.mean).then(nearer)
            })
    }

    /// Each head's accuracy less the best offset's, with the interval of the paired difference.
    pub fn above_best_offset(&self, name: &str, direction: Direction) -> Option<Vec<Estimate>> {
        let best = self.best_offset(name, direction)?.offset;
        let cell = self.layers * self.heads + offsets().position(|o| o == best)?;
        let pairs: Vec<_> = (0..self.layers * self.heads).map(|h| (h, cell)).collect();
        self.kind(name, direction)?.accuracy.differences(&pairs)
    }
}

/// The greatest weight from a piece of `from` to a piece of `to`; 0 when either has none.
/// Positions have been checked.
pub(crate) fn link_weight(map: &[f32], length: usize, from: &[usize], to: &[usize]) -> f32 {
    let weight = |&query: &usize, &key: &usize| map.get(query * length + key).copied();
    from.iter()
        .flat_map(|query| to.iter().filter_map(move |key| weight(query, key)))
        .fold(0.0, f32::max)
}

/// The word that `from` attends to most, among all words but itself.
fn strongest(
    map: &[f32],
    length: usize,
    annotation: &Annotation,
    from: usize,
    row: &mut Vec<f32>,
) -> Option<usize> {
    row.clear();
    row.resize(length, 0.0);
    for &query in annotation.pieces(from) {
        let weights = map.chunks_exact(length).nth(query)?;
        for (sum, weight) in row.iter_mut().zip(weights) {
            *sum += weight;
        }
    }
    let mut best: Option<(usize, f32)> = None;
    for (word, pieces) in annotation.words.iter().enumerate() {
        if word == from || pieces.is_empty() {
            continue;
        }
        let weight: f32 = pieces.iter().filter_map(|&key| row.get(key)).sum();
        if best.is_none_or(|(_, most)| weight > most) {
            best = Some((word, weight));
        }
    }
    best.map(|(word, _)| word)
}

impl Observer for LinkAttention {
    fn observe(&mut self, example: &Observation<'_>) -> Result<(), StatsError> {
        let (maps, annotation) = (example.maps, example.annotation);
        maps.check_grid(self.layers, self.heads)?;
        annotation.check(maps.length())?;
        let length = maps.length();
        let present = |word: usize| !annotation.pieces(word).is_empty();
        let candidates = annotation.words.iter().filter(|p| !p.is_empty()).count();
        let mut row = Vec::new();
        for ((name, direction), kind) in &mut self.kinds {
            let mut links: Vec<(usize, usize)> = annotation
                .links
                .get(name)
                .map_or(&[][..], Vec::as_slice)
                .iter()
                .map(|&(from, to)| match direction {
                    Direction::Forward => (from, to),
                    Direction::Backward => (to, from),
                })
                // Words that were cut off have no weight to compare.
                .filter(|&(from, to)| present(from) && present(to) && from != to)
                .collect();
            links.sort_unstable();
            links.dedup();
            if links.is_empty() {
                continue;
            }
            let grid = self.layers * self.heads;
            let mut scores = vec![0.0f32; 2 * grid];
            let (means, maxima) = scores.split_at_mut(grid);
            for ((map, mean), maximum) in maps.maps().zip(means).zip(maxima) {
                for &(from, to) in &links {
                    let weight =
                        link_weight(map, length, annotation.pieces(from), annotation.pieces(to));
                    *mean += weight / links.len() as f32;
                    *maximum = maximum.max(weight);
                }
            }
            kind.scores.add(&scores, example.counts);
            if candidates < 2 {
                continue;
            }
            let mut right = vec![0.0f32; grid + 2 * FURTHEST];
            let mut sources = 0.0;
            for linked in links.chunk_by(|a, b| a.0 == b.0) {
                let Some(&(from, _)) = linked.first() else {
                    continue;
                };
                sources += 1.0;
                let is_linked = |word: usize| linked.iter().any(|&(_, to)| to == word);
                let (heads, baselines) = right.split_at_mut(grid);
                for (count, map) in heads.iter_mut().zip(maps.maps()) {
                    let found = strongest(map, length, annotation, from, &mut row);
                    *count += f32::from(u8::from(found.is_some_and(is_linked)));
                }
                for (count, offset) in baselines.iter_mut().zip(offsets()) {
                    let hit = from.checked_add_signed(offset).is_some_and(is_linked);
                    *count += f32::from(u8::from(hit));
                }
            }
            kind.accuracy.add_total(&right, sources, example.counts);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MapsView;

    /// [CLS] she was sing ##ing [SEP]: words she, was, singing; the verb is word 2, the subject 0.
    fn annotation(links: &[(usize, usize)]) -> Annotation {
        Annotation {
            words: vec![vec![1], vec![2], vec![3, 4]],
            links: [("verb_subject".to_owned(), links.to_vec())].into(),
            ..Annotation::default()
        }
    }

    /// Two heads of 6 tokens. Head 0: "sing" looks at "she" (.6), "##ing" at "was" (.5) and "she"
    /// (.2); "she" at "was" (.9). Head 1: everybody looks at [SEP] (.9) and a little at "she".
    fn maps() -> Vec<f32> {
        let mut maps = vec![0.0f32; 2 * 36];
        let (a, b) = maps.split_at_mut(36);
        for query in 0..6 {
            a[query * 6] = 1.0;
            b[query * 6 + 5] = 0.9;
            b[query * 6 + 1] = 0.1;
        }
        a[6..12].copy_from_slice(&[0.1, 0.0, 0.9, 0.0, 0.0, 0.0]);
        a[18..24].copy_from_slice(&[0.4, 0.6, 0.0, 0.0, 0.0, 0.0]);
        a[24..30].copy_from_slice(&[0.3, 0.2, 0.5, 0.0, 0.0, 0.0]);
        maps
    }

    fn observed(links: &[&[(usize, usize)]]) -> LinkAttention {
        let resampler = Resampler::new(3, 40);
        let mut attention = LinkAttention::new(1, 2, &["verb_subject"], &resampler);
        let maps = maps();
        for (index, links) in links.iter().enumerate() {
            let (annotation, counts) = (annotation(links), resampler.counts(index as u64));
            let view = MapsView::new(1, 2, 6, &maps).unwrap();
            attention
                .observe(&Observation::new(index, view, &annotation, &counts))
                .unwrap();
        }
        attention
    }

    fn means(estimates: Option<Vec<Estimate>>) -> Vec<f64> {
        let round = |e: &Estimate| (e.mean * 1e6).round() / 1e6;
        estimates.unwrap().iter().map(round).collect()
    }

    #[test]
    fn hand_computed_in_both_directions() {
        use Direction::{Backward, Forward};
        let attention = observed(&[&[(2, 0)], &[], &[(2, 0), (2, 1)]]);
        let name = "verb_subject";
        // Example 0: .6; example 2: links .6 and .5.
        assert_eq!(means(attention.link_means(name, Forward)), [0.575, 0.075]);
        assert_eq!(means(attention.example_maxima(name, Forward)), [0.6, 0.1]);
        // "she" gives "singing" nothing, nor does "was".
        assert_eq!(means(attention.link_means(name, Backward)), [0.0, 0.0]);
        assert_eq!(attention.link_means(name, Forward).unwrap()[0].n, 2);
        // From "singing": she (.6 + .2) / 2, was .25: she, which is linked.
        let (accuracy, sources) = attention.accuracies(name, Forward).unwrap();
        assert_eq!(means(Some(accuracy)), [1.0, 1.0]);
        assert_eq!(sources, 2);
        // "she" looks at "was", not "singing"; "was" has no weight on words in head 0, a tie
        // that the first word takes.
        let (accuracy, sources) = attention.accuracies(name, Backward).unwrap();
        assert_eq!(means(Some(accuracy)), [0.0, 0.0]);
        assert_eq!(sources, 3);
        // Two back is right in both examples, one back in the second only.
        let best = attention.best_offset(name, Forward).unwrap();
        assert_eq!((best.offset, best.accuracy.mean), (-2, 1.0));
        assert_eq!(
            means(attention.above_best_offset(name, Forward)),
            [0.0, 0.0]
        );
        let best = attention.best_offset(name, Backward).unwrap();
        assert_eq!(best.offset, 2);
        assert!((best.accuracy.mean - 2.0 / 3.0).abs() < 1e-9);
        assert_eq!(attention.link_means("noun_pronoun", Forward), None);
    }

    #[test]
    fn degenerate_links() {
        // No link; a word with itself.
        let attention = observed(&[&[], &[(1, 1)]]);
        assert_eq!(
            attention.link_means("verb_subject", Direction::Forward),
            None
        );
        assert_eq!(
            attention.best_offset("verb_subject", Direction::Forward),
            None
        );
        // A link to a word that was cut off, and a word that does not exist.
        let resampler = Resampler::new(3, 4);
        let mut attention = LinkAttention::new(1, 2, &["verb_subject"], &resampler);
        let (mut cut, maps) = (annotation(&[(2, 0)]), maps());
        cut.words[0].clear();
        let view = MapsView::new(1, 2, 6, &maps).unwrap();
        let example = Observation::new(0, view, &cut, &[1; 4]);
        attention.observe(&example).unwrap();
        assert_eq!(
            attention.link_means("verb_subject", Direction::Forward),
            None
        );
        let wrong = annotation(&[(2, 3)]);
        let example = Observation::new(0, view, &wrong, &[1; 4]);
        assert!(matches!(
            attention.observe(&example),
            Err(StatsError::Position { .. })
        ));
        // No tokens at all.
        let empty = Annotation::default();
        let view = MapsView::new(1, 2, 0, &[]).unwrap();
        attention
            .observe(&Observation::new(0, view, &empty, &[1; 4]))
            .unwrap();
    }
}
