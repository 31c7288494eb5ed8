//! `attn finetune` and `attn evaluate` from outside: results, resumption, errors.

mod common;

use attn_core::Record;
use attn_core::io::read_jsonl;
use common::{attn, failure, on_a_small_disk, run, success, tiny};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

fn finetune(task: &str, out: &Path) -> Command {
    finetune_at("1e-3", task, out)
}

fn finetune_at(rate: &str, task: &str, out: &Path) -> Command {
    let mut command = attn();
    command
        .args(["finetune", "--task", task, "--max-length", "64"])
        .args(["--learning-rate", rate, "--state-every", "1", "--model"])
        .arg(tiny())
        .arg("--out")
        .arg(out);
    command
}

fn weights(folder: &Path) -> Vec<u8> {
    std::fs::read(folder.join("model.safetensors")).unwrap()
}

#[test]
fn a_training_is_done_once_and_scores_as_it_says() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("tuned");
    success(&mut finetune("MNLI", &out));
    for name in [
        "config.json",
        "vocab.txt",
        "training/loss-curve.svg",
        "training/epochs.csv",
        "training/steps.jsonl",
        "training/manifest.json",
        "training/receipt.json",
    ] {
        assert!(out.join(name).is_file(), "{name}");
    }
    assert!(!out.join("training/state.safetensors").exists());
    let first = weights(&out);
    // A kill between the receipt and the end leaves the state; the next run clears it away.
    std::fs::write(out.join("training/state.safetensors"), b"old").unwrap();
    let again = run(&mut finetune("MNLI", &out));
    assert!(common::errors(&again).contains("done before"), "{again:?}");
    assert_eq!(weights(&out), first);
    assert!(!out.join("training/state.safetensors").exists());
    // Other settings are another training: they may not take its place.
    let other = failure(finetune("MNLI", &out).args(["--seed", "2"]));
    assert!(other.contains("holds another training"), "{other}");
    // A damaged checkpoint is noticed and made again.
    let mut damaged = first.clone();
    damaged[40_000] ^= 1;
    std::fs::write(out.join("model.safetensors"), damaged).unwrap();
    let repaired = run(&mut finetune("MNLI", &out));
    let said = common::errors(&repaired);
    assert!(
        said.contains("damaged") && repaired.status.success(),
        "{said}"
    );
    assert_eq!(weights(&out), first);

    let scored = folder.path().join("scored");
    let mut evaluate = attn();
    evaluate
        .args([
            "evaluate",
            "--task",
            "MNLI",
            "--max-length",
            "64",
            "--model",
        ])
        .arg(&out)
        .arg("--out")
        .arg(&scored);
    success(&mut evaluate);
    let read = |path: &Path| read_jsonl::<Record>(&path.join("records.jsonl")).unwrap();
    let (trained, evaluated) = (read(&out.join("training")), read(&scored));
    assert_eq!(trained.len(), 1);
    assert_eq!(
        (trained[0].value, trained[0].n, trained[0].ci_low),
        (evaluated[0].value, evaluated[0].n, evaluated[0].ci_low)
    );
    let read = |path: &Path| attn_data::parquet::read_predictions(path).unwrap();
    assert_eq!(
        read(&out.join("training/predictions.parquet")),
        read(&scored.join("predictions.parquet"))
    );
}

#[test]
fn seeds_are_repeated_and_summarised() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("tuned");
    let said = success(finetune("MNLI", &out).args(["--seeds", "2", "--epochs", "1"]));
    assert!(said.contains("over 2 seeds"), "{said}");
    assert_ne!(weights(&out.join("seed-1")), weights(&out.join("seed-2")));
    let of = |seed: &str| -> f64 {
        let path = out.join(seed).join("training/records.jsonl");
        read_jsonl::<Record>(&path).unwrap()[0].value
    };
    let (a, b) = (of("seed-1"), of("seed-2"));
    let records: Vec<Record> = read_jsonl(&out.join("records.jsonl")).unwrap();
    let value = |metric: &str| {
        let mut found = records.iter().filter(|r| r.metric == metric);
        found.next().unwrap().value
    };
    assert!((value("accuracy_mean") - (a + b) / 2.0).abs() < 1e-12);
    assert!((value("accuracy_sd") - (a - b).abs() / 2f64.sqrt()).abs() < 1e-12);
}

