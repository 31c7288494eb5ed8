//! `nyu-mll/glue`'s Parquet files.

use super::GlueError;
use super::error::{BadRow, excerpt};
use super::rows::{Rows, checked_score, hash_file, text};
use super::tsv::STS_RANGE;
use crate::parquet::{Cells, Table};
use attn_core::{Example, InputFile, Label, Split, Task};
use std::path::Path;

fn columns(task: Task) -> (&'static str, Option<&'static str>) {
    match task {
        Task::Sst2 | Task::CoLa => ("sentence", None),
        Task::Qqp => ("question1", Some("question2")),
        Task::Qnli => ("question", Some("sentence")),
        Task::Mnli => ("premise", Some("hypothesis")),
        Task::Mrpc | Task::StsB | Task::Rte | Task::Wnli => ("sentence1", Some("sentence2")),
    }
}

/// Reads one shard. Ids are `<file name>:<row>`, rows counted from 1.
pub(super) fn read(
    path: &Path,
    (task, split): (Task, Split),
    role: &str,
    lenient: bool,
) -> Result<(Rows<Example>, InputFile), GlueError> {
    let mut table = Table::open(path)?;
    let (name_a, name_b) = columns(task);
    let mut rows = Rows::new(path, lenient);
    let (mut before, test) = (0, split == Split::Test);
    for group in 0..table.groups() {
        // A test set says -1, or nothing, where the others have a label.
        let labels = if test && !table.has("label") {
            None
        } else {
            Some(Labels::read(&mut table, group, task)?)
        };
        let mut texts = |name| {
            let cells = table.cells(group, name, "text")?;
            match cells {
                Cells::Text(_) => Ok(cells),
                _ => Err(table.wrong(name, "text")),
            }
        };
        let column_a = texts(name_a)?;
        let column_b = name_b.map(|name| Ok::<_, GlueError>((name, texts(name)?)));
        let column_b = column_b.transpose()?;
        for i in 0..table.rows(group) {
            let number = before + i + 1;
            let row = || {
                let label = match &labels {
                    Some(labels) if !(test && labels.is_withheld(i)) => Some(labels.get(i)?),
                    _ => None,
                };
                let text_a = text(column_a.text(i).unwrap_or_default(), name_a)?;
                let second =
                    |(name, column): &(&str, Cells)| text(column.text(i).unwrap_or_default(), name);
                let text_b = column_b.as_ref().map(second).transpose()?;
                let id = format!("{}:{number}", rows.file);
                Ok(Example {
                    id,
                    text_a,
                    text_b,
                    label,
                })
            };
            let row = row();
            rows.take(number, row)?;
        }
        before += table.rows(group);
    }
    Ok((rows, hash_file(path, role)?))
}

/// The label column of one group of rows: class indices or names of any type, or STS-B's scores.
struct Labels {
    cells: Cells,
    task: Task,
}

impl Labels {
    fn read(table: &mut Table, group: usize, task: Task) -> Result<Self, GlueError> {
        let regression = task.label_names().is_empty();
        let expected = if regression {
            "numbers"
        } else {
            "class indices or class names"
        };
        let cells = table.cells(group, "label", expected)?;
        match (&cells, regression) {
            (Cells::Real(_), false) | (Cells::Bool(_), true) => {
                Err(table.wrong("label", expected).into())
            }
            _ => Ok(Self { cells, task }),
        }
    }

    /// Whether a row has no label: -1, or nothing.
    fn is_withheld(&self, row: usize) -> bool {
        match &self.cells {
            Cells::Text(_) => {
                let text = self.cells.text(row).map(str::trim);
                text.is_none_or(|text| text.is_empty() || text == "-1")
            }
            Cells::Whole(values) => values.get(row).copied().flatten().is_none_or(|v| v == -1),
            Cells::Real(values) => values.get(row).copied().flatten().is_none_or(|v| v == -1.0),
            Cells::Bool(values) => values.get(row).copied().flatten().is_none(),
        }
    }

    fn get(&self, row: usize) -> Result<Label, BadRow> {
        if self.task.label_names().is_empty() {
            return self.score(row).map(Label::Score);
        }
        let names = self.task.label_names();
        let (class, shown) = match &self.cells {
            Cells::Text(_) => {
                let text = self.cells.text(row);
                // As GLUE's own files have it: the class's name or its index.
                let class = text.map(str::trim).and_then(|text| {
                    let named = names
                        .iter()
                        .position(|name| name.eq_ignore_ascii_case(text));
                    named.or_else(|| text.parse().ok())
                });
                (class, text.map(str::to_owned))
            }
            Cells::Whole(values) => {
                let value = values.get(row).copied().flatten();
                (
                    value.and_then(|value| usize::try_from(value).ok()),
                    value.map(|value| value.to_string()),
                )
            }
            Cells::Bool(values) => {
                let value = values.get(row).copied().flatten();
                (value.map(usize::from), value.map(|value| value.to_string()))
            }
            // Refused above.
            Cells::Real(_) => (None, None),
        };
        class
            .filter(|class| *class < names.len())
            .map(Label::Class)
            .ok_or_else(|| {
                let mut expected = format!("a class from 0 to {}", names.len() - 1);
                if matches!(self.cells, Cells::Text(_)) {
                    expected += &format!(" or {}", names.join(" or "));
                }
                BadRow::new(expected + " in column 'label'", shown_or_nothing(shown))
            })
    }

    fn score(&self, row: usize) -> Result<f32, BadRow> {
        let (value, shown) = match &self.cells {
            Cells::Text(_) => {
                let text = self.cells.text(row);
                let value = text.and_then(|text| text.trim().parse().ok());
                (value, text.map(str::to_owned))
            }
            Cells::Whole(values) => {
                let value = values.get(row).copied().flatten();
                (value.map(|v| v as f64), value.map(|v| v.to_string()))
            }
            Cells::Real(values) => {
                let value = values.get(row).copied().flatten();
                (value, value.map(|v| v.to_string()))
            }
            Cells::Bool(_) => (None, None),
        };
        let value = value.map(|value| value as f32);
        checked_score(value, STS_RANGE, "label", || shown_or_nothing(shown))
    }
}

fn shown_or_nothing(value: Option<String>) -> String {
    match value {
        Some(value) => excerpt(value.as_bytes()),
        None => "nothing".to_owned(),
    }
}
