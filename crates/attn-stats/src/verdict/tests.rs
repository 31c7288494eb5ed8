//! Each rule of verdicts.

use super::*;
use Verdict::{DoesNotHold, Holds, Inconclusive};
use proptest::prelude::*;

fn number(mean: f64, low: f64, high: f64) -> Estimate {
    Estimate {
        mean,
        n: 277,
        interval: Some((low, high)),
    }
}

fn bare(mean: f64) -> Estimate {
    Estimate::without_interval(mean, 1)
}

#[test]
fn without_an_interval_nothing_is_decided() {
    let width_zero = number(0.5, 0.5, 0.5);
    let nan = number(f64::NAN, f64::NAN, f64::NAN);
    for estimate in [bare(0.5), width_zero, nan, number(0.5, 0.1, f64::INFINITY)] {
        for verdict in [
            above(&estimate, 0.0),
            at_most(&estimate, 0.9),
            at_least(&estimate, 0.1),
            within(&estimate, 0.1, 0.9),
            negligible(&estimate, 0.9),
            no_loss(&estimate, 0.01),
            best_of_many(&estimate, None),
            all_above(&[estimate, number(0.5, 0.4, 0.6)], 0.0),
            all_without_loss(&[estimate], 0.01),
        ] {
            assert_eq!(verdict, Inconclusive, "{estimate:?}");
        }
    }
}

#[test]
fn above_a_bound() {
    assert_eq!(above(&number(1.0, 0.1, 2.0), 0.0), Holds);
    assert_eq!(above(&number(-1.0, -2.0, -0.1), 0.0), DoesNotHold);
    assert_eq!(above(&number(-1.0, -2.0, 0.0), 0.0), DoesNotHold);
    assert_eq!(above(&number(1.0, 0.0, 2.0), 0.0), Inconclusive);
    assert_eq!(above(&number(1.0, -0.5, 2.0), 0.0), Inconclusive);
}

/// The paper's loss of at most 0.2 points, beside one of 2.0 [0.2, 4.0].
#[test]
fn at_most_a_bound() {
    assert_eq!(at_most(&number(0.020, 0.002, 0.040), 0.002), DoesNotHold);
    assert_eq!(at_most(&number(0.020, 0.001, 0.040), 0.002), Inconclusive);
    assert_eq!(at_most(&number(0.001, -0.001, 0.002), 0.002), Holds);
    assert_eq!(at_most(&number(-0.002, -0.016, 0.012), 0.002), Inconclusive);
    assert_eq!(at_least(&number(0.9, 0.86, 0.95), 0.86), Holds);
    assert_eq!(at_least(&number(0.8, 0.75, 0.85), 0.86), DoesNotHold);
    assert_eq!(at_least(&number(0.858, 0.82, 0.89), 0.86), Inconclusive);
}

#[test]
fn within_a_range_and_negligible() {
    assert_eq!(within(&number(0.3, 0.2, 0.4), 0.0, 0.61), Holds);
    assert_eq!(within(&number(0.7, 0.65, 0.8), 0.0, 0.61), DoesNotHold);
    assert_eq!(within(&number(0.6, 0.5, 0.7), 0.0, 0.61), Inconclusive);
    assert_eq!(negligible(&number(0.001, -0.004, 0.006), 0.01), Holds);
    // Not significant is not negligible.
    assert_eq!(negligible(&number(0.001, -0.04, 0.06), 0.01), Inconclusive);
    assert_eq!(negligible(&number(0.27, 0.25, 0.29), 0.03), DoesNotHold);
}

#[test]
fn no_loss_needs_a_margin_to_hold() {
    assert_eq!(no_loss(&number(0.0, -0.008, 0.01), 0.01), Holds);
    // Significant, and within the margin.
    assert_eq!(no_loss(&number(-0.001, -0.002, -0.0005), 0.01), Holds);
    assert_eq!(no_loss(&number(-0.03, -0.05, -0.002), 0.01), DoesNotHold);
    assert_eq!(no_loss(&number(-0.004, -0.022, 0.011), 0.01), Inconclusive);
}

#[test]
fn absence_of_evidence_is_no_evidence_of_absence() {
    assert_eq!(tested(0.02, Some(0.134), Sign::Gain), Inconclusive);
    assert_eq!(tested(-0.02, Some(0.134), Sign::Gain), Inconclusive);
    assert_eq!(tested(0.02, None, Sign::Gain), Inconclusive);
    assert_eq!(tested(0.02, Some(f64::NAN), Sign::Gain), Inconclusive);
    assert_eq!(tested(0.02, Some(0.01), Sign::Gain), Holds);
    assert_eq!(tested(-0.02, Some(0.01), Sign::Gain), DoesNotHold);
    assert_eq!(tested(-0.02, Some(0.01), Sign::Loss), Holds);
    assert_eq!(tested(0.02, Some(0.01), Sign::Loss), DoesNotHold);
    assert_eq!(tested(0.0, Some(0.01), Sign::Loss), Inconclusive);
}

