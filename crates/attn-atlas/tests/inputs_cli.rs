//! What commands take in, from outside: whole files where nothing is trained, GLUE's test sets,
//! places that cannot be written, paths that are not UTF-8, and Ctrl-C while scoring.

mod common;

use common::{attn, errors, failure, run, success, tiny};
use safetensors::SafeTensors;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

fn with_model(command: &str, out: &Path) -> Command {
    let mut attn = attn();
    attn.args([command, "--max-length", "64", "--model"])
        .arg(tiny())
        .arg("--out")
        .arg(out);
    attn
}

/// A data folder with RTE's dev file alone, of ten rows.
fn dev_only(folder: &Path) -> PathBuf {
    let root = folder.join("data");
    std::fs::create_dir_all(root.join("MNLI")).unwrap();
    let label = |i: usize| ["entailment", "neutral", "contradiction"][i % 3];
    let rows: String = (0..10)
        .map(|i| format!("{i}\tthe cat sleeps {i}\tit sleeps {i}\t{}\n", label(i)))
        .collect();
    let text = format!("index\tsentence1\tsentence2\tgold_label\n{rows}");
    std::fs::write(root.join("MNLI/dev_matched.tsv"), text).unwrap();
    root
}

fn extracted(path: &Path) -> Vec<String> {
    let bytes = std::fs::read(path).unwrap();
    let (_, header) = SafeTensors::read_metadata(&bytes).unwrap();
    serde_json::from_str(&header.metadata().as_ref().unwrap()["ids"]).unwrap()
}

#[test]
fn all_rows_are_there_where_nothing_was_trained_on_them() {
    let folder = tempfile::tempdir().unwrap();
    let data = dev_only(folder.path());
    let maps = folder.path().join("maps.safetensors");
    let extract = |more: &[&str]| {
        let mut command = with_model("extract", &maps);
        command
            .args(["--task", "MNLI", "--data"])
            .arg(&data)
            .args(more);
        let said = run(&mut command);
        assert!(said.status.success(), "{}", errors(&said));
        (extracted(&maps), errors(&said))
    };
    let (all, said) = extract(&[]);
    assert_eq!(all.len(), 10);
    assert!(said.contains("all rows of the file (10)"), "{said}");
    // Named once.
    assert!(
        said.contains("note: MNLI dev: 10 rows, GLUE has 9815"),
        "{said}"
    );
    // Grouped by texts, as near to a fifth of each class as ten rows of three classes allow.
    let held_out = extract(&["--train-from", "split-dev"]).0.len();
    assert!((2..=3).contains(&held_out), "{held_out}");
    // A training takes the others; its model is scored on these.
    let tuned = folder.path().join("tuned");
    let mut finetune = with_model("finetune", &tuned);
    finetune
        .args(["--task", "MNLI", "--epochs", "1", "--data"])
        .arg(&data);
    success(&mut finetune);
    let evaluate = |model: &Path, name: &str| {
        let out = folder.path().join(name);
        let mut command = attn();
        command
            .args(["evaluate", "--task", "MNLI", "--max-length", "64", "--data"])
            .arg(&data)
            .arg("--model")
            .arg(model)
            .arg("--out")
            .arg(&out);
        let said = run(&mut command);
        assert!(said.status.success(), "{}", errors(&said));
        let path = out.join("predictions.parquet");
        let read = attn_data::parquet::read_predictions(&path).unwrap();
        (read, errors(&said))
    };
    let (read, said) = evaluate(&tuned, "tuned-scored");
    assert_eq!(read.examples.len(), held_out);
    assert!(
        said.contains("those that the model was fine-tuned on"),
        "{said}"
    );
    let trained = tuned.join("training/predictions.parquet");
    assert_eq!(
        read,
        attn_data::parquet::read_predictions(&trained).unwrap()
    );
    assert_eq!(evaluate(&tiny(), "base-scored").0.examples.len(), 10);
}

#[test]
fn test_sets_serve_what_needs_no_labels() {
    let folder = tempfile::tempdir().unwrap();
    let data = dev_only(folder.path());
    let text =
        "index\tpromptID\tsentence1\tsentence2\n0\t1\tthe cat\tit sleeps\n1\t2\tthe dog\tno\n";
    std::fs::write(data.join("MNLI/test_matched.tsv"), text).unwrap();
    let maps = folder.path().join("maps.safetensors");
    let test = |command: &mut Command| {
        command
            .args(["--task", "MNLI", "--split", "test", "--data"])
            .arg(&data);
    };
    let mut extract = with_model("extract", &maps);
    test(&mut extract);
    success(&mut extract);
    assert_eq!(
        extracted(&maps),
        ["test_matched.tsv:2", "test_matched.tsv:3"]
    );
    let table = folder.path().join("classes.csv");
    let mut classify = with_model("classify", &table);
    test(&mut classify);
    success(&mut classify);
    for command in ["evaluate", "ablate"] {
        let mut command = with_model(command, &folder.path().join("out"));
        test(&mut command);
        let said = failure(&mut command);
        assert!(
            said.contains("published without labels") && said.contains("--split dev"),
            "{said}"
        );
    }
}

#[test]
fn classify_takes_a_file_of_ones_own() {
    let folder = tempfile::tempdir().unwrap();
    let own = folder.path().join("own.csv");
    std::fs::write(&own, "text\nthe cat sleeps\nwas it the dog\n").unwrap();
    let table = folder.path().join("classes.csv");
    let mut classify = with_model("classify", &table);
    classify.args(["--text-a", "text", "--data"]).arg(&own);
    success(&mut classify);
    let text = std::fs::read_to_string(&table).unwrap();
    // Two examples of two layers with four heads, and the header.
    assert_eq!(text.lines().count(), 1 + 2 * 2 * 4);
    assert!(text.contains("\nown.csv:3,1,3,"), "{text}");
}

