//! What can go wrong in the store, and what to do about it.

use attn_core::io::IoError;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// Why one source of an artefact did not deliver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The source in words, for example `hub google-bert/bert-base-uncased@main`.
    pub source: String,
    /// What happened there.
    pub reason: String,
}

/// An artefact that no source delivered. Its display lists every source with its reason and says
/// which file to put where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unavailable {
    /// The artefact's name.
    pub name: String,
    /// Its licence, so that who places files by hand knows the terms.
    pub licence: String,
    /// One entry a source, in the order in which they were tried.
    pub failures: Vec<Failure>,
    /// The folder in the cache where the files belong.
    pub folder: PathBuf,
    /// The missing files: path, sha256 and size in bytes where known.
    pub missing: Vec<(String, Option<String>, Option<u64>)>,
}

impl fmt::Display for Unavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "cannot get {} (licence: {}): every source failed",
            self.name, self.licence
        )?;
        for (index, failure) in self.failures.iter().enumerate() {
            writeln!(f, "  {}. {}: {}", index + 1, failure.source, failure.reason)?;
        }
        writeln!(
            f,
            "To go on without them, put these files into {}",
            self.folder.display()
        )?;
        let name = &self.name;
        write!(
            f,
            "(or into FOLDER/{name}/ with ATTN_MIRROR=FOLDER) and run again:"
        )?;
        for (path, sha256, bytes) in &self.missing {
            write!(f, "\n  {path}")?;
            if let Some(bytes) = bytes {
                write!(f, "  {bytes} bytes")?;
            }
            match sha256 {
                Some(sha256) => write!(f, "  sha256 {sha256}")?,
                None => write!(f, "  (sha256 not recorded)")?,
            }
        }
        Ok(())
    }
}

/// An error of the artefact store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A catalogue file that cannot be read or breaks its rules.
    #[error("{file}: {reason}")]
    Catalogue {
        /// The file, or `built-in sources.toml`.
        file: String,
        /// What is wrong, with the artefact's name or the line.
        reason: String,
    },
    /// A name that the catalogue does not have.
    #[error("unknown {what} '{name}': expected an existing path or one of {known}")]
    Unknown {
        /// `model` or `artefact`.
        what: &'static str,
        /// What was asked for.
        name: String,
        /// The names that exist.
        known: String,
    },
    /// A path that is there but is not a folder.
    #[error(
        "{path}: is a file, expected a model's folder (config.json, weights, tokenizer); give its parent folder"
    )]
    NotAFolder {
        /// The path given.
        path: PathBuf,
    },
    /// No folder to cache in.
    #[error(
        "no cache folder: neither ATTN_CACHE, XDG_CACHE_HOME nor a home folder is set; set ATTN_CACHE"
    )]
    NoCacheFolder,
    /// A local file or folder failed, a full disk among the reasons.
    #[error("{path}: cannot {action}: {source}; {advice}")]
    Disk {
        /// The file or folder.
        path: PathBuf,
        /// What was tried.
        action: &'static str,
        /// The system's reason.
        source: io::Error,
        /// What to do about it.
        advice: &'static str,
    },
    /// Every source failed.
    #[error("{0}")]
    Unavailable(Box<Unavailable>),
    /// A cached file is not what it was when it was stored.
    #[error("{path}: {found}, expected {expected}; delete the file and fetch {name} again")]
    Corrupt {
        /// The artefact.
        name: String,
        /// The file.
        path: PathBuf,
        /// Hash or size found.
        found: String,
        /// Hash or size expected.
        expected: String,
    },
    /// Nothing verified is cached under that name.
    #[error("{name} is not in the cache {root}; fetch it first")]
    NotCached {
        /// The artefact.
        name: String,
        /// The cache's folder.
        root: PathBuf,
    },
    /// [`Progress::cancelled`](super::Progress::cancelled) said so.
    #[error(
        "stopped while fetching {name}; what was downloaded is kept and the next run goes on from there"
    )]
    Cancelled {
        /// The artefact.
        name: String,
    },
}

impl StoreError {
    /// Wraps a system error with its path, the failed action and what to do about it.
    pub(super) fn disk(path: &Path, action: &'static str, source: io::Error) -> Self {
        let advice = match source.kind() {
            io::ErrorKind::StorageFull
            | io::ErrorKind::QuotaExceeded
            | io::ErrorKind::FileTooLarge => {
                "free space there or set ATTN_CACHE to a folder on another disk, then run again: \
                 what was downloaded is kept"
            }
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                "make it writable or set ATTN_CACHE to a folder that is"
            }
            io::ErrorKind::Unsupported => {
                "set ATTN_CACHE to a folder on a local disk that can lock files"
            }
            _ => "check the folder or set ATTN_CACHE to another one",
        };
        StoreError::Disk {
            path: path.to_owned(),
            action,
            source,
            advice,
        }
    }
}

impl From<IoError> for StoreError {
    fn from(error: IoError) -> Self {
        match error {
            IoError::File {
                path,
                action,
                source,
            } => StoreError::disk(&path, action, source),
            IoError::Line { path, line, reason } => StoreError::Catalogue {
                file: format!("{}, line {line}", path.display()),
                reason,
            },
        }
    }
}

/// How one attempt at one source ended: with a reason to try the next source, or with an error
/// that no other source can mend (a full disk, the user's stop).
#[derive(Debug)]
pub(super) enum Attempt {
    /// Try the next source.
    Next(String),
    /// Give up.
    Fatal(StoreError),
}

impl From<StoreError> for Attempt {
    fn from(error: StoreError) -> Self {
        Attempt::Fatal(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_names_the_path_and_the_way_out() {
        let full = io::Error::from(io::ErrorKind::StorageFull);
        let text = StoreError::disk(Path::new("/cache/x.part"), "write", full).to_string();
        assert!(
            text.contains("/cache/x.part") && text.contains("ATTN_CACHE"),
            "{text}"
        );
        assert!(
            text.contains("free space") && text.contains("kept"),
            "{text}"
        );
    }
}
