//! A whole fine-tuning: all steps, an evaluation after every epoch, progress, and a state on disk.

use crate::predict::{Evaluation, Score, evaluate};
use crate::{Recipe, StepRecord, TrainError, Trainer, TrainingSet};
use attn_bert::SequenceClassifier;
use attn_core::Metric;
use serde::{Deserialize, Serialize};
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// What an epoch led to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EpochRecord {
    /// The epoch, from 1.
    pub epoch: usize,
    /// Mean loss over its examples, each taken when its batch was.
    pub loss: f64,
    /// Scores on the evaluation set after it; none when there is no such set.
    pub scores: Vec<Score>,
}

/// The course of a training.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct History {
    /// Every step.
    pub steps: Vec<StepRecord>,
    /// Every epoch.
    pub epochs: Vec<EpochRecord>,
    /// Seconds of training and evaluation so far, those before an interruption included.
    pub seconds: f64,
}

/// What surrounds the steps.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Scores to compute after every epoch: [`attn_core::Task::metrics`].
    pub metrics: Vec<Metric>,
    /// Where the state is kept. When the file exists, training goes on from it.
    pub state: Option<PathBuf>,
    /// Steps between two states; 0 writes one after each epoch only. On a disk so slow that a state
    /// takes over a second, further ones wait until they take less than a tenth of the time.
    pub state_every: usize,
}

/// How far training is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Progress {
    /// The step just done.
    pub record: StepRecord,
    /// All steps.
    pub total: usize,
    /// Seconds left, by the mean speed so far.
    pub seconds_left: f64,
}

/// Hears how training goes. Every method has an empty default.
pub trait Observer {
    /// Training goes on from a state: `done` steps of `total` are behind it.
    fn resumed(&mut self, done: usize, total: usize) {
        let _ = (done, total);
    }

    /// A step is done. [`ControlFlow::Break`] ends training in an orderly way: the state is written
    /// (when it has a place) and [`TrainError::Stopped`] returned.
    fn step(&mut self, progress: &Progress) -> ControlFlow<()> {
        let _ = progress;
        ControlFlow::Continue(())
    }

    /// An evaluation has scored `done` examples of `total`. [`ControlFlow::Break`] ends training there:
    /// it goes on from the last state on disk, and [`TrainError::Stopped`] is returned.
    fn evaluating(&mut self, done: usize, total: usize) -> ControlFlow<()> {
        let _ = (done, total);
        ControlFlow::Continue(())
    }

    /// An epoch is done and evaluated.
    fn epoch(&mut self, record: &EpochRecord) {
        let _ = record;
    }
}

/// Hears nothing.
impl Observer for () {}

/// A finished training.
#[derive(Debug)]
pub struct Outcome {
    /// The tuned model, without a tape.
    pub model: SequenceClassifier,
    /// Its course.
    pub history: History,
    /// The tuned model on the evaluation set, when there is one.
    pub evaluation: Option<Evaluation>,
    /// Steps that an earlier run of the same training had done.
    pub resumed_from: usize,
}

