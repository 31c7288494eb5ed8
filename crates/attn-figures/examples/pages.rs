//! Writes the pages that the browser test opens: a view of the paper's grid (12 x 12 heads, 128
//! tokens, two models) and a report, both with text that would run if it could.
//!
//! `cargo run -p attn-figures --example pages -- FOLDER`
//!
//! The maps are drawn by a formula (a diagonal, a column and a band, mixed by layer and head), so
//! that the test needs no model.

use attn_core::{HeadGrid, HeadId, Manifest};
use attn_figures::claims::{ClaimNumber, Finding, PaperClaim, Verdict};
use attn_figures::report::{Block, Link, Report, ReportFigure, ReportTable, Section};
use attn_figures::view::{HeadEffects, HeadStatistic, HeadWord, ViewModel, ViewSpec, ViewToken};
use attn_figures::{Cell, Column, HeatmapSpec, Panel, Table};
use std::error::Error;
use std::path::Path;

const HOSTILE: &str = "<img src=x onerror=alert(1)></script><script>alert(2)</script>";
const LAYERS: usize = 12;
const HEADS: usize = 12;
const LENGTH: usize = 128;

/// A map whose rows add up to 1: mostly the token `offset` behind, the first token, and the rest.
fn map(id: HeadId, tilt: f32) -> Vec<f32> {
    let offset = id.head as isize - 6;
    let first = 0.6 * id.layer as f32 / LAYERS as f32 * tilt;
    let mut map = vec![0.0; LENGTH * LENGTH];
    for (query, row) in map.chunks_exact_mut(LENGTH).enumerate() {
        for (key, weight) in row.iter_mut().enumerate() {
            let near = (key as isize - query as isize - offset) as f32;
            *weight = (-near * near / 8.0).exp() + 0.002 * (1 + (query * key) % 5) as f32;
        }
        let sum: f32 = row.iter().sum();
        row.iter_mut().for_each(|w| *w *= (1.0 - first) / sum);
        row[0] += first;
    }
    map
}

fn view() -> Result<String, Box<dyn Error>> {
    let maps = |tilt: f32| -> Vec<f32> {
        (0..LAYERS * HEADS)
            .flat_map(|i| map(HeadId::new(i / HEADS, i % HEADS), tilt))
            .collect()
    };
    let (tuned, before) = (maps(1.0), maps(0.5));
    let model = |name: &str, role: &str, maps| ViewModel {
        name: name.into(),
        role: role.into(),
        maps,
    };
    let grid =
        |scale: f64| HeadGrid::from_fn(LAYERS, HEADS, |h| scale * (h.layer as f64 - h.head as f64));
    let spec = ViewSpec {
        title: format!("A view {HOSTILE}"),
        texts: vec![HOSTILE.into(), "A second text.".into()],
        tokens: (0..LENGTH)
            .map(|i| ViewToken {
                text: match i {
                    0 => "[CLS]".into(),
                    1 => HOSTILE.into(),
                    127 => "[SEP]".into(),
                    i => format!("word{i}"),
                },
                segment: u32::from(i > 64),
                special: i == 0 || i == 127,
            })
            .collect(),
        layers: LAYERS,
        heads: HEADS,
        models: vec![
            model("model", "fine-tuned", &tuned),
            model("before", "pre-trained", &before),
        ],
        statistics: vec![HeadStatistic {
            id: "slope".into(),
            name: "layer less head".into(),
            explanation: format!("A number to sort by. {HOSTILE}"),
            digits: 2,
            values: vec![grid(1.0), grid(0.5)],
        }],
        words: vec![HeadWord {
            name: "pattern".into(),
            values: vec![HeadGrid::from_fn(LAYERS, HEADS, |h| {
                if h.layer > 6 {
                    "vertical".into()
                } else {
                    "diagonal".into()
                }
            })],
        }],
        effects: Some(HeadEffects {
            mode: "uniform".into(),
            labels: vec!["no".into(), HOSTILE.into()],
            baseline: vec![0.0, 0.5],
            // Head 3-4 is the one that turns the prediction.
            heads: HeadGrid::from_fn(LAYERS, HEADS, |h| {
                vec![if h == HeadId::new(2, 3) { 1.0 } else { 0.1 }, 0.5]
            }),
        }),
        notes: vec![HOSTILE.into()],
        open: None,
    };
    Ok(spec.render()?.html)
}

