//! Gradient importance equals finite differences of the loss, example by example.

mod common;

use attn_ablate::importance::{ImportanceError, importance, losses};
use attn_ablate::{Plan, naive, variant};
use attn_bert::SequenceClassifier;
use attn_core::{HeadGrid, Label, Mode};
use common::*;

fn by_differences(
    model: &SequenceClassifier,
    examples: &[Example],
    labels: &[Label],
) -> HeadGrid<f64> {
    let tokens = tokens(examples);
    let (layers, heads) = (model.bert.layers(), model.bert.heads());
    let step = 0.02f32;
    HeadGrid::from_fn(layers, heads, |id| {
        let at = |shift: f32| {
            let gates =
                HeadGrid::from_fn(layers, heads, |h| if h == id { 1.0 + shift } else { 1.0 });
            losses(model, &tokens, labels, &gates, 10_000).unwrap()
        };
        let (above, below) = (at(step), at(-step));
        let slopes = above
            .iter()
            .zip(&below)
            .map(|(a, b)| f64::from((a - b) / (2.0 * step)).abs());
        slopes.sum::<f64>() / examples.len() as f64
    })
}

fn check(model: &SequenceClassifier, examples: &[Example], labels: &[Label]) {
    let tokens = tokens(examples);
    let result = importance(model, &tokens, labels, 64).unwrap();
    let expected = by_differences(model, examples, labels);
    let largest = expected.values().iter().copied().fold(0.0, f64::max);
    assert!(largest > 1e-3, "no head matters: {largest}");
    for (head, value) in result.raw.iter() {
        let expected = *expected.get(head).unwrap();
        let difference = (value - expected).abs();
        assert!(
            difference <= 0.01 * expected + 0.002 * largest,
            "{head}: {value}, expected {expected}"
        );
    }
    for row in result.normalised.values().chunks(model.bert.heads()) {
        assert!((row.iter().map(|v| v * v).sum::<f64>() - 1.0).abs() < 1e-9);
    }
    // How examples are batched must not matter.
    let all = importance(model, &tokens, labels, 100_000).unwrap();
    for (head, value) in all.raw.iter() {
        assert!(
            (value - result.raw.get(head).unwrap()).abs() <= 1e-5 * largest.max(1.0),
            "{head}"
        );
    }
}

#[test]
fn classification_agrees_with_finite_differences() {
    let (model, examples) = tiny();
    let labels: Vec<Label> = (0..examples.len()).map(|i| Label::Class(i % 3)).collect();
    check(&model, &examples, &labels);
    check(
        &deep(4, 2, 2, 11),
        &examples,
        &vec![Label::Class(1); examples.len()],
    );
}

#[test]
fn regression_agrees_with_finite_differences() {
    let (_, examples) = tiny();
    let labels: Vec<Label> = (0..examples.len())
        .map(|i| Label::Score(i as f32 - 1.5))
        .collect();
    check(&deep(3, 4, 1, 12), &examples, &labels);
}

/// The importance over all examples is that over two parts, joined.
#[test]
fn parts_join_to_the_whole() {
    let (model, examples) = tiny();
    let tokens = tokens(&examples);
    let labels: Vec<Label> = (0..examples.len()).map(|i| Label::Class(i % 3)).collect();
    let of = |from: usize, to: usize| {
        importance(&model, &tokens[from..to], &labels[from..to], 100).unwrap()
    };
    let (whole, cut) = (of(0, examples.len()), examples.len() - 2);
    let joined = of(0, cut).joined(&of(cut, examples.len())).unwrap();
    assert_eq!(joined.n, whole.n);
    for (ours, theirs) in [
        (&joined.raw, &whole.raw),
        (&joined.error, &whole.error),
        (&joined.normalised, &whole.normalised),
    ] {
        let largest = theirs.values().iter().copied().fold(0.0, f64::max);
        assert!(largest > 0.0);
        for (a, b) in ours.values().iter().zip(theirs.values()) {
            assert!((a - b).abs() < 1e-5 * largest, "{a} {b}");
        }
    }
    let other = importance(&deep(3, 2, 3, 1), &tokens, &labels, 100).unwrap();
    assert!(joined.joined(&other).is_none());
}

/// A closed gate is mode `zero`, and open gates are the model itself.
#[test]
fn gates_are_the_zero_ablation() {
    let (model, examples) = tiny();
    let tokens = tokens(&examples);
    let labels: Vec<Label> = (0..examples.len()).map(|i| Label::Class(i % 3)).collect();
    let head = "1:2".parse().unwrap();
    let plan = Plan::new(
        2,
        4,
        vec![variant::baseline(), variant::list([head], Mode::Zero)],
    )
    .unwrap();
    let logits = naive(&model, &plan, &tokens, None, 4).unwrap();
    for (v, gate) in [(0, 1.0f32), (1, 0.0)] {
        let gates = HeadGrid::from_fn(2, 4, |h| if h == head { gate } else { 1.0 });
        let ours = losses(&model, &tokens, &labels, &gates, 100).unwrap();
        let rows = logits.variant(v).chunks(3).zip(&labels);
        let expected: Vec<f32> = rows
            .map(|(row, label)| {
                let sum: f32 = row.iter().map(|v| v.exp()).sum();
                sum.ln() - row[label.class().unwrap()]
            })
            .collect();
        assert!(max_difference(&ours, &expected) < 1e-4);
    }
}

#[test]
fn labels_that_do_not_fit_are_errors() {
    let (model, examples) = tiny();
    let tokens = tokens(&examples[..2]);
    let run = |labels: &[Label]| importance(&model, &tokens, labels, 100).unwrap_err();
    assert!(matches!(
        run(&[Label::Class(0)]),
        ImportanceError::Labels {
            examples: 2,
            labels: 1
        }
    ));
    assert!(
        run(&[Label::Class(0), Label::Class(3)])
            .to_string()
            .contains("example 1")
    );
    assert!(matches!(
        run(&[Label::Score(0.0), Label::Class(0)]),
        ImportanceError::Label { index: 0, .. }
    ));
    assert!(matches!(
        importance(&model, &[], &[], 100),
        Err(ImportanceError::NoExamples)
    ));
    let gates = HeadGrid::from_fn(2, 3, |_| 1.0);
    let error = losses(&model, &tokens, &[Label::Class(0); 2], &gates, 100).unwrap_err();
    assert!(matches!(
        error,
        ImportanceError::Gates {
            found: (2, 3),
            expected: (2, 4)
        }
    ));
}
