//! `cargo xtask bench extract`: forward pass and all statistics of `attn stats` against PyTorch, on
//! the same examples, annotations and weights (docs/statistics.md).
//!
//! Ours is `attn stats` itself, whose manifest tells how long its measuring stages took. The peer is
//! crates/attn-stats/tests/reference/stats_speed.py: transformers with eager attention in batches of
//! like length, and the same statistics vectorised over layers and heads. Parsing is no part of
//! either side: the peer reads the annotations that ours writes. All means are compared first; the
//! divergence between heads, which looks at random queries, on a few examples with all queries.

use super::memory::{Watched, mebibytes, watch};
use super::report::Report;
use super::rounds::{Contender, Samples, alternate};
use super::statistics::{Outcome, StatsRun};
use super::{BenchArgs, last_line, number, python};
use crate::{Program, build, root};
use anyhow::{Context, ensure};
use clap::Args;
use serde_json::Value;
use std::path::{Path, PathBuf};

/// How far two means may lie apart.
const TOLERANCE: f64 = 1e-5;
/// Words whose strongest target may differ, of one kind of link: where two targets are equal but for
/// rounding, either is right.
const WORDS_APART: f64 = 3.0;
/// Examples whose divergences are compared with all queries, which takes long.
const ALL_QUERIES: usize = 16;

/// Options of `cargo xtask bench extract`.
#[derive(Debug, Args)]
pub struct ExtractArgs {
    #[command(flatten)]
    pub bench: BenchArgs,
    /// A name from `attn fetch` or a checkpoint folder.
    #[arg(long, default_value = "all-MiniLM-L6-v2", value_name = "NAME|PATH")]
    pub model: String,
    /// A second model over the same word pieces, for cosines and differences.
    #[arg(long, value_name = "NAME|PATH")]
    pub reference: Option<String>,
    /// Folder with GLUE's task folders.
    #[arg(long, default_value = "datasets/starter/glue", value_name = "DIR")]
    pub data: PathBuf,
    /// The task whose dev examples are used.
    #[arg(long, default_value = "QNLI")]
    pub task: String,
    /// How many of them, drawn at random.
    #[arg(long, default_value_t = 500, value_name = "N")]
    pub examples: usize,
    /// Longest input in word pieces.
    #[arg(long, default_value_t = 128, value_name = "N")]
    pub max_length: usize,
    /// Examples in a batch of the peer.
    #[arg(long, default_value_t = 32, value_name = "N")]
    pub batch: usize,
    /// Numbers of examples at which peak memory is taken; the peer's only at the first.
    #[arg(
        long,
        value_delimiter = ',',
        default_value = "200,2000",
        value_name = "N,…"
    )]
    pub memory: Vec<usize>,
    /// Name of the report [default: extract-<model>].
    #[arg(long)]
    pub name: Option<String>,
}

/// The peer and what it always gets.
struct Peer<'a> {
    args: &'a ExtractArgs,
    python: &'a Path,
    script: PathBuf,
    model: &'a Path,
    reference: Option<&'a Path>,
}

impl Peer<'_> {
    /// Runs it on what our run in `folder` wrote.
    fn run(&self, ours: &StatsRun<'_>, folder: &Path) -> anyhow::Result<(Value, Option<u64>)> {
        let bench = &self.args.bench;
        let mut command = bench.program(self.python);
        command.arg(&self.script).arg("--model").arg(self.model);
        if let Some(reference) = self.reference {
            command.arg("--reference").arg(reference);
        }
        command.arg("--annotations").arg(ours.annotations(folder));
        command.arg("--records").arg(StatsRun::records(folder));
        if let Some(rows) = ours.divergence_rows {
            command.args(["--divergence-rows", &rows.to_string()]);
        }
        command.args(["--batch", &self.args.batch.to_string()]);
        command.args(["--threads", &bench.threads().to_string()]);
        let Watched { stdout, peak, .. } = watch(&mut command)?;
        let result = last_line("stats_speed.py", &stdout)?;
        agrees(&result).with_context(|| format!("the two do not compute the same: {result}"))?;
        Ok((result, peak))
    }
}

/// Whether the peer found our means to be its own.
fn agrees(result: &Value) -> anyhow::Result<()> {
    ensure!(number(result, "compared")? > 0.0, "nothing was compared");
    ensure!(
        number(result, "unequal")? == 0.0,
        "the numbers of examples differ"
    );
    let missing = result["missing"].as_array().context("no 'missing'")?;
    ensure!(missing.is_empty(), "records lack {missing:?}");
    // Written so that NaN fails.
    let difference = result["largest_difference"].as_f64().unwrap_or(f64::NAN);
    ensure!(
        difference <= TOLERANCE,
        "means differ by {difference:.1e}, more than {TOLERANCE:.0e}"
    );
    let words = number(result, "words_apart")?;
    ensure!(
        words <= WORDS_APART,
        "accuracies differ by {words} words, more than {WORDS_APART}"
    );
    Ok(())
}

