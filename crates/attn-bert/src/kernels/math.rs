//! The arithmetic: plain loops over slices, compiled once for each vector width.
//!
//! Nothing here branches on values, so that the compiler turns every loop into vector instructions
//! once it may use them. [`vectorised`] asks the processor what it has, through `pulp`, which keeps
//! the one unsafe step (calling a function compiled for AVX-512 or AVX2) behind a safe interface.
//! Reductions run in sixteen lanes whatever the processor: with fused multiply-add (AVX2, AVX-512,
//! NEON) results are the same to the bit.

use pulp::{Simd, WithSimd};

/// Runs a kernel with the widest vector instructions of this processor.
pub(super) fn vectorised<K: WithSimd>(kernel: K) -> K::Output {
    #[cfg(target_arch = "x86_64")]
    {
        if let Some(simd) = pulp::x86::V4::try_new() {
            return Simd::vectorize(simd, kernel);
        }
        if let Some(simd) = pulp::x86::V3::try_new() {
            return Simd::vectorize(simd, kernel);
        }
    }
    pulp::Arch::new().dispatch(kernel)
}

/// `a * b + c`, fused where the processor can; without hardware support the fused form is a slow
/// library call.
#[inline(always)]
fn fma<S: Simd>(a: f32, b: f32, c: f32) -> f32 {
    if const { size_of::<S::f32s>() > size_of::<f32>() } {
        a.mul_add(b, c)
    } else {
        a * b + c
    }
}

#[inline(always)]
fn horner<S: Simd, const N: usize>(x: f32, coefficients: [f32; N]) -> f32 {
    let mut sum = 0.0;
    for c in coefficients {
        sum = fma::<S>(sum, x, c);
    }
    sum
}

/// `e^x` for `x <= 0`, within 2 units in the last place; 0 below -87.3 (where the true value leaves
/// the normal numbers), NaN for NaN. For `x` in (0, 88] it holds too.
#[inline(always)]
fn exp<S: Simd>(x: f32) -> f32 {
    // Adding this number leaves the nearest integer in the low bits.
    const ROUND: f32 = 12_582_912.0;
    let shifted = fma::<S>(x, std::f32::consts::LOG2_E, ROUND);
    let n = shifted - ROUND;
    // ln 2 in two parts, so that the remainder is exact to the last bit.
    let r = fma::<S>(n, -0.693_145_75, x);
    let r = fma::<S>(n, -1.428_606_8e-6, r);
    let p = horner::<S, 6>(
        r,
        [
            1.987_569_1e-4,
            1.398_2e-3,
            8.333_452e-3,
            4.166_579_6e-2,
            0.166_666_66,
            0.5,
        ],
    );
    let y = fma::<S>(p * r, r, r) + 1.0;
    let y = y * f32::from_bits((shifted.to_bits() << 23).wrapping_add(1.0f32.to_bits()));
    if x < -87.3 { 0.0 } else { y }
}

/// `Φ(x)` and `e^(-x²/2)`. `Φ(-a) = e^(-a²/2) · t · P(t)` with `t = 1 / (1 + 0.28 a)`; P is a
/// least-maximum fit of degree 5 whose error, times `a`, stays under 6e-9.
#[inline(always)]
fn normal<S: Simd>(x: f32) -> (f32, f32) {
    let t = 1.0 / fma::<S>(x.abs(), 0.28, 1.0);
    let density = exp::<S>(-0.5 * x * x);
    let p = horner::<S, 6>(
        t,
        [
            -0.107_032_67,
            0.394_926_76,
            -0.245_280_01,
            0.275_659_5,
            0.064_767_26,
            0.116_959_12,
        ],
    );
    let tail = p * t * density;
    (if x < 0.0 { tail } else { 1.0 - tail }, density)
}

/// Exact GELU, `x Φ(x)`, in place.
pub(super) struct Gelu<'a> {
    pub values: &'a mut [f32],
}

impl WithSimd for Gelu<'_> {
    type Output = ();
    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        for x in self.values {
            *x *= normal::<S>(*x).0;
        }
    }
}

/// Exact GELU of `x` into another slice.
pub(super) struct GeluInto<'a> {
    pub x: &'a [f32],
    pub to: &'a mut [f32],
}

impl WithSimd for GeluInto<'_> {
    type Output = ();
    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        for (y, x) in self.to.iter_mut().zip(self.x) {
            *y = *x * normal::<S>(*x).0;
        }
    }
}

/// Multiplies a gradient, in place, by GELU's derivative at `x`: `Φ(x) + x φ(x)`.
pub(super) struct GeluBackward<'a> {
    pub gradient: &'a mut [f32],
    pub x: &'a [f32],
}

impl WithSimd for GeluBackward<'_> {
    type Output = ();
    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        const SCALE: f32 = 0.398_942_3; // 1 / √(2π)
        for (g, x) in self.gradient.iter_mut().zip(self.x) {
            let (phi, density) = normal::<S>(*x);
            *g *= fma::<S>(*x * SCALE, density, phi);
        }
    }
}

const LANES: usize = 16;