#[test]
fn a_killed_training_goes_on_to_the_same_weights() {
    let folder = tempfile::tempdir().unwrap();
    let (whole, killed) = (folder.path().join("whole"), folder.path().join("killed"));
    success(&mut finetune("MNLI", &whole));
    let mut child = finetune("MNLI", &killed)
        .stderr(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let state = killed.join("training/state.safetensors");
    let start = Instant::now();
    while !state.exists() && start.elapsed() < Duration::from_secs(60) {
        std::thread::sleep(Duration::from_millis(2));
    }
    child.kill().unwrap(); // SIGKILL
    child.wait().unwrap();
    assert!(!killed.join("training/receipt.json").exists());
    let resumed = run(&mut finetune("MNLI", &killed));
    let said = common::errors(&resumed);
    assert!(said.contains("going on after step"), "{said}");
    assert_eq!(weights(&whole), weights(&killed));
}

#[test]
fn bad_requests_end_in_a_clear_error() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("tuned");
    let diverged = failure(finetune_at("1e30", "MNLI", &out).args(["--clip", "1e30"]));
    assert!(
        diverged.contains("diverged") && diverged.contains("step"),
        "{diverged}"
    );
    let dropout = failure(finetune("MNLI", &out).args(["--dropout", "1.5"]));
    assert!(dropout.contains("dropout 1.5"), "{dropout}");
    let own = folder.path().join("own.csv");
    std::fs::write(&own, "a,b\n").unwrap();
    let mut empty = attn();
    empty
        .args([
            "finetune",
            "--text-a",
            "a",
            "--label",
            "b",
            "--max-length",
            "64",
            "--data",
        ])
        .arg(&own)
        .arg("--model")
        .arg(tiny())
        .arg("--out")
        .arg(&out);
    let empty = failure(&mut empty);
    assert!(empty.contains("own"), "{empty}");
    assert!(!out.join("config.json").exists());
    let mut text = attn();
    std::fs::write(&own, "a,b\nx,y\nu,v\n").unwrap();
    text.args(["evaluate", "--text-a", "a", "--max-length", "64", "--data"])
        .arg(&own)
        .arg("--model")
        .arg(tiny())
        .arg("--out")
        .arg(&out);
    let text = failure(&mut text);
    assert!(
        text.contains("outputs") || text.contains("--label"),
        "{text}"
    );
}

/// Runs the training on a small disk, then on a larger one with what the first left.
const SMALL_DISK: &str = r#"
    size=$1; disk=$2; keep=$3; shift 3
    mount -t tmpfs -o size=${size}k tmpfs "$disk" || exit 77
    "$@" 2> "$keep/full"; echo $? > "$keep/rc"
    mount -o remount,size=8m "$disk" || exit 78
    "$@" 2> "$keep/roomy" || exit 79
    cp "$disk/tuned/model.safetensors" "$keep/model"
"#;

#[test]
fn a_full_disk_is_named_and_what_was_done_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let whole = folder.path().join("whole");
    success(&mut finetune("MNLI", &whole));
    let [disk, keep] = ["disk", "keep"].map(|name| folder.path().join(name));
    for folder in [&disk, &keep] {
        std::fs::create_dir(folder).unwrap();
    }
    let training = finetune("MNLI", &disk.join("tuned"));
    // A state takes 300 KiB and is written beside the one before: the second does not fit.
    let Some(output) = on_a_small_disk(SMALL_DISK, 500, [&disk, &keep], &training) else {
        return;
    };
    let read = |name: &str| std::fs::read_to_string(keep.join(name)).unwrap_or_default();
    let full = read("full");
    assert_eq!(read("rc").trim(), "1", "{full}");
    assert!(full.contains("No space left"), "{full}");
    let roomy = read("roomy");
    assert!(output.status.success(), "{output:?} {roomy}");
    assert!(roomy.contains("going on after step 1 "), "{roomy}");
    assert_eq!(std::fs::read(keep.join("model")).unwrap(), weights(&whole));
}
