//! Maps and hidden states agree with transformers' eager attention: maps within 2e-5, hidden states
//! within 2e-4 (largest absolute difference), for single sentences, pairs and padded batches; an
//! example's maps are the same alone and in any batch within 1e-5.
//!
//! `ATTN_PARITY_REPORT=1 cargo test --workspace --test parity -- --nocapture` prints the figures of
//! docs/parity.md.

mod common;

use attn_bert::checkpoint::Checkpoint;
use attn_bert::{BertModel, Want, to_host};
use attn_core::Intervention;
use common::*;
use std::path::Path;

const MAPS: f32 = 2e-5;
const HIDDEN: f32 = 2e-4;
const ALONE: f32 = 1e-5;

/// Largest differences of one model.
#[derive(Default, Debug)]
struct Differences {
    maps: f32,
    hidden: f32,
    pooled: f32,
    logits: f32,
    alone: f32,
}

fn compare(model: &BertModel, expected: &Expected) -> Differences {
    let states: Vec<usize> =
        serde_json::from_str(&expected.metadata("hidden_layers").unwrap()).unwrap();
    let run = |examples: &[_]| {
        model
            .forward(
                &batch(examples),
                &Intervention::none(),
                None,
                Want::everything(),
            )
            .unwrap()
    };
    let mut worst = Differences::default();
    for case in 0..expected.cases() {
        let examples = expected.examples(case);
        let output = run(&examples);
        let (shape, maps) = expected.floats(&format!("case{case}.maps")).unwrap();
        let (hidden_shape, hidden) = expected.floats(&format!("case{case}.hidden")).unwrap();
        let width = hidden_shape[3];
        for (i, (ids, _)) in examples.iter().enumerate() {
            let length = ids.len();
            let ours = output.example_maps(i).unwrap();
            assert_eq!(ours, output.all_maps().unwrap()[i]);
            worst.maps = worst
                .maps
                .max(max_difference(&ours, &cut_maps(&shape, &maps, i, length)));
            let all = output.example_hidden(i).unwrap();
            let kept: Vec<f32> = states
                .iter()
                .flat_map(|s| &all[s * length * width..(s + 1) * length * width])
                .copied()
                .collect();
            let theirs = cut_hidden(&hidden_shape, &hidden, i, length);
            worst.hidden = worst.hidden.max(max_difference(&kept, &theirs));
            let alone = run(&examples[i..=i]).example_maps(0).unwrap();
            worst.alone = worst.alone.max(max_difference(&ours, &alone));
        }
        if let Some(((_, theirs), ours)) = expected
            .floats(&format!("case{case}.pooled"))
            .zip(output.pooled)
        {
            worst.pooled = worst
                .pooled
                .max(max_difference(&to_host(ours).unwrap(), &theirs));
        }
    }
    worst
}

fn check(name: &str, folder: &Path, expected: &Path, labels: Option<usize>) {
    let expected = Expected::read(expected);
    assert!(expected.cases() > 0);
    let checkpoint = Checkpoint::open(folder).unwrap();
    let (model, _) = checkpoint.load_encoder(&device()).unwrap();
    let mut worst = compare(&model, &expected);
    if let Some(labels) = labels {
        let (classifier, report) = checkpoint.load_classifier(labels, 0, &device()).unwrap();
        assert_eq!(report.fresh, [""; 0]);
        for case in 0..expected.cases() {
            let tokens = batch(&expected.examples(case));
            let output = classifier
                .forward(&tokens, &Intervention::none(), None, Want::nothing())
                .unwrap();
            let (_, theirs) = expected.floats(&format!("case{case}.logits")).unwrap();
            worst.logits = worst
                .logits
                .max(max_difference(&to_host(output.logits).unwrap(), &theirs));
        }
    }
    if std::env::var_os("ATTN_PARITY_REPORT").is_some() {
        println!(
            "| {name} | {:.1e} | {:.1e} | {:.1e} | {:.1e} | {:.1e} |",
            worst.maps, worst.hidden, worst.pooled, worst.logits, worst.alone
        );
    }
    assert!(worst.maps <= MAPS, "{name}: {worst:?}");
    assert!(
        worst.hidden.max(worst.pooled).max(worst.logits) <= HIDDEN,
        "{name}: {worst:?}"
    );
    assert!(worst.alone <= ALONE, "{name}: {worst:?}");
}

fn tiny(name: &str, expected: &str, labels: Option<usize>) {
    check(name, &fixture(name), &fixture(expected), labels);
}

#[test]
fn tiny_fp32_with_prefix_and_classifier() {
    tiny("tiny-bert", "tiny-bert.expected.safetensors", Some(3));
}

#[test]
fn tiny_without_prefix_or_pooler() {
    tiny("tiny-noprefix", "tiny-bert.expected.safetensors", None);
}

#[test]
fn tiny_pytorch_pickle_with_gamma_and_beta() {
    tiny("tiny-bin", "tiny-bert.expected.safetensors", Some(3));
}

#[test]
fn tiny_pytorch_pickle_of_the_old_container() {
    tiny("tiny-bin-legacy", "tiny-bert.expected.safetensors", Some(3));
}

#[test]
fn tiny_half_precision() {
    tiny("tiny-fp16", "tiny-fp16.expected.safetensors", Some(3));
    tiny("tiny-bf16", "tiny-bf16.expected.safetensors", Some(3));
}

#[test]
fn minilm() {
    match cached_minilm() {
        Some(folder) => check(
            "all-MiniLM-L6-v2",
            &folder,
            &fixture("minilm.expected.safetensors"),
            None,
        ),
        None => {
            eprintln!("SKIPPED: all-MiniLM-L6-v2 is not cached; run `attn fetch all-MiniLM-L6-v2`")
        }
    }
}

#[test]
fn twelve_by_twelve() {
    match shared_e5() {
        Some(folder) => {
            check(
                "multilingual-e5-small-en-pt",
                &folder,
                &fixture("e5.expected.safetensors"),
                None,
            );
        }
        None => {
            eprintln!("SKIPPED: the 12x12 model is absent; set ATTN_SHARED to the shared folder")
        }
    }
}

/// BERT-base's shape with random weights, 440 MB that are made on demand:
/// `make_fixtures.py --bert-base DIR`, then `ATTN_BERT_BASE_RANDOM=DIR`.
#[test]
fn bert_base_shape() {
    match std::env::var_os("ATTN_BERT_BASE_RANDOM") {
        Some(folder) => {
            let folder = Path::new(&folder);
            let expected = folder.join("bert-base-random.expected.safetensors");
            check(
                "BERT-base shape, random weights",
                &folder.join("model"),
                &expected,
                None,
            );
        }
        None => eprintln!(
            "SKIPPED: BERT-base-shaped weights; make them with tests/reference/make_fixtures.py --bert-base DIR \
             and set ATTN_BERT_BASE_RANDOM=DIR"
        ),
    }
}
