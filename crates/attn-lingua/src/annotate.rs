//! Text in, annotated words out.

use crate::model::{Damage, Model, ModelError};
use crate::tokenize::{sentences, tokenize};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::ops::Range;
use std::path::Path;

/// The model that comes with the crate; `model/README.md` has its licence and scores.
static EMBEDDED: &[u8] = include_bytes!("../model/english-ewt.bin");

/// Longest sentence that is tagged and parsed whole, in words. Longer ones (lists without any
/// full stop, noise) are cut: the parser was not made for them.
const LONGEST: usize = 400;

/// A word of a text with its annotation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Word {
    /// The word, without blanks.
    pub text: String,
    /// Its bytes in the text.
    pub bytes: Range<usize>,
    /// Its characters (Unicode scalar values) in the text.
    pub chars: Range<usize>,
    /// Universal part of speech.
    pub upos: String,
    /// Penn Treebank tag, in EWT's version.
    pub xpos: String,
    /// Index of the head among the words of the text; `None` for the root of a sentence.
    pub head: Option<usize>,
    /// Universal Dependencies relation to the head, with its subtype; `root` without a head.
    pub deprel: String,
    /// Number of the sentence within the text, from 0.
    pub sentence: usize,
}

/// Tags and parses English text.
#[derive(Debug, Clone)]
pub struct Annotator {
    model: Model,
}

impl Annotator {
    /// With the model that comes with the crate (UD English EWT, CC BY-SA 4.0).
    ///
    /// # Errors
    /// If the crate was built with a damaged model file.
    pub fn embedded() -> Result<Self, Damage> {
        Ok(Self::new(Model::from_bytes(EMBEDDED)?))
    }

    /// With a model from a file.
    ///
    /// # Errors
    /// If the file cannot be read or is damaged.
    pub fn load(path: &Path) -> Result<Self, ModelError> {
        Ok(Self::new(Model::load(path)?))
    }

    /// With a model in memory.
    pub fn new(model: Model) -> Self {
        Self { model }
    }

    /// The model.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// Splits `text` into sentences and words, tags and parses them. Works for any text; one
    /// without words gives none.
    pub fn annotate(&self, text: &str) -> Vec<Word> {
        let tokens = tokenize(text);
        let bounds = sentences(text, &tokens);
        let mut words = Vec::with_capacity(tokens.len());
        let mut chars = Chars::new(text);
        for (number, sentence) in bounds.into_iter().enumerate() {
            let mut at = sentence.start;
            while at < sentence.end {
                let end = sentence.end.min(at + LONGEST);
                let tokens = &tokens[at..end];
                let forms: Vec<&str> = tokens.iter().map(|token| token.text.as_str()).collect();
                let parts = self.annotate_words(&forms);
                for (token, part) in tokens.iter().zip(parts) {
                    words.push(Word {
                        text: token.text.clone(),
                        bytes: token.bytes.clone(),
                        chars: chars.of(&token.bytes),
                        upos: part.upos,
                        xpos: part.xpos,
                        head: part.head.map(|head| head + at),
                        deprel: part.deprel,
                        sentence: number,
                    });
                }
                at = end;
            }
        }
        words
    }

    /// [`Annotator::annotate`] for many texts, in parallel (rayon's current pool). The order and
    /// the results do not depend on the number of threads.
    pub fn annotate_all<S: AsRef<str> + Sync>(&self, texts: &[S]) -> Vec<Vec<Word>> {
        texts
            .par_iter()
            .map(|text| self.annotate(text.as_ref()))
            .collect()
    }

    /// Tags and parses one sentence that is already split into words.
    pub fn annotate_words<S: AsRef<str>>(&self, forms: &[S]) -> Vec<Parsed> {
        let analysis = self.model.analyse(forms);
        (0..forms.len())
            .map(|i| {
                let (upos, xpos) = self.model.tag_names(analysis.tags[i]);
                let head = Some(analysis.heads[i]).filter(|head| *head < forms.len());
                Parsed {
                    upos: upos.to_owned(),
                    xpos: xpos.to_owned(),
                    head,
                    deprel: self
                        .model
                        .label_name(analysis.labels[i], head.is_none())
                        .to_owned(),
                }
            })
            .collect()
    }
}

/// The annotation of a word of one sentence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parsed {
    /// Universal part of speech.
    pub upos: String,
    /// Penn Treebank tag.
    pub xpos: String,
    /// Index of the head in the sentence; `None` for the root.
    pub head: Option<usize>,
    /// Relation to the head.
    pub deprel: String,
}

/// Turns byte spans into character spans, in one pass when asked from left to right.
#[derive(Debug)]
pub(crate) struct Chars<'a> {
    text: &'a str,
    byte: usize,
    char: usize,
}

impl<'a> Chars<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self {
            text,
            byte: 0,
            char: 0,
        }
    }

    fn at(&mut self, byte: usize) -> usize {
        if byte < self.byte {
            (self.byte, self.char) = (0, 0);
        }
        self.char += self
            .text
            .get(self.byte..byte)
            .map_or(0, |part| part.chars().count());
        self.byte = byte;
        self.char
    }

    /// The character span of a byte span that lies on character borders.
    pub(crate) fn of(&mut self, bytes: &Range<usize>) -> Range<usize> {
        self.at(bytes.start)..self.at(bytes.end)
    }
}
