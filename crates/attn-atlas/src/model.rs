//! A model ready to run: weights, tokenizer and device that fit one another.

use crate::cli::{CacheArgs, ModelArgs};
use crate::held_out::TrainedOn;
use crate::run::input_file;
use anyhow::Context;
use attn_bert::checkpoint::TOKENIZER_FILES;
use attn_bert::{BertConfig, BertModel, Checkpoint, LoadReport};
use attn_core::InputFile;
use attn_data::store::{Bars, Catalogue, Progress, Settings, Store, Transfer};
use attn_data::tokenise::Tokenizer;
use burn::tensor::Device;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

/// A loaded encoder with everything that belongs to it.
pub struct LoadedModel {
    /// The catalogue's name or the folder's.
    pub name: String,
    /// Shapes.
    pub config: BertConfig,
    /// Weights on the device.
    pub encoder: BertModel,
    /// Its tokenizer.
    pub tokenizer: Tokenizer,
    /// Files read.
    pub inputs: Vec<InputFile>,
    /// Backend and device, for the manifest.
    pub device: String,
    /// What loading left out or did not use, for the manifest.
    pub notes: Vec<String>,
    /// What it was fine-tuned on, if we did that.
    pub trained_on: TrainedOn,
}

/// Download progress that Ctrl-C can end.
#[derive(Default)]
pub struct Download(Bars);

impl Progress for Download {
    fn update(&mut self, transfer: &Transfer<'_>) {
        self.0.update(transfer);
    }
    fn note(&mut self, text: &str) {
        self.0.note(text);
    }
    fn cancelled(&self) -> bool {
        crate::INTERRUPTED.load(Ordering::Relaxed)
    }
}

/// The store and the list of artefacts that the arguments name.
///
/// # Errors
/// A broken list, or a system without a cache folder.
pub fn store(args: &CacheArgs) -> anyhow::Result<(Store, Catalogue)> {
    let mut settings = Settings::from_env(args.cache.clone())?;
    settings.offline |= args.offline;
    let catalogue = match &args.sources {
        Some(path) => Catalogue::read(path)?,
        None => Catalogue::embedded()?,
    };
    Ok((Store::with(settings), catalogue))
}

/// The checkpoint folder of a name or path, fetched if need be.
///
/// # Errors
/// Those of the store.
pub fn folder(model: &Path, cache: &CacheArgs) -> anyhow::Result<PathBuf> {
    // A folder needs no name, which a path that is not UTF-8 cannot be.
    if model.is_dir() {
        return Ok(model.to_owned());
    }
    let model = &*model.to_string_lossy();
    let (store, catalogue) = store(cache)?;
    store
        .resolve_model(&catalogue, model, &mut Download::default())
        .with_context(|| format!("model '{model}'"))
}

fn name_of(model: &Path, folder: &Path) -> String {
    if model.is_dir() {
        let full = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
        full.file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned()
    } else {
        model.to_string_lossy().into_owned()
    }
}

/// A checkpoint that fits its tokenizer, with its weights not yet read.
pub struct OpenModel {
    /// The catalogue's name or the folder's.
    pub name: String,
    /// Configuration and weights on disk.
    pub checkpoint: Checkpoint,
    /// Its tokenizer.
    pub tokenizer: Tokenizer,
    /// Files read.
    pub inputs: Vec<InputFile>,
    /// What computes.
    pub device: Device,
    /// Backend and device, for the manifest.
    pub device_name: String,
    /// What it was fine-tuned on, if we did that.
    pub trained_on: TrainedOn,
}

impl OpenModel {
    /// Finds, fetches and checks a model.
    ///
    /// # Errors
    /// Everything that can be wrong with a checkpoint, a tokenizer, their fit, or a backend.
    pub fn open(args: &ModelArgs) -> anyhow::Result<Self> {
        // First the device: a wrong backend should not cost a download.
        let device = args.backend.device(args.device)?;
        let folder = folder(&args.model, &args.cache)?;
        let checkpoint = Checkpoint::open(&folder)?;
        let positions = checkpoint.config().max_position_embeddings;
        anyhow::ensure!(
            args.max_length <= positions,
            "--max-length {} is more than the {positions} positions of model '{}'",
            args.max_length,
            args.model.display()
        );
        let tokenizer = Tokenizer::open(&folder, args.max_length)?;
        checkpoint.check_vocabulary(tokenizer.path(), tokenizer.ids())?;
        let weights = checkpoint.weights().path();
        let mut inputs = vec![
            input_file("model", &folder.join("config.json"))?,
            input_file("model", weights)?,
        ];
        for name in TOKENIZER_FILES {
            let path = folder.join(name);
            if path.is_file() {
                inputs.push(input_file("tokenizer", &path)?);
            }
        }
        Ok(Self {
            name: name_of(&args.model, &folder),
            checkpoint,
            tokenizer,
            inputs,
            device,
            device_name: args.backend.label(args.device)?,
            trained_on: TrainedOn::of(&folder)?,
        })
    }

    /// Reads the weights of the encoder.
    ///
    /// # Errors
    /// A missing tensor, a shape that does not fit, damaged data.
    pub fn encoder(self) -> anyhow::Result<LoadedModel> {
        let (encoder, report) = self.checkpoint.load_encoder(&self.device)?;
        Ok(LoadedModel {
            name: self.name,
            config: self.checkpoint.config().clone(),
            encoder,
            tokenizer: self.tokenizer,
            inputs: self.inputs,
            device: self.device_name,
            notes: notes(&report),
            trained_on: self.trained_on,
        })
    }
}

impl LoadedModel {
    /// Finds, fetches, checks and loads a model.
    ///
    /// # Errors
    /// Everything that can be wrong with a checkpoint, a tokenizer, their fit, or a backend.
    pub fn open(args: &ModelArgs) -> anyhow::Result<Self> {
        OpenModel::open(args)?.encoder()
    }
}

/// What a report says that a reader of numbers should know.
pub fn notes(report: &LoadReport) -> Vec<String> {
    [
        (
            "model: parts that the checkpoint lacks and that were left out",
            &report.left_out,
        ),
        (
            "model: parameters that the checkpoint lacks and that were drawn afresh",
            &report.fresh,
        ),
        (
            "model: tensors of the checkpoint that are not used",
            &report.unused,
        ),
    ]
    .into_iter()
    .filter(|(_, names)| !names.is_empty())
    .map(|(what, names)| format!("{what}: {}", names.join(", ")))
    .collect()
}
