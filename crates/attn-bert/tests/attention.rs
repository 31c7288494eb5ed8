//! The fused attention against Burn's own operations: all queries, and a few of them.

#![cfg(feature = "flex")]

mod common;

use attn_bert::kernels;
use burn::tensor::{Tensor, activation};
use common::device;
use common::tensors::*;

/// Contexts of `query: [b, q, h]` over `key, value: [b, l, h]` by Burn's operations.
fn burns(
    [query, key, value]: [Tensor<3>; 3],
    heads: usize,
    bias: Option<Tensor<4>>,
) -> [Tensor<3>; 2] {
    let [batch, queries, hidden] = query.dims();
    let keys = key.dims()[1];
    let scale = ((hidden / heads) as f64).sqrt().recip();
    let [query, key, value] = [query, key, value].map(|x| kernels::split(x, heads));
    let scores = query.matmul(key.swap_dims(2, 3)) * scale;
    let scores = match bias {
        Some(bias) => scores + bias,
        None => scores,
    };
    let weights = activation::softmax(scores, 3);
    let contexts = weights.clone().matmul(value);
    [
        weights.reshape([batch, heads * queries, keys]),
        contexts.swap_dims(1, 2).reshape([batch, queries, hidden]),
    ]
}

fn ours(
    [query, key, value]: [Tensor<3>; 3],
    heads: usize,
    bias: Option<Tensor<4>>,
) -> [Tensor<3>; 2] {
    let [batch, queries, _] = query.dims();
    let keys = key.dims()[1];
    let weights = kernels::attention_weights(query, key, heads, bias);
    assert_eq!(weights.dims(), [batch, heads, queries, keys]);
    let contexts = kernels::attention_contexts(&off(), weights.clone(), value);
    [weights.reshape([batch, heads * queries, keys]), contexts]
}

#[test]
fn weights_contexts_and_gradients_are_burns_for_any_number_of_queries() {
    let device = device().autodiff();
    for (batch, queries, keys, heads, size) in [
        (1, 1, 1, 1, 1),
        (2, 1, 5, 3, 4),
        (3, 3, 17, 2, 32),
        (2, 17, 17, 3, 5),
        (1, 2, 64, 12, 32),
        (9, 1, 64, 12, 32),
        (2, 40, 33, 4, 16),
    ] {
        for padded in [false, true] {
            let hidden = heads * size;
            let inputs = || {
                [(queries, 1), (keys, 2), (keys, 3)].map(|(width, seed)| {
                    (random::<3>([batch, width, hidden], seed, &device) * 0.4).require_grad()
                })
            };
            let bias = padded.then(|| padding(batch, keys, &device.clone().without_autodiff()));
            let bias = bias.map(|bias| Tensor::from_data(bias.into_data(), &device));
            let results = [ours, burns].map(|f| {
                let inputs = inputs();
                let [weights, contexts] = f(inputs.clone(), heads, bias.clone());
                let loss = (contexts.clone() * random(contexts.dims(), 4, &device)).sum()
                    + (weights.clone() * random(weights.dims(), 5, &device)).sum();
                let gradients = loss.backward();
                let mut values = vec![host(&weights), host(&contexts)];
                values.extend(inputs.map(|x| host(&x.grad(&gradients).unwrap())));
                values
            });
            let names = ["weights", "contexts", "to query", "to key", "to value"];
            for (name, (ours, burns)) in names.iter().zip(results[0].iter().zip(&results[1])) {
                let what =
                    format!("{name}: {batch} x {queries} of {keys}, {heads} x {size}, {padded}");
                close(&what, ours, burns, 1e-5);
            }
        }
    }
}
