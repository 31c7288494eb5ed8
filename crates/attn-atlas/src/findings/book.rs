//! Looking records up, and comparing numbers that carry intervals.

use attn_core::Record;
use attn_figures::claims::{Finding, Verdict};
use std::collections::HashMap;

/// A number with its 95 % interval and what it rests on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Number {
    pub value: f64,
    pub low: f64,
    pub high: f64,
    pub n: usize,
}

impl Number {
    /// A record's number; without an interval where the record has none.
    pub fn of(record: &Record) -> Self {
        Self {
            value: record.value,
            low: record.ci_low.unwrap_or(record.value),
            high: record.ci_high.unwrap_or(record.value),
            n: record.n,
        }
    }

    /// `self - other` by the method of variance estimates recovery (Zou and Donner 2008), which puts
    /// the interval of a difference together from those of its parts. It takes the parts for
    /// independent; on the same examples they mostly rise and fall together, and the interval is
    /// then too wide rather than too narrow.
    pub fn minus(self, other: Self) -> Self {
        let value = self.value - other.value;
        Self {
            value,
            low: value - (self.value - self.low).hypot(other.high - other.value),
            high: value + (self.high - self.value).hypot(other.value - other.low),
            n: self.n.min(other.n),
        }
    }

    /// The mean. Ends are averaged like values: right when all rise and fall together (one set of
    /// examples), too wide else. `None` of nothing.
    pub fn mean(all: &[Self]) -> Option<Self> {
        let count = all.len() as f64;
        let mean = |part: fn(&Self) -> f64| all.iter().map(part).sum::<f64>() / count;
        Some(Self {
            value: mean(|x| x.value),
            low: mean(|x| x.low),
            high: mean(|x| x.high),
            n: all.iter().map(|x| x.n).min()?,
        })
    }

    /// Whether it is above 0.
    pub fn positive(self) -> Verdict {
        if self.low > 0.0 {
            Verdict::Holds
        } else if self.high <= 0.0 {
            Verdict::DoesNotHold
        } else {
            Verdict::CannotBeTold
        }
    }
}

/// Task, layer, head and metric of a record.
type Key<'a> = (&'a str, Option<usize>, Option<usize>, &'a str);

/// The records of one run, by task, place and metric.
pub struct Book<'a> {
    records: &'a [Record],
    places: HashMap<Key<'a>, usize>,
}

impl<'a> Book<'a> {
    pub fn new(records: &'a [Record]) -> Self {
        let key =
            |r: &'a Record| -> Key<'a> { (r.task.as_str(), r.layer, r.head, r.metric.as_str()) };
        let places = records.iter().enumerate().map(|(at, r)| (key(r), at));
        Self {
            records,
            places: places.collect(),
        }
    }

    /// Tasks in the order of the records.
    pub fn tasks(&self) -> Vec<&'a str> {
        let mut tasks: Vec<&str> = Vec::new();
        for record in self.records {
            if tasks.last() != Some(&record.task.as_str()) && !tasks.contains(&record.task.as_str())
            {
                tasks.push(&record.task);
            }
        }
        tasks
    }

    /// Layers and heads, as far as the records have any.
    pub fn grid(&self) -> (usize, usize) {
        let most = |of: fn(&Record) -> Option<usize>| {
            self.records
                .iter()
                .filter_map(of)
                .max()
                .map_or(0, |m| m + 1)
        };
        (most(|r| r.layer), most(|r| r.head))
    }

    /// The number of a layer and head, of a layer, or of the whole.
    pub fn number(
        &self,
        task: &str,
        layer: Option<usize>,
        head: Option<usize>,
        metric: &str,
    ) -> Option<Number> {
        let at = self.places.get(&(task, layer, head, metric))?;
        self.records.get(*at).map(Number::of)
    }

    /// The numbers of all heads: `(layer, head, number)`.
    pub fn heads(&self, task: &str, metric: &str) -> Vec<(usize, usize, Number)> {
        self.records
            .iter()
            .filter(|r| r.task == task && r.metric == metric)
            .filter_map(|r| Some((r.layer?, r.head?, Number::of(r))))
            .collect()
    }

    /// The head with the greatest number.
    pub fn greatest(&self, task: &str, metric: &str) -> Option<(usize, usize, Number)> {
        self.heads(task, metric)
            .into_iter()
            .max_by(|a, b| a.2.value.total_cmp(&b.2.value))
    }

    /// A finding of this run, with its number.
    pub fn finding(
        &self,
        claim: &str,
        task: Option<&str>,
        verdict: Verdict,
        number: Number,
        finding: String,
    ) -> Option<Finding> {
        let first = self.records.first()?;
        Some(Finding {
            claim: claim.to_owned(),
            model: first.model.clone(),
            task: task.map(str::to_owned),
            verdict,
            finding,
            value: Some(number.value),
            ci_low: (number.low < number.value).then_some(number.low),
            ci_high: (number.high > number.value).then_some(number.high),
            n: number.n,
            seed: first.seed,
        })
    }
}

/// A head as people count.
pub fn name((layer, head): (usize, usize)) -> String {
    format!("{}-{}", layer + 1, head + 1)
}

/// A number in points.
pub fn points(number: Number) -> String {
    format!(
        "{:+.1} [{:+.1}, {:+.1}] points",
        100.0 * number.value,
        100.0 * number.low,
        100.0 * number.high
    )
}

/// A weight or other small number.
pub fn weight(number: Number) -> String {
    format!(
        "{:.3} [{:.3}, {:.3}]",
        number.value, number.low, number.high
    )
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// A record of a test's run.
    pub fn record(
        task: &str,
        place: (Option<usize>, Option<usize>),
        metric: &str,
        (value, low, high): (f64, f64, f64),
    ) -> Record {
        Record {
            run: "r".to_owned(),
            model: "m".to_owned(),
            task: task.to_owned(),
            split: "dev".to_owned(),
            experiment: "e".to_owned(),
            layer: place.0,
            head: place.1,
            metric: metric.to_owned(),
            value,
            n: 100,
            seed: 42,
            ci_low: Some(low),
            ci_high: Some(high),
        }
    }

    #[test]
    fn a_difference_is_as_wide_as_its_parts_in_quadrature() {
        let number = |value, low, high| Number {
            value,
            low,
            high,
            n: 10,
        };
        // Zou and Donner's square-and-add: 0.8 - 3 and 0.8 + 4 by hand, from legs 3, 4 (low) and 4, 3.
        let d = number(10.0, 7.0, 14.0).minus(number(9.2, 6.2, 13.2));
        assert!((d.value - 0.8).abs() < 1e-12);
        assert!((d.low - (0.8 - 5.0)).abs() < 1e-12);
        assert!((d.high - (0.8 + 5.0)).abs() < 1e-12);
        assert_eq!(d.positive(), Verdict::CannotBeTold);
        assert_eq!(number(1.0, 0.1, 2.0).positive(), Verdict::Holds);
        assert_eq!(number(-1.0, -2.0, -0.1).positive(), Verdict::DoesNotHold);
        assert_eq!(Number::mean(&[]), None);
    }
}
