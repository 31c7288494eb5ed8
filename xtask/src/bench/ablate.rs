//! `cargo xtask bench ablate`: the sweep with shared work against a plain PyTorch script, every
//! single head and every layer disabled, on the same model and examples (docs/ablation.md).
//!
//! Ours is the example `sweep_speed` of attn-ablate, theirs `tests/reference/ablate_peer.py`: a
//! transformers model with eager attention, hooks that replace the disabled heads' weights, batches
//! of 32 in the order of the data with dynamic padding, one forward pass for each variant.

use super::peak::Peak;
use super::report::Report;
use super::rounds::{Contender, Samples, alternate};
use super::{BenchArgs, measured, number, python};
use crate::{Program, build, root};
use anyhow::{Context, ensure};
use clap::Args;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Options of `cargo xtask bench ablate`.
#[derive(Debug, Args)]
pub struct AblateArgs {
    #[command(flatten)]
    pub bench: BenchArgs,
    /// A name from `attn fetch` or a checkpoint folder; several times for several tables.
    #[arg(long, default_value = "all-MiniLM-L6-v2", value_name = "NAME|PATH")]
    pub model: Vec<String>,
    /// Folder with GLUE's task folders.
    #[arg(long, default_value = "datasets/starter/glue", value_name = "DIR")]
    pub data: PathBuf,
    /// The task whose dev examples are used.
    #[arg(long, default_value = "MRPC")]
    pub task: String,
    /// How many of them, drawn at random.
    #[arg(long, default_value_t = 32, value_name = "N")]
    pub examples: usize,
    /// How heads are disabled: uniform or zero.
    #[arg(long, default_value = "uniform")]
    pub mode: String,
}

/// Builds, prepares, runs in turns, compares and reports.
pub fn run(args: &AblateArgs) -> anyhow::Result<()> {
    let sweep = build(Program::Example("sweep_speed"), &[])?;
    let python = python::find(&args.bench, &[])?;
    for model in &args.model {
        bench(args, model, &sweep, &python).with_context(|| format!("model {model}"))?;
    }
    Ok(())
}

fn name_of(model: &str) -> String {
    let name = Path::new(model).file_name();
    name.map_or_else(|| model.to_owned(), |n| n.to_string_lossy().into_owned())
}

fn bench(args: &AblateArgs, model: &str, sweep: &Path, python: &Path) -> anyhow::Result<()> {
    let threads = args.bench.threads();
    let name = name_of(model);
    let scratch = sweep.with_file_name(format!("bench-ablate-{name}"));
    let peer = root()?.join("crates/attn-ablate/tests/reference/ablate_peer.py");
    let mut prepare = Command::new(sweep);
    prepare
        .current_dir(root()?)
        .arg("prepare")
        .arg(&scratch)
        .args(["--model", model, "--task", &args.task, "--mode", &args.mode])
        .args(["--examples", &args.examples.to_string()])
        .arg("--data")
        .arg(&args.data);
    let facts = measured(&mut prepare)?;
    let before = Peak::measure(&args.bench, sweep, python)?;

    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    let mut contenders = [
        Contender::new("shared sweep", || {
            let mut command = args.bench.program(sweep);
            command.arg("run").arg(&scratch);
            let result = measured(&mut command)?;
            let seconds = number(&result, "seconds")?;
            ours.push(result);
            Ok(seconds)
        }),
        Contender::new("PyTorch", || {
            let mut command = args.bench.program(python);
            command.arg(&peer).arg(&scratch);
            command.args(["--threads", &threads.to_string()]);
            let result = measured(&mut command)?;
            let seconds = number(&result, "seconds")?;
            theirs.push(result);
            Ok(seconds)
        }),
    ];
    // A later round's logits must not stand in for a first one that wrote none.
    std::fs::remove_file(scratch.join("logits.json")).ok();
    let seconds = alternate(args.bench.rounds, &mut contenders)?;
    drop(contenders);
    let peak = before.max(Peak::measure(&args.bench, sweep, python)?);

    let (first, last) = (
        ours.first().context("no round")?,
        theirs.last().context("no round")?,
    );
    let unequal = worst(&theirs, "unequal");
    let difference = worst(&theirs, "largest_difference");
    ensure!(
        theirs.iter().any(|r| r.get("unequal").is_some()),
        "PyTorch's results were never compared with ours"
    );
    ensure!(
        unequal == 0.0,
        "{unequal} predictions differ (largest difference of a logit {difference:.1e}): the two do not compute the same"
    );
    let mut report = Report::new(format!("Ablation sweep of {name} against PyTorch"), threads);
    let fact = |name: &str| facts.get(name).cloned().unwrap_or(Value::Null);
    report.facts = vec![
        format!(
            "{} layers of {} heads, hidden width {}; {} variants (mode {}); {} examples of {} with {} word pieces",
            fact("layers"),
            fact("heads"),
            fact("hidden"),
            fact("variants"),
            args.mode,
            fact("examples"),
            args.task,
            fact("tokens")
        ),
        format!(
            "PyTorch {} with transformers, eager attention, batches of 32, {:.0} % padding; ours {:.1} %",
            last.get("torch").and_then(Value::as_str).unwrap_or("?"),
            100.0 * number(last, "padding")?,
            100.0 * number(first, "padding")?
        ),
        format!(
            "predictions equal for every variant and example ({} too close to call); logits within {difference:.0e}",
            worst(&theirs, "ties")
        ),
        format!(
            "{:.1} billion multiply-adds shared, {:.1} one by one over the same batches",
            number(first, "multiply_adds")? / 1e9,
            number(first, "naive_multiply_adds")? / 1e9
        ),
        peak.fact(),
    ];
    let [shared, torch_seconds] = &seconds[..] else {
        anyhow::bail!("two programs ran, {} reported", seconds.len());
    };
    let rates = Samples {
        name: String::new(),
        values: ours
            .iter()
            .map(|r| Ok(number(r, "multiply_adds")? / number(r, "seconds")?))
            .collect::<anyhow::Result<_>>()?,
    };
    let share = |name: &str, peak: f64| Samples {
        name: name.to_owned(),
        values: rates.values.iter().map(|rate| rate / peak).collect(),
    };
    report.ratios = vec![
        torch_seconds.over(shared, "PyTorch's time over ours"),
        share("share of the machine's best matrix product", peak.machine()),
        share("share of Burn's best matrix product", peak.burn),
    ];
    report.seconds = seconds;
    report.finish(args.bench.out.as_deref(), &format!("ablate-{name}"))
}

/// The largest value of a number over all rounds; rounds without it do not count.
fn worst(results: &[Value], name: &str) -> f64 {
    let values = results.iter().filter_map(|r| r.get(name)?.as_f64());
    values.fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_are_named_after_their_folders() {
        assert_eq!(name_of("all-MiniLM-L6-v2"), "all-MiniLM-L6-v2");
        assert_eq!(name_of("../models/e5/"), "e5");
    }

    #[test]
    fn the_worst_round_counts() {
        let rounds =
            [r#"{"x":1}"#, r#"{}"#, r#"{"x":3}"#].map(|t| serde_json::from_str(t).unwrap());
        assert_eq!(worst(&rounds, "x"), 3.0);
        assert_eq!(worst(&rounds, "y"), 0.0);
    }
}
