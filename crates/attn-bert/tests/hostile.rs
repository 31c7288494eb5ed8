//! Checkpoints that ask for more than they hold: refused before a model is made.

use attn_bert::checkpoint::Checkpoint;
use std::path::Path;
use std::time::{Duration, Instant};

/// The tiny model with one thing changed in `config.json`, or other bytes for its weights.
fn open(change: (&str, &str), weights: Option<&[u8]>) -> String {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/tiny-bert");
    let folder = tempfile::tempdir().unwrap();
    let config = std::fs::read_to_string(fixture.join("config.json")).unwrap();
    assert!(config.contains(change.0), "{config}");
    std::fs::write(
        folder.path().join("config.json"),
        config.replace(change.0, change.1),
    )
    .unwrap();
    let bytes = std::fs::read(fixture.join("model.safetensors")).unwrap();
    let path = folder.path().join("model.safetensors");
    std::fs::write(path, weights.unwrap_or(&bytes)).unwrap();
    let start = Instant::now();
    let error = Checkpoint::open(folder.path()).unwrap_err().to_string();
    assert!(
        start.elapsed() < Duration::from_secs(10),
        "{:?}",
        start.elapsed()
    );
    error
}

#[test]
fn a_configuration_larger_than_its_weights_is_refused() {
    let error = open(
        ("\"num_hidden_layers\": 2", "\"num_hidden_layers\": 1000000"),
        None,
    );
    assert!(
        error.contains("config.json") && error.contains("holds 2 layers"),
        "{error}"
    );
    let error = open(
        (
            "\"intermediate_size\": 64",
            "\"intermediate_size\": 4000000000",
        ),
        None,
    );
    assert!(
        error.contains("model.safetensors") && error.contains("4000000000"),
        "{error}"
    );
}

#[test]
fn headers_of_a_million_tensors_are_refused() {
    let plain = ("\"num_hidden_layers\": 2", "\"num_hidden_layers\": 2");
    let file = |count: usize| {
        let tensor =
            |i| format!("\"{i}\":{{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]}}");
        let header = format!(
            "{{{}}}",
            (0..count).map(tensor).collect::<Vec<_>>().join(",")
        );
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.extend(header.as_bytes());
        bytes
    };
    let error = open(plain, Some(&file(1_300_000)));
    assert!(error.contains("MAX_WEIGHT_HEADER_BYTES"), "{error}");
    let error = open(plain, Some(&file(20_001)));
    assert!(error.contains("MAX_TENSORS"), "{error}");
}
