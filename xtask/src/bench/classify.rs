//! `cargo xtask bench classify`: what sorting all heads' maps into the five patterns costs beside the
//! forward pass that made them (docs/patterns.md).
//!
//! One program does both, `attn classify`, and says how long each took: a round is one run of it.
//! What it counts to the forward pass includes copying the maps out of the model and writing the
//! table's lines. There is no peer. All runs must give the same table.

use super::memory::watch;
use super::report::Report;
use super::rounds::Samples;
use super::{BenchArgs, model_folder};
use crate::{Program, build, root};
use anyhow::{Context, ensure};
use clap::Args;
use std::path::PathBuf;

/// Options of `cargo xtask bench classify`.
#[derive(Debug, Args)]
pub struct ClassifyArgs {
    #[command(flatten)]
    pub bench: BenchArgs,
    /// A name from `attn fetch` or a checkpoint folder.
    #[arg(long, default_value = "all-MiniLM-L6-v2", value_name = "NAME|PATH")]
    pub model: String,
    /// Folder with GLUE's task folders.
    #[arg(long, default_value = "datasets/starter/glue", value_name = "DIR")]
    pub data: PathBuf,
    /// The task whose dev examples are used.
    #[arg(long, default_value = "RTE")]
    pub task: String,
    /// At most so many of them, drawn at random.
    #[arg(long, default_value_t = 1000, value_name = "N")]
    pub examples: usize,
    /// Longest input in word pieces.
    #[arg(long, default_value_t = 128, value_name = "N")]
    pub max_length: usize,
}

/// Builds, runs and reports.
pub fn run(args: &ClassifyArgs) -> anyhow::Result<()> {
    let attn = build(Program::Binary("attn"), &[])?;
    let model = model_folder(&args.model)?;
    let name = model.file_name().unwrap_or_default().to_string_lossy();
    let folder = attn.with_file_name(format!("bench-classify-{name}"));
    std::fs::create_dir_all(&folder)
        .with_context(|| format!("{}: cannot create the folder", folder.display()))?;
    let table = folder.join("classes.csv");
    let (mut forward, mut sorting) = (Vec::new(), Vec::new());
    let mut first: Option<(String, Said)> = None;
    for round in 0..args.bench.rounds {
        let mut command = args.bench.program(&attn);
        command.arg("classify").arg("--model").arg(&model);
        command.arg("--data").arg(root()?.join(&args.data));
        // All dev rows, also where there is no training file that they could be split for.
        command.args(["--task", &args.task, "--train-from", "file"]);
        command.args(["--max-eval", &args.examples.to_string()]);
        command.args(["--max-length", &args.max_length.to_string()]);
        command.arg("--out").arg(&table);
        let said = said(&watch(&mut command)?.stderr)?;
        let text = std::fs::read_to_string(&table)
            .with_context(|| format!("{}: cannot read", table.display()))?;
        eprintln!(
            "round {} of {}: forward pass {:.2} s, sorting {:.2} s",
            round + 1,
            args.bench.rounds,
            said.rest,
            said.sorting
        );
        forward.push(said.rest);
        sorting.push(said.sorting);
        let (before, _) = first.get_or_insert_with(|| (text.clone(), said));
        ensure!(*before == text, "two runs gave different tables");
    }
    let (text, said) = first.context("no round")?;
    let maps = text.lines().count().saturating_sub(1);
    let samples = |name: &str, values: Vec<f64>| Samples {
        name: name.to_owned(),
        values,
    };
    let mut report = Report::new(
        format!("Sorting the maps of {name} into patterns"),
        args.bench.threads(),
    );
    report.facts = vec![
        format!(
            "{maps} maps: {} heads, {} examples of {}, of up to {} word pieces",
            maps / said.examples.max(1),
            said.examples,
            args.task,
            args.max_length
        ),
        "one program does both and times both; the forward pass includes copying the maps"
            .to_owned(),
        "the same table in all rounds".to_owned(),
    ];
    report.seconds = vec![
        samples("forward pass", forward),
        samples("sorting", sorting),
    ];
    report.ratios =
        vec![report.seconds[1].over(&report.seconds[0], "sorting's time over the forward pass's")];
    report.finish(args.bench.out.as_deref(), &format!("classify-{name}"))
}

/// What `attn classify` said about its work.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Said {
    examples: usize,
    /// Seconds of sorting, and of all else from the first forward pass on.
    sorting: f64,
    rest: f64,
}

/// Reads it from the program's standard error.
fn said(stderr: &str) -> anyhow::Result<Said> {
    // The last of its kind: lines of progress begin alike.
    let after = |start: &str| {
        let at = stderr.rfind(start)? + start.len();
        let mut words = stderr[at..].split_whitespace();
        words.next()
    };
    let read = || {
        Some(Said {
            examples: after("sorting maps: ")?.parse().ok()?,
            sorting: after("sorting took ")?.parse().ok()?,
            rest: after("the model and the rest ")?.parse().ok()?,
        })
    };
    read().with_context(|| format!("attn classify did not say how long it took:\n{stderr}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_come_from_what_the_program_says() {
        let text = "sorting maps: 30 of 277, about 5 s left\nsorting maps: 277 in 5.2 s\n\
                    of 5.21 s, sorting took 0.96 s, the model and the rest 4.25 s\n";
        let expected = Said {
            examples: 277,
            sorting: 0.96,
            rest: 4.25,
        };
        assert_eq!(said(text).unwrap(), expected);
        let error = said("sorting maps: 277 in 5.2 s\n").unwrap_err();
        assert!(error.to_string().contains("277 in 5.2 s"), "{error}");
    }
}
