//! The fused GELU and softmax against exact values, finite differences and Burn's own operations: values,
//! gradients, odd sizes, views, special values.

#![cfg(feature = "flex")]

mod common;

use attn_bert::kernels;
use burn::tensor::{DType, Tensor, TensorData, activation};
use common::device;
use common::tensors::*;

/// `Φ(x)`, from the series of positive terms `φ(x) Σ x^(2n+1) / (2n+1)!!`.
fn phi(x: f64) -> f64 {
    let (mut term, mut sum, mut n) = (x, x, 1.0);
    while term.abs() > 1e-18 * sum.abs() && n < 2000.0 {
        n += 2.0;
        term *= x * x / n;
        sum += term;
    }
    0.5 + sum * (-0.5 * x * x).exp() / (2.0 * std::f64::consts::PI).sqrt()
}

fn exact_gelu(x: f64) -> f64 {
    // The series for the positive side only: Φ(-a) = 1 - Φ(a) would cancel.
    if x > -5.0 { x * phi(x) } else { x * tail(-x) }
}

/// `1 - Φ(a)` for large `a`, by its continued fraction.
fn tail(a: f64) -> f64 {
    let fraction = (1..200).rev().fold(a, |f, n| a + f64::from(n) / f);
    (-0.5 * a * a).exp() / (2.0 * std::f64::consts::PI).sqrt() / fraction
}

#[test]
fn the_exact_gelu_of_this_file_is_exact() {
    for (x, expected) in [
        (0.0, 0.0),
        (1.0, 0.841_344_746_068_542_9),
        (-1.0, -0.158_655_253_931_457_05),
        (3.0, 2.995_950_305_904_877),
        (-6.0, -5.919_525_916_996_1e-9),
    ] {
        assert!(
            (exact_gelu(x) - expected).abs() < 1e-12,
            "{x}: {}",
            exact_gelu(x)
        );
    }
}

#[test]
fn gelu_is_within_a_millionth_of_the_exact_value() {
    let x: Vec<f32> = (0..=200_000).map(|i| -10.0 + i as f32 * 1e-4).collect();
    let y = host(&kernels::gelu(vector(&x, &device())));
    let worst = x
        .iter()
        .zip(&y)
        .map(|(&x, &y)| (exact_gelu(x.into()) - f64::from(y)).abs())
        .fold(0.0, f64::max);
    println!("GELU: largest error on [-10, 10] {worst:.2e}");
    assert!(worst < 1e-6, "{worst}");
    // Far negative values keep their size: relative error, not only absolute.
    for (&x, &y) in x.iter().zip(&y).filter(|(x, _)| (-8.0..-0.01).contains(*x)) {
        let expected = exact_gelu(x.into());
        assert!(
            (f64::from(y) - expected).abs() < 2e-3 * expected.abs(),
            "{x}: {y} against {expected}"
        );
    }
}

#[test]
fn gelu_derivative_matches_finite_differences_of_the_exact_value() {
    let x: Vec<f32> = (0..=4000).map(|i| -10.0 + i as f32 * 5e-3).collect();
    let input = vector(&x, &device().autodiff()).require_grad();
    let grads = kernels::gelu(input.clone()).sum().backward();
    let gradient = host(&input.grad(&grads).unwrap());
    for (&x, g) in x.iter().zip(gradient) {
        let (x, h) = (f64::from(x), 1e-4);
        let expected = (exact_gelu(x + h) - exact_gelu(x - h)) / (2.0 * h);
        assert!(
            (f64::from(g) - expected).abs() < 2e-6,
            "{x}: {g} against {expected}"
        );
    }
}

/// Softmax of one row in f64.
fn exact_softmax(row: &[f32], scale: f64, bias: &[f32]) -> Vec<f64> {
    let z: Vec<f64> = row
        .iter()
        .zip(bias)
        .map(|(&x, &b)| f64::from(x) * scale + f64::from(b))
        .collect();
    let largest = z.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let e: Vec<f64> = z.iter().map(|z| (z - largest).exp()).collect();
    let sum: f64 = e.iter().sum();
    e.into_iter().map(|e| e / sum).collect()
}

const SHAPES: [[usize; 4]; 8] = [
    [1, 1, 1, 1],
    [1, 2, 3, 5],
    [3, 2, 7, 15],
    [2, 3, 16, 16],
    [2, 1, 17, 17],
    [4, 3, 33, 31],
    [2, 12, 128, 128],
    [1, 1, 2, 20_000],
];

