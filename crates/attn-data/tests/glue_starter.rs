//! The starter set holds to what it promises: enough, balanced, spread, and nothing twice.

use attn_core::{Label, Split, Task};
use attn_data::glue::{Dataset, LoadOptions, Source, Verdict, check, load};
use std::collections::HashMap;
use std::path::PathBuf;

fn starter() -> PathBuf {
    PathBuf::from(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../datasets/starter/glue"
    ))
}

fn all() -> Vec<(Task, Split, Dataset)> {
    let source = Source::new(starter()).unwrap();
    let pairs = Task::PAPER
        .into_iter()
        .flat_map(|task| [(task, Split::Train), (task, Split::Dev)]);
    pairs
        .map(|(task, split)| {
            let data = load(&source, task, split, &LoadOptions::default());
            (
                task,
                split,
                data.unwrap_or_else(|error| panic!("{task} {split}: {error}")),
            )
        })
        .collect()
}

#[test]
fn check_calls_every_split_a_starter() {
    let rows = check(&starter(), None).unwrap();
    for task in Task::PAPER {
        let verdicts: Vec<_> = rows
            .iter()
            .filter(|row| row.task == task)
            .map(|row| &row.verdict)
            .collect();
        assert_eq!(verdicts, [&Verdict::Starter, &Verdict::Starter], "{task}");
    }
}

#[test]
fn there_are_enough_rows() {
    for (task, split, data) in all() {
        let least = if split == Split::Train { 120 } else { 60 };
        let rows = data.examples.len();
        assert!(
            rows >= least,
            "{task} {split}: {rows} rows, at least {least} are promised"
        );
    }
}

/// Each class has its even share, give or take a tenth of it.
#[test]
fn classes_are_balanced() {
    let mut uneven = Vec::new();
    for (task, split, data) in all() {
        let even = data.examples.len() as f64 / data.labels.len() as f64;
        for (class, name) in data.labels.iter().enumerate() {
            let rows = data
                .examples
                .iter()
                .filter(|e| e.label == Some(Label::Class(class)))
                .count();
            if !(0.9..=1.1).contains(&(rows as f64 / even)) {
                uneven.push(format!(
                    "{task} {split}: {rows} rows are {name}, even is {even}"
                ));
            }
        }
    }
    assert!(uneven.is_empty(), "{}", uneven.join("\n"));
}

#[test]
fn similarity_scores_are_spread() {
    for (task, split, data) in all() {
        if task != Task::StsB {
            continue;
        }
        // Each unit-wide range has at least half of its even share.
        let scores: Vec<_> = data
            .examples
            .iter()
            .map(|e| e.label.unwrap().value())
            .collect();
        for low in 0..5 {
            let inside = |score: &&f32| (**score as usize).min(4) == low;
            let rows = scores.iter().filter(inside).count();
            let range = low + 1;
            assert!(
                rows * 10 >= scores.len(),
                "{split}: {rows} scores from {low} to {range}"
            );
        }
        assert!(
            scores.contains(&0.0) && scores.contains(&5.0),
            "{split}: no 0 or no 5"
        );
    }
}

/// Letters and digits in lower case, one blank between words.
fn normalised(text: &str) -> String {
    let plain: String = text
        .chars()
        .map(|c| if c.is_alphanumeric() { c } else { ' ' })
        .flat_map(char::to_lowercase)
        .collect();
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn no_sentence_is_in_two_splits_or_tasks() {
    let mut seen: HashMap<String, (Task, Split, String)> = HashMap::new();
    let mut repeated = Vec::new();
    for (task, split, data) in all() {
        for example in &data.examples {
            for text in std::iter::once(&example.text_a).chain(&example.text_b) {
                let first = seen
                    .entry(normalised(text))
                    .or_insert_with(|| (task, split, example.id.clone()));
                // One premise may serve several rows of its own file, as in MNLI.
                if (first.0, first.1) != (task, split) {
                    let (other, part, id) = first;
                    repeated.push(format!(
                        "{task} {} = {other} {part} {id}: {text}",
                        example.id
                    ));
                }
            }
        }
    }
    assert!(
        repeated.is_empty(),
        "{} repeated:\n{}",
        repeated.len(),
        repeated.join("\n")
    );
}

#[test]
fn no_pair_is_twice_in_a_file_and_no_text_is_its_own_partner() {
    for (task, split, data) in all() {
        let mut seen = HashMap::new();
        for example in &data.examples {
            let second = example.text_b.as_deref().map(normalised);
            let pair = (normalised(&example.text_a), second);
            assert_ne!(
                Some(&pair.0),
                pair.1.as_ref(),
                "{task} {split} {}",
                example.id
            );
            if let Some(before) = seen.insert(pair, &example.id) {
                panic!("{task} {split}: {before} and {} are the same", example.id);
            }
        }
    }
}
