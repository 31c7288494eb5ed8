//! `attn framenet score`: Figure 3 and Section 4.2.
//!
//! For each head: the greatest weight among the token pairs of a sentence's annotated links, mean
//! over sentences. Three scores over the same sentences:
//!
//! - `frame_element_to_target`, `target_to_frame_element`: all pairs of word pieces, either way
//!   round (the paper does not say which attends);
//! - `frame_authors`: the authors' code, frame element as query, pieces found by their strings and
//!   zipped.

use crate::cli::ScoreArgs;
use crate::commands::stats::REPLICATES;
use crate::commands::stats::paper::PublishedFrameNet;
use crate::forward::forward_all;
use crate::inputs::Prepared;
use crate::model::LoadedModel;
use crate::progress::Progress;
use crate::run::write_text;
use crate::run::{Run, input_file, sha256};
use anyhow::Context;
use attn_bert::Want;
use attn_core::{Example, HeadGrid, Record};
use attn_data::framenet::{FrameNet, Link, Strictness, filter, zip_pairs};
use attn_data::tokenise::{Encoding, pieces_of_span};
use attn_figures::{AttentionMap, AttentionMapSpec, Cell, Column, HeatmapSpec, Panel, Table};
use attn_stats::{
    Annotation, Estimate, MapsView, NullResult, Observation, Observer, PairAttention, Resampler,
    ShuffleNull,
};
use std::ops::Range;
use std::path::Path;

const EXPERIMENT: &str = "framenet";
/// Name of the pairs, and what people read.
const SCORES: [(&str, &str); 3] = [
    ("frame_element_to_target", "element to target"),
    ("target_to_frame_element", "target to element"),
    ("frame_authors", "authors' pairs"),
];

/// Scores all heads, then writes records, tables and figures.
pub fn run(args: &ScoreArgs) -> anyhow::Result<()> {
    let strictness = if args.lenient {
        Strictness::Lenient
    } else {
        Strictness::default()
    };
    let framenet = FrameNet::open(&args.framenet)?.with_strictness(strictness);
    let filtered = filter(&framenet, args.sentences)?;
    println!("{}", filtered.funnel);
    let model = LoadedModel::open(&args.model)?;
    let folder = args
        .out
        .clone()
        .unwrap_or_else(|| Path::new("results").join(format!("{}-framenet", model.name)));
    // A folder of FrameNet is thousands of files: what was found in them stands for them.
    let links = sha256(serde_json::to_string(&filtered.links)?.as_bytes());
    let config = serde_json::json!({
        "experiment": EXPERIMENT, "model": model.name, "sentences": args.sentences,
        "shuffles": args.shuffles, "replicates": REPLICATES, "max_length": args.model.max_length,
        "funnel": filtered.funnel, "links": links,
    });
    let mut run = Run::new(folder, config, args.seed, model.device.clone());
    run.read(model.inputs.clone());
    if args.framenet.is_file() {
        run.read([input_file("FrameNet", &args.framenet)?]);
    }
    run.note(model.notes.clone());
    run.note(filtered.report.notes());
    if run.is_done() {
        return Ok(());
    }
    let sentences = prepare(&filtered.links, &model)?;
    let mut progress = Progress::new("FrameNet sentences", sentences.len() as u64);
    let measured = measure(args, &model, &sentences, &mut progress)?;
    run.took(EXPERIMENT, progress.finish());
    let results = results(&measured)?;
    let blank = Record {
        run: run.name().to_owned(),
        model: model.name.clone(),
        task: "FrameNet".to_owned(),
        split: args.sentences.to_string(),
        experiment: EXPERIMENT.to_owned(),
        layer: None,
        head: None,
        metric: String::new(),
        value: 0.0,
        n: 0,
        seed: args.seed,
        ci_low: None,
        ci_high: None,
    };
    let records = records(&blank, &results, model.encoder.heads());
    let footer = format!(
        "model {}; {} FrameNet sentences, reading {}; seed {}; after Kovaleva et al. 2019, Figure 3",
        model.name,
        sentences.len(),
        args.sentences,
        args.seed
    );
    let figures = run.folder().join("figures");
    grid_figure(&model, &results, &footer)?
        .render()?
        .write(&figures, "figure-3-framenet")?;
    let example = example_figure(&model, &sentences, &results, &footer)?;
    example.render()?.write(&figures, "figure-3-example")?;
    let table = table(&results, model.encoder.heads(), &footer);
    let tables = run.folder().join("tables");
    write_text(&tables.join("figure-3-framenet.md"), &table.markdown())?;
    write_text(&tables.join("figure-3-framenet.csv"), &table.csv())?;
    let folder = run.finish(&records)?;
    for file in [
        "figures/figure-3-framenet.svg",
        "figures/figure-3-example.svg",
        "tables/figure-3-framenet.md",
        "records.jsonl",
        "manifest.json",
    ] {
        println!("{}", folder.join(file).display());
    }
    Ok(())
}

