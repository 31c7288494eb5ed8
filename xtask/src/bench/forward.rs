//! `cargo xtask bench forward`: the encoder's forward pass with all attention maps kept against
//! PyTorch and ONNX Runtime, from the same weights on the same batch (docs/performance.md).
//!
//! Ours is the example `forward_bench` of attn-bert, theirs `tests/reference/forward_bench.py`:
//! transformers with eager attention in inference mode, and the same model exported with all maps
//! among its outputs and run by ONNX Runtime's CPU provider. Maps and last hidden states of each two
//! must agree before a time counts. All examples are equally long, so that nobody pads.

use super::peak::Peak;
use super::report::Report;
use super::rounds::{Contender, Samples, alternate};
use super::{BenchArgs, measured, model_folder, number, python};
use crate::{Program, build, root};
use anyhow::{Context, ensure};
use clap::Args;
use serde_json::Value;
use std::path::PathBuf;
use std::process::Command;

/// How far two weights of a map, or two values of a hidden state, may lie apart.
const TOLERANCE: f64 = 2e-5;

/// Options of `cargo xtask bench forward`.
#[derive(Debug, Args)]
pub struct ForwardArgs {
    #[command(flatten)]
    pub bench: BenchArgs,
    /// A name from `attn fetch` or a checkpoint folder; several times for several tables.
    #[arg(long, default_value = "all-MiniLM-L6-v2", value_name = "NAME|PATH")]
    pub model: Vec<String>,
    /// Examples in the batch.
    #[arg(long, default_value_t = 8, value_name = "N")]
    pub batch: usize,
    /// Length of each example in word pieces.
    #[arg(long, default_value_t = 128, value_name = "N")]
    pub length: usize,
    /// Passes that are timed in each round.
    #[arg(long, default_value_t = 20, value_name = "N")]
    pub passes: usize,
}

/// What all models have in common.
struct Programs {
    forward: PathBuf,
    sweep: PathBuf,
    python: PathBuf,
    peer: PathBuf,
}

/// Builds, prepares, compares, runs in turns and reports.
pub fn run(args: &ForwardArgs) -> anyhow::Result<()> {
    let programs = Programs {
        python: python::find(&args.bench, &python::ONNX)?,
        forward: build(Program::Example("forward_bench"), &[])?,
        sweep: build(Program::Example("sweep_speed"), &[])?,
        peer: root()?.join("crates/attn-bert/tests/reference/forward_bench.py"),
    };
    for model in &args.model {
        bench(args, model, &programs).with_context(|| format!("model {model}"))?;
    }
    Ok(())
}

fn bench(args: &ForwardArgs, model: &str, programs: &Programs) -> anyhow::Result<()> {
    let threads = args.bench.threads();
    let folder = model_folder(model)?;
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    let scratch = programs
        .forward
        .with_file_name(format!("bench-forward-{name}"));
    let mut prepare = Command::new(&programs.forward);
    prepare.arg("prepare").arg(&scratch);
    prepare.arg("--model").arg(&folder);
    prepare.args(["--batch", &args.batch.to_string()]);
    prepare.args(["--length", &args.length.to_string()]);
    let shape = Shape::of(&measured(&mut prepare)?)?;
    let peer = |job: &str| {
        let mut command = args.bench.program(&programs.python);
        command.arg(&programs.peer).arg(job).arg(&scratch);
        command.args(["--threads", &threads.to_string()]);
        command
    };
    let mut outputs = args.bench.program(&programs.forward);
    let status = outputs.arg("outputs").arg(&scratch).status()?;
    ensure!(status.success(), "forward_bench outputs failed: {status}");
    let apart = agree(&measured(&mut peer("check"))?)?;

    let before = Peak::measure(&args.bench, &programs.sweep, &programs.python)?;
    let passes = args.passes.to_string();
    let (mut torch, mut onnx) = (Value::Null, Value::Null);
    let timed = |mut command: Command| {
        let result = measured(command.args(["--passes", &passes]))?;
        Ok::<_, anyhow::Error>((number(&result, "seconds")?, result))
    };
    let mut contenders = [
        Contender::new("attn-bert", || {
            let mut command = args.bench.program(&programs.forward);
            command.arg("run").arg(&scratch);
            Ok(timed(command)?.0)
        }),
        Contender::new("PyTorch", || {
            let (seconds, result) = timed(peer("torch"))?;
            torch = result;
            Ok(seconds)
        }),
        Contender::new("ONNX Runtime", || {
            let (seconds, result) = timed(peer("onnx"))?;
            onnx = result;
            Ok(seconds)
        }),
    ];
    let seconds = alternate(args.bench.rounds, &mut contenders)?;
    drop(contenders);
    let peak = before.max(Peak::measure(
        &args.bench,
        &programs.sweep,
        &programs.python,
    )?);

    let text = |result: &Value, name: &str| result[name].as_str().unwrap_or("?").to_owned();
    let mut report = Report::new(
        format!("Forward pass of {name} with all maps against PyTorch and ONNX Runtime"),
        threads,
    );
    report.facts = vec![
        format!(
            "{} layers of {} heads, hidden width {}; batch {} of {} word pieces; mean of {} passes a round",
            shape.layers, shape.heads, shape.hidden, shape.batch, shape.length, args.passes
        ),
        format!(
            "PyTorch {}, transformers {}, eager attention, inference mode; ONNX Runtime {}, CPU provider",
            text(&torch, "torch"),
            text(&torch, "transformers"),
            text(&onnx, "onnxruntime")
        ),
        format!("maps and last hidden states of each two within {apart:.0e}"),
        format!(
            "{:.2} billion multiply-adds a pass",
            shape.multiply_adds() / 1e9
        ),
        peak.fact(),
    ];
    let [ours, torch, onnx] = &seconds[..] else {
        anyhow::bail!("three programs ran, {} reported", seconds.len());
    };
    let rates = ours.values.iter().map(|s| shape.multiply_adds() / s);
    report.ratios = vec![
        torch.over(ours, "PyTorch's time over ours"),
        onnx.over(ours, "ONNX Runtime's time over ours"),
        Samples {
            name: "our share of the machine's best matrix product".to_owned(),
            values: rates.map(|rate| rate / peak.machine()).collect(),
        },
    ];
    report.seconds = seconds;
    report.finish(args.bench.out.as_deref(), &format!("forward-{name}"))
}

