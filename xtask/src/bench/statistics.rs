//! One run of `attn stats`, timed by itself: what `extract` and `curves` have in common.

use super::BenchArgs;
use super::memory::watch;
use anyhow::{Context, ensure};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// What to measure.
#[derive(Debug, Clone)]
pub struct StatsRun<'a> {
    /// The program `attn`.
    pub attn: &'a Path,
    /// Folders of the model and the one beside it.
    pub model: &'a Path,
    pub reference: Option<&'a Path>,
    /// Folder with GLUE's task folders, and the task.
    pub data: &'a Path,
    pub task: &'a str,
    /// At most so many examples.
    pub examples: usize,
    /// Longest input in word pieces.
    pub max_length: usize,
    /// Queries that the divergence takes; `None` for the program's default.
    pub divergence_rows: Option<usize>,
}

/// What a run gave. Its files lie in the folder that it was given.
#[derive(Debug)]
pub struct Outcome {
    /// Forward passes, statistics and intervals, without starting up, loading, parsing and writing.
    pub seconds: f64,
    /// Most memory that the program held, in bytes.
    pub peak: Option<u64>,
    /// Examples that were measured.
    pub examples: usize,
    /// Heads of the model.
    pub heads: usize,
}

impl StatsRun<'_> {
    /// Where the records of a run in `folder` are.
    pub fn records(folder: &Path) -> PathBuf {
        folder.join("records.jsonl")
    }

    /// Where its annotations are.
    pub fn annotations(&self, folder: &Path) -> PathBuf {
        folder.join(format!("{}.jsonl", self.task))
    }

    /// Runs it into `folder`, which is emptied first: finished runs are not done again.
    ///
    /// # Errors
    /// A program that fails, or results that cannot be read.
    pub fn run(&self, bench: &BenchArgs, folder: &Path) -> anyhow::Result<Outcome> {
        if folder.exists() {
            std::fs::remove_dir_all(folder)
                .with_context(|| format!("{}: cannot empty the folder", folder.display()))?;
        }
        let mut command = bench.program(self.attn);
        command.arg("stats").arg("--model").arg(self.model);
        if let Some(reference) = self.reference {
            command.arg("--reference").arg(reference);
        }
        command.arg("--data").arg(self.data);
        // All dev rows, also where there is no training file that they could be split for.
        command.args(["--tasks", self.task, "--train-from", "file"]);
        command.args(["--max-eval", &self.examples.to_string()]);
        command.args(["--max-length", &self.max_length.to_string()]);
        if let Some(rows) = self.divergence_rows {
            command.args(["--divergence-rows", &rows.to_string()]);
        }
        command.arg("--annotations-out").arg(folder);
        command.arg("--out").arg(folder);
        let watched = watch(&mut command)?;
        let (examples, heads) = measured(&Self::records(folder))?;
        Ok(Outcome {
            seconds: seconds(&folder.join("manifest.json"))?,
            peak: watched.peak,
            examples,
            heads,
        })
    }
}

/// The measuring stages of a run's manifest.
fn seconds(manifest: &Path) -> anyhow::Result<f64> {
    let read = || format!("{}: cannot read", manifest.display());
    let text = std::fs::read(manifest).with_context(read)?;
    let manifest: Value = serde_json::from_slice(&text).with_context(read)?;
    let stages = ["stats", "intervals"].map(|stage| manifest["seconds"][stage].as_f64());
    match stages {
        [Some(pass), Some(intervals)] => Ok(pass + intervals),
        _ => anyhow::bail!(
            "the manifest has no stages 'stats' and 'intervals': {}",
            manifest["seconds"]
        ),
    }
}

/// How many examples and heads the records of a statistic that every example and head has are of.
fn measured(records: &Path) -> anyhow::Result<(usize, usize)> {
    let text = std::fs::read_to_string(records)
        .with_context(|| format!("{}: cannot read", records.display()))?;
    let (mut examples, mut heads) = (0, 0);
    for line in text.lines() {
        let record: Value = serde_json::from_str(line)
            .with_context(|| format!("{}: not a record: {line}", records.display()))?;
        if record["metric"] == "entropy" {
            heads += 1;
            let n = record["n"].as_u64().unwrap_or(0);
            examples = usize::try_from(n).unwrap_or(usize::MAX);
        }
    }
    ensure!(
        heads > 0,
        "{}: no entropy among the records",
        records.display()
    );
    Ok((examples, heads))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stages_and_sizes_come_from_the_run_s_files() {
        let folder = tempfile::tempdir().unwrap();
        let manifest = folder.path().join("manifest.json");
        std::fs::write(&manifest, r#"{"seconds":{"stats":2.5,"intervals":0.5}}"#).unwrap();
        assert_eq!(seconds(&manifest).unwrap(), 3.0);
        std::fs::write(&manifest, r#"{"seconds":{"stats":2.5}}"#).unwrap();
        assert!(seconds(&manifest).is_err());
        let records = folder.path().join("records.jsonl");
        let line = |metric: &str| format!("{{\"metric\":\"{metric}\",\"n\":7}}\n");
        std::fs::write(&records, line("entropy").repeat(4) + &line("cls")).unwrap();
        assert_eq!(measured(&records).unwrap(), (7, 4));
        std::fs::write(&records, line("cls")).unwrap();
        assert!(measured(&records).is_err());
    }
}
