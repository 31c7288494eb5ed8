//! Results as one page: what `attn report` writes.
//!
//! A [`Report`] is a list of [`Section`]s (one a run) with figures, tables, notes and the manifest,
//! and the paper's claims beside what was found. [`Report::html`] gives one file that needs no
//! network: figures as inline SVG with their values on hover and under the arrow keys, tables that
//! sort, light and dark. [`Report::markdown`] gives the same for code hosts, which show pictures and
//! tables but no pages.
//!
//! All text is data. Figures read from files pass through a list of harmless elements
//! (`svg_in`); what holds more is shown as an image, in which nothing runs.

mod claims_page;
mod csv_in;
mod html;
mod markdown;
mod svg_in;

pub use csv_in::table_from_csv;

use crate::claims::{Finding, PaperClaim};
use crate::table::Table;
use attn_core::{Estimate, Manifest};

/// A report that cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReportError {
    /// A table's file is broken.
    #[error("{path}, line {line}: {reason}")]
    Csv {
        /// The file.
        path: String,
        /// Counted from 1.
        line: usize,
        /// What is wrong.
        reason: String,
    },
}

/// A file beside the report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// What the reader sees.
    pub label: String,
    /// Relative address, percent-encoded.
    href: String,
}

impl Link {
    /// A link to a file, by its path relative to the report. Every byte that means something in an
    /// address is encoded, a colon above all: a folder named `javascript:` is a folder.
    pub fn file(label: impl Into<String>, path: &str) -> Self {
        let mut href = String::new();
        for byte in path.replace('\\', "/").bytes() {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b'/' => {
                    href.push(char::from(byte))
                }
                _ => href.push_str(&format!("%{byte:02X}")),
            }
        }
        // Two slashes at the front would name a host.
        let href = href.trim_start_matches('/').to_owned();
        Self {
            label: label.into(),
            href,
        }
    }

    /// The address.
    pub fn href(&self) -> &str {
        &self.href
    }
}

/// A picture with its files.
#[derive(Debug, Clone, PartialEq)]
pub struct ReportFigure {
    /// File name without extension.
    pub name: String,
    /// The SVG document.
    pub svg: String,
    /// The same picture beside the report: SVG first.
    pub links: Vec<Link>,
}

/// A table with its files.
#[derive(Debug, Clone, PartialEq)]
pub struct ReportTable {
    /// File name without extension.
    pub name: String,
    /// The table.
    pub table: Table,
    /// The same table beside the report.
    pub links: Vec<Link>,
}

/// A part of a section.
#[derive(Debug, Clone, PartialEq)]
pub enum Block {
    /// A picture.
    Figure(ReportFigure),
    /// A table.
    Table(ReportTable),
}

/// One run, or one chapter.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Section {
    /// Its heading.
    pub title: String,
    /// Paragraphs under it.
    pub text: Vec<String>,
    /// Figures and tables in order.
    pub blocks: Vec<Block>,
    /// What the run was made from.
    pub manifest: Option<Manifest>,
    /// Its records and other files.
    pub links: Vec<Link>,
}

/// Everything in a report.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Report {
    /// The title.
    pub title: String,
    /// Paragraphs under it.
    pub text: Vec<String>,
    /// The paper's claims; no page of claims when empty.
    pub claims: Vec<PaperClaim>,
    /// What runs found about them.
    pub findings: Vec<Finding>,
    /// The runs.
    pub sections: Vec<Section>,
}

impl Report {
    /// The findings about a claim, in their order.
    fn findings_of<'a>(&'a self, claim: &'a str) -> impl Iterator<Item = &'a Finding> {
        self.findings.iter().filter(move |f| f.claim == claim)
    }
}

/// The number that decides, with its interval where it has one.
fn deciding_number(finding: &Finding) -> Option<String> {
    let interval = finding.ci_low.zip(finding.ci_high);
    finding.value.map(|mean| {
        let n = finding.n;
        let digits = Estimate { mean, n, interval }.decimals();
        crate::Cell::estimate(mean, interval, digits).shown()
    })
}

/// What was found, with the number that decides, its interval, n and seed.
fn in_words(finding: &Finding) -> String {
    let mut text = finding.model.clone();
    if let Some(task) = &finding.task {
        text.push_str(&format!(", {task}"));
    }
    text.push_str(&format!(": {}", finding.finding));
    let parts = deciding_number(finding).into_iter().chain([
        format!("n = {}", finding.n),
        format!("seed {}", finding.seed),
    ]);
    text.push_str(&format!(" ({})", parts.collect::<Vec<_>>().join("; ")));
    text
}

/// The rules behind a claim's verdicts, each once.
fn rules<'a>(findings: impl Iterator<Item = &'a Finding>) -> Vec<&'a str> {
    let mut rules: Vec<&str> = Vec::new();
    for finding in findings {
        let rule = finding.rule.as_str();
        if !rule.is_empty() && !rules.contains(&rule) {
            rules.push(rule);
        }
    }
    rules
}

/// The numbers of a claim in one line.
fn claim_numbers(claim: &PaperClaim) -> String {
    let one = |n: &crate::claims::ClaimNumber| {
        let task = n
            .task
            .as_ref()
            .map(|t| format!("{t}: "))
            .unwrap_or_default();
        let unit = match n.unit.as_str() {
            "" => String::new(),
            "percent" => " %".to_owned(),
            unit => format!(" {unit}"),
        };
        format!("{task}{} {}{unit}", n.name, n.value)
    };
    claim.numbers.iter().map(one).collect::<Vec<_>>().join("; ")
}

/// Lines of a manifest for readers: name and value. Inputs and notes are apart.
fn manifest_lines(m: &Manifest) -> Vec<(&'static str, String)> {
    let map = |entries: Vec<String>| entries.join(", ");
    vec![
        ("command", m.command.join(" ")),
        (
            "program's revision",
            m.git.clone().unwrap_or_else(|| "unknown".to_owned()),
        ),
        ("device", format!("{}, {} threads", m.device, m.threads)),
        (
            "seeds",
            map(m.seeds.iter().map(|(k, v)| format!("{k} {v}")).collect()),
        ),
        (
            "versions",
            map(m.versions.iter().map(|(k, v)| format!("{k} {v}")).collect()),
        ),
        (
            "seconds",
            map(m
                .seconds
                .iter()
                .map(|(k, v)| format!("{k} {v:.1}"))
                .collect()),
        ),
        ("configuration", m.config.to_string()),
    ]
}

#[cfg(test)]
mod tests;
