//! One step after another: forward, backward, clip, update.

use crate::adamw::AdamW;
use crate::gradient::{Gradient, Place, take_host};
use crate::loss::loss;
use crate::plan::micro_batches;
use crate::state::{Saved, StateHeader};
use crate::{History, Plan, Recipe, TrainError, TrainingSet, state};
use attn_bert::{BertConfig, ForwardError, SequenceClassifier, TokenBatch, TokenIds};
use attn_core::{Intervention, Label};
use burn::module::Module;
use burn::tensor::Device;
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// Burn keeps one random generator per process and backend. A forward pass seeds it and holds this
/// lock while it draws dropout, so that two trainings in one process do not mix their numbers.
static DROPOUT: Mutex<()> = Mutex::new(());

/// What one step did.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct StepRecord {
    /// The step, from 1.
    pub step: usize,
    /// The epoch, from 1.
    pub epoch: usize,
    /// Mean loss of the batch, before the update.
    pub loss: f64,
    /// Norm of the gradient over all parameters, before clipping.
    pub gradient_norm: f64,
    /// Learning rate of the update.
    pub learning_rate: f64,
    /// Examples in the batch.
    pub examples: usize,
    /// Their word pieces, without padding.
    pub tokens: usize,
}

/// Fine-tunes a classifier step by step. [`finetune`](crate::finetune) drives it with evaluation,
/// progress and a state on disk; by hand it serves tests and other courses of training.
///
/// After an error the trainer must not be used any more.
#[derive(Debug)]
pub struct Trainer<'a> {
    model: SequenceClassifier,
    set: &'a TrainingSet,
    recipe: Recipe,
    plan: Plan,
    optimiser: AdamW,
    device: Device,
    place: Place,
    done: usize,
    data: String,
    origin: String,
}

impl<'a> Trainer<'a> {
    /// A trainer at its first step, with batches by the recipe.
    ///
    /// # Errors
    /// [`TrainError`] when the recipe is impossible or the set is empty or does not fit the model.
    pub fn new(
        model: SequenceClassifier,
        set: &'a TrainingSet,
        recipe: Recipe,
    ) -> Result<Self, TrainError> {
        let plan = Plan::new(&set.lengths(), &recipe);
        Self::with_plan(model, set, recipe, plan)
    }

    /// A trainer with batches of the caller's choice. Indices outside the set are left out.
    ///
    /// # Errors
    /// As [`Trainer::new`].
    pub fn with_plan(
        model: SequenceClassifier,
        set: &'a TrainingSet,
        recipe: Recipe,
        plan: Plan,
    ) -> Result<Self, TrainError> {
        recipe.check()?;
        set.check("training", &model)?;
        let origin = state::weights_fingerprint(&model)?;
        let model = model.train();
        let device = model.bert.device();
        let place = Place::of(&device);
        let data = set.fingerprint();
        let optimiser = AdamW::default();
        Ok(Self {
            model,
            set,
            recipe,
            plan,
            optimiser,
            device,
            place,
            done: 0,
            data,
            origin,
        })
    }

    /// Steps done.
    pub fn done(&self) -> usize {
        self.done
    }

    /// All steps.
    pub fn total(&self) -> usize {
        self.plan.steps()
    }

    /// Steps in an epoch.
    pub fn steps_per_epoch(&self) -> usize {
        self.plan.steps_per_epoch()
    }

    /// The model as it is now, without a tape and without dropout. Drop it before the next step:
    /// while it lives, every update copies the weights.
    pub fn model(&self) -> SequenceClassifier {
        self.model.valid()
    }

    /// Does the next step; `None` after the last.
    ///
    /// # Errors
    /// [`TrainError::NotFinite`] when the loss or the gradient is NaN or infinite: the weights are
    /// then those before the step. [`TrainError`] when the device fails.
    pub fn step(&mut self) -> Result<Option<StepRecord>, TrainError> {
        let Some(mut batch) = self.plan.batch(self.done) else {
            return Ok(None);
        };
        batch.retain(|&index| index < self.set.len());
        let learning_rate = self.recipe.rate_at(self.done, self.total());
        let (loss, gradient) = self.gradient(&batch)?;
        self.finite("loss", loss, learning_rate)?;
        let gradient_norm = gradient.norm()?;
        self.finite("gradient norm", gradient_norm, learning_rate)?;
        // PyTorch's clip_grad_norm_, its 1e-6 included.
        let scale = (self.recipe.clip / (gradient_norm + 1e-6)).min(1.0);
        // Out of its place, so that the update finds every tensor alone with its memory.
        let model = std::mem::replace(&mut self.model, nothing(&self.device));
        self.model = self
            .optimiser
            .step(model, gradient, &self.recipe, learning_rate, scale)?;
        let epoch = self.done / self.plan.steps_per_epoch().max(1) + 1;
        self.done += 1;
        let tokens = batch
            .iter()
            .map(|&index| self.set.examples[index].ids.len())
            .sum();
        let (step, examples) = (self.done, batch.len());
        Ok(Some(StepRecord {
            step,
            epoch,
            loss,
            gradient_norm,
            learning_rate,
            examples,
            tokens,
        }))
    }

