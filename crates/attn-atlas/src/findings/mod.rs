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
