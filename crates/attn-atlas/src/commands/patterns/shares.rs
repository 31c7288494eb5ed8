//! `attn patterns shares`: Figure 2 for one model, before and after fine-tuning, and each head's
//! most frequent class.

use super::evaluate::{REPLICATES, built_in_predictions, read_predictions};
use super::{network, shares_output};
use crate::cli::{ModelArgs, SharesArgs};
use crate::commands::maps::sample::{texts_of, tuned_states};
use crate::forward::observe_all;
use crate::held_out::TrainedOn;
use crate::inputs::{self, InputSet, Prepared};
use crate::model::LoadedModel;
use crate::progress::Progress;
use crate::run::Run;
use anyhow::Context;
use attn_core::io::write_jsonl;
use attn_core::{Pattern, Record, Task};
use attn_data::tokenise::PieceRole;
use attn_patterns::score::{self, Confusion, Outcome};
use attn_patterns::store::Drawn;
use attn_patterns::{Engine, PatternShares, State};
use attn_stats::{Annotation, Estimate, Resampler};
use serde_json::json;
use std::collections::BTreeMap;

/// The experiment's name in records.
pub const EXPERIMENT: &str = "patterns-shares";

/// What one task gave in one state.
pub struct Measured {
    /// The task.
    pub task: String,
    /// The part of the data.
    pub split: String,
    /// Before or after fine-tuning.
    pub state: State,
    /// Examples.
    pub n: usize,
    /// Grid of the model.
    pub grid: (usize, usize),
    /// Shares of what the network says.
    pub plain: [Estimate; 5],
    /// The same, corrected for its errors.
    pub corrected: [Estimate; 5],
    /// By head, layer by layer.
    pub heads: Vec<[Estimate; 5]>,
}

/// What the network is known to confuse.
struct Errors {
    all: Confusion,
    replicates: Vec<Confusion>,
}

/// Measures, then writes records, tables and figures.
pub fn run(args: &SharesArgs) -> anyhow::Result<()> {
    let tasks = inputs::tasks(&args.data.source, &args.tasks, args.data.split)?;
    let (engine, network_files) = network::open(&args.network)?;
    let rows = match (&args.errors, &args.network.network) {
        (Some(path), _) => read_predictions(path)?,
        (None, None) => built_in_predictions()?,
        (None, Some(_)) => anyhow::bail!(
            "--errors is missing: with a network of your own, name the predictions.jsonl that \
             `attn patterns evaluate` wrote for it"
        ),
    };
    // Heterogeneous or mixed maps that a search for rare kinds found are the hard ones: errors on
    // them are not those on all maps of a task. Of the rare kinds themselves too few come by chance.
    let rare = [Pattern::Diagonal, Pattern::Block];
    let known = rows
        .iter()
        .filter(|r| r.drawn == Drawn::Balanced || rare.contains(&r.label));
    let outcomes: Vec<Outcome> = known.map(|r| r.outcome()).collect();
    let seed = args.data.seed;
    // Streams of the errors' bootstrap must not be those of the examples'.
    let errors = Errors {
        all: score::confusion(&outcomes),
        replicates: score::replicates(&outcomes, &Resampler::new(seed ^ 0x5eed, REPLICATES)),
    };
    let model = LoadedModel::open(&args.model)?;
    let tuned = match &args.checkpoints {
        Some(root) => tuned_states(root, &model.name)?,
        None => BTreeMap::new(),
    };
    let folder = args
        .out
        .clone()
        .unwrap_or_else(|| inputs::default_folder(&model.name, &args.data.source.data, "patterns"));
    let config = json!({
        "experiment": EXPERIMENT, "model": model.name, "split": args.data.split, "tasks": tasks,
        "tuned": tuned.keys().collect::<Vec<_>>(), "max_eval": args.data.max_eval,
        "max_length": args.model.max_length, "replicates": REPLICATES, "known_errors": errors.all,
    });
    let mut run = Run::new(folder, config, seed, model.device.clone());
    run.read(model.inputs.clone());
    run.read(network_files);
    if let Some(path) = &args.errors {
        run.read([crate::run::input_file("known errors", path)?]);
    }
    run.note(model.notes.clone());
    let resampler = Resampler::new(seed, REPLICATES);
    let mut measured = Vec::new();
    for &task in &tasks {
        // Both states are measured on the same rows.
        let after = match tuned.get(&task) {
            Some(path) => TrainedOn::of(path)?,
            None => TrainedOn::default(),
        };
        let data = args.data.beside([&model.trained_on, &after]);
        let set = inputs::from_task(&data, Some(task), &model.tokenizer)?;
        run.read(set.inputs.clone());
        run.note(set.notes.clone());
        let mut progress = progress_of(task, State::Pretrained, &set);
        measured.push(measure(
            &model,
            &engine,
            &errors,
            &set,
            State::Pretrained,
            &resampler,
            &mut progress,
        )?);
        run.took(format!("{EXPERIMENT} {task}"), progress.finish());
        let Some(path) = tuned.get(&task) else {
            continue;
        };
        let args = ModelArgs {
            model: path.clone(),
            ..args.model.clone()
        };
        let tuned = LoadedModel::open(&args)?;
        run.read(tuned.inputs.iter().cloned().map(|mut input| {
            input.role = format!("{} (tuned on {task})", input.role);
            input
        }));
        let mut progress = progress_of(task, State::FineTuned, &set);
        measured.push(measure(
            &tuned,
            &engine,
            &errors,
            &set,
            State::FineTuned,
            &resampler,
            &mut progress,
        )?);
        run.took(format!("{EXPERIMENT} {task} tuned"), progress.finish());
    }
    shares_output::write(run.folder(), &model.name, &measured, seed)?;
    let findings = shares_output::findings(&model.name, &measured, seed)?;
    write_jsonl(&run.folder().join("findings.jsonl"), &findings)?;
    let records = records(run.name(), &model.name, &measured, seed);
    let folder = run.finish(&records)?;
    println!("{}", folder.display());
    Ok(())
}

