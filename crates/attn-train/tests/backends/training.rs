//! Ten steps of fine-tuning follow PyTorch's losses and gradient norms (attn-train's fixture) and
//! those of the CPU; a training that stops and goes on, or starts again, gives the same.

use super::*;
use attn_core::Label;
use attn_train::{Plan, Recipe, StepRecord, TrainExample, Trainer, TrainingSet};
use serde::Deserialize;

const STEPS: usize = 10;

#[derive(Deserialize)]
struct Fixture {
    recipe: serde_json::Value,
    /// `[labels, hidden]`.
    classifier: Vec<f32>,
    batches: Vec<Vec<usize>>,
    examples: Vec<Row>,
    steps: Vec<Step>,
}

#[derive(Deserialize)]
struct Row {
    ids: Vec<u32>,
    types: Vec<u32>,
    label: usize,
}

#[derive(Deserialize)]
struct Step {
    loss: f64,
    gradient_norm: f64,
}

fn fixture() -> Fixture {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/steps-tiny.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// The first steps of the fixture's training.
fn train(
    fixture: &Fixture,
    device: &Device,
    steps: usize,
    dropout: f64,
    micro_tokens: usize,
) -> Vec<StepRecord> {
    let (checkpoint, _folder) = common::with_dropout(&common::tiny(), dropout);
    let (mut model, _) = checkpoint.load_classifier(3, 0, device).unwrap();
    common::set_classifier(&mut model, 3, &fixture.classifier);
    let examples = fixture.examples.iter().map(|row| TrainExample {
        ids: row.ids.clone(),
        types: row.types.clone(),
        label: Label::Class(row.label),
    });
    let set = TrainingSet::new(examples.collect());
    let mut recipe: Recipe = serde_json::from_value(fixture.recipe.clone()).unwrap();
    recipe.micro_tokens = micro_tokens;
    let plan = Plan::fixed(fixture.batches.clone());
    let mut trainer = Trainer::with_plan(model, &set, recipe, plan).unwrap();
    (0..steps)
        .map(|_| trainer.step().unwrap().unwrap())
        .collect()
}

fn relative(pairs: impl Iterator<Item = (f64, f64)>) -> f64 {
    pairs.fold(0.0, |worst, (ours, theirs)| {
        worst.max((ours / theirs - 1.0).abs())
    })
}

#[test]
fn ten_training_steps_are_pytorchs_and_flexs() {
    let fixture = fixture();
    let flex = reference().map(|device| train(&fixture, &device, STEPS, 0.0, 4096));
    for Place { backend, device } in places() {
        let ours = train(&fixture, &device, STEPS, 0.0, 4096);
        let theirs = ours.iter().zip(&fixture.steps);
        let loss = relative(theirs.clone().map(|(o, t)| (o.loss, t.loss)));
        let norm = relative(theirs.map(|(o, t)| (o.gradient_norm, t.gradient_norm)));
        report(
            backend,
            "loss, relative, from PyTorch's",
            loss,
            tolerance(backend).steps,
        );
        report(
            backend,
            "gradient norm, relative, from PyTorch's",
            norm,
            tolerance(backend).steps,
        );
        if let Some(flex) = &flex {
            let pairs = ours.iter().zip(flex);
            let loss = relative(pairs.clone().map(|(o, f)| (o.loss, f.loss)));
            let norm = relative(pairs.map(|(o, f)| (o.gradient_norm, f.gradient_norm)));
            report(
                backend,
                "loss, relative, from flex's",
                loss,
                tolerance(backend).steps,
            );
            report(
                backend,
                "gradient norm, relative, from flex's",
                norm,
                tolerance(backend).steps,
            );
        }
        assert!(
            ours[STEPS - 1].loss < 0.9 * ours[0].loss,
            "{backend}: nothing learnt"
        );
        // Batches in parts, whose gradients are added on the device.
        let parts = train(&fixture, &device, 3, 0.0, 30);
        let loss = relative(parts.iter().zip(&ours).map(|(p, o)| (p.loss, o.loss)));
        report(
            backend,
            "loss in parts, relative",
            loss,
            tolerance(backend).steps,
        );
    }
}

/// Which numbers dropout draws differs between backends; that a seed decides them does not.
#[test]
fn dropout_follows_its_seed() {
    let fixture = fixture();
    for Place { backend, device } in places() {
        let losses = |dropout| -> Vec<f64> {
            let steps = train(&fixture, &device, 2, dropout, 4096);
            steps.iter().map(|s| s.loss).collect()
        };
        let (first, second, without) = (losses(0.1), losses(0.1), losses(0.0));
        assert_eq!(first, second, "{backend}");
        assert_ne!(first, without, "{backend}: dropout does nothing");
        assert!(first.iter().all(|loss| loss.is_finite()));
    }
}
