//! Gradients of the linear maps and of LayerNorm: the backward step of each operation, and its
//! registration on an autodiff device.

use super::linear::{Between, LinearOps, NormOf, linear, linear_gelu, map};
use super::pointwise::{drop_out, gelu_backward};
use super::{
    add_up, change_with, column_sums, last, length, ordered, recycle, room, rows_per_task, tensor,
    values,
};
use attn_kernels::{Mask, Matrix, Start, product};
use burn::backend::autodiff::NodeId;
use burn::backend::autodiff::checkpoint::{base::Checkpointer, strategy::CheckpointStrategy};
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::flex::FlexTensor;
use burn::backend::{Autodiff, Flex, TensorMetadata, tensor::FloatTensor};

/// Gradients of a LayerNorm's input, gamma and beta.
fn norm_backward(
    gradient: FlexTensor,
    x: &FlexTensor,
    gamma: &FlexTensor,
    epsilon: f32,
) -> [FlexTensor; 3] {
    let (width, gamma, x) = (last(x), values(gamma), values(x));
    let task = rows_per_task(width) * width;
    let (gradient, sums) = change_with(gradient, task, |at, gradient| {
        let (mut gamma_total, mut beta_total) = (vec![0.0; width], vec![0.0; width]);
        let x = &x[at..at + gradient.len()];
        let totals = [&mut gamma_total[..], &mut beta_total[..]];
        attn_kernels::norm_backward(gradient, x, gamma, epsilon, totals);
        (gamma_total, beta_total)
    });
    let (gammas, betas): (Vec<_>, Vec<_>) = sums.into_iter().unzip();
    [gradient, add_up(&gammas, width), add_up(&betas, width)]
}

fn register(grads: &mut Gradients, node: Option<NodeId>, gradient: impl FnOnce() -> FlexTensor) {
    if let Some(node) = node {
        grads.register::<Flex>(node, gradient());
    }
}

/// Registers the gradients of `x`, `weight` and `bias`, given that of `x · weight + bias`.
fn map_backward(
    grads: &mut Gradients,
    [x_node, weight_node, bias_node]: [Option<NodeId>; 3],
    gradient: &FlexTensor,
    x: &FlexTensor,
    weight: &FlexTensor,
) {
    let (inputs, outputs) = (last(x), last(gradient));
    let rows = length(x) / inputs;
    register(grads, bias_node, || column_sums(gradient, outputs));
    register(grads, weight_node, || {
        let mut result = room(inputs * outputs);
        product(
            Matrix::columns(values(x), inputs),
            Matrix::rows(values(gradient), outputs),
            [inputs, rows, outputs],
            Start::Zero,
            [&mut result, &mut []],
            |_, _, _| {},
        );
        tensor(result, [inputs, outputs])
    });
    register(grads, x_node, || {
        let mut result = room(rows * inputs);
        product(
            Matrix::rows(values(gradient), outputs),
            Matrix::columns(values(weight), outputs),
            [rows, outputs, inputs],
            Start::Zero,
            [&mut result, &mut []],
            |_, _, _| {},
        );
        tensor(result, x.shape())
    });
}

/// One backward step for each operation; the fields are what it needs beside its state.
mod step {
    use super::Mask;

    #[derive(Debug)]
    pub struct Linear;
    #[derive(Debug)]
    pub struct LinearGelu;
    #[derive(Debug)]
    pub struct LinearNorm(pub Mask, pub f32);
    #[derive(Debug)]
    pub struct Norm(pub f32);
}

impl Backward<Flex, 3> for step::Linear {
    type State = [FlexTensor; 2]; // x and weight
    fn backward(self, ops: Ops<Self::State, 3>, grads: &mut Gradients, _: &mut Checkpointer) {
        let nodes = ops.parents.map(|parent| parent.map(|node| node.id));
        let (gradient, [x, weight]) = (ordered(grads.consume::<Flex>(&ops.node)), ops.state);
        map_backward(grads, nodes, &gradient, &x, &weight);
        [gradient, x].into_iter().for_each(recycle);
    }
}

impl Backward<Flex, 3> for step::LinearGelu {
    type State = [FlexTensor; 3]; // x, weight and what GELU was applied to
    fn backward(self, ops: Ops<Self::State, 3>, grads: &mut Gradients, _: &mut Checkpointer) {
        let nodes = ops.parents.map(|parent| parent.map(|node| node.id));
        let (gradient, [x, weight, inner]) = (grads.consume::<Flex>(&ops.node), ops.state);
        let gradient = gelu_backward(gradient, &inner);
        recycle(inner);
        map_backward(grads, nodes, &gradient, &x, &weight);
        [gradient, x].into_iter().for_each(recycle);
    }
}

