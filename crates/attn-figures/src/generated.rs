//! Generated blocks in Markdown files: written by a program, checked in CI, so that the tables in
//! the documentation cannot go stale (ruff does the same).
//!
//! A block lies between `<!-- begin:NAME -->` and `<!-- end:NAME -->`, each on its own line.
//! Everything outside stays as it is, byte for byte.

use attn_core::io::{IoError, write_atomically};
use std::path::{Path, PathBuf};

/// What to do with a file whose block differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlockMode {
    /// Write it.
    Write,
    /// Leave it and fail.
    Check,
    /// Leave it and say so.
    DryRun,
}

/// What became of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BlockOutcome {
    /// The block was up to date.
    Unchanged,
    /// The block was written.
    Written,
    /// The block differs and was left alone; this would be the file.
    WouldChange(String),
}

/// A block that cannot be replaced or is stale.
#[derive(Debug, thiserror::Error)]
pub enum BlockError {
    /// A marker is absent.
    #[error("{path}: expected a line '{marker}', found none; add it where the block belongs")]
    NoMarker {
        /// The file.
        path: PathBuf,
        /// The marker.
        marker: String,
    },
    /// A marker occurs twice.
    #[error(
        "{path}, line {line}: '{marker}' occurs a second time; block names must be unique in a file"
    )]
    Twice {
        /// The file.
        path: PathBuf,
        /// Of the second one, from 1.
        line: usize,
        /// The marker.
        marker: String,
    },
    /// The end comes first.
    #[error("{path}, line {line}: the end of block '{name}' comes before its beginning")]
    Order {
        /// The file.
        path: PathBuf,
        /// Of the end marker, from 1.
        line: usize,
        /// The block's name.
        name: String,
    },
    /// The new content would break the block.
    #[error("block '{name}': the new content holds a marker of its own ('{marker}')")]
    Nested {
        /// The block's name.
        name: String,
        /// The marker in the content.
        marker: String,
    },
    /// The check failed.
    #[error(
        "{path}, line {line}: generated block '{name}' is out of date; run the command again without its check"
    )]
    Stale {
        /// The file.
        path: PathBuf,
        /// Of the begin marker, from 1.
        line: usize,
        /// The block's name.
        name: String,
    },
    /// The file cannot be read or written.
    #[error(transparent)]
    Io(#[from] IoError),
}

/// Byte range of the marker's line without its line break, and its number from 1.
fn find(
    path: &Path,
    text: &str,
    marker: &str,
) -> Result<(std::ops::Range<usize>, usize), BlockError> {
    let mut found = None;
    let mut start = 0;
    for (index, line) in text.split_inclusive('\n').enumerate() {
        if line.trim() == marker {
            if found.is_some() {
                let (path, marker) = (path.to_owned(), marker.to_owned());
                return Err(BlockError::Twice {
                    path,
                    line: index + 1,
                    marker,
                });
            }
            found = Some((start..start + line.len(), index + 1));
        }
        start += line.len();
    }
    found.ok_or_else(|| BlockError::NoMarker {
        path: path.to_owned(),
        marker: marker.to_owned(),
    })
}

/// The text with the content of block `name` replaced, and the line of its begin marker. `path`
/// serves error messages only. The content is set off by blank lines, which Markdown tables need
/// after a comment.
///
/// # Errors
/// [`BlockError`] where the markers are absent, doubled, out of order or part of the content.
pub fn replace_block(
    path: &Path,
    text: &str,
    name: &str,
    content: &str,
) -> Result<(String, usize), BlockError> {
    let (begin, end) = (
        format!("<!-- begin:{name} -->"),
        format!("<!-- end:{name} -->"),
    );
    for marker in [&begin, &end] {
        if content.lines().any(|line| line.trim() == marker) {
            return Err(BlockError::Nested {
                name: name.to_owned(),
                marker: marker.clone(),
            });
        }
    }
    let (first, line) = find(path, text, &begin)?;
    let (last, end_line) = find(path, text, &end)?;
    if last.start < first.end {
        return Err(BlockError::Order {
            path: path.to_owned(),
            line: end_line,
            name: name.to_owned(),
        });
    }
    let (before, after) = (
        text.get(..first.end).unwrap_or_default(),
        text.get(last.start..).unwrap_or_default(),
    );
    let newline = if before.ends_with("\r\n") {
        "\r\n"
    } else {
        "\n"
    };
    let mut out = String::with_capacity(text.len() + content.len());
    out.push_str(before);
    out.push_str(newline);
    for line in content.trim_matches('\n').lines() {
        out.push_str(line.trim_end());
        out.push_str(newline);
    }
    out.push_str(newline);
    out.push_str(after);
    Ok((out, line))
}

