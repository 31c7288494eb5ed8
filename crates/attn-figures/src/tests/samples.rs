//! Synthetic figures of every kind: made up by formula, no measured data.

use crate::scene::Scene;
use crate::*;
use attn_core::{HeadGrid, HeadId};

/// A repeatable number between 0 and 1.
fn noise(seed: usize) -> f64 {
    let mut x = (seed as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0xD1B5_4A32_D192_ED03;
    x = (x ^ (x >> 31)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    ((x ^ (x >> 29)) >> 11) as f64 / (1u64 << 53) as f64
}

fn grid(layers: usize, heads: usize, seed: usize) -> HeadGrid<f64> {
    HeadGrid::from_fn(layers, heads, |HeadId { layer, head }| {
        let depth = (layer + 1) as f64 / layers as f64;
        (depth * 0.7 * noise(seed * 1000 + layer * heads + head) + 0.25 * noise(layer + seed))
            .powf(1.2)
    })
}

fn panel(title: &str, grid: HeadGrid<f64>) -> Panel {
    Panel {
        title: title.into(),
        grid,
        note: "n = 408".into(),
    }
}

pub fn figure_6(layers: usize, heads: usize) -> HeatmapSpec {
    HeatmapSpec {
        title: "Attention to [SEP] and [CLS] by head".into(),
        subtitle: "Per-task share of attention, averaged over input examples".into(),
        panels: ["MRPC", "RTE", "MRPC", "RTE"]
            .iter()
            .enumerate()
            .map(|(i, t)| panel(t, grid(layers, heads, i)))
            .collect(),
        columns: Some(2),
        row_names: vec!["[SEP]".into(), "[CLS]".into()],
        value_label: "attention weight (share)".into(),
        footer: "model all-MiniLM-L6-v2 · tasks MRPC, RTE · n = 408, 277 · seed 42 · reading paper"
            .into(),
        ..Default::default()
    }
}

fn seven(annotate: bool) -> HeatmapSpec {
    let tasks = ["MRPC", "STS-B", "SST-2", "QQP", "RTE", "QNLI", "MNLI"];
    HeatmapSpec {
        title: "Cosine similarity between pre-trained and fine-tuned self-attention maps".into(),
        panels: tasks
            .iter()
            .enumerate()
            .map(|(i, t)| panel(t, grid(12, 12, i).map(|v| 1.0 - 0.4 * v)))
            .collect(),
        value_label: "cosine similarity".into(),
        annotate,
        footer: "model bert-base-uncased · 7 tasks · seeds 1–5 · dev".into(),
        ..Default::default()
    }
}

fn single(layers: usize, heads: usize, title: &str) -> HeatmapSpec {
    HeatmapSpec {
        title: title.into(),
        panels: vec![panel("", grid(layers, heads, 9))],
        value_label: "attention weight (share)".into(),
        annotate: true,
        footer: "model m · task t · n = 12 · seed 0 · mode uniform".into(),
        ..Default::default()
    }
}

fn differences() -> HeatmapSpec {
    let mut grid = grid(12, 12, 3).map(|v| (v - 0.3) * 4.1);
    for i in [5, 17, 90] {
        grid.values_mut()[i] = f64::NAN;
    }
    HeatmapSpec {
        title: "Change of MRPC's F1 when one head is switched off".into(),
        panels: vec![panel("", grid)],
        value_label: "difference in F1 (percentage points)".into(),
        diverging: true,
        annotate: true,
        footer: "mode uniform".into(),
        ..Default::default()
    }
}

fn own_scales() -> HeatmapSpec {
    HeatmapSpec {
        scale: ScaleMode::PerPanel,
        panels: vec![
            panel(
                "A long panel title that does not fit on one line at all, with an Unbreakablewordthatgoesonandonandonandonforever",
                grid(6, 12, 1),
            ),
            panel("Small", grid(6, 12, 2).map(|v| v * 0.004)),
            panel("Other shape", grid(3, 4, 2).map(|v| v * 100.0)),
        ],
        ..single(1, 1, "Own scales")
    }
}

pub fn attention(tokens: &[&str]) -> AttentionMapSpec {
    let tokens: Vec<String> = tokens.iter().map(|t| (*t).to_owned()).collect();
    attention_spec("", &[("", tokens, 0)])
}

fn attention_spec(title: &str, maps: &[(&str, Vec<String>, usize)]) -> AttentionMapSpec {
    let map = |(title, tokens, kind): &(&str, Vec<String>, usize)| {
        let length = tokens.len();
        let weight = |i: usize| {
            let (q, k) = (i / length, i % length);
            match kind {
                0 => {
                    if k == 0 || k + 1 == length {
                        0.4
                    } else {
                        noise(i) * 0.1
                    }
                }
                1 => (-((q as f64) - (k as f64) + 1.0).powi(2)).exp() * 0.9,
                2 => {
                    if (q * 2 < length) == (k * 2 < length) {
                        1.5 / length as f64 + noise(i) * 0.05
                    } else {
                        0.01
                    }
                }
                _ => noise(i) * 0.3,
            }
        };
        AttentionMap {
            title: (*title).into(),
            tokens: tokens.clone(),
            weights: (0..length * length).map(weight).collect(),
            note: String::new(),
        }
    };
    AttentionMapSpec {
        title: title.into(),
        maps: maps.iter().map(map).collect(),
        footer: "model m · layer 3, head 5".into(),
        ..Default::default()
    }
}

fn words(count: usize) -> Vec<String> {
    let list = [
        "[CLS]",
        "the",
        "un",
        "##believ",
        "##able",
        "story",
        "of",
        "Donaudampfschifffahrtsgesellschaft",
        "was",
        "told",
        "<b>",
        "again",
        ".",
        "[SEP]",
    ];
    (0..count)
        .map(|i| list[i % list.len()].to_owned())
        .collect()
}

pub fn figure_9() -> BarsSpec {
    let value = |i: usize| 0.80 + 0.08 * noise(i);
    let mut series = BarSeries {
        name: "one layer switched off".into(),
        values: (0..12).map(value).collect(),
        intervals: (0..12)
            .map(|i| Some((value(i) - 0.015, value(i) + 0.02)))
            .collect(),
    };
    series.values[4] = f64::NAN;
    BarsSpec {
        title: "Performance on MRPC with one layer switched off".into(),
        categories: (1..=12).map(|i| i.to_string()).collect(),
        series: vec![series],
        baseline: Some(Baseline {
            name: "all heads".into(),
            value: 0.868,
        }),
        x_label: "Layer".into(),
        y_label: "F1".into(),
        range: Some((0.7, 0.92)),
        footer: "model m · n = 408 · seed 42 · mode uniform".into(),
        ..Default::default()
    }
}

fn figure_2() -> BarsSpec {
    let kinds = [
        "vertical",
        "diagonal",
        "vertical + diagonal",
        "block",
        "heterogeneous",
    ];
    let tasks = ["MRPC", "STS-B", "SST-2", "QQP", "RTE", "QNLI", "MNLI"];
    let raw = |k: usize, t: usize| 0.1 + noise(k * 31 + t);
    let total = |t: usize| (0..5).map(|k| raw(k, t)).sum::<f64>();
    BarsSpec {
        title: "Attention patterns by task".into(),
        subtitle: "Share of self-attention maps sorted into each of five patterns".into(),
        categories: tasks.iter().map(|t| (*t).into()).collect(),
        series: kinds
            .iter()
            .enumerate()
            .map(|(k, name)| BarSeries {
                name: (*name).into(),
                values: (0..7).map(|t| raw(k, t) / total(t)).collect(),
                intervals: Vec::new(),
            })
            .collect(),
        arrangement: Arrangement::Stacked,
        y_label: "share of maps".into(),
        percent: true,
        footer: "classifier accuracy 0.99 · seed 42".into(),
        ..Default::default()
    }
}

fn grouped() -> BarsSpec {
    let mut spec = BarsSpec {
        arrangement: Arrangement::Grouped,
        percent: false,
        range: None,
        ..figure_2()
    };
    spec.categories = (1..=7)
        .map(|i| format!("A very long category name, number {i}"))
        .collect();
    for (s, series) in spec.series.iter_mut().enumerate() {
        series.values.iter_mut().for_each(|v| *v -= 0.15);
        series.intervals = series
            .values
            .iter()
            .map(|&v| Some((v - 0.02, v + 0.01 * s as f64)))
            .collect();
    }
    spec
}

fn lines() -> LinesSpec {
    let series = |name: &str, k: usize| {
        let y = |i: usize| {
            0.2 + 0.7 * (-(i as f64) / (8.0 + 4.0 * k as f64)).exp() + 0.02 * noise(i + 77 * k)
        };
        LineSeries {
            name: name.into(),
            points: (0..30)
                .map(|i| {
                    (
                        (i * 100) as f64,
                        if i == 12 && k == 1 { f64::NAN } else { y(i) },
                    )
                })
                .collect(),
            band: (0..30).map(|i| Some((y(i) - 0.03, y(i) + 0.04))).collect(),
        }
    };
    LinesSpec {
        title: "Training loss".into(),
        series: vec![series("MRPC", 0), series("RTE", 1), series("STS-B", 3)],
        x_label: "step".into(),
        y_label: "loss (nats)".into(),
        footer: "5 seeds, 95 % band".into(),
        ..Default::default()
    }
}

fn forest() -> ForestSpec {
    let rows = (0..14)
        .map(|i| {
            let estimate = if i == 5 {
                f64::NAN
            } else {
                (noise(i + 5) - 0.5) * 0.08
            };
            ForestRow {
                label: if i == 3 {
                    "A row with quite a long label that has to be cut somewhere".into()
                } else {
                    format!("head {}-{}", i / 3 + 1, i % 12 + 1)
                },
                estimate,
                interval: (i != 7).then_some((estimate - 0.018, estimate + 0.021)),
                heading: (i % 7 == 0).then(|| {
                    ["STS-B (mean of Pearson and Spearman), n = 1500", "RTE"][i / 7].to_owned()
                }),
            }
        })
        .collect();
    ForestSpec {
        title: "Difference in F1 after switching one head off".into(),
        subtitle: "Paired bootstrap over examples, 95 % intervals".into(),
        rows,
        x_label: "difference in F1".into(),
        left_label: "head helps".into(),
        right_label: "better without".into(),
        footer: "model m · n = 408 · seed 42 · mode uniform".into(),
        ..Default::default()
    }
}

/// Every kind of figure in the sizes that occur.
pub fn all_scenes() -> Vec<(String, Result<Scene, FigureError>)> {
    let long = "An exceedingly long title that goes on about attention heads, layers, tasks and everything else until it must be wrapped, Donaudampfschifffahrtsgesellschaftskapitänsmützenabzeichen included";
    let mut out = vec![
        ("figure 6 6x12".to_owned(), figure_6(6, 12).scene()),
        ("figure 6 12x12".to_owned(), figure_6(12, 12).scene()),
        ("figure 5".to_owned(), seven(false).scene()),
        ("figure 5 annotated".to_owned(), seven(true).scene()),
        ("differences".to_owned(), differences().scene()),
        ("own scales".to_owned(), own_scales().scene()),
        ("figure 9".to_owned(), figure_9().scene()),
        ("figure 2".to_owned(), figure_2().scene()),
        ("grouped".to_owned(), grouped().scene()),
        ("lines".to_owned(), lines().scene()),
        ("forest".to_owned(), forest().scene()),
    ];
    for (layers, heads) in [
        (1, 1),
        (2, 2),
        (6, 12),
        (12, 12),
        (24, 16),
        (1, 12),
        (12, 1),
    ] {
        out.push((
            format!("grid {layers}x{heads}"),
            single(layers, heads, long).scene(),
        ));
    }
    for length in [1, 2, 14, 40, 128] {
        out.push((
            format!("map {length}"),
            attention_spec(long, &[("", words(length), 3)]).scene(),
        ));
    }
    let five = [
        "Vertical",
        "Diagonal",
        "Block",
        "Heterogeneous",
        "Vertical again",
    ];
    let maps: Vec<_> = five
        .iter()
        .enumerate()
        .map(|(i, t)| (*t, words(14), i % 4))
        .collect();
    out.push((
        "figure 1".to_owned(),
        attention_spec("Typical self-attention patterns", &maps).scene(),
    ));
    out
}
