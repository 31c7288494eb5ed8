//! The bootstrap: intervals by resampling examples.
//!
//! Two ways to draw, one for each kind of data:
//!
//! - *streaming* ([`Resampler`], [`BootstrapMean`]): examples come one after another and are not kept
//!   (attention maps); each enters each replicate a Poisson(1) number of times;
//! - *at hand* ([`draw`], [`Resamples`]): predictions of all examples are in memory; each replicate
//!   draws as many examples with replacement, as the textbook says.
//!
//! All intervals come from [`interval`]: the central quantiles of the replicates, linear interpolation
//! as NumPy's. [`simultaneous`] gives the interval of one that was picked among many.

mod means;
mod samples;
mod scored;

pub use means::{BootstrapMean, Estimate, Resampler};
pub use samples::{Resamples, draw, interval, quantile, simultaneous, standard_error};
pub use scored::{
    MetricEstimate, Pair, Spread, bootstrap_mean_metric, bootstrap_metric, over_seeds, score_pairs,
};
