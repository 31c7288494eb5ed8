//! Labels that were given by eye, and how well two passes of labelling agree.
//!
//! Who labelled is up to the data: those of `datasets/attention-maps` are a vision-language model's.
//!
//! A table of labels is CSV (RFC 4180) with a header; the columns `id` and `label` are needed,
//! `note` may be there, others are ignored. A row without a label counts as not labelled.

use crate::score::Confusion;
use attn_core::Pattern;
use attn_core::io::{IoError, write_atomically};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What someone said about one map.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// The class.
    pub pattern: Pattern,
    /// Where the labeller hesitated; may be empty.
    pub note: String,
}

/// Labels by the maps' ids.
pub type Labels = BTreeMap<String, Label>;

/// Labels that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum LabelError {
    /// The file itself.
    #[error(transparent)]
    Io(#[from] IoError),
    /// A row is wrong.
    #[error("{path}, line {line}: {reason}")]
    Row {
        /// The file.
        path: PathBuf,
        /// Counted from 1, where the row begins.
        line: usize,
        /// What was expected and found.
        reason: String,
    },
}

/// Rows with the line each begins at, or a line and what is wrong there.
type Rows = Result<Vec<(usize, Vec<String>)>, (usize, String)>;

/// Rows of a CSV text.
fn rows(text: &str) -> Rows {
    let (mut rows, mut row, mut field) = (Vec::new(), Vec::new(), String::new());
    let (mut line, mut begin, mut quoted) = (1, 1, false);
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        if c == '\n' {
            line += 1;
        }
        match (c, quoted) {
            ('"', true) if characters.peek() == Some(&'"') => {
                characters.next();
                field.push('"');
            }
            ('"', true) => quoted = false,
            ('"', false) if field.is_empty() => quoted = true,
            (',', false) => row.push(std::mem::take(&mut field)),
            ('\r', false) if characters.peek() == Some(&'\n') => {}
            ('\n', false) => {
                row.push(std::mem::take(&mut field));
                rows.push((begin, std::mem::take(&mut row)));
                begin = line;
            }
            (c, _) => field.push(c),
        }
    }
    if quoted {
        return Err((begin, "a quote that is never closed".to_owned()));
    }
    if !field.is_empty() || !row.is_empty() {
        row.push(field);
        rows.push((begin, row));
    }
    Ok(rows)
}

