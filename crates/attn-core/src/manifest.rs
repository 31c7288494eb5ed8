//! What a run was made from.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A file that a run read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct InputFile {
    /// What it is for, for example `model` or `MRPC dev`.
    pub role: String,
    /// File name without its folder: folders differ between machines, contents do not.
    pub file: String,
    /// Size in bytes.
    pub bytes: u64,
    /// Its sha256 in lower-case hex.
    pub sha256: String,
}

/// Everything needed to repeat a run, written beside its records.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// The run's name.
    pub run: String,
    /// The command line, program name first.
    pub command: Vec<String>,
    /// The full configuration after defaults.
    pub config: serde_json::Value,
    /// Every input with its hash.
    pub inputs: Vec<InputFile>,
    /// Named seeds.
    pub seeds: BTreeMap<String, u64>,
    /// Versions of the program and the libraries that decide numbers.
    pub versions: BTreeMap<String, String>,
    /// The backend and device that computed.
    pub device: String,
    /// Threads used.
    pub threads: usize,
    /// Wall time of each stage, in seconds.
    pub seconds: BTreeMap<String, f64>,
    /// Git revision of the program, with `-dirty` when the tree had changes; absent outside a checkout.
    pub git: Option<String>,
    /// What was skipped, cut or substituted, in words.
    pub notes: Vec<String>,
    /// What the run wrote, by path within its folder (`role`), so that damage is noticed.
    #[serde(default)]
    pub outputs: Vec<InputFile>,
}
