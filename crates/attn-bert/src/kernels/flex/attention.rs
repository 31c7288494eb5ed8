//! Attention as two operations, weights and contexts, that read queries, keys and values as the
//! projections leave them, `[batch, width, heads * size]`: no head is ever copied apart. Between the
//! two lie the weights `[batch, heads, query, key]`, which are handed out as maps and may be replaced.

use super::{ordered, recycle, room, tensor, values};
use attn_kernels::{Mask, Matrix, drop_out, multiply, softmax, softmax_backward};
use burn::backend::autodiff::checkpoint::{base::Checkpointer, strategy::CheckpointStrategy};
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::flex::FlexTensor;
use burn::backend::{
    Autodiff, Backend, Flex, TensorMetadata, backend_extension, tensor::FloatTensor,
};
use rayon::prelude::*;

/// The operations; `query: [b, q, heads * d]`, `key, value: [b, l, heads * d]`, where `q` is `l` or the
/// number of queries that are asked for.
#[backend_extension(Flex, Autodiff)]
pub(in super::super) trait AttentionOps: Backend {
    /// `softmax(scale · Q Kᵀ)`: `[b, heads, q, l]`.
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
    /// `(mask · weights) V`: `[b, q, heads * d]`.
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
    queries: usize,
    keys: usize,
    heads: usize,
    head: usize,
}

fn size(x: &FlexTensor, dimension: usize) -> usize {
    x.shape().get(dimension).copied().unwrap_or(1)
}

impl Sizes {
    /// `key: [b, l, heads * d]`, or the values.
    fn new(queries: usize, key: &FlexTensor, heads: usize) -> Self {
        Self {
            batch: size(key, 0),
            queries,
            keys: size(key, 1),
            heads,
            head: size(key, 2) / heads,
        }
    }

    /// Those of `weights: [b, heads, q, l]` beside their keys or values.
    fn of(weights: &FlexTensor, key: &FlexTensor) -> Self {
        Self::new(size(weights, 2), key, size(weights, 1))
    }

    fn hidden(self) -> usize {
        self.heads * self.head
    }

    /// Values of one example's queries (and contexts), of its keys (and values), and of one head's
    /// map.
    fn query(self) -> usize {
        self.queries * self.hidden()
    }

    fn key(self) -> usize {
        self.keys * self.hidden()
    }

    fn map(self) -> usize {
        self.queries * self.keys
    }

    /// From one head of one example's queries or contexts on.
    fn in_queries(self, x: &[f32], example: usize, head: usize) -> &[f32] {
        &x[example * self.query() + head * self.head..]
    }

    /// From one head of one example's keys or values on.
    fn in_keys(self, x: &[f32], example: usize, head: usize) -> &[f32] {
        &x[example * self.key() + head * self.head..]
    }
}

fn weights(
    query: &FlexTensor,
    key: &FlexTensor,
    bias: Option<&FlexTensor>,
    heads: usize,
    scale: f32,
) -> FlexTensor {
    let s = Sizes::new(size(query, 1), key, heads);
    let (query, key) = (values(query), values(key));
    let bias = bias.map(values).unwrap_or_default();
    let mut result = room(s.batch * heads * s.map());
    result
        .par_chunks_mut(s.map())
        .enumerate()
        .for_each(|(i, map)| {
            let (example, head) = (i / heads, i % heads);
            multiply(
                Matrix::rows(s.in_queries(query, example, head), s.hidden()),
                Matrix::columns(s.in_keys(key, example, head), s.hidden()),
                [s.queries, s.head, s.keys],
                map,
                s.keys,
            );
            let bias = if bias.is_empty() {
                bias
            } else {
                &bias[example * s.keys..][..s.keys]
            };
            softmax(map, s.keys, scale, bias);
        });
    tensor(result, [s.batch, heads, s.queries, s.keys])
}

