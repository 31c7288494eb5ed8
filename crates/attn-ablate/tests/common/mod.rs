//! The tiny model of attn-bert's fixtures and all-MiniLM-L6-v2 from the cache.

#![allow(dead_code)] // each test file uses a part

use attn_bert::checkpoint::{Fresh, initialise};
use attn_bert::{Backend, Checkpoint, SequenceClassifier, TokenIds};
use burn::tensor::Device;
use safetensors::SafeTensors;
use std::path::{Path, PathBuf};

pub type Example = (Vec<u32>, Vec<u32>);

pub fn device() -> Device {
    Backend::Flex.device(0).unwrap()
}

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../attn-bert/tests/fixtures")
}

/// Two layers of four heads, three labels, large weights; its ids of every length in the fixture.
pub fn tiny() -> (SequenceClassifier, Vec<Example>) {
    let checkpoint = Checkpoint::open(fixtures().join("tiny-bert")).unwrap();
    let (model, _) = checkpoint.load_classifier(3, 0, &device()).unwrap();
    let bytes = std::fs::read(fixtures().join("tiny-bert.expected.safetensors")).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let mut examples = Vec::new();
    for case in 0.. {
        let Ok(ids) = file.tensor(&format!("case{case}.input_ids")) else {
            break;
        };
        let read = |name: &str| -> Vec<u32> {
            let tensor = file.tensor(&format!("case{case}.{name}")).unwrap();
            tensor
                .data()
                .as_chunks::<8>()
                .0
                .iter()
                .map(|b| i64::from_le_bytes(*b) as u32)
                .collect()
        };
        let (all, types, mask) = (
            read("input_ids"),
            read("token_type_ids"),
            read("attention_mask"),
        );
        let width = ids.shape()[1];
        for row in 0..ids.shape()[0] {
            let length = mask[row * width..][..width].iter().sum::<u32>() as usize;
            let cut = |v: &[u32]| v[row * width..][..length].to_vec();
            examples.push((cut(&all), cut(&types)));
        }
    }
    assert!(examples.len() >= 3);
    (model, examples)
}

/// A deeper model than the fixture, with weights from a seed: what happens between layers shows.
/// With the fixture's deviation of 0.3, five layers would amplify rounding beyond 1e-5.
pub fn deep(layers: usize, heads: usize, labels: usize, seed: u64) -> SequenceClassifier {
    let checkpoint = Checkpoint::open(fixtures().join("tiny-bert")).unwrap();
    let mut config = checkpoint.config().clone();
    config.num_hidden_layers = layers;
    config.num_attention_heads = heads;
    let model = SequenceClassifier::new(&config, labels, &device());
    initialise(
        model,
        Fresh {
            deviation: 0.15,
            seed,
        },
    )
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

pub fn tokens(examples: &[Example]) -> Vec<TokenIds<'_>> {
    examples
        .iter()
        .map(|(ids, types)| TokenIds { ids, types })
        .collect()
}

pub fn max_difference(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    assert!(a.iter().chain(b).all(|v| v.is_finite()));
    a.iter()
        .zip(b)
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, f32::max)
}