/// Fine-tunes `model` on `train` and evaluates it on `eval` after every epoch.
///
/// With [`Options::state`] the training survives a kill: called again with the same model, data and
/// recipe it goes on and ends with the same weights and history, bit for bit (but for the seconds).
/// The state stays on disk at the end, so that a kill before the model is saved costs nothing; the
/// caller removes it.
///
/// # Errors
/// [`TrainError`]: an empty or unfit set, an impossible recipe, a loss or gradient that is not
/// finite, a state of another run, a file that cannot be written, an observer that breaks off, a
/// failing device.
pub fn finetune(
    model: SequenceClassifier,
    train: &TrainingSet,
    eval: Option<&TrainingSet>,
    recipe: &Recipe,
    options: &Options,
    observer: &mut dyn Observer,
) -> Result<Outcome, TrainError> {
    if let Some(eval) = eval {
        eval.check("evaluation", &model)?; // not only after the first epoch
    }
    let mut trainer = Trainer::new(model, train, recipe.clone())?;
    let mut history = History::default();
    if let Some(path) = &options.state
        && let Some(saved) = trainer.load_state(path)?
    {
        history = saved;
        observer.resumed(trainer.done(), trainer.total());
    }
    let resumed_from = trainer.done();
    let (start, before) = (Instant::now(), history.seconds);
    let (mut written, mut last_write) = (start, Duration::ZERO);
    let mut evaluation = None;
    while let Some(record) = trainer.step()? {
        history.steps.push(record);
        let end_of_epoch = record.step % trainer.steps_per_epoch() == 0;
        if end_of_epoch {
            if let Some(eval) = eval {
                evaluation = Some(scored(&trainer, eval, recipe, options, observer)?);
            }
            history.epochs.push(epoch_record(
                record.epoch,
                &history.steps,
                evaluation.as_ref(),
            ));
        }
        let seconds = start.elapsed().as_secs_f64();
        history.seconds = before + seconds;
        let left = (trainer.total() - record.step) as f64;
        let seconds_left = seconds / (record.step - resumed_from) as f64 * left;
        let stop = observer
            .step(&Progress {
                record,
                total: trainer.total(),
                seconds_left,
            })
            .is_break();
        if end_of_epoch && let Some(record) = history.epochs.last() {
            observer.epoch(record);
        }
        let due = options.state_every > 0
            && record.step.is_multiple_of(options.state_every)
            && affordable(last_write, written.elapsed());
        if (end_of_epoch || due || stop)
            && let Some(path) = &options.state
        {
            let clock = Instant::now();
            trainer.save_state(path, &history)?;
            last_write = clock.elapsed();
            written = Instant::now();
        }
        if stop && record.step < trainer.total() {
            let (step, total, state) = (record.step, trainer.total(), options.state.clone());
            return Err(TrainError::Stopped { step, total, state });
        }
    }
    let model = trainer.model();
    if evaluation.is_none()
        && let Some(eval) = eval
    {
        // The state was that of a finished training.
        evaluation = Some(scored(&trainer, eval, recipe, options, observer)?);
    }
    Ok(Outcome {
        model,
        history,
        evaluation,
        resumed_from,
    })
}

/// The model as it stands, on the evaluation set.
fn scored(
    trainer: &Trainer,
    eval: &TrainingSet,
    recipe: &Recipe,
    options: &Options,
    observer: &mut dyn Observer,
) -> Result<Evaluation, TrainError> {
    let mut progress = |done, total| observer.evaluating(done, total);
    let model = trainer.model();
    let (metrics, tokens) = (&options.metrics, recipe.micro_tokens);
    evaluate(&model, eval, metrics, tokens, &mut progress).map_err(|error| match error {
        TrainError::Cancelled { .. } => TrainError::Stopped {
            step: trainer.done(),
            total: trainer.total(),
            state: options.state.clone().filter(|path| path.is_file()),
        },
        other => other,
    })
}

/// Whether another state may be written, given how long the last one took and how long ago that was.
fn affordable(last_write: Duration, since: Duration) -> bool {
    last_write < Duration::from_secs(1) || since >= 9 * last_write
}

fn epoch_record(
    epoch: usize,
    steps: &[StepRecord],
    evaluation: Option<&Evaluation>,
) -> EpochRecord {
    let own = || steps.iter().filter(|s| s.epoch == epoch);
    let examples: usize = own().map(|s| s.examples).sum();
    let loss = own().map(|s| s.loss * s.examples as f64).sum::<f64>() / examples.max(1) as f64;
    EpochRecord {
        epoch,
        loss,
        scores: evaluation.map(|e| e.scores.clone()).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slow_disks_get_fewer_states() {
        let seconds = Duration::from_secs;
        let quick = Duration::from_millis(999);
        assert!(affordable(Duration::ZERO, Duration::ZERO));
        assert!(affordable(quick, Duration::ZERO));
        assert!(!affordable(seconds(30), seconds(269)));
        assert!(affordable(seconds(30), seconds(270)));
    }
}
