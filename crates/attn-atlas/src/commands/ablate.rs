//! `attn ablate`: Figures 8 and 9 for one fine-tuned model.
//!
//! Heads are disabled one at a time, layer by layer, in sets; each example's logits are kept for
//! every variant, and everything said about them is computed from those (`crate::ablation`).

mod curves;
mod figures;
mod recompute;

use crate::ablation::claims::{About, Claim, claims};
use crate::ablation::compare::{Measured, Scored};
use crate::ablation::job::{Subject, mode_note};
use crate::ablation::records::{Common, of_claims, of_scores};
use crate::ablation::{REPLICATES, tables};
use crate::cli::{AblateArgs, AblateCommand};
use crate::inputs::{InputSet, from_task};
use crate::labels::{self, Fit};
use crate::model::OpenModel;
use crate::run::{Found, Run, check_folder, sha256};
use crate::stop_if_interrupted;
use crate::training::{supported, training_set};
use anyhow::Context;
use attn_ablate::{Kind, Plan, Variant, variant};
use attn_core::io::{write_json, write_jsonl};
use attn_core::{Intervention, Metric, Record};
use attn_data::parquet::{Predictions, write_predictions};
use attn_train::TrainingSet;
use std::path::{Path, PathBuf};

/// Changes when the same inputs would give other numbers.
const VERSION: u32 = 1;
/// Changes when the same logits would give other statistics; `attn ablate recompute` brings a run up to date.
const STATISTICS: u32 = 2;
/// Finished parts of a run under way; deleted when it is done.
const PARTS: &str = "parts";
/// The claims of a run, for tables over several.
const CLAIMS: &str = "claims.jsonl";

pub use figures::run as figures;

/// Ablates, or draws what was ablated before.
pub fn run(args: &AblateArgs) -> anyhow::Result<()> {
    match &args.command {
        Some(AblateCommand::Figures(args)) => figures::run(args),
        Some(AblateCommand::Recompute(args)) => recompute::run(args),
        None => ablate(args),
    }
}

fn ablate(args: &AblateArgs) -> anyhow::Result<()> {
    let folder = args.out.clone().context("--out DIR is missing")?;
    check_folder(&folder)?;
    let model = OpenModel::open(&args.model)?;
    let data = args.data.beside([&model.trained_on]);
    let mut set = from_task(&data, args.task, &model.tokenizer)?;
    let fit = labels::fit(&model, &mut set, &args.labels, false)?;
    let labelled = training_set(&set)?;
    let task = set.task.clone().context("the data name no task")?;
    let shape = model.checkpoint.config();
    let (layers, heads) = (shape.num_hidden_layers, shape.num_attention_heads);
    let plan = Plan::new(layers, heads, variants(args, layers, heads)?)?;
    let fingerprint = fingerprint(&model, &fit);
    let key = key(args, &fingerprint, &labelled, &plan);
    let name = args.name.clone().unwrap_or_else(|| model.name.clone());
    let seed = args.data.seed;
    let config = serde_json::json!({
        "experiment": "ablate", "key": key, "model": name, "task": task, "split": args.data.split,
        "mode": args.mode, "variants": plan.variants().len(), "max_eval": args.data.max_eval,
        "max_length": args.model.max_length, "replicates": REPLICATES,
        "importance": args.importance || args.cumulative,
        "cumulative": args.cumulative.then_some(args.steps), "statistics": STATISTICS,
        "classes": fit.classes(), "outputs": fit.map.as_ref().map(|map| map.outputs()),
    });
    let read = [model.checkpoint.folder(), &args.data.source.data];
    let device = model.device_name.clone();
    let mut run = Run::open(folder.clone(), config, seed, device, &read)?;
    run.read(model.inputs.iter().chain(&set.inputs).cloned());
    if is_done(&run)? {
        println!(
            "{}: holds this very run; nothing to do (delete the folder to do it anew)",
            folder.display()
        );
        return Ok(());
    }
    model.provenance.check_split(&model.name, &set)?;
    let gold = gold(&labelled);
    let (metrics, undefined) = supported(task.metrics(), &gold);
    anyhow::ensure!(
        !metrics.is_empty(),
        "{}: {}",
        set.name,
        undefined.join("; ")
    );
    let (classifier, mut notes) = fit.load(&model, 0)?;
    notes.extend(undefined);
    notes.extend(model.provenance.note(task.name()));
    for note in set.notes.iter().chain(&notes) {
        crate::model::say(note);
    }
    labelled.check("evaluation", &classifier)?;
    run.note(
        set.notes
            .iter()
            .cloned()
            .chain(notes)
            .chain(mode_note(args.mode)),
    );

    let subject = Subject {
        model: &classifier,
        set: &labelled,
        fingerprint,
        store: folder.join(PARTS),
    };
    let everything: Vec<usize> = (0..labelled.len()).collect();
    let what = format!("ablating {}", set.name);
    let (logits, seconds) = subject.sweep(&what, &plan, &everything)?;
    run.took("sweep", seconds);
    let measured = Measured {
        variants: plan.variants().to_vec(),
        logits,
        labels: gold,
    };
    let common = Common {
        run: run.name().to_owned(),
        model: name,
        task: set.name.clone(),
        split: set.split.clone(),
        mode: args.mode,
        seed,
    };
    write_logits(&folder.join("predictions.parquet"), &measured, &set)?;
    write_json(&folder.join("variants.json"), &measured.variants)?;

    eprintln!("{what}: {REPLICATES} bootstrap samples and a paired test for each variant");
    let clock = std::time::Instant::now();
    let (mut records, written) = write_statistics(&folder, &common, &measured, &metrics)?;
    run.took("statistics", clock.elapsed().as_secs_f64());
    stop_if_interrupted()?;
    if args.importance || args.cumulative {
        let more = curves::run(args, &subject, &measured, &common, &mut run, &metrics, &set)?;
        records.extend(more);
    }
    // Held until the parts are gone.
    let place = run.place();
    let folder = run.finish_in_parquet(&records)?;
    // Only now: a kill before the manifest goes on from the parts.
    remove_parts(&folder)?;
    drop(place);
    for path in written {
        println!("{}", path.display());
    }
    println!("{}", folder.join("tables/claims.md").display());
    println!("{}", folder.join("records.parquet").display());
    println!("{}", folder.join("predictions.parquet").display());
    Ok(())
}

