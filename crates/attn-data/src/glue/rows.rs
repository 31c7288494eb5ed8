//! Lines out of a file and whole rows out of lines, strictly or leniently.

use super::GlueError;
use super::error::{BadRow, excerpt};
use attn_core::InputFile;
use attn_core::io::IoError;
use attn_core::limits::{Exceeded, MAX_LINE_BYTES, MAX_ROWS, MAX_SKIPPED, MAX_TEXT_BYTES, check};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

/// UTF-8's byte order mark, with which MRPC's files start.
const BOM: &[u8] = b"\xef\xbb\xbf";

/// A row that a lenient reading left out.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Skipped {
    /// File name without its folder.
    pub file: String,
    /// Counted from 1, the header included; in a Parquet file the row, counted from 1.
    pub line: usize,
    /// What was expected and what was found.
    pub reason: String,
}

/// Reads lines as bytes and hashes what it reads, so that a file is read once.
pub(crate) struct Lines {
    path: PathBuf,
    reader: BufReader<File>,
    hash: Sha256,
    bytes: u64,
    line: usize,
    buffer: Vec<u8>,
}

impl Lines {
    pub(crate) fn open(path: &Path) -> Result<Self, GlueError> {
        let file = File::open(path).map_err(|e| IoError::file(path, "open", e))?;
        Ok(Self {
            path: path.to_owned(),
            reader: BufReader::with_capacity(1 << 16, file),
            hash: Sha256::new(),
            bytes: 0,
            line: 0,
            buffer: Vec::new(),
        })
    }

    /// The next line with its number from 1, without its end (`\n`, `\r\n`) and, on the first, the
    /// BOM. `None` at the end of the file; a last line needs no `\n`.
    pub(crate) fn next(&mut self) -> Result<Option<(usize, &[u8])>, GlueError> {
        self.buffer.clear();
        let mut reader = (&mut self.reader).take(MAX_LINE_BYTES + 1);
        let read = reader.read_until(b'\n', &mut self.buffer);
        let read = read.map_err(|e| IoError::file(&self.path, "read", e))?;
        if read == 0 {
            return Ok(None);
        }
        check("bytes", read as u64, MAX_LINE_BYTES, "MAX_LINE_BYTES")
            .map_err(|e| limit(&self.path, Some(self.line + 1), e))?;
        self.hash.update(&self.buffer);
        self.bytes += self.buffer.len() as u64;
        self.line += 1;
        let mut line = self.buffer.as_slice();
        line = line.strip_suffix(b"\n").unwrap_or(line);
        line = line.strip_suffix(b"\r").unwrap_or(line);
        if self.line == 1 {
            line = line.strip_prefix(BOM).unwrap_or(line);
        }
        Ok(Some((self.line, line)))
    }

    /// Name, size and hash of the file, once all of it has been read.
    pub(crate) fn input(self, role: &str) -> InputFile {
        input(&self.path, role, self.bytes, self.hash)
    }
}

fn input(path: &Path, role: &str, bytes: u64, hash: Sha256) -> InputFile {
    let sha256 = hash
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    InputFile {
        role: role.to_owned(),
        file: file_name(path),
        bytes,
        sha256,
    }
}

/// Reads and hashes a whole file; the bytes come without a BOM.
pub(crate) fn read_whole(path: &Path, role: &str) -> Result<(Vec<u8>, InputFile), GlueError> {
    let mut content = std::fs::read(path).map_err(|e| IoError::file(path, "read", e))?;
    let input = input(
        path,
        role,
        content.len() as u64,
        Sha256::new_with_prefix(&content),
    );
    if content.starts_with(BOM) {
        content.drain(..BOM.len());
    }
    Ok((content, input))
}

/// Hashes a file without keeping it.
#[cfg(feature = "parquet")]
pub(crate) fn hash_file(path: &Path, role: &str) -> Result<InputFile, GlueError> {
    let failed = |e| IoError::file(path, "read", e);
    let mut file = File::open(path).map_err(|e| IoError::file(path, "open", e))?;
    let (mut hash, mut bytes) = (Sha256::new(), 0);
    let mut block = vec![0; 1 << 16];
    loop {
        let read = file.read(&mut block).map_err(failed)?;
        if read == 0 {
            return Ok(input(path, role, bytes, hash));
        }
        hash.update(block.get(..read).unwrap_or_default());
        bytes += read as u64;
    }
}

/// The name without its folder, as ids and manifests carry it.
pub(crate) fn file_name(path: &Path) -> String {
    path.file_name()
        .unwrap_or(path.as_os_str())
        .to_string_lossy()
        .into_owned()
}

