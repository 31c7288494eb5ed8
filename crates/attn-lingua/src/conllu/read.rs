//! Reading CoNLL-U.

use super::{Empty, Range, Sentence, Word, bounds};
use attn_core::limits::Exceeded;
use std::path::{Path, PathBuf};

/// A file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConlluError {
    /// It cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A line breaks the format.
    #[error("{file}, line {line}: {problem}")]
    Line {
        /// The file's name, as given.
        file: String,
        /// The line, from 1.
        line: usize,
        /// What is wrong.
        problem: Problem,
    },
}

/// What is wrong with a line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// Not ten columns.
    #[error("expected 10 columns separated by tabs, found {found}")]
    Columns {
        /// How many there are.
        found: usize,
    },
    /// A column that may not be empty (`_` stands for "nothing").
    #[error("column {name} is empty; write '_' for an unknown value")]
    EmptyColumn {
        /// The column.
        name: &'static str,
    },
    /// Words are numbered from 1 without gaps.
    #[error("expected word number {expected}, found '{found}'")]
    Number {
        /// The next number.
        expected: usize,
        /// What stands there.
        found: String,
    },
    /// A contraction that does not begin here, ends before it begins, or reaches into another.
    #[error("'{found}' is not a range of two or more words that begins at word {expected}")]
    BadRange {
        /// Number of the next word.
        expected: usize,
        /// What stands there.
        found: String,
    },
    /// A contraction whose last word is missing.
    #[error("the range {first}-{last} ends behind the last word, {words}")]
    RangeEnd {
        /// Its first word.
        first: usize,
        /// Its last word.
        last: usize,
        /// How many words the sentence has.
        words: usize,
    },
    /// An empty node out of order.
    #[error("expected the empty node {after}.{number}, found '{found}'")]
    BadEmpty {
        /// Number of words before it.
        after: usize,
        /// Its number there.
        number: usize,
        /// What stands there.
        found: String,
    },
    /// HEAD is not a number of the sentence.
    #[error("HEAD is '{found}': expected a number from 0 to {words} that is not the word's own")]
    Head {
        /// What stands there.
        found: String,
        /// How many words there are.
        words: usize,
    },
    /// Not exactly one word hangs on the root.
    #[error("the sentence has {found} words with HEAD 0, expected 1")]
    Roots {
        /// How many.
        found: usize,
    },
    /// A word is its own ancestor.
    #[error("word {number} '{form}' depends on itself through its heads")]
    Cycle {
        /// The word's number.
        number: usize,
        /// Its form.
        form: String,
    },
    /// A comment inside or behind a sentence.
    #[error("a comment must stand before the first word of its sentence")]
    LateComment,
    /// A file or sentence that asks for more than is read.
    #[error("{0}")]
    Limit(Exceeded),
    /// Comments without words.
    #[error("a sentence has comments and no words")]
    NoWords,
    /// The last sentence is not ended.
    #[error("the file ends without the blank line that ends a sentence: it may be truncated")]
    Unfinished,
}

/// Reads a file.
pub fn read_file(path: &Path) -> Result<Vec<Sentence>, ConlluError> {
    let text = std::fs::read_to_string(path).map_err(|source| ConlluError::Io {
        path: path.to_owned(),
        source,
    })?;
    let name = path.file_name().map_or_else(
        || path.display().to_string(),
        |n| n.to_string_lossy().into_owned(),
    );
    parse(&text, &name)
}

/// Reads a text; `file` is for messages.
pub fn parse(text: &str, file: &str) -> Result<Vec<Sentence>, ConlluError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let error = |line, problem| ConlluError::Line {
        file: file.to_owned(),
        line,
        problem,
    };
    let mut sentences = Vec::new();
    let mut draft: Option<Draft> = None;
    let (mut last, mut lines) = (0, 0);
    for (i, line) in text.lines().enumerate() {
        last = i + 1;
        if line.is_empty() {
            if let Some(draft) = draft.take() {
                sentences.push(
                    draft
                        .finish()
                        .map_err(|(line, problem)| error(line, problem))?,
                );
            }
            continue;
        }
        lines += 1;
        bounds::file(lines).map_err(|e| error(last, Problem::Limit(e)))?;
        draft
            .get_or_insert_with(|| Draft::new(last))
            .line(line, last)
            .map_err(|problem| error(last, problem))?;
    }
    if draft.is_some() {
        return Err(error(last, Problem::Unfinished));
    }
    Ok(sentences)
}

/// A sentence under construction. Heads can be checked at its end only.
#[derive(Debug)]
struct Draft {
    sentence: Sentence,
    heads: Vec<(usize, String)>,
    range_line: usize,
    lines: u64,
}

