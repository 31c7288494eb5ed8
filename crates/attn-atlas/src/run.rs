//! The folder of one run: records, tables, figures and the manifest that says what made them.

use anyhow::Context;
use attn_core::io::{write_atomically, write_json, write_jsonl};
use attn_core::{InputFile, Manifest, Record};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The dependency versions that this program was built with.
const LOCK: &str = include_str!("../../../Cargo.lock");

/// Libraries whose version decides numbers.
const NUMERIC: [&str; 5] = ["burn", "burn-flex", "gemm", "tokenizers", "safetensors"];

/// The sha256 of bytes, in lower-case hex.
pub fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn hex(digest: &[u8]) -> String {
    digest.iter().map(|b| format!("{b:02x}")).collect()
}

/// Hashes a file that a run reads.
///
/// # Errors
/// When it cannot be read.
pub fn input_file(role: &str, path: &Path) -> anyhow::Result<InputFile> {
    let read = || format!("{}: cannot read", path.display());
    let mut file = File::open(path).with_context(read)?;
    let (mut hasher, mut bytes, mut block) = (Sha256::new(), 0u64, vec![0u8; 1 << 16]);
    loop {
        let count = file.read(&mut block).with_context(read)?;
        if count == 0 {
            break;
        }
        bytes += count as u64;
        hasher.update(&block[..count]);
    }
    let sha256 = hex(&hasher.finalize());
    let name = path
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    Ok(InputFile {
        role: role.to_owned(),
        file: name,
        bytes,
        sha256,
    })
}

/// Version of a package in a Cargo.lock.
fn locked_version(lock: &str, package: &str) -> Option<String> {
    let mut lines = lock
        .lines()
        .skip_while(|line| *line != format!("name = \"{package}\""));
    let version = lines.nth(1)?.strip_prefix("version = \"")?;
    Some(version.trim_end_matches('"').to_owned())
}

fn versions() -> BTreeMap<String, String> {
    let mut versions: BTreeMap<String, String> = NUMERIC
        .into_iter()
        .filter_map(|package| Some((package.to_owned(), locked_version(LOCK, package)?)))
        .collect();
    versions.insert(
        "attention-atlas".to_owned(),
        env!("CARGO_PKG_VERSION").to_owned(),
    );
    versions
}

