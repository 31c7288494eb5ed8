//! GLUE's tab-separated files.

use super::*;

#[test]
fn mrpc_starts_with_a_bom_and_quotes_are_text() {
    let content = "\u{feff}Quality\t#1 ID\t#2 ID\t#1 String\t#2 String\n\
                   1\t10\t11\tHe said \" no .\t\" No , \" he said .\n\
                   0\t12\t13\t\"One\tTwo\"\n";
    let data = dev(Task::Mrpc, content).unwrap();
    let expected = [
        ("He said \" no .", Some("\" No , \" he said ."), class(1)),
        ("\"One", Some("Two\""), class(0)),
    ];
    assert_eq!(parts(&data), expected);
    assert_eq!(data.examples[0].id, "dev.tsv:2");
    assert_eq!(data.labels, ["not_equivalent", "equivalent"]);
    let input = &data.inputs[0];
    assert_eq!(
        (input.role.as_str(), input.file.as_str()),
        ("MRPC dev", "dev.tsv")
    );
    assert_eq!(input.bytes, content.len() as u64);
    assert!(
        data.notes[0].contains("2 rows, GLUE has 408"),
        "{:?}",
        data.notes
    );
}

#[test]
fn the_hash_is_that_of_the_file() {
    let data = dev(Task::Sst2, "sentence\tlabel\n").unwrap();
    // `printf 'sentence\tlabel\n' | sha256sum`
    assert_eq!(data.inputs[0].sha256, SST_HEADER_SHA256);
    assert!(data.examples.is_empty());
}

const SST_HEADER_SHA256: &str = "3bae5117950d5d7155e65da13fe09318e185fbfa60bab7a0cb07fec0fb6e7887";

#[test]
fn cola_has_no_header_and_no_last_newline() {
    let data = dev(
        Task::CoLa,
        "gj04\t1\t\tThe sailors rode.\ngj04\t0\t*\tThe rode sailors.",
    )
    .unwrap();
    let expected = [
        ("The sailors rode.", None, class(1)),
        ("The rode sailors.", None, class(0)),
    ];
    assert_eq!(parts(&data), expected);
    assert_eq!(data.examples[0].id, "dev.tsv:1");
}

#[test]
fn outer_blanks_and_unicode_separators_stay_in_the_text() {
    let data = dev(
        Task::Sst2,
        "sentence\tlabel\na charming film . \t1\n a\u{2028}b\u{85}c\t0\n",
    )
    .unwrap();
    let expected = [
        ("a charming film . ", None, class(1)),
        (" a\u{2028}b\u{85}c", None, class(0)),
    ];
    assert_eq!(parts(&data), expected);
}

#[test]
fn mnli_finds_its_columns_by_name_among_nones() {
    // Training and dev files have different columns, so no position can be right for both.
    let content = "index\tpromptID\tsentence1\tsentence2\tlabel1\tgold_label\n\
                   0\tnone\tA dog ran.\tAn animal moved. \tnone\tentailment\n\
                   1\tnone\tnone\tnone\tnone\tneutral\n";
    let data = dev(Task::Mnli, content).unwrap();
    let expected = [
        ("A dog ran.", Some("An animal moved. "), class(0)),
        // A sentence may be the word itself.
        ("none", Some("none"), class(1)),
    ];
    assert_eq!(parts(&data), expected);
    let swapped = "gold_label\tsentence2\tsentence1\ncontradiction\tB\tA\n";
    assert_eq!(
        parts(&dev(Task::Mnli, swapped).unwrap()),
        [("A", Some("B"), class(2))]
    );
}

#[test]
fn line_ends_may_be_crlf() {
    let content = "index\tquestion\tsentence\tlabel\r\n0\tWhy?\tSo.\tnot_entailment\r\n1\tA?\tB\rC.\tentailment\r\n";
    let data = dev(Task::Qnli, content).unwrap();
    let expected = [
        ("Why?", Some("So."), class(1)),
        ("A?", Some("B\rC."), class(0)),
    ];
    assert_eq!(parts(&data), expected);
    let cola = dev(Task::CoLa, "gj04\t1\t\tThey ran.\r\n").unwrap();
    assert_eq!(cola.examples[0].text_a, "They ran.");
}

#[test]
fn each_task_reads_its_own_columns_and_labels() {
    let qqp = "id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate\n1\t2\t3\tA?\tB?\t1\n";
    assert_eq!(
        parts(&dev(Task::Qqp, qqp).unwrap()),
        [("A?", Some("B?"), class(1))]
    );
    let rte =
        "index\tsentence1\tsentence2\tlabel\n0\tA.\tB.\tentailment\n1\tC.\tD.\tnot_entailment\n";
    let expected = [("A.", Some("B."), class(0)), ("C.", Some("D."), class(1))];
    assert_eq!(parts(&dev(Task::Rte, rte).unwrap()), expected);
    let wnli = "index\tsentence1\tsentence2\tlabel\n0\tA.\tB.\t1\n";
    assert_eq!(
        parts(&dev(Task::Wnli, wnli).unwrap()),
        [("A.", Some("B."), class(1))]
    );
    let sts =
        "index\tsentence1\tsentence2\tscore\n0\tA.\tB.\t3.750\n1\tA.\tB.\t0\n2\tA.\tB.\t5.000\n";
    let scores: Vec<_> = dev(Task::StsB, sts)
        .unwrap()
        .examples
        .iter()
        .map(|e| e.label)
        .collect();
    assert_eq!(
        scores,
        [3.75, 0.0, 5.0].map(|score| Some(Label::Score(score)))
    );
}