#[test]
fn what_cannot_be_is_an_error_before_the_work() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    std::fs::write(at("header.tsv"), "text\tgold\n").unwrap();
    std::fs::write(at("file"), "").unwrap();
    let extract = |out: &Path, more: &[&str]| {
        let mut command = with_model("extract", out);
        command.args(more);
        let said = failure(&mut command);
        assert!(!said.contains("extracting maps"), "{said}");
        said
    };
    let task = ["--task", "RTE"];
    let header = at("header.tsv");
    let own = ["--text-a", "text", "--data", header.to_str().unwrap()];
    for (out, more, expected) in [
        (at(""), &task[..], "a folder; name the file to write"),
        (at("new/"), &task, "a folder; name the file to write"),
        (at("x.pt"), &task, "ends in .safetensors or .npz"),
        (
            at("x.npz"),
            &own,
            "header.tsv has no rows, or nothing but a header",
        ),
        (
            at("x.npz"),
            &["--task", "RTE", "--max-eval", "0"],
            "--max-eval 0",
        ),
    ] {
        let said = extract(&out, more);
        assert!(said.contains(expected), "{said}");
    }
    for command in ["evaluate", "ablate", "finetune"] {
        let mut command = with_model(command, &at("file"));
        let said = failure(
            command
                .args(["--text-a", "text", "--label", "gold", "--data"])
                .arg(&header),
        );
        assert!(said.contains("file is a file; name a folder"), "{said}");
    }
    let mut glue = with_model("evaluate", &at("out"));
    std::fs::create_dir_all(at("data/RTE")).unwrap();
    std::fs::write(
        at("data/RTE/dev.tsv"),
        "index\tsentence1\tsentence2\tlabel\n",
    )
    .unwrap();
    let said = failure(glue.args(["--task", "RTE", "--data"]).arg(at("data")));
    assert!(said.contains("dev.tsv has no rows"), "{said}");
}

#[cfg(unix)]
#[test]
fn paths_need_not_be_utf_8() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let folder = tempfile::tempdir().unwrap();
    let odd = folder.path().join(OsStr::from_bytes(b"\xff"));
    for option in ["--data", "--out", "--checkpoints", "--framenet"] {
        let mut command = attn();
        command
            .args(["reproduce", "--dry-run", "--max-length", "64", "--model"])
            .arg(tiny());
        if option != "--out" {
            command.arg("--out").arg(folder.path().join("out"));
        }
        let said = run(command.arg(option).arg(&odd));
        assert!(!errors(&said).contains("panicked"), "{}", errors(&said));
        match option {
            "--data" => {
                assert!(said.status.code() == Some(1) && errors(&said).contains('\u{fffd}'))
            }
            _ => assert!(said.status.success(), "{option}: {}", errors(&said)),
        }
    }
    // A folder of such a name works.
    std::fs::create_dir(&odd).unwrap();
    let data = dev_only(&odd);
    let out = odd.join("scored");
    let mut evaluate = with_model("evaluate", &out);
    evaluate.args(["--task", "MNLI", "--data"]).arg(&data);
    success(&mut evaluate);
    assert!(out.join("manifest.json").is_file());
    // So does a model's.
    let model = odd.join("{task}");
    std::fs::create_dir(odd.join("MNLI")).unwrap();
    for entry in std::fs::read_dir(tiny()).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            std::fs::copy(&path, odd.join("MNLI").join(path.file_name().unwrap())).unwrap();
        }
    }
    let mut stats = attn();
    stats
        .args(["stats", "--tasks", "MNLI", "--max-length", "64", "--data"])
        .arg(&data);
    stats
        .arg("--model")
        .arg(&model)
        .arg("--reference")
        .arg(odd.join("MNLI"));
    success(stats.arg("--out").arg(odd.join("stats")));
    assert!(odd.join("stats/records.jsonl").is_file());
    let mut missing = attn();
    missing
        .args(["extract", "--task", "MNLI", "--out", "x.npz", "--model"])
        .arg(odd.join("none"));
    assert!(failure(&mut missing).contains('\u{fffd}'));
}

#[cfg(unix)]
#[test]
fn ctrl_c_is_heard_while_scoring() {
    let folder = tempfile::tempdir().unwrap();
    let own = folder.path().join("own.csv");
    let rows: String = (0..60_000)
        .map(|i| format!("the cat sleeps {i},{}\n", i % 3))
        .collect();
    std::fs::write(&own, format!("text,gold\n{rows}")).unwrap();
    let out = folder.path().join("out");
    let mut evaluate = with_model("evaluate", &out);
    evaluate
        .args(["--text-a", "text", "--label", "gold", "--data"])
        .arg(&own);
    let mut child = evaluate
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    // Told when the weights are there, just before scoring begins.
    let begun = lines.find(|line| line.as_ref().unwrap().contains("labels:"));
    assert!(begun.is_some());
    std::thread::sleep(std::time::Duration::from_millis(150));
    let pid = child.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-INT", &pid])
            .status()
            .unwrap()
            .success()
    );
    let rest: Vec<String> = lines.map_while(Result::ok).collect();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{rest:?}");
    assert!(
        rest.iter().any(|line| line.contains("interrupted")),
        "{rest:?}"
    );
    assert!(!out.join("predictions.parquet").exists());
}
