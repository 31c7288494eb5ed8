//! Labelled maps on disk: what each map is (`maps.jsonl`) and its weights (`maps.safetensors`).
//!
//! One line of `maps.jsonl` is a [`MapEntry`]: where the map comes from and the pieces it is over.
//! `maps.safetensors` holds one tensor for each, named by its id, `[L, L]` in half precision (an
//! error of at most 2⁻¹¹ of a weight: far below what a picture shows), and in its metadata the hash of
//! each, which is checked on reading. Labels are apart, in CSV
//! files ([`crate::labels`]), so that two passes can be labelled without seeing one another's.

use attn_core::hashes::{self, Hashes};
use attn_core::io::{IoError, read_jsonl, write_atomically, write_jsonl};
use attn_core::{HeadId, Task};
use half::f16;
use safetensors::tensor::{Dtype, TensorView};
use safetensors::{SafeTensorError, SafeTensors};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The list of maps.
pub const INDEX_FILE: &str = "maps.jsonl";
/// Their weights.
pub const WEIGHTS_FILE: &str = "maps.safetensors";

/// Before or after fine-tuning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// As downloaded.
    Pretrained,
    /// Fine-tuned on the task that the example belongs to.
    FineTuned,
}

impl State {
    /// `pretrained` or `fine-tuned`.
    pub fn name(self) -> &'static str {
        match self {
            State::Pretrained => "pretrained",
            State::FineTuned => "fine-tuned",
        }
    }
}

/// Why a map is in the sample.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Drawn {
    /// By chance, balanced over what is known beforehand ([`crate::sample`]).
    #[default]
    Balanced,
    /// Because it may be of a rare kind ([`crate::enrich`]).
    Enriched,
}

/// What one map is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MapEntry {
    /// Unique; letters, digits, `-` and `_`. Says nothing about where the map comes from.
    pub id: String,
    /// The model's name.
    pub model: String,
    /// Before or after fine-tuning.
    pub state: State,
    /// Why it is in the sample.
    #[serde(default)]
    pub drawn: Drawn,
    /// The task whose data the example is from.
    pub task: Task,
    /// The example's id.
    pub example: String,
    /// Layer, from 0.
    pub layer: usize,
    /// Head, from 0.
    pub head: usize,
    /// The `L` word pieces, special tokens included.
    pub tokens: Vec<String>,
    /// Which text each piece belongs to, 0 or 1; a special token belongs to the text before it.
    pub segments: Vec<u8>,
    /// Positions of special tokens, rising: `[CLS]` (or `<s>`) first, then each `[SEP]`.
    pub special: Vec<usize>,
}

impl MapEntry {
    /// Number of pieces, `L`.
    pub fn length(&self) -> usize {
        self.tokens.len()
    }

    /// The head within its model.
    pub fn head_id(&self) -> HeadId {
        HeadId::new(self.layer, self.head)
    }

    /// The pieces as a labeller sees them: spelt alike whatever the tokenizer, so that they do not
    /// tell one model from another. `[CLS]` and `[SEP]` for special tokens, lower case, and a
    /// leading `-` for a piece that goes on within a word.
    pub fn neutral_tokens(&self) -> Vec<String> {
        // Unigram vocabularies mark where words begin, WordPiece marks where they go on.
        let unigram = self.tokens.iter().any(|t| t.starts_with('▁'));
        let spell = |(position, token): (usize, &String)| {
            if self.special.contains(&position) {
                let first = self.special.first() == Some(&position);
                return if first { "[CLS]" } else { "[SEP]" }.to_owned();
            }
            let (continues, rest) = if unigram {
                (!token.starts_with('▁'), token.trim_start_matches('▁'))
            } else {
                let rest = token.strip_prefix("##");
                (rest.is_some(), rest.unwrap_or(token))
            };
            let rest = rest.to_lowercase();
            if continues && rest.chars().any(char::is_alphanumeric) {
                format!("-{rest}")
            } else {
                rest
            }
        };
        self.tokens.iter().enumerate().map(spell).collect()
    }

    /// What is wrong with it, if anything.
    fn problem(&self) -> Option<String> {
        let length = self.length();
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if self.id.is_empty() || !self.id.chars().all(plain) {
            return Some("an id of letters, digits, '-' and '_' was expected".to_owned());
        }
        if length == 0 {
            return Some("it has no tokens".to_owned());
        }
        if self.segments.len() != length {
            let found = self.segments.len();
            return Some(format!("{length} tokens but {found} segments"));
        }
        if let Some(segment) = self.segments.iter().find(|&&s| s > 1) {
            return Some(format!("segment {segment}, expected 0 or 1"));
        }
        let rising = self
            .special
            .windows(2)
            .all(|w| matches!(w, [a, b] if a < b));
        if !rising || self.special.last().is_some_and(|&p| p >= length) {
            return Some(format!(
                "special positions {:?} are not rising and below {length}",
                self.special
            ));
        }
        None
    }
}

/// A map with what it is. `weights` is `[L, L]`, row-major, row = query.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredMap {
    /// What it is.
    pub entry: MapEntry,
    /// Its weights.
    pub weights: Vec<f32>,
}

/// Maps that cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The files themselves.
    #[error(transparent)]
    Io(#[from] IoError),
    /// The weights are not safetensors.
    #[error("{path}: not a safetensors file: {reason}; sample the maps anew")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What the reader said.
        reason: String,
    },
    /// One map is wrong.
    #[error("{path}, map '{id}': {reason}")]
    Map {
        /// The file.
        path: PathBuf,
        /// The map's id.
        id: String,
        /// What was expected and found.
        reason: String,
    },
}

