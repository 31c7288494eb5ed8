//! Attention as two operations, weights and contexts, that read queries, keys and values as the
//! projections leave them, `[batch, width, heads * size]`: no head is ever copied apart. Between the
//! two lie the weights `[batch, heads, query, key]`, which are handed out as maps and may be replaced.

use super::super::gemm::{Block, Matrix, Start, with_packed, with_scratch};
use super::super::math::{DropOut, Mask, Softmax, SoftmaxBackward, vectorised};
use super::{ordered, recycle, room, tensor, values};
use burn::backend::autodiff::checkpoint::{base::Checkpointer, strategy::CheckpointStrategy};
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::flex::FlexTensor;
use burn::backend::{
    Autodiff, Backend, Flex, TensorMetadata, backend_extension, tensor::FloatTensor,
};
use rayon::prelude::*;

/// The operations; `query, key, value: [b, l, heads * d]`.
#[backend_extension(Flex, Autodiff)]
pub(in super::super) trait AttentionOps: Backend {
    /// `softmax(scale · Q Kᵀ)`: `[b, heads, l, l]`.
    fn fused_weights(
        query: FloatTensor<Self>,
        key: FloatTensor<Self>,
        heads: usize,
        scale: f32,
    ) -> FloatTensor<Self>;
    /// `softmax(scale · Q Kᵀ + bias)` with `bias: [b, 1, 1, l]`, which gets no gradient.
    fn fused_masked_weights(
        query: FloatTensor<Self>,
        key: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        heads: usize,
        scale: f32,
    ) -> FloatTensor<Self>;
    /// `(mask · weights) V`: `[b, l, heads * d]`.
    fn fused_contexts(
        weights: FloatTensor<Self>,
        value: FloatTensor<Self>,
        mask: Mask,
    ) -> FloatTensor<Self>;
}

/// Sizes of an attention block, and where a head of an example lies.
#[derive(Debug, Clone, Copy)]
struct Sizes {
    batch: usize,
    width: usize,
    heads: usize,
    head: usize,
}

impl Sizes {
    fn of(x: &FlexTensor, heads: usize) -> Self {
        let shape = x.shape();
        let at = |i: usize| shape.get(i).copied().unwrap_or(1);
        Self {
            batch: at(0),
            width: at(1),
            heads,
            head: at(2) / heads,
        }
    }

    fn hidden(self) -> usize {
        self.heads * self.head
    }

    /// Values of one example in `[b, l, heads * d]`, and of one head's map.
    fn example(self) -> usize {
        self.width * self.hidden()
    }

    fn map(self) -> usize {
        self.width * self.width
    }

    /// From one head of one example on.
    fn part(self, x: &[f32], example: usize, head: usize) -> &[f32] {
        &x[example * self.example() + head * self.head..]
    }
}

/// `c = a · b` on this thread; rows of `c` lie `stride` apart.
fn multiply(a: Matrix<'_>, b: Matrix<'_>, [rows, k, n]: [usize; 3], c: &mut [f32], stride: usize) {
    with_packed(|packed| {
        packed.pack(b, k, n, false);
        with_scratch(|scratch| {
            vectorised(Block {
                a,
                b: packed,
                c,
                stride,
                rows,
                start: Start::Zero,
                scratch,
            });
        });
    });
}

fn weights(
    query: &FlexTensor,
    key: &FlexTensor,
    bias: Option<&FlexTensor>,
    heads: usize,
    scale: f32,
) -> FlexTensor {
    let s = Sizes::of(query, heads);
    let (query, key) = (values(query), values(key));
    let bias = bias.map(values).unwrap_or_default();
    let mut result = room(s.batch * heads * s.map());
    result
        .par_chunks_mut(s.map())
        .enumerate()
        .for_each(|(i, map)| {
            let (example, head) = (i / heads, i % heads);
            multiply(
                Matrix::rows(s.part(query, example, head), s.hidden()),
                Matrix::columns(s.part(key, example, head), s.hidden()),
                [s.width, s.head, s.width],
                map,
                s.width,
            );
            vectorised(Softmax {
                rows: map,
                width: s.width,
                scale,
                bias: if bias.is_empty() {
                    bias
                } else {
                    &bias[example * s.width..][..s.width]
                },
            });
        });
    tensor(result, [s.batch, heads, s.width, s.width])
}

