//! Dropout whose mask is never stored, alone and together with a residual connection.

use crate::simd::{fma, vectorised};
use pulp::{Simd, WithSimd};

/// Which elements dropout keeps, as a pure function of two keys and the element's index: the
/// backward pass asks again instead of remembering, and the number of threads changes nothing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mask {
    /// Two keys of the random numbers.
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

/// Multiplies by the mask, in place; `start` is the index of the first value.
pub fn drop_out(values: &mut [f32], start: u32, mask: Mask) {
    vectorised(DropOut {
        values,
        start,
        mask,
    });
}

/// `mask · x + residual`, in place of `x`: what the LayerNorm after a residual connection normalises.
/// `start` is the index of the first value.
pub fn combine(values: &mut [f32], residual: &[f32], start: u32, mask: Mask) {
    vectorised(Combine {
        values,
        residual,
        start,
        mask,
    });
}

struct DropOut<'a> {
    values: &'a mut [f32],
    /// Index of the first value.
    start: u32,
    mask: Mask,
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

struct Combine<'a> {
    values: &'a mut [f32],
    residual: &'a [f32],
    /// Index of the first value, for the mask.
    start: u32,
    mask: Mask,
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
