//! Texts to word pieces, with the way back to the text.
//!
//! A [`Tokenizer`] is read from a checkpoint's folder: `tokenizer.json` (any model: WordPiece,
//! Unigram, BPE, with any special tokens), or else `vocab.txt`, from which BERT's own WordPiece
//! tokenizer is built. Every setting in the folder that changes the tokens is honoured as the fast
//! tokenizers of transformers do, or refused by name (docs/your-own.md has the table). Padding and
//! truncation in `tokenizer.json` are left out, as transformers does: MiniLM's, for one, pads every text to
//! 128 tokens. We truncate as BERT does, the longer text first.
//!
//! Every piece knows the bytes of the text that it came from, so words, syntax and frame elements
//! meet word pieces through offsets and never through strings.

mod align;
mod bounds;
mod build;
mod class;
mod encoding;
mod file;
mod frame;
mod keys;
mod patterns;
mod settings;

pub use align::{overlapping, pieces_of_span, pieces_of_spans};
pub use encoding::{Encoding, Piece, PieceRole};

use attn_core::Example;
use build::Built;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use tokenizers::{TruncationDirection, TruncationParams, TruncationStrategy};

/// A tokenizer that cannot be read, or a text that it cannot take.
#[derive(Debug, thiserror::Error)]
pub enum TokeniseError {
    /// The folder has none.
    #[error("{folder}: no tokenizer.json and no vocab.txt; a checkpoint folder holds one of them")]
    Missing {
        /// The folder.
        folder: PathBuf,
    },
    /// A file is broken.
    #[error("{path}: {reason}")]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A setting that is not supported, contradicts another, or has a value of another kind.
    #[error("{path}: {key} is {found}, expected {expected}")]
    Setting {
        /// The file.
        path: PathBuf,
        /// The setting.
        key: String,
        /// Its value.
        found: String,
        /// What is supported, or what it contradicts.
        expected: String,
    },
    /// The length limit leaves no room.
    #[error(
        "a limit of {limit} word pieces leaves no room beside {special} special tokens: raise it"
    )]
    Limit {
        /// The limit asked for.
        limit: usize,
        /// Special tokens of a pair.
        special: usize,
    },
    /// The tokenizer refused a text.
    #[error("example {example}: {reason}")]
    Text {
        /// The example's id.
        example: String,
        /// What the tokenizer said.
        reason: String,
    },
}

/// A checkpoint's tokenizer.
#[derive(Debug, Clone)]
pub struct Tokenizer {
    inner: tokenizers::Tokenizer,
    path: PathBuf,
    limit: usize,
    segments: bool,
    reserved: BTreeSet<u32>,
    notes: Vec<String>,
}

impl Tokenizer {
    /// Reads the tokenizer of a checkpoint folder. Encodings have at most `limit` tokens, special
    /// tokens included, and no more than the folder's `model_max_length`.
    ///
    /// # Errors
    /// [`TokeniseError`] when the folder has none, the file is broken, a setting is not supported or the
    /// limit too small.
    pub fn open(folder: &Path, limit: usize) -> Result<Self, TokeniseError> {
        bounds::check(folder)?;
        bounds::quiet(folder, || Self::read(folder, limit))
    }

    fn read(folder: &Path, limit: usize) -> Result<Self, TokeniseError> {
        let Built {
            mut inner,
            path,
            mut notes,
            segments,
            truncate_left,
            max_length,
            reserved,
        } = build::read(folder)?;
        let limit = match max_length {
            Some(length) if length < limit => {
                notes.push(format!(
                    "tokenizer_config.json: model_max_length is {length}: texts are cut there, not at {limit} tokens"
                ));
                length
            }
            _ => limit,
        };
        let special = inner
            .get_post_processor()
            .map_or(0, |p| tokenizers::PostProcessor::added_tokens(p, true));
        if limit <= special {
            return Err(TokeniseError::Limit { limit, special });
        }
        inner.with_padding(None);
        let truncation = TruncationParams {
            max_length: limit,
            strategy: TruncationStrategy::LongestFirst,
            direction: if truncate_left {
                TruncationDirection::Left
            } else {
                TruncationDirection::Right
            },
            ..TruncationParams::default()
        };
        inner
            .with_truncation(Some(truncation))
            .map_err(|e| TokeniseError::File {
                path: path.clone(),
                reason: e.to_string(),
            })?;
        Ok(Self {
            inner,
            path,
            limit,
            segments,
            reserved,
            notes,
        })
    }

    /// What a reader of numbers should know of the settings: unknown keys, and what transformers'
    /// defaults changed.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// The file it was read from.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Longest encoding, special tokens included.
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// One more than the largest id it can produce: a model needs at least as many embeddings. Tokens for
    /// padding and masking that stand in no vocabulary, and that transformers numbers behind it, do not
    /// count: no text has them unless it spells them out.
    pub fn ids(&self) -> usize {
        self.inner
            .get_vocab(true)
            .values()
            .filter(|id| !self.reserved.contains(id))
            .max()
            .map_or(0, |&id| id as usize + 1)
    }

    /// Encodes one text or a pair, with special tokens.
    ///
    /// # Errors
    /// [`TokeniseError::Text`] when the tokenizer refuses the text (a WordPiece vocabulary without
    /// an unknown token, for one).
    pub fn encode(&self, example: &Example) -> Result<Encoding, TokeniseError> {
        let (a, b) = (example.text_a.as_str(), example.text_b.as_deref());
        let result = bounds::encode(&self.inner, &self.path, a, b);
        let raw = result.map_err(|reason| TokeniseError::Text {
            example: example.id.clone(),
            reason,
        })?;
        let mut encoding = Encoding::new(&raw, a, b, self.limit);
        if !self.segments {
            encoding.pieces.iter_mut().for_each(|p| p.segment = 0);
        }
        Ok(encoding)
    }

    /// The strings of the word pieces of a bare text, without special tokens or truncation marks.
    ///
    /// # Errors
    /// As [`Tokenizer::encode`].
    pub fn pieces(&self, text: &str) -> Result<Vec<String>, TokeniseError> {
        let raw =
            bounds::bare(&self.inner, &self.path, text).map_err(|reason| TokeniseError::Text {
                example: text.chars().take(40).collect(),
                reason,
            })?;
        Ok(raw.get_tokens().to_vec())
    }
}
