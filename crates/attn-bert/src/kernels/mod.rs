//! Fused operations for the parts of the encoder that are not matrix products.
//!
//! Burn's flex backend multiplies matrices at a good share of the processor's peak, but what lies
//! between the products it does one operation at a time and mostly on one core: its exact GELU
//! alone takes as long as the two feed-forward products together, and on an autodiff device a
//! softmax is five operations and a LayerNorm ten. Each function here is one pass over memory on
//! all cores with vector instructions, and one step of the backward pass (docs/performance.md has
//! the figures). They plug in beneath Burn's tensors through its `backend_extension`, so that
//! modules, gradients and optimisers see nothing of it.
//!
//! The fused forms serve `f32` tensors on the flex backend, with or without autodiff. Every other
//! backend, element type or odd shape takes Burn's own operations, which compute the same.
//! Accuracy: GELU within 5e-7 of the exact value on [-10, 10], softmax within 2e-7 (tests/kernels.rs).
//! NaN and infinities go through as in Burn's operations.

mod attention;
#[cfg(feature = "flex")]
mod flex;
mod plain;

pub use attention::{attention_contexts, attention_weights, split};
use burn::nn::{Dropout, Embedding, LayerNorm, Linear};
#[cfg(feature = "flex")]
use burn::tensor::{DType, Distribution};
use burn::tensor::{Device, Int, Tensor, activation};
#[cfg(feature = "flex")]
use {
    attn_kernels::Mask,
    burn::backend::Dispatch,
    flex::{ChangeOps, EmbeddingOps, LinearOps, PointwiseOps},
};

/// Whether a tensor's device is the flex backend, with or without autodiff.
#[cfg(feature = "flex")]
fn on_flex(device: &Device) -> bool {
    let plain = device.clone().without_autodiff();
    matches!(plain.as_dispatch(), burn::backend::DispatchDevice::Flex(_))
}

/// Whether the fused form takes this tensor.
#[cfg(feature = "flex")]
fn fits<const D: usize>(x: &Tensor<D>) -> bool {
    x.dtype() == DType::F32 && x.dims().iter().product::<usize>() > 0 && on_flex(&x.device())
}

/// Whether the fused form takes a parameter that belongs to the last dimension of `x`.
#[cfg(feature = "flex")]
fn belongs<const D: usize>(parameter: &Tensor<1>, x: &Tensor<D>) -> bool {
    fits(parameter) && x.dims().last() == parameter.dims().first()
}

/// Weight and bias of a linear map that the fused forms take together with `x`.
#[cfg(feature = "flex")]
fn parts<const D: usize>(map: &Linear, x: &Tensor<D>) -> Option<(Tensor<2>, Tensor<1>)> {
    let (weight, bias) = (map.weight.val(), map.bias.as_ref()?.val());
    let [inputs, outputs] = weight.dims();
    let whole = fits(x) && fits(&weight) && fits(&bias);
    (whole && x.dims().last() == Some(&inputs) && bias.dims() == [outputs])
        .then_some((weight, bias))
}

/// Exact GELU, `x Φ(x)` with the error function (BERT's).
///
/// # Shapes
/// - x, output: any
pub fn gelu<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    #[cfg(feature = "flex")]
    if fits(&x) {
        return Tensor::from_dispatch(Dispatch::fused_gelu(x.into_dispatch()));
    }
    plain::gelu(x)
}

/// Exact GELU of a linear map: bias and GELU in one pass.
///
/// # Shapes
/// - x: `[.., inputs]`
/// - output: `[.., outputs]`
pub fn linear_gelu<const D: usize>(map: &Linear, x: Tensor<D>) -> Tensor<D> {
    #[cfg(feature = "flex")]
    if let Some((weight, bias)) = parts(map, &x) {
        return Tensor::from_dispatch(Dispatch::fused_linear_gelu(
            x.into_dispatch(),
            weight.into_dispatch(),
            bias.into_dispatch(),
        ));
    }
    gelu(flat(map, x))
}

/// A linear map.
///
/// # Shapes
/// - x: `[.., inputs]`
/// - output: `[.., outputs]`
pub fn linear<const D: usize>(map: &Linear, x: Tensor<D>) -> Tensor<D> {
    #[cfg(feature = "flex")]
    if let Some((weight, bias)) = parts(map, &x) {
        return Tensor::from_dispatch(Dispatch::fused_linear(
            x.into_dispatch(),
            weight.into_dispatch(),
            bias.into_dispatch(),
        ));
    }
    flat(map, x)
}

