//! A model in memory and as a file.

use super::format::{Damage, Reader, pack, unpack, write_texts};
use super::table::Table;
use crate::parser::{self, Input, state::Action};
use crate::tagger::{self, Lexicon};
use crate::treebank::Names;
use crate::words::{Casing, Word};
use attn_core::io::{IoError, write_atomically};
use std::path::{Path, PathBuf};

/// A model file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// It cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It cannot be written.
    #[error(transparent)]
    Write(#[from] IoError),
    /// Its bytes are not a model.
    #[error("{}: {damage}", path.display())]
    Damage {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        damage: Damage,
    },
}

/// A trained tagger and parser.
#[derive(Debug, Clone)]
pub struct Model {
    bytes: Vec<u8>,
    upos: Vec<String>,
    xpos: Vec<String>,
    /// UPOS number of each joint tag.
    coarse: Vec<u8>,
    labels: Vec<String>,
    lexicon: Lexicon,
    tagger: Table,
    parser: Table,
}

/// Tags and tree of a sentence, by the model's numbers.
#[derive(Debug, Clone)]
pub(crate) struct Analysis {
    /// Joint tag of each word.
    pub tags: Vec<u16>,
    /// Head of each word; the number of words for the root.
    pub heads: Vec<usize>,
    /// Relation of each word.
    pub labels: Vec<u16>,
}

impl Model {
    /// Puts a model together from its parts, through its file format: what was trained is what
    /// will be loaded.
    pub(crate) fn assemble(
        names: &Names,
        lexicon: &Lexicon,
        tagger: &[u8],
        parser: &[u8],
    ) -> Result<Self, Damage> {
        let mut texts = Vec::new();
        write_texts(&mut texts, &names.tags);
        write_texts(&mut texts, &names.labels);
        Self::from_bytes(&pack(&[&texts, &lexicon.encode(), tagger, parser]))
    }

    /// Reads a model from the bytes of its file.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Damage> {
        let [texts, lexicon, tagger, parser] = unpack(bytes)?;
        let mut reader = Reader::new(texts, "names");
        let tags = reader.texts("tag")?;
        let labels = reader.texts("relation")?;
        if tags.is_empty() || labels.is_empty() || tags.len() > 4096 || labels.len() > 4096 {
            return Err(reader.damage(format!(
                "{} tags and {} relations",
                tags.len(),
                labels.len()
            )));
        }
        let mut names: Vec<&str> = Vec::new();
        let (mut upos, mut xpos, mut coarse) = (Vec::new(), Vec::new(), Vec::new());
        for tag in &tags {
            let Some((u, x)) = tag.split_once('|') else {
                return Err(reader.damage(format!("tag '{tag}' is not UPOS|XPOS")));
            };
            let number = names.iter().position(|name| *name == u).unwrap_or_else(|| {
                names.push(u);
                names.len() - 1
            });
            coarse.push(number.min(255) as u8);
            upos.push(u.to_owned());
            xpos.push(x.to_owned());
        }
        reader.finish()?;
        Ok(Self {
            tagger: Table::decode(tagger, tags.len(), "tagger")?,
            parser: Table::decode(parser, Action::classes(labels.len()), "parser")?,
            lexicon: Lexicon::decode(lexicon)?,
            bytes: bytes.to_vec(),
            upos,
            xpos,
            coarse,
            labels,
        })
    }

    /// Reads a model file.
    pub fn load(path: &Path) -> Result<Self, ModelError> {
        let bytes = std::fs::read(path).map_err(|source| ModelError::Read {
            path: path.to_owned(),
            source,
        })?;
        Self::from_bytes(&bytes).map_err(|damage| ModelError::Damage {
            path: path.to_owned(),
            damage,
        })
    }

    /// Writes the model file.
    pub fn save(&self, path: &Path) -> Result<(), ModelError> {
        Ok(write_atomically(path, |out| out.write_all(&self.bytes))?)
    }

    /// The bytes of the model file.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// How many features and weights it has, in words.
    pub fn summary(&self) -> String {
        let (t, p) = (self.tagger.size(), self.parser.size());
        format!(
            "{} bytes: {} tags, {} relations, {} words in the lexicon; tagger {} features, {} weights; parser {} features, {} weights",
            self.bytes.len(),
            self.upos.len(),
            self.labels.len(),
            self.lexicon.len(),
            t.0,
            t.1,
            p.0,
            p.1
        )
    }

    /// UPOS number of each joint tag, for the parser's features.
    pub(crate) fn coarse(&self) -> &[u8] {
        &self.coarse
    }

    /// UPOS and XPOS of a tag number.
    pub(crate) fn tag_names(&self, tag: u16) -> (&str, &str) {
        (
            self.upos.get(usize::from(tag)).map_or("X", String::as_str),
            self.xpos.get(usize::from(tag)).map_or("FW", String::as_str),
        )
    }

    /// The name of a relation; `root` where the head is the root and nowhere else.
    pub(crate) fn label_name(&self, label: u16, to_root: bool) -> &str {
        if to_root {
            return "root";
        }
        match self.labels.get(usize::from(label)).map(String::as_str) {
            Some("root") | None => "dep",
            Some(name) => name,
        }
    }

    /// Tags and parses a sentence of words.
    pub(crate) fn analyse<S: AsRef<str>>(&self, forms: &[S]) -> Analysis {
        let words = Word::all(forms);
        let tags = tagger::tag(&self.tagger, &self.lexicon, &words, Casing::of(forms));
        let input = Input {
            words: &words,
            tags: &tags,
            upos: &self.coarse,
        };
        let (heads, labels) = parser::parse(&self.parser, input, self.labels.len());
        Analysis {
            tags,
            heads,
            labels,
        }
    }
}
