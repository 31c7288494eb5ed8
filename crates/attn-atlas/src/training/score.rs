//! Scores of a model on a labelled set, with their intervals, and its logits on disk.

use crate::inputs::InputSet;
use anyhow::Context;
use attn_core::{Metric, Record};
use attn_data::parquet::{Predictions, read_predictions, write_predictions};
use attn_figures::{Cell, Column, Table};
use attn_train::metrics::{MetricEstimate, Pair, bootstrap_metric};
use attn_train::{Evaluation, Logits};
use std::path::Path;

/// Bootstrap samples behind each interval.
pub const REPLICATES: usize = 1000;

/// A scored model.
#[derive(Debug, Clone, PartialEq)]
pub struct Scored {
    /// Predictions beside labels, by example.
    pub pairs: Vec<Pair>,
    /// The task's scores, the main one first.
    pub estimates: Vec<MetricEstimate>,
    /// Which of them the labels do not define, and why.
    pub notes: Vec<String>,
}

/// The metrics that the labels define, and what is to be said of the others.
pub fn supported(metrics: &[Metric], labels: &[f64]) -> (Vec<Metric>, Vec<String>) {
    let (mut defined, mut notes) = (Vec::new(), Vec::new());
    for &metric in metrics {
        match attn_stats::undefined(metric, labels) {
            None => defined.push(metric),
            Some(why) => notes.push(format!("{metric} is left out: {why}")),
        }
    }
    (defined, notes)
}

impl Scored {
    /// Scores predictions. A metric that the labels do not define has no value.
    pub fn new(pairs: Vec<Pair>, metrics: &[Metric], seed: u64) -> Self {
        let labels: Vec<f64> = pairs.iter().map(|pair| pair.label).collect();
        let (defined, notes) = supported(metrics, &labels);
        let estimate = |&metric: &Metric| match defined.contains(&metric) {
            true => bootstrap_metric(&pairs, metric, seed, REPLICATES),
            false => MetricEstimate {
                value: None,
                interval: None,
                n: pairs.len(),
                ..bootstrap_metric(&[], metric, seed, 0)
            },
        };
        Self {
            estimates: metrics.iter().map(estimate).collect(),
            pairs,
            notes,
        }
    }

    /// Reads the predictions of an earlier evaluation and scores them.
    ///
    /// # Errors
    /// A file that cannot be read, or one with unlabelled examples.
    pub fn read(path: &Path, metrics: &[Metric], seed: u64) -> anyhow::Result<Self> {
        let read = read_predictions(path)?;
        let logits = Logits {
            labels: read.outputs,
            values: read.variant(0).to_vec(),
        };
        let pairs = logits
            .predictions()
            .into_iter()
            .zip(&read.labels)
            .map(|(prediction, label)| Some(Pair::new(prediction, (*label)?)))
            .collect::<Option<Vec<_>>>()
            .with_context(|| format!("{}: an example has no label", path.display()))?;
        Ok(Self::new(pairs, metrics, seed))
    }
}

/// Writes the logits of one model.
///
/// # Errors
/// When the file cannot be written.
pub fn write_scored(path: &Path, set: &InputSet, evaluation: &Evaluation) -> anyhow::Result<()> {
    let examples = set.examples.iter().map(|e| &e.example);
    let predictions = Predictions {
        variants: vec!["baseline".to_owned()],
        examples: examples.clone().map(|e| e.id.clone()).collect(),
        labels: examples
            .map(|e| e.label.map(|label| f64::from(label.value())))
            .collect(),
        outputs: evaluation.logits.labels,
        logits: evaluation.logits.values.clone(),
    };
    Ok(write_predictions(path, &predictions)?)
}

/// One record a score.
pub fn scored_records(
    run: &str,
    model: &str,
    set: &InputSet,
    scored: &Scored,
    seed: u64,
) -> Vec<Record> {
    scored
        .estimates
        .iter()
        .filter_map(|estimate| {
            Some(Record {
                run: run.to_owned(),
                model: model.to_owned(),
                task: set.name.clone(),
                split: set.split.clone(),
                experiment: "evaluate".to_owned(),
                layer: None,
                head: None,
                metric: estimate.metric.name().to_owned(),
                value: estimate.value?,
                n: estimate.n,
                seed,
                ci_low: estimate.interval.map(|i| i.0),
                ci_high: estimate.interval.map(|i| i.1),
            })
        })
        .collect()
}

/// The scores as a table to print.
pub fn score_table(title: String, estimates: &[MetricEstimate]) -> Table {
    let rows = estimates
        .iter()
        .map(|estimate| {
            vec![
                Cell::text(estimate.metric.name()),
                estimate.value.map_or(Cell::text("-"), |value| {
                    Cell::estimate(value, estimate.interval, 4)
                }),
                Cell::number(estimate.n as f64, 0),
            ]
        })
        .collect();
    Table {
        title,
        columns: vec![
            Column::text("score"),
            Column::number("value [95 % interval]"),
            Column::number("n"),
        ],
        rows,
    }
}
