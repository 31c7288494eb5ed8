//! Orders, aliases, subsets, numbers and contradictions; the expected values are worked out by hand.

use super::*;
use attn_core::{Example, Label, Task};
use serde_json::Value;
use std::collections::BTreeMap;

fn words(text: &str) -> Vec<String> {
    text.split(',').map(str::to_owned).collect()
}

fn id2label(text: &str) -> BTreeMap<String, String> {
    let names = words(text).into_iter().enumerate();
    names.map(|(i, name)| (i.to_string(), name)).collect()
}

fn label2id(text: &str) -> BTreeMap<String, Value> {
    let names = words(text).into_iter().enumerate();
    names.map(|(i, name)| (name, Value::from(i))).collect()
}

/// A model whose `id2label` has these names.
fn model(text: &str) -> ModelClasses {
    let names = id2label(text);
    ModelClasses::from_config(names.len(), Some(&names), None).unwrap()
}

/// Rows `a.csv:2`, … with these classes.
fn rows(classes: &[usize]) -> Vec<Example> {
    let numbered = classes.iter().enumerate();
    numbered
        .map(|(i, &class)| Example {
            label: Some(Label::Class(class)),
            ..Example::unlabelled(format!("a.csv:{}", i + 2), "x", None)
        })
        .collect()
}

/// A file of one's own whose rows have these labels.
fn file(labels: &str, rows: &[usize], model: &ModelClasses) -> Result<LabelMap, LabelError> {
    let labels = words(labels);
    LabelMap::new(
        DataClasses {
            name: "a",
            labels: &labels,
            whole: false,
            examples: &self::rows(rows),
        },
        model,
    )
}

fn glue(task: Task, model: &ModelClasses) -> Result<LabelMap, LabelError> {
    let labels: Vec<String> = task.label_names().iter().map(|&n| n.to_owned()).collect();
    let classes: Vec<usize> = (0..labels.len()).collect();
    LabelMap::new(
        DataClasses {
            name: task.name(),
            labels: &labels,
            whole: true,
            examples: &rows(&classes),
        },
        model,
    )
}

fn classes(map: &LabelMap, data: usize) -> Vec<Option<usize>> {
    let of = |class| map.label(Label::Class(class)).and_then(Label::class);
    (0..data).map(of).collect()
}

#[test]
fn mnli_checkpoints_of_every_order_are_matched_by_name() {
    // GLUE: entailment, neutral, contradiction.
    for (names, outputs) in [
        ("entailment,neutral,contradiction", [0, 1, 2]),
        ("ENTAILMENT,NEUTRAL,CONTRADICTION", [0, 1, 2]),
        ("contradiction,entailment,neutral", [1, 2, 0]), // roberta-large-mnli's, deberta's reversed
        ("CONTRADICTION,NEUTRAL,ENTAILMENT", [2, 1, 0]),
        ("neutral,Entailment,contradictory", [1, 0, 2]),
    ] {
        let map = glue(Task::Mnli, &model(names)).unwrap();
        assert_eq!(map.outputs(), outputs, "{names}");
        assert_eq!(map.classes(), words("entailment,neutral,contradiction"));
        assert_eq!(map.basis(), Basis::Names);
        assert_eq!(classes(&map, 3), [Some(0), Some(1), Some(2)]);
        assert_eq!(map.is_identity(), outputs == [0, 1, 2]);
        assert_eq!(
            map.notes().is_empty(),
            map.is_identity(),
            "{:?}",
            map.notes()
        );
    }
    let note = &glue(Task::Mnli, &model("neutral,entailment,contradiction")).unwrap();
    assert_eq!(
        note.notes(),
        [
            "labels: matched by name: the model's outputs (0 neutral, 1 entailment, 2 contradiction) are \
             0 = neutral, 1 = entailment, 2 = contradiction"
        ]
    );
}

#[test]
fn aliases_of_every_glue_task() {
    for (task, names) in [
        (Task::Mrpc, "equivalent,not_equivalent"),
        (Task::Mrpc, "Paraphrase,Not Paraphrase"),
        (Task::Qqp, "duplicate,not_duplicate"),
        (Task::Qqp, "is_duplicate,non-duplicate"),
        (Task::Qqp, "PARAPHRASE,NOT_PARAPHRASE"),
        (Task::Sst2, "POSITIVE,NEGATIVE"),
        (Task::Sst2, "pos,neg"),
        (Task::Rte, "not_entailment,entailment"),
        (Task::Qnli, "NON-ENTAILMENT,Entailment"),
        (Task::Wnli, "entailment,not entailment"),
        (Task::CoLa, "acceptable,unacceptable"),
        (Task::CoLa, "grammatical,ungrammatical"),
    ] {
        let map = glue(task, &model(names)).unwrap();
        assert_eq!(map.outputs(), [1, 0], "{task} {names}");
        let straight: Vec<&str> = names.split(',').rev().collect();
        let map = glue(task, &model(&straight.join(","))).unwrap();
        assert!(map.is_identity(), "{task} {names}");
    }
    // "not X" is never X, and positive is not acceptable.
    for (task, names) in [
        (Task::Sst2, "acceptable,unacceptable"),
        (Task::Mrpc, "entailment,not_entailment"),
        (Task::Rte, "negative,positive"),
    ] {
        let error = glue(task, &model(names)).unwrap_err();
        assert!(matches!(error, LabelError::Unmatched { .. }), "{error}");
    }
}

