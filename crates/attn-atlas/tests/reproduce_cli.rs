//! `attn reproduce` from outside: a plan, a lock, and runs that are killed and damaged on the way.

mod common;

use common::{attn, errors, failure, on_a_small_disk, run, success, tiny};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

fn reproduce(folder: &Path) -> Command {
    let mut command = attn();
    command
        .args(["reproduce", "--tasks", "MNLI", "--max-length", "64"])
        .args(["--epochs", "1", "--max-train", "32", "--max-eval", "12"])
        .args([
            "--max-scored",
            "12",
            "--only",
            "table1,stats,ablation,report",
        ])
        .arg("--model")
        .arg(tiny())
        .arg("--checkpoints")
        .arg(folder.join("checkpoints"))
        .arg("--out")
        .arg(folder.join("run"));
    command
}

/// Every file under a folder that is a result, by its path there. Manifests and pages hold times.
fn results(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    const KINDS: [&str; 7] = ["jsonl", "parquet", "md", "csv", "svg", "png", "safetensors"];
    let (mut found, mut folders) = (BTreeMap::new(), vec![folder.to_owned()]);
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(&next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let kind = path.extension().unwrap_or_default().to_string_lossy();
            let inside = path.strip_prefix(folder).unwrap().to_owned();
            if KINDS.contains(&&*kind) && !path.ends_with("REPORT.md") {
                found.insert(inside, std::fs::read(&path).unwrap());
            }
        }
    }
    found
}

/// Records name their run, which is the folder's name: the same in both folders compared.
fn assert_same(undisturbed: &Path, disturbed: &Path) {
    let (a, b) = (results(undisturbed), results(disturbed));
    let names = |of: &BTreeMap<PathBuf, Vec<u8>>| of.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&a), names(&b));
    for (name, bytes) in &a {
        assert!(b[name] == *bytes, "{} differs", name.display());
    }
    assert!(a.len() > 40, "only {} results", a.len());
}

#[test]
fn a_plan_writes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let plan = success(reproduce(folder.path()).arg("--dry-run"));
    assert!(
        plan.contains("2 trainings") && plan.contains("about"),
        "{plan}"
    );
    assert!(plan.contains("more for curves"), "{plan}");
    let short = success(reproduce(folder.path()).args(["--dry-run", "--curve-points", "0"]));
    assert!(!short.contains("curves"), "{short}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_second_run_in_the_folder_refuses() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run");
    std::fs::create_dir(&out).unwrap();
    let lock = File::create(out.join(".lock")).unwrap();
    lock.try_lock().unwrap();
    let refused = failure(&mut reproduce(folder.path()));
    assert!(refused.contains("another run is writing here"), "{refused}");
}

#[test]
fn an_unknown_profile_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let error = failure(reproduce(folder.path()).args(["--profile", "nonesuch"]));
    assert!(
        error.contains("nonesuch") && error.contains("glue"),
        "{error}"
    );
}

#[test]
fn a_file_of_ones_own_is_refused_where_tasks_are_gone_through() {
    for command in ["table1", "stats", "sep-cls", "reproduce"] {
        let error = failure(attn().args([command, "--data", "mine.csv", "--text-a", "text"]));
        assert!(
            error.contains("--text-a") && error.contains("finetune"),
            "{command}: {error}"
        );
    }
}

/// Kills the run (SIGKILL) at 25 moments and in between cuts or changes finished files; then lets it
/// end and compares every result with those of a run that nothing disturbed.
#[test]
fn a_run_that_is_killed_and_damaged_ends_with_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let (calm, rough) = (folder.path().join("calm"), folder.path().join("rough"));
    success(&mut reproduce(&calm));
    let mut rng = ChaCha8Rng::seed_from_u64(25);
    let mut damaged = Vec::new();
    for kill in 0..25 {
        let mut child = reproduce(&rough)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(rng.random_range(20..1200)));
        child.kill().unwrap();
        child.wait().unwrap();
        if kill % 5 != 4 {
            continue;
        }
        // Something that is there is cut or changed.
        let there: Vec<PathBuf> = results(&rough)
            .into_keys()
            .filter(|path| !path.ends_with("state.safetensors"))
            .collect();
        if there.is_empty() {
            continue;
        }
        let name = &there[rng.random_range(0..there.len())];
        let path = rough.join(name);
        let mut bytes = std::fs::read(&path).unwrap();
        let place = rng.random_range(0..bytes.len());
        if rng.random_bool(0.5) {
            bytes.truncate(place);
        } else {
            bytes[place] ^= 1 << rng.random_range(0..8);
        }
        std::fs::write(&path, bytes).unwrap();
        damaged.push(name.clone());
    }
    let end = run(&mut reproduce(&rough));
    assert!(end.status.success(), "{damaged:?}: {}", errors(&end));
    assert_same(&calm, &rough);
    // Once more: everything is found.
    let again = run(&mut reproduce(&rough));
    let said = errors(&again);
    assert!(said.matches("nothing to do").count() >= 2, "{said}");
    assert_same(&calm, &rough);
}

/// Runs a command on a disk of `$1` KiB, again and again, each time with half as much space more,
/// until it ends well; keeps what it said each time, and what is on the disk in the end.
const GROWING_DISK: &str = r#"
    size=$1; disk=$2; keep=$3; shift 3
    mount -t tmpfs -o size=${size}k tmpfs "$disk" || exit 77
    until "$@" > /dev/null 2> "$keep/said"; do
        mv "$keep/said" "$keep/full.$size"
        size=$((size * 3 / 2)); [ $size -lt 100000 ] || exit 79
        mount -o remount,size=${size}k "$disk" || exit 78
    done
    cp -r "$disk/." "$keep/disk"
"#;

/// The disk is full over and over, at one stage after the other: each time the error says so, and
/// with more space the run goes on and ends with the bytes of an undisturbed one.
#[test]
fn a_full_disk_is_named_at_every_stage_and_the_run_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let [calm, disk, keep] = ["calm", "small", "keep"].map(|name| folder.path().join(name));
    for folder in [&disk, &keep] {
        std::fs::create_dir(folder).unwrap();
    }
    let work = reproduce(&disk);
    let Some(output) = on_a_small_disk(GROWING_DISK, 250, [&disk, &keep], &work) else {
        return;
    };
    let mut stages = std::collections::BTreeSet::new();
    for entry in std::fs::read_dir(&keep).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none() {
            continue; // the last run's words and its disk
        }
        let said = std::fs::read_to_string(&path).unwrap();
        let told = said.matches("No space left").count();
        assert_eq!(told, 1, "{}: {said}", path.display());
        let stage = said.lines().rfind(|line| line.starts_with("== "));
        stages.insert(stage.unwrap_or_default().to_owned());
    }
    assert!(output.status.success(), "{output:?}");
    assert!(stages.len() >= 3, "the disk was full at {stages:?} only");
    success(&mut reproduce(&calm));
    assert_same(&calm, &keep.join("disk"));
}