#[test]
fn softmax_is_within_a_millionth_of_the_exact_value() {
    let mut worst = 0.0f64;
    for (seed, shape) in SHAPES.into_iter().enumerate() {
        let [batch, heads, queries, keys] = shape;
        let scores = random(shape, seed as u64, &device()) * 20.0;
        for (scale, masked) in [(1.0, false), (0.125, true), (0.176_776_7, true)] {
            let bias = padding(batch, keys, &device());
            let bias_values = if masked {
                host(&bias)
            } else {
                vec![0.0; batch * keys]
            };
            let ours = host(&kernels::softmax(
                scores.clone(),
                scale,
                masked.then_some(bias),
            ));
            for (row, (x, y)) in host(&scores)
                .chunks(keys)
                .zip(ours.chunks(keys))
                .enumerate()
            {
                let example = row / (heads * queries);
                let bias = &bias_values[example * keys..][..keys];
                for ((expected, &y), &b) in exact_softmax(x, scale, bias).iter().zip(y).zip(bias) {
                    worst = worst.max((expected - f64::from(y)).abs());
                    assert!(b == 0.0 || y == 0.0, "padding must get exactly no weight");
                }
            }
        }
    }
    println!("softmax: largest error {worst:.2e}");
    assert!(worst < 1e-6, "{worst}");
}

#[test]
fn softmax_gradient_matches_finite_differences_of_the_exact_value() {
    let device = device().autodiff();
    let [batch, keys] = [2, 19];
    let shape = [batch, 1, 2, keys];
    let scores = random(shape, 5, &device).require_grad();
    let weight = random(shape, 6, &device);
    let bias = padding(batch, keys, &device);
    let grads = (kernels::softmax(scores.clone(), 0.4, Some(bias.clone())) * weight.clone())
        .sum()
        .backward();
    let gradient = host(&scores.grad(&grads).unwrap());
    let (x, weight, bias) = (host(&scores), host(&weight), host(&bias));
    let loss = |row: usize, values: &[f32]| -> f64 {
        let bias = &bias[row / 2 * keys..][..keys];
        let p = exact_softmax(values, 0.4, bias);
        p.iter()
            .zip(&weight[row * keys..])
            .map(|(p, &w)| p * f64::from(w))
            .sum()
    };
    for row in 0..batch * 2 {
        for key in 0..keys {
            let at = |step: f32| {
                let mut values = x[row * keys..][..keys].to_vec();
                values[key] += step;
                (f64::from(values[key]), loss(row, &values))
            };
            let ((low, below), (high, above)) = (at(-5e-3), at(5e-3));
            let expected = (above - below) / (high - low);
            let found = f64::from(gradient[row * keys + key]);
            assert!(
                (found - expected).abs() < 1e-5,
                "{row},{key}: {found} against {expected}"
            );
        }
    }
}

/// Forward values and gradients of `f`, weighted by fixed numbers, with respect to `inputs`.
fn gradients<const D: usize>(
    x: &Tensor<D>,
    f: impl FnOnce(Tensor<D>) -> Tensor<D>,
) -> (Vec<f32>, Vec<f32>) {
    let x = x.clone().require_grad();
    let y = f(x.clone());
    let weight = random(y.dims(), 99, &y.device());
    let grads = (y.clone() * weight).sum().backward();
    (host(&y), host(&x.grad(&grads).unwrap()))
}

#[track_caller]
fn same<const D: usize>(
    what: &str,
    x: &Tensor<D>,
    ours: impl FnOnce(Tensor<D>) -> Tensor<D>,
    burn: impl FnOnce(Tensor<D>) -> Tensor<D>,
) {
    let ((y, g), (expected_y, expected_g)) = (gradients(x, ours), gradients(x, burn));
    close(&format!("{what}, value"), &y, &expected_y, 2e-6);
    close(&format!("{what}, gradient"), &g, &expected_g, 1e-5);
}