/// Gathers the whole rows of one file. A broken one ends a strict reading and is listed in a
/// lenient one: there is no third way.
pub(crate) struct Rows<T> {
    pub(crate) path: PathBuf,
    pub(crate) file: String,
    lenient: bool,
    pub(crate) whole: Vec<T>,
    pub(crate) skipped: Vec<Skipped>,
}

impl<T> Rows<T> {
    pub(crate) fn new(path: &Path, lenient: bool) -> Self {
        let file = file_name(path);
        Self {
            path: path.to_owned(),
            file,
            lenient,
            whole: Vec::new(),
            skipped: Vec::new(),
        }
    }

    pub(crate) fn take(&mut self, line: usize, row: Result<T, BadRow>) -> Result<(), GlueError> {
        let limit = |e| limit(&self.path, None, e);
        check("rows", self.whole.len() as u64, MAX_ROWS, "MAX_ROWS").map_err(limit)?;
        let skipped = self.skipped.len() as u64;
        check("broken rows", skipped, MAX_SKIPPED, "MAX_SKIPPED").map_err(limit)?;
        match row {
            Ok(row) => self.whole.push(row),
            Err(bad) if self.lenient => self.skipped.push(Skipped {
                file: self.file.clone(),
                line,
                reason: format!("expected {}, found {}", bad.expected, bad.found),
            }),
            Err(BadRow { expected, found }) => {
                return Err(GlueError::Row {
                    path: self.path.clone(),
                    line,
                    expected,
                    found,
                });
            }
        }
        Ok(())
    }
}

/// The error for a file, or a line of it, that asks for more than is read.
pub(crate) fn limit(path: &Path, line: Option<usize>, exceeded: Exceeded) -> GlueError {
    let path = path.display();
    GlueError::Request {
        what: line.map_or_else(|| path.to_string(), |line| format!("{path}, line {line}")),
        reason: exceeded.to_string(),
    }
}

/// A line as text.
pub(crate) fn utf8(line: &[u8]) -> Result<&str, BadRow> {
    std::str::from_utf8(line).map_err(|e| {
        let at = e.valid_up_to();
        let near = line.get(at.saturating_sub(20)..).unwrap_or_default();
        BadRow::new(
            "UTF-8",
            format!(
                "other bytes from byte {} on, near {}",
                at + 1,
                excerpt(near)
            ),
        )
    })
}

/// A line's tab-separated fields, exactly `count` of them. Quote marks are text.
pub(crate) fn tab_fields(line: &str, count: usize) -> Result<Vec<&str>, BadRow> {
    let fields: Vec<_> = line.split('\t').collect();
    if fields.len() == count {
        return Ok(fields);
    }
    let expected = format!("{count} tab-separated fields");
    Err(BadRow::new(
        expected,
        match line {
            "" => "an empty line".to_owned(),
            _ => format!("{}: {}", fields.len(), excerpt(line.as_bytes())),
        },
    ))
}

/// A text, which must hold something but blanks. It is not trimmed.
pub(crate) fn text(field: &str, column: &str) -> Result<String, BadRow> {
    if field.trim().is_empty() {
        let found = if field.is_empty() {
            "nothing"
        } else {
            "only blanks"
        };
        return Err(BadRow::new(format!("a text in column '{column}'"), found));
    }
    let bytes = field.len() as u64;
    check("bytes", bytes, MAX_TEXT_BYTES, "MAX_TEXT_BYTES").map_err(|_| {
        let expected = format!(
            "a text of at most {MAX_TEXT_BYTES} bytes (MAX_TEXT_BYTES) in column '{column}'"
        );
        BadRow::new(expected, format!("{bytes}: {}", excerpt(field.as_bytes())))
    })?;
    Ok(field.to_owned())
}

/// A score, finite and within `range`.
pub(crate) fn score(field: &str, range: Option<(f32, f32)>, column: &str) -> Result<f32, BadRow> {
    let parsed = field.trim().parse().ok();
    checked_score(parsed, range, column, || excerpt(field.as_bytes()))
}

/// As [`score`], for a number that is one already.
pub(crate) fn checked_score(
    value: Option<f32>,
    range: Option<(f32, f32)>,
    column: &str,
    found: impl FnOnce() -> String,
) -> Result<f32, BadRow> {
    let (low, high) = range.unwrap_or((f32::MIN, f32::MAX));
    match value {
        // NaN and the infinities lie in no range.
        Some(value) if (low..=high).contains(&value) => Ok(value),
        _ => {
            let kind = match range {
                Some((low, high)) => format!("a score from {low} to {high}"),
                None => "a finite number".to_owned(),
            };
            Err(BadRow::new(format!("{kind} in column '{column}'"), found()))
        }
    }
}
