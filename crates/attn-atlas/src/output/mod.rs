//! Files of many tensors, for other programs: safetensors, and NumPy's npz.

mod first_error;
mod npz;
mod safetensors;

use anyhow::Context;
use npz::Npz;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

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

/// A file under a temporary name in the folder where it is to be, removed if it does not get there.
struct Draft {
    temporary: PathBuf,
    path: PathBuf,
    finished: bool,
}

impl Draft {
    fn create(path: &Path) -> anyhow::Result<(Self, File)> {
        if let Some(parent) = path.parent().filter(|p| !p.as_os_str().is_empty()) {
            fs::create_dir_all(parent)
                .with_context(|| format!("{}: cannot create the folder", parent.display()))?;
        }
        let name = path
            .file_name()
            .with_context(|| format!("{}: not a file name", path.display()))?;
        let temporary = path.with_file_name(format!(
            ".{}.{}.tmp",
            name.to_string_lossy(),
            std::process::id()
        ));
        let file = File::create(&temporary)
            .with_context(|| format!("{}: cannot write", temporary.display()))?;
        let draft = Self {
            temporary,
            path: path.to_owned(),
            finished: false,
        };
        Ok((draft, file))
    }

    fn finish(&mut self, file: &File) -> anyhow::Result<()> {
        file.sync_all()
            .and_then(|()| fs::rename(&self.temporary, &self.path))
            .with_context(|| format!("{}: cannot write", self.path.display()))?;
        self.finished = true;
        Ok(())
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if !self.finished {
            // The error that led here is the one to report.
            let _ = fs::remove_file(&self.temporary);
        }
    }
}
