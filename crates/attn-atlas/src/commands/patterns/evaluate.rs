//! `attn patterns evaluate`: how well the network sorts maps it has not seen.

use super::{LabelledMaps, recipe, write_text};
use crate::cli::PatternEvaluateArgs;
use crate::progress::Progress;
use crate::run::Run;
use crate::stop_if_interrupted;
use anyhow::Context;
use attn_core::Finding;
use attn_core::io::{read_jsonl, write_jsonl};
use attn_core::{Pattern, Record, Task};
use attn_figures::{Cell, Column, Table};
use attn_patterns::score::{self, Confusion, Outcome};
use attn_patterns::store::Drawn;
use attn_patterns::validate::outcomes;
use attn_patterns::{
    Classifier, Known, Labelled, Prediction, Recipe, State, Stratum, ValidateError,
};
use attn_stats::verdict::at_least;
use attn_stats::{Estimate, Resampler};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::ops::ControlFlow;
use std::path::Path;

/// Bootstrap samples behind each interval.
pub const REPLICATES: usize = 1000;

/// One map that was sorted by a network which had not seen its group: a line of
/// `predictions.jsonl`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PredictionRow {
    /// The map's id.
    pub id: String,
    /// Its group.
    pub group: usize,
    /// The fold, from 0.
    pub fold: usize,
    /// Whether the map was drawn at random.
    pub drawn: Drawn,
    /// The model that made it.
    pub model: String,
    /// Before or after fine-tuning.
    pub state: State,
    /// The task that its text is from.
    pub task: Task,
    /// The label.
    pub label: Pattern,
    /// The network's class.
    pub network: Pattern,
    /// Its probabilities, in the order of [`Pattern::ALL`].
    pub probabilities: Vec<f32>,
    /// The logistic regression's class.
    pub baseline: Pattern,
}

impl PredictionRow {
    /// For scores.
    pub fn outcome(&self) -> Outcome {
        Outcome {
            truth: self.label,
            predicted: self.network,
            group: self.group,
        }
    }

    /// For error rates; `None` for a map that was searched for.
    pub fn known(&self) -> Option<Known> {
        (self.drawn == Drawn::Balanced).then(|| Known {
            stratum: Stratum::new(self.state, self.task.is_pair()),
            outcome: self.outcome(),
        })
    }
}

/// What is known of the built-in network.
const BUILT_IN: &str = include_str!("../../../../../results/patterns/predictions.jsonl");

/// Predictions of the built-in network in cross-validation.
///
/// # Errors
/// A file that another version wrote.
pub fn built_in_predictions() -> anyhow::Result<Vec<PredictionRow>> {
    BUILT_IN
        .lines()
        .map(|line| serde_json::from_str(line).context("results/patterns/predictions.jsonl"))
        .collect()
}

/// Reads `predictions.jsonl`.
///
/// # Errors
/// A missing or broken file.
pub fn read_predictions(path: &Path) -> anyhow::Result<Vec<PredictionRow>> {
    let rows: Vec<PredictionRow> = read_jsonl(path).with_context(|| {
        "predictions are what `attn patterns evaluate` writes; a file without model, state and task is \
         of an earlier version: evaluate anew"
    })?;
    anyhow::ensure!(!rows.is_empty(), "{}: no predictions", path.display());
    Ok(rows)
}

/// One classifier under one way of testing.
struct Scored {
    classifier: &'static str,
    split: String,
    scores: Vec<(String, Option<Estimate>, f64)>,
    confusion: Confusion,
}

