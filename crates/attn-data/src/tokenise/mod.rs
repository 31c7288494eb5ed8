//! Texts to word pieces, with the way back to the text.
//!
//! A [`Tokenizer`] is read from a checkpoint's folder: `tokenizer.json` (any model: WordPiece,
//! Unigram, BPE, with any special tokens), or else `vocab.txt`, from which BERT's own WordPiece
//! tokenizer is built. Whatever padding and truncation the file asks for is switched off:
//! MiniLM's, for one, pads every text to 128 pieces. We truncate as BERT does, the longer text first.
//!
//! Every piece knows the bytes of the text that it came from, so words, syntax and frame elements
//! meet word pieces through offsets and never through strings.

mod align;
mod bounds;
mod encoding;
mod patterns;

pub use align::{overlapping, pieces_of_span, pieces_of_spans};
pub use encoding::{Encoding, Piece, PieceRole};

use attn_core::Example;
use std::path::{Path, PathBuf};
use tokenizers::models::wordpiece::WordPiece;
use tokenizers::normalizers::BertNormalizer;
use tokenizers::pre_tokenizers::bert::BertPreTokenizer;
use tokenizers::processors::bert::BertProcessing;
use tokenizers::{AddedToken, TruncationParams, TruncationStrategy};

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
}

impl Tokenizer {
    /// Reads the tokenizer of a checkpoint folder. Encodings have at most `limit` pieces, special
    /// tokens included.
    ///
    /// # Errors
    /// [`TokeniseError`] when the folder has none, the file is broken or the limit too small.
    pub fn open(folder: &Path, limit: usize) -> Result<Self, TokeniseError> {
        bounds::check(folder)?;
        bounds::quiet(folder, || Self::read(folder, limit))
    }

    fn read(folder: &Path, limit: usize) -> Result<Self, TokeniseError> {
        let (json, vocabulary) = (folder.join("tokenizer.json"), folder.join("vocab.txt"));
        let (path, mut inner) = if json.is_file() {
            let inner =
                tokenizers::Tokenizer::from_file(&json).map_err(|e| TokeniseError::File {
                    path: json.clone(),
                    reason: e.to_string(),
                })?;
            (json, inner)
        } else if vocabulary.is_file() {
            let inner = from_vocabulary(&vocabulary, lower_cases(folder)?)?;
            (vocabulary, inner)
        } else {
            return Err(TokeniseError::Missing {
                folder: folder.to_owned(),
            });
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
            ..TruncationParams::default()
        };
        inner
            .with_truncation(Some(truncation))
            .map_err(|e| TokeniseError::File {
                path: path.clone(),
                reason: e.to_string(),
            })?;
        Ok(Self { inner, path, limit })
    }

    /// The file it was read from.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Longest encoding, special tokens included.
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// One more than the largest id it can produce: a model needs at least as many embeddings.
    pub fn ids(&self) -> usize {
        self.inner
            .get_vocab(true)
            .values()
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
        Ok(Encoding::new(&raw, a, b, self.limit))
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

/// Whether `tokenizer_config.json` asks for lower case; yes when it says nothing, as
/// bert-base-uncased has it.
fn lower_cases(folder: &Path) -> Result<bool, TokeniseError> {
    let path = folder.join("tokenizer_config.json");
    if !path.is_file() {
        return Ok(true);
    }
    let broken = |reason: String| TokeniseError::File {
        path: path.clone(),
        reason,
    };
    let text = std::fs::read_to_string(&path).map_err(|e| broken(e.to_string()))?;
    let value: serde_json::Value =
        serde_json::from_str(&text).map_err(|e| broken(e.to_string()))?;
    Ok(value
        .get("do_lower_case")
        .and_then(serde_json::Value::as_bool)
        .unwrap_or(true))
}

/// BERT's WordPiece tokenizer from its vocabulary alone.
fn from_vocabulary(path: &Path, lower_case: bool) -> Result<tokenizers::Tokenizer, TokeniseError> {
    let broken = |reason: String| TokeniseError::File {
        path: path.to_owned(),
        reason,
    };
    let name = path
        .to_str()
        .ok_or_else(|| broken("the path is not valid UTF-8".to_owned()))?;
    let model = WordPiece::from_file(name)
        .unk_token("[UNK]".to_owned())
        .build()
        .map_err(|e| broken(e.to_string()))?;
    let mut tokenizer = tokenizers::Tokenizer::new(model);
    let id = |token: &str| {
        tokenizer
            .token_to_id(token)
            .map(|id| (token.to_owned(), id))
            .ok_or_else(|| {
                broken(format!(
                    "the vocabulary has no {token}: is this BERT's vocab.txt?"
                ))
            })
    };
    let (cls, sep) = (id("[CLS]")?, id("[SEP]")?);
    id("[UNK]")?;
    let special: Vec<AddedToken> = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
        .into_iter()
        .filter(|token| tokenizer.token_to_id(token).is_some())
        .map(|token| AddedToken::from(token, true))
        .collect();
    tokenizer
        .with_normalizer(Some(BertNormalizer::new(true, true, None, lower_case)))
        .map_err(|e| broken(e.to_string()))?
        .with_pre_tokenizer(Some(BertPreTokenizer))
        .with_post_processor(Some(BertProcessing::new(sep, cls)));
    tokenizer
        .add_special_tokens(special)
        .map_err(|e| broken(e.to_string()))?;
    Ok(tokenizer)
}
