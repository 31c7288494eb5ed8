//! A model's classes beside a file's labels, from outside: the order of the classes, names and
//! numbers, files that lack a class, and classes that a model lacks.

mod common;
mod models;

use attn_core::Record;
use attn_core::io::read_jsonl;
use attn_data::parquet::{Predictions, read_predictions, read_records};
use common::{attn, errors, failure, run, success, tiny};
use models::{Head, model};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

fn id2label(names: &[&str]) -> Value {
    let names = names.iter().enumerate();
    let names: BTreeMap<String, &str> = names.map(|(i, name)| (i.to_string(), *name)).collect();
    json!({ "id2label": names })
}

/// A file of one's own: one row a label.
fn file(folder: &Path, name: &str, labels: &[&str]) -> PathBuf {
    let path = folder.join(name);
    let rows: String = labels
        .iter()
        .enumerate()
        .map(|(i, label)| format!("the cat sleeps {i},it sleeps,{label}\n"))
        .collect();
    std::fs::write(&path, format!("premise,hypothesis,gold\n{rows}")).unwrap();
    path
}

fn own(command: &str, model: &Path, data: &Path, out: &Path) -> Command {
    let mut attn = attn();
    attn.args([command, "--text-a", "premise", "--text-b", "hypothesis"])
        .args(["--label", "gold", "--max-length", "64", "--data"])
        .arg(data)
        .arg("--model")
        .arg(model)
        .arg("--out")
        .arg(out);
    attn
}

fn mnli(command: &str, model: &Path, out: &Path) -> Command {
    let mut attn = attn();
    attn.args([command, "--task", "MNLI", "--max-length", "64", "--model"])
        .arg(model)
        .arg("--out")
        .arg(out);
    attn
}

fn scores(out: &Path) -> BTreeMap<String, (f64, usize)> {
    let records: Vec<Record> = read_jsonl(&out.join("records.jsonl")).unwrap();
    let records = records.into_iter();
    records.map(|r| (r.metric, (r.value, r.n))).collect()
}

fn predictions(out: &Path) -> Predictions {
    read_predictions(&out.join("predictions.parquet")).unwrap()
}

fn manifest(out: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(out.join("manifest.json")).unwrap()).unwrap()
}

const ROWS: [&str; 4] = ["contradiction", "contradiction", "entailment", "neutral"];
const BIAS: [f32; 3] = [-5.0, 0.0, 5.0];

#[test]
fn a_model_that_always_says_contradiction_is_right_where_the_file_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let names = id2label(&["neutral", "entailment", "contradiction"]);
    let model = model(root, "m", Head::Bias(&BIAS), names);
    let data = file(root, "four.csv", &ROWS);
    let out = root.join("named");
    let said = run(&mut own("evaluate", &model, &data, &out));
    assert!(said.status.success(), "{}", errors(&said));
    // By hand: two of four rows are contradictions.
    assert_eq!(scores(&out)["accuracy"], (0.5, 4));
    // Labels and logits are in the file's order: contradiction, entailment, neutral.
    let written = predictions(&out);
    let labels: Vec<f64> = written.labels.iter().map(|l| l.unwrap()).collect();
    assert_eq!(labels, [0.0, 0.0, 1.0, 2.0]);
    assert_eq!(written.variant(0)[..3], [5.0, 0.0, -5.0]);
    let manifest = manifest(&out);
    assert_eq!(
        manifest["config"]["classes"],
        json!(["contradiction", "entailment", "neutral"])
    );
    assert_eq!(manifest["config"]["outputs"], json!([2, 1, 0]));
    assert!(manifest["notes"].to_string().contains("matched by name"));
    // Other names for the outputs are other predictions: entailment is one of the four.
    let out = root.join("given");
    let mut given = own("evaluate", &model, &data, &out);
    success(given.args(["--labels", "neutral,contradiction,entailment"]));
    assert_eq!(scores(&out)["accuracy"], (0.25, 4));
    let bad = failure(own("evaluate", &model, &data, &root.join("bad")).args(["--labels", "a,b"]));
    assert!(
        bad.contains("--labels names 2 classes, but the classifier has 3 outputs"),
        "{bad}"
    );
}

#[test]
fn without_names_the_index_counts_and_screen_and_manifest_say_so() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let data = file(root, "four.csv", &ROWS);
    for (name, fields) in [
        ("none", json!({})),
        ("placeholders", id2label(&["LABEL_0", "LABEL_1", "LABEL_2"])),
    ] {
        let model = model(root, name, Head::Bias(&BIAS), fields);
        let out = root.join(format!("{name}-out"));
        let said = run(&mut own("evaluate", &model, &data, &out));
        let expected = "0 = contradiction, 1 = entailment, 2 = neutral";
        assert!(errors(&said).contains(expected), "{}", errors(&said));
        assert!(manifest(&out)["notes"].to_string().contains(expected));
        assert_eq!(scores(&out)["accuracy"], (0.25, 4));
    }
}

