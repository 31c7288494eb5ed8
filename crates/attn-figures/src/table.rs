//! Tables as Markdown, CSV and plain text.
//!
//! Markdown and plain text are for readers: rounded numbers, a true minus sign, intervals as
//! `0.123 [0.110, 0.135]`. CSV is for programs: every digit, and the ends of intervals in columns
//! of their own.

use crate::axis::decimal_or_dash;
use attn_core::HeadGrid;

/// Where a column's text stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Align {
    /// For words.
    #[default]
    Left,
    /// For numbers.
    Right,
}

/// A column's head.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Column {
    /// The name.
    pub name: String,
    /// Left or right.
    pub align: Align,
    /// Written behind the name in parentheses; may be empty.
    pub unit: String,
}

impl Column {
    /// A column of words.
    pub fn text(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            align: Align::Left,
            unit: String::new(),
        }
    }

    /// A column of numbers.
    pub fn number(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            align: Align::Right,
            unit: String::new(),
        }
    }

    /// The same with a unit.
    pub fn unit(self, unit: impl Into<String>) -> Self {
        Self {
            unit: unit.into(),
            ..self
        }
    }

    pub(crate) fn head(&self, suffix: &str) -> String {
        let unit = if self.unit.is_empty() {
            String::new()
        } else {
            format!(" ({})", self.unit)
        };
        format!("{}{suffix}{unit}", self.name)
    }
}

/// One field.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// Words.
    Text(String),
    /// A number shown with `digits` decimals.
    Number {
        /// The value; a dash when it is not finite.
        value: f64,
        /// Decimals for readers.
        digits: usize,
    },
    /// A number with an interval.
    Interval {
        /// The value; a dash when it is not finite.
        value: f64,
        /// Lower end.
        low: f64,
        /// Upper end.
        high: f64,
        /// Decimals for readers.
        digits: usize,
    },
    /// Nothing was measured: a dash for readers, an empty field in CSV.
    Missing,
}

impl Cell {
    /// Words.
    pub fn text(text: impl Into<String>) -> Self {
        Cell::Text(text.into())
    }

    /// A number with `digits` decimals.
    pub fn number(value: f64, digits: usize) -> Self {
        Cell::Number { value, digits }
    }

    /// A number with an interval, or without one where `interval` is absent.
    pub fn estimate(value: f64, interval: Option<(f64, f64)>, digits: usize) -> Self {
        match interval {
            Some((low, high)) => Cell::Interval {
                value,
                low,
                high,
                digits,
            },
            None => Cell::Number { value, digits },
        }
    }

    pub(crate) fn shown(&self) -> String {
        match self {
            Cell::Text(text) => text.clone(),
            Cell::Number { value, digits } => decimal_or_dash(*value, *digits),
            Cell::Interval {
                value,
                low,
                high,
                digits,
            } if value.is_finite() => format!(
                "{} [{}, {}]",
                decimal_or_dash(*value, *digits),
                decimal_or_dash(*low, *digits),
                decimal_or_dash(*high, *digits)
            ),
            Cell::Interval { .. } | Cell::Missing => "–".to_owned(),
        }
    }
}

/// A table. Rows that are too short are filled up with [`Cell::Missing`]; cells beyond the last
/// column are not shown.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Table {
    /// Above the table; may be empty.
    pub title: String,
    /// From left to right.
    pub columns: Vec<Column>,
    /// From top to bottom.
    pub rows: Vec<Vec<Cell>>,
}

/// Escapes what Markdown, or HTML within it, would take for markup.
pub(crate) fn markdown_text(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '|' | '\\' | '*' | '`' => out.extend(['\\', character]),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '\n' | '\r' | '\t' => out.push(' '),
            // `[a](b)` would be a link.
            '(' if out.ends_with(']') => out.push_str("\\("),
            other => out.push(other),
        }
    }
    out
}

