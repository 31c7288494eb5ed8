//! Operations on single elements or rows: GELU, softmax, dropout.

use super::{TASK, change, last, ordered, rows_per_task, values};
use attn_kernels::Mask;
use burn::backend::autodiff::checkpoint::{base::Checkpointer, strategy::CheckpointStrategy};
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::flex::FlexTensor;
use burn::backend::{
    Autodiff, Backend, Flex, TensorMetadata, backend_extension, tensor::FloatTensor,
};

/// The operations; see the parent module for what they compute.
#[backend_extension(Flex, Autodiff)]
pub(in super::super) trait PointwiseOps: Backend {
    /// `x: [.., n]`.
    fn fused_gelu(x: FloatTensor<Self>) -> FloatTensor<Self>;
    /// `scores: [b, h, q, k]`.
    fn fused_softmax(scores: FloatTensor<Self>, scale: f32) -> FloatTensor<Self>;
    /// `scores: [b, h, q, k]`, `bias: [b, 1, 1, k]`, which gets no gradient.
    fn fused_masked_softmax(
        scores: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        scale: f32,
    ) -> FloatTensor<Self>;
    /// `x: [..]`.
    fn fused_dropout(x: FloatTensor<Self>, mask: Mask) -> FloatTensor<Self>;
}

fn gelu(x: FlexTensor) -> FlexTensor {
    change(x, TASK, |_, values| attn_kernels::gelu(values))
}

pub(super) fn gelu_backward(gradient: FlexTensor, x: &FlexTensor) -> FlexTensor {
    let x = values(x);
    change(gradient, TASK, |at, gradient| {
        attn_kernels::gelu_backward(gradient, &x[at..at + gradient.len()]);
    })
}

fn softmax(scores: FlexTensor, bias: Option<&FlexTensor>, scale: f32) -> FlexTensor {
    let shape = scores.shape();
    let (width, example) = (last(&scores), shape.iter().skip(1).product::<usize>());
    let bias = bias.map(values).unwrap_or_default();
    // Rows of one task must belong to one example, since they share a bias: a divisor of its rows.
    let (rows, most) = (example / width, rows_per_task(width));
    let task = (1..=most.min(rows))
        .rev()
        .find(|n| rows % n == 0)
        .unwrap_or(1)
        * width;
    change(scores, task, |at, rows| {
        let bias = if bias.is_empty() {
            bias
        } else {
            &bias[at / example * width..][..width]
        };
        attn_kernels::softmax(rows, width, scale, bias);
    })
}

fn softmax_backward(gradient: FlexTensor, weights: &FlexTensor, scale: f32) -> FlexTensor {
    let (width, weights) = (last(weights), values(weights));
    change(gradient, rows_per_task(width) * width, |at, gradient| {
        attn_kernels::softmax_backward(gradient, &weights[at..at + gradient.len()], width, scale);
    })
}

pub(super) fn drop_out(x: FlexTensor, mask: Mask) -> FlexTensor {
    change(x, TASK, |at, values| {
        attn_kernels::drop_out(values, at as u32, mask);
    })
}

impl PointwiseOps for Flex {
    fn fused_gelu(x: FloatTensor<Self>) -> FloatTensor<Self> {
        gelu(x)
    }

    fn fused_softmax(scores: FloatTensor<Self>, scale: f32) -> FloatTensor<Self> {
        softmax(scores, None, scale)
    }

    fn fused_masked_softmax(
        scores: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        scale: f32,
    ) -> FloatTensor<Self> {
        softmax(scores, Some(&ordered(bias)), scale)
    }

    fn fused_dropout(x: FloatTensor<Self>, mask: Mask) -> FloatTensor<Self> {
        drop_out(x, mask)
    }
}

/// One backward step for each operation; the fields are what it needs beside its state.
mod step {
    use super::Mask;

    #[derive(Debug)]
    pub struct Gelu;
    #[derive(Debug)]
    pub struct Softmax(pub f32);
    #[derive(Debug)]
    pub struct Dropout(pub Mask);
}

impl Backward<Flex, 1> for step::Gelu {
    type State = FlexTensor;
    fn backward(self, ops: Ops<FlexTensor, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let (gradient, [parent]) = (grads.consume::<Flex>(&ops.node), ops.parents);
        if let Some(parent) = parent {
            grads.register::<Flex>(parent.id, gelu_backward(gradient, &ordered(ops.state)));
        }
    }
}

impl Backward<Flex, 1> for step::Softmax {
    type State = FlexTensor; // the weights
    fn backward(self, ops: Ops<FlexTensor, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let (gradient, [parent]) = (grads.consume::<Flex>(&ops.node), ops.parents);
        if let Some(parent) = parent {
            grads.register::<Flex>(parent.id, softmax_backward(gradient, &ops.state, self.0));
        }
    }
}

impl Backward<Flex, 1> for step::Dropout {
    type State = ();
    fn backward(self, ops: Ops<(), 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let (gradient, [parent]) = (grads.consume::<Flex>(&ops.node), ops.parents);
        if let Some(parent) = parent {
            grads.register::<Flex>(parent.id, drop_out(gradient, self.0));
        }
    }
}

impl<C: CheckpointStrategy> PointwiseOps for Autodiff<Flex, C> {
    fn fused_gelu(x: FloatTensor<Self>) -> FloatTensor<Self> {
        let (x, node) = x.into_parts();
        match step::Gelu.prepare::<C>([node]).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish(x.clone(), gelu(x)),
            OpsKind::UnTracked(prep) => prep.finish(gelu(x)),
        }
    }

    fn fused_softmax(scores: FloatTensor<Self>, scale: f32) -> FloatTensor<Self> {
        let (scores, node) = scores.into_parts();
        let weights = softmax(scores, None, scale);
        match step::Softmax(scale)
            .prepare::<C>([node])
            .compute_bound()
            .stateful()
        {
            OpsKind::Tracked(prep) => prep.finish(weights.clone(), weights),
            OpsKind::UnTracked(prep) => prep.finish(weights),
        }
    }

    fn fused_masked_softmax(
        scores: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        scale: f32,
    ) -> FloatTensor<Self> {
        let (scores, node) = scores.into_parts();
        let weights = softmax(scores, Some(&ordered(bias.into_primitive())), scale);
        match step::Softmax(scale)
            .prepare::<C>([node])
            .compute_bound()
            .stateful()
        {
            OpsKind::Tracked(prep) => prep.finish(weights.clone(), weights),
            OpsKind::UnTracked(prep) => prep.finish(weights),
        }
    }

    fn fused_dropout(x: FloatTensor<Self>, mask: Mask) -> FloatTensor<Self> {
        let (x, node) = x.into_parts();
        step::Dropout(mask)
            .prepare::<C>([node])
            .compute_bound()
            .stateless(drop_out(x, mask))
    }
}
