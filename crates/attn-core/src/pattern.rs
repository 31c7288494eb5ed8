//! The five kinds of self-attention map (Section 4.1, Figure 1).

use serde::{Deserialize, Serialize};

/// A kind of self-attention map.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pattern {
    /// Attention to single tokens, mostly `[CLS]` and `[SEP]`.
    Vertical,
    /// Attention to the previous, next or same token.
    Diagonal,
    /// A mix of the two before.
    VerticalDiagonal,
    /// Attention within each of two sentences.
    Block,
    /// Everything else.
    Heterogeneous,
}

impl Pattern {
    /// All five, in the paper's order.
    pub const ALL: [Pattern; 5] = [
        Pattern::Vertical,
        Pattern::Diagonal,
        Pattern::VerticalDiagonal,
        Pattern::Block,
        Pattern::Heterogeneous,
    ];

    /// The name in records and labels: `vertical`, `diagonal`, `vertical_diagonal`, `block`,
    /// `heterogeneous`.
    pub fn name(self) -> &'static str {
        match self {
            Pattern::Vertical => "vertical",
            Pattern::Diagonal => "diagonal",
            Pattern::VerticalDiagonal => "vertical_diagonal",
            Pattern::Block => "block",
            Pattern::Heterogeneous => "heterogeneous",
        }
    }

    /// The name in figures and tables.
    pub fn title(self) -> &'static str {
        match self {
            Pattern::Vertical => "Vertical",
            Pattern::Diagonal => "Diagonal",
            Pattern::VerticalDiagonal => "Vertical + diagonal",
            Pattern::Block => "Block",
            Pattern::Heterogeneous => "Heterogeneous",
        }
    }

    /// Its place in [`Pattern::ALL`].
    pub fn index(self) -> usize {
        self as usize
    }
}

impl std::fmt::Display for Pattern {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

/// A label that is none of the five.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "unknown pattern '{0}': expected vertical, diagonal, vertical_diagonal, block or heterogeneous, \
     or its key 1 to 5"
)]
pub struct ParsePatternError(String);

impl std::str::FromStr for Pattern {
    type Err = ParsePatternError;

    /// Accepts the names of [`Pattern::name`] in any case and the keys `1` to `5`, which count in
    /// the order of [`Pattern::ALL`].
    fn from_str(text: &str) -> Result<Self, ParsePatternError> {
        let trimmed = text.trim();
        Pattern::ALL
            .into_iter()
            .find(|p| {
                trimmed.eq_ignore_ascii_case(p.name()) || trimmed == (p.index() + 1).to_string()
            })
            .ok_or_else(|| ParsePatternError(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_keys_parse_back() {
        for (index, pattern) in Pattern::ALL.into_iter().enumerate() {
            assert_eq!(pattern.index(), index);
            assert_eq!(pattern.name().parse(), Ok(pattern));
            assert_eq!(format!(" {} ", index + 1).parse(), Ok(pattern));
            let json = serde_json::to_string(&pattern).unwrap();
            assert_eq!(json, format!("\"{pattern}\""));
        }
        for bad in ["", "0", "6", "vertical+diagonal"] {
            let error = bad.parse::<Pattern>().unwrap_err().to_string();
            assert!(error.contains("1 to 5"), "{error}");
        }
    }
}
