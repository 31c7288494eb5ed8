//! Texts to run a model over.

mod rows;

pub use rows::{dataset, has_all_rows};

use crate::cli::{DataArgs, SourceArgs, TrainFrom};
use anyhow::{Context, bail};
use attn_core::{Example, InputFile, Split, Task};
use attn_data::glue::{self, Dataset, GlueError, TaskRef};
use attn_data::tokenise::{Encoding, Tokenizer};
use std::path::{Path, PathBuf};

/// An example with its word pieces.
#[derive(Debug, Clone)]
pub struct Prepared {
    /// The texts.
    pub example: Example,
    /// Their pieces.
    pub encoding: Encoding,
}

/// A named set of examples.
#[derive(Debug, Clone)]
pub struct InputSet {
    /// The task's name, or the file's.
    pub name: String,
    /// The part of the data.
    pub split: String,
    /// What there is to predict; absent for a plain text file.
    pub task: Option<TaskRef>,
    /// The examples, in file order.
    pub examples: Vec<Prepared>,
    /// Files read.
    pub inputs: Vec<InputFile>,
    /// What a reader of a number made from this must know.
    pub notes: Vec<String>,
    /// Whether it has rows that a training with the same options would not leave it.
    pub all_rows: bool,
}

fn prepare(examples: Vec<Example>, tokenizer: &Tokenizer) -> anyhow::Result<Vec<Prepared>> {
    examples
        .into_iter()
        .map(|example| {
            let encoding = tokenizer.encode(&example)?;
            Ok(Prepared { example, encoding })
        })
        .collect()
}

fn cut_note(examples: &[Prepared], limit: usize) -> Option<String> {
    let cut = examples.iter().filter(|e| e.encoding.truncated).count();
    (cut > 0).then(|| {
        format!(
            "{cut} of {} examples were cut to {limit} word pieces",
            examples.len()
        )
    })
}

/// Puts the tasks of whose files all rows are used into a configuration. Where there is none it
/// stays what it was, so that finished runs are found.
pub fn name_all_rows(config: &mut serde_json::Value, tasks: &[Task]) {
    if !tasks.is_empty() {
        config["all_rows"] = serde_json::json!(tasks);
    }
}

/// Cuts a data set into word pieces.
///
/// # Errors
/// Those of the tokenizer.
pub fn from_dataset(dataset: Dataset, tokenizer: &Tokenizer) -> anyhow::Result<InputSet> {
    let name = dataset.task.name().to_owned();
    let all_rows = has_all_rows(&dataset);
    let examples = prepare(dataset.examples, tokenizer)?;
    let mut notes = dataset.notes;
    notes.extend(cut_note(&examples, tokenizer.limit()));
    let notes = named_once(notes, &name, dataset.split);
    Ok(InputSet {
        name,
        split: dataset.split.name().to_owned(),
        task: Some(dataset.task),
        examples,
        inputs: dataset.inputs,
        notes,
        all_rows,
    })
}

/// Puts task and split before each note that does not name a split of the task by itself.
fn named_once(notes: Vec<String>, name: &str, split: Split) -> Vec<String> {
    let named = |note: &str| {
        let mut splits = [Split::Train, Split::Dev, Split::Test].into_iter();
        splits.any(|split| note.starts_with(&format!("{name} {split}: ")))
    };
    let with = |note: String| match named(&note) {
        true => note,
        false => format!("{name} {split}: {note}"),
    };
    notes.into_iter().map(with).collect()
}

/// Reads one task of a data folder (or a file of one's own), sampled as asked.
///
/// # Errors
/// Those of the loader and the tokenizer.
pub fn from_task(
    data: &DataArgs,
    task: Option<Task>,
    tokenizer: &Tokenizer,
) -> anyhow::Result<InputSet> {
    anyhow::ensure!(data.max_eval > 0, "--max-eval 0 leaves no example");
    let dataset = dataset(&data.source, task, data.split)?.subsample(data.max_eval, data.seed);
    from_dataset(dataset, tokenizer)
}

/// The tasks asked for, or those of the paper's seven that the folder has.
///
/// # Errors
/// A folder with none of them, or one that cannot be read; columns of a file of one's own.
pub fn tasks(source: &SourceArgs, asked: &[Task], split: Split) -> anyhow::Result<Vec<Task>> {
    anyhow::ensure!(
        source.text_a.is_none() && source.text_b.is_none() && source.label.is_none(),
        "--text-a, --text-b and --label are for a file of your own, but this command goes through GLUE's tasks: \
         finetune, evaluate, extract, ablate and classify take such a file"
    );
    if !asked.is_empty() {
        return Ok(asked.to_vec());
    }
    let folder = glue::Source::new(&source.data)?;
    let mut tasks = Vec::new();
    for task in Task::PAPER {
        match folder.locate(task, split) {
            Ok(_) => tasks.push(task),
            Err(GlueError::Missing { .. }) => {
                eprintln!("note: no {task} {split} in the data folder")
            }
            Err(error) => return Err(error.into()),
        }
    }
    anyhow::ensure!(
        !tasks.is_empty(),
        "{}: none of the paper's tasks has a {split} file here; expected folders such as MRPC with dev.tsv",
        source.data.display(),
    );
    Ok(tasks)
}

