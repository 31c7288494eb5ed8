//! What `attn ablate --importance` and `--cumulative` add: gradient importance beside the ablation, and
//! curves that disable more and more heads.

use super::{gold, write_logits};
use crate::ablation::compare::Measured;
use crate::ablation::cumulative::{Curve, Half, Orders, by_ablation, counts, curves, halves, pool};
use crate::ablation::importance::{Gradient, compare};
use crate::ablation::job::Subject;
use crate::ablation::records::{Common, cumulative_metric};
use crate::ablation::{figures, tables};
use crate::cli::AblateArgs;
use crate::inputs::InputSet;
use crate::run::Run;
use anyhow::Context;
use attn_ablate::{Plan, variant};
use attn_core::{Metric, Mode, Record};
use attn_figures::{Cell, Column, Table};
use std::path::Path;

/// Logits of the sweep in mode `zero`.
pub const ZERO: &str = "predictions-zero.parquet";

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
    run.took("importance", clock.elapsed().as_secs_f64());
    let gradient = Gradient::new(importances.clone()).context("importances of different models")?;
    let zero = zero(subject, common, set, run)?;
    let mut sweeps = vec![(common.mode, measured)];
    sweeps.extend(zero.as_ref().map(|measured| (Mode::Zero, measured)));
    let folder = run.folder().to_owned();
    let mut records = write_importance(&folder, &gradient, &sweeps, metric, common)?;
    if !args.cumulative {
        return Ok(records);
    }

    let (layers, heads) = (gradient.raw.layers(), gradient.raw.heads());
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

/// The sweep over single heads in mode `zero`, whose derivative importance is; `None` where the run's own sweep is in that
/// mode.
fn zero(
    subject: &Subject<'_>,
    common: &Common,
    set: &InputSet,
    run: &mut Run,
) -> anyhow::Result<Option<Measured>> {
    if common.mode == Mode::Zero {
        return Ok(None);
    }
    let (layers, heads) = (subject.model.bert.layers(), subject.model.bert.heads());
    let mut variants = vec![variant::baseline()];
    variants.extend(variant::single_heads(layers, heads, Mode::Zero));
    let plan = Plan::new(layers, heads, variants.clone())?;
    let everything: Vec<usize> = (0..subject.set.len()).collect();
    let what = format!("{} single heads, mode zero", common.task);
    let (logits, seconds) = subject.sweep(&what, &plan, &everything)?;
    run.took("zero sweep", seconds);
    let measured = Measured {
        variants,
        logits,
        labels: gold(subject.set),
    };
    write_logits(&run.folder().join(ZERO), &measured, set)?;
    Ok(Some(measured))
}

/// Writes table and figure of the importance; gives the records.
pub fn write_importance(
    folder: &Path,
    gradient: &Gradient,
    sweeps: &[(Mode, &Measured)],
    metric: Metric,
    common: &Common,
) -> anyhow::Result<Vec<Record>> {
    let compared = compare(gradient, sweeps, metric, common)?;
    println!("{}", compared.table.plain());
    tables::write(
        &compared.table,
        &folder.join("tables"),
        "importance-correlation",
    )?;
    let figure = figures::importance(
        &common.task,
        compared.loss,
        &gradient.grid(),
        &compared.words,
        footer(common, gradient.n),
    );
    figure
        .render()?
        .write(&folder.join("figures"), "importance")?;
    Ok(compared.records)
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