/// Gradients of queries and keys.
fn weights_backward(
    gradient: &FlexTensor,
    weights: &FlexTensor,
    query: &FlexTensor,
    key: &FlexTensor,
    scale: f32,
) -> [FlexTensor; 2] {
    let s = Sizes::of(query, weights.shape().get(1).copied().unwrap_or(1));
    let shape = query.shape();
    let [gradient, weights, query, key] = [gradient, weights, query, key].map(values);
    let [mut to_query, mut to_key] = [room(query.len()), room(key.len())];
    to_query
        .par_chunks_mut(s.example())
        .zip(to_key.par_chunks_mut(s.example()))
        .enumerate()
        .for_each(|(example, (to_query, to_key))| {
            let mut scores = vec![0.0; s.map()];
            for head in 0..s.heads {
                let at = (example * s.heads + head) * s.map();
                scores.copy_from_slice(&gradient[at..at + s.map()]);
                vectorised(SoftmaxBackward {
                    gradient: &mut scores,
                    weights: &weights[at..at + s.map()],
                    width: s.width,
                    scale,
                });
                multiply(
                    Matrix::rows(&scores, s.width),
                    Matrix::rows(s.part(key, example, head), s.hidden()),
                    [s.width, s.width, s.head],
                    &mut to_query[head * s.head..],
                    s.hidden(),
                );
                multiply(
                    Matrix::columns(&scores, s.width),
                    Matrix::rows(s.part(query, example, head), s.hidden()),
                    [s.width, s.width, s.head],
                    &mut to_key[head * s.head..],
                    s.hidden(),
                );
            }
        });
    [tensor(to_query, shape.clone()), tensor(to_key, shape)]
}

/// A copy of one head's map with dropout, in `room`, or the map itself where nothing drops out.
fn dropped<'a>(map: &'a [f32], at: usize, mask: Mask, room: &'a mut Vec<f32>) -> &'a [f32] {
    if mask == Mask::NONE {
        return map;
    }
    room.clear();
    room.extend_from_slice(map);
    vectorised(DropOut {
        values: room,
        start: at as u32,
        mask,
    });
    room
}

fn contexts(weights: &FlexTensor, value: &FlexTensor, mask: Mask) -> FlexTensor {
    let s = Sizes::of(value, weights.shape().get(1).copied().unwrap_or(1));
    let (shape, weights, value) = (value.shape(), values(weights), values(value));
    let mut result = room(value.len());
    // A few examples alone are cut into parts of their queries.
    let parts = 8usize.div_ceil(s.batch);
    let queries = s.width.div_ceil(parts);
    let tasks: Vec<(usize, usize, &mut [f32])> = result
        .chunks_mut(s.example())
        .enumerate()
        .flat_map(|(example, rows)| {
            let parts = rows.chunks_mut(queries * s.hidden()).enumerate();
            parts.map(move |(part, rows)| (example, part * queries, rows))
        })
        .collect();
    tasks.into_par_iter().for_each(|(example, first, rows)| {
        let mut room = Vec::new();
        let count = rows.len() / s.hidden();
        for head in 0..s.heads {
            let at = (example * s.heads + head) * s.map() + first * s.width;
            let map = &weights[at..at + count * s.width];
            multiply(
                Matrix::rows(dropped(map, at, mask, &mut room), s.width),
                Matrix::rows(s.part(value, example, head), s.hidden()),
                [count, s.width, s.head],
                &mut rows[head * s.head..],
                s.hidden(),
            );
        }
    });
    tensor(result, shape)
}

/// Gradients of weights and values.
fn contexts_backward(
    gradient: &FlexTensor,
    weights: &FlexTensor,
    value: &FlexTensor,
    mask: Mask,
) -> [FlexTensor; 2] {
    let s = Sizes::of(value, weights.shape().get(1).copied().unwrap_or(1));
    let shapes = [weights.shape(), value.shape()];
    let [gradient, weights, value] = [gradient, weights, value].map(values);
    let [mut to_weights, mut to_value] = [room(weights.len()), room(value.len())];
    to_weights
        .par_chunks_mut(s.heads * s.map())
        .zip(to_value.par_chunks_mut(s.example()))
        .enumerate()
        .for_each(|(example, (to_weights, to_value))| {
            let mut room = Vec::new();
            for (head, to_map) in to_weights.chunks_mut(s.map()).enumerate() {
                let at = (example * s.heads + head) * s.map();
                let rows = s.part(gradient, example, head);
                multiply(
                    Matrix::rows(rows, s.hidden()),
                    Matrix::columns(s.part(value, example, head), s.hidden()),
                    [s.width, s.head, s.width],
                    to_map,
                    s.width,
                );
                if mask != Mask::NONE {
                    vectorised(DropOut {
                        values: to_map,
                        start: at as u32,
                        mask,
                    });
                }
                let map = dropped(&weights[at..at + s.map()], at, mask, &mut room);
                multiply(
                    Matrix::columns(map, s.width),
                    Matrix::rows(rows, s.hidden()),
                    [s.width, s.width, s.head],
                    &mut to_value[head * s.head..],
                    s.hidden(),
                );
            }
        });
    let [weights_shape, value_shape] = shapes;
    [
        tensor(to_weights, weights_shape),
        tensor(to_value, value_shape),
    ]
}

