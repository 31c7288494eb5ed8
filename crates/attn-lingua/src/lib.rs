//! What the words of an English sentence are: part of speech, dependency relation, negation,
//! pronouns, with their bytes and characters in the text.
//!
//! Sections 4.4 and 4.5 of "Revealing the Dark Secrets of BERT" (Kovaleva et al., 2019) ask how
//! much attention nouns, subjects, negations and so on receive. The authors took spaCy's word for
//! what is a noun. This crate has a tagger and a parser of its own, trained on the UD English Web
//! Treebank, in one file of six megabytes that is compiled in; annotations by another tool come
//! in as CoNLL-U ([`Annotations`]). It knows no tensor and no tokenizer: what it says about words
//! reaches word pieces by offsets alone ([`align`]).
//!
//! ```
//! use attn_core::Reading;
//! use attn_lingua::{Annotator, Feature};
//!
//! let annotator = Annotator::embedded()?;
//! let text = "The committee didn't approve her plan.";
//! let words = annotator.annotate(text);
//! let subjects = Feature::Subject.words(Reading::Paper, text, &words);
//! assert_eq!(words[subjects[0]].text, "committee");
//! // Word pieces by their offsets, as a tokenizer reports them.
//! let pieces = [(0, 0), (0, 3), (4, 10), (10, 13), (0, 0)];
//! let spans: Vec<_> = words.iter().map(|word| word.bytes.clone()).collect();
//! let pieces_of_words = attn_lingua::align::word_pieces(&spans, &pieces);
//! assert_eq!(pieces_of_words[subjects[0]], [2, 3]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Invariants: an annotation's spans lie on the text, in order; heads lie within the sentence and
//! form a tree; the same text gives the same annotation on every machine (all scores are sums of
//! integers); training with the same seed gives the same bytes.

pub mod align;
mod annotate;
pub mod conllu;
pub mod evaluate;
mod features;
pub mod foreign;
mod hash;
mod import;
mod labels;
mod links;
mod model;
pub mod negation;
mod parser;
mod perceptron;
mod tagger;
pub mod tokenize;
mod train;
mod treebank;
mod words;

pub use annotate::{Annotator, Parsed, Word};
pub use features::Feature;
pub use import::{Annotations, ImportError};
pub use labels::base;
pub use links::{Link, LinkKind};
pub use model::{Damage, Model, ModelError};
pub use train::{FOLDS, Progress, TrainError, TrainOptions, section_file, train, train_on};
