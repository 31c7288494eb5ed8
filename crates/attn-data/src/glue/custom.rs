//! One's own labelled texts, by column names.
//!
//! - CSV after RFC 4180: a field in quote marks may hold commas, line ends and doubled quote marks.
//!   A quote mark inside a bare field is a broken row. A row has as many fields as the header.
//! - TSV as GLUE writes it: no quoting, a quote mark is text, so a field holds neither tab nor line
//!   end. (A spreadsheet that quotes should save CSV.)
//! - JSON Lines: one object a line; texts are strings, labels strings, whole numbers or, for
//!   regression, any numbers. Further fields are ignored.
//!
//! Labels are compared to the byte, except that blanks around them do not count.

use super::csv;
use super::dataset::{Dataset, TaskRef};
use super::error::{BadRow, GlueError, excerpt};
use super::labels::{Reader, Written, class_names};
use super::rows::{Lines, Rows, read_whole, tab_fields, text, utf8};
use attn_core::{Example, InputFile, Split, TaskKind};
use serde_json::Value;
use std::path::Path;

/// Which columns (or JSON fields) hold what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomColumns {
    /// The first text.
    pub text_a: String,
    /// The second text of a pair.
    pub text_b: Option<String>,
    /// The label; absent for unlabelled input.
    pub label: Option<String>,
    /// Columns whose values say which rows belong together ([`Dataset::column_groups`]).
    pub groups: Vec<String>,
}

/// What the labels are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CustomKind {
    /// Names or whole numbers of classes.
    #[default]
    Classification,
    /// Finite numbers.
    Regression,
}

/// How a file of one's own is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CustomFormat {
    /// Comma-separated, RFC 4180.
    Csv,
    /// Tab-separated, no quoting.
    Tsv,
    /// One JSON object a line.
    JsonLines,
}

impl CustomFormat {
    /// The format that a file's name says: `.csv`, `.tsv`, `.jsonl` or `.ndjson`, in any case.
    ///
    /// # Errors
    /// [`GlueError::Request`] for any other name.
    pub fn of(path: &Path) -> Result<Self, GlueError> {
        let extension = path
            .extension()
            .map(|ext| ext.to_string_lossy().to_ascii_lowercase());
        match extension.as_deref() {
            Some("csv") => Ok(CustomFormat::Csv),
            Some("tsv") => Ok(CustomFormat::Tsv),
            Some("jsonl" | "ndjson") => Ok(CustomFormat::JsonLines),
            _ => Err(GlueError::Request {
                what: path.display().to_string(),
                reason: "expected a name that ends in .csv, .tsv or .jsonl; rename the file".into(),
            }),
        }
    }
}

/// How [`load_custom`] reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomOptions {
    /// What the task is called in records.
    pub name: String,
    /// Which part the file is.
    pub split: Split,
    /// What the labels are.
    pub kind: CustomKind,
    /// The class names, in order, when they are known already (of the training file, for the file
    /// to evaluate on): any other is a broken row then. Without them they are collected from the
    /// file, sorted: as numbers when all are whole numbers, else by their bytes.
    pub classes: Option<Vec<String>>,
    /// Skip and list broken rows rather than stop at the first.
    pub lenient: bool,
}

/// A row before its label is understood.
struct Raw {
    line: usize,
    text_a: String,
    text_b: Option<String>,
    label: Written,
    keys: Vec<String>,
}

