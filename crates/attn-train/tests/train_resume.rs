//! A training that is killed and gone on with ends with the same weights and records, bit for bit,
//! with dropout on.

mod common;

use attn_core::Metric;
use attn_train::{
    History, Observer, Options, Outcome, Progress, Recipe, TrainError, Trainer, TrainingSet,
    finetune,
};
use common::*;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

fn recipe() -> Recipe {
    Recipe {
        batch: 4,
        epochs: 3,
        learning_rate: 1e-3,
        seed: 11,
        bucket: 2,
        micro_tokens: 48,
        ..Recipe::default()
    }
}

fn options(state: Option<&Path>) -> Options {
    Options {
        metrics: vec![Metric::Accuracy, Metric::Matthews],
        state: state.map(Path::to_owned),
        state_every: 4,
    }
}

/// Ends training after a step, in an orderly way or as a kill would.
struct Killer {
    after: usize,
    orderly: bool,
    resumed: Option<usize>,
}

impl Observer for Killer {
    fn resumed(&mut self, done: usize, _total: usize) {
        self.resumed = Some(done);
    }

    fn step(&mut self, progress: &Progress) -> ControlFlow<()> {
        assert!(progress.seconds_left >= 0.0 && progress.total == 18);
        if progress.record.step != self.after {
            return ControlFlow::Continue(());
        }
        assert!(self.orderly, "killed");
        ControlFlow::Break(())
    }
}

fn run(
    set: &TrainingSet,
    eval: &TrainingSet,
    state: Option<&Path>,
    observer: &mut dyn Observer,
) -> Result<Outcome, TrainError> {
    finetune(
        tiny_model(0.1),
        set,
        Some(eval),
        &recipe(),
        &options(state),
        observer,
    )
}

fn without_seconds(history: &History) -> History {
    History {
        seconds: 0.0,
        ..history.clone()
    }
}

#[test]
fn a_killed_training_ends_as_an_undisturbed_one() {
    let (set, eval) = (examples(22, 1), examples(15, 2));
    let whole = run(&set, &eval, None, &mut ()).unwrap();
    let expected = weights(&whole.model);
    assert_eq!(
        (whole.history.steps.len(), whole.history.epochs.len()),
        (18, 3)
    );
    // Orderly ends keep every step; a kill falls back to the last state (every 4 steps, each epoch).
    for (after, orderly, from) in [
        (1, true, 1),
        (7, true, 7),
        (3, false, 0),
        (7, false, 6),
        (11, false, 8),
        (17, false, 16),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let state: PathBuf = folder.path().join("deep/state.safetensors");
        let mut killer = Killer {
            after,
            orderly,
            resumed: None,
        };
        let first = catch_unwind(AssertUnwindSafe(|| {
            run(&set, &eval, Some(&state), &mut killer).map(|_| ())
        }));
        match first {
            Ok(stopped) => {
                let error = stopped.unwrap_err();
                assert!(
                    matches!(&error, TrainError::Stopped { step, total: 18, .. } if *step == after),
                    "{error}"
                );
                assert!(error.to_string().contains("state.safetensors"), "{error}");
            }
            Err(_) => assert!(!orderly),
        }
        let mut watcher = Killer {
            after: usize::MAX,
            orderly: true,
            resumed: None,
        };
        let outcome = run(&set, &eval, Some(&state), &mut watcher).unwrap();
        assert_eq!(
            (outcome.resumed_from, watcher.resumed.unwrap_or(0)),
            (from, from)
        );
        assert!(
            weights(&outcome.model) == expected,
            "other weights after a stop at {after}"
        );
        assert_eq!(
            without_seconds(&outcome.history),
            without_seconds(&whole.history)
        );
        assert_eq!(outcome.evaluation, whole.evaluation);
        // Called once more, the finished training is read back.
        let again = run(&set, &eval, Some(&state), &mut ()).unwrap();
        assert_eq!(again.resumed_from, 18);
        assert!(weights(&again.model) == expected && again.evaluation == whole.evaluation);
        // Nothing but the state is left.
        assert_eq!(
            std::fs::read_dir(state.parent().unwrap()).unwrap().count(),
            1
        );
    }
}

