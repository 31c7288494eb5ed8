//! Which rows of which file a command looks at.

use crate::cli::{SourceArgs, TrainFrom};
use crate::held_out::{HeldOut, Seen};
use anyhow::{Context, bail};
use attn_core::{Split, Task};
use attn_data::glue::{
    self, CustomColumns, CustomKind, CustomOptions, Dataset, GlueError, LoadOptions, PartSize,
    TrainPolicy, load_custom,
};

/// Begins the note of a set that has all rows of a file from which a training would take some.
const ALL_ROWS: &str = "all rows of the file";

/// Whether a set has rows that a training with the same options would not leave it.
pub fn has_all_rows(data: &Dataset) -> bool {
    data.notes.iter().any(|note| note.starts_with(ALL_ROWS))
}

/// Reads one split of a GLUE task, or, when columns are named, of a file of one's own.
///
/// # Errors
/// Those of the loader; no task for a data folder; no rows.
pub fn dataset(source: &SourceArgs, task: Option<Task>, split: Split) -> anyhow::Result<Dataset> {
    let data = match &source.text_a {
        Some(text_a) => {
            let columns = CustomColumns {
                text_a: text_a.clone(),
                text_b: source.text_b.clone(),
                label: source.label.clone(),
            };
            own_file(source, &columns, split)?
        }
        None => {
            let task = task.context(
                "--task is missing: name a GLUE task, or with --text-a the columns of your own file",
            )?;
            glue_task(source, task, split)?
        }
    };
    if data.examples.is_empty() {
        let files: Vec<&str> = data.inputs.iter().map(|f| f.file.as_str()).collect();
        let files = files.join(", ");
        match data.skipped.first() {
            Some(first) => bail!(
                "{}: {files}: all {} rows are broken and were skipped; the first, line {}: {}",
                source.data.display(),
                data.skipped.len(),
                first.line,
                first.reason
            ),
            None => bail!(
                "{}: {files} has no rows, or nothing but a header",
                source.data.display()
            ),
        }
    }
    Ok(data)
}

fn glue_task(source: &SourceArgs, task: Task, split: Split) -> anyhow::Result<Dataset> {
    let (train_fraction, seed) = (source.train_fraction, source.split_seed);
    let folder = glue::Source::new(&source.data)?;
    let load = |train| {
        let lenient = source.lenient;
        glue::load(&folder, task, split, &LoadOptions { lenient, train })
    };
    let part = TrainPolicy::SplitDevIfMissing {
        train_fraction,
        seed,
    };
    match source.train_from {
        TrainFrom::File => Ok(load(TrainPolicy::File)?),
        TrainFrom::SplitDev => Ok(load(TrainPolicy::SplitDev {
            train_fraction,
            seed,
        })?),
        TrainFrom::Auto => {
            let no_train = matches!(
                folder.locate(task, Split::Train),
                Err(GlueError::Missing { .. })
            );
            if !no_train || split != Split::Dev || source.held_out == HeldOut::Training {
                return Ok(load(part)?);
            }
            let whole = load(TrainPolicy::File)?;
            untouched(source, whole, |_| Ok(load(part)?))
        }
    }
}

/// All rows of a dev file where no model was trained on some of them, else those that were held out.
fn untouched(
    source: &SourceArgs,
    mut whole: Dataset,
    held_out: impl FnOnce(Dataset) -> anyhow::Result<Dataset>,
) -> anyhow::Result<Dataset> {
    let rows = whole.examples.len();
    let note = match source.held_out.seen(&whole.inputs) {
        Seen::Part => {
            let mut data = held_out(whole)?;
            data.notes
                .push("the other rows are those that the model was fine-tuned on".to_owned());
            return Ok(data);
        }
        Seen::All => "; the model was fine-tuned on these very rows",
        Seen::Nothing => {
            ", because nothing is trained on them (--train-from split-dev holds some out)"
        }
    };
    whole.notes.push(format!("{ALL_ROWS} ({rows}){note}"));
    Ok(whole)
}

/// A labelled file of one's own has no parts: where something is trained on it a fixed split makes
/// them, unless --train-from file asks for the whole. Without labels nothing can be learnt from it
/// and it stays whole.
fn own_file(source: &SourceArgs, columns: &CustomColumns, split: Split) -> anyhow::Result<Dataset> {
    anyhow::ensure!(
        split != Split::Test,
        "--split test is for GLUE's test sets; a file of your own has none: leave it out, or name that file with --data"
    );
    let name = source.data.file_stem().unwrap_or_default();
    let options = CustomOptions {
        name: name.to_string_lossy().into_owned(),
        split,
        kind: if source.regression {
            CustomKind::Regression
        } else {
            CustomKind::Classification
        },
        classes: None,
        lenient: source.lenient,
    };
    let data = load_custom(&source.data, columns, &options)?;
    if columns.label.is_none() || source.train_from == TrainFrom::File || data.examples.is_empty() {
        return Ok(data);
    }
    let part = |data: Dataset| -> anyhow::Result<Dataset> {
        let size = PartSize::Fraction(source.train_fraction);
        let (train, dev) = data.stratified_split(size, source.split_seed)?;
        Ok(match split {
            Split::Train => train,
            Split::Dev | Split::Test => dev,
        })
    };
    let rule = source.train_from == TrainFrom::Auto && split == Split::Dev;
    if rule && source.held_out != HeldOut::Training {
        return untouched(source, data, part);
    }
    part(data)
}
