//! One split in memory, and how it is loaded.

#[cfg(feature = "parquet")]
use super::hf;
use super::rows::{Rows, Skipped};
use super::source::{Format, Source, official_rows};
use super::{GlueError, PartSize, tsv};
use attn_core::{Example, InputFile, Metric, Split, Task, TaskKind};
use serde::{Deserialize, Serialize};

/// What a data set is of: a GLUE task, or a task of one's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TaskRef {
    /// A GLUE task.
    Glue(Task),
    /// A task of one's own.
    Custom {
        /// What it is called in records.
        name: String,
        /// What it predicts.
        kind: TaskKind,
        /// Class names in the order of their indices; empty for regression.
        labels: Vec<String>,
        /// Whether an example has two texts.
        pair: bool,
    },
}

impl TaskRef {
    /// The name in records.
    pub fn name(&self) -> &str {
        match self {
            TaskRef::Glue(task) => task.name(),
            TaskRef::Custom { name, .. } => name,
        }
    }

    /// The GLUE task, if it is one.
    pub fn glue(&self) -> Option<Task> {
        match self {
            TaskRef::Glue(task) => Some(*task),
            TaskRef::Custom { .. } => None,
        }
    }

    /// What the task predicts. An unlabelled set of one's own is classification with 0 classes.
    pub fn kind(&self) -> TaskKind {
        match self {
            TaskRef::Glue(task) => task.kind(),
            TaskRef::Custom { kind, .. } => *kind,
        }
    }

    /// Class names in the order of their indices; empty for regression.
    pub fn labels(&self) -> Vec<String> {
        match self {
            TaskRef::Glue(task) => task
                .label_names()
                .iter()
                .map(|&name| name.to_owned())
                .collect(),
            TaskRef::Custom { labels, .. } => labels.clone(),
        }
    }

    /// Whether an example has two texts.
    pub fn is_pair(&self) -> bool {
        match self {
            TaskRef::Glue(task) => task.is_pair(),
            TaskRef::Custom { pair, .. } => *pair,
        }
    }

    /// The scores to report, the main one first. A task of one's own is scored by accuracy (with
    /// two classes also F1 of the second) or by correlation.
    pub fn metrics(&self) -> &'static [Metric] {
        match self {
            TaskRef::Glue(task) => task.metrics(),
            TaskRef::Custom {
                kind: TaskKind::Regression,
                ..
            } => Task::StsB.metrics(),
            TaskRef::Custom {
                kind: TaskKind::Classification { labels: 2 },
                ..
            } => &[Metric::Accuracy, Metric::F1],
            TaskRef::Custom { .. } => &[Metric::Accuracy],
        }
    }
}

impl std::fmt::Display for TaskRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

/// One split of a data set.
#[derive(Debug, Clone, PartialEq)]
pub struct Dataset {
    /// What it is of.
    pub task: TaskRef,
    /// Which part.
    pub split: Split,
    /// The whole rows, in file order; texts exactly as in the file, outer blanks included.
    pub examples: Vec<Example>,
    /// Class names in the order of their indices; empty for regression.
    pub labels: Vec<String>,
    /// Every file that was read.
    pub inputs: Vec<InputFile>,
    /// Rows that a lenient reading left out, in file order.
    pub skipped: Vec<Skipped>,
    /// What a reader of a number made from this must know: substitutes, gaps, skipped rows,
    /// samples, splits. For the manifest.
    pub notes: Vec<String>,
}

impl Dataset {
    /// Puts what was read together; a lenient reading's losses are noted.
    pub(super) fn new(
        task: TaskRef,
        split: Split,
        examples: Vec<Example>,
        inputs: Vec<InputFile>,
        skipped: Vec<Skipped>,
    ) -> Self {
        let mut notes = Vec::new();
        if let Some(first) = skipped.first() {
            notes.push(format!(
                "{} broken of {} rows skipped (lenient), the first at {}:{}",
                skipped.len(),
                skipped.len() + examples.len(),
                first.file,
                first.line
            ));
        }
        Self {
            labels: task.labels(),
            task,
            split,
            examples,
            inputs,
            skipped,
            notes,
        }
    }
}

