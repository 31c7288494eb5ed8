//! The trained model: names of tags and relations, lexicon, tagger and parser in one file.

mod file;
mod format;
mod table;

pub use file::{Model, ModelError};
pub use format::Damage;
pub(crate) use format::{Reader, write_varint};
pub(crate) use table::{Table, encode};
