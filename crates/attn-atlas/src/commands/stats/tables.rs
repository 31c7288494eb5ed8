//! The tables of `attn stats`. Layers and heads count from 1.

use super::Measured;
use super::figures::{link_rows, shown};
use super::paper::Published;
use super::suite::features;
use crate::commands::sep_cls::head_table;
use crate::run::write_text;
use attn_core::{HeadGrid, Record};
use attn_figures::{Cell, Column, Table};
use attn_stats::{Estimate, StructureStatistic};
use std::path::{Path, PathBuf};

/// Writes all tables; gives back the Markdown files.
pub fn write(
    folder: &Path,
    measured: &[Measured],
    paper: &Published,
    footer: &str,
    records: &[Record],
) -> anyhow::Result<Vec<PathBuf>> {
    let tables = [
        ("figure-5-layers", cosine(measured, paper)),
        ("section-4.4-features", features_table(measured)),
        ("figure-7-cls-row", cls_row(measured, paper)),
        ("section-4.5-links", links(measured)),
        ("section-5-shared-words", shared(measured)),
        ("structure-layers", structure(measured)),
    ];
    let mut written = Vec::new();
    for (name, mut table) in tables {
        if table.rows.is_empty() {
            continue;
        }
        table.title = format!("{} ({footer})", table.title);
        let path = folder.join(format!("{name}.md"));
        write_text(&path, &table.markdown())?;
        write_text(&folder.join(format!("{name}.csv")), &table.csv())?;
        written.push(path);
    }
    write_text(&folder.join("heads.csv"), &head_table("", records).csv())?;
    for task in measured {
        let Some(table) = divergence(task) else {
            continue;
        };
        let name = format!("divergence-{}.csv", task.task);
        write_text(&folder.join(name), &table.csv())?;
    }
    Ok(written)
}

/// A head as people write it: `4-1`.
fn head_name(measured: &Measured, index: usize) -> String {
    let heads = measured.suite.heads.max(1);
    format!("{}-{}", index / heads + 1, index % heads + 1)
}

fn estimate(e: &Estimate, digits: usize) -> Cell {
    Cell::estimate(e.mean, e.interval, digits)
}

fn or_missing(e: Option<&Estimate>, digits: usize) -> Cell {
    e.map_or(Cell::Missing, |e| estimate(e, digits))
}

fn greatest(estimates: &[Estimate]) -> Option<(usize, &Estimate)> {
    let by_mean = |a: &(usize, &Estimate), b: &(usize, &Estimate)| a.1.mean.total_cmp(&b.1.mean);
    estimates.iter().enumerate().max_by(by_mean)
}

/// Layer means of a published grid.
fn layer_means(grid: Option<HeadGrid<f64>>) -> Vec<f64> {
    let Some(grid) = grid else { return Vec::new() };
    let heads = grid.heads().max(1);
    let mean = |layer: &[f64]| layer.iter().sum::<f64>() / heads as f64;
    grid.values().chunks(heads).map(mean).collect()
}

fn cosine(measured: &[Measured], paper: &Published) -> Table {
    let mut rows = Vec::new();
    for task in measured {
        let Some(layers) = task.suite.cosine.as_ref().and_then(|c| c.layers()) else {
            continue;
        };
        let theirs = layer_means(paper.cosine(&task.task));
        for layer in 0..layers.len().max(theirs.len()) {
            rows.push(vec![
                Cell::text(&task.task),
                Cell::text((layer + 1).to_string()),
                Cell::number(task.n as f64, 0),
                or_missing(layers.get(layer), 3),
                theirs
                    .get(layer)
                    .map_or(Cell::Missing, |&v| Cell::number(v, 3)),
            ]);
        }
        if let Some((changed, share)) = task.suite.cosine.as_ref().and_then(|c| c.most_changed(2)) {
            let mut order: Vec<usize> = (0..theirs.len()).collect();
            order.sort_by(|&a, &b| theirs[a].total_cmp(&theirs[b]));
            let names = |layers: &[usize]| {
                let names: Vec<String> = layers.iter().map(|l| (l + 1).to_string()).collect();
                names.join(" and ")
            };
            let paper = match order.get(..2) {
                Some(two) => Cell::text(names(two)),
                None => Cell::Missing,
            };
            rows.push(vec![
                Cell::text(&task.task),
                Cell::text("change most"),
                Cell::number(task.n as f64, 0),
                Cell::text(format!(
                    "{} (in {:.1} % of bootstrap samples)",
                    names(&changed),
                    share * 100.0
                )),
                paper,
            ]);
        }
    }
    Table {
        title: "Cosine similarity to the reference model's maps, mean over a layer's heads [95 % interval]".to_owned(),
        columns: vec![
            Column::text("task"),
            Column::text("layer"),
            Column::number("n"),
            Column::text("here"),
            Column::text("paper (bert-base-uncased)"),
        ],
        rows,
    }
}

