//! `attn ablate` from the outside, with the tiny model of attn-bert's fixtures (2 layers of 4 heads,
//! 3 labels) on the starter set's MNLI.

mod common;

use attn_core::Record;
use attn_data::parquet::{read_predictions, read_records};
use common::{attn, tiny};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

/// `attn ablate` on the tiny model with more options.
fn command(out: &Path, options: &[&str]) -> Command {
    let mut command = attn();
    command
        .args([
            "ablate",
            "--max-length",
            "48",
            "--data",
            "datasets/starter/glue",
        ])
        .arg("--model")
        .arg(tiny())
        .arg("--out")
        .arg(out)
        .args(options)
        .env("RAYON_NUM_THREADS", "1");
    command
}

fn run(out: &Path, options: &[&str]) -> Output {
    command(out, options).output().unwrap()
}

fn ok(output: Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{out}\n{err}");
    (out, err)
}

fn fails(output: Output) -> String {
    let err = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{err}");
    assert!(err.contains("error:") && !err.contains("panicked"), "{err}");
    err
}

const MNLI: [&str; 4] = ["--task", "MNLI", "--max-eval", "24"];

#[test]
fn a_sweep_writes_everything_and_a_second_run_does_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run");
    let options = [&MNLI[..], &["--cumulative", "--steps", "4"]].concat();
    let (_, err) = ok(run(&out, &options));
    // The plan: 1 + 2 * (4 + 1) variants of 2 layers.
    assert!(
        err.contains("11 variants x 2 layers = 22 layer evaluations"),
        "{err}"
    );
    let predictions = read_predictions(&out.join("predictions.parquet")).unwrap();
    assert_eq!(
        (predictions.variants.len(), predictions.examples.len()),
        (11, 24)
    );
    assert_eq!(predictions.outputs, 3);
    assert_eq!(predictions.variants[..2], ["baseline", "head-0:0"]);
    let records: Vec<Record> = read_records(&out.join("records.parquet")).unwrap();
    let accuracy: Vec<&Record> = records
        .iter()
        .filter(|r| r.metric == "accuracy" && r.experiment == "ablate/uniform")
        .collect();
    assert_eq!(accuracy.len(), 11);
    // The record of a variant is the accuracy of its logits.
    let at = accuracy
        .iter()
        .find(|r| (r.layer, r.head) == (Some(1), Some(2)))
        .unwrap();
    let variant = predictions
        .variants
        .iter()
        .position(|v| v == "head-1:2")
        .unwrap();
    let rows = predictions
        .variant(variant)
        .chunks(3)
        .zip(&predictions.labels);
    let right = rows.filter(|(row, label)| {
        let best = (0..3).fold(0, |b, i| if row[i] > row[b] { i } else { b });
        Some(best as f64) == **label
    });
    assert_eq!(at.value, right.count() as f64 / 24.0);
    assert!(at.ci_low.unwrap() <= at.value && at.value <= at.ci_high.unwrap());
    for name in [
        "figures/figure-8-heads.svg",
        "figures/figure-9-layers.png",
        "figures/ablation-forest.svg",
        "figures/cumulative.svg",
        "figures/importance.svg",
        "tables/ablation-accuracy.csv",
        "tables/threshold-accuracy.md",
        "tables/importance-correlation.md",
        "predictions-zero.parquet",
        "tables/claims.md",
        "tables/cumulative.md",
        "predictions-cumulative.parquet",
        "cumulative-orders.json",
        "manifest.json",
    ] {
        assert!(out.join(name).is_file(), "{name}");
    }
    assert!(!out.join("parts").exists());
    // All heads disabled is the same in every order, and none disabled is the baseline.
    let curve = |order: &str, count: usize| {
        let (experiment, metric) = (
            format!("ablate/uniform/cumulative/{order}"),
            format!("accuracy_without_{count}_heads"),
        );
        let mut found = records
            .iter()
            .filter(|r| r.experiment == experiment && r.metric == metric);
        found.next().unwrap().value
    };
    assert_eq!(curve("ablation", 8), curve("random", 8));
    assert_eq!(curve("gradient", 0), accuracy[0].value);

    // Without a threshold, with refitted ones, and importance in both modes with the measures' reliability.
    for metric in [
        "log_loss_p_holm",
        "accuracy_refitted_difference",
        "importance_spearman_loss",
        "importance_spearman_loss_zero",
        "reliability_importance",
        "reliability_accuracy_drop_zero",
        "importance_half_1",
    ] {
        assert!(records.iter().any(|r| r.metric == metric), "{metric}");
    }
    let zero = read_predictions(&out.join("predictions-zero.parquet")).unwrap();
    assert_eq!(zero.variants.len(), 9);
    assert_eq!(zero.variant(0), predictions.variant(0));
    assert_ne!(zero.variant(1), predictions.variant(1));

    let before = std::fs::read(out.join("manifest.json")).unwrap();
    let (text, _) = ok(run(&out, &options));
    assert!(text.contains("nothing to do"), "{text}");
    assert_eq!(before, std::fs::read(out.join("manifest.json")).unwrap());
    // Another question must not overwrite the answer.
    let err = fails(run(&out, &[&MNLI[..], &["--mode", "zero"]].concat()));
    assert!(
        err.contains("holds another run") && err.contains("--out"),
        "{err}"
    );

    // The same statistics follow from what is stored; what was there before does not matter.
    let recompute = |folder: &Path| {
        let mut command = attn();
        command.args(["ablate", "recompute"]).arg(folder);
        command.output().unwrap()
    };
    let names = [
        "records.parquet",
        "claims.jsonl",
        "tables/threshold-accuracy.csv",
        "tables/importance-correlation.csv",
        "figures/figure-8-heads.svg",
        "figures/importance.svg",
    ];
    let read = || {
        names.map(|name| {
            let path = out.join(name);
            std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
        })
    };
    let whole = read();
    let outputs = || {
        let text = std::fs::read(out.join("manifest.json")).unwrap();
        let manifest: attn_core::Manifest = serde_json::from_slice(&text).unwrap();
        manifest.outputs
    };
    let named = outputs();
    assert!(named.iter().any(|o| o.role == "predictions.parquet"));
    for name in &names[1..] {
        std::fs::write(out.join(name), "old").unwrap();
    }
    ok(recompute(&out));
    for (name, (found, expected)) in names.iter().zip(read().iter().zip(&whole)) {
        assert!(found == expected, "{name}");
    }
    assert_eq!(named, outputs());
    let (text, _) = ok(run(&out, &options));
    assert!(text.contains("nothing to do"), "{text}");
    let err = fails(recompute(folder.path()));
    assert!(err.contains("not a finished run of attn ablate"), "{err}");
    let variants = out.join("variants.json");
    let text = std::fs::read_to_string(&variants).unwrap();
    std::fs::write(&variants, text.replace("head-0:0", "head-9:9")).unwrap();
    let err = fails(recompute(&out));
    assert!(err.contains("has other variants than expected"), "{err}");
    std::fs::write(&variants, text).unwrap();

    let both = folder.path().join("both");
    let figures = |runs: &[&Path]| {
        let mut command = attn();
        command.args(["ablate", "figures"]).args(runs);
        command.arg("--out").arg(&both).output().unwrap()
    };
    ok(figures(&[&out]));
    let again = std::fs::read(both.join("figures/figure-8-heads.svg")).unwrap();
    assert_eq!(
        again,
        std::fs::read(out.join("figures/figure-8-heads.svg")).unwrap()
    );
    let remaining = std::fs::read_to_string(both.join("tables/remaining.csv")).unwrap();
    assert!(remaining.contains("MNLI"), "{remaining}");
    let claims = std::fs::read_to_string(both.join("tables/claims.md")).unwrap();
    assert!(claims.contains("p, Holm over all tasks"), "{claims}");
    let err = fails(figures(&[&out, &out]));
    assert!(err.contains("two runs"), "{err}");
    let err = fails(figures(&[folder.path()]));
    assert!(err.contains("no manifest.json"), "{err}");
}

