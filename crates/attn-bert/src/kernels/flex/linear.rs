//! Linear maps, with what follows them: bias, GELU, dropout, residual and LayerNorm work on blocks
//! of rows that have just been multiplied and are still in the cache.

use super::{last, length, ordered, room, rows_per_task, tensor, values};
use attn_kernels::{Mask, Matrix, NormParameters, Start, product};
use burn::backend::flex::FlexTensor;
use burn::backend::{Backend, Flex, TensorMetadata, backend_extension, tensor::FloatTensor};

/// The operations; see the parent module for what they compute. Everywhere `x: [.., inputs]`,
/// `weight: [inputs, outputs]`, `bias: [outputs]`.
#[backend_extension(Flex, Autodiff)]
pub(in super::super) trait LinearOps: Backend {
    /// `x · weight + bias`.
    fn fused_linear(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
    ) -> FloatTensor<Self>;
    /// `gelu(x · weight + bias)`.
    fn fused_linear_gelu(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
    ) -> FloatTensor<Self>;
    /// `norm(residual + mask · (x · weight + bias))` with `residual: [.., outputs]`.
    #[allow(clippy::too_many_arguments)]
    fn fused_linear_norm(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        residual: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        mask: Mask,
        epsilon: f32,
    ) -> FloatTensor<Self>;
    /// LayerNorm alone, `x: [.., n]`, `gamma, beta: [n]`.
    fn fused_norm(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        epsilon: f32,
    ) -> FloatTensor<Self>;
}

/// `x · weight + bias` and what `finish` makes of it, block by block. With `keep` the blocks of a
/// second tensor of the same shape are filled too.
pub(super) fn map(
    x: &FlexTensor,
    weight: &FlexTensor,
    bias: &FlexTensor,
    keep: bool,
    finish: impl Fn(usize, &mut [f32], &mut [f32]) + Sync,
) -> (FlexTensor, Option<FlexTensor>) {
    let (inputs, outputs) = (last(x), last(weight));
    let rows = length(x) / inputs;
    let mut shape = x.shape();
    if let Some(last) = shape.last_mut() {
        *last = outputs;
    }
    let mut result = room(rows * outputs);
    let mut second = room(if keep { rows * outputs } else { 0 });
    product(
        Matrix::rows(values(x), inputs),
        Matrix::rows(values(weight), outputs),
        [rows, inputs, outputs],
        Start::Bias(values(bias)),
        [&mut result, &mut second],
        |row, block, second| finish(row * outputs, block, second),
    );
    let second = keep.then(|| tensor(second, shape.clone()));
    (tensor(result, shape), second)
}

pub(super) fn linear(x: &FlexTensor, weight: &FlexTensor, bias: &FlexTensor) -> FlexTensor {
    map(x, weight, bias, false, |_, _, _| {}).0
}

pub(super) fn linear_gelu(x: &FlexTensor, weight: &FlexTensor, bias: &FlexTensor) -> FlexTensor {
    let gelu = |_, values: &mut [f32], _: &mut [f32]| attn_kernels::gelu(values);
    map(x, weight, bias, false, gelu).0
}

/// What comes between the product and the LayerNorm.
pub(super) struct Between<'a> {
    pub residual: &'a FlexTensor,
    pub mask: Mask,
}

impl Between<'_> {
    pub fn combine(&self, at: usize, rows: &mut [f32]) {
        let residual = &values(self.residual)[at..at + rows.len()];
        attn_kernels::combine(rows, residual, at as u32, self.mask);
    }
}

/// A LayerNorm's parameters.
pub(super) struct NormOf<'a> {
    pub gamma: &'a FlexTensor,
    pub beta: &'a FlexTensor,
    pub epsilon: f32,
}

impl NormOf<'_> {
    fn parameters(&self) -> NormParameters<'_> {
        NormParameters {
            gamma: values(self.gamma),
            beta: values(self.beta),
            epsilon: self.epsilon,
        }
    }

    pub fn in_place(&self, rows: &mut [f32]) {
        attn_kernels::norm(rows, self.parameters());
    }

    pub fn apart(&self, x: &[f32], to: &mut [f32]) {
        attn_kernels::norm_into(x, to, self.parameters());
    }
}

impl LinearOps for Flex {
    fn fused_linear(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        linear(&ordered(x), &ordered(weight), &ordered(bias))
    }

    fn fused_linear_gelu(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        linear_gelu(&ordered(x), &ordered(weight), &ordered(bias))
    }

    fn fused_linear_norm(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        residual: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        mask: Mask,
        epsilon: f32,
    ) -> FloatTensor<Self> {
        let (x, weight, bias, residual) = (
            ordered(x),
            ordered(weight),
            ordered(bias),
            ordered(residual),
        );
        let between = Between {
            residual: &residual,
            mask,
        };
        let norm = NormOf {
            gamma: &ordered(gamma),
            beta: &ordered(beta),
            epsilon,
        };
        let finish = |at, rows: &mut [f32], _: &mut [f32]| {
            between.combine(at, rows);
            norm.in_place(rows);
        };
        map(&x, &weight, &bias, false, finish).0
    }

    fn fused_norm(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        epsilon: f32,
    ) -> FloatTensor<Self> {
        let norm = NormOf {
            gamma: &ordered(gamma),
            beta: &ordered(beta),
            epsilon,
        };
        let task = rows_per_task(last(&x)) * last(&x);
        super::change(x, task, |_, rows| norm.in_place(rows))
    }
}
