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

use super::math::vectorised;
use pulp::{Simd, WithSimd};
use rayon::prelude::*;
use std::cell::Cell;

/// Length of a block of `k`: a panel of `B` that deep stays in the first-level cache.
const DEPTH: usize = 192;
/// Vectors in a tile's row and in a panel's.
const VECTORS: usize = 3;
/// Rows of a tile with 32 vector registers, and with 16.
const ROWS: usize = 8;
const FEW_ROWS: usize = 4;
/// Floats in the widest vector.
const WIDEST: usize = 16;

/// A matrix within a slice: element `(i, j)` lies at `i * down + j * right`. One of the two is 1.
#[derive(Debug, Clone, Copy)]
pub(super) struct Matrix<'a> {
    pub values: &'a [f32],
    pub down: usize,
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
pub(super) enum Start<'a> {
    /// Nothing.
    Zero,
    /// A value a column.
    Bias(&'a [f32]),
    /// The values of another matrix with the result's layout.
    Rows(&'a [f32]),
    /// What the result holds already.
    Result,
}

/// Floats in a vector of this processor.
fn lanes() -> usize {
    struct Lanes;
    impl WithSimd for Lanes {
        type Output = usize;
        #[inline(always)]
        fn with_simd<S: Simd>(self, _: S) -> usize {
            S::F32_LANES
        }
    }
    vectorised(Lanes)
}

/// `B` in panels.
#[derive(Debug, Default)]
pub(super) struct Packed {
    memory: Vec<f32>,
    /// Where the values start in it: on a line of the cache. Vectors across two lines load at half
    /// the speed.
    at: usize,
    /// Columns, and columns with padding to whole vectors.
    n: usize,
    padded: usize,
    k: usize,
    panel: usize,
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

/// Rows of `C` from packed `B`: `c[i * stride + j]` for `j < n`, on one thread.
pub(super) struct Block<'a> {
    /// First row of `A` at its start.
    pub a: Matrix<'a>,
    pub b: &'a Packed,
    pub c: &'a mut [f32],
    pub stride: usize,
    pub rows: usize,
    pub start: Start<'a>,
    /// Room for a packed piece of `A`.
    pub scratch: &'a mut Vec<f32>,
}

impl WithSimd for Block<'_> {
    type Output = ();
    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        if const { S::F32_LANES >= WIDEST } {
            self.run::<S, ROWS>(simd);
        } else {
            self.run::<S, FEW_ROWS>(simd);
        }
    }
}

impl Block<'_> {
    #[inline(always)]
    fn run<S: Simd, const R: usize>(self, simd: S) {
        let Packed {
            memory,
            at,
            n,
            padded,
            k,
            panel,
        } = self.b;
        let (n, padded, k, panel, values) = (*n, *padded, *k, *panel, &memory[*at..]);
        let mut from = 0;
        while from < k {
            let depth = DEPTH.min(k - from);
            // Rows that lie in memory as tiles read them need no packing.
            let direct = R == ROWS && self.a.right == 1;
            if !direct {
                pack_rows::<R>(self.scratch, self.a, self.rows, from, depth);
            }
            let block = &values[from * padded..(from + depth) * padded];
            for (p, b) in block.chunks(depth * panel).enumerate() {
                let first = p * panel;
                let (b, _) = S::as_simd_f32s(b);
                let mut row = 0;
                while row < self.rows {
                    let count = R.min(self.rows - row);
                    let a = if direct {
                        Strip::Rows(std::array::from_fn(|i| {
                            let row = row + i.min(count - 1);
                            &self.a.values[row * self.a.down + from..][..depth]
                        }))
                    } else {
                        Strip::Packed(&self.scratch[row * depth..(row + R) * depth])
                    };
                    let c = &mut self.c[row * self.stride + first..];
                    let start = match self.start {
                        _ if from > 0 => Start::Result,
                        Start::Bias(bias) => Start::Bias(&bias[first..]),
                        Start::Rows(base) => Start::Rows(&base[row * self.stride + first..]),
                        other => other,
                    };
                    let place = Place {
                        stride: self.stride,
                        count,
                        width: n - first,
                        start,
                    };
                    match b.len() / depth {
                        3 => tile::<S, R, 3>(simd, a, b, c, place),
                        2 => tile::<S, R, 2>(simd, a, b, c, place),
                        _ => tile::<S, R, 1>(simd, a, b, c, place),
                    }
                    row += R;
                }
            }
            from += depth;
        }
    }
}

