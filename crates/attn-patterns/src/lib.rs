//! The five kinds of self-attention map (Section 4.1, Figures 1 and 2).

pub mod engine;
pub mod image;
pub mod network;
pub mod sample;
pub mod scale;
pub mod store;

pub use network::PatternNetwork;
pub use sample::{Draw, SampleError, Source};
pub use store::{MapEntry, State, StoreError, StoredMap};
