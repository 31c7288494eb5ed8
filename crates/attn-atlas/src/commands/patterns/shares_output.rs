//! Tables and figures of `attn patterns shares`.

use super::shares::Measured;
use super::write_text;
use anyhow::Context;
use attn_core::{Finding, HeadGrid, Pattern, Verdict};
use attn_figures::{
    Arrangement, BarSeries, BarsSpec, Cell, ClassCell, ClassGridSpec, ClassPanel, Column, Table,
};
use attn_patterns::State;
use attn_stats::verdict::within;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::Path;

/// Figure 2 as published: bert-base-uncased, fine-tuned on the task.
const PAPER: &str = include_str!("../../../../../results/paper/figure-2.json");

/// The published figure.
#[derive(Debug, Deserialize)]
struct Paper {
    shares: Vec<PaperShares>,
}

/// Its shares of one task, in per cent.
#[derive(Debug, Deserialize)]
struct PaperShares {
    task: String,
    #[serde(flatten)]
    percent: BTreeMap<Pattern, f64>,
}

/// Reads the published figure.
fn paper() -> anyhow::Result<Paper> {
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
        grouped(model, state, &part, seed)
            .render()?
            .write(&figures, &format!("figure-2-{name}-corrected"))?;
    }
    dominant(model, measured, seed)
        .render()?
        .write(&figures, "dominant-classes")?;
    let table = table(model, measured, &paper()?, seed);
    write_text(&folder.join("tables/figure-2.md"), &table.markdown())?;
    write_text(&folder.join("tables/figure-2.csv"), &table.csv())?;
    let changes = changes(measured);
    write_text(&folder.join("tables/changes.md"), &changes.markdown())?;
    write_text(&folder.join("tables/changes.csv"), &changes.csv())?;
    print!("{}", table.markdown());
    Ok(())
}

fn words(state: State) -> &'static str {
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
            let of = |m: &&Measured| {
                let shares = if corrected { m.corrected } else { m.plain };
                shares[p.index()]
            };
            BarSeries {
                name: p.title().to_owned(),
                values: part.iter().map(|m| of(m).mean).collect(),
                intervals: part.iter().map(|m| of(m).interval).collect(),
            }
        })
        .collect()
}

fn stacked(model: &str, state: State, part: &[&Measured], seed: u64) -> BarsSpec {
    BarsSpec {
        title: "Shares of the five kinds of attention map".to_owned(),
        subtitle: format!(
            "As the network sorts them, over all heads and examples; {}",
            words(state)
        ),
        categories: part.iter().map(|m| m.task.clone()).collect(),
        series: series(part, false),
        arrangement: Arrangement::Stacked,
        x_label: "Task".to_owned(),
        y_label: "Share of maps".to_owned(),
        range: Some((0.0, 1.0)),
        percent: true,
        footer: footer(model, part, seed),
        ..BarsSpec::default()
    }
}

fn grouped(model: &str, state: State, part: &[&Measured], seed: u64) -> BarsSpec {
    BarsSpec {
        title: "Shares of the five kinds of attention map, corrected".to_owned(),
        subtitle: format!(
            "Corrected for the network's errors; 95 % intervals over examples and over those errors; {}",
            words(state)
        ),
        categories: part.iter().map(|m| m.task.clone()).collect(),
        series: series(part, true),
        arrangement: Arrangement::Grouped,
        x_label: "Task".to_owned(),
        y_label: "Share of maps".to_owned(),
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
        Column::text("shares"),
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
        for (name, shares) in [("as sorted", m.plain), ("corrected", m.corrected)] {
            let mut row = vec![
                Cell::text(&m.task),
                Cell::text(m.state.name()),
                Cell::number(m.n as f64, 0),
                Cell::text(name),
            ];
            row.extend(shares.map(percent));
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
        title: format!("Shares of the five kinds of map, {model} [95 % interval, seed {seed}]"),
        columns,
        rows,
    }
}

/// "At most a third to three fifths": up to 61 per cent in the paper's text.
const MOST: f64 = 0.61;

/// What the measured shares say about the paper's claims.
///
/// # Errors
/// A broken file of the paper's numbers.
pub fn findings(model: &str, measured: &[Measured], seed: u64) -> anyhow::Result<Vec<Finding>> {
    let paper = paper()?;
    let mut findings = Vec::new();
    // The paper's maps are of fine-tuned models; without any, those before say what they can.
    let tuned = measured.iter().any(|m| m.state == State::FineTuned);
    let state = if tuned {
        State::FineTuned
    } else {
        State::Pretrained
    };
    let chosen = || measured.iter().filter(|m| m.state == state);
    for m in chosen() {
        let share = m.corrected[Pattern::Heterogeneous.index()];
        let published = paper.shares.iter().find(|p| p.task == m.task);
        let published = published.and_then(|p| p.percent.get(&Pattern::Heterogeneous));
        findings.push(Finding {
            claim: "heterogeneous-share".to_owned(),
            model: model.to_owned(),
            task: Some(m.task.clone()),
            verdict: within(&share, 0.0, MOST),
            rule: format!("the 95 % interval lies below {MOST}; above it contradicts"),
            finding: format!(
                "{:.1} % of the maps ({}) are heterogeneous, corrected for the network's errors; {} in the paper's Figure 2",
                share.mean * 100.0,
                words(m.state),
                published.map_or("not given".to_owned(), |p| format!("{p:.1} %")),
            ),
            value: Some(share.mean),
            ci_low: share.interval.map(|i| i.0),
            ci_high: share.interval.map(|i| i.1),
            n: m.n,
            seed,
        });
    }
    let everywhere =
        |p: Pattern| chosen().all(|m| m.corrected[p.index()].interval.is_some_and(|i| i.0 > 0.001));
    let found: Vec<&str> = Pattern::ALL
        .into_iter()
        .filter(|p| everywhere(*p))
        .map(Pattern::title)
        .collect();
    findings.push(Finding {
        claim: "five-patterns".to_owned(),
        model: model.to_owned(),
        task: None,
        verdict: if found.len() == Pattern::ALL.len() { Verdict::Holds } else { Verdict::Inconclusive },
        rule: "all five are found in every task, each by the lower end of its interval".to_owned(),
        finding: format!(
            "kinds of which more than one map in a thousand is found in every task, by the lower end of the interval: {}",
            found.join(", ")
        ),
        value: Some(found.len() as f64),
        ci_low: None,
        ci_high: None,
        n: chosen().map(|m| m.n).sum(),
        seed,
    });
    Ok(findings)
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
