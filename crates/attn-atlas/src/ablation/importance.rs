//! Gradient importance of heads held against what their ablation costs.
//!
//! Importance is the mean size of the loss's derivative with respect to a gate on the head's context. The gate at 0
//! is mode `zero`, so that this is the ablation it estimates; the sweep's own mode (`uniform`, say) is another
//! intervention. So both are compared, in every variant: importance raw and normalised by layer, against the drop of the metric
//! and the rise of the loss. None is singled out.
//!
//! A measure that does not agree with itself cannot agree with another: each one's *reliability* is given, the rank
//! correlation of two halves of the examples stepped up to all of them ([`attn_stats::paired::reliability`]).

use super::compare::Measured;
use super::cumulative::halves;
use super::records::{Common, EXPERIMENT};
use super::{LEVEL, REPLICATES};
use anyhow::Context;
use attn_ablate::Kind;
use attn_ablate::importance::Importance;
use attn_core::{HeadGrid, HeadId, Metric, Mode, Record};
use attn_figures::{Cell, Column, MeasuredGrid, Table};
use attn_stats::metrics::Score;
use attn_stats::paired::{Correlation, reliability, spearman_interval};

/// The 97.5 % point of the normal distribution, for intervals of means over many examples.
const NORMAL: f64 = 1.959_963_984_540_054;

/// Importance by head, from gradients or from the records of a run.
#[derive(Debug, Clone)]
pub struct Gradient {
    /// Over all examples.
    pub raw: HeadGrid<f64>,
    /// The same, divided by the layer's norm.
    pub normalised: HeadGrid<f64>,
    /// 95 % intervals of the raw one.
    pub intervals: HeadGrid<Option<(f64, f64)>>,
    /// Raw importance over each half of the examples; absent in runs that did not keep them.
    pub halves: Option<[HeadGrid<f64>; 2]>,
    /// Examples.
    pub n: usize,
}

/// The experiment of importance records.
fn experiment(mode: Mode) -> String {
    format!("{EXPERIMENT}/{mode}/gradient")
}

fn half_name(half: usize) -> String {
    format!("importance_half_{}", half + 1)
}

impl Gradient {
    /// From the importance over two halves of the examples; `None` when they are of different models.
    pub fn new(halves: [Importance; 2]) -> Option<Self> {
        let whole = halves[0].joined(&halves[1])?;
        let (layers, heads) = (whole.raw.layers(), whole.raw.heads());
        let intervals = HeadGrid::from_fn(layers, heads, |id| {
            let (value, error) = (*whole.raw.get(id)?, *whole.error.get(id)?);
            let reach = NORMAL * error;
            error.is_finite().then_some((value - reach, value + reach))
        });
        Some(Self {
            raw: whole.raw,
            normalised: whole.normalised,
            intervals,
            halves: Some(halves.map(|h| h.raw)),
            n: whole.n,
        })
    }

    /// From the records of a run; `None` when it took no importance.
    pub fn from_records(records: &[Record], mode: Mode) -> Option<Self> {
        let name = experiment(mode);
        let of = |metric: &str| -> Vec<&Record> {
            let all = records.iter();
            all.filter(|r| r.experiment == name && r.metric == metric)
                .collect()
        };
        let raw = of("importance");
        let last = |f: fn(&Record) -> Option<usize>| raw.iter().filter_map(|r| f(r)).max();
        let (layers, heads) = (last(|r| r.layer)? + 1, last(|r| r.head)? + 1);
        let grid = |rows: &[&Record]| {
            let at = |id: HeadId| {
                let mut rows = rows.iter();
                rows.find(|r| (r.layer, r.head) == (Some(id.layer), Some(id.head)))
                    .copied()
            };
            HeadGrid::from_fn(layers, heads, |id| at(id).cloned())
        };
        let values =
            |metric: &str| grid(&of(metric)).map(|r| r.as_ref().map_or(f64::NAN, |r| r.value));
        let halves = [0, 1].map(|half| values(&half_name(half)));
        let whole = |grid: &HeadGrid<f64>| grid.values().iter().all(|v| v.is_finite());
        Some(Self {
            raw: values("importance"),
            normalised: values("importance_normalised"),
            intervals: grid(&raw).map(|r| r.as_ref().and_then(|r| r.ci_low.zip(r.ci_high))),
            halves: halves.iter().all(whole).then_some(halves),
            n: raw.first()?.n,
        })
    }