/// A sentence with its pieces and its pairs.
struct Sentence {
    prepared: Prepared,
    annotation: Annotation,
}

fn prepare(links: &[Link], model: &LoadedModel) -> anyhow::Result<Vec<Sentence>> {
    let mut sentences = Vec::new();
    for link in links {
        let id = format!("{}#{}", link.lexical_unit, link.annotation_set);
        let example = Example::unlabelled(id.clone(), link.text.clone(), None);
        let encoding = model.tokenizer.encode(&example)?;
        let mut annotation = Annotation::default();
        let bytes = |span: attn_data::framenet::Span| -> anyhow::Result<Range<usize>> {
            span.bytes(&link.text)
                .with_context(|| format!("{id}: a span lies outside its sentence"))
        };
        let mut targets = Vec::new();
        let mut target_texts = Vec::new();
        for &span in &link.target {
            let range = bytes(span)?;
            target_texts.extend(model.tokenizer.pieces(&link.text[range.clone()])?);
            targets.extend(pieces_of_span(&encoding, 0, range));
        }
        for element in &link.elements {
            let range = bytes(element.span)?;
            let element_texts = model.tokenizer.pieces(&link.text[range.clone()])?;
            for &e in &pieces_of_span(&encoding, 0, range) {
                for &t in &targets {
                    put(&mut annotation, SCORES[0].0, [(e, t)]);
                    put(&mut annotation, SCORES[1].0, [(t, e)]);
                }
            }
            let zipped = zip_pairs(
                &encoding.texts(),
                &as_strs(&element_texts),
                &as_strs(&target_texts),
            );
            put(&mut annotation, SCORES[2].0, zipped);
        }
        sentences.push(Sentence {
            prepared: Prepared { example, encoding },
            annotation,
        });
    }
    anyhow::ensure!(
        !sentences.is_empty(),
        "no sentence is left by the conditions of Section 4.2: is this FrameNet 1.7?"
    );
    Ok(sentences)
}

fn as_strs(texts: &[String]) -> Vec<&str> {
    texts.iter().map(String::as_str).collect()
}

fn put(annotation: &mut Annotation, name: &str, pairs: impl IntoIterator<Item = (usize, usize)>) {
    annotation
        .pairs
        .entry(name.to_owned())
        .or_default()
        .extend(pairs);
}

struct Measured {
    attention: PairAttention,
    nulls: Vec<ShuffleNull>,
}

fn measure(
    args: &ScoreArgs,
    model: &LoadedModel,
    sentences: &[Sentence],
    progress: &mut Progress,
) -> anyhow::Result<Measured> {
    let (layers, heads) = (model.encoder.layers(), model.encoder.heads());
    let resampler = Resampler::new(args.seed, REPLICATES);
    let names = SCORES.map(|(name, _)| name);
    let mut measured = Measured {
        attention: PairAttention::new(layers, heads, &names, &resampler),
        nulls: names
            .iter()
            .map(|name| ShuffleNull::new(layers, heads, name, args.shuffles, args.seed))
            .collect(),
    };
    let prepared: Vec<Prepared> = sentences.iter().map(|s| s.prepared.clone()).collect();
    forward_all(
        &model.encoder,
        &prepared,
        Want::maps(),
        progress,
        |batch, output| {
            for (&index, values) in batch.iter().zip(output.all_maps()?) {
                let Sentence {
                    prepared,
                    annotation,
                } = &sentences[index];
                let counts = resampler.counts(index as u64);
                let mut observe = || {
                    let maps = MapsView::new(layers, heads, prepared.encoding.len(), &values)?;
                    let seen = Observation::new(index, maps, annotation, &counts);
                    measured.attention.observe(&seen)?;
                    measured
                        .nulls
                        .iter_mut()
                        .try_for_each(|null| null.observe(&seen))
                };
                observe().with_context(|| format!("sentence {}", prepared.example.id))?;
            }
            Ok(())
        },
    )?;
    Ok(measured)
}

/// One score with its comparison.
struct Scored {
    name: &'static str,
    shown: &'static str,
    heads: Vec<Estimate>,
    null: NullResult,
}

fn results(measured: &Measured) -> anyhow::Result<Vec<Scored>> {
    SCORES
        .iter()
        .zip(&measured.nulls)
        .map(|(&(name, shown), null)| {
            let none = || format!("no sentence has pairs for the score {name}");
            Ok(Scored {
                name,
                shown,
                heads: measured.attention.heads(name).with_context(none)?,
                null: null.result().with_context(none)?,
            })
        })
        .collect()
}

fn records(blank: &Record, results: &[Scored], heads: usize) -> Vec<Record> {
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

fn grid_figure(
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
fn example_figure(
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

fn table(results: &[Scored], heads: usize, footer: &str) -> Table {
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
