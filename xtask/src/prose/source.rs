//! Looking numbers up in records (JSON Lines), tables (CSV) and agreement in how they are written.

use anyhow::{Context, bail, ensure};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::path::Path;

/// The rows of one source.
type Rows = Vec<Map<String, Value>>;

/// The files that numbers may come from, by name.
pub struct Sources(BTreeMap<String, Rows>);

/// How a number is written.
struct Style {
    scale: f64,
    digits: usize,
    show: String,
}

impl Sources {
    /// Reads the list of sources (a JSON object: name to path from `root`) and the files.
    pub fn read(root: &Path, list: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(list).with_context(|| list.display().to_string())?;
        let names: BTreeMap<String, String> =
            serde_json::from_str(&text).with_context(|| list.display().to_string())?;
        let mut sources = BTreeMap::new();
        for (name, path) in names {
            let rows =
                rows(&root.join(&path)).with_context(|| format!("source '{name}': {path}"))?;
            sources.insert(name, rows);
        }
        Ok(Self(sources))
    }

    /// The number that a query asks for, as it is to be written.
    pub fn answer(&self, query: &str) -> anyhow::Result<String> {
        let mut words = words(query)?.into_iter();
        let source = words.next().unwrap_or_default();
        let rows = self.0.get(&source).with_context(|| {
            let known: Vec<&str> = self.0.keys().map(String::as_str).collect();
            format!("no source '{source}'; there are {}", known.join(", "))
        })?;
        let (mut style, mut column, mut filters) = (
            Style {
                scale: 1.0,
                digits: 1,
                show: String::new(),
            },
            None,
            Vec::new(),
        );
        for word in words {
            let (key, value) = word
                .split_once('=')
                .with_context(|| format!("'{word}': expected field=value"))?;
            match (key, value) {
                ("column", _) => column = Some(value.to_owned()),
                ("show", "value" | "interval" | "n" | "seed" | "low" | "high" | "all") => {
                    style.show = value.to_owned();
                }
                ("as", "points" | "percent") => style.scale = 100.0,
                ("digits", _) => {
                    style.digits = value.parse().with_context(|| format!("digits={value}"))?;
                }
                ("show" | "as", _) => bail!("{key}={value}: not known"),
                _ => filters.push((key.to_owned(), value.to_owned())),
            }
        }
        for (key, _) in &filters {
            ensure!(
                rows.iter().any(|row| row.contains_key(key)),
                "no record has a field '{key}'"
            );
        }
        let fits = |row: &&Map<String, Value>| {
            let same =
                |(key, value): &(String, String)| row.get(key).map(plain) == Some(value.clone());
            filters.iter().all(same)
        };
        let found: Vec<&Map<String, Value>> = rows.iter().filter(fits).collect();
        let [row] = found[..] else {
            bail!(
                "{} of {} records fit; name fields until one does",
                found.len(),
                rows.len()
            );
        };
        write(row, column.as_deref(), &style)
    }
}

/// A value without quotes; nothing for null.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// Words of a query; quotes keep blanks together.
fn words(query: &str) -> anyhow::Result<Vec<String>> {
    let (mut words, mut word, mut quoted) = (Vec::new(), String::new(), false);
    for c in query.chars() {
        match c {
            '"' => quoted = !quoted,
            ' ' if !quoted => {
                if !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
            }
            c => word.push(c),
        }
    }
    ensure!(!quoted, "a quote that is never closed");
    if !word.is_empty() {
        words.push(word);
    }
    Ok(words)
}

/// A rounded number with a true minus sign.
fn number(value: f64, style: &Style) -> String {
    let text = format!("{:.*}", style.digits, value * style.scale);
    let zero = text
        .trim_start_matches('-')
        .chars()
        .all(|c| "0.".contains(c));
    match text.strip_prefix('-') {
        Some(rest) if zero => rest.to_owned(),
        Some(rest) => format!("−{rest}"),
        None => text,
    }
}

