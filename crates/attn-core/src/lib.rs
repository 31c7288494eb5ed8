//! Plain types that every stage of Attention Atlas shares.
//!
//! Nothing here computes: the crate holds the vocabulary of the project (tasks, examples, heads,
//! interventions, patterns, records, estimates, findings, manifests), the one way in which results
//! reach the disk ([`io::write_atomically`]), how much of a stranger's file is read ([`limits`]) and how
//! a reader's panic becomes an error ([`guard`]). It knows neither Burn nor polars, so that any other crate, or a
//! stranger's, can read our results with it.
//!
//! Layers and heads count from 0 in code and records and from 1 in what people read
//! ([`HeadId`] displays as `1-2` for layer 0, head 1).

mod draft;
mod estimate;
mod example;
mod finding;
pub mod guard;
pub mod hashes;
mod head;
mod intervention;
pub mod io;
pub mod limits;
pub mod lock;
mod manifest;
mod pattern;
pub mod place;
mod placeholder;
pub mod process;
mod record;
pub mod stop;
mod task;

pub use estimate::Estimate;
pub use example::{Example, Label};
pub use finding::{Finding, Verdict};
pub use head::{HeadGrid, HeadId, ParseHeadError};
pub use intervention::{Intervention, Mode, ParseModeError};
pub use manifest::{InputFile, Manifest};
pub use pattern::{ParsePatternError, Pattern};
pub use placeholder::placeholder;
pub use record::Record;
pub use task::{Metric, ParseTaskError, Split, Task, TaskKind};

/// A reading of an experiment where the paper's words and the authors' code differ.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, Default, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Reading {
    /// What the paper's text says (the default).
    #[default]
    Paper,
    /// What the authors' released code computes.
    Authors,
}

impl std::fmt::Display for Reading {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Reading::Paper => "paper",
            Reading::Authors => "authors",
        })
    }
}

impl std::str::FromStr for Reading {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "paper" => Ok(Reading::Paper),
            "authors" => Ok(Reading::Authors),
            other => Err(format!(
                "unknown reading '{other}': expected 'paper' or 'authors'"
            )),
        }
    }
}
