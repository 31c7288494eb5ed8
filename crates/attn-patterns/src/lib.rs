//! The five kinds of self-attention map (Section 4.1, Figures 1 and 2): Vertical, Diagonal,
//! Vertical + diagonal, Block, Heterogeneous.
//!
//! - [`sample`] and [`enrich`] decide which maps are labelled, [`store`] keeps them, [`annotate`]
//!   makes the page for labelling, [`labels`] reads what labellers said and compares passes.
//! - [`image`] turns a map of any length into a picture, [`measures`](mod@measures) into the numbers
//!   that the labelling guide asks for, [`train`](mod@train) trains the network
//!   ([`PatternNetwork`], in Burn) on it, [`augment`] varies maps without changing their class.
//! - [`Engine`] sorts maps with trained [`Weights`], faster than the models make them;
//!   [`PatternShares`] does so as an observer in a forward pass.
//! - [`folds`], [`validate`], [`baseline`] and [`score`] say how far to trust it; [`correction`]
//!   corrects proportions for its errors.
//!
//! ```
//! use attn_patterns::{Engine, Weights};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // Weights::read(path)? reads what `attn patterns train` wrote; these are random.
//! let engine = Engine::new(&Weights::random(1))?;
//! let map = [0.1, 0.1, 0.8, 0.0, 0.2, 0.8, 0.3, 0.3, 0.4]; // 3 tokens; [CLS] is 0, [SEP] is 2
//! let sorted = engine.classify(&map, 3, &[0, 2], &[0; 3]);
//! println!("{}: {:.2}", sorted[0].pattern(), sorted[0].of(sorted[0].pattern()));
//! # Ok(())
//! # }
//! ```

pub mod annotate;
pub mod augment;
pub mod baseline;
pub mod correction;
pub mod engine;
pub mod enrich;
pub mod folds;
pub mod image;
pub mod labels;
pub mod measures;
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

pub use correction::{ErrorRates, Known, Stratum};
pub use engine::{Engine, EngineError, Probabilities};
pub use network::PatternNetwork;
pub use sample::{Draw, SampleError, Sampler, Source};
pub use shares::{PatternShares, Proportions};
pub use store::{MapEntry, State, StoreError, StoredMap};
pub use train::{Recipe, TrainError};
pub use validate::{Classifier, Labelled, Prediction, ValidateError};
pub use weights::{Weights, WeightsError};
