//! Strangers' files from outside: each ends in exit status 1 and one line that names the file, within
//! 30 seconds and 2 GB of memory.
//!
//! The corpus is made here, so that files of 100 MB need not lie in the repository.

mod common;

use common::{attn, root, tiny};
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const MOST_SECONDS: u64 = 30;
const MOST_BYTES: u64 = 2 << 30;
/// The largest hostile file.
const LARGE: u64 = 100 << 20;

/// The most memory that a running process held so far, in bytes; `None` where the system does not tell.
fn peak(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kib * 1024)
}

/// Runs a command within the bounds of time and memory; gives its exit status and what it said.
fn bounded(what: &str, command: &mut Command) -> (Option<i32>, String) {
    let start = Instant::now();
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("attn starts");
    let mut pipe = child.stderr.take().unwrap();
    let reader = std::thread::spawn(move || {
        let mut said = String::new();
        pipe.read_to_string(&mut said).map(|_| said)
    });
    let mut most = 0;
    let status = loop {
        most = most.max(peak(child.id()).unwrap_or(0));
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if start.elapsed() > Duration::from_secs(MOST_SECONDS) {
            child.kill().unwrap();
            panic!("{what}: still running after {MOST_SECONDS} s");
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    let said = reader.join().unwrap().unwrap();
    assert!(!said.contains("panicked"), "{what}: {said}");
    assert!(most < MOST_BYTES, "{what}: {} MB", most >> 20);
    let seconds = start.elapsed().as_secs_f64();
    eprintln!("{what}: {seconds:.1} s, {} MB", most >> 20);
    (status.code(), said)
}

/// Runs a command that must refuse what `file` names.
fn refuses(what: &str, file: &str, command: &mut Command) {
    let (status, said) = bounded(what, command);
    assert_eq!(status, Some(1), "{what}: {said}");
    let errors: Vec<&str> = said.lines().filter(|l| l.starts_with("error: ")).collect();
    let [error] = errors[..] else {
        panic!("{what}: {} lines of error: {said}", errors.len());
    };
    assert!(
        error.contains(file),
        "{what}: does not name {file}: {error}"
    );
}

/// The tiny checkpoint in a folder of its own, one of its files replaced.
fn model(folder: &Path, name: &str, file: &str, content: impl FnOnce(&Path)) -> PathBuf {
    let to = folder.join(name);
    fs::create_dir(&to).unwrap();
    for entry in fs::read_dir(tiny()).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            fs::copy(&path, to.join(path.file_name().unwrap())).unwrap();
        }
    }
    let replaced = to.join(file);
    let _ = fs::remove_file(&replaced);
    content(&replaced);
    to
}

/// A file of zeros that takes no room on the disk.
fn zeros(path: &Path) {
    File::create(path).unwrap().set_len(LARGE).unwrap();
}

fn extract(model: &Path, input: &Path, out: &Path) -> Command {
    let mut command = attn();
    command.args(["extract", "--max-length", "64", "--model"]);
    command.arg(model).arg("--input").arg(input);
    command.arg("--out").arg(out);
    command
}

#[test]
fn checkpoints() {
    let folder = tempfile::tempdir().unwrap();
    let (input, out) = (folder.path().join("in.tsv"), folder.path().join("out.npz"));
    fs::write(&input, "The cat sleeps.\n").unwrap();
    let text = |file: &str| fs::read_to_string(tiny().join(file)).unwrap();
    let edited = |file: &str, change: &dyn Fn(&mut serde_json::Value)| {
        let mut value = serde_json::from_str(&text(file)).unwrap();
        change(&mut value);
        value.to_string()
    };
    let layers = edited("config.json", &|c| {
        c["num_hidden_layers"] = 1_000_000.into()
    });
    let words = edited("config.json", &|c| c["vocab_size"] = 2_000_000_000.into());
    let charsmap = edited("tokenizer.json", &|t| {
        t["normalizer"] =
            serde_json::json!({"type": "Precompiled", "precompiled_charsmap": "AAAA/w=="});
    });
    let pattern = edited("tokenizer.json", &|t| {
        t["pre_tokenizer"] = serde_json::json!({
            "type": "Split", "pattern": {"Regex": "(a|a)*(?=b)(a+)+$"}, "behavior": "Isolated", "invert": false
        });
    });
    let deep = format!("{}1{}", "[".repeat(1_000_000), "]".repeat(1_000_000));
    // A header of 64 MB that promises tensors without end.
    let header = |path: &Path| {
        let mut bytes = (64u64 << 20).to_le_bytes().to_vec();
        bytes.extend(b"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},");
        fs::write(path, bytes).unwrap();
        let file = File::options().write(true).open(path).unwrap();
        file.set_len(LARGE).unwrap();
    };
    let lfs = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 90868376\n";
    type Content<'a> = Box<dyn Fn(&Path) + 'a>;
    let put =
        |text: &'static str| -> Content<'static> { Box::new(move |p| fs::write(p, text).unwrap()) };
    let own =
        |text: String| -> Content<'static> { Box::new(move |p| fs::write(p, &text).unwrap()) };
    let cases: Vec<(&str, &str, Content<'_>)> = vec![
        ("a million layers", "config.json", own(layers)),
        ("a deep configuration", "config.json", own(deep.clone())),
        ("zeros as configuration", "config.json", Box::new(zeros)),
        ("zeros as weights", "model.safetensors", Box::new(zeros)),
        ("a huge header", "model.safetensors", Box::new(header)),
        ("a git-lfs pointer", "model.safetensors", put(lfs)),
        (
            "a page",
            "model.safetensors",
            put("<!DOCTYPE html><html></html>"),
        ),
        ("zeros as tokenizer", "tokenizer.json", Box::new(zeros)),
        ("a deep tokenizer", "tokenizer.json", own(deep)),
        ("a broken charsmap", "tokenizer.json", own(charsmap)),
        ("an exploding pattern", "tokenizer.json", own(pattern)),
    ];
    for (number, (what, file, content)) in cases.into_iter().enumerate() {
        let hostile = model(folder.path(), &number.to_string(), file, |p| content(p));
        refuses(what, file, &mut extract(&hostile, &input, &out));
    }
    // Here the weights are named that do not fit.
    let large = model(folder.path(), "words", "config.json", |p| {
        fs::write(p, &words).unwrap()
    });
    let mut command = extract(&large, &input, &out);
    refuses("two milliard words", "model.safetensors", &mut command);
    let pickle = model(folder.path(), "pickle", "model.safetensors", |_| ());
    zeros(&pickle.join("pytorch_model.bin"));
    refuses(
        "zeros as pickle",
        "pytorch_model.bin",
        &mut extract(&pickle, &input, &out),
    );
    assert!(!out.exists());
}

