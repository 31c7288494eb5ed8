//! The kernels as operations of Burn's flex backend, with their gradients.
//!
//! `backend_extension` writes the dispatch from Burn's one tensor type to the two implementations
//! below: `Flex` computes, `Autodiff<Flex, _>` computes and registers a backward step. Arguments
//! have been checked by the parent module: `f32`, matching shapes, none of them empty.

use super::math::{
    AddBias, AddRows, Combine, DropOut, Gelu, GeluBackward, Mask, Norm, NormBackward, Softmax,
    SoftmaxBackward, vectorised,
};
use burn::backend::autodiff::NodeId;
use burn::backend::autodiff::checkpoint::{base::Checkpointer, strategy::CheckpointStrategy};
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::flex::FlexTensor;
use burn::backend::{
    Autodiff, Backend, Flex, TensorMetadata, backend_extension, tensor::FloatTensor,
};
use burn::tensor::{Shape, TensorData};
use rayon::prelude::*;

/// Values a task works on at a time: few enough to stay in a core's cache, enough to hide the cost
/// of handing out a task. It does not depend on the number of threads, nor do sums over tasks.
const TASK: usize = 16_384;

/// The operations; see the parent module for what they compute.
#[backend_extension(Flex, Autodiff)]
pub(super) trait FusedOps: Backend {
    /// `x: [.., n]`.
    fn fused_gelu(x: FloatTensor<Self>) -> FloatTensor<Self>;
    /// `x: [.., n]`, `bias: [n]`.
    fn fused_bias_gelu(x: FloatTensor<Self>, bias: FloatTensor<Self>) -> FloatTensor<Self>;
    /// `x: [.., n]`, `bias: [n]`.
    fn fused_bias(x: FloatTensor<Self>, bias: FloatTensor<Self>) -> FloatTensor<Self>;
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
    /// `x, residual: [.., n]`, `bias, gamma, beta: [n]`.
    fn fused_norm(
        x: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        residual: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        mask: Mask,
        epsilon: f32,
    ) -> FloatTensor<Self>;
}

/// The values in row-major order, copied only if they are not so already.
fn ordered(x: FlexTensor) -> FlexTensor {
    if x.is_contiguous() {
        x
    } else {
        x.to_contiguous()
    }
}

fn values(x: &FlexTensor) -> &[f32] {
    // Callers pass `ordered` tensors of f32, for which this is never `None`.
    x.as_slice::<f32>().unwrap_or_default()
}

fn length(x: &FlexTensor) -> usize {
    x.layout().num_elements()
}

fn rows_per_task(width: usize) -> usize {
    (TASK / width.max(1)).max(1)
}

fn tensor(values: Vec<f32>, shape: impl Into<Shape>) -> FlexTensor {
    FlexTensor::from_data(TensorData::new(values, shape.into()))
}

/// Changes a tensor in place, `task` values at a time and in parallel; `work` gets the index of
/// its first value. A tensor that someone else holds too is copied first, each task its own part.
fn change(x: FlexTensor, task: usize, work: impl Fn(usize, &mut [f32]) + Sync) -> FlexTensor {
    let mut x = ordered(x);
    let whole = x.layout().start_offset() == 0 && x.bytes().len() == length(&x) * size_of::<f32>();
    if whole && let Some(own) = x.try_storage_mut::<f32>() {
        own.par_chunks_mut(task)
            .enumerate()
            .for_each(|(i, part)| work(i * task, part));
        return x;
    }
    let mut copy = vec![0.0f32; length(&x)];
    copy.par_chunks_mut(task)
        .zip(values(&x).par_chunks(task))
        .enumerate()
        .for_each(|(i, (part, from))| {
            part.copy_from_slice(from);
            work(i * task, part);
        });
    tensor(copy, x.shape())
}

/// Sum over all rows: `[.., n]` to `[n]`.
fn column_sums(x: &FlexTensor, width: usize) -> FlexTensor {
    let partial: Vec<Vec<f32>> = values(x)
        .par_chunks(rows_per_task(width) * width)
        .map(|rows| {
            let mut total = vec![0.0; width];
            vectorised(AddRows {
                rows,
                total: &mut total,
            });
            total
        })
        .collect();
    add_up(&partial, width)
}

/// Adds partial sums in the order of their tasks.
fn add_up(partial: &[Vec<f32>], width: usize) -> FlexTensor {
    let mut total = vec![0.0; width];
    for rows in partial {
        vectorised(AddRows {
            rows,
            total: &mut total,
        });
    }
    tensor(total, [width])
}

fn last(x: &FlexTensor) -> usize {
    x.layout().shape().last().copied().unwrap_or(1)
}

fn gelu(x: FlexTensor, bias: Option<&FlexTensor>) -> FlexTensor {
    let task = rows_per_task(last(&x)) * last(&x);
    let bias = bias.map(values).unwrap_or_default();
    change(x, task, |_, rows| vectorised(Gelu { rows, bias }))
}

