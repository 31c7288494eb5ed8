//! `attn reproduce` from outside: a plan, a lock, and runs that are killed and damaged on the way.

mod common;

use attn_core::Manifest;
use common::{attn, errors, failure, on_a_small_disk, run, success, tiny};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Every stage that a full run has.
const ALL: &str = "table1,framenet,stats,patterns,ablation,report";

fn reproduce(folder: &Path) -> Command {
    reproduce_only("table1,stats,ablation,report", "1", folder)
}

fn reproduce_only(stages: &str, epochs: &str, folder: &Path) -> Command {
    let mut command = attn();
    command
        .args(["reproduce", "--tasks", "MNLI", "--max-length", "64"])
        .args([
            "--max-train",
            "32",
            "--max-eval",
            "12",
            "--max-scored",
            "12",
        ])
        .args(["--epochs", epochs, "--only", stages, "--model"])
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
fn a_second_run_in_the_folder_waits_or_refuses() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run");
    let mut first = reproduce(folder.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let start = Instant::now();
    while std::fs::metadata(out.join(".lock")).map_or(0, |lock| lock.len()) == 0 {
        assert!(start.elapsed() < Duration::from_secs(60));
        std::thread::sleep(Duration::from_millis(2));
    }
    let refused = failure(reproduce(folder.path()).args(["--seed", "7"]));
    assert!(
        refused.contains("writing here with other settings (seed is null there, \"7\" here)"),
        "{refused}"
    );
    let second = run(&mut reproduce(folder.path()));
    let said = errors(&second);
    assert!(
        first.wait().unwrap().success() && second.status.success(),
        "{said}"
    );
    assert!(said.contains("waiting for it to end"), "{said}");
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

/// Where the run is stopped, in its order, at least twice in every stage: before a file has its name
/// (which leaves a temporary), just after, and in the middle of work. What is damaged at some of them
/// is given by its path: a byte is changed, or the end cut off.
const STOPS: [(&str, Option<(&str, Damage)>); 33] = [
    ("during MNLI pretrained seed 1#2", None),
    ("write training/state.safetensors", None),
    (
        "wrote training/state.safetensors",
        Some((
            "checkpoints/MNLI-pretrained-s1/training/state.safetensors",
            Damage::Byte,
        )),
    ),
    ("wrote training/state.safetensors", None),
    ("write MNLI-pretrained-s1/model.safetensors", None),
    ("write training/predictions.parquet", None),
    ("write training/receipt.json", None),
    (
        "wrote MNLI-pretrained-s1/training/receipt.json",
        Some((
            "checkpoints/MNLI-pretrained-s1/model.safetensors",
            Damage::Byte,
        )),
    ),
    ("wrote MNLI-normal-s1/config.json", None),
    ("write tables/table-1.csv", None),
    (
        "wrote table1/manifest.json",
        Some(("run/table1/records.parquet", Damage::Cut)),
    ),
    ("during FrameNet sentences#2", None),
    ("write figures/figure-3-example.svg", None),
    (
        "write framenet/manifest.json",
        Some((
            "checkpoints/MNLI-normal-s1/training/manifest.json",
            Damage::Byte,
        )),
    ),
    ("wrote framenet/manifest.json", None),
    ("during stats MNLI", None),
    ("write stats/records.jsonl", None),
    ("write stats/manifest.json", None),
    (
        "wrote stats/manifest.json",
        Some(("run/stats/manifest.json", Damage::Cut)),
    ),
    ("during patterns-shares MNLI pretrained", None),
    ("during patterns-shares MNLI fine-tuned", None),
    ("write figures/figure-1.png", None),
    ("during grid MNLI", None),
    ("write patterns/manifest.json", None),
    (
        "wrote patterns/manifest.json",
        Some(("run/patterns/figures/figure-1.svg", Damage::Byte)),
    ),
    ("during ablating MNLI", None),
    ("write MNLI/predictions.parquet", None),
    ("during MNLI cumulative, half 2", None),
    ("write MNLI/manifest.json", None),
    ("wrote MNLI/manifest.json", None),
    (
        "write ablation/tables/claims.md",
        Some(("run/ablation/MNLI/predictions.parquet", Damage::Byte)),
    ),
    ("write report.html", None),
    ("write REPORT.md", None),
];

#[derive(Clone, Copy)]
enum Damage {
    Byte,
    Cut,
}

/// Files and folders below one whose names end so.
fn ending(folder: &Path, end: &str) -> Vec<PathBuf> {
    let (mut found, mut folders) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(&next).unwrap() {
            let path = entry.unwrap().path();
            if path.to_string_lossy().ends_with(end) {
                found.push(path.clone());
            }
            if path.is_dir() {
                folders.push(path);
            }
        }
    }
    found
}

/// What each manifest says was written, by the manifest's place.
fn outputs(folder: &Path) -> BTreeMap<PathBuf, Vec<String>> {
    let of = |path: &PathBuf| -> Vec<String> {
        let manifest: Manifest = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        manifest.outputs.into_iter().map(|file| file.role).collect()
    };
    let manifests = ending(folder, "manifest.json");
    let inside = |path: &PathBuf| path.strip_prefix(folder).unwrap().to_owned();
    manifests
        .iter()
        .map(|path| (inside(path), of(path)))
        .collect()
}

/// Stops the run at each point, and in between cuts or changes finished files; then lets it end and
/// compares every result, and every manifest's list of them, with those of a run that nothing
/// disturbed.
#[test]
fn a_run_that_is_killed_and_damaged_ends_with_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let (calm, rough) = (folder.path().join("calm"), folder.path().join("rough"));
    // Two epochs of one step, each with a state at its end.
    let all = |place: &Path| reproduce_only(ALL, "2", place);
    success(&mut all(&calm));
    let mut leftovers = 0;
    for (point, damage) in STOPS {
        let output = run(all(&rough).env("ATTN_STOP_AT", point));
        let said = errors(&output);
        assert!(
            said.contains("ATTN_STOP_AT: stopped at"),
            "'{point}' is not reached: {said}"
        );
        assert!(!output.status.success());
        leftovers += ending(&rough, ".tmp").len();
        let Some((name, how)) = damage else { continue };
        let path = rough.join(name);
        let mut bytes = std::fs::read(&path).unwrap();
        let half = bytes.len() / 2;
        match how {
            Damage::Byte => bytes[half] ^= 4,
            Damage::Cut => bytes.truncate(half),
        }
        std::fs::write(&path, bytes).unwrap();
    }
    assert!(
        leftovers > 10,
        "only {leftovers} half-written files were left on the way"
    );
    let end = run(&mut all(&rough));
    assert!(end.status.success(), "{}", errors(&end));
    assert_same(&calm, &rough);
    assert_eq!(outputs(&calm), outputs(&rough));
    assert_eq!(ending(&rough, ".tmp"), Vec::<PathBuf>::new());
    let again = run(&mut all(&rough));
    let said = errors(&again);
    for stage in ["table1", "framenet", "stats", "patterns"] {
        let line = format!("run/{stage}: done before");
        assert_eq!(said.matches(&line).count(), 1, "{line}: {said}");
    }
    assert_eq!(said.matches("done before, in").count(), 2, "{said}");
    let found = String::from_utf8_lossy(&again.stdout).into_owned();
    assert_eq!(found.matches("holds this very run").count(), 1, "{found}");
    assert_same(&calm, &rough);
}