#[test]
fn a_killed_run_goes_on_and_ends_with_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    // Enough work that the kill comes in between.
    let options = [
        "--task",
        "MNLI",
        "--sweep",
        "--random",
        "400",
        "--random-size",
        "3",
    ];
    let whole = folder.path().join("a/run");
    ok(run(&whole, &options));
    let killed = folder.path().join("b/run");
    let mut child = command(&killed, &options)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let parts = || {
        let entries = std::fs::read_dir(killed.join("parts"))
            .into_iter()
            .flatten();
        let names = entries
            .flatten()
            .map(|e| e.file_name().to_string_lossy().into_owned());
        names
            .filter(|n| n.ends_with(".json") && !n.starts_with('.'))
            .count()
    };
    let clock = Instant::now();
    while parts() == 0 && clock.elapsed() < Duration::from_secs(120) {
        std::thread::sleep(Duration::from_millis(1));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let finished = parts();
    assert!(finished > 0 && !killed.join("manifest.json").exists());
    assert!(
        !killed.join("predictions.parquet").exists(),
        "the kill came too late"
    );
    let (_, err) = ok(run(&killed, &options));
    assert!(
        err.contains(&format!("{finished} of ")) && err.contains("were done before"),
        "{err}"
    );
    for name in [
        "predictions.parquet",
        "records.parquet",
        "claims.jsonl",
        "tables/claims.md",
    ] {
        let read = |run: &Path| std::fs::read(run.join(name)).unwrap();
        assert_eq!(read(&whole), read(&killed), "{name}");
    }
}

