//! GLUE's own tab-separated files.

use super::GlueError;
use super::error::{BadRow, excerpt};
use super::rows::{Lines, Rows, score, tab_fields, text, utf8};
use attn_core::{Example, InputFile, Label, Split, Task};
use std::path::Path;

/// What STS-B's scores range over.
pub(super) const STS_RANGE: Option<(f32, f32)> = Some((0.0, 5.0));

/// Where a task's file keeps what: column names, and the labels as they are written.
struct Columns {
    text_a: &'static str,
    text_b: Option<&'static str>,
    label: &'static str,
    /// In the order of the class indices; empty for scores.
    written: &'static [&'static str],
}

fn columns(task: Task) -> Columns {
    let (text_a, text_b, label) = match task {
        Task::Mrpc => ("#1 String", Some("#2 String"), "Quality"),
        Task::StsB => ("sentence1", Some("sentence2"), "score"),
        Task::Sst2 | Task::CoLa => ("sentence", None, "label"),
        Task::Qqp => ("question1", Some("question2"), "is_duplicate"),
        Task::Qnli => ("question", Some("sentence"), "label"),
        Task::Mnli => ("sentence1", Some("sentence2"), "gold_label"),
        Task::Rte | Task::Wnli => ("sentence1", Some("sentence2"), "label"),
    };
    let written = match task {
        Task::StsB => &[],
        // These write the class's name, the others its index.
        Task::Rte | Task::Qnli | Task::Mnli => task.label_names(),
        _ => &["0", "1"],
    };
    Columns {
        text_a,
        text_b,
        label,
        written,
    }
}

/// The same columns as positions in a line.
struct Positions {
    fields: usize,
    text_a: usize,
    text_b: Option<usize>,
    /// Absent in a test file, which has no labels.
    label: Option<usize>,
}

/// CoLA has no header (but in its test file): source, label, the author's mark, sentence.
const COLA: Positions = Positions {
    fields: 4,
    text_a: 3,
    text_b: None,
    label: Some(1),
};

/// Reads one file of one task.
pub(super) fn read(
    path: &Path,
    (task, split): (Task, Split),
    role: &str,
    lenient: bool,
) -> Result<(Rows<Example>, InputFile), GlueError> {
    let columns = columns(task);
    let mut lines = Lines::open(path)?;
    let positions = match task {
        Task::CoLa if split != Split::Test => COLA,
        _ => {
            let header = lines.next()?.map(|(_, line)| line).unwrap_or_default();
            find(header, &columns, split).map_err(|bad| GlueError::Header {
                path: path.to_owned(),
                expected: bad.expected,
                found: bad.found,
            })?
        }
    };
    let mut rows = Rows::new(path, lenient);
    while let Some((number, line)) = lines.next()? {
        let row = example(line, &columns, &positions).map(|(text_a, text_b, label)| Example {
            id: format!("{}:{number}", rows.file),
            text_a,
            text_b,
            label,
        });
        rows.take(number, row)?;
    }
    Ok((rows, lines.input(role)))
}

fn find(header: &[u8], columns: &Columns, split: Split) -> Result<Positions, BadRow> {
    let names: Vec<_> = utf8(header)?.split('\t').collect();
    let position = |name: &str| {
        let mut places = names
            .iter()
            .enumerate()
            .filter(|(_, found)| **found == name);
        match (places.next(), places.next()) {
            (Some((place, _)), None) => Ok(place),
            (Some(_), Some(_)) => Err(BadRow::new(
                format!("one column '{name}'"),
                "two of that name",
            )),
            (None, _) => Err(BadRow::new(format!("a column '{name}'"), excerpt(header))),
        }
    };
    Ok(Positions {
        fields: names.len(),
        text_a: position(columns.text_a)?,
        text_b: columns.text_b.map(position).transpose()?,
        label: match split {
            Split::Test if !names.contains(&columns.label) => None,
            _ => Some(position(columns.label)?),
        },
    })
}

type Parts = (String, Option<String>, Option<Label>);

fn example(line: &[u8], columns: &Columns, at: &Positions) -> Result<Parts, BadRow> {
    let fields = tab_fields(utf8(line)?, at.fields)?;
    // The positions come from a header with as many fields, so each is there.
    let field = |place: usize| fields.get(place).copied().unwrap_or_default();
    let label = match at.label.map(field) {
        None => None,
        Some(written) => Some(label(written, columns)?),
    };
    let second = |place| text(field(place), columns.text_b.unwrap_or_default());
    let text_b = at.text_b.map(second).transpose()?;
    Ok((text(field(at.text_a), columns.text_a)?, text_b, label))
}

fn label(written: &str, columns: &Columns) -> Result<Label, BadRow> {
    let names = columns.written;
    if names.is_empty() {
        return Ok(Label::Score(score(written, STS_RANGE, columns.label)?));
    }
    let class = names.iter().position(|name| *name == written);
    class.map(Label::Class).ok_or_else(|| {
        let expected = format!("{} in column '{}'", names.join(" or "), columns.label);
        BadRow::new(expected, excerpt(written.as_bytes()))
    })
}
