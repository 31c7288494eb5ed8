//! Tables of a sweep: every variant, and the paper's claims.

use super::LEVEL;
use super::claims::Claim;
use super::compare::{Scored, title};
use super::groups::Group;
use super::threshold::Criterion;
use crate::run::write_text;
use attn_figures::{Cell, Column, Table};
use attn_stats::paired::holm;
use std::path::{Path, PathBuf};

/// Writes a table as Markdown and CSV; gives the Markdown file.
///
/// # Errors
/// When a file cannot be written.
pub fn write(table: &Table, folder: &Path, name: &str) -> anyhow::Result<PathBuf> {
    let path = folder.join(format!("{name}.md"));
    write_text(&path, &table.markdown())?;
    write_text(&folder.join(format!("{name}.csv")), &table.csv())?;
    Ok(path)
}

/// A p-value: three decimals, four where it is small.
fn p_value(p: f64) -> Cell {
    Cell::number(p, if p < 0.01 { 4 } else { 3 })
}

/// Every variant under one metric, the baseline first.
pub fn variants(heading: &str, scored: &Scored) -> Table {
    let paired = scored
        .rows
        .first()
        .is_some_and(|r| r.comparison.mcnemar.is_some());
    let mut columns = vec![
        Column::text("disabled"),
        Column::number("heads"),
        Column::number(scored.criterion.words()),
        Column::number("difference"),
        Column::number("p"),
        Column::number("p, Holm"),
        Column::number("p, Benjamini–Hochberg"),
    ];
    if paired {
        columns.extend([Column::number("lost"), Column::number("gained")]);
    }
    columns.push(Column::number("n"));
    let mut rows = vec![vec![
        Cell::text("nothing"),
        Cell::number(0.0, 0),
        Cell::estimate(scored.baseline, scored.baseline_interval, 3),
    ]];
    if let Some(baseline) = rows.first_mut() {
        baseline.resize(columns.len() - 1, Cell::Missing);
        baseline.push(Cell::number(scored.n as f64, 0));
    }
    for row in &scored.rows {
        let c = &row.comparison;
        let mut cells = vec![
            Cell::text(title(&row.variant)),
            Cell::number(row.variant.intervention.heads.len() as f64, 0),
            Cell::estimate(c.score, c.interval, 3),
            Cell::estimate(c.difference, c.difference_interval, 3),
            p_value(c.p),
            p_value(c.holm),
            p_value(c.benjamini_hochberg),
        ];
        if paired {
            let (lost, gained) = c
                .mcnemar
                .map_or((f64::NAN, f64::NAN), |m| (m.lost as f64, m.gained as f64));
            cells.extend([Cell::number(lost, 0), Cell::number(gained, 0)]);
        }
        cells.push(Cell::number(scored.n as f64, 0));
        rows.push(cells);
    }
    Table {
        title: heading.to_owned(),
        columns,
        rows,
    }
}

/// Every variant by the metric as predicted, after refitting thresholds, and by what needs none. `None` without
/// refitted scores of the metric (a regression).
pub fn thresholds(heading: &str, plain: &Scored, others: &[Scored]) -> Option<Table> {
    let mut shown = vec![plain];
    let refitted = Criterion::Refitted(plain.metric);
    shown.push(others.iter().find(|s| s.criterion == refitted)?);
    let free = |s: &&Scored| matches!(s.criterion, Criterion::Auc | Criterion::LogLoss);
    shown.extend(others.iter().find(free));
    let mut columns = vec![Column::text("disabled")];
    let mut first = vec![Cell::text("nothing (the value itself)")];
    for scored in &shown {
        columns.push(Column::number(format!(
            "{}, difference",
            scored.criterion.words()
        )));
        columns.push(Column::number("p, Holm"));
        first.push(Cell::estimate(scored.baseline, scored.baseline_interval, 3));
        first.push(Cell::Missing);
    }
    columns.push(Column::number("n"));
    first.push(Cell::number(plain.n as f64, 0));
    let mut rows = vec![first];
    for (i, row) in plain.rows.iter().enumerate() {
        let mut cells = vec![Cell::text(title(&row.variant))];
        for c in shown
            .iter()
            .filter_map(|s| Some(&s.rows.get(i)?.comparison))
        {
            cells.push(Cell::estimate(c.difference, c.difference_interval, 3));
            cells.push(p_value(c.holm));
        }
        cells.push(Cell::number(plain.n as f64, 0));
        rows.push(cells);
    }
    Some(Table {
        title: heading.to_owned(),
        columns,
        rows,
    })
}