/// Cross-validates, tests across models and writes what came out.
pub fn run(args: &PatternEvaluateArgs) -> anyhow::Result<()> {
    let labelled = &args.labelled;
    anyhow::ensure!(args.folds >= 2, "--folds must be at least 2");
    let device = labelled.backend.device(labelled.device)?;
    let data = LabelledMaps::read(&labelled.maps, labelled.labels.as_deref())?;
    let recipe = recipe(labelled);
    let config = json!({ "experiment": "patterns-evaluate", "folds": args.folds, "recipe": recipe,
        "replicates": REPLICATES, "maps": data.maps.len() });
    let device_name = labelled.backend.label(labelled.device)?;
    let inputs = [labelled.maps.as_path()];
    let mut run = Run::open(
        args.out.clone(),
        config,
        labelled.seed,
        device_name,
        &inputs,
    )?;
    run.read(data.inputs.clone());
    if run.is_done() {
        return Ok(());
    }
    let set = Labelled::new(data.maps.iter().collect(), data.labels.clone());
    let models: std::collections::BTreeSet<&str> =
        data.maps.iter().map(|m| m.entry.model.as_str()).collect();

    let (crossed, seconds) = watched("cross-validation, epochs", args.folds, &recipe, |each| {
        set.cross_validate(args.folds, &recipe, &device, each)
    })?;
    run.took("cross-validation", seconds);
    let resampler = Resampler::new(labelled.seed, REPLICATES);
    let mut scored = Vec::new();
    add(
        &mut scored,
        &crossed,
        format!("{}-fold cross-validation", args.folds),
        &resampler,
    );
    for state in [State::Pretrained, State::FineTuned] {
        let part: Vec<Prediction> = crossed
            .iter()
            .filter(|p| data.maps[p.map].entry.state == state)
            .cloned()
            .collect();
        if !part.is_empty() && part.len() < crossed.len() {
            add(
                &mut scored,
                &part,
                format!("cross-validation, {} maps", state.name()),
                &resampler,
            );
        }
    }
    let chance: Vec<Prediction> = crossed
        .iter()
        .filter(|p| data.maps[p.map].entry.drawn == Drawn::Balanced)
        .cloned()
        .collect();
    if chance.len() < crossed.len() {
        add(
            &mut scored,
            &chance,
            "cross-validation, maps drawn by chance".to_owned(),
            &resampler,
        );
    }
    if models.len() > 1 {
        let ((across, names), seconds) =
            watched("across models, epochs", models.len(), &recipe, |each| {
                set.cross_model(&recipe, &device, each)
            })?;
        run.took("across models", seconds);
        for (fold, name) in names.iter().enumerate() {
            let part: Vec<Prediction> = across.iter().filter(|p| p.fold == fold).cloned().collect();
            add(
                &mut scored,
                &part,
                format!("maps of {name}, not trained on"),
                &resampler,
            );
        }
    } else {
        run.note(["maps of one model only: not tested across models".to_owned()]);
    }

    let rows: Vec<PredictionRow> = crossed
        .iter()
        .map(|p| PredictionRow {
            id: data.maps[p.map].entry.id.clone(),
            group: p.group,
            fold: p.fold,
            drawn: data.maps[p.map].entry.drawn,
            model: data.maps[p.map].entry.model.clone(),
            state: data.maps[p.map].entry.state,
            task: data.maps[p.map].entry.task,
            label: p.truth,
            network: p.network.pattern(),
            probabilities: p.network.0.to_vec(),
            baseline: p.baseline.pattern(),
        })
        .collect();
    write_jsonl(&args.out.join("predictions.jsonl"), &rows)?;
    let mut text = score_table(&scored, labelled.seed).markdown();
    for s in &scored {
        let title = format!(
            "{}, {}: labels (rows) and what it says (columns)",
            s.classifier, s.split
        );
        text = format!(
            "{text}\n{}",
            confusion_table(&title, &s.confusion).markdown()
        );
    }
    print!("{text}");
    write_text(&args.out.join("tables/scores.md"), &text)?;
    write_text(
        &args.out.join("tables/scores.csv"),
        &score_table(&scored, labelled.seed).csv(),
    )?;
    let finding = finding(&scored, data.maps.len(), labelled.seed);
    write_jsonl(&args.out.join("findings.jsonl"), &finding)?;
    let records = records(run.name(), &scored, labelled.seed);
    let folder = run.finish(&records)?;
    println!("{}", folder.display());
    Ok(())
}

/// What the first row of scores, the network in cross-validation, says about the paper's claim.
fn finding(scored: &[Scored], maps: usize, seed: u64) -> Vec<Finding> {
    let first = scored.first().and_then(|s| s.scores.first());
    let Some((_, Some(estimate), _)) = first else {
        return Vec::new();
    };
    // The paper's F1; it does not say over which parts or how averaged.
    const PAPER: f64 = 0.86;
    vec![Finding {
        claim: "pattern-classifier".to_owned(),
        model: "network of 8 convolutions".to_owned(),
        task: None,
        verdict: at_least(estimate, PAPER),
        rule: format!("the 95 % interval lies at or above {PAPER}; below it contradicts"),
        finding: format!(
            "macro-F1 {:.3} on {maps} maps, of which no head and no sentence was seen in training; {PAPER} in the paper",
            estimate.mean
        ),
        value: Some(estimate.mean),
        ci_low: estimate.interval.map(|i| i.0),
        ci_high: estimate.interval.map(|i| i.1),
        n: maps,
        seed,
    }]
}

