//! Files of many tensors, for other programs: safetensors, and NumPy's npz.

mod first_error;
mod npz;
mod safetensors;

use npz::Npz;
use std::path::Path;

pub use safetensors::TensorFile;

/// Either kind of file, by the name's ending.
pub enum Tensors {
    /// `.npz`.
    Npz(Box<Npz>),
    /// Everything else.
    Safetensors(TensorFile),
}

impl Tensors {
    /// Begins the file: f32 tensors of the given names and shapes, with text metadata.
    ///
    /// # Errors
    /// When the file cannot be made.
    pub fn create(
        path: &Path,
        tensors: &[(String, Vec<usize>)],
        metadata: &[(&str, String)],
    ) -> anyhow::Result<Self> {
        let npz = path
            .extension()
            .is_some_and(|e| e.eq_ignore_ascii_case("npz"));
        Ok(if npz {
            Self::Npz(Box::new(Npz::create(path, tensors, metadata)?))
        } else {
            Self::Safetensors(TensorFile::create(path, tensors, metadata)?)
        })
    }

    /// Writes one tensor's values, in any order.
    ///
    /// # Errors
    /// When the name was not announced, the number of values differs or the disk is full.
    pub fn put(&mut self, name: &str, values: &[f32]) -> anyhow::Result<()> {
        match self {
            Self::Npz(file) => file.put(name, values),
            Self::Safetensors(file) => file.put(name, values),
        }
    }

    /// Syncs the file and gives it its name.
    ///
    /// # Errors
    /// When a tensor is missing or the system refuses.
    pub fn finish(self) -> anyhow::Result<()> {
        match self {
            Self::Npz(file) => file.finish(),
            Self::Safetensors(file) => file.finish(),
        }
    }
}
