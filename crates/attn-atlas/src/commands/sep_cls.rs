//! `attn sep-cls`: Figure 6 for one model.
//!
//! For each head: the weight that `[CLS]` or `[SEP]` receives from all tokens, divided by their
//! number; with several `[SEP]`, the greatest; averaged over the examples of a task (Section 4.4).

use crate::cli::SepClsArgs;
use crate::forward::observe_all;
use crate::inputs::{self, InputSet, Prepared};
use crate::model::LoadedModel;
use crate::progress::Progress;
use crate::run::{Run, write_text};
use anyhow::Context;
use attn_core::{HeadGrid, Record};
use attn_data::tokenise::PieceRole;
use attn_figures::{Cell, Column, HeatmapSpec, Panel, Table};
use attn_stats::{Annotation, Estimate, FeatureAttention, FeaturePositions, Resampler};

const EXPERIMENT: &str = "sep-cls";
/// Bootstrap samples behind each interval.
const REPLICATES: usize = 1000;
/// Features in the figure's order, top row first.
const FEATURES: [(&str, &str); 2] = [("sep", "[SEP]"), ("cls", "[CLS]")];

/// What one task gave.
struct Measured {
    task: String,
    split: String,
    n: usize,
    attention: FeatureAttention,
}

/// Measures, then writes records, tables and the figure.
pub fn run(args: &SepClsArgs) -> anyhow::Result<()> {
    // Before the model: a wrong folder should not cost a download.
    let tasks = inputs::tasks(&args.data.source, &args.tasks, args.data.split)?;
    let model = LoadedModel::open(&args.model)?;
    let folder = args
        .out
        .clone()
        .unwrap_or_else(|| inputs::default_folder(&model.name, &args.data.source.data, EXPERIMENT));
    let seed = args.data.seed;
    let mut config = serde_json::json!({
        "experiment": EXPERIMENT, "model": model.name, "split": args.data.split, "tasks": tasks,
        "max_eval": args.data.max_eval, "max_length": args.model.max_length, "replicates": REPLICATES,
        "source": inputs::source_config(&args.data.source),
    });
    let data = args.data.beside([&model.trained_on]);
    let (mut sets, mut all_rows) = (Vec::new(), Vec::new());
    for task in tasks {
        let set = inputs::from_task(&data, Some(task), &model.tokenizer)?;
        for note in &set.notes {
            crate::model::say(note);
        }
        all_rows.extend(set.all_rows.then_some(task));
        sets.push((task, set));
    }
    inputs::name_all_rows(&mut config, &all_rows);
    let read: [&std::path::Path; 1] = [&model.folder];
    let mut run = Run::open(folder, config, seed, model.device.clone(), &read)?;
    run.read(model.inputs.clone());
    run.note(model.notes.clone());
    let resampler = Resampler::new(seed, REPLICATES);
    for (_, set) in &sets {
        run.read(set.inputs.iter().cloned());
        run.note(set.notes.iter().cloned());
    }
    if run.is_done() {
        return Ok(());
    }
    let mut measured = Vec::new();
    for (task, set) in sets {
        let mut progress = Progress::new(format!("{EXPERIMENT} {task}"), set.examples.len() as u64);
        measured.push(measure(&model, &set, &resampler, &mut progress)?);
        run.took(EXPERIMENT, progress.finish());
    }
    let records = records(run.name(), &model.name, seed, &measured)?;
    let figure = figure(&model, &measured, seed)?.render()?;
    figure.write(&run.folder().join("figures"), "figure-6-sep-cls")?;
    let table = layer_table(&model.name, &measured)?;
    let tables = run.folder().join("tables");
    write_text(&tables.join("figure-6-sep-cls.md"), &table.markdown())?;
    write_text(&tables.join("figure-6-sep-cls.csv"), &table.csv())?;
    write_text(
        &tables.join("figure-6-sep-cls-heads.csv"),
        &head_table("Attention to [SEP] and [CLS] by head", &records).csv(),
    )?;
    let folder = run.finish(&records)?;
    println!("{}", folder.join("figures/figure-6-sep-cls.svg").display());
    println!("{}", folder.join("tables/figure-6-sep-cls.md").display());
    println!("{}", folder.join("records.jsonl").display());
    println!("{}", folder.join("manifest.json").display());
    Ok(())
}

/// Where `[CLS]` and `[SEP]` stand.
fn special_positions(example: &Prepared) -> FeaturePositions {
    let position = |role| example.encoding.positions(role);
    [
        ("cls".to_owned(), position(PieceRole::Cls)),
        ("sep".to_owned(), position(PieceRole::Sep)),
    ]
    .into()
}

fn measure(
    model: &LoadedModel,
    set: &InputSet,
    resampler: &Resampler,
    progress: &mut Progress,
) -> anyhow::Result<Measured> {
    let (layers, heads) = (model.encoder.layers(), model.encoder.heads());
    let names = FEATURES.map(|(name, _)| name);
    let mut attention = FeatureAttention::new(layers, heads, &names, resampler);
    observe_all(
        &model.encoder,
        &set.examples,
        |example| Annotation::of_features(special_positions(example)),
        resampler,
        &mut attention,
        progress,
    )?;
    Ok(Measured {
        task: set.name.clone(),
        split: set.split.clone(),
        n: set.examples.len(),
        attention,
    })
}

