//! `attn table1`: scores of a model fine-tuned from its pre-trained weights, from random ones, and
//! not tuned at all (Section 4.3, Table 1).

use super::evaluate::evaluate;
use super::finetune::over_runs;
use crate::cli::Table1Args;
use crate::inputs::{
    InputSet, data_name, dataset, default_folder, from_dataset, source_config, tasks,
};
use crate::labels;
use crate::model::{OpenModel, store};
use crate::run::{Run, write_text};
use crate::training::{Job, REPLICATES, Scored};
use anyhow::Context;
use attn_core::{Metric, Record, Split, Task};
use attn_data::glue::{Dataset, official_rows};
use attn_figures::{Cell, Column, Table};
use attn_train::Init;
use attn_train::metrics::{MetricEstimate, Spread};
use serde::Deserialize;
use std::path::Path;

const EXPERIMENT: &str = "table-1";
/// The folder that `attn reproduce` gives it, too.
const FOLDER: &str = "table1";
/// The paper's figures.
const PAPER: &str = include_str!("../../../../results/paper/table-1.json");
/// Tasks with more training rows in GLUE than this may be trained on fewer and with fewer seeds.
const LARGE: usize = 6000;

#[derive(Deserialize)]
struct Paper {
    scores: Vec<PaperScore>,
}

#[derive(Deserialize)]
struct PaperScore {
    task: Task,
    metric: Metric,
    untuned: f64,
    normal: f64,
    pretrained: f64,
}

/// One column of the table for one task: its scores over seeds.
struct Outcome {
    /// `untuned`, `normal` or `pretrained`.
    state: &'static str,
    estimates: Vec<(MetricEstimate, Spread)>,
}

/// One task.
struct Row {
    task: Task,
    train: usize,
    dev: InputSet,
    outcomes: Vec<Outcome>,
}

/// Trains what is not trained yet and writes the table.
pub fn run(args: &Table1Args) -> anyhow::Result<()> {
    let args = &Table1Args {
        source: args.source.of_training(),
        ..args.clone()
    };
    let chosen = tasks(&args.source, &args.tasks, Split::Dev)?;
    let mut model = OpenModel::open(&args.model)?;
    if let Some(dropout) = args.recipe.dropout {
        model.checkpoint.set_dropout(dropout)?;
    }
    let checkpoints = match &args.checkpoints {
        Some(folder) => folder.clone(),
        None => store(&args.model.cache)?
            .0
            .root()
            .join("checkpoints")
            .join(format!("{}-{}", model.name, data_name(&args.source.data))),
    };
    let folder = args
        .out
        .clone()
        .unwrap_or_else(|| default_folder(&model.name, &args.source.data, FOLDER));
    let config = serde_json::json!({
        "experiment": EXPERIMENT, "model": model.name, "tasks": chosen, "inits": args.inits,
        "recipe": args.recipe.recipe(0), "seeds": args.seeds, "seeds_large": args.seeds_large,
        "max_train": args.amount.max_train, "max_train_large": args.max_train_large, "max_eval": args.amount.max_eval,
        "max_length": args.model.max_length, "replicates": REPLICATES,
        "source": source_config(&args.source), "dropout": args.recipe.dropout,
    });
    let seed = args.amount.sample_seed;
    let mut run = Run::new(folder, config, seed, model.device_name.clone());
    run.read(model.inputs.iter().cloned());
    for &task in &chosen {
        for split in [Split::Train, Split::Dev] {
            run.read(dataset(&args.source, Some(task), split)?.inputs);
        }
    }
    // The checkpoints are no outputs of this folder, and later stages read them: they are looked at
    // whether the table is there or not.
    if !args.no_train && run.is_done() {
        for &task in &chosen {
            let (train, dev) = sets(args, &model, task)?;
            trained(args, &model, task, &checkpoints, &train, &dev)?;
        }
        return Ok(());
    }
    let mut rows = Vec::new();
    for task in chosen {
        let clock = std::time::Instant::now();
        rows.push(one_task(args, &model, task, &checkpoints, &mut run)?);
        run.took(
            format!("{EXPERIMENT} {task}"),
            clock.elapsed().as_secs_f64(),
        );
    }
    let table = table(&model.name, &rows)?;
    let records = records(run.name(), &model.name, seed, &rows);
    let tables = run.folder().join("tables");
    write_text(&tables.join("table-1.md"), &table.markdown())?;
    write_text(&tables.join("table-1.csv"), &table.csv())?;
    let folder = run.finish(&records)?;
    println!("{}", table.plain());
    println!("{}", folder.join("tables/table-1.md").display());
    Ok(())
}