fn gelu_backward(gradient: FlexTensor, x: FlexTensor, bias: Option<&FlexTensor>) -> FlexTensor {
    let task = rows_per_task(last(&x)) * last(&x);
    let (x, bias) = (ordered(x), bias.map(values).unwrap_or_default());
    let x = values(&x);
    change(gradient, task, |at, gradient| {
        vectorised(GeluBackward {
            x: &x[at..at + gradient.len()],
            gradient,
            bias,
        });
    })
}

fn add_bias(x: FlexTensor, bias: &FlexTensor) -> FlexTensor {
    let (width, bias) = (last(&x), values(bias));
    change(x, rows_per_task(width) * width, |_, rows| {
        vectorised(AddBias { rows, bias })
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
        vectorised(Softmax {
            rows,
            width,
            scale,
            bias,
        });
    })
}

fn softmax_backward(gradient: FlexTensor, weights: &FlexTensor, scale: f32) -> FlexTensor {
    let (width, weights) = (last(weights), values(weights));
    change(gradient, rows_per_task(width) * width, |at, gradient| {
        vectorised(SoftmaxBackward {
            weights: &weights[at..at + gradient.len()],
            gradient,
            width,
            scale,
        });
    })
}

fn drop_out(x: FlexTensor, mask: Mask) -> FlexTensor {
    change(x, TASK, |at, values| {
        vectorised(DropOut {
            values,
            start: at as u32,
            mask,
        })
    })
}

fn combine(x: FlexTensor, bias: &FlexTensor, residual: FlexTensor, mask: Mask) -> FlexTensor {
    let (width, bias, residual) = (last(&x), values(bias), ordered(residual));
    let residual = values(&residual);
    change(x, rows_per_task(width) * width, |at, rows| {
        vectorised(Combine {
            residual: &residual[at..at + rows.len()],
            rows,
            bias,
            start: at as u32,
            mask,
        });
    })
}

fn norm(x: FlexTensor, gamma: &FlexTensor, beta: &FlexTensor, epsilon: f32) -> FlexTensor {
    let (width, gamma, beta) = (last(&x), values(gamma), values(beta));
    change(x, rows_per_task(width) * width, |_, rows| {
        vectorised(Norm {
            rows,
            gamma,
            beta,
            epsilon,
        })
    })
}

/// Gradients of a LayerNorm's input, gamma and beta.
fn norm_backward(
    gradient: FlexTensor,
    x: &FlexTensor,
    gamma: &FlexTensor,
    epsilon: f32,
) -> [FlexTensor; 3] {
    let (shape, width, gamma) = (gradient.shape(), last(x), values(gamma));
    let task = rows_per_task(width) * width;
    let mut gradient = values(&ordered(gradient)).to_vec();
    let (gammas, betas): (Vec<_>, Vec<_>) = gradient
        .par_chunks_mut(task)
        .zip(values(x).par_chunks(task))
        .map(|(gradient, x)| {
            let (mut gamma_total, mut beta_total) = (vec![0.0; width], vec![0.0; width]);
            let (gamma_sum, beta_sum) = (&mut gamma_total[..], &mut beta_total[..]);
            vectorised(NormBackward {
                gradient,
                x,
                gamma,
                epsilon,
                gamma_total: gamma_sum,
                beta_total: beta_sum,
            });
            (gamma_total, beta_total)
        })
        .collect::<Vec<_>>()
        .into_iter()
        .unzip();
    [
        tensor(gradient, shape),
        add_up(&gammas, width),
        add_up(&betas, width),
    ]
}

impl FusedOps for Flex {
    fn fused_gelu(x: FloatTensor<Self>) -> FloatTensor<Self> {
        gelu(x, None)
    }

    fn fused_bias_gelu(x: FloatTensor<Self>, bias: FloatTensor<Self>) -> FloatTensor<Self> {
        gelu(x, Some(&ordered(bias)))
    }

    fn fused_bias(x: FloatTensor<Self>, bias: FloatTensor<Self>) -> FloatTensor<Self> {
        add_bias(x, &ordered(bias))
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

    fn fused_norm(
        x: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        residual: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        mask: Mask,
        epsilon: f32,
    ) -> FloatTensor<Self> {
        norm(
            combine(x, &ordered(bias), residual, mask),
            &ordered(gamma),
            &ordered(beta),
            epsilon,
        )
    }
}

/// One backward step for each operation; the fields are what it needs beside its state.
mod step {
    use super::Mask;