impl Draft {
    fn new(line: usize) -> Self {
        let sentence = Sentence {
            line,
            ..Sentence::default()
        };
        Self {
            sentence,
            heads: Vec::new(),
            range_line: line,
            lines: 0,
        }
    }

    fn line(&mut self, line: &str, number: usize) -> Result<(), Problem> {
        self.lines += 1;
        bounds::sentence(self.lines).map_err(Problem::Limit)?;
        let sentence = &mut self.sentence;
        if line.starts_with('#') {
            if !sentence.words.is_empty()
                || !sentence.ranges.is_empty()
                || !sentence.empties.is_empty()
            {
                return Err(Problem::LateComment);
            }
            sentence.comments.push(line.to_owned());
            return Ok(());
        }
        let columns: Vec<&str> = line.split('\t').collect();
        let &[id, form, lemma, upos, xpos, feats, head, deprel, deps, misc] = columns.as_slice()
        else {
            return Err(Problem::Columns {
                found: columns.len(),
            });
        };
        let names = [
            "ID", "FORM", "LEMMA", "UPOS", "XPOS", "FEATS", "HEAD", "DEPREL", "DEPS", "MISC",
        ];
        if let Some(i) = columns.iter().position(|column| column.trim().is_empty()) {
            return Err(Problem::EmptyColumn { name: names[i] });
        }
        let next = sentence.words.len() + 1;
        if let Some((first, last)) = id.split_once('-') {
            let bad = || Problem::BadRange {
                expected: next,
                found: id.to_owned(),
            };
            let (Ok(first), Ok(last)) = (first.parse::<usize>(), last.parse::<usize>()) else {
                return Err(bad());
            };
            let free = sentence
                .ranges
                .last()
                .is_none_or(|range| range.last + 1 < next);
            if first != next || last <= first || !free {
                return Err(bad());
            }
            self.range_line = number;
            sentence.ranges.push(Range {
                first: first - 1,
                last: last - 1,
                form: form.to_owned(),
                columns: [lemma, upos, xpos, feats, head, deprel, deps].map(str::to_owned),
                misc: misc.to_owned(),
            });
        } else if id.contains('.') {
            let after = next - 1;
            let before = sentence.empties.last().filter(|empty| empty.after == after);
            let expected = before.map_or(1, |empty| empty.number + 1);
            if id != format!("{after}.{expected}") {
                return Err(Problem::BadEmpty {
                    after,
                    number: expected,
                    found: id.to_owned(),
                });
            }
            let columns =
                [form, lemma, upos, xpos, feats, head, deprel, deps, misc].map(str::to_owned);
            sentence.empties.push(Empty {
                after,
                number: expected,
                columns,
            });
        } else {
            if id.parse() != Ok(next) {
                return Err(Problem::Number {
                    expected: next,
                    found: id.to_owned(),
                });
            }
            self.heads.push((number, head.to_owned()));
            sentence.words.push(Word {
                form: form.to_owned(),
                lemma: lemma.to_owned(),
                upos: upos.to_owned(),
                xpos: xpos.to_owned(),
                feats: feats.to_owned(),
                head: None,
                deprel: deprel.to_owned(),
                deps: deps.to_owned(),
                misc: misc.to_owned(),
            });
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Sentence, (usize, Problem)> {
        let words = self.sentence.words.len();
        let line = self.sentence.line;
        if words == 0 {
            return Err((line, Problem::NoWords));
        }
        if let Some(range) = self
            .sentence
            .ranges
            .last()
            .filter(|range| range.last >= words)
        {
            let problem = Problem::RangeEnd {
                first: range.first + 1,
                last: range.last + 1,
                words,
            };
            return Err((self.range_line, problem));
        }
        for (i, (line, head)) in self.heads.iter().enumerate() {
            self.sentence.words[i].head = match head.parse::<usize>() {
                Ok(0) => None,
                Ok(head) if head <= words && head != i + 1 => Some(head - 1),
                _ => {
                    return Err((
                        *line,
                        Problem::Head {
                            found: head.clone(),
                            words,
                        },
                    ));
                }
            };
        }
        let roots = self
            .sentence
            .words
            .iter()
            .filter(|word| word.head.is_none())
            .count();
        if roots != 1 {
            return Err((line, Problem::Roots { found: roots }));
        }
        let depth = bounds::depth(&self.sentence.words).map_err(|i| {
            let form = self.sentence.words[i].form.clone();
            let number = i + 1;
            (self.heads[i].0, Problem::Cycle { number, form })
        })?;
        bounds::tree(depth).map_err(|e| (line, Problem::Limit(e)))?;
        self.sentence.words.shrink_to_fit();
        Ok(self.sentence)
    }
}
