//! Folders: GLUE's layout, that of `nyu-mll/glue`, substitutes, and what `check` says of them.

use super::*;
use polars::prelude::*;
use std::fs::File;

const SST: &str = "sentence\tlabel\nfine .\t1\n";
const QQP: &str = "id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate\n1\t2\t3\tA?\tB?\t1\n";

fn strict(root: &TempDir, task: Task, split: Split) -> Result<Dataset, GlueError> {
    load_from(root, task, split, &LoadOptions::default())
}

/// Writes a parquet file as Hugging Face does: snappy, a label column, an index.
pub(super) fn parquet(root: &Path, name: &str, texts: &[(&str, &[Option<&str>])], label: Column) {
    let path = root.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let rows = label.len();
    let mut columns: Vec<Column> = texts
        .iter()
        .map(|(name, values)| {
            let column: StringChunked = values.iter().copied().collect();
            column.with_name((*name).into()).into_column()
        })
        .collect();
    columns.push(label);
    columns.push(Column::new(
        "idx".into(),
        (0..rows as i32).collect::<Vec<_>>(),
    ));
    let mut frame = DataFrame::new(rows, columns).unwrap();
    ParquetWriter::new(File::create(path).unwrap())
        .with_compression(ParquetCompression::Snappy)
        .finish(&mut frame)
        .unwrap();
}

pub(super) fn classes(values: &[i64]) -> Column {
    Column::new("label".into(), values)
}

#[test]
fn folders_are_found_in_any_of_the_layouts() {
    for name in [
        "SST-2/dev.tsv",
        "glue/SST-2/dev.tsv",
        "sst2/dev.tsv",
        "glue/sst-2/dev.tsv",
        "dev.tsv",
    ] {
        let root = folder(&[(name, SST)]);
        assert_eq!(
            strict(&root, Task::Sst2, Split::Dev)
                .unwrap()
                .examples
                .len(),
            1,
            "{name}"
        );
    }
    let root = folder(&[("SST-2/dev.tsv", SST)]);
    let own = Source::new(root.path().join("SST-2")).unwrap();
    assert_eq!(own.own_task(), Some(Task::Sst2));
    assert!(load(&own, Task::Sst2, Split::Dev, &LoadOptions::default()).is_ok());
    // A folder of one task is not read as another's.
    let error = load(&own, Task::CoLa, Split::Dev, &LoadOptions::default()).unwrap_err();
    assert!(
        matches!(
            error,
            GlueError::Missing {
                task: Task::CoLa,
                ..
            }
        ),
        "{error}"
    );
    assert!(matches!(
        Source::new(root.path().join("none")),
        Err(GlueError::Io(_))
    ));
}

#[test]
fn what_is_missing_is_named_with_what_was_tried_and_a_way_out() {
    let error = strict(&folder(&[("SST-2/dev.tsv", SST)]), Task::Qnli, Split::Train).unwrap_err();
    let message = error.to_string();
    for word in [
        "no QNLI train",
        "QNLI/train.tsv",
        "qnli/train-00000-of-00001.parquet",
        "SplitDev",
    ] {
        assert!(message.contains(word), "{message}");
    }
}

#[test]
fn substitutes_serve_only_where_the_official_file_is_absent() {
    let root = folder(&[
        ("QQP/dev_substitute.tsv", QQP),
        ("QQP/train_subset.tsv", QQP),
    ]);
    let data = strict(&root, Task::Qqp, Split::Dev).unwrap();
    assert_eq!(
        data.notes,
        ["QQP dev: dev_substitute.tsv (1 rows) stands in for GLUE's dev of 40430 rows"]
    );
    assert_eq!(data.inputs[0].file, "dev_substitute.tsv");
    let train = strict(&root, Task::Qqp, Split::Train).unwrap();
    assert!(train.notes[0].contains("train_subset.tsv"));
    write(root.path(), "QQP/dev.tsv", QQP.as_bytes());
    let data = strict(&root, Task::Qqp, Split::Dev).unwrap();
    assert_eq!(data.inputs[0].file, "dev.tsv");
    assert!(!data.notes[0].contains("stands in"));
}

