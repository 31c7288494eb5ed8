//! FrameNet 1.7: lexical units with their annotated sentences, and the paper's choice of 473 of
//! them (Section 4.2).
//!
//! [`FrameNet::open`] takes a folder or NLTK's `framenet_v17.zip`. Units stream: one file is in
//! memory for each thread, results arrive in the order of the units' numbers whatever the number
//! of threads. Nothing is ever written or unpacked to disk, names inside the zip only select
//! entries (`lu/lu<number>.xml`, `frame/<name>.xml`), and no entity but XML's own is expanded.
//!
//! # Offsets
//! FrameNet counts characters (Unicode code points) from 0 and its `end` is *inclusive*. Our
//! [`Span`]s are half-open, so `start="3" end="5"` becomes `3..6`; [`Span::bytes`] turns one into
//! byte offsets.
//!
//! # Known defects of release 1.7
//! Seven target labels in `lu10365.xml` and `lu10553.xml` lie beyond the end of their sentence
//! (each such target has other, sound spans). [`Strictness::Release`], the default, drops such
//! labels and lists them; everything else that is broken is an error.
//!
//! # The filter
//! [`filter`] keeps sentences in stages and reports how many each leaves ([`Funnel`]). The
//! `authors` reading gives the paper's 473. Its rules match strings where one expects positions;
//! the module `filter` spells them out.

mod corpus;
mod error;
mod filter;
mod links;
mod pieces;
mod sentences;
mod source;
mod tokenize;
mod types;
mod xml;

pub use corpus::{FrameNet, Frames, Report, Strictness};
pub use error::FrameNetError;
pub use filter::{Filtered, Funnel, Stage, filter};
pub use links::{Link, LinkElement, read_links, write_links};
pub use pieces::{first_occurrences, zip_pairs};
pub use source::MAX_XML_BYTES;
pub use tokenize::{Token, treebank_tokenize, word_tokenize};
pub use types::{
    AnnotationSet, CoreType, ElementType, Frame, FrameElement, LexicalUnit, NullInstantiation,
    Sentence, Span,
};
pub use xml::{parse_frame, parse_lexical_unit};
