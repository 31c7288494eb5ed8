//! Tables and figures of `attn patterns shares`.

use super::shares::Measured;
use super::{shares_findings, write_text};
use anyhow::Context;
use attn_core::{HeadGrid, Pattern};
use attn_figures::{
    Arrangement, BarSeries, BarsSpec, Cell, ClassCell, ClassGridSpec, ClassPanel, Column, Table,
};
use attn_patterns::State;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::Path;

/// Figure 2 as published: bert-base-uncased, fine-tuned on the task.
const PAPER: &str = include_str!("../../../../../results/paper/figure-2.json");

/// The published figure.
#[derive(Debug, Deserialize)]
pub struct Paper {
    /// By task.
    pub shares: Vec<PaperShares>,
}

/// Its shares of one task, in per cent.
#[derive(Debug, Deserialize)]
pub struct PaperShares {
    /// The task.
    pub task: String,
    /// By pattern.
    #[serde(flatten)]
    pub percent: BTreeMap<Pattern, f64>,
}

/// Reads the published figure.
///
/// # Errors
/// A broken file.
pub fn paper() -> anyhow::Result<Paper> {
    serde_json::from_str(PAPER).context("results/paper/figure-2.json")
}

fn titles() -> Vec<String> {
    Pattern::ALL.iter().map(|p| p.title().to_owned()).collect()
}

/// Writes everything that is read by people.
///
/// # Errors
/// A figure that cannot be drawn, a file that cannot be written.
pub fn write(folder: &Path, model: &str, measured: &[Measured], seed: u64) -> anyhow::Result<()> {
    let figures = folder.join("figures");
    for state in [State::Pretrained, State::FineTuned] {
        let part: Vec<&Measured> = measured.iter().filter(|m| m.state == state).collect();
        if part.is_empty() {
            continue;
        }
        let name = state.name();
        stacked(model, state, &part, seed)
            .render()?
            .write(&figures, &format!("figure-2-{name}"))?;
        // A picture of nothing cannot be drawn: the tables say what is not corrected.
        if part.iter().any(|m| m.corrected.is_some()) {
            grouped(model, state, &part, seed)
                .render()?
                .write(&figures, &format!("figure-2-{name}-corrected"))?;
        }
    }
    dominant(model, measured, seed)
        .render()?
        .write(&figures, "dominant-classes")?;
    let table = table(model, measured, &paper()?, seed);
    write_text(&folder.join("tables/figure-2.md"), &table.markdown())?;
    write_text(&folder.join("tables/figure-2.csv"), &table.csv())?;
    let moved = shares_findings::change_table(model, measured, seed);
    write_text(
        &folder.join("tables/figure-2-changes.md"),
        &moved.markdown(),
    )?;
    write_text(&folder.join("tables/figure-2-changes.csv"), &moved.csv())?;
    let changes = changes(measured);
    write_text(&folder.join("tables/changes.md"), &changes.markdown())?;
    write_text(&folder.join("tables/changes.csv"), &changes.csv())?;
    print!("{}", table.markdown());
    Ok(())
}

/// A state in words.
pub fn words(state: State) -> &'static str {
    match state {
        State::Pretrained => "not fine-tuned",
        State::FineTuned => "fine-tuned on each task",
    }
}

fn footer(model: &str, part: &[&Measured], seed: u64) -> String {
    let n: Vec<String> = part.iter().map(|m| format!("{} {}", m.task, m.n)).collect();
    let split = part.first().map_or("", |m| m.split.as_str());
    format!(
        "model {model}; {split} examples: {}; seed {seed}; after Kovaleva et al. 2019, Figure 2",
        n.join(", ")
    )
}

