//! Data sets, artefact store and tokenising for Attention Atlas.
//!
//! - [`glue`]: GLUE's tasks and one's own labelled texts, read strictly.
//! - [`labels`]: which output of a classifier means which label.
//! - [`parquet`]: records in and out.
//! - [`store`]: models and data sets by name, fetched once, verified, cached.
//! - [`framenet`]: FrameNet 1.7 and the sentence filter of Section 4.2.
//! - [`starter`]: the project's own small data, carried by the program.
//! - [`tokenise`]: texts to word pieces and, by offsets, back to the text.
//! - [`maps`]: attention maps from files, example by example.
//! - [`words`]: which tokens make up a word.
//!
//! `maps`, `parquet`, `store` and `tokenise` are features, on by default: they bring polars, an HTTP client,
//! the tokeniser and safetensors. Whoever needs a loader alone takes the crate with `default-features = false`.

pub mod framenet;
pub mod glue;
pub mod labels;
#[cfg(feature = "maps")]
pub mod maps;
#[cfg(feature = "parquet")]
pub mod parquet;
pub mod starter;
#[cfg(feature = "store")]
pub mod store;
#[cfg(feature = "tokenise")]
pub mod tokenise;
pub mod words;
