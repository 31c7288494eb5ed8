//! `attn patterns shares`: Figure 2 for one model, before and after fine-tuning, and each head's
//! most frequent class.

use super::evaluate::{PredictionRow, REPLICATES, built_in_predictions, read_predictions};
use super::{network, shares_findings, shares_output};
use crate::cli::{ModelArgs, SharesArgs};
use crate::commands::maps::sample::{texts_of, tuned_states};
use crate::forward::observe_all;
use crate::held_out::TrainedOn;
use crate::inputs::{self, InputSet, Prepared};
use crate::model::{LoadedModel, OpenModel};
use crate::progress::Progress;
use crate::run::Run;
use anyhow::Context;
use attn_core::io::write_jsonl;
use attn_core::{InputFile, Pattern, Record, Task};
use attn_data::tokenise::PieceRole;
use attn_patterns::{Engine, ErrorRates, Known, PatternShares, Proportions, State, Stratum};
use attn_stats::{Annotation, Estimate, Resampler};
use serde_json::json;
use std::collections::BTreeMap;
use std::path::Path;

/// The experiment's name in records.
pub const EXPERIMENT: &str = "patterns-shares";
/// What a model's name in records has behind it after fine-tuning.
pub const TUNED_SUFFIX: &str = " (fine-tuned)";

/// What one task gave in one state.
pub struct Measured {
    /// The task.
    pub task: String,
    /// Whether its inputs are pairs of texts.
    pub paired: bool,
    /// The part of the data.
    pub split: String,
    /// Before or after fine-tuning.
    pub state: State,
    /// Examples.
    pub n: usize,
    /// Grid of the model.
    pub grid: (usize, usize),
    /// Proportions of what the network says.
    pub plain: [Estimate; 5],
    /// The same with replicates.
    pub sorted: Proportions,
    /// The same, corrected for the network's errors; `None` when there are no labelled maps of this
    /// state and kind of input.
    pub corrected: Option<Proportions>,
    /// By head, layer by layer.
    pub heads: Vec<[Estimate; 5]>,
}

impl Measured {
    /// Whose error rates count.
    pub fn stratum(&self) -> Stratum {
        Stratum::new(self.state, self.paired)
    }
}

/// Measures (or reads what was measured), corrects, then writes records, tables and figures.
pub fn run(args: &SharesArgs) -> anyhow::Result<()> {
    run_with(args, &[], Vec::new(), |_| Ok(()))
}

/// As [`run`], with more figures in the same folder and manifest: their names, the files that they
/// are made from beside those of the proportions, and a function that draws them into a folder.
pub fn run_with(
    args: &SharesArgs,
    more: &[&str],
    more_inputs: Vec<InputFile>,
    draw: impl FnOnce(&Path) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let rows = match (&args.errors, &args.network.network) {
        (Some(path), _) => read_predictions(path)?,
        (None, None) => built_in_predictions()?,
        (None, Some(_)) => anyhow::bail!(
            "--errors is missing: with a network of your own, name the predictions.jsonl that \
             `attn patterns evaluate` wrote for it"
        ),
    };
    // Maps that a search for rare patterns found are the hard ones (or the easy ones) of their
    // class: errors on them are not those on all maps of a task.
    let known: Vec<Known> = rows.iter().filter_map(PredictionRow::known).collect();
    let seed = args.data.seed;
    // Streams of the errors' bootstrap must not be those of the examples'.
    let rates = ErrorRates::new(&known, seed ^ 0x5eed, REPLICATES);
    let resampler = Resampler::new(seed, REPLICATES);
    let mut extra = more_inputs;
    if let Some(path) = &args.errors {
        extra.push(crate::run::input_file("known errors", path)?);
    }
    let found = match &args.from {
        Some(folder) => Some(from_records(args, folder, extra, &known, &resampler)?),
        None => from_model(args, (more, extra), &known, &resampler)?,
    };
    let Some((mut run, model, mut measured)) = found else {
        return Ok(()); // done before
    };
    for m in &mut measured {
        m.corrected = rates.correct(&m.sorted, m.stratum());
        if m.corrected.is_none() {
            run.note([format!(
                "{} {}: not corrected: no map that was drawn at random is labelled for '{}'",
                m.task,
                m.state.name(),
                m.stratum().name()
            )]);
        }
    }
    run.note([
        "corrected: multi-class adjusted classify-and-count, solved by maximum likelihood, with error rates by \
         state and by single or paired input; it assumes that maps of a pattern are as hard to tell here as among \
         the labelled ones. Intervals: bootstrap over examples, Bayesian bootstrap over the labelled maps' heads. Rates of \
         fine-tuned maps are of all-MiniLM-L6-v2's pairs alone"
            .to_owned(),
    ]);
    shares_output::write(run.folder(), &model, &measured, seed)?;
    let findings = shares_findings::findings(&model, &measured, seed)?;
    write_jsonl(&run.folder().join("findings.jsonl"), &findings)?;
    draw(&run.folder().join("figures"))?;
    let records = records(run.name(), &model, &measured, seed);
    let folder = run.finish(&records)?;
    println!("{}", folder.display());
    Ok(())
}

