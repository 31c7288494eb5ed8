//! The five kinds of self-attention map (Section 4.1, Figures 1 and 2).

pub mod annotate;
pub mod augment;
pub mod baseline;
pub mod engine;
pub mod enrich;
pub mod folds;
pub mod image;
pub mod labels;
pub mod network;
pub mod sample;
pub mod scale;
pub mod score;
pub mod shares;
pub mod store;
#[cfg(test)]
mod synthetic;
pub mod train;
pub mod validate;
pub mod weights;

pub use engine::{Engine, EngineError, Probabilities};
pub use network::PatternNetwork;
pub use sample::{Draw, SampleError, Sampler, Source};
pub use shares::PatternShares;
pub use store::{MapEntry, State, StoreError, StoredMap};
pub use train::{Recipe, TrainError};
pub use validate::{Classifier, Labelled, Prediction, ValidateError};
pub use weights::{Weights, WeightsError};
