//! The tensors of one bucket: walks the plan's tree layer by layer.
//!
//! Hidden states of several nodes are stacked along the batch dimension, node by node, so that
//! `k` nodes over `B` examples make a batch of `k * B`. Nothing here drops out: the model is in
//! evaluation mode.

use crate::plan::{Cut, Plan};
use crate::{Shape, SweepError};
use attn_bert::{
    ForwardError, MeanMaps, SequenceClassifier, TokenBatch, intervention::intervene, kernels,
    to_finite,
};
use attn_core::{HeadId, Intervention, Mode};
use burn::tensor::{Bool, Device, Tensor, TensorData, activation};
use std::collections::{BTreeMap, BTreeSet};

/// Hidden states `[nodes * batch, width, hidden]` of nodes of one depth.
struct Group {
    nodes: Vec<usize>,
    x: Tensor<3>,
}

/// One row a node and example in the last layer.
struct Row {
    node: usize,
    /// Contexts side by side, `[batch, 1, hidden]`.
    contexts: Tensor<3>,
    /// The residual, `[batch, 1, hidden]`.
    residual: Tensor<3>,
}

/// Runs one bucket.
pub(crate) struct Engine<'a> {
    pub model: &'a SequenceClassifier,
    pub plan: &'a Plan,
    pub shape: Shape,
    pub maps: Option<&'a MeanMaps>,
    pub batch: &'a TokenBatch,
    /// Nodes that go through a layer together.
    pub stack: usize,
    /// Called with the multiply-adds done since the last call; an error ends the run.
    pub tick: &'a mut dyn FnMut(u64) -> Result<(), SweepError>,
}

