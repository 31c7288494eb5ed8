//! Arithmetic of numbers that carry 95 % confidence intervals.
//!
//! A result has an interval only when all of its parts have one.

use attn_core::Estimate;

/// `a - b` by the method of variance estimates recovery (Zou and Donner 2008), which puts the
/// interval of a difference together from those of its parts. It takes the parts for independent;
/// on the same examples they mostly rise and fall together, and the interval is then too wide
/// rather than too narrow.
pub fn difference(a: Estimate, b: Estimate) -> Estimate {
    let mean = a.mean - b.mean;
    let interval = a.interval.zip(b.interval).map(|(x, y)| {
        (
            mean - (a.mean - x.0).hypot(y.1 - b.mean),
            mean + (x.1 - a.mean).hypot(b.mean - y.0),
        )
    });
    Estimate {
        mean,
        n: a.n.min(b.n),
        interval,
    }
}

/// The sum. Ends are added: right when the parts rise and fall together, too wide otherwise.
pub fn sum(parts: &[Estimate]) -> Estimate {
    let zero = Estimate {
        mean: 0.0,
        n: parts.iter().map(|p| p.n).min().unwrap_or(0),
        interval: Some((0.0, 0.0)),
    };
    parts.iter().fold(zero, |sum, part| Estimate {
        mean: sum.mean + part.mean,
        interval: sum
            .interval
            .zip(part.interval)
            .map(|(a, b)| (a.0 + b.0, a.1 + b.1)),
        ..sum
    })
}

/// The mean of numbers from the same examples, with [`sum`]'s interval. `None` of nothing.
pub fn mean(parts: &[Estimate]) -> Option<Estimate> {
    let count = parts.len() as f64;
    (!parts.is_empty()).then(|| sum(parts).map(|v| v / count))
}

/// The mean of numbers from different, independent examples: half-widths add in quadrature, and so
/// do the examples. `None` of nothing.
pub fn independent_mean(parts: &[Estimate]) -> Option<Estimate> {
    if parts.is_empty() {
        return None;
    }
    let count = parts.len() as f64;
    let mean = parts.iter().map(|p| p.mean).sum::<f64>() / count;
    let ends: Option<Vec<(f64, f64)>> = parts
        .iter()
        .map(|p| p.interval.map(|(l, h)| (p.mean - l, h - p.mean)))
        .collect();
    let interval = ends.map(|ends| {
        let below = ends.iter().map(|e| e.0.powi(2)).sum::<f64>().sqrt();
        let above = ends.iter().map(|e| e.1.powi(2)).sum::<f64>().sqrt();
        (mean - below / count, mean + above / count)
    });
    Some(Estimate {
        mean,
        n: parts.iter().map(|p| p.n).sum(),
        interval,
    })
}

/// With Bonferroni's correction for `family` questions asked at once: each side of the interval
/// grows by the ratio of the normal quantiles, so that all `family` intervals cover their numbers
/// together with 95 %. Exact where the estimate is normal; for the heads' means over a hundred and
/// more examples it nearly is.
#[must_use]
pub fn corrected(estimate: Estimate, family: usize) -> Estimate {
    let tail = 0.025 / family.max(1) as f64;
    let ratio = normal_quantile(1.0 - tail) / normal_quantile(0.975);
    let mean = estimate.mean;
    let widen =
        |(low, high): (f64, f64)| (mean - (mean - low) * ratio, mean + (high - mean) * ratio);
    Estimate {
        interval: estimate.interval.map(widen),
        ..estimate
    }
}

/// A paired difference of proportions over `n` examples whose bootstrap ends at exactly 0, because
/// no example changed to that side: the end moves out to `3 / n`, the 95 % bound on a proportion of
/// which a sample of `n` shows none (the rule of three; Hanley and Lippman-Hand 1983).
#[must_use]
pub fn rule_of_three(estimate: Estimate) -> Estimate {
    let bound = 3.0 / estimate.n.max(1) as f64;
    let interval = estimate.interval.map(|(low, high)| {
        (
            if low == 0.0 { -bound } else { low },
            if high == 0.0 { bound } else { high },
        )
    });
    Estimate {
        interval,
        ..estimate
    }
}

