//! `cargo xtask bench all`: the comparisons one after the other, each with its defaults.

use super::{Bench, BenchArgs};
use clap::{Args, Parser};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// What is run, in this order, and whether it takes `--data`. `curves` is no comparison.
const ALL: [(&str, bool); 5] = [
    ("forward", false),
    ("train", false),
    ("extract", true),
    ("ablate", true),
    ("classify", true),
];

/// Options of `cargo xtask bench all`.
#[derive(Debug, Args)]
pub struct AllArgs {
    #[command(flatten)]
    pub bench: BenchArgs,
    /// Folder with GLUE's task folders.
    #[arg(long, default_value = "datasets/starter/glue", value_name = "DIR")]
    pub data: PathBuf,
}

/// A benchmark's own command line, whose defaults are the ones to take.
#[derive(Debug, Parser)]
struct Line {
    #[command(subcommand)]
    bench: Bench,
}

/// Runs them all. One that fails is reported, and the next one runs.
///
/// # Errors
/// At the end, when one has failed.
pub fn run(args: &AllArgs) -> anyhow::Result<()> {
    each(|name, data| {
        eprintln!("== bench {name}");
        let data = data.then_some(args.data.as_path());
        super::run(Line::try_parse_from(words(name, &args.bench, data))?.bench)
    })
}

/// Calls `bench` for each, and fails at the end with the names of those that failed.
fn each(mut bench: impl FnMut(&str, bool) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let mut failed = Vec::new();
    for (name, data) in ALL {
        if let Err(error) = bench(name, data) {
            eprintln!("bench {name} failed: {error:#}");
            failed.push(name);
        }
    }
    anyhow::ensure!(
        failed.is_empty(),
        "{} of {} benchmarks failed: {}",
        failed.len(),
        ALL.len(),
        failed.join(", ")
    );
    Ok(())
}

/// The command line of a benchmark with the options that all have.
fn words(name: &str, bench: &BenchArgs, data: Option<&Path>) -> Vec<OsString> {
    let BenchArgs {
        python,
        rounds,
        threads,
        under,
        out,
    } = bench;
    let options: [(&str, Option<OsString>); 6] = [
        ("--python", python.as_ref().map(Into::into)),
        ("--rounds", Some(rounds.to_string().into())),
        ("--threads", threads.map(|n| n.to_string().into())),
        ("--under", under.as_ref().map(Into::into)),
        ("--out", out.as_ref().map(Into::into)),
        ("--data", data.map(Into::into)),
    ];
    let mut words: Vec<OsString> = vec!["bench".into(), name.into()];
    for (option, value) in options {
        // In one word, so that a value may begin with a hyphen.
        words.extend(value.map(|value| {
            let mut word = OsString::from(format!("{option}="));
            word.push(value);
            word
        }));
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_takes_its_own_defaults_and_the_common_options() {
        let bench = BenchArgs {
            python: Some("some/python".into()),
            rounds: 3,
            threads: None,
            under: Some("taskset -c 0".to_owned()),
            out: Some("out".into()),
        };
        for (name, data) in ALL {
            let data = data.then_some(Path::new("glue"));
            let line = Line::try_parse_from(words(name, &bench, data)).unwrap();
            let (common, data) = match line.bench {
                Bench::Forward(args) => {
                    assert_eq!((args.batch, args.length), (8, 128));
                    (args.bench, None)
                }
                Bench::Train(args) => (args.bench, None),
                Bench::Extract(args) => {
                    assert_eq!(args.task, "QNLI");
                    (args.bench, Some(args.data))
                }
                Bench::Ablate(args) => (args.bench, Some(args.data)),
                Bench::Classify(args) => (args.bench, Some(args.data)),
                other => panic!("{other:?}"),
            };
            assert_eq!(common.rounds, 3);
            assert_eq!(common.threads, None);
            assert_eq!(common.under.as_deref(), Some("taskset -c 0"));
            assert_eq!(common.python.as_deref(), Some(Path::new("some/python")));
            assert!(data.is_none_or(|data| data == Path::new("glue")));
        }
    }

    #[test]
    fn a_failure_does_not_stop_the_others() {
        let mut ran = Vec::new();
        let result = each(|name, _| {
            ran.push(name.to_owned());
            anyhow::ensure!(name != "train" && name != "ablate", "no torch");
            Ok(())
        });
        assert_eq!(ran.len(), ALL.len());
        let error = result.unwrap_err().to_string();
        assert_eq!(error, "2 of 5 benchmarks failed: train, ablate");
        assert!(each(|_, _| Ok(())).is_ok());
    }
}
