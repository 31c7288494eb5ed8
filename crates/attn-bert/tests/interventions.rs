//! Disabled heads do what the paper says, and nothing else changes.

mod common;

use attn_bert::checkpoint::Checkpoint;
use attn_bert::{ForwardError, InterventionError, MeanMaps, SequenceClassifier, Want, to_host};
use attn_core::{HeadId, Intervention, Mode};
use common::*;

fn setup() -> (SequenceClassifier, Expected, Vec<HeadId>) {
    let checkpoint = Checkpoint::open(fixture("tiny-bert")).unwrap();
    let (model, _) = checkpoint.load_classifier(3, 0, &device()).unwrap();
    let expected = Expected::read(&fixture("tiny-bert.expected.safetensors"));
    let heads: Vec<[usize; 2]> =
        serde_json::from_str(&expected.metadata("ablated_heads").unwrap()).unwrap();
    (
        model,
        expected,
        heads
            .into_iter()
            .map(|[layer, head]| HeadId::new(layer, head))
            .collect(),
    )
}

/// Every mode agrees with a PyTorch model whose attention was patched, on a padded batch.
#[test]
fn modes_agree_with_pytorch() {
    let (model, expected, heads) = setup();
    for (mode, case) in [(Mode::Uniform, 3), (Mode::Zero, 3), (Mode::Mean, 0)] {
        let examples = expected.examples(case);
        let mut reference = MeanMaps::new();
        if let Some((shape, maps)) = expected.floats(&format!("case{case}.mean.maps")) {
            for (&head, map) in heads.iter().zip(maps.chunks(shape[1] * shape[2])) {
                reference.insert(head, shape[1], map.to_vec()).unwrap();
            }
        }
        let cut = Intervention::new(mode, heads.iter().copied());
        let output = model
            .forward(
                &batch(&examples),
                &cut,
                Some(&reference),
                Want::everything(),
            )
            .unwrap();
        let (_, logits) = expected
            .floats(&format!("case{case}.{mode}.logits"))
            .unwrap();
        let difference = max_difference(&to_host(output.logits).unwrap(), &logits);
        assert!(difference <= 2e-5, "{mode}: {difference}");
        let (shape, hidden) = expected
            .floats(&format!("case{case}.{mode}.hidden"))
            .unwrap();
        let shape = [vec![1], shape].concat();
        let layers = model.bert.layers();
        for (i, (ids, _)) in examples.iter().enumerate() {
            let all = output.encoder.example_hidden(i).unwrap();
            let last = &all[layers * ids.len() * shape[3]..];
            let difference = max_difference(last, &cut_hidden(&shape, &hidden, i, ids.len()));
            assert!(difference <= 2e-5, "{mode}, example {i}: {difference}");
        }
        if let Some((shape, maps)) = expected
            .floats(&format!("case{case}.{mode}.maps"))
            .filter(|m| m.0.len() == 5)
        {
            for (i, (ids, _)) in examples.iter().enumerate() {
                let ours = output.encoder.example_maps(i).unwrap();
                let difference = max_difference(&ours, &cut_maps(&shape, &maps, i, ids.len()));
                assert!(difference <= 2e-5, "{mode}, example {i}: {difference}");
            }
        }
    }
}

#[test]
fn every_mode_changes_the_output_and_the_empty_set_does_not_to_the_bit() {
    let (model, expected, _) = setup();
    let tokens = batch(&expected.examples(3));
    let logits = |cut: &Intervention, maps: Option<&MeanMaps>| {
        to_host(
            model
                .forward(&tokens, cut, maps, Want::nothing())
                .unwrap()
                .logits,
        )
        .unwrap()
    };
    let plain = logits(&Intervention::none(), None);
    let mut reference = MeanMaps::new();
    let head = HeadId::new(1, 2);
    for &length in tokens.lengths() {
        // All weight on the first token.
        let map = (0..length * length)
            .map(|i| f32::from(i % length == 0))
            .collect();
        reference.insert(head, length, map).unwrap();
    }
    for mode in [Mode::Uniform, Mode::Zero, Mode::Mean] {
        let none = logits(&Intervention::new(mode, []), Some(&reference));
        assert!(
            plain
                .iter()
                .zip(&none)
                .all(|(a, b)| a.to_bits() == b.to_bits()),
            "{mode}"
        );
        let one = logits(&Intervention::new(mode, [head]), Some(&reference));
        assert!(
            max_difference(&plain, &one) > 1e-3,
            "{mode} changes nothing"
        );
    }
}

