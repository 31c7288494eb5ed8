//! How sure one can be of a difference between two models on the same examples. Plain numbers in, plain
//! numbers out.
//!
//! The paper reports gains of single ablations without intervals or tests, the best of 144 heads
//! picked after the fact. So here every variant has ([`compare`])
//!
//! - its score with a bootstrap interval, and its difference to the baseline with a paired one:
//!   examples are resampled, and the same resamples serve all variants
//!   ([`Resamples`](crate::bootstrap::Resamples));
//! - a paired test of "the two predict equally well": exact McNemar for accuracy
//!   ([`mcnemar`]), else a permutation test that swaps the two models' predictions of random
//!   examples ([`permutation`]), exact for F1;
//! - p-values corrected over the whole sweep ([`holm`], [`benjamini_hochberg`]).
//!
//! [`power`] says what a test can find with so many examples, [`spearman_interval`] and [`reliability`]
//! how well two rankings of heads agree and how well one agrees with itself.

mod compare;
mod correct;
mod counts;
mod mcnemar;
mod permutation;
pub mod power;
mod rank;
mod swaps;

pub use compare::{CompareError, Comparison, Settings, Test, compare};
pub use correct::{benjamini_hochberg, holm};
pub use mcnemar::{McNemar, mcnemar};
pub use permutation::{Permutation, Swaps, permutation};
pub use rank::{Correlation, reliability, spearman_interval};
