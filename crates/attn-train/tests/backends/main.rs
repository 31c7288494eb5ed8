//! One suite for every backend: the encoder, its gradients, ablation sweeps and training give on any
//! device what they give on the CPU and in PyTorch, within the tolerances below (docs/backends.md
//! lists what was measured).
//!
//! ```sh
//! cargo test --workspace --test backends                                    # flex
//! cargo test --workspace --features attn-atlas/wgpu --test backends         # flex and wgpu
//! ATTN_TEST_BACKEND=wgpu ATTN_TEST_DEVICE=1 cargo test …                    # wgpu's device 1 alone
//! ```
//!
//! Without `ATTN_TEST_BACKEND` every backend of the build is tested whose device 0 can be opened, and
//! the others say SKIPPED; a backend that is asked for by name must be there. The cases are tiny: a
//! software Vulkan computes a few billion operations a second and compiles every kernel anew.

#[path = "../common/mod.rs"]
mod common;
mod kernels;
mod machine;
mod parity;
mod sweep;
mod training;

use attn_bert::{Backend, Checkpoint, SequenceClassifier, TokenBatch, TokenIds};
use burn::tensor::Device;
use safetensors::SafeTensors;
use std::path::{Path, PathBuf};

/// How far a backend may be off.
struct Tolerance {
    /// Largest absolute difference of a map's weights from PyTorch's.
    maps: f32,
    /// Of hidden states and logits.
    hidden: f32,
    /// Of gradients, the largest of which is 13.
    gradients: f32,
    /// Of single operations and their gradients, relative to the largest gradient.
    operations: f32,
    /// Largest relative difference of a training step's loss and gradient norm.
    steps: f64,
}

/// Backends that compute in 32 bits.
const EXACT: Tolerance = Tolerance {
    maps: 2e-5,
    hidden: 2e-4,
    gradients: 1e-4,
    operations: 2e-5,
    steps: 1e-4,
};

/// NVIDIA's tensor cores round the factors of matrix products to 11 bits (TF32), and Burn uses them
/// where they are. Three times what PyTorch shows with factors rounded so (docs/backends.md).
const TF32: Tolerance = Tolerance {
    maps: 1.5e-2,
    hidden: 3e-2,
    gradients: 0.12,
    operations: 5e-3,
    steps: 3e-2,
};

fn tolerance(backend: Backend) -> &'static Tolerance {
    match backend {
        Backend::Flex | Backend::Wgpu => &EXACT,
        Backend::Cuda => &TF32,
    }
}

/// A backend and its device.
struct Place {
    backend: Backend,
    device: Device,
}

/// The device number under test.
fn index() -> usize {
    match std::env::var("ATTN_TEST_DEVICE") {
        Ok(text) => text.parse().expect("ATTN_TEST_DEVICE is a device's number"),
        Err(_) => 0,
    }
}

/// The backends under test.
fn places() -> Vec<Place> {
    let open = |backend: Backend| {
        let device = backend.device(index())?;
        Ok::<_, attn_bert::BackendError>(Place { backend, device })
    };
    if let Ok(names) = std::env::var("ATTN_TEST_BACKEND") {
        let backends = names.split(',').map(|name| name.trim().parse().unwrap());
        return backends.map(|b| open(b).unwrap()).collect();
    }
    let compiled = Backend::ALL.into_iter().filter(|b| b.is_compiled_in());
    let found = compiled.filter_map(|backend| match open(backend) {
        Ok(place) => Some(place),
        Err(error) => {
            eprintln!("SKIPPED: {error}");
            None
        }
    });
    found.collect()
}

/// The device that others are compared with; `None`, with a word, in a build without `flex`.
fn reference() -> Option<Device> {
    match Backend::Flex.device(0) {
        Ok(device) => Some(device),
        Err(error) => {
            eprintln!("SKIPPED: comparison with flex: {error}");
            None
        }
    }
}

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../attn-bert/tests/fixtures")
        .join(name)
}

/// Two layers of four heads, width 32, three labels; no dropout without autodiff.
fn tiny_model(device: &Device) -> SequenceClassifier {
    let checkpoint = Checkpoint::open(common::tiny()).unwrap();
    checkpoint.load_classifier(3, 0, device).unwrap().0
}

type Example = (Vec<u32>, Vec<u32>);

/// What PyTorch gave for tiny-bert.
struct Expected(Vec<u8>);

impl Expected {
    fn read(name: &str) -> Self {
        Self(std::fs::read(fixture(name)).unwrap())
    }

    fn bytes(&self, name: &str) -> Option<(Vec<usize>, Vec<u8>)> {
        let file = SafeTensors::deserialize(&self.0).unwrap();
        let tensor = file.tensor(name).ok()?;
        Some((tensor.shape().to_vec(), tensor.data().to_vec()))
    }

    fn names(&self) -> Vec<String> {
        let file = SafeTensors::deserialize(&self.0).unwrap();
        file.names().into_iter().map(str::to_owned).collect()
    }

    /// Shape and values.
    fn floats(&self, name: &str) -> (Vec<usize>, Vec<f32>) {
        let (shape, bytes) = self.bytes(name).unwrap_or_else(|| panic!("no {name}"));
        let values = bytes.as_chunks::<4>().0.iter();
        (shape, values.map(|b| f32::from_le_bytes(*b)).collect())
    }

    fn ints(&self, name: &str) -> Option<(Vec<usize>, Vec<u32>)> {
        let (shape, bytes) = self.bytes(name)?;
        let values = bytes.as_chunks::<8>().0.iter();
        Some((
            shape,
            values.map(|b| i64::from_le_bytes(*b) as u32).collect(),
        ))
    }

    /// Ids and segments of a case's examples, without padding; `None` after the last case.
    fn case(&self, case: usize) -> Option<Vec<Example>> {
        let (shape, ids) = self.ints(&format!("case{case}.input_ids"))?;
        let (_, types) = self.ints(&format!("case{case}.token_type_ids"))?;
        let (_, mask) = self.ints(&format!("case{case}.attention_mask"))?;
        let rows = (0..shape[0]).map(|row| row * shape[1]..(row + 1) * shape[1]);
        let example = |row: std::ops::Range<usize>| {
            let length = mask[row.clone()].iter().sum::<u32>() as usize;
            let cut = |values: &[u32]| values[row.clone()][..length].to_vec();
            (cut(&ids), cut(&types))
        };
        Some(rows.map(example).collect())
    }
}

fn tokens(examples: &[Example]) -> Vec<TokenIds<'_>> {
    let tokens = examples.iter().map(|(ids, types)| TokenIds { ids, types });
    tokens.collect()
}

fn batch(examples: &[Example]) -> TokenBatch {
    TokenBatch::new(&tokens(examples)).unwrap()
}

fn max_difference(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    assert!(a.iter().chain(b).all(|v| v.is_finite()));
    let differences = a.iter().zip(b).map(|(a, b)| (a - b).abs());
    differences.fold(0.0, f32::max)
}

/// Prints what was measured, for docs/backends.md (`-- --nocapture` shows it).
fn report(backend: Backend, what: &str, worst: f64, tolerance: f64) {
    println!("| {backend} | {what} | {worst:.1e} | {tolerance:.0e} |");
    assert!(
        worst <= tolerance,
        "{backend}: {what} differ by {worst:e}, more than {tolerance:e}"
    );
}

#[test]
fn the_build_has_a_backend_to_test() {
    assert!(!places().is_empty());
}
