//! GLUE's tab-separated files.
//!
//! The first byte picks the task (low four bits) and whether a strict reading is compared as well
//! (bit 4); the rest is the file.
#![no_main]

use attn_core::{Label, Split, Task};
use attn_data::glue::{Dataset, GlueError, LoadOptions, Source, load};
use libfuzzer_sys::fuzz_target;
use std::path::PathBuf;
use std::sync::LazyLock;

/// A folder of this process, in memory where the system has such a place.
static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| {
    let base = PathBuf::from("/dev/shm");
    let base = if base.is_dir() {
        base
    } else {
        std::env::temp_dir()
    };
    let folder = base.join(format!("attn-fuzz-glue-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a temporary folder");
    folder
});

fn read(task: Task, lenient: bool) -> Result<Dataset, GlueError> {
    let options = LoadOptions {
        lenient,
        ..LoadOptions::default()
    };
    load(&Source::new(FOLDER.as_path())?, task, Split::Dev, &options)
}

/// Lines after the header, counted independently of the reader.
fn data_lines(task: Task, file: &[u8]) -> usize {
    let ends = file.iter().filter(|byte| **byte == b'\n').count();
    let lines = ends + usize::from(file.last().is_some_and(|byte| *byte != b'\n'));
    lines.saturating_sub(usize::from(task != Task::CoLa))
}

fuzz_target!(|data: &[u8]| {
    let Some((pick, file)) = data.split_first() else {
        return;
    };
    let task = Task::ALL[usize::from(pick & 15) % Task::ALL.len()];
    let name = if task == Task::Mnli {
        "dev_matched.tsv"
    } else {
        "dev.tsv"
    };
    let path = FOLDER.join(name);
    std::fs::write(&path, file).expect("a file in memory");

    let lenient = read(task, true);
    let strict = (pick & 16 != 0).then(|| read(task, false));
    std::fs::remove_file(&path).expect("the file is there");
    match lenient {
        Ok(data) => {
            assert_eq!(
                data.examples.len() + data.skipped.len(),
                data_lines(task, file)
            );
            for example in &data.examples {
                assert!(!example.text_a.trim().is_empty());
                assert_eq!(example.text_b.is_some(), task.is_pair());
                match example.label {
                    Some(Label::Class(class)) => assert!(class < task.label_names().len()),
                    Some(Label::Score(score)) => assert!((0.0..=5.0).contains(&score)),
                    None => panic!("a row without a label was kept"),
                }
            }
            match strict {
                Some(Ok(strict)) => {
                    assert!(data.skipped.is_empty());
                    assert_eq!(strict.examples, data.examples);
                }
                Some(Err(GlueError::Row { line, .. })) => {
                    assert_eq!(data.skipped.first().map(|row| row.line), Some(line));
                }
                Some(Err(other)) => panic!("{other}"),
                None => {}
            }
        }
        Err(error @ GlueError::Header { .. }) => {
            assert!(error.to_string().contains("line 1"));
            assert!(strict.is_none_or(|read| matches!(read, Err(GlueError::Header { .. }))));
        }
        Err(other) => panic!("{other}"),
    }
});
