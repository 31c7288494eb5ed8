//! Weight files: safetensors and PyTorch pickles, read into one shape.

use super::{CheckpointError, bounds};
use burn::store::pytorch_reader::{self, PytorchReader};
use half::{bf16, f16};
use safetensors::{Dtype, SafeTensors};
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// Number formats that weights come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Float {
    F16,
    Bf16,
    F32,
    F64,
}

enum Source {
    /// Bytes of the safetensors file.
    Range(Range<usize>),
    /// A tensor of a PyTorch file, read on demand.
    Pickle(pytorch_reader::Tensor),
}

struct Entry {
    /// Absent for types that are not floating point; the name is kept for messages.
    float: Result<Float, String>,
    shape: Vec<usize>,
    source: Source,
}

/// The tensors of one weight file, by name. Values are read when asked for.
pub struct Weights {
    path: PathBuf,
    bytes: Vec<u8>,
    entries: BTreeMap<String, Entry>,
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

impl Weights {
    /// Reads a `.safetensors` file.
    ///
    /// # Errors
    /// [`CheckpointError::Damaged`] when it is cut short or its header lies about types, shapes or
    /// offsets.
    pub fn safetensors(path: &Path) -> Result<Self, CheckpointError> {
        bounds::safetensors_header(path)?;
        bounds::quiet(path, || Self::read_safetensors(path))
    }

    fn read_safetensors(path: &Path) -> Result<Self, CheckpointError> {
        let bytes = std::fs::read(path).map_err(|source| CheckpointError::Io {
            path: path.to_owned(),
            action: "read",
            source,
        })?;
        let damaged = |reason: String| CheckpointError::Damaged {
            path: path.to_owned(),
            reason,
        };
        // `deserialize` checks what `read_metadata` does not: that the data is as long as promised.
        SafeTensors::deserialize(&bytes).map_err(|e| damaged(e.to_string()))?;
        let (header, metadata) =
            SafeTensors::read_metadata(&bytes).map_err(|e| damaged(e.to_string()))?;
        bounds::tensors(path, metadata.tensors().keys().map(|n| (n.as_str(), 0)))?;
        let start = header + 8;
        let mut entries = BTreeMap::new();
        for (name, info) in metadata.tensors() {
            let float = match info.dtype {
                Dtype::F16 => Ok(Float::F16),
                Dtype::BF16 => Ok(Float::Bf16),
                Dtype::F32 => Ok(Float::F32),
                Dtype::F64 => Ok(Float::F64),
                other => Err(format!("{other:?}")),
            };
            let (from, to) = info.data_offsets;
            let source = Source::Range(start + from..start + to);
            entries.insert(
                name,
                Entry {
                    float,
                    shape: info.shape.clone(),
                    source,
                },
            );
        }
        Ok(Self {
            path: path.to_owned(),
            bytes,
            entries,
        })
    }

    /// Reads a `pytorch_model.bin`; the pickle is interpreted, never executed.
    ///
    /// # Errors
    /// [`CheckpointError::Damaged`] when it is not a state dictionary.
    pub fn pytorch(path: &Path) -> Result<Self, CheckpointError> {
        bounds::quiet(path, || Self::read_pytorch(path))
    }

    fn read_pytorch(path: &Path) -> Result<Self, CheckpointError> {
        let reader = PytorchReader::new(path).map_err(|e| CheckpointError::Damaged {
            path: path.to_owned(),
            reason: e.to_string(),
        })?;
        let tensors = reader.tensors().iter();
        bounds::tensors(path, tensors.map(|(name, t)| (name.as_str(), t.byte_len())))?;
        let entries = reader
            .into_tensors()
            .into_iter()
            .map(|(name, tensor)| {
                let float = match tensor.dtype() {
                    pytorch_reader::DType::F16 => Ok(Float::F16),
                    pytorch_reader::DType::BF16 => Ok(Float::Bf16),
                    pytorch_reader::DType::F32 => Ok(Float::F32),
                    pytorch_reader::DType::F64 => Ok(Float::F64),
                    other => Err(format!("{other:?}")),
                };
                let shape = tensor.shape().to_vec();
                (
                    name,
                    Entry {
                        float,
                        shape,
                        source: Source::Pickle(tensor),
                    },
                )
            })
            .collect();
        Ok(Self {
            path: path.to_owned(),
            bytes: Vec::new(),
            entries,
        })
    }

    /// The file.
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
        let float = entry.float.clone().map_err(|found| CheckpointError::Type {
            path: self.path.clone(),
            name: name.to_owned(),
            found,
        })?;
        let damaged = |reason: String| CheckpointError::Damaged {
            path: self.path.clone(),
            reason,
        };
        let owned;
        let bytes = match &entry.source {
            Source::Range(range) => self
                .bytes
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
