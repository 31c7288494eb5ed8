//! What `attn ablate --importance` and `--cumulative` add: gradient importance beside the ablation, and
//! curves that disable more and more heads.

use super::{gold, write_logits};
use crate::ablation::compare::Measured;
use crate::ablation::cumulative::{Curve, Half, Orders, by_ablation, counts, curves, halves, pool};
use crate::ablation::job::Subject;
use crate::ablation::records::{Common, cumulative_metric};
use crate::ablation::{LEVEL, REPLICATES, figures, tables};
use crate::cli::AblateArgs;
use crate::inputs::InputSet;
use crate::run::Run;
use anyhow::Context;
use attn_ablate::importance::Importance;
use attn_ablate::stats::{Correlation, spearman_interval};
use attn_ablate::{Kind, Plan};
use attn_core::{HeadGrid, Metric, Record};
use attn_figures::{Cell, Column, MeasuredGrid, Table};

/// The 97.5 % point of the normal distribution, for intervals of means over many examples.
const NORMAL: f64 = 1.959_963_984_540_054;

/// Measures, writes tables and figures, and gives the records.
pub fn run(
    args: &AblateArgs,
    subject: &Subject<'_>,
    measured: &Measured,
    common: &Common,
    run: &mut Run,
    metrics: &[Metric],
    set: &InputSet,
) -> anyhow::Result<Vec<Record>> {
    let metric = *metrics.first().context("the task has no score")?;
    let n = measured.labels.len();
    anyhow::ensure!(
        n >= 4,
        "--importance and --cumulative need at least 4 examples, there are {n}"
    );
    let clock = std::time::Instant::now();
    eprintln!(
        "gradient importance of {} heads over {n} examples",
        subject.model.bert.layers() * subject.model.bert.heads()
    );
    let parts = halves(n, common.seed);
    let [first, second] = &parts;
    let importances = [subject.importance(first)?, subject.importance(second)?];
    let whole = importances[0]
        .joined(&importances[1])
        .context("importances of different models")?;
    run.took("importance", clock.elapsed().as_secs_f64());
    let mut records = importance(measured, metric, &whole, common, run)?;
    if !args.cumulative {
        return Ok(records);
    }

    let (layers, heads) = (whole.raw.layers(), whole.raw.heads());
    let counts = counts(layers * heads, args.steps);
    let mut orders = Vec::new();
    for (chosen, importance) in parts.iter().zip(&importances) {
        let part = measured.part(chosen).context("a half of the examples")?;
        let order = by_ablation(&part, metric, layers, heads).context("the sweep lacks a head")?;
        orders.push(Orders::new(order, &importance.normalised, common.seed));
    }
    orders.reverse(); // each half is scored under the other's order
    let mut scored: Vec<Half> = Vec::new();
    let mut variants = Vec::new();
    for (half, (orders, chosen)) in orders.iter().zip(&parts).enumerate() {
        variants = orders.variants(&counts, common.mode);
        let plan = Plan::new(layers, heads, variants.clone())?;
        let what = format!("{} cumulative, half {}", common.task, half + 1);
        let (logits, seconds) = subject.sweep(&what, &plan, chosen)?;
        run.took("cumulative sweep", seconds);
        scored.push((chosen.clone(), logits));
    }
    let both: [Half; 2] = scored.try_into().ok().context("two halves")?;
    let pooled = Measured {
        variants,
        logits: pool(&both, n)?,
        labels: gold(subject.set),
    };
    write_logits(
        &run.folder().join("predictions-cumulative.parquet"),
        &pooled,
        set,
    )?;
    attn_core::io::write_json(
        &run.folder().join("cumulative-orders.json"),
        &described(&orders, &parts, set),
    )?;
    run.note([
        "cumulative: each half of the examples is scored under the order that the other half gave \
               (cumulative-orders.json); predictions of both are pooled"
            .to_owned(),
    ]);
    let orders = orders.first().context("no order")?;
    let curves = curves(
        orders,
        &counts,
        &pooled.logits,
        &pooled.labels,
        metric,
        common.seed,
    )?;
    write_curves(&curves, metric, n, common, run)?;
    for curve in &curves {
        let about = format!("cumulative/{}", curve.name);
        records.extend(
            curve
                .points
                .iter()
                .filter(|p| p.value.is_finite())
                .map(|p| {
                    let name = cumulative_metric(metric, p.count);
                    common.record(&about, (None, None), name, (p.value, p.interval), n)
                }),
        );
    }
    Ok(records)
}

/// Both halves' orders, for a reader who wants to repeat them.
fn described(orders: &[Orders], parts: &[Vec<usize>; 2], set: &InputSet) -> serde_json::Value {
    let half = |(orders, chosen): (&Orders, &Vec<usize>)| {
        let ids = chosen.iter().filter_map(|&i| set.examples.get(i));
        let ids: Vec<&str> = ids.map(|e| e.example.id.as_str()).collect();
        serde_json::json!({ "examples": ids, "orders": orders.described() })
    };
    orders.iter().zip(parts).map(half).collect()
}

