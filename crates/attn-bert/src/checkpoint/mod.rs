//! Checkpoints: folders in Hugging Face's layout, in and out.
//!
//! A folder holds `config.json`, the weights (`model.safetensors` in fp32, fp16 or bf16, or
//! `pytorch_model.bin`) and the tokenizer (`tokenizer.json` or `vocab.txt`), which this crate only
//! carries along. Names may have the prefix `bert.` or not and may say `gamma` and `beta`. A pooler
//! or classifier may be missing: it is drawn afresh from a seed and reported. Everything else that
//! is missing, and every shape that does not fit, is an error; what is not used is listed.

mod bind;
mod error;
mod head;
mod names;
mod weights;

pub use bind::Fresh;
pub use error::CheckpointError;
pub use weights::Weights;

use crate::{BertConfig, BertModel, SequenceClassifier};
use attn_core::io::{IoError, write_atomically, write_json};
use bind::Binder;
use burn::module::Module;
use burn::tensor::Device;
use safetensors::tensor::{Dtype, TensorView};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

const LAYOUT: &str =
    "config.json, model.safetensors (or pytorch_model.bin) and tokenizer.json (or vocab.txt)";

/// Files that belong to a tokenizer and are carried along when a model is saved.
pub const TOKENIZER_FILES: [&str; 5] = [
    "tokenizer.json",
    "tokenizer_config.json",
    "vocab.txt",
    "special_tokens_map.json",
    "added_tokens.json",
];

/// An opened checkpoint folder: its configuration is read and checked, its weights are indexed.
#[derive(Debug)]
pub struct Checkpoint {
    folder: PathBuf,
    config: BertConfig,
    weights: Weights,
}

/// What loading did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LoadReport {
    /// Tensors taken from the file.
    pub loaded: usize,
    /// Parameters that the file lacks and that were drawn afresh.
    pub fresh: Vec<String>,
    /// Parts of the model that the file lacks and that were left out.
    pub left_out: Vec<String>,
    /// Tensors of the file that the model does not use.
    pub unused: Vec<String>,
}

fn pooler(name: &str) -> bool {
    name.starts_with("pooler.")
}

fn pooler_or_classifier(name: &str) -> bool {
    pooler(name) || name.starts_with("classifier.")
}

/// Draws all parameters of a module afresh: the paper's random baseline (Section 4.3).
pub fn initialise<M: Module>(module: M, fresh: Fresh) -> M {
    module.map(&mut Binder::new(None, fresh, |_| true))
}

