//! `nyu-mll/glue`'s Parquet files.

use super::GlueError;
use super::error::{BadRow, excerpt};
use super::rows::{Rows, checked_score, hash_file, text};
use super::tsv::STS_RANGE;
use crate::parquet::Table;
use attn_core::{Example, InputFile, Label, Split, Task};
use polars::prelude::*;
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
    let table = Table::read(path)?;
    let (name_a, name_b) = columns(task);
    let column_a = table.text(name_a)?;
    let column_b = name_b
        .map(|name| Ok::<_, GlueError>((name, table.text(name)?)))
        .transpose()?;
    // A test set says -1, or nothing, where the others have a label.
    let test = split == Split::Test;
    let labels = if test && table.dtype("label").is_none() {
        None
    } else {
        Some(Labels::of(&table, task)?)
    };
    let mut rows = Rows::new(path, lenient);
    for i in 0..table.frame.height() {
        let row = || {
            let label = match &labels {
                Some(labels) if !(test && labels.is_withheld(i)) => Some(labels.get(i)?),
                _ => None,
            };
            let text_a = text(column_a.get(i).unwrap_or_default(), name_a)?;
            let second = |(name, column): &(&str, &StringChunked)| {
                text(column.get(i).unwrap_or_default(), name)
            };
            let text_b = column_b.as_ref().map(second).transpose()?;
            let id = format!("{}:{}", rows.file, i + 1);
            Ok(Example {
                id,
                text_a,
                text_b,
                label,
            })
        };
        let row = row();
        rows.take(i + 1, row)?;
    }
    Ok((rows, hash_file(path, role)?))
}

/// The label column: class indices, or STS-B's scores.
enum Labels {
    Classes(Int64Chunked, Task),
    Scores(Float64Chunked),
}

impl Labels {
    fn of(table: &Table, task: Task) -> Result<Self, GlueError> {
        let regression = task.label_names().is_empty();
        let expected = if regression {
            "numbers"
        } else {
            "class indices"
        };
        let wrong = || table.wrong("label", expected);
        let fits = |dtype: &DataType| dtype.is_integer() || regression && dtype.is_float();
        let dtype = table.dtype("label").filter(|dtype| fits(dtype));
        dtype.ok_or_else(wrong)?;
        let cast = |to| {
            let column = table
                .frame
                .column("label")
                .and_then(|column| column.cast(&to));
            column.map_err(|_| wrong())
        };
        Ok(if regression {
            Labels::Scores(cast(DataType::Float64)?.f64().map_err(|_| wrong())?.clone())
        } else {
            Labels::Classes(
                cast(DataType::Int64)?.i64().map_err(|_| wrong())?.clone(),
                task,
            )
        })
    }

    /// Whether a row has no label: -1, or nothing.
    fn is_withheld(&self, row: usize) -> bool {
        match self {
            Labels::Scores(scores) => scores.get(row).is_none_or(|score| score == -1.0),
            Labels::Classes(classes, _) => classes.get(row).is_none_or(|class| class == -1),
        }
    }

    fn get(&self, row: usize) -> Result<Label, BadRow> {
        let shown = |value: Option<String>| match value {
            Some(value) => excerpt(value.as_bytes()),
            None => "nothing".to_owned(),
        };
        match self {
            Labels::Scores(scores) => {
                let value = scores.get(row);
                let found = || shown(value.map(|value| value.to_string()));
                let score = checked_score(value.map(|v| v as f32), STS_RANGE, "label", found)?;
                Ok(Label::Score(score))
            }
            Labels::Classes(classes, task) => {
                let value = classes.get(row);
                let count = task.label_names().len();
                let class = value.and_then(|value| usize::try_from(value).ok());
                class
                    .filter(|class| *class < count)
                    .map(Label::Class)
                    .ok_or_else(|| {
                        let expected = format!("a class from 0 to {} in column 'label'", count - 1);
                        BadRow::new(expected, shown(value.map(|value| value.to_string())))
                    })
            }
        }
    }
}
