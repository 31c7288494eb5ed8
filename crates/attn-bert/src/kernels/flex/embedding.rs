//! Rows of a table. Burn's gradient of a table is cleared, copied for alignment and copied once more
//! when it is taken out, 47 MB each time for BERT's words; this one is cleared by all cores.

use super::{ordered, tensor, values, zeros};
use burn::backend::autodiff::checkpoint::{base::Checkpointer, strategy::CheckpointStrategy};
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::flex::FlexTensor;
use burn::backend::{
    Autodiff, Backend, Flex, TensorMetadata, backend_extension, tensor::FloatTensor,
};

/// The operation; see the parent module.
#[backend_extension(Flex, Autodiff)]
pub(in super::super) trait EmbeddingOps: Backend {
    /// Rows `ids`, all of which exist, of `table: [rows, n]`: `[ids, n]`.
    fn fused_embedding(table: FloatTensor<Self>, ids: Vec<usize>) -> FloatTensor<Self>;
}

fn width(table: &FlexTensor) -> usize {
    super::last(table)
}

fn embedding(table: &FlexTensor, ids: &[usize]) -> FlexTensor {
    let width = width(table);
    let table = values(table);
    let mut result = Vec::with_capacity(ids.len() * width);
    for id in ids {
        result.extend_from_slice(&table[id * width..][..width]);
    }
    tensor(result, [ids.len(), width])
}

impl EmbeddingOps for Flex {
    fn fused_embedding(table: FloatTensor<Self>, ids: Vec<usize>) -> FloatTensor<Self> {
        embedding(&ordered(table), &ids)
    }
}

#[derive(Debug)]
struct Rows;

impl Backward<Flex, 1> for Rows {
    type State = (Vec<usize>, [usize; 2]); // ids and the table's shape
    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let (gradient, [node]) = (ordered(grads.consume::<Flex>(&ops.node)), ops.parents);
        let (ids, [rows, width]) = ops.state;
        if let Some(node) = node {
            let mut sum = zeros(rows * width);
            for (id, gradient) in ids.iter().zip(values(&gradient).chunks_exact(width)) {
                for (sum, g) in sum[id * width..][..width].iter_mut().zip(gradient) {
                    *sum += g;
                }
            }
            grads.register::<Flex>(node.id, tensor(sum, [rows, width]));
        }
    }
}

impl<C: CheckpointStrategy> EmbeddingOps for Autodiff<Flex, C> {
    fn fused_embedding(table: FloatTensor<Self>, ids: Vec<usize>) -> FloatTensor<Self> {
        let (table, node) = table.into_parts();
        let table = ordered(table);
        let output = embedding(&table, &ids);
        match Rows.prepare::<C>([node]).compute_bound().stateful() {
            OpsKind::Tracked(prep) => {
                let width = width(&table);
                let rows = table.shape().num_elements() / width.max(1);
                prep.finish((ids, [rows, width]), output)
            }
            OpsKind::UnTracked(prep) => prep.finish(output),
        }
    }
}
