//! Words that occur in both sentences of a pair (Section 5).
//!
//! The authors looked at maps by eye: heads 4-1 and 2-12 of their STS-B and RTE models "have high
//! weights for words that appear in both sentences". Here: the mean weight between a word and its
//! twin in the other sentence, beside the mean weight between words of the two sentences that are
//! not twins, and the paired difference. Both directions count; a link's weight is the maximum
//! over piece pairs.

use crate::bootstrap::{BootstrapMean, Estimate, Resampler};
use crate::links::link_weight;
use crate::observer::{Observation, Observer};
use crate::view::StatsError;

/// Pairs `(i, j)` of a word of the first text and one of the second that are spelt alike, case
/// aside. A word that occurs twice has two twins. Words without a letter or digit (punctuation)
/// have none.
pub fn twins<S: AsRef<str>>(first: &[S], second: &[S]) -> Vec<(usize, usize)> {
    let plain = |word: &S| {
        let word = word.as_ref().to_lowercase();
        word.chars().any(char::is_alphanumeric).then_some(word)
    };
    let second: Vec<Option<String>> = second.iter().map(plain).collect();
    let mut pairs = Vec::new();
    for (i, word) in first.iter().enumerate() {
        let Some(word) = plain(word) else { continue };
        let same = |(_, other): &(usize, &Option<String>)| other.as_ref() == Some(&word);
        pairs.extend(second.iter().enumerate().filter(same).map(|(j, _)| (i, j)));
    }
    pairs
}

/// Attention between words that two texts share, for every head.
///
/// Twins are the links called `name`; the words of the two texts are told apart by the features
/// `first_text` and `second_text`, which hold the positions of each text's pieces. Examples
/// without twins, or without other words to compare with, do not count.
#[derive(Debug, Clone)]
pub struct SharedWords {
    layers: usize,
    heads: usize,
    name: String,
    /// Twins for all heads, then other words.
    means: BootstrapMean,
}

impl SharedWords {
    /// The feature with the positions of the first text.
    pub const FIRST: &'static str = "first_text";
    /// The feature with the positions of the second text.
    pub const SECOND: &'static str = "second_text";

    /// For the links called `name`.
    pub fn new(layers: usize, heads: usize, name: &str, resampler: &Resampler) -> Self {
        Self {
            layers,
            heads,
            name: name.to_owned(),
            means: BootstrapMean::new(2 * layers * heads, resampler.replicates()),
        }
    }

    /// Mean weight between twins, one estimate a head; `None` when no example had any.
    pub fn twins(&self) -> Option<Vec<Estimate>> {
        let mut estimates = self.means.estimates()?;
        estimates.truncate(self.layers * self.heads);
        Some(estimates)
    }

    /// Mean weight between words of the two texts that are not twins.
    pub fn others(&self) -> Option<Vec<Estimate>> {
        Some(self.means.estimates()?.split_off(self.layers * self.heads))
    }

    /// Twins less others, paired.
    pub fn differences(&self) -> Option<Vec<Estimate>> {
        let grid = self.layers * self.heads;
        let pairs: Vec<_> = (0..grid).map(|h| (h, grid + h)).collect();
        self.means.differences(&pairs)
    }
}