/// Whether GLUE's training set of a task is large, however much of it there is here.
pub fn is_large(task: Task) -> bool {
    official_rows(task, Split::Train) > LARGE
}

/// The rows that a training gets of all that there are.
pub fn training_rows(
    task: Task,
    all: Dataset,
    limit: Option<usize>,
    large: Option<usize>,
    seed: u64,
) -> Dataset {
    let limit = match (is_large(task), large) {
        (true, Some(large)) => Some(limit.map_or(large, |limit| limit.min(large))),
        _ => limit,
    };
    match limit {
        Some(limit) => all.subsample(limit, seed),
        None => all,
    }
}

/// Training and evaluation examples of a task.
fn sets(args: &Table1Args, model: &OpenModel, task: Task) -> anyhow::Result<(InputSet, InputSet)> {
    let amount = &args.amount;
    let train = training_rows(
        task,
        dataset(&args.source, Some(task), Split::Train)?,
        amount.max_train,
        args.max_train_large,
        amount.sample_seed,
    );
    let mut dev = dataset(&args.source, Some(task), Split::Dev)?;
    if let Some(limit) = amount.max_eval {
        dev = dev.subsample(limit, amount.sample_seed);
    }
    Ok((
        from_dataset(train, &model.tokenizer)?,
        from_dataset(dev, &model.tokenizer)?,
    ))
}

/// Trains what is not trained yet; the scores of each initialisation's runs.
fn trained(
    args: &Table1Args,
    model: &OpenModel,
    task: Task,
    checkpoints: &Path,
    train: &InputSet,
    dev: &InputSet,
) -> anyhow::Result<Vec<(Init, Vec<Scored>)>> {
    let seeds = match args.seeds_large {
        Some(fewer) if is_large(task) => fewer,
        _ => args.seeds,
    };
    let mut all = Vec::new();
    for &init in &args.inits {
        let mut runs = Vec::new();
        for seed in 1..=seeds {
            let job = Job {
                model,
                init,
                recipe: args.recipe.recipe(seed),
                bootstrap_seed: args.amount.sample_seed,
                state_every: 100,
                folder: checkpoints.join(format!("{task}-{init}-s{seed}")),
            };
            if args.no_train && !job.is_done() {
                continue;
            }
            runs.push(job.run(train, dev)?);
        }
        all.push((init, runs));
    }
    Ok(all)
}

fn one_task(
    args: &Table1Args,
    model: &OpenModel,
    task: Task,
    checkpoints: &Path,
    run: &mut Run,
) -> anyhow::Result<Row> {
    let seed = args.amount.sample_seed;
    let (train, dev) = sets(args, model, task)?;
    run.note(train.notes.iter().chain(&dev.notes).cloned());
    run.note(labels::start(model, &dev)?.notes);
    let untuned = (1..=args.seeds)
        .map(|fresh| untuned(model, &dev, fresh, seed))
        .collect::<anyhow::Result<Vec<_>>>()?;
    let mut outcomes = vec![outcome("untuned", &untuned, seed)];
    for (init, runs) in trained(args, model, task, checkpoints, &train, &dev)? {
        let state = match init {
            Init::Pretrained => "pretrained",
            Init::Normal => "normal",
        };
        if !runs.is_empty() {
            outcomes.push(outcome(state, &runs, seed));
        }
    }
    Ok(Row {
        task,
        train: train.examples.len(),
        dev,
        outcomes,
    })
}

/// Table 1's first column: the pre-trained encoder under a random classifier. Its score says how
/// the classifier fell, so that it is taken over seeds as well.
fn untuned(
    model: &OpenModel,
    dev: &InputSet,
    seed: u64,
    bootstrap_seed: u64,
) -> anyhow::Result<Scored> {
    let task = dev.task.as_ref().context("no task")?;
    let start = labels::start(model, dev)?;
    let (classifier, _) = start.load(model, seed)?;
    let (evaluation, _) = evaluate(&classifier, dev, task)?;
    Ok(Scored::new(
        evaluation.pairs,
        task.metrics(),
        bootstrap_seed,
    ))
}

