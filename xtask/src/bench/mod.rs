//! `cargo xtask bench`: our programs against straightforward Python ones, on the same work.
//!
//! What all benchmarks share lies here and in small modules: a Python with the peers' packages
//! ([`python`]), programs run in alternation ([`rounds`]), the machine's best matrix product
//! ([`peak`]) and the table that comes out ([`report`]). A benchmark itself is a module with an `Args`
//! and a `run`.
//!
//! How a comparison is made fair:
//! - both programs time themselves, without starting up and loading, and end with one line of JSON
//!   on standard output ([`measured`]);
//! - both get the same number of threads, through an option and through the variables that their
//!   libraries read ([`with_threads`]);
//! - they run one after the other, never at once, in an order that turns around each round, so that
//!   a machine that slows down slows both; the ratio is taken within each round;
//! - medians are given with the smallest and the largest value, and every single time is in the
//!   JSON file.

// Documentation comments are the program's help texts here: angles stand for themselves.
#![allow(rustdoc::invalid_html_tags)]

mod ablate;
mod all;
mod classify;
mod curves;
mod extract;
mod forward;
pub mod memory;
pub mod peak;
pub mod python;
pub mod report;
pub mod rounds;
mod statistics;
mod train;

use crate::{Program, build};
use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The benchmarks.
#[derive(Debug, Subcommand)]
pub enum Bench {
    /// The ablation sweep against a PyTorch script with hooks.
    Ablate(ablate::AblateArgs),
    /// forward, train, extract, ablate and classify, each with its defaults.
    All(all::AllArgs),
    /// Sorting all heads' maps into patterns against the forward pass that made them (no Python peer).
    Classify(classify::ClassifyArgs),
    /// Time and memory of `attn stats` against the number of examples, their length and the heads.
    Curves(curves::CurvesArgs),
    /// Forward pass and all statistics of maps against a PyTorch script, with peak memory.
    Extract(extract::ExtractArgs),
    /// The encoder's forward pass with all maps kept, against PyTorch and ONNX Runtime.
    Forward(forward::ForwardArgs),
    /// A training step against a PyTorch script.
    Train(train::TrainArgs),
}

/// Options that all benchmarks have.
#[derive(Debug, Clone, Args)]
pub struct BenchArgs {
    /// A Python with torch and transformers, for `forward` with onnxruntime and onnx, too [default: one
    /// made in the target folder, from PyPI].
    #[arg(long, value_name = "PATH")]
    pub python: Option<PathBuf>,
    /// How often each program runs.
    #[arg(long, default_value_t = 5, value_name = "N")]
    pub rounds: usize,
    /// Threads of each program [default: all that the machine has].
    #[arg(long, value_name = "N")]
    pub threads: Option<usize>,
    /// Run each program under this one, for example 'taskset -c 0,1' or one that keeps others away.
    #[arg(long, value_name = "COMMAND")]
    pub under: Option<String>,
    /// Folder for the table (<name>.md and <name>.json) [default: print only].
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

impl BenchArgs {
    /// Threads that each program gets.
    pub fn threads(&self) -> usize {
        let all = || std::thread::available_parallelism().map_or(1, usize::from);
        self.threads.unwrap_or_else(all).max(1)
    }

    /// A program under the command of `--under`, with this benchmark's threads.
    pub fn program(&self, program: &Path) -> Command {
        let mut words = self.under.iter().flat_map(|under| under.split_whitespace());
        let mut command = match words.next() {
            None => Command::new(program),
            Some(first) => {
                let mut command = Command::new(first);
                command.args(words).arg(program);
                command
            }
        };
        with_threads(&mut command, self.threads());
        command
    }
}

/// Runs a benchmark.
///
/// # Errors
/// A program that does not build or run, or results that differ.
pub fn run(bench: Bench) -> anyhow::Result<()> {
    match bench {
        Bench::Ablate(args) => ablate::run(&args),
        Bench::All(args) => all::run(&args),
        Bench::Classify(args) => classify::run(&args),
        Bench::Curves(args) => curves::run(&args),
        Bench::Extract(args) => extract::run(&args),
        Bench::Forward(args) => forward::run(&args),
        Bench::Train(args) => train::run(&args),
    }
}

/// The folder of a model: one that is given, or one that `attn fetch` puts into the cache.
///
/// # Errors
/// When it is neither.
pub fn model_folder(model: &str) -> anyhow::Result<PathBuf> {
    let given = PathBuf::from(model);
    if given.is_dir() {
        return Ok(given.canonicalize()?);
    }
    let attn = build(Program::Binary("attn"), &[])?;
    let output = Command::new(attn)
        .args(["fetch", model])
        .stderr(Stdio::inherit())
        .output()?;
    anyhow::ensure!(output.status.success(), "attn fetch {model} failed");
    let text = String::from_utf8_lossy(&output.stdout);
    let path = text.lines().rev().find_map(|line| {
        let path = PathBuf::from(line.split_whitespace().last()?);
        path.is_dir().then_some(path)
    });
    path.with_context(|| format!("attn fetch {model} named no folder: {text}"))
}

/// Limits a program to `threads` threads, whichever library it computes with, and lets it keep freed
/// memory, as `attn` does for itself.
pub fn with_threads(command: &mut Command, threads: usize) -> &mut Command {
    for name in [
        "RAYON_NUM_THREADS",
        "OMP_NUM_THREADS",
        "MKL_NUM_THREADS",
        "OPENBLAS_NUM_THREADS",
    ] {
        command.env(name, threads.to_string());
    }
    command
        .env("TOKENIZERS_PARALLELISM", "false")
        .env("MIMALLOC_PURGE_DELAY", "-1")
}

/// Runs a program and reads the last line of its standard output, which must be a JSON object. The
/// lines before it and its standard error pass through.
///
/// # Errors
/// When it does not start, fails, or ends with another kind of line.
pub fn measured(command: &mut Command) -> anyhow::Result<serde_json::Value> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("cannot start {name}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        bail!("{name} failed ({}):\n{text}", output.status);
    }
    last_line(&name, &text)
}

/// The JSON object in the last line of what program `name` printed; the lines before it pass through.
fn last_line(name: &str, text: &str) -> anyhow::Result<serde_json::Value> {
    let (before, last) = match text.trim_end().rsplit_once('\n') {
        Some((before, last)) => (before, last),
        None => ("", text.trim_end()),
    };
    for line in before.lines() {
        eprintln!("  {line}");
    }
    let value: serde_json::Value = serde_json::from_str(last).with_context(|| {
        format!("{name} should end with a line of JSON, but ended with '{last}'")
    })?;
    anyhow::ensure!(
        value.is_object(),
        "{name} should end with a JSON object, but ended with '{last}'"
    );
    Ok(value)
}

/// A number of a program's JSON line.
///
/// # Errors
/// When it is absent or no number.
pub fn number(value: &serde_json::Value, name: &str) -> anyhow::Result<f64> {
    value
        .get(name)
        .and_then(serde_json::Value::as_f64)
        .with_context(|| format!("the program's result has no number '{name}': {value}"))
}
