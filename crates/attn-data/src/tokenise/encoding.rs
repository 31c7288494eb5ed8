//! One tokenised example.

use serde::{Deserialize, Serialize};

/// Why a piece is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PieceRole {
    /// The special token at the start: `[CLS]`, or `<s>`.
    Cls,
    /// Any other special token: `[SEP]`, or `</s>`.
    Sep,
    /// A piece of the text.
    Text,
}

/// One word piece.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Piece {
    /// Id in the model's table.
    pub id: u32,
    /// Segment id.
    pub segment: u32,
    /// As the vocabulary spells it, for example `##ing`.
    pub text: String,
    /// Special or not.
    pub role: PieceRole,
    /// Which text it comes from (0 or 1) and the bytes `start..end` there; absent for special
    /// tokens. May be empty when a tokenizer makes a piece out of nothing.
    pub origin: Option<(usize, usize, usize)>,
}

/// One example as word pieces, special tokens included, without padding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Encoding {
    /// The pieces in order.
    pub pieces: Vec<Piece>,
    /// Whether pieces were cut off to meet the length limit.
    pub truncated: bool,
}

impl Encoding {
    pub(super) fn new(raw: &tokenizers::Encoding, a: &str, b: Option<&str>, limit: usize) -> Self {
        let sequences = raw.get_sequence_ids();
        let special = raw.get_special_tokens_mask();
        let pieces = raw
            .get_ids()
            .iter()
            .enumerate()
            .map(|(i, &id)| {
                let role = match (special[i], i) {
                    (0, _) => PieceRole::Text,
                    (_, 0) => PieceRole::Cls,
                    _ => PieceRole::Sep,
                };
                let origin = (role == PieceRole::Text).then(|| {
                    let (text, source) = match sequences[i] {
                        Some(1) => (1, b.unwrap_or_default()),
                        _ => (0, a),
                    };
                    let (start, end) = trimmed(source, raw.get_offsets()[i]);
                    (text, start, end)
                });
                Piece {
                    id,
                    segment: raw.get_type_ids()[i],
                    text: raw.get_tokens()[i].clone(),
                    role,
                    origin,
                }
            })
            .collect::<Vec<_>>();
        let truncated = pieces.len() == limit && !raw.get_overflowing().is_empty();
        Self { pieces, truncated }
    }

    /// Number of pieces.
    pub fn len(&self) -> usize {
        self.pieces.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// Word-piece ids.
    pub fn ids(&self) -> Vec<u32> {
        self.pieces.iter().map(|p| p.id).collect()
    }

    /// Segment ids.
    pub fn segments(&self) -> Vec<u32> {
        self.pieces.iter().map(|p| p.segment).collect()
    }

    /// The pieces' spellings.
    pub fn texts(&self) -> Vec<&str> {
        self.pieces.iter().map(|p| p.text.as_str()).collect()
    }

    /// Positions of pieces with a role.
    pub fn positions(&self, role: PieceRole) -> Vec<usize> {
        (0..self.pieces.len())
            .filter(|&i| self.pieces[i].role == role)
            .collect()
    }
}

/// Offsets without the blanks at either end (Unigram tokenizers count the blank before a word to
/// the word) and inside the text, on character boundaries.
fn trimmed(text: &str, (start, end): (usize, usize)) -> (usize, usize) {
    let Some(slice) = text.get(start..end) else {
        return (start.min(text.len()), start.min(text.len()));
    };
    let front = slice.len() - slice.trim_start().len();
    let kept = slice.trim().len();
    (start + front, start + front + kept)
}
