//! Products of matrices, `C = A · B`, in plain Rust.
//!
//! Burn multiplies matrices with the `gemm` crate at the processor's peak, but every product clears
//! its result, copies it once for alignment and only then computes, and nothing can be added to a
//! product while its result is still in the cache. Here is the same algorithm (Goto and van de Geijn,
//! 2008) with room for both: a bias where sums start, and any work on a block of finished rows.
//!
//! `B` is packed into panels of a few vectors' width, `k` in blocks of [`DEPTH`]; blocks of rows of
//! `C` are handed out to threads, and a tile of `C` stays in registers while it runs down a panel.
//! Every element is summed in the order of `k`, whatever the processor's vectors and the threads.

mod block;
mod pack;
mod tile;

use crate::simd::vectorised;
use block::Block;
use pack::{with_packed, with_scratch};
use rayon::prelude::*;

/// Length of a block of `k`: a panel of `B` that deep stays in the first-level cache.
pub(super) const DEPTH: usize = 192;
/// Vectors in a tile's row and in a panel's.
pub(super) const VECTORS: usize = 3;
/// Rows of a tile with 32 vector registers, and with 16.
pub(super) const ROWS: usize = 8;
pub(super) const FEW_ROWS: usize = 4;
/// Floats in the widest vector.
pub(super) const WIDEST: usize = 16;

/// A matrix within a slice: element `(i, j)` lies at `i * down + j * right`. One of the two is 1.
#[derive(Debug, Clone, Copy)]
pub struct Matrix<'a> {
    /// The slice.
    pub values: &'a [f32],
    /// Distance between rows.
    pub down: usize,
    /// Distance between columns.
    pub right: usize,
}

impl<'a> Matrix<'a> {
    /// Rows one after the other, `width` apart.
    pub fn rows(values: &'a [f32], width: usize) -> Self {
        Self {
            values,
            down: width,
            right: 1,
        }
    }

    /// The matrix from a row on.
    pub fn from(self, row: usize) -> Self {
        Self {
            values: &self.values[row * self.down..],
            ..self
        }
    }

    /// The transpose of rows that lie `width` apart.
    pub fn columns(values: &'a [f32], width: usize) -> Self {
        Self {
            values,
            down: 1,
            right: width,
        }
    }
}

/// What the sums start from.
#[derive(Debug, Clone, Copy)]
pub enum Start<'a> {
    /// Nothing.
    Zero,
    /// A value a column.
    Bias(&'a [f32]),
    /// The values of another matrix with the result's layout.
    Rows(&'a [f32]),
    /// What the result holds already.
    Result,
}

/// Rows of `C` that one task computes. It depends on the shape alone.
fn rows_per_task(m: usize) -> usize {
    m.div_ceil(4).next_multiple_of(ROWS).clamp(ROWS, 96)
}

/// `C = A · B` with `C: [m, n]` and `A: [m, k]`, in parallel. `finish` gets every block of finished
/// rows, with the index of its first row and the same rows of `second`, which is as large as `C` or
/// empty.
///
/// # Panics
/// When a slice is shorter than its matrix.
pub fn product(
    a: Matrix<'_>,
    b: Matrix<'_>,
    [m, k, n]: [usize; 3],
    start: Start<'_>,
    [c, second]: [&mut [f32]; 2],
    finish: impl Fn(usize, &mut [f32], &mut [f32]) + Sync,
) {
    with_packed(|packed| {
        packed.pack(b, k, n, k * n > 1 << 14);
        let (packed, task) = (&*packed, rows_per_task(m));
        let mut second = second.chunks_mut(task * n);
        let tasks: Vec<_> = c[..m * n]
            .chunks_mut(task * n)
            .map(|c| (c, second.next().unwrap_or_default()))
            .collect();
        tasks
            .into_par_iter()
            .enumerate()
            .for_each(|(i, (c, second))| {
                let row = i * task;
                with_scratch(|scratch| {
                    vectorised(Block {
                        a: a.from(row),
                        b: packed,
                        stride: n,
                        rows: c.len() / n,
                        c: &mut *c,
                        start: match start {
                            Start::Rows(base) => Start::Rows(&base[row * n..]),
                            other => other,
                        },
                        scratch,
                    });
                });
                finish(row, c, second);
            });
    });
}

/// `c = a · b` on this thread; rows of `c` lie `stride` apart. `a: [rows, k]`, `b: [k, n]`.
///
/// # Panics
/// When a slice is shorter than its matrix.
pub fn multiply(
    a: Matrix<'_>,
    b: Matrix<'_>,
    [rows, k, n]: [usize; 3],
    c: &mut [f32],
    stride: usize,
) {
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
