//! `attn evaluate`.

use crate::cli::EvaluateArgs;
use crate::inputs::{InputSet, dataset, from_dataset};
use crate::labels;
use crate::model::OpenModel;
use crate::progress::Progress;
use crate::run::{Run, check_folder};
use crate::training::{
    REPLICATES, Scored, heard, score_table, scored_records, training_set, write_scored,
};
use crate::{Interrupted, stop_if_interrupted};
use anyhow::Context;
use attn_bert::SequenceClassifier;
use attn_data::glue::TaskRef;
use attn_train::{Evaluation, Recipe, TrainError};

/// Scores a model and writes its logits.
pub fn run(args: &EvaluateArgs) -> anyhow::Result<()> {
    check_folder(&args.out)?;
    let model = OpenModel::open(&args.model)?;
    let seed = args.amount.sample_seed;
    let source = args.source.beside([&model.trained_on]);
    let mut data = dataset(&source, args.task, args.split)?;
    if let Some(limit) = args.amount.max_eval {
        data = data.subsample(limit, seed);
    }
    let mut set = from_dataset(data, &model.tokenizer)?;
    let fresh = args.fresh_classifier;
    let fit = labels::fit(&model, &mut set, &args.labels, fresh.is_some())?;
    let task = set.task.clone().context("no task")?;
    model.provenance.check_split(&model.name, &set)?;
    let (classifier, mut notes) = fit.load(&model, fresh.unwrap_or(0))?;
    notes.extend(model.provenance.note(task.name()));
    for note in set.notes.iter().chain(&notes) {
        crate::model::say(note);
    }
    let config = serde_json::json!({
        "experiment": "evaluate", "model": model.name, "task": task, "split": args.split,
        "max_eval": args.amount.max_eval, "max_length": args.model.max_length,
        "fresh_classifier": args.fresh_classifier, "replicates": REPLICATES,
        "classes": fit.classes(), "outputs": fit.map.as_ref().map(|map| map.outputs()),
    });
    let mut run = Run::open(
        args.out.clone(),
        config,
        seed,
        model.device_name.clone(),
        &[model.checkpoint.folder(), &args.source.data],
    )?;
    run.read(model.inputs.iter().chain(&set.inputs).cloned());
    run.note(set.notes.iter().cloned().chain(notes));
    let (evaluation, seconds) = evaluate(&classifier, &set, &task)?;
    run.took("evaluate", seconds);
    let path = args.out.join("predictions.parquet");
    write_scored(&path, &set, &evaluation)?;
    let scored = Scored::new(evaluation.pairs, task.metrics(), seed);
    for note in &scored.notes {
        crate::model::say(note);
    }
    run.note(scored.notes.iter().cloned());
    let records = scored_records(run.name(), &model.name, &set, &scored, seed);
    let title = format!("{} on {} {}", model.name, set.name, set.split);
    println!("{}", score_table(title, &scored.estimates).plain());
    let folder = run.finish(&records)?;
    println!("{}", path.display());
    println!("{}", folder.join("records.jsonl").display());
    Ok(())
}

/// Runs a classifier over a labelled set, with progress; gives the seconds it took.
///
/// # Errors
/// Unlabelled examples, labels that do not fit, a failing device, an interruption.
pub fn evaluate(
    model: &SequenceClassifier,
    set: &InputSet,
    task: &TaskRef,
) -> anyhow::Result<(Evaluation, f64)> {
    let labelled = training_set(set)?;
    let what = format!("evaluating {} {}", set.name, set.split);
    let mut progress = Progress::new(what, labelled.len() as u64);
    let evaluation = attn_train::evaluate(
        model,
        &labelled,
        task.metrics(),
        Recipe::default().micro_tokens,
        &mut |done, _| {
            progress.set(done as u64);
            heard()
        },
    );
    let evaluation = match evaluation {
        Err(TrainError::Cancelled { .. }) => return Err(Interrupted.into()),
        other => other?,
    };
    stop_if_interrupted()?;
    Ok((evaluation, progress.finish()))
}
