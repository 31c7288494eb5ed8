//! The index of a checkpoint in several files: which tensor is in which.

use super::CheckpointError;
use super::weights::genuine;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::Path;

#[derive(Deserialize)]
struct Index {
    weight_map: BTreeMap<String, String>,
}

/// Tensor to file name.
pub(super) fn read(path: &Path) -> Result<BTreeMap<String, String>, CheckpointError> {
    let bytes = std::fs::read(path).map_err(|source| CheckpointError::Io {
        path: path.to_owned(),
        action: "read",
        source,
    })?;
    genuine(path, &bytes)?;
    let wrong = |reason: String| CheckpointError::Shards {
        path: path.to_owned(),
        reason,
    };
    let index: Index = serde_json::from_slice(&bytes).map_err(|e| {
        wrong(format!(
            "not the index of a checkpoint in several files: {e}"
        ))
    })?;
    let plain = |file: &str| {
        !file.is_empty()
            && Path::new(file)
                .file_name()
                .is_some_and(|name| name.to_str() == Some(file))
    };
    if let Some(file) = index.weight_map.values().find(|file| !plain(file)) {
        return Err(wrong(format!(
            "names '{file}', expected the name of a file in the same folder"
        )));
    }
    if index.weight_map.is_empty() {
        return Err(wrong("names no tensors".to_owned()));
    }
    Ok(index.weight_map)
}