/// Reads one file of one's own. Ids are `<file name>:<line>`, a CSV row's line being its first.
///
/// # Errors
/// [`GlueError::Request`] for an unknown kind of file, [`GlueError::Header`] when a column is
/// absent, [`GlueError::Row`] for the first broken row of a strict reading.
pub fn load_custom(
    path: &Path,
    columns: &CustomColumns,
    options: &CustomOptions,
) -> Result<Dataset, GlueError> {
    let role = format!("{} {}", options.name, options.split);
    let mut raw = Rows::new(path, options.lenient);
    let input = match CustomFormat::of(path)? {
        CustomFormat::Csv => read_csv(path, columns, &role, &mut raw)?,
        CustomFormat::Tsv => read_tsv(path, columns, &role, &mut raw)?,
        CustomFormat::JsonLines => read_jsonl(path, columns, &role, &mut raw)?,
    };
    let written = raw.whole.iter().map(|row| &row.label);
    let (kind, labels, reader) = match (options.kind, &columns.label) {
        (CustomKind::Regression, label) => (
            TaskKind::Regression,
            Vec::new(),
            Reader::Scores(label.clone().unwrap_or_default()),
        ),
        (CustomKind::Classification, label) => {
            let names = options
                .classes
                .clone()
                .unwrap_or_else(|| class_names(written));
            let reader = Reader::classes(&names, label.as_deref().unwrap_or_default());
            (
                TaskKind::Classification {
                    labels: names.len(),
                },
                names,
                reader,
            )
        }
    };
    let mut rows = Rows::new(path, options.lenient);
    for Raw {
        line,
        text_a,
        text_b,
        label,
        keys,
    } in raw.whole
    {
        let id = format!("{}:{line}", rows.file);
        let label = reader.read(&label);
        rows.take(
            line,
            label.map(|label| {
                let example = Example {
                    id,
                    text_a,
                    text_b,
                    label,
                };
                (example, keys)
            }),
        )?;
    }
    let mut skipped = raw.skipped;
    skipped.append(&mut rows.skipped);
    skipped.sort_by_key(|skipped| skipped.line);
    let pair = columns.text_b.is_some();
    let task = TaskRef::Custom {
        name: options.name.clone(),
        kind,
        labels,
        pair,
    };
    let (examples, keys): (Vec<Example>, Vec<Vec<String>>) = rows.whole.into_iter().unzip();
    let mut data = Dataset::new(task, options.split, examples, vec![input], skipped);
    if !columns.groups.is_empty() {
        data.keys = keys;
    }
    let (classes, count) = (data.labels.len(), data.examples.len());
    if options.classes.is_none() && classes > 20 && classes * 5 > count {
        data.notes.push(format!(
            "{role}: {classes} classes in {count} rows; for scores ask for regression"
        ));
    }
    Ok(data)
}

/// Positions of the columns in a header.
struct Positions {
    fields: usize,
    text_a: usize,
    text_b: Option<usize>,
    label: Option<usize>,
    groups: Vec<usize>,
}

fn find(names: &[&str], columns: &CustomColumns, header: &[u8]) -> Result<Positions, BadRow> {
    let position = |wanted: &String| {
        let mut places = names.iter().enumerate().filter(|(_, name)| *name == wanted);
        match (places.next(), places.next()) {
            (Some((place, _)), None) => Ok(place),
            (Some(_), Some(_)) => Err(BadRow::new(format!("one column '{wanted}'"), "several")),
            (None, _) => Err(BadRow::new(format!("a column '{wanted}'"), excerpt(header))),
        }
    };
    Ok(Positions {
        fields: names.len(),
        text_a: position(&columns.text_a)?,
        text_b: columns.text_b.as_ref().map(position).transpose()?,
        label: columns.label.as_ref().map(position).transpose()?,
        groups: columns
            .groups
            .iter()
            .map(position)
            .collect::<Result<_, _>>()?,
    })
}

fn header_error(path: &Path, bad: BadRow) -> GlueError {
    GlueError::Header {
        path: path.to_owned(),
        expected: bad.expected,
        found: bad.found,
    }
}

fn row(line: usize, fields: &[&str], at: &Positions, names: &CustomColumns) -> Result<Raw, BadRow> {
    let field = |place: usize| fields.get(place).copied().unwrap_or_default();
    let text_b = at.text_b.zip(names.text_b.as_deref());
    let label = at.label.zip(names.label.as_deref());
    Ok(Raw {
        line,
        text_a: text(field(at.text_a), &names.text_a)?,
        text_b: text_b
            .map(|(place, name)| text(field(place), name))
            .transpose()?,
        label: label
            .map(|(place, name)| written(field(place), name))
            .transpose()?,
        keys: (at.groups.iter().zip(&names.groups))
            .map(|(&place, name)| text(field(place), name).map(|key| key.trim().to_owned()))
            .collect::<Result<_, _>>()?,
    })
}

fn written(field: &str, column: &str) -> Result<String, BadRow> {
    match field.trim() {
        "" => Err(BadRow::new(
            format!("a label in column '{column}'"),
            "nothing",
        )),
        label => Ok(label.to_owned()),
    }
}