fn series(part: &[&Measured], corrected: bool) -> Vec<BarSeries> {
    Pattern::ALL
        .iter()
        .map(|p| {
            let of = |m: &&Measured| match (corrected, &m.corrected) {
                (false, _) => Some(m.plain[p.index()]),
                (true, Some(corrected)) => Some(corrected.estimates()[p.index()]),
                (true, None) => None,
            };
            BarSeries {
                name: p.title().to_owned(),
                // A bar that is not finite is drawn as missing.
                values: part
                    .iter()
                    .map(|m| of(m).map_or(f64::NAN, |e| e.mean))
                    .collect(),
                intervals: part.iter().map(|m| of(m)?.interval).collect(),
            }
        })
        .collect()
}

fn stacked(model: &str, state: State, part: &[&Measured], seed: u64) -> BarsSpec {
    BarsSpec {
        title: "Proportions of the five attention patterns".to_owned(),
        subtitle: format!(
            "As the network sorts them, over all heads and examples; {}",
            words(state)
        ),
        categories: part.iter().map(|m| m.task.clone()).collect(),
        series: series(part, false),
        arrangement: Arrangement::Stacked,
        x_label: "Task".to_owned(),
        y_label: "Proportion of maps".to_owned(),
        range: Some((0.0, 1.0)),
        percent: true,
        footer: footer(model, part, seed),
        ..BarsSpec::default()
    }
}

fn grouped(model: &str, state: State, part: &[&Measured], seed: u64) -> BarsSpec {
    BarsSpec {
        title: "Proportions of the five attention patterns, corrected".to_owned(),
        subtitle: format!(
            "Adjusted classify-and-count with error rates by state and input; 95 % intervals over examples and labelled maps; {}",
            words(state)
        ),
        categories: part.iter().map(|m| m.task.clone()).collect(),
        series: series(part, true),
        arrangement: Arrangement::Grouped,
        x_label: "Task".to_owned(),
        y_label: "Proportion of maps".to_owned(),
        percent: true,
        footer: footer(model, part, seed),
        ..BarsSpec::default()
    }
}

/// A head's most frequent class.
fn dominant_cells(m: &Measured) -> Vec<ClassCell> {
    m.heads
        .iter()
        .map(|shares| {
            let mut best = ClassCell {
                class: 0,
                share: shares[0].mean,
            };
            for (class, share) in shares.iter().enumerate() {
                if share.mean > best.share {
                    best = ClassCell {
                        class,
                        share: share.mean,
                    };
                }
            }
            best
        })
        .collect()
}

/// Tasks with both states stand one above the other; without fine-tuned states, all tasks.
fn dominant(model: &str, measured: &[Measured], seed: u64) -> ClassGridSpec {
    let of =
        |state: State, task: &str| measured.iter().find(|m| m.state == state && m.task == task);
    let before: Vec<&Measured> = measured
        .iter()
        .filter(|m| m.state == State::Pretrained)
        .collect();
    let pairs: Vec<(&Measured, &Measured)> = before
        .iter()
        .filter_map(|m| Some((*m, of(State::FineTuned, &m.task)?)))
        .collect();
    let (rows, row_names): (Vec<Vec<&Measured>>, Vec<String>) = if pairs.is_empty() {
        (vec![before], Vec::new())
    } else {
        let (above, below) = pairs.into_iter().unzip();
        (
            vec![above, below],
            ["before", "after"].map(str::to_owned).to_vec(),
        )
    };
    let panel = |m: &&Measured| {
        let grid = HeadGrid::from_values(m.grid.0, m.grid.1, dominant_cells(m))?;
        Some(ClassPanel {
            title: m.task.clone(),
            note: format!("n = {}", m.n),
            grid,
        })
    };
    ClassGridSpec {
        title: "Each head's most frequent kind of map".to_owned(),
        subtitle: if row_names.is_empty() {
            "Rows: layers. Columns: heads. Not fine-tuned".to_owned()
        } else {
            "Rows: layers. Columns: heads. Before and after fine-tuning on the task".to_owned()
        },
        classes: titles(),
        columns: rows.first().map_or(1, Vec::len),
        panels: rows.iter().flatten().filter_map(panel).collect(),
        row_names,
        footer: format!("model {model}; seed {seed}"),
    }
}

