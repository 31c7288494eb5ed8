//! Receipts and locks: how the store knows what it has, and how two processes keep out of each
//! other's way.
//!
//! A receipt is written after an artefact's last file has reached its final name. It holds each
//! file's hash, size and time of change, so that a later run can tell with one look at the folder
//! whether the files are still the ones that were verified.

use super::catalogue::Artefact;
use super::error::StoreError;
use super::progress::Progress;
use serde::{Deserialize, Serialize};
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

/// A stored file as it was when it was verified.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceiptFile {
    /// Path inside the artefact's folder.
    pub path: String,
    /// Its sha256 in lower-case hex, as computed here.
    pub sha256: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// Time of its last change, in nanoseconds since 1970.
    pub modified_ns: u64,
    /// Whether the catalogue gave a hash that it was checked against.
    pub verified: bool,
    /// The source that delivered it, in words.
    pub source: String,
}

/// What the store knows about a cached artefact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// The artefact's name.
    pub name: String,
    /// Its licence, as in the catalogue then.
    pub licence: String,
    /// Its files.
    pub files: Vec<ReceiptFile>,
}

impl Receipt {
    pub(super) fn path(root: &Path, name: &str) -> PathBuf {
        root.join(".receipts").join(format!("{name}.json"))
    }

    /// Reads a receipt; a missing or broken one is as none, the files are then hashed anew.
    pub(super) fn read(root: &Path, name: &str) -> Option<Self> {
        let text = fs::read_to_string(Self::path(root, name)).ok()?;
        serde_json::from_str::<Receipt>(&text)
            .ok()
            .filter(|receipt| receipt.name == name)
    }

    pub(super) fn write(&self, root: &Path) -> Result<(), StoreError> {
        let path = Self::path(root, &self.name);
        Ok(attn_core::io::write_atomically(&path, |out| {
            serde_json::to_writer_pretty(&mut *out, self)?;
            out.write_all(b"\n")
        })?)
    }

    /// Whether every file is still there with the size and time it had.
    pub(super) fn holds(&self, root: &Path) -> bool {
        let folder = root.join(&self.name);
        !self.files.is_empty()
            && self
                .files
                .iter()
                .all(|file| stamp(&folder.join(&file.path)) == Some((file.bytes, file.modified_ns)))
    }

    /// Whether the receipt is for the files that the catalogue asks for.
    pub(super) fn covers(&self, artefact: &Artefact) -> bool {
        artefact.files.iter().all(|wanted| {
            self.files.iter().any(|file| {
                file.path == wanted.path
                    && wanted
                        .sha256
                        .as_ref()
                        .is_none_or(|sha256| *sha256 == file.sha256)
                    && wanted.bytes.is_none_or(|bytes| bytes == file.bytes)
            })
        })
    }
}

/// Size and time of change of a file; nothing when it is not a readable file.
pub(super) fn stamp(path: &Path) -> Option<(u64, u64)> {
    let metadata = fs::metadata(path).ok().filter(|m| m.is_file())?;
    let since = metadata
        .modified()
        .ok()?
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Some((
        metadata.len(),
        u64::try_from(since.as_nanos()).unwrap_or(u64::MAX),
    ))
}

/// Holds an artefact for one process. The system drops it when the process ends, however it ends.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

impl Lock {
    /// Waits until no other process fetches the artefact.
    pub(super) fn acquire(
        root: &Path,
        name: &str,
        progress: &mut dyn Progress,
    ) -> Result<Self, StoreError> {
        let folder = root.join(".locks");
        fs::create_dir_all(&folder)
            .map_err(|e| StoreError::disk(&folder, "create the folder", e))?;
        let path = folder.join(format!("{name}.lock"));
        // A link would be followed; nothing is written to the file, but it must be this one.
        if fs::symlink_metadata(&path).is_ok_and(|found| !found.is_file()) {
            let reason = std::io::Error::other("not a plain file; take it away");
            return Err(StoreError::disk(&path, "open the lock file", reason));
        }
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(|e| StoreError::disk(&path, "open the lock file", e))?;
        let mut told = false;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Self { _file: file }),
                Err(TryLockError::WouldBlock) => {
                    if !told {
                        progress.note(&format!("waiting for another process that fetches {name}"));
                        told = true;
                    }
                    if progress.cancelled() {
                        return Err(StoreError::Cancelled {
                            name: name.to_owned(),
                        });
                    }
                    // Polling rather than `lock()`, so that a wait can be cancelled.
                    std::thread::sleep(Duration::from_millis(100));
                }
                Err(TryLockError::Error(e)) => return Err(StoreError::disk(&path, "lock", e)),
            }
        }
    }
}
