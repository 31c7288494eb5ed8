//! How alike the maps of two models are: cosine similarity per head (Section 4.3, Figure 5).
//!
//! The paper compares pre-trained with fine-tuned BERT: the cosine between the flattened maps of a
//! head, averaged over examples. Two readings:
//!
//! - `paper`: the `L * L` maps over the real tokens.
//! - `authors`: their notebook (cell 31) flattens the full padded 200 x 200 map. The attention mask
//!   adds -10000 to the scores of padding *keys*, so that those 200 - L columns hold exactly 0 and
//!   add nothing to the cosine. Padding *queries* are not masked: row q >= L holds what the padding
//!   token at that position, with its own hidden state, attends to among the L real keys, and it
//!   sums to 1 like any other row. For an input of 30 tokens such rows are 170 of 200 and decide
//!   the number. They cannot be had from cropped maps: they take a forward pass over the padded
//!   input, whose result comes in as [`PaddingRows`](crate::PaddingRows). The two parts simply add
//!   up: `(A·B + A'·B') / sqrt((A·A + A'·A') (B·B + B'·B'))`, with A' and B' the rows of padding.

use crate::bootstrap::{BootstrapMean, Estimate, Resampler};
use crate::observer::{Observation, Observer, append_layer_means};
use crate::view::StatsError;
use attn_core::Reading;

/// The three sums of products behind a cosine: `a·b`, `a·a`, `b·b`. Parts of one vector add up.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Products {
    /// `a·b`.
    pub ab: f64,
    /// `a·a`.
    pub aa: f64,
    /// `b·b`.
    pub bb: f64,
}

impl Products {
    /// Of two slices; what the longer has beyond the shorter is left out.
    pub fn of(a: &[f32], b: &[f32]) -> Self {
        // Eight independent sums let the compiler use vector registers; single precision within
        // 64 numbers, double between.
        let mut products = Self::default();
        for (a, b) in a.chunks(64).zip(b.chunks(64)) {
            let mut lanes = [[0.0f32; 8]; 3];
            let (whole_a, rest_a) = a.as_chunks::<8>();
            let (whole_b, rest_b) = b.as_chunks::<8>();
            for (a, b) in whole_a.iter().zip(whole_b) {
                for i in 0..8 {
                    lanes[0][i] += a[i] * b[i];
                    lanes[1][i] += a[i] * a[i];
                    lanes[2][i] += b[i] * b[i];
                }
            }
            for (i, (a, b)) in rest_a.iter().zip(rest_b).enumerate() {
                lanes[0][i] += a * b;
                lanes[1][i] += a * a;
                lanes[2][i] += b * b;
            }
            let [ab, aa, bb] = lanes.map(|lane| f64::from(lane.iter().sum::<f32>()));
            products = products.plus(Self { ab, aa, bb });
        }
        products
    }

    /// The products of two vectors that are longer by a part.
    pub fn plus(self, part: Self) -> Self {
        Self {
            ab: self.ab + part.ab,
            aa: self.aa + part.aa,
            bb: self.bb + part.bb,
        }
    }

    /// The cosine, -1 to 1 (0 to 1 for weights, which are not negative); `None` when either vector
    /// is all zeros or the products are not finite.
    pub fn cosine(self) -> Option<f64> {
        let norms = (self.aa * self.bb).sqrt();
        (norms > 0.0 && self.ab.is_finite() && norms.is_finite())
            .then(|| (self.ab / norms).clamp(-1.0, 1.0))
    }
}

/// Cosine similarity of two slices of one length; `None` for other slices, all zeros or numbers
/// that are not finite.
pub fn cosine(a: &[f32], b: &[f32]) -> Option<f64> {
    (a.len() == b.len())
        .then(|| Products::of(a, b).cosine())
        .flatten()
}

/// Cosine similarity of each head's map in two models, averaged over examples (Figure 5).
#[derive(Debug, Clone)]
pub struct Cosine {
    layers: usize,
    heads: usize,
    reading: Reading,
    /// Heads, then layers.
    means: BootstrapMean,
}

impl Cosine {
    /// For models of `layers` layers with `heads` heads each.
    pub fn new(layers: usize, heads: usize, reading: Reading, resampler: &Resampler) -> Self {
        Self {
            layers,
            heads,
            reading,
            means: BootstrapMean::new(layers * heads + layers, resampler.replicates()),
        }
    }

    /// One estimate a head, layer by layer; `None` before the first example.
    pub fn heads(&self) -> Option<Vec<Estimate>> {
        let mut estimates = self.means.estimates()?;
        estimates.truncate(self.layers * self.heads);
        Some(estimates)
    }

    /// One estimate a layer, of the mean over its heads.
    pub fn layers(&self) -> Option<Vec<Estimate>> {
        Some(self.means.estimates()?.split_off(self.layers * self.heads))
    }