    #[derive(Debug)]
    pub struct Gelu;
    #[derive(Debug)]
    pub struct BiasGelu;
    #[derive(Debug)]
    pub struct Bias;
    #[derive(Debug)]
    pub struct Softmax(pub f32);
    #[derive(Debug)]
    pub struct Dropout(pub Mask);
    #[derive(Debug)]
    pub struct Norm(pub Mask, pub f32);
}

impl Backward<Flex, 1> for step::Gelu {
    type State = FlexTensor;
    fn backward(self, ops: Ops<FlexTensor, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let (gradient, [parent]) = (grads.consume::<Flex>(&ops.node), ops.parents);
        if let Some(parent) = parent {
            grads.register::<Flex>(parent.id, gelu_backward(gradient, ops.state, None));
        }
    }
}

impl Backward<Flex, 2> for step::BiasGelu {
    type State = [FlexTensor; 2];
    fn backward(self, ops: Ops<Self::State, 2>, grads: &mut Gradients, _: &mut Checkpointer) {
        let (gradient, [node, bias_node]) = (grads.consume::<Flex>(&ops.node), ops.parents);
        let [x, bias] = ops.state;
        let (width, gradient) = (last(&x), gelu_backward(gradient, x, Some(&bias)));
        if let Some(bias) = bias_node {
            grads.register::<Flex>(bias.id, column_sums(&gradient, width));
        }
        if let Some(node) = node {
            grads.register::<Flex>(node.id, gradient);
        }
    }
}

impl Backward<Flex, 2> for step::Bias {
    type State = ();
    fn backward(self, ops: Ops<(), 2>, grads: &mut Gradients, _: &mut Checkpointer) {
        let (gradient, [node, bias]) = (ordered(grads.consume::<Flex>(&ops.node)), ops.parents);
        if let Some(bias) = bias {
            grads.register::<Flex>(bias.id, column_sums(&gradient, last(&gradient)));
        }
        if let Some(node) = node {
            grads.register::<Flex>(node.id, gradient);
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

impl Backward<Flex, 5> for step::Norm {
    type State = [FlexTensor; 2]; // what was normalised, and gamma
    fn backward(self, ops: Ops<Self::State, 5>, grads: &mut Gradients, _: &mut Checkpointer) {
        let [node, bias, residual, gamma_node, beta_node] =
            ops.parents.map(|parent| parent.map(|node| node.id));
        let (gradient, [x, gamma]) = (grads.consume::<Flex>(&ops.node), ops.state);
        let width = last(&x);
        let [gradient, gamma, beta] = norm_backward(gradient, &x, &gamma, self.1);
        let mut register = |node: Option<NodeId>, gradient: FlexTensor| {
            if let Some(node) = node {
                grads.register::<Flex>(node, gradient);
            }
        };
        register(gamma_node, gamma);
        register(beta_node, beta);
        let dropped = if self.0 == Mask::NONE {
            gradient.clone()
        } else {
            drop_out(gradient.clone(), self.0)
        };
        register(residual, gradient);
        if bias.is_some() {
            register(bias, column_sums(&dropped, width));
        }
        register(node, dropped);
    }
}

impl<C: CheckpointStrategy> FusedOps for Autodiff<Flex, C> {
    fn fused_gelu(x: FloatTensor<Self>) -> FloatTensor<Self> {
        let (x, node) = x.into_parts();
        match step::Gelu.prepare::<C>([node]).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish(x.clone(), gelu(x, None)),
            OpsKind::UnTracked(prep) => prep.finish(gelu(x, None)),
        }
    }

    fn fused_bias_gelu(x: FloatTensor<Self>, bias: FloatTensor<Self>) -> FloatTensor<Self> {
        let ((x, node), (bias, bias_node)) = (x.into_parts(), bias.into_parts());
        let bias = ordered(bias);
        match step::BiasGelu
            .prepare::<C>([node, bias_node])
            .compute_bound()
            .stateful()
        {
            OpsKind::Tracked(prep) => {
                let output = gelu(x.clone(), Some(&bias));
                prep.finish([x, bias], output)
            }
            OpsKind::UnTracked(prep) => prep.finish(gelu(x, Some(&bias))),
        }
    }

    fn fused_bias(x: FloatTensor<Self>, bias: FloatTensor<Self>) -> FloatTensor<Self> {
        let ((x, node), (bias, bias_node)) = (x.into_parts(), bias.into_parts());
        step::Bias
            .prepare::<C>([node, bias_node])
            .compute_bound()
            .stateless(add_bias(x, &ordered(bias)))
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

    fn fused_norm(
        x: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        residual: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        mask: Mask,
        epsilon: f32,
    ) -> FloatTensor<Self> {
        let ((x, node), (bias, bias_node)) = (x.into_parts(), bias.into_parts());
        let (residual, residual_node) = residual.into_parts();
        let ((gamma, gamma_node), (beta, beta_node)) = (gamma.into_parts(), beta.into_parts());
        let (gamma, beta) = (ordered(gamma), ordered(beta));
        let sum = combine(x, &ordered(bias), residual, mask);
        let nodes = [node, bias_node, residual_node, gamma_node, beta_node];
        match step::Norm(mask, epsilon)
            .prepare::<C>(nodes)
            .compute_bound()
            .stateful()
        {
            OpsKind::Tracked(prep) => {
                let output = norm(sum.clone(), &gamma, &beta, epsilon);
                prep.finish([sum, gamma], output)
            }
            OpsKind::UnTracked(prep) => prep.finish(norm(sum, &gamma, &beta, epsilon)),
        }
    }
}
