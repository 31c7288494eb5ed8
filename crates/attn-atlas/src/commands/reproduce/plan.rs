//! `--dry-run`: what would be done, and about how long it takes here.

use crate::ablation::cumulative::{Orders, counts};
use crate::cli::{Artefact, ReproduceArgs};
use crate::inputs::{dataset, from_dataset};
use crate::model::OpenModel;
use attn_bert::BertConfig;
use attn_core::{HeadGrid, Mode, Split, Task};
use attn_figures::{Cell, Column, Table};
use burn::tensor::{Distribution, Tensor};
use std::path::Path;
use std::time::Instant;

/// A training step costs about three forward passes: one forward, two backward.
const BACKWARD: f64 = 3.0;
/// Observing the maps of two models, as a share of their forward passes.
const OBSERVING: f64 = 0.5;
/// What a forward pass reaches of a large matrix product's speed.
const EFFICIENCY: f64 = 0.6;

/// Word pieces of a task.
struct Size {
    train: usize,
    train_rows: usize,
    large: bool,
    scored: usize,
    dev: usize,
}

/// Prints the stages with their estimated cost.
pub fn print(
    args: &ReproduceArgs,
    tasks: &[Task],
    chosen: &[Artefact],
    out: &Path,
) -> anyhow::Result<()> {
    let model = OpenModel::open(&args.model)?;
    let config = model.checkpoint.config();
    let sizes = tasks
        .iter()
        .map(|&task| size(args, &model, task))
        .collect::<anyhow::Result<Vec<_>>>()?;
    let speed = EFFICIENCY * speed(&model)?;
    let seconds = |tokens: f64| tokens * per_token(config) / speed;
    let mut rows = Vec::new();
    let mut total = 0.0;
    for artefact in chosen {
        let (work, cost) = match artefact {
            Artefact::Table1 => table1(args, &sizes),
            Artefact::Stats => {
                let tokens: usize = sizes.iter().map(|s| s.dev).sum();
                (
                    format!("two models over {tokens} word pieces"),
                    2.0 * (1.0 + OBSERVING) * tokens as f64,
                )
            }
            Artefact::Patterns => {
                let tokens: usize = sizes.iter().map(|s| s.dev).sum();
                (
                    format!("two models over {tokens} word pieces, all maps sorted"),
                    2.0 * (1.0 + OBSERVING) * tokens as f64,
                )
            }
            Artefact::SepCls => {
                let tokens: usize = sizes.iter().map(|s| s.dev).sum();
                (
                    format!("one model over {tokens} word pieces"),
                    tokens as f64,
                )
            }
            Artefact::Ablation => ablation(config, args, &sizes)?,
            Artefact::Framenet => ("about 500 short sentences".to_owned(), 5000.0),
            Artefact::Report => ("figures and tables into one page".to_owned(), 0.0),
        };
        total += seconds(cost);
        rows.push(vec![
            Cell::text(artefact.name()),
            Cell::text(work),
            Cell::text(duration(seconds(cost))),
        ]);
    }
    let names: Vec<&str> = tasks.iter().map(|task| task.name()).collect();
    let table = Table {
        title: format!(
            "{} on {}: about {} in all, what is done already not counted; into {}",
            model.name,
            names.join(", "),
            duration(total),
            out.display()
        ),
        columns: vec![
            Column::text("stage"),
            Column::text("work"),
            Column::text("about"),
        ],
        rows,
    };
    println!("{}", table.plain());
    Ok(())
}

fn size(args: &ReproduceArgs, model: &OpenModel, task: Task) -> anyhow::Result<Size> {
    let source = &args.source;
    let train = super::table1::training_rows(
        task,
        dataset(source, Some(task), Split::Train)?,
        args.max_train,
        args.max_train_large,
        args.seed,
    );
    let train = from_dataset(train, &model.tokenizer)?;
    let all = dataset(source, Some(task), Split::Dev)?;
    let pieces = |limit: Option<usize>| -> anyhow::Result<usize> {
        let set = match limit {
            Some(limit) => all.clone().subsample(limit, args.seed),
            None => all.clone(),
        };
        let set = from_dataset(set, &model.tokenizer)?;
        Ok(set.examples.iter().map(|e| e.encoding.len()).sum())
    };
    Ok(Size {
        train: train.examples.iter().map(|e| e.encoding.len()).sum(),
        train_rows: train.examples.len(),
        large: super::table1::is_large(task),
        scored: pieces(args.max_scored)?,
        dev: pieces(Some(args.max_eval))?,
    })
}

