//! The report for code hosts.

use super::{Block, Link, Report, Section, claim_numbers, manifest_lines};
use crate::table::{Cell, Column, Table, markdown_text};
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
            out.push_str(&self.claims_table().markdown());
        }
        // One line break at the end, however the last part ended.
        format!("{}\n", out.trim_end())
    }

    fn claims_table(&self) -> Table {
        let row = |claim: &crate::claims::Claim| {
            let found: Vec<_> = self.findings_of(&claim.id).collect();
            let verdicts: Vec<&str> = found.iter().map(|f| f.verdict.words()).collect();
            let words: Vec<String> = found.iter().map(|f| f.in_words()).collect();
            let verdict = if verdicts.is_empty() {
                "not measured here".to_owned()
            } else {
                verdicts.join("; ")
            };
            vec![
                Cell::text(format!("{} ({})", claim.section, claim.place)),
                Cell::text(&claim.statement),
                Cell::text(claim_numbers(claim)),
                Cell::text(verdict),
                Cell::text(words.join("; ")),
            ]
        };
        Table {
            columns: [
                "Section",
                "Claim",
                "The paper's numbers",
                "Verdict",
                "What we find",
            ]
            .map(Column::text)
            .to_vec(),
            rows: self.claims.iter().map(row).collect(),
            ..Table::default()
        }
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