/// Gradients of queries and keys.
fn weights_backward(
    gradient: &FlexTensor,
    weights: &FlexTensor,
    query: &FlexTensor,
    key: &FlexTensor,
    scale: f32,
) -> [FlexTensor; 2] {
    let s = Sizes::of(weights, key);
    let shapes = [query.shape(), key.shape()];
    let [gradient, weights, query, key] = [gradient, weights, query, key].map(values);
    let [mut to_query, mut to_key] = [room(query.len()), room(key.len())];
    to_query
        .par_chunks_mut(s.query())
        .zip(to_key.par_chunks_mut(s.key()))
        .enumerate()
        .for_each(|(example, (to_query, to_key))| {
            let mut scores = vec![0.0; s.map()];
            for head in 0..s.heads {
                let at = (example * s.heads + head) * s.map();
                scores.copy_from_slice(&gradient[at..at + s.map()]);
                softmax_backward(&mut scores, &weights[at..at + s.map()], s.keys, scale);
                multiply(
                    Matrix::rows(&scores, s.keys),
                    Matrix::rows(s.in_keys(key, example, head), s.hidden()),
                    [s.queries, s.keys, s.head],
                    &mut to_query[head * s.head..],
                    s.hidden(),
                );
                multiply(
                    Matrix::columns(&scores, s.keys),
                    Matrix::rows(s.in_queries(query, example, head), s.hidden()),
                    [s.keys, s.queries, s.head],
                    &mut to_key[head * s.head..],
                    s.hidden(),
                );
            }
        });
    let [query_shape, key_shape] = shapes;
    [tensor(to_query, query_shape), tensor(to_key, key_shape)]
}

/// A copy of one head's map with dropout, in `room`, or the map itself where nothing drops out.
fn dropped<'a>(map: &'a [f32], at: usize, mask: Mask, room: &'a mut Vec<f32>) -> &'a [f32] {
    if mask == Mask::NONE {
        return map;
    }
    room.clear();
    room.extend_from_slice(map);
    drop_out(room, at as u32, mask);
    room
}

fn contexts(weights: &FlexTensor, value: &FlexTensor, mask: Mask) -> FlexTensor {
    let s = Sizes::of(weights, value);
    let (weights, value) = (values(weights), values(value));
    let mut result = room(s.batch * s.query());
    // A few examples alone are cut into parts of their queries.
    let parts = 8usize.div_ceil(s.batch);
    let queries = s.queries.div_ceil(parts);
    let tasks: Vec<(usize, usize, &mut [f32])> = result
        .chunks_mut(s.query())
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
            let at = (example * s.heads + head) * s.map() + first * s.keys;
            let map = &weights[at..at + count * s.keys];
            multiply(
                Matrix::rows(dropped(map, at, mask, &mut room), s.keys),
                Matrix::rows(s.in_keys(value, example, head), s.hidden()),
                [count, s.keys, s.head],
                &mut rows[head * s.head..],
                s.hidden(),
            );
        }
    });
    tensor(result, [s.batch, s.queries, s.hidden()])
}

/// Gradients of weights and values.
fn contexts_backward(
    gradient: &FlexTensor,
    weights: &FlexTensor,
    value: &FlexTensor,
    mask: Mask,
) -> [FlexTensor; 2] {
    let s = Sizes::of(weights, value);
    let shapes = [weights.shape(), value.shape()];
    let [gradient, weights, value] = [gradient, weights, value].map(values);
    let [mut to_weights, mut to_value] = [room(weights.len()), room(value.len())];
    to_weights
        .par_chunks_mut(s.heads * s.map())
        .zip(to_value.par_chunks_mut(s.key()))
        .enumerate()
        .for_each(|(example, (to_weights, to_value))| {
            let mut room = Vec::new();
            for (head, to_map) in to_weights.chunks_mut(s.map()).enumerate() {
                let at = (example * s.heads + head) * s.map();
                let rows = s.in_queries(gradient, example, head);
                multiply(
                    Matrix::rows(rows, s.hidden()),
                    Matrix::columns(s.in_keys(value, example, head), s.hidden()),
                    [s.queries, s.head, s.keys],
                    to_map,
                    s.keys,
                );
                if mask != Mask::NONE {
                    drop_out(to_map, at as u32, mask);
                }
                let map = dropped(&weights[at..at + s.map()], at, mask, &mut room);
                multiply(
                    Matrix::columns(map, s.keys),
                    Matrix::rows(rows, s.hidden()),
                    [s.keys, s.queries, s.head],
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
