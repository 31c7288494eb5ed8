//! Tables that come from CSV files.

use super::ReportError;
use crate::table::{Cell, Column, Table};

/// Reads a CSV file (RFC 4180, with a head line) as a table for readers. A column of numbers is
/// aligned to the right and shown with about four significant digits; the columns `x low` and
/// `x high`, or `ci_low` and `ci_high`, behind a column of numbers become its interval.
///
/// # Errors
/// [`ReportError::Csv`] names `path` and the line for an open quote or a row of another length.
pub fn table_from_csv(path: &str, title: &str, text: &str) -> Result<Table, ReportError> {
    let mut rows = parse(path, text.trim_start_matches('\u{feff}'))?.into_iter();
    let Some((_, heads)) = rows.next() else {
        let reason = "the file is empty; expected a head line".to_owned();
        return Err(ReportError::Csv {
            path: path.to_owned(),
            line: 1,
            reason,
        });
    };
    let rows: Vec<Vec<String>> = rows
        .map(|(line, row)| {
            if row.len() == heads.len() {
                return Ok(row);
            }
            let reason = format!(
                "{} fields, expected {} as in the head line",
                row.len(),
                heads.len()
            );
            Err(ReportError::Csv {
                path: path.to_owned(),
                line,
                reason,
            })
        })
        .collect::<Result<_, _>>()?;
    let columns: Vec<Option<Vec<Option<f64>>>> = (0..heads.len())
        .map(|i| numbers(rows.iter().map(|r| r[i].as_str())))
        .collect();
    let mut table = Table {
        title: title.to_owned(),
        ..Table::default()
    };
    table.rows = vec![Vec::new(); rows.len()];
    let mut i = 0;
    while i < heads.len() {
        let Some(values) = &columns[i] else {
            table.columns.push(Column::text(&heads[i]));
            for (cells, row) in table.rows.iter_mut().zip(&rows) {
                cells.push(if row[i].is_empty() {
                    Cell::Missing
                } else {
                    Cell::text(&row[i])
                });
            }
            i += 1;
            continue;
        };
        let digits = decimals(values);
        let ends = ends_of(&heads, i)
            .and_then(|()| Some((columns[i + 1].as_ref()?, columns[i + 2].as_ref()?)));
        table.columns.push(
            match heads[i].strip_suffix(')').and_then(|h| h.split_once(" (")) {
                Some((name, unit)) => Column::number(name).unit(unit),
                None => Column::number(&heads[i]),
            },
        );
        for (row, cells) in table.rows.iter_mut().enumerate() {
            let interval = ends.and_then(|(low, high)| Some((low[row]?, high[row]?)));
            cells.push(match values[row] {
                Some(value) => Cell::estimate(value, interval, digits),
                None => Cell::Missing,
            });
        }
        i += if ends.is_some() { 3 } else { 1 };
    }
    Ok(table)
}

/// Whether the two columns behind `i` are the ends of its interval.
fn ends_of(heads: &[String], i: usize) -> Option<()> {
    let (head, low, high) = (&heads[i], heads.get(i + 1)?, heads.get(i + 2)?);
    let named = |suffix: &str| match head.rfind(" (") {
        Some(at) if head.ends_with(')') => format!("{}{suffix}{}", &head[..at], &head[at..]),
        _ => format!("{head}{suffix}"),
    };
    let pairs = [
        (named(" low"), named(" high")),
        (named("_low"), named("_high")),
        ("ci_low".into(), "ci_high".into()),
    ];
    pairs
        .iter()
        .any(|(l, h)| l == low && h == high)
        .then_some(())
}

/// The column's numbers, when every field is a number or empty and at least one is a number.
fn numbers<'a>(fields: impl Iterator<Item = &'a str>) -> Option<Vec<Option<f64>>> {
    let mut all = Vec::new();
    for field in fields {
        all.push(if field.is_empty() {
            None
        } else {
            Some(field.parse::<f64>().ok().filter(|v| v.is_finite())?)
        });
    }
    all.iter().any(Option::is_some).then_some(all)
}

/// Decimals that show about four significant digits of the greatest value; none for whole numbers.
fn decimals(values: &[Option<f64>]) -> usize {
    let known = || values.iter().flatten();
    if known().all(|v| v.fract() == 0.0) {
        return 0;
    }
    let greatest = known().fold(0.0, |m: f64, v| m.max(v.abs()));
    match greatest {
        g if g >= 1000.0 => 0,
        g if g >= 100.0 => 1,
        g if g >= 10.0 => 2,
        g if g >= 1.0 => 3,
        g if g >= 0.01 => 4,
        _ => 6,
    }
}

/// Rows with the line that each begins on.
fn parse(path: &str, text: &str) -> Result<Vec<(usize, Vec<String>)>, ReportError> {
    let mut rows = Vec::new();
    let (mut row, mut field, mut quoted, mut line, mut begin) =
        (Vec::new(), String::new(), false, 1, 1);
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '"' if quoted && characters.peek() == Some(&'"') => {
                characters.next();
                field.push('"');
            }
            '"' if quoted => quoted = false,
            '"' if field.is_empty() => quoted = true,
            ',' if !quoted => row.push(std::mem::take(&mut field)),
            '\r' if !quoted && characters.peek() == Some(&'\n') => {}
            '\n' if !quoted => {
                row.push(std::mem::take(&mut field));
                rows.push((begin, std::mem::take(&mut row)));
                line += 1;
                begin = line;
            }
            other => {
                if other == '\n' {
                    line += 1;
                }
                field.push(other);
            }
        }
    }
    if quoted {
        let reason = "a quoted field is not closed".to_owned();
        return Err(ReportError::Csv {
            path: path.to_owned(),
            line: begin,
            reason,
        });
    }
    if !field.is_empty() || !row.is_empty() {
        row.push(field);
        rows.push((begin, row));
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_written_table_comes_back() {
        let table = Table {
            title: "T".into(),
            columns: vec![
                Column::text("task, \"x\""),
                Column::number("F1").unit("%"),
                Column::number("n"),
            ],
            rows: vec![
                vec![
                    Cell::text("a\nb"),
                    Cell::estimate(0.1234, Some((0.1, 0.2)), 4),
                    Cell::number(7.0, 0),
                ],
                vec![Cell::Missing, Cell::Missing, Cell::number(8.0, 0)],
            ],
        };
        let back = table_from_csv("t.csv", "T", &table.csv()).unwrap();
        assert_eq!(back.rows, table.rows);
        assert_eq!(
            (back.columns[1].name.as_str(), back.columns[1].unit.as_str()),
            ("F1", "%")
        );
        assert_eq!(back.csv(), table.csv());
    }

    #[test]
    fn plain_intervals_and_digits() {
        let text = "layer,value,ci_low,ci_high,who\n1,12.345678,12,13,a\n2,1.5,,,b\n";
        let table = table_from_csv("t.csv", "", text).unwrap();
        assert_eq!(table.columns.len(), 3);
        assert_eq!(table.rows[0][1].shown(), "12.35 [12.00, 13.00]");
        assert_eq!(table.rows[1][1].shown(), "1.50");
        assert_eq!(table.rows[0][0].shown(), "1");
    }

    #[test]
    fn broken_files_are_named() {
        let error = |text: &str| table_from_csv("t.csv", "", text).unwrap_err().to_string();
        assert!(error("a,b\n1,2\n3\n").contains("t.csv, line 3: 1 fields, expected 2"));
        assert!(error("a\n\"x\ny\n").contains("line 2: a quoted field"));
        assert!(error("").contains("empty"));
    }
}
