//! `attn framenet score`: Figure 3 and Section 4.2.
//!
//! For each head: the greatest weight among the token pairs of a sentence's annotated links, mean
//! over sentences. Three scores over the same sentences:
//!
//! - `frame_element_to_target`, `target_to_frame_element`: all pairs of tokens, either way
//!   round (the paper does not say which attends);
//! - `frame_authors`: the authors' code, frame element as query, tokens found by their strings and
//!   zipped.
//!
//! Each is compared with three nulls ([`NullKind`]): the link among the sentence's words at large, on
//! as many content words, and along the sentence at its distances.

mod report;
mod spans;

use crate::cli::ScoreArgs;
use crate::commands::stats::REPLICATES;
use crate::forward::forward_all;
use crate::inputs::Prepared;
use crate::model::LoadedModel;
use crate::progress::Progress;
use crate::run::write_text;
use crate::run::{Run, input_file, sha256};
use anyhow::Context;
use attn_bert::Want;
use attn_core::{Example, Reading, Record};
use attn_data::framenet::{FrameNet, Link, Strictness, filter, zip_pairs};
use attn_data::tokenise::pieces_of_span;
use attn_lingua::Annotator;
use attn_stats::{
    Annotation, Estimate, MapsView, NullKind, NullResult, Observation, Observer, PairAttention,
    Pairing, PlacementNull, Resampler, SpanLink,
};
use report::{example_figure, excess_figure, grid_figure, records, table};
use spans::span_link;
use std::ops::Range;
use std::path::{Path, PathBuf};

const EXPERIMENT: &str = "framenet";
/// Name of the pairs, what people read, and how they are made.
const SCORES: [(&str, &str, Pairing); 3] = [
    (
        "frame_element_to_target",
        "element to target",
        Pairing::ElementToTarget,
    ),
    (
        "target_to_frame_element",
        "target to element",
        Pairing::TargetToElement,
    ),
    ("frame_authors", "authors' pairs", Pairing::Zipped),
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
        "shuffles": args.shuffles, "nulls": NullKind::ALL.map(NullKind::name), "replicates": REPLICATES, "max_length": args.model.max_length,
        "funnel": filtered.funnel, "links": links,
    });
    let inputs = [&model.folder, &args.framenet].map(PathBuf::as_path);
    let mut run = Run::open(folder, config, args.seed, model.device.clone(), &inputs)?;
    run.read(model.inputs.clone());
    if args.framenet.is_file() {
        run.read([input_file("FrameNet", &args.framenet)?]);
    }
    run.note(model.notes.clone());
    // Where the data lie says nothing about the result.
    let place = args.framenet.parent().map(|p| format!("{}/", p.display()));
    let bare = |note: String| match &place {
        Some(place) if place.len() > 1 => note.replace(place.as_str(), ""),
        _ => note,
    };
    run.note(filtered.report.notes().into_iter().map(bare));
    if run.is_done() {
        return Ok(());
    }
    let sentences = prepare(&filtered.links, &model, args.sentences)?;
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
        "model {}; {} FrameNet sentences, protocol {}; seed {}; after Kovaleva et al. 2019, Figure 3",
        model.name,
        sentences.len(),
        args.sentences,
        args.seed
    );
    let figures = run.folder().join("figures");
    grid_figure(&model, &results, &footer)?
        .render()?
        .write(&figures, "figure-3-framenet")?;
    excess_figure(&model, &results, &footer)?
        .render()?
        .write(&figures, "figure-3-excess")?;
    let example = example_figure(&model, &sentences, &results, &footer)?;
    example.render()?.write(&figures, "figure-3-example")?;
    let table = table(&results, model.encoder.heads(), &footer);
    let tables = run.folder().join("tables");
    write_text(&tables.join("figure-3-framenet.md"), &table.markdown())?;
    write_text(&tables.join("figure-3-framenet.csv"), &table.csv())?;
    let folder = run.finish(&records)?;
    for file in [
        "figures/figure-3-framenet.svg",
        "figures/figure-3-excess.svg",
        "figures/figure-3-example.svg",
        "tables/figure-3-framenet.md",
        "records.jsonl",
        "manifest.json",
    ] {
        println!("{}", folder.join(file).display());
    }
    Ok(())
}

/// A sentence with its tokens, its pairs, and its link in words.
struct Sentence {
    prepared: Prepared,
    annotation: Annotation,
    link: SpanLink,
}

fn prepare(links: &[Link], model: &LoadedModel, whose: Reading) -> anyhow::Result<Vec<Sentence>> {
    let annotator = Annotator::embedded()?;
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
            link: span_link(link, &encoding, &annotator, whose),
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
    /// Of each score in turn, one for each null.
    nulls: Vec<[PlacementNull; 3]>,
}

fn measure(
    args: &ScoreArgs,
    model: &LoadedModel,
    sentences: &[Sentence],
    progress: &mut Progress,
) -> anyhow::Result<Measured> {
    let (layers, heads) = (model.encoder.layers(), model.encoder.heads());
    let resampler = Resampler::new(args.seed, REPLICATES);
    let names = SCORES.map(|(name, ..)| name);
    let mut measured = Measured {
        attention: PairAttention::new(layers, heads, &names, &resampler),
        nulls: SCORES
            .iter()
            .map(|&(_, _, pairing)| {
                NullKind::ALL.map(|null| {
                    PlacementNull::new((layers, heads), null, pairing, args.shuffles, &resampler)
                })
            })
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
                    link,
                } = &sentences[index];
                let counts = resampler.counts(index as u64);
                let mut observe = || {
                    let maps = MapsView::new(layers, heads, prepared.encoding.len(), &values)?;
                    let seen = Observation::new(index, maps, annotation, &counts);
                    measured.attention.observe(&seen)?;
                    for (name, nulls) in names.iter().zip(&mut measured.nulls) {
                        let pairs = annotation.pairs.get(*name).map_or(&[][..], Vec::as_slice);
                        for null in nulls {
                            null.observe(index, maps, link, pairs, &counts)?;
                        }
                    }
                    Ok::<(), attn_stats::StatsError>(())
                };
                observe().with_context(|| format!("sentence {}", prepared.example.id))?;
            }
            Ok(())
        },
    )?;
    Ok(measured)
}

/// One score with its comparisons.
struct Scored {
    name: &'static str,
    shown: &'static str,
    heads: Vec<Estimate>,
    /// In the order of [`NullKind::ALL`].
    nulls: [NullResult; 3],
}

fn results(measured: &Measured) -> anyhow::Result<Vec<Scored>> {
    SCORES
        .iter()
        .zip(&measured.nulls)
        .map(|(&(name, shown, _), nulls)| {
            let none = || format!("no sentence has pairs for the score {name}");
            let [words, content, distance] = nulls.each_ref().map(PlacementNull::result);
            Ok(Scored {
                name,
                shown,
                heads: measured.attention.heads(name).with_context(none)?,
                nulls: [
                    words.with_context(none)?,
                    content.with_context(none)?,
                    distance.with_context(none)?,
                ],
            })
        })
        .collect()
}