/// A field of a CSV row, quoted where it must be.
pub fn csv_field(text: &str) -> String {
    if text.contains(['"', ',', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

/// Reads the labels in a CSV text; `path` is for messages.
///
/// # Errors
/// [`LabelError::Row`], naming file and line.
pub fn parse(path: &Path, text: &str) -> Result<Labels, LabelError> {
    let wrong = |line: usize, reason: String| LabelError::Row {
        path: path.to_owned(),
        line,
        reason,
    };
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let rows = rows(text).map_err(|(line, reason)| wrong(line, reason))?;
    let mut rows = rows.into_iter();
    let header = rows.next().map(|(_, header)| header).unwrap_or_default();
    let column = |name: &str| header.iter().position(|h| h.trim() == name);
    let (Some(id), Some(label)) = (column("id"), column("label")) else {
        let reason = format!(
            "a header with the columns id and label was expected, found '{}'",
            header.join(",")
        );
        return Err(wrong(1, reason));
    };
    let note = column("note");
    let mut labels = Labels::new();
    for (line, row) in rows {
        if row.iter().all(|field| field.trim().is_empty()) {
            continue;
        }
        let field = |at: usize| {
            row.get(at).map(|f| f.trim().to_owned()).ok_or_else(|| {
                wrong(
                    line,
                    format!("{} fields, the header has {}", row.len(), header.len()),
                )
            })
        };
        let (id, label) = (field(id)?, field(label)?);
        if label.is_empty() {
            continue;
        }
        let pattern = label
            .parse::<Pattern>()
            .map_err(|e| wrong(line, e.to_string()))?;
        let note = note.map(field).transpose()?.unwrap_or_default();
        if labels.insert(id.clone(), Label { pattern, note }).is_some() {
            return Err(wrong(line, format!("map '{id}' is labelled twice")));
        }
    }
    Ok(labels)
}

/// Reads a table of labels.
///
/// # Errors
/// [`LabelError`], naming file and line.
pub fn read(path: &Path) -> Result<Labels, LabelError> {
    let text = std::fs::read_to_string(path).map_err(|e| IoError::file(path, "read", e))?;
    parse(path, &text)
}

/// Two passes over the same maps.
#[derive(Debug, Clone, PartialEq)]
pub struct Agreement {
    /// Maps that both labelled; rows are the first pass's classes, columns the second's.
    pub confusion: Confusion,
    /// Ids on which they differ.
    pub differ: Vec<String>,
    /// Ids that only one of them labelled.
    pub single: Vec<String>,
}

impl Agreement {
    /// Compares two passes.
    pub fn of(a: &Labels, b: &Labels) -> Self {
        let mut this = Self {
            confusion: Confusion::default(),
            differ: Vec::new(),
            single: Vec::new(),
        };
        for (id, first) in a {
            let Some(second) = b.get(id) else {
                this.single.push(id.clone());
                continue;
            };
            this.confusion.add(first.pattern, second.pattern, 1.0);
            if first.pattern != second.pattern {
                this.differ.push(id.clone());
            }
        }
        let missing = b.keys().filter(|id| !a.contains_key(*id));
        this.single.extend(missing.cloned());
        this
    }
}

/// A map's final label and how it came about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settled {
    /// The final class.
    pub pattern: Pattern,
    /// The first pass's.
    pub first: Pattern,
    /// The second pass's.
    pub second: Pattern,
}

/// The final labels: what both passes say, and where they differ, what the third look says.
/// Second part: ids on which the passes differ and that have no third look yet.
pub fn settle(a: &Labels, b: &Labels, third: &Labels) -> (BTreeMap<String, Settled>, Vec<String>) {
    let (mut settled, mut open) = (BTreeMap::new(), Vec::new());
    for (id, first) in a {
        let Some(second) = b.get(id) else { continue };
        let (first, second) = (first.pattern, second.pattern);
        let pattern = if first == second {
            Some(first)
        } else {
            third.get(id).map(|l| l.pattern)
        };
        match pattern {
            Some(pattern) => {
                let entry = Settled {
                    pattern,
                    first,
                    second,
                };
                settled.insert(id.clone(), entry);
            }
            None => open.push(id.clone()),
        }
    }
    (settled, open)
}

/// Writes final labels with what each pass said: `id,label,first,second`.
///
/// # Errors
/// When the file cannot be written.
pub fn write_settled(path: &Path, settled: &BTreeMap<String, Settled>) -> Result<(), IoError> {
    write_atomically(path, |out| {
        out.write_all(b"id,label,first,second\n")?;
        for (id, s) in settled {
            writeln!(
                out,
                "{},{},{},{}",
                csv_field(id),
                s.pattern,
                s.first,
                s.second
            )?;
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &str) -> Result<Labels, LabelError> {
        parse(Path::new("a.csv"), text)
    }

    #[test]
    fn tables_are_read_with_quotes_and_line_numbers() {
        let text = "\u{feff}sheet,id,label,note\r\n1,m1,2,\"a \"\"b\"\",\nc\"\r\n1,m2,,\r\n2,m3,block,x\r\n";
        let labels = read_text(text).unwrap();
        assert_eq!(labels.len(), 2);
        assert_eq!(labels["m1"].pattern, Pattern::Diagonal);
        assert_eq!(labels["m1"].note, "a \"b\",\nc");
        assert_eq!(labels["m3"].pattern, Pattern::Block);
        for (text, expected) in [
            ("", "line 1: a header"),
            ("id,class\n", "id and label"),
            ("id,label\nm1,7\n", "line 2: unknown pattern '7'"),
            (
                "id,label\nm1,1\nm1,2\n",
                "line 3: map 'm1' is labelled twice",
            ),
            ("id,label\n\"m1,1\n", "line 2: a quote"),
            ("id,note,label\nm1,x\n", "line 2: 2 fields"),
        ] {
            let error = read_text(text).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
        assert_eq!(csv_field("a\"b"), "\"a\"\"b\"");
    }

    #[test]
    fn passes_are_compared_and_settled() {
        let a = read_text("id,label\nx,1\ny,2\nz,5\nonly,1\n").unwrap();
        let b = read_text("id,label\nx,1\ny,3\nz,4\n").unwrap();
        let agreement = Agreement::of(&a, &b);
        assert_eq!(agreement.differ, ["y", "z"]);
        assert_eq!(agreement.single, ["only"]);
        assert_eq!(agreement.confusion.total(), 3.0);
        let third = read_text("id,label\ny,3\n").unwrap();
        let (settled, open) = settle(&a, &b, &third);
        assert_eq!(open, ["z"]);
        assert_eq!(settled["y"].pattern, Pattern::VerticalDiagonal);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("labels.csv");
        write_settled(&path, &settled).unwrap();
        let back = read(&path).unwrap();
        assert_eq!(back["x"].pattern, Pattern::Vertical);
        assert_eq!(back.len(), 2);
    }
}
