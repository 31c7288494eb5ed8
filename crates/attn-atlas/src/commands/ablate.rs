//! `attn ablate`: Figures 8 and 9 for one fine-tuned model.
//!
//! Heads are disabled one at a time, layer by layer, in sets; each example's logits are kept for
//! every variant, and everything said about them is computed from those (`crate::ablation`).

mod curves;
mod figures;

use crate::ablation::claims::{About, Claim, claims};
use crate::ablation::compare::{Measured, Scored};
use crate::ablation::job::{Subject, mode_note};
use crate::ablation::records::{Common, of_claims, of_scores};
use crate::ablation::{REPLICATES, tables};
use crate::cli::{AblateArgs, AblateCommand};
use crate::inputs::{InputSet, from_task};
use crate::labels::{self, Fit};
use crate::model::OpenModel;
use crate::run::{Run, check_folder, sha256, undamaged};
use crate::stop_if_interrupted;
use crate::training::{supported, training_set};
use anyhow::Context;
use attn_ablate::{Kind, Plan, Variant, variant};
use attn_core::io::{write_json, write_jsonl};
use attn_core::{Intervention, Manifest};
use attn_data::parquet::{Predictions, write_predictions};
use attn_train::TrainingSet;
use std::path::Path;

/// Changes when the same inputs would give other numbers.
const VERSION: u32 = 1;
/// Finished parts of a run under way; deleted when it is done.
const PARTS: &str = "parts";
/// The claims of a run, for tables over several.
const CLAIMS: &str = "claims.jsonl";

pub use figures::run as figures;

/// Ablates, or draws what was ablated before.
pub fn run(args: &AblateArgs) -> anyhow::Result<()> {
    match &args.command {
        Some(AblateCommand::Figures(args)) => figures::run(args),
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
    if done(&folder, &key)? {
        println!(
            "{}: holds this very run; nothing to do (delete the folder to do it anew)",
            folder.display()
        );
        return Ok(());
    }
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
    for note in set.notes.iter().chain(&notes) {
        eprintln!("note: {note}");
    }
    labelled.check("evaluation", &classifier)?;

    let name = args.name.clone().unwrap_or_else(|| model.name.clone());
    let seed = args.data.seed;
    let config = serde_json::json!({
        "experiment": "ablate", "key": key, "model": name, "task": task, "split": args.data.split,
        "mode": args.mode, "variants": plan.variants().len(), "max_eval": args.data.max_eval,
        "max_length": args.model.max_length, "replicates": REPLICATES,
        "importance": args.importance || args.cumulative,
        "cumulative": args.cumulative.then_some(args.steps),
        "classes": fit.classes(), "outputs": fit.map.as_ref().map(|map| map.outputs()),
    });
    let mut run = Run::new(folder.clone(), config, seed, model.device_name.clone());
    run.read(model.inputs.iter().chain(&set.inputs).cloned());
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
    let scored = measured.score(&metrics, seed)?;
    run.took("statistics", clock.elapsed().as_secs_f64());
    stop_if_interrupted()?;
    let mut records = of_scores(&common, &scored);
    let found = write_sweep(&folder, &common, &scored)?;
    records.extend(of_claims(&common, &found));
    let written = figures::write(&records, None, &folder.join("figures"))?;
    if args.importance || args.cumulative {
        let more = curves::run(args, &subject, &measured, &common, &mut run, &metrics, &set)?;
        records.extend(more);
    }
    let folder = run.finish(&records)?;
    // Only now: a kill before the manifest goes on from the parts.
    let parts = folder.join(PARTS);
    std::fs::remove_dir_all(&parts)
        .with_context(|| format!("{}: cannot delete", parts.display()))?;
    for path in written {
        println!("{}", path.display());
    }
    println!("{}", folder.join("tables/claims.md").display());
    println!("{}", folder.join("records.jsonl").display());
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

/// Whether a folder holds the run with this key, whole.
fn done(folder: &Path, key: &str) -> anyhow::Result<bool> {
    let path = folder.join("manifest.json");
    let Ok(text) = std::fs::read(&path) else {
        return Ok(false);
    };
    let Ok(found) = serde_json::from_slice::<Manifest>(&text) else {
        eprintln!("note: {}: damaged; running anew", path.display());
        return Ok(false);
    };
    let same = found.config.get("key").and_then(|k| k.as_str()) == Some(key);
    anyhow::ensure!(
        same,
        "{}: holds another run (other model, data, heads or settings): give --out another folder, or delete this one",
        folder.display()
    );
    Ok(undamaged(folder, &found))
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

/// Tables of all variants under each score, and the claims.
fn write_sweep(folder: &Path, common: &Common, scored: &[Scored]) -> anyhow::Result<Vec<Claim>> {
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
