//! Looking records up, and what findings have in common.

use attn_core::{Estimate, Finding, Record, Verdict};
use std::collections::HashMap;

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
    ) -> Option<Estimate> {
        let at = self.places.get(&(task, layer, head, metric))?;
        self.records.get(*at).map(Estimate::of)
    }

    /// The numbers of all heads: `(layer, head, number)`.
    pub fn heads(&self, task: &str, metric: &str) -> Vec<(usize, usize, Estimate)> {
        self.records
            .iter()
            .filter(|r| r.task == task && r.metric == metric)
            .filter_map(|r| Some((r.layer?, r.head?, Estimate::of(r))))
            .collect()
    }

    /// The head with the greatest number.
    pub fn greatest(&self, task: &str, metric: &str) -> Option<(usize, usize, Estimate)> {
        self.heads(task, metric)
            .into_iter()
            .max_by(|a, b| a.2.mean.total_cmp(&b.2.mean))
    }

    /// A finding of this run, with the number that decides and the rule by which it does.
    pub fn finding(
        &self,
        (claim, task): (&str, Option<&str>),
        verdict: Verdict,
        number: Estimate,
        rule: &str,
        finding: String,
    ) -> Option<Finding> {
        let first = self.records.first()?;
        let found = Finding {
            claim: claim.to_owned(),
            model: first.model.clone(),
            task: task.map(str::to_owned),
            verdict,
            rule: rule.to_owned(),
            finding,
            value: None,
            ci_low: None,
            ci_high: None,
            n: number.n,
            seed: first.seed,
        };
        Some(found.with(number))
    }
}

/// A head as people count.
pub fn name((layer, head): (usize, usize)) -> String {
    format!("{}-{}", layer + 1, head + 1)
}

/// A number in points.
pub fn points(number: Estimate) -> String {
    let shown = number.map(|v| 100.0 * v);
    match shown.interval {
        Some((low, high)) => format!("{:+.1} [{low:+.1}, {high:+.1}] points", shown.mean),
        None => format!("{:+.1} points (no interval)", shown.mean),
    }
}

/// A weight or other small number.
pub fn weight(number: Estimate) -> String {
    let (mean, digits) = (number.mean, number.decimals());
    match number.interval {
        Some((low, high)) => format!("{mean:.digits$} [{low:.digits$}, {high:.digits$}]"),
        None => format!("{mean:.digits$} (no interval)"),
    }
}

/// The smaller of two numbers.
pub fn lower(a: Estimate, b: Estimate) -> Estimate {
    if b.mean < a.mean { b } else { a }
}

/// The greater of two numbers.
pub fn higher(a: Estimate, b: Estimate) -> Estimate {
    if b.mean > a.mean { b } else { a }
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
    fn a_number_without_interval_is_shown_and_published_without() {
        let mut records = [record("RTE", (None, None), "accuracy", (0.5, 0.5, 0.5))];
        records[0].ci_low = None;
        records[0].ci_high = None;
        let book = Book::new(&records);
        let number = book.number("RTE", None, None, "accuracy").unwrap();
        assert_eq!(number.interval, None);
        let found = book.finding(
            ("c", None),
            Verdict::Inconclusive,
            number,
            "r",
            String::new(),
        );
        let found = found.unwrap();
        assert_eq!(
            (found.value, found.ci_low, found.ci_high),
            (Some(0.5), None, None)
        );
        assert_eq!(found.verdict_words(), "inconclusive (n = 100)");
        assert_eq!(weight(number), "0.500 (no interval)");
        assert_eq!(points(number), "+50.0 points (no interval)");
    }
}
