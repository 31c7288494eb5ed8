//! What Burn's own operations lack on backends without fused forms.

use burn::tensor::Tensor;
use std::f64::consts::SQRT_2;

/// Exact GELU, `x (1 + erf(x / √2)) / 2`, whose gradient is exact, too. Burn's `activation::gelu` is
/// the same forwards, but backwards it takes the derivative of the tanh approximation (0.22.1, on
/// every backend that brings no derivative of its own, wgpu and CUDA among them): gradients then
/// are off by a thousandth.
pub(super) fn gelu<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    let share = (x.clone() / SQRT_2).erf() + 1.0;
    x * share / 2.0
}