impl Engine<'_> {
    /// Logits `[variant, example, label]`.
    pub fn run(self) -> Result<Vec<f32>, SweepError> {
        let x = self.model.bert.embed(self.batch)?;
        let mut groups = vec![Group { nodes: vec![0], x }];
        let below = self.plan.layers() - 1;
        for layer in 0..below {
            let mut next = Vec::new();
            let mut split: Vec<(usize, Tensor<3>)> = Vec::new();
            for group in groups {
                let cost = group.nodes.iter().map(|&n| self.cost(layer, n)).sum();
                self.lower(layer, group, &mut next, &mut split)?;
                while split.len() >= self.stack {
                    next.push(self.stacked(layer, split.drain(..self.stack)));
                }
                (self.tick)(cost)?;
            }
            if !split.is_empty() {
                next.push(self.stacked(layer, split.drain(..)));
            }
            groups = next;
        }
        let labels = self.model.labels();
        let size = self.batch.size() * labels;
        let mut out = vec![0.0; self.plan.variants().len() * size];
        // A row is one token a variant, so many more fit into a stack.
        let stack = self.stack * self.batch.width().max(1);
        let mut rows = Vec::new();
        for group in groups {
            let cost = group.nodes.iter().map(|&n| self.cost(below, n)).sum();
            self.read(below, group, &mut rows)?;
            while rows.len() >= stack {
                self.finish(below, rows.drain(..stack).collect(), &mut out)?;
            }
            (self.tick)(cost)?;
        }
        self.finish(below, rows, &mut out)?;
        Ok(out)
    }

    fn cost(&self, layer: usize, node: usize) -> u64 {
        self.plan.node_cost(
            &self.shape,
            layer,
            node,
            self.batch.size(),
            self.batch.width(),
        )
    }

    fn device(&self) -> Device {
        self.model.bert.device()
    }

    /// The additive mask for `nodes` stacked nodes, if anything is padded.
    fn bias(&self, nodes: usize) -> Option<Tensor<4>> {
        self.batch
            .has_padding()
            .then(|| self.batch.score_bias(&self.device()).repeat_dim(0, nodes))
    }

    /// A node's children: the one that changes nothing, if it is there, and those that do.
    fn children(&self, node: usize) -> (Option<usize>, Vec<usize>) {
        let (same, changed): (Vec<usize>, Vec<usize>) = self.plan.nodes[node]
            .children
            .iter()
            .partition(|&&c| self.plan.nodes[c].cut.heads.is_empty());
        (same.first().copied(), changed)
    }

    /// For each mode among `children`, the heads that any of them disables.
    fn unions(&self, children: &[usize]) -> BTreeMap<Mode, Vec<usize>> {
        let mut unions: BTreeMap<Mode, BTreeSet<usize>> = BTreeMap::new();
        for &child in children {
            let Cut { heads, mode } = &self.plan.nodes[child].cut;
            unions.entry(*mode).or_default().extend(heads);
        }
        unions
            .into_iter()
            .map(|(mode, heads)| (mode, heads.into_iter().collect()))
            .collect()
    }

    /// A layer below the last, up to the sum that its attention LayerNorm reads. States that go on
    /// unchanged pass the upper half at once; the others are left in `split`.
    fn lower(
        &self,
        index: usize,
        group: Group,
        next: &mut Vec<Group>,
        split: &mut Vec<(usize, Tensor<3>)>,
    ) -> Result<(), SweepError> {
        let layer = &self.model.bert.encoder.layer[index];
        let attention = &layer.attention.self_attention;
        let Group { nodes, x } = group;
        let size = self.batch.size();
        let families: Vec<_> = nodes.iter().map(|&n| self.children(n)).collect();

        let weights = attention.weights(x.clone(), self.bias(nodes.len()));
        let value = kernels::linear(&attention.value, x.clone());
        let contexts = attention.mix(weights.clone(), value.clone());
        if families
            .iter()
            .all(|(same, changed)| same.is_some() && changed.is_empty())
        {
            // Nothing branches here: the layer as it is.
            let x = layer.attention.output.forward(contexts, x);
            let nodes = families.into_iter().filter_map(|(same, _)| same).collect();
            next.push(Group {
                nodes,
                x: layer.feed_forward(x),
            });
            return Ok(());
        }
        let sum = kernels::linear(&layer.attention.output.dense, contexts.clone()) + x;
        for (i, (_, changed)) in families.iter().enumerate() {
            let part = |t: &Tensor<3>| t.clone().narrow(0, i * size, size);
            for (mode, union) in self.unions(changed) {
                let own = weights.clone().narrow(0, i * size, size);
                let delta = self.delta(index, mode, &union, own, part(&value), part(&contexts))?;
                for &child in changed
                    .iter()
                    .filter(|&&c| self.plan.nodes[c].cut.mode == mode)
                {
                    let heads = &self.plan.nodes[child].cut.heads;
                    split.push((child, self.project(index, heads, &delta, part(&sum))));
                }
            }
        }
        let going_on: Vec<(usize, usize)> = families
            .iter()
            .enumerate()
            .filter_map(|(i, (same, _))| same.map(|c| (i, c)))
            .collect();
        if going_on.is_empty() {
            return Ok(());
        }
        let sum = if going_on.len() == nodes.len() {
            sum
        } else {
            Tensor::cat(
                going_on
                    .iter()
                    .map(|&(i, _)| sum.clone().narrow(0, i * size, size))
                    .collect(),
                0,
            )
        };
        let nodes = going_on.into_iter().map(|(_, child)| child).collect();
        next.push(Group {
            nodes,
            x: self.upper(index, sum),
        });
        Ok(())
    }

    /// Replaced contexts minus the true ones, `[batch, width, hidden]`. Heads outside `union` have
    /// contexts of no meaning here.
    fn delta(
        &self,
        index: usize,
        mode: Mode,
        union: &[usize],
        weights: Tensor<4>,
        value: Tensor<3>,
        contexts: Tensor<3>,
    ) -> Result<Tensor<3>, SweepError> {
        let ([size, width, hidden], heads) = (contexts.dims(), weights.dims()[1]);
        Ok(match mode {
            Mode::Zero => contexts.neg(),
            // Uniform rows are the same for every query, so one stands for all.
            Mode::Uniform => {
                let replaced = self.replaced(index, mode, union, weights.narrow(2, 0, 1))?;
                let replaced = replaced.matmul(kernels::split(value, heads));
                let replaced = replaced.reshape([size, 1, hidden]);
                replaced.expand([size, width, hidden]) - contexts
            }
            Mode::Mean => {
                let replaced = self.replaced(index, mode, union, weights)?;
                let attention = &self.model.bert.encoder.layer[index].attention;
                attention.self_attention.mix(replaced, value) - contexts
            }
        })
    }

    /// The weights with the heads of `union` disabled: the work of [`intervene`] alone.
    fn replaced(
        &self,
        index: usize,
        mode: Mode,
        union: &[usize],
        weights: Tensor<4>,
    ) -> Result<Tensor<4>, SweepError> {
        let cut = Intervention::new(mode, union.iter().map(|&head| HeadId::new(index, head)));
        intervene(weights, index, &cut, self.maps, self.batch)
            .map_err(|e| SweepError::Forward(ForwardError::Intervention(e)))
    }

    /// `sum` with what the change of the contexts of `heads` does to the attention output: through
    /// their rows of the output projection, a run of neighbouring heads at a time.
    fn project(
        &self,
        index: usize,
        heads: &[usize],
        delta: &Tensor<3>,
        sum: Tensor<3>,
    ) -> Tensor<3> {
        let attention = &self.model.bert.encoder.layer[index].attention;
        let projection = attention.output.dense.weight.val();
        let size = delta.dims()[2] / attention.self_attention.heads();
        let runs = heads.chunk_by(|a, b| a + 1 == *b);
        runs.fold(sum, |sum, run| {
            let (Some(first), Some(last)) = (run.first(), run.last()) else {
                return sum;
            };
            let columns = first * size..(last + 1) * size;
            kernels::add_part(sum, delta.clone(), projection.clone(), columns)
        })
    }

    /// From the sum of attention output and residual to the layer's output.
    fn upper(&self, index: usize, sum: Tensor<3>) -> Tensor<3> {
        let layer = &self.model.bert.encoder.layer[index];
        layer.feed_forward(layer.attention.output.normalise(sum))
    }

    fn stacked(&self, index: usize, split: impl Iterator<Item = (usize, Tensor<3>)>) -> Group {
        let (nodes, sums): (Vec<usize>, Vec<Tensor<3>>) = split.unzip();
        let sum = match <[Tensor<3>; 1]>::try_from(sums) {
            Ok([sum]) => sum,
            Err(sums) => Tensor::cat(sums, 0),
        };
        Group {
            nodes,
            x: self.upper(index, sum),
        }
    }

    /// The last layer's attention for the row of `[CLS]`, the only one that the pooler reads.
    ///
    /// Keys and values of the other tokens are not needed either. With keys `x_i W + b`, a query
    /// `q` scores `(W q)·x_i + q·b`, and the last term is the same for all tokens, so that the
    /// softmax drops it; and a weighted sum of values is the projection of the weighted sum of the
    /// hidden states.
    fn read(&self, index: usize, group: Group, out: &mut Vec<Row>) -> Result<(), SweepError> {
        let attention = &self.model.bert.encoder.layer[index]
            .attention
            .self_attention;
        let Group { nodes, x } = group;
        let (size, [rows, width, hidden]) = (self.batch.size(), x.dims());
        let heads = attention.heads();
        let head_size = hidden / heads;
        let first = x.clone().narrow(1, 0, 1);
        let query = attention
            .query
            .forward(first.clone())
            .reshape([rows, heads, head_size]);
        let keys = attention
            .key
            .weight
            .val()
            .reshape([hidden, heads, head_size])
            .permute([1, 2, 0]);
        let query = query.swap_dims(0, 1).matmul(keys).swap_dims(0, 1);
        let scores = query.matmul(x.clone().swap_dims(1, 2)) * (head_size as f64).sqrt().recip();
        let scores = scores.reshape([rows, heads, 1, width]);
        let scores = match self.bias(nodes.len()) {
            Some(bias) => scores + bias,
            None => scores,
        };
        let weights = activation::softmax(scores, 3);
        let contexts = self.mix(index, weights.clone(), x.clone());
        for (i, &node) in nodes.iter().enumerate() {
            let (same, changed) = self.children(node);
            let own = contexts.clone().narrow(0, i * size, size);
            let residual = first.clone().narrow(0, i * size, size);
            let mut push = |node, contexts: Tensor<3>| {
                let contexts = contexts.reshape([size, 1, hidden]);
                out.push(Row {
                    node,
                    contexts,
                    residual: residual.clone(),
                });
            };
            if let Some(child) = same {
                push(child, own.clone());
            }
            for (mode, union) in self.unions(&changed) {
                let weights = weights.clone().narrow(0, i * size, size);
                let replaced = self.replaced(index, mode, &union, weights)?;
                let replaced = self.mix(index, replaced, x.clone().narrow(0, i * size, size));
                for &child in changed
                    .iter()
                    .filter(|&&c| self.plan.nodes[c].cut.mode == mode)
                {
                    let cut = &self.plan.nodes[child].cut.heads;
                    let flags: Vec<bool> = (0..heads).map(|head| cut.contains(&head)).collect();
                    let mask: Tensor<3, Bool> =
                        Tensor::from_data(TensorData::new(flags, [1, heads, 1]), &self.device());
                    let shape = [size, heads, head_size];
                    push(
                        child,
                        own.clone().mask_where(mask.expand(shape), replaced.clone()),
                    );
                }
            }
        }
        Ok(())
    }

    /// Contexts `[rows, heads, head_size]` from weights `[rows, heads, 1, width]` and the hidden
    /// states below, `[rows, width, hidden]`.
    fn mix(&self, index: usize, weights: Tensor<4>, x: Tensor<3>) -> Tensor<3> {
        let value = &self.model.bert.encoder.layer[index]
            .attention
            .self_attention
            .value;
        let [rows, width, hidden] = x.dims();
        let heads = weights.dims()[1];
        let head_size = hidden / heads;
        let weights = weights.reshape([rows, heads, width]);
        let mixed = weights.clone().matmul(x).swap_dims(0, 1);
        let projection = value
            .weight
            .val()
            .reshape([hidden, heads, head_size])
            .permute([1, 0, 2]);
        let contexts = mixed.matmul(projection).swap_dims(0, 1);
        match &value.bias {
            // Weights need not sum to one: those of mode `zero` sum to nothing.
            Some(bias) => contexts + bias.val().reshape([1, heads, head_size]) * weights.sum_dim(2),
            None => contexts,
        }
    }

    /// Takes rows up to the logits and puts them where their variants belong.
    fn finish(&self, index: usize, rows: Vec<Row>, out: &mut [f32]) -> Result<(), SweepError> {
        if rows.is_empty() {
            return Ok(());
        }
        let layer = &self.model.bert.encoder.layer[index];
        let pooler = self
            .model
            .bert
            .pooler
            .as_ref()
            .ok_or(ForwardError::NoPooler)?;
        let nodes: Vec<usize> = rows.iter().map(|r| r.node).collect();
        let (contexts, residual): (Vec<_>, Vec<_>) =
            rows.into_iter().map(|r| (r.contexts, r.residual)).unzip();
        let sum = layer
            .attention
            .output
            .dense
            .forward(Tensor::cat(contexts, 0))
            + Tensor::cat(residual, 0);
        let pooled = pooler.forward(self.upper(index, sum));
        let logits = to_finite(self.model.classifier.forward(pooled), "logits")?;
        let size = self.batch.size() * self.model.labels();
        for (node, values) in nodes.into_iter().zip(logits.chunks_exact(size)) {
            for &variant in &self.plan.nodes[node].variants {
                out[variant * size..(variant + 1) * size].copy_from_slice(values);
            }
        }
        Ok(())
    }
}
