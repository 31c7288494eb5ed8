//! What can go wrong, and how a broken row is shown.

#[cfg(feature = "parquet")]
use crate::parquet::ParquetError;
use attn_core::io::IoError;
use attn_core::{Split, Task};
use std::path::PathBuf;

/// A data set that could not be read.
#[derive(Debug, thiserror::Error)]
pub enum GlueError {
    /// The operating system refused.
    #[error(transparent)]
    Io(#[from] IoError),
    /// A Parquet file cannot be read, or lacks a column.
    #[cfg(feature = "parquet")]
    #[error(transparent)]
    Parquet(#[from] ParquetError),
    /// The task's split is not in the folder.
    #[error(
        "{root}: no {task} {split} data: looked for {looked_for}; fetch it, name another folder{}",
        match split {
            Split::Train => ", or train on a fixed split of the dev rows (TrainPolicy::SplitDev)",
            Split::Dev | Split::Test => "",
        }
    )]
    Missing {
        /// The data folder.
        root: PathBuf,
        /// The task.
        task: Task,
        /// The split.
        split: Split,
        /// The names that were tried.
        looked_for: String,
    },
    /// The first line does not name the columns that are needed.
    #[error("{path}, line 1: expected {expected}, found {found}")]
    Header {
        /// The file.
        path: PathBuf,
        /// The columns that are needed.
        expected: String,
        /// An excerpt of the line.
        found: String,
    },
    /// A broken row. `lenient` skips such rows and lists them.
    #[error(
        "{path}, line {line}: expected {expected}, found {found}; mend the row, or skip such rows with `lenient`"
    )]
    Row {
        /// The file.
        path: PathBuf,
        /// Counted from 1, the header included; in a Parquet file the row, counted from 1.
        line: usize,
        /// What a whole row has there.
        expected: String,
        /// What this one has, with an excerpt of at most [`EXCERPT`] characters.
        found: String,
    },
    /// A request that the data cannot serve.
    #[error("{what}: {reason}")]
    Request {
        /// The data set or file.
        what: String,
        /// What was asked, why it cannot be, what to ask instead.
        reason: String,
    },
}

/// Most characters of a file that an error message quotes.
pub const EXCERPT: usize = 80;

/// Quotes bytes of a file for a message: at most [`EXCERPT`] characters, in quote marks, control
/// characters escaped, invalid UTF-8 as U+FFFD.
pub(crate) fn excerpt(bytes: &[u8]) -> String {
    // Four bytes a character at most, so this cuts nothing that would be shown.
    let head = bytes.get(..EXCERPT * 4 + 4).unwrap_or(bytes);
    let mut shown = String::new();
    let mut count = 0;
    let mut cut = head.len() < bytes.len();
    for c in String::from_utf8_lossy(head).chars() {
        let escaped = match c {
            _ if c.is_control()
                || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}') =>
            {
                c.escape_default().to_string()
            }
            _ => c.to_string(),
        };
        let width = escaped.chars().count();
        // One place is kept for the ellipsis.
        if count + width >= EXCERPT {
            cut = true;
            break;
        }
        count += width;
        shown.push_str(&escaped);
    }
    if cut {
        shown.push('…');
    }
    format!("'{shown}'")
}

/// What is wrong with one row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BadRow {
    pub(crate) expected: String,
    pub(crate) found: String,
}

impl BadRow {
    pub(crate) fn new(expected: impl Into<String>, found: impl Into<String>) -> Self {
        Self {
            expected: expected.into(),
            found: found.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn excerpts_are_short_and_show_no_control_characters() {
        assert_eq!(excerpt(b"a\tb\x1b[31m\xff"), "'a\\tb\\u{1b}[31m\u{fffd}'");
        for long in ["é".repeat(500), "\u{1}".repeat(500), "x".repeat(80)] {
            let shown = excerpt(long.as_bytes());
            assert!(
                shown.chars().count() <= EXCERPT + 2 && shown.ends_with("…'"),
                "{shown}"
            );
        }
        assert_eq!(excerpt("x".repeat(79).as_bytes()).len(), 81);
    }
}