/// A linear map by Burn's own product, of two matrices: with batched inputs the backward pass would make
/// one weight gradient an example.
fn flat<const D: usize>(map: &Linear, x: Tensor<D>) -> Tensor<D> {
    let mut shape = x.dims();
    let inputs = shape.last().copied().unwrap_or(1);
    let rows = shape.iter().product::<usize>() / inputs.max(1);
    let output: Tensor<2> = map.forward(x.reshape([rows, inputs]));
    if let Some(last) = shape.last_mut() {
        *last = output.dims()[1];
    }
    output.reshape(shape)
}

/// `softmax(scale · scores + bias)` over the keys: scaling, mask and softmax in one pass.
///
/// The bias gets a gradient only where Burn's own operations run (a bias that requires one selects
/// them): BERT's mask is a constant.
///
/// # Shapes
/// - scores, output: `[batch, heads, query, key]`
/// - bias: `[batch, 1, 1, key]`
pub fn softmax(scores: Tensor<4>, scale: f64, bias: Option<Tensor<4>>) -> Tensor<4> {
    #[cfg(feature = "flex")]
    if fits(&scores) {
        let [batch, _, _, keys] = scores.dims();
        match &bias {
            None => {
                let scores = scores.into_dispatch();
                return Tensor::from_dispatch(Dispatch::fused_softmax(scores, scale as f32));
            }
            Some(bias)
                if fits(bias) && bias.dims() == [batch, 1, 1, keys] && !bias.is_tracked() =>
            {
                let (scores, bias) = (scores.into_dispatch(), bias.clone().into_dispatch());
                return Tensor::from_dispatch(Dispatch::fused_masked_softmax(
                    scores,
                    bias,
                    scale as f32,
                ));
            }
            Some(_) => {}
        }
    }
    let scores = scores * scale;
    activation::softmax(
        match bias {
            Some(bias) => scores + bias,
            None => scores,
        },
        3,
    )
}

/// Whether a dropout layer does anything to tensors of this device, as Burn decides it.
fn drops(layer: &Dropout, device: &Device) -> bool {
    layer.training.is_enabled() && device.is_autodiff() && layer.prob != 0.0
}

/// A fresh mask. Its keys come from Burn's generator, so that [`Device::seed`] decides them; which
/// elements fall is then a function of the keys and the element's index alone.
#[cfg(feature = "flex")]
fn mask(layer: &Dropout, device: &Device) -> Option<Mask> {
    let plain = device.clone().without_autodiff();
    let drawn = Tensor::<1>::random([4], Distribution::Uniform(0.0, 1.0), &plain).into_data();
    let drawn = drawn.as_slice::<f32>().ok()?;
    let bits = |i: usize| drawn.get(i).map_or(0, |v| (v * 16_777_216.0) as u32);
    Some(Mask {
        keys: [(bits(0) << 8) ^ bits(1), (bits(2) << 8) ^ bits(3)],
        threshold: (layer.prob * 16_777_216.0).round() as u32,
        scale: (1.0 / (1.0 - layer.prob)) as f32,
    })
}

/// A dropout layer's forward pass: active on an autodiff device only, as Burn's. The mask is not
/// stored; the backward pass computes it again.
///
/// # Shapes
/// - x, output: any
pub fn dropout<const D: usize>(layer: &Dropout, x: Tensor<D>) -> Tensor<D> {
    let device = x.device();
    if !drops(layer, &device) {
        return x;
    }
    #[cfg(feature = "flex")]
    if fits(&x)
        && let Some(mask) = mask(layer, &device)
    {
        return Tensor::from_dispatch(Dispatch::fused_dropout(x.into_dispatch(), mask));
    }
    layer.forward(x)
}

