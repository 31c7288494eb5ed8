//! Weight files: safetensors and PyTorch pickles, whole or in shards, read into one shape.

use super::names::canonical;
use super::shards;
use super::{CheckpointError, bounds};
use burn::store::pytorch_reader::{self, PytorchReader};
use half::{bf16, f16};
use safetensors::{Dtype, SafeTensors};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Number formats that weights come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Float {
    F16,
    Bf16,
    F32,
    F64,
}

enum Source {
    /// Bytes of a safetensors file.
    Range(Arc<Vec<u8>>, Range<usize>),
    /// A tensor of a PyTorch file, read on demand.
    Pickle(pytorch_reader::Tensor),
}

struct Entry {
    /// The file that holds it.
    path: Arc<PathBuf>,
    /// Absent for types that are not floating point; the name is kept for messages.
    float: Result<Float, String>,
    shape: Vec<usize>,
    source: Source,
}

/// Keys under which training scripts store a model's tensors beside other things.
const WRAPPERS: [&str; 2] = ["state_dict.", "model_state_dict."];

/// The tensors of a weight file, or of all files of an index, by name. Values are read when asked for.
pub struct Weights {
    path: PathBuf,
    shards: Vec<PathBuf>,
    entries: BTreeMap<String, Entry>,
    /// Parameter to its name in the file.
    canonical: BTreeMap<String, String>,
}

impl std::fmt::Debug for Weights {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "Weights({}, {} tensors)",
            self.path.display(),
            self.entries.len()
        )
    }
}

/// The whole of a file, unless it is something else in its place.
fn bytes_of(path: &Path) -> Result<Vec<u8>, CheckpointError> {
    let bytes = std::fs::read(path).map_err(|source| CheckpointError::Io {
        path: path.to_owned(),
        action: "read",
        source,
    })?;
    genuine(path, &bytes)?;
    Ok(bytes)
}

/// Refuses what a failed download leaves in a file's place.
pub(super) fn genuine(path: &Path, start: &[u8]) -> Result<(), CheckpointError> {
    match attn_core::placeholder(start) {
        Some(what) => Err(CheckpointError::Placeholder {
            path: path.to_owned(),
            what,
        }),
        None => Ok(()),
    }
}

impl Weights {
    /// Reads a `.safetensors` file.
    ///
    /// # Errors
    /// [`CheckpointError::Damaged`] when it is cut short or its header lies about types, shapes or
    /// offsets, [`CheckpointError::Placeholder`] when it is something else, [`CheckpointError::Twice`] when two
    /// of its tensors are one parameter.
    pub fn safetensors(path: &Path) -> Result<Self, CheckpointError> {
        Self::new(path, Vec::new(), safetensors_entries(path)?)
    }

    /// Reads a `pytorch_model.bin`; the pickle is interpreted, never executed. A model stored under
    /// `state_dict` or `model_state_dict` is found.
    ///
    /// # Errors
    /// [`CheckpointError::Damaged`] when it is not a state dictionary, and those of
    /// [`Weights::safetensors`].
    pub fn pytorch(path: &Path) -> Result<Self, CheckpointError> {
        Self::new(path, Vec::new(), pytorch_entries(path)?)
    }

    /// Reads all files that an index names (`model.safetensors.index.json` or
    /// `pytorch_model.bin.index.json`).
    ///
    /// # Errors
    /// [`CheckpointError::Shards`] for a missing file, a tensor in two files, one that its file lacks or
    /// that the index does not name; and those of [`Weights::safetensors`].
    pub fn sharded(index: &Path) -> Result<Self, CheckpointError> {
        let map = shards::read(index)?;
        let wrong = |reason: String| CheckpointError::Shards {
            path: index.to_owned(),
            reason,
        };
        let files: BTreeSet<&String> = map.values().collect();
        let mut entries: BTreeMap<String, Entry> = BTreeMap::new();
        let mut paths = Vec::new();
        for file in files {
            let path = index.with_file_name(file);
            if !path.is_file() {
                return Err(wrong(format!(
                    "names {file}, which is not in the folder: copy or fetch all parts of the checkpoint"
                )));
            }
            let part = if file.ends_with(".safetensors") {
                safetensors_entries(&path)?
            } else {
                pytorch_entries(&path)?
            };
            for (name, entry) in part {
                let Some(promised) = map.get(&name) else {
                    return Err(wrong(format!("does not name tensor '{name}' of {file}")));
                };
                if let Some(before) = entries.get(&name) {
                    return Err(wrong(format!(
                        "tensor '{name}' is in two files, {} and {file}",
                        before
                            .path
                            .file_name()
                            .unwrap_or_default()
                            .to_string_lossy()
                    )));
                }
                if promised != file {
                    return Err(wrong(format!(
                        "places tensor '{name}' in {promised}, but it is in {file}"
                    )));
                }
                entries.insert(name, entry);
            }
            paths.push(path);
        }
        if let Some((name, file)) = map.iter().find(|(name, _)| !entries.contains_key(*name)) {
            return Err(wrong(format!(
                "places tensor '{name}' in {file}, which lacks it"
            )));
        }
        Self::new(index, paths, entries)
    }

