//! What the paper claims, and what a run finds of it.
//!
//! The paper's claims are a file (`results/paper/claims.json`, [`PaperClaims`]). What a run says
//! about one is a [`Finding`]; a report puts the two side by side.

pub use attn_core::{Finding, Verdict};
use serde::{Deserialize, Serialize};

/// A number that a claim states.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClaimNumber {
    /// What it counts or measures.
    pub name: String,
    /// Its value, in `unit`.
    pub value: f64,
    /// For example `percent`, `points`, `heads`; empty for a plain number.
    #[serde(default)]
    pub unit: String,
    /// The task it is about, when it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<String>,
}

/// One claim of the paper.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PaperClaim {
    /// Stable: findings refer to it.
    pub id: String,
    /// Section of the paper, for example `4.3`.
    pub section: String,
    /// Where within it: the text, a table, a figure.
    pub place: String,
    /// The claim in our words.
    pub statement: String,
    /// Its numbers.
    #[serde(default)]
    pub numbers: Vec<ClaimNumber>,
}

/// The file of all claims.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PaperClaims {
    /// The paper.
    pub source: String,
    /// In the paper's order.
    pub claims: Vec<PaperClaim>,
}