fn features_table(measured: &[Measured]) -> Table {
    let mut rows = Vec::new();
    for task in measured {
        for name in features() {
            let attention = &task.suite.features;
            let Some(heads) = attention.heads(name) else {
                continue;
            };
            let Some((best, value)) = greatest(&heads) else {
                continue;
            };
            let differences = attention.head_differences(name).unwrap_or_default();
            let sure = |sign: f64| {
                let beyond = |e: &&Estimate| {
                    e.interval
                        .is_some_and(|(low, high)| low * sign > 0.0 && high * sign > 0.0)
                };
                differences.iter().filter(beyond).count()
            };
            let reference = attention.reference_heads(name).unwrap_or_default();
            let changed = match differences.is_empty() {
                true => [Cell::Missing, Cell::Missing],
                false => [1.0, -1.0].map(|sign| Cell::number(sure(sign) as f64, 0)),
            };
            let [more, less] = changed;
            rows.push(vec![
                Cell::text(&task.task),
                Cell::text(shown(name)),
                Cell::number(value.n as f64, 0),
                Cell::number(
                    heads.iter().map(|e| e.mean).sum::<f64>() / heads.len().max(1) as f64,
                    3,
                ),
                Cell::text(head_name(task, best)),
                estimate(value, 3),
                or_missing(reference.get(best), 3),
                or_missing(differences.get(best), 3),
                more,
                less,
            ]);
        }
    }
    Table {
        title: "Attention to features: mean over heads, the head that attends most, and heads whose 95 % interval of \
                the difference to the reference model excludes 0"
            .to_owned(),
        columns: vec![
            Column::text("task"),
            Column::text("feature"),
            Column::number("n"),
            Column::number("all heads"),
            Column::text("greatest head"),
            Column::number("its attention"),
            Column::number("reference"),
            Column::number("difference"),
            Column::number("heads with more"),
            Column::number("heads with less"),
        ],
        rows,
    }
}

fn cls_row(measured: &[Measured], paper: &Published) -> Table {
    let mut rows = Vec::new();
    for task in measured {
        for name in features() {
            let Some(layer) = task.suite.cls_row.layers(name) else {
                continue;
            };
            let theirs = paper
                .cls_row(&task.task, name)
                .map(|v| v.iter().sum::<f64>() / v.len().max(1) as f64);
            let differences = task.suite.cls_row.layer_differences(name);
            rows.push(vec![
                Cell::text(&task.task),
                Cell::text(shown(name)),
                Cell::number(layer.first().map_or(0.0, |e| e.n as f64), 0),
                or_missing(layer.first(), 3),
                or_missing(differences.as_ref().and_then(|d| d.first()), 3),
                theirs.map_or(Cell::Missing, |v| Cell::number(v, 3)),
            ]);
        }
    }
    Table {
        title: "What [CLS] attends to in the last layer, mean over its heads".to_owned(),
        columns: vec![
            Column::text("task"),
            Column::text("feature"),
            Column::number("n"),
            Column::number("here"),
            Column::number("less reference"),
            Column::number("paper"),
        ],
        rows,
    }
}

fn links(measured: &[Measured]) -> Table {
    let mut rows = Vec::new();
    for task in measured {
        for (kind, direction, name) in link_rows() {
            let links = &task.suite.links;
            let (Some((accuracy, sources)), Some(offset), Some(above)) = (
                links.accuracies(kind.name(), direction),
                links.best_offset(kind.name(), direction),
                links.above_best_offset(kind.name(), direction),
            ) else {
                continue;
            };
            let Some((best, value)) = greatest(&accuracy) else {
                continue;
            };
            let weight = links.link_means(kind.name(), direction);
            let at = |statistic| {
                let heads = task.suite.structures.heads(statistic).unwrap_or_default();
                heads.get(best).map_or(f64::NAN, |e| e.mean)
            };
            rows.push(vec![
                Cell::text(&task.task),
                Cell::text(name),
                Cell::number(value.n as f64, 0),
                Cell::number(sources as f64, 0),
                Cell::text(head_name(task, best)),
                estimate(value, 3),
                Cell::text(format!("{:+}", offset.offset)),
                estimate(&offset.accuracy, 3),
                or_missing(above.get(best), 3),
                or_missing(weight.as_ref().and_then(|w| w.get(best)), 3),
                Cell::number(at(StructureStatistic::Previous), 3),
                Cell::number(at(StructureStatistic::Next), 3),
            ]);
        }
    }
    Table {
        title:
            "Heads that find linked words most often, beside the best fixed offset over the same words"
                .to_owned(),
        columns: vec![
            Column::text("task"),
            Column::text("link"),
            Column::number("n"),
            Column::number("words"),
            Column::text("best head"),
            Column::number("accuracy"),
            Column::text("best offset"),
            Column::number("its accuracy"),
            Column::number("head less offset"),
            Column::number("head's link weight"),
            Column::number("head on previous"),
            Column::number("head on next"),
        ],
        rows,
    }
}