impl AttentionOps for Flex {
    fn fused_weights(
        query: FloatTensor<Self>,
        key: FloatTensor<Self>,
        heads: usize,
        scale: f32,
    ) -> FloatTensor<Self> {
        weights(&ordered(query), &ordered(key), None, heads, scale)
    }

    fn fused_masked_weights(
        query: FloatTensor<Self>,
        key: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        heads: usize,
        scale: f32,
    ) -> FloatTensor<Self> {
        let (query, key, bias) = (ordered(query), ordered(key), ordered(bias));
        weights(&query, &key, Some(&bias), heads, scale)
    }

    fn fused_contexts(
        weights: FloatTensor<Self>,
        value: FloatTensor<Self>,
        mask: Mask,
    ) -> FloatTensor<Self> {
        contexts(&ordered(weights), &ordered(value), mask)
    }
}

/// One backward step for each operation; the fields are what it needs beside its state.
mod step {
    use super::Mask;

    #[derive(Debug)]
    pub struct Weights(pub f32);
    #[derive(Debug)]
    pub struct Contexts(pub Mask);
}

impl Backward<Flex, 2> for step::Weights {
    type State = [FlexTensor; 3]; // weights, queries, keys
    fn backward(self, ops: Ops<Self::State, 2>, grads: &mut Gradients, _: &mut Checkpointer) {
        let (gradient, nodes) = (ordered(grads.consume::<Flex>(&ops.node)), ops.parents);
        let [weights, query, key] = ops.state;
        let gradients = weights_backward(&gradient, &weights, &query, &key, self.0);
        [gradient, weights, query, key]
            .into_iter()
            .for_each(recycle);
        for (node, gradient) in nodes.into_iter().zip(gradients) {
            if let Some(node) = node {
                grads.register::<Flex>(node.id, gradient);
            }
        }
    }
}

impl Backward<Flex, 2> for step::Contexts {
    type State = [FlexTensor; 2]; // weights and values
    fn backward(self, ops: Ops<Self::State, 2>, grads: &mut Gradients, _: &mut Checkpointer) {
        let (gradient, nodes) = (ordered(grads.consume::<Flex>(&ops.node)), ops.parents);
        let [weights, value] = ops.state;
        let gradients = contexts_backward(&gradient, &weights, &value, self.0);
        [gradient, weights, value].into_iter().for_each(recycle);
        for (node, gradient) in nodes.into_iter().zip(gradients) {
            if let Some(node) = node {
                grads.register::<Flex>(node.id, gradient);
            }
        }
    }
}

/// The part that masked and unmasked weights share.
fn track<C: CheckpointStrategy>(
    query: FloatTensor<Autodiff<Flex, C>>,
    key: FloatTensor<Autodiff<Flex, C>>,
    bias: Option<FlexTensor>,
    heads: usize,
    scale: f32,
) -> FloatTensor<Autodiff<Flex, C>> {
    let ((query, node), (key, key_node)) = (query.into_parts(), key.into_parts());
    let (query, key) = (ordered(query), ordered(key));
    let output = weights(&query, &key, bias.as_ref(), heads, scale);
    match step::Weights(scale)
        .prepare::<C>([node, key_node])
        .compute_bound()
        .stateful()
    {
        OpsKind::Tracked(prep) => prep.finish([output.clone(), query, key], output),
        OpsKind::UnTracked(prep) => prep.finish(output),
    }
}

impl<C: CheckpointStrategy> AttentionOps for Autodiff<Flex, C> {
    fn fused_weights(
        query: FloatTensor<Self>,
        key: FloatTensor<Self>,
        heads: usize,
        scale: f32,
    ) -> FloatTensor<Self> {
        track::<C>(query, key, None, heads, scale)
    }

    fn fused_masked_weights(
        query: FloatTensor<Self>,
        key: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        heads: usize,
        scale: f32,
    ) -> FloatTensor<Self> {
        let bias = ordered(bias.into_primitive());
        track::<C>(query, key, Some(bias), heads, scale)
    }

    fn fused_contexts(
        weights: FloatTensor<Self>,
        value: FloatTensor<Self>,
        mask: Mask,
    ) -> FloatTensor<Self> {
        let ((weights, node), (value, value_node)) = (weights.into_parts(), value.into_parts());
        let (weights, value) = (ordered(weights), ordered(value));
        let output = contexts(&weights, &value, mask);
        match step::Contexts(mask)
            .prepare::<C>([node, value_node])
            .compute_bound()
            .stateful()
        {
            OpsKind::Tracked(prep) => prep.finish([weights, value], output),
            OpsKind::UnTracked(prep) => prep.finish(output),
        }
    }
}
