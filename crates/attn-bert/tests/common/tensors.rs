//! Tensors of random numbers, and how close two of them are.

use attn_bert::to_host;
use burn::nn::{Dropout, DropoutConfig};
use burn::tensor::{Device, Tensor, TensorData};
use rand::{Rng, SeedableRng};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Burn's generator is one for the whole process: tests that seed it or draw from it take turns.
pub fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

pub fn vector(values: &[f32], device: &Device) -> Tensor<1> {
    Tensor::from_data(TensorData::new(values.to_vec(), [values.len()]), device)
}

pub fn random<const D: usize>(shape: [usize; D], seed: u64, device: &Device) -> Tensor<D> {
    let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(seed);
    let values: Vec<f32> = (0..shape.iter().product())
        .map(|_| rng.random_range(-3.0..3.0))
        .collect();
    Tensor::from_data(TensorData::new(values, shape), device)
}

pub fn host<const D: usize>(x: &Tensor<D>) -> Vec<f32> {
    to_host(x.clone()).unwrap()
}

#[track_caller]
pub fn close(what: &str, a: &[f32], b: &[f32], tolerance: f32) {
    assert_eq!(a.len(), b.len(), "{what}");
    for (i, (a, b)) in a.iter().zip(b).enumerate() {
        let allowed = tolerance * (1.0 + b.abs());
        assert!(
            (a - b).abs() <= allowed,
            "{what}[{i}]: {a} against {b}, allowed {allowed}"
        );
    }
}

/// Bias of a padded batch: example `i` has `keys - i` real keys.
pub fn padding(batch: usize, keys: usize, device: &Device) -> Tensor<4> {
    let values: Vec<f32> = (0..batch * keys)
        .map(|i| {
            if i % keys < keys.saturating_sub(i / keys).max(1) {
                0.0
            } else {
                -1e9
            }
        })
        .collect();
    Tensor::from_data(TensorData::new(values, [batch, 1, 1, keys]), device)
}

/// A dropout that drops nothing.
pub fn off() -> Dropout {
    DropoutConfig::new(0.0).init()
}