/// The starter set and the profiles come with the program: it runs where no checkout is.
#[test]
fn the_starter_set_is_there_in_any_folder() {
    let folder = tempfile::tempdir().unwrap();
    let (here, cache) = (folder.path().join("here"), folder.path().join("cache"));
    std::fs::create_dir(&here).unwrap();
    let model = tiny().canonicalize().unwrap();
    let started = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_attn"));
        command
            .current_dir(&here)
            .env("ATTN_OFFLINE", "1")
            .env("ATTN_CACHE", &cache)
            .args(["reproduce", "--tasks", "MNLI", "--max-length", "64"])
            .args(["--epochs", "1", "--max-train", "32", "--max-eval", "12"])
            .args(["--max-scored", "12", "--curve-points", "0", "--model"])
            .arg(&model);
        command
    };
    let first = run(&mut started());
    let said = errors(&first);
    assert!(first.status.success(), "{said}");
    assert!(
        said.contains("no datasets/starter/glue here: taking"),
        "{said}"
    );
    let results = here.join("results/tiny-bert-starter");
    for stage in ["table1", "framenet", "stats", "patterns", "ablation/MNLI"] {
        assert!(
            results.join(stage).join("manifest.json").is_file(),
            "{stage}"
        );
    }
    assert!(results.join("report.html").is_file());
    std::fs::write(cache.join("starter/glue/MNLI/train.tsv"), "broken").unwrap();
    let said = errors(&run(&mut started()));
    assert!(said.matches("done before").count() >= 4, "{said}");
    assert!(
        std::fs::metadata(cache.join("starter/glue/MNLI/train.tsv"))
            .unwrap()
            .len()
            > 1000
    );
}

/// The very command of the README, as far as a plan: its model comes from the cache.
#[test]
fn reproduce_without_options_runs_in_any_folder() {
    let mut known = attn();
    known.args(["fetch", "all-MiniLM-L6-v2"]);
    if !run(&mut known).status.success() {
        eprintln!("SKIPPED: all-MiniLM-L6-v2 is not in the cache");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_attn"));
    command.current_dir(folder.path()).env("ATTN_OFFLINE", "1");
    let plan = success(command.args(["reproduce", "--dry-run"]));
    assert!(plan.contains("all-MiniLM-L6-v2 on MRPC, STS-B"), "{plan}");
    assert!(plan.contains("framenet"), "{plan}");
    assert!(
        plan.contains("into results/all-MiniLM-L6-v2-starter"),
        "{plan}"
    );
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