/// Runs trainings with progress; an interruption ends them.
fn watched<T>(
    what: &str,
    trainings: usize,
    recipe: &Recipe,
    work: impl FnOnce(&mut dyn FnMut(usize, usize, f32) -> ControlFlow<()>) -> Result<T, ValidateError>,
) -> anyhow::Result<(T, f64)> {
    let mut progress = Progress::new(what, (trainings * recipe.epochs) as u64);
    let result = work(&mut |_, _, _| {
        progress.add(1);
        match stop_if_interrupted() {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        }
    });
    stop_if_interrupted()?;
    Ok((result?, progress.finish()))
}

fn add(scored: &mut Vec<Scored>, predictions: &[Prediction], split: String, resampler: &Resampler) {
    for (classifier, name) in [
        (Classifier::Network, "network"),
        (Classifier::Baseline, "logistic regression"),
    ] {
        let outcomes = outcomes(predictions, classifier);
        let replicates = score::replicates(&outcomes, resampler);
        let confusion = score::confusion(&outcomes);
        let total = confusion.total();
        let mut scores = vec![
            (
                "macro_f1".to_owned(),
                score::estimate(&outcomes, &replicates, Confusion::macro_f1),
                total,
            ),
            (
                "accuracy".to_owned(),
                score::estimate(&outcomes, &replicates, Confusion::accuracy),
                total,
            ),
        ];
        for class in Pattern::ALL {
            let estimate = score::estimate(&outcomes, &replicates, |c| c.f1(class));
            scores.push((format!("f1_{class}"), estimate, confusion.support(class)));
        }
        scored.push(Scored {
            classifier: name,
            split: split.clone(),
            scores,
            confusion,
        });
    }
}

fn score_table(scored: &[Scored], seed: u64) -> Table {
    let mut rows = Vec::new();
    for s in scored {
        for (metric, estimate, n) in &s.scores {
            rows.push(vec![
                Cell::text(s.classifier),
                Cell::text(&s.split),
                Cell::text(metric),
                estimate.map_or(Cell::text(""), |e| Cell::estimate(e.mean, e.interval, 3)),
                Cell::number(*n, 0),
            ]);
        }
    }
    Table {
        title: format!(
            "Sorting maps into the five patterns [95 % interval, heads resampled, seed {seed}]"
        ),
        columns: vec![
            Column::text("classifier"),
            Column::text("tested on"),
            Column::text("metric"),
            Column::number("value"),
            Column::number("n"),
        ],
        rows,
    }
}

/// A confusion matrix with its margins.
pub fn confusion_table(title: &str, confusion: &Confusion) -> Table {
    let mut columns = vec![Column::text("")];
    columns.extend(Pattern::ALL.map(|p| Column::number(p.title())));
    columns.push(Column::number("all"));
    let rows = Pattern::ALL
        .iter()
        .map(|p| {
            let mut row = vec![Cell::text(p.title())];
            row.extend(confusion.counts[p.index()].map(|n| Cell::number(n, 0)));
            row.push(Cell::number(confusion.support(*p), 0));
            row
        })
        .collect();
    Table {
        title: title.to_owned(),
        columns,
        rows,
    }
}

fn records(run: &str, scored: &[Scored], seed: u64) -> Vec<Record> {
    let mut records = Vec::new();
    for s in scored {
        for (metric, estimate, n) in &s.scores {
            let Some(estimate) = estimate else { continue };
            records.push(Record {
                run: run.to_owned(),
                model: s.classifier.to_owned(),
                task: "attention-maps".to_owned(),
                split: s.split.clone(),
                experiment: "patterns-evaluate".to_owned(),
                layer: None,
                head: None,
                metric: metric.clone(),
                value: estimate.mean,
                n: *n as usize,
                seed,
                ci_low: estimate.interval.map(|i| i.0),
                ci_high: estimate.interval.map(|i| i.1),
            });
        }
    }
    records
}