#[test]
fn without_names_the_index_counts_and_is_told() {
    let plain = ModelClasses::from_config(3, None, None).unwrap();
    for model in [&plain, &model("LABEL_0,LABEL_1,LABEL_2"), &model("0,1,2")] {
        assert!(!model.is_named());
        let map = glue(Task::Mnli, model).unwrap();
        assert!(map.is_identity() && map.basis() == Basis::Index);
        let note = map.notes().join(" ");
        assert!(
            note.contains("0 = entailment, 1 = neutral, 2 = contradiction")
                && note.contains("--labels"),
            "{note}"
        );
    }
    // Numbers in a file are the model's own numbers, whichever of them occur.
    let map = file("0,2", &[0, 1, 1], &plain).unwrap();
    assert_eq!(map.classes(), words("0,1,2"));
    assert_eq!(classes(&map, 2), [Some(0), Some(2)]);
    assert!(map.is_identity() && map.notes().join(" ").contains("no row here is 1"));
    // Numbers that are not all the model's are taken in their order.
    let two = ModelClasses::from_config(2, None, None).unwrap();
    let map = file("-1,1", &[0, 1], &two).unwrap();
    assert_eq!(classes(&map, 2), [Some(0), Some(1)]);
    assert_eq!(map.classes(), words("-1,1"));
    assert_eq!(
        classes(&file("1,2", &[0, 0], &two).unwrap(), 2),
        [Some(0), Some(1)]
    );
    // A file that was tuned on holds the names that were saved.
    let own = model("0,1");
    let map = file("0,1", &[0, 1], &own).unwrap();
    assert!(map.basis() == Basis::Names && map.notes().is_empty());
    let error = file("0,7", &[0, 1], &own).unwrap_err().to_string();
    assert!(error.contains("'7' (1 row: a.csv:3)"), "{error}");
    // Fewer words than outputs: nothing says which.
    for map in [
        file("contradiction", &[0, 0], &plain),
        glue(Task::Rte, &plain),
    ] {
        let error = map.unwrap_err();
        assert!(
            matches!(error, LabelError::Unnamed { outputs: 3, .. }),
            "{error}"
        );
    }
}

#[test]
fn a_file_with_some_of_the_classes_keeps_the_order_of_all() {
    // Sorted: contradiction, entailment, neutral, as a file that holds all three has them.
    let names = model("neutral,entailment,contradiction");
    let whole = file("contradiction,entailment,neutral", &[0, 1, 2], &names).unwrap();
    assert_eq!(whole.outputs(), [2, 1, 0]);
    let map = file("contradiction", &[0, 0], &names).unwrap();
    assert_eq!(
        (map.classes(), map.outputs()),
        (whole.classes(), whole.outputs())
    );
    assert_eq!(classes(&map, 1), [Some(0)]);
    assert!(
        map.notes()
            .join(" ")
            .contains("no row here is entailment or neutral")
    );
    let map = file("neutral", &[0], &names).unwrap();
    assert_eq!(map.outputs(), whole.outputs());
    assert_eq!(classes(&map, 1), [Some(2)]);
    // F1 is about the second of two classes: the same one whatever a file lacks.
    let sentiment = model("POSITIVE,NEGATIVE");
    for (labels, expected) in [("positive", Some(1)), ("negative", Some(0))] {
        let map = file(labels, &[0], &sentiment).unwrap();
        assert_eq!(map.outputs(), [1, 0]);
        assert_eq!(classes(&map, 1), [expected]);
    }
    // GLUE's order stays where the model has a class more.
    let map = glue(Task::Sst2, &model("negative,neutral,positive")).unwrap();
    assert_eq!(map.classes(), words("negative,positive,neutral"));
    assert_eq!(map.outputs(), [0, 2, 1]);
}

#[test]
fn labels_that_the_model_lacks_are_listed_with_their_rows() {
    let names = model("entailment,neutral,contradiction");
    let many = [0, 1, 1, 1, 1, 1, 1, 2];
    let error = file("entailment,none,other", &many, &names)
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("'none' (6 rows: a.csv:3, a.csv:4, a.csv:5, a.csv:6, a.csv:7, …) or 'other' (1 row: a.csv:9)"),
        "{error}"
    );
    assert!(error.contains("entailment, neutral, contradiction") && error.contains("--labels"));
    // A label of rows that are not looked at does not matter.
    let map = file("entailment,none", &[0, 0], &names).unwrap();
    assert_eq!(classes(&map, 2), [Some(1), None]);
    // All of a GLUE task's classes must be there.
    let error = glue(Task::Rte, &names).unwrap_err().to_string();
    assert!(
        error.contains("'not_entailment' (1 row: a.csv:3)"),
        "{error}"
    );
    let error = file("0,1,2", &[0, 1, 2], &names).unwrap_err();
    assert_eq!(
        error,
        LabelError::Unmatched {
            data: "a".into(),
            labels: "0, 1, 2".into(),
            classes: "entailment, neutral, contradiction".into(),
            example: "0,1,2".into(),
        }
    );
}

