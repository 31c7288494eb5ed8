//! The exact GELU and its gradient.

use crate::simd::{fma, normal, vectorised};
use pulp::{Simd, WithSimd};

/// Exact GELU, `x Φ(x)` with the normal distribution's `Φ`, in place.
pub fn gelu(values: &mut [f32]) {
    vectorised(Gelu { values });
}

/// Exact GELU of `x` into `to`, for as many values as the shorter of the two has.
pub fn gelu_into(x: &[f32], to: &mut [f32]) {
    vectorised(GeluInto { x, to });
}

/// Multiplies a gradient, in place, by GELU's derivative at `x`, `Φ(x) + x φ(x)`, for as many values
/// as the shorter of the two has.
pub fn gelu_backward(gradient: &mut [f32], x: &[f32]) {
    vectorised(GeluBackward { gradient, x });
}

struct Gelu<'a> {
    values: &'a mut [f32],
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

struct GeluInto<'a> {
    x: &'a [f32],
    to: &'a mut [f32],
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

struct GeluBackward<'a> {
    gradient: &'a mut [f32],
    x: &'a [f32],
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
