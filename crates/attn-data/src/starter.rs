//! The project's own small data inside the program, so that it runs from any folder.
//!
//! `assets/starter.zip` holds `datasets/starter` of the repository; a test compares them file by
//! file, and `cargo test --workspace --test starter -- --ignored` writes the archive anew.

use attn_core::io::{IoError, write_atomically};
use attn_core::lock::{FolderLock, LockError};
use sha2::{Digest, Sha256};
use std::io::{self, Cursor, Read};
use std::ops::ControlFlow;
use std::path::{Component, Path, PathBuf};
use zip::ZipArchive;

/// Where the set lies in a checkout; commands that get this path, or one below it, and find nothing
/// there take the set from the program.
pub const PATH: &str = "datasets/starter";
/// Tells a folder of the starter set from one of GLUE's data.
const MARK: &str = "STARTER.md";
/// A file of the set is never larger.
const MOST: u64 = 16 << 20;

const ARCHIVE: &[u8] = include_bytes!("../assets/starter.zip");

/// The starter set cannot be unpacked.
#[derive(Debug, thiserror::Error)]
pub enum StarterError {
    /// The program's own archive is broken: its build is.
    #[error("the starter set in this program is damaged ({0}): install the program again")]
    Archive(String),
    /// The disk.
    #[error(transparent)]
    Io(#[from] IoError),
    /// Another process unpacks it.
    #[error(transparent)]
    Lock(#[from] LockError),
}

/// Every file of the set by its path, with its content.
///
/// # Errors
/// [`StarterError::Archive`].
pub fn files() -> Result<Vec<(PathBuf, Vec<u8>)>, StarterError> {
    let broken = |reason: String| StarterError::Archive(reason);
    let mut archive = ZipArchive::new(Cursor::new(ARCHIVE)).map_err(|e| broken(e.to_string()))?;
    let mut files = Vec::new();
    for index in 0..archive.len() {
        let mut entry = archive
            .by_index(index)
            .map_err(|e| broken(e.to_string()))?
            .take(MOST);
        let name = entry
            .get_ref()
            .name()
            .map_err(|e| broken(e.to_string()))?
            .into_owned();
        let path = PathBuf::from(&name);
        if !path.components().all(|c| matches!(c, Component::Normal(_))) {
            return Err(broken(format!("it has a file '{name}'")));
        }
        let mut bytes = Vec::new();
        // The archive's checksums are compared on reading.
        entry
            .read_to_end(&mut bytes)
            .map_err(|e| broken(format!("{name}: {e}")))?;
        files.push((path, bytes));
    }
    Ok(files)
}

/// Puts the set into a folder, which is made, and gives the folder. What lies there already is
/// compared by its sha256: whatever differs is written anew.
///
/// # Errors
/// [`StarterError`].
pub fn unpack(folder: &Path) -> Result<PathBuf, StarterError> {
    let settings = serde_json::json!({ "starter": hex(&Sha256::digest(ARCHIVE)) });
    let _lock = FolderLock::acquire(folder, &settings, |_| ControlFlow::Continue(()))?;
    let mut files = files()?;
    let readme = files
        .iter()
        .find(|(path, _)| path == Path::new("README.md"));
    let readme = readme.map(|(_, text)| text.clone()).unwrap_or_default();
    files.push((MARK.into(), readme));
    for (path, content) in files {
        let target = folder.join(path);
        let there = match std::fs::read(&target) {
            Ok(bytes) => Some(Sha256::digest(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(IoError::file(&target, "read", error).into()),
        };
        if there != Some(Sha256::digest(&content)) {
            write_atomically(&target, |out| out.write_all(&content))?;
        }
    }
    Ok(folder.to_owned())
}

fn hex(digest: &[u8]) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}