fn write(row: &Map<String, Value>, column: Option<&str>, style: &Style) -> anyhow::Result<String> {
    let read = |name: &str| -> Option<f64> {
        match row.get(name)? {
            Value::Number(number) => number.as_f64(),
            Value::String(text) => text.parse().ok(),
            _ => None,
        }
    };
    let (value, low, high) = match column {
        None => (
            "value".to_owned(),
            "ci_low".to_owned(),
            "ci_high".to_owned(),
        ),
        Some(name) => {
            // "x (points)" has its ends in "x low (points)" and "x high (points)".
            let (head, unit) = match name.find(" (") {
                Some(at) => name.split_at(at),
                None => (name, ""),
            };
            (
                name.to_owned(),
                format!("{head} low{unit}"),
                format!("{head} high{unit}"),
            )
        }
    };
    let interval = read(&low).zip(read(&high));
    let value = || -> anyhow::Result<String> {
        let Some(cell) = row.get(&value) else {
            bail!("no column '{value}'");
        };
        match (cell, read(&value)) {
            // Whole numbers of a table are counts.
            (Value::String(text), Some(_)) if text.parse::<i64>().is_ok() && interval.is_none() => {
                Ok(text.clone())
            }
            (_, Some(found)) => Ok(number(found, style)),
            (Value::String(text), None) if !text.is_empty() => Ok(text.clone()),
            _ => bail!("'{value}' is empty"),
        }
    };
    let ends = || -> anyhow::Result<String> {
        let (low, high) = interval.context("it has no interval")?;
        Ok(format!("[{}, {}]", number(low, style), number(high, style)))
    };
    let count = |name: &str| row.get(name).map(plain).filter(|text| !text.is_empty());
    let with_interval = || -> anyhow::Result<String> {
        Ok(match interval {
            Some(_) => format!("{} {}", value()?, ends()?),
            None => value()?,
        })
    };
    match style.show.as_str() {
        "value" => value(),
        "interval" => ends(),
        "n" | "seed" => count(&style.show).with_context(|| format!("it has no {}", style.show)),
        "low" | "high" => {
            let (low, high) = interval.context("it has no interval")?;
            let end = if style.show == "low" { low } else { high };
            Ok(number(end, style))
        }
        "all" => {
            let n = count("n").context("it has no n")?;
            let seed = count("seed").map_or(String::new(), |seed| format!(", seed {seed}"));
            Ok(format!("{} (n = {n}{seed})", with_interval()?))
        }
        // An interval's ends are in columns of their own: the column alone is asked for.
        _ if column.is_some() && interval.is_none() => value(),
        _ => with_interval(),
    }
}

/// Reads a file of records or a table.
fn rows(path: &Path) -> anyhow::Result<Rows> {
    let text = std::fs::read_to_string(path).context("cannot read")?;
    match path.extension().and_then(|e| e.to_str()) {
        Some("jsonl") => text
            .lines()
            .enumerate()
            .map(|(i, line)| serde_json::from_str(line).with_context(|| format!("line {}", i + 1)))
            .collect(),
        Some("csv") => table(&text),
        Some("json") => bench(&text),
        _ => bail!("expected .jsonl, .csv or a .json of `cargo xtask bench`"),
    }
}

/// What `cargo xtask bench` measured: kind `seconds` or `ratio`, name, median, and as ends of the interval
/// the least and the greatest round; n counts the rounds.
fn bench(text: &str) -> anyhow::Result<Rows> {
    #[derive(serde::Deserialize)]
    struct Measured {
        name: String,
        values: Vec<f64>,
    }
    #[derive(serde::Deserialize)]
    struct Bench {
        seconds: Vec<Measured>,
        ratios: Vec<Measured>,
    }
    let bench: Bench = serde_json::from_str(text)?;
    let mut rows = Rows::new();
    for (kind, all) in [("seconds", bench.seconds), ("ratio", bench.ratios)] {
        for mut measured in all {
            measured.values.sort_by(f64::total_cmp);
            let n = measured.values.len();
            let (Some(low), Some(high)) = (measured.values.first(), measured.values.last()) else {
                bail!("'{}' has no rounds", measured.name);
            };
            let median = 0.5 * (measured.values[(n - 1) / 2] + measured.values[n / 2]);
            let row = serde_json::json!({
                "kind": kind, "name": measured.name, "value": median, "ci_low": low, "ci_high": high, "n": n,
            });
            rows.extend(row.as_object().cloned());
        }
    }
    Ok(rows)
}

/// Rows of a CSV table as written by attn-figures: quoted where a field holds commas or quotes. Of
/// columns with one name the first counts, the others are `name 2`, `name 3`.
fn table(text: &str) -> anyhow::Result<Rows> {
    let mut lines = text.lines();
    let mut header: Vec<String> = Vec::new();
    for name in fields(lines.next().context("an empty file")?) {
        let again = header
            .iter()
            .filter(|h| {
                **h == name
                    || h.starts_with(&format!("{name} "))
                        && h[name.len() + 1..].parse::<usize>().is_ok()
            })
            .count();
        header.push(match again {
            0 => name,
            n => format!("{name} {}", n + 1),
        });
    }
    lines
        .enumerate()
        .map(|(i, line)| {
            let fields = fields(line);
            ensure!(
                fields.len() == header.len(),
                "line {}: {} fields, the header has {}",
                i + 2,
                fields.len(),
                header.len()
            );
            let cells = header
                .iter()
                .cloned()
                .zip(fields.into_iter().map(Value::String));
            Ok(cells.collect())
        })
        .collect()
}

fn fields(line: &str) -> Vec<String> {
    let (mut fields, mut field, mut quoted) = (Vec::new(), String::new(), false);
    let mut characters = line.chars().peekable();
    while let Some(c) = characters.next() {
        match (c, quoted) {
            ('"', true) if characters.peek() == Some(&'"') => {
                characters.next();
                field.push('"');
            }
            ('"', _) => quoted = !quoted,
            (',', false) => fields.push(std::mem::take(&mut field)),
            (c, _) => field.push(c),
        }
    }
    fields.push(field);
    fields
}
