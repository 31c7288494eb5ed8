//! Annotations that another tool made, as CoNLL-U, matched to our texts.
//!
//! The file holds the sentences of the texts in the same order; a text may be several sentences.
//! Words are found in the text by their characters. Blanks may differ, anything else is an error
//! that names the first word which does not fit: an annotation that has slipped by one text
//! would give numbers that look right. Labels of other label sets become those of UD v2
//! ([`crate::foreign`]); [`Annotations::report`] says which, and which are not known.

use crate::annotate::{Chars, Word};
use crate::conllu::{ConlluError, Sentence, SpanError, parse, read_file};
use crate::foreign::{self, Report};
use std::path::Path;

/// An annotation that does not fit its text.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The file is broken.
    #[error(transparent)]
    Conllu(#[from] ConlluError),
    /// A word is not in the text.
    #[error("{file}, sentence at line {line}, against text {text}: {problem}")]
    Mismatch {
        /// The annotation file.
        file: String,
        /// Line where the sentence starts.
        line: usize,
        /// Number of the text, from 1.
        text: usize,
        /// The first word that does not fit.
        problem: SpanError,
    },
    /// The file ends too soon.
    #[error(
        "{file}: no sentence is left for text {text}, from '{rest}' on; annotate all texts, in their order"
    )]
    Missing {
        /// The annotation file.
        file: String,
        /// Number of the text, from 1.
        text: usize,
        /// What is not annotated (cut).
        rest: String,
    },
    /// The file goes on.
    #[error(
        "{file}, line {line}: {left} sentences are left after the last text; annotate these texts and no others"
    )]
    TooMany {
        /// The annotation file.
        file: String,
        /// Line of the first sentence too many.
        line: usize,
        /// How many there are.
        left: usize,
    },
}

/// Annotations by another tool.
#[derive(Debug, Clone)]
pub struct Annotations {
    file: String,
    sentences: Vec<Sentence>,
    report: Report,
}

impl Annotations {
    /// Reads a CoNLL-U file.
    ///
    /// # Errors
    /// See [`ConlluError`].
    pub fn from_conllu(path: &Path) -> Result<Self, ConlluError> {
        let file = path.file_name().map_or_else(
            || path.display().to_string(),
            |n| n.to_string_lossy().into_owned(),
        );
        Ok(Self::new(file, read_file(path)?))
    }

    /// Reads CoNLL-U text; `file` is its name in messages.
    ///
    /// # Errors
    /// See [`ConlluError`].
    pub fn from_text(conllu: &str, file: &str) -> Result<Self, ConlluError> {
        Ok(Self::new(file.to_owned(), parse(conllu, file)?))
    }

    fn new(file: String, mut sentences: Vec<Sentence>) -> Self {
        let report = foreign::normalise(&mut sentences);
        Self {
            file,
            sentences,
            report,
        }
    }

    /// What was made of the file's labels: which were renamed or derived, which are not known.
    pub fn report(&self) -> &Report {
        &self.report
    }

    /// How many sentences there are.
    pub fn len(&self) -> usize {
        self.sentences.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.sentences.is_empty()
    }

    /// Words of each text, in the order of `texts`. Every sentence must be used.
    ///
    /// # Errors
    /// At the first word that is not where it should be, and when sentences are too few or too
    /// many.
    pub fn match_texts<S: AsRef<str>>(&self, texts: &[S]) -> Result<Vec<Vec<Word>>, ImportError> {
        let mut sentences = self.sentences.iter().peekable();
        let mut all = Vec::with_capacity(texts.len());
        for (number, text) in texts.iter().enumerate() {
            let text = text.as_ref();
            let mut words = Vec::new();
            let mut chars = Chars::new(text);
            let (mut at, mut count) = (0, 0);
            while !text[at..].trim().is_empty() {
                let Some(sentence) = sentences.next() else {
                    let rest = text[at..].trim().chars().take(30).collect();
                    return Err(ImportError::Missing {
                        file: self.file.clone(),
                        text: number + 1,
                        rest,
                    });
                };
                let (spans, end) =
                    sentence
                        .spans(text, at)
                        .map_err(|problem| ImportError::Mismatch {
                            file: self.file.clone(),
                            line: sentence.line,
                            text: number + 1,
                            problem,
                        })?;
                let base = words.len();
                for (word, bytes) in sentence.words.iter().zip(spans) {
                    words.push(Word {
                        text: word.form.split_whitespace().collect(),
                        chars: chars.of(&bytes),
                        bytes,
                        upos: word.upos.clone(),
                        xpos: word.xpos.clone(),
                        head: word.head.map(|head| head + base),
                        deprel: word.deprel.clone(),
                        sentence: count,
                    });
                }
                (at, count) = (end, count + 1);
            }
            all.push(words);
        }
        if let Some(next) = sentences.peek().map(|s| s.line) {
            return Err(ImportError::TooMany {
                file: self.file.clone(),
                line: next,
                left: sentences.count(),
            });
        }
        Ok(all)
    }
}
