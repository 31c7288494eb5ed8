//! A measured number with its uncertainty.

use crate::Record;
use serde::{Deserialize, Serialize};

/// A number with its 95 % confidence interval.
///
/// `interval` is `None` where there is none (one example, no replicates): a number without an
/// interval never has one of width 0.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// The number: a mean over examples, or a proportion, a score or a difference of such.
    pub mean: f64,
    /// Examples, or whatever it rests on.
    pub n: usize,
    /// The ends of its 95 % confidence interval.
    pub interval: Option<(f64, f64)>,
}

impl Estimate {
    /// A number that has no interval: a count, or a mean of one example.
    pub fn without_interval(mean: f64, n: usize) -> Self {
        Self {
            mean,
            n,
            interval: None,
        }
    }

    /// A record's number. It has an interval when the record has both ends.
    pub fn of(record: &Record) -> Self {
        Self {
            mean: record.value,
            n: record.n,
            interval: record.ci_low.zip(record.ci_high),
        }
    }

    /// Decimals that show it: three, and more where three would round an end of the interval to 0
    /// that is not, so that what is shown does not seem to include it.
    pub fn decimals(&self) -> usize {
        let small = |end: f64| end != 0.0 && end.abs() < 5e-4;
        match self.interval {
            Some((low, high)) if small(low) || small(high) => 5,
            _ => 3,
        }
    }

    /// The number and its interval through `f`, which must not fall: shown in points, for example.
    #[must_use]
    pub fn map(self, f: impl Fn(f64) -> f64) -> Self {
        Self {
            mean: f(self.mean),
            n: self.n,
            interval: self.interval.map(|(low, high)| (f(low), f(high))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_an_interval_is_none() {
        let mut record = Record {
            run: "r".into(),
            model: "m".into(),
            task: "RTE".into(),
            split: "dev".into(),
            experiment: "e".into(),
            layer: None,
            head: None,
            metric: "accuracy".into(),
            value: 0.5,
            n: 277,
            seed: 42,
            ci_low: Some(0.4),
            ci_high: None,
        };
        assert_eq!(Estimate::of(&record), Estimate::without_interval(0.5, 277));
        assert_eq!(Estimate::of(&record).decimals(), 3);
        record.ci_high = Some(-0.0003);
        assert_eq!(Estimate::of(&record).decimals(), 5);
        record.ci_high = Some(0.6);
        let points = Estimate::of(&record).map(|v| 100.0 * v);
        assert_eq!(points.interval, Some((40.0, 60.0)));
        assert_eq!((points.mean, points.n), (50.0, 277));
    }
}
