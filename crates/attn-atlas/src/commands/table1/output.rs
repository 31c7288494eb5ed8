//! Table 1 as records and as a table.

use super::EXPERIMENT;
use crate::run::{Run, write_text};
use anyhow::Context;
use attn_core::{Metric, Record, Task};
use attn_figures::{Cell, Column, Table};
use attn_stats::seeds::over_seeds_and_examples;
use attn_train::metrics::MetricEstimate;
use serde::Deserialize;

/// The paper's figures.
const PAPER: &str = include_str!("../../../../../results/paper/table-1.json");
/// The three states, by their names in records.
pub const STATES: [&str; 3] = ["untuned", "normal", "pretrained"];

#[derive(Deserialize)]
struct Paper {
    scores: Vec<PaperScore>,
}

#[derive(Deserialize)]
struct PaperScore {
    task: Task,
    metric: Metric,
    untuned: f64,
    normal: f64,
    pretrained: f64,
}

/// One metric of one state, over seeds.
#[derive(Debug, Clone, PartialEq)]
pub struct Score {
    /// The metric.
    pub metric: Metric,
    /// Mean over seeds.
    pub mean: f64,
    /// 95 % interval of that mean when examples are resampled and seeds stay.
    pub over_examples: Option<(f64, f64)>,
    /// Standard deviation over seeds; absent for one.
    pub deviation: Option<f64>,
    /// Seeds.
    pub seeds: usize,
    /// Evaluation examples.
    pub n: usize,
}

impl Score {
    /// 95 % interval over seeds and examples, see [`over_seeds_and_examples`]. With one seed: over
    /// examples alone for a fine-tuned model, none for one that is not fine-tuned, whose score hangs
    /// on how its random classifier fell.
    pub fn interval(&self, state: &str) -> Option<(f64, f64)> {
        let Some(deviation) = self.deviation.filter(|_| self.seeds > 1) else {
            return self.over_examples.filter(|_| state != "untuned");
        };
        let bounds = match self.metric {
            Metric::Accuracy | Metric::F1 => (0.0, 1.0),
            _ => (-1.0, 1.0),
        };
        let values = (self.mean, deviation, self.seeds);
        over_seeds_and_examples(values, self.over_examples?, self.n, bounds).map(|s| s.interval)
    }
}

/// One state of one task.
pub struct Outcome {
    /// One of [`STATES`].
    pub state: &'static str,
    /// Its metrics.
    pub scores: Vec<Score>,
}

/// One task.
pub struct Row {
    /// The task.
    pub task: Task,
    /// Training rows.
    pub train: usize,
    /// The part that is evaluated on.
    pub split: String,
    /// Evaluation rows.
    pub n: usize,
    /// What was scored.
    pub outcomes: Vec<Outcome>,
    /// Always the commonest class.
    pub majority: Vec<MetricEstimate>,
    /// What a reader of the scores must know.
    pub notes: Vec<String>,
}

/// Writes table, records and manifest.
///
/// # Errors
/// A file that cannot be written.
pub fn write(run: Run, model: &str, seed: u64, rows: &[Row]) -> anyhow::Result<()> {
    let table = table(model, rows)?;
    let records = records(run.name(), model, seed, rows);
    let tables = run.folder().join("tables");
    let notes: String = notes(rows).iter().map(|n| format!("- {n}\n")).collect();
    write_text(
        &tables.join("table-1.md"),
        &format!("{}\n{notes}", table.markdown()),
    )?;
    write_text(&tables.join("table-1.csv"), &table.csv())?;
    let folder = run.finish(&records)?;
    println!("{}\n{notes}", table.plain());
    println!("{}", folder.join("tables/table-1.md").display());
    Ok(())
}

/// What stands below the table.
fn notes(rows: &[Row]) -> Vec<String> {
    let mut notes = vec![
        "Intervals: 95 %. With several seeds a t-interval over seeds and examples (variance over seeds divided by \
         their number, plus that over bootstrap samples of the examples; degrees of freedom after Welch and \
         Satterthwaite), which takes scores of seeds for normal. With one seed over the examples alone, or none \
         for a model that is not fine-tuned: its score hangs on its random classifier."
            .to_owned(),
        "Majority: always the class that is commonest among the training rows; interval over the examples."
            .to_owned(),
    ];
    notes.extend(rows.iter().flat_map(|row| row.notes.iter().cloned()));
    notes
}

fn records(run: &str, model: &str, seed: u64, rows: &[Row]) -> Vec<Record> {
    let mut records = Vec::new();
    for row in rows {
        let mut record = |metric: String, value, n, interval: Option<(f64, f64)>| {
            records.push(Record {
                run: run.to_owned(),
                model: model.to_owned(),
                task: row.task.name().to_owned(),
                split: row.split.clone(),
                experiment: EXPERIMENT.to_owned(),
                layer: None,
                head: None,
                metric,
                value,
                n,
                seed,
                ci_low: interval.map(|i| i.0),
                ci_high: interval.map(|i| i.1),
            });
        };
        for outcome in &row.outcomes {
            for score in &outcome.scores {
                let name = format!("{}_{}", outcome.state, score.metric);
                record(
                    name.clone(),
                    score.mean,
                    score.n,
                    score.interval(outcome.state),
                );
                record(
                    format!("{name}_over_examples"),
                    score.mean,
                    score.n,
                    score.over_examples,
                );
                if let Some(deviation) = score.deviation {
                    record(
                        format!("{name}_sd_over_seeds"),
                        deviation,
                        score.seeds,
                        None,
                    );
                }
            }
        }
        for estimate in &row.majority {
            if let Some(value) = estimate.value {
                let name = format!("majority_{}", estimate.metric);
                record(name, value, estimate.n, estimate.interval);
            }
        }
    }
    records
}