/// Where training rows come from.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum TrainPolicy {
    /// The training file.
    #[default]
    File,
    /// A fixed, stratified split of the dev rows: `train_fraction` of them train, dev is the rest.
    SplitDev {
        /// Between 0 and 1.
        train_fraction: f64,
        /// Decides which rows.
        seed: u64,
    },
    /// The training file where there is one (or its substitute), else as
    /// [`TrainPolicy::SplitDev`].
    SplitDevIfMissing {
        /// Between 0 and 1.
        train_fraction: f64,
        /// Decides which rows.
        seed: u64,
    },
}

/// How [`load`] reads.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct LoadOptions {
    /// Skip and list broken rows rather than stop at the first.
    pub lenient: bool,
    /// Where training rows come from. It decides what dev is as well.
    pub train: TrainPolicy,
}

/// Reads one split of a GLUE task.
///
/// # Errors
/// [`GlueError::Missing`] without such a file; [`GlueError::Header`], [`GlueError::Row`] or
/// [`GlueError::Parquet`] for a broken one; [`GlueError::Request`] for a split that cannot be.
pub fn load(
    source: &Source,
    task: Task,
    split: Split,
    options: &LoadOptions,
) -> Result<Dataset, GlueError> {
    let (train_fraction, seed) = match options.train {
        // A test set is what it is, wherever training rows come from.
        _ if split == Split::Test => return read(source, task, split, options.lenient),
        TrainPolicy::File => return read(source, task, split, options.lenient),
        TrainPolicy::SplitDev {
            train_fraction,
            seed,
        } => (train_fraction, seed),
        TrainPolicy::SplitDevIfMissing {
            train_fraction,
            seed,
        } => match source.locate(task, Split::Train) {
            Err(GlueError::Missing { .. }) => (train_fraction, seed),
            Err(error) => return Err(error),
            Ok(_) => return read(source, task, split, options.lenient),
        },
    };
    let dev = read(source, task, Split::Dev, options.lenient)?;
    let (train, dev) = dev.stratified_split(PartSize::Fraction(train_fraction), seed)?;
    Ok(match split {
        Split::Train => train,
        Split::Dev | Split::Test => dev,
    })
}

/// Reads one split from its own files.
fn read(source: &Source, task: Task, split: Split, lenient: bool) -> Result<Dataset, GlueError> {
    let located = source.locate(task, split)?;
    read_located(source, &located, task, split, lenient)
}

pub(super) fn read_located(
    source: &Source,
    located: &super::Located,
    task: Task,
    split: Split,
    lenient: bool,
) -> Result<Dataset, GlueError> {
    let role = format!("{task} {split}");
    let (mut examples, mut inputs, mut skipped) = (Vec::new(), Vec::new(), Vec::new());
    for path in &located.files {
        let (rows, input) = match located.format {
            Format::Tsv => tsv::read(path, (task, split), &role, lenient)?,
            #[cfg(feature = "parquet")]
            Format::Parquet => hf::read(path, (task, split), &role, lenient)?,
            #[cfg(not(feature = "parquet"))]
            Format::Parquet => {
                return Err(GlueError::Request {
                    what: path.display().to_string(),
                    reason: "this build does not read Parquet: build attn-data with its feature \
                             `parquet`, or take GLUE's own TSV files"
                        .to_owned(),
                });
            }
        };
        let Rows {
            whole,
            skipped: left_out,
            ..
        } = rows;
        examples.extend(whole);
        skipped.extend(left_out);
        inputs.push(input);
    }
    let mut data = Dataset::new(TaskRef::Glue(task), split, examples, inputs, skipped);
    let (rows, official) = (data.examples.len(), official_rows(task, split));
    if source.is_starter() {
        data.notes.push(format!(
            "{role}: the project's own starter set ({rows} rows), not GLUE"
        ));
    } else if let Some(file) = located.substitute {
        data.notes.push(format!(
            "{role}: {file} ({rows} rows) stands in for GLUE's {split} of {official} rows"
        ));
    } else if rows != official {
        data.notes
            .push(format!("{role}: {rows} rows, GLUE has {official}"));
    }
    Ok(data)
}
