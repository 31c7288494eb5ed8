//! Folders and files that no command may write to, from outside.

mod common;

use common::{attn, failure, success, tiny};
use std::fs;
use std::path::Path;
use std::process::Command;

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

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            fs::copy(&path, to.join(path.file_name().unwrap())).unwrap();
        }
    }
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

#[test]
fn a_training_does_not_write_over_its_source() {
    let folder = tempfile::tempdir().unwrap();
    let model = folder.path().join("model");
    copy(&tiny(), &model);
    let weights = fs::read(model.join("model.safetensors")).unwrap();
    let onto = |model: &Path| {
        let mut command = attn();
        command
            .args([
                "finetune",
                "--task",
                "MNLI",
                "--max-length",
                "64",
                "--epochs",
                "1",
            ])
            .args(["--max-train", "32", "--model"])
            .arg(model)
            .arg("--out")
            .arg(model);
        command
    };
    let said = failure(&mut onto(&model));
    assert!(said.contains("the output is the input"), "{said}");
    assert_eq!(fs::read(model.join("model.safetensors")).unwrap(), weights);
    assert!(!names(&model).contains(&".lock".to_owned()));
    // One that this program trained is an input, too.
    let own = folder.path().join("own");
    success(&mut finetune(&own, 1, 1));
    let said = failure(&mut onto(&own));
    assert!(said.contains("the output is the input"), "{said}");
}

/// Every command that writes a folder, with one that holds somebody's thesis.
#[test]
fn no_command_writes_into_somebody_elses_folder() {
    let folder = tempfile::tempdir().unwrap();
    let thesis = folder.path().join("thesis");
    fs::create_dir(&thesis).unwrap();
    fs::write(thesis.join("chapter-1.txt"), "mine").unwrap();
    let small = ["--max-length", "64"];
    let task = ["--task", "MNLI"];
    let tasks = ["--tasks", "MNLI"];
    let commands: [(&[&str], &[&str]); 11] = [
        (&["finetune"], &task),
        (&["finetune", "--seeds", "2"], &task),
        (&["evaluate"], &task),
        (&["table1"], &tasks),
        (&["sep-cls"], &tasks),
        (&["stats"], &tasks),
        (&["ablate"], &task),
        (&["patterns", "shares"], &tasks),
        (&["patterns", "grid"], &tasks),
        (
            &[
                "framenet",
                "score",
                "--framenet",
                "datasets/starter/framenet",
            ],
            &[],
        ),
        (&["reproduce"], &tasks),
    ];
    for (command, which) in commands {
        let mut started = attn();
        started
            .args(command)
            .args(which)
            .args(small)
            .arg("--model")
            .arg(tiny());
        let said = failure(started.arg("--out").arg(&thesis));
        assert!(
            said.contains("chapter-1.txt") && said.contains("nothing was written"),
            "{command:?}: {said}"
        );
        assert_eq!(names(&thesis), ["chapter-1.txt"], "{command:?}");
    }
}

#[test]
fn no_command_writes_over_somebody_elses_file() {
    let folder = tempfile::tempdir().unwrap();
    let input = folder.path().join("a.txt");
    fs::write(&input, "One sentence.\n").unwrap();
    let input = input.to_str().unwrap();
    let model = tiny();
    let model = model.to_str().unwrap();
    let measured = folder.path().join("measured");
    let measured = measured.to_str().unwrap();
    let mut measure = attn();
    measure.args([
        "sep-cls",
        "--tasks",
        "MNLI",
        "--max-eval",
        "12",
        "--max-length",
        "64",
    ]);
    success(measure.args(["--model", model, "--out", measured]));
    // With the ending that its output has.
    let commands: [(&str, &[&str]); 5] = [
        (
            "safetensors",
            &[
                "extract",
                "--input",
                input,
                "--model",
                model,
                "--max-length",
                "64",
            ],
        ),
        (
            "csv",
            &[
                "classify",
                "--task",
                "MNLI",
                "--model",
                model,
                "--max-length",
                "64",
            ],
        ),
        (
            "html",
            &["view", "One.", "--model", model, "--max-length", "64"],
        ),
        ("html", &["annotate", "--maps", "datasets/attention-maps"]),
        ("html", &["report", measured]),
    ];
    for (ending, command) in commands {
        let [thesis, link] =
            ["thesis", "link"].map(|n| folder.path().join(n).with_extension(ending));
        fs::write(&thesis, "A thesis.\n").unwrap();
        let refused = |place: &Path, expected: &str| {
            let said = failure(attn().args(command).arg("--out").arg(place));
            assert!(said.contains(expected), "{command:?} {place:?}: {said}");
            assert_eq!(fs::read(&thesis).unwrap(), b"A thesis.\n", "{command:?}");
        };
        refused(&thesis, "did not write");
        #[cfg(unix)]
        {
            let _ = fs::remove_file(&link);
            std::os::unix::fs::symlink(&thesis, &link).unwrap();
            refused(&link, "found a link");
            // By its kind, or before that by a name without an ending.
            refused(Path::new("/dev/null"), "/dev/null: ");
        }
    }
}

/// A lock that is a link truncates nothing.
#[cfg(unix)]
#[test]
fn a_link_in_the_locks_place_is_not_followed() {
    let folder = tempfile::tempdir().unwrap();
    let precious = folder.path().join("precious");
    let out = folder.path().join("tuned");
    success(&mut finetune(&out, 1, 1));
    fs::write(&precious, "precious").unwrap();
    fs::remove_file(out.join(".lock")).unwrap();
    std::os::unix::fs::symlink(&precious, out.join(".lock")).unwrap();
    let said = failure(&mut finetune(&out, 1, 1));
    assert!(said.contains(".lock: a link"), "{said}");
    assert_eq!(fs::read(&precious).unwrap(), b"precious");
}
