//! `attn ablate recompute`: everything that a finished sweep says, made again from its stored logits without a model.
//!
//! `predictions.parquet`, `variants.json` and the manifest are read; scores, tests, tables, claims and figures are written anew, and
//! the manifest with them. What needs the model stays as it was: importance by gradients (its comparison with the ablation is
//! made again) and cumulative curves.

use super::curves::{ZERO, write_importance};
use super::{STATISTICS, write_statistics};
use crate::ablation::compare::Measured;
use crate::ablation::importance::Gradient;
use crate::ablation::records::Common;
use crate::cli::AblateRecomputeArgs;
use crate::findings;
use crate::run::{Run, RunFolder, git_revision};
use anyhow::Context;
use attn_ablate::{Logits, Variant, variant};
use attn_core::{Manifest, Mode, Record};
use attn_data::glue::TaskRef;
use attn_data::parquet::read_predictions;
use std::path::Path;

/// Recomputes each run.
pub fn run(args: &AblateRecomputeArgs) -> anyhow::Result<()> {
    for folder in &args.runs {
        one(folder).with_context(|| format!("{}: cannot recompute", folder.display()))?;
        println!("{}", folder.join("tables/claims.md").display());
    }
    Ok(())
}

fn one(folder: &Path) -> anyhow::Result<()> {
    let path = folder.join("manifest.json");
    let text = std::fs::read(&path)
        .with_context(|| format!("{}: not a finished run of attn ablate", path.display()))?;
    let manifest: Manifest = serde_json::from_slice(&text)
        .with_context(|| format!("{}: not a manifest", path.display()))?;
    let config = &manifest.config;
    anyhow::ensure!(
        config.get("experiment").and_then(|e| e.as_str()) == Some("ablate"),
        "{}: a run of something else than attn ablate",
        path.display()
    );
    let settings = serde_json::json!({ "experiment": "ablate recompute" });
    let place = RunFolder::take(folder, &settings, &[])?;
    let mut run = Run::reopened(place, manifest.clone());
    let field = |name: &str| {
        let value = config.get(name).cloned();
        value.with_context(|| format!("{}: no '{name}' in config", path.display()))
    };
    let task: TaskRef = serde_json::from_value(field("task")?).context("config: task")?;
    let mode: Mode = serde_json::from_value(field("mode")?).context("config: mode")?;
    let seed = manifest.seeds.get("all").copied();
    let seed = seed.with_context(|| format!("{}: no seed 'all'", path.display()))?;

    let variants: Vec<Variant> = {
        let path = folder.join("variants.json");
        let text =
            std::fs::read(&path).with_context(|| format!("{}: cannot read", path.display()))?;
        serde_json::from_slice(&text)
            .with_context(|| format!("{}: not variants", path.display()))?
    };
    let measured = read(&folder.join("predictions.parquet"), variants)?;
    let old = findings::records(folder)?;
    let first = old
        .iter()
        .find(|r| r.experiment.starts_with("ablate/"))
        .with_context(|| format!("{}: no record of an ablation", folder.display()))?;
    let common = Common {
        run: manifest.run.clone(),
        model: first.model.clone(),
        task: first.task.clone(),
        split: first.split.clone(),
        mode,
        seed,
    };
    let metrics = task.metrics();
    let clock = std::time::Instant::now();
    let (mut records, _) = write_statistics(folder, &common, &measured, metrics)?;
    if let Some(gradient) = Gradient::from_records(&old, mode) {
        let metric = *metrics.first().context("the task has no score")?;
        let path = folder.join(ZERO);
        let zero = if path.is_file() {
            let mut variants = vec![variant::baseline()];
            let (layers, heads) = (gradient.raw.layers(), gradient.raw.heads());
            variants.extend(variant::single_heads(layers, heads, Mode::Zero));
            Some(read(&path, variants)?)
        } else {
            None
        };
        let mut sweeps = vec![(mode, &measured)];
        sweeps.extend(zero.as_ref().map(|measured| (Mode::Zero, measured)));
        records.extend(write_importance(
            folder, &gradient, &sweeps, metric, &common,
        )?);
    }
    let curves = format!("ablate/{mode}/cumulative/");
    let kept = |r: &Record| r.experiment.starts_with(&curves);
    records.extend(old.into_iter().filter(kept));

    let seconds = clock.elapsed().as_secs_f64();
    let manifest = run.manifest_mut();
    manifest.seconds.insert("statistics".to_owned(), seconds);
    manifest.config["statistics"] = STATISTICS.into();
    let note = "statistics recomputed from predictions.parquet";
    manifest.notes.retain(|n| !n.starts_with(note));
    manifest.notes.push(format!(
        "{note} by attention-atlas {} ({}); device, versions and git are those of the model's run",
        env!("CARGO_PKG_VERSION"),
        git_revision().unwrap_or_else(|| "no revision".to_owned())
    ));
    // Runs of older versions have their records twice.
    let twice = folder.join("records.jsonl");
    if twice.is_file() {
        std::fs::remove_file(&twice)
            .with_context(|| format!("{}: cannot delete", twice.display()))?;
    }
    run.finish_in_parquet(&records)?;
    Ok(())
}

/// Stored logits, which have to be those of the variants.
fn read(path: &Path, variants: Vec<Variant>) -> anyhow::Result<Measured> {
    let stored = read_predictions(path)?;
    let names: Vec<&str> = variants.iter().map(|v| v.name.as_str()).collect();
    anyhow::ensure!(
        stored.variants == names,
        "{}: has other variants than expected ({} instead of {}, or in another order)",
        path.display(),
        stored.variants.len(),
        names.len()
    );
    let labels: Option<Vec<f64>> = stored.labels.iter().copied().collect();
    let labels = labels.with_context(|| format!("{}: an example without label", path.display()))?;
    let (examples, outputs) = (stored.examples.len(), stored.outputs);
    let logits = Logits::from_values(variants.len(), examples, outputs, stored.logits);
    Ok(Measured {
        variants,
        logits: logits.with_context(|| format!("{}: logits are missing", path.display()))?,
        labels,
    })
}