/// Ours beside the paper's, in points, one row a task and metric.
fn table(model: &str, rows: &[Row]) -> anyhow::Result<Table> {
    let paper: Paper = serde_json::from_str(PAPER).context("results/paper/table-1.json")?;
    let points = |(low, high)| (100.0 * low, 100.0 * high);
    let mut lines = Vec::new();
    for row in rows {
        let metrics: &[Metric] = match row.task {
            // The parts of the mean are in the records.
            Task::StsB => &row.task.metrics()[..1],
            _ => row.task.metrics(),
        };
        for &metric in metrics {
            let published = paper
                .scores
                .iter()
                .find(|p| p.task == row.task && p.metric == metric);
            let mut line = vec![Cell::text(row.task.name()), Cell::text(metric.name())];
            let majority = row.majority.iter().find(|e| e.metric == metric);
            let majority = majority.and_then(|e| Some((e.value?, e.interval)));
            line.push(majority.map_or(Cell::Missing, |(value, interval)| {
                Cell::estimate(100.0 * value, interval.map(points), 1)
            }));
            for state in STATES {
                let theirs = published.map(|p| match state {
                    "untuned" => p.untuned,
                    "normal" => p.normal,
                    _ => p.pretrained,
                });
                line.push(theirs.map_or(Cell::Missing, |value| Cell::number(value, 1)));
                let ours = row
                    .outcomes
                    .iter()
                    .find(|o| o.state == state)
                    .and_then(|o| o.scores.iter().find(|s| s.metric == metric));
                match ours {
                    Some(score) => {
                        line.push(Cell::estimate(
                            100.0 * score.mean,
                            score.interval(state).map(points),
                            1,
                        ));
                        line.push(
                            score
                                .deviation
                                .map_or(Cell::Missing, |sd| Cell::number(100.0 * sd, 1)),
                        );
                        line.push(Cell::number(score.seeds as f64, 0));
                    }
                    None => line.extend([Cell::Missing, Cell::Missing, Cell::Missing]),
                }
            }
            line.push(Cell::number(row.train as f64, 0));
            line.push(Cell::number(row.n as f64, 0));
            lines.push(line);
        }
    }
    let mut columns = vec![
        Column::text("task"),
        Column::text("metric"),
        Column::number("majority"),
    ];
    for state in [
        "not fine-tuned",
        "from random weights",
        "from pre-trained weights",
    ] {
        columns.push(Column::number(format!("{state}: paper")));
        columns.push(Column::number(format!("{state}: ours")));
        columns.push(Column::number("SD over seeds"));
        columns.push(Column::number("seeds"));
    }
    columns.push(Column::number("training examples"));
    columns.push(Column::number("n"));
    Ok(Table {
        title: format!(
            "Table 1: scores in points, {model}; mean over seeds [95 % interval, see below]"
        ),
        columns,
        rows: lines,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn score(deviation: Option<f64>, seeds: usize) -> Score {
        Score {
            metric: Metric::F1,
            mean: 0.630_702_644_568_560_1,
            over_examples: Some((0.599_563_148_706_131_3, 0.661_043_312_889_112_5)),
            deviation,
            seeds,
            n: 408,
        }
    }

    /// MRPC's F1 without fine-tuning: three random classifiers scatter by 14 points. The interval is
    /// scipy.stats.t's (`attn-stats/tests/reference/quantification.py`).
    #[test]
    fn the_spread_over_random_classifiers_is_in_the_interval() {
        let (low, high) = score(Some(0.139_843_584_115_031_26), 3)
            .interval("untuned")
            .unwrap();
        assert!((low - 0.299_961_535).abs() < 1e-8 && (high - 0.961_443_754).abs() < 1e-8);
        assert!(score(None, 1).interval("untuned").is_none());
        assert_eq!(
            score(None, 1).interval("pretrained"),
            score(None, 1).over_examples
        );
    }

    #[test]
    fn records_keep_both_intervals_and_the_table_its_notes() {
        let row = Row {
            task: Task::Mrpc,
            train: 3668,
            split: "dev".to_owned(),
            n: 408,
            outcomes: vec![Outcome {
                state: "untuned",
                scores: vec![score(Some(0.1), 3)],
            }],
            majority: vec![MetricEstimate {
                metric: Metric::F1,
                value: Some(0.812),
                n: 408,
                interval: Some((0.78, 0.84)),
                replicates: 1000,
            }],
            notes: vec!["MRPC: seen".to_owned()],
        };
        let rows = [row];
        let records = records("r", "m", 1, &rows);
        let names: Vec<&str> = records.iter().map(|r| r.metric.as_str()).collect();
        assert_eq!(
            names,
            [
                "untuned_f1",
                "untuned_f1_over_examples",
                "untuned_f1_sd_over_seeds",
                "majority_f1"
            ]
        );
        assert_eq!(records[1].ci_low, Some(0.599_563_148_706_131_3));
        assert!(records[0].ci_low < Some(0.5));
        let text = table("m", &rows).unwrap().markdown();
        assert!(text.contains("81.2 [78.0, 84.0]"), "{text}");
        assert!(notes(&rows).iter().any(|n| n == "MRPC: seen"));
    }
}
