//! Records, table and figures of `attn framenet score`.

use super::{Scored, Sentence};
use crate::commands::stats::paper::PublishedFrameNet;
use crate::forward::forward_all;
use crate::model::LoadedModel;
use crate::progress::Progress;
use anyhow::Context;
use attn_bert::Want;
use attn_core::{HeadGrid, Record};
use attn_data::tokenise::Encoding;
use attn_figures::{AttentionMap, AttentionMapSpec, Cell, Column, HeatmapSpec, Panel, Table};
use attn_stats::MapsView;

pub(super) fn records(blank: &Record, results: &[Scored], heads: usize) -> Vec<Record> {
    let mut records = Vec::new();
    for scored in results {
        let n = scored.null.n;
        let place = |i: usize| (Some(i / heads.max(1)), Some(i % heads.max(1)));
        let mut push = |metric: String, (layer, head), value, interval: Option<(f64, f64)>| {
            records.push(Record {
                layer,
                head,
                metric,
                value,
                n,
                ci_low: interval.map(|i| i.0),
                ci_high: interval.map(|i| i.1),
                ..blank.clone()
            });
        };
        let name = scored.name;
        for (i, e) in scored.heads.iter().enumerate() {
            push(name.to_owned(), place(i), e.mean, e.interval);
        }
        for (i, &p) in scored.null.p_head.iter().enumerate() {
            push(format!("{name}_shuffled_p"), place(i), p, None);
        }
        for (i, &p) in scored.null.p_any.iter().enumerate() {
            push(format!("{name}_shuffled_p_any_head"), place(i), p, None);
        }
        for (i, &mean) in scored.null.shuffled_mean.iter().enumerate() {
            push(format!("{name}_shuffled_mean"), place(i), mean, None);
        }
        let whole = (None, None);
        push(
            format!("{name}_99th_percentile"),
            whole,
            scored.null.threshold,
            None,
        );
        let (mean, low, high) = scored.null.shuffled_above;
        push(
            format!("{name}_heads_above"),
            whole,
            scored.null.above.len() as f64,
            None,
        );
        push(
            format!("{name}_shuffled_heads_above"),
            whole,
            mean,
            Some((low, high)),
        );
    }
    records
}

pub(super) fn grid_figure(
    model: &LoadedModel,
    results: &[Scored],
    footer: &str,
) -> anyhow::Result<HeatmapSpec> {
    let (layers, heads) = (model.encoder.layers(), model.encoder.heads());
    let mut panels = Vec::new();
    for scored in results {
        let means = scored.heads.iter().map(|e| e.mean).collect();
        panels.push(Panel {
            title: scored.shown.to_owned(),
            grid: HeadGrid::from_values(layers, heads, means).context("grid")?,
            note: format!("n = {}", scored.null.n),
        });
    }
    if let Some(grid) = PublishedFrameNet::open()?.score() {
        panels.push(Panel {
            title: "the paper".to_owned(),
            grid,
            note: "bert-base-uncased, n = 473".to_owned(),
        });
    }
    Ok(HeatmapSpec {
        title: "Attention along frame-semantic links (Figure 3)".to_owned(),
        subtitle: "Greatest weight among the token pairs of a sentence's annotated links, mean over sentences"
            .to_owned(),
        columns: Some(panels.len()),
        panels,
        value_label: "mean of the greatest attention weight".to_owned(),
        footer: footer.to_owned(),
        ..HeatmapSpec::default()
    })
}

/// The full maps of the paper's example, or else of the first sentence, in the best head of each
/// score (Figure 3, right).
pub(super) fn example_figure(
    model: &LoadedModel,
    sentences: &[Sentence],
    results: &[Scored],
    footer: &str,
) -> anyhow::Result<AttentionMapSpec> {
    let papers = |s: &&Sentence| {
        s.prepared
            .example
            .text_a
            .starts_with("He was becoming agitated")
    };
    let sentence = sentences
        .iter()
        .find(papers)
        .or(sentences.first())
        .context("no sentence")?;
    let (heads, length) = (model.encoder.heads(), sentence.prepared.encoding.len());
    let mut maps = Vec::new();
    let one = std::slice::from_ref(&sentence.prepared);
    let mut progress = Progress::new("example", 1);
    forward_all(
        &model.encoder,
        one,
        Want::maps(),
        &mut progress,
        |_, output| {
            for values in output.all_maps()? {
                let view = MapsView::new(model.encoder.layers(), heads, length, &values)?;
                for scored in results {
                    let Some(&best) = scored.null.above.first() else {
                        continue;
                    };
                    let map = view.map(best / heads, best % heads).context("head")?;
                    maps.push(AttentionMap {
                        title: format!("{}: {}", scored.shown, head_name(best, heads)),
                        tokens: tokens(&sentence.prepared.encoding),
                        weights: map.iter().map(|&w| f64::from(w)).collect(),
                        note: String::new(),
                    });
                }
            }
            Ok(())
        },
    )?;
    progress.finish();
    Ok(AttentionMapSpec {
        title: "The heads that score highest, on one sentence (Figure 3)".to_owned(),
        subtitle: sentence.prepared.example.text_a.clone(),
        columns: Some(maps.len()),
        maps,
        range: Some((0.0, 1.0)),
        footer: footer.to_owned(),
        ..AttentionMapSpec::default()
    })
}

fn tokens(encoding: &Encoding) -> Vec<String> {
    encoding.texts().into_iter().map(str::to_owned).collect()
}

/// A head as people write it, `7-6`.
fn head_name(index: usize, heads: usize) -> String {
    format!("{}-{}", index / heads.max(1) + 1, index % heads.max(1) + 1)
}

pub(super) fn table(results: &[Scored], heads: usize, footer: &str) -> Table {
    let mut rows = Vec::new();
    for scored in results {
        let null = &scored.null;
        for &head in &null.above {
            rows.push(vec![
                Cell::text(scored.shown),
                Cell::text(head_name(head, heads)),
                Cell::number(null.n as f64, 0),
                Cell::estimate(scored.heads[head].mean, scored.heads[head].interval, 3),
                Cell::number(null.threshold, 3),
                Cell::number(null.shuffled_mean[head], 3),
                Cell::number(null.p_head[head], 4),
                Cell::number(null.p_any[head], 4),
                Cell::estimate(
                    null.shuffled_above.0,
                    Some((null.shuffled_above.1, null.shuffled_above.2)),
                    1,
                ),
            ]);
        }
    }
    Table {
        title: format!("Heads above the 99th percentile of all heads' FrameNet scores ({footer})"),
        columns: vec![
            Column::text("score"),
            Column::text("head"),
            Column::number("n"),
            Column::number("mean of maxima"),
            Column::number("99th percentile"),
            Column::number("shuffled annotation"),
            Column::number("p, this head"),
            Column::number("p, any head"),
            Column::number("heads above it when shuffled"),
        ],
        rows,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_are_named_from_one() {
        assert_eq!(head_name(6 * 12 + 5, 12), "7-6");
        assert_eq!(head_name(0, 12), "1-1");
    }
}