#[test]
fn the_seed_decides_and_threads_do_not() {
    let set = examples(12, 3);
    let train = |seed, threads| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(|| {
            let recipe = Recipe { seed, ..recipe() };
            weights(
                &finetune(
                    tiny_model(0.1),
                    &set,
                    None,
                    &recipe,
                    &Options::default(),
                    &mut (),
                )
                .unwrap()
                .model,
            )
        })
    };
    let one = train(5, 1);
    assert!(
        one == train(5, 3),
        "the number of threads changes the weights"
    );
    assert!(one != train(6, 1), "the seed does not change the weights");
}

#[test]
fn dropout_is_drawn_anew_each_step_and_off_when_predicting() {
    let set = examples(4, 3);
    let flat = Recipe {
        learning_rate: 1e-12,
        warmup: 0.0,
        batch: 4,
        ..recipe()
    };
    let losses = |dropout| {
        let mut trainer = Trainer::new(tiny_model(dropout), &set, flat.clone()).unwrap();
        [0, 1, 2].map(|_| trainer.step().unwrap().unwrap().loss)
    };
    let (off, on) = (losses(0.0), losses(0.3));
    assert!((off[0] - off[2]).abs() < 1e-6, "{off:?}");
    assert!(
        on[0] != on[1] && on[1] != on[2] && (on[0] - off[0]).abs() > 1e-4,
        "{on:?} {off:?}"
    );
    let trainer = Trainer::new(tiny_model(0.3), &set, flat).unwrap();
    let predict = |model| {
        attn_train::predict(&model, &set.tokens(), 100, &mut |_, _| {
            std::ops::ControlFlow::Continue(())
        })
        .unwrap()
    };
    assert_eq!(predict(trainer.model()), predict(tiny_model(0.0)));
}

/// The error of a training that finds `state`.
fn refused(state: &Path, change: impl FnOnce(&mut Recipe, &mut TrainingSet)) -> String {
    let (mut recipe, mut set) = (recipe(), examples(22, 1));
    change(&mut recipe, &mut set);
    let options = options(Some(state));
    finetune(tiny_model(0.1), &set, None, &recipe, &options, &mut ())
        .unwrap_err()
        .to_string()
}

#[test]
fn a_state_of_another_run_or_a_damaged_one_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state.safetensors");
    let set = examples(22, 1);
    let mut killer = Killer {
        after: 2,
        orderly: true,
        resumed: None,
    };
    run(&set, &set, Some(&state), &mut killer).unwrap_err();
    let error = refused(&state, |recipe, _| recipe.learning_rate = 2e-3);
    assert!(
        error.contains("learning_rate was 0.001, now 0.002") && error.contains("state.safetensors"),
        "{error}"
    );
    let error = refused(&state, |_, set| set.examples[3].ids[0] += 1);
    assert!(error.contains("other training data"), "{error}");
    let mut model = tiny_model(0.1);
    set_classifier(&mut model, 3, &[0.5; 96]);
    let error = finetune(
        model,
        &set,
        None,
        &recipe(),
        &options(Some(&state)),
        &mut (),
    )
    .unwrap_err()
    .to_string();
    assert!(error.contains("other weights"), "{error}");
    let whole = std::fs::read(&state).unwrap();
    for length in [0, 7, 300, whole.len() / 2, whole.len() - 1] {
        std::fs::write(&state, &whole[..length]).unwrap();
        let error = refused(&state, |_, _| {});
        assert!(
            error.contains("damaged") && error.contains("state.safetensors"),
            "{length}: {error}"
        );
    }
}

#[test]
fn a_state_that_cannot_be_written_is_an_error_that_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let blocked = folder.path().join("file");
    std::fs::write(&blocked, "in the way").unwrap();
    // Not below a file: reading says "not a directory", writing cannot make the folder.
    let error = run(
        &examples(8, 1),
        &examples(4, 2),
        Some(&blocked.join("state")),
        &mut (),
    )
    .unwrap_err();
    assert!(error.to_string().contains("file"), "{error}");
}
