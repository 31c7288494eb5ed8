//! The loaders on the real GLUE data, which the repository does not contain. It is looked for in
//! the folder that `ATTN_SHARED` names, else beside the checkout.

use attn_core::{Label, Split, Task};
use attn_data::glue::{
    CheckTable, GlueError, LoadOptions, Source, TrainPolicy, Verdict, check, load, official_rows,
};
use std::collections::HashSet;
use std::path::PathBuf;

fn glue() -> Option<PathBuf> {
    let shared = std::env::var_os("ATTN_SHARED").map(PathBuf::from);
    let beside = || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared"));
    let glue = shared.unwrap_or_else(beside).join("data/glue");
    if glue.is_dir() {
        return Some(glue);
    }
    eprintln!(
        "SKIPPED: no GLUE data at {}; set ATTN_SHARED",
        glue.display()
    );
    None
}

/// What lies there whole: 14 splits.
const WHOLE: [(Task, Split, usize); 14] = [
    (Task::Mrpc, Split::Train, 3668),
    (Task::Mrpc, Split::Dev, 408),
    (Task::StsB, Split::Train, 5749),
    (Task::StsB, Split::Dev, 1500),
    (Task::Sst2, Split::Train, 67349),
    (Task::Sst2, Split::Dev, 872),
    (Task::Rte, Split::Train, 2490),
    (Task::Rte, Split::Dev, 277),
    (Task::Qnli, Split::Dev, 5463),
    (Task::Mnli, Split::Dev, 9815),
    (Task::CoLa, Split::Train, 8551),
    (Task::CoLa, Split::Dev, 1043),
    (Task::Wnli, Split::Train, 635),
    (Task::Wnli, Split::Dev, 71),
];

#[test]
fn check_shows_the_official_counts_and_names_the_gaps() {
    let Some(glue) = glue() else { return };
    let words = |e: &attn_core::Example| {
        let text_b = e.text_b.as_deref().unwrap_or_default();
        e.text_a.split_whitespace().count() + text_b.split_whitespace().count()
    };
    let rows = check(&glue, Some(&words)).unwrap();
    assert_eq!(rows.len(), 18);
    let find = |task, split| {
        rows.iter()
            .find(|r| r.task == task && r.split == split)
            .unwrap()
    };
    for (task, split, count) in WHOLE {
        let row = find(task, split);
        assert_eq!(
            (row.rows, row.official),
            (Some(count), count),
            "{task} {split}"
        );
        assert_eq!(row.verdict, Verdict::Whole, "{task} {split}");
        assert_eq!(row.labels.iter().map(|l| l.rows).sum::<usize>(), count);
        let lengths = row.lengths.unwrap();
        assert!(0 < lengths.median && lengths.median < lengths.p95 && lengths.p95 < lengths.max);
    }
    let train = find(Task::Qqp, Split::Train);
    assert_eq!((train.rows, train.official), (Some(23_497), 363_846));
    assert_eq!(
        train.verdict,
        Verdict::Substitute {
            file: "train_subset.tsv".into()
        }
    );
    let dev = find(Task::Qqp, Split::Dev);
    assert_eq!((dev.rows, dev.official), (Some(7_317), 40_430));
    assert_eq!(
        dev.verdict,
        Verdict::Substitute {
            file: "dev_substitute.tsv".into()
        }
    );
    for task in [Task::Qnli, Task::Mnli] {
        assert_eq!(find(task, Split::Train).verdict, Verdict::Missing);
    }
    assert!(!rows.iter().any(|row| row.is_fault()));
    // Class counts as the data's provenance page gives them.
    let counts = |task, split| -> Vec<_> {
        find(task, split)
            .labels
            .iter()
            .map(|l| (l.label.as_str(), l.rows))
            .collect()
    };
    assert_eq!(
        counts(Task::Mrpc, Split::Train),
        [("not_equivalent", 1194), ("equivalent", 2474)]
    );
    assert_eq!(
        counts(Task::Mnli, Split::Dev),
        [
            ("entailment", 3479),
            ("neutral", 3123),
            ("contradiction", 3213)
        ]
    );
    assert_eq!(
        counts(Task::Qnli, Split::Dev),
        [("entailment", 2702), ("not_entailment", 2761)]
    );
    assert_eq!(
        counts(Task::Wnli, Split::Dev),
        [("not_entailment", 40), ("entailment", 31)]
    );
    assert_eq!(
        find(Task::Mrpc, Split::Dev).files[0].sha256,
        "9e8f284788040f7c9ecde2e1b3c07237c756f926bd9ef8548ef5d34b56f69f17"
    );
    let table = CheckTable(&rows).to_string();
    for words in [
        "QQP train: GLUE's 363846 rows are not here, train_subset.tsv stands in with 23497",
        "QQP dev: GLUE's 40430 rows are not here, dev_substitute.tsv stands in with 7317",
        "QNLI train: GLUE's 104743 rows are missing",
        "MNLI train: GLUE's 392702 rows are missing",
    ] {
        assert!(table.contains(words), "'{words}' is not in\n{table}");
    }
    eprintln!("{table}");
}