/// Labelled maps by stratum, for the manifest.
fn known_counts(known: &[Known]) -> serde_json::Value {
    let count = |s: Stratum| known.iter().filter(|k| k.stratum == s).count();
    let counts = Stratum::ALL.map(|s| (s.name(), json!(count(s))));
    serde_json::Value::Object(counts.into_iter().collect())
}

/// A run that was measured before.
fn from_records(
    args: &SharesArgs,
    folder: &Path,
    extra: Vec<InputFile>,
    known: &[Known],
    resampler: &Resampler,
) -> anyhow::Result<(Run, String, Vec<Measured>)> {
    let stored = super::stored::read(folder, resampler)?;
    let out = args.out.clone().unwrap_or_else(|| folder.to_owned());
    let mut config = stored.manifest.config.clone();
    if let Some(config) = config.as_object_mut() {
        config.remove("known_errors");
        config.insert("known_maps".to_owned(), known_counts(known));
        config.insert("recomputed".to_owned(), json!("from records"));
    }
    let device = stored.manifest.device.clone();
    let mut run = Run::open(out, config, args.data.seed, device, &[])?;
    run.read(stored.manifest.inputs.clone());
    run.read(extra);
    run.read([crate::run::input_file("records", &stored.records)?]);
    run.note(
        stored
            .manifest
            .notes
            .iter()
            .filter(|n| !is_own_note(n))
            .cloned(),
    );
    if !stored
        .manifest
        .notes
        .iter()
        .any(|n| n.starts_with(MEASURED))
    {
        run.note([format!(
            "{MEASURED} `{}` at revision {}; corrected anew from the records, with intervals over examples taken \
             for normal and, for changes, independent before and after",
            stored.manifest.command.join(" "),
            stored.manifest.git.as_deref().unwrap_or("unknown"),
        )]);
    } else {
        run.note(
            stored
                .manifest
                .notes
                .iter()
                .filter(|n| n.starts_with(MEASURED))
                .cloned(),
        );
    }
    Ok((run, stored.model, stored.measured))
}

/// How the note on where stored numbers come from begins.
const MEASURED: &str = "sorted by";

/// Notes that this command writes anew.
fn is_own_note(note: &str) -> bool {
    note.starts_with("corrected: ")
        || note.contains(": not corrected: ")
        || note.starts_with(MEASURED)
}

