//! Data of one's own.

use super::*;
use attn_core::{Metric, TaskKind};

fn columns(a: &str, b: Option<&str>, label: Option<&str>) -> CustomColumns {
    let own = |name: &str| name.to_owned();
    CustomColumns {
        text_a: own(a),
        text_b: b.map(own),
        label: label.map(own),
        groups: Vec::new(),
    }
}

fn options(kind: CustomKind) -> CustomOptions {
    CustomOptions {
        name: "mine".into(),
        split: Split::Train,
        kind,
        classes: None,
        lenient: false,
    }
}

fn read(
    name: &str,
    content: impl AsRef<[u8]>,
    columns: &CustomColumns,
    options: &CustomOptions,
) -> Result<Dataset, GlueError> {
    let root = folder(&[(name, content)]);
    load_custom(&root.path().join(name), columns, options)
}

#[test]
fn the_same_rows_from_all_three_formats() {
    let csv = "\u{feff}topic,body,more\r\nsport,\"He said \"\"no\"\", twice\",x\r\narts,Two,y";
    let tsv = "body\ttopic\tmore\nHe said \"no\", twice\tsport\tx\nTwo\tarts\ty\n";
    let jsonl = "{\"body\": \"He said \\\"no\\\", twice\", \"more\": \"x\", \"topic\": \"sport\"}\n\
                 {\"topic\": \"arts\", \"body\": \"Two\", \"more\": \"y\", \"other\": [1]}\n";
    for (name, content) in [("a.csv", csv), ("a.TSV", tsv), ("a.jsonl", jsonl)] {
        let columns = columns("body", Some("more"), Some("topic"));
        let data = read(
            name,
            content,
            &columns,
            &options(CustomKind::Classification),
        )
        .unwrap();
        // Sorted: arts, sport.
        let expected = [
            ("He said \"no\", twice", Some("x"), class(1)),
            ("Two", Some("y"), class(0)),
        ];
        assert_eq!(parts(&data), expected, "{name}");
        assert_eq!(data.labels, ["arts", "sport"]);
        let line = if name.ends_with("jsonl") { 1 } else { 2 };
        assert_eq!(data.examples[0].id, format!("{name}:{line}"));
        assert_eq!(
            (data.task.name(), data.inputs[0].role.as_str()),
            ("mine", "mine train")
        );
        assert_eq!(data.task.kind(), TaskKind::Classification { labels: 2 });
        assert_eq!(data.task.metrics(), [Metric::Accuracy, Metric::F1]);
        assert!(data.task.is_pair() && data.task.glue().is_none());
    }
}

#[test]
fn whole_numbers_sort_as_numbers_and_words_as_words() {
    let data = |labels: [&str; 3]| {
        let content = labels.map(|label| format!("t,{label}\n")).concat();
        let content = format!("text,y\n{content}");
        read(
            "a.csv",
            content,
            &columns("text", None, Some("y")),
            &options(CustomKind::default()),
        )
    };
    assert_eq!(data(["10", "9", "-1"]).unwrap().labels, ["-1", "9", "10"]);
    assert_eq!(data(["10", "9", "x"]).unwrap().labels, ["10", "9", "x"]);
    let json = "{\"t\": \"a\", \"y\": 10}\n{\"t\": \"b\", \"y\": 2}\n";
    let data = read(
        "a.jsonl",
        json,
        &columns("t", None, Some("y")),
        &options(CustomKind::default()),
    );
    assert_eq!(data.unwrap().labels, ["2", "10"]);
}

#[test]
fn known_classes_are_kept_and_others_are_broken_rows() {
    let known = CustomOptions {
        classes: Some(vec!["no".into(), "maybe".into(), "yes".into()]),
        ..options(CustomKind::Classification)
    };
    let columns = columns("t", None, Some("y"));
    let data = read("a.tsv", "t\ty\nA\tyes\n", &columns, &known).unwrap();
    assert_eq!(
        (parts(&data), data.labels.len()),
        (vec![("A", None, class(2))], 3)
    );
    let message = read("a.tsv", "t\ty\nA\tYes\n", &columns, &known)
        .unwrap_err()
        .to_string();
    assert!(
        message.contains("line 2: expected no or maybe or yes in column 'y', found 'Yes'"),
        "{message}"
    );
}

