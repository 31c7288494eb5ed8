//! How results reach the disk: whole or not at all.

pub use crate::draft::{Draft, Journal, clear_leftovers, is_temporary};

use serde::{Serialize, de::DeserializeOwned};
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

/// A file that could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum IoError {
    /// The operating system refused.
    #[error("{path}: cannot {action}: {source}")]
    File {
        /// The file or folder.
        path: PathBuf,
        /// What was tried, for example `write`.
        action: &'static str,
        /// The system's reason (a full disk among them).
        source: io::Error,
    },
    /// A line of a JSON Lines file is broken.
    #[error("{path}, line {line}: {reason}")]
    Line {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// What the parser said.
        reason: String,
    },
}

impl IoError {
    /// Wraps a system error with its file and the action that failed.
    pub fn file(path: &Path, action: &'static str, source: io::Error) -> Self {
        IoError::File {
            path: path.to_owned(),
            action,
            source,
        }
    }
}

/// Writes a file under a temporary name in the same folder, syncs it and renames it, so that
/// `path` either holds all of it or is as before. Missing parent folders are made.
///
/// # Errors
/// [`IoError::File`] when any step fails; the temporary file is removed then.
pub fn write_atomically(
    path: &Path,
    fill: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), IoError> {
    let mut writer = BufWriter::new(Draft::create(path)?);
    let failed = |e| IoError::file(path, "write", e);
    fill(&mut writer).map_err(failed)?;
    let draft = writer.into_inner().map_err(|e| failed(e.into_error()))?;
    draft.finish()
}

/// Writes one JSON object a line, atomically.
///
/// # Errors
/// As [`write_atomically`].
pub fn write_jsonl<T: Serialize>(path: &Path, rows: &[T]) -> Result<(), IoError> {
    write_atomically(path, |out| {
        for row in rows {
            serde_json::to_writer(&mut *out, row)?;
            out.write_all(b"\n")?;
        }
        Ok(())
    })
}

/// Writes indented JSON with a final newline, atomically.
///
/// # Errors
/// As [`write_atomically`].
pub fn write_json<T: Serialize>(path: &Path, value: &T) -> Result<(), IoError> {
    write_atomically(path, |out| {
        serde_json::to_writer_pretty(&mut *out, value)?;
        out.write_all(b"\n")
    })
}

/// Reads a JSON Lines file.
///
/// # Errors
/// [`IoError::File`] when it cannot be read, [`IoError::Line`] for a line that is not a `T`.
pub fn read_jsonl<T: DeserializeOwned>(path: &Path) -> Result<Vec<T>, IoError> {
    let file = File::open(path).map_err(|e| IoError::file(path, "open", e))?;
    let mut rows = Vec::new();
    for (index, line) in BufReader::new(file).lines().enumerate() {
        let line = line.map_err(|e| IoError::file(path, "read", e))?;
        rows.push(serde_json::from_str(&line).map_err(|e| IoError::Line {
            path: path.to_owned(),
            line: index + 1,
            reason: e.to_string(),
        })?);
    }
    Ok(rows)
}

/// Bytes as text (RFC 4648), for files that carry others inside.
pub fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let at = |i: usize| u32::from(chunk.get(i).copied().unwrap_or(0));
        let word = at(0) << 16 | at(1) << 8 | at(2);
        for i in 0..4 {
            let letter = LETTERS[(word >> (18 - 6 * i)) as usize & 63];
            out.push(if i <= chunk.len() {
                char::from(letter)
            } else {
                '='
            });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{HeadId, Record};
    use std::fs;

    fn folder(name: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("attn-core-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        path
    }

    #[test]
    fn base64_is_the_standards() {
        // RFC 4648, section 10.
        let cases = [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
        ];
        for (text, expected) in cases {
            assert_eq!(base64(text.as_bytes()), expected);
        }
        assert_eq!(base64(&[0xff, 0xef, 0xfe]), "/+/+");
    }

    #[test]
    fn a_failed_write_leaves_the_old_file_and_no_rubbish() {
        let folder = folder("atomic");
        let path = folder.join("a.txt");
        write_atomically(&path, |out| out.write_all(b"old")).unwrap();
        let error = write_atomically(&path, |out| {
            out.write_all(b"half")?;
            Err(io::Error::other("disk full"))
        })
        .unwrap_err();
        assert!(error.to_string().contains("a.txt") && error.to_string().contains("disk full"));
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn records_round_trip_and_a_broken_line_is_named() {
        let folder = folder("jsonl");
        let path = folder.join("records.jsonl");
        let HeadId { layer, head } = HeadId::new(1, 2);
        let row = Record {
            run: "r".into(),
            model: "m".into(),
            task: "MRPC".into(),
            split: "dev".into(),
            experiment: "sep-cls".into(),
            layer: Some(layer),
            head: Some(head),
            metric: "attention_to_sep".into(),
            value: 0.1 + 0.2,
            n: 408,
            seed: 42,
            ci_low: Some(0.25),
            ci_high: None,
        };
        write_jsonl(&path, &[row.clone(), row.clone()]).unwrap();
        assert_eq!(read_jsonl::<Record>(&path).unwrap(), [row.clone(), row]);
        let whole = fs::read_to_string(&path).unwrap();
        fs::write(&path, &whole[..whole.len() - 9]).unwrap();
        let error = read_jsonl::<Record>(&path).unwrap_err().to_string();
        assert!(error.contains("records.jsonl, line 2"), "{error}");
        fs::remove_dir_all(folder).unwrap();
    }
}