    /// Mean loss of a batch and its gradient, summed over parts that fit the memory.
    fn gradient(&self, batch: &[usize]) -> Result<(f64, Gradient), TrainError> {
        let lengths: Vec<usize> = batch
            .iter()
            .map(|&index| self.set.examples[index].ids.len())
            .collect();
        let mut loss_sum = 0.0;
        let mut sum = Gradient { parts: Vec::new() };
        for (part, positions) in micro_batches(&lengths, self.recipe.micro_tokens)
            .into_iter()
            .enumerate()
        {
            let examples: Vec<_> = positions
                .iter()
                .map(|&p| &self.set.examples[batch[p]])
                .collect();
            let tokens: Vec<TokenIds<'_>> = examples.iter().map(|e| e.tokens()).collect();
            let labels: Vec<Label> = examples.iter().map(|e| e.label).collect();
            let tokens = TokenBatch::new(&tokens).map_err(ForwardError::from)?;
            let loss = {
                let _drawing = DROPOUT.lock().unwrap_or_else(PoisonError::into_inner);
                self.device
                    .seed(dropout_seed(self.recipe.seed, self.done, part));
                let logits = self.model.logits(&tokens, &Intervention::none(), None)?;
                loss(logits, &labels, batch.len())
            };
            let value = take_host(loss.clone().inner())?
                .first()
                .map_or(f64::NAN, |&v| f64::from(v));
            loss_sum += value;
            if !value.is_finite() {
                break; // the caller reports it; a backward pass would only take time
            }
            let gradient = Gradient::collect(loss.backward(), &self.model, self.place)?;
            if sum.parts.is_empty() {
                sum = gradient;
            } else {
                sum.add(gradient)?;
            }
        }
        Ok((loss_sum, sum))
    }

    fn finite(&self, what: &'static str, value: f64, learning_rate: f64) -> Result<(), TrainError> {
        if value.is_finite() {
            return Ok(());
        }
        let advice = if self.done < 2 {
            "so early, the weights it started from may be damaged or their numbers too large"
        } else {
            "the records show how the loss went before"
        };
        let (step, total) = (self.done + 1, self.total());
        Err(TrainError::NotFinite {
            what,
            value,
            step,
            total,
            learning_rate,
            advice,
        })
    }

    /// Writes everything needed to go on from here; `history` comes back from
    /// [`Trainer::load_state`].
    ///
    /// # Errors
    /// [`TrainError::Io`] when the file cannot be written; an older one stays as it was.
    pub fn save_state(&self, path: &Path, history: &History) -> Result<(), TrainError> {
        state::save(path, &self.model, &self.optimiser, &self.header(history))
    }

    /// Goes on from a state, if the file exists: weights, optimiser and step are as they were.
    /// Gives the history that was stored with it.
    ///
    /// # Errors
    /// [`TrainError::Damaged`] when the file is not as it was written, [`TrainError::Resume`] when it
    /// belongs to another recipe, other data or other initial weights. The trainer is as before then.
    pub fn load_state(&mut self, path: &Path) -> Result<Option<History>, TrainError> {
        let Some(saved) = Saved::read(path)? else {
            return Ok(None);
        };
        if let Some(reason) = self.header(&History::default()).mismatch(&saved.header) {
            return Err(TrainError::Resume {
                path: path.to_owned(),
                reason,
            });
        }
        let (model, optimiser) = saved.restore(path, self.model.clone())?;
        (self.model, self.optimiser, self.done) = (model, optimiser, saved.header.step);
        Ok(Some(saved.header.history))
    }

    fn header(&self, history: &History) -> StateHeader {
        StateHeader::new(self.done, &self.recipe, &self.data, &self.origin, history)
    }
}

/// A model without parameters in memory (Burn makes them when first used), to stand in for one that
/// is being updated.
fn nothing(device: &Device) -> SequenceClassifier {
    let config = BertConfig {
        num_hidden_layers: 0,
        ..BertConfig::base()
    };
    SequenceClassifier::new(&config, 1, device)
}

/// Mixes seed, step and part into one number (SplitMix64's finaliser).
fn dropout_seed(seed: u64, step: usize, part: usize) -> u64 {
    [step as u64, part as u64]
        .into_iter()
        .fold(seed, |state, value| {
            let mut z = (state ^ value).wrapping_add(0x9e37_79b9_7f4a_7c15);
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            z ^ (z >> 31)
        })
}
