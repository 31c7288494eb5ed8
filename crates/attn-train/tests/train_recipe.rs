//! Training learns, its parts agree, and bad input ends in an error that says what to do.

mod common;

use attn_bert::Checkpoint;
use attn_core::{Label, Metric, Task};
use attn_train::{
    EpochRecord, Init, Observer, Options, Recipe, TrainError, TrainExample, Trainer, TrainingSet,
    evaluate, finetune, predict, prepare, tuned_config,
};
use common::*;
use std::ops::ControlFlow;

fn quick() -> Recipe {
    Recipe {
        batch: 8,
        epochs: 6,
        learning_rate: 3e-3,
        bucket: 2,
        ..Recipe::default()
    }
}

fn go_on(_: usize, _: usize) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

#[derive(Default)]
struct Epochs(Vec<EpochRecord>, usize);

impl Observer for Epochs {
    fn epoch(&mut self, record: &EpochRecord) {
        self.0.push(record.clone());
    }

    fn evaluating(&mut self, done: usize, total: usize) -> ControlFlow<()> {
        assert!(done <= total);
        self.1 += 1;
        ControlFlow::Continue(())
    }
}

#[test]
fn training_learns_and_its_records_agree() {
    let (train, eval) = (examples(400, 1), examples(80, 2));
    let options = Options {
        metrics: vec![Metric::Accuracy],
        ..Options::default()
    };
    let untuned = evaluate(&tiny_model(0.1), &eval, &options.metrics, 256, &mut go_on).unwrap();
    let mut epochs = Epochs::default();
    let recipe = Recipe {
        epochs: 4,
        learning_rate: 2e-3,
        ..quick()
    };
    let outcome = finetune(
        tiny_model(0.1),
        &train,
        Some(&eval),
        &recipe,
        &options,
        &mut epochs,
    )
    .unwrap();
    let tuned = outcome.evaluation.unwrap();
    let (before, after) = (
        untuned.scores[0].value.unwrap(),
        tuned.scores[0].value.unwrap(),
    );
    assert!(
        after > 0.75 && after > before + 0.2,
        "accuracy {before} before, {after} after: {:?}",
        outcome.history.epochs
    );
    let history = &outcome.history;
    assert_eq!(
        (history.steps.len(), epochs.0.len(), outcome.resumed_from),
        (200, 4, 0)
    );
    assert_eq!(history.epochs, epochs.0);
    assert_eq!(history.epochs[3].scores, tuned.scores);
    assert!(epochs.1 >= 4 && history.seconds > 0.0);
    assert!(history.epochs[3].loss < 0.7 * history.epochs[0].loss);
    assert!(history.steps[..50].iter().all(|s| s.epoch == 1) && history.steps[50].epoch == 2);
    assert_eq!(history.steps[0].learning_rate, 0.0);
    let interval = tuned.bootstrap(Metric::Accuracy, 1, 200).interval.unwrap();
    assert!(interval.0 <= after && after <= interval.1);
    // The model that comes back is the one that was evaluated.
    assert_eq!(
        evaluate(&outcome.model, &eval, &options.metrics, 1024, &mut go_on)
            .unwrap()
            .scores,
        tuned.scores
    );
}

#[test]
fn a_regression_learns() {
    let (checkpoint, _folder) = with_dropout(&tiny(), 0.0);
    let (mut model, _) = checkpoint.load_classifier(3, 0, &device()).unwrap();
    set_classifier(&mut model, 1, &[0.01; 32]);
    let mut set = examples(80, 1);
    for example in &mut set.examples {
        example.label = Label::Score(example.label.value() * 2.0);
    }
    let options = Options {
        metrics: Task::StsB.metrics().to_vec(),
        ..Options::default()
    };
    let outcome = finetune(model, &set, Some(&set), &quick(), &options, &mut ()).unwrap();
    let evaluation = outcome.evaluation.unwrap();
    assert_eq!(evaluation.logits.labels, 1);
    assert!(
        evaluation.scores.iter().all(|s| s.value.unwrap() > 0.6),
        "{:?}",
        evaluation.scores
    );
}

