//! What the paper claims, and what a run finds of it.
//!
//! The paper's claims are a file (`results/paper/claims.json`, [`PaperClaims`]). A run that can say
//! something about one writes a [`Finding`] into `findings.jsonl` beside its records; a report puts
//! the two side by side.

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
pub struct Claim {
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
    pub claims: Vec<Claim>,
}

/// What a run says about a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It holds here.
    Holds,
    /// It does not hold here.
    DoesNotHold,
    /// The interval allows both.
    CannotBeTold,
}

impl Verdict {
    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Verdict::Holds => "holds",
            Verdict::DoesNotHold => "does not hold",
            Verdict::CannotBeTold => "cannot be told at this n",
        }
    }
}

/// What one run finds about one claim.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// The claim's id.
    pub claim: String,
    /// The model.
    pub model: String,
    /// The task, when the finding is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<String>,
    /// The verdict.
    pub verdict: Verdict,
    /// What was found, in one sentence with its numbers.
    pub finding: String,
    /// The number that decides, when there is one.
    #[serde(default)]
    pub value: Option<f64>,
    /// Lower end of its 95 % interval.
    #[serde(default)]
    pub ci_low: Option<f64>,
    /// Upper end of its 95 % interval.
    #[serde(default)]
    pub ci_high: Option<f64>,
    /// Examples, sentences or whatever it rests on.
    pub n: usize,
    /// The seed of everything random in it.
    pub seed: u64,
}