#[test]
fn parquet_reads_the_same_as_tsv() {
    let root = tempfile::tempdir().unwrap();
    let pair: &[(&str, &[Option<&str>])] = &[
        ("premise", &[Some("A dog ran. "), Some("\"B\"")]),
        ("hypothesis", &[Some("C"), Some("D")]),
    ];
    parquet(
        root.path(),
        "mnli/validation_matched-00000-of-00001.parquet",
        pair,
        classes(&[2, 0]),
    );
    let data = strict(&root, Task::Mnli, Split::Dev).unwrap();
    assert_eq!(
        parts(&data),
        [
            ("A dog ran. ", Some("C"), class(2)),
            ("\"B\"", Some("D"), class(0))
        ]
    );
    assert_eq!(
        data.examples[1].id,
        "validation_matched-00000-of-00001.parquet:2"
    );
    assert_eq!((data.inputs.len(), data.inputs[0].sha256.len()), (1, 64));

    let pair: &[(&str, &[Option<&str>])] =
        &[("question", &[Some("Why?")]), ("sentence", &[Some("So.")])];
    parquet(
        root.path(),
        "qnli/train-00000-of-00001.parquet",
        pair,
        classes(&[1]),
    );
    let data = strict(&root, Task::Qnli, Split::Train).unwrap();
    assert_eq!(parts(&data), [("Why?", Some("So."), class(1))]);

    let pair: &[(&str, &[Option<&str>])] =
        &[("sentence1", &[Some("A")]), ("sentence2", &[Some("B")])];
    let score = Column::new("label".into(), [3.8_f32]);
    parquet(
        root.path(),
        "stsb/validation-00000-of-00001.parquet",
        pair,
        score,
    );
    let data = strict(&root, Task::StsB, Split::Dev).unwrap();
    assert_eq!(parts(&data), [("A", Some("B"), Some(Label::Score(3.8)))]);

    let one: &[(&str, &[Option<&str>])] = &[("sentence", &[Some("A")])];
    parquet(
        root.path(),
        "cola/validation-00000-of-00001.parquet",
        one,
        classes(&[1]),
    );
    assert_eq!(
        parts(&strict(&root, Task::CoLa, Split::Dev).unwrap()),
        [("A", None, class(1))]
    );
}

#[test]
fn parquet_shards_are_joined_and_a_missing_one_is_named() {
    let root = tempfile::tempdir().unwrap();
    let shard = |i: usize, text: &str| {
        let name = format!("sst2/train-{i:05}-of-00002.parquet");
        parquet(
            root.path(),
            &name,
            &[("sentence", &[Some(text)])],
            classes(&[0]),
        );
    };
    shard(1, "second");
    let message = strict(&root, Task::Sst2, Split::Train)
        .unwrap_err()
        .to_string();
    assert!(
        message.contains("the 2 shards of train, found 1"),
        "{message}"
    );
    shard(0, "first");
    let data = strict(&root, Task::Sst2, Split::Train).unwrap();
    assert_eq!(
        parts(&data),
        [("first", None, class(0)), ("second", None, class(0))]
    );
    assert_eq!(data.inputs.len(), 2);
}

#[test]
fn broken_parquet_rows_and_columns() {
    let root = tempfile::tempdir().unwrap();
    let name = "sst2/validation-00000-of-00001.parquet";
    let texts: &[(&str, &[Option<&str>])] = &[(
        "sentence",
        &[Some("A"), None, Some("B"), Some("C"), Some(" ")],
    )];
    parquet(root.path(), name, texts, classes(&[1, 0, -1, 2, 1]));
    let message = strict(&root, Task::Sst2, Split::Dev)
        .unwrap_err()
        .to_string();
    assert!(
        message.contains("line 2: expected a text in column 'sentence', found nothing"),
        "{message}"
    );
    let data = load_from(&root, Task::Sst2, Split::Dev, &LENIENT).unwrap();
    assert_eq!(
        data.skipped.iter().map(|s| s.line).collect::<Vec<_>>(),
        [2, 3, 4, 5]
    );
    assert!(
        data.skipped[1].reason.contains("a class from 0 to 1")
            && data.skipped[1].reason.contains("'-1'")
    );

    let scores = Column::new("label".into(), [0.5_f64, f64::NAN]);
    parquet(
        root.path(),
        name,
        &[("sentence", &[Some("A"), Some("B")])],
        scores,
    );
    let message = strict(&root, Task::Sst2, Split::Dev)
        .unwrap_err()
        .to_string();
    assert!(
        message.contains("column 'label' of class indices or class names, found Double"),
        "{message}"
    );
    parquet(root.path(), name, &[("text", &[Some("A")])], classes(&[1]));
    let message = strict(&root, Task::Sst2, Split::Dev)
        .unwrap_err()
        .to_string();
    assert!(
        message.contains("column 'sentence' of text, found only the columns text"),
        "{message}"
    );
    write(root.path(), name, b"PAR1 but not really PAR1");
    let message = strict(&root, Task::Sst2, Split::Dev)
        .unwrap_err()
        .to_string();
    assert!(message.contains("not a readable Parquet file"), "{message}");
}

