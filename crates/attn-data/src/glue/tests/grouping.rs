//! Splits that keep rows together.

use super::*;
use proptest::prelude::*;
use std::collections::BTreeSet;

/// Groups by hand: rows 0 and 2 share a text, 2 and 4 another, in the other place.
#[test]
fn ties_are_closed() {
    let rows = [
        vec!["a", "b"],
        vec!["c", "d"],
        vec!["a", "e"],
        vec!["f"],
        vec!["e", "g"],
        vec!["h", "f"],
    ];
    assert_eq!(groups(rows), [0, 1, 0, 2, 0, 2]);
    assert_eq!(groups([]), [0usize; 0]);
}

/// QNLI as in GLUE: sentences of several questions, questions of several sentences.
fn qnli(rows: usize) -> String {
    let mut content = "index\tquestion\tsentence\tlabel\n".to_owned();
    for i in 0..rows {
        // Every third question comes again with the next sentence, which ties two sentences.
        let (question, sentence) = (i - usize::from(i % 3 == 2), i / 2);
        let label = if i % 2 == 0 {
            "entailment"
        } else {
            "not_entailment"
        };
        content += &format!("{i}\tQuestion {question}?\tSentence {sentence}. \t{label}\n");
    }
    content
}

#[test]
fn no_text_stands_on_both_sides() {
    let root = folder(&[("QNLI/dev.tsv", qnli(120))]);
    let source = Source::new(root.path()).unwrap();
    let load_part = |split, grouped| {
        let options = LoadOptions {
            lenient: false,
            train: TrainPolicy::SplitDevIfMissing {
                train_fraction: 0.75,
                seed: 3,
                grouped,
            },
        };
        load(&source, Task::Qnli, split, &options).unwrap()
    };
    let shared = |grouped| {
        let texts = |data: &Dataset| -> BTreeSet<String> {
            let examples = data.examples.iter();
            examples
                .flat_map(|e| [Some(e.text_a.clone()), e.text_b.clone()])
                .flatten()
                .collect()
        };
        let (train, dev) = (
            load_part(Split::Train, grouped),
            load_part(Split::Dev, grouped),
        );
        assert_eq!(train.examples.len() + dev.examples.len(), 120);
        texts(&train).intersection(&texts(&dev)).count()
    };
    assert!(shared(false) > 10, "the fixture ties nothing");
    assert_eq!(shared(true), 0);
    let dev = load_part(Split::Dev, true);
    // Of every 6 rows the first 4 are tied and the last 2.
    assert_eq!(dev.examples.len(), 30);
    assert_eq!(
        dev.examples.iter().filter(|e| e.label == class(0)).count(),
        15
    );
    let note = dev.notes.last().unwrap();
    assert!(
        note.contains("(120: 90 to train, 30 to dev; seed 3), grouped: 40 groups of rows, those that share a text"),
        "{note}"
    );
}

#[test]
fn a_file_of_ones_own_is_grouped_by_its_columns() {
    let root = folder(&[
        (
            "a.csv",
            "doc,author,text,y\n1,x,A.,0\n1,y,B.,1\n2,y,C.,0\n1 ,z,D.,1\n9,1,E.,0\n",
        ),
        (
            "b.jsonl",
            "{\"doc\":7,\"t\":\"A.\",\"y\":0}\n{\"doc\":\"7\",\"t\":\"B.\",\"y\":1}\n",
        ),
        ("c.jsonl", "{\"doc\":null,\"t\":\"A.\",\"y\":0}\n"),
    ]);
    let read = |name: &str, text: &str, groups: &[&str]| {
        let columns = CustomColumns {
            text_a: text.into(),
            text_b: None,
            label: Some("y".into()),
            groups: groups.iter().map(|g| (*g).to_owned()).collect(),
        };
        let options = CustomOptions {
            name: "mine".into(),
            split: Split::Train,
            kind: CustomKind::Classification,
            classes: None,
            lenient: false,
        };
        load_custom(&root.path().join(name), &columns, &options)
    };
    let groups = |columns: &[&str]| read("a.csv", "text", columns).unwrap().column_groups();
    assert_eq!(groups(&[]), None);
    assert_eq!(groups(&["doc"]).unwrap(), [0, 0, 1, 0, 2]);
    // Author y ties documents 1 and 2; author 1 is not document 1.
    assert_eq!(groups(&["doc", "author"]).unwrap(), [0, 0, 0, 0, 1]);
    let numbers = read("b.jsonl", "t", &["doc"]).unwrap();
    assert_eq!(numbers.column_groups().unwrap(), [0, 0]);
    let error = read("c.jsonl", "t", &["doc"]).unwrap_err().to_string();
    assert!(error.contains("'doc'") && error.contains("null"), "{error}");
    let error = read("a.csv", "text", &["none"]).unwrap_err().to_string();
    assert!(error.contains("a column 'none'"), "{error}");
    let whole = read("a.csv", "text", &["doc"]).unwrap();
    let one = whole
        .clone()
        .grouped_split(&[0; 5], 0.5, 1, "same doc")
        .unwrap_err();
    assert!(one.to_string().contains("1 groups (same doc)"), "{one}");
    let sampled = whole.subsample(3, 1);
    assert_eq!(sampled.keys.len(), 3);
}

proptest! {
    #[test]
    fn a_grouped_split_partitions_and_keeps_groups(
        numbers in prop::collection::vec((0usize..30, 0usize..3), 8..150),
        fraction in 0.2f64..0.8,
        seed: u64,
    ) {
        let examples: Vec<Example> = numbers.iter().enumerate().map(|(i, (_, label))| Example {
            label: class(*label),
            ..Example::unlabelled(format!("{i:04}"), "text", None)
        }).collect();
        let groups: Vec<usize> = numbers.iter().map(|(group, _)| *group).collect();
        let data = Dataset::new(TaskRef::Glue(Task::Mnli), Split::Dev, examples, Vec::new(), Vec::new());
        let Ok((train, dev)) = data.clone().grouped_split(&groups, fraction, seed, "x") else {
            return Ok(());
        };
        prop_assert_eq!(train.examples.len() + dev.examples.len(), numbers.len());
        let side = |part: &Dataset| -> BTreeSet<usize> {
            part.examples.iter().map(|e| groups[e.id.parse::<usize>().unwrap()]).collect()
        };
        prop_assert!(side(&train).is_disjoint(&side(&dev)));
        prop_assert_eq!((train, dev), data.grouped_split(&groups, fraction, seed, "x").unwrap());
    }
}
