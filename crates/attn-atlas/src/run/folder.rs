//! The folder that a command writes into: checked, and held by one process.

use attn_core::io::clear_leftovers;
use attn_core::lock::{FolderLock, Holder, LockError};
use attn_core::place::{Output, check};
use serde_json::Value;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Folders within a run's in which files are written.
const PARTS: [&str; 5] = ["", "figures", "tables", "training", "parts"];

/// A folder that this process alone writes into, until the last clone is dropped.
#[derive(Debug, Clone)]
pub struct RunFolder {
    folder: PathBuf,
    _lock: Arc<FolderLock>,
}

impl RunFolder {
    /// Takes a folder. `settings` are those that decide what will lie in it, `inputs` what is read.
    /// Where another process makes the same thing, waits for it; `waiting` hears of it again and again
    /// and can end the wait. What killed processes left half-written is cleared away.
    ///
    /// # Errors
    /// A folder that is an input, is none, or holds something that this program did not write; one
    /// into which another process writes with other settings; the system.
    pub fn take_or(
        folder: &Path,
        settings: &Value,
        inputs: &[&Path],
        waiting: impl FnMut(Option<&Holder>) -> ControlFlow<()>,
    ) -> anyhow::Result<Self> {
        check(folder, Output::Folder, inputs)?;
        let lock = FolderLock::acquire(folder, settings, waiting)?;
        for part in PARTS {
            clear_leftovers(&folder.join(part));
        }
        Ok(Self {
            folder: folder.to_owned(),
            _lock: Arc::new(lock),
        })
    }

    /// As [`RunFolder::take_or`]; says whom it waits for, and Ctrl-C ends the wait.
    ///
    /// # Errors
    /// As [`RunFolder::take_or`], and an interruption.
    pub fn take(folder: &Path, settings: &Value, inputs: &[&Path]) -> anyhow::Result<Self> {
        let mut told = false;
        let taken = Self::take_or(folder, settings, inputs, |holder| {
            if let Some(holder) = holder
                && !told
            {
                eprintln!(
                    "note: {}: process {} is making the same here; waiting for it to end (Ctrl-C ends this)",
                    folder.display(),
                    holder.pid
                );
                told = true;
            }
            match crate::stop_if_interrupted() {
                Ok(()) => ControlFlow::Continue(()),
                Err(_) => ControlFlow::Break(()),
            }
        });
        match taken {
            Err(error) if matches!(error.downcast_ref(), Some(LockError::GaveUp { .. })) => {
                eprintln!("{error}");
                Err(crate::Interrupted.into())
            }
            other => other,
        }
    }

    /// A folder within this one, under the same lock.
    pub fn part(&self, name: &str) -> Self {
        Self {
            folder: self.folder.join(name),
            _lock: self._lock.clone(),
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.folder
    }
}
