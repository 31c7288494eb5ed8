//! No bytes make a loader panic, and a lenient reading accounts for every row.

use super::*;
use proptest::prelude::*;

fn header(task: Task) -> &'static str {
    match task {
        Task::Mrpc => "Quality\t#1 ID\t#2 ID\t#1 String\t#2 String\n",
        Task::StsB => "index\tsentence1\tsentence2\tscore\n",
        Task::Sst2 => "sentence\tlabel\n",
        Task::Qqp => "id\tquestion1\tquestion2\tis_duplicate\n",
        Task::Rte | Task::Wnli => "index\tsentence1\tsentence2\tlabel\n",
        Task::Qnli => "index\tquestion\tsentence\tlabel\n",
        Task::Mnli => "index\tsentence1\tsentence2\tgold_label\n",
        Task::CoLa => "",
    }
}

/// Bytes that are likely to look like rows: pieces of whole ones between arbitrary ones.
fn content() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        3 => Just(b"\t".to_vec()),
        2 => Just(b"\n".to_vec()),
        1 => Just(b"\r\n".to_vec()),
        1 => Just(b"\"".to_vec()),
        1 => Just(b",".to_vec()),
        2 => prop::sample::select(vec!["0", "1", "3.5", "entailment", "neutral", "A text.", "{\"t\":\"a\",\"y\":1}", "none"])
            .prop_map(|word| word.as_bytes().to_vec()),
        1 => Just(b"\n0\tA\tB\tentailment\n1\tA\tB\t1\nA\t1\n1\t2\t3\tA\tB\n".to_vec()),
        1 => Just(b"\xef\xbb\xbf".to_vec()),
        2 => prop::collection::vec(any::<u8>(), 0..6),
    ];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

/// Lines as everyone counts them: ended by `\n`, the last one perhaps not.
fn lines(content: &[u8]) -> usize {
    let ends = content.iter().filter(|&&byte| byte == b'\n').count();
    ends + usize::from(!content.is_empty() && !content.ends_with(b"\n"))
}

fn account(data: &Dataset) -> Vec<usize> {
    let line = |id: &str| id.rsplit(':').next().unwrap().parse::<usize>().unwrap();
    let kept = data.examples.iter().map(|example| line(&example.id));
    let mut all: Vec<_> = kept
        .chain(data.skipped.iter().map(|skipped| skipped.line))
        .collect();
    all.sort_unstable();
    all
}

proptest! {
    #[test]
    fn any_bytes_after_a_header(task in prop::sample::select(&Task::ALL[..]), body in content()) {
        let file = [header(task).as_bytes(), &body].concat();
        let first = lines(header(task).as_bytes()) + 1;
        let data = dev_with(task, &file, &LENIENT).unwrap();
        // Every line after the header is kept or skipped, once.
        prop_assert_eq!(account(&data), (first..=lines(&file)).collect::<Vec<_>>());
        match dev(task, &file) {
            Ok(strict) => prop_assert_eq!(&strict, &data),
            Err(GlueError::Row { line, .. }) => prop_assert_eq!(line, data.skipped[0].line),
            Err(other) => prop_assert!(false, "{other}"),
        }
        for example in &data.examples {
            prop_assert!(!example.text_a.trim().is_empty());
            match example.label.unwrap() {
                Label::Class(class) => prop_assert!(class < data.labels.len()),
                Label::Score(score) => prop_assert!((0.0..=5.0).contains(&score)),
            }
        }
    }

    #[test]
    fn any_bytes_at_all(task in prop::sample::select(&Task::ALL[..]), file in content()) {
        let strict = dev(task, &file);
        let lenient = dev_with(task, &file, &LENIENT);
        let headless = matches!(strict, Err(GlueError::Header { .. }));
        prop_assert!(lenient.is_ok() || headless);
    }

    #[test]
    fn any_bytes_in_ones_own_files(
        (name, header) in prop::sample::select(vec![("a.csv", "t,y\n"), ("a.tsv", "t\ty\n"), ("a.jsonl", "")]),
        kind in prop::sample::select(vec![CustomKind::Classification, CustomKind::Regression]),
        body in content(),
    ) {
        let file = [header.as_bytes(), &body].concat();
        let root = folder(&[(name, &file)]);
        let columns =
            CustomColumns { text_a: "t".into(), text_b: None, label: Some("y".into()), groups: Vec::new() };
        let options = |lenient| CustomOptions {
            name: "mine".into(), split: Split::Dev, kind, classes: None, lenient,
        };
        let path = root.path().join(name);
        let data = load_custom(&path, &columns, &options(true)).unwrap();
        let all = account(&data);
        prop_assert!(all.is_sorted_by(|a, b| a < b));
        if name != "a.csv" {
            // A CSV row may span lines.
            prop_assert_eq!(all, (lines(header.as_bytes()) + 1..=lines(&file)).collect::<Vec<_>>());
        }
        prop_assert_eq!(data.skipped.is_empty(), load_custom(&path, &columns, &options(false)).is_ok());
    }
}

#[cfg(feature = "parquet")]
proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// polars itself panics on some damaged files; that must come out as an error.
    #[test]
    fn cut_or_damaged_parquet_is_an_error_or_rows(
        at in any::<prop::sample::Index>(), byte: u8, cut: bool,
    ) {
        let root = tempfile::tempdir().unwrap();
        let row = |i: usize| attn_core::Record {
            run: "r".into(), model: "m".into(), task: "MRPC".into(), split: "dev".into(),
            experiment: "e".into(), layer: Some(i), head: None, metric: "x".into(), value: i as f64,
            n: i, seed: 1, ci_low: None, ci_high: Some(0.5),
        };
        let path = root.path().join("x.parquet");
        crate::parquet::write_records(&path, &(0..50).map(row).collect::<Vec<_>>()).unwrap();
        let mut bytes = std::fs::read(&path).unwrap();
        // The file ends in footer, length of the footer (4 bytes), `PAR1`.
        let tail = bytes.len() - 8;
        let length: [u8; 4] = bytes[tail..tail + 4].try_into().unwrap();
        let footer = tail - u32::from_le_bytes(length) as usize;
        if cut {
            bytes.truncate(at.index(bytes.len()));
        } else {
            let place = footer + at.index(bytes.len() - footer);
            bytes[place] = byte;
        }
        std::fs::write(&path, bytes).unwrap();
        let result = crate::parquet::read_records(&path);
        prop_assert!(!cut || result.is_err());
    }
}
