//! Copies of both factors in the order in which tiles read them, and the memory for them.

use super::{DEPTH, Matrix, VECTORS, WIDEST};
use crate::simd::lanes;
use rayon::prelude::*;
use std::cell::Cell;

/// `B` in panels.
#[derive(Debug, Default)]
pub(super) struct Packed {
    pub(super) memory: Vec<f32>,
    /// Where the values start in it: on a line of the cache. Vectors across two lines load at half
    /// the speed.
    pub(super) at: usize,
    /// Columns, and columns with padding to whole vectors.
    pub(super) n: usize,
    pub(super) padded: usize,
    pub(super) k: usize,
    pub(super) panel: usize,
}

impl Packed {
    /// Packs `B`, `[k, n]`, in parallel or not; reuses its memory.
    pub fn pack(&mut self, b: Matrix<'_>, k: usize, n: usize, parallel: bool) {
        let lanes = lanes();
        (self.k, self.n, self.panel) = (k, n, lanes * VECTORS);
        self.padded = n.div_ceil(lanes) * lanes;
        let size = k * self.padded;
        if self.memory.len() < size + WIDEST {
            self.memory = vec![0.0; size + WIDEST];
            let line = WIDEST * size_of::<f32>();
            self.at = self.memory.as_ptr().align_offset(line).min(WIDEST);
        }
        let (padded, panel) = (self.padded, self.panel);
        let block = |(i, values): (usize, &mut [f32])| {
            let (from, depth) = (i * DEPTH, values.len() / padded);
            let one = |(p, panel_values): (usize, &mut [f32])| {
                let first = p * panel;
                let width = panel_values.len() / depth;
                let used = width.min(n - first);
                fill(panel_values, width, b, from, first, used);
            };
            if parallel {
                values
                    .par_chunks_mut(depth * panel)
                    .enumerate()
                    .for_each(one);
            } else {
                values.chunks_mut(depth * panel).enumerate().for_each(one);
            }
        };
        let values = &mut self.memory[self.at..self.at + size];
        if parallel {
            values
                .par_chunks_mut(DEPTH * padded)
                .enumerate()
                .for_each(block);
        } else {
            values
                .chunks_mut(DEPTH * padded)
                .enumerate()
                .for_each(block);
        }
    }
}

/// One panel: rows of `width` values, of which `used` are the matrix's and the rest 0.
fn fill(panel: &mut [f32], width: usize, b: Matrix<'_>, from: usize, first: usize, used: usize) {
    if used < width {
        panel.fill(0.0);
    }
    if b.right == 1 {
        for (k, row) in panel.chunks_exact_mut(width).enumerate() {
            let source = &b.values[(from + k) * b.down + first..][..used];
            // A copy of known length is no call.
            match (row.as_chunks_mut::<WIDEST>(), source.as_chunks::<WIDEST>()) {
                ((row, []), (source, [])) if row.len() == VECTORS => {
                    for (x, y) in row.iter_mut().zip(source) {
                        *x = *y;
                    }
                }
                _ => row[..used].copy_from_slice(source),
            }
        }
        return;
    }
    let depth = panel.len() / width;
    let mut j = 0;
    // Eight columns at a time, so that a line of the panel is written while it is near.
    while j + 8 <= used {
        let column = |c: usize| &b.values[(first + j + c) * b.right + from..][..depth];
        let columns: [&[f32]; 8] = std::array::from_fn(column);
        for (k, row) in panel.chunks_exact_mut(width).enumerate().take(depth) {
            let row = &mut row[j..j + 8];
            for (x, column) in row.iter_mut().zip(columns) {
                *x = column[k];
            }
        }
        j += 8;
    }
    for j in j..used {
        let column = &b.values[(first + j) * b.right + from..][..depth];
        for (row, x) in panel.chunks_exact_mut(width).zip(column) {
            row[j] = *x;
        }
    }
}

/// A piece of `A` as its tiles read it, `R` rows at a time: `[rows / R, depth, R]`.
#[inline(always)]
pub(super) fn pack_rows<const R: usize>(
    scratch: &mut Vec<f32>,
    a: Matrix<'_>,
    rows: usize,
    from: usize,
    depth: usize,
) {
    let size = rows.div_ceil(R) * R * depth;
    if scratch.len() < size {
        scratch.resize(size, 0.0);
    }
    if a.right != 1 {
        // Along the rows of memory, each of which has a few values for every tile.
        for k in 0..depth {
            let source = &a.values[(from + k) * a.right..][..rows];
            let (whole, rest) = source.as_chunks::<R>();
            for (t, source) in whole.iter().enumerate() {
                scratch[(t * depth + k) * R..][..R].copy_from_slice(source);
            }
            if !rest.is_empty() {
                scratch[(whole.len() * depth + k) * R..][..rest.len()].copy_from_slice(rest);
            }
        }
        return;
    }
    for (t, tile) in scratch[..size].chunks_exact_mut(R * depth).enumerate() {
        let (first, count) = (t * R, R.min(rows - t * R));
        // Rows that do not exist are the last one again; nothing reads their sums.
        let rows: [&[f32]; R] = std::array::from_fn(|i| {
            &a.values[(first + i.min(count - 1)) * a.down + from..][..depth]
        });
        let (tile, _) = tile.as_chunks_mut::<R>();
        let (blocks, rest) = tile.as_chunks_mut::<8>();
        let done = blocks.len() * 8;
        for (k, block) in blocks.iter_mut().enumerate() {
            let square: [[f32; 8]; R] = rows.map(|row| row.as_chunks::<8>().0[k]);
            for (k, x) in block.iter_mut().enumerate() {
                *x = square.map(|row| row[k]);
            }
        }
        for (k, x) in rest.iter_mut().enumerate() {
            *x = rows.map(|row| row[done + k]);
        }
    }
}

thread_local! {
    // Taken out while in use, so that a thread that helps another one meanwhile finds its own.
    static PACKED: Cell<Packed> = const { Cell::new(Packed { memory: Vec::new(), at: 0, n: 0, padded: 0, k: 0, panel: 0 }) };
    static SCRATCH: Cell<Vec<f32>> = const { Cell::new(Vec::new()) };
}

/// Memory of this thread for packing `A`.
pub(super) fn with_scratch<T>(work: impl FnOnce(&mut Vec<f32>) -> T) -> T {
    let mut scratch = SCRATCH.take();
    let result = work(&mut scratch);
    SCRATCH.set(scratch);
    result
}

/// Memory of this thread for packing `B`.
pub(super) fn with_packed<T>(work: impl FnOnce(&mut Packed) -> T) -> T {
    let mut packed = PACKED.take();
    let result = work(&mut packed);
    PACKED.set(packed);
    result
}