/// Trainings of all tasks from both initialisations, in word pieces of forward passes.
fn table1(args: &ReproduceArgs, sizes: &[Size]) -> (String, f64) {
    let (mut runs, mut cost) = (0, 0.0);
    for size in sizes {
        let seeds = match args.seeds_large {
            Some(fewer) if size.large => fewer,
            _ => args.seeds,
        };
        let epochs = args.recipe.epochs as f64;
        let one = epochs * (BACKWARD * size.train as f64 + size.scored as f64);
        cost += seeds as f64 * (2.0 * one + size.scored as f64);
        runs += 2 * seeds;
    }
    let rows: usize = sizes.iter().map(|s| s.train_rows).sum();
    (
        format!("{runs} trainings, {rows} rows over all tasks"),
        cost,
    )
}

fn ablation(
    config: &BertConfig,
    args: &ReproduceArgs,
    sizes: &[Size],
) -> anyhow::Result<(String, f64)> {
    use attn_ablate::{Plan, order, variant};
    let (layers, heads) = (config.num_hidden_layers, config.num_attention_heads);
    // Layer evaluations over layers: forward passes.
    let passes = |variants| -> anyhow::Result<f64> {
        let counts = Plan::new(layers, heads, variants)?.counts();
        Ok(counts.shared() / layers.max(1) as f64)
    };
    let mut variants = vec![variant::baseline()];
    variants.extend(variant::single_heads(layers, heads, Mode::Uniform));
    variants.extend(variant::whole_layers(layers, heads, Mode::Uniform));
    let mut work = format!("{} variants of {} models", variants.len(), sizes.len());
    let mut cost = passes(variants)? + BACKWARD; // the gradients of importance
    if args.curve_points > 0 {
        // What orders share differs little: any of them tells the cost. Every example is in one half.
        let orders = Orders::new(
            order::random(layers, heads, args.seed),
            &HeadGrid::from_fn(layers, heads, |_| 0.0),
            args.seed,
        );
        let curves = orders.variants(&counts(layers * heads, args.curve_points), Mode::Uniform);
        work.push_str(&format!(", {} more for curves", curves.len()));
        cost += passes(curves)?;
    }
    let tokens: usize = sizes.iter().map(|s| s.dev).sum();
    Ok((work, cost * tokens as f64))
}

/// Multiply-adds of one word piece in a forward pass, at 64 pieces an input.
fn per_token(config: &BertConfig) -> f64 {
    let (h, i) = (config.hidden_size as f64, config.intermediate_size as f64);
    config.num_hidden_layers as f64 * (4.0 * h * h + 2.0 * h * i + 2.0 * 64.0 * h)
}

/// Multiply-adds a second of a large matrix product on the model's device.
fn speed(model: &OpenModel) -> anyhow::Result<f64> {
    const SIZE: usize = 768;
    let random = || {
        Tensor::<2>::random(
            [SIZE, SIZE],
            Distribution::Uniform(-1.0, 1.0),
            &model.device,
        )
    };
    let (a, b) = (random(), random());
    let product = || attn_bert::to_host(a.clone().matmul(b.clone()));
    product()?;
    let start = Instant::now();
    let mut runs = 0;
    while runs < 3 || start.elapsed().as_secs_f64() < 0.3 {
        product()?;
        runs += 1;
    }
    Ok((runs * SIZE * SIZE * SIZE) as f64 / start.elapsed().as_secs_f64())
}

/// Seconds in words.
fn duration(seconds: f64) -> String {
    if seconds < 90.0 {
        format!("{:.0} s", seconds.max(1.0))
    } else if seconds < 5400.0 {
        format!("{:.0} min", seconds / 60.0)
    } else {
        format!("{:.1} h", seconds / 3600.0)
    }
}