fn outcome(state: &'static str, runs: &[Scored], bootstrap_seed: u64) -> Outcome {
    let scores = runs.first().map_or(0, |run| run.estimates.len());
    Outcome {
        state,
        estimates: (0..scores)
            .filter_map(|which| over_runs(runs, which, bootstrap_seed))
            .collect(),
    }
}

fn records(run: &str, model: &str, seed: u64, rows: &[Row]) -> Vec<Record> {
    let mut records = Vec::new();
    for row in rows {
        for outcome in &row.outcomes {
            for (estimate, spread) in &outcome.estimates {
                let name = format!("{}_{}", outcome.state, estimate.metric);
                let mut record = |metric, value, n, interval: Option<(f64, f64)>| {
                    records.push(Record {
                        run: run.to_owned(),
                        model: model.to_owned(),
                        task: row.task.name().to_owned(),
                        split: row.dev.split.clone(),
                        experiment: EXPERIMENT.to_owned(),
                        layer: None,
                        head: None,
                        metric,
                        value,
                        n,
                        seed,
                        ci_low: interval.map(|i| i.0),
                        ci_high: interval.map(|i| i.1),
                    });
                };
                record(name.clone(), spread.mean, estimate.n, estimate.interval);
                if let Some(deviation) = spread.deviation {
                    record(format!("{name}_sd_over_seeds"), deviation, spread.n, None);
                }
            }
        }
    }
    records
}

/// Ours beside the paper's, in points, one row a task and score.
fn table(model: &str, rows: &[Row]) -> anyhow::Result<Table> {
    let paper: Paper = serde_json::from_str(PAPER).context("results/paper/table-1.json")?;
    let mut lines = Vec::new();
    for row in rows {
        let metrics: &[Metric] = match row.task {
            // The parts of the mean are in the records.
            Task::StsB => &row.task.metrics()[..1],
            _ => row.task.metrics(),
        };
        for &metric in metrics {
            let published = paper
                .scores
                .iter()
                .find(|p| p.task == row.task && p.metric == metric);
            let mut line = vec![Cell::text(row.task.name()), Cell::text(metric.name())];
            for state in ["untuned", "normal", "pretrained"] {
                let theirs = published.map(|p| match state {
                    "untuned" => p.untuned,
                    "normal" => p.normal,
                    _ => p.pretrained,
                });
                line.push(theirs.map_or(Cell::Missing, |value| Cell::number(value, 1)));
                let ours = row
                    .outcomes
                    .iter()
                    .find(|o| o.state == state)
                    .and_then(|o| o.estimates.iter().find(|(e, _)| e.metric == metric));
                match ours {
                    Some((estimate, spread)) => {
                        let points = |(low, high)| (100.0 * low, 100.0 * high);
                        line.push(Cell::estimate(
                            100.0 * spread.mean,
                            estimate.interval.map(points),
                            1,
                        ));
                        let deviation = spread.deviation;
                        line.push(
                            deviation.map_or(Cell::Missing, |sd| Cell::number(100.0 * sd, 1)),
                        );
                        line.push(Cell::number(spread.n as f64, 0));
                    }
                    None => line.extend([Cell::Missing, Cell::Missing, Cell::Missing]),
                }
            }
            line.push(Cell::number(row.train as f64, 0));
            line.push(Cell::number(row.dev.examples.len() as f64, 0));
            lines.push(line);
        }
    }
    let mut columns = vec![Column::text("task"), Column::text("score")];
    for state in [
        "un-tuned",
        "from random weights",
        "from pre-trained weights",
    ] {
        columns.push(Column::number(format!("{state}: paper")));
        columns.push(Column::number(format!("{state}: ours")));
        columns.push(Column::number("SD over seeds"));
        columns.push(Column::number("seeds"));
    }
    columns.push(Column::number("training examples"));
    columns.push(Column::number("n"));
    Ok(Table {
        title: format!(
            "Table 1: scores in points, {model}; mean over seeds [95 % interval over examples]"
        ),
        columns,
        rows: lines,
    })
}
