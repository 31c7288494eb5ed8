//! Checkpoints at the command line: weights that are no numbers are refused alike by every command, and notes
//! on settings reach the screen and the manifest; a saved checkpoint tokenizes as its original.

mod common;

use attn_bert::Backend;
use attn_bert::checkpoint::{Checkpoint, save};
use attn_core::Example;
use attn_data::tokenise::Tokenizer;
use common::{attn, errors, failure, run, tiny};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

fn copy_of_tiny() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(tiny()).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), folder.path().join(entry.file_name())).unwrap();
    }
    folder
}

/// Puts a value into one place of a tensor of the file, and scales all of its numbers.
fn damage(folder: &Path, tensor: &str, at: Option<(usize, f32)>, scale: f32) {
    let path = folder.join("model.safetensors");
    let mut bytes = fs::read(&path).unwrap();
    let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let header: serde_json::Value = serde_json::from_slice(&bytes[8..8 + length]).unwrap();
    let offsets = &header[tensor]["data_offsets"];
    let [from, to] = [0, 1].map(|i| 8 + length + offsets[i].as_u64().unwrap() as usize);
    for word in bytes[from..to].as_chunks_mut::<4>().0 {
        *word = (f32::from_le_bytes(*word) * scale).to_le_bytes();
    }
    if let Some((index, value)) = at {
        bytes[from + 4 * index..][..4].copy_from_slice(&value.to_le_bytes());
    }
    fs::write(path, bytes).unwrap();
}

/// Every command that runs a model, on little data.
fn commands(model: &Path, out: &Path) -> Vec<(&'static str, Command)> {
    let glue = "datasets/starter/glue";
    let input = out.join("input.txt");
    fs::write(&input, "The cat was sleeping.\n").unwrap();
    let task = ["--data", glue, "--task", "MNLI"];
    let tasks = ["--data", glue, "--tasks", "MNLI"];
    let few = ["--max-eval", "4"];
    let mut all = Vec::new();
    let mut add = |name, command: Command| all.push((name, command));
    let start = |words: &[&str]| {
        let mut command = attn();
        command
            .args(words)
            .args(["--max-length", "64", "--model"])
            .arg(model);
        command
    };
    let file = |name: &str| out.join(name);

    let mut view = start(&["view", "The cat sleeps."]);
    view.arg("--out").arg(file("view.html"));
    add("view", view);
    let mut extract = start(&["extract"]);
    extract
        .arg("--input")
        .arg(&input)
        .arg("--out")
        .arg(file("maps.safetensors"));
    add("extract", extract);
    let mut classify = start(&["classify"]);
    classify
        .args(task)
        .args(few)
        .arg("--out")
        .arg(file("classes.csv"));
    add("classify", classify);
    let mut evaluate = start(&["evaluate"]);
    evaluate
        .args(task)
        .args(few)
        .arg("--out")
        .arg(file("evaluate"));
    add("evaluate", evaluate);
    let mut ablate = start(&["ablate"]);
    ablate.args(task).args(few).arg("--out").arg(file("ablate"));
    add("ablate", ablate);
    let mut finetune = start(&["finetune"]);
    finetune
        .args(task)
        .args(few)
        .args(["--max-train", "8", "--epochs", "1"]);
    finetune.arg("--out").arg(file("finetune"));
    add("finetune", finetune);
    let mut stats = start(&["stats"]);
    stats.args(tasks).args(few).arg("--out").arg(file("stats"));
    add("stats", stats);
    let mut sep_cls = start(&["sep-cls"]);
    sep_cls
        .args(tasks)
        .args(few)
        .arg("--out")
        .arg(file("sep-cls"));
    add("sep-cls", sep_cls);
    let mut framenet = start(&["framenet", "score"]);
    framenet.args([
        "--framenet",
        "datasets/starter/framenet",
        "--shuffles",
        "10",
    ]);
    framenet.arg("--out").arg(file("framenet"));
    add("framenet", framenet);
    let mut table = start(&["table1"]);
    table
        .args(tasks)
        .args(few)
        .args(["--max-train", "8", "--epochs", "1", "--checkpoints"]);
    table
        .arg(file("checkpoints"))
        .arg("--out")
        .arg(file("table1"));
    add("table1", table);
    all
}

#[test]
fn weights_that_are_no_numbers_are_refused_alike_by_every_command() {
    let tensor = "bert.encoder.layer.1.attention.self.key.weight";
    let model = copy_of_tiny();
    damage(model.path(), tensor, Some((37, f32::NAN)), 1.0);
    for (name, mut command) in commands(model.path(), model.path()) {
        let message = failure(&mut command);
        for part in ["model.safetensors", tensor, "NaN at [1, 5]"] {
            assert!(message.contains(part), "{name} lacks {part}: {message}");
        }
    }
}

