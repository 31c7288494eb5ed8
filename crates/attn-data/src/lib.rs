//! Data sets, artefact store and tokenising for Attention Atlas.
//!
//! - [`glue`]: GLUE's tasks and one's own labelled texts, read strictly.
//! - [`parquet`]: records in and out.
//! - [`store`]: models and data sets by name, fetched once, verified, cached.
//! - [`framenet`]: FrameNet 1.7 and the sentence filter of Section 4.2.
//! - [`tokenise`]: texts to word pieces and, by offsets, back to the text.

pub mod framenet;
pub mod glue;
pub mod parquet;
pub mod store;
pub mod tokenise;