#[test]
fn the_size_of_parts_changes_nothing_but_rounding() {
    let set = examples(24, 5);
    let losses = |micro_tokens| {
        let recipe = Recipe {
            micro_tokens,
            epochs: 2,
            learning_rate: 1e-3,
            ..quick()
        };
        let mut trainer = Trainer::new(tiny_model(0.0), &set, recipe).unwrap();
        std::iter::from_fn(|| trainer.step().unwrap()).collect::<Vec<_>>()
    };
    let (whole, parts, single) = (losses(100_000), losses(60), losses(1));
    for other in [parts, single] {
        for (a, b) in whole.iter().zip(&other) {
            let close = |a: f64, b: f64| (a / b - 1.0).abs() < 1e-4;
            assert!(
                close(a.loss, b.loss) && close(a.gradient_norm, b.gradient_norm),
                "{a:?} {b:?}"
            );
        }
    }
}

#[test]
fn predictions_come_back_in_order() {
    let (model, set) = (tiny_model(0.1), examples(30, 8));
    let mut told = Vec::new();
    let together = predict(&model, &set.tokens(), 200, &mut |done, total| {
        told.push((done, total));
        ControlFlow::Continue(())
    })
    .unwrap();
    assert_eq!(
        (told.last(), together.rows().count()),
        (Some(&(30, 30)), 30)
    );
    assert!(told.len() > 1 && told.is_sorted(), "{told:?}");
    // Whoever asks for an end gets it after that pass.
    let mut passes = 0;
    let stopped = predict(&model, &set.tokens(), 200, &mut |_, _| {
        passes += 1;
        ControlFlow::Break(())
    });
    assert!(matches!(stopped, Err(TrainError::Cancelled { done, total: 30 }) if done == told[0].0));
    assert_eq!(passes, 1);
    for (index, row) in together.rows().enumerate() {
        let alone = predict(&model, &set.tokens()[index..=index], 200, &mut go_on).unwrap();
        assert!(
            row.iter()
                .zip(&alone.values)
                .all(|(a, b)| (a - b).abs() < 1e-5),
            "example {index}"
        );
    }
    assert!(
        predict(&model, &[], 200, &mut go_on)
            .unwrap()
            .values
            .is_empty()
    );
    let trained = predict(&model, &set.tokens(), 1, &mut go_on).unwrap();
    assert_eq!(trained.predictions(), together.predictions());
}

fn error_of(change: impl FnOnce(&mut TrainingSet)) -> String {
    let mut set = examples(9, 1);
    change(&mut set);
    finetune(
        tiny_model(0.1),
        &set,
        None,
        &quick(),
        &Options::default(),
        &mut (),
    )
    .unwrap_err()
    .to_string()
}

#[test]
fn bad_sets_are_named_before_the_first_step() {
    type Change = fn(&mut TrainingSet);
    let cases: [(&[&str], Change); 7] = [
        (&["training set is empty"], |s| s.examples.clear()),
        (&["example 4", "label 3", "3 outputs"], |s| {
            s.examples[4].label = Label::Class(3)
        }),
        (&["example 2", "score 1.5", "a class"], |s| {
            s.examples[2].label = Label::Score(1.5)
        }),
        (&["example 1", "word piece id 4000"], |s| {
            s.examples[1].ids[2] = 4000
        }),
        (&["example 1", "segment id 2"], |s| {
            s.examples[1].types[0] = 2
        }),
        (&["example 8", "empty"], |s| {
            s.examples[8] = TrainExample {
                ids: vec![],
                types: vec![],
                label: Label::Class(0),
            }
        }),
        (&["example 0", "65 word pieces", "64"], |s| {
            s.examples[0].ids = vec![7; 65];
            s.examples[0].types = vec![0; 65];
        }),
    ];
    for (parts, change) in cases {
        let error = error_of(change);
        assert!(parts.iter().all(|part| error.contains(part)), "{error}");
    }
    // The evaluation set is checked before training, too.
    let (train, empty) = (examples(9, 1), TrainingSet::default());
    let error = finetune(
        tiny_model(0.1),
        &train,
        Some(&empty),
        &quick(),
        &Options::default(),
        &mut (),
    )
    .unwrap_err();
    assert!(matches!(error, TrainError::Empty { what: "evaluation" }));
    let mut model = tiny_model(0.0);
    set_classifier(&mut model, 1, &[0.0; 32]);
    let error = finetune(model, &train, None, &quick(), &Options::default(), &mut ())
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("example 0") && error.contains("a score (a real number)"),
        "{error}"
    );
    let bad = Recipe {
        epochs: 0,
        ..quick()
    };
    let error = Trainer::new(tiny_model(0.0), &train, bad)
        .unwrap_err()
        .to_string();
    assert!(error.contains("epochs is 0"), "{error}");
}