    /// Finds the weights of a folder in transformers' order; nothing when it has none.
    ///
    /// # Errors
    /// Those of the file that is found.
    pub fn find(folder: &Path) -> Result<Option<Self>, CheckpointError> {
        type Reader = fn(&Path) -> Result<Weights, CheckpointError>;
        let kinds: [(&str, Reader); 4] = [
            ("model.safetensors", Self::safetensors),
            ("model.safetensors.index.json", Self::sharded),
            ("pytorch_model.bin", Self::pytorch),
            ("pytorch_model.bin.index.json", Self::sharded),
        ];
        kinds
            .into_iter()
            .map(|(name, read)| (folder.join(name), read))
            .find(|(path, _)| path.is_file())
            .map(|(path, read)| read(&path))
            .transpose()
    }

    fn new(
        path: &Path,
        shards: Vec<PathBuf>,
        entries: BTreeMap<String, Entry>,
    ) -> Result<Self, CheckpointError> {
        let mut names: BTreeMap<String, String> = BTreeMap::new();
        for name in entries.keys() {
            if let Some(first) = names.insert(canonical(name), name.clone()) {
                return Err(CheckpointError::Twice {
                    path: path.to_owned(),
                    parameter: canonical(name),
                    first,
                    second: name.clone(),
                });
            }
        }
        Ok(Self {
            path: path.to_owned(),
            shards,
            entries,
            canonical: names,
        })
    }

    /// The file of a parameter's tensor: its name there.
    pub(super) fn name_of(&self, parameter: &str) -> Option<&str> {
        self.canonical.get(parameter).map(String::as_str)
    }

    /// The files: the weight file alone, or the index and all parts.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        std::iter::once(&self.path)
            .chain(&self.shards)
            .map(PathBuf::as_path)
    }

    /// The file that holds a tensor.
    pub(super) fn file_of(&self, name: &str) -> &Path {
        self.entries.get(name).map_or(&self.path, |e| &e.path)
    }

    /// The weight file, or the index.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Names of all tensors, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.keys().map(String::as_str)
    }

    /// A tensor's shape in the file.
    pub fn shape(&self, name: &str) -> Option<&[usize]> {
        self.entries.get(name).map(|e| e.shape.as_slice())
    }

    /// A tensor's values, row-major, widened or narrowed to f32; `None` when there is no such
    /// tensor.
    ///
    /// # Errors
    /// [`CheckpointError::Type`] when it is not of floating point, [`CheckpointError::Damaged`]
    /// when its bytes cannot be read.
    pub fn values(&self, name: &str) -> Option<Result<Vec<f32>, CheckpointError>> {
        let entry = self.entries.get(name)?;
        Some(self.read(name, entry))
    }

    fn read(&self, name: &str, entry: &Entry) -> Result<Vec<f32>, CheckpointError> {
        let path = entry.path.as_path();
        let float = entry.float.clone().map_err(|found| CheckpointError::Type {
            path: path.to_owned(),
            name: name.to_owned(),
            found,
        })?;
        let damaged = |reason: String| CheckpointError::Damaged {
            path: path.to_owned(),
            reason,
        };
        let owned;
        let bytes = match &entry.source {
            Source::Range(bytes, range) => bytes
                .get(range.clone())
                .ok_or_else(|| damaged(format!("tensor '{name}' lies outside the file")))?,
            Source::Pickle(tensor) => {
                owned = bounds::quiet(&self.path, || {
                    tensor.read().map_err(|e| damaged(e.to_string()))
                })?;
                &owned
            }
        };
        let values: Vec<f32> = match float {
            Float::F16 => words(bytes, |b| f16::from_le_bytes(b).to_f32()),
            Float::Bf16 => words(bytes, |b| bf16::from_le_bytes(b).to_f32()),
            Float::F32 => words(bytes, f32::from_le_bytes),
            Float::F64 => words(bytes, |b| f64::from_le_bytes(b) as f32),
        };
        let expected: usize = entry.shape.iter().product();
        if values.len() != expected {
            return Err(damaged(format!(
                "tensor '{name}' of shape {:?} holds {} values, expected {expected}",
                entry.shape,
                values.len()
            )));
        }
        Ok(values)
    }
}

