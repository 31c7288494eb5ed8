//! A 3×3 convolution with ReLU on small pictures, channels last.

use crate::simd::vectorised;
use pulp::{Simd, WithSimd};

/// Output channels that are computed side by side.
pub const LANES: usize = 16;
/// Pixels that are computed side by side.
pub const PIXELS: usize = 8;

/// A convolution's sizes and weights.
#[derive(Debug, Clone)]
pub struct Convolution {
    /// Input channels.
    pub inputs: usize,
    /// Output channels, a multiple of [`LANES`].
    pub outputs: usize,
    /// 1 or 2.
    pub stride: usize,
    /// Width and height of the input, without its border.
    pub side: usize,
    /// Width and height of the output, without its border; its square is a multiple of [`PIXELS`].
    pub out_side: usize,
    /// `[outputs / LANES, 3, 3 * inputs, LANES]`.
    pub weight: Vec<f32>,
    /// `[outputs]`.
    pub bias: Vec<f32>,
}

/// `max(0, convolution(input))`, on this thread. Input and output have a border of one zero pixel,
/// which is not written.
///
/// # Shapes
/// - input: `[side + 2, side + 2, inputs]`; output: `[out_side + 2, out_side + 2, outputs]`
///
/// # Panics
/// When a slice is shorter than its shape.
pub fn convolve(layer: &Convolution, input: &[f32], output: &mut [f32]) {
    vectorised(Convolve {
        layer,
        input,
        output,
    });
}

struct Convolve<'a> {
    layer: &'a Convolution,
    input: &'a [f32],
    output: &'a mut [f32],
}

impl WithSimd for Convolve<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Convolution {
            inputs,
            outputs,
            stride,
            side,
            out_side,
            ref weight,
            ref bias,
        } = *self.layer;
        // Three neighbouring pixels of a row lie side by side.
        let taps = 3 * inputs;
        let pitch = (side + 2) * inputs;
        let per_block = LANES / S::F32_LANES;
        let zero = simd.splat_f32s(0.0);
        let blocks = weight
            .chunks_exact(3 * taps * LANES)
            .zip(bias.chunks_exact(LANES));
        for (block, (weight, bias)) in blocks.enumerate() {
            let (weight, bias) = (S::as_simd_f32s(weight).0, S::as_simd_f32s(bias).0);
            for first in (0..out_side * out_side).step_by(PIXELS) {
                let place = |p: usize| ((first + p) / out_side, (first + p) % out_side);
                let starts: [usize; PIXELS] = std::array::from_fn(|p| {
                    let (y, x) = place(p);
                    y * stride * pitch + x * stride * inputs
                });
                for (part, &bias) in bias.iter().enumerate() {
                    let mut sums = [bias; PIXELS];
                    for (ky, weight) in weight.chunks_exact(taps * per_block).enumerate() {
                        let rows: [&[f32]; PIXELS] = std::array::from_fn(|p| {
                            let start = starts[p] + ky * pitch;
                            &self.input[start..start + taps]
                        });
                        let weight = weight.iter().skip(part).step_by(per_block);
                        for (tap, &weight) in weight.enumerate().take(taps) {
                            for (sum, row) in sums.iter_mut().zip(rows) {
                                *sum = simd.mul_add_e_f32s(simd.splat_f32s(row[tap]), weight, *sum);
                            }
                        }
                    }
                    for (p, sum) in sums.into_iter().enumerate() {
                        let (y, x) = place(p);
                        let at = ((y + 1) * (out_side + 2) + x + 1) * outputs
                            + block * LANES
                            + part * S::F32_LANES;
                        let place = &mut self.output[at..at + S::F32_LANES];
                        if let Some(place) = S::as_mut_simd_f32s(place).0.first_mut() {
                            *place = simd.max_f32s(sum, zero);
                        }
                    }
                }
            }
        }
    }
}
