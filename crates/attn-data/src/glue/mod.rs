//! GLUE as it is written, and labelled texts of one's own.
//!
//! [`load`] reads one [`Split`](attn_core::Split) of a GLUE [`Task`](attn_core::Task) from a
//! [`Source`] folder into a [`Dataset`]; [`load_custom`] reads a CSV, TSV or JSON Lines file by
//! column names into the same type; [`check`] says what a folder holds and how that compares with
//! GLUE's official counts.
//!
//! # Nothing is dropped silently
//! A broken row is an error with file, line, what was expected and what was found. A lenient
//! reading leaves such rows out, lists each in [`Dataset::skipped`] and counts them in
//! [`Dataset::notes`]; what was kept and what was skipped add up to the file's rows. Substitutes,
//! gaps, samples and splits are noted too, and the notes go into the manifest of whatever is
//! computed. (QQP's own training rows hold at least one that lacks a tab.)
//!
//! # How GLUE is written
//! Tab-separated, without quoting: a quote mark is text. MRPC starts with a byte order mark; CoLA
//! has no header; MNLI fills columns with the word `none`; the last line may lack its newline; some
//! copies end lines in `\r\n`. Columns are found by their names in the header, and every row must
//! have as many fields as the header. Lines end at `\n` only, never at Unicode's separators.
//!
//! Texts are kept to the byte: SST-2's sentences carry a trailing blank (and 1,700 of MNLI's), and
//! it stays, as in `nyu-mll/glue`; word pieces are the same with and without it, character offsets
//! then need no correction. A text of blanks only is a broken row. [`Example::id`] is
//! `<file name>:<line>`, counted from 1 with the header (in a Parquet file: the row).
//!
//! # Why polars does not read the text files
//! Parquet comes through polars. For delimited text its reader is fast but cannot be strict in the
//! way wanted here (tried with 0.55): it fills short rows with nulls and refuses the whole file for
//! a long row or bad UTF-8 without naming the line. Our line reader needs 0.3 s for 16 MB of
//! GLUE in an unoptimised build, hashes as it reads and names the line. The same reasons hold for
//! one's own CSV and JSON Lines, where a wrong row is likelier still.
//!
//! [`Example::id`]: attn_core::Example::id

mod check;
mod csv;
mod custom;
mod dataset;
mod error;
mod grouping;
#[cfg(feature = "parquet")]
mod hf;
mod labels;
mod rows;
mod sample;
mod source;
mod table;
mod tsv;

pub use check::{CheckRow, LabelCount, Lengths, Verdict, check};
pub use custom::{CustomColumns, CustomFormat, CustomKind, CustomOptions, load_custom};
pub use dataset::{Dataset, LoadOptions, TaskRef, TrainPolicy, load};
pub use error::{EXCERPT, GlueError};
pub use grouping::groups;
pub use rows::Skipped;
pub use sample::PartSize;
pub use source::{Format, Located, Source, official_rows};
pub use table::CheckTable;

#[cfg(test)]
mod tests;