/// The logits alone, with a last layer for the first token only, are those of the whole pass: without
/// an intervention and with every mode in the last layer and below it, on a padded batch.
#[test]
fn logits_alone_are_those_of_the_whole_pass() {
    let (model, expected, _) = setup();
    let tokens = batch(&expected.examples(3));
    assert!(tokens.has_padding());
    let last = model.bert.layers() - 1;
    let heads = [HeadId::new(0, 1), HeadId::new(last, 0)];
    let mut reference = MeanMaps::new();
    for head in heads {
        for &length in tokens.lengths() {
            // Every row another one: a row taken for another would show.
            let map = (0..length * length)
                .map(|i| f32::from(i % length == i / length))
                .collect();
            reference.insert(head, length, map).unwrap();
        }
    }
    let cuts = [Mode::Uniform, Mode::Zero, Mode::Mean].map(|mode| Intervention::new(mode, heads));
    for cut in [Intervention::none()].iter().chain(&cuts) {
        let whole = model
            .forward(&tokens, cut, Some(&reference), Want::nothing())
            .unwrap();
        let alone = model.logits(&tokens, cut, Some(&reference)).unwrap();
        let difference = max_difference(&to_host(whole.logits).unwrap(), &to_host(alone).unwrap());
        assert!(difference <= 2e-6, "{cut:?}: {difference}");
    }
    let beyond = Intervention::new(Mode::Zero, [HeadId::new(last + 1, 0)]);
    assert!(matches!(
        model.logits(&tokens, &beyond, None),
        Err(ForwardError::Intervention(
            InterventionError::NoSuchHead { .. }
        ))
    ));
}

/// Uniform means 1/L over the real tokens of each example, 0 on padding; other heads stay.
#[test]
fn uniform_rows_are_one_over_the_real_length() {
    let (model, expected, _) = setup();
    let examples = expected.examples(3);
    let head = HeadId::new(0, 1);
    let cut = Intervention::new(Mode::Uniform, [head]);
    let run = |cut: &Intervention| {
        model
            .bert
            .forward(&batch(&examples), cut, None, Want::maps())
            .unwrap()
            .all_maps()
            .unwrap()
    };
    let (plain, cut) = (run(&Intervention::none()), run(&cut));
    for ((before, after), (ids, _)) in plain.iter().zip(&cut).zip(&examples) {
        let size = ids.len() * ids.len();
        for index in 0..model.bert.heads() {
            let (before, after) = (
                &before[index * size..(index + 1) * size],
                &after[index * size..(index + 1) * size],
            );
            if index == head.head {
                let expected = 1.0 / ids.len() as f32;
                assert!(after.iter().all(|&w| (w - expected).abs() < 1e-7));
            } else {
                assert_eq!(before, after);
            }
        }
    }
}

#[test]
fn impossible_interventions_are_errors() {
    let (model, expected, _) = setup();
    let tokens = batch(&expected.examples(0));
    let run = |cut: Intervention| {
        model
            .forward(&tokens, &cut, None, Want::nothing())
            .unwrap_err()
    };
    for head in ["2:0", "0:4"] {
        let head: HeadId = head.parse().unwrap();
        let error = run(Intervention::new(Mode::Uniform, [head]));
        assert_eq!(
            error,
            ForwardError::Intervention(InterventionError::NoSuchHead {
                head,
                layers: 2,
                heads: 4
            })
        );
    }
    let error = run(Intervention::new(Mode::Mean, [HeadId::new(0, 0)])).to_string();
    assert!(error.contains("mean") && error.contains("0:0"), "{error}");
    assert_eq!(
        MeanMaps::new().insert(HeadId::new(0, 0), 2, vec![1.0; 3]),
        Err(vec![1.0; 3])
    );
}
