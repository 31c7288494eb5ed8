//! Tiny models and data that the tests share.

#![allow(dead_code)] // each test file uses a part

use attn_bert::{Backend, Checkpoint, SequenceClassifier};
use attn_core::Label;
use attn_train::{TrainExample, TrainingSet};
use burn::module::Param;
use burn::tensor::{Device, Tensor, TensorData};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

pub fn device() -> Device {
    Backend::Flex.device(0).unwrap()
}

/// attn-bert's tiny checkpoint: 2 layers, 4 heads, width 32, 106 word pieces, 3 labels.
pub fn tiny() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../attn-bert/tests/fixtures/tiny-bert")
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

/// A checkpoint with every dropout set to `probability`. The folder must outlive the checkpoint's
/// use of its tokenizer only; weights are in memory.
pub fn with_dropout(folder: &Path, probability: f64) -> (Checkpoint, TempDir) {
    let copy = tempfile::tempdir().unwrap();
    let text = std::fs::read_to_string(folder.join("config.json")).unwrap();
    let mut config: serde_json::Value = serde_json::from_str(&text).unwrap();
    for field in ["hidden_dropout_prob", "attention_probs_dropout_prob"] {
        config[field] = probability.into();
    }
    std::fs::write(copy.path().join("config.json"), config.to_string()).unwrap();
    let (from, to) = (
        folder.join("model.safetensors"),
        copy.path().join("model.safetensors"),
    );
    // A link where the file system has them: the real model is large.
    std::fs::hard_link(&from, &to)
        .or_else(|_| std::fs::copy(&from, &to).map(|_| ()))
        .unwrap();
    (Checkpoint::open(copy.path()).unwrap(), copy)
}

/// Replaces the classifier; `weights` are `[labels, hidden]`, the bias becomes 0.
pub fn set_classifier(model: &mut SequenceClassifier, labels: usize, weights: &[f32]) {
    let device = model.bert.device();
    let tensor = Tensor::<2>::from_data(
        TensorData::new(weights.to_vec(), [labels, weights.len() / labels]),
        &device,
    );
    model.classifier.weight = Param::from_tensor(tensor.transpose());
    model.classifier.bias = Some(Param::from_tensor(Tensor::zeros([labels], &device)));
}

/// The tiny model with three labels.
pub fn tiny_model(dropout: f64) -> SequenceClassifier {
    let (checkpoint, _folder) = with_dropout(&tiny(), dropout);
    checkpoint.load_classifier(3, 0, &device()).unwrap().0
}

/// Random examples of unequal lengths. The label says which of three groups of pieces they are
/// mostly from, so that there is something to learn.
pub fn examples(count: usize, seed: u64) -> TrainingSet {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let examples = (0..count).map(|_| {
        let (class, length) = (rng.random_range(0..3usize), rng.random_range(4..24usize));
        let ids = (0..length)
            .map(|_| {
                let group = if rng.random_bool(0.9) {
                    class
                } else {
                    rng.random_range(0..3)
                };
                (5 + group * 33 + rng.random_range(0..4)) as u32
            })
            .collect();
        let cut = rng.random_range(1..length);
        let types = (0..length).map(|i| u32::from(i >= cut)).collect();
        TrainExample {
            ids,
            types,
            label: Label::Class(class),
        }
    });
    TrainingSet::new(examples.collect())
}

/// All weights, as the bytes of a saved model.
pub fn weights(model: &SequenceClassifier) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let config = Checkpoint::open(tiny()).unwrap().config().clone();
    attn_bert::checkpoint::save(folder.path(), model, &config, None).unwrap();
    std::fs::read(folder.path().join("model.safetensors")).unwrap()
}
