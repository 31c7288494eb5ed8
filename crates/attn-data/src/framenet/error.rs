//! What can go wrong with FrameNet's files.

use std::path::PathBuf;

/// A FrameNet release that could not be read.
#[derive(Debug, thiserror::Error)]
pub enum FrameNetError {
    /// The operating system refused.
    #[error("{path}: cannot {action}: {source}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What was tried.
        action: &'static str,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The zip or one of its entries is broken or of a kind that we do not read.
    #[error("{file}: broken zip: {reason}; fetch framenet_v17.zip again")]
    Zip {
        /// The zip, with the entry after `!` where one is meant.
        file: String,
        /// What the zip reader said.
        reason: String,
    },
    /// There is no FrameNet at the place.
    #[error(
        "{path}: no lexical units found: expected lu/lu<number>.xml and frame/<name>.xml, at the top or in one \
         folder, in a folder or zip laid out like NLTK's framenet_v17"
    )]
    NotFrameNet {
        /// What was opened.
        path: PathBuf,
    },
    /// A file larger than any of FrameNet's could be.
    #[error(
        "{file}: more than {limit} bytes when unpacked; FrameNet's largest file has 7 MB, so this is not one"
    )]
    TooLarge {
        /// The file or entry.
        file: String,
        /// The limit in bytes.
        limit: u64,
    },
    /// Broken XML, a missing attribute or an impossible value.
    #[error("{file}, byte {offset}: {reason}")]
    Xml {
        /// The file or entry.
        file: String,
        /// Where in the unpacked file, from 0.
        offset: u64,
        /// What was expected and what was found.
        reason: String,
    },
    /// A lexical unit names a frame that has no file.
    #[error("lexical unit {unit}: no frame '{frame}' under frame/; the release is not whole")]
    UnknownFrame {
        /// The unit's name.
        unit: String,
        /// The missing frame.
        frame: String,
    },
    /// Links could not be written or read.
    #[error(transparent)]
    Links(#[from] attn_core::io::IoError),
}
