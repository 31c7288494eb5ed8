//! What can be wrong with a checkpoint.

use std::path::PathBuf;

/// A checkpoint that cannot be read, does not fit, or cannot be written. Every message names the
/// file and, where there is one, the tensor.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// The folder has no such file.
    #[error("{folder}: no {wanted}; a checkpoint folder holds {expected}")]
    Missing {
        /// The folder.
        folder: PathBuf,
        /// The file looked for.
        wanted: &'static str,
        /// What a folder should hold.
        expected: &'static str,
    },
    /// The operating system refused.
    #[error("{path}: cannot {action}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What was tried.
        action: &'static str,
        /// The system's reason.
        source: std::io::Error,
    },
    /// `config.json` is broken or describes another model.
    #[error("{path}: {reason}")]
    Config {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The weight file is damaged: cut short, or its header contradicts itself.
    #[error("{path}: damaged weight file: {reason}; fetch or copy it again")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What the reader found.
        reason: String,
    },
    /// A git-lfs pointer or an HTML page in the file's place.
    #[error("{path}: {what}")]
    Placeholder {
        /// The file.
        path: PathBuf,
        /// What it is and what to do.
        what: &'static str,
    },
    /// The index of a checkpoint in several files is broken or contradicts them.
    #[error("{path}: {reason}")]
    Shards {
        /// The index.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// Two tensors for one parameter.
    #[error(
        "{path}: tensors '{first}' and '{second}' are both the parameter '{parameter}': remove one"
    )]
    Twice {
        /// The file.
        path: PathBuf,
        /// The parameter.
        parameter: String,
        /// A name in the file.
        first: String,
        /// The other name.
        second: String,
    },
    /// A weight that is no number.
    #[error(
        "{path}: tensor '{name}' has {value} at {index:?}, counted from 0: nothing that the model computes would mean \
         anything; the file is damaged, or training went out of bounds"
    )]
    NotFinite {
        /// The file.
        path: PathBuf,
        /// The tensor's name in the file.
        name: String,
        /// Where the first one stands.
        index: Vec<usize>,
        /// NaN or an infinity.
        value: f32,
    },
    /// Tensors that the model needs are not in the file.
    #[error("{path}: {count} tensors are missing, the first is '{first}'; found {found} tensors, for example '{sample}'", count = names.len(), first = names.first().map_or("", String::as_str))]
    Tensors {
        /// The file.
        path: PathBuf,
        /// All missing names.
        names: Vec<String>,
        /// Number of tensors in the file.
        found: usize,
        /// One of them.
        sample: String,
    },
    /// A tensor's shape is not the model's.
    #[error("{path}: tensor '{name}' has shape {found:?}, the model expects {expected:?}")]
    Shape {
        /// The file.
        path: PathBuf,
        /// The tensor's name in the file.
        name: String,
        /// Shape in the file.
        found: Vec<usize>,
        /// Shape by `config.json`.
        expected: Vec<usize>,
    },
    /// A tensor is not of floating point.
    #[error("{path}: tensor '{name}' has type {found}, expected F32, F16, BF16 or F64")]
    Type {
        /// The file.
        path: PathBuf,
        /// The tensor's name in the file.
        name: String,
        /// Type in the file.
        found: String,
    },
    /// The tokenizer belongs to another model.
    #[error(
        "{tokenizer} has {ids} ids, but tensor 'embeddings.word_embeddings.weight' in {weights} has shape [{rows}, {columns}]: \
         the tokenizer does not belong to this model"
    )]
    Vocabulary {
        /// The tokenizer's file.
        tokenizer: PathBuf,
        /// One more than its largest id.
        ids: usize,
        /// The weight file.
        weights: PathBuf,
        /// Rows of the word-piece table.
        rows: usize,
        /// Its columns.
        columns: usize,
    },
    /// Writing failed.
    #[error(transparent)]
    Write(#[from] attn_core::io::IoError),
    /// The device failed while parameters were read from it.
    #[error("cannot read parameter '{name}' from the device: {reason}")]
    Device {
        /// The parameter.
        name: String,
        /// What the device said.
        reason: String,
    },
}
