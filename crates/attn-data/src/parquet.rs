//! Parquet in and out, through polars.
//!
//! Three things need Parquet: our records ([`attn_core::Record`]), which are written beside the JSON
//! Lines so that a data frame opens them without parsing; the logits of models and of their ablated
//! variants ([`Predictions`]); and the `nyu-mll/glue` files that the [`crate::glue`] loaders read. All
//! pass through here, so that there is one place where polars'
//! errors (and, on a damaged file, its panics) become a [`ParquetError`].
//!
//! One limit is polars' own (0.55): a damaged *data page* can ask for so much memory that the
//! program ends, which no caller can catch. A cut file or a damaged footer is always an error.
//! Whoever fetches Parquet files should compare their hashes before they are opened, as the
//! artefact store does.
//!
//! Records are written with zstd, one thread and a fixed size of row group: the same rows give the
//! same bytes on any machine.

mod predictions;

pub use predictions::{Predictions, read_predictions, write_predictions};

use attn_core::Record;
use attn_core::io::{IoError, write_atomically};
use polars::prelude::*;
use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
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
    let table = Table::read(path)?;
    let (run, model) = (table.text("run")?, table.text("model")?);
    let (task, split) = (table.text("task")?, table.text("split")?);
    let (experiment, metric) = (table.text("experiment")?, table.text("metric")?);
    let (layer, head) = (table.whole_number("layer")?, table.whole_number("head")?);
    let (n, seed) = (table.whole_number("n")?, table.whole_number("seed")?);
    let (value, ci_low) = (table.real("value")?, table.real("ci_low")?);
    let ci_high = table.real("ci_high")?;
    (0..table.frame.height())
        .map(|i| {
            let missing = |column| ParquetError::Value {
                path: path.to_owned(),
                row: i + 1,
                column,
            };
            let text = |column: &StringChunked, name| {
                column
                    .get(i)
                    .map(str::to_owned)
                    .ok_or_else(|| missing(name))
            };
            let size = |number: u64, name| usize::try_from(number).map_err(|_| missing(name));
            Ok(Record {
                run: text(run, "run")?,
                model: text(model, "model")?,
                task: text(task, "task")?,
                split: text(split, "split")?,
                experiment: text(experiment, "experiment")?,
                layer: layer.get(i).map(|x| size(x, "layer")).transpose()?,
                head: head.get(i).map(|x| size(x, "head")).transpose()?,
                metric: text(metric, "metric")?,
                value: value.get(i).ok_or_else(|| missing("value"))?,
                n: size(n.get(i).ok_or_else(|| missing("n"))?, "n")?,
                seed: seed.get(i).ok_or_else(|| missing("seed"))?,
                ci_low: ci_low.get(i),
                ci_high: ci_high.get(i),
            })
        })
        .collect()
}

/// A Parquet file in memory, with typed columns by name.
pub(crate) struct Table {
    path: PathBuf,
    pub(crate) frame: DataFrame,
}

impl Table {
    /// Reads a whole file.
    pub(crate) fn read(path: &Path) -> Result<Self, ParquetError> {
        let damaged = |reason: String| ParquetError::Damaged {
            path: path.to_owned(),
            reason,
        };
        let file = File::open(path).map_err(|e| IoError::file(path, "open", e))?;
        // polars trusts a file's footer in places and panics on a damaged one; a bad file on disk
        // must be an error here like any other.
        let frame = catch_unwind(AssertUnwindSafe(|| ParquetReader::new(file).finish()))
            .map_err(|_| damaged("the reader gave up on its structure".to_owned()))?
            .map_err(|e| damaged(e.to_string()))?;
        Ok(Self {
            path: path.to_owned(),
            frame,
        })
    }

    /// The column's type, or `None` when there is no such column.
    pub(crate) fn dtype(&self, name: &str) -> Option<&DataType> {
        self.frame.column(name).ok().map(Column::dtype)
    }

    /// The error for a column that is absent or of another type.
    pub(crate) fn wrong(&self, name: &str, expected: &'static str) -> ParquetError {
        let found = match self.dtype(name) {
            Some(dtype) => dtype.to_string(),
            None => {
                let names: Vec<_> = self
                    .frame
                    .get_column_names()
                    .iter()
                    .map(|name| name.as_str())
                    .collect();
                format!("only the columns {}", names.join(", "))
            }
        };
        ParquetError::Column {
            path: self.path.clone(),
            column: name.to_owned(),
            expected,
            found,
        }
    }

    /// A text column.
    pub(crate) fn text(&self, name: &str) -> Result<&StringChunked, ParquetError> {
        let column = self.frame.column(name).and_then(|column| column.str());
        column.map_err(|_| self.wrong(name, "text"))
    }

    fn whole_number(&self, name: &str) -> Result<&UInt64Chunked, ParquetError> {
        let column = self.frame.column(name).and_then(|column| column.u64());
        column.map_err(|_| self.wrong(name, "unsigned 64-bit numbers"))
    }

    fn real(&self, name: &str) -> Result<&Float64Chunked, ParquetError> {
        let column = self.frame.column(name).and_then(|column| column.f64());
        column.map_err(|_| self.wrong(name, "64-bit real numbers"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