#[test]
fn names_given_by_the_user_override() {
    let given = |names: &str| ModelClasses::given(&words(names), 3);
    let map = glue(
        Task::Mnli,
        &given("neutral,entailment, Contradiction").unwrap(),
    )
    .unwrap();
    assert_eq!((map.outputs(), map.basis()), (&[1, 0, 2][..], Basis::Given));
    assert!(map.notes()[0].contains("0 = neutral, 1 = entailment, 2 = contradiction"));
    let map = file("0,1,2", &[0, 1, 2], &given("2,0,1").unwrap()).unwrap();
    assert_eq!(map.outputs(), [1, 2, 0]);
    assert_eq!(
        given("a,b").unwrap_err(),
        LabelError::Count {
            field: "--labels",
            names: 2,
            outputs: 3
        }
    );
    assert_eq!(
        given("a,b,A").unwrap_err(),
        LabelError::Repeated { name: "A".into() }
    );
}

#[test]
fn spellings_of_one_class_are_one_class() {
    let map = file("Yes,no,yes", &[0, 1, 2], &model("no,yes")).unwrap();
    assert_eq!(classes(&map, 3), [Some(0), Some(1), Some(0)]);
    assert_eq!(
        (map.classes(), map.outputs()),
        (&words("Yes,no")[..], &[1, 0][..])
    );
    assert!(map.notes().join(" ").contains("Yes, yes are one class"));
    // Of two classes that fit, the one of the same name; of two that only mean the same, none.
    let both = model("duplicate,paraphrase,other");
    let map = file("duplicate,other", &[0, 1], &both).unwrap();
    assert_eq!(classes(&map, 2), [Some(0), Some(1)]);
    let error = file("equivalent,other", &[0, 1], &both)
        .unwrap_err()
        .to_string();
    assert!(error.contains("'equivalent' fits several") && error.contains("duplicate, paraphrase"));
    // Marks and signs tell names apart.
    assert!(file("+,-", &[0, 1], &model("-,+")).unwrap().outputs() == [1, 0]);
    assert!(file("-1,1", &[0, 1], &model("1,-1")).unwrap().outputs() == [1, 0]);
}

#[test]
fn configurations_may_name_classes_in_either_field_but_not_differently() {
    let names = |a: Option<&str>, b: Option<&str>| {
        let (a, b) = (a.map(id2label), b.map(label2id));
        ModelClasses::from_config(2, a.as_ref(), b.as_ref())
    };
    let placeholders = Some("LABEL_0,LABEL_1");
    for (a, b) in [
        (Some("no,yes"), None),
        (None, Some("no,yes")),
        (Some("no,yes"), Some("no,yes")),
        (Some("no,yes"), Some("NO,Yes")),
        (Some("no,yes"), placeholders),
        (placeholders, Some("no,yes")),
    ] {
        let found = names(a, b).unwrap();
        assert!(
            found.is_named() && found.names() == words("no,yes"),
            "{a:?} {b:?}"
        );
    }
    let error = names(Some("no,yes"), Some("yes,no"))
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("id2label says 0 no, 1 yes, label2id says 0 yes, 1 no"),
        "{error}"
    );
    // transformers fills in two placeholders whatever the classifier has.
    assert!(
        !ModelClasses::from_config(3, Some(&id2label("LABEL_0,LABEL_1")), None)
            .unwrap()
            .is_named()
    );
    let error = ModelClasses::from_config(3, Some(&id2label("no,yes")), None).unwrap_err();
    assert_eq!(
        error.to_string(),
        "id2label names 2 classes, but the classifier has 3 outputs"
    );
    let odd = |entries: [(&str, Value); 2]| {
        let map = entries.map(|(name, id)| (name.to_owned(), id)).into();
        ModelClasses::from_config(2, None, Some(&map)).map(|found| found.names().to_vec())
    };
    assert_eq!(
        odd([("no", "0".into()), ("yes", "1".into())]),
        Ok(words("no,yes"))
    );
    for (second, expected) in [
        (Value::from(0), "gives the index 0 to 'no' and to 'yes'"),
        (Value::from(2), "has the index 2 ('yes')"),
        (Value::from("b"), "has the index \"b\" ('yes')"),
    ] {
        let error = odd([("no", 0.into()), ("yes", second)])
            .unwrap_err()
            .to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn scores_pass_and_indices_beyond_are_none() {
    let map = glue(Task::Rte, &model("entailment,not_entailment")).unwrap();
    assert_eq!(map.label(Label::Score(0.5)), Some(Label::Score(0.5)));
    assert_eq!(map.label(Label::Class(2)), None);
}