    /// The `count` layers that changed most (lowest mean cosine, lowest first), and the share of
    /// bootstrap replicates in which the same set of layers comes out. "The last two layers
    /// change most" (Section 4.3) with how sure that is. `None` before the first example.
    pub fn most_changed(&self, count: usize) -> Option<(Vec<usize>, f64)> {
        let lowest = |layers: &[f64]| {
            let mut order: Vec<usize> = (0..layers.len()).collect();
            order.sort_by(|&a, &b| layers[a].total_cmp(&layers[b]));
            order.truncate(count);
            order
        };
        let means: Vec<f64> = self.layers()?.iter().map(|e| e.mean).collect();
        let found = lowest(&means);
        let sorted = |mut layers: Vec<usize>| {
            layers.sort_unstable();
            layers
        };
        let replicates = self.means.replicate_means();
        let same = replicates
            .iter()
            .filter(|means| {
                let layers = means.get(self.layers * self.heads..).unwrap_or_default();
                sorted(lowest(layers)) == sorted(found.clone())
            })
            .count();
        Some((found, same as f64 / replicates.len().max(1) as f64))
    }
}

impl Observer for Cosine {
    fn observe(&mut self, example: &Observation<'_>) -> Result<(), StatsError> {
        let maps = example.maps;
        maps.check_grid(self.layers, self.heads)?;
        let reference = example.reference_for("the cosine of maps")?;
        if maps.length() == 0 {
            return Ok(());
        }
        let grid = self.layers * self.heads;
        let (own, other) = match (self.reading, example.padding) {
            (Reading::Paper, _) => (&[][..], &[][..]),
            (Reading::Authors, None) => return Err(StatsError::NoPadding),
            (Reading::Authors, Some(rows)) => {
                // [layers, heads, P, L]: any P will do, if it is the same in both.
                let row = grid * maps.length();
                for (rows, other) in [(rows.own, rows.reference), (rows.reference, rows.own)] {
                    if rows.len() % row.max(1) != 0 || rows.len() != other.len() {
                        return Err(StatsError::Size {
                            layers: self.layers,
                            heads: self.heads,
                            length: maps.length(),
                            expected: other.len() / row.max(1) * row,
                            found: rows.len(),
                        });
                    }
                }
                (rows.own, rows.reference)
            }
        };
        let padding = own.len() / grid.max(1);
        let mut cosines = Vec::with_capacity(grid + self.layers);
        for (i, (a, b)) in maps.maps().zip(reference.maps()).enumerate() {
            let rows = |all: &'_ [f32]| i * padding..((i + 1) * padding).min(all.len());
            let part = Products::of(&own[rows(own)], &other[rows(other)]);
            let cosine = Products::of(a, b).plus(part).cosine();
            let (layer, head) = (i / self.heads, i % self.heads);
            cosines.push(cosine.ok_or(StatsError::Zero { layer, head })? as f32);
        }
        append_layer_means(&mut cosines, self.heads);
        self.means.add(&cosines, example.counts);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Annotation, MapsView, PaddingRows};
    use proptest::prelude::*;

    #[test]
    fn hand_computed() {
        // (1*1 + 0*1) / (1 * sqrt 2)
        assert!((cosine(&[1.0, 0.0], &[1.0, 1.0]).unwrap() - 0.5f64.sqrt()).abs() < 1e-12);
        assert_eq!(cosine(&[1.0, 0.0], &[0.0, 2.0]), Some(0.0));
        assert_eq!(cosine(&[0.0, 0.0], &[1.0, 2.0]), None);
        assert_eq!(cosine(&[1.0], &[1.0, 2.0]), None);
        assert_eq!(cosine(&[f32::NAN, 1.0], &[1.0, 1.0]), None);
        assert_eq!(cosine(&[], &[]), None);
    }

    fn observe(
        cosine: &mut Cosine,
        a: &[f32],
        b: &[f32],
        padding: Option<PaddingRows<'_>>,
    ) -> Result<(), StatsError> {
        let (heads, length) = (2, 2);
        let annotation = Annotation::default();
        let maps = MapsView::new(a.len() / 8, heads, length, a)?;
        let reference = MapsView::new(b.len() / 8, heads, length, b)?;
        let example = Observation {
            padding,
            ..Observation::new(0, maps, &annotation, &[1, 2]).with_reference(reference)
        };
        cosine.observe(&example)
    }

    // Head 0: identical maps. Head 1: (1,0,1,0) against (.5,.5,.5,.5): 1 / (sqrt 2 * 1).
    const A: [f32; 8] = [0.7, 0.3, 0.2, 0.8, 1.0, 0.0, 1.0, 0.0];
    const B: [f32; 8] = [0.7, 0.3, 0.2, 0.8, 0.5, 0.5, 0.5, 0.5];