    fn records(&self, common: &Common) -> Vec<Record> {
        let mut records = Vec::new();
        let mut add = |name: &str, id: HeadId, value: f64, interval| {
            let at = (Some(id.layer), Some(id.head));
            records.push(common.record("gradient", at, name, (value, interval), self.n));
        };
        for (id, &value) in self.raw.iter() {
            let interval = self.intervals.get(id).copied().flatten();
            add("importance", id, value, interval);
            let normalised = self.normalised.get(id).copied();
            add(
                "importance_normalised",
                id,
                normalised.unwrap_or(f64::NAN),
                None,
            );
            for (half, grid) in self.halves.iter().flatten().enumerate() {
                let value = grid.get(id).copied().unwrap_or(f64::NAN);
                add(&half_name(half), id, value, None);
            }
        }
        records.retain(|r| r.value.is_finite());
        records
    }

    /// For figures.
    pub fn grid(&self) -> MeasuredGrid {
        MeasuredGrid {
            values: self.normalised.clone(),
            intervals: self.intervals.clone(),
            n: self.raw.map(|_| self.n),
        }
    }
}

/// What a sweep says of each head: the drop of the metric and the rise of the loss.
fn costs(measured: &Measured, metric: Metric, like: &HeadGrid<f64>) -> [HeadGrid<f64>; 2] {
    let found = HeadGrid::from_fn(like.layers(), like.heads(), |id| {
        let mut variants = measured.variants.iter();
        variants.position(|v| v.kind == Kind::Head(id))
    });
    let losses = measured.losses();
    let score = |v: usize| metric.score(&measured.logits.predictions(v), &measured.labels);
    let own = score(0);
    [
        found.map(|v| v.map_or(f64::NAN, |v| own - score(v))),
        found.map(|v| v.map_or(f64::NAN, |v| losses[v] - losses[0])),
    ]
}

/// Everything about one task's importance.
#[derive(Debug)]
pub struct Compared {
    /// Records of importance, correlations, reliabilities and losses.
    pub records: Vec<Record>,
    /// Both kinds of numbers for readers.
    pub table: Table,
    /// How much each head's ablation in the sweep's own mode adds to the loss.
    pub loss: HeadGrid<f64>,
    /// All correlations in one line.
    pub words: String,
}

/// Compares importance with sweeps over all single heads, each in a mode of its own; the first is the run's.
///
/// # Errors
/// When a sweep is of another model than the importance.
pub fn compare(
    gradient: &Gradient,
    sweeps: &[(Mode, &Measured)],
    metric: Metric,
    common: &Common,
) -> anyhow::Result<Compared> {
    let mut records = gradient.records(common);
    let mut rows: Vec<Vec<Cell>> = Vec::new();
    let count = gradient.raw.values().len() as f64;
    let name = metric.name();
    // The run's own mode has no suffix in records.
    let suffix = |mode: Mode| match mode == common.mode {
        true => String::new(),
        false => format!("_{mode}"),
    };
    let mut correlations: Vec<Correlation> = Vec::new();
    let (mut own_loss, mut reliable) = (None, Vec::new());
    for &(mode, measured) in sweeps {
        let [drop, loss] = costs(measured, metric, &gradient.raw);
        let costs_of = [(format!("{name}_drop"), &drop), ("loss".to_owned(), &loss)];
        for (what, cost) in costs_of {
            for (kind, words, importance) in [
                ("importance", "importance", &gradient.raw),
                (
                    "importance_normalised",
                    "importance normalised by layer",
                    &gradient.normalised,
                ),
            ] {
                let seed = common.seed;
                let c =
                    spearman_interval(cost.values(), importance.values(), LEVEL, REPLICATES, seed)
                        .context("importance and ablation are of different models")?;
                if c.value.is_finite() {
                    let metric = format!("{kind}_spearman_{what}{}", suffix(mode));
                    let value = (c.value, c.interval);
                    records.push(common.record("gradient", (None, None), metric, value, c.n));
                }
                rows.push(vec![
                    Cell::text("correlation"),
                    Cell::text(format!("{words} and {}, mode {mode}", cost_words(&what))),
                    Cell::estimate(c.value, c.interval, 2),
                    Cell::number(count, 0),
                ]);
                correlations.push(c);
            }
        }
        let parts = halves(measured.labels.len(), common.seed);
        let [a, b] = [&parts[0], &parts[1]].map(|chosen| {
            measured
                .part(chosen)
                .map(|m| costs(&m, metric, &gradient.raw))
        });
        if let (Some(a), Some(b)) = (a, b) {
            for (i, what) in [format!("{name}_drop"), "loss".to_owned()]
                .iter()
                .enumerate()
            {
                let words = format!("{}, mode {mode}", cost_words(what));
                let value = reliability(a[i].values(), b[i].values());
                reliable.push((format!("{what}{}", suffix(mode)), words, value));
            }
        }
        own_loss.get_or_insert(loss);
        if mode == common.mode {
            for (v, added) in measured.loss_differences(common.seed).iter().enumerate() {
                if let Kind::Head(id) = measured.variants[v].kind {
                    let at = (Some(id.layer), Some(id.head));
                    let n = measured.labels.len();
                    records.push(common.record("gradient", at, "loss_difference", *added, n));
                }
            }
        }
    }
    let of_importance = gradient.halves.as_ref();
    reliable.insert(
        0,
        (
            "importance".to_owned(),
            "importance".to_owned(),
            of_importance.and_then(|[a, b]| reliability(a.values(), b.values())),
        ),
    );
    for (what, words, value) in reliable {
        if let Some(value) = value {
            let metric = format!("reliability_{what}");
            records.push(common.record(
                "gradient",
                (None, None),
                metric,
                (value, None),
                gradient.n,
            ));
        }
        rows.push(vec![
            Cell::text("reliability"),
            Cell::text(words),
            value.map_or(Cell::Missing, |v| Cell::number(v, 2)),
            Cell::number(count, 0),
        ]);
    }
    let table = Table {
        title: format!(
            "{} on {}: gradient importance and ablation over {count} heads: Spearman correlations [95 % interval over heads], and \
             each measure's split-half reliability (no value: its halves were not kept)",
            common.model, common.task
        ),
        columns: vec![
            Column::text("what"),
            Column::text("of"),
            Column::number("value"),
            Column::number("heads"),
        ],
        rows,
    };
    let values = correlations
        .iter()
        .map(|c| c.value)
        .filter(|v| v.is_finite());
    let low = values.clone().fold(f64::INFINITY, f64::min);
    let high = values.fold(f64::NEG_INFINITY, f64::max);
    Ok(Compared {
        records,
        table,
        loss: own_loss.context("no sweep to compare with")?,
        words: format!(
            "Spearman correlations of importance (raw, normalised) with ablation (drop of {name}, rise of the loss), {} in all: {low:.2} to \
             {high:.2} over {count} heads",
            correlations.len()
        ),
    })
}