#[test]
fn data() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let out = at("out.npz");
    // One word, and one line, of 16 MB.
    let words = "the cat ".repeat(2 << 20);
    fs::write(at("word.tsv"), "a".repeat(16 << 20)).unwrap();
    fs::write(at("line.tsv"), &words).unwrap();
    fs::write(at("field.csv"), format!("text\n\"{words}\"\n")).unwrap();
    fs::write(at("open.csv"), format!("text\n\"{words}")).unwrap();
    let deep = format!("{}1{}", "[".repeat(1 << 20), "]".repeat(1 << 20));
    fs::write(at("deep.jsonl"), format!("{{\"text\": {deep}}}\n")).unwrap();
    zeros(&at("zeros.csv"));
    zeros(&at("zeros.tsv"));
    // Of a long text that can be cut, its beginning is used.
    let (status, said) = bounded(
        "line.tsv",
        &mut extract(&tiny(), &at("line.tsv"), &at("line.npz")),
    );
    assert!(status == Some(0) && said.contains("cut to 64"), "{said}");
    for name in ["word.tsv", "zeros.tsv"] {
        refuses(name, name, &mut extract(&tiny(), &at(name), &out));
    }
    for name in ["field.csv", "open.csv", "deep.jsonl", "zeros.csv"] {
        let mut command = attn();
        command.args([
            "extract",
            "--text-a",
            "text",
            "--max-length",
            "64",
            "--model",
        ]);
        command.arg(tiny()).arg("--data").arg(at(name));
        refuses(name, name, command.arg("--out").arg(&out));
    }
    // A folder in GLUE's layout with damaged Parquet.
    fs::create_dir_all(at("glue/mnli")).unwrap();
    zeros(&at("glue/mnli/validation_matched-00000-of-00001.parquet"));
    let mut command = attn();
    command.args(["extract", "--task", "MNLI", "--max-length", "64", "--model"]);
    command.arg(tiny()).arg("--data").arg(at("glue"));
    refuses(
        "zeros as Parquet",
        "validation_matched-00000-of-00001.parquet",
        command.arg("--out").arg(&out),
    );
    // A profile, and an archive of FrameNet.
    zeros(&at("profile.toml"));
    let mut command = attn();
    command.args(["reproduce", "--dry-run", "--profile"]);
    refuses("a profile", "profile.toml", command.arg(at("profile.toml")));
    zeros(&at("framenet.zip"));
    let mut command = attn();
    command.args(["framenet", "filter", "--out"]);
    command.arg(at("links.jsonl")).arg("--framenet");
    refuses(
        "an archive",
        "framenet.zip",
        command.arg(at("framenet.zip")),
    );
    assert!(!out.exists());
}

#[test]
fn maps_and_annotations() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    zeros(&at("zeros.safetensors"));
    zeros(&at("zeros.npz"));
    // NumPy's header promises more than there is.
    let mut npy = b"\x93NUMPY\x01\x00".to_vec();
    let header = "{'descr': '<f4', 'fortran_order': False, 'shape': (99999, 99999), }";
    npy.extend((header.len() as u16).to_le_bytes());
    npy.extend(header.as_bytes());
    fs::write(at("lies.npy"), npy).unwrap();
    for name in ["zeros.safetensors", "zeros.npz", "lies.npy"] {
        let mut command = attn();
        command.args(["classify", "--maps"]).arg(at(name));
        refuses(name, name, command.arg("--out").arg(at("classes.csv")));
    }
    // A sentence of a hundred thousand words, each depending on the one before.
    let chain: String = (1..=100_000)
        .map(|i| format!("{i}\tthe\tthe\tDET\tDT\t_\t{}\tdep\t_\t_\n", i - 1))
        .collect();
    fs::write(at("chain.conllu"), chain + "\n").unwrap();
    let mut command = attn();
    command.args([
        "stats",
        "--tasks",
        "MNLI",
        "--max-eval",
        "4",
        "--max-length",
        "64",
        "--model",
    ]);
    command
        .arg(tiny())
        .arg("--annotations")
        .arg(at("chain.conllu"));
    command
        .arg("--data")
        .arg(root().join("datasets/starter/glue"));
    refuses(
        "a chain",
        "chain.conllu",
        command.arg("--out").arg(at("stats")),
    );
}
