//! Which output of a classifier means which label of a data set.
//!
//! Public checkpoints for one task differ in the order of their classes, so that an index alone says
//! nothing. [`ModelClasses`] are a classifier's classes as its `config.json` (or the user) names
//! them, [`LabelMap`] matches them with the labels of a data set: by name, or, where the checkpoint
//! names none, by index, which is told.
//!
//! The convention of the whole project: labels, logits and predictions are in the **data's** order,
//! which for GLUE is GLUE's. A classifier's outputs are put into that order as it is loaded
//! ([`LabelMap::outputs`]); nothing after that compares an index of the one with an index of the
//! other. Classes that the model has and the data lack follow, or, for a file of one's own, all are
//! sorted together, so that the order does not depend on which classes a file happens to hold.

mod aliases;
mod classes;
mod error;
mod map;

pub use classes::ModelClasses;
pub use error::LabelError;
pub use map::{Basis, DataClasses, LabelMap};

#[cfg(test)]
mod tests;