/// A piece of `A` as its tiles read it, `R` rows at a time: `[rows / R, depth, R]`.
#[inline(always)]
fn pack_rows<const R: usize>(
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

/// The rows of `A` that a tile needs.
#[derive(Clone, Copy)]
enum Strip<'a> {
    Rows([&'a [f32]; ROWS]),
    /// As many values for each step of `k` as the tile has rows.
    Packed(&'a [f32]),
}

/// Where a tile's sums go.
#[derive(Clone, Copy)]
struct Place<'a> {
    stride: usize,
    /// Rows that exist.
    count: usize,
    /// Columns from the tile's first to the matrix's last.
    width: usize,
    start: Start<'a>,
}

/// Sums that go on from what stands in `from`, `width` values a row.
// A copy of slices puts the sums on the stack; plain index loops keep them in registers.
#[allow(clippy::manual_memcpy)]
#[inline(always)]
fn load<S: Simd, const R: usize, const V: usize>(
    sums: &mut [[S::f32s; V]; R],
    from: &[f32],
    place: Place<'_>,
    width: usize,
) {
    let whole = V * S::F32_LANES;
    for i in 0..R {
        if i >= place.count {
            break;
        }
        let row = &from[i * place.stride..][..width];
        if width == whole {
            let (row, _) = S::as_simd_f32s(row);
            for j in 0..V {
                sums[i][j] = row[j];
            }
        } else {
            let mut edge = [0.0f32; VECTORS * WIDEST];
            edge[..width].copy_from_slice(row);
            let (row, _) = S::as_simd_f32s(&edge);
            for j in 0..V {
                sums[i][j] = row[j];
            }
        }
    }
}

/// `b` holds as many values for each step of `k` as the tile has columns.
#[inline(always)]
#[allow(clippy::needless_range_loop)]
fn tile<S: Simd, const R: usize, const V: usize>(
    simd: S,
    a: Strip<'_>,
    b: &[S::f32s],
    c: &mut [f32],
    place: Place<'_>,
) {
    let lanes = S::F32_LANES;
    let width = place.width.min(V * lanes);
    let whole = width == V * lanes && place.count == R;
    let mut sums = [[simd.splat_f32s(0.0); V]; R];
    match place.start {
        Start::Zero => {}
        Start::Bias(bias) => {
            let mut row = [0.0f32; VECTORS * WIDEST];
            row[..width].copy_from_slice(&bias[..width]);
            let (row, _) = S::as_simd_f32s(&row);
            for sums in &mut sums {
                sums.copy_from_slice(&row[..V]);
            }
        }
        Start::Rows(base) => load::<S, R, V>(&mut sums, base, place, width),
        Start::Result => load::<S, R, V>(&mut sums, c, place, width),
    }
    let (b, _) = b.as_chunks::<V>();
    // Plain indices: the compiler keeps `sums` in registers only if it sees each place by itself.
    // No closure either: it would be compiled without the vector instructions.
    macro_rules! add {
        ($a:expr, $b:expr) => {
            for i in 0..R {
                let x = simd.splat_f32s($a[i % $a.len()]);
                for j in 0..V {
                    sums[i][j] = simd.mul_add_f32s(x, $b[j], sums[i][j]);
                }
            }
        };
    }
    match a {
        Strip::Packed(a) => {
            let (a, _) = a.as_chunks::<R>();
            for (a, b) in a.iter().zip(b) {
                let b = *b;
                add!(a, b);
            }
        }
        Strip::Rows([r0, r1, r2, r3, r4, r5, r6, r7]) => {
            // Zipped, so that one bound is checked and not nine.
            let rows = r0
                .iter()
                .zip(r1)
                .zip(r2)
                .zip(r3)
                .zip(r4)
                .zip(r5)
                .zip(r6)
                .zip(r7);
            for ((((((((x0, x1), x2), x3), x4), x5), x6), x7), b) in rows.zip(b) {
                let (a, b) = ([*x0, *x1, *x2, *x3, *x4, *x5, *x6, *x7], *b);
                add!(a, b);
            }
        }
    }
    if whole {
        for (i, sums) in sums.iter().enumerate() {
            let (row, _) = S::as_mut_simd_f32s(&mut c[i * place.stride..][..V * lanes]);
            row.copy_from_slice(sums);
        }
    } else {
        let mut edge = [0.0f32; VECTORS * WIDEST];
        for (i, sums) in sums.iter().enumerate() {
            if i < place.count {
                let (row, _) = S::as_mut_simd_f32s(&mut edge);
                row[..V].copy_from_slice(sums);
                c[i * place.stride..][..width].copy_from_slice(&edge[..width]);
            }
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

/// Rows of `C` that one task computes. It depends on the shape alone.
pub(super) fn rows_per_task(m: usize) -> usize {
    m.div_ceil(4).next_multiple_of(ROWS).clamp(ROWS, 96)
}

/// `C = A · B` with `C: [m, n]` and `A: [m, k]`, in parallel. `finish` gets every block of finished
/// rows, with the index of its first row and the same rows of `second`, which is as large as `C` or
/// empty.
pub(super) fn product(
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
