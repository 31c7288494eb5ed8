//! CoNLL-U, the file format of Universal Dependencies.
//!
//! [`read_file`] and [`parse`] are strict: ten columns, numbers in order, heads that exist, one
//! root, no cycle. A treebank with a broken line would otherwise train a broken parser without a
//! word. [`write()`] gives the same bytes back that were read. See
//! <https://universaldependencies.org/format.html>.

mod bounds;
mod read;
mod spans;
mod write;

pub use read::{ConlluError, Problem, parse, read_file};
pub use spans::SpanError;
pub use write::{to_text, write};

/// A syntactic word: one line with a whole number.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Word {
    /// FORM: the word as written (within a contraction: the part it stands for).
    pub form: String,
    /// LEMMA.
    pub lemma: String,
    /// UPOS: universal part of speech.
    pub upos: String,
    /// XPOS: the treebank's own tag (Penn tags in EWT).
    pub xpos: String,
    /// FEATS.
    pub feats: String,
    /// HEAD: index of the head within [`Sentence::words`]; `None` for the root.
    pub head: Option<usize>,
    /// DEPREL: the relation to the head, with its subtype.
    pub deprel: String,
    /// DEPS: enhanced dependencies, kept as they stand.
    pub deps: String,
    /// MISC.
    pub misc: String,
}

/// A surface token that is several words (`3-4  don't`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Range {
    /// Index of its first word.
    pub first: usize,
    /// Index of its last word.
    pub last: usize,
    /// The token as written.
    pub form: String,
    /// The columns between FORM and MISC, LEMMA to DEPS, kept as they stand.
    pub columns: [String; 7],
    /// MISC.
    pub misc: String,
}

/// A word that is not in the text (`8.1`), of the enhanced representation. Kept, not used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Empty {
    /// Number of words before it.
    pub after: usize,
    /// The part of its number behind the point, from 1.
    pub number: usize,
    /// The columns FORM to MISC.
    pub columns: [String; 9],
}

/// A sentence.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sentence {
    /// Comment lines, with their `#`.
    pub comments: Vec<String>,
    /// The words.
    pub words: Vec<Word>,
    /// Tokens of several words, in order.
    pub ranges: Vec<Range>,
    /// Empty nodes, in order.
    pub empties: Vec<Empty>,
    /// Line of the file on which the sentence starts, from 1; 0 when it comes from no file.
    pub line: usize,
}

/// A surface token: what stands in the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Surface<'a> {
    /// Index of its first word.
    pub first: usize,
    /// Index of its last word.
    pub last: usize,
    /// As written.
    pub form: &'a str,
    /// Whether white space follows in the text.
    pub space_after: bool,
}

impl Sentence {
    /// The value of a comment `# name = value`.
    pub fn comment(&self, name: &str) -> Option<&str> {
        self.comments.iter().find_map(|comment| {
            let (key, value) = comment.strip_prefix('#')?.split_once('=')?;
            (key.trim() == name).then(|| value.trim())
        })
    }

    /// The surface tokens: contractions whole, other words one by one.
    pub fn surface(&self) -> Vec<Surface<'_>> {
        let spaced = |misc: &str| !misc.split('|').any(|m| m == "SpaceAfter=No");
        let mut tokens = Vec::with_capacity(self.words.len());
        let mut ranges = self.ranges.iter().peekable();
        let mut i = 0;
        while let Some(word) = self.words.get(i) {
            match ranges.next_if(|range| range.first == i) {
                Some(r) => tokens.push(Surface {
                    first: i,
                    last: r.last,
                    form: &r.form,
                    space_after: spaced(&r.misc),
                }),
                None => tokens.push(Surface {
                    first: i,
                    last: i,
                    form: &word.form,
                    space_after: spaced(&word.misc),
                }),
            }
            i = tokens.last().map_or(i, |token| token.last) + 1;
        }
        tokens
    }

    /// The text: the comment `# text`, or else the tokens with the blanks that MISC asks for.
    pub fn text(&self) -> String {
        if let Some(text) = self.comment("text") {
            return text.to_owned();
        }
        let mut text = String::new();
        for token in self.surface() {
            text.push_str(token.form);
            if token.space_after {
                text.push(' ');
            }
        }
        text.truncate(text.trim_end().len());
        text
    }
}
