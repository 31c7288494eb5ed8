//! A checkpoint's classifier with its outputs in another order, and fresh ones in its place.

mod common;

use attn_bert::checkpoint::Checkpoint;
use attn_bert::{SequenceClassifier, Want, to_host};
use attn_core::Intervention;
use common::*;

fn logits(model: &SequenceClassifier, expected: &Expected) -> Vec<f32> {
    let tokens = batch(&expected.examples(3));
    to_host(
        model
            .forward(&tokens, &Intervention::none(), None, Want::nothing())
            .unwrap()
            .logits,
    )
    .unwrap()
}

#[test]
fn a_classifiers_outputs_come_in_the_order_asked_for() {
    let expected = Expected::read(&fixture("tiny-bert.expected.safetensors"));
    let checkpoint = Checkpoint::open(fixture("tiny-bert")).unwrap();
    let ordered = |order: &[usize]| checkpoint.load_classifier_ordered(order, 0, &device());
    let (own, _) = checkpoint.load_classifier(3, 0, &device()).unwrap();
    let own = logits(&own, &expected);
    assert_eq!(logits(&ordered(&[0, 1, 2]).unwrap().0, &expected), own);
    let (moved, report) = ordered(&[2, 0, 1]).unwrap();
    assert!(report.fresh.is_empty() && report.unused.is_empty());
    let moved = logits(&moved, &expected);
    for (moved, own) in moved.chunks_exact(3).zip(own.chunks_exact(3)) {
        assert!(own[0] != own[1] && own[1] != own[2]);
        let want = [own[2], own[0], own[1]];
        assert!(
            moved.iter().zip(want).all(|(a, b)| (a - b).abs() < 1e-5),
            "{moved:?} {want:?}"
        );
    }
    for order in [&[0, 1][..], &[0, 1, 1], &[0, 1, 3], &[]] {
        let error = ordered(order).unwrap_err().to_string();
        assert!(
            error.contains("each of the classifier's 3 outputs once"),
            "{error}"
        );
    }
}

#[test]
fn a_fresh_classifier_is_the_one_that_a_bare_checkpoint_gets() {
    // The same weights without prefix, pooler and classifier.
    let (tuned, bare) = ("tiny-bert", "tiny-noprefix");
    let classifier = |name: &str, labels| {
        let checkpoint = Checkpoint::open(fixture(name)).unwrap();
        let (model, report) = checkpoint
            .load_classifier_fresh(labels, 5, &device())
            .unwrap();
        let values = to_host(model.classifier.weight.val()).unwrap();
        let bias = model.classifier.bias.as_ref().unwrap().val();
        assert!(to_host(bias).unwrap().iter().all(|&b| b == 0.0));
        (model.labels(), values, report)
    };
    for labels in [2, 3] {
        let ((n, a, report), (_, b, _)) = (classifier(tuned, labels), classifier(bare, labels));
        assert_eq!((n, &a), (labels, &b));
        assert_eq!(report.fresh, ["classifier.bias", "classifier.weight"]);
        assert_eq!(report.unused, ["classifier.weight", "classifier.bias"]);
    }
}
