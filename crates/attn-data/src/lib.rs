//! Data sets, artefact store and tokenising for Attention Atlas.
//!
//! - [`glue`]: GLUE's tasks and one's own labelled texts, read strictly.
//! - [`labels`]: which output of a classifier means which label.
//! - [`parquet`]: records in and out.
//! - [`store`]: models and data sets by name, fetched once, verified, cached.
//! - [`framenet`]: FrameNet 1.7 and the sentence filter of Section 4.2.
//! - [`tokenise`]: texts to word pieces and, by offsets, back to the text.
//!
//! `parquet`, `store` and `tokenise` are features, on by default: they bring polars, an HTTP client
//! and the tokeniser. Whoever needs a loader alone takes the crate with `default-features = false`.

pub mod framenet;
pub mod glue;
pub mod labels;
#[cfg(feature = "parquet")]
pub mod parquet;
#[cfg(feature = "store")]
pub mod store;
#[cfg(feature = "tokenise")]
pub mod tokenise;