/// The best head of a sweep: 0.07 [-2.2, 2.6] did "hold" by a test that its interval contradicts.
#[test]
fn the_best_of_many_needs_a_correction() {
    let best = number(0.0007, -0.022, 0.026);
    assert_eq!(best_of_many(&best, Some(0.008)), Inconclusive);
    let studentised = number(0.0035, 0.0003, 0.0068);
    assert_eq!(best_of_many(&studentised, Some(0.020)), Holds);
    assert_eq!(best_of_many(&studentised, Some(0.20)), Inconclusive);
    assert_eq!(best_of_many(&studentised, None), Holds);
    assert_eq!(best_of_many(&bare(0.0035), Some(0.020)), Holds);
    assert_eq!(best_of_many(&bare(-0.0035), Some(0.020)), Inconclusive);
    let harmful = number(-0.03, -0.06, -0.01);
    assert_eq!(best_of_many(&harmful, Some(1.0)), DoesNotHold);
    assert_eq!(best_of_many(&harmful, None), DoesNotHold);
}

#[test]
fn all_of_several() {
    assert_eq!(all(&[Holds, Holds]), Holds);
    assert_eq!(all(&[Holds, Inconclusive]), Inconclusive);
    assert_eq!(all(&[DoesNotHold, Inconclusive]), DoesNotHold);
    assert_eq!(all(&[]), Inconclusive);
    assert_eq!(not(Holds), DoesNotHold);
    assert_eq!(not(DoesNotHold), Holds);
    assert_eq!(not(Inconclusive), Inconclusive);
}

/// Seven tasks: one that is just below 0 by itself does not refute a claim about all.
#[test]
fn to_single_one_out_is_corrected() {
    let good = number(0.3, 0.2, 0.4);
    let just = number(-0.011, -0.021, -0.001);
    let clear = number(-0.10, -0.12, -0.08);
    assert_eq!(all_above(&[good; 7], 0.0), Holds);
    assert_eq!(above(&just, 0.0), DoesNotHold);
    assert_eq!(
        all_above(&[good, just, good, good, good, good, good], 0.0),
        Inconclusive
    );
    assert_eq!(
        all_above(&[good, clear, good, good, good, good, good], 0.0),
        DoesNotHold
    );
    assert_eq!(all_above(&[], 0.0), Inconclusive);
    let lost = number(-0.03, -0.058, -0.002);
    assert_eq!(all_without_loss(&[lost], 0.01), DoesNotHold);
    assert_eq!(
        all_without_loss(&[lost, number(0.0, -0.004, 0.004)], 0.01),
        Inconclusive
    );
    assert_eq!(
        all_without_loss(&[number(0.0, -0.004, 0.004); 2], 0.01),
        Holds
    );
}

#[test]
fn a_head_stands_out_under_every_null_or_not_at_all() {
    let large = number(0.05, 0.04, 0.06);
    let small = number(0.005, 0.004, 0.006);
    let judged = |excesses: &[(Estimate, f64)]| stands_out(excesses, 0.02, 72);
    assert_eq!(judged(&[(large, 0.001), (large, 0.001)]), Holds);
    // Significant, and a quarter of the margin.
    assert_eq!(judged(&[(large, 0.001), (small, 0.001)]), DoesNotHold);
    assert_eq!(judged(&[(large, 0.001), (large, 0.134)]), Inconclusive);
    // Above the margin by itself, not among 72.
    assert_eq!(judged(&[(number(0.05, 0.03, 0.07), 0.001)]), Inconclusive);
    assert_eq!(judged(&[(bare(0.05), 0.001)]), Inconclusive);
    assert_eq!(judged(&[]), Inconclusive);
}

#[test]
fn counts_with_open_ones() {
    assert_eq!(at_least_of(36, 0, 36, 36.0), Holds);
    assert_eq!(at_least_of(20, 20, 32, 36.0), Inconclusive);
    assert_eq!(at_least_of(20, 40, 12, 36.0), DoesNotHold);
    assert_eq!(at_least_of(0, 0, 0, 0.0), Inconclusive);
    assert_eq!(exactly(473, 473), Holds);
    assert_eq!(exactly(470, 473), DoesNotHold);
}

proptest! {
    /// A claim and its opposite are never both shown.
    #[test]
    fn opposites_exclude_each_other(mean in -1.0..1.0f64, below in 0.001..1.0f64, up in 0.001..1.0f64, bound in -1.0..1.0f64) {
        let estimate = number(mean, mean - below, mean + up);
        let (over, under) = (above(&estimate, bound), at_most(&estimate, bound));
        prop_assert!(!(over == Holds && under == Holds));
        prop_assert_eq!(over == Holds, under == DoesNotHold || over == Holds);
    }
}
