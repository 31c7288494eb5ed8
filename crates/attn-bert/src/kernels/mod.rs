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

#[cfg(feature = "flex")]
mod flex;
#[cfg(feature = "flex")]
mod math;
mod plain;

use burn::nn::{Dropout, LayerNorm, Linear};
#[cfg(feature = "flex")]
use burn::tensor::{DType, Distribution};
use burn::tensor::{Device, Tensor, activation};
#[cfg(feature = "flex")]
use {burn::backend::Dispatch, flex::FusedOps, math::Mask};

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

/// `x · weight` as one product of two matrices. Burn would give the weight of a three-dimensional `x`
/// one gradient an example, `[batch, inputs, outputs]`, and add them up: at batch 32 that took two
/// thirds of a training step.
///
/// # Shapes
/// - x: `[.., inputs]`
/// - weight: `[inputs, outputs]`
/// - output: `[.., outputs]`
#[cfg(feature = "flex")]
fn product<const D: usize>(x: Tensor<D>, weight: Tensor<2>) -> Tensor<D> {
    let mut shape = x.dims();
    let Some((last, rows)) = shape.split_last_mut() else {
        return x; // a scalar has no rows; linear maps take none
    };
    let rows = rows.iter().product::<usize>();
    let flat = burn::tensor::module::linear(x.reshape([rows, *last]), weight, None);
    *last = flat.dims()[1];
    flat.reshape(shape)
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
    if let Some(bias) = map.bias.as_ref().map(|b| b.val()) {
        let inner = product(x, map.weight.val());
        if fits(&inner) && belongs(&bias, &inner) {
            return Tensor::from_dispatch(Dispatch::fused_bias_gelu(
                inner.into_dispatch(),
                bias.into_dispatch(),
            ));
        }
        return plain::gelu(inner + bias.unsqueeze());
    }
    gelu(map.forward(x))
}

/// A linear map; its bias is added on all cores.
///
/// # Shapes
/// - x: `[.., inputs]`
/// - output: `[.., outputs]`
pub fn linear<const D: usize>(map: &Linear, x: Tensor<D>) -> Tensor<D> {
    #[cfg(feature = "flex")]
    if let Some(bias) = map.bias.as_ref().map(|b| b.val()) {
        let output = product(x, map.weight.val());
        if fits(&output) && belongs(&bias, &output) {
            return Tensor::from_dispatch(Dispatch::fused_bias(
                output.into_dispatch(),
                bias.into_dispatch(),
            ));
        }
        return output + bias.unsqueeze();
    }
    map.forward(x)
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
    if let (Some(bias), Some(beta)) = (map.bias.as_ref(), norm.beta.as_ref()) {
        let (bias, gamma, beta) = (bias.val(), norm.gamma.val(), beta.val());
        let output = product(x, map.weight.val());
        let device = output.device();
        let fused = fits(&output)
            && fits(&residual)
            && output.dims() == residual.dims()
            && [&bias, &gamma, &beta]
                .into_iter()
                .all(|p| belongs(p, &output));
        let mask = match (fused, drops(layer, &device)) {
            (false, _) => None, // drawing it would make a GPU wait
            (true, true) => mask(layer, &device),
            (true, false) => Some(Mask::NONE),
        };
        if let Some(mask) = mask {
            return Tensor::from_dispatch(Dispatch::fused_norm(
                output.into_dispatch(),
                bias.into_dispatch(),
                residual.into_dispatch(),
                gamma.into_dispatch(),
                beta.into_dispatch(),
                mask,
                epsilon as f32,
            ));
        }
        return norm.forward(layer.forward(output + bias.unsqueeze()) + residual);
    }
    let _ = epsilon; // the LayerNorm knows it
    norm.forward(layer.forward(map.forward(x)) + residual)
}
