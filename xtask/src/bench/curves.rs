//! `cargo xtask bench curves`: time and peak memory of `attn stats` against the number of examples,
//! their length and the number of heads, with the exponent of each curve.
//!
//! Lengths are made from real texts, repeated until every input is cut at exactly the length asked
//! for. An exponent is the slope of the least-squares line through the logarithms: 1 is in
//! proportion, 0 is flat. Memory's is that of the whole peak, of which the program, the model and
//! the parser are a constant part.

use super::memory::mebibytes;
use super::report::Report;
use super::rounds::Samples;
use super::statistics::StatsRun;
use super::{BenchArgs, model_folder};
use crate::{Program, build, root};
use anyhow::{Context, ensure};
use clap::Args;
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// Words after which a text needs no more repetition: each is one word piece or more, and two texts
/// share 512.
const WORDS: usize = 512;

/// Options of `cargo xtask bench curves`.
#[derive(Debug, Args)]
pub struct CurvesArgs {
    #[command(flatten)]
    pub bench: BenchArgs,
    /// A name from `attn fetch` or a checkpoint folder; a second one with other heads adds their curve.
    #[arg(long, default_value = "all-MiniLM-L6-v2", value_name = "NAME|PATH")]
    pub model: Vec<String>,
    /// Folder with GLUE's task folders.
    #[arg(long, default_value = "datasets/starter/glue", value_name = "DIR")]
    pub data: PathBuf,
    /// Numbers of examples.
    #[arg(
        long,
        value_delimiter = ',',
        default_value = "50,200,800",
        value_name = "N,…"
    )]
    pub examples: Vec<usize>,
    /// Lengths in word pieces, at the first number of examples.
    #[arg(
        long,
        value_delimiter = ',',
        default_value = "32,128,512",
        value_name = "N,…"
    )]
    pub lengths: Vec<usize>,
}

/// The task whose layout the generated texts take, too.
const TASK: &str = "QNLI";

/// One point of a curve: every round's seconds and the largest peak.
struct Point {
    at: usize,
    seconds: Samples,
    peak: Option<u64>,
}

/// Builds, measures and reports.
pub fn run(args: &CurvesArgs) -> anyhow::Result<()> {
    let attn = build(Program::Binary("attn"), &[])?;
    let models: Vec<PathBuf> = args
        .model
        .iter()
        .map(|model| model_folder(model))
        .collect::<anyhow::Result<_>>()?;
    let model = models.first().context("no model")?;
    let scratch = attn.with_file_name("bench-curves");
    let data = root()?.join(&args.data);
    let few = *args.examples.first().context("no number of examples")?;
    let base = StatsRun {
        attn: &attn,
        model,
        reference: None,
        data: &data,
        task: TASK,
        examples: few,
        max_length: 128,
        divergence_rows: None,
    };
    let long = scratch.join("long");
    lengthen(args, &base, &long)?;
    let folder = scratch.join("run");
    let by_examples = args.examples.iter().map(|&examples| StatsRun {
        examples,
        ..base.clone()
    });
    let by_length = args.lengths.iter().map(|&max_length| StatsRun {
        data: &long,
        max_length,
        ..base.clone()
    });
    let by_heads = models.iter().map(|model| StatsRun {
        model,
        ..base.clone()
    });
    let mut curves = vec![
        (
            "examples",
            points(args, by_examples, &folder, |run, _| run.examples)?,
        ),
        (
            "word pieces",
            points(args, by_length, &folder, |run, _| run.max_length)?,
        ),
    ];
    if models.len() > 1 {
        curves.push(("heads", points(args, by_heads, &folder, |_, heads| heads)?));
    }
    let name = |path: &Path| {
        path.file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned()
    };
    let mut report = Report::new(
        format!("Cost of attn stats with {}", name(model)),
        args.bench.threads(),
    );
    report.facts.push(format!(
        "dev examples of {TASK}; {few} examples but where their number varies; inputs of up to 128 word pieces but where \
         all are made equally long, from repeated texts"
    ));
    for other in models.iter().skip(1) {
        report.facts.push(format!(
            "more heads: {}, which has more layers, too, so that its forward pass grows alike",
            name(other)
        ));
    }
    for (what, points) in curves {
        report.facts.push(exponents(what, &points));
        for point in points {
            let mut samples = point.seconds;
            samples.name = format!("{} {what}; peak {}", point.at, mebibytes(point.peak));
            report.seconds.push(samples);
        }
    }
    report.finish(
        args.bench.out.as_deref(),
        &format!("curves-{}", name(model)),
    )
}