/// Gradient importance by head, and its rank correlation with what ablation costs.
fn importance(
    measured: &Measured,
    metric: Metric,
    importance: &Importance,
    common: &Common,
    run: &Run,
) -> anyhow::Result<Vec<Record>> {
    let (layers, heads) = (importance.raw.layers(), importance.raw.heads());
    let losses = measured.loss_differences(common.seed);
    let at = |layer, head| {
        let id = attn_core::HeadId::new(layer, head);
        measured
            .variants
            .iter()
            .position(|v| v.kind == Kind::Head(id))
    };
    let found = HeadGrid::from_fn(layers, heads, |id| at(id.layer, id.head));
    let loss = found.map(|v| v.and_then(|v| losses.get(v)).map_or(f64::NAN, |l| l.0));
    let own = measured.logits.predictions(0);
    let score = |predictions: &[f64]| {
        attn_ablate::stats::Score::score(&metric, predictions, &measured.labels)
    };
    let drop = found.map(|v| {
        v.map_or(f64::NAN, |v| {
            score(&own) - score(&measured.logits.predictions(v))
        })
    });
    let correlate = |what: &HeadGrid<f64>, gradient: &HeadGrid<f64>| {
        spearman_interval(
            what.values(),
            gradient.values(),
            LEVEL,
            REPLICATES,
            common.seed,
        )
        .context("importance and ablation are of different models")
    };
    let name = metric.name();
    let correlations: Vec<(String, String, Correlation)> = vec![
        (
            format!("importance_spearman_{name}_drop"),
            format!("importance and drop in {name}"),
            correlate(&drop, &importance.raw)?,
        ),
        (
            "importance_spearman_loss".to_owned(),
            "importance and rise of the loss".to_owned(),
            correlate(&loss, &importance.raw)?,
        ),
        (
            format!("importance_normalised_spearman_{name}_drop"),
            format!("importance normalised by layer and drop in {name}"),
            correlate(&drop, &importance.normalised)?,
        ),
        (
            "importance_normalised_spearman_loss".to_owned(),
            "importance normalised by layer and rise of the loss".to_owned(),
            correlate(&loss, &importance.normalised)?,
        ),
    ];
    let mut records = Vec::new();
    for (metric, _, c) in correlations.iter().filter(|c| c.2.value.is_finite()) {
        records.push(common.record("gradient", (None, None), metric, (c.value, c.interval), c.n));
    }
    let raw_interval = |id| {
        let (value, error) = (*importance.raw.get(id)?, *importance.error.get(id)?);
        error
            .is_finite()
            .then_some((value - NORMAL * error, value + NORMAL * error))
    };
    for (id, &value) in importance.raw.iter() {
        let place = (Some(id.layer), Some(id.head));
        let n = importance.n;
        records.push(common.record(
            "gradient",
            place,
            "importance",
            (value, raw_interval(id)),
            n,
        ));
        let normalised = importance.normalised.get(id).copied().unwrap_or(f64::NAN);
        records.push(common.record(
            "gradient",
            place,
            "importance_normalised",
            (normalised, None),
            n,
        ));
        if let Some(&added) = found.get(id).copied().flatten().and_then(|v| losses.get(v)) {
            records.push(common.record("gradient", place, "loss_difference", added, n));
        }
    }
    let title = format!(
        "Spearman correlation over the {} heads of {} on {}: gradient importance and ablation (mode {}) [95 % interval]",
        layers * heads,
        common.model,
        common.task,
        common.mode
    );
    let rows = correlations.iter().map(|(_, words, c)| {
        vec![
            Cell::text(words),
            Cell::estimate(c.value, c.interval, 2),
            Cell::number(c.n as f64, 0),
        ]
    });
    let table = Table {
        title,
        columns: vec![
            Column::text("between"),
            Column::number("correlation"),
            Column::number("heads"),
        ],
        rows: rows.collect(),
    };
    println!("{}", table.plain());
    tables::write(
        &table,
        &run.folder().join("tables"),
        "importance-correlation",
    )?;
    let intervals = HeadGrid::from_fn(layers, heads, raw_interval);
    let grid = MeasuredGrid {
        values: importance.normalised.clone(),
        intervals,
        n: importance.raw.map(|_| importance.n),
    };
    let words = correlations.last().map_or(String::new(), |(_, words, c)| {
        let interval = c
            .interval
            .map_or(String::new(), |(a, b)| format!(" [{a:.2}, {b:.2}]"));
        format!(
            "Spearman correlation of {words}: {:.2}{interval} over {} heads",
            c.value, c.n
        )
    });
    let figure = figures::importance(
        &common.task,
        loss,
        &grid,
        &words,
        footer(common, importance.n),
    );
    let folder = run.folder().join("figures");
    figure.render()?.write(&folder, "importance")?;
    Ok(records)
}

fn footer(common: &Common, n: usize) -> String {
    format!(
        "model {}; {} {} examples; mode {}; seed {}",
        common.model, n, common.split, common.mode, common.seed
    )
}

fn write_curves(
    curves: &[Curve],
    metric: Metric,
    n: usize,
    common: &Common,
    run: &Run,
) -> anyhow::Result<()> {
    let name = metric.name();
    let figure = figures::cumulative(curves, &common.task, name, footer(common, n));
    figure
        .render()?
        .write(&run.folder().join("figures"), "cumulative")?;
    let mut columns = vec![Column::number("heads disabled")];
    columns.extend(curves.iter().map(|c| Column::number(c.words.clone())));
    let length = curves.iter().map(|c| c.points.len()).max().unwrap_or(0);
    let rows = (0..length).map(|i| {
        let count = curves
            .first()
            .and_then(|c| c.points.get(i))
            .map_or(f64::NAN, |p| p.count as f64);
        let cell = |c: &Curve| {
            c.points
                .get(i)
                .map_or(Cell::Missing, |p| Cell::estimate(p.value, p.interval, 3))
        };
        std::iter::once(Cell::number(count, 0))
            .chain(curves.iter().map(cell))
            .collect()
    });
    let table = Table {
        title: format!(
            "{} on {} {} with the least important heads disabled first (mode {}): {name} [95 % interval], n = {n}, seed {}",
            common.model, common.task, common.split, common.mode, common.seed
        ),
        columns,
        rows: rows.collect(),
    };
    tables::write(&table, &run.folder().join("tables"), "cumulative")?;
    Ok(())
}
