//! Checkpoints in and out. Bad input ends in a clear error: a missing file, a broken or foreign
//! `config.json`, a file cut short at any point, a header that lies about offsets, a tensor of
//! another shape or type, a missing tensor, a classifier with other labels, a tokenizer with more
//! ids than embeddings, a pickle that is none, and a folder that cannot be written.

mod common;

use attn_bert::checkpoint::{Checkpoint, CheckpointError, Fresh, initialise, save};
use attn_bert::{BertConfig, BertModel, SequenceClassifier, Want, to_host};
use attn_core::Intervention;
use common::*;
use std::fs;
use std::path::Path;
use tempfile::TempDir;

/// A copy of the tiny checkpoint to damage.
fn copy(name: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(fixture(name)).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), folder.path().join(entry.file_name())).unwrap();
    }
    folder
}

fn edit(path: &Path, change: impl FnOnce(String) -> String) {
    let text = fs::read_to_string(path).unwrap();
    let changed = change(text.clone());
    assert_ne!(text, changed, "the edit hit nothing");
    fs::write(path, changed).unwrap();
}

/// Rewrites the JSON header of a safetensors file, data untouched.
fn edit_header(path: &Path, change: impl FnOnce(&mut serde_json::Value)) {
    let bytes = fs::read(path).unwrap();
    let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let mut header: serde_json::Value = serde_json::from_slice(&bytes[8..8 + length]).unwrap();
    change(&mut header);
    let header = serde_json::to_vec(&header).unwrap();
    let mut out = (header.len() as u64).to_le_bytes().to_vec();
    out.extend(header);
    out.extend(&bytes[8 + length..]);
    fs::write(path, out).unwrap();
}

fn load_error(folder: &Path) -> String {
    let result =
        Checkpoint::open(folder).and_then(|c| c.load_classifier(3, 0, &device()).map(|_| ()));
    result.unwrap_err().to_string()
}

fn logits(model: &SequenceClassifier, expected: &Expected) -> Vec<f32> {
    let tokens = batch(&expected.examples(3));
    to_host(
        model
            .forward(&tokens, &Intervention::none(), None, Want::nothing())
            .unwrap()
            .logits,
    )
    .unwrap()
}

