//! Float32 loops on slices: matrix products, softmax, GELU, LayerNorm, dropout and their gradients.
//!
//! What it does: one pass over memory for each operation, on the widest vector instructions of the
//! processor ([`path()`]). What it does not: no tensors, no shapes beyond slices and widths, no memory
//! of its own but packing buffers of the calling thread. Only [`product`] uses several threads.
//!
//! Slices that are too short for the sizes given with them are a fault of the caller: functions panic
//! there, as slicing does, and say so under "Panics".
//!
//! Accuracy: GELU within 5e-7 of the exact value on [-10, 10], softmax within 2e-7. NaN and infinities
//! go through as in the plain formulas.
//!
//! ```
//! let mut values = [1.0f32];
//! attn_kernels::gelu(&mut values);
//! assert!((values[0] - 0.841_345).abs() < 1e-6);
//! ```

mod activation;
mod conv;
mod dropout;
mod gemm;
mod norm;
mod path;
mod simd;
mod softmax;

pub use activation::{gelu, gelu_backward, gelu_into};
pub use conv::{Convolution, LANES as CONVOLUTION_LANES, PIXELS as CONVOLUTION_PIXELS, convolve};
pub use dropout::{Mask, combine, drop_out};
pub use gemm::{Matrix, Start, multiply, product};
pub use norm::{NormParameters, add_rows, norm, norm_backward, norm_into};
pub use path::{Path, PathError, VARIABLE, path};
pub use softmax::{softmax, softmax_backward};

/// The README's example, compiled as a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