/// Brings block `name` of the file at `path` up to date, or checks that it is.
///
/// # Errors
/// As [`replace_block`]; [`BlockError::Stale`] in [`BlockMode::Check`]; [`BlockError::Io`].
pub fn update_block(
    path: &Path,
    name: &str,
    content: &str,
    mode: BlockMode,
) -> Result<BlockOutcome, BlockError> {
    let old = std::fs::read_to_string(path).map_err(|e| IoError::file(path, "read", e))?;
    let (new, line) = replace_block(path, &old, name, content)?;
    if new == old {
        return Ok(BlockOutcome::Unchanged);
    }
    match mode {
        BlockMode::Write => {
            write_atomically(path, |out| out.write_all(new.as_bytes()))?;
            Ok(BlockOutcome::Written)
        }
        BlockMode::Check => Err(BlockError::Stale {
            path: path.to_owned(),
            line,
            name: name.to_owned(),
        }),
        BlockMode::DryRun => Ok(BlockOutcome::WouldChange(new)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "# T\n<!-- begin:a -->\nold\n<!-- end:a -->\ntail <!-- end:b -->\n";

    #[test]
    fn write_then_check() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("doc.md");
        std::fs::write(&path, FILE).unwrap();
        let stale = update_block(&path, "a", "| x |\n", BlockMode::Check)
            .unwrap_err()
            .to_string();
        assert!(
            stale.contains("doc.md, line 2") && stale.contains("'a'"),
            "{stale}"
        );
        let dry = update_block(&path, "a", "| x |", BlockMode::DryRun).unwrap();
        assert_eq!(
            std::fs::read_to_string(&path).unwrap(),
            FILE,
            "check and dry run leave the file"
        );
        assert_eq!(
            update_block(&path, "a", "| x |\n", BlockMode::Write).unwrap(),
            BlockOutcome::Written
        );
        let new = std::fs::read_to_string(&path).unwrap();
        assert_eq!(
            new,
            "# T\n<!-- begin:a -->\n\n| x |\n\n<!-- end:a -->\ntail <!-- end:b -->\n"
        );
        assert_eq!(dry, BlockOutcome::WouldChange(new));
        assert_eq!(
            update_block(&path, "a", "| x |\n", BlockMode::Check).unwrap(),
            BlockOutcome::Unchanged
        );
    }

    #[test]
    fn broken_markers_are_errors() {
        let at = Path::new("d.md");
        let error = |text: &str, name: &str, content: &str| {
            replace_block(at, text, name, content)
                .unwrap_err()
                .to_string()
        };
        assert!(error(FILE, "b", "x").contains("<!-- begin:b -->"));
        assert!(error("<!-- end:a -->\n<!-- begin:a -->\n", "a", "x").contains("line 1"));
        assert!(error(&FILE.repeat(2), "a", "x").contains("line 7"));
        assert!(error(FILE, "a", "<!-- end:a -->").contains("marker"));
        let crlf = FILE.replace('\n', "\r\n");
        let (new, _) = replace_block(at, &crlf, "a", "x\ny").unwrap();
        assert_eq!(new.matches('\n').count(), new.matches("\r\n").count());
    }
}
