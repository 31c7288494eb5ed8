//! Resamples of examples at hand, and intervals from them.

use crate::metrics::Score;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// One bootstrap sample: `n` of `n` examples, drawn with replacement from stream `replicate` of
/// `seed`. It depends on nothing else, so that what is resampled with one seed is resampled alike.
pub fn draw(n: usize, seed: u64, replicate: u64) -> impl Iterator<Item = usize> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(replicate);
    (0..n).map(move |_| rng.random_range(0..n))
}

/// Bootstrap samples of `n` examples. The same object serves all variants, so that their scores can be
/// compared sample by sample.
#[derive(Debug, Clone)]
pub struct Resamples {
    n: usize,
    /// `[replicate, n]`.
    indices: Vec<u32>,
}

impl Resamples {
    /// `replicates` samples of `n` examples. Sample number `i` depends on `seed`, `n` and `i` only.
    pub fn new(n: usize, replicates: usize, seed: u64) -> Self {
        let all = 0..replicates as u64;
        let indices = all.flat_map(|r| draw(n, seed, r)).map(|i| i as u32);
        Self {
            n,
            indices: indices.collect(),
        }
    }

    /// The score of each sample; NaN where it is not defined.
    pub fn scores(&self, predictions: &[f64], labels: &[f64], score: &dyn Score) -> Vec<f64> {
        if self.n == 0 {
            return Vec::new();
        }
        let (mut p, mut l) = (Vec::with_capacity(self.n), Vec::with_capacity(self.n));
        let samples = self.indices.chunks_exact(self.n);
        samples
            .map(|sample| {
                p.clear();
                l.clear();
                for &index in sample {
                    p.push(predictions[index as usize]);
                    l.push(labels[index as usize]);
                }
                score.score(&p, &l)
            })
            .collect()
    }
}

/// The numbers among the values, ascending.
fn sorted(values: &[f64]) -> Vec<f64> {
    let mut sorted: Vec<f64> = values.iter().copied().filter(|v| !v.is_nan()).collect();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted
}

fn of_sorted(sorted: &[f64], q: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    let position = q.clamp(0.0, 1.0) * last as f64;
    let below = position.floor() as usize;
    let above = (below + 1).min(last);
    let part = position - below as f64;
    Some(sorted[below] * (1.0 - part) + sorted[above] * part)
}

/// The `q`-quantile with linear interpolation, as NumPy's default; `q` from 0 to 1, values in any
/// order. NaN is left out; `None` when nothing is left.
pub fn quantile(values: &[f64], q: f64) -> Option<f64> {
    of_sorted(&sorted(values), q)
}

/// The central interval that covers `level` (0.95, say) of the values. NaN (a replicate on which a
/// statistic is not defined) is left out; `None` when nothing is left.
pub fn interval(values: &[f64], level: f64) -> Option<(f64, f64)> {
    let (sorted, tail) = (sorted(values), (1.0 - level) / 2.0);
    of_sorted(&sorted, tail).zip(of_sorted(&sorted, 1.0 - tail))
}

/// The standard deviation of the numbers among the samples: the bootstrap's standard error of the
/// estimate. `None` for fewer than two, or when they do not differ.
pub fn standard_error(samples: &[f64]) -> Option<f64> {
    let finite: Vec<f64> = samples.iter().copied().filter(|v| v.is_finite()).collect();
    let n = finite.len() as f64;
    let mean = finite.iter().sum::<f64>() / n;
    let squares: f64 = finite.iter().map(|v| (v - mean).powi(2)).sum();
    let error = (squares / (n - 1.0)).sqrt();
    // Equal numbers may differ from their mean by rounding.
    (finite.len() > 1 && error > 1e-12 * mean.abs().max(1e-300)).then_some(error)
}

