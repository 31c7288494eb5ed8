//! Running a loop with vector instructions, and the arithmetic that several loops share.
//!
//! Nothing here branches on values, so that the compiler turns every loop into vector instructions
//! once it may use them. `pulp` keeps the one unsafe step (calling a function compiled for AVX-512 or
//! AVX2) behind a safe interface. Reductions run in sixteen lanes whatever the processor: with fused
//! multiply-add (AVX2, AVX-512, NEON) results are the same to the bit.

use crate::path::{Path, current};
use pulp::{Simd, WithSimd};

/// Runs a kernel with the instructions of this process's path.
#[inline]
pub(crate) fn vectorised<K: WithSimd>(kernel: K) -> K::Output {
    vectorised_on(current(), kernel)
}

/// Runs a kernel with the instructions of a path; where the processor lacks them, portably.
#[inline]
pub(crate) fn vectorised_on<K: WithSimd>(path: Path, kernel: K) -> K::Output {
    #[cfg(target_arch = "x86_64")]
    {
        if path == Path::Avx512
            && let Some(simd) = pulp::x86::V4::try_new()
        {
            return Simd::vectorize(simd, kernel);
        }
        if path == Path::Avx2
            && let Some(simd) = pulp::x86::V3::try_new()
        {
            return Simd::vectorize(simd, kernel);
        }
    }
    #[cfg(target_arch = "aarch64")]
    if path == Path::Neon
        && let Some(simd) = pulp::aarch64::Neon::try_new()
    {
        return Simd::vectorize(simd, kernel);
    }
    let _ = path; // on processors without any of these
    Simd::vectorize(pulp::Scalar::new(), kernel)
}

/// Floats in a vector of the path that kernels take.
pub(crate) fn lanes() -> usize {
    struct Lanes;
    impl WithSimd for Lanes {
        type Output = usize;
        #[inline(always)]
        fn with_simd<S: Simd>(self, _: S) -> usize {
            S::F32_LANES
        }
    }
    vectorised_on(current(), Lanes)
}

/// `a * b + c`, fused where the processor can; without hardware support the fused form is a slow
/// library call.
#[inline(always)]
pub(crate) fn fma<S: Simd>(a: f32, b: f32, c: f32) -> f32 {
    if const { size_of::<S::f32s>() > size_of::<f32>() } {
        a.mul_add(b, c)
    } else {
        a * b + c
    }
}

#[inline(always)]
pub(crate) fn horner<S: Simd, const N: usize>(x: f32, coefficients: [f32; N]) -> f32 {
    let mut sum = 0.0;
    for c in coefficients {
        sum = fma::<S>(sum, x, c);
    }
    sum
}

/// `e^x` for `x <= 0`, within 2 units in the last place; 0 below -87.3 (where the true value leaves
/// the normal numbers), NaN for NaN. For `x` in (0, 88] it holds too.
#[inline(always)]
pub(crate) fn exp<S: Simd>(x: f32) -> f32 {
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
pub(crate) fn normal<S: Simd>(x: f32) -> (f32, f32) {
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

pub(crate) const LANES: usize = 16;

/// Sum of `f` over two slices of one length, in sixteen lanes and then pairwise.
#[inline(always)]
pub(crate) fn sum2(a: &[f32], b: &[f32], f: impl Fn(f32, f32) -> f32) -> f32 {
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
pub(crate) fn sum(values: &[f32], f: impl Fn(f32) -> f32) -> f32 {
    sum2(values, values, |x, _| f(x))
}