/// Estimates of one feature; an error when no example had it.
fn estimates(measured: &Measured, feature: &str, of_layers: bool) -> anyhow::Result<Vec<Estimate>> {
    let attention = &measured.attention;
    let found = if of_layers {
        attention.layers(feature)
    } else {
        attention.heads(feature)
    };
    found.with_context(|| format!("task {}: no example has the token {feature}", measured.task))
}

fn records(
    run: &str,
    model: &str,
    seed: u64,
    measured: &[Measured],
) -> anyhow::Result<Vec<Record>> {
    let mut records = Vec::new();
    for task in measured {
        for (feature, _) in FEATURES {
            let layers = estimates(task, feature, true)?;
            let heads = estimates(task, feature, false)?;
            let per_layer = heads.len() / layers.len().max(1);
            let record = |metric: String, layer, head, estimate: &Estimate| Record {
                run: run.to_owned(),
                model: model.to_owned(),
                task: task.task.clone(),
                split: task.split.clone(),
                experiment: EXPERIMENT.to_owned(),
                layer: Some(layer),
                head,
                metric,
                value: estimate.mean,
                n: estimate.n,
                seed,
                ci_low: estimate.interval.map(|i| i.0),
                ci_high: estimate.interval.map(|i| i.1),
            };
            for (i, estimate) in heads.iter().enumerate() {
                let metric = format!("attention_to_{feature}");
                records.push(record(metric, i / per_layer, Some(i % per_layer), estimate));
            }
            for (layer, estimate) in layers.iter().enumerate() {
                records.push(record(
                    format!("attention_to_{feature}_layer_mean"),
                    layer,
                    None,
                    estimate,
                ));
            }
        }
    }
    Ok(records)
}

fn figure(model: &LoadedModel, measured: &[Measured], seed: u64) -> anyhow::Result<HeatmapSpec> {
    let (layers, heads) = (model.encoder.layers(), model.encoder.heads());
    let mut panels = Vec::new();
    for (feature, _) in FEATURES {
        for task in measured {
            let values = estimates(task, feature, false)?
                .iter()
                .map(|e| e.mean)
                .collect();
            panels.push(Panel {
                title: task.task.clone(),
                grid: HeadGrid::from_values(layers, heads, values).context("grid")?,
                note: format!("n = {}", task.n),
            });
        }
    }
    let split = measured.first().map_or("", |m| m.split.as_str());
    Ok(HeatmapSpec {
        title: "Attention to [SEP] and [CLS]".to_owned(),
        subtitle: "Weight that the token receives from all tokens, divided by their number, mean over examples"
            .to_owned(),
        panels,
        columns: Some(measured.len()),
        row_names: FEATURES.map(|(_, name)| name.to_owned()).to_vec(),
        value_label: "mean attention weight".to_owned(),
        footer: format!(
            "model {}; {split} examples; seed {seed}; after Kovaleva et al. 2019, Figure 6",
            model.name
        ),
        ..HeatmapSpec::default()
    })
}

/// Layer means with intervals, a row for each task and layer.
fn layer_table(model: &str, measured: &[Measured]) -> anyhow::Result<Table> {
    let mut rows = Vec::new();
    for task in measured {
        let mut columns = Vec::new();
        for (feature, _) in FEATURES {
            columns.push((
                estimates(task, feature, true)?,
                estimates(task, feature, false)?,
            ));
        }
        for layer in 0..columns.first().map_or(0, |c| c.0.len()) {
            let mut row = vec![
                Cell::text(&task.task),
                Cell::number((layer + 1) as f64, 0),
                Cell::number(task.n as f64, 0),
            ];
            for (layers, heads) in &columns {
                let mean = &layers[layer];
                row.push(Cell::estimate(mean.mean, mean.interval, 3));
                let per_layer = heads.len() / layers.len();
                let best = heads[layer * per_layer..(layer + 1) * per_layer]
                    .iter()
                    .enumerate()
                    .max_by(|a, b| a.1.mean.total_cmp(&b.1.mean));
                row.push(Cell::text(
                    best.map_or(String::new(), |(head, estimate)| {
                        format!("{:.3} (head {})", estimate.mean, head + 1)
                    }),
                ));
            }
            rows.push(row);
        }
    }
    Ok(Table {
        title: format!(
            "Attention to [SEP] and [CLS], mean over the heads of a layer [95 % interval], {model}"
        ),
        columns: vec![
            Column::text("task"),
            Column::number("layer"),
            Column::number("n"),
            Column::number("[SEP]"),
            Column::text("[SEP], greatest head"),
            Column::number("[CLS]"),
            Column::text("[CLS], greatest head"),
        ],
        rows,
    })
}

/// Every head's value with its interval, layers and heads counted from 1.
pub(super) fn head_table(title: &str, records: &[Record]) -> Table {
    let rows = records
        .iter()
        .filter_map(|r| {
            let (layer, head) = (r.layer?, r.head?);
            let bound = |value: Option<f64>| value.map_or(Cell::text(""), |v| Cell::number(v, 6));
            Some(vec![
                Cell::text(&r.task),
                Cell::text(&r.split),
                Cell::text(&r.metric),
                Cell::number((layer + 1) as f64, 0),
                Cell::number((head + 1) as f64, 0),
                Cell::number(r.value, 6),
                bound(r.ci_low),
                bound(r.ci_high),
                Cell::number(r.n as f64, 0),
            ])
        })
        .collect();
    let columns = ["task", "split", "metric"].map(Column::text).into_iter();
    let numbers = ["layer", "head", "value", "ci_low", "ci_high", "n"].map(Column::number);
    Table {
        title: title.to_owned(),
        columns: columns.chain(numbers).collect(),
        rows,
    }
}
