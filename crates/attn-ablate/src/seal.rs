//! Finished pieces of work on disk, with a hash, so that damage is found before a number is built on it.
//!
//! Two lines: the sha256 of the second, and the value as JSON.

use attn_core::io::{IoError, write_atomically};
use serde::{Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// What lies where a finished piece is looked for.
#[derive(Debug, Clone, PartialEq)]
pub enum Stored<T> {
    /// Nothing: it is still to be made.
    Missing,
    /// The piece, as it was written.
    Whole(T),
    /// Something else. It is made again.
    Damaged(Damage),
}

/// A stored piece that is not as it was written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}: damaged ({reason})")]
pub struct Damage {
    /// The file.
    pub path: PathBuf,
    /// What was found.
    pub reason: String,
}

fn hash(text: &[u8]) -> String {
    let digest = Sha256::digest(text);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Writes a finished piece, whole or not at all.
///
/// # Errors
/// When the file cannot be written.
pub fn write_sealed<T: Serialize>(path: &Path, value: &T) -> Result<(), IoError> {
    let text = serde_json::to_vec(value)
        .map_err(|e| IoError::file(path, "encode", std::io::Error::other(e)))?;
    write_atomically(path, |out| {
        writeln!(out, "{}", hash(&text))?;
        out.write_all(&text)?;
        out.write_all(b"\n")
    })
}

/// Reads what [`write_sealed`] wrote.
///
/// # Errors
/// When a file is there and the system does not let it be read.
pub fn read_sealed<T: DeserializeOwned>(path: &Path) -> Result<Stored<T>, IoError> {
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Stored::Missing),
        Err(error) => return Err(IoError::file(path, "read", error)),
    };
    let damaged = |reason: String| {
        Ok(Stored::Damaged(Damage {
            path: path.to_owned(),
            reason,
        }))
    };
    let Some(end) = bytes.iter().position(|byte| *byte == b'\n') else {
        return damaged("it has no hash".to_owned());
    };
    let (seal, rest) = bytes.split_at(end);
    let text = rest.get(1..).unwrap_or_default();
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    if seal != hash(text).as_bytes() {
        return damaged("its content does not have the sha256 in its first line".to_owned());
    }
    match serde_json::from_slice(text) {
        Ok(value) => Ok(Stored::Whole(value)),
        Err(error) => damaged(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_changed_byte_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("part.json");
        assert_eq!(read_sealed::<Vec<f32>>(&path).unwrap(), Stored::Missing);
        let values = vec![0.5f32, -1.25, 3.0];
        write_sealed(&path, &values).unwrap();
        assert_eq!(read_sealed(&path).unwrap(), Stored::Whole(values));
        let whole = std::fs::read(&path).unwrap();
        for place in 0..whole.len() - 1 {
            let mut bytes = whole.clone();
            bytes[place] ^= 1;
            std::fs::write(&path, &bytes).unwrap();
            let found = read_sealed::<Vec<f32>>(&path).unwrap();
            assert!(matches!(found, Stored::Damaged(_)), "{place}: {found:?}");
            std::fs::write(&path, &whole[..place]).unwrap();
            let found = read_sealed::<Vec<f32>>(&path).unwrap();
            assert!(matches!(found, Stored::Damaged(_)), "{place}: {found:?}");
        }
        // An older version wrote the value alone.
        std::fs::write(&path, "{\n  \"values\": []\n}\n").unwrap();
        let Stored::Damaged(damage) = read_sealed::<Vec<f32>>(&path).unwrap() else {
            panic!("taken for whole");
        };
        assert!(damage.to_string().contains("part.json: damaged"));
    }
}