/// What to disable: the baseline first, then the sweep and what was named.
fn variants(args: &AblateArgs, layers: usize, heads: usize) -> anyhow::Result<Vec<Variant>> {
    let mode = args.mode;
    let named = !args.heads.is_empty() || !args.layers.is_empty() || args.random > 0;
    let sweep = args.sweep || !named;
    anyhow::ensure!(
        sweep || !(args.importance || args.cumulative),
        "--importance and --cumulative need every single head: add --sweep"
    );
    anyhow::ensure!(args.steps > 0, "--steps 0: a curve needs a point");
    let mut variants = vec![variant::baseline()];
    if sweep {
        variants.extend(variant::single_heads(layers, heads, mode));
        variants.extend(variant::whole_layers(layers, heads, mode));
    }
    for set in &args.heads {
        let list = variant::list(set.0.iter().copied(), mode);
        // A single head is one of Figure 8's.
        match set.0.as_slice() {
            [id] if !sweep => variants.push(Variant {
                name: format!("head-{}:{}", id.layer, id.head),
                kind: Kind::Head(*id),
                ..list
            }),
            [_] => {}
            _ => variants.push(list),
        }
    }
    if !sweep {
        variants.extend(args.layers.iter().map(|&layer| Variant {
            name: format!("layer-{layer}"),
            kind: Kind::Layer(layer),
            intervention: Intervention::layer(mode, layer, heads),
        }));
    }
    let size = args.random_size.unwrap_or(heads);
    anyhow::ensure!(
        args.random == 0 || (1..=layers * heads).contains(&size),
        "--random-size {size}: the model has {} heads",
        layers * heads
    );
    variants.extend(variant::random_sets(
        layers,
        heads,
        size,
        args.random,
        args.data.seed,
        mode,
    ));
    // A head that does not exist must not be passed over because the sweep has the others.
    let ids = args.heads.iter().flat_map(|s| &s.0);
    if let Some(id) = ids
        .clone()
        .find(|id| id.layer >= layers || id.head >= heads)
    {
        anyhow::bail!(
            "--heads {}:{}: the model has {layers} layers of {heads} heads, counted from 0 (the last is {}:{})",
            id.layer,
            id.head,
            layers.saturating_sub(1),
            heads.saturating_sub(1)
        );
    }
    if let Some(layer) = args.layers.iter().find(|&&l| l >= layers) {
        anyhow::bail!(
            "--layers {layer}: the model has {layers} layers, counted from 0 (the last is {})",
            layers.saturating_sub(1)
        );
    }
    let mut names: Vec<&str> = variants.iter().map(|v| v.name.as_str()).collect();
    names.sort_unstable();
    if let Some(pair) = names.windows(2).find(|w| w[0] == w[1]) {
        anyhow::bail!("'{}' is asked for twice", pair[0]);
    }
    Ok(variants)
}

/// The gold labels as numbers.
fn gold(set: &TrainingSet) -> Vec<f64> {
    let examples = set.examples.iter();
    examples.map(|e| f64::from(e.label.value())).collect()
}

/// Names the weights, by their hash and that of the configuration, and by the order of the outputs
/// where it is not the file's.
fn fingerprint(model: &OpenModel, fit: &Fit) -> String {
    let files = model.inputs.iter().filter(|f| f.role == "model");
    let hashes: Vec<&str> = files.map(|f| f.sha256.as_str()).collect();
    let order = fit.order().map(|order| format!(" outputs {order:?}"));
    hashes.join(" ") + &order.unwrap_or_default()
}

