//! Two processes at once in one folder, and damage to what a killed run left: from outside.

mod common;

use common::{attn, errors, failure, run, success, tiny};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

fn finetune(out: &Path, seed: u64, epochs: usize) -> Command {
    let mut command = attn();
    command
        .args(["finetune", "--task", "MNLI", "--max-length", "64"])
        .args(["--learning-rate", "1e-3", "--max-train", "32"])
        .args(["--seed", &seed.to_string()])
        .args(["--epochs", &epochs.to_string(), "--model"])
        .arg(tiny())
        .arg("--out")
        .arg(out);
    command
}

fn ablate(model: &Path, out: &Path) -> Command {
    let mut command = attn();
    command
        .args(["ablate", "--task", "MNLI", "--max-length", "64"])
        .args(["--max-eval", "12", "--sweep", "--model"])
        .arg(model)
        .arg("--out")
        .arg(out);
    command
}

fn start(mut command: Command) -> Child {
    command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Waits until a process has taken the folder.
fn until_taken(folder: &Path) {
    until(|| fs::metadata(folder.join(".lock")).is_ok_and(|lock| lock.len() > 0));
}

fn until(what: impl Fn() -> bool) {
    let start = Instant::now();
    while !what() {
        assert!(start.elapsed() < Duration::from_secs(120), "nothing came");
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn end(child: Child) -> Output {
    child.wait_with_output().unwrap()
}

#[test]
fn two_trainings_with_other_settings_do_not_mix() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("tuned");
    let first = start(finetune(&out, 1, 12));
    until_taken(&out);
    let refused = failure(&mut finetune(&out, 2, 12));
    assert!(
        refused.contains("is writing here with other settings")
            && refused.contains("recipe.seed is 1 there, 2 here"),
        "{refused}"
    );
    let first = end(first);
    assert!(first.status.success(), "{}", errors(&first));
    // All of it is the first's, and it is found.
    let again = run(&mut finetune(&out, 1, 12));
    assert!(errors(&again).contains("done before"), "{}", errors(&again));
    let refused = failure(&mut finetune(&out, 2, 12));
    assert!(
        refused.contains("holds another training (recipe.seed is 1 there, 2 here)"),
        "{refused}"
    );
}

#[test]
fn an_equal_training_waits_and_finds_it_done() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("tuned");
    let first = start(finetune(&out, 1, 12));
    until_taken(&out);
    let second = run(&mut finetune(&out, 1, 12));
    let (said, first) = (errors(&second), end(first));
    assert!(first.status.success() && second.status.success(), "{said}");
    assert!(said.contains("waiting for it to end"), "{said}");
    assert!(said.contains("done before"), "{said}");
}

/// A process that is gone, however it went, holds nothing.
#[test]
fn a_dead_process_holds_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("tuned");
    let mut first = start(finetune(&out, 1, 500));
    until_taken(&out);
    first.kill().unwrap();
    first.wait().unwrap();
    let second = run(&mut finetune(&out, 2, 1));
    assert!(second.status.success(), "{}", errors(&second));
    assert!(!errors(&second).contains("waiting"), "{}", errors(&second));
}

#[test]
fn two_tables_with_one_checkpoints_folder_do_not_mix() {
    let folder = tempfile::tempdir().unwrap();
    let checkpoints = folder.path().join("checkpoints");
    let table = |name: &str, epochs: &str| {
        let mut command = attn();
        command
            .args(["reproduce", "--only", "table1", "--tasks", "MNLI"])
            .args([
                "--max-length",
                "64",
                "--max-train",
                "32",
                "--max-scored",
                "12",
            ])
            .args(["--epochs", epochs, "--model"])
            .arg(tiny())
            .arg("--checkpoints")
            .arg(&checkpoints)
            .arg("--out")
            .arg(folder.path().join(name));
        command
    };
    let first = start(table("one", "12"));
    until_taken(&checkpoints.join("MNLI-pretrained-s1"));
    let refused = failure(&mut table("two", "2"));
    assert!(
        refused.contains("recipe.epochs is 12 there, 2 here"),
        "{refused}"
    );
    let first = end(first);
    assert!(first.status.success(), "{}", errors(&first));
    let again = run(&mut table("one", "12"));
    let said = errors(&again);
    assert_eq!(said.matches("done before").count(), 3, "{said}"); // the table and two trainings
}