impl Checkpoint {
    /// Opens a folder.
    ///
    /// # Errors
    /// [`CheckpointError`] when a file is missing, `config.json` does not describe a BERT, or the
    /// weight file is damaged.
    pub fn open(folder: impl AsRef<Path>) -> Result<Self, CheckpointError> {
        let folder = folder.as_ref().to_owned();
        let config = read_config(&folder)?;
        let (safe, pickle) = (
            folder.join("model.safetensors"),
            folder.join("pytorch_model.bin"),
        );
        let weights = if safe.is_file() {
            Weights::safetensors(&safe)?
        } else if pickle.is_file() {
            Weights::pytorch(&pickle)?
        } else {
            return Err(CheckpointError::Missing {
                folder,
                wanted: "model.safetensors or pytorch_model.bin",
                expected: LAYOUT,
            });
        };
        Ok(Self {
            folder,
            config,
            weights,
        })
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Its configuration.
    pub fn config(&self) -> &BertConfig {
        &self.config
    }

    /// Its weights.
    pub fn weights(&self) -> &Weights {
        &self.weights
    }

    /// Replaces the configuration's dropout, of hidden states, attention weights and classifier: what
    /// is loaded from here on trains with it.
    ///
    /// # Errors
    /// [`CheckpointError::Config`] unless `0 <= probability < 1`.
    pub fn set_dropout(&mut self, probability: f64) -> Result<(), CheckpointError> {
        if !(0.0..1.0).contains(&probability) {
            return Err(CheckpointError::Config {
                path: self.folder.join("config.json"),
                reason: format!("dropout {probability}: expected 0 or more and less than 1"),
            });
        }
        self.config.hidden_dropout_prob = probability;
        self.config.attention_probs_dropout_prob = probability;
        self.config.classifier_dropout = Some(probability);
        Ok(())
    }

    /// Whether the file holds a classifier, and with how many labels.
    pub fn classifier_labels(&self) -> Option<usize> {
        self.weights
            .shape("classifier.weight")
            .and_then(|shape| shape.first().copied())
    }

    /// Checks that every id of a tokenizer has an embedding. `ids` is one more than its largest id.
    ///
    /// # Errors
    /// [`CheckpointError::Vocabulary`] otherwise.
    pub fn check_vocabulary(&self, tokenizer: &Path, ids: usize) -> Result<(), CheckpointError> {
        if ids <= self.config.vocab_size {
            return Ok(());
        }
        Err(CheckpointError::Vocabulary {
            tokenizer: tokenizer.to_owned(),
            ids,
            weights: self.weights.path().to_owned(),
            rows: self.config.vocab_size,
            columns: self.config.hidden_size,
        })
    }

    /// Loads the encoder. A pooler that the file lacks is left out.
    ///
    /// # Errors
    /// [`CheckpointError`] for a missing tensor, a shape that does not fit or damaged data.
    pub fn load_encoder(
        &self,
        device: &Device,
    ) -> Result<(BertModel, LoadReport), CheckpointError> {
        let (mut model, mut report) =
            self.fill(BertModel::new(&self.config, device), self.fresh(0), pooler)?;
        if !report.fresh.is_empty() {
            model.pooler = None;
            report.left_out = std::mem::take(&mut report.fresh);
        }
        Ok((model, report))
    }

    /// Loads the encoder with a classifier of `labels` outputs. A pooler or classifier that the
    /// file lacks is drawn afresh from `seed`.
    ///
    /// # Errors
    /// As [`Checkpoint::load_encoder`]; a classifier with another number of labels is a shape
    /// error.
    pub fn load_classifier(
        &self,
        labels: usize,
        seed: u64,
        device: &Device,
    ) -> Result<(SequenceClassifier, LoadReport), CheckpointError> {
        let model = SequenceClassifier::new(&self.config, labels, device);
        self.fill(model, self.fresh(seed), pooler_or_classifier)
    }

    fn fresh(&self, seed: u64) -> Fresh {
        Fresh {
            deviation: self.config.initializer_range,
            seed,
        }
    }

    fn fill<M: Module>(
        &self,
        module: M,
        fresh: Fresh,
        optional: fn(&str) -> bool,
    ) -> Result<(M, LoadReport), CheckpointError> {
        let mut binder = Binder::new(Some(&self.weights), fresh, optional);
        let module = module.map(&mut binder);
        if let Some(error) = binder.error {
            return Err(error);
        }
        if !binder.missing.is_empty() {
            return Err(CheckpointError::Tensors {
                path: self.weights.path().to_owned(),
                names: binder.missing,
                found: self.weights.names().count(),
                sample: self.weights.names().next().unwrap_or("none").to_owned(),
            });
        }
        let unused = self
            .weights
            .names()
            .filter(|name| !binder.loaded.contains(*name))
            .map(str::to_owned)
            .collect();
        let report = LoadReport {
            loaded: binder.loaded.len(),
            fresh: binder.drawn,
            left_out: Vec::new(),
            unused,
        };
        Ok((module, report))
    }
}

fn read_config(folder: &Path) -> Result<BertConfig, CheckpointError> {
    let path = folder.join("config.json");
    if !path.is_file() {
        return Err(CheckpointError::Missing {
            folder: folder.to_owned(),
            wanted: "config.json",
            expected: LAYOUT,
        });
    }
    let text = std::fs::read_to_string(&path).map_err(|source| CheckpointError::Io {
        path: path.clone(),
        action: "read",
        source,
    })?;
    let config: BertConfig = serde_json::from_str(&text).map_err(|e| CheckpointError::Config {
        path: path.clone(),
        reason: e.to_string(),
    })?;
    match config.problem() {
        Some(reason) => Err(CheckpointError::Config { path, reason }),
        None => Ok(config),
    }
}

/// Saves an encoder or classifier with its configuration in Hugging Face's layout, as fp32
/// safetensors, and carries the tokenizer's files over from `tokenizer` (a folder). Each file is
/// written whole or not at all, `config.json` last, so that a folder with one is complete.
///
/// # Errors
/// [`CheckpointError`] when reading a parameter, copying or writing fails.
pub fn save<M: Module>(
    folder: &Path,
    module: &M,
    config: &BertConfig,
    tokenizer: Option<&Path>,
) -> Result<(), CheckpointError> {
    let parameters = bind::parameters(module)?;
    let bytes: Vec<(String, Vec<usize>, Vec<u8>)> = parameters
        .into_iter()
        .map(|p| {
            (
                p.name,
                p.shape,
                p.values.iter().flat_map(|v| v.to_le_bytes()).collect(),
            )
        })
        .collect();
    let path = folder.join("model.safetensors");
    let views = bytes
        .iter()
        .map(|(name, shape, data)| {
            Ok((
                name.as_str(),
                TensorView::new(Dtype::F32, shape.clone(), data)?,
            ))
        })
        .collect::<Result<BTreeMap<_, _>, safetensors::SafeTensorError>>()
        .and_then(|views| {
            // transformers refuses a file that does not say which framework's layout it has.
            let format = [("format".to_owned(), "pt".to_owned())].into();
            safetensors::serialize(views, Some(format))
        })
        .map_err(|e| CheckpointError::Io {
            path: path.clone(),
            action: "encode",
            source: std::io::Error::other(e.to_string()),
        })?;
    write_atomically(&path, |out| out.write_all(&views))?;
    for name in TOKENIZER_FILES {
        let Some(source) = tokenizer.map(|t| t.join(name)).filter(|s| s.is_file()) else {
            continue;
        };
        let content = std::fs::read(&source).map_err(|e| IoError::file(&source, "read", e))?;
        write_atomically(&folder.join(name), |out| out.write_all(&content))?;
    }
    write_json(&folder.join("config.json"), config)?;
    Ok(())
}
