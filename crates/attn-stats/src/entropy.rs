//! `x ln x` fast enough to be taken of every weight of every head.
//!
//! The library's logarithm is called one number at a time. This one is arithmetic and bit
//! operations only, so that the compiler can do several at once. It is good to about one unit in
//! the last place of an f32: the exponent is split off, and a polynomial gives the logarithm of
//! the rest, which lies in [2/3, 4/3].

/// Natural logarithm of a normal positive number; smaller ones count as the smallest normal one
/// (about 1.2e-38, logarithm -87.3).
#[inline(always)]
fn ln(x: f32) -> f32 {
    let bits = x.max(f32::MIN_POSITIVE).to_bits();
    // 0x3f2aaaab is 2/3.
    let exponent = bits.wrapping_sub(0x3f2a_aaab) & 0xff80_0000;
    let f = f32::from_bits(bits.wrapping_sub(exponent)) - 1.0;
    // The exponent, still in its place in the bits, times 2^-23.
    let i = exponent as i32 as f32 * 1.192_092_9e-7;
    let s = f * f;
    let r = -0.130_187_99 * s - 0.121_489_584;
    let t = 0.140_889_59 * s + 0.139_809_53;
    let r = r * s - 0.166_845_02;
    let t = t * s + 0.200_121_15;
    let r = r * s - 0.249_996_36;
    let r = t * f + r;
    let r = r * f + 0.333_331_94;
    let r = r * f - 0.5;
    let r = r * s + f;
    i * std::f32::consts::LN_2 + r
}

/// `x ln x`, 0 at 0 (and for what is less, which no weight is).
#[inline(always)]
fn x_ln_x(x: f32) -> f32 {
    let x = x.max(0.0);
    x * ln(x)
}

/// Sum of `x ln x` over a slice.
pub(crate) fn sum_x_ln_x(values: &[f32]) -> f32 {
    let mut lanes = [0.0f32; 8];
    let (whole, rest) = values.as_chunks::<8>();
    for chunk in whole {
        for (lane, &x) in lanes.iter_mut().zip(chunk) {
            *lane += x_ln_x(x);
        }
    }
    for (lane, &x) in lanes.iter_mut().zip(rest) {
        *lane += x_ln_x(x);
    }
    lanes.iter().sum()
}

/// Sum of `(a + b) ln (a + b)` over two slices of one length.
pub(crate) fn sum_x_ln_x_of_sums(a: &[f32], b: &[f32]) -> f32 {
    let mut lanes = [0.0f32; 8];
    let (whole_a, rest_a) = a.as_chunks::<8>();
    let (whole_b, rest_b) = b.as_chunks::<8>();
    for (a, b) in whole_a.iter().zip(whole_b) {
        for i in 0..8 {
            lanes[i] += x_ln_x(a[i] + b[i]);
        }
    }
    for ((lane, a), b) in lanes.iter_mut().zip(rest_a).zip(rest_b) {
        *lane += x_ln_x(a + b);
    }
    lanes.iter().sum()
}

/// Entropy of weights that sum to 1, in nats: 0 when one token has all of it, `ln L` when all `L`
/// have the same.
pub fn entropy(weights: &[f32]) -> f64 {
    // Never below 0, where rounding can bring it; `+ 0.0` turns -0 into 0.
    f64::from(-sum_x_ln_x(weights)).max(0.0) + 0.0
}

/// Jensen-Shannon divergence of two sets of weights, each summing to 1, in nats: 0 for the same,
/// `ln 2` for weights that share no token. Symmetric; its square root is a metric. `None` for
/// slices of different length.
pub fn jensen_shannon(a: &[f32], b: &[f32]) -> Option<f64> {
    (a.len() == b.len()).then(|| {
        let sum = |values: &[f32]| values.iter().map(|&v| f64::from(v)).sum::<f64>();
        divergence(
            sum_x_ln_x(a),
            sum_x_ln_x(b),
            sum_x_ln_x_of_sums(a, b),
            sum(a) + sum(b),
        )
    })
}

/// From the parts: with `s = a + b` and `m = s / 2`, `H(m) - (H(a) + H(b)) / 2`
/// `= (sum a ln a + sum b ln b - sum s ln s + ln 2 * sum s) / 2`.
#[inline(always)]
pub(crate) fn divergence(a: f32, b: f32, s: f32, sum: f64) -> f64 {
    let value = (f64::from(a) + f64::from(b) - f64::from(s) + std::f64::consts::LN_2 * sum) / 2.0;
    value.max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn logarithm_is_good_to_single_precision() {
        for i in 1..200_000u32 {
            let x = i as f32 / 100_000.0;
            let exact = f64::from(x).ln();
            let error = (f64::from(ln(x)) - exact).abs();
            assert!(error <= 1.5e-7 * exact.abs().max(0.01), "{x}: {error}");
        }
        for exponent in -126..=0 {
            let x = 2.0f32.powi(exponent) * 1.37;
            let exact = f64::from(x).ln();
            assert!((f64::from(ln(x)) - exact).abs() <= 2e-7 * exact.abs().max(1.0));
        }
        assert_eq!((x_ln_x(0.0), x_ln_x(1.0), x_ln_x(-1.0)), (0.0, 0.0, 0.0));
        assert!(x_ln_x(1e-40).abs() < 1e-37);
    }

    #[test]
    fn hand_computed() {
        let near = |a: f64, b: f64| assert!((a - b).abs() < 1e-6, "{a} {b}");
        near(entropy(&[0.5, 0.5]), 2.0f64.ln());
        near(entropy(&[0.25; 4]), 4.0f64.ln());
        near(entropy(&[0.5, 0.25, 0.25]), 1.5 * 2.0f64.ln());
        near(entropy(&[0.0, 1.0, 0.0]), 0.0);
        near(entropy(&[]), 0.0);
        near(
            jensen_shannon(&[1.0, 0.0], &[0.0, 1.0]).unwrap(),
            2.0f64.ln(),
        );
        near(jensen_shannon(&[0.3, 0.7], &[0.3, 0.7]).unwrap(), 0.0);
        // H(.75, .25) - H(.5, .5) / 2
        let expected = -(0.75f64 * 0.75f64.ln() + 0.25 * 0.25f64.ln()) - 0.5 * 2.0f64.ln();
        near(jensen_shannon(&[1.0, 0.0], &[0.5, 0.5]).unwrap(), expected);
        assert_eq!(jensen_shannon(&[1.0], &[0.5, 0.5]), None);
    }

    fn weights(raw: &[f32]) -> Vec<f32> {
        let sum: f32 = raw.iter().sum();
        raw.iter().map(|v| v / sum).collect()
    }

    proptest! {
        #[test]
        fn entropy_and_divergence_keep_their_bounds(
            raw in prop::collection::vec((1e-6f32..1.0, 1e-6f32..1.0), 1..100)
        ) {
            let (a, b): (Vec<f32>, Vec<f32>) = raw.into_iter().unzip();
            let (a, b) = (weights(&a), weights(&b));
            let bound = (a.len() as f64).ln();
            prop_assert!(entropy(&a) >= 0.0 && entropy(&a) <= bound + 1e-5);
            let exact: f64 = -a.iter().map(|&x| f64::from(x) * f64::from(x).ln()).sum::<f64>();
            prop_assert!((entropy(&a) - exact).abs() < 2e-6);
            let ab = jensen_shannon(&a, &b).unwrap();
            prop_assert_eq!(ab, jensen_shannon(&b, &a).unwrap());
            prop_assert!((0.0..=2.0f64.ln() + 1e-6).contains(&ab));
        }
    }
}
