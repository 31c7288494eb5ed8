//! Matrix products and row kernels against plain sums in float64, on the path of this process (CI runs
//! this with `ATTN_KERNELS` set to each path that the machine has).

use attn_kernels::{
    Matrix, NormParameters, Start, add_rows, multiply, norm, path, product, softmax,
};
use proptest::prelude::*;

/// Values in (-1, 1) that depend on a seed.
fn values(count: usize, seed: u64) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / (1u64 << 23) as f32 - 1.0
    };
    (0..count).map(|_| next()).collect()
}

/// `C = A · B` in float64, and the sum of magnitudes that bounds its rounding.
fn exact(a: &[f32], b: &[f32], [m, k, n]: [usize; 3]) -> Vec<(f64, f64)> {
    let mut c = vec![(0.0, 0.0); m * n];
    for (i, row) in c.chunks_exact_mut(n).enumerate() {
        for (j, (sum, size)) in row.iter_mut().enumerate() {
            for p in 0..k {
                let term = f64::from(a[i * k + p]) * f64::from(b[p * n + j]);
                *sum += term;
                *size += term.abs();
            }
        }
    }
    c
}

fn transposed(values: &[f32], rows: usize, columns: usize) -> Vec<f32> {
    let place = |at: usize| values[at % rows * columns + at / rows];
    (0..rows * columns).map(place).collect()
}

