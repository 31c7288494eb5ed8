//! Intervals that hold for new seeds as well as for new examples.

/// The interval of a mean over seeds, from how the seeds spread and from how far the examples leave
/// that mean open.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SeedInterval {
    /// Lower and upper end, 95 %.
    pub interval: (f64, f64),
    /// Standard error of the mean, both sources together.
    pub error: f64,
    /// Degrees of freedom (Welch and Satterthwaite).
    pub freedom: f64,
}

/// Half the width of a 95 % normal interval in standard errors.
const Z: f64 = 1.959_963_984_540_054;

/// A 95 % t-interval for the mean over *all* seeds and *all* examples, where `mean` is over `seeds`
/// seeds whose standard deviation is `deviation`, all scored on the same `examples` examples, and
/// `over_examples` is the 95 % interval of the same mean when examples are resampled and seeds
/// stay. `bounds` are the metric's least and greatest value.
///
/// Variance: `deviation² / seeds + (width / 3.92)²`, with `seeds - 1` and `examples - 1` degrees of
/// freedom combined after Welch and Satterthwaite. A bootstrap over three seeds would be too narrow by
/// construction: it sees `(seeds - 1) / seeds` of the variance and knows only three values.
///
/// Assumptions: scores of seeds are about normal (t leans on this with few seeds), and the effects of
/// seed and example add up. What a seed and an example do together is counted in both terms, so that
/// the interval is rather too wide than too narrow.
///
/// `None` with fewer than 2 seeds or examples, or with input that is not finite: then the spread over
/// seeds is not known, and an interval over examples alone would pass for it.
pub fn over_seeds_and_examples(
    (mean, deviation, seeds): (f64, f64, usize),
    over_examples: (f64, f64),
    examples: usize,
    bounds: (f64, f64),
) -> Option<SeedInterval> {
    let finite = [mean, deviation, over_examples.0, over_examples.1];
    if seeds < 2 || examples < 2 || !finite.iter().all(|v| v.is_finite()) {
        return None;
    }
    let between = deviation * deviation / seeds as f64;
    let within = ((over_examples.1 - over_examples.0) / (2.0 * Z)).powi(2);
    let variance = between + within;
    let (df_seeds, df_examples) = ((seeds - 1) as f64, (examples - 1) as f64);
    let spread = between * between / df_seeds + within * within / df_examples;
    let freedom = if spread > 0.0 {
        variance * variance / spread
    } else {
        df_examples
    };
    let error = variance.sqrt();
    let half = student_t_quantile(0.975, freedom)? * error;
    let low = (mean - half).max(bounds.0);
    let high = (mean + half).min(bounds.1);
    Some(SeedInterval {
        interval: (low, high),
        error,
        freedom,
    })
}

/// Quantile of Student's t distribution; `freedom` may be a fraction. `None` unless `0 < p < 1` and
/// `freedom > 0`.
pub fn student_t_quantile(p: f64, freedom: f64) -> Option<f64> {
    if !(p > 0.0 && p < 1.0 && freedom > 0.0 && freedom.is_finite()) {
        return None;
    }
    if p < 0.5 {
        return student_t_quantile(1.0 - p, freedom).map(|t| -t);
    }
    // P(T > t) = I_x(freedom / 2, 1 / 2) / 2 with x = freedom / (freedom + t²), which falls with t.
    let above = |t: f64| 0.5 * incomplete_beta(freedom / (freedom + t * t), freedom / 2.0, 0.5);
    let tail = 1.0 - p;
    let (mut low, mut high) = (0.0, 1.0);
    while above(high) > tail && high < 1e12 {
        high *= 2.0;
    }
    for _ in 0..200 {
        let middle = 0.5 * (low + high);
        if above(middle) > tail {
            low = middle;
        } else {
            high = middle;
        }
    }
    Some(0.5 * (low + high))
}

/// Regularised incomplete beta function by its continued fraction (Lentz).
fn incomplete_beta(x: f64, a: f64, b: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    if x >= 1.0 {
        return 1.0;
    }
    // The fraction converges fast below its mean only.
    if x > (a + 1.0) / (a + b + 2.0) {
        return 1.0 - incomplete_beta(1.0 - x, b, a);
    }
    let front = (ln_gamma(a + b) - ln_gamma(a) - ln_gamma(b) + a * x.ln() + b * (-x).ln_1p()).exp();
    let tiny = 1e-300;
    let guard = |v: f64| if v.abs() < tiny { tiny } else { v };
    let (mut c, mut d) = (1.0, 1.0 / guard(1.0 - (a + b) * x / (a + 1.0)));
    let mut fraction = d;
    for m in 1..=500 {
        let m = f64::from(m);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        d = 1.0 / guard(1.0 + even * d);
        c = guard(1.0 + even / c);
        fraction *= d * c;
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        d = 1.0 / guard(1.0 + odd * d);
        c = guard(1.0 + odd / c);
        fraction *= d * c;
        if (d * c - 1.0).abs() < 1e-15 {
            break;
        }
    }
    front * fraction / a
}

/// Logarithm of the gamma function for positive arguments (Lanczos, g = 7, 9 terms).
fn ln_gamma(x: f64) -> f64 {
    const TERMS: [f64; 8] = [
        676.520_368_121_885_1,
        -1_259.139_216_722_402_8,
        771.323_428_777_653_1,
        -176.615_029_162_140_6,
        12.507_343_278_686_905,
        -0.138_571_095_265_720_12,
        9.984_369_578_019_572e-6,
        1.505_632_735_149_311_6e-7,
    ];
    let x = x - 1.0;
    let t = x + 7.5;
    let mut sum = 0.999_999_999_999_809_9;
    for (i, term) in TERMS.iter().enumerate() {
        sum += term / (x + i as f64 + 1.0);
    }
    0.5 * std::f64::consts::TAU.ln() + (x + 0.5) * t.ln() - t + sum.ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_spread_over_seeds_there_is_no_interval() {
        let bounds = (0.0, 1.0);
        assert_eq!(
            over_seeds_and_examples((0.6, 0.0, 1), (0.5, 0.7), 400, bounds),
            None
        );
        assert_eq!(
            over_seeds_and_examples((0.6, f64::NAN, 3), (0.5, 0.7), 400, bounds),
            None
        );
        assert_eq!(student_t_quantile(0.975, 0.0), None);
        assert_eq!(student_t_quantile(1.0, 3.0), None);
    }

    #[test]
    fn seeds_that_agree_leave_the_interval_over_examples() {
        let found =
            over_seeds_and_examples((0.6, 0.0, 3), (0.55, 0.65), 100_000, (0.0, 1.0)).unwrap();
        assert!((found.interval.0 - 0.55).abs() < 1e-5 && (found.interval.1 - 0.65).abs() < 1e-5);
        assert!((found.freedom - 99_999.0).abs() < 1e-6);
    }

    #[test]
    fn bounds_are_kept() {
        let found = over_seeds_and_examples((0.9, 0.3, 3), (0.85, 0.95), 400, (0.0, 1.0)).unwrap();
        assert_eq!(found.interval.1, 1.0);
        assert!(found.interval.0 > 0.0 && found.interval.0 < 0.3);
    }
}