/// `LayerNorm(residual + dropout(map(x)))`: bias, dropout, residual and LayerNorm together.
/// `epsilon` must be the LayerNorm's own, which Burn keeps private.
///
/// # Shapes
/// - x: `[.., inputs]`
/// - residual, output: `[.., hidden]`
pub fn linear_norm<const D: usize>(
    map: &Linear,
    layer: &Dropout,
    norm: &LayerNorm,
    epsilon: f64,
    x: Tensor<D>,
    residual: Tensor<D>,
) -> Tensor<D> {
    #[cfg(feature = "flex")]
    if let (Some((weight, bias)), Some(beta)) = (parts(map, &x), norm.beta.as_ref()) {
        let (gamma, beta) = (norm.gamma.val(), beta.val());
        let mut shape = x.dims();
        if let (Some(last), [outputs]) = (shape.last_mut(), bias.dims()) {
            *last = outputs;
        }
        let device = x.device();
        let fused = fits(&residual)
            && residual.dims() == shape
            && belongs(&gamma, &residual)
            && belongs(&beta, &residual);
        let mask = match (fused, drops(layer, &device)) {
            (false, _) => None, // drawing it would make a GPU wait
            (true, true) => mask(layer, &device),
            (true, false) => Some(Mask::NONE),
        };
        if let Some(mask) = mask {
            return Tensor::from_dispatch(Dispatch::fused_linear_norm(
                x.into_dispatch(),
                weight.into_dispatch(),
                bias.into_dispatch(),
                residual.into_dispatch(),
                gamma.into_dispatch(),
                beta.into_dispatch(),
                mask,
                epsilon as f32,
            ));
        }
    }
    let _ = epsilon; // the LayerNorm knows it
    norm.forward(layer.forward(flat(map, x)) + residual)
}

/// A LayerNorm. `epsilon` must be its own, which Burn keeps private.
///
/// # Shapes
/// - x, output: `[.., hidden]`
pub fn norm<const D: usize>(norm: &LayerNorm, epsilon: f64, x: Tensor<D>) -> Tensor<D> {
    #[cfg(feature = "flex")]
    if let Some(beta) = norm.beta.as_ref().map(|b| b.val()) {
        let gamma = norm.gamma.val();
        if fits(&x) && belongs(&gamma, &x) && belongs(&beta, &x) {
            return Tensor::from_dispatch(Dispatch::fused_norm(
                x.into_dispatch(),
                gamma.into_dispatch(),
                beta.into_dispatch(),
                epsilon as f32,
            ));
        }
    }
    let _ = epsilon; // the LayerNorm knows it
    norm.forward(x)
}

/// Rows of a table.
///
/// # Shapes
/// - ids: `[batch, width]`
/// - output: `[batch, width, hidden]`
pub fn embedding(table: &Embedding, ids: Tensor<2, Int>) -> Tensor<3> {
    #[cfg(feature = "flex")]
    if fits(&table.weight.val()) {
        // Reading the ids costs nothing here; elsewhere it would make a GPU wait.
        let weight = table.weight.val();
        let ([rows, hidden], [batch, width]) = (weight.dims(), ids.dims());
        let chosen: Option<Vec<usize>> = ids
            .clone()
            .into_data()
            .iter::<i64>()
            .map(|id| usize::try_from(id).ok().filter(|&id| id < rows))
            .collect();
        if let Some(chosen) = chosen.filter(|chosen| !chosen.is_empty()) {
            let rows: Tensor<2> =
                Tensor::from_dispatch(Dispatch::fused_embedding(weight.into_dispatch(), chosen));
            return rows.reshape([batch, width, hidden]);
        }
    }
    table.forward(ids)
}

/// `base` and a few columns' share of a linear map: `base + x[.., columns] · weight[columns]`.
///
/// # Shapes
/// - base, output: `[batch, width, outputs]`
/// - x: `[batch, width, inputs]`; weight: `[inputs, outputs]`
pub fn add_part(
    base: Tensor<3>,
    x: Tensor<3>,
    weight: Tensor<2>,
    columns: std::ops::Range<usize>,
) -> Tensor<3> {
    let ([batch, width, inputs], count) = (x.dims(), columns.len());
    let outputs = weight.dims()[1];
    #[cfg(feature = "flex")]
    if fits(&base)
        && fits(&x)
        && fits(&weight)
        && !base.device().is_autodiff()
        && base.dims() == [batch, width, outputs]
        && weight.dims()[0] == inputs
        && columns.end <= inputs
        && count > 0
    {
        return Tensor::from_dispatch(Dispatch::fused_change(
            base.into_dispatch(),
            x.into_dispatch(),
            weight.into_dispatch(),
            columns.start,
            count,
        ));
    }
    let part = x
        .narrow(2, columns.start, count)
        .reshape([batch * width, count]);
    let weight = weight.narrow(0, columns.start, count);
    let _ = inputs;
    base + part.matmul(weight).reshape([batch, width, outputs])
}
