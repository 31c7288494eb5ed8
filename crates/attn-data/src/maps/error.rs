//! What can be wrong with a file of maps.

use super::ROW_TOLERANCE;
use attn_core::HeadId;
use std::path::{Path, PathBuf};

/// A file of maps that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum MapsError {
    /// The operating system refused.
    #[error("{}: cannot read: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Its reason.
        source: std::io::Error,
    },
    /// The file is in no format that we read, or damaged.
    #[error("{}: {what}; expected safetensors, .npz or .npy with attention maps", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// A text beside the arrays that does not fit.
    #[error("{}: '{key}': expected {expected}, found {found}", path.display())]
    Text {
        /// The file.
        path: PathBuf,
        /// Its name.
        key: String,
        /// What was expected.
        expected: String,
        /// What was found.
        found: String,
    },
    /// An array of another shape or type.
    #[error("{}: array '{array}': expected {expected}, found {found}", path.display())]
    Array {
        /// The file.
        path: PathBuf,
        /// The array.
        array: String,
        /// What was expected.
        expected: String,
        /// What was found.
        found: String,
    },
    /// A weight that is NaN, infinite or negative.
    #[error(
        "{}: array '{array}', layer {}, head {} (counted from 1): the weight {value} at query {query}, key {key} \
         (counted from 0) is no attention weight; expected softmax outputs, finite and not below 0",
        path.display(), .head.layer + 1, .head.head + 1
    )]
    Weight {
        /// The file.
        path: PathBuf,
        /// The array.
        array: String,
        /// The head.
        head: HeadId,
        /// Row.
        query: usize,
        /// Column.
        key: usize,
        /// The value, as text.
        value: String,
    },
    /// A row that does not sum to 1.
    #[error(
        "{}: array '{array}', layer {}, head {} (counted from 1): the row of query {query} (counted from 0) sums to \
         {sum}, expected 1 within {ROW_TOLERANCE}; maps are softmax outputs before dropout, row = query, without \
         rows of padding",
        path.display(), .head.layer + 1, .head.head + 1
    )]
    Row {
        /// The file.
        path: PathBuf,
        /// The array.
        array: String,
        /// The head.
        head: HeadId,
        /// Row.
        query: usize,
        /// Its sum.
        sum: f32,
    },
}

impl MapsError {
    pub(super) fn format(path: &Path, what: impl Into<String>) -> Self {
        MapsError::Format {
            path: path.to_owned(),
            what: what.into(),
        }
    }

    pub(super) fn io(path: &Path, source: std::io::Error) -> Self {
        MapsError::Io {
            path: path.to_owned(),
            source,
        }
    }
}