#[test]
fn texts_are_kept_to_the_byte() {
    let Some(glue) = glue() else { return };
    let source = Source::new(glue).unwrap();
    // Bytes of all texts, as the Hugging Face card of the data set implies them.
    for (task, split, bytes) in [
        (Task::Mrpc, Split::Train, 870_483),
        (Task::StsB, Split::Dev, 192_064),
        (Task::Sst2, Split::Train, 3_604_019),
        (Task::Qnli, Split::Dev, 1_259_044),
        (Task::Mnli, Split::Dev, 1_637_483),
        (Task::CoLa, Split::Dev, 43_634),
        (Task::Rte, Split::Train, 797_520),
    ] {
        let data = load(&source, task, split, &LoadOptions::default()).unwrap();
        let text =
            |e: &attn_core::Example| e.text_a.len() + e.text_b.as_ref().map_or(0, String::len);
        assert_eq!(
            data.examples.iter().map(text).sum::<usize>(),
            bytes,
            "{task} {split}"
        );
        assert!(data.notes.is_empty(), "{:?}", data.notes);
    }
}

#[test]
fn sts_scores_have_their_published_mean() {
    let Some(glue) = glue() else { return };
    let source = Source::new(glue).unwrap();
    let data = load(&source, Task::StsB, Split::Train, &LoadOptions::default()).unwrap();
    let sum: f64 = data
        .examples
        .iter()
        .map(|e| f64::from(e.label.unwrap().value()))
        .sum();
    assert!((sum / data.examples.len() as f64 - 2.7010).abs() < 5e-5);
}

#[test]
fn tasks_without_training_rows_split_their_dev_rows() {
    let Some(glue) = glue() else { return };
    let source = Source::new(glue).unwrap();
    for task in [Task::Qnli, Task::Mnli] {
        let error = load(&source, task, Split::Train, &LoadOptions::default()).unwrap_err();
        assert!(matches!(error, GlueError::Missing { .. }), "{error}");
        let train = TrainPolicy::SplitDevIfMissing {
            train_fraction: 0.8,
            seed: 42,
            grouped: false,
        };
        let options = LoadOptions {
            train,
            ..LoadOptions::default()
        };
        let train = load(&source, task, Split::Train, &options).unwrap();
        let dev = load(&source, task, Split::Dev, &options).unwrap();
        let all = official_rows(task, Split::Dev);
        assert_eq!(train.examples.len() + dev.examples.len(), all);
        assert_eq!(train.examples.len(), (all as f64 * 0.8).round() as usize);
        for class in 0..train.labels.len() {
            let share = |data: &attn_data::glue::Dataset| {
                let of = data
                    .examples
                    .iter()
                    .filter(|e| e.label == Some(Label::Class(class)));
                of.count() as f64 / data.examples.len() as f64
            };
            assert!((share(&train) - share(&dev)).abs() < 2e-3, "{task} {class}");
        }
        let evaluated = dev.subsample(1000, 42);
        assert_eq!((evaluated.examples.len(), evaluated.notes.len()), (1000, 2));
    }
}

/// Group counts are those of a union-find in Python over the same columns (outer blanks apart).
#[test]
fn no_premise_sentence_or_question_stands_on_both_sides() {
    let Some(glue) = glue() else { return };
    let source = Source::new(glue).unwrap();
    for (task, groups) in [(Task::Qnli, 2684), (Task::Mnli, 3332)] {
        let part = |split, grouped| {
            let train = TrainPolicy::SplitDevIfMissing {
                train_fraction: 0.8,
                seed: 42,
                grouped,
            };
            let options = LoadOptions {
                train,
                ..LoadOptions::default()
            };
            load(&source, task, split, &options).unwrap()
        };
        let texts = |data: &attn_data::glue::Dataset| -> HashSet<String> {
            let pairs = data.examples.iter();
            pairs
                .flat_map(|e| [Some(e.text_a.as_str()), e.text_b.as_deref()])
                .flatten()
                .map(|text| text.trim().to_owned())
                .collect()
        };
        let (train, dev) = (part(Split::Train, true), part(Split::Dev, true));
        assert!(texts(&train).is_disjoint(&texts(&dev)), "{task}");
        let all = official_rows(task, Split::Dev);
        assert_eq!(train.examples.len() + dev.examples.len(), all);
        let fraction = train.examples.len() as f64 / all as f64;
        assert!((fraction - 0.8).abs() < 1e-3, "{task}: {fraction}");
        for class in 0..train.labels.len() {
            let proportion = |data: &attn_data::glue::Dataset| {
                let of = |e: &&attn_core::Example| e.label == Some(Label::Class(class));
                data.examples.iter().filter(of).count() as f64 / data.examples.len() as f64
            };
            let difference = (proportion(&train) - proportion(&dev)).abs();
            assert!(difference < 5e-3, "{task} {class}: {difference}");
        }
        let note = dev.notes.last().unwrap();
        assert!(
            note.contains(&format!("grouped: {groups} groups")),
            "{note}"
        );
        // What the earlier split of single rows left on both sides.
        let (train, dev) = (part(Split::Train, false), part(Split::Dev, false));
        let known = texts(&train);
        let tied = dev.examples.iter().filter(|e| {
            known.contains(e.text_a.trim())
                || e.text_b
                    .as_deref()
                    .is_some_and(|b| known.contains(b.trim()))
        });
        assert!(tied.count() * 2 > dev.examples.len(), "{task}");
    }
}
