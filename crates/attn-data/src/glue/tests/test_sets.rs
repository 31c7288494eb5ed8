//! GLUE's test sets, which are published without labels.

use super::*;

/// GLUE's test files have no labels, other columns, and, CoLA's alone, a header.
#[test]
fn test_sets_have_texts_and_no_labels() {
    let root = folder(&[
        (
            "MNLI/test_matched.tsv",
            "index\tpromptID\tsentence1\tsentence2\n0\t7\ta\tb\n",
        ),
        ("CoLA/test.tsv", "index\tsentence\n0\tBill is.\n1\tc\n"),
        (
            "MRPC/test.tsv",
            "index\t#1 ID\t#2 ID\t#1 String\t#2 String\n0\t1\t2\ta\tb\n",
        ),
        (
            "STS-B/test.tsv",
            "index\tgenre\tsentence1\tsentence2\n0\tx\ta\tb\n",
        ),
        // Some copies have labels; they are read, and must be some.
        (
            "RTE/test.tsv",
            "index\tsentence1\tsentence2\tlabel\n0\ta\tb\tentailment\n",
        ),
        ("SST-2/test.tsv", "index\tlabel\n0\t1\n"),
        (
            "QNLI/test.tsv",
            "index\tquestion\tsentence\tlabel\n0\ta\tb\t7\n",
        ),
    ]);
    let split = TrainPolicy::SplitDev {
        train_fraction: 0.5,
        seed: 1,
    };
    let test = |task| {
        let train = split;
        let lenient = false;
        load_from(&root, task, Split::Test, &LoadOptions { lenient, train })
    };
    for (task, first) in [
        (Task::Mnli, ("a", Some("b"), None)),
        (Task::CoLa, ("Bill is.", None, None)),
        (Task::Mrpc, ("a", Some("b"), None)),
        (Task::StsB, ("a", Some("b"), None)),
        (Task::Rte, ("a", Some("b"), class(0))),
    ] {
        let data = test(task).unwrap();
        assert_eq!(
            (parts(&data)[0], data.split),
            (first, Split::Test),
            "{task}"
        );
        let official = official_rows(task, Split::Test);
        assert!(
            data.notes[0].contains(&format!("GLUE has {official}")),
            "{task}"
        );
    }
    let ids: Vec<_> = test(Task::CoLa)
        .unwrap()
        .examples
        .into_iter()
        .map(|e| e.id)
        .collect();
    assert_eq!(ids, ["test.tsv:2", "test.tsv:3"]);
    for (task, expected) in [
        (Task::Sst2, "a column 'sentence'"),
        (Task::Qnli, "entailment or not_entailment in column 'label'"),
        (Task::Qqp, "QQP/test.tsv, qqp/test-00000-of-00001.parquet"),
    ] {
        let error = test(task).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[cfg(feature = "parquet")]
#[test]
fn parquet_test_sets_say_minus_one_or_nothing() {
    use super::layouts::{classes, parquet};
    let root = tempfile::tempdir().unwrap();
    let test = |task| load_from(&root, task, Split::Test, &LoadOptions::default()).unwrap();
    let one: &[(&str, &[Option<&str>])] = &[("sentence", &[Some("A"), Some("B")])];
    let name = "sst2/test-00000-of-00001.parquet";
    parquet(root.path(), name, one, classes(&[-1, -1]));
    assert_eq!(
        parts(&test(Task::Sst2)),
        [("A", None, None), ("B", None, None)]
    );
    // nyu-mll/glue's MRPC has the labels.
    let pair: &[(&str, &[Option<&str>])] =
        &[("sentence1", &[Some("A")]), ("sentence2", &[Some("B")])];
    parquet(
        root.path(),
        "mrpc/test-00000-of-00001.parquet",
        pair,
        classes(&[1]),
    );
    assert_eq!(parts(&test(Task::Mrpc)), [("A", Some("B"), class(1))]);
    let nli: &[(&str, &[Option<&str>])] =
        &[("premise", &[Some("A")]), ("hypothesis", &[Some("B")])];
    parquet(
        root.path(),
        "mnli/test_matched-00000-of-00001.parquet",
        nli,
        classes(&[-1]),
    );
    assert_eq!(parts(&test(Task::Mnli)), [("A", Some("B"), None)]);
    // Elsewhere -1 is no label.
    parquet(
        root.path(),
        "sst2/validation-00000-of-00001.parquet",
        one,
        classes(&[1, -1]),
    );
    let dev = load_from(&root, Task::Sst2, Split::Dev, &LoadOptions::default());
    assert!(dev.unwrap_err().to_string().contains("'-1'"));
}