fn near(found: &[f32], expected: &[(f64, f64)], k: usize) -> Result<(), TestCaseError> {
    // Float32 sums of k terms, one rounding for each and one for each product.
    let unit = f64::from(f32::EPSILON);
    for (at, (found, (sum, size))) in found.iter().zip(expected).enumerate() {
        let error = (f64::from(*found) - sum).abs();
        let allowed = (2 * k + 2) as f64 * unit * (size + 1e-30);
        prop_assert!(error <= allowed, "element {at}: {found} for {sum}");
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// All four layouts of the factors, odd sizes, and depths on both sides of a block.
    #[test]
    fn products_are_those_of_float64(m in 1usize..70, k in 1usize..420, n in 1usize..70, seed: u64) {
        let (a, b) = (values(m * k, seed), values(k * n, seed ^ 1));
        let expected = exact(&a, &b, [m, k, n]);
        let (at, bt) = (transposed(&a, m, k), transposed(&b, k, n));
        let lefts = [Matrix::rows(&a, k), Matrix::columns(&at, m)];
        let rights = [Matrix::rows(&b, n), Matrix::columns(&bt, k)];
        let mut first: Option<Vec<f32>> = None;
        for left in lefts {
            for right in rights {
                let mut c = vec![f32::NAN; m * n];
                product(left, right, [m, k, n], Start::Zero, [&mut c, &mut []], |_, _, _| {});
                near(&c, &expected, k)?;
                let mut alone = vec![f32::NAN; m * n];
                multiply(left, right, [m, k, n], &mut alone, n);
                prop_assert_eq!(&c, &alone, "one thread or several");
                prop_assert_eq!(&c, first.get_or_insert_with(|| c.clone()), "layouts");
            }
        }
    }

    /// What sums start from, and what is done with finished rows.
    #[test]
    fn products_start_and_finish_as_asked(m in 1usize..40, k in 1usize..40, n in 1usize..40, seed: u64) {
        let (a, b) = (values(m * k, seed), values(k * n, seed ^ 1));
        let (bias, base) = (values(n, seed ^ 2), values(m * n, seed ^ 3));
        let plain = exact(&a, &b, [m, k, n]);
        let shape = [m, k, n];
        let (left, right) = (Matrix::rows(&a, k), Matrix::rows(&b, n));
        let plus = |other: &dyn Fn(usize) -> f32| -> Vec<(f64, f64)> {
            let added = |(at, (sum, size)): (usize, &(f64, f64))| {
                let other = f64::from(other(at));
                (sum + other, size + other.abs())
            };
            plain.iter().enumerate().map(added).collect()
        };
        let mut second = vec![0.0; m * n];
        let mut c = vec![f32::NAN; m * n];
        product(left, right, shape, Start::Bias(&bias), [&mut c, &mut second], |row, block, copy| {
            for (at, (x, y)) in block.iter().zip(copy).enumerate() {
                *y = *x + (row * n + at) as f32 * 0.0;
            }
        });
        near(&c, &plus(&|at| bias[at % n]), k + 1)?;
        prop_assert_eq!(&c, &second);
        product(left, right, shape, Start::Rows(&base), [&mut c, &mut []], |_, _, _| {});
        near(&c, &plus(&|at| base[at]), k + 1)?;
        let before = c.clone();
        product(left, right, shape, Start::Result, [&mut c, &mut []], |_, _, _| {});
        near(&c, &plus(&|at| before[at]), k + 1)?;
    }

    #[test]
    fn softmax_and_norm_are_those_of_float64(rows in 1usize..6, width in 1usize..200, seed: u64) {
        let x = values(rows * width, seed);
        let bias = values(width, seed ^ 1);
        let mut weights = x.clone();
        softmax(&mut weights, width, 3.0, &bias);
        let (gamma, beta) = (values(width, seed ^ 2), values(width, seed ^ 3));
        let mut normal = x.clone();
        norm(&mut normal, NormParameters { gamma: &gamma, beta: &beta, epsilon: 1e-5 });
        for (row, x) in x.chunks_exact(width).enumerate() {
            let scores: Vec<f64> = x.iter().zip(&bias).map(|(x, b)| f64::from(*x) * 3.0 + f64::from(*b)).collect();
            let most = scores.iter().copied().fold(f64::MIN, f64::max);
            let sum: f64 = scores.iter().map(|s| (s - most).exp()).sum();
            let mean = x.iter().map(|x| f64::from(*x)).sum::<f64>() / width as f64;
            let variance = x.iter().map(|x| (f64::from(*x) - mean).powi(2)).sum::<f64>() / width as f64;
            for at in 0..width {
                let expected = (scores[at] - most).exp() / sum;
                prop_assert!((f64::from(weights[row * width + at]) - expected).abs() < 2e-7 * (1.0 + expected));
                let expected = (f64::from(x[at]) - mean) / (variance + 1e-5).sqrt() * f64::from(gamma[at]) + f64::from(beta[at]);
                let found = f64::from(normal[row * width + at]);
                prop_assert!((found - expected).abs() < 2e-5 * (1.0 + expected.abs()), "{found} for {expected}");
            }
        }
    }
}

#[test]
fn the_path_is_the_one_that_was_asked_for() {
    if let Some(forced) = std::env::var(attn_kernels::VARIABLE)
        .ok()
        .filter(|v| !v.is_empty())
    {
        assert_eq!(path().unwrap().to_string(), forced);
    } else {
        assert_eq!(path().unwrap(), attn_kernels::Path::best());
    }
}

#[test]
fn infinities_and_nan_go_through() {
    let a = [f32::INFINITY, 1.0, f32::NAN, 1.0, 2.0, 3.0];
    let b = [1.0, 1.0, 1.0, 0.0, 0.0, 1.0];
    let mut c = [0.0; 4];
    product(
        Matrix::rows(&a, 3),
        Matrix::rows(&b, 2),
        [2, 3, 2],
        Start::Zero,
        [&mut c, &mut []],
        |_, _, _| {},
    );
    assert!(c[0].is_nan() && c[1].is_nan(), "{c:?}");
    assert_eq!(c[2..], [1.0 * 1.0 + 2.0 * 1.0, 1.0 + 3.0]);
    let big = [f32::INFINITY, 0.5];
    let mut c = [0.0];
    product(
        Matrix::rows(&big, 2),
        Matrix::rows(&[1.0, 1.0], 1),
        [1, 2, 1],
        Start::Zero,
        [&mut c, &mut []],
        |_, _, _| {},
    );
    assert_eq!(c, [f32::INFINITY]);
}

#[test]
fn rows_are_added_in_order() {
    let mut total = [1.0, 2.0];
    add_rows(&[1.0, 1.0, 10.0, 20.0], &mut total);
    assert_eq!(total, [12.0, 23.0]);
}
