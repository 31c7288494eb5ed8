//! What a test can find with so many examples.
//!
//! Two questions that are easily mixed up:
//!
//! - *bound*: which gains can be significant at all ([`smallest_significant`])? A gain below it cannot,
//!   however the examples fall; one above it may still be missed nearly always;
//! - *power*: if the true gain is that of the paper, how probable is it that the test finds it
//!   ([`mcnemar_power`] exactly, [`normal_power`] from a standard error)?
//!
//! Both take the level as it is after correction: the first of `m` tests under Holm's needs `p < 0.05 / m`.

use super::mcnemar::binomial_half;

/// The smallest gain in accuracy that McNemar's exact test can find significant at `level` with `n`
/// examples: `k` examples won and none lost have the p-value `2^(1 - k)`. `None` without examples, or when
/// even all of them do not suffice.
pub fn smallest_significant(n: usize, level: f64) -> Option<f64> {
    let wins = (1..=n).find(|&k| 2f64.powi(1 - i32::try_from(k).unwrap_or(i32::MAX)) < level)?;
    Some(wins as f64 / n as f64)
}

/// The probability that McNemar's exact test at `level` finds a true `gain` in accuracy (as a proportion, either
/// sign), in its direction, with `n` examples of which the two models disagree on the proportion
/// `discordant` in truth: the number of such examples is binomial, and of them the better model gets
/// `(1 + gain / discordant) / 2` right. `None` when the assumption is impossible (`discordant` below the gain or
/// above 1).
pub fn mcnemar_power(n: usize, gain: f64, discordant: f64, level: f64) -> Option<f64> {
    let gain = gain.abs();
    if !(gain <= discordant && discordant <= 1.0) || discordant <= 0.0 {
        return None;
    }
    let better = (1.0 + gain / discordant) / 2.0;
    let mut logs = vec![0.0; n + 1];
    for i in 1..=n {
        logs[i] = logs[i - 1] + (i as f64).ln();
    }
    let probability = |k: usize, n: usize, q: f64| {
        let term = |count: usize, q: f64| match count {
            0 => 0.0,
            count => count as f64 * q.ln(),
        };
        (logs[n] - logs[k] - logs[n - k] + term(k, q) + term(n - k, 1.0 - q)).exp()
    };
    let (middle, spread) = (
        n as f64 * discordant,
        (n as f64 * discordant * (1.0 - discordant)).sqrt(),
    );
    let mut power = 0.0;
    for disagreeing in 0..=n {
        if (disagreeing as f64 - middle).abs() > 12.0 * spread + 1.0 {
            continue;
        }
        let weight = probability(disagreeing, n, discordant);
        // Losses few enough to be significant, with as many or more gains.
        let losses = 0..=disagreeing / 2;
        let found = losses.take_while(|&lost| binomial_half(lost, disagreeing) < level);
        power += weight
            * found
                .map(|lost| probability(lost, disagreeing, 1.0 - better))
                .sum::<f64>();
    }
    Some(power.min(1.0))
}

/// The probability that a two-sided test at `level` finds a true difference `gain`, in its direction, when the
/// estimate is normal with standard error `error` (the paired bootstrap's, say). `None` without an error.
pub fn normal_power(gain: f64, error: f64, level: f64) -> Option<f64> {
    let sound = error > 0.0 && error.is_finite() && gain.is_finite() && level > 0.0 && level < 1.0;
    sound.then(|| normal_cdf(gain.abs() / error - normal_quantile(1.0 - level / 2.0)))
}

/// The standard normal distribution function.
fn normal_cdf(z: f64) -> f64 {
    0.5 * libm::erfc(-z / std::f64::consts::SQRT_2)
}

/// Its inverse, by bisection, for probabilities between 0 and 1.
fn normal_quantile(p: f64) -> f64 {
    let (mut low, mut high) = (-38.0, 38.0);
    for _ in 0..100 {
        let middle = (low + high) / 2.0;
        if normal_cdf(middle) < p {
            low = middle;
        } else {
            high = middle;
        }
    }
    (low + high) / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    #[test]
    fn bounds_by_hand() {
        // 2^(1 - 6) = 0.031; with 78 variants 2^(1 - 12) * 78 = 0.038.
        assert_eq!(smallest_significant(277, 0.05), Some(6.0 / 277.0));
        assert_eq!(smallest_significant(277, 0.05 / 78.0), Some(12.0 / 277.0));
        assert_eq!(smallest_significant(5, 0.05), None);
        assert_eq!(smallest_significant(0, 0.05), None);
    }

    /// Exact power against drawing examples.
    #[test]
    fn mcnemars_power_is_what_drawing_finds() {
        let (n, gain, discordant, level) = (277, 0.032, 0.06, 0.05);
        let power = mcnemar_power(n, gain, discordant, level).unwrap();
        let mut rng = ChaCha8Rng::seed_from_u64(9);
        let rounds = 4000;
        let found = (0..rounds).filter(|_| {
            let (mut won, mut lost) = (0, 0);
            for _ in 0..n {
                let u: f64 = rng.random();
                won += usize::from(u < (discordant + gain) / 2.0);
                lost += usize::from((discordant + gain) / 2.0 <= u && u < discordant);
            }
            won > lost && binomial_half(lost, won + lost) < level
        });
        let drawn = found.count() as f64 / f64::from(rounds);
        assert!((power - drawn).abs() < 0.03, "{power} {drawn}");
        assert!(power > 0.3 && power < 0.95, "{power}");
        // No gain: at most half of the level on this side; impossible assumptions have none.
        assert!(mcnemar_power(n, 0.0, discordant, level).unwrap() <= 0.025);
        assert_eq!(mcnemar_power(n, 0.1, 0.05, level), None);
        assert!(mcnemar_power(2000, 0.05, 0.05, level).unwrap() > 0.999);
        assert_eq!(mcnemar_power(0, 0.01, 0.05, level), Some(0.0));
    }

    #[test]
    fn normal_power_by_the_table() {
        // scipy.stats.norm: cdf(2.8 - ppf(0.975)) = 0.79955.
        let power = normal_power(-0.28, 0.1, 0.05).unwrap();
        assert!((power - 0.799_552).abs() < 1e-5, "{power}");
        assert!((normal_quantile(0.975) - 1.959_963_984_540_054).abs() < 1e-12);
        assert_eq!(normal_power(0.1, 0.0, 0.05), None);
        assert_eq!(normal_power(f64::NAN, 0.1, 0.05), None);
    }
}
