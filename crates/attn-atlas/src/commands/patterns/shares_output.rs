//! Tables and figures of `attn patterns shares`.

use super::shares::Measured;
use super::write_text;
use attn_core::{HeadGrid, Pattern};
use attn_figures::{
    Arrangement, BarSeries, BarsSpec, Cell, ClassCell, ClassGridSpec, ClassPanel, Column, Table,
};
use attn_patterns::State;
use std::path::Path;

/// Figure 2 as published, in per cent, read off the picture's colours (about ±1.5): task, then the
/// classes in the order of [`Pattern::ALL`]. bert-base-uncased, fine-tuned on the task.
const PAPER: [(&str, [f64; 5]); 7] = [
    ("MRPC", [41.9, 7.4, 18.7, 4.4, 27.5]),
    ("STS-B", [28.7, 4.7, 7.4, 6.6, 52.6]),
    ("SST-2", [36.1, 6.1, 12.9, 4.4, 40.5]),
    ("QQP", [24.8, 7.4, 6.6, 3.3, 57.9]),
    ("RTE", [40.8, 6.3, 13.8, 4.1, 35.0]),
    ("QNLI", [33.9, 5.0, 23.1, 3.0, 35.0]),
    ("MNLI", [22.0, 5.0, 11.8, 3.3, 57.9]),
];

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
    let table = table(model, measured, seed);
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

fn dominant(model: &str, measured: &[Measured], seed: u64) -> ClassGridSpec {
    let mut panels = Vec::new();
    let mut row_names = Vec::new();
    let mut columns = 0;
    for state in [State::Pretrained, State::FineTuned] {
        let part: Vec<&Measured> = measured.iter().filter(|m| m.state == state).collect();
        // Rows of panels are only comparable when both have all tasks.
        if part.is_empty() {
            continue;
        }
        columns = columns.max(part.len());
        row_names.push(
            if state == State::Pretrained {
                "before"
            } else {
                "after"
            }
            .to_owned(),
        );
        for m in part {
            let cells = HeadGrid::from_values(m.grid.0, m.grid.1, dominant_cells(m));
            panels.extend(cells.map(|grid| ClassPanel {
                title: m.task.clone(),
                note: format!("n = {}", m.n),
                grid,
            }));
        }
    }
    let tasks = |state| measured.iter().filter(|m| m.state == state).count();
    if tasks(State::FineTuned) > 0 && tasks(State::FineTuned) != tasks(State::Pretrained) {
        row_names.clear();
        for (panel, m) in panels.iter_mut().zip(
            [State::Pretrained, State::FineTuned]
                .into_iter()
                .flat_map(|s| measured.iter().filter(move |m| m.state == s)),
        ) {
            panel.note = format!("{}, n = {}", m.state.name(), m.n);
        }
    }
    ClassGridSpec {
        title: "Each head's most frequent kind of map".to_owned(),
        subtitle: "Rows: layers. Columns: heads. Before and after fine-tuning on the task"
            .to_owned(),
        classes: titles(),
        panels,
        columns,
        row_names,
        footer: format!("model {model}; seed {seed}"),
    }
}

fn table(model: &str, measured: &[Measured], seed: u64) -> Table {
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
    for m in measured {
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
        let published = PAPER.iter().find(|(task, _)| *task == m.task);
        if let Some((_, shares)) = published.filter(|_| m.state == State::FineTuned) {
            let mut row = vec![
                Cell::text(&m.task),
                Cell::text("the paper: bert-base-uncased, fine-tuned"),
                Cell::text("≤ 1000"),
                Cell::text("as sorted"),
            ];
            row.extend(shares.map(|s| Cell::number(s, 1)));
            rows.push(row);
        }
    }
    Table {
        title: format!("Shares of the five kinds of map, {model} [95 % interval, seed {seed}]"),
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
