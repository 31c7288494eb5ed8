//! A sum that changes by a few columns' share of a linear map: what disabling a head does to the
//! attention output.

use super::{last, length, ordered, room, tensor, values};
use attn_kernels::{Matrix, Start, product};
use burn::backend::flex::FlexTensor;
use burn::backend::{Backend, Flex, TensorMetadata, backend_extension, tensor::FloatTensor};

/// The operation; it has no gradient.
#[backend_extension(Flex)]
pub(in super::super) trait ChangeOps: Backend {
    /// `base + x[.., from..from + count] · weight[from..from + count]` with `base: [.., outputs]`,
    /// `x: [.., inputs]`, `weight: [inputs, outputs]`.
    fn fused_change(
        base: FloatTensor<Self>,
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        from: usize,
        count: usize,
    ) -> FloatTensor<Self>;
}

fn change(
    base: &FlexTensor,
    x: &FlexTensor,
    weight: &FlexTensor,
    from: usize,
    count: usize,
) -> FlexTensor {
    let (inputs, outputs) = (last(x), last(weight));
    let mut result = room(length(base));
    product(
        Matrix::rows(&values(x)[from..], inputs),
        Matrix::rows(&values(weight)[from * outputs..], outputs),
        [length(x) / inputs, count, outputs],
        Start::Rows(values(base)),
        [&mut result, &mut []],
        |_, _, _| {},
    );
    tensor(result, base.shape())
}

impl ChangeOps for Flex {
    fn fused_change(
        base: FloatTensor<Self>,
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        from: usize,
        count: usize,
    ) -> FloatTensor<Self> {
        change(&ordered(base), &ordered(x), &ordered(weight), from, count)
    }
}
