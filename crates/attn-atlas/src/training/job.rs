//! One fine-tuning: found by its key when it is done already, gone on with when it was killed. Its
//! folder is held while this looks at it and writes to it.

use super::course::write_course;
use super::{Scored, score, training_set, write_scored};
use crate::inputs::InputSet;
use crate::labels;
use crate::model::OpenModel;
use crate::progress::Progress;
use crate::run::{Run, RunFolder, config_differences, input_file, sha256, undamaged};
use crate::{INTERRUPTED, Interrupted};
use anyhow::Context;
use attn_bert::checkpoint::{self, TOKENIZER_FILES};
use attn_core::io::write_json;
use attn_core::{InputFile, Manifest};
use attn_data::glue::TaskRef;
use attn_train::{EpochRecord, Head, Init, Options, Recipe, TrainError, finetune, prepare_head};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

/// Changes when the same inputs would give other weights.
const VERSION: u32 = 1;
/// Written last: a folder with it holds a finished training.
const RECEIPT: &str = "training/receipt.json";
const STATE: &str = "training/state.safetensors";
const MANIFEST: &str = "training/manifest.json";
const PREDICTIONS: &str = "training/predictions.parquet";

/// What to train.
pub struct Job<'a> {
    /// Where weights and tokenizer come from.
    pub model: &'a OpenModel,
    /// Weights before the first step.
    pub init: Init,
    /// How, with the seed.
    pub recipe: Recipe,
    /// Seed of the evaluation's bootstrap.
    pub bootstrap_seed: u64,
    /// Steps between two states on disk.
    pub state_every: usize,
    /// Where the tuned checkpoint goes.
    pub folder: PathBuf,
}

/// What is written when all else is.
#[derive(Serialize, Deserialize)]
struct Receipt {
    key: String,
    files: Vec<InputFile>,
}

impl Receipt {
    /// Whether everything that a training wrote is as it was written; a note says what is not.
    fn holds(&self, folder: &Path) -> anyhow::Result<bool> {
        for file in &self.files {
            let path = folder.join(&file.role);
            let found = input_file(&file.role, &path);
            if !found.is_ok_and(|found| found.sha256 == file.sha256) {
                eprintln!(
                    "note: {}: damaged or missing; training anew",
                    path.display()
                );
                return Ok(false);
            }
        }
        // The manifest is one of the files, so that it can be read.
        let manifest = std::fs::read(folder.join(MANIFEST))?;
        let manifest: Manifest = serde_json::from_slice(&manifest)?;
        Ok(undamaged(&folder.join("training"), &manifest))
    }
}

/// Whether a folder holds a finished training (of whatever), whole.
pub fn is_whole(folder: &Path) -> bool {
    let receipt = std::fs::read(folder.join(RECEIPT)).ok();
    let receipt = receipt.and_then(|text| serde_json::from_slice::<Receipt>(&text).ok());
    receipt.is_some_and(|receipt| receipt.holds(folder).unwrap_or(false))
}