/// `results/<model>-<data folder>/<experiment>`: where a command writes that is told nothing else.
pub fn default_folder(model: &str, data: &Path, experiment: &str) -> PathBuf {
    Path::new("results")
        .join(format!("{model}-{}", data_name(data)))
        .join(experiment)
}

/// How a source is read, for a manifest: everything but where it lies.
pub fn source_config(source: &SourceArgs) -> serde_json::Value {
    let train_from = match source.train_from {
        TrainFrom::File => "file",
        TrainFrom::SplitDev => "split-dev",
        TrainFrom::Auto => "auto",
    };
    serde_json::json!({
        "train_from": train_from, "train_fraction": source.train_fraction,
        "split_seed": source.split_seed, "lenient": source.lenient,
    })
}

/// What a data folder or file is called in names of results. The starter set's GLUE part is told
/// from a folder of real data by its parent's name.
pub fn data_name(data: &Path) -> String {
    let data = data.canonicalize().unwrap_or_else(|_| data.to_owned());
    let name = |path: &Path| {
        let stem = path.file_stem().unwrap_or_default();
        stem.to_string_lossy().into_owned()
    };
    match data.parent() {
        Some(parent) if name(parent) == "starter" => "starter".to_owned(),
        _ => name(&data),
    }
}

/// Splits a text file into examples: one sentence a line, or two separated by a tab.
///
/// # Errors
/// File and line of anything else: an empty line or sentence, a third field, bytes that are not
/// UTF-8.
fn parse_lines(name: &str, bytes: &[u8]) -> anyhow::Result<Vec<Example>> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    if bytes.is_empty() {
        bail!("{name}: the file is empty; expected one sentence a line, or two separated by a tab");
    }
    let mut examples = Vec::new();
    for (index, line) in bytes.split(|&b| b == b'\n').enumerate() {
        let number = index + 1;
        let line = std::str::from_utf8(line)
            .with_context(|| format!("{name}, line {number}: not UTF-8; convert the file"))?;
        let line = line.strip_suffix('\r').unwrap_or(line);
        let fields: Vec<&str> = line.split('\t').collect();
        let (a, b) = match fields[..] {
            [a] => (a, None),
            [a, b] => (a, Some(b)),
            _ => bail!(
                "{name}, line {number}: {} fields separated by tabs, expected one sentence or two",
                fields.len()
            ),
        };
        if a.trim().is_empty() || b.is_some_and(|b| b.trim().is_empty()) {
            bail!("{name}, line {number}: an empty sentence; delete the line or fill it");
        }
        examples.push(Example::unlabelled(
            format!("{name}:{number}"),
            a,
            b.map(str::to_owned),
        ));
    }
    Ok(examples)
}

/// Reads a text file.
///
/// # Errors
/// File and line of what is wrong.
pub fn from_file(path: &Path, tokenizer: &Tokenizer) -> anyhow::Result<InputSet> {
    let bytes = std::fs::read(path).with_context(|| format!("{}: cannot read", path.display()))?;
    let name = path
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let examples = prepare(parse_lines(&name, &bytes)?, tokenizer)?;
    let input = crate::run::input_file("input", path)?;
    let notes = cut_note(&examples, tokenizer.limit()).into_iter().collect();
    Ok(InputSet {
        name,
        split: String::new(),
        task: None,
        examples,
        inputs: vec![input],
        notes,
        all_rows: true,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_names_its_split_once() {
        let notes = [
            "RTE dev: 3 rows, GLUE has 277",
            "a random 2 of 3 rows, seed 1",
        ];
        let notes = named_once(notes.map(str::to_owned).to_vec(), "RTE", Split::Dev);
        assert_eq!(
            notes,
            [
                "RTE dev: 3 rows, GLUE has 277",
                "RTE dev: a random 2 of 3 rows, seed 1"
            ]
        );
    }

    #[test]
    fn lines_become_examples_or_errors_with_their_number() {
        let examples = parse_lines("a.tsv", b"\xef\xbb\xbfOne.\r\nTwo.\tThree.\n").unwrap();
        assert_eq!(
            (examples[0].text_a.as_str(), examples[0].id.as_str()),
            ("One.", "a.tsv:1")
        );
        assert_eq!(examples[1].text_b.as_deref(), Some("Three."));
        for (bytes, expected) in [
            (&b""[..], "empty"),
            (b"ok\n\nok\n", "line 2"),
            (b"ok\na\tb\tc\n", "line 2: 3 fields"),
            (b"ok\nok\n\xff\n", "line 3: not UTF-8"),
            (b"a\t \n", "line 1"),
        ] {
            let error = parse_lines("a.tsv", bytes).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