impl Observer for SharedWords {
    fn observe(&mut self, example: &Observation<'_>) -> Result<(), StatsError> {
        let (maps, annotation) = (example.maps, example.annotation);
        maps.check_grid(self.layers, self.heads)?;
        annotation.check(maps.length())?;
        let Some(links) = annotation.links.get(&self.name) else {
            return Ok(());
        };
        let words_in = |feature: &str| -> Vec<usize> {
            let mut inside = vec![false; maps.length()];
            for &position in annotation.features.get(feature).into_iter().flatten() {
                if let Some(slot) = inside.get_mut(position) {
                    *slot = true;
                }
            }
            let of_text = |pieces: &[usize]| {
                !pieces.is_empty() && pieces.iter().all(|&p| inside.get(p) == Some(&true))
            };
            (0..annotation.words.len())
                .filter(|&word| of_text(annotation.pieces(word)))
                .collect()
        };
        let (first, second) = (words_in(Self::FIRST), words_in(Self::SECOND));
        let linked: std::collections::HashSet<(usize, usize)> =
            links.iter().flat_map(|&(a, b)| [(a, b), (b, a)]).collect();
        let (mut twins, mut others) = (Vec::new(), Vec::new());
        for &a in &first {
            for &b in &second {
                let (pieces_a, pieces_b) = (annotation.pieces(a), annotation.pieces(b));
                if linked.contains(&(a, b)) {
                    twins.push((pieces_a, pieces_b));
                } else {
                    others.push((pieces_a, pieces_b));
                }
            }
        }
        if twins.is_empty() || others.is_empty() {
            return Ok(());
        }
        let mut values = Vec::with_capacity(2 * self.layers * self.heads);
        for pairs in [&twins, &others] {
            values.extend(maps.maps().map(|map| {
                let sum: f64 = pairs
                    .iter()
                    .map(|&(a, b)| {
                        let length = maps.length();
                        f64::from(link_weight(map, length, a, b))
                            + f64::from(link_weight(map, length, b, a))
                    })
                    .sum();
                (sum / (2 * pairs.len()) as f64) as f32
            }));
        }
        self.means.add(&values, example.counts);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Annotation, MapsView};

    #[test]
    fn twins_are_spelt_alike() {
        let first = ["The", "cat", "saw", "the", "dog", "."];
        let second = ["the", "Dog", "ran", "."];
        assert_eq!(twins(&first, &second), [(0, 0), (3, 0), (4, 1)]);
        assert_eq!(twins::<&str>(&[], &[]), []);
    }

    /// Texts of two words each at positions 1, 2 and 3, 4; word 0 and word 2 are twins.
    fn annotation() -> Annotation {
        Annotation {
            features: [
                ("first_text".to_owned(), vec![1, 2]),
                ("second_text".to_owned(), vec![3, 4]),
            ]
            .into(),
            words: vec![vec![1], vec![2], vec![3], vec![4]],
            links: [("shared".to_owned(), vec![(0, 2)])].into(),
            ..Annotation::default()
        }
    }

    #[test]
    fn hand_computed() {
        let resampler = Resampler::new(1, 10);
        let mut shared = SharedWords::new(1, 1, "shared", &resampler);
        let mut map = vec![0.0f32; 25];
        map[5 + 3] = 0.6; // word 0 to its twin
        map[3 * 5 + 1] = 0.2; // and back
        map[2 * 5 + 4] = 0.3; // word 1 to word 3
        let annotation = annotation();
        let view = MapsView::new(1, 1, 5, &map).unwrap();
        shared
            .observe(&Observation::new(0, view, &annotation, &[1; 10]))
            .unwrap();
        let mean = |e: Option<Vec<Estimate>>| e.unwrap()[0].mean;
        assert!((mean(shared.twins()) - 0.4).abs() < 1e-6);
        // Three other pairs in two directions.
        assert!((mean(shared.others()) - 0.3 / 6.0).abs() < 1e-6);
        assert!((mean(shared.differences()) - 0.35).abs() < 1e-6);
    }

    #[test]
    fn examples_that_cannot_tell_do_not_count() {
        let resampler = Resampler::new(1, 10);
        let mut shared = SharedWords::new(1, 1, "shared", &resampler);
        let map = vec![0.2f32; 25];
        let view = MapsView::new(1, 1, 5, &map).unwrap();
        let mut no_twins = annotation();
        no_twins.links.clear();
        let mut only_twins = annotation();
        only_twins.words = vec![vec![1], vec![], vec![3], vec![]];
        for annotation in [no_twins, only_twins, Annotation::default()] {
            shared
                .observe(&Observation::new(0, view, &annotation, &[1; 10]))
                .unwrap();
        }
        assert_eq!(shared.twins(), None);
    }
}