#[test]
fn saved_and_loaded_again_is_the_same_to_the_bit() {
    let expected = Expected::read(&fixture("tiny-bert.expected.safetensors"));
    let checkpoint = Checkpoint::open(fixture("tiny-bert")).unwrap();
    let (model, _) = checkpoint.load_classifier(3, 0, &device()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    save(
        folder.path(),
        &model,
        checkpoint.config(),
        Some(&fixture("tiny-bert")),
    )
    .unwrap();
    let again = Checkpoint::open(folder.path()).unwrap();
    assert_eq!(again.config(), checkpoint.config());
    let (model_again, report) = again.load_classifier(3, 9, &device()).unwrap();
    assert!(
        report.fresh.is_empty() && report.unused.is_empty(),
        "{report:?}"
    );
    assert_eq!(logits(&model, &expected), logits(&model_again, &expected));
    for name in ["tokenizer.json", "vocab.txt", "tokenizer_config.json"] {
        assert_eq!(
            fs::read(folder.path().join(name)).unwrap(),
            fs::read(fixture("tiny-bert").join(name)).unwrap()
        );
    }
    // Nothing but whole files is left.
    assert!(
        fs::read_dir(folder.path()).unwrap().all(|f| !f
            .unwrap()
            .file_name()
            .to_string_lossy()
            .contains("tmp"))
    );
}

#[test]
fn fresh_parts_are_reported_and_follow_the_seed() {
    let checkpoint = Checkpoint::open(fixture("tiny-noprefix")).unwrap();
    let (encoder, report) = checkpoint.load_encoder(&device()).unwrap();
    assert!(encoder.pooler.is_none());
    assert_eq!(
        report.left_out,
        ["pooler.dense.weight", "pooler.dense.bias"]
    );
    let expected = Expected::read(&fixture("tiny-bert.expected.safetensors"));
    let load = |seed| checkpoint.load_classifier(3, seed, &device()).unwrap();
    let (model, report) = load(1);
    assert_eq!(
        report.fresh,
        [
            "pooler.dense.weight",
            "pooler.dense.bias",
            "classifier.weight",
            "classifier.bias"
        ]
    );
    assert_eq!(logits(&model, &expected), logits(&load(1).0, &expected));
    assert_ne!(logits(&model, &expected), logits(&load(2).0, &expected));
}

#[test]
fn unused_tensors_are_listed() {
    let checkpoint = Checkpoint::open(fixture("tiny-bin")).unwrap();
    let (_, report) = checkpoint.load_classifier(3, 0, &device()).unwrap();
    assert!(
        report
            .unused
            .iter()
            .any(|n| n == "bert.embeddings.position_ids"),
        "{report:?}"
    );
    assert!(
        report
            .unused
            .iter()
            .any(|n| n.starts_with("cls.seq_relationship")),
        "{report:?}"
    );
}

/// The random baseline: N(0, 0.02) weights, LayerNorm 1 and 0, biases 0 (Section 4.3).
#[test]
fn normal_initialisation() {
    let mut config: BertConfig = Checkpoint::open(fixture("tiny-bert"))
        .unwrap()
        .config()
        .clone();
    config.hidden_size = 128;
    config.num_attention_heads = 4;
    let draw = |seed| {
        let fresh = Fresh {
            deviation: 0.02,
            seed,
        };
        initialise(BertModel::new(&config, &device()), fresh)
    };
    let model = draw(3);
    let attention = &model.encoder.layer[0].attention;
    let weights = to_host(attention.self_attention.query.weight.val()).unwrap();
    let n = weights.len() as f32;
    let mean = weights.iter().sum::<f32>() / n;
    let deviation = (weights.iter().map(|w| (w - mean).powi(2)).sum::<f32>() / n).sqrt();
    assert!(
        mean.abs() < 1e-3 && (deviation - 0.02).abs() < 1e-3,
        "{mean} {deviation}"
    );
    let bias = to_host(attention.self_attention.query.bias.as_ref().unwrap().val()).unwrap();
    assert!(bias.iter().all(|&b| b == 0.0));
    assert!(
        to_host(attention.output.layer_norm.gamma.val())
            .unwrap()
            .iter()
            .all(|&g| g == 1.0)
    );
    let same = to_host(
        draw(3).encoder.layer[0]
            .attention
            .self_attention
            .query
            .weight
            .val(),
    )
    .unwrap();
    let other = to_host(
        draw(4).encoder.layer[0]
            .attention
            .self_attention
            .query
            .weight
            .val(),
    )
    .unwrap();
    let key = to_host(attention.self_attention.key.weight.val()).unwrap();
    assert_eq!(weights, same);
    assert!(weights != other && weights != key);
}

#[test]
fn missing_files_are_named() {
    let folder = tempfile::tempdir().unwrap();
    assert!(load_error(folder.path()).contains("no config.json"));
    fs::copy(
        fixture("tiny-bert").join("config.json"),
        folder.path().join("config.json"),
    )
    .unwrap();
    let error = load_error(folder.path());
    assert!(
        error.contains("no model.safetensors or pytorch_model.bin"),
        "{error}"
    );
}

#[test]
fn broken_and_foreign_configurations() {
    let folder = copy("tiny-bert");
    let config = folder.path().join("config.json");
    let original = fs::read_to_string(&config).unwrap();
    edit(&config, |t| {
        t.replace("\"num_attention_heads\": 4", "\"num_attention_heads\": 5")
    });
    let error = load_error(folder.path());
    assert!(
        error.contains("config.json") && error.contains("multiple"),
        "{error}"
    );
    fs::write(&config, &original[..original.len() / 2]).unwrap();
    let error = load_error(folder.path());
    assert!(
        error.contains("config.json") && error.contains("line"),
        "{error}"
    );
    fs::write(&config, original.replace("\"bert\"", "\"roberta\"")).unwrap();
    assert!(load_error(folder.path()).contains("roberta"));
}

#[test]
fn a_shape_that_does_not_fit_names_tensor_and_both_shapes() {
    let folder = copy("tiny-bert");
    edit(&folder.path().join("config.json"), |t| {
        t.replace("\"intermediate_size\": 64", "\"intermediate_size\": 48")
    });
    let error = load_error(folder.path());
    for part in [
        "model.safetensors",
        "'bert.encoder.layer.0.intermediate.dense.weight'",
        "[64, 32]",
        "[48, 32]",
    ] {
        assert!(error.contains(part), "{part}: {error}");
    }
    // Another number of labels than the file's classifier has.
    let checkpoint = Checkpoint::open(fixture("tiny-bert")).unwrap();
    assert_eq!(checkpoint.classifier_labels(), Some(3));
    let error = checkpoint
        .load_classifier(2, 0, &device())
        .unwrap_err()
        .to_string();
    for part in ["'classifier.weight'", "[3, 32]", "[2, 32]"] {
        assert!(error.contains(part), "{error}");
    }
}

/// Cut anywhere, the file is refused and named; no cut is accepted silently.
#[test]
fn truncated_files() {
    let folder = copy("tiny-bert");
    let path = folder.path().join("model.safetensors");
    let whole = fs::read(&path).unwrap();
    for length in [0, 4, 8, 9, 500, whole.len() / 2, whole.len() - 1] {
        fs::write(&path, &whole[..length]).unwrap();
        let error = load_error(folder.path());
        assert!(
            error.contains("model.safetensors") && error.contains("damaged"),
            "{length}: {error}"
        );
    }
    for name in ["tiny-bin", "tiny-bin-legacy"] {
        let folder = copy(name);
        let path = folder.path().join("pytorch_model.bin");
        let whole = fs::read(&path).unwrap();
        for length in [0, 10, whole.len() / 2, whole.len() - 1] {
            fs::write(&path, &whole[..length]).unwrap();
            let error = load_error(folder.path());
            assert!(
                error.contains("pytorch_model.bin"),
                "{name} {length}: {error}"
            );
        }
        fs::write(
            &path,
            b"not a pickle at all, but long enough to be looked at",
        )
        .unwrap();
        assert!(load_error(folder.path()).contains("pytorch_model.bin"));
    }
}

#[test]
fn headers_that_lie() {
    const NAME: &str = "bert.encoder.layer.1.output.dense.weight";
    type Change = fn(&mut serde_json::Value);
    let changes: [(&str, Change); 5] = [
        ("offset beyond the file", |h| {
            h[NAME]["data_offsets"][1] = (1u64 << 40).into()
        }),
        ("offset before its start", |h| {
            h[NAME]["data_offsets"] = serde_json::json!([400, 200])
        }),
        ("shape larger than the data", |h| {
            h[NAME]["shape"] = serde_json::json!([64, 64])
        }),
        ("shape that overflows", |h| {
            h[NAME]["shape"] = serde_json::json!([1u64 << 62, 8])
        }),
        ("unknown type", |h| h[NAME]["dtype"] = "F33".into()),
    ];
    for (what, change) in changes {
        let folder = copy("tiny-bert");
        edit_header(&folder.path().join("model.safetensors"), change);
        let error = load_error(folder.path());
        assert!(
            error.contains("model.safetensors") && error.contains("damaged"),
            "{what}: {error}"
        );
    }
    let folder = copy("tiny-bert");
    // Same width, not of floating point.
    edit_header(&folder.path().join("model.safetensors"), |h| {
        h[NAME]["dtype"] = "I32".into()
    });
    let error = load_error(folder.path());
    assert!(error.contains(NAME) && error.contains("I32"), "{error}");
}

#[test]
fn missing_tensors_are_errors_even_though_others_may_be_missing() {
    let folder = copy("tiny-bert");
    edit_header(&folder.path().join("model.safetensors"), |h| {
        let object = h.as_object_mut().unwrap();
        let tensor = object
            .remove("bert.encoder.layer.1.attention.self.key.bias")
            .unwrap();
        object.insert(
            "bert.encoder.layer.1.attention.self.kee.bias".into(),
            tensor,
        );
    });
    let error = load_error(folder.path());
    assert!(
        error.contains("'encoder.layer.1.attention.self.key.bias'"),
        "{error}"
    );
}

#[test]
fn a_tokenizer_of_another_model_is_refused() {
    let checkpoint = Checkpoint::open(fixture("tiny-bert")).unwrap();
    let rows = checkpoint.config().vocab_size;
    let tokenizer = Path::new("other/tokenizer.json");
    checkpoint.check_vocabulary(tokenizer, rows).unwrap();
    let error = checkpoint
        .check_vocabulary(tokenizer, rows + 1)
        .unwrap_err()
        .to_string();
    for part in [
        "other/tokenizer.json",
        "word_embeddings",
        &(rows + 1).to_string(),
        &format!("[{rows}, 32]"),
    ] {
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn a_folder_that_cannot_be_written_is_named() {
    let checkpoint = Checkpoint::open(fixture("tiny-bert")).unwrap();
    let (model, _) = checkpoint.load_encoder(&device()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let blocked = folder.path().join("file");
    fs::write(&blocked, "in the way").unwrap();
    let error = save(&blocked.join("model"), &model, checkpoint.config(), None).unwrap_err();
    assert!(
        matches!(error, CheckpointError::Write(_)) && error.to_string().contains("file"),
        "{error}"
    );
    assert_eq!(fs::read(&blocked).unwrap(), b"in the way");
}
