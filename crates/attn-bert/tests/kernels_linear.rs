//! The fused linear maps with what follows them, and dropout, against Burn's own operations: values,
//! gradients, dropout's randomness.

#![cfg(feature = "flex")]

mod common;

use attn_bert::kernels;
use burn::nn::{DropoutConfig, LayerNorm, LayerNormConfig, Linear, LinearConfig};
use burn::tensor::{Device, Distribution, Tensor, activation};
use common::device;
use common::tensors::*;

#[test]
fn an_input_that_someone_else_holds_is_left_alone() {
    let _turn = turn();
    for device in [device(), device().autodiff()] {
        let scores = random([2, 2, 5, 6], 1, &device);
        let before = host(&scores);
        let flat = scores.clone().reshape([20, 6]);
        let _ = kernels::gelu(scores.clone());
        let _ = kernels::softmax(scores.clone(), 2.0, Some(padding(2, 6, &device)));
        let _ = kernels::gelu(flat.clone().narrow(0, 0, 10));
        let residual = random([20, 4], 2, &device);
        let (map, norm) = (linear(6, 4, &device), LayerNormConfig::new(4).init(&device));
        let kept = host(&residual);
        let _ = kernels::linear_norm(&map, &off(), &norm, 1e-5, flat, residual.clone());
        assert_eq!((host(&scores), host(&residual)), (before, kept));
    }
}

/// A parameter: tracked where the device can.
fn trained<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    if x.device().is_autodiff() {
        x.require_grad()
    } else {
        x
    }
}

fn linear(inputs: usize, outputs: usize, device: &Device) -> Linear {
    let mut map = LinearConfig::new(inputs, outputs).init(device);
    map.weight = map
        .weight
        .map(|w| trained(random(w.dims(), 21, &w.device())));
    map.bias = map
        .bias
        .map(|b| b.map(|b| trained(random(b.dims(), 22, &b.device()))));
    map
}

fn layer_norm(width: usize, epsilon: f64, device: &Device) -> LayerNorm {
    let mut norm = LayerNormConfig::new(width)
        .with_epsilon(epsilon)
        .init(device);
    norm.gamma = norm
        .gamma
        .map(|w| trained(random(w.dims(), 31, &w.device())));
    norm.beta = norm
        .beta
        .map(|b| b.map(|b| trained(random(b.dims(), 32, &b.device()))));
    norm
}

/// Value and gradients with respect to `x`, the linear map's and the LayerNorm's parameters.
fn all_gradients(
    x: &Tensor<3>,
    residual: &Tensor<3>,
    map: &Linear,
    norm: &LayerNorm,
    f: impl FnOnce(Tensor<3>, Tensor<3>) -> Tensor<3>,
) -> Vec<Option<Vec<f32>>> {
    let (x, residual) = (x.clone().require_grad(), residual.clone().require_grad());
    let y = f(x.clone(), residual.clone());
    let weight = random(y.dims(), 77, &y.device());
    let grads = (y.clone() * weight).sum().backward();
    let one = |t: &Tensor<1>| t.grad(&grads).map(|g| host(&g));
    vec![
        Some(host(&y)),
        x.grad(&grads).map(|g| host(&g)),
        residual.grad(&grads).map(|g| host(&g)),
        map.weight.val().grad(&grads).map(|g| host(&g)),
        one(&map.bias.as_ref().unwrap().val()),
        one(&norm.gamma.val()),
        one(&norm.beta.as_ref().unwrap().val()),
    ]
}

#[test]
fn linear_maps_with_bias_gelu_and_norm_agree_with_burns() {
    let _turn = turn();
    let device = device().autodiff();
    for (inputs, outputs, rows) in [
        (1, 1, 1),
        (3, 5, 2),
        (16, 17, 9),
        (31, 33, 40),
        (40, 384, 101),
    ] {
        let x = random([2, rows, inputs], 1, &device);
        let residual = random([2, rows, outputs], 2, &device);
        let (map, norm) = (
            linear(inputs, outputs, &device),
            layer_norm(outputs, 1e-3, &device),
        );
        type Form<'a> = &'a dyn Fn(Tensor<3>, Tensor<3>) -> Tensor<3>;
        let cases: [(&str, Form<'_>, Form<'_>); 3] = [
            ("linear", &|x, _| kernels::linear(&map, x), &|x, _| {
                map.forward(x)
            }),
            (
                "linear_gelu",
                &|x, _| kernels::linear_gelu(&map, x),
                &|x, _| activation::gelu(map.forward(x)),
            ),
            (
                "linear_norm",
                &|x, r| kernels::linear_norm(&map, &off(), &norm, 1e-3, x, r),
                &|x, r| norm.forward(map.forward(x) + r),
            ),
        ];
        for (name, ours, burn) in cases {
            let ours = all_gradients(&x, &residual, &map, &norm, ours);
            let burn = all_gradients(&x, &residual, &map, &norm, burn);
            for (i, (ours, burn)) in ours.iter().zip(&burn).enumerate() {
                let what = format!("{name} {inputs}x{outputs}, {rows} rows, part {i}");
                assert_eq!(ours.is_some(), burn.is_some(), "{what}");
                if let Some((ours, burn)) = ours.as_ref().zip(burn.as_ref()) {
                    // Sums over up to 202 rows of products of size 10: their rounding, not ours.
                    let size = burn.iter().fold(1.0f32, |m, v| m.max(v.abs()));
                    let scaled = |v: &[f32]| v.iter().map(|v| v / size).collect::<Vec<_>>();
                    close(&what, &scaled(ours), &scaled(burn), 1e-5);
                }
            }
        }
    }
}

