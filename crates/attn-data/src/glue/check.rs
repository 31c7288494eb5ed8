//! What a data folder holds, beside what GLUE has.

use super::GlueError;
use super::dataset::{Dataset, read_located};
use super::rows::Skipped;
use super::source::{Located, Source, official_rows};
use attn_core::{Example, InputFile, Label, Split, Task};
use serde::Serialize;

/// What a task's split turned out to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// As many rows as GLUE has, each of them whole.
    Whole,
    /// Whole rows, but not GLUE's number of them.
    Differs {
        /// Rows here.
        rows: usize,
        /// Rows of GLUE.
        official: usize,
    },
    /// Another file stands in for GLUE's.
    Substitute {
        /// Its name.
        file: String,
    },
    /// There is no file.
    Missing,
    /// The file cannot be read, or has broken rows.
    Broken {
        /// The first error.
        error: String,
        /// How many rows are broken, when the others could be read.
        skipped: Option<usize>,
    },
    /// The project's own small data, to which GLUE's counts do not apply.
    Starter,
}

/// How often a class, or a range of scores, occurs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LabelCount {
    /// The class's name, or the range: `0-1` holds 0 <= score < 1, the last one includes its end.
    pub label: String,
    /// Rows that have it.
    pub rows: usize,
}

/// Quantiles of the examples' lengths, by nearest rank.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Lengths {
    /// Half of the examples are at most so long.
    pub median: usize,
    /// 95 % of the examples are at most so long.
    pub p95: usize,
    /// The longest.
    pub max: usize,
}

/// One task's split.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CheckRow {
    /// The task.
    pub task: Task,
    /// The split.
    pub split: Split,
    /// Whole rows; absent when the file is missing or unreadable.
    pub rows: Option<usize>,
    /// Rows of GLUE.
    pub official: usize,
    /// How the labels are distributed.
    pub labels: Vec<LabelCount>,
    /// Lengths in word pieces, when a tokenizer was given and there are rows.
    pub lengths: Option<Lengths>,
    /// The files with size and hash.
    pub files: Vec<InputFile>,
    /// Broken rows.
    pub skipped: Vec<Skipped>,
    /// What this all means.
    pub verdict: Verdict,
}

impl CheckRow {
    /// Whether something is wrong with what is there. A missing file or a known substitute is a
    /// gap, not a fault.
    pub fn is_fault(&self) -> bool {
        self.is_broken() || self.differs()
    }

    /// Whether the file cannot be read, or some of its rows cannot.
    pub fn is_broken(&self) -> bool {
        matches!(self.verdict, Verdict::Broken { .. })
    }

    /// Whether all rows are whole, but there are not as many as GLUE has.
    pub fn differs(&self) -> bool {
        matches!(self.verdict, Verdict::Differs { .. })
    }
}

/// Looks at every task and split in `root`: rows against the official count, labels, lengths (by
/// `token_len`, word pieces of an example), hashes. When the root is one task's folder, only that
/// task; of a starter set, the tasks that it has and the paper's seven. Rows are in the order of
/// [`Task::ALL`].
///
/// # Errors
/// [`GlueError::Io`] when `root` is no folder; everything else is a [`Verdict`].
pub fn check(
    root: &std::path::Path,
    token_len: Option<&dyn Fn(&Example) -> usize>,
) -> Result<Vec<CheckRow>, GlueError> {
    let source = Source::new(root)?;
    let own = source.own_task();
    let mut rows = Vec::new();
    for task in Task::ALL
        .into_iter()
        .filter(|task| own.is_none_or(|own| own == *task))
    {
        for split in [Split::Train, Split::Dev] {
            let row = check_split(&source, task, split, token_len);
            let expected = !source.is_starter() || Task::PAPER.contains(&task);
            if expected || row.verdict != Verdict::Missing {
                rows.push(row);
            }
        }
    }
    Ok(rows)
}

fn check_split(
    source: &Source,
    task: Task,
    split: Split,
    token_len: Option<&dyn Fn(&Example) -> usize>,
) -> CheckRow {
    let official = official_rows(task, split);
    let without_data = |verdict| CheckRow {
        task,
        split,
        rows: None,
        official,
        labels: Vec::new(),
        lengths: None,
        files: Vec::new(),
        skipped: Vec::new(),
        verdict,
    };
    let broken = |error: GlueError| Verdict::Broken {
        error: error.to_string(),
        skipped: None,
    };
    let located = match source.locate_named(task, split) {
        Ok(located) => located,
        Err(GlueError::Missing { .. }) => return without_data(Verdict::Missing),
        Err(error) => return without_data(broken(error)),
    };
    // The strict reading gives the error to show, the lenient one the numbers of what is whole.
    let read = |lenient| read_located(source, &located, task, split, lenient);
    let (data, error) = match read(false) {
        Ok(data) => (data, None),
        Err(error) => match read(true) {
            Ok(data) => (data, Some(error)),
            Err(error) => return without_data(broken(error)),
        },
    };
    CheckRow {
        rows: Some(data.examples.len()),
        labels: label_counts(task, &data),
        lengths: token_len.and_then(|length| lengths(&data.examples, length)),
        verdict: verdict(source, &located, &data, official, error),
        files: data.inputs,
        skipped: data.skipped,
        ..without_data(Verdict::Missing)
    }
}

fn verdict(
    source: &Source,
    located: &Located,
    data: &Dataset,
    official: usize,
    error: Option<GlueError>,
) -> Verdict {
    let rows = data.examples.len();
    match (error, located.substitute) {
        (Some(error), _) => Verdict::Broken {
            error: error.to_string(),
            skipped: Some(data.skipped.len()),
        },
        (None, _) if source.is_starter() => Verdict::Starter,
        (None, Some(file)) => Verdict::Substitute {
            file: file.to_owned(),
        },
        (None, None) if rows == official => Verdict::Whole,
        (None, None) => Verdict::Differs { rows, official },
    }
}

fn label_counts(task: Task, data: &Dataset) -> Vec<LabelCount> {
    let names: Vec<String> = match task.label_names() {
        [] => (0..5).map(|low| format!("{low}-{}", low + 1)).collect(),
        names => names.iter().map(|&name| name.to_owned()).collect(),
    };
    let mut counts = vec![0; names.len()];
    for example in &data.examples {
        let place = match example.label {
            Some(Label::Class(class)) => class,
            // The score 5 belongs to the last range.
            Some(Label::Score(score)) => (score as usize).min(names.len() - 1),
            None => continue,
        };
        if let Some(count) = counts.get_mut(place) {
            *count += 1;
        }
    }
    names
        .into_iter()
        .zip(counts)
        .map(|(label, rows)| LabelCount { label, rows })
        .collect()
}

fn lengths(examples: &[Example], length: &dyn Fn(&Example) -> usize) -> Option<Lengths> {
    let mut lengths: Vec<usize> = examples.iter().map(length).collect();
    lengths.sort_unstable();
    // Nearest rank: the smallest length that so many percent of the examples do not exceed.
    let quantile = |percent: usize| {
        let rank = (lengths.len() * percent).div_ceil(100);
        lengths.get(rank.saturating_sub(1)).copied()
    };
    Some(Lengths {
        median: quantile(50)?,
        p95: quantile(95)?,
        max: quantile(100)?,
    })
}