impl Job<'_> {
    fn task<'s>(&self, set: &'s InputSet) -> anyhow::Result<&'s TaskRef> {
        set.task
            .as_ref()
            .with_context(|| format!("{}: not a task that can be learnt", set.name))
    }

    /// The classifier that training begins with.
    fn head(&self, train: &InputSet) -> anyhow::Result<labels::Fit> {
        match self.init {
            Init::Pretrained => labels::start(self.model, train),
            Init::Normal => Ok(labels::Fit {
                outputs: self.task(train)?.kind().outputs(),
                head: Head::Own,
                map: None,
                notes: Vec::new(),
            }),
        }
    }

    /// Everything that decides the tuned weights and their scores, hashed.
    fn key(&self, train: &InputSet, dev: &InputSet) -> anyhow::Result<String> {
        let (learnt, scored) = (training_set(train)?, training_set(dev)?);
        let mut description = serde_json::json!({
            "version": VERSION, "model": self.model.inputs, "task": train.task,
            "init": self.init, "recipe": self.recipe, "dropout": self.model.checkpoint.config().hidden_dropout_prob,
            "train": learnt.fingerprint(), "dev": scored.fingerprint(),
            "device": self.model.device_name,
        });
        // Named only where it is not what it always was, so that older trainings keep their key.
        let head = self.head(train)?.head;
        if head != Head::Own {
            description["head"] = serde_json::to_value(head)?;
        }
        Ok(sha256(description.to_string().as_bytes()))
    }

    /// The scores of this very training, when the folder holds it whole.
    fn found(
        &self,
        key: &str,
        config: &Value,
        metrics: &[attn_core::Metric],
    ) -> anyhow::Result<Option<Scored>> {
        let path = self.folder.join(RECEIPT);
        let Ok(text) = std::fs::read_to_string(&path) else {
            return Ok(None);
        };
        let Ok(receipt) = serde_json::from_str::<Receipt>(&text) else {
            eprintln!("note: {}: damaged; training anew", path.display());
            return Ok(None);
        };
        anyhow::ensure!(
            receipt.key == key,
            "{}: holds another training ({}): give --out another folder, or delete this one",
            self.folder.display(),
            self.differences(config)
                .unwrap_or_else(|| "other data, model or settings".to_owned())
        );
        if !receipt.holds(&self.folder)? {
            return Ok(None);
        }
        let path = self.folder.join(PREDICTIONS);
        Scored::read(&path, metrics, self.bootstrap_seed).map(Some)
    }

    /// What differs from the settings of the training that the folder holds, if its manifest tells.
    fn differences(&self, config: &Value) -> Option<String> {
        let text = std::fs::read(self.folder.join(MANIFEST)).ok()?;
        let found: Manifest = serde_json::from_slice(&text).ok()?;
        config_differences(&found.config, config)
    }

    /// Whether the folder holds a finished training (of whatever).
    pub fn is_done(&self) -> bool {
        self.folder.join(RECEIPT).is_file()
    }

    /// Trains, or finds that it was done; gives the scores on the evaluation set.
    ///
    /// # Errors
    /// Unlabelled data, a folder that holds another training or into which another process writes with
    /// other settings, everything that training can meet, and an interruption, after which the same
    /// command goes on.
    pub fn run(&self, train: &InputSet, dev: &InputSet) -> anyhow::Result<Scored> {
        let task = self.task(train)?;
        let key = self.key(train, dev)?;
        let what = format!("{task} {} seed {}", self.init, self.recipe.seed);
        let config = self.config(train, dev);
        let source = &self.model.checkpoint;
        // The key has what the settings do not tell: the data's and the model's content.
        let settings = serde_json::json!({
            "config": config, "device": self.model.device_name, "key": key,
        });
        let place = RunFolder::take(&self.folder, &settings, &[source.folder()])?;
        if let Some(scored) = self.found(&key, &config, task.metrics())? {
            eprintln!(
                "{what}: done before, in {}; nothing to do",
                self.folder.display()
            );
            // What a kill between the receipt and the end left.
            self.remove_state()?;
            return Ok(scored);
        }
        let (learnt, held_out) = (training_set(train)?, training_set(dev)?);
        let seed = self.recipe.seed;
        let device = self.model.device_name.clone();
        let mut run = Run::new(place.part("training"), config, seed, device);
        let start = self.head(train)?;
        for note in &start.notes {
            crate::model::say(note);
        }
        let (model, report) = prepare_head(
            source,
            start.outputs,
            self.init,
            &start.head,
            self.recipe.seed,
            &self.model.device,
        )?;
        let options = Options {
            metrics: task.metrics().to_vec(),
            state: Some(self.folder.join(STATE)),
            state_every: self.state_every,
        };
        let mut watch = Watch {
            progress: None,
            what: what.clone(),
        };
        let outcome = finetune(
            model,
            &learnt,
            Some(&held_out),
            &self.recipe,
            &options,
            &mut watch,
        );
        let outcome = match outcome {
            Err(error @ TrainError::Stopped { .. }) => {
                eprintln!("{error}");
                return Err(Interrupted.into());
            }
            other => other.with_context(|| what.clone())?,
        };
        let seconds = watch.progress.map_or(0.0, Progress::finish);
        let evaluation = outcome.evaluation.context("no evaluation was made")?;
        let names = task.labels();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let config = attn_train::tuned_config(source.config(), task.kind(), &names);
        checkpoint::save(&self.folder, &outcome.model, &config, Some(source.folder()))?;
        write_scored(&self.folder.join(PREDICTIONS), dev, &evaluation)?;
        let scored = Scored::new(evaluation.pairs, task.metrics(), self.bootstrap_seed);
        write_course(&self.folder, &what, &outcome.history)?;
        for note in &scored.notes {
            crate::model::say(note);
        }
        let mut notes = start.notes;
        notes.extend(crate::model::notes(&report));
        notes.extend(scored.notes.iter().cloned());
        if self.init == Init::Pretrained {
            notes.extend(self.model.provenance.note(task.name()));
        }
        if outcome.resumed_from > 0 {
            notes.push(format!(
                "training: resumed after step {}",
                outcome.resumed_from
            ));
        }
        run.read(self.model.inputs.iter().cloned());
        run.read(train.inputs.iter().chain(&dev.inputs).cloned());
        run.note(train.notes.iter().chain(&dev.notes).cloned().chain(notes));
        run.took("finetune", seconds);
        self.write_records(run, dev, &scored)?;
        self.write_receipt(key)?;
        // Only now: a kill before the receipt goes on from the state.
        self.remove_state()?;
        Ok(scored)
    }

    /// Deletes what training would go on from, if it is there.
    fn remove_state(&self) -> anyhow::Result<()> {
        let state = self.folder.join(STATE);
        match std::fs::remove_file(&state) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(error).with_context(|| format!("{}: cannot delete", state.display()))
            }
            _ => Ok(()),
        }
    }

    /// Every setting, for the manifest.
    fn config(&self, train: &InputSet, dev: &InputSet) -> Value {
        serde_json::json!({
            "experiment": "finetune", "model": self.model.name, "task": train.task, "init": self.init,
            "recipe": self.recipe,
            "dropout": self.model.checkpoint.config().hidden_dropout_prob, "train_examples": train.examples.len(),
            "eval_examples": dev.examples.len(), "max_length": self.model.tokenizer.limit(),
            "held_out": held_out(train, dev),
            "bootstrap_seed": self.bootstrap_seed, "replicates": score::REPLICATES,
        })
    }

    fn write_records(&self, run: Run, dev: &InputSet, scored: &Scored) -> anyhow::Result<()> {
        let name = self
            .folder
            .file_name()
            .unwrap_or_default()
            .to_string_lossy();
        let seed = self.recipe.seed;
        let records = super::scored_records(&name, &self.model.name, dev, scored, seed);
        run.finish(&records)?;
        Ok(())
    }

    fn write_receipt(&self, key: String) -> anyhow::Result<()> {
        let files = ["model.safetensors", "config.json", PREDICTIONS, MANIFEST]
            .into_iter()
            .chain(TOKENIZER_FILES)
            .filter(|name| self.folder.join(name).is_file())
            .map(|name| input_file(name, &self.folder.join(name)))
            .collect::<anyhow::Result<_>>()?;
        Ok(write_json(
            &self.folder.join(RECEIPT),
            &Receipt { key, files },
        )?)
    }
}

