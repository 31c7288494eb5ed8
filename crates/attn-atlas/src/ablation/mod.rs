//! From the logits of a sweep to what can be said about them (Section 4.6, Figures 8 and 9).
//!
//! [`compare`] holds each variant's scores against the baseline's; [`claims`] asks of them what the
//! paper claims, [`threshold`] whether a loss is more than a shifted threshold; [`records`] and [`tables`]
//! write them down. [`importance`] holds gradient importance against the ablation. [`cumulative`] disables more and more
//! heads and compares the orders. Figures are made from records alone ([`groups`], [`figures`]), so
//! that those of several runs can be drawn as one.
//!
//! The paper gives the best of 144 heads, picked after the fact, without intervals or tests. Here
//! the choice is part of the question: p-values are corrected over all variants of the sweep, and
//! the gain of a best head has an interval that holds for all heads at once.

pub mod claims;
pub mod compare;
pub mod cumulative;
pub mod figures;
pub mod groups;
pub mod importance;
pub mod job;
pub mod power;
pub mod records;
pub mod tables;
pub mod threshold;

/// Bootstrap samples behind each interval.
pub const REPLICATES: usize = 1000;
/// Coverage of intervals, and one minus the level of tests.
pub const LEVEL: f64 = 0.95;
