//! The place where one file lands: a part file that survives between runs, then the check, then
//! the final name.
//!
//! Only [`Slot::finish`] gives a file its final name, and it does so after size and hash are right
//! and the bytes are on the disk. Killing the program at any moment leaves either no file or a
//! whole one under the final name.

use super::catalogue::FileEntry;
use super::content;
use super::error::{Attempt, StoreError};
use super::progress::{Progress, Stage, Transfer};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

const BLOCK: usize = 128 * 1024;

/// What is known about the bytes in a part file.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct PartNote {
    /// The address they came from.
    pub url: String,
    /// The server's strong ETag for them.
    pub etag: Option<String>,
    /// The size of the whole file, as the server said.
    pub total: Option<u64>,
    /// The hash that the hub announced for the whole file: sha256, or git's (40 digits).
    pub announced: Option<String>,
}

/// Where one file of an artefact is to land.
pub(super) struct Slot<'a> {
    pub artefact: &'a str,
    pub entry: &'a FileEntry,
    /// The source in words.
    pub source: &'a str,
    pub part: PathBuf,
    note: PathBuf,
    pub target: PathBuf,
}

impl<'a> Slot<'a> {
    pub(super) fn new(
        root: &Path,
        artefact: &'a str,
        entry: &'a FileEntry,
        source: &'a str,
    ) -> Self {
        let partial = root.join(".partial").join(artefact);
        Self {
            artefact,
            entry,
            source,
            part: partial.join(format!("{}.part", entry.path)),
            note: partial.join(format!("{}.part.json", entry.path)),
            target: root.join(artefact).join(&entry.path),
        }
    }

    pub(super) fn cancelled(&self) -> Attempt {
        Attempt::Fatal(StoreError::Cancelled {
            name: self.artefact.to_owned(),
        })
    }

    pub(super) fn tell(
        &self,
        progress: &mut dyn Progress,
        stage: Stage,
        done: u64,
        total: Option<u64>,
    ) {
        let (artefact, file, source) = (self.artefact, self.entry.path.as_str(), self.source);
        progress.update(&Transfer {
            artefact,
            file,
            source,
            stage,
            done,
            total,
        });
    }

    /// Bytes in the part file; 0 when there is none.
    pub(super) fn part_bytes(&self) -> u64 {
        fs::metadata(&self.part).map(|m| m.len()).unwrap_or(0)
    }

    pub(super) fn read_note(&self) -> PartNote {
        let text = fs::read_to_string(&self.note).unwrap_or_default();
        serde_json::from_str(&text).unwrap_or_default()
    }

    pub(super) fn write_note(&self, note: &PartNote) -> Result<(), StoreError> {
        Ok(attn_core::io::write_atomically(&self.note, |out| {
            Ok(serde_json::to_writer(out, note)?)
        })?)
    }