/// What remains significant when all sweeps of a run are one family: for each, differences that are significant
/// under Holm's correction over the sweep and over all sweeps together, as predicted and after refitting thresholds.
pub fn remaining(heading: &str, groups: &[Group]) -> Table {
    let views = |refitted: bool| -> Vec<&Group> {
        let all = groups.iter();
        all.map(|g| g.refitted.as_deref().filter(|_| refitted).unwrap_or(g))
            .collect()
    };
    let count = |group: &Group, corrected: &[f64]| {
        let kept = group.differences.iter().zip(corrected);
        let kept: Vec<_> = kept.filter(|(_, p)| **p < 1.0 - LEVEL).collect();
        let gains = kept.iter().filter(|(d, _)| d.value > 0.0).count();
        (kept.len(), gains)
    };
    let mut rows: Vec<Vec<Cell>> = groups
        .iter()
        .map(|g| {
            vec![
                Cell::text(&g.task),
                Cell::text(&g.metric),
                Cell::number(g.differences.len() as f64, 0),
            ]
        })
        .collect();
    for refitted in [false, true] {
        let shown = views(refitted);
        let together = over_all(&shown);
        for ((group, all), row) in shown.iter().zip(together).zip(&mut rows) {
            let own: Vec<f64> = group.differences.iter().map(|d| d.holm).collect();
            for corrected in [&own, &all] {
                let (kept, gains) = count(group, corrected);
                row.push(Cell::text(format!("{kept} ({gains} gains)")));
            }
        }
    }
    for (row, group) in rows.iter_mut().zip(groups) {
        row.push(Cell::number(group.n as f64, 0));
    }
    Table {
        title: heading.to_owned(),
        columns: vec![
            Column::text("task"),
            Column::text("score"),
            Column::number("tests"),
            Column::number("significant, Holm over the sweep"),
            Column::number("Holm over all tasks"),
            Column::number("threshold refitted: over the sweep"),
            Column::number("threshold refitted: over all tasks"),
            Column::number("n"),
        ],
        rows,
    }
}

/// The p-values of all differences of all groups, corrected together by Holm; one list a group.
pub fn over_all(groups: &[&Group]) -> Vec<Vec<f64>> {
    let all = groups
        .iter()
        .flat_map(|g| g.differences.iter().map(|d| d.p));
    let mut corrected = holm(&all.collect::<Vec<f64>>()).into_iter();
    let sizes = groups.iter().map(|g| g.differences.len());
    sizes
        .map(|n| corrected.by_ref().take(n).collect())
        .collect()
}

/// The paper's claims beside what was found; differences in points of a hundred.
pub fn claims(heading: &str, claims: &[Claim]) -> Table {
    let points = |share: f64| 100.0 * share;
    let rows = claims
        .iter()
        .map(|c| {
            let interval = c.interval.map(|(low, high)| (points(low), points(high)));
            let optional = |value: Option<f64>, digits| {
                value.map_or(Cell::Missing, |v| Cell::number(v, digits))
            };
            vec![
                Cell::text(&c.task),
                Cell::text(&c.claim),
                optional(c.paper, 1),
                Cell::text(&c.found),
                Cell::text(c.metric.name()),
                Cell::estimate(points(c.difference), interval, 1),
                p_value(c.p),
                c.holm.map_or(Cell::Missing, p_value),
                c.holm_all.map_or(Cell::Missing, p_value),
                Cell::text(c.verdict.words_at(c.n)),
                optional(c.smallest_significant.map(points), 1),
                optional(c.power, 2),
                Cell::number(c.n as f64, 0),
            ]
        })
        .collect();
    let columns = vec![
        Column::text("task"),
        Column::text("claim"),
        Column::number("paper").unit("points"),
        Column::text("here"),
        Column::text("score"),
        Column::number("difference").unit("points"),
        Column::number("p"),
        Column::number("p, Holm"),
        Column::number("p, Holm over all tasks"),
        Column::text("verdict"),
        Column::number("no smaller gain can be significant").unit("points"),
        Column::number("power for the paper's"),
        Column::number("n"),
    ];
    Table {
        title: heading.to_owned(),
        columns,
        rows,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ablation::claims::{About, claims as find};
    use crate::ablation::compare::tests::measured;
    use attn_core::Metric;

    #[test]
    fn tables_have_a_row_for_every_variant_and_claim() {
        let measured = measured(100, "head-1:0", "layer-0", 0.5);
        let scored = measured.score(&[Metric::F1, Metric::Accuracy], 7).unwrap();
        let [f1, accuracy] = [0, 1].map(|i| variants("t", &scored[i]));
        assert_eq!((f1.rows.len(), accuracy.rows.len()), (9, 9));
        assert_eq!((f1.columns.len(), accuracy.columns.len()), (8, 10));
        for table in [&f1, &accuracy] {
            assert!(table.rows.iter().all(|r| r.len() == table.columns.len()));
        }
        let text = accuracy.markdown();
        assert!(
            text.contains("| head 2-1 ") && text.contains("| layer 1 "),
            "{text}"
        );
        let free = measured
            .without_threshold(&[Metric::F1, Metric::Accuracy], 7)
            .unwrap();
        let table = thresholds("t", &scored[0], &free).unwrap();
        assert_eq!((table.rows.len(), table.columns.len()), (9, 8));
        assert!(table.rows.iter().all(|r| r.len() == table.columns.len()));
        assert!(thresholds("t", &scored[0], &[]).is_none());
        let about = About {
            model: "m",
            task: "RTE",
            mode: "uniform",
            seed: 7,
        };
        let found = find(&scored[1], about);
        let text = claims("c", &found).markdown();
        assert_eq!(found.len(), 4);
        assert!(
            text.contains("first layer") && text.contains("3.2"),
            "{text}"
        );
    }
}