#[test]
fn check_tells_the_verdicts_apart() {
    let mut wnli = "index\tsentence1\tsentence2\tlabel\n".to_owned();
    (0..71).for_each(|i| wnli += &format!("{i}\tOne {i}.\tTwo.\t{}\n", i % 3 / 2));
    let root = folder(&[
        ("WNLI/dev.tsv", wnli.as_str()),
        ("SST-2/dev.tsv", SST),
        ("QQP/dev_substitute.tsv", QQP),
        (
            "RTE/dev.tsv",
            "sentence1\tsentence2\tlabel\nA\tB\tentailment\nA\tB\tyes\n",
        ),
        (
            "STS-B/dev.tsv",
            "sentence1\tsentence2\tscore\nA\tB\t5.0\nA\tB\t4.0\nA\tB\t0.5\n",
        ),
    ]);
    let rows = check(root.path(), Some(&|e: &Example| e.text_a.len())).unwrap();
    assert_eq!(rows.len(), 18);
    let find = |task, split| {
        rows.iter()
            .find(|row| row.task == task && row.split == split)
            .unwrap()
    };
    let whole = find(Task::Wnli, Split::Dev);
    assert_eq!(
        (&whole.verdict, whole.rows, whole.is_fault()),
        (&Verdict::Whole, Some(71), false)
    );
    let counts: Vec<_> = whole
        .labels
        .iter()
        .map(|l| (l.label.as_str(), l.rows))
        .collect();
    assert_eq!(counts, [("not_entailment", 48), ("entailment", 23)]);
    assert_eq!(
        whole.lengths,
        Some(Lengths {
            median: 7,
            p95: 7,
            max: 7
        })
    );
    assert_eq!(find(Task::Wnli, Split::Train).verdict, Verdict::Missing);
    assert_eq!(
        find(Task::Sst2, Split::Dev).verdict,
        Verdict::Differs {
            rows: 1,
            official: 872
        }
    );
    let substitute = Verdict::Substitute {
        file: "dev_substitute.tsv".into(),
    };
    assert_eq!(find(Task::Qqp, Split::Dev).verdict, substitute);
    let broken = find(Task::Rte, Split::Dev);
    assert!(broken.is_fault() && broken.rows == Some(1) && broken.skipped.len() == 1);
    let scores: Vec<_> = find(Task::StsB, Split::Dev)
        .labels
        .iter()
        .map(|l| l.rows)
        .collect();
    assert_eq!(scores, [1, 0, 0, 0, 2]);

    let table = CheckTable(&rows).to_string();
    for words in [
        "differs from official (1 of 872)",
        "substitute (dev_substitute.tsv)",
        "broken (1 rows)",
        "RTE dev: ",
        "line 3: expected entailment or not_entailment",
        "MNLI train: GLUE's 392702 rows are missing",
        whole.files[0].sha256.as_str(),
    ] {
        assert!(table.contains(words), "'{words}' is not in\n{table}");
    }
    // All verdicts start in the same column.
    let at = table.lines().next().unwrap().find("verdict").unwrap();
    for line in table.lines().skip(1).take(18) {
        assert!(
            line.as_bytes()[at - 1] == b' ' && line.as_bytes()[at] != b' ',
            "{line}"
        );
    }
}

#[test]
fn a_starter_set_is_not_held_to_gluess_counts() {
    for marker in ["STARTER.md", "glue/STARTER.md"] {
        let root = folder(&[("glue/SST-2/dev.tsv", SST), (marker, "ours")]);
        let rows = check(root.path(), None).unwrap();
        // The paper's seven; CoLA and WNLI are not expected there.
        assert_eq!(rows.len(), 14, "{marker}");
        let row = rows.iter().find(|row| row.rows.is_some()).unwrap();
        assert_eq!(
            (row.task, &row.verdict, row.lengths),
            (Task::Sst2, &Verdict::Starter, None)
        );
        let note = &strict(&root, Task::Sst2, Split::Dev).unwrap().notes[0];
        assert!(note.contains("starter set (1 rows), not GLUE"), "{note}");
    }
    let root = folder(&[("datasets/starter/glue/SST-2/dev.tsv", SST)]);
    let starter = |path: &str| Source::new(root.path().join(path)).unwrap().is_starter();
    assert!(starter("datasets/starter") && starter("datasets/starter/glue"));
    assert!(starter("datasets/starter/glue/SST-2") && !starter("datasets"));
}

#[test]
fn check_of_one_tasks_folder_looks_at_that_task_only() {
    let root = folder(&[("MNLI/README.txt", "")]);
    let rows = check(&root.path().join("MNLI"), None).unwrap();
    assert_eq!(
        rows.iter().map(|row| row.task).collect::<Vec<_>>(),
        [Task::Mnli, Task::Mnli]
    );
    assert!(check(&root.path().join("none"), None).is_err());
}
