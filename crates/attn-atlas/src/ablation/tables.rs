//! Tables of a sweep: every variant, and the paper's claims.

use super::claims::Claim;
use super::compare::{Scored, title};
use crate::run::write_text;
use attn_figures::{Cell, Column, Table};
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
        Column::number(scored.metric.name()),
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
                Cell::text(c.verdict.words_at(c.n)),
                optional(c.least_detectable.map(points), 1),
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
        Column::text("verdict"),
        Column::number("least detectable").unit("points"),
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
