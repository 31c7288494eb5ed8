//! Softmax of rows, with scale and bias in the same pass, and its gradient.

use crate::simd::{LANES, exp, fma, sum, sum2, vectorised};
use pulp::{Simd, WithSimd};

/// `softmax(scale · row + bias)` of each row of `width` values, in place. A mask is a bias: a large
/// negative number where nothing may be attended to.
///
/// # Shapes
/// - rows: `[.., width]`; bias: `[width]`, or empty for none
///
/// # Panics
/// When `width` is 0.
pub fn softmax(rows: &mut [f32], width: usize, scale: f32, bias: &[f32]) {
    vectorised(Softmax {
        rows,
        width,
        scale,
        bias,
    });
}

/// The softmax's gradient, in place: `scale · p · (g - Σ g p)` for each row of `width` values.
///
/// # Shapes
/// - gradient, weights (the softmax's output): `[.., width]`
///
/// # Panics
/// When `width` is 0.
pub fn softmax_backward(gradient: &mut [f32], weights: &[f32], width: usize, scale: f32) {
    vectorised(SoftmaxBackward {
        gradient,
        weights,
        width,
        scale,
    });
}

struct Softmax<'a> {
    rows: &'a mut [f32],
    width: usize,
    scale: f32,
    /// As long as a row; empty for none.
    bias: &'a [f32],
}

impl WithSimd for Softmax<'_> {
    type Output = ();
    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        for row in self.rows.chunks_exact_mut(self.width) {
            if self.bias.is_empty() {
                for x in row.iter_mut() {
                    *x *= self.scale;
                }
            } else {
                for (x, b) in row.iter_mut().zip(self.bias) {
                    *x = fma::<S>(*x, self.scale, *b);
                }
            }
            // A NaN is never larger, and comes back through the exponential below.
            let mut lanes = [f32::NEG_INFINITY; LANES];
            let mut blocks = row.chunks_exact(LANES);
            for block in &mut blocks {
                for (m, x) in lanes.iter_mut().zip(block) {
                    *m = if *x > *m { *x } else { *m };
                }
            }
            for (m, x) in lanes.iter_mut().zip(blocks.remainder()) {
                *m = if *x > *m { *x } else { *m };
            }
            let largest = lanes
                .into_iter()
                .fold(f32::NEG_INFINITY, |m, x| if x > m { x } else { m });
            for x in row.iter_mut() {
                *x = exp::<S>(*x - largest);
            }
            let inverse = 1.0 / sum(row, |x| x);
            for x in row.iter_mut() {
                *x *= inverse;
            }
        }
    }
}

struct SoftmaxBackward<'a> {
    gradient: &'a mut [f32],
    weights: &'a [f32],
    width: usize,
    scale: f32,
}

impl WithSimd for SoftmaxBackward<'_> {
    type Output = ();
    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        for (g, p) in self
            .gradient
            .chunks_exact_mut(self.width)
            .zip(self.weights.chunks_exact(self.width))
        {
            let dot = sum2(g, p, |g, p| g * p);
            for (g, p) in g.iter_mut().zip(p) {
                *g = self.scale * p * (*g - dot);
            }
        }
    }
}