/// A CSV field after RFC 4180: quoted where it holds a comma, a quote or a line break.
fn csv_field(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

fn csv_number(value: f64) -> String {
    if value.is_finite() {
        format!("{value}")
    } else {
        String::new()
    }
}

fn pad(text: &str, width: usize, align: Align) -> String {
    let space = " ".repeat(width.saturating_sub(text.chars().count()));
    match align {
        Align::Left => format!("{text}{space}"),
        Align::Right => format!("{space}{text}"),
    }
}

impl Table {
    /// Heads and cells as text, each row as long as there are columns, and the columns' widths.
    fn shown(&self, escape: fn(&str) -> String) -> (Vec<Vec<String>>, Vec<usize>) {
        let mut rows = vec![
            self.columns
                .iter()
                .map(|c| escape(&c.head("")))
                .collect::<Vec<_>>(),
        ];
        for row in &self.rows {
            let cell = |i: usize| escape(&row.get(i).unwrap_or(&Cell::Missing).shown());
            rows.push((0..self.columns.len()).map(cell).collect());
        }
        let width = |i: usize| {
            rows.iter()
                .filter_map(|r| r.get(i))
                .map(|c| c.chars().count())
                .max()
                .unwrap_or(0)
        };
        let widths = (0..self.columns.len()).map(|i| width(i).max(3)).collect();
        (rows, widths)
    }

    fn line(&self, cells: &[String], widths: &[usize]) -> Vec<String> {
        let columns = self.columns.iter().zip(widths);
        cells
            .iter()
            .zip(columns)
            .map(|(text, (column, &width))| pad(text, width, column.align))
            .collect()
    }

    /// A GitHub Markdown table, columns padded to equal width, under the title in bold.
    pub fn markdown(&self) -> String {
        let (rows, widths) = self.shown(markdown_text);
        let mut out = String::new();
        if !self.title.is_empty() {
            out.push_str(&format!("**{}**\n\n", markdown_text(&self.title)));
        }
        for (index, row) in rows.iter().enumerate() {
            out.push_str(&format!("| {} |\n", self.line(row, &widths).join(" | ")));
            if index == 0 {
                let rule = self
                    .columns
                    .iter()
                    .zip(&widths)
                    .map(|(c, &w)| match c.align {
                        Align::Left => "-".repeat(w),
                        Align::Right => format!("{}:", "-".repeat(w.saturating_sub(1))),
                    });
                out.push_str(&format!("| {} |\n", rule.collect::<Vec<_>>().join(" | ")));
            }
        }
        out
    }

    /// Plain text for a terminal.
    pub fn plain(&self) -> String {
        let (rows, widths) = self.shown(|text| text.replace(['\n', '\r', '\t'], " "));
        let mut out = String::new();
        if !self.title.is_empty() {
            out.push_str(&format!(
                "{}\n",
                self.title.replace(['\n', '\r', '\t'], " ")
            ));
        }
        for (index, row) in rows.iter().enumerate() {
            out.push_str(self.line(row, &widths).join("  ").trim_end());
            out.push('\n');
            if index == 0 {
                let rule = widths.iter().map(|&w| "─".repeat(w)).collect::<Vec<_>>();
                out.push_str(&format!("{}\n", rule.join("  ")));
            }
        }
        out
    }

    /// CSV after RFC 4180 (comma, CRLF), with a head line and without the title. A column that
    /// holds intervals becomes three: `name`, `name low`, `name high`.
    pub fn csv(&self) -> String {
        let spread: Vec<bool> = (0..self.columns.len())
            .map(|i| {
                self.rows
                    .iter()
                    .any(|r| matches!(r.get(i), Some(Cell::Interval { .. })))
            })
            .collect();
        let mut lines = Vec::with_capacity(self.rows.len() + 1);
        let mut head = Vec::new();
        for (column, &spread) in self.columns.iter().zip(&spread) {
            head.push(csv_field(&column.head("")));
            if spread {
                head.extend([
                    csv_field(&column.head(" low")),
                    csv_field(&column.head(" high")),
                ]);
            }
        }
        lines.push(head.join(","));
        for row in &self.rows {
            let mut fields = Vec::new();
            for (index, &spread) in spread.iter().enumerate() {
                let (value, low, high) = match row.get(index).unwrap_or(&Cell::Missing) {
                    Cell::Text(text) => (csv_field(text), String::new(), String::new()),
                    Cell::Number { value, .. } => {
                        (csv_number(*value), String::new(), String::new())
                    }
                    Cell::Interval {
                        value, low, high, ..
                    } => (csv_number(*value), csv_number(*low), csv_number(*high)),
                    Cell::Missing => Default::default(),
                };
                fields.push(value);
                if spread {
                    fields.extend([low, high]);
                }
            }
            lines.push(fields.join(","));
        }
        lines.iter().map(|line| format!("{line}\r\n")).collect()
    }
}

/// Layers by heads as a table, a row per layer and a column per head, both counted from 1.
pub fn grid_table(title: &str, grid: &HeadGrid<(f64, Option<(f64, f64)>)>, digits: usize) -> Table {
    let mut columns = vec![Column::number("Layer")];
    columns.extend((1..=grid.heads()).map(|h| Column::number(format!("Head {h}"))));
    let rows = grid
        .values()
        .chunks(grid.heads().max(1))
        .enumerate()
        .map(|(layer, values)| {
            let cells = values
                .iter()
                .map(|&(value, interval)| Cell::estimate(value, interval, digits));
            std::iter::once(Cell::number((layer + 1) as f64, 0))
                .chain(cells)
                .collect()
        });
    Table {
        title: title.to_owned(),
        columns,
        rows: rows.collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Table {
        Table {
            title: "Scores".into(),
            columns: vec![
                Column::text("Task"),
                Column::number("F1").unit("%"),
                Column::number("n"),
            ],
            rows: vec![
                vec![
                    Cell::text("a|b <img src=x> \"q\",\nnext"),
                    Cell::estimate(0.12345, Some((0.11, -0.135)), 3),
                    Cell::number(7.0, 0),
                ],
                vec![Cell::text("RTE"), Cell::number(f64::NAN, 3)],
            ],
        }
    }

    #[test]
    fn markdown_is_aligned_and_escaped() {
        let text = sample().markdown();
        let lines: Vec<&str> = text.lines().skip(2).collect();
        let width = lines[0].chars().count();
        assert!(lines.iter().all(|l| l.chars().count() == width), "{text}");
        assert!(lines[1].contains("-: |"));
        assert!(
            text.contains("a\\|b &lt;img src=x&gt; \"q\", next"),
            "{text}"
        );
        assert!(text.contains("0.123 [0.110, −0.135]"));
        assert!(lines[3].contains("– |"), "{text}");
        assert_eq!(lines.len(), 4, "a line break in a cell makes no new row");
    }

    #[test]
    fn csv_follows_rfc_4180() {
        assert_eq!(
            sample().csv(),
            "Task,F1 (%),F1 low (%),F1 high (%),n\r\n\
             \"a|b <img src=x> \"\"q\"\",\nnext\",0.12345,0.11,-0.135,7\r\nRTE,,,,\r\n"
        );
    }

    #[test]
    fn grids_count_from_one() {
        let grid = HeadGrid::from_fn(2, 2, |id| (id.layer as f64 + id.head as f64 / 10.0, None));
        let table = grid_table("", &grid, 1);
        assert_eq!(table.csv(), "Layer,Head 1,Head 2\r\n1,0,0.1\r\n2,1,1.1\r\n");
        assert_eq!(
            table.plain(),
            "Layer  Head 1  Head 2\n─────  ──────  ──────\n    1     0.0     0.1\n    2     1.0     1.1\n"
        );
    }
}