#[test]
fn outputs_and_names_in_another_order_change_no_number() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let glue = ["entailment", "neutral", "contradiction"];
    let order = [2, 0, 1];
    let straight = model(root, "straight", Head::Order(&[0, 1, 2]), id2label(&glue));
    let moved = model(
        root,
        "moved",
        Head::Order(&order),
        id2label(&order.map(|i| glue[i])),
    );
    let close = |a: f64, b: f64| (a - b).abs() <= 1e-5 * a.abs().max(1.0);
    let [a, b] = [&straight, &moved].map(|model| {
        let out = root.join(format!("{}-scored", model.file_name().unwrap().display()));
        success(&mut mnli("evaluate", model, &out));
        (scores(&out), predictions(&out))
    });
    assert_eq!(a.0["accuracy"], b.0["accuracy"]);
    assert_eq!(a.1.labels, b.1.labels);
    let pairs = a.1.logits.iter().zip(&b.1.logits);
    assert!(pairs.clone().count() == a.1.labels.len() * 3);
    assert!(
        pairs
            .clone()
            .all(|(&a, &b)| close(f64::from(a), f64::from(b)))
    );
    // The outputs differ enough that another order would be seen.
    assert!(
        a.1.logits
            .chunks(3)
            .any(|row| (row[0] - row[2]).abs() > 0.01)
    );
    // Ablation, losses and gradients: every record.
    let [a, b] = [("a", &straight), ("b", &moved)].map(|(place, model)| {
        let out = root.join(place).join("run");
        let mut ablate = mnli("ablate", model, &out);
        success(ablate.args(["--sweep", "--importance", "--name", "m", "--max-eval", "24"]));
        read_records(&out.join("records.parquet")).unwrap()
    });
    assert!(a.len() > 30 && a.len() == b.len());
    for (a, b) in a.iter().zip(&b) {
        assert_eq!(
            (&a.experiment, &a.metric, a.layer, a.head),
            (&b.experiment, &b.metric, b.layer, b.head)
        );
        assert!(close(a.value, b.value), "{a:?} {b:?}");
    }
    // Training begins with the same classifier, so that it ends with the same scores.
    let [a, b] = [("a", &straight), ("b", &moved)].map(|(place, model)| {
        let out = root.join(place).join("tuned");
        let mut finetune = mnli("finetune", model, &out);
        success(finetune.args(["--epochs", "1", "--max-train", "16", "--dropout", "0"]));
        predictions(&out.join("training"))
    });
    let mut pairs = a.logits.iter().zip(&b.logits);
    assert!(
        pairs.all(|(&a, &b)| (a - b).abs() < 1e-3),
        "{:?} {:?}",
        a.logits,
        b.logits
    );
}

#[test]
fn a_file_with_one_class_is_scored_by_what_is_defined() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let names = id2label(&["neutral", "entailment", "contradiction"]);
    let three = model(root, "three", Head::Bias(&BIAS), names);
    let evaluate = |model: &Path, labels: &[&str]| {
        let name = format!("{}-{}", model.file_name().unwrap().display(), labels[0]);
        let data = file(root, &format!("{name}.csv"), labels);
        let out = root.join(name);
        let said = run(&mut own("evaluate", model, &data, &out));
        assert!(said.status.success(), "{}", errors(&said));
        (scores(&out), errors(&said))
    };
    let (found, said) = evaluate(&three, &["contradiction", "contradiction"]);
    assert_eq!((found.len(), found["accuracy"]), (1, (1.0, 2)));
    assert!(
        said.contains("no row here is entailment or neutral"),
        "{said}"
    );
    let (found, _) = evaluate(&three, &["neutral", "entailment", "neutral"]);
    assert_eq!((found.len(), found["accuracy"]), (1, (0.0, 3)));
    // Two classes, of which the model always says the second, yes.
    let two = model(
        root,
        "two",
        Head::Bias(&[-1.0, 1.0]),
        id2label(&["no", "yes"]),
    );
    let (found, _) = evaluate(&two, &["yes", "yes"]);
    assert_eq!((found["accuracy"], found["f1"]), ((1.0, 2), (1.0, 2)));
    // sklearn.metrics.f1_score([0, 0], [1, 1]) is 0 for want of a recall: no score of the model.
    let (found, said) = evaluate(&two, &["no", "no"]);
    assert_eq!((found.len(), found["accuracy"]), (1, (0.0, 2)));
    assert!(
        said.contains("f1 is left out: no label is the positive class"),
        "{said}"
    );
    // In the other order the same class is the positive one.
    let swapped = model(
        root,
        "swapped",
        Head::Bias(&[1.0, -1.0]),
        id2label(&["YES", "NO"]),
    );
    let (found, _) = evaluate(&swapped, &["yes", "no", "yes", "no"]);
    // TP 2, FP 2, FN 0: 4 / 6.
    assert_eq!(found["accuracy"], (0.5, 4));
    assert!((found["f1"].0 - 2.0 / 3.0).abs() < 1e-12);
    let out = root.join("ablated");
    let data = root.join("two-no.csv");
    let said = run(own("ablate", &two, &data, &out).args(["--heads", "0:1"]));
    assert!(
        said.status.success() && errors(&said).contains("f1 is left out"),
        "{}",
        errors(&said)
    );
}

