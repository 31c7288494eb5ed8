//! Reference values written by `reference/make_fixtures.py` with PyTorch and transformers.

#![allow(dead_code)] // each test file uses a part

pub mod tensors;

use attn_bert::{Backend, TokenBatch, TokenIds};
use burn::tensor::Device;
use safetensors::SafeTensors;
use std::path::{Path, PathBuf};

pub fn device() -> Device {
    Backend::Flex.device(0).unwrap()
}

pub fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures")
        .join(name)
}

/// The folder of the 12×12 model among the shared data, if it is there.
pub fn shared_e5() -> Option<PathBuf> {
    let shared = std::env::var("ATTN_SHARED")
        .unwrap_or_else(|_| concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared").to_owned());
    let folder = Path::new(&shared).join("models/multilingual-e5-small-en-pt");
    folder.is_dir().then_some(folder)
}

/// all-MiniLM-L6-v2 in the cache, if it was fetched.
pub fn cached_minilm() -> Option<PathBuf> {
    let cache = std::env::var_os("ATTN_CACHE")
        .map(PathBuf::from)
        .or_else(|| {
            Some(PathBuf::from(std::env::var_os("XDG_CACHE_HOME")?).join("attention-atlas"))
        })
        .or_else(|| {
            Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache/attention-atlas"))
        })?;
    let folder = cache.join("all-MiniLM-L6-v2");
    folder.join("model.safetensors").is_file().then_some(folder)
}

/// A file of expected values.
pub struct Expected(Vec<u8>);

impl Expected {
    pub fn read(path: &Path) -> Self {
        Self(std::fs::read(path).unwrap())
    }

    fn tensor(&self, name: &str) -> Option<(Vec<usize>, Vec<u8>)> {
        let file = SafeTensors::deserialize(&self.0).unwrap();
        let tensor = file.tensor(name).ok()?;
        Some((tensor.shape().to_vec(), tensor.data().to_vec()))
    }

    /// Shape and values of an f32 tensor.
    pub fn floats(&self, name: &str) -> Option<(Vec<usize>, Vec<f32>)> {
        let (shape, bytes) = self.tensor(name)?;
        let values = bytes
            .as_chunks::<4>()
            .0
            .iter()
            .map(|b| f32::from_le_bytes(*b))
            .collect();
        Some((shape, values))
    }

    pub fn ints(&self, name: &str) -> Option<(Vec<usize>, Vec<i64>)> {
        let (shape, bytes) = self.tensor(name)?;
        let values = bytes
            .as_chunks::<8>()
            .0
            .iter()
            .map(|b| i64::from_le_bytes(*b))
            .collect();
        Some((shape, values))
    }

    pub fn metadata(&self, key: &str) -> Option<String> {
        let (_, metadata) = SafeTensors::read_metadata(&self.0).unwrap();
        metadata.metadata().as_ref()?.get(key).cloned()
    }

    /// Number of cases.
    pub fn cases(&self) -> usize {
        (0..)
            .take_while(|i| self.tensor(&format!("case{i}.input_ids")).is_some())
            .count()
    }

    /// Ids and segments of each example of a case, without padding.
    pub fn examples(&self, case: usize) -> Vec<(Vec<u32>, Vec<u32>)> {
        let (shape, ids) = self.ints(&format!("case{case}.input_ids")).unwrap();
        let (_, types) = self.ints(&format!("case{case}.token_type_ids")).unwrap();
        let (_, mask) = self.ints(&format!("case{case}.attention_mask")).unwrap();
        let width = shape[1];
        (0..shape[0])
            .map(|row| {
                let range = row * width..(row + 1) * width;
                let length = mask[range.clone()].iter().sum::<i64>() as usize;
                let cut = |values: &[i64]| {
                    values[range.clone()][..length]
                        .iter()
                        .map(|&v| v as u32)
                        .collect()
                };
                (cut(&ids), cut(&types))
            })
            .collect()
    }
}

pub fn batch(examples: &[(Vec<u32>, Vec<u32>)]) -> TokenBatch {
    let tokens: Vec<TokenIds<'_>> = examples
        .iter()
        .map(|(ids, types)| TokenIds { ids, types })
        .collect();
    TokenBatch::new(&tokens).unwrap()
}

pub fn max_difference(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    assert!(a.iter().chain(b).all(|v| v.is_finite()));
    a.iter()
        .zip(b)
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, f32::max)
}

/// Cuts one example out of `[layers, batch, rows, width, width]` maps, without padding.
pub fn cut_maps(shape: &[usize], values: &[f32], example: usize, length: usize) -> Vec<f32> {
    let [layers, size, heads, width, _] = shape[..] else {
        panic!("{shape:?}")
    };
    let mut out = Vec::new();
    for layer in 0..layers {
        for head in 0..heads {
            let start = ((layer * size + example) * heads + head) * width * width;
            for row in 0..length {
                out.extend_from_slice(&values[start + row * width..][..length]);
            }
        }
    }
    out
}

/// Cuts one example out of `[states, batch, width, hidden]`, without padding.
pub fn cut_hidden(shape: &[usize], values: &[f32], example: usize, length: usize) -> Vec<f32> {
    let [states, size, width, hidden] = shape[..] else {
        panic!("{shape:?}")
    };
    let mut out = Vec::new();
    for state in 0..states {
        let start = (state * size + example) * width * hidden;
        out.extend_from_slice(&values[start..][..length * hidden]);
    }
    out
}