#[test]
fn two_equal_sweeps_both_end_well() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("sweep");
    let first = start(ablate(&tiny(), &out));
    until_taken(&out);
    let second = start(ablate(&tiny(), &out));
    let (first, second) = (end(first), end(second));
    for output in [&first, &second] {
        assert!(output.status.success(), "{}", errors(output));
    }
    let said = String::from_utf8_lossy(&second.stdout).into_owned();
    assert!(said.contains("holds this very run"), "{said}");
    assert!(!out.join("parts").exists());
    let other = failure(ablate(&tiny(), &out).args(["--mode", "zero"]));
    assert!(other.contains("holds another run (mode is "), "{other}");
}

/// Runs a command to a named point, where it ends as by a kill.
fn stopped_at(command: &mut Command, point: &str) {
    let output = run(command.env("ATTN_STOP_AT", point));
    let said = errors(&output);
    assert!(said.contains("ATTN_STOP_AT: stopped at"), "{point}: {said}");
    assert!(!output.status.success(), "{point}: {said}");
}

fn flip(path: &Path, place: usize) {
    let mut bytes = fs::read(path).unwrap();
    bytes[place] ^= 1;
    fs::write(path, bytes).unwrap();
}

#[test]
fn a_damaged_training_state_is_told_and_made_again() {
    let folder = tempfile::tempdir().unwrap();
    let [calm, rough] = ["calm", "rough"].map(|name| folder.path().join(name));
    success(&mut finetune(&calm, 1, 2));
    stopped_at(
        &mut finetune(&rough, 1, 2),
        "wrote training/state.safetensors",
    );
    let state = rough.join("training/state.safetensors");
    let length = fs::metadata(&state).unwrap().len() as usize;
    flip(&state, length / 2);
    let output = run(&mut finetune(&rough, 1, 2));
    let said = errors(&output);
    assert!(output.status.success(), "{said}");
    assert!(
        said.contains("state.safetensors: this training state is damaged")
            && said.contains("training from the start"),
        "{said}"
    );
    let weights = |folder: &Path| fs::read(folder.join("model.safetensors")).unwrap();
    assert!(weights(&calm) == weights(&rough));
}

#[test]
fn a_damaged_part_of_a_sweep_is_told_and_made_again() {
    let folder = tempfile::tempdir().unwrap();
    let [calm, rough] = ["calm", "rough"].map(|name| folder.path().join(name));
    success(&mut ablate(&tiny(), &calm));
    stopped_at(&mut ablate(&tiny(), &rough), "write predictions.parquet");
    let parts: Vec<PathBuf> = fs::read_dir(rough.join("parts"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    // A digit of a number is another digit: still JSON, still a logit.
    let text = fs::read_to_string(&parts[0]).unwrap();
    let digit = text.rfind(|c: char| ('1'..='8').contains(&c)).unwrap();
    let mut bytes = text.into_bytes();
    bytes[digit] += 1;
    fs::write(&parts[0], bytes).unwrap();
    let output = run(&mut ablate(&tiny(), &rough));
    let said = errors(&output);
    assert!(output.status.success(), "{said}");
    let name = parts[0].file_name().unwrap().to_str().unwrap();
    assert!(said.contains(name) && said.contains("made anew"), "{said}");
    let predictions = |folder: &Path| fs::read(folder.join("predictions.parquet")).unwrap();
    assert!(predictions(&calm) == predictions(&rough));
}

#[test]
fn a_damaged_map_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let [text, maps, table] = ["a.txt", "maps.safetensors", "t.csv"].map(|n| folder.path().join(n));
    fs::write(&text, "One sentence.\nAnother one.\n").unwrap();
    let mut extract = attn();
    extract
        .args(["extract", "--max-length", "64", "--model"])
        .arg(tiny());
    extract.arg("--input").arg(&text).arg("--out").arg(&maps);
    success(&mut extract);
    success(&mut extract); // its own file may be written again
    let classify = || {
        let mut command = attn();
        command
            .arg("classify")
            .arg("--maps")
            .arg(&maps)
            .arg("--out")
            .arg(&table);
        command
    };
    success(&mut classify());
    let length = fs::metadata(&maps).unwrap().len() as usize;
    flip(&maps, length - 4); // the low byte of the last weight: still a fine number
    let said = failure(&mut classify());
    assert!(
        said.contains("array 'maps.1'")
            && said.contains("its bytes have the sha256")
            && said.contains("damaged"),
        "{said}"
    );
}