#[test]
fn values_and_gradients_are_burns_on_odd_sizes_and_views() {
    let device = device().autodiff();
    for (seed, shape) in SHAPES.into_iter().enumerate() {
        let x = random(shape, seed as u64, &device);
        let [batch, heads, queries, keys] = shape;
        let burn_softmax = |x: Tensor<4>| activation::softmax(x * 0.3, 3);
        same(
            &format!("gelu {shape:?}"),
            &x,
            kernels::gelu,
            activation::gelu,
        );
        same(
            &format!("softmax {shape:?}"),
            &x,
            |x| kernels::softmax(x, 0.3, None),
            burn_softmax,
        );
        let bias = padding(batch, keys, &device);
        let masked = |x: Tensor<4>| activation::softmax(x * 0.3 + bias.clone(), 3);
        same(
            &format!("masked {shape:?}"),
            &x,
            |x| kernels::softmax(x, 0.3, Some(bias.clone())),
            masked,
        );
        // Not contiguous, and not from the start of its storage.
        let turned = |x: Tensor<4>| x.swap_dims(1, 2);
        let back = |x: Tensor<4>| x.swap_dims(1, 2);
        same(
            "turned gelu",
            &x,
            |x| back(kernels::gelu(turned(x))),
            activation::gelu,
        );
        same(
            "turned softmax",
            &x,
            |x| back(kernels::softmax(turned(x), 0.3, None)),
            burn_softmax,
        );
        if queries > 1 && heads > 1 {
            let part = |x: Tensor<4>| x.narrow(1, 1, heads - 1).narrow(2, 1, queries - 1);
            same(
                "narrowed softmax",
                &random(shape, 8, &device),
                |x| x.clone() + kernels::softmax(part(x), 0.3, None).max().reshape([1; 4]),
                |x| x.clone() + burn_softmax(part(x)).max().reshape([1; 4]),
            );
            let narrow = host(&kernels::gelu(part(x.clone())));
            close(
                "narrowed gelu",
                &narrow,
                &host(&activation::gelu(part(x))),
                2e-6,
            );
        }
    }
    // A whole-rows view that is contiguous but starts late: the offset alone matters.
    let x = random([9, 40], 3, &device);
    close(
        "offset",
        &host(&kernels::gelu(x.clone().narrow(0, 4, 3))),
        &host(&activation::gelu(x.narrow(0, 4, 3))),
        2e-6,
    );
}

#[test]
fn nan_and_infinity_go_through_as_in_burn() {
    let special = [
        f32::NAN,
        f32::INFINITY,
        f32::NEG_INFINITY,
        0.0,
        -0.0,
        f32::MAX,
        f32::MIN,
        1e-40,
        1.5,
    ];
    let kind = |v: &f32| (v.is_nan(), v.is_infinite(), *v > 0.0 && v.is_infinite());
    let x = vector(&special, &device());
    let (ours, burn) = (host(&kernels::gelu(x.clone())), host(&activation::gelu(x)));
    assert_eq!(
        ours.iter().map(kind).collect::<Vec<_>>(),
        burn.iter().map(kind).collect::<Vec<_>>(),
        "{ours:?} {burn:?}"
    );
    // Each special value in each place of a row, and rows of nothing else.
    for width in [1, 3, 16, 20] {
        for place in 0..width {
            for value in special {
                let mut row = vec![0.5f32; width];
                row[place] = value;
                row.extend(vec![value; width]);
                let x = Tensor::<4>::from_data(
                    TensorData::new(row.clone(), [1, 1, 2, width]),
                    &device(),
                );
                let ours = host(&kernels::softmax(x.clone(), 1.0, None));
                let burn = host(&activation::softmax(x, 3));
                for (ours, burn) in ours.iter().zip(&burn) {
                    assert_eq!(ours.is_nan(), burn.is_nan(), "{row:?}: {ours} {burn}");
                    assert!(
                        ours.is_nan() || (ours - burn).abs() < 1e-6,
                        "{row:?}: {ours} {burn}"
                    );
                }
            }
        }
    }
}

#[test]
fn other_element_types_take_burns_operations() {
    let x: Vec<f64> = vec![-2.0, -0.5, 0.0, 1.0, 3.0];
    let x = Tensor::<1>::from_data(TensorData::new(x, [5]), (&device(), DType::F64));
    assert_eq!(x.dtype(), DType::F64);
    let y = kernels::gelu(x.clone());
    assert_eq!(y.dtype(), DType::F64);
    assert_eq!(y.into_data(), activation::gelu(x).into_data());
    let empty = Tensor::<2>::zeros([0, 4], &device());
    assert_eq!(kernels::gelu(empty).dims(), [0, 4]);
}

#[test]
fn a_bias_that_requires_a_gradient_gets_one() {
    let device = device().autodiff();
    let bias = random([2, 1, 1, 5], 1, &device).require_grad();
    let scores = random([2, 3, 4, 5], 2, &device);
    let weight = random([2, 3, 4, 5], 3, &device);
    let grads = (kernels::softmax(scores, 0.5, Some(bias.clone())) * weight)
        .sum()
        .backward();
    assert!(
        host(&bias.grad(&grads).unwrap())
            .iter()
            .any(|g| g.abs() > 1e-3)
    );
}
