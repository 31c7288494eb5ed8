//! The outcome of a benchmark, for people (Markdown) and programs (JSON).

use super::rounds::Samples;
use anyhow::Context;
use serde::Serialize;
use std::fmt::Write;
use std::path::Path;
use std::process::Command;

/// The machine that a time was taken on.
#[derive(Debug, Clone, Serialize)]
pub struct Machine {
    /// The processor's name, as far as the system tells.
    pub processor: String,
    /// Threads that the machine offers.
    pub offered: usize,
    /// Threads that each program was given.
    pub threads: usize,
    /// Operating system and architecture.
    pub system: String,
}

impl Machine {
    /// This machine.
    pub fn here(threads: usize) -> Self {
        let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let processor = info
            .lines()
            .find_map(|line| line.strip_prefix("model name")?.split_once(':'))
            .map_or_else(|| "unknown".to_owned(), |(_, name)| name.trim().to_owned());
        Self {
            processor,
            offered: std::thread::available_parallelism().map_or(1, usize::from),
            threads,
            system: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
        }
    }
}

/// The outcome of one benchmark.
#[derive(Debug, Serialize)]
pub struct Report {
    /// What was compared.
    pub title: String,
    /// The work and the versions, a fact a line.
    pub facts: Vec<String>,
    /// Where.
    pub machine: Machine,
    /// Revision of the checkout, with `-dirty` when it had changes.
    pub git: Option<String>,
    /// Seconds of each program.
    pub seconds: Vec<Samples>,
    /// Quotients of the programs' seconds and whatever else was measured each round.
    pub ratios: Vec<Samples>,
}

impl Report {
    /// An empty report.
    pub fn new(title: impl Into<String>, threads: usize) -> Self {
        Self {
            title: title.into(),
            facts: Vec::new(),
            machine: Machine::here(threads),
            git: revision(),
            seconds: Vec::new(),
            ratios: Vec::new(),
        }
    }

    /// The report as Markdown: facts, then a table of medians with smallest and largest values.
    pub fn markdown(&self) -> String {
        let mut out = format!("# {}\n\n", self.title);
        let m = &self.machine;
        let _ = writeln!(
            out,
            "- {}, {}; {} of {} threads each",
            m.processor, m.system, m.threads, m.offered
        );
        for fact in &self.facts {
            let _ = writeln!(out, "- {fact}");
        }
        if let Some(git) = &self.git {
            let _ = writeln!(out, "- revision {git}");
        }
        out.push_str("\n| | median | smallest | largest | rounds |\n|---|---:|---:|---:|---:|\n");
        let unit = scale(&self.seconds);
        let seconds = self.seconds.iter().map(|s| (s, unit));
        let ratios = self.ratios.iter().map(|s| (s, (1.0, "")));
        for (samples, (scale, unit)) in seconds.chain(ratios) {
            let _ = writeln!(
                out,
                "| {} | {:.2}{unit} | {:.2}{unit} | {:.2}{unit} | {} |",
                samples.name,
                scale * samples.median(),
                scale * samples.min(),
                scale * samples.max(),
                samples.values.len()
            );
        }
        out
    }

    /// Prints the Markdown and, where a folder is given, writes `<name>.md` and `<name>.json`.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn finish(&self, out: Option<&Path>, name: &str) -> anyhow::Result<()> {
        println!("{}", self.markdown());
        let Some(folder) = out else {
            return Ok(());
        };
        std::fs::create_dir_all(folder)
            .with_context(|| format!("{}: cannot create the folder", folder.display()))?;
        let json = serde_json::to_string_pretty(self)? + "\n";
        for (extension, text) in [("md", self.markdown()), ("json", json)] {
            let path = folder.join(format!("{name}.{extension}"));
            std::fs::write(&path, text)
                .with_context(|| format!("{}: cannot write", path.display()))?;
            println!("{}", path.display());
        }
        Ok(())
    }
}

/// What seconds are multiplied with, and their unit then: milliseconds where all medians are below a
/// second.
fn scale(seconds: &[Samples]) -> (f64, &'static str) {
    if seconds.iter().all(|samples| samples.median() < 1.0) {
        (1e3, " ms")
    } else {
        (1.0, " s")
    }
}

fn revision() -> Option<String> {
    let git = |args: &[&str]| {
        let output = Command::new("git")
            .arg("-C")
            .arg(env!("CARGO_MANIFEST_DIR"))
            .args(args)
            .output()
            .ok()
            .filter(|o| o.status.success())?;
        Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let revision = git(&["rev-parse", "--short", "HEAD"])?;
    let changes = git(&["status", "--porcelain", "--", ":/", ":(exclude,top)results"])?;
    Some(if changes.is_empty() {
        revision
    } else {
        format!("{revision}-dirty")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_a_row_for_everything_measured() {
        let mut report = Report::new("Ours against theirs", 2);
        let samples = |name: &str, values: &[f64]| Samples {
            name: name.to_owned(),
            values: values.to_vec(),
        };
        report.facts.push("79 variants".to_owned());
        report.seconds = vec![
            samples("ours", &[1.0, 3.0, 2.0]),
            samples("theirs", &[4.0, 9.0, 6.0]),
        ];
        report.ratios = vec![report.seconds[1].over(&report.seconds[0], "ratio")];
        let text = report.markdown();
        assert!(text.contains("- 79 variants\n"), "{text}");
        assert!(
            text.contains("| ours | 2.00 s | 1.00 s | 3.00 s | 3 |"),
            "{text}"
        );
        assert!(
            text.contains("| ratio | 3.00 | 3.00 | 4.00 | 3 |"),
            "{text}"
        );
        let short = [samples("a", &[0.0123]), samples("b", &[0.25])];
        assert_eq!(scale(&short), (1e3, " ms"));
        report.seconds[0] = short[0].clone();
        assert!(report.markdown().contains("| a | 0.01 s |"));
        report.seconds = short.to_vec();
        assert!(report.markdown().contains("| a | 12.30 ms |"));
        report.seconds = vec![samples("ours", &[1.0]), samples("theirs", &[4.0, 9.0])];
        let folder = tempfile::tempdir().unwrap();
        report.finish(Some(folder.path()), "x").unwrap();
        let json: serde_json::Value =
            serde_json::from_slice(&std::fs::read(folder.path().join("x.json")).unwrap()).unwrap();
        assert_eq!(json["seconds"][1]["values"][1], 9.0);
        assert_eq!(json["machine"]["threads"], 2);
    }
}