#[test]
fn regression_takes_any_finite_number() {
    let columns = columns("t", None, Some("y"));
    let data = read(
        "a.csv",
        "t,y\nA,-7.5\nB, 1e3\n",
        &columns,
        &options(CustomKind::Regression),
    )
    .unwrap();
    let scores = [-7.5, 1000.0].map(|score| Some(Label::Score(score)));
    assert_eq!(
        data.examples.iter().map(|e| e.label).collect::<Vec<_>>(),
        scores
    );
    assert_eq!(
        (data.task.kind(), data.labels.len()),
        (TaskKind::Regression, 0)
    );
    assert_eq!(data.task.metrics()[0], Metric::PearsonSpearman);
    for bad in ["nan", "1e99", "x"] {
        let error = read(
            "a.csv",
            format!("t,y\nA,{bad}\n"),
            &columns,
            &options(CustomKind::Regression),
        );
        assert!(
            error
                .unwrap_err()
                .to_string()
                .contains("a finite number in column 'y'")
        );
    }
}

#[test]
fn scores_taken_for_classes_are_pointed_out() {
    let mut content = "t\ty\n".to_owned();
    (0..50).for_each(|i| content += &format!("A\t{}.5\n", i));
    let columns = columns("t", None, Some("y"));
    let data = read(
        "a.tsv",
        content,
        &columns,
        &options(CustomKind::Classification),
    )
    .unwrap();
    assert!(data.notes[0].contains("50 classes in 50 rows; for scores ask for regression"));
}

#[test]
fn labels_may_be_absent() {
    let data = read(
        "a.csv",
        "t\nA\n",
        &columns("t", None, None),
        &options(CustomKind::default()),
    );
    assert_eq!(parts(&data.unwrap()), [("A", None, None)]);
}

#[test]
fn lenient_reading_lists_rows_of_both_passes_in_order() {
    let lenient = CustomOptions {
        classes: Some(vec!["a".into()]),
        lenient: true,
        ..options(CustomKind::Classification)
    };
    let csv = "t,y\nA,a\nB,b\n\"C\nC\",a\nD\n\nE \"q\",a\n ,a\nF,\nG,a\n\"open,a\nH,a\n";
    let data = read("a.csv", csv, &columns("t", None, Some("y")), &lenient).unwrap();
    let kept: Vec<_> = data
        .examples
        .iter()
        .map(|e| (e.id.as_str(), e.text_a.as_str()))
        .collect();
    assert_eq!(
        kept,
        [("a.csv:2", "A"), ("a.csv:4", "C\nC"), ("a.csv:11", "G")]
    );
    let skipped: Vec<_> = data
        .skipped
        .iter()
        .map(|s| (s.line, s.reason.as_str()))
        .collect();
    let expected = [
        (3, "expected a in column 'y', found 'b'"),
        (6, "expected 2 fields, found 1: 'D'"),
        (7, "expected 2 fields, found an empty line"),
        (
            8,
            "expected a quote mark only in a field that starts with one (doubled there)",
        ),
        (9, "expected a text in column 't', found only blanks"),
        (10, "expected a label in column 'y', found nothing"),
        (12, "nothing after line 12 was read"),
    ];
    assert_eq!(skipped.len(), expected.len(), "{skipped:?}");
    for ((line, reason), (at, words)) in skipped.iter().zip(expected) {
        assert!(
            *line == at && reason.contains(words),
            "{line}: {reason} / {words}"
        );
    }
    assert!(data.notes[0].contains("7 broken of 10 rows skipped (lenient), the first at a.csv:3"));
}

#[test]
fn broken_json_is_named_by_line() {
    let columns = columns("t", None, Some("y"));
    for (row, words) in [
        ("{\"t\": \"A\", \"y\": 1", "a JSON object"),
        ("[1]", "a JSON object"),
        ("", "a JSON object"),
        ("{\"t\": \"A\"}", "a field 'y'"),
        ("{\"t\": 5, \"y\": 1}", "a string in field 't', found '5'"),
        (
            "{\"t\": \"A\", \"y\": [1]}",
            "a string or a number in field 'y', found '[1]'",
        ),
        ("{\"t\": \"A\", \"y\": null}", "found 'null'"),
    ] {
        let content = format!("{{\"t\": \"A\", \"y\": 1}}\n{row}\n");
        let error = read(
            "a.jsonl",
            content,
            &columns,
            &options(CustomKind::default()),
        )
        .unwrap_err();
        let message = error.to_string();
        assert!(
            message.contains("a.jsonl, line 2: ") && message.contains(words),
            "{message}"
        );
    }
}

#[test]
fn absent_columns_and_unknown_formats() {
    let columns = columns("text", None, Some("y"));
    for name in ["a.csv", "a.tsv"] {
        let error = read(name, "t\ny\n", &columns, &options(CustomKind::default())).unwrap_err();
        assert!(
            error
                .to_string()
                .contains("line 1: expected a column 'text', found 't'"),
            "{error}"
        );
    }
    let error = read("a.xlsx", "", &columns, &options(CustomKind::default()))
        .unwrap_err()
        .to_string();
    assert!(error.contains(".csv, .tsv or .jsonl"), "{error}");
}
