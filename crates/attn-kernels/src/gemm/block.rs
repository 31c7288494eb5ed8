//! A block of rows of the result, on one thread: panel by panel, tile by tile.

use super::pack::{Packed, pack_rows};
use super::tile::{Place, Strip, tile};
use super::{DEPTH, FEW_ROWS, Matrix, ROWS, Start, WIDEST};
use pulp::{Simd, WithSimd};

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