/// The interval of candidate `chosen` that knows that it was chosen: the studentised maximum (max-t)
/// bootstrap. `estimates` has one number a candidate, `samples` each candidate's bootstrap samples, the
/// same resamples for all. In each sample every candidate's deviation from its estimate is divided by
/// its standard error, and the largest is kept; the estimate may be as far off, in its own standard
/// errors, as these are in all but `1 - level` of the samples, one half for each side. Without the
/// division the interval of a candidate that hardly varies would be as wide as that of the one that
/// varies most. Candidates that do not vary at all are left out; `None` when the chosen one is among
/// them (there is no error to speak of), or without samples.
///
/// Romano and Wolf (2005); for the standard errors: Efron and Tibshirani (1993), chapter 6.
pub fn simultaneous(
    estimates: &[f64],
    samples: &[&[f64]],
    chosen: usize,
    level: f64,
) -> Option<(f64, f64)> {
    let errors: Vec<Option<f64>> = samples.iter().map(|s| standard_error(s)).collect();
    let (estimate, error) = (*estimates.get(chosen)?, (*errors.get(chosen)?)?);
    let count = samples.iter().map(|s| s.len()).min()?;
    let furthest = |sign: f64| {
        let of_sample = |s: usize| {
            let each = estimates.iter().zip(samples).zip(&errors);
            let deviations =
                each.filter_map(|((e, samples), error)| Some(sign * (samples[s] - e) / (*error)?));
            deviations
                .filter(|v| v.is_finite())
                .fold(f64::NEG_INFINITY, f64::max)
        };
        let all: Vec<f64> = (0..count).map(of_sample).collect();
        quantile(&all, 1.0 - (1.0 - level) / 2.0)
    };
    // What samples overshoot the estimates by, the estimates may overshoot the truth by.
    Some((
        estimate - furthest(1.0)? * error,
        estimate + furthest(-1.0)? * error,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use attn_core::Metric;

    #[test]
    fn resamples_repeat_and_cover() {
        let (a, b) = (Resamples::new(50, 40, 3), Resamples::new(50, 20, 3));
        assert_eq!(a.indices[..1000], b.indices[..]);
        assert_ne!(b.indices, Resamples::new(50, 20, 4).indices);
        assert!((0..50).all(|i| a.indices.contains(&i)));
        let none = Resamples::new(0, 3, 0).scores(&[], &[], &Metric::Accuracy);
        assert!(none.is_empty());
    }

    #[test]
    fn quantiles_are_numpys() {
        // numpy.quantile([8, 1, 4, 2], [0.025, 0.5, 0.975])
        let values = [8.0, f64::NAN, 1.0, 4.0, 2.0];
        for (q, expected) in [(0.025, 1.075), (0.5, 3.0), (0.975, 7.7)] {
            assert!((quantile(&values, q).unwrap() - expected).abs() < 1e-12);
        }
        let (low, high) = interval(&values, 0.95).unwrap();
        assert!((low - 1.075).abs() < 1e-12 && (high - 7.7).abs() < 1e-12);
        assert_eq!(quantile(&[f64::NAN], 0.5), None);
        assert_eq!((quantile(&[], 0.5), interval(&[], 0.95)), (None, None));
        assert_eq!(interval(&[3.0], 0.95), Some((3.0, 3.0)));
    }

    #[test]
    fn standard_errors_are_numpys() {
        // numpy.std([1, 2, 4], ddof=1)
        let error = standard_error(&[1.0, f64::NAN, 2.0, 4.0]).unwrap();
        assert!((error - 1.527_525_231_651_946_8).abs() < 1e-12);
        assert_eq!((standard_error(&[1.0]), standard_error(&[])), (None, None));
        assert_eq!(standard_error(&[0.1; 7]), None);
    }

    /// A candidate of small spread among wild ones keeps an interval of its own scale, wider than
    /// its own percentile interval by the choice alone.
    #[test]
    fn the_best_of_many_keeps_its_own_scale() {
        let normal = |seed: u64, scale: f64| -> Vec<f64> {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            let mut sum = move || (0..12).map(|_| rng.random::<f64>()).sum::<f64>() - 6.0;
            (0..4000).map(|_| scale * sum()).collect()
        };
        let all: Vec<Vec<f64>> = (0..20)
            .map(|i| normal(i, if i == 0 { 0.1 } else { 5.0 }))
            .collect();
        let views: Vec<&[f64]> = all.iter().map(Vec::as_slice).collect();
        let (low, high) = simultaneous(&[0.0; 20], &views, 0, 0.95).unwrap();
        // The 0.975 quantile of the largest of 20 normal numbers: ppf(0.975 ** (1 / 20)) = 3.018.
        for end in [-low, high] {
            assert!((end / 0.1 - 3.018).abs() < 0.15, "{low} {high}");
        }
        let (own_low, own_high) = interval(&all[0], 0.95).unwrap();
        assert!(high - low > 1.3 * (own_high - own_low));
        // One alone has no choice to pay for.
        let (low, high) = simultaneous(&[0.0], &views[..1], 0, 0.95).unwrap();
        assert!((low - own_low).abs() < 0.01 && (high - own_high).abs() < 0.01);
        let still: [&[f64]; 2] = [&[0.0; 4000], &all[1]];
        assert_eq!(simultaneous(&[0.0; 2], &still, 0, 0.95), None);
        assert!(simultaneous(&[0.0; 2], &still, 1, 0.95).is_some());
        assert_eq!(simultaneous(&[], &[], 0, 0.95), None);
    }
}