#[test]
fn labels_and_classes_that_do_not_meet_are_listed() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let names = ["entailment", "neutral", "contradiction"];
    let model_of = |name: &str, fields: Value| model(root, name, Head::Bias(&BIAS), fields);
    let named = model_of("named", id2label(&names));
    let out = root.join("out");
    let labels = ["neutral", "maybe", "neutral", "maybe", "other"];
    let data = file(root, "odd.csv", &labels);
    for command in ["evaluate", "ablate"] {
        let said = failure(&mut own(command, &named, &data, &out));
        assert!(
            said.contains("'maybe' (2 rows: odd.csv:3, odd.csv:5) or 'other' (1 row: odd.csv:6)")
                && said.contains("entailment, neutral, contradiction"),
            "{said}"
        );
    }
    let numbers = file(root, "numbers.csv", &["0", "1", "2", "1"]);
    let said = failure(&mut own("evaluate", &named, &numbers, &out));
    assert!(
        said.contains("(0, 1, 2)") && said.contains("(entailment, neutral, contradiction)"),
        "{said}"
    );
    assert!(said.contains("--labels 0,1,2"), "{said}");
    let mut fields = id2label(&names);
    fields["label2id"] = json!({"neutral": 0, "entailment": 1, "contradiction": 2});
    let contradictory = model_of("contradictory", fields);
    let four = file(root, "four.csv", &ROWS);
    let said = failure(&mut own("evaluate", &contradictory, &four, &out));
    assert!(
        said.contains("contradicts itself") && said.contains("contradictory"),
        "{said}"
    );
    let mut view = attn();
    view.args(["view", "the cat", "--max-length", "64", "--model"])
        .arg(&contradictory)
        .arg("--out")
        .arg(root.join("view.html"));
    assert!(failure(&mut view).contains("contradicts itself"));
    success(view.args(["--labels", "eins,zwei,drei"]));
    let page = std::fs::read_to_string(root.join("view.html")).unwrap();
    assert!(
        ["eins", "zwei", "drei"]
            .iter()
            .all(|name| page.contains(name))
    );
    assert!(!out.exists());
}

#[test]
fn a_tuned_checkpoint_names_its_classes_and_its_base_may_have_others() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let finetune = |task: &str, model: &Path| {
        let out = root.join(task);
        let mut command = attn();
        command
            .args(["finetune", "--task", task, "--max-length", "64"])
            .args(["--epochs", "1", "--max-train", "16", "--model"])
            .arg(model)
            .arg("--out")
            .arg(&out);
        let said = run(&mut command);
        assert!(said.status.success(), "{}", errors(&said));
        (out, errors(&said))
    };
    let names = |model: &Path| -> Value {
        let config = std::fs::read(model.join("config.json")).unwrap();
        serde_json::from_slice::<Value>(&config).unwrap()["id2label"].clone()
    };
    // The base's three outputs are no classifier for two classes, and none for scores.
    let (rte, said) = finetune("RTE", &tiny());
    assert!(
        said.contains("has 3 outputs, RTE needs 2: training begins with a fresh one"),
        "{said}"
    );
    assert_eq!(
        names(&rte),
        json!({"0": "entailment", "1": "not_entailment"})
    );
    let notes = manifest(&rte.join("training"))["notes"].to_string();
    assert!(
        notes.contains("training begins with a fresh one") && notes.contains("classifier.weight")
    );
    let (scores_model, said) = finetune("STS-B", &rte);
    assert!(said.contains("has 2 outputs, STS-B needs 1"), "{said}");
    let out = root.join("sts-scored");
    let mut evaluate = attn();
    evaluate
        .args([
            "evaluate",
            "--task",
            "STS-B",
            "--max-length",
            "64",
            "--model",
        ])
        .arg(&scores_model)
        .arg("--out")
        .arg(&out);
    success(&mut evaluate);
    assert_eq!(predictions(&out).outputs, 1);
    // Two outputs, but for other classes.
    let (mrpc, said) = finetune("MRPC", &rte);
    assert!(
        said.contains("is for entailment, not_entailment, MRPC has not_equivalent, equivalent"),
        "{said}"
    );
    assert_eq!(
        names(&mrpc),
        json!({"0": "not_equivalent", "1": "equivalent"})
    );
    // A file in another order of words is scored by name, without a word from the user.
    let data = file(
        root,
        "own.csv",
        &["not_entailment", "entailment", "not_entailment"],
    );
    let out = root.join("own");
    let said = run(&mut own("evaluate", &rte, &data, &out));
    assert!(
        said.status.success() && !errors(&said).contains("by index"),
        "{}",
        errors(&said)
    );
    let error = failure(&mut own(
        "evaluate",
        &scores_model,
        &data,
        &root.join("none"),
    ));
    assert!(
        error.contains("has 1 output") && error.contains("tuned for scores"),
        "{error}"
    );
}
