//! Losses and gradient norms of twenty steps against PyTorch's, written by
//! `reference/train_steps.py`: same weights, same batches, dropout off. Agreement within 1e-3
//! relative is asked for; rounding is all that may differ.

mod common;

use attn_core::Label;
use attn_train::{Plan, Recipe, TrainExample, Trainer, TrainingSet};
use common::*;
use serde::Deserialize;
use std::path::Path;

#[derive(Deserialize)]
struct Fixture {
    labels: usize,
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
    label: f32,
}

#[derive(Deserialize)]
struct Step {
    loss: f64,
    gradient_norm: f64,
    learning_rate: f64,
}

/// Follows a fixture; gives the largest relative differences of loss and gradient norm.
fn follow(name: &str, folder: &Path, micro_tokens: usize) -> (f64, f64) {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/fixtures/steps-{name}.json"));
    let fixture: Fixture = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let (checkpoint, _folder) = with_dropout(folder, 0.0);
    let in_file = checkpoint.classifier_labels().unwrap_or(fixture.labels);
    let (mut model, _) = checkpoint.load_classifier(in_file, 0, &device()).unwrap();
    set_classifier(&mut model, fixture.labels, &fixture.classifier);
    let label = |value: f32| {
        if fixture.labels == 1 {
            Label::Score(value)
        } else {
            Label::Class(value as usize)
        }
    };
    let rows = fixture.examples.into_iter();
    let set = TrainingSet::new(
        rows.map(|r| TrainExample {
            ids: r.ids,
            types: r.types,
            label: label(r.label),
        })
        .collect(),
    );
    let mut recipe: Recipe = serde_json::from_value(fixture.recipe).unwrap();
    recipe.micro_tokens = micro_tokens;
    let mut trainer =
        Trainer::with_plan(model, &set, recipe, Plan::fixed(fixture.batches)).unwrap();
    assert_eq!(trainer.total(), 20);
    let (mut loss, mut norm) = (0.0f64, 0.0f64);
    for expected in &fixture.steps {
        let step = trainer.step().unwrap().unwrap();
        assert!(
            (step.learning_rate - expected.learning_rate).abs() < 1e-12,
            "{step:?}"
        );
        loss = loss.max((step.loss / expected.loss - 1.0).abs());
        norm = norm.max((step.gradient_norm / expected.gradient_norm - 1.0).abs());
    }
    assert!(trainer.step().unwrap().is_none());
    println!(
        "{name}: largest relative difference of the loss {loss:.1e}, of the gradient norm {norm:.1e}"
    );
    (loss, norm)
}

fn check(name: &str, folder: &Path, micro_tokens: usize) {
    let (loss, norm) = follow(name, folder, micro_tokens);
    assert!(loss < 1e-3, "{name}: the loss differs by {loss:.1e}");
    assert!(
        norm < 1e-3,
        "{name}: the gradient norm differs by {norm:.1e}"
    );
}

#[test]
fn cross_entropy_with_adamw() {
    check("tiny", &tiny(), 4096);
}

#[test]
fn cross_entropy_in_parts() {
    check("tiny", &tiny(), 30);
}

#[test]
fn squared_error() {
    check("tiny-regression", &tiny(), 4096);
}

#[test]
fn without_bias_correction() {
    check("tiny-bertadam", &tiny(), 4096);
}

#[test]
fn all_minilm_l6_v2() {
    match cached_minilm() {
        Some(folder) => check("minilm", &folder, 4096),
        None => {
            eprintln!("SKIPPED: all-MiniLM-L6-v2 is not in the cache; `attn fetch` puts it there")
        }
    }
}