fn shared(measured: &[Measured]) -> Table {
    let mut rows = Vec::new();
    for task in measured {
        let shared = &task.suite.shared;
        let (Some(twins), Some(others), Some(differences)) =
            (shared.twins(), shared.others(), shared.differences())
        else {
            continue;
        };
        let mut order: Vec<usize> = (0..twins.len()).collect();
        order.sort_by(|&a, &b| differences[b].mean.total_cmp(&differences[a].mean));
        for head in order.into_iter().take(5) {
            rows.push(vec![
                Cell::text(&task.task),
                Cell::text(head_name(task, head)),
                Cell::number(twins[head].n as f64, 0),
                estimate(&twins[head], 3),
                estimate(&others[head], 3),
                estimate(&differences[head], 3),
            ]);
        }
    }
    Table {
        title: "Attention between words that occur in both sentences: the five heads that stand out most"
            .to_owned(),
        columns: vec![
            Column::text("task"),
            Column::text("head"),
            Column::number("n"),
            Column::number("between twins"),
            Column::number("between others"),
            Column::number("difference"),
        ],
        rows,
    }
}

fn structure(measured: &[Measured]) -> Table {
    let mut rows = Vec::new();
    for task in measured {
        let layers: Vec<Option<Vec<Estimate>>> = StructureStatistic::ALL
            .iter()
            .map(|&s| task.suite.structures.layers(s))
            .collect();
        let divergence = |estimates: Option<Vec<Estimate>>, layer: usize| -> Cell {
            let heads = task.suite.heads;
            let all = estimates.unwrap_or_default();
            let of_layer = all
                .get(layer * heads..(layer + 1) * heads)
                .unwrap_or_default();
            let sum: f64 = of_layer.iter().map(|e| e.mean).sum();
            Cell::number(sum / of_layer.len() as f64, 3)
        };
        for layer in 0..task.suite.layers {
            let mut row = vec![
                Cell::text(&task.task),
                Cell::number((layer + 1) as f64, 0),
                Cell::number(task.n as f64, 0),
            ];
            for estimates in &layers {
                row.push(or_missing(estimates.as_ref().and_then(|e| e.get(layer)), 3));
            }
            row.push(divergence(task.suite.divergence.within_layer(), layer));
            row.push(divergence(task.suite.divergence.across_layers(), layer));
            rows.push(row);
        }
    }
    let mut columns = vec![
        Column::text("task"),
        Column::number("layer"),
        Column::number("n"),
    ];
    columns.extend(["entropy", "previous", "next", "itself", "distance"].map(Column::number));
    columns.push(Column::number("divergence within layer"));
    columns.push(Column::number("across layers"));
    Table {
        title: "Structure of the maps, mean over a layer's heads: entropy and Jensen-Shannon divergence in nats, \
                distance in tokens"
            .to_owned(),
        columns,
        rows,
    }
}

/// All pairs of heads, for the CSV only.
fn divergence(task: &Measured) -> Option<Table> {
    let rows = task.suite.divergence.pairs()?.into_iter();
    Some(Table {
        title: String::new(),
        columns: vec![
            Column::text("task"),
            Column::text("head_a"),
            Column::text("head_b"),
            Column::number("jensen_shannon"),
            Column::number("n"),
        ],
        rows: rows
            .map(|((a, b), e)| {
                vec![
                    Cell::text(&task.task),
                    Cell::text(head_name(task, a)),
                    Cell::text(head_name(task, b)),
                    estimate(&e, 6),
                    Cell::number(e.n as f64, 0),
                ]
            })
            .collect(),
    })
}