/// Runs the model, and the fine-tuned ones; `None` when the folder holds this run, whole. `more` names
/// the figures that are drawn beside, `extra` the files that they and the correction are made from.
fn from_model(
    args: &SharesArgs,
    (more, extra): (&[&str], Vec<InputFile>),
    known: &[Known],
    resampler: &Resampler,
) -> anyhow::Result<Option<(Run, String, Vec<Measured>)>> {
    let tasks = inputs::tasks(&args.data.source, &args.tasks, args.data.split)?;
    let (engine, network_files) = network::open(&args.network)?;
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
        "max_length": args.model.max_length, "replicates": REPLICATES, "known_maps": known_counts(known),
        "source": inputs::source_config(&args.data.source), "figures": more,
    });
    let mut read: Vec<&Path> = vec![&model.folder, &args.data.source.data];
    read.extend(args.checkpoints.as_deref());
    let mut run = Run::open(folder, config, args.data.seed, model.device.clone(), &read)?;
    run.read(model.inputs.clone());
    run.read(network_files);
    run.read(extra);
    run.note(model.notes.clone());
    for &task in &tasks {
        run.read(inputs::dataset(&args.data.source, Some(task), args.data.split)?.inputs);
        if let Some(path) = tuned.get(&task) {
            let files = OpenModel::open(&tuned_args(args, path))?.inputs;
            run.read(files.into_iter().map(|mut input| {
                input.role = format!("{} (tuned on {task})", input.role);
                input
            }));
        }
    }
    if run.is_done() {
        return Ok(None);
    }
    let mut measured = Vec::new();
    for &task in &tasks {
        // Both states are measured on the same rows.
        let after = match tuned.get(&task) {
            Some(path) => TrainedOn::of(path)?,
            None => TrainedOn::default(),
        };
        let data = args.data.beside([&model.trained_on, &after]);
        let set = inputs::from_task(&data, Some(task), &model.tokenizer)?;
        run.note(set.notes.clone());
        let state = State::Pretrained;
        let mut progress = progress_of(task, state, &set);
        measured.push(measure(
            &model,
            &engine,
            (task, &set),
            state,
            resampler,
            &mut progress,
        )?);
        run.took(format!("{EXPERIMENT} {task}"), progress.finish());
        let Some(path) = tuned.get(&task) else {
            continue;
        };
        let tuned = LoadedModel::open(&tuned_args(args, path))?;
        let state = State::FineTuned;
        let mut progress = progress_of(task, state, &set);
        measured.push(measure(
            &tuned,
            &engine,
            (task, &set),
            state,
            resampler,
            &mut progress,
        )?);
        run.took(format!("{EXPERIMENT} {task} tuned"), progress.finish());
    }
    Ok(Some((run, model.name, measured)))
}

/// The model that was tuned, in place of the one it was tuned from.
fn tuned_args(args: &SharesArgs, path: &Path) -> ModelArgs {
    ModelArgs {
        model: path.to_owned(),
        ..args.model.clone()
    }
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
    (task, set): (Task, &InputSet),
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
    let sorted = shares.proportions().with_context(empty)?;
    Ok(Measured {
        task: set.name.clone(),
        paired: task.is_pair(),
        split: set.split.clone(),
        state,
        n: shares.n(),
        grid,
        plain: sorted.estimates(),
        sorted,
        corrected: None,
        heads: shares.heads().with_context(empty)?,
    })
}

fn records(run: &str, model: &str, measured: &[Measured], seed: u64) -> Vec<Record> {
    let mut records = Vec::new();
    for m in measured {
        let changed = shares_findings::change(measured, m);
        let record = |metric: String, head: Option<(usize, usize)>, e: &Estimate| Record {
            run: run.to_owned(),
            model: match m.state {
                State::Pretrained => model.to_owned(),
                State::FineTuned => format!("{model}{TUNED_SUFFIX}"),
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
            if let Some(corrected) = &m.corrected {
                let metric = format!("share_{class}_corrected");
                records.push(record(metric, None, &corrected.estimates()[i]));
            }
            if let Some((sorted, corrected)) = &changed {
                records.push(record(format!("share_{class}_change"), None, &sorted[i]));
                if let Some(corrected) = corrected {
                    let metric = format!("share_{class}_change_corrected");
                    records.push(record(metric, None, &corrected[i]));
                }
            }
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
