//! `attn table1`: scores of a model fine-tuned from its pre-trained weights, from random ones, and
//! not tuned at all (Section 4.3, Table 1).

mod output;
mod stored;

use super::evaluate::evaluate;
use super::finetune::over_runs;
use crate::cli::Table1Args;
use crate::inputs::{
    InputSet, data_name, dataset, default_folder, from_dataset, source_config, tasks,
};
use crate::labels;
use crate::model::{OpenModel, store};
use crate::run::Run;
use crate::training::{Job, REPLICATES, Scored};
use anyhow::Context;
use attn_core::{Label, Metric, Split, Task};
use attn_data::glue::{Dataset, official_rows};
use attn_train::Init;
use attn_train::metrics::{MetricEstimate, Pair, bootstrap_metric};
use output::{Outcome, Row, Score};
use std::path::Path;

/// The experiment's name in records.
pub const EXPERIMENT: &str = "table-1";
/// The folder that `attn reproduce` gives it, too.
const FOLDER: &str = "table1";
/// Tasks with more training rows in GLUE than this may be trained on fewer and with fewer seeds.
const LARGE: usize = 6000;

/// Trains what is not trained yet and writes the table.
pub fn run(args: &Table1Args) -> anyhow::Result<()> {
    if let Some(folder) = &args.from {
        return stored::run(args, folder);
    }
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
    let mut run = Run::open(
        folder,
        config,
        seed,
        model.device_name.clone(),
        &[model.checkpoint.folder(), &args.source.data, &checkpoints],
    )?;
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
    let model = model.name.clone();
    output::write(run, &model, seed, &rows)
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

/// Training and evaluation rows of a task.
fn rows_of(args: &Table1Args, task: Task) -> anyhow::Result<(Dataset, Dataset)> {
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
    Ok((train, dev))
}

/// The same, cut into tokens.
fn sets(args: &Table1Args, model: &OpenModel, task: Task) -> anyhow::Result<(InputSet, InputSet)> {
    let (train, dev) = rows_of(args, task)?;
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
    let seen = model.provenance.note(task.name());
    run.note(seen.clone());
    let labels = |set: &InputSet| -> Vec<Option<Label>> {
        set.examples.iter().map(|e| e.example.label).collect()
    };
    Ok(Row {
        task,
        train: train.examples.len(),
        split: dev.split.clone(),
        n: dev.examples.len(),
        outcomes,
        majority: majority(task, &labels(&train), &labels(&dev), seed),
        notes: seen.into_iter().chain(split_notes(&dev.notes)).collect(),
    })
}

/// Notes on where the evaluation rows come from.
fn split_notes(notes: &[String]) -> Vec<String> {
    let tells = |note: &&String| note.contains("the dev part of") || note.contains("stands in for");
    notes.iter().filter(tells).cloned().collect()
}

/// The scores of always predicting the class that is commonest among the training rows. None for
/// scores: a constant correlates with nothing.
fn majority(
    task: Task,
    train: &[Option<Label>],
    dev: &[Option<Label>],
    seed: u64,
) -> Vec<MetricEstimate> {
    let mut counts = std::collections::BTreeMap::new();
    for class in train.iter().flatten().filter_map(|label| label.class()) {
        *counts.entry(class).or_insert(0usize) += 1;
    }
    // Of equally common classes the first.
    let commonest = counts
        .iter()
        .max_by_key(|(class, n)| (**n, usize::MAX - **class));
    let Some((&class, _)) = commonest else {
        return Vec::new();
    };
    let pairs: Vec<Pair> = dev
        .iter()
        .flatten()
        .map(|label| Pair::new(class as f64, f64::from(label.value())))
        .collect();
    let estimate = |&metric: &Metric| bootstrap_metric(&pairs, metric, seed, REPLICATES);
    task.metrics().iter().map(estimate).collect()
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
        scores: (0..scores)
            .filter_map(|which| over_runs(runs, which, bootstrap_seed))
            .map(|(estimate, spread)| Score {
                metric: estimate.metric,
                mean: spread.mean,
                over_examples: estimate.interval,
                deviation: spread.deviation,
                seeds: spread.n,
                n: estimate.n,
            })
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_majority_is_the_training_rows() {
        let class = |c: usize| Some(Label::Class(c));
        let train = [class(1), class(1), class(0), None];
        let dev = [class(1), class(0), class(0), class(1), class(1)];
        let found = majority(Task::Mrpc, &train, &dev, 1);
        let of = |metric: Metric| found.iter().find(|e| e.metric == metric).unwrap();
        // 3 of 5 right; F1 = 2 * 3 / (5 + 3).
        assert!((of(Metric::Accuracy).value.unwrap() - 0.6).abs() < 1e-12);
        assert!((of(Metric::F1).value.unwrap() - 0.75).abs() < 1e-12);
        assert!(of(Metric::F1).interval.is_some());
        // Equally common: the first class, whose F1 as "positive" is 0.
        let found = majority(Task::Qqp, &[class(1), class(0)], &dev, 1);
        assert!(
            found
                .iter()
                .any(|e| e.metric == Metric::F1 && e.value == Some(0.0))
        );
        assert!(majority(Task::StsB, &[Some(Label::Score(2.0))], &[], 1).is_empty());
    }
}