/// Sum of `f` over two slices of one length, in sixteen lanes and then pairwise.
#[inline(always)]
fn sum2(a: &[f32], b: &[f32], f: impl Fn(f32, f32) -> f32) -> f32 {
    let mut lanes = [0.0f32; LANES];
    let (mut left, mut right) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    for (a, b) in (&mut left).zip(&mut right) {
        for ((total, a), b) in lanes.iter_mut().zip(a).zip(b) {
            *total += f(*a, *b);
        }
    }
    for ((total, a), b) in lanes
        .iter_mut()
        .zip(left.remainder())
        .zip(right.remainder())
    {
        *total += f(*a, *b);
    }
    let mut width = LANES / 2;
    while width > 0 {
        for lane in 0..width {
            lanes[lane] += lanes[lane + width];
        }
        width /= 2;
    }
    lanes[0]
}

/// Sum of `f` over a slice.
#[inline(always)]
fn sum(values: &[f32], f: impl Fn(f32) -> f32) -> f32 {
    sum2(values, values, |x, _| f(x))
}

/// `softmax(scale · row + bias)` of each row, in place.
pub(super) struct Softmax<'a> {
    pub rows: &'a mut [f32],
    pub width: usize,
    pub scale: f32,
    /// As long as a row; empty for none.
    pub bias: &'a [f32],
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

/// The softmax's gradient, in place: `scale · p · (g - Σ g p)`.
pub(super) struct SoftmaxBackward<'a> {
    pub gradient: &'a mut [f32],
    pub weights: &'a [f32],
    pub width: usize,
    pub scale: f32,
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

/// Which elements dropout keeps, as a pure function of two keys and the element's index: the
/// backward pass asks again instead of remembering, and the number of threads changes nothing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Mask {
    pub keys: [u32; 2],
    /// An element is dropped when its 24 random bits lie below this: the probability times 2²⁴.
    pub threshold: u32,
    /// What survivors are multiplied by: `1 / (1 - probability)`.
    pub scale: f32,
}

impl Mask {
    /// Drops nothing.
    pub const NONE: Mask = Mask {
        keys: [0; 2],
        threshold: 0,
        scale: 1.0,
    };

    /// 0 or [`Mask::scale`] for element number `index`. The mixer is Wellons' `lowbias32`, twice.
    #[inline(always)]
    fn factor(self, index: u32) -> f32 {
        let mix = |mut h: u32| {
            h = (h ^ (h >> 16)).wrapping_mul(0x7feb_352d);
            h = (h ^ (h >> 15)).wrapping_mul(0x846c_a68b);
            h ^ (h >> 16)
        };
        let bits = mix(mix(index ^ self.keys[0]).wrapping_add(self.keys[1]));
        if (bits >> 8) < self.threshold {
            0.0
        } else {
            self.scale
        }
    }
}

/// Multiplies by the mask, in place.
pub(super) struct DropOut<'a> {
    pub values: &'a mut [f32],
    /// Index of the first value.
    pub start: u32,
    pub mask: Mask,
}

impl WithSimd for DropOut<'_> {
    type Output = ();
    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let mut index = self.start;
        for x in self.values {
            *x *= self.mask.factor(index);
            index = index.wrapping_add(1);
        }
    }
}

/// Adds the rows to `total`, in order.
pub(super) struct AddRows<'a> {
    pub rows: &'a [f32],
    pub total: &'a mut [f32],
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

/// `mask · x + residual`, in place of `x`: what the LayerNorm normalises.
pub(super) struct Combine<'a> {
    pub values: &'a mut [f32],
    pub residual: &'a [f32],
    /// Index of the first value, for the mask.
    pub start: u32,
    pub mask: Mask,
}

impl WithSimd for Combine<'_> {
    type Output = ();
    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        if self.mask == Mask::NONE {
            for (x, r) in self.values.iter_mut().zip(self.residual) {
                *x += r;
            }
            return;
        }
        let mut index = self.start;
        for (x, r) in self.values.iter_mut().zip(self.residual) {
            *x = fma::<S>(*x, self.mask.factor(index), *r);
            index = index.wrapping_add(1);
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

/// LayerNorm of each row, in place.
pub(super) struct Norm<'a> {
    pub rows: &'a mut [f32],
    pub gamma: &'a [f32],
    pub beta: &'a [f32],
    pub epsilon: f32,
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

/// LayerNorm of each row of `x` into another slice.
pub(super) struct NormInto<'a> {
    pub x: &'a [f32],
    pub to: &'a mut [f32],
    pub gamma: &'a [f32],
    pub beta: &'a [f32],
    pub epsilon: f32,
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

/// LayerNorm's gradient with respect to its input, in place of the gradient; adds those of gamma
/// and beta to the totals. `x` is the input that was normalised.
pub(super) struct NormBackward<'a> {
    pub gradient: &'a mut [f32],
    pub x: &'a [f32],
    pub gamma: &'a [f32],
    pub epsilon: f32,
    pub gamma_total: &'a mut [f32],
    pub beta_total: &'a mut [f32],
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
