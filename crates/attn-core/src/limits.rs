//! How much of a file is read: every bound of the project, by name.
//!
//! A small file can ask for much: a header that promises a million tensors, a page that unpacks to
//! gigabytes, a text of which 128 tokens are used. Whoever reads a stranger's bytes compares what
//! they ask for with a constant of this module *before* memory is taken or work is done, and fails
//! with an error that names the file and the constant. The bounds are some ten times what real
//! checkpoints and data sets need, and small enough that a single hostile file of up to 100 MB costs
//! less than 2 GB and 30 s. docs/reliability.md lists them.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

const MIB: u64 = 1 << 20;

/// Bytes of `config.json` and other small JSON files of a checkpoint.
pub const MAX_CONFIG_BYTES: u64 = 4 * MIB;
/// Attention heads per layer (BERT-large: 16).
pub const MAX_HEADS: u64 = 256;
/// Outputs of a classifier.
pub const MAX_LABELS: u64 = 10_000;
/// Bytes of a safetensors file's JSON header (BERT-large: 50 KB).
pub const MAX_WEIGHT_HEADER_BYTES: u64 = 4 * MIB;
/// Tensors of one weight file (BERT-large: 400).
pub const MAX_TENSORS: u64 = 20_000;
/// Bytes of `tokenizer.json` or `vocab.txt` (XLM-R: 17 MB).
pub const MAX_TOKENIZER_BYTES: u64 = 32 * MIB;
/// Entries of a tokenizer's vocabulary (LaBSE: 501,153).
pub const MAX_VOCABULARY: u64 = 1_000_000;
/// Tokens added to a vocabulary.
pub const MAX_ADDED_TOKENS: u64 = 10_000;
/// JSON values in a tokenizer's normaliser, pre-tokenizer or post-processor.
pub const MAX_TOKENIZER_PARTS: u64 = 10_000;
/// Bytes of one regular expression in a tokenizer.
pub const MAX_PATTERN_BYTES: u64 = 1_000;
/// Steps of a regular expression with its counted repetitions written out.
pub const MAX_PATTERN_STEPS: u64 = 1_000;
/// How many times longer a tokenizer's normaliser may make a text (XLM-R: 99).
pub const MAX_GROWTH: u64 = 256;
/// Bytes of a normaliser's `precompiled_charsmap` in base64 (XLM-R: 316,720).
pub const MAX_CHARSMAP_BYTES: u64 = 4 * MIB;
/// `max_input_chars_per_word` of a WordPiece vocabulary (BERT: 100).
pub const MAX_WORD_CHARS: u64 = 1_000;
/// Bytes of one text (a novel has about a million).
pub const MAX_TEXT_BYTES: u64 = MIB;
/// Bytes of one line of a data file.
pub const MAX_LINE_BYTES: u64 = 8 * MIB;
/// Fields of one CSV record.
pub const MAX_FIELDS: u64 = 10_000;
/// Rows of one data file (MNLI: 392,702).
pub const MAX_ROWS: u64 = 2_000_000;
/// Broken rows that a lenient reading lists.
pub const MAX_SKIPPED: u64 = 100_000;
/// Bytes of a Parquet file's footer.
pub const MAX_FOOTER_BYTES: u64 = 4 * MIB;
/// Bytes of the columns read from one Parquet file, unpacked.
pub const MAX_UNPACKED_BYTES: u64 = 512 * MIB;
/// Lines of one sentence in CoNLL-U, comments included.
pub const MAX_SENTENCE_LINES: u64 = 10_000;
/// Words from a sentence's root down to its deepest word in CoNLL-U.
pub const MAX_TREE_DEPTH: u64 = 1_000;
/// Lines of one CoNLL-U file, blank ones aside.
pub const MAX_CONLLU_LINES: u64 = 3_000_000;
/// Bytes of a profile in TOML.
pub const MAX_PROFILE_BYTES: u64 = MIB;

/// More than a limit allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exceeded {
    /// What was counted, in the plural, with its place.
    pub what: String,
    /// How many there are.
    pub found: u64,
    /// How many are allowed.
    pub most: u64,
    /// The constant of this module.
    pub limit: &'static str,
}

impl fmt::Display for Exceeded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Exceeded {
            what,
            found,
            most,
            limit,
        } = self;
        write!(f, "{found} {what}: at most {most} are read ({limit})")
    }
}

impl std::error::Error for Exceeded {}

/// Compares a count with its limit.
///
/// # Errors
/// [`Exceeded`] when `found` is greater than `most`.
pub fn check(
    what: impl Into<String>,
    found: u64,
    most: u64,
    limit: &'static str,
) -> Result<(), Exceeded> {
    if found <= most {
        return Ok(());
    }
    Err(Exceeded {
        what: what.into(),
        found,
        most,
        limit,
    })
}

/// Checks a safetensors file's first eight bytes, the length of its JSON header.
///
/// # Errors
/// [`Exceeded`] for a header longer than [`MAX_WEIGHT_HEADER_BYTES`]. A file too short to hold one is
/// left to the reader.
pub fn safetensors_header(start: &[u8]) -> Result<(), Exceeded> {
    let length = start.first_chunk::<8>().map(|b| u64::from_le_bytes(*b));
    check(
        "bytes of header",
        length.unwrap_or(0),
        MAX_WEIGHT_HEADER_BYTES,
        "MAX_WEIGHT_HEADER_BYTES",
    )
}

/// Reads a file of at most `most` bytes. The size is compared before anything is read, and once
/// more while reading, for what grows or has no size (a pipe).
///
/// # Errors
/// The system's error, or one that says [`Exceeded`].
pub fn read(path: &Path, most: u64, limit: &'static str) -> io::Result<Vec<u8>> {
    let file = File::open(path)?;
    let size = file.metadata()?.len();
    check("bytes", size, most, limit).map_err(io::Error::other)?;
    let mut bytes = Vec::new();
    file.take(most + 1).read_to_end(&mut bytes)?;
    check("bytes", bytes.len() as u64, most, limit).map_err(io::Error::other)?;
    Ok(bytes)
}

/// As [`read`], as text.
///
/// # Errors
/// As [`read`], and for bytes that are not UTF-8.
pub fn read_text(path: &Path, most: u64, limit: &'static str) -> io::Result<String> {
    String::from_utf8(read(path, most, limit)?)
        .map_err(|e| io::Error::new(io::ErrorKind::InvalidData, e.utf8_error().to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_reached_and_not_passed() {
        assert_eq!(check("rows", 5, 5, "MAX_X"), Ok(()));
        let text = check("rows", 6, 5, "MAX_X").unwrap_err().to_string();
        assert_eq!(text, "6 rows: at most 5 are read (MAX_X)");
        assert!(safetensors_header(&[255; 8]).is_err());
        assert!(safetensors_header(&[255; 7]).is_ok());
        assert!(safetensors_header(&MAX_WEIGHT_HEADER_BYTES.to_le_bytes()).is_ok());
    }

    #[test]
    fn a_file_is_read_up_to_its_limit() {
        let path = std::env::temp_dir().join(format!("attn-limits-{}", std::process::id()));
        std::fs::write(&path, b"12345").unwrap();
        assert_eq!(read(&path, 5, "MAX_X").unwrap(), b"12345");
        let error = read(&path, 4, "MAX_X").unwrap_err().to_string();
        assert!(
            error.contains("5 bytes") && error.contains("MAX_X"),
            "{error}"
        );
        std::fs::write(&path, [255]).unwrap();
        assert!(read_text(&path, 5, "MAX_X").is_err());
        std::fs::remove_file(&path).unwrap();
    }
}
