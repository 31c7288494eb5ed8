//! What runs say about the paper's claims (`results/paper/claims.json`).
//!
//! Findings follow from records alone, so that a report can judge any run folder, however old. Some
//! runs write more than records hold into `findings.jsonl`; `attn ablate` has `claims.jsonl`, a form
//! of its own ([`sweep`]). Claims that need several runs are in [`across`].

pub mod across;
mod book;
mod features;
mod framenet;
mod links;
mod sweep;
mod table1;

use attn_core::Record;
use attn_core::io::read_jsonl;
use attn_figures::claims::Finding;
use book::Book;
use std::path::Path;

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
    let path = folder.join("claims.jsonl");
    if path.is_file() {
        findings.extend(sweep::findings(&read_jsonl(&path)?));
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