    #[test]
    fn papers_reading_uses_the_cropped_maps() {
        let resampler = Resampler::new(1, 2);
        let mut paper = Cosine::new(1, 2, Reading::Paper, &resampler);
        observe(&mut paper, &A, &B, None).unwrap();
        let heads = paper.heads().unwrap();
        assert!((heads[0].mean - 1.0).abs() < 1e-6);
        assert!((heads[1].mean - 0.5f64.sqrt()).abs() < 1e-6);
        let layer = paper.layers().unwrap()[0].mean;
        assert!((layer - (1.0 + 0.5f64.sqrt()) / 2.0).abs() < 1e-6);
    }

    #[test]
    fn authors_reading_adds_the_rows_of_padding() {
        let resampler = Resampler::new(1, 2);
        let mut authors = Cosine::new(1, 2, Reading::Authors, &resampler);
        assert_eq!(
            observe(&mut authors, &A, &B, None),
            Err(StatsError::NoPadding)
        );
        // One padding token: [layers 1, heads 2, P 1, L 2].
        let padding = PaddingRows {
            own: &[1.0, 0.0, 0.0, 1.0],
            reference: &[0.0, 1.0, 0.0, 1.0],
        };
        observe(&mut authors, &A, &B, Some(padding)).unwrap();
        let heads = authors.heads().unwrap();
        // Head 0: the maps' own product is .49 + .09 + .04 + .64 = 1.26, both norms grow by 1.
        assert!(
            (heads[0].mean - 1.26 / 2.26).abs() < 1e-6,
            "{}",
            heads[0].mean
        );
        // Head 1: (1 + 1) / sqrt((2 + 1) (1 + 1)).
        assert!((heads[1].mean - 2.0 / 6.0f64.sqrt()).abs() < 1e-6);
        let odd = PaddingRows {
            own: &[1.0; 4],
            reference: &[1.0; 8],
        };
        assert!(matches!(
            observe(&mut authors, &A, &B, Some(odd)),
            Err(StatsError::Size { .. })
        ));
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let resampler = Resampler::new(1, 2);
        let mut paper = Cosine::new(1, 2, Reading::Paper, &resampler);
        assert_eq!(
            observe(&mut paper, &A, &[0.0; 8], None),
            Err(StatsError::Zero { layer: 0, head: 0 })
        );
        assert!(matches!(
            observe(&mut paper, &A, &[0.5; 16], None),
            Err(StatsError::Grid { .. })
        ));
        let annotation = Annotation::default();
        let alone = Observation::new(0, MapsView::new(1, 2, 2, &A).unwrap(), &annotation, &[]);
        assert!(matches!(
            paper.observe(&alone),
            Err(StatsError::NoReference { .. })
        ));
        let short = alone.with_reference(MapsView::new(1, 2, 1, &[1.0, 1.0]).unwrap());
        assert_eq!(
            paper.observe(&short),
            Err(StatsError::Length {
                found: 1,
                expected: 2
            })
        );
        assert_eq!(paper.heads(), None);
        assert_eq!(paper.most_changed(2), None);
    }

    #[test]
    fn the_layers_that_change_most() {
        let resampler = Resampler::new(3, 100);
        let mut cosine = Cosine::new(3, 1, Reading::Paper, &resampler);
        let annotation = Annotation::default();
        let same = [1.0f32, 0.0, 0.0, 1.0];
        let reference = same.repeat(3);
        // Layer 0 stays, layer 1 turns by 60 degrees, layer 2 by 90.
        let maps = [
            same,
            [0.5, 0.75f32.sqrt(), 0.75f32.sqrt(), 0.5],
            [0.0, 1.0, 1.0, 0.0],
        ]
        .concat();
        for index in 0..5u64 {
            let counts = resampler.counts(index);
            let own = MapsView::new(3, 1, 2, &maps).unwrap();
            let other = MapsView::new(3, 1, 2, &reference).unwrap();
            let example = Observation::new(index as usize, own, &annotation, &counts);
            cosine.observe(&example.with_reference(other)).unwrap();
        }
        assert_eq!(cosine.most_changed(2), Some((vec![2, 1], 1.0)));
        assert_eq!(cosine.most_changed(0), Some((vec![], 1.0)));
    }

    proptest! {
        #[test]
        fn cosine_of_weights_is_a_share(pairs in prop::collection::vec((0.0f32..1.0, 0.0f32..1.0), 1..200)) {
            let (a, b): (Vec<f32>, Vec<f32>) = pairs.into_iter().unzip();
            let exact = |x: &[f32], y: &[f32]| -> f64 {
                x.iter().zip(y).map(|(&x, &y)| f64::from(x) * f64::from(y)).sum()
            };
            if let Some(value) = cosine(&a, &b) {
                prop_assert!((0.0..=1.0).contains(&value));
                prop_assert!((value - cosine(&b, &a).unwrap()).abs() < 1e-12);
                let expected = exact(&a, &b) / (exact(&a, &a) * exact(&b, &b)).sqrt();
                prop_assert!((value - expected).abs() < 2e-6, "{} {}", value, expected);
                prop_assert!((cosine(&a, &a).unwrap() - 1.0).abs() < 1e-12);
            }
        }
    }
}