#[test]
fn divergence_ends_in_an_error_that_names_the_step() {
    let set = examples(16, 1);
    let mut model = tiny_model(0.0);
    set_classifier(&mut model, 3, &[f32::NAN; 96]);
    let error = finetune(model, &set, None, &quick(), &Options::default(), &mut ())
        .unwrap_err()
        .to_string();
    for part in ["loss is NaN", "step 1 of 12", "lower learning rate"] {
        assert!(error.contains(part), "{error}");
    }
    let wild = Recipe {
        learning_rate: 1e30,
        warmup: 0.0,
        ..quick()
    };
    let error = finetune(
        tiny_model(0.0),
        &set,
        None,
        &wild,
        &Options::default(),
        &mut (),
    )
    .unwrap_err();
    assert!(
        matches!(
            error,
            TrainError::NotFinite {
                step: 2..,
                total: 12,
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn initialisations() {
    let checkpoint = Checkpoint::open(tiny()).unwrap();
    let load = |init, seed| prepare(&checkpoint, 3, init, seed, &device()).unwrap();
    let (pretrained, report) = load(Init::Pretrained, 1);
    assert!(report.fresh.is_empty());
    let (normal, report) = load(Init::Normal, 1);
    assert!(
        report
            .fresh
            .iter()
            .any(|n| n == "bert.encoder.layer.1.output.dense.weight"),
        "{:?}",
        report.fresh
    );
    assert!(weights(&pretrained) != weights(&normal));
    assert!(weights(&normal) == weights(&load(Init::Normal, 1).0));
    assert!(weights(&normal) != weights(&load(Init::Normal, 2).0));
    // A model has any number of labels; a classifier of another number makes way for a fresh one.
    assert_eq!(
        prepare(&checkpoint, 2, Init::Normal, 0, &device())
            .unwrap()
            .0
            .labels(),
        2
    );
    let (two, report) = prepare(&checkpoint, 2, Init::Pretrained, 7, &device()).unwrap();
    assert_eq!(two.labels(), 2);
    assert_eq!(report.fresh, ["classifier.bias", "classifier.weight"]);
    assert_eq!(report.unused, ["classifier.weight", "classifier.bias"]);
    assert_eq!("normal".parse(), Ok(Init::Normal));
    assert!("random".parse::<Init>().unwrap_err().contains("'random'"));
}

#[test]
fn a_tuned_model_is_saved_as_a_classifier_of_its_task() {
    let base = Checkpoint::open(tiny()).unwrap();
    let config = tuned_config(base.config(), Task::Mnli.kind(), Task::Mnli.label_names());
    let folder = tempfile::tempdir().unwrap();
    attn_bert::checkpoint::save(
        folder.path(),
        &tiny_model(0.0),
        &config,
        Some(base.folder()),
    )
    .unwrap();
    let saved = Checkpoint::open(folder.path()).unwrap();
    assert_eq!(
        (saved.config(), saved.config().labels()),
        (&config, Some(3))
    );
    assert_eq!(saved.config().id2label.as_ref().unwrap()["1"], "neutral");
    let scores = tuned_config(base.config(), Task::StsB.kind(), &[]);
    assert_eq!(
        (scores.labels(), scores.problem_type.as_deref()),
        (Some(1), Some("regression"))
    );
}