#[test]
fn without_a_bias_burns_own_linear_map_runs() {
    let _turn = turn();
    let device = device();
    let map = LinearConfig::new(3, 4).with_bias(false).init(&device);
    let x = random([2, 3], 1, &device);
    assert_eq!(
        host(&kernels::linear(&map, x.clone())),
        host(&map.forward(x.clone()))
    );
    close(
        "gelu",
        &host(&kernels::linear_gelu(&map, x.clone())),
        &host(&activation::gelu(map.forward(x))),
        2e-6,
    );
}

#[test]
fn dropout_keeps_its_share_and_its_mask() {
    let _turn = turn();
    let device = device().autodiff();
    let layer = DropoutConfig::new(0.1).init();
    let x = Tensor::<2>::ones([1000, 1001], &device).require_grad();
    device.seed(7);
    let y = kernels::dropout(&layer, x.clone());
    let values = host(&y);
    let dropped = values.iter().filter(|v| **v == 0.0).count() as f64 / values.len() as f64;
    // Five standard deviations of a binomial share: 5 √(0.1 · 0.9 / 1001000) = 0.0015.
    assert!((dropped - 0.1).abs() < 0.0015, "{dropped}");
    assert!(
        values
            .iter()
            .all(|v| *v == 0.0 || (v - 1.0 / 0.9).abs() < 1e-6)
    );
    // Neighbours, along rows and down columns, fall independently: about 1 in 100 pairs.
    for step in [1, 2, 16, 1001] {
        let pairs = values
            .iter()
            .zip(&values[step..])
            .filter(|(a, b)| **a == 0.0 && **b == 0.0)
            .count();
        let share = pairs as f64 / values.len() as f64;
        assert!((share - 0.01).abs() < 0.0006, "step {step}: {share}");
    }
    // The gradient passes exactly where the value did.
    let grads = y.sum().backward();
    assert_eq!(host(&x.grad(&grads).unwrap()), values);
    // The seed decides; the next mask is another one.
    device.seed(7);
    assert_eq!(host(&kernels::dropout(&layer, x.clone())), values);
    assert_ne!(host(&kernels::dropout(&layer, x.clone())), values);
    // Outside training nothing falls.
    let plain = Tensor::<2>::ones([10, 10], &common::device());
    assert!(
        host(&kernels::dropout(&layer, plain))
            .iter()
            .all(|v| *v == 1.0)
    );
}

#[test]
fn dropout_inside_the_norm_is_the_same_in_both_directions() {
    let _turn = turn();
    let device = device().autodiff();
    let (map, norm) = (linear(24, 40, &device), layer_norm(40, 1e-5, &device));
    let layer = DropoutConfig::new(0.3).init();
    let (x, residual) = (
        random([2, 50, 24], 1, &device),
        random([2, 50, 40], 2, &device),
    );
    device.seed(3);
    let ours = all_gradients(&x, &residual, &map, &norm, |x, r| {
        kernels::linear_norm(&map, &layer, &norm, 1e-5, x, r)
    });
    // The same mask, from the dropout alone, then Burn's operations.
    device.seed(3);
    let burn = all_gradients(&x, &residual, &map, &norm, |x, r| {
        norm.forward(kernels::dropout(&layer, map.forward(x)) + r)
    });
    for (i, (ours, burn)) in ours.iter().zip(&burn).enumerate() {
        let (ours, burn) = (ours.as_ref().unwrap(), burn.as_ref().unwrap());
        let size = burn.iter().fold(1.0f32, |m, v| m.max(v.abs()));
        let scaled = |v: &[f32]| v.iter().map(|v| v / size).collect::<Vec<_>>();
        close(&format!("part {i}"), &scaled(ours), &scaled(burn), 1e-5);
    }
}

#[test]
fn the_number_of_threads_changes_no_bit() {
    let _turn = turn();
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(|| {
            let device = device().autodiff();
            let (map, norm) = (linear(24, 400, &device), layer_norm(400, 1e-5, &device));
            let x = random([2, 150, 24], 1, &device);
            let residual = Tensor::random([2, 150, 400], Distribution::Default, &device) * 0.0;
            all_gradients(&x, &residual, &map, &norm, |x, r| {
                kernels::gelu(kernels::linear_norm(&map, &off(), &norm, 1e-5, x, r))
            })
        })
    };
    assert!(run(1) == run(3));
}
