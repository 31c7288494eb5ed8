//! Disabling heads: the one function that changes attention weights (Section 4.6).
//!
//! Whatever the mode, an intervention replaces the weights of the chosen heads after the softmax
//! and before dropout; values, output projection and everything above stay as they are.

use crate::TokenBatch;
use attn_core::{HeadId, Intervention, Mode};
use burn::tensor::{Bool, Device, Tensor, TensorData};
use std::collections::BTreeMap;

/// An intervention that does not fit the model or its reference maps.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InterventionError {
    /// A head outside the model.
    #[error(
        "head {layer}:{head} does not exist: the model has {layers} layers of {heads} heads, counted from 0",
        layer = head.layer, head = head.head
    )]
    NoSuchHead {
        /// The head.
        head: HeadId,
        /// Layers in the model.
        layers: usize,
        /// Heads per layer.
        heads: usize,
    },
    /// Mode `mean` without a reference map for this head and length.
    #[error(
        "mode 'mean' has no reference map for head {layer}:{head} at {length} tokens: \
         collect mean maps over a sample that has examples of this length",
        layer = head.layer, head = head.head
    )]
    NoMeanMap {
        /// The head.
        head: HeadId,
        /// The example's number of real tokens.
        length: usize,
    },
}

/// Mean maps by head and length, for [`Mode::Mean`].
#[derive(Debug, Clone, Default, PartialEq)]
pub struct MeanMaps {
    maps: BTreeMap<(HeadId, usize), Vec<f32>>,
}

impl MeanMaps {
    /// No maps yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the map of `head` for examples of `length` tokens; `map` is `[query, key]`, row-major.
    /// Gives it back when its size is not `length * length`.
    ///
    /// # Errors
    /// The map itself when it has the wrong number of values.
    pub fn insert(&mut self, head: HeadId, length: usize, map: Vec<f32>) -> Result<(), Vec<f32>> {
        if map.len() != length * length {
            return Err(map);
        }
        self.maps.insert((head, length), map);
        Ok(())
    }

    /// The map `[query, key]` of `head` for `length` tokens.
    pub fn get(&self, head: HeadId, length: usize) -> Option<&[f32]> {
        self.maps.get(&(head, length)).map(Vec::as_slice)
    }
}

/// Replaces the weights of the disabled heads of one layer.
///
/// Modes: `uniform` gives every query of an example with `L` real tokens the weight `1/L` for each
/// of them and 0 for padding; `zero` gives 0 everywhere, so that the head's context vanishes;
/// `mean` puts in the head's reference map of the example's length, with uniform weights in the
/// rows of padding (which nothing reads). With no head of this layer disabled the weights come
/// back untouched, to the bit.
///
/// # Shapes
/// - weights: `[batch, heads, query, key]`, softmax output
/// - output: the same
///
/// # Errors
/// [`InterventionError`] for a head outside the layer or a missing mean map.
pub fn intervene(
    weights: Tensor<4>,
    layer: usize,
    intervention: &Intervention,
    reference: Option<&MeanMaps>,
    batch: &TokenBatch,
) -> Result<Tensor<4>, InterventionError> {
    let disabled: Vec<usize> = intervention.in_layer(layer).collect();
    if disabled.is_empty() {
        return Ok(weights);
    }
    let [size, heads, queries, keys] = weights.dims();
    if let Some(&head) = disabled.iter().find(|&&head| head >= heads) {
        let head = HeadId::new(layer, head);
        return Err(InterventionError::NoSuchHead {
            head,
            layers: layer + 1,
            heads,
        });
    }
    let device = weights.device();
    let shape = [size, heads, queries, keys];
    let chosen = head_mask(&disabled, heads, &device).expand(shape);
    let replacement = match intervention.mode {
        Mode::Zero => return Ok(weights.mask_fill(chosen, 0.0)),
        Mode::Uniform => batch.uniform_weights(&device).expand(shape),
        Mode::Mean => {
            let maps = reference.unwrap_or(
                const {
                    &MeanMaps {
                        maps: BTreeMap::new(),
                    }
                },
            );
            mean_weights(layer, &disabled, maps, batch, shape, &device)?
        }
    };
    Ok(weights.mask_where(chosen, replacement))
}

/// `[1, heads, 1, 1]`, true for the disabled heads.
pub(crate) fn head_mask(disabled: &[usize], heads: usize, device: &Device) -> Tensor<4, Bool> {
    let flags: Vec<bool> = (0..heads).map(|head| disabled.contains(&head)).collect();
    Tensor::from_data(TensorData::new(flags, [1, heads, 1, 1]), device)
}

fn mean_weights(
    layer: usize,
    disabled: &[usize],
    maps: &MeanMaps,
    batch: &TokenBatch,
    shape: [usize; 4],
    device: &Device,
) -> Result<Tensor<4>, InterventionError> {
    let [size, heads, queries, keys] = shape;
    let mut values = vec![0.0f32; size * heads * queries * keys];
    for (example, &length) in batch.lengths().iter().enumerate() {
        for &head in disabled {
            let id = HeadId::new(layer, head);
            let map = maps
                .get(id, length)
                .ok_or(InterventionError::NoMeanMap { head: id, length })?;
            let start = (example * heads + head) * queries * keys;
            for (query, row) in values[start..start + queries * keys]
                .chunks_mut(keys)
                .enumerate()
            {
                match map.chunks(length).nth(query) {
                    Some(source) => row[..length].copy_from_slice(source),
                    None => row[..length].fill(1.0 / length as f32),
                }
            }
        }
    }
    Ok(Tensor::from_data(TensorData::new(values, shape), device))
}
