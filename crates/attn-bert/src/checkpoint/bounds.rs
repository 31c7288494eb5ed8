//! What a checkpoint's files may ask for, compared before a model is allocated.
//!
//! `config.json` says how large the model is, and the weight file what there is of it. A model is
//! made by the former, so that a small file could ask for any amount of memory: the two are compared
//! first. Names and shapes suffice; no value is read.

use super::names::canonical;
use super::{CheckpointError, Weights};
use crate::BertConfig;
use attn_core::guard::{Panicked, quietly};
use attn_core::limits;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::Path;

/// Reads `config.json` within its limit.
pub(super) fn config_text(path: &Path) -> Result<String, CheckpointError> {
    limits::read_text(path, limits::MAX_CONFIG_BYTES, "MAX_CONFIG_BYTES").map_err(|source| {
        CheckpointError::Io {
            path: path.to_owned(),
            action: "read",
            source,
        }
    })
}

/// Checks the numbers of `config.json` that no weight file bounds.
pub(super) fn config(path: &Path, config: &BertConfig) -> Result<(), CheckpointError> {
    let (heads, labels) = (config.num_attention_heads, config.labels().unwrap_or(0));
    limits::check(
        "attention heads",
        heads as u64,
        limits::MAX_HEADS,
        "MAX_HEADS",
    )
    .and_then(|()| limits::check("labels", labels as u64, limits::MAX_LABELS, "MAX_LABELS"))
    .map_err(|exceeded| CheckpointError::Config {
        path: path.to_owned(),
        reason: exceeded.to_string(),
    })
}

/// Checks a safetensors file's header length before the file is read.
pub(super) fn safetensors_header(path: &Path) -> Result<(), CheckpointError> {
    let mut start = Vec::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(8).read_to_end(&mut start))
        .map_err(|source| CheckpointError::Io {
            path: path.to_owned(),
            action: "read",
            source,
        })?;
    limits::safetensors_header(&start).map_err(|e| damaged(path, e.to_string()))
}

/// Runs a reader of another crate; its panic becomes an error that names the file.
pub(super) fn quiet<T>(
    path: &Path,
    read: impl FnOnce() -> Result<T, CheckpointError>,
) -> Result<T, CheckpointError> {
    quietly(read).unwrap_or_else(|panic: Panicked| Err(damaged(path, panic.to_string())))
}

/// Checks how many tensors a weight file has, and that those of a pickle (name, bytes) lie in
/// it: a pickle may repeat one value as often as it likes.
pub(super) fn tensors<'a>(
    path: &Path,
    tensors: impl ExactSizeIterator<Item = (&'a str, usize)>,
) -> Result<(), CheckpointError> {
    let count = tensors.len() as u64;
    limits::check("tensors", count, limits::MAX_TENSORS, "MAX_TENSORS")
        .map_err(|e| damaged(path, e.to_string()))?;
    let file = path.metadata().map_or(0, |m| m.len());
    let mut total = 0u64;
    for (name, size) in tensors {
        let size = size as u64;
        total = total.saturating_add(size);
        // Tied tensors share their values, the word embeddings and the decoder for one.
        if size > file || total > file.saturating_mul(3) {
            return Err(damaged(
                path,
                format!(
                    "tensor '{name}' takes {size} bytes and the tensors up to it {total}, but the file has {file}"
                ),
            ));
        }
    }
    Ok(())
}

fn damaged(path: &Path, reason: String) -> CheckpointError {
    CheckpointError::Damaged {
        path: path.to_owned(),
        reason,
    }
}

/// Compares what a configuration asks for with what the weight file has: the number of layers, the
/// shapes of the tables and of the feed-forward layer. What else does not fit is found while loading.
pub(super) fn fit(
    config_path: &Path,
    config: &BertConfig,
    weights: &Weights,
) -> Result<(), CheckpointError> {
    let names: BTreeMap<String, &str> = weights
        .names()
        .map(|name| (canonical(name), name))
        .collect();
    let layers: BTreeSet<usize> = names
        .keys()
        .filter_map(|name| name.strip_prefix("encoder.layer."))
        .filter_map(|rest| rest.split('.').next()?.parse().ok())
        .collect();
    let found = (0..).take_while(|layer| layers.contains(layer)).count();
    if found > 0 && config.num_hidden_layers > found {
        return Err(CheckpointError::Config {
            path: config_path.to_owned(),
            reason: format!(
                "num_hidden_layers is {}, but {} holds {found} layers",
                config.num_hidden_layers,
                weights.path().display()
            ),
        });
    }
    let hidden = config.hidden_size;
    let tables = [
        ("embeddings.word_embeddings.weight", config.vocab_size),
        (
            "embeddings.position_embeddings.weight",
            config.max_position_embeddings,
        ),
        (
            "embeddings.token_type_embeddings.weight",
            config.type_vocab_size,
        ),
        (
            "encoder.layer.0.intermediate.dense.weight",
            config.intermediate_size,
        ),
    ];
    let mut missing = Vec::new();
    for (name, rows) in tables {
        let Some(file_name) = names.get(name) else {
            missing.push(name.to_owned());
            continue;
        };
        let (found, expected) = (weights.shape(file_name).unwrap_or_default(), [rows, hidden]);
        if found != expected {
            return Err(CheckpointError::Shape {
                path: weights.path().to_owned(),
                name: (*file_name).to_owned(),
                found: found.to_vec(),
                expected: expected.to_vec(),
            });
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    Err(CheckpointError::Tensors {
        path: weights.path().to_owned(),
        names: missing,
        found: names.len(),
        sample: weights.names().next().unwrap_or("none").to_owned(),
    })
}
