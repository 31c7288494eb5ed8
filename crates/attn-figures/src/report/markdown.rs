//! The report for code hosts.

use super::{Block, Link, Report, Section, claim_numbers, in_words, manifest_lines, rules};
use crate::claims::PaperClaim;
use crate::table::markdown_text;
use std::fmt::Write;

/// Longer tables stay in their files.
const MOST_ROWS: usize = 40;

impl Report {
    /// `REPORT.md`: pictures and tables by relative links.
    pub fn markdown(&self) -> String {
        let mut out = format!("# {}\n\n", line(&self.title));
        for text in &self.text {
            let _ = write!(out, "{}\n\n", line(text));
        }
        for section in &self.sections {
            section_markdown(section, &mut out);
        }
        if !self.claims.is_empty() {
            out.push_str("## The paper's claims\n\n");
            for claim in &self.claims {
                self.claim_markdown(claim, &mut out);
            }
        }
        // One line break at the end, however the last part ended.
        format!("{}\n", out.trim_end())
    }

    /// The claim, the paper's numbers, and a line for each finding.
    fn claim_markdown(&self, claim: &PaperClaim, out: &mut String) {
        let place = format!("Section {}, {}", claim.section, claim.place);
        let _ = write!(out, "**{}** ({})", line(&claim.statement), line(&place));
        let numbers = claim_numbers(claim);
        if !numbers.is_empty() {
            let _ = write!(out, " The paper's numbers: {}.", line(&numbers));
        }
        out.push_str("\n\n");
        for rule in rules(self.findings_of(&claim.id)) {
            let _ = write!(out, "Rule: {}.\n\n", line(rule));
        }
        let mut found = self.findings_of(&claim.id).peekable();
        if found.peek().is_none() {
            out.push_str("- not measured here\n");
        }
        for finding in found {
            let _ = writeln!(
                out,
                "- **{}**: {}",
                finding.verdict_words(),
                line(&in_words(finding))
            );
        }
        out.push('\n');
    }
}

/// One line of text with nothing that Markdown or HTML would take for markup.
fn line(text: &str) -> String {
    let text = markdown_text(text);
    // Characters that mean something at a line's beginning or make links of text.
    text.replace('[', "\\[")
        .replace(']', "\\]")
        .replace('_', "\\_")
        .replace('#', "\\#")
}

fn links(links: &[Link]) -> String {
    let one = |l: &Link| format!("[{}]({})", line(&l.label), l.href());
    links.iter().map(one).collect::<Vec<_>>().join(" · ")
}

fn section_markdown(section: &Section, out: &mut String) {
    let _ = write!(out, "## {}\n\n", line(&section.title));
    for text in &section.text {
        let _ = write!(out, "{}\n\n", line(text));
    }
    if !section.links.is_empty() {
        let _ = write!(out, "Files: {}\n\n", links(&section.links));
    }
    for block in &section.blocks {
        match block {
            Block::Figure(figure) => {
                if let Some(first) = figure.links.first() {
                    let _ = write!(out, "![{}]({})\n\n", line(&figure.name), first.href());
                }
            }
            Block::Table(table) if table.table.rows.len() <= MOST_ROWS => {
                let _ = write!(
                    out,
                    "{}\n{}\n\n",
                    table.table.markdown(),
                    links(&table.links)
                );
            }
            Block::Table(table) => {
                let title = if table.table.title.is_empty() {
                    &table.name
                } else {
                    &table.table.title
                };
                let _ = write!(
                    out,
                    "{}, {} rows: {}\n\n",
                    line(title),
                    table.table.rows.len(),
                    links(&table.links)
                );
            }
        }
    }
    let Some(manifest) = &section.manifest else {
        return;
    };
    if !manifest.notes.is_empty() {
        out.push_str("What a reader of these numbers must know:\n\n");
        for note in &manifest.notes {
            let _ = writeln!(out, "- {}", line(note));
        }
        out.push('\n');
    }
    out.push_str("<details><summary>Manifest</summary>\n\n");
    for (name, value) in manifest_lines(manifest) {
        let _ = writeln!(out, "- {name}: {}", line(&value));
    }
    out.push_str("\n</details>\n\n");
}