/// Measures every run of a curve, all of them in each round.
fn points<'a>(
    args: &CurvesArgs,
    runs: impl Iterator<Item = StatsRun<'a>>,
    folder: &Path,
    place: impl Fn(&StatsRun<'_>, usize) -> usize,
) -> anyhow::Result<Vec<Point>> {
    let runs: Vec<StatsRun<'_>> = runs.collect();
    let mut points: Vec<Point> = Vec::new();
    for round in 0..args.bench.rounds {
        for (i, run) in runs.iter().enumerate() {
            let outcome = run.run(&args.bench, folder)?;
            ensure!(
                outcome.examples == run.examples,
                "{} has {} examples, {} were asked for: give other --data or --examples",
                run.data.display(),
                outcome.examples,
                run.examples
            );
            let at = place(run, outcome.heads);
            eprintln!(
                "round {}: {at}: {:.2} s, {}",
                round + 1,
                outcome.seconds,
                mebibytes(outcome.peak)
            );
            if round == 0 {
                let values = Vec::new();
                let name = String::new();
                points.push(Point {
                    at,
                    seconds: Samples { name, values },
                    peak: None,
                });
            }
            if let Some(point) = points.get_mut(i) {
                point.seconds.values.push(outcome.seconds);
                point.peak = point.peak.max(outcome.peak);
            }
        }
    }
    Ok(points)
}

/// A curve's exponents in words.
fn exponents(what: &str, points: &[Point]) -> String {
    let slope = |value: &dyn Fn(&Point) -> f64| {
        let pairs: Vec<(f64, f64)> = points.iter().map(|p| (p.at as f64, value(p))).collect();
        exponent(&pairs).map_or_else(|| "unknown".to_owned(), |slope| format!("{slope:.2}"))
    };
    format!(
        "exponents of {what}: time {}, peak memory {}",
        slope(&|p| p.seconds.median()),
        slope(&|p| p.peak.map_or(f64::NAN, |bytes| bytes as f64))
    )
}

/// Slope of the least-squares line through the logarithms; `None` for fewer than two different
/// places, or values that have no logarithm.
fn exponent(pairs: &[(f64, f64)]) -> Option<f64> {
    let logs: Vec<(f64, f64)> = pairs.iter().map(|(x, y)| (x.ln(), y.ln())).collect();
    let n = logs.len() as f64;
    let mean = |part: fn(&(f64, f64)) -> f64| logs.iter().map(part).sum::<f64>() / n;
    let (x, y) = (mean(|p| p.0), mean(|p| p.1));
    let over: f64 = logs.iter().map(|p| (p.0 - x) * (p.1 - y)).sum();
    let under: f64 = logs.iter().map(|p| (p.0 - x).powi(2)).sum();
    let slope = over / under;
    slope.is_finite().then_some(slope)
}

/// Writes real texts, repeated, as a data folder of their own.
fn lengthen(args: &CurvesArgs, run: &StatsRun<'_>, folder: &Path) -> anyhow::Result<()> {
    let task = folder.join(TASK);
    std::fs::create_dir_all(&task)
        .with_context(|| format!("{}: cannot create the folder", task.display()))?;
    let texts = folder.join("texts.txt");
    let mut command = args.bench.program(run.attn);
    command.arg("stats").arg("--model").arg(run.model);
    command.arg("--data").arg(run.data);
    command.args(["--tasks", TASK, "--train-from", "file"]);
    command.args(["--max-eval", &run.examples.to_string()]);
    command.arg("--texts-out").arg(&texts);
    super::memory::watch(&mut command)?;
    let texts = std::fs::read_to_string(&texts)?;
    let path = task.join("dev.tsv");
    std::fs::write(&path, repeated(&texts))
        .with_context(|| format!("{}: cannot write", path.display()))
}

/// Lines of texts, two an example, as QNLI's table with every text repeated.
fn repeated(texts: &str) -> String {
    let long = |text: &str| {
        let words: Vec<&str> = text.split_whitespace().collect();
        let times = WORDS.div_ceil(words.len().max(1));
        words.join(" ").replace('\t', " ") + &format!(" {}", words.join(" ")).repeat(times - 1)
    };
    let lines: Vec<&str> = texts.lines().collect();
    let mut out = "index\tquestion\tsentence\tlabel\n".to_owned();
    for (index, pair) in lines.chunks_exact(2).enumerate() {
        let label = ["entailment", "not_entailment"][index % 2];
        let _ = writeln!(
            out,
            "{index}\t{}\t{}\t{label}",
            long(pair[0]),
            long(pair[1])
        );
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exponents_are_slopes_of_logarithms() {
        let square: Vec<(f64, f64)> = [1.0, 4.0, 16.0].map(|x| (x, 3.0 * x * x)).to_vec();
        assert!((exponent(&square).unwrap() - 2.0).abs() < 1e-12);
        let flat = [(1.0, 5.0), (10.0, 5.0)];
        assert!(exponent(&flat).unwrap().abs() < 1e-12);
        assert_eq!(exponent(&flat[..1]), None);
        assert_eq!(exponent(&[(1.0, 1.0), (2.0, f64::NAN)]), None);
        assert_eq!(exponent(&[]), None);
    }

    #[test]
    fn texts_are_repeated_to_the_longest_input() {
        let table = repeated("who  came ?\nshe did .\nwhy ?\nnobody knows\n");
        let rows: Vec<Vec<&str>> = table.lines().map(|l| l.split('\t').collect()).collect();
        assert_eq!(rows.len(), 3);
        assert!(rows.iter().all(|row| row.len() == 4));
        assert!(rows[1][1].starts_with("who came ? who came ? who"));
        let words = rows[2][2].split(' ').count();
        assert!((WORDS..WORDS + 2).contains(&words), "{words}");
    }
}
