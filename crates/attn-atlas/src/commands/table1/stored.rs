//! Table 1 anew from the records of an earlier run: intervals, majority and notes, without a model.

use super::output::{self, Outcome, Row, STATES, Score};
use super::{EXPERIMENT, majority, rows_of, split_notes};
use crate::cli::Table1Args;
use crate::model::store;
use crate::run::{Run, input_file};
use anyhow::{Context, bail};
use attn_core::io::read_jsonl;
use attn_core::{Label, Manifest, Record, Task};
use attn_data::glue::Dataset;
use std::path::Path;

/// How the note on where the scores come from begins.
const MEASURED: &str = "scored by";

/// Reads scores over seeds, adds the majority class of the same rows, and writes the table.
///
/// # Errors
/// A folder without such records; data that are not those that were scored.
pub fn run(args: &Table1Args, folder: &Path) -> anyhow::Result<()> {
    let path = folder.join("manifest.json");
    let text = std::fs::read(&path).with_context(|| format!("{}: cannot read", path.display()))?;
    let manifest: Manifest = serde_json::from_slice(&text)
        .with_context(|| format!("{}: not a run's manifest", path.display()))?;
    let path = folder.join("records.jsonl");
    let records: Vec<Record> = read_jsonl(&path)?;
    let Some(first) = records.first().filter(|r| r.experiment == EXPERIMENT) else {
        bail!(
            "{}: expected records of {EXPERIMENT}; name a folder that `attn table1` wrote",
            path.display()
        );
    };
    let model = first.model.clone();
    let (_, catalogue) = store(&args.model.cache)?;
    let encoder = manifest
        .inputs
        .iter()
        .filter(|i| i.role == "model")
        .find_map(|i| catalogue.encoder(&i.sha256));
    let seed = first.seed;
    let out = args.out.clone().unwrap_or_else(|| folder.to_owned());
    let device = manifest.device.clone();
    let mut run = Run::open(out, manifest.config.clone(), seed, device, &[])?;
    run.read(manifest.inputs.clone());
    run.read([input_file("records", &path)?]);
    let measured = manifest
        .notes
        .iter()
        .find(|n| n.starts_with(MEASURED))
        .cloned();
    run.note(
        manifest
            .notes
            .iter()
            .filter(|n| !n.starts_with(MEASURED))
            .cloned(),
    );
    run.note([measured.unwrap_or_else(|| {
        format!(
            "{MEASURED} `{}` at revision {}; intervals, majority and notes made anew from the records",
            manifest.command.join(" "),
            manifest.git.as_deref().unwrap_or("unknown"),
        )
    })]);
    let mut tasks: Vec<&str> = records.iter().map(|r| r.task.as_str()).collect();
    tasks.dedup();
    let mut rows = Vec::new();
    for name in tasks {
        let task: Task = name
            .parse()
            .with_context(|| format!("{}: task", path.display()))?;
        let own: Vec<&Record> = records.iter().filter(|r| r.task == name).collect();
        let (train, dev) = rows_of(args, task)?;
        let n = own.first().map_or(0, |r| r.n);
        anyhow::ensure!(
            n == dev.examples.len(),
            "{name}: {n} examples were scored, but --data gives {}: repeat --max-eval, --max-train-large, \
             --train-from, --split-seed and --ungrouped as they were (manifest.json)",
            dev.examples.len()
        );
        let labels = |data: &Dataset| -> Vec<Option<Label>> {
            data.examples.iter().map(|e| e.label).collect()
        };
        let dev_notes: Vec<String> = dev
            .notes
            .iter()
            .map(|n| format!("{name} dev: {n}"))
            .collect();
        let seen = encoder.and_then(|e| e.note(name));
        if let Some(seen) = seen.clone().filter(|s| !manifest.notes.contains(s)) {
            run.note([seen]);
        }
        rows.push(Row {
            task,
            train: train.examples.len(),
            split: dev.split.name().to_owned(),
            n,
            outcomes: outcomes(task, &own),
            majority: majority(task, &labels(&train), &labels(&dev), seed),
            notes: seen.into_iter().chain(split_notes(&dev_notes)).collect(),
        });
    }
    output::write(run, &model, seed, &rows)
}

/// The states of one task.
fn outcomes(task: Task, records: &[&Record]) -> Vec<Outcome> {
    let find = |name: &str| records.iter().find(|r| r.metric == name);
    STATES
        .into_iter()
        .map(|state| Outcome {
            state,
            scores: task
                .metrics()
                .iter()
                .filter_map(|&metric| {
                    let name = format!("{state}_{metric}");
                    let mean = find(&name)?;
                    // Before intervals covered the seeds, the only one was over the examples.
                    let over = find(&format!("{name}_over_examples")).unwrap_or(mean);
                    let spread = find(&format!("{name}_sd_over_seeds"));
                    Some(Score {
                        metric,
                        mean: mean.value,
                        over_examples: over.ci_low.zip(over.ci_high),
                        deviation: spread.map(|r| r.value),
                        seeds: spread.map_or(1, |r| r.n),
                        n: mean.n,
                    })
                })
                .collect(),
        })
        .filter(|outcome| !outcome.scores.is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_come_back_from_records_of_either_kind() {
        let record = |metric: &str, value, n, ci: Option<(f64, f64)>| Record {
            run: "r".to_owned(),
            model: "m".to_owned(),
            task: "RTE".to_owned(),
            split: "dev".to_owned(),
            experiment: EXPERIMENT.to_owned(),
            layer: None,
            head: None,
            metric: metric.to_owned(),
            value,
            n,
            seed: 42,
            ci_low: ci.map(|c| c.0),
            ci_high: ci.map(|c| c.1),
        };
        let old = [
            record("untuned_accuracy", 0.51, 277, Some((0.48, 0.55))),
            record("untuned_accuracy_sd_over_seeds", 0.04, 3, None),
        ];
        let new = [
            record("untuned_accuracy", 0.51, 277, Some((0.39, 0.63))),
            record(
                "untuned_accuracy_over_examples",
                0.51,
                277,
                Some((0.48, 0.55)),
            ),
            record("untuned_accuracy_sd_over_seeds", 0.04, 3, None),
        ];
        let read = |records: &[Record]| {
            let records: Vec<&Record> = records.iter().collect();
            let found = outcomes(Task::Rte, &records);
            assert_eq!((found.len(), found[0].state), (1, "untuned"));
            found[0].scores.clone()
        };
        assert_eq!(read(&old), read(&new));
        assert_eq!(read(&old)[0].over_examples, Some((0.48, 0.55)));
    }
}