fn read_csv(
    path: &Path,
    columns: &CustomColumns,
    role: &str,
    rows: &mut Rows<Raw>,
) -> Result<InputFile, GlueError> {
    let (content, input) = read_whole(path, role)?;
    let mut records = csv::Records::new(&content);
    let header = records.next().map_or(Ok(Vec::new()), |(_, record)| record);
    let at = header.and_then(|header| {
        let names: Vec<_> = header
            .iter()
            .map(|name| utf8(name))
            .collect::<Result<_, _>>()?;
        find(
            &names,
            columns,
            content
                .split(|&byte| byte == b'\n')
                .next()
                .unwrap_or_default(),
        )
    });
    let at = at.map_err(|bad| header_error(path, bad))?;
    for (line, record) in records {
        let raw = record.and_then(|record| {
            let fields: Vec<_> = record
                .iter()
                .map(|field| utf8(field))
                .collect::<Result<_, _>>()?;
            if fields.len() != at.fields {
                let found = match fields.as_slice() {
                    [""] => "an empty line".to_owned(),
                    _ => format!("{}: {}", fields.len(), excerpt(fields.join(",").as_bytes())),
                };
                return Err(BadRow::new(format!("{} fields", at.fields), found));
            }
            row(line, &fields, &at, columns)
        });
        rows.take(line, raw)?;
    }
    Ok(input)
}

fn read_tsv(
    path: &Path,
    columns: &CustomColumns,
    role: &str,
    rows: &mut Rows<Raw>,
) -> Result<InputFile, GlueError> {
    let mut lines = Lines::open(path)?;
    let header = lines.next()?.map(|(_, line)| line).unwrap_or_default();
    let at = utf8(header)
        .and_then(|text| find(&text.split('\t').collect::<Vec<_>>(), columns, header))
        .map_err(|bad| header_error(path, bad))?;
    while let Some((number, line)) = lines.next()? {
        let fields = utf8(line).and_then(|line| tab_fields(line, at.fields));
        rows.take(
            number,
            fields.and_then(|fields| row(number, &fields, &at, columns)),
        )?;
    }
    Ok(lines.input(role))
}

fn read_jsonl(
    path: &Path,
    columns: &CustomColumns,
    role: &str,
    rows: &mut Rows<Raw>,
) -> Result<InputFile, GlueError> {
    let mut lines = Lines::open(path)?;
    while let Some((number, line)) = lines.next()? {
        rows.take(number, json_row(number, line, columns))?;
    }
    Ok(lines.input(role))
}

fn json_row(line: usize, content: &[u8], columns: &CustomColumns) -> Result<Raw, BadRow> {
    let object: serde_json::Map<String, Value> = serde_json::from_str(utf8(content)?)
        .map_err(|e| BadRow::new("a JSON object", format!("{} ({e})", excerpt(content))))?;
    let field = |name: &String| {
        let missing = || BadRow::new(format!("a field '{name}'"), excerpt(content));
        object.get(name).ok_or_else(missing)
    };
    let string = |name: &String| match field(name)? {
        Value::String(value) => text(value, name),
        other => {
            let found = excerpt(other.to_string().as_bytes());
            Err(BadRow::new(format!("a string in field '{name}'"), found))
        }
    };
    let label = |name: &String| match field(name)? {
        Value::String(value) => written(value, name),
        // A class written 1.0 stays apart from 1: whoever mixes them should see it.
        value @ (Value::Number(_) | Value::Bool(_)) => Ok(value.to_string()),
        other => {
            let found = excerpt(other.to_string().as_bytes());
            Err(BadRow::new(
                format!("a string or a number in field '{name}'"),
                found,
            ))
        }
    };
    let key = |name: &String| match field(name)? {
        Value::String(value) => text(value, name).map(|key| key.trim().to_owned()),
        value @ (Value::Number(_) | Value::Bool(_)) => Ok(value.to_string()),
        other => {
            let found = excerpt(other.to_string().as_bytes());
            let expected = format!("a string or a number in field '{name}'");
            Err(BadRow::new(expected, found))
        }
    };
    Ok(Raw {
        line,
        text_a: string(&columns.text_a)?,
        text_b: columns.text_b.as_ref().map(string).transpose()?,
        label: columns.label.as_ref().map(label).transpose()?,
        keys: columns.groups.iter().map(key).collect::<Result<_, _>>()?,
    })
}