fn table(model: &str, measured: &[Measured], paper: &Paper, seed: u64) -> Table {
    let mut columns = vec![
        Column::text("task"),
        Column::text("state"),
        Column::number("n"),
        Column::text("proportions"),
    ];
    columns.extend(titles().into_iter().map(|t| Column::number(t).unit("%")));
    let percent = |e: attn_stats::Estimate| {
        Cell::estimate(
            e.mean * 100.0,
            e.interval.map(|i| (i.0 * 100.0, i.1 * 100.0)),
            1,
        )
    };
    let mut rows = Vec::new();
    for (index, m) in measured.iter().enumerate() {
        // The paper's row comes after the last of ours for the task.
        let last = measured
            .get(index + 1)
            .is_none_or(|next| next.task != m.task);
        let corrected = m.corrected.as_ref().map(|c| c.estimates());
        for (name, shares) in [("as sorted", Some(m.plain)), ("corrected", corrected)] {
            let mut row = vec![
                Cell::text(&m.task),
                Cell::text(m.state.name()),
                Cell::number(m.n as f64, 0),
                Cell::text(name),
            ];
            row.extend(
                (0..Pattern::ALL.len())
                    .map(|i| shares.map_or(Cell::Missing, |shares| percent(shares[i]))),
            );
            rows.push(row);
        }
        let published = paper.shares.iter().find(|p| p.task == m.task);
        if let Some(shares) = published.filter(|_| last) {
            let mut row = vec![
                Cell::text(&m.task),
                Cell::text("the paper: bert-base-uncased, fine-tuned"),
                Cell::text("≤ 1000"),
                Cell::text("as sorted"),
            ];
            row.extend(Pattern::ALL.map(|p| {
                let share = shares.percent.get(&p).copied();
                share.map_or(Cell::text("-"), |s| Cell::number(s, 1))
            }));
            rows.push(row);
        }
    }
    Table {
        title: format!(
            "Proportions of the five patterns, {model} [95 % interval over examples, corrected also over labelled maps; seed {seed}]; –: no labelled maps of this state and kind of input"
        ),
        columns,
        rows,
    }
}

/// How many heads change their most frequent class by fine-tuning, and from what to what.
fn changes(measured: &[Measured]) -> Table {
    let mut rows = Vec::new();
    for after in measured.iter().filter(|m| m.state == State::FineTuned) {
        let same = |m: &&Measured| m.state == State::Pretrained && m.task == after.task;
        let Some(before) = measured.iter().find(same) else {
            continue;
        };
        let mut moves = std::collections::BTreeMap::new();
        let cells = dominant_cells(before)
            .into_iter()
            .zip(dominant_cells(after));
        for (a, b) in cells.filter(|(a, b)| a.class != b.class) {
            *moves.entry((a.class, b.class)).or_insert(0usize) += 1;
        }
        let mut moves: Vec<_> = moves.into_iter().collect();
        moves.sort_by_key(|(classes, n)| (usize::MAX - n, *classes));
        let total: usize = moves.iter().map(|m| m.1).sum();
        let name = |c: usize| Pattern::ALL.get(c).map_or("", |p| p.title());
        let told: Vec<String> = moves
            .iter()
            .map(|((a, b), n)| format!("{n} {} → {}", name(*a), name(*b)))
            .collect();
        rows.push(vec![
            Cell::text(&after.task),
            Cell::number(after.heads.len() as f64, 0),
            Cell::number(total as f64, 0),
            Cell::text(told.join("; ")),
        ]);
    }
    Table {
        title: "Heads whose most frequent kind of map changes by fine-tuning".to_owned(),
        columns: vec![
            Column::text("task"),
            Column::number("heads"),
            Column::number("changed"),
            Column::text("from → to"),
        ],
        rows,
    }
}
