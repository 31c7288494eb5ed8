//! The gradient of the attention block against finite differences.
//!
//! The objective is a fixed random combination of the logits, so that nothing saturates. The gradient is
//! that of `SequenceClassifier::logits`, which training uses, with a last layer for the first token
//! alone; the quotients come from the whole forward pass. Weights are
//! f32: a difference quotient over ±h has a rounding error of about 1e-6 / h and a truncation error in
//! h²; Richardson's extrapolation over h and h/2 removes the latter, so that h may be large.

mod common;

use attn_bert::{SequenceClassifier, TokenBatch, Want, to_host};
use attn_core::Intervention;
use burn::module::{Module, Param};
use burn::nn::Linear;
use burn::tensor::{Tensor, TensorData};
use common::*;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

const STEP: f64 = 0.02;

/// Combines the logits `[3 examples, 3 labels]`.
const COEFFICIENTS: [f32; 9] = [0.9, -0.4, 0.3, -1.1, 0.7, 0.2, 0.5, -0.8, 1.2];

fn batch() -> TokenBatch {
    // Unequal lengths: the gradient passes the mask of padding.
    let set = examples(3, 17);
    let mut tokens = set.tokens();
    tokens[0].ids = &tokens[0].ids[..4];
    tokens[0].types = &tokens[0].types[..4];
    let batch = TokenBatch::new(&tokens).unwrap();
    assert!(batch.has_padding());
    batch
}

fn objective(model: &SequenceClassifier) -> f64 {
    let output = model
        .forward(&batch(), &Intervention::none(), None, Want::nothing())
        .unwrap();
    let logits = to_host(output.logits).unwrap();
    logits
        .iter()
        .zip(COEFFICIENTS)
        .map(|(l, c)| f64::from(*l) * f64::from(c))
        .sum()
}

type Pick = fn(&mut SequenceClassifier) -> &mut Linear;

/// The objective with one weight moved.
fn moved(pick: Pick, index: usize, by: f64) -> f64 {
    let mut model = tiny_model(0.0);
    let linear = pick(&mut model);
    let shape = linear.weight.val().dims();
    let mut values = to_host(linear.weight.val()).unwrap();
    values[index] = (f64::from(values[index]) + by) as f32;
    linear.weight =
        Param::from_tensor(Tensor::from_data(TensorData::new(values, shape), &device()));
    objective(&model)
}

fn quotient(pick: Pick, index: usize, step: f64) -> f64 {
    (moved(pick, index, step) - moved(pick, index, -step)) / (2.0 * step)
}

#[test]
fn the_attention_blocks_gradient_is_the_difference_quotient() {
    let mut model = tiny_model(0.0).train();
    let device = model.bert.device();
    let coefficients =
        Tensor::<2>::from_data(TensorData::new(COEFFICIENTS.to_vec(), [3, 3]), &device);
    let logits = model.logits(&batch(), &Intervention::none(), None).unwrap();
    let gradients = (logits * coefficients).sum().backward();
    let picks: [(&str, Pick); 8] = [
        ("query, layer 0", |m| {
            &mut m.bert.encoder.layer[0].attention.self_attention.query
        }),
        ("key, layer 0", |m| {
            &mut m.bert.encoder.layer[0].attention.self_attention.key
        }),
        ("value, layer 0", |m| {
            &mut m.bert.encoder.layer[0].attention.self_attention.value
        }),
        ("output, layer 0", |m| {
            &mut m.bert.encoder.layer[0].attention.output.dense
        }),
        ("query, layer 1", |m| {
            &mut m.bert.encoder.layer[1].attention.self_attention.query
        }),
        ("key, layer 1", |m| {
            &mut m.bert.encoder.layer[1].attention.self_attention.key
        }),
        ("value, layer 1", |m| {
            &mut m.bert.encoder.layer[1].attention.self_attention.value
        }),
        ("output, layer 1", |m| {
            &mut m.bert.encoder.layer[1].output.dense
        }),
    ];
    let mut rng = ChaCha8Rng::seed_from_u64(4);
    for (name, pick) in picks {
        let gradient = to_host(pick(&mut model).weight.val().grad(&gradients).unwrap()).unwrap();
        let largest = gradient.iter().fold(0.0f32, |m, g| m.max(g.abs()));
        assert!(
            largest > 0.01,
            "{name}: the gradient is too small to test ({largest})"
        );
        for _ in 0..6 {
            let index = rng.random_range(0..gradient.len());
            let extrapolated =
                (4.0 * quotient(pick, index, STEP / 2.0) - quotient(pick, index, STEP)) / 3.0;
            let difference = (f64::from(gradient[index]) - extrapolated).abs();
            assert!(
                difference < 1e-3 * f64::from(largest).max(0.5),
                "{name}, weight {index}: gradient {}, quotient {extrapolated}",
                gradient[index]
            );
        }
    }
    // A bias of the keys moves all scores of a query alike, which the softmax does not see.
    let bias = pick_key_bias(&model).grad(&gradients).unwrap();
    assert!(to_host(bias).unwrap().iter().all(|g| g.abs() < 1e-5));
}

fn pick_key_bias(model: &SequenceClassifier) -> Tensor<1> {
    model.bert.encoder.layer[0]
        .attention
        .self_attention
        .key
        .bias
        .as_ref()
        .unwrap()
        .val()
}