/// Whether to go on: not when Ctrl-C was pressed.
pub fn heard() -> ControlFlow<()> {
    if INTERRUPTED.load(Ordering::Relaxed) {
        ControlFlow::Break(())
    } else {
        ControlFlow::Continue(())
    }
}

/// Whether the evaluation rows are those that training left over of the same files.
fn held_out(train: &InputSet, dev: &InputSet) -> bool {
    let hashes = |set: &InputSet| -> BTreeSet<String> {
        set.inputs.iter().map(|file| file.sha256.clone()).collect()
    };
    let learnt: BTreeSet<&str> = train
        .examples
        .iter()
        .map(|e| e.example.id.as_str())
        .collect();
    let mut scored = dev.examples.iter().map(|e| e.example.id.as_str());
    hashes(train) == hashes(dev) && !scored.any(|id| learnt.contains(id))
}

/// Shows how training goes, and ends it on Ctrl-C.
struct Watch {
    progress: Option<Progress>,
    what: String,
}

impl Watch {
    fn bar(&mut self, done: usize, total: usize) -> &mut Progress {
        let what = &self.what;
        self.progress
            .get_or_insert_with(|| Progress::resumed(what, done as u64, total as u64))
    }
}

impl attn_train::Observer for Watch {
    fn resumed(&mut self, done: usize, total: usize) {
        eprintln!("{}: going on after step {done} of {total}", self.what);
        self.bar(done, total);
    }

    fn damaged(&mut self, damage: &TrainError) {
        eprintln!("note: {damage}; training from the start");
    }

    fn step(&mut self, progress: &attn_train::Progress) -> ControlFlow<()> {
        let (step, total) = (progress.record.step, progress.total);
        let bar = self.bar(step - 1, total);
        bar.say(format!("loss {:.3}", progress.record.loss));
        bar.set(step as u64);
        heard()
    }

    fn evaluating(&mut self, _done: usize, _total: usize) -> ControlFlow<()> {
        heard()
    }

    fn epoch(&mut self, record: &EpochRecord) {
        let scores: Vec<String> = record
            .scores
            .iter()
            .map(|s| match s.value {
                Some(value) => format!("{} {value:.4}", s.metric),
                None => format!("{} undefined", s.metric),
            })
            .collect();
        let line = format!(
            "{}, epoch {}: loss {:.4}, {}",
            self.what,
            record.epoch,
            record.loss,
            scores.join(", ")
        );
        match &self.progress {
            Some(progress) => progress.line(&line),
            None => eprintln!("{line}"),
        }
    }
}
