//! `attn finetune`.

use crate::cli::FinetuneArgs;
use crate::inputs::{InputSet, dataset, from_dataset};
use crate::model::OpenModel;
use crate::run::{Run, RunFolder, check_folder, write_text};
use crate::training::{Job, REPLICATES, Scored, score_table};
use anyhow::Context;
use attn_core::{Record, Split};
use attn_figures::{Cell, Column, Table};
use attn_train::Init;
use attn_train::metrics::{MetricEstimate, Pair, Spread, bootstrap_mean_metric, over_seeds};

/// Fine-tunes one model, or one for each seed.
pub fn run(args: &FinetuneArgs) -> anyhow::Result<()> {
    anyhow::ensure!(args.seeds >= 1, "--seeds 0: train at least once");
    check_folder(&args.out)?;
    let mut model = OpenModel::open(&args.model)?;
    if let Some(dropout) = args.recipe.dropout {
        model.checkpoint.set_dropout(dropout)?;
    }
    let amount = &args.amount;
    let source = args.source.of_training();
    let load = |split, limit: Option<usize>| -> anyhow::Result<InputSet> {
        let mut data = dataset(&source, args.task, split)?;
        if let Some(limit) = limit {
            data = data.subsample(limit, amount.sample_seed);
        }
        from_dataset(data, &model.tokenizer)
    };
    let train = load(Split::Train, amount.max_train)?;
    let dev = load(Split::Dev, amount.max_eval)?;
    for note in train.notes.iter().chain(&dev.notes) {
        crate::model::say(note);
    }
    // With several seeds each training has a folder of its own, and this one holds the summary.
    let place = (args.seeds > 1)
        .then(|| {
            let settings = summary_config(args, &model, dev.task.as_ref());
            let read = [model.checkpoint.folder(), &args.source.data];
            RunFolder::take(&args.out, &settings, &read)
        })
        .transpose()?;
    let mut runs = Vec::new();
    for seed in (0..args.seeds).map(|i| args.seed.wrapping_add(i)) {
        let folder = if args.seeds == 1 {
            args.out.clone()
        } else {
            args.out.join(format!("seed-{seed}"))
        };
        let job = Job {
            model: &model,
            init: args.init,
            recipe: args.recipe.recipe(seed),
            bootstrap_seed: amount.sample_seed,
            state_every: args.state_every,
            folder: folder.clone(),
        };
        let scored = job.run(&train, &dev)?;
        let title = format!("{} {}, seed {seed}", train.name, args.init);
        println!("{}", score_table(title, &scored.estimates).plain());
        println!("{}", folder.display());
        runs.push(scored);
    }
    if let Some(place) = place {
        summarise(args, place, &model, &dev, &runs)?;
    }
    Ok(())
}

/// The mean of one score over seeds, with the interval over examples, and the spread over seeds.
pub fn over_runs(
    runs: &[Scored],
    which: usize,
    bootstrap_seed: u64,
) -> Option<(MetricEstimate, Spread)> {
    let metric = runs.first()?.estimates.get(which)?.metric;
    let pairs: Vec<&[Pair]> = runs.iter().map(|run| run.pairs.as_slice()).collect();
    let values: Option<Vec<f64>> = runs
        .iter()
        .map(|run| run.estimates.get(which)?.value)
        .collect();
    let estimate = bootstrap_mean_metric(&pairs, metric, bootstrap_seed, REPLICATES);
    Some((estimate, over_seeds(&values?)?))
}

/// Every setting of a summary over seeds.
fn summary_config(
    args: &FinetuneArgs,
    model: &OpenModel,
    task: Option<&attn_data::glue::TaskRef>,
) -> serde_json::Value {
    serde_json::json!({
        "experiment": "finetune over seeds", "model": model.name, "task": task, "init": args.init,
        "recipe": args.recipe.recipe(args.seed), "seeds": args.seeds, "replicates": REPLICATES,
    })
}

/// Mean, standard deviation and interval over the seeds, as records and a table.
fn summarise(
    args: &FinetuneArgs,
    place: RunFolder,
    model: &OpenModel,
    dev: &InputSet,
    runs: &[Scored],
) -> anyhow::Result<()> {
    let bootstrap_seed = args.amount.sample_seed;
    let config = summary_config(args, model, dev.task.as_ref());
    let mut run = Run::new(place, config, args.seed, model.device_name.clone());
    run.read(model.inputs.iter().chain(&dev.inputs).cloned());
    run.note(dev.notes.iter().cloned());
    if args.init == Init::Pretrained {
        run.note(model.provenance.note(&dev.name));
    }
    let (mut rows, mut records) = (Vec::new(), Vec::new());
    let scores = runs.first().context("no training")?.estimates.len();
    for which in 0..scores {
        let Some((estimate, spread)) = over_runs(runs, which, bootstrap_seed) else {
            continue;
        };
        rows.push(vec![
            Cell::text(estimate.metric.name()),
            Cell::estimate(spread.mean, estimate.interval, 4),
            spread
                .deviation
                .map_or(Cell::text("-"), |sd| Cell::number(sd, 4)),
            Cell::number(spread.n as f64, 0),
            Cell::number(estimate.n as f64, 0),
        ]);
        let mut record = |metric: String, value, interval: Option<(f64, f64)>, n| {
            records.push(Record {
                run: run.name().to_owned(),
                model: model.name.clone(),
                task: dev.name.clone(),
                split: dev.split.clone(),
                experiment: "finetune".to_owned(),
                layer: None,
                head: None,
                metric,
                value,
                n,
                seed: args.seed,
                ci_low: interval.map(|i| i.0),
                ci_high: interval.map(|i| i.1),
            });
        };
        let name = estimate.metric.name();
        record(
            format!("{name}_mean"),
            spread.mean,
            estimate.interval,
            estimate.n,
        );
        if let Some(deviation) = spread.deviation {
            record(format!("{name}_sd"), deviation, None, spread.n);
        }
    }
    let table = Table {
        title: format!("{} {}, over {} seeds", dev.name, args.init, runs.len()),
        columns: vec![
            Column::text("score"),
            Column::number("mean [95 % interval over examples]"),
            Column::number("SD over seeds"),
            Column::number("seeds"),
            Column::number("n"),
        ],
        rows,
    };
    write_text(&args.out.join("scores.md"), &table.markdown())?;
    write_text(&args.out.join("scores.csv"), &table.csv())?;
    let folder = run.finish(&records)?;
    println!("{}", table.plain());
    println!("{}", folder.join("scores.md").display());
    Ok(())
}
