//! Texts to run a model over.

use crate::cli::DataArgs;
use anyhow::{Context, bail};
use attn_core::{Example, InputFile, Task};
use attn_data::glue::{self, GlueError, LoadOptions, TrainPolicy};
use attn_data::tokenise::{Encoding, Tokenizer};
use std::path::Path;

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
    /// The examples, in file order.
    pub examples: Vec<Prepared>,
    /// Files read.
    pub inputs: Vec<InputFile>,
    /// What a reader of a number made from this must know.
    pub notes: Vec<String>,
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

/// The tasks asked for, or those of the paper's seven that the folder has.
///
/// # Errors
/// When the folder has none, or cannot be read.
pub fn tasks(data: &DataArgs, asked: &[Task]) -> anyhow::Result<Vec<Task>> {
    if !asked.is_empty() {
        return Ok(asked.to_vec());
    }
    let source = glue::Source::new(&data.data)?;
    let mut tasks = Vec::new();
    for task in Task::PAPER {
        match source.locate(task, data.split) {
            Ok(_) => tasks.push(task),
            Err(GlueError::Missing { .. }) => {
                eprintln!("note: no {task} {} in the data folder", data.split)
            }
            Err(error) => return Err(error.into()),
        }
    }
    anyhow::ensure!(
        !tasks.is_empty(),
        "{}: none of the paper's tasks has a {} file here; expected folders such as MRPC with dev.tsv",
        data.data.display(),
        data.split
    );
    Ok(tasks)
}

/// Reads one task of a data folder, sampled as asked.
///
/// # Errors
/// Those of the loader and the tokenizer.
pub fn from_task(data: &DataArgs, task: Task, tokenizer: &Tokenizer) -> anyhow::Result<InputSet> {
    let source = glue::Source::new(&data.data)?;
    let options = LoadOptions {
        lenient: data.lenient,
        train: TrainPolicy::File,
    };
    let dataset =
        glue::load(&source, task, data.split, &options)?.subsample(data.max_eval, data.seed);
    let examples = prepare(dataset.examples, tokenizer)?;
    let mut notes = dataset.notes;
    notes.extend(cut_note(&examples, tokenizer.limit()));
    let notes = notes
        .into_iter()
        .map(|n| format!("{task} {}: {n}", data.split))
        .collect();
    Ok(InputSet {
        name: task.name().to_owned(),
        split: data.split.name().to_owned(),
        examples,
        inputs: dataset.inputs,
        notes,
    })
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
        examples,
        inputs: vec![input],
        notes,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

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
