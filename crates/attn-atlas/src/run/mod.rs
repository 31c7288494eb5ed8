//! The folder of one run: records, tables, figures and the manifest that says what made them.
//!
//! One scheme for all experiments. A [`RunFolder`] is checked and held by one process. A [`Run`] in it
//! knows its key (configuration, inputs, seeds, device, versions) and so whether the folder holds this
//! very run, whole ([`Run::found`]); it notes by itself what is written while it is under way, so that
//! its manifest does not depend on what lay in the folder before.

mod folder;
mod names;
mod provenance;

pub use folder::RunFolder;
pub use names::{check_file, check_folder};
use provenance::versions;
pub use provenance::{git_revision, input_file, sha256};

use attn_core::io::{Journal, write_atomically, write_json, write_jsonl};
use attn_core::lock::differences;
use attn_core::{InputFile, Manifest, Record};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Writes a text file whole or not at all.
///
/// # Errors
/// When it cannot be written.
pub fn write_text(path: &Path, text: &str) -> anyhow::Result<()> {
    Ok(write_atomically(path, |out| {
        out.write_all(text.as_bytes())
    })?)
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

/// What differs between two configurations, in words. The hash that some of them carry says nothing
/// to a reader; it counts where nothing else differs.
pub fn config_differences(there: &serde_json::Value, here: &serde_json::Value) -> Option<String> {
    let bare = |config: &serde_json::Value| {
        let mut config = config.clone();
        config.as_object_mut().map(|fields| fields.remove("key"));
        config
    };
    let words = differences(&bare(there), &bare(here));
    words.or_else(|| (there != here).then(|| "other model, data or heads".to_owned()))
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

/// What a folder holds already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// No finished run.
    Nothing,
    /// This very run, whole.
    Done,
    /// This run, made with other versions or damaged since: it is made again. A note was printed.
    Stale,
    /// A run of something else, with what differs in words.
    Other(String),
}

/// A run under way.
pub struct Run {
    place: RunFolder,
    journal: Journal,
    manifest: Manifest,
    /// Outputs of an earlier time that stay as they are.
    kept: Vec<String>,
}

impl Run {
    /// Begins a run whose results go to a folder.
    pub fn new(place: RunFolder, config: serde_json::Value, seed: u64, device: String) -> Self {
        let name = name_of(place.path());
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
        Self {
            journal: Journal::open(place.path()),
            place,
            manifest,
            kept: Vec::new(),
        }
    }

    /// Takes a folder ([`RunFolder::take`]) for a run and begins it. What is read is named by its paths.
    ///
    /// # Errors
    /// Those of [`RunFolder::take`].
    pub fn open(
        folder: PathBuf,
        config: serde_json::Value,
        seed: u64,
        device: String,
        inputs: &[&Path],
    ) -> anyhow::Result<Self> {
        let settings = serde_json::json!({ "config": config, "seed": seed, "device": device });
        let place = RunFolder::take(&folder, &settings, inputs)?;
        Ok(Self::new(place, config, seed, device))
    }

    /// A finished run of which some results are made again from what it stored, in the folder that holds
    /// it: what is not written anew stays, and stays in the manifest.
    pub fn reopened(place: RunFolder, manifest: Manifest) -> Self {
        Self {
            journal: Journal::open(place.path()),
            kept: manifest.outputs.iter().map(|o| o.role.clone()).collect(),
            place,
            manifest,
        }
    }

    /// The manifest of a reopened run, to bring up to date.
    pub fn manifest_mut(&mut self) -> &mut Manifest {
        &mut self.manifest
    }

    /// The run's name.
    pub fn name(&self) -> &str {
        &self.manifest.run
    }

    /// Where results go.
    pub fn folder(&self) -> &Path {
        self.place.path()
    }

    /// The folder with its lock, to be held beyond the end of the run.
    pub fn place(&self) -> RunFolder {
        self.place.clone()
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

    /// What the folder holds, seen from this run: the same is a run of the same configuration, inputs,
    /// seeds, device and versions. To be asked when all inputs are noted.
    pub fn found(&self) -> Found {
        let path = self.folder().join("manifest.json");
        let Ok(text) = std::fs::read(&path) else {
            return Found::Nothing;
        };
        let Ok(found) = serde_json::from_slice::<Manifest>(&text) else {
            eprintln!("note: {}: damaged; made anew", path.display());
            return Found::Stale;
        };
        let (mut inputs, own) = (self.manifest.inputs.clone(), &self.manifest);
        inputs.sort();
        inputs.dedup();
        if let Some(words) = config_differences(&found.config, &own.config) {
            return Found::Other(words);
        }
        for (same, what) in [
            (found.inputs == inputs, "other input files"),
            (found.seeds == own.seeds, "another seed"),
            (found.device == own.device, "another device"),
        ] {
            if !same {
                return Found::Other(what.to_owned());
            }
        }
        if found.versions != own.versions {
            let json = |of: &BTreeMap<String, String>| serde_json::json!(of);
            let words = differences(&json(&found.versions), &json(&own.versions));
            eprintln!(
                "note: {}: made with other versions ({}); made anew",
                self.folder().display(),
                words.unwrap_or_default()
            );
            return Found::Stale;
        }
        if undamaged(self.folder(), &found) {
            Found::Done
        } else {
            Found::Stale
        }
    }

    /// Whether the folder holds this very run, whole; said on screen, as is what it holds otherwise.
    pub fn is_done(&self) -> bool {
        let folder = self.folder().display();
        match self.found() {
            Found::Done => {
                eprintln!("{folder}: done before; nothing to do (delete the folder to do it anew)");
                true
            }
            Found::Other(words) => {
                eprintln!("note: {folder}: holds a run of something else ({words}); replacing it");
                false
            }
            Found::Nothing | Found::Stale => false,
        }
    }

    /// What was written since the run began: at the folder's top, in `figures` and in `tables`.
    fn outputs(&self) -> anyhow::Result<Vec<InputFile>> {
        // Not whole yet when this is asked, or gone soon.
        const OTHERS: [&str; 3] = ["manifest.json", "receipt.json", "state.safetensors"];
        let mut outputs = Vec::new();
        for file in self.journal.written() {
            let parts: Vec<_> = file.iter().map(|part| part.to_string_lossy()).collect();
            let result = match &parts[..] {
                [name] => !OTHERS.contains(&&**name),
                [folder, _] => ["figures", "tables"].contains(&&**folder),
                _ => false,
            };
            let path = self.folder().join(&file);
            if result && path.is_file() {
                outputs.push(input_file(&parts.join("/"), &path)?);
            }
        }
        for role in &self.kept {
            let path = self.folder().join(role);
            if path.is_file() && !outputs.iter().any(|o: &InputFile| o.role == *role) {
                outputs.push(input_file(role, &path)?);
            }
        }
        outputs.sort();
        Ok(outputs)
    }

    /// Deletes the files that an earlier run in this folder wrote and this one did not, if they are as
    /// it left them: the folder then holds what this run alone would have made.
    fn clear_former(&self) {
        let former = std::fs::read(self.folder().join("manifest.json")).ok();
        let former = former.and_then(|text| serde_json::from_slice::<Manifest>(&text).ok());
        for old in former.iter().flat_map(|manifest| &manifest.outputs) {
            let path = self.folder().join(&old.role);
            let inside = Path::new(&old.role)
                .components()
                .all(|part| matches!(part, std::path::Component::Normal(_)));
            let kept = self.manifest.outputs.iter().any(|new| new.role == old.role);
            let same = || input_file(&old.role, &path).is_ok_and(|f| f.sha256 == old.sha256);
            if inside && !kept && same() {
                // A file that cannot be deleted is in nobody's manifest.
                let _ = std::fs::remove_file(&path);
            }
        }
    }

    /// Writes records (JSON Lines and Parquet) and, last, the manifest.
    ///
    /// # Errors
    /// When a file cannot be written; what was there before stays whole.
    pub fn finish(self, records: &[Record]) -> anyhow::Result<PathBuf> {
        write_jsonl(&self.folder().join("records.jsonl"), records)?;
        attn_data::parquet::write_records(&self.folder().join("records.parquet"), records)?;
        self.finish_without_records()
    }

    /// Writes records as Parquet alone, for runs with many of them, and, last, the manifest.
    ///
    /// # Errors
    /// When a file cannot be written; what was there before stays whole.
    pub fn finish_in_parquet(self, records: &[Record]) -> anyhow::Result<PathBuf> {
        attn_data::parquet::write_records(&self.folder().join("records.parquet"), records)?;
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
        self.clear_former();
        write_json(&self.folder().join("manifest.json"), &self.manifest)?;
        Ok(self.folder().to_owned())
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
}