/// The message of a strict reading, and the one line that a lenient reading skips.
fn broken(task: Task, content: impl AsRef<[u8]> + Clone) -> String {
    let message = dev(task, content.clone()).unwrap_err().to_string();
    let data = dev_with(task, content, &LENIENT).unwrap();
    assert_eq!(
        (data.examples.len(), data.skipped.len()),
        (1, 1),
        "{:?}",
        data.skipped
    );
    let skipped = &data.skipped[0];
    assert!(
        message.contains(&skipped.reason),
        "{message} / {}",
        skipped.reason
    );
    assert!(
        message.contains(&format!("dev.tsv, line {}: ", skipped.line)),
        "{message}"
    );
    let note = format!(
        "1 broken of 2 rows skipped (lenient), the first at dev.tsv:{}",
        skipped.line
    );
    assert!(data.notes.contains(&note), "{:?}", data.notes);
    message
}

fn has(message: String, words: &[&str]) {
    for word in words {
        assert!(message.contains(word), "'{word}' is not in: {message}");
    }
}

#[test]
fn broken_rows_are_named_with_line_expectation_and_excerpt() {
    let sst = |row: &str| format!("sentence\tlabel\ngood .\t1\n{row}\n");
    has(
        broken(Task::Sst2, sst("no label")),
        &["line 3", "2 tab-separated fields", "1: 'no label'"],
    );
    has(broken(Task::Sst2, sst("a\tb\t1")), &["3: 'a\\tb\\t1'"]);
    has(
        broken(Task::Sst2, sst("a\t2")),
        &["0 or 1 in column 'label'", "found '2'"],
    );
    has(broken(Task::Sst2, sst("a\t1 ")), &["found '1 '"]);
    has(broken(Task::Sst2, sst("a\t-1")), &["found '-1'"]);
    has(
        broken(Task::Sst2, sst(" \t1")),
        &["a text in column 'sentence'", "only blanks"],
    );
    has(broken(Task::Sst2, sst("\t1")), &["found nothing"]);
    has(broken(Task::Sst2, sst("")), &["an empty line"]);
    let long = broken(Task::Sst2, sst(&"\u{1b}[31mx".repeat(100)));
    assert!(
        !long.contains('\u{1b}') && long.contains("\\u{1b}[31m") && long.contains("…'"),
        "{long}"
    );
    assert!(
        long.split("1: '")
            .nth(1)
            .unwrap()
            .split('\'')
            .next()
            .unwrap()
            .chars()
            .count()
            <= EXCERPT
    );
}

#[test]
fn scores_must_be_finite_and_in_range() {
    for bad in ["5.001", "-0.1", "NaN", "inf", "", "3,5", "five"] {
        let content = format!("sentence1\tsentence2\tscore\nA\tB\t{bad}\nA\tB\t1.5\n");
        has(
            broken(Task::StsB, content),
            &["line 2", "a score from 0 to 5 in column 'score'"],
        );
    }
}

#[test]
fn bad_utf8_is_a_broken_row_not_a_broken_file() {
    let message = broken(
        Task::Sst2,
        b"sentence\tlabel\nna\xefve .\t1\nna\xc3\xafve .\t1\n".to_vec(),
    );
    has(message, &["line 2", "expected UTF-8", "from byte 3 on"]);
}

#[test]
fn unknown_labels_of_the_entailment_tasks() {
    let rte = "sentence1\tsentence2\tlabel\nA\tB\tentailment\nA\tB\t1\n";
    has(
        broken(Task::Rte, rte),
        &["entailment or not_entailment", "found '1'"],
    );
    let mnli = "sentence1\tsentence2\tgold_label\nA\tB\t-\nA\tB\tneutral\n";
    let message = dev(Task::Mnli, mnli).unwrap_err().to_string();
    has(
        message,
        &[
            "dev_matched.tsv, line 2",
            "entailment or neutral or contradiction",
            "'-'",
        ],
    );
}

#[test]
fn a_wrong_header_is_an_error_even_leniently() {
    for (content, words) in [
        (
            "A sentence\t1\n",
            ["a column 'sentence'", "'A sentence\\t1'"],
        ),
        (
            "sentence\tsentence\tlabel\n",
            ["one column 'sentence'", "two of that name"],
        ),
        ("", ["a column 'sentence'", "''"]),
    ] {
        for options in [LoadOptions::default(), LENIENT] {
            let error = dev_with(Task::Sst2, content, &options).unwrap_err();
            assert!(matches!(error, GlueError::Header { .. }));
            has(error.to_string(), &["dev.tsv, line 1", words[0], words[1]]);
        }
    }
}
