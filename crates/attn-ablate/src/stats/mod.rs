//! How sure one can be of a difference between two variants. Plain numbers in, plain numbers out;
//! nothing here knows models.
//!
//! The paper reports gains of single ablations without intervals or tests, the best of 144 heads
//! picked after the fact. So here every variant has
//!
//! - its score with a bootstrap interval, and its difference to the baseline with a paired one:
//!   examples are resampled, and the same resamples serve all variants ([`Resamples`]);
//! - a paired test of "the two predict equally well": exact McNemar for accuracy
//!   ([`mcnemar`]), else a permutation test that swaps the two predictions of random examples
//!   ([`permutation`]);
//! - p-values corrected over the whole sweep ([`holm`], [`benjamini_hochberg`]).
//!
//! Scores are functions of predictions and labels ([`Score`]); [`attn_core::Metric`] is one.

mod compare;
mod correct;
mod paired;
mod rank;
mod score;
mod swapped;

pub use compare::{Comparison, Settings, StatsError, Test, compare};
pub use correct::{benjamini_hochberg, holm};
pub use paired::{McNemar, Permutation, Resamples, mcnemar, permutation, quantile};
pub use rank::{Correlation, spearman_interval};
pub use score::{Score, pearson, ranks, spearman};
