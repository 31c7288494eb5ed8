//! Which heads a command takes, and tokens merged into words.

use crate::cli::SelectArgs;
use anyhow::{Context, ensure};
use attn_core::HeadId;
use attn_data::words::TokenWord;
use std::ops::Range;

/// Heads of a model or file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection {
    /// Places among the maps there are.
    pub places: Vec<usize>,
    /// The heads, in the order asked for.
    pub heads: Vec<HeadId>,
    /// What was asked for.
    pub by: By,
}

/// How heads were named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum By {
    /// Not at all: all there are.
    All,
    /// By their layers, from 0.
    Layers(Vec<usize>),
    /// One by one.
    Heads,
}

impl Selection {
    /// Finds the heads asked for among those there are.
    ///
    /// # Errors
    /// A head or layer that there is not.
    pub fn new(args: &SelectArgs, all: &[HeadId]) -> anyhow::Result<Self> {
        let last = |of: fn(&HeadId) -> usize| all.iter().map(of).max().unwrap_or(0);
        let (mut places, by) = if !args.heads.is_empty() {
            let mut places = Vec::new();
            for head in &args.heads {
                places.push(all.iter().position(|h| h == head).with_context(|| {
                    format!(
                        "--heads: there is no head {head}; layers go from 1 to {}, heads from 1 to {} \
                         (3-4 counts from 1, 2:3 from 0)",
                        last(|h| h.layer) + 1,
                        last(|h| h.head) + 1
                    )
                })?);
            }
            (places, By::Heads)
        } else if !args.layers.is_empty() {
            let mut places = Vec::new();
            for layer in &args.layers {
                let before = places.len();
                places.extend((0..all.len()).filter(|&i| all[i].layer == *layer));
                ensure!(
                    places.len() > before,
                    "--layers: there is no layer {layer}; layers go from 0 to {} here",
                    last(|h| h.layer)
                );
            }
            (places, By::Layers(args.layers.clone()))
        } else {
            ((0..all.len()).collect(), By::All)
        };
        let mut seen = vec![false; all.len()];
        places.retain(|&place| !std::mem::replace(&mut seen[place], true));
        let by = match by {
            By::Layers(mut layers) => {
                let mut seen = Vec::new();
                layers.retain(|layer| {
                    let new = !seen.contains(layer);
                    seen.push(*layer);
                    new
                });
                By::Layers(layers)
            }
            by => by,
        };
        Ok(Self {
            heads: places.iter().map(|&place| all[place]).collect(),
            places,
            by,
        })
    }

    /// The selected maps of `[heads, length, length]`, one after another.
    pub fn pick(&self, maps: &[f32], length: usize) -> Vec<f32> {
        if self.by == By::All {
            return maps.to_vec();
        }
        let size = length * length;
        let of = |&place: &usize| maps.get(place * size..(place + 1) * size);
        self.places
            .iter()
            .filter_map(of)
            .flatten()
            .copied()
            .collect()
    }
}

/// What a reader must know of maps over words.
pub const WORDS_NOTE: &str = "subword tokens are merged into words: weights summed over a word's tokens as keys, averaged over them as queries";

/// Maps `[maps, length, length]` over words.
///
/// # Errors
/// Words that do not fit the maps.
pub fn merge(maps: &[f32], length: usize, words: &[TokenWord]) -> anyhow::Result<Vec<f32>> {
    let ranges: Vec<Range<usize>> = words.iter().map(|w| w.tokens.clone()).collect();
    let mut merged = Vec::new();
    for map in maps.chunks_exact((length * length).max(1)) {
        merged.extend(
            attn_stats::merge::words(map, length, &ranges)
                .context("the words do not hold every token once")?,
        );
    }
    Ok(merged)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(heads: &[&str], layers: &[usize]) -> SelectArgs {
        SelectArgs {
            heads: heads.iter().map(|h| h.parse().unwrap()).collect(),
            layers: layers.to_vec(),
        }
    }

    #[test]
    fn both_ways_of_counting_name_the_same_head() {
        let all: Vec<HeadId> = (0..6).map(|i| HeadId::new(i / 3, i % 3)).collect();
        let one = Selection::new(&args(&["2-3", "0:1", "1:2"], &[]), &all).unwrap();
        assert_eq!(one.places, [5, 1]);
        assert_eq!(one.heads, [HeadId::new(1, 2), HeadId::new(0, 1)]);
        let maps: Vec<f32> = (0..24).map(|i| i as f32).collect();
        assert_eq!(
            one.pick(&maps, 2),
            [20.0, 21.0, 22.0, 23.0, 4.0, 5.0, 6.0, 7.0]
        );
        let layer = Selection::new(&args(&[], &[1, 1]), &all).unwrap();
        assert_eq!(
            (layer.places.as_slice(), layer.by),
            (&[3, 4, 5][..], By::Layers(vec![1]))
        );
        for (heads, layers, expected) in [
            (
                &["3-1"][..],
                &[][..],
                "there is no head 3-1; layers go from 1 to 2",
            ),
            (&[], &[2], "there is no layer 2; layers go from 0 to 1"),
        ] {
            let error = Selection::new(&args(heads, layers), &all).unwrap_err();
            assert!(error.to_string().contains(expected), "{error}");
        }
    }
}