/// All weights are finite, and sums of them are not: refused at the first map or logit.
#[test]
fn numbers_that_overflow_are_refused_by_every_command() {
    let model = copy_of_tiny();
    let tensor = "bert.encoder.layer.0.attention.self.query.weight";
    damage(model.path(), tensor, Some((0, 1e38)), 1e38);
    for (name, mut command) in commands(model.path(), model.path()) {
        let message = failure(&mut command);
        // A training says so by its loss, before there are logits to look at.
        let trains = ["finetune", "table1"].contains(&name) && message.contains("loss");
        assert!(trains || message.contains("NaN at"), "{name}: {message}");
    }
}

#[test]
fn notes_on_settings_reach_the_screen_and_the_manifest_once() {
    let model = copy_of_tiny();
    for (file, key) in [
        ("config.json", "mixture"),
        ("tokenizer_config.json", "favourite_colour"),
    ] {
        let path = model.path().join(file);
        let mut value: serde_json::Value =
            serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        value[key] = serde_json::json!(1);
        fs::write(&path, value.to_string()).unwrap();
    }
    for (name, mut command) in commands(model.path(), model.path()) {
        if !["evaluate", "sep-cls", "finetune"].contains(&name) {
            continue;
        }
        let output = run(&mut command);
        let said = errors(&output);
        assert!(output.status.success(), "{name}: {said}");
        let folder = model.path().join(name);
        let manifest = [
            folder.join("manifest.json"),
            folder.join("training/manifest.json"),
        ]
        .into_iter()
        .find_map(|path| fs::read_to_string(path).ok())
        .unwrap();
        for key in ["mixture", "favourite_colour"] {
            assert_eq!(said.matches(key).count(), 1, "{name}: {said}");
            assert_eq!(manifest.matches(key).count(), 1, "{name}: {manifest}");
        }
    }
}

#[derive(serde::Deserialize)]
struct Table {
    cases: Vec<Case>,
}

#[derive(serde::Deserialize)]
struct Case {
    name: String,
    files: BTreeMap<String, String>,
    inputs: Vec<Vec<String>>,
}

/// For every setting that is not refused (`attn-data`'s table), and for a class that `config.json` names.
#[test]
fn a_saved_checkpoint_tokenizes_as_its_original() {
    let device = Backend::Flex.device(0).unwrap();
    let checkpoint = Checkpoint::open(tiny()).unwrap();
    let (model, _) = checkpoint.load_encoder(&device).unwrap();
    let path = common::root().join("crates/attn-data/tests/fixtures/tokenizer_settings.json");
    let table: Table = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let mut compared = 0;
    for case in &table.cases {
        for class in [None, Some("PreTrainedTokenizerFast")] {
            let (source, saved) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
            for (file, text) in &case.files {
                fs::write(source.path().join(file), text).unwrap();
            }
            let mut config = checkpoint.config().clone();
            config.tokenizer_class = class.map(str::to_owned);
            let text = serde_json::to_string(&config).unwrap();
            fs::write(source.path().join("config.json"), text).unwrap();
            let Ok(before) = Tokenizer::open(source.path(), 64) else {
                continue;
            };
            save(saved.path(), &model, &config, Some(source.path())).unwrap();
            let after = Tokenizer::open(saved.path(), 64).unwrap();
            for texts in &case.inputs {
                let example = Example::unlabelled("x", &texts[0], texts.get(1).cloned());
                assert_eq!(
                    before.encode(&example).unwrap(),
                    after.encode(&example).unwrap(),
                    "{}",
                    case.name
                );
            }
            compared += 1;
        }
    }
    assert!(compared > 80, "{compared}");
}

/// A model without one of its heads goes through every command, with a note; ablating that head changes nothing.
#[test]
fn pruned_heads_go_through_every_command() {
    let device = Backend::Flex.device(0).unwrap();
    let checkpoint = Checkpoint::open(tiny()).unwrap();
    let (model, _) = checkpoint.load_classifier(3, 0, &device).unwrap();
    let mut config = checkpoint.config().clone();
    config.pruned_heads.insert("0".to_owned(), vec![1]);
    let pruned = tempfile::tempdir().unwrap();
    save(pruned.path(), &model, &config, Some(&tiny())).unwrap();
    for (name, mut command) in commands(pruned.path(), pruned.path()) {
        let output = run(&mut command);
        let said = errors(&output);
        assert!(output.status.success(), "{name}: {said}");
        assert_eq!(said.matches("pruned heads").count(), 1, "{name}: {said}");
    }
    let tuned = Checkpoint::open(pruned.path().join("finetune")).unwrap();
    assert_eq!(tuned.config().pruned_heads, config.pruned_heads);
    let path = pruned.path().join("ablate/records.parquet");
    let records = attn_data::parquet::read_records(&path).unwrap();
    let value = |layer, head| {
        records
            .iter()
            .find(|r| r.layer == layer && r.head == head && r.metric == "accuracy")
            .map(|r| r.value)
            .unwrap()
    };
    assert_eq!(value(Some(0), Some(1)), value(None, None));
}