fn words<const N: usize>(bytes: &[u8], read: impl Fn([u8; N]) -> f32) -> Vec<f32> {
    bytes
        .as_chunks::<N>()
        .0
        .iter()
        .map(|word| read(*word))
        .collect()
}

fn safetensors_entries(path: &Path) -> Result<BTreeMap<String, Entry>, CheckpointError> {
    bounds::quiet(path, || read_safetensors(path))
}

fn read_safetensors(path: &Path) -> Result<BTreeMap<String, Entry>, CheckpointError> {
    // A file of something else has no header to speak of: it is named first.
    genuine(path, &start_of(path)?)?;
    bounds::safetensors_header(path)?;
    let bytes = Arc::new(bytes_of(path)?);
    let damaged = |reason: String| CheckpointError::Damaged {
        path: path.to_owned(),
        reason,
    };
    // `deserialize` checks what `read_metadata` does not: that the data is as long as promised.
    SafeTensors::deserialize(&bytes).map_err(|e| damaged(e.to_string()))?;
    let (header, metadata) =
        SafeTensors::read_metadata(&bytes).map_err(|e| damaged(e.to_string()))?;
    bounds::tensors(path, metadata.tensors().keys().map(|n| (n.as_str(), 0)))?;
    let (start, path) = (header + 8, Arc::new(path.to_owned()));
    Ok(metadata
        .tensors()
        .into_iter()
        .map(|(name, info)| {
            let float = match info.dtype {
                Dtype::F16 => Ok(Float::F16),
                Dtype::BF16 => Ok(Float::Bf16),
                Dtype::F32 => Ok(Float::F32),
                Dtype::F64 => Ok(Float::F64),
                other => Err(format!("{other:?}")),
            };
            let (from, to) = info.data_offsets;
            let entry = Entry {
                path: path.clone(),
                float,
                shape: info.shape.clone(),
                source: Source::Range(bytes.clone(), start + from..start + to),
            };
            (name, entry)
        })
        .collect())
}

/// The first bytes of a file.
fn start_of(path: &Path) -> Result<Vec<u8>, CheckpointError> {
    let mut start = Vec::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(1024).read_to_end(&mut start))
        .map_err(|source| CheckpointError::Io {
            path: path.to_owned(),
            action: "read",
            source,
        })?;
    Ok(start)
}

fn pytorch_entries(path: &Path) -> Result<BTreeMap<String, Entry>, CheckpointError> {
    bounds::quiet(path, || read_pytorch(path))
}

fn read_pytorch(path: &Path) -> Result<BTreeMap<String, Entry>, CheckpointError> {
    genuine(path, &start_of(path)?)?;
    let reader = PytorchReader::new(path).map_err(|e| CheckpointError::Damaged {
        path: path.to_owned(),
        reason: e.to_string(),
    })?;
    let found = reader.tensors().iter();
    bounds::tensors(path, found.map(|(name, t)| (name.as_str(), t.byte_len())))?;
    let tensors = reader.into_tensors();
    let wrapper = WRAPPERS
        .into_iter()
        .find(|wrapper| tensors.keys().any(|name| name.starts_with(wrapper)))
        .unwrap_or_default();
    let path = Arc::new(path.to_owned());
    Ok(tensors
        .into_iter()
        // What stands beside a wrapped model is the optimiser's.
        .filter_map(|(name, tensor)| Some((name.strip_prefix(wrapper)?.to_owned(), tensor)))
        .map(|(name, tensor)| {
            let float = match tensor.dtype() {
                pytorch_reader::DType::F16 => Ok(Float::F16),
                pytorch_reader::DType::BF16 => Ok(Float::Bf16),
                pytorch_reader::DType::F32 => Ok(Float::F32),
                pytorch_reader::DType::F64 => Ok(Float::F64),
                other => Err(format!("{other:?}")),
            };
            let entry = Entry {
                path: path.clone(),
                float,
                shape: tensor.shape().to_vec(),
                source: Source::Pickle(tensor),
            };
            (name, entry)
        })
        .collect())
}