    /// Removes the part file and its note.
    pub(super) fn discard(&self) -> Result<(), StoreError> {
        for path in [&self.part, &self.note] {
            match fs::remove_file(path) {
                Err(e) if e.kind() != io::ErrorKind::NotFound => {
                    return Err(StoreError::disk(path, "remove", e));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Opens the part file at `offset`, cutting off what lies behind it.
    pub(super) fn open_part(&self, offset: u64) -> Result<File, StoreError> {
        let folder = self.part.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(folder).map_err(|e| StoreError::disk(folder, "create the folder", e))?;
        let open = if offset == 0 {
            File::create(&self.part)
        } else {
            File::options().append(true).open(&self.part)
        };
        open.map_err(|e| StoreError::disk(&self.part, "open", e))
    }

    /// Copies a stream into the part file from its start. What fails at the reading end is a
    /// reason to try the next source, what fails at the disk is not.
    pub(super) fn fill(
        &self,
        from: &mut dyn Read,
        progress: &mut dyn Progress,
    ) -> Result<(), Attempt> {
        self.discard()?;
        let mut part = self.open_part(0)?;
        let most = self.most_bytes();
        let (mut block, mut done) = (vec![0; BLOCK], 0);
        loop {
            let n = from
                .read(&mut block)
                .map_err(|e| Attempt::Next(format!("reading failed: {e}")))?;
            if n == 0 {
                return Ok(());
            }
            done += n as u64;
            if done > most {
                drop(part);
                self.discard()?;
                return Err(Attempt::Next(format!(
                    "holds more than the expected {most} bytes"
                )));
            }
            part.write_all(block.get(..n).unwrap_or_default())
                .map_err(|e| StoreError::disk(&self.part, "write", e))?;
            self.tell(progress, Stage::Transfer, done, self.entry.bytes);
            if progress.cancelled() {
                return Err(self.cancelled());
            }
        }
    }

    /// Checks the part file and gives it its final name. `announced` is a hash that the source
    /// claims, used where the catalogue has none. A wrong file is removed.
    ///
    /// Returns the file's sha256.
    pub(super) fn finish(
        &self,
        announced: Option<&str>,
        progress: &mut dyn Progress,
    ) -> Result<String, Attempt> {
        let (sha256, bytes) = self.hash(&self.part, progress)?;
        let check = self.check(&sha256, bytes, announced);
        if let Err(reason) = check.and_then(|()| self.look_into(&self.part, announced)) {
            self.discard()?;
            return Err(Attempt::Next(reason));
        }
        let folder = self.target.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(folder).map_err(|e| StoreError::disk(folder, "create the folder", e))?;
        File::options()
            .write(true)
            .open(&self.part)
            .and_then(|part| part.sync_all())
            .map_err(|e| StoreError::disk(&self.part, "sync", e))?;
        fs::rename(&self.part, &self.target)
            .map_err(|e| StoreError::disk(&self.target, "rename the finished download to", e))?;
        sync_folder(folder);
        self.discard()?;
        Ok(sha256)
    }

    /// Whether a file of that hash and size is the wanted one; if not, why.
    pub(super) fn check(
        &self,
        sha256: &str,
        bytes: u64,
        announced: Option<&str>,
    ) -> Result<(), String> {
        if let Some(expected) = self.entry.bytes.filter(|expected| *expected != bytes) {
            return Err(format!(
                "{} has {bytes} bytes, expected {expected}",
                self.entry.path
            ));
        }
        let path = &self.entry.path;
        match (self.entry.sha256.as_deref(), announced) {
            (Some(expected), _) if expected != sha256 => Err(format!(
                "{path} has sha256 {sha256}, expected {expected}; it was not kept \
                 (to use another file on purpose, give its path instead of the name)"
            )),
            (None, Some(expected)) if expected.len() == 64 && expected != sha256 => Err(format!(
                "{path} has sha256 {sha256}, but the hub announced {expected}; it was not kept"
            )),
            _ => Ok(()),
        }
    }

    /// The most bytes that the file may have: as many as the catalogue says, or else as its kind needs.
    pub(super) fn most_bytes(&self) -> u64 {
        self.entry
            .bytes
            .unwrap_or_else(|| content::most_bytes(&self.entry.path))
    }

    /// Looks into a file that no pinned hash vouches for; git's hash is compared where it is announced.
    pub(super) fn look_into(&self, file: &Path, announced: Option<&str>) -> Result<(), String> {
        if self.entry.sha256.is_some() {
            return Ok(());
        }
        let path = &self.entry.path;
        let failed = |e: io::Error| format!("{}: cannot be read: {e}", file.display());
        if let Some(expected) = announced.filter(|hash| hash.len() == 40) {
            let found = content::git_hash(file).map_err(failed)?;
            if found != expected {
                return Err(format!(
                    "{path} has git's hash {found}, but the hub announced {expected}; it was not kept"
                ));
            }
        }
        match content::problem(path, file).map_err(failed)? {
            Some(problem) => Err(problem),
            None => Ok(()),
        }
    }

    /// sha256 and size of a file, with progress.
    pub(super) fn hash(
        &self,
        path: &Path,
        progress: &mut dyn Progress,
    ) -> Result<(String, u64), StoreError> {
        let total = fs::metadata(path).map(|m| m.len()).ok();
        hash_file(path, &mut |done| {
            self.tell(progress, Stage::Verify, done, total);
            !progress.cancelled()
        })?
        .ok_or_else(|| StoreError::Cancelled {
            name: self.artefact.to_owned(),
        })
    }
}

/// sha256 in lower-case hex and size of a file; nothing when `on` asks to stop by returning false.
pub(super) fn hash_file(
    path: &Path,
    on: &mut dyn FnMut(u64) -> bool,
) -> Result<Option<(String, u64)>, StoreError> {
    let wrap = |e| StoreError::disk(path, "read", e);
    let mut file = File::open(path).map_err(wrap)?;
    let (mut hasher, mut block, mut done) = (Sha256::new(), vec![0; BLOCK], 0);
    loop {
        let n = match file.read(&mut block) {
            Ok(0) => return Ok(Some((format!("{:x}", hasher.finalize()), done))),
            Ok(n) => n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
            Err(e) => return Err(wrap(e)),
        };
        hasher.update(block.get(..n).unwrap_or_default());
        done += n as u64;
        if !on(done) {
            return Ok(None);
        }
    }
}

/// Makes a rename durable. Not every system can sync a folder, and where it cannot, the rename is
/// still atomic; so a failure is no error.
fn sync_folder(folder: &Path) {
    if let Ok(handle) = File::open(folder) {
        let _ = handle.sync_all();
    }
}