/// Everything that decides the numbers of a run, hashed.
fn key(args: &AblateArgs, fingerprint: &str, set: &TrainingSet, plan: &Plan) -> String {
    let names: Vec<&str> = plan.variants().iter().map(|v| v.name.as_str()).collect();
    let mut description = serde_json::json!({
        "version": VERSION, "model": fingerprint, "examples": set.fingerprint(), "plan": plan.key(),
        "names": names, "task": args.task, "seed": args.data.seed, "replicates": REPLICATES,
        "cumulative": args.cumulative.then_some(args.steps), "name": args.name,
        "backend": args.model.backend.to_string(),
    });
    // Named only where it asks for more than --cumulative does, so that older runs keep their key.
    if args.importance && !args.cumulative {
        description["importance"] = true.into();
    }
    sha256(description.to_string().as_bytes())
}

/// Whether the folder holds this very run, whole. A run of something else is hours of work, and is
/// never replaced.
fn is_done(run: &Run) -> anyhow::Result<bool> {
    match run.found() {
        Found::Done => {
            // What a kill between the manifest and the end left.
            remove_parts(run.folder())?;
            Ok(true)
        }
        Found::Nothing | Found::Stale => Ok(false),
        Found::Other(words) if words.contains("statistics") => anyhow::bail!(
            "{0}: holds a run with the statistics of an older version ({words}): bring it up to date with 'attn \
             ablate recompute {0}', give --out another folder, or delete this one",
            run.folder().display()
        ),
        Found::Other(words) => anyhow::bail!(
            "{}: holds another run ({words}): give --out another folder, or delete this one",
            run.folder().display()
        ),
    }
}

/// Deletes the finished parts of a run that is done.
fn remove_parts(folder: &Path) -> anyhow::Result<()> {
    let parts = folder.join(PARTS);
    match std::fs::remove_dir_all(&parts) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("{}: cannot delete", parts.display()))
        }
        _ => Ok(()),
    }
}

fn write_logits(path: &Path, measured: &Measured, set: &InputSet) -> anyhow::Result<()> {
    let predictions = Predictions {
        variants: measured.variants.iter().map(|v| v.name.clone()).collect(),
        examples: set.examples.iter().map(|e| e.example.id.clone()).collect(),
        labels: measured.labels.iter().copied().map(Some).collect(),
        outputs: measured.logits.labels(),
        logits: measured.logits.values().to_vec(),
    };
    Ok(write_predictions(path, &predictions)?)
}

/// Everything that follows from a sweep's logits: scores, tests, tables, claims and figures. Gives the records and the figures'
/// files.
fn write_statistics(
    folder: &Path,
    common: &Common,
    measured: &Measured,
    metrics: &[Metric],
) -> anyhow::Result<(Vec<Record>, Vec<PathBuf>)> {
    let scored = measured.score(metrics, common.seed)?;
    let others = measured.without_threshold(metrics, common.seed)?;
    let mut records = of_scores(common, &scored);
    records.extend(of_scores(common, &others));
    let found = write_sweep(folder, common, &scored, &others)?;
    records.extend(of_claims(common, &found));
    let written = figures::write(&records, None, &folder.join("figures"))?;
    Ok((records, written))
}

/// Tables of all variants under each score, with and without thresholds, and the claims.
fn write_sweep(
    folder: &Path,
    common: &Common,
    scored: &[Scored],
    others: &[Scored],
) -> anyhow::Result<Vec<Claim>> {
    let tables_folder = folder.join("tables");
    let mode = common.mode.name();
    let about = About {
        model: &common.model,
        task: &common.task,
        mode,
        seed: common.seed,
    };
    let mut found = Vec::new();
    for scored in scored {
        let metric = scored.metric.name();
        let heading = format!(
            "{} on {} {} with heads disabled (mode {mode}): {metric} [95 % interval], seed {}",
            common.model, common.task, common.split, common.seed
        );
        let table = tables::variants(&heading, scored);
        tables::write(&table, &tables_folder, &format!("ablation-{metric}"))?;
        let heading = format!(
            "{} on {} {} with heads disabled (mode {mode}): is it more than a shifted threshold? Differences to the baseline in {metric}, \
             in {metric} with every model's threshold refitted on other examples, and without a threshold [95 % interval], seed {}",
            common.model, common.task, common.split, common.seed
        );
        if let Some(table) = tables::thresholds(&heading, scored, others) {
            tables::write(&table, &tables_folder, &format!("threshold-{metric}"))?;
        }
        found.extend(claims(scored, about));
    }
    let heading = format!(
        "Section 4.6's claims, {} on {} {}, mode {mode}, seed {}",
        common.model, common.task, common.split, common.seed
    );
    let table = tables::claims(&heading, &found);
    tables::write(&table, &tables_folder, "claims")?;
    println!("{}", table.plain());
    write_jsonl(&folder.join(CLAIMS), &found)?;
    Ok(found)
}