impl Backward<Flex, 6> for step::LinearNorm {
    type State = [FlexTensor; 4]; // x, weight, what was normalised, gamma
    fn backward(self, ops: Ops<Self::State, 6>, grads: &mut Gradients, _: &mut Checkpointer) {
        let [
            x_node,
            weight_node,
            bias_node,
            residual,
            gamma_node,
            beta_node,
        ] = ops.parents.map(|parent| parent.map(|node| node.id));
        let (gradient, [x, weight, sum, gamma]) = (grads.consume::<Flex>(&ops.node), ops.state);
        let [gradient, gamma, beta] = norm_backward(gradient, &sum, &gamma, self.1);
        recycle(sum);
        register(grads, gamma_node, || gamma);
        register(grads, beta_node, || beta);
        let dropped = if self.0 == Mask::NONE {
            gradient.clone()
        } else {
            drop_out(gradient.clone(), self.0)
        };
        let nodes = [x_node, weight_node, bias_node];
        map_backward(grads, nodes, &dropped, &x, &weight);
        [dropped, x].into_iter().for_each(recycle);
        register(grads, residual, || gradient);
    }
}

impl Backward<Flex, 3> for step::Norm {
    type State = [FlexTensor; 2]; // what was normalised, and gamma
    fn backward(self, ops: Ops<Self::State, 3>, grads: &mut Gradients, _: &mut Checkpointer) {
        let [node, gamma_node, beta_node] = ops.parents.map(|parent| parent.map(|node| node.id));
        let (gradient, [x, gamma]) = (grads.consume::<Flex>(&ops.node), ops.state);
        let [gradient, gamma, beta] = norm_backward(gradient, &x, &gamma, self.0);
        register(grads, gamma_node, || gamma);
        register(grads, beta_node, || beta);
        register(grads, node, || gradient);
    }
}

impl<C: CheckpointStrategy> LinearOps for Autodiff<Flex, C> {
    fn fused_linear(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        let ((x, node), (weight, weight_node)) = (x.into_parts(), weight.into_parts());
        let (bias, bias_node) = bias.into_parts();
        let (x, weight) = (ordered(x), ordered(weight));
        let output = linear(&x, &weight, &ordered(bias));
        match step::Linear
            .prepare::<C>([node, weight_node, bias_node])
            .compute_bound()
            .stateful()
        {
            OpsKind::Tracked(prep) => prep.finish([x, weight], output),
            OpsKind::UnTracked(prep) => prep.finish(output),
        }
    }

    fn fused_linear_gelu(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        let ((x, node), (weight, weight_node)) = (x.into_parts(), weight.into_parts());
        let (bias, bias_node) = bias.into_parts();
        let (x, weight, bias) = (ordered(x), ordered(weight), ordered(bias));
        match step::LinearGelu
            .prepare::<C>([node, weight_node, bias_node])
            .compute_bound()
            .stateful()
        {
            OpsKind::Tracked(prep) => {
                let finish = |_, x: &mut [f32], to: &mut [f32]| attn_kernels::gelu_into(x, to);
                let (inner, output) = map(&x, &weight, &bias, true, finish);
                let output = output.unwrap_or_else(|| inner.clone()); // kept, so it is there
                prep.finish([x, weight, inner], output)
            }
            OpsKind::UnTracked(prep) => prep.finish(linear_gelu(&x, &weight, &bias)),
        }
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
        let ((x, node), (weight, weight_node)) = (x.into_parts(), weight.into_parts());
        let ((bias, bias_node), (residual, residual_node)) =
            (bias.into_parts(), residual.into_parts());
        let ((gamma, gamma_node), (beta, beta_node)) = (gamma.into_parts(), beta.into_parts());
        let (x, weight, bias, gamma, beta, residual) = (
            ordered(x),
            ordered(weight),
            ordered(bias),
            ordered(gamma),
            ordered(beta),
            ordered(residual),
        );
        let nodes = [
            node,
            weight_node,
            bias_node,
            residual_node,
            gamma_node,
            beta_node,
        ];
        match step::LinearNorm(mask, epsilon)
            .prepare::<C>(nodes)
            .compute_bound()
            .stateful()
        {
            OpsKind::Tracked(prep) => {
                let between = Between {
                    residual: &residual,
                    mask,
                };
                let norm = NormOf {
                    gamma: &gamma,
                    beta: &beta,
                    epsilon,
                };
                let finish = |at, rows: &mut [f32], to: &mut [f32]| {
                    between.combine(at, rows);
                    norm.apart(rows, to);
                };
                let (sum, output) = map(&x, &weight, &bias, true, finish);
                let output = output.unwrap_or_else(|| sum.clone()); // kept, so it is there
                prep.finish([x, weight, sum, gamma], output)
            }
            OpsKind::UnTracked(prep) => prep.finish(Flex::fused_linear_norm(
                x, weight, bias, residual, gamma, beta, mask, epsilon,
            )),
        }
    }

    fn fused_norm(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        epsilon: f32,
    ) -> FloatTensor<Self> {
        let (x, node) = x.into_parts();
        let ((gamma, gamma_node), (beta, beta_node)) = (gamma.into_parts(), beta.into_parts());
        let (x, gamma) = (ordered(x), ordered(gamma));
        let output = Flex::fused_norm(x.clone(), gamma.clone(), beta, epsilon);
        match step::Norm(epsilon)
            .prepare::<C>([node, gamma_node, beta_node])
            .compute_bound()
            .stateful()
        {
            OpsKind::Tracked(prep) => prep.finish([x, gamma], output),
            OpsKind::UnTracked(prep) => prep.finish(output),
        }
    }
}