#[test]
fn named_sets_run_alone_in_every_mode() {
    let folder = tempfile::tempdir().unwrap();
    let mut logits = Vec::new();
    for mode in ["uniform", "zero", "mean"] {
        let out = folder.path().join(mode);
        let options = [
            "--heads", "0:1,1:3", "--heads", "1:0", "--layers", "1", "--mode", mode,
        ];
        ok(run(&out, &[&MNLI[..], &options].concat()));
        let read = read_predictions(&out.join("predictions.parquet")).unwrap();
        assert_eq!(
            read.variants,
            ["baseline", "list-0:1,1:3", "head-1:0", "layer-1"]
        );
        for variant in 1..4 {
            assert_ne!(read.variant(0), read.variant(variant), "{mode} {variant}");
        }
        // A few heads make no Figure 8.
        assert!(!out.join("figures/figure-8-heads.svg").exists());
        logits.push(read);
    }
    assert_eq!(logits[0].variant(0), logits[1].variant(0));
    assert_ne!(logits[0].variant(1), logits[1].variant(1));
    assert_ne!(logits[0].variant(1), logits[2].variant(1));
}

#[test]
fn wrong_arguments_are_errors_that_say_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run");
    for (options, expected) in [
        (
            &["--task", "MNLI", "--heads", "7:0"][..],
            "7:0: the model has 2 layers of 4 heads, counted from 0 (the last is 1:3)",
        ),
        (
            &["--task", "MNLI", "--sweep", "--heads", "0:4"],
            "0:4: the model has 2 layers",
        ),
        (
            &["--task", "MNLI", "--layers", "2"],
            "2: the model has 2 layers",
        ),
        (
            &["--task", "MNLI", "--layers", "1,1"],
            "'layer-1' is asked for twice",
        ),
        (
            &["--task", "MNLI", "--random", "2", "--random-size", "9"],
            "the model has 8 heads",
        ),
        (
            &["--task", "MNLI", "--layers", "1", "--cumulative"],
            "add --sweep",
        ),
        // Three outputs, but a task of two classes, and one of scores.
        (
            &["--task", "RTE"],
            "has 3 outputs without names, and the data's labels are entailment, not_entailment",
        ),
        (&["--task", "STS-B"], "has 3 outputs, but STS-B needs 1"),
        (&["--task", "CoLA"], "CoLA"),
    ] {
        let err = fails(run(&out, options));
        assert!(err.contains(expected), "{options:?}: {err}");
        assert!(!out.exists(), "{options:?} left something behind");
    }
}
