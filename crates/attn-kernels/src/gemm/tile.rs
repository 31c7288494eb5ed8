//! The innermost loop: a few rows and vectors of the result, kept in registers along `k`.

use super::{ROWS, Start, VECTORS, WIDEST};
use pulp::Simd;

/// The rows of `A` that a tile needs.
#[derive(Clone, Copy)]
pub(super) enum Strip<'a> {
    Rows([&'a [f32]; ROWS]),
    /// As many values for each step of `k` as the tile has rows.
    Packed(&'a [f32]),
}

/// Where a tile's sums go.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) stride: usize,
    /// Rows that exist.
    pub(super) count: usize,
    /// Columns from the tile's first to the matrix's last.
    pub(super) width: usize,
    pub(super) start: Start<'a>,
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
pub(super) fn tile<S: Simd, const R: usize, const V: usize>(
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
                    sums[i][j] = simd.mul_add_e_f32s(x, $b[j], sums[i][j]);
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