/// Builds, compares, runs in turns, takes the memory and reports.
pub fn run(args: &ExtractArgs) -> anyhow::Result<()> {
    let attn = build(Program::Binary("attn"), &[])?;
    let python = python::find(&args.bench, &[])?;
    let model = super::model_folder(&args.model)?;
    let reference = args.reference.as_deref().map(super::model_folder);
    let reference = reference.transpose()?;
    let name = model.file_name().unwrap_or_default().to_string_lossy();
    let scratch = attn.with_file_name(format!("bench-extract-{name}"));
    let data = root()?.join(&args.data);
    let ours = StatsRun {
        attn: &attn,
        model: &model,
        reference: reference.as_deref(),
        data: &data,
        task: &args.task,
        examples: args.examples,
        max_length: args.max_length,
        divergence_rows: None,
    };
    let peer = Peer {
        args,
        python: &python,
        script: root()?.join("crates/attn-stats/tests/reference/stats_speed.py"),
        model: &model,
        reference: reference.as_deref(),
    };

    let few = StatsRun {
        examples: ALL_QUERIES.min(args.examples),
        divergence_rows: Some(1_000_000),
        ..ours.clone()
    };
    let folder = scratch.join("all-queries");
    few.run(&args.bench, &folder)?;
    let (divergence, _) = peer.run(&few, &folder)?;
    ensure!(
        !divergence["skipped"].to_string().contains("jensen_shannon"),
        "the divergences were not compared"
    );

    let folder = scratch.join("run");
    let first = ours.run(&args.bench, &folder)?;
    let mut theirs: Vec<Value> = Vec::new();
    let mut contenders = [
        Contender::new("attn stats", || Ok(ours.run(&args.bench, &folder)?.seconds)),
        Contender::new("PyTorch", || {
            let (result, _) = peer.run(&ours, &folder)?;
            let seconds = number(&result, "seconds")?;
            theirs.push(result);
            Ok(seconds)
        }),
    ];
    let seconds = alternate(args.bench.rounds, &mut contenders)?;
    drop(contenders);
    let memory = peaks(args, &ours, &peer, &scratch.join("memory"))?;

    let last = theirs.last().context("no round")?;
    let mut report = Report::new(
        format!("Forward pass and statistics of {name} against PyTorch"),
        args.bench.threads(),
    );
    report.facts = facts(args, &first, last, &divergence)?;
    report.facts.extend(memory);
    let [attn_seconds, torch_seconds] = &seconds[..] else {
        anyhow::bail!("two programs ran, {} reported", seconds.len());
    };
    report.ratios = vec![
        torch_seconds.over(attn_seconds, "PyTorch's time over ours"),
        Samples {
            name: "share of the forward pass in PyTorch's time".to_owned(),
            values: theirs
                .iter()
                .map(|r| Ok(number(r, "forward")? / number(r, "seconds")?))
                .collect::<anyhow::Result<_>>()?,
        },
    ];
    report.seconds = seconds;
    let file = args.name.clone();
    let file = file.unwrap_or_else(|| format!("extract-{name}"));
    report.finish(args.bench.out.as_deref(), &file)
}

fn facts(
    args: &ExtractArgs,
    ours: &Outcome,
    theirs: &Value,
    divergence: &Value,
) -> anyhow::Result<Vec<String>> {
    let beside = args
        .reference
        .as_ref()
        .map_or(String::new(), |_| " of each of two models".to_owned());
    let text = |name: &str| theirs[name].as_str().unwrap_or("?").to_owned();
    Ok(vec![
        format!(
            "{} heads{beside}; {} examples of {} with {} word pieces; 1000 bootstrap samples",
            ours.heads,
            ours.examples,
            args.task,
            number(theirs, "tokens")?
        ),
        format!(
            "PyTorch {}, transformers {}, eager attention, batches of {} examples of like length, {:.1} % padding",
            text("torch"),
            text("transformers"),
            args.batch,
            100.0 * number(theirs, "padding")?
        ),
        format!(
            "{} numbers compared: means within {:.0e}, accuracies within {} words",
            number(theirs, "compared")?,
            number(theirs, "largest_difference")?,
            number(theirs, "words_apart")?
        ),
        format!(
            "with all queries on {} examples: {} numbers, divergences among them, within {:.0e}",
            number(divergence, "examples")?,
            number(divergence, "compared")?,
            number(divergence, "largest_difference")?
        ),
    ])
}

/// Peak memory at each number of examples, a line each.
fn peaks(
    args: &ExtractArgs,
    ours: &StatsRun<'_>,
    peer: &Peer<'_>,
    folder: &Path,
) -> anyhow::Result<Vec<String>> {
    let mut lines = Vec::new();
    for (place, &examples) in args.memory.iter().enumerate() {
        let run = StatsRun {
            examples,
            ..ours.clone()
        };
        let outcome = run.run(&args.bench, folder)?;
        let mut line = format!(
            "peak memory at {} examples: attn stats {}",
            outcome.examples,
            mebibytes(outcome.peak)
        );
        if place == 0 {
            let (_, peak) = peer.run(&run, folder)?;
            line += &format!(", PyTorch {}", mebibytes(peak));
        }
        eprintln!("{line}");
        lines.push(line);
    }
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_equal_results_are_timed() {
        let with = |name: &str, value: Value| {
            let mut result = serde_json::json!({
                "compared": 9, "unequal": 0, "missing": [], "largest_difference": 1e-7,
                "words_apart": 1.0,
            });
            result[name] = value;
            agrees(&result)
        };
        assert!(with("compared", 5.into()).is_ok());
        assert!(with("compared", 0.into()).is_err());
        assert!(with("unequal", 1.into()).is_err());
        assert!(with("missing", serde_json::json!(["entropy"])).is_err());
        assert!(with("largest_difference", 2e-5.into()).is_err());
        assert!(with("largest_difference", Value::Null).is_err());
        assert!(with("words_apart", 4.into()).is_err());
    }
}
