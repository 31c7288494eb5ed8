//! Parquet in and out, through polars.
//!
//! Three things need Parquet: our records ([`attn_core::Record`]), which are written beside the JSON
//! Lines so that a data frame opens them without parsing; the logits of models and of their ablated
//! variants ([`Predictions`]); and the `nyu-mll/glue` files that the [`crate::glue`] loaders read. All
//! pass through here, so that there is one place where polars'
//! errors (and, on a damaged file, its panics) become a [`ParquetError`].
//!
//! Only the columns that are needed are read, group of rows by group, so that a column of any other
//! type stops nobody. Sizes and counts in the footer and in every page's header are compared with
//! the file and with [`attn_core::limits`] before a page is unpacked: polars (0.55) takes memory on
//! their word, and memory that cannot be had ends the program.
//!
//! Records are written with zstd, one thread and a fixed size of row group: the same rows give the
//! same bytes on any machine.

mod pages;
mod predictions;
mod table;

pub use predictions::{Predictions, read_predictions, write_predictions};

pub(crate) use table::{Cells, Table};

use attn_core::Record;
use attn_core::io::{IoError, write_atomically};
use attn_core::limits::Exceeded;
use polars::prelude::*;
use std::path::{Path, PathBuf};

/// Rows in one row group of a file that we write. Fixed, because it shows in the bytes.
const ROW_GROUP: usize = 65_536;

/// A Parquet file that could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum ParquetError {
    /// The operating system refused.
    #[error(transparent)]
    Io(#[from] IoError),
    /// The file is not Parquet, or a damaged one.
    #[error("{path}: not a readable Parquet file: {reason}; fetch or write it again")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What polars said.
        reason: String,
    },
    /// The file asks for more than is read.
    #[error("{path}: {exceeded}")]
    Limit {
        /// The file.
        path: PathBuf,
        /// The limit and what was found.
        exceeded: Exceeded,
    },
    /// A column is absent or holds something else.
    #[error("{path}: expected a column '{column}' of {expected}, found {found}")]
    Column {
        /// The file.
        path: PathBuf,
        /// The column's name.
        column: String,
        /// The type that is needed, in words.
        expected: &'static str,
        /// What is there.
        found: String,
    },
    /// A value that must be there is null, or does not fit.
    #[error("{path}, row {row}: expected a value in column '{column}', found none that fits")]
    Value {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        row: usize,
        /// The column's name.
        column: &'static str,
    },
    /// The rows could not be encoded.
    #[error("{path}: the rows cannot be encoded as Parquet: {reason}")]
    Encode {
        /// The file that was to be written.
        path: PathBuf,
        /// What polars said.
        reason: String,
    },
}

/// Writes records as one Parquet file with zstd, atomically; the columns are the record's fields,
/// absent values are nulls. The same rows give the same bytes.
///
/// # Errors
/// [`ParquetError::Io`] when the file cannot be written.
pub fn write_records(path: &Path, rows: &[Record]) -> Result<(), ParquetError> {
    let text = |name: &str, field: fn(&Record) -> &str| {
        let values: StringChunked = rows.iter().map(|row| Some(field(row))).collect();
        values.with_name(name.into()).into_column()
    };
    let number = |name: &str, field: fn(&Record) -> Option<u64>| {
        let values: UInt64Chunked = rows.iter().map(field).collect();
        values.with_name(name.into()).into_column()
    };
    let real = |name: &str, field: fn(&Record) -> Option<f64>| {
        let values: Float64Chunked = rows.iter().map(field).collect();
        values.with_name(name.into()).into_column()
    };
    let columns = vec![
        text("run", |r| &r.run),
        text("model", |r| &r.model),
        text("task", |r| &r.task),
        text("split", |r| &r.split),
        text("experiment", |r| &r.experiment),
        number("layer", |r| r.layer.map(|n| n as u64)),
        number("head", |r| r.head.map(|n| n as u64)),
        text("metric", |r| &r.metric),
        real("value", |r| Some(r.value)),
        number("n", |r| Some(r.n as u64)),
        number("seed", |r| Some(r.seed)),
        real("ci_low", |r| r.ci_low),
        real("ci_high", |r| r.ci_high),
    ];
    write_columns(path, rows.len(), columns)
}