fn check(
    path: &Path,
    entries: impl Iterator<Item = impl AsRef<MapEntry>>,
) -> Result<(), StoreError> {
    let mut seen = BTreeSet::new();
    for entry in entries {
        let entry = entry.as_ref();
        let problem = if seen.insert(entry.id.clone()) {
            entry.problem()
        } else {
            Some("the id occurs twice".to_owned())
        };
        if let Some(reason) = problem {
            return Err(StoreError::Map {
                path: path.to_owned(),
                id: entry.id.clone(),
                reason,
            });
        }
    }
    Ok(())
}

impl AsRef<MapEntry> for MapEntry {
    fn as_ref(&self) -> &MapEntry {
        self
    }
}

impl AsRef<MapEntry> for StoredMap {
    fn as_ref(&self) -> &MapEntry {
        &self.entry
    }
}

/// Writes both files into `folder`, the list last.
///
/// # Errors
/// [`StoreError`] when a map is inconsistent or a file cannot be written.
pub fn write(folder: &Path, maps: &[StoredMap]) -> Result<(), StoreError> {
    let (index, path) = (folder.join(INDEX_FILE), folder.join(WEIGHTS_FILE));
    check(&index, maps.iter())?;
    let mut bytes = BTreeMap::new();
    for StoredMap { entry, weights } in maps {
        let length = entry.length();
        if weights.len() != length * length {
            return Err(StoreError::Map {
                path,
                id: entry.id.clone(),
                reason: format!("{} weights for {length} tokens", weights.len()),
            });
        }
        let half: Vec<u8> = weights
            .iter()
            .flat_map(|&w| f16::from_f32(w).to_le_bytes())
            .collect();
        bytes.insert(entry.id.as_str(), (length, half));
    }
    let damaged = |e: SafeTensorError| StoreError::Damaged {
        path: path.clone(),
        reason: e.to_string(),
    };
    let views = bytes
        .iter()
        .map(|(id, (length, data))| {
            let view = TensorView::new(Dtype::F16, vec![*length, *length], data)?;
            Ok((*id, view))
        })
        .collect::<Result<BTreeMap<_, _>, SafeTensorError>>()
        .map_err(damaged)?;
    let sums: BTreeMap<&str, String> = bytes
        .iter()
        .map(|(id, (_, data))| (*id, hashes::hash(data)))
        .collect();
    let sums = serde_json::to_string(&sums)
        .map_err(|e| IoError::file(&path, "encode", std::io::Error::other(e)))?;
    let metadata = [(hashes::KEY.to_owned(), sums)].into();
    let packed = safetensors::serialize(views, Some(metadata)).map_err(damaged)?;
    write_atomically(&path, |out| out.write_all(&packed))?;
    let entries: Vec<&MapEntry> = maps.iter().map(|m| &m.entry).collect();
    write_jsonl(&index, &entries)?;
    Ok(())
}

/// Reads what [`write()`] wrote, in the list's order, and checks it: every map has its weights,
/// finite and not negative, with the hash that the file carries for them.
///
/// # Errors
/// [`StoreError`], naming the file and the map.
pub fn read(folder: &Path) -> Result<Vec<StoredMap>, StoreError> {
    let (index, path) = (folder.join(INDEX_FILE), folder.join(WEIGHTS_FILE));
    let entries: Vec<MapEntry> = read_jsonl(&index)?;
    check(&index, entries.iter())?;
    let bytes = std::fs::read(&path).map_err(|e| IoError::file(&path, "read", e))?;
    let tensors = SafeTensors::deserialize(&bytes).map_err(|e| StoreError::Damaged {
        path: path.clone(),
        reason: e.to_string(),
    })?;
    let broken = |reason: String| StoreError::Damaged {
        path: path.clone(),
        reason,
    };
    let (_, header) = SafeTensors::read_metadata(&bytes).map_err(|e| broken(e.to_string()))?;
    let sums = Hashes::of(header.metadata().as_ref()).map_err(broken)?;
    let mut maps = Vec::with_capacity(entries.len());
    for entry in entries {
        let wrong = |reason: String| StoreError::Map {
            path: path.clone(),
            id: entry.id.clone(),
            reason,
        };
        let length = entry.length();
        let tensor = tensors
            .tensor(&entry.id)
            .map_err(|_| wrong("listed, but without weights".to_owned()))?;
        if tensor.dtype() != Dtype::F16 || tensor.shape() != [length, length] {
            return Err(wrong(format!(
                "{:?} of {:?}, expected F16 of [{length}, {length}]",
                tensor.dtype(),
                tensor.shape()
            )));
        }
        sums.check(&entry.id, tensor.data()).map_err(wrong)?;
        let weights: Vec<f32> = tensor
            .data()
            .chunks_exact(2)
            .map(|pair| f16::from_le_bytes([pair[0], pair[1]]).to_f32())
            .collect();
        if let Some(at) = weights.iter().position(|w| !w.is_finite() || *w < 0.0) {
            let (query, key) = (at / length, at % length);
            return Err(wrong(format!(
                "{} at query {query}, key {key}, expected a weight of 0 or more",
                weights[at]
            )));
        }
        maps.push(StoredMap { entry, weights });
    }
    Ok(maps)
}

#[cfg(test)]
mod tests;