fn report() -> Result<Report, Box<dyn Error>> {
    let figure = HeatmapSpec {
        title: format!("A figure {HOSTILE}"),
        panels: vec![Panel {
            title: HOSTILE.into(),
            grid: HeadGrid::from_fn(3, 4, |h| (h.layer * 4 + h.head) as f64 / 12.0),
            note: "n = 408".into(),
        }],
        value_label: "weight".into(),
        ..HeatmapSpec::default()
    };
    let number = ClaimNumber {
        name: "gain".into(),
        value: 1.2,
        unit: "percent".into(),
        task: Some("MRPC".into()),
    };
    let claim = |id: &str| PaperClaim {
        id: id.into(),
        section: "4.6".into(),
        place: "Figure 8".into(),
        statement: format!("A claim. {HOSTILE}"),
        numbers: vec![number.clone()],
    };
    let rows = (0..60).map(|i| {
        vec![
            Cell::text(if i == 7 {
                HOSTILE.to_owned()
            } else {
                format!("row {i}")
            }),
            Cell::number(f64::from((i * 37) % 60), 1),
        ]
    });
    let hostile_svg = "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"90\" height=\"30\" onload=\"alert(3)\"><script>alert(4)</script><rect width=\"90\" height=\"30\" fill=\"#cde\"/></svg>";
    Ok(Report {
        title: format!("A report {HOSTILE}"),
        text: vec![HOSTILE.into()],
        claims: vec![claim("a"), claim("b")],
        findings: vec![Finding {
            claim: "a".into(),
            model: "model".into(),
            task: Some("MRPC".into()),
            verdict: Verdict::Inconclusive,
            rule: HOSTILE.into(),
            finding: HOSTILE.into(),
            value: Some(0.5),
            ci_low: Some(-0.1),
            ci_high: Some(1.1),
            n: 408,
            seed: 42,
        }],
        sections: vec![Section {
            title: format!("A run {HOSTILE}"),
            blocks: vec![
                Block::Figure(ReportFigure {
                    name: "figure".into(),
                    svg: figure.render()?.svg,
                    links: vec![Link::file("figure.svg", "figures/figure.svg")],
                }),
                Block::Figure(ReportFigure {
                    name: "foreign".into(),
                    svg: hostile_svg.into(),
                    links: vec![],
                }),
                Block::Table(ReportTable {
                    name: "table".into(),
                    table: Table {
                        title: "A table".into(),
                        columns: vec![Column::text("name"), Column::number("value")],
                        rows: rows.collect(),
                    },
                    links: vec![Link::file("javascript", "javascript:alert(5)")],
                }),
            ],
            manifest: Some(Manifest {
                run: "run".into(),
                command: vec![HOSTILE.into()],
                config: serde_json::json!({ "x": HOSTILE }),
                inputs: Vec::new(),
                seeds: [("all".to_owned(), 42)].into(),
                versions: Default::default(),
                device: "flex 0".into(),
                threads: 2,
                seconds: Default::default(),
                git: None,
                outputs: Vec::new(),
                notes: vec![HOSTILE.into()],
            }),
            ..Section::default()
        }],
    })
}

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args().nth(1).ok_or("give a folder")?;
    let folder = Path::new(&folder);
    std::fs::create_dir_all(folder)?;
    std::fs::write(folder.join("view.html"), view()?)?;
    let report = report()?;
    std::fs::write(folder.join("report.html"), report.html())?;
    std::fs::write(folder.join("REPORT.md"), report.markdown())?;
    Ok(())
}