fn cost_words(name: &str) -> String {
    match name.strip_suffix("_drop") {
        Some(metric) => format!("drop in {metric}"),
        None => "rise of the loss".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ablation::compare::tests::measured;

    fn common() -> Common {
        Common {
            run: "r".to_owned(),
            model: "m".to_owned(),
            task: "RTE".to_owned(),
            split: "dev".to_owned(),
            mode: Mode::Uniform,
            seed: 7,
        }
    }

    /// Importance that is the loss itself correlates fully with it, is as reliable as its halves are alike,
    /// and comes back from records with the same results.
    #[test]
    fn all_variants_are_given_and_come_back_from_records() {
        let sweep = measured(300, "head-1:0", "head-0:1", 0.6);
        let like = HeadGrid::from_fn(2, 3, |_| 0.0);
        let [_, loss] = costs(&sweep, Metric::Accuracy, &like);
        let gradient = Gradient {
            raw: loss.clone(),
            normalised: loss.map(|v| -v),
            intervals: loss.map(|v| Some((v - 0.1, v + 0.1))),
            halves: Some([loss.clone(), loss.map(|v| v.powi(3))]),
            n: 300,
        };
        let sweeps = [(Mode::Uniform, &sweep), (Mode::Zero, &sweep)];
        let found = compare(&gradient, &sweeps, Metric::Accuracy, &common()).unwrap();
        let value = |metric: &str| {
            let mut all = found.records.iter();
            all.find(|r| r.metric == metric && r.layer.is_none())
                .unwrap()
                .value
        };
        let is = |metric: &str, expected: f64| (value(metric) - expected).abs() < 1e-12;
        assert!(is("importance_spearman_loss", 1.0));
        assert!(is("importance_normalised_spearman_loss_zero", -1.0));
        assert!(is("reliability_importance", 1.0));
        assert!(value("importance_spearman_accuracy_drop") > 0.5);
        assert!((0.0..=1.0).contains(&value("reliability_loss_zero")));
        // Eight correlations; reliability of importance and of two measures in two modes.
        assert_eq!(found.table.rows.len(), 8 + 5);
        assert_eq!(found.loss, loss);
        assert!(found.words.contains("-1.00 to 1.00"), "{}", found.words);
        let again = Gradient::from_records(&found.records, Mode::Uniform).unwrap();
        let again = compare(&again, &sweeps, Metric::Accuracy, &common()).unwrap();
        assert_eq!(found.records, again.records);
        assert!(Gradient::from_records(&found.records, Mode::Zero).is_none());
    }
}