/// Writes columns of `rows` values, atomically.
fn write_columns(path: &Path, rows: usize, columns: Vec<Column>) -> Result<(), ParquetError> {
    let mut bytes = Vec::new();
    DataFrame::new(rows, columns)
        .and_then(|mut frame| {
            ParquetWriter::new(&mut bytes)
                .with_compression(ParquetCompression::Zstd(None))
                .with_row_group_size(Some(ROW_GROUP))
                .set_parallel(false)
                .finish(&mut frame)
        })
        .map_err(|e| ParquetError::Encode {
            path: path.to_owned(),
            reason: e.to_string(),
        })?;
    Ok(write_atomically(path, |out| out.write_all(&bytes))?)
}

/// Reads what [`write_records`] wrote.
///
/// # Errors
/// [`ParquetError`] when the file cannot be opened, is no Parquet, or lacks a column or a value.
pub fn read_records(path: &Path) -> Result<Vec<Record>, ParquetError> {
    let mut table = Table::open(path)?;
    let mut records = Vec::new();
    for group in 0..table.groups() {
        let start = records.len();
        let mut text = |name| Texts::read(&mut table, group, name, start);
        let (run, model) = (text("run")?, text("model")?);
        let (task, split) = (text("task")?, text("split")?);
        let (experiment, metric) = (text("experiment")?, text("metric")?);
        let mut whole = |name| Numbers::read(&mut table, group, name, start);
        let (layer, head) = (whole("layer")?, whole("head")?);
        let (n, seed) = (whole("n")?, whole("seed")?);
        let mut real = |name| reals(&mut table, group, name);
        let (value, ci_low, ci_high) = (real("value")?, real("ci_low")?, real("ci_high")?);
        for i in 0..table.rows(group) {
            let missing = |column| missing(path, start + i, column);
            records.push(Record {
                run: run.take(i, path)?,
                model: model.take(i, path)?,
                task: task.take(i, path)?,
                split: split.take(i, path)?,
                experiment: experiment.take(i, path)?,
                layer: layer.get(i, path)?,
                head: head.get(i, path)?,
                metric: metric.take(i, path)?,
                value: value
                    .get(i)
                    .copied()
                    .flatten()
                    .ok_or_else(|| missing("value"))?,
                n: n.get(i, path)?.ok_or_else(|| missing("n"))?,
                seed: seed.get(i, path)?.ok_or_else(|| missing("seed"))?,
                ci_low: ci_low.get(i).copied().flatten(),
                ci_high: ci_high.get(i).copied().flatten(),
            });
        }
    }
    Ok(records)
}

/// The error for a value that is null or does not fit. `row` counts from 0.
fn missing(path: &Path, row: usize, column: &'static str) -> ParquetError {
    ParquetError::Value {
        path: path.to_owned(),
        row: row + 1,
        column,
    }
}

/// One column of texts that must all be there.
struct Texts {
    name: &'static str,
    start: usize,
    cells: Cells,
}

impl Texts {
    fn read(
        table: &mut Table,
        group: usize,
        name: &'static str,
        start: usize,
    ) -> Result<Self, ParquetError> {
        let cells = table.cells(group, name, "text")?;
        match cells {
            Cells::Text(_) => Ok(Self { name, start, cells }),
            _ => Err(table.wrong(name, "text")),
        }
    }

    fn get(&self, row: usize) -> Option<&str> {
        self.cells.text(row)
    }

    fn take(&self, row: usize, path: &Path) -> Result<String, ParquetError> {
        let text = self.get(row).map(str::to_owned);
        text.ok_or_else(|| missing(path, self.start + row, self.name))
    }
}

