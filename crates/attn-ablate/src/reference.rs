//! Mean maps over a reference sample, for mode `mean`.

use crate::SweepError;
use crate::bucket::{batch, by_length, check, hash_tokens, hex};
use attn_bert::{BertModel, MeanMaps, TokenIds, Want};
use attn_core::{HeadId, Intervention};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;

/// Tokens that run together when maps are collected.
const BATCH_TOKENS: usize = 2048;

/// Where mode `mean` finds the maps to put in.
#[derive(Debug, Clone, Copy)]
pub enum Reference<'a> {
    /// Nowhere: no variant has that mode.
    None,
    /// Ready-made maps.
    Maps {
        /// The maps; every length of the examples must be there.
        maps: &'a MeanMaps,
        /// Names them in keys of stored results: change it when the maps change.
        key: &'a str,
    },
    /// A sample from which maps are collected, length by length as they are needed, so that only
    /// those of a few lengths are in memory. Every length of the examples must occur in it; the
    /// examples themselves are a sample where that is so.
    Sample(&'a [TokenIds<'a>]),
}

impl Reference<'_> {
    pub(crate) fn key(&self) -> String {
        match self {
            Reference::None => "none".to_owned(),
            Reference::Maps { key, .. } => format!("maps {key}"),
            Reference::Sample(sample) => {
                let mut hash = Sha256::new();
                sample
                    .iter()
                    .for_each(|example| hash_tokens(&mut hash, example));
                format!("sample {}", hex(&hash.finalize()))
            }
        }
    }
}

/// Collects each head's mean attention map over those examples of `sample` whose length is among
/// `lengths` (all lengths when `None`), a map for each length.
///
/// Memory: `layers * heads * L²` numbers for each length `L`.
///
/// # Errors
/// [`SweepError`] when an example does not fit the model or the device fails.
pub fn mean_maps(
    model: &BertModel,
    sample: &[TokenIds<'_>],
    lengths: Option<&BTreeSet<usize>>,
) -> Result<MeanMaps, SweepError> {
    check(sample)?;
    let chosen: Vec<TokenIds<'_>> = sample
        .iter()
        .filter(|e| lengths.is_none_or(|l| l.contains(&e.ids.len())))
        .copied()
        .collect();
    let sizes: Vec<usize> = chosen.iter().map(|e| e.ids.len()).collect();
    let mut result = MeanMaps::new();
    let mut sums = Sums {
        length: 0,
        examples: 0,
        values: Vec::new(),
    };
    // Only equal lengths run together, and lengths ascend: one length's sums at a time.
    for group in by_length(&sizes, BATCH_TOKENS, 0.0) {
        let tokens = batch(&chosen, &group)?;
        if tokens.width() != sums.length {
            sums.flush(model, &mut result)?;
            sums = Sums {
                length: tokens.width(),
                examples: 0,
                values: Vec::new(),
            };
        }
        let output = model.forward(&tokens, &Intervention::none(), None, Want::maps())?;
        for maps in output.all_maps()? {
            sums.add(&maps);
        }
    }
    sums.flush(model, &mut result)?;
    Ok(result)
}

struct Sums {
    length: usize,
    examples: usize,
    /// `[layers, heads, length, length]`.
    values: Vec<f64>,
}

impl Sums {
    fn add(&mut self, maps: &[f32]) {
        self.values.resize(maps.len(), 0.0);
        self.examples += 1;
        for (sum, &value) in self.values.iter_mut().zip(maps) {
            *sum += f64::from(value);
        }
    }

    fn flush(&self, model: &BertModel, maps: &mut MeanMaps) -> Result<(), SweepError> {
        let size = self.length * self.length;
        if size == 0 {
            return Ok(());
        }
        for (index, sums) in self.values.chunks_exact(size).enumerate() {
            let head = HeadId::new(index / model.heads(), index % model.heads());
            let mean = sums
                .iter()
                .map(|s| (s / self.examples as f64) as f32)
                .collect();
            maps.insert(head, self.length, mean)
                .map_err(|map| SweepError::Size {
                    what: "a mean map",
                    expected: size,
                    found: map.len(),
                })?;
        }
        Ok(())
    }
}
