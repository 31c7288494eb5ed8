//! The check as people read it.

use super::check::{CheckRow, Verdict};
use std::fmt;

/// Shows [`CheckRow`]s as an aligned plain-text table, followed by the gaps and faults in words.
pub struct CheckTable<'a>(pub &'a [CheckRow]);

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Verdict::Whole => f.write_str("whole"),
            Verdict::Differs { rows, official } => {
                write!(f, "differs from official ({rows} of {official})")
            }
            Verdict::Substitute { file } => write!(f, "substitute ({file})"),
            Verdict::Missing => f.write_str("missing"),
            Verdict::Broken {
                skipped: Some(rows),
                ..
            } => write!(f, "broken ({rows} rows)"),
            Verdict::Broken { .. } => f.write_str("broken"),
            Verdict::Starter => f.write_str("starter (own small data)"),
        }
    }
}

const HEAD: [&str; 9] = [
    "task",
    "split",
    "rows",
    "official",
    "labels",
    "pieces med/95%/max",
    "bytes",
    "sha256",
    "verdict",
];

/// Columns of numbers, which stand to the right.
const RIGHT: [bool; 9] = [false, false, true, true, false, true, true, false, false];

fn cells(row: &CheckRow) -> [String; 9] {
    let dash = || "-".to_owned();
    let labels: Vec<_> = row
        .labels
        .iter()
        .map(|count| format!("{} {}", count.label, count.rows))
        .collect();
    let hashes: Vec<_> = row.files.iter().map(|file| file.sha256.as_str()).collect();
    let or_dash = |text: String| if text.is_empty() { dash() } else { text };
    [
        row.task.to_string(),
        row.split.to_string(),
        row.rows.map_or_else(dash, |rows| rows.to_string()),
        row.official.to_string(),
        or_dash(labels.join(", ")),
        row.lengths
            .map_or_else(dash, |l| format!("{}/{}/{}", l.median, l.p95, l.max)),
        match row.files.as_slice() {
            [] => dash(),
            files => files.iter().map(|file| file.bytes).sum::<u64>().to_string(),
        },
        or_dash(hashes.join("+")),
        row.verdict.to_string(),
    ]
}

impl fmt::Display for CheckTable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<_> = self.0.iter().map(cells).collect();
        let mut widths = HEAD.map(str::len);
        for line in &lines {
            for (width, cell) in widths.iter_mut().zip(line) {
                *width = (*width).max(cell.chars().count());
            }
        }
        let head = HEAD.map(str::to_owned);
        for line in std::iter::once(&head).chain(&lines) {
            let mut shown = String::new();
            for ((cell, &width), right) in line.iter().zip(&widths).zip(RIGHT) {
                shown += &if right {
                    format!("{cell:>width$}  ")
                } else {
                    format!("{cell:<width$}  ")
                };
            }
            writeln!(f, "{}", shown.trim_end())?;
        }
        for row in self.0 {
            let part = format!("{} {}", row.task, row.split);
            match &row.verdict {
                Verdict::Whole | Verdict::Starter => {}
                Verdict::Differs { rows, official } => {
                    writeln!(f, "{part}: {rows} rows where GLUE has {official}")?;
                }
                Verdict::Substitute { file } => writeln!(
                    f,
                    "{part}: GLUE's {} rows are not here, {file} stands in with {}",
                    row.official,
                    row.rows.unwrap_or_default()
                )?,
                Verdict::Missing => {
                    writeln!(f, "{part}: GLUE's {} rows are missing", row.official)?
                }
                Verdict::Broken { error, skipped } => {
                    writeln!(f, "{part}: {error}")?;
                    if let (Some(skipped), Some(rows)) = (skipped, row.rows) {
                        writeln!(
                            f,
                            "{part}: without the {skipped} broken rows {rows} are left (GLUE has {})",
                            row.official
                        )?;
                    }
                }
            }
        }
        Ok(())
    }
}
