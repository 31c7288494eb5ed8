//! Attention weights and contexts of all heads, without copying heads apart where that can be avoided.

#[cfg(feature = "flex")]
use super::flex::AttentionOps;
use super::{dropout, softmax};
#[cfg(feature = "flex")]
use super::{drops, fits, mask};
#[cfg(feature = "flex")]
use attn_kernels::Mask;
#[cfg(feature = "flex")]
use burn::backend::Dispatch;
use burn::nn::Dropout;
use burn::tensor::Tensor;

/// `[batch, width, heads * size]` to `[batch, heads, width, size]`.
///
/// # Shapes
/// As above; `heads` must divide the last dimension.
pub fn split(x: Tensor<3>, heads: usize) -> Tensor<4> {
    let [batch, width, hidden] = x.dims();
    x.reshape([batch, width, heads, hidden / heads])
        .swap_dims(1, 2)
}

/// Attention weights, `softmax(Q Kᵀ / √size + bias)` for each head. Of the bias the same holds as in
/// [`softmax`].
///
/// # Shapes
/// - query: `[batch, query, heads * size]`; key: `[batch, key, heads * size]`
/// - bias: `[batch, 1, 1, key]`
/// - output: `[batch, heads, query, key]`
pub fn attention_weights(
    query: Tensor<3>,
    key: Tensor<3>,
    heads: usize,
    bias: Option<Tensor<4>>,
) -> Tensor<4> {
    let [batch, width, hidden] = key.dims();
    let scale = ((hidden / heads) as f64).sqrt().recip();
    #[cfg(feature = "flex")]
    if fits(&query)
        && fits(&key)
        && [query.dims()[0], query.dims()[2]] == [batch, hidden]
        && hidden % heads == 0
    {
        match &bias {
            None => {
                return Tensor::from_dispatch(Dispatch::fused_weights(
                    query.into_dispatch(),
                    key.into_dispatch(),
                    heads,
                    scale as f32,
                ));
            }
            Some(bias)
                if fits(bias) && bias.dims() == [batch, 1, 1, width] && !bias.is_tracked() =>
            {
                return Tensor::from_dispatch(Dispatch::fused_masked_weights(
                    query.into_dispatch(),
                    key.into_dispatch(),
                    bias.clone().into_dispatch(),
                    heads,
                    scale as f32,
                ));
            }
            Some(_) => {}
        }
    }
    let scores = split(query, heads).matmul(split(key, heads).swap_dims(2, 3));
    let _ = (batch, width);
    softmax(scores, scale, bias)
}

/// Contexts: dropout of the weights, times the values, the heads side by side.
///
/// # Shapes
/// - weights: `[batch, heads, query, key]`
/// - value: `[batch, key, heads * size]`
/// - output: `[batch, query, heads * size]`
pub fn attention_contexts(layer: &Dropout, weights: Tensor<4>, value: Tensor<3>) -> Tensor<3> {
    let [batch, _, hidden] = value.dims();
    let [_, heads, queries, _] = weights.dims();
    #[cfg(feature = "flex")]
    if fits(&weights)
        && fits(&value)
        && weights.dims() == [batch, heads, queries, value.dims()[1]]
        && hidden % heads == 0
    {
        let device = value.device();
        let mask = if drops(layer, &device) {
            mask(layer, &device)
        } else {
            Some(Mask::NONE)
        };
        if let Some(mask) = mask {
            return Tensor::from_dispatch(Dispatch::fused_contexts(
                weights.into_dispatch(),
                value.into_dispatch(),
                mask,
            ));
        }
    }
    let contexts = dropout(layer, weights).matmul(split(value, heads));
    contexts.swap_dims(1, 2).reshape([batch, queries, hidden])
}
