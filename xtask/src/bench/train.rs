//! `cargo xtask bench train`: one training step (batch 32, 64 word pieces) against PyTorch's, from
//! the same weights on the same batch (docs/performance.md).
//!
//! Ours is the example `train_speed` of attn-train, theirs `tests/reference/train_speed.py`. Both
//! print their losses, which must agree before a time counts. Dropout is off, since the two draw
//! other random numbers.

use super::report::Report;
use super::rounds::{Contender, alternate};
use super::{BenchArgs, measured, number, python};
use crate::{Program, build, root};
use anyhow::{Context, ensure};
use clap::Args;
use serde_json::Value;
use std::path::PathBuf;
use std::process::Command;

/// How far two losses may lie apart, relative to the larger.
const TOLERANCE: f64 = 1e-3;

/// Options of `cargo xtask bench train`.
#[derive(Debug, Args)]
pub struct TrainArgs {
    #[command(flatten)]
    pub bench: BenchArgs,
    /// A name from `attn fetch` or a checkpoint folder.
    #[arg(long, default_value = "all-MiniLM-L6-v2", value_name = "NAME|PATH")]
    pub model: String,
    /// Steps that are timed in each round.
    #[arg(long, default_value_t = 5, value_name = "N")]
    pub steps: usize,
}

/// Builds, prepares, runs in turns, compares and reports.
pub fn run(args: &TrainArgs) -> anyhow::Result<()> {
    let program = build(Program::Example("train_speed"), &[])?;
    let python = python::find(&args.bench, &[])?;
    let threads = args.bench.threads();
    let folder = super::model_folder(&args.model)?;
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    let scratch: PathBuf = program.with_file_name(format!("bench-train-{name}"));
    let peer = root()?.join("crates/attn-train/tests/reference/train_speed.py");
    let mut prepare = Command::new(&program);
    prepare
        .arg("prepare")
        .arg(&scratch)
        .arg("--model")
        .arg(&folder);
    let facts = measured(&mut prepare)?;
    let steps = args.steps.to_string();

    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    let mut contenders = [
        Contender::new("attn-train", || {
            let mut command = args.bench.program(&program);
            command.arg("run").arg(&scratch).args(["--steps", &steps]);
            let result = measured(&mut command)?;
            let seconds = number(&result, "seconds")?;
            ours.push(result);
            Ok(seconds)
        }),
        Contender::new("PyTorch", || {
            let mut command = args.bench.program(&python);
            command.arg(&peer).arg(&scratch).args(["--steps", &steps]);
            command.args(["--threads", &threads.to_string()]);
            let result = measured(&mut command)?;
            let seconds = number(&result, "seconds")?;
            theirs.push(result);
            Ok(seconds)
        }),
    ];
    let seconds = alternate(args.bench.rounds, &mut contenders)?;
    drop(contenders);
    let (first, peer) = (
        ours.first().context("no round")?,
        theirs.first().context("no round")?,
    );
    let (a, b) = (losses(first)?, losses(peer)?);
    let apart = a
        .iter()
        .zip(&b)
        .map(|(a, b)| (a - b).abs() / a.abs().max(b.abs()))
        .fold(0.0, f64::max);
    ensure!(
        a.len() == b.len() && apart <= TOLERANCE,
        "the losses differ by {apart:.1e} of their value: the two do not compute the same"
    );
    let mut report = Report::new(format!("Training step of {name} against PyTorch"), threads);
    let fact = |name: &str| facts.get(name).cloned().unwrap_or(Value::Null);
    let text = |name: &str| {
        peer.get(name)
            .and_then(Value::as_str)
            .unwrap_or("?")
            .to_owned()
    };
    report.facts = vec![
        format!(
            "{} layers of {} heads, hidden width {}; batch {} of {} word pieces, dropout off; mean of {} steps a round",
            fact("layers"),
            fact("heads"),
            fact("hidden"),
            fact("batch"),
            fact("length"),
            args.steps
        ),
        format!("PyTorch {}, attention {}", text("torch"), text("attention")),
        format!(
            "losses of {} steps within {apart:.0e} of each other",
            a.len()
        ),
    ];
    let [ours, theirs] = &seconds[..] else {
        anyhow::bail!("two programs ran, {} reported", seconds.len());
    };
    report.ratios = vec![theirs.over(ours, "PyTorch's time over ours")];
    report.seconds = seconds;
    report.finish(args.bench.out.as_deref(), &format!("train-{name}"))
}

fn losses(result: &Value) -> anyhow::Result<Vec<f64>> {
    let losses = result.get("losses").and_then(Value::as_array);
    let losses = losses.context("the program's result has no losses")?;
    losses
        .iter()
        .map(|loss| loss.as_f64().context("a loss is no number"))
        .collect()
}
