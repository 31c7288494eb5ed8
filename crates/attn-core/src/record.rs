//! Results as long-format rows.

use serde::{Deserialize, Serialize};

/// One number with everything needed to trace it. Written as JSON Lines and Parquet.
///
/// `layer` and `head` count from 0 and are absent where a number is not about one layer or head.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// The run's name: the folder under `results/`.
    pub run: String,
    /// The model's name.
    pub model: String,
    /// The task's name, or the name of the input.
    pub task: String,
    /// The part of the data.
    pub split: String,
    /// What was measured, for example `sep-cls`.
    pub experiment: String,
    /// Layer, from 0.
    pub layer: Option<usize>,
    /// Head, from 0.
    pub head: Option<usize>,
    /// The quantity, for example `attention_to_sep`.
    pub metric: String,
    /// Its value.
    pub value: f64,
    /// How many examples it is averaged over.
    pub n: usize,
    /// The seed of everything random in it.
    pub seed: u64,
    /// Lower end of the 95 % interval.
    pub ci_low: Option<f64>,
    /// Upper end of the 95 % interval.
    pub ci_high: Option<f64>,
}
