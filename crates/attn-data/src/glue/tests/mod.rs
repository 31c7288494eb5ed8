//! The loaders on tiny files written here, one oddity at a time.

use super::*;
use attn_core::{Example, Label, Split, Task};
use std::path::Path;
use tempfile::TempDir;

mod arbitrary;
mod custom;
#[cfg(feature = "parquet")]
mod layouts;
mod sample;
mod test_sets;
mod tsv;

const LENIENT: LoadOptions = LoadOptions {
    lenient: true,
    train: TrainPolicy::File,
};

/// A data folder that holds these files.
fn folder<C: AsRef<[u8]>>(files: &[(&str, C)]) -> TempDir {
    let root = tempfile::tempdir().unwrap();
    for (name, content) in files {
        write(root.path(), name, content.as_ref());
    }
    root
}

fn write(root: &Path, name: &str, content: &[u8]) {
    let path = root.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, content).unwrap();
}

fn load_from(
    root: &TempDir,
    task: Task,
    split: Split,
    options: &LoadOptions,
) -> Result<Dataset, GlueError> {
    load(&Source::new(root.path())?, task, split, options)
}

/// Loads a task's dev split, strictly, from this content.
fn dev(task: Task, content: impl AsRef<[u8]>) -> Result<Dataset, GlueError> {
    dev_with(task, content, &LoadOptions::default())
}

fn dev_with(
    task: Task,
    content: impl AsRef<[u8]>,
    options: &LoadOptions,
) -> Result<Dataset, GlueError> {
    let file = if task == Task::Mnli {
        "dev_matched.tsv"
    } else {
        "dev.tsv"
    };
    let root = folder(&[(format!("{task}/{file}").as_str(), content)]);
    load_from(&root, task, Split::Dev, options)
}

/// What each example holds, without its id.
fn parts(data: &Dataset) -> Vec<(&str, Option<&str>, Option<Label>)> {
    data.examples
        .iter()
        .map(|e| (e.text_a.as_str(), e.text_b.as_deref(), e.label))
        .collect()
}

fn class(class: usize) -> Option<Label> {
    Some(Label::Class(class))
}

#[cfg(not(feature = "parquet"))]
#[test]
fn parquet_without_its_feature_is_an_error_that_says_so() {
    let root = folder(&[("SST-2/train-00000-of-00001.parquet", b"PAR1")]);
    let error = load_from(&root, Task::Sst2, Split::Train, &LENIENT).unwrap_err();
    let error = error.to_string();
    assert!(error.contains("00001.parquet: ") && error.contains("feature `parquet`"));
}
