//! What runs say about the paper's claims (`results/paper/claims.json`).
//!
//! Findings follow from records alone, so that a report can judge any run folder, however old; `attn
//! patterns` writes its own into `findings.jsonl`. The rules behind all verdicts are in
//! `attn_stats::verdict`; what needs several runs, and the sweeps, whose baseline is compared with
//! chance, are in [`across`].

pub mod across;
mod book;
mod features;
pub mod framenet;
mod links;
mod relations;
mod sweep;
mod table1;

use anyhow::Context;
use attn_core::io::read_jsonl;
use attn_core::{Finding, Record};
use attn_data::parquet::read_predictions;
use book::Book;
use std::path::Path;

/// What a run has written.
pub struct Written {
    /// Its records; none when it has written none.
    pub records: Vec<Record>,
    /// The gold labels of the examples that a sweep scored; none for other runs.
    pub labels: Vec<f64>,
}

/// What the run in `folder` has written.
///
/// # Errors
/// File and line of what cannot be read.
pub fn written(folder: &Path) -> anyhow::Result<Written> {
    let records = records(folder)?;
    let predictions = folder.join("predictions.parquet");
    let sweep = records
        .first()
        .is_some_and(|r| r.experiment.starts_with("ablate/"));
    let labels = if sweep && predictions.is_file() {
        let read =
            read_predictions(&predictions).with_context(|| predictions.display().to_string())?;
        read.labels.into_iter().flatten().collect()
    } else {
        Vec::new()
    };
    Ok(Written { records, labels })
}

/// The records of the run in `folder`; none when it has written none.
///
/// # Errors
/// File and line of what cannot be read.
pub fn records(folder: &Path) -> anyhow::Result<Vec<Record>> {
    let path = folder.join("records.jsonl");
    if path.is_file() {
        return Ok(read_jsonl(&path)?);
    }
    // Sweeps have theirs in Parquet only, twenty times as small.
    let path = folder.join("records.parquet");
    Ok(if path.is_file() {
        attn_data::parquet::read_records(&path)?
    } else {
        Vec::new()
    })
}

/// Everything that the run in `folder`, which wrote `records`, says by itself.
///
/// # Errors
/// File and line of what cannot be read.
pub fn of_run(folder: &Path, records: &[Record]) -> anyhow::Result<Vec<Finding>> {
    let mut findings = Vec::new();
    let path = folder.join("findings.jsonl");
    if path.is_file() {
        findings.extend(read_jsonl::<Finding>(&path)?);
    }
    let book = Book::new(records);
    match records.first().map(|r| r.experiment.as_str()) {
        Some("table-1") => findings.extend(table1::findings(&book)),
        Some("framenet") => findings.extend(framenet::findings(&book)),
        Some("stats") => {
            findings.extend(features::findings(&book));
            findings.extend(links::findings(&book));
        }
        _ => {}
    }
    Ok(findings)
}

#[cfg(test)]
mod tests {
    use super::*;
    use attn_core::Verdict;

    /// Claims that are judged by counts of decided heads, or by an exact count: they have no interval.
    const COUNTED: [&str; 5] = [
        "five-patterns",
        "framenet-sentences",
        "overparametrised",
        "sts-rte-share-heads",
        "vertical-is-special",
    ];

    /// The committed runs of one model.
    fn judged(model: &str) -> Vec<Finding> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../../results")
            .join(format!("{model}-glue"));
        let tasks = attn_core::Task::ALL.map(|t| format!("ablation/{}", t.name()));
        let stages = ["framenet", "table1", "stats", "patterns"].map(str::to_owned);
        let mut findings = Vec::new();
        let mut runs = Vec::new();
        for part in stages.iter().chain(&tasks) {
            let folder = root.join(part);
            if folder.join("manifest.json").is_file() {
                let run = written(&folder).unwrap();
                findings.extend(of_run(&folder, &run.records).unwrap());
                runs.push(run);
            }
        }
        findings.extend(across::findings(&runs));
        findings
    }

    /// Whatever the committed records say: nothing is decided without an interval or a test, and what is
    /// decided agrees with the interval that stands beside it.
    #[test]
    fn committed_verdicts_rest_on_intervals() {
        for model in ["all-MiniLM-L6-v2", "multilingual-e5-small-en-pt"] {
            let findings = judged(model);
            assert!(findings.len() > 50, "{model}: {}", findings.len());
            for f in &findings {
                let decided = f.verdict != Verdict::Inconclusive;
                let interval = f.ci_low.zip(f.ci_high);
                assert!(
                    !decided || interval.is_some() || COUNTED.contains(&f.claim.as_str()),
                    "{f:?}"
                );
                if let Some((low, high)) = interval {
                    assert!(low < high || !decided, "width 0: {f:?}");
                    let (low, high) = (low - 1e-9, high + 1e-9);
                    assert!(f.value.is_some_and(|v| low <= v && v <= high), "{f:?}");
                }
                // Gains are above 0 by the interval that is shown with them.
                let gains = ["tuning-gain", "random-start-lower", "some-head-off-helps"];
                if gains.contains(&f.claim.as_str()) && f.verdict == Verdict::Holds {
                    assert!(interval.is_some_and(|i| i.0 > 0.0), "{f:?}");
                }
            }
        }
    }
}
