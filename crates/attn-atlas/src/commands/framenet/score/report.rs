//! Records, table and figures of `attn framenet score`.

use super::{Scored, Sentence};
use crate::commands::stats::paper::PublishedFrameNet;
use crate::findings::framenet::MARGIN;
use crate::forward::forward_all;
use crate::model::LoadedModel;
use crate::progress::Progress;
use anyhow::Context;
use attn_bert::Want;
use attn_core::{HeadGrid, HeadId, Record, Verdict};
use attn_data::tokenise::Encoding;
use attn_figures::{AttentionMap, AttentionMapSpec, Cell, Column, HeatmapSpec, Panel, Table};
use attn_stats::verdict::{LEVEL, stands_out};
use attn_stats::{MapsView, NullKind, NullResult};

impl Scored {
    /// What does not depend on the null: the 99th percentile and the heads above it.
    fn common(&self) -> &NullResult {
        let [words, _, _] = &self.nulls;
        words
    }

    /// Heads above the 99th percentile, then the others that stand out against every null.
    fn shown_heads(&self) -> Vec<usize> {
        let mut heads = self.common().above.clone();
        let stand = |h: &usize| {
            let asked = self.nulls.each_ref().map(|n| (n.excess[*h], n.p_any[*h]));
            stands_out(&asked, MARGIN, self.heads.len()) == Verdict::Holds
        };
        let mut others: Vec<usize> = (0..self.heads.len())
            .filter(|h| !heads.contains(h) && stand(h))
            .collect();
        others.sort_by(|&a, &b| self.heads[b].mean.total_cmp(&self.heads[a].mean));
        heads.extend(others);
        heads
    }
}

pub(super) fn records(blank: &Record, results: &[Scored], heads: usize) -> Vec<Record> {
    let mut records = Vec::new();
    for scored in results {
        let n = scored.common().n;
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
        let whole = (None, None);
        for (i, e) in scored.heads.iter().enumerate() {
            push(name.to_owned(), place(i), e.mean, e.interval);
        }
        let common = scored.common();
        let threshold = common.threshold;
        push(format!("{name}_99th_percentile"), whole, threshold, None);
        let above = common.above.len() as f64;
        push(format!("{name}_heads_above"), whole, above, None);
        for (kind, null) in NullKind::ALL.iter().zip(&scored.nulls) {
            let name = format!("{name}_{}", kind.name());
            for i in 0..scored.heads.len() {
                push(format!("{name}_mean"), place(i), null.expected[i], None);
                let excess = null.excess[i];
                push(
                    format!("{name}_excess"),
                    place(i),
                    excess.mean,
                    excess.interval,
                );
                push(format!("{name}_p"), place(i), null.p_head[i], None);
                push(format!("{name}_p_any_head"), place(i), null.p_any[i], None);
            }
            let (mean, low, high) = null.drawn_above;
            push(
                format!("{name}_heads_above"),
                whole,
                mean,
                Some((low, high)),
            );
            push(format!("{name}_movable"), whole, null.movable as f64, None);
        }
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
            note: format!("n = {}", scored.common().n),
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
                    let Some(&best) = scored.common().above.first() else {
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

/// What each head's links get beyond what the same links get elsewhere, a row of panels a score.
pub(super) fn excess_figure(
    model: &LoadedModel,
    results: &[Scored],
    footer: &str,
) -> anyhow::Result<HeatmapSpec> {
    let (layers, heads) = (model.encoder.layers(), model.encoder.heads());
    let mut panels = Vec::new();
    let mut dots = Vec::new();
    for scored in results {
        for (kind, null) in NullKind::ALL.iter().zip(&scored.nulls) {
            let excess = null.excess.iter().map(|e| e.mean).collect();
            panels.push(Panel {
                title: format!("null: {}", kind.name()),
                grid: HeadGrid::from_values(layers, heads, excess).context("grid")?,
                note: format!("n = {}, {} with another place", null.n, null.movable),
            });
            let standing_out = (0..layers * heads).filter(|h| null.p_any[*h] < LEVEL);
            dots.push(
                standing_out
                    .map(|h| HeadId {
                        layer: h / heads.max(1),
                        head: h % heads.max(1),
                    })
                    .collect(),
            );
        }
    }
    Ok(HeatmapSpec {
        title: "Attention along frame-semantic links beyond three nulls".to_owned(),
        subtitle: "The score of Figure 3 less that of the same links placed elsewhere in their sentences: anywhere (words), on as \
                   many content words (content), at the same distances (distance)"
            .to_owned(),
        columns: Some(NullKind::ALL.len()),
        row_names: results.iter().map(|s| s.shown.to_owned()).collect(),
        panels,
        diverging: true,
        dots,
        dot_label: "p < 0.05 for all heads at once".to_owned(),
        value_label: "excess of the mean greatest weight".to_owned(),
        footer: footer.to_owned(),
        ..HeatmapSpec::default()
    })
}

pub(super) fn table(results: &[Scored], heads: usize, footer: &str) -> Table {
    let mut rows = Vec::new();
    for scored in results {
        let common = scored.common();
        for head in scored.shown_heads() {
            for (kind, null) in NullKind::ALL.iter().zip(&scored.nulls) {
                rows.push(vec![
                    Cell::text(scored.shown),
                    Cell::text(head_name(head, heads)),
                    Cell::number(null.n as f64, 0),
                    Cell::estimate(scored.heads[head].mean, scored.heads[head].interval, 3),
                    Cell::number(common.threshold, 3),
                    Cell::text(kind.name()),
                    Cell::number(null.movable as f64, 0),
                    Cell::number(null.expected[head], 3),
                    Cell::estimate(null.excess[head].mean, null.excess[head].interval, 3),
                    Cell::number(null.p_head[head], 4),
                    Cell::number(null.p_any[head], 4),
                ]);
            }
        }
    }
    Table {
        title: format!(
            "FrameNet scores of the heads above the 99th percentile of all heads, and of those that exceed all three nulls by \
             more than {MARGIN}, corrected for all heads ({footer}). Nulls place the same link elsewhere in its sentence: words, anywhere (rules out attention to words \
             at large); content, on as many content words (rules out a liking for content words); distance, target and elements \
             at their distances (rules out an offset). Each is tested by itself, so that a head that likes content words at an \
             offset is not ruled out"
        ),
        columns: vec![
            Column::text("score"),
            Column::text("head"),
            Column::number("n"),
            Column::number("mean of maxima"),
            Column::number("99th percentile"),
            Column::text("null"),
            Column::number("n with another place"),
            Column::number("placed elsewhere"),
            Column::number("excess"),
            Column::number("p, this head"),
            Column::number("p, any head"),
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
