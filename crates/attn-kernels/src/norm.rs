//! LayerNorm of rows, its gradient, and sums over rows.

use crate::simd::{fma, sum, sum2, vectorised};
use pulp::{Simd, WithSimd};

/// A LayerNorm's parameters; rows are as long as `gamma`.
#[derive(Debug, Clone, Copy)]
pub struct NormParameters<'a> {
    /// Scale, `[width]`.
    pub gamma: &'a [f32],
    /// Shift, `[width]`.
    pub beta: &'a [f32],
    /// Added to the variance.
    pub epsilon: f32,
}

/// Adds the rows to `total`, in order.
///
/// # Shapes
/// - rows: `[.., width]`; total: `[width]`
///
/// # Panics
/// When `total` is empty.
pub fn add_rows(rows: &[f32], total: &mut [f32]) {
    vectorised(AddRows { rows, total });
}

/// LayerNorm of each row, in place.
///
/// # Shapes
/// - rows: `[.., width]`
///
/// # Panics
/// When `gamma` is empty.
pub fn norm(rows: &mut [f32], parameters: NormParameters<'_>) {
    let NormParameters {
        gamma,
        beta,
        epsilon,
    } = parameters;
    vectorised(Norm {
        rows,
        gamma,
        beta,
        epsilon,
    });
}

/// LayerNorm of each row of `x` into `to`.
///
/// # Shapes
/// - x, to: `[.., width]`
///
/// # Panics
/// When `gamma` is empty.
pub fn norm_into(x: &[f32], to: &mut [f32], parameters: NormParameters<'_>) {
    let NormParameters {
        gamma,
        beta,
        epsilon,
    } = parameters;
    vectorised(NormInto {
        x,
        to,
        gamma,
        beta,
        epsilon,
    });
}

/// LayerNorm's gradient with respect to its input, in place of the output's gradient; adds those of
/// gamma and beta to the totals. `x` is what was normalised.
///
/// # Shapes
/// - gradient, x: `[.., width]`; gamma and both totals: `[width]`
///
/// # Panics
/// When `gamma` is empty.
pub fn norm_backward(
    gradient: &mut [f32],
    x: &[f32],
    gamma: &[f32],
    epsilon: f32,
    [gamma_total, beta_total]: [&mut [f32]; 2],
) {
    vectorised(NormBackward {
        gradient,
        x,
        gamma,
        epsilon,
        gamma_total,
        beta_total,
    });
}

struct AddRows<'a> {
    rows: &'a [f32],
    total: &'a mut [f32],
}

impl WithSimd for AddRows<'_> {
    type Output = ();
    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        for row in self.rows.chunks_exact(self.total.len()) {
            for (t, x) in self.total.iter_mut().zip(row) {
                *t += x;
            }
        }
    }
}

/// Mean and reciprocal deviation of a row.
#[inline(always)]
fn moments(row: &[f32], epsilon: f32) -> (f32, f32) {
    let count = row.len() as f32;
    let mean = sum(row, |x| x) / count;
    let variance = sum(row, |x| (x - mean) * (x - mean)) / count;
    (mean, 1.0 / (variance + epsilon).sqrt())
}

struct Norm<'a> {
    rows: &'a mut [f32],
    gamma: &'a [f32],
    beta: &'a [f32],
    epsilon: f32,
}

impl WithSimd for Norm<'_> {
    type Output = ();
    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        for row in self.rows.chunks_exact_mut(self.gamma.len()) {
            let (mean, inverse) = moments(row, self.epsilon);
            for ((x, g), b) in row.iter_mut().zip(self.gamma).zip(self.beta) {
                *x = fma::<S>((*x - mean) * inverse, *g, *b);
            }
        }
    }
}

struct NormInto<'a> {
    x: &'a [f32],
    to: &'a mut [f32],
    gamma: &'a [f32],
    beta: &'a [f32],
    epsilon: f32,
}

impl WithSimd for NormInto<'_> {
    type Output = ();
    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let width = self.gamma.len();
        for (row, to) in self
            .x
            .chunks_exact(width)
            .zip(self.to.chunks_exact_mut(width))
        {
            let (mean, inverse) = moments(row, self.epsilon);
            for (((y, x), g), b) in to.iter_mut().zip(row).zip(self.gamma).zip(self.beta) {
                *y = fma::<S>((*x - mean) * inverse, *g, *b);
            }
        }
    }
}

struct NormBackward<'a> {
    gradient: &'a mut [f32],
    x: &'a [f32],
    gamma: &'a [f32],
    epsilon: f32,
    gamma_total: &'a mut [f32],
    beta_total: &'a mut [f32],
}

impl WithSimd for NormBackward<'_> {
    type Output = ();
    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let width = self.gamma.len();
        let count = width as f32;
        for (g, x) in self
            .gradient
            .chunks_exact_mut(width)
            .zip(self.x.chunks_exact(width))
        {
            let (mean, inverse) = moments(x, self.epsilon);
            for (((g, x), dg), db) in g
                .iter_mut()
                .zip(x)
                .zip(self.gamma_total.iter_mut())
                .zip(self.beta_total.iter_mut())
            {
                *dg = fma::<S>(*g, (*x - mean) * inverse, *dg);
                *db += *g;
            }
            for (g, gamma) in g.iter_mut().zip(self.gamma) {
                *g *= gamma;
            }
            let average = sum(g, |g| g) / count;
            let along = sum2(g, x, |g, x| g * ((x - mean) * inverse)) / count;
            for (g, x) in g.iter_mut().zip(x) {
                let normalised = (*x - mean) * inverse;
                *g = inverse * (*g - average - normalised * along);
            }
        }
    }
}
