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
}