/// The quantile of the standard normal distribution, by Acklam's rational approximation (relative
/// error below 1.2e-9).
pub fn normal_quantile(p: f64) -> f64 {
    const A: [f64; 6] = [
        -3.969_683_028_665_376e1,
        2.209_460_984_245_205e2,
        -2.759_285_104_469_687e2,
        1.383_577_518_672_69e2,
        -3.066_479_806_614_716e1,
        2.506_628_277_459_239,
    ];
    const B: [f64; 5] = [
        -5.447_609_879_822_406e1,
        1.615_858_368_580_409e2,
        -1.556_989_798_598_866e2,
        6.680_131_188_771_972e1,
        -1.328_068_155_288_572e1,
    ];
    const C: [f64; 6] = [
        -7.784_894_002_430_293e-3,
        -3.223_964_580_411_365e-1,
        -2.400_758_277_161_838,
        -2.549_732_539_343_734,
        4.374_664_141_464_968,
        2.938_163_982_698_783,
    ];
    const D: [f64; 4] = [
        7.784_695_709_041_462e-3,
        3.224_671_290_700_398e-1,
        2.445_134_137_142_996,
        3.754_408_661_907_416,
    ];
    let horner = |of: &[f64], x: f64| of.iter().fold(0.0, |sum, c| sum * x + c);
    let tail = |p: f64| {
        let q = (-2.0 * p.ln()).sqrt();
        horner(&C, q) / (horner(&D, q) * q + 1.0)
    };
    if !(0.0..=1.0).contains(&p) {
        f64::NAN
    } else if p == 0.0 {
        f64::NEG_INFINITY
    } else if p == 1.0 {
        f64::INFINITY
    } else if p < 0.024_25 {
        tail(p)
    } else if p > 1.0 - 0.024_25 {
        -tail(1.0 - p)
    } else {
        let q = p - 0.5;
        let r = q * q;
        horner(&A, r) * q / (horner(&B, r) * r + 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(mean: f64, low: f64, high: f64) -> Estimate {
        Estimate {
            mean,
            n: 10,
            interval: Some((low, high)),
        }
    }

    fn near(estimate: Estimate, mean: f64, low: f64, high: f64) {
        let (l, h) = estimate.interval.unwrap();
        for (found, right) in [(estimate.mean, mean), (l, low), (h, high)] {
            assert!((found - right).abs() < 1e-7, "{estimate:?}");
        }
    }

    #[test]
    fn a_difference_is_as_wide_as_its_parts_in_quadrature() {
        // Zou and Donner's square-and-add by hand: legs 3, 4 below and 4, 3 above.
        let d = difference(number(10.0, 7.0, 14.0), number(9.2, 6.2, 13.2));
        near(d, 0.8, -4.2, 5.8);
    }

    #[test]
    fn sums_and_means() {
        let parts = [number(1.0, 0.0, 2.0), number(3.0, 2.5, 4.0)];
        near(sum(&parts), 4.0, 2.5, 6.0);
        near(mean(&parts).unwrap(), 2.0, 1.25, 3.0);
        assert_eq!(mean(&[]), None);
        // Legs 3 and 4 below, 6 and 8 above.
        let parts = [number(10.0, 7.0, 16.0), number(20.0, 16.0, 28.0)];
        let found = independent_mean(&parts).unwrap();
        near(found, 15.0, 12.5, 20.0);
        assert_eq!(found.n, 20);
        assert_eq!(independent_mean(&[]), None);
    }

    #[test]
    fn a_part_without_interval_leaves_none() {
        let (with, bare) = (number(1.0, 0.5, 1.5), Estimate::without_interval(2.0, 5));
        for found in [
            difference(with, bare),
            difference(bare, with),
            sum(&[with, bare]),
            mean(&[bare, with]).unwrap(),
            independent_mean(&[with, bare]).unwrap(),
            corrected(bare, 72),
            rule_of_three(bare),
        ] {
            assert_eq!(found.interval, None);
        }
    }

    /// Against `scipy.stats.norm.ppf`.
    #[test]
    fn quantiles() {
        for (p, right) in [
            (0.975, 1.959_963_984_540_054),
            (1.0 - 0.025 / 72.0, 3.391_763_140_587_952_5),
            (1.0 - 0.025 / 144.0, 3.577_254_387_307_221_3),
            (1e-10, -6.361_340_902_404_056),
            (0.3, -0.524_400_512_708_040_9),
        ] {
            let found = normal_quantile(p);
            assert!((found / right - 1.0).abs() < 1e-8, "{p}: {found}");
        }
        assert!(normal_quantile(1.5).is_nan());
    }

    #[test]
    fn correction_widens() {
        let wide = corrected(number(0.0, -1.0, 2.0), 72);
        let ratio = 3.391_763_140_587_952_5 / 1.959_963_984_540_054;
        near(wide, 0.0, -ratio, 2.0 * ratio);
        near(corrected(number(0.5, 0.25, 1.0), 1), 0.5, 0.25, 1.0);
    }

    #[test]
    fn no_change_among_n_is_at_most_three_in_n() {
        let of = |low, high| {
            rule_of_three(Estimate {
                n: 200,
                ..number(0.0, low, high)
            })
        };
        assert_eq!(of(0.0, 0.0).interval, Some((-0.015, 0.015)));
        assert_eq!(of(-0.02, 0.0).interval, Some((-0.02, 0.015)));
        assert_eq!(of(-0.02, 0.01).interval, Some((-0.02, 0.01)));
    }
}