/// One column of whole numbers, or nulls.
struct Numbers {
    name: &'static str,
    start: usize,
    values: Vec<Option<i128>>,
}

impl Numbers {
    fn read(
        table: &mut Table,
        group: usize,
        name: &'static str,
        start: usize,
    ) -> Result<Self, ParquetError> {
        match table.cells(group, name, "whole numbers")? {
            Cells::Whole(values) => Ok(Self {
                name,
                start,
                values,
            }),
            _ if table.rows(group) == 0 => Ok(Self {
                name,
                start,
                values: Vec::new(),
            }),
            _ => Err(table.wrong(name, "whole numbers")),
        }
    }

    fn get<N: TryFrom<i128>>(&self, row: usize, path: &Path) -> Result<Option<N>, ParquetError> {
        let value = self.values.get(row).copied().flatten();
        let value = value.map(N::try_from).transpose();
        value.map_err(|_| missing(path, self.start + row, self.name))
    }
}

/// One column of real numbers, or nulls.
fn reals(table: &mut Table, group: usize, name: &str) -> Result<Vec<Option<f64>>, ParquetError> {
    match table.cells(group, name, "real numbers")? {
        Cells::Real(values) => Ok(values),
        _ if table.rows(group) == 0 => Ok(Vec::new()),
        _ => Err(table.wrong(name, "real numbers")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;

    fn row(i: usize) -> Record {
        Record {
            run: "r".into(),
            model: "m\t\"é".into(),
            task: "MRPC".into(),
            split: "dev".into(),
            experiment: "sep-cls".into(),
            layer: (!i.is_multiple_of(3)).then_some(i),
            head: i.is_multiple_of(2).then_some(i),
            metric: "attention_to_sep".into(),
            value: 0.1 + i as f64 / 3.0,
            n: 408 + i,
            seed: u64::MAX - i as u64,
            ci_low: i.is_multiple_of(5).then_some(-1.0 / 3.0),
            ci_high: None,
        }
    }

    #[test]
    fn records_round_trip_with_nulls_and_extremes() {
        let folder = tempfile::tempdir().unwrap();
        for count in [0, 1, 1000] {
            let path = folder.path().join("made/records.parquet");
            let rows: Vec<_> = (0..count).map(row).collect();
            write_records(&path, &rows).unwrap();
            assert_eq!(read_records(&path).unwrap(), rows);
        }
    }

    #[test]
    fn the_same_rows_give_the_same_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let rows: Vec<_> = (0..70_000).map(row).collect();
        let [a, b] = ["a", "b"].map(|name| {
            let path = folder.path().join(name);
            write_records(&path, &rows).unwrap();
            std::fs::read(path).unwrap()
        });
        assert!(a == b && a.len() > 1000);
        assert_eq!(
            read_records(&folder.path().join("a")).unwrap().len(),
            70_000
        );
    }

    #[test]
    fn what_is_no_parquet_is_an_error_that_names_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.parquet");
        assert!(matches!(read_records(&path), Err(ParquetError::Io(_))));
        write_records(&path, &[row(1), row(2)]).unwrap();
        let whole = std::fs::read(&path).unwrap();
        for end in [0, 3, 4, 40, whole.len() / 2, whole.len() - 1] {
            std::fs::write(&path, &whole[..end]).unwrap();
            let error = read_records(&path).unwrap_err().to_string();
            assert!(error.contains("x.parquet"), "{error}");
        }
    }

    #[test]
    fn a_missing_column_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.parquet");
        let column: StringChunked = ["a"].into_iter().map(Some).collect();
        let column = column.with_name("run".into()).into_column();
        let mut frame = DataFrame::new(1, vec![column]).unwrap();
        ParquetWriter::new(File::create(&path).unwrap())
            .finish(&mut frame)
            .unwrap();
        let error = read_records(&path).unwrap_err().to_string();
        assert!(
            error.contains("'model' of text") && error.contains("only the columns run"),
            "{error}"
        );
    }
}