/// Revision of the checkout that this program was built from.
fn git_revision() -> Option<String> {
    let git = |args: &[&str]| {
        let output = Command::new("git")
            .arg("-C")
            .arg(env!("CARGO_MANIFEST_DIR"))
            .args(args)
            .output()
            .ok()?;
        output
            .status
            .success()
            .then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let revision = git(&["rev-parse", "HEAD"])?;
    // Results are written into the checkout, so that they must not count as changes.
    let changes = git(&["status", "--porcelain", "--", ":/", ":(exclude,top)results"])?;
    Some(if changes.is_empty() {
        revision
    } else {
        format!("{revision}-dirty")
    })
}

/// Writes a text file whole or not at all.
///
/// # Errors
/// When it cannot be written.
pub fn write_text(path: &Path, text: &str) -> anyhow::Result<()> {
    Ok(write_atomically(path, |out| {
        out.write_all(text.as_bytes())
    })?)
}

/// Checks, before any work, that a folder for results is one or can be made.
///
/// # Errors
/// A file of that name, or something on the way to it.
pub fn check_folder(folder: &Path) -> anyhow::Result<()> {
    for part in folder.ancestors() {
        if part.is_dir() || part.as_os_str().is_empty() {
            return Ok(());
        }
        anyhow::ensure!(
            part.symlink_metadata().is_err(),
            "--out {}: {} is a file; name a folder",
            folder.display(),
            part.display()
        );
    }
    Ok(())
}

/// Checks, before any work, that a file can be written under a name that has one of the endings.
///
/// # Errors
/// A folder of that name, another ending, or a folder that cannot be.
pub fn check_file(path: &Path, endings: &[&str]) -> anyhow::Result<()> {
    let shown = path.display();
    let text = path.as_os_str().as_encoded_bytes();
    anyhow::ensure!(
        !path.is_dir() && !text.ends_with(b"/") && path.file_name().is_some(),
        "--out {shown}: a folder; name the file to write, ending in {}",
        endings.join(" or ")
    );
    let name = path.file_name().unwrap_or_default().as_encoded_bytes();
    let fits = |ending: &&str| {
        let at = name.len().checked_sub(ending.len());
        at.and_then(|at| name.get(at..))
            .is_some_and(|found| found.eq_ignore_ascii_case(ending.as_bytes()))
    };
    anyhow::ensure!(
        endings.iter().any(fits),
        "--out {shown}: cannot write this kind of file; expected a name that ends in {}",
        endings.join(" or ")
    );
    check_folder(path.parent().unwrap_or(path))
}

/// What a run is called: its folder's path under `results`, or else the folder's own name.
fn name_of(folder: &Path) -> String {
    let parts: Vec<_> = folder
        .components()
        .map(|part| part.as_os_str().to_string_lossy())
        .collect();
    match parts.iter().rposition(|part| part == "results") {
        Some(at) if at + 1 < parts.len() => parts[at + 1..].join("/"),
        _ => parts.last().map(ToString::to_string).unwrap_or_default(),
    }
}

/// Whether every output that a manifest names is as it was written; a note says which is not.
pub fn undamaged(folder: &Path, manifest: &Manifest) -> bool {
    for output in &manifest.outputs {
        let path = folder.join(&output.role);
        if !input_file(&output.role, &path).is_ok_and(|f| f.sha256 == output.sha256) {
            eprintln!("note: {}: damaged or missing; made anew", path.display());
            return false;
        }
    }
    !manifest.outputs.is_empty()
}

/// A run under way.
pub struct Run {
    folder: PathBuf,
    manifest: Manifest,
}

impl Run {
    /// Begins a run whose results go to `folder`.
    pub fn new(folder: PathBuf, config: serde_json::Value, seed: u64, device: String) -> Self {
        let name = name_of(&folder);
        // Paths need not be UTF-8; a manifest is.
        let mut command: Vec<String> = std::env::args_os()
            .map(|word| word.to_string_lossy().into_owned())
            .collect();
        if let Some(program) = command.first_mut() {
            // Where the program lies says nothing about the result.
            *program = "attn".to_owned();
        }
        let manifest = Manifest {
            run: name,
            command,
            config,
            inputs: Vec::new(),
            seeds: [("all".to_owned(), seed)].into(),
            versions: versions(),
            device,
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            seconds: BTreeMap::new(),
            git: git_revision(),
            notes: Vec::new(),
            outputs: Vec::new(),
        };
        Self { folder, manifest }
    }

    /// The run's name.
    pub fn name(&self) -> &str {
        &self.manifest.run
    }

    /// Where results go.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Sets the full configuration, for runs that know it only after a look at their inputs.
    pub fn configure(&mut self, config: serde_json::Value) {
        self.manifest.config = config;
    }

    /// Notes files read.
    pub fn read(&mut self, inputs: impl IntoIterator<Item = InputFile>) {
        self.manifest.inputs.extend(inputs);
    }

    /// Notes what a reader of the numbers must know.
    pub fn note(&mut self, notes: impl IntoIterator<Item = String>) {
        self.manifest.notes.extend(notes);
    }

    /// Notes a stage's wall time.
    pub fn took(&mut self, stage: impl Into<String>, seconds: f64) {
        *self.manifest.seconds.entry(stage.into()).or_default() += seconds;
    }

    /// Whether the folder holds this very run, whole: the same configuration, inputs, seeds, device
    /// and versions, and every file as it was written. To be asked when all inputs are noted.
    pub fn is_done(&self) -> bool {
        let path = self.folder.join("manifest.json");
        let Some(found) = std::fs::read(&path)
            .ok()
            .and_then(|text| serde_json::from_slice::<Manifest>(&text).ok())
        else {
            return false;
        };
        let (mut inputs, own) = (self.manifest.inputs.clone(), &self.manifest);
        inputs.sort();
        inputs.dedup();
        let same = found.config == own.config
            && found.inputs == inputs
            && found.seeds == own.seeds
            && found.device == own.device
            && found.versions == own.versions;
        if !same || !undamaged(&self.folder, &found) {
            return false;
        }
        eprintln!(
            "{}: done before; nothing to do (delete the folder to do it anew)",
            self.folder.display()
        );
        true
    }

    /// The result files of the folder: at its top, in `figures` and in `tables`.
    fn outputs(&self) -> anyhow::Result<Vec<InputFile>> {
        const KINDS: [&str; 8] = [
            "json",
            "jsonl",
            "parquet",
            "md",
            "csv",
            "svg",
            "png",
            "safetensors",
        ];
        // Not there yet when this is asked, or gone soon.
        const OTHERS: [&str; 3] = ["manifest.json", "receipt.json", "state.safetensors"];
        let mut outputs = Vec::new();
        for part in ["", "figures/", "tables/"] {
            let Ok(entries) = std::fs::read_dir(self.folder.join(part)) else {
                continue;
            };
            for entry in entries {
                let path = entry?.path();
                let kind = path.extension().unwrap_or_default().to_string_lossy();
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                if path.is_file() && KINDS.contains(&&*kind) && !OTHERS.contains(&&*name) {
                    outputs.push(input_file(&format!("{part}{name}"), &path)?);
                }
            }
        }
        outputs.sort();
        Ok(outputs)
    }

    /// Writes records (JSON Lines and Parquet) and, last, the manifest.
    ///
    /// # Errors
    /// When a file cannot be written; what was there before stays whole.
    pub fn finish(self, records: &[Record]) -> anyhow::Result<PathBuf> {
        write_jsonl(&self.folder.join("records.jsonl"), records)?;
        attn_data::parquet::write_records(&self.folder.join("records.parquet"), records)?;
        self.finish_without_records()
    }

    /// Writes the manifest: for folders whose results are no records.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn finish_without_records(mut self) -> anyhow::Result<PathBuf> {
        self.manifest.inputs.sort();
        self.manifest.inputs.dedup();
        self.manifest.outputs = self.outputs()?;
        write_json(&self.folder.join("manifest.json"), &self.manifest)?;
        Ok(self.folder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_named_after_its_folder_under_results() {
        let name = |path: &str| name_of(Path::new(path));
        assert_eq!(name("results/m-glue/table-1"), "m-glue/table-1");
        assert_eq!(name("/a/results/m"), "m");
        assert_eq!(name("/tmp/run"), "run");
        assert_eq!(name("results"), "results");
    }

    #[test]
    fn places_for_results_are_checked_beforehand() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("file"), "x").unwrap();
        assert!(check_folder(&at("")).is_ok() && check_folder(&at("a/b")).is_ok());
        assert!(check_folder(Path::new("new")).is_ok());
        for bad in ["file", "file/a/b"] {
            let error = check_folder(&at(bad)).unwrap_err().to_string();
            assert!(error.contains("file is a file; name a folder"), "{error}");
        }
        let endings = [".safetensors", ".npz"];
        let check = |path: &Path| check_file(path, &endings);
        for good in ["a.safetensors", "new/a.NPZ"] {
            assert!(check(&at(good)).is_ok(), "{good}");
        }
        for (bad, expected) in [
            ("", "a folder; name the file"),
            ("new/", "a folder; name the file"),
            ("x.pt", "ends in .safetensors or .npz"),
            ("maps", "ends in .safetensors or .npz"),
            ("file/x.npz", "file is a file"),
        ] {
            let error = check(&at(bad)).unwrap_err().to_string();
            assert!(error.contains(expected), "{bad}: {error}");
        }
    }

    #[test]
    fn hashes_and_versions() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("abc.txt");
        std::fs::write(&path, "abc").unwrap();
        let file = input_file("input", &path).unwrap();
        // FIPS 180-2, appendix B.1.
        assert_eq!(
            file.sha256,
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        assert_eq!((file.bytes, file.file.as_str()), (3, "abc.txt"));
        assert!(input_file("input", &folder.path().join("none")).is_err());
        let versions = versions();
        assert_eq!(versions["burn"], "0.22.1");
        assert!(versions.contains_key("tokenizers"));
        assert_eq!(locked_version(LOCK, "no-such-package"), None);
    }
}