fn progress_of(task: Task, state: State, set: &InputSet) -> Progress {
    let what = format!("{EXPERIMENT} {task} {}", state.name());
    Progress::new(what, set.examples.len() as u64)
}

/// What [`PatternShares`] reads of an example's tokens.
fn annotation(example: &Prepared) -> Annotation {
    let encoding = &example.encoding;
    let texts = texts_of(encoding);
    let second = (0..encoding.len())
        .filter(|&i| texts.get(i) == Some(&1))
        .collect();
    let [cls, sep, second_text] = attn_patterns::shares::FEATURES.map(str::to_owned);
    Annotation::of_features(
        [
            (cls, encoding.positions(PieceRole::Cls)),
            (sep, encoding.positions(PieceRole::Sep)),
            (second_text, second),
        ]
        .into(),
    )
}

fn measure(
    model: &LoadedModel,
    engine: &Engine,
    errors: &Errors,
    set: &InputSet,
    state: State,
    resampler: &Resampler,
    progress: &mut Progress,
) -> anyhow::Result<Measured> {
    let grid = (model.encoder.layers(), model.encoder.heads());
    let mut shares = PatternShares::new(engine, grid.0, grid.1, resampler);
    observe_all(
        &model.encoder,
        &set.examples,
        annotation,
        resampler,
        &mut shares,
        progress,
    )?;
    let empty = || format!("{}: no examples", set.name);
    Ok(Measured {
        task: set.name.clone(),
        split: set.split.clone(),
        state,
        n: shares.n(),
        grid,
        plain: shares.plain().with_context(empty)?,
        corrected: shares
            .corrected(&errors.all, &errors.replicates)
            .with_context(empty)?,
        heads: shares.heads().with_context(empty)?,
    })
}

fn records(run: &str, model: &str, measured: &[Measured], seed: u64) -> Vec<Record> {
    let mut records = Vec::new();
    for m in measured {
        let record = |metric: String, head: Option<(usize, usize)>, e: &Estimate| Record {
            run: run.to_owned(),
            model: match m.state {
                State::Pretrained => model.to_owned(),
                State::FineTuned => format!("{model} (fine-tuned)"),
            },
            task: m.task.clone(),
            split: m.split.clone(),
            experiment: EXPERIMENT.to_owned(),
            layer: head.map(|h| h.0),
            head: head.map(|h| h.1),
            metric,
            value: e.mean,
            n: e.n,
            seed,
            ci_low: e.interval.map(|i| i.0),
            ci_high: e.interval.map(|i| i.1),
        };
        for class in Pattern::ALL {
            let i = class.index();
            records.push(record(format!("share_{class}"), None, &m.plain[i]));
            records.push(record(
                format!("share_{class}_corrected"),
                None,
                &m.corrected[i],
            ));
            for (h, estimates) in m.heads.iter().enumerate() {
                let place = (h / m.grid.1.max(1), h % m.grid.1.max(1));
                records.push(record(
                    format!("head_share_{class}"),
                    Some(place),
                    &estimates[i],
                ));
            }
        }
    }
    records
}