/// The sizes that decide the work of a pass.
#[derive(Debug, Clone, Copy)]
struct Shape {
    layers: f64,
    heads: f64,
    hidden: f64,
    inner: f64,
    batch: f64,
    length: f64,
}

impl Shape {
    /// From what `forward_bench prepare` printed.
    fn of(facts: &Value) -> anyhow::Result<Self> {
        Ok(Self {
            layers: number(facts, "layers")?,
            heads: number(facts, "heads")?,
            hidden: number(facts, "hidden")?,
            inner: number(facts, "inner")?,
            batch: number(facts, "batch")?,
            length: number(facts, "length")?,
        })
    }

    /// Multiply-adds of the layers' matrix products: four square projections, two of the
    /// feed-forward block, scores and contexts. The pooler's, of one token an example, are left out.
    fn multiply_adds(self) -> f64 {
        let tokens = self.batch * self.length;
        let projections = tokens * self.hidden * (4.0 * self.hidden + 2.0 * self.inner);
        let attention = 2.0 * tokens * self.length * self.hidden;
        self.layers * (projections + attention)
    }
}

/// The largest difference of maps and hidden states, when none is too large.
fn agree(result: &Value) -> anyhow::Result<f64> {
    let pairs = result["differences"].as_array();
    let pairs = pairs.context("the peer compared nothing")?;
    ensure!(
        pairs.len() == 3,
        "three pairs are to be compared, not {}",
        pairs.len()
    );
    let mut worst = 0.0f64;
    for pair in pairs {
        for what in ["maps", "hidden"] {
            // Written so that NaN fails.
            let difference = pair[what].as_f64().unwrap_or(f64::NAN);
            ensure!(
                difference <= TOLERANCE,
                "{what} of {} differ by {difference:.1e}, more than {TOLERANCE:.0e}: they do not compute the same",
                pair["pair"].as_str().unwrap_or("two programs")
            );
            worst = worst.max(difference);
        }
    }
    Ok(worst)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_work_is_that_of_bert_s_matrices() {
        let facts = json!({
            "layers": 6, "heads": 12, "hidden": 384, "inner": 1536, "batch": 8, "length": 128,
        });
        // 12 * 384² weights a layer, and 2 * 128 * 384 products a token in attention.
        let expected = 6.0 * 1024.0 * (12.0 * 384.0 * 384.0 + 2.0 * 128.0 * 384.0);
        assert_eq!(Shape::of(&facts).unwrap().multiply_adds(), expected);
        assert!(Shape::of(&json!({"layers": 6})).is_err());
    }

    #[test]
    fn all_three_must_agree() {
        let with = |maps: Value, hidden: Value| {
            let pair = |maps: Value, hidden: Value| json!({"pair": "a and b", "maps": maps, "hidden": hidden});
            let same = || pair(1e-6.into(), 0.0.into());
            agree(&json!({"differences": [same(), pair(maps, hidden), same()]}))
        };
        assert_eq!(with(3e-6.into(), 2e-6.into()).unwrap(), 3e-6);
        assert!(with(3e-5.into(), 0.0.into()).is_err());
        assert!(with(0.0.into(), 3e-5.into()).is_err());
        let error = with(Value::Null, 0.0.into()).unwrap_err().to_string();
        assert!(error.contains("maps of a and b"), "{error}");
        assert!(agree(&json!({"differences": []})).is_err());
        assert!(agree(&json!({})).is_err());
    }
}
