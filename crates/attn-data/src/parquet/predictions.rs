//! A model's outputs for labelled examples, under one or several variants, so that any statistic
//! can be computed again without the model.
//!
//! One row for each variant and example: `variant`, `example` (its id), `label` (the class's index
//! or the score) and `logit_0`, `logit_1`, … A file holds every variant for the same examples in
//! the same order; texts repeat and compress to next to nothing.

use super::{ParquetError, ROW_GROUP, Table};
use attn_core::io::write_atomically;
use polars::prelude::*;
use std::path::Path;

/// Outputs of several variants of a model for the same labelled examples.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Predictions {
    /// Names of the variants.
    pub variants: Vec<String>,
    /// Ids of the examples.
    pub examples: Vec<String>,
    /// What is right for each example: the class's index or the score.
    pub labels: Vec<f64>,
    /// Outputs for an example; 1 is a regression.
    pub outputs: usize,
    /// `[variant, example, output]`, row-major.
    pub logits: Vec<f32>,
}

impl Predictions {
    /// What does not fit, if anything.
    fn problem(&self) -> Option<String> {
        let (variants, examples) = (self.variants.len(), self.examples.len());
        let expected = variants * examples * self.outputs;
        if self.labels.len() != examples {
            let found = self.labels.len();
            return Some(format!("{examples} examples but {found} labels"));
        }
        (self.logits.len() != expected).then(|| {
            format!(
                "{} logits, expected {expected} ({variants} variants x {examples} examples x {} outputs)",
                self.logits.len(),
                self.outputs
            )
        })
    }
}

/// Writes predictions as one Parquet file with zstd, atomically. The same predictions give the
/// same bytes.
///
/// # Errors
/// [`ParquetError::Encode`] when the numbers of variants, examples, labels and logits do not fit,
/// [`ParquetError::Io`] when the file cannot be written.
pub fn write_predictions(path: &Path, predictions: &Predictions) -> Result<(), ParquetError> {
    let encode = |reason: String| ParquetError::Encode {
        path: path.to_owned(),
        reason,
    };
    if let Some(problem) = predictions.problem() {
        return Err(encode(problem));
    }
    let (variants, examples) = (&predictions.variants, &predictions.examples);
    let rows = variants.len() * examples.len();
    let names: StringChunked = variants
        .iter()
        .flat_map(|v| std::iter::repeat_n(Some(v.as_str()), examples.len()))
        .collect();
    let ids: StringChunked = (0..variants.len())
        .flat_map(|_| examples.iter().map(|e| Some(e.as_str())))
        .collect();
    let labels: Float64Chunked = (0..variants.len())
        .flat_map(|_| predictions.labels.iter().map(|&l| Some(l)))
        .collect();
    let mut columns = vec![
        names.with_name("variant".into()).into_column(),
        ids.with_name("example".into()).into_column(),
        labels.with_name("label".into()).into_column(),
    ];
    let outputs = predictions.outputs.max(1);
    for output in 0..predictions.outputs {
        let values = predictions.logits.iter().skip(output).step_by(outputs);
        let values: Float32Chunked = values.map(|&v| Some(v)).collect();
        let name = format!("logit_{output}");
        columns.push(values.with_name(name.into()).into_column());
    }
    let mut bytes = Vec::new();
    DataFrame::new(rows, columns)
        .and_then(|mut frame| {
            ParquetWriter::new(&mut bytes)
                .with_compression(ParquetCompression::Zstd(None))
                .with_row_group_size(Some(ROW_GROUP))
                .set_parallel(false)
                .finish(&mut frame)
        })
        .map_err(|e| encode(e.to_string()))?;
    Ok(write_atomically(path, |out| out.write_all(&bytes))?)
}

/// Reads what [`write_predictions`] wrote.
///
/// # Errors
/// [`ParquetError`] when the file cannot be opened, is no Parquet, lacks a column or a value, or
/// its variants are not all there for all examples.
pub fn read_predictions(path: &Path) -> Result<Predictions, ParquetError> {
    let table = Table::read(path)?;
    let (variant, example) = (table.text("variant")?, table.text("example")?);
    let label = table.real("label")?;
    let mut logits = Vec::new();
    while table.dtype(&format!("logit_{}", logits.len())).is_some() {
        let name = format!("logit_{}", logits.len());
        let column = table.frame.column(&name).and_then(|column| column.f32());
        logits.push(column.map_err(|_| table.wrong(&name, "32-bit real numbers"))?);
    }
    if logits.is_empty() {
        return Err(table.wrong("logit_0", "32-bit real numbers"));
    }
    let rows = table.frame.height();
    let missing = |row: usize, column| ParquetError::Value {
        path: path.to_owned(),
        row: row + 1,
        column,
    };
    let mut read = Predictions {
        outputs: logits.len(),
        ..Predictions::default()
    };
    for row in 0..rows {
        let name = variant.get(row).ok_or_else(|| missing(row, "variant"))?;
        let id = example.get(row).ok_or_else(|| missing(row, "example"))?;
        let right = label.get(row).ok_or_else(|| missing(row, "label"))?;
        if read.variants.last().is_none_or(|last| last != name) {
            read.variants.push(name.to_owned());
        }
        if read.variants.len() == 1 {
            read.examples.push(id.to_owned());
            read.labels.push(right);
        } else {
            // Every later variant repeats the first one's examples.
            let at = row % read.examples.len();
            if read.examples[at] != id {
                return Err(missing(row, "example"));
            }
        }
        for column in &logits {
            read.logits
                .push(column.get(row).ok_or_else(|| missing(row, "logit_0"))?);
        }
    }
    match read.problem() {
        Some(reason) => Err(ParquetError::Damaged {
            path: path.to_owned(),
            reason,
        }),
        None => Ok(read),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn predictions(variants: usize, examples: usize, outputs: usize) -> Predictions {
        let count = variants * examples * outputs;
        Predictions {
            variants: (0..variants).map(|v| format!("head-{v}:0")).collect(),
            examples: (0..examples).map(|e| format!("dev.tsv:{}", e + 2)).collect(),
            labels: (0..examples).map(|e| (e % 2) as f64).collect(),
            outputs,
            logits: (0..count).map(|i| (i as f32 * 0.37).sin()).collect(),
        }
    }

    #[test]
    fn predictions_round_trip_and_repeat_to_the_byte() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("predictions.parquet");
        for (variants, examples, outputs) in [(1, 1, 1), (3, 5, 2), (79, 40, 3), (2, 0, 2)] {
            let written = predictions(variants, examples, outputs);
            write_predictions(&path, &written).unwrap();
            let first = std::fs::read(&path).unwrap();
            write_predictions(&path, &written).unwrap();
            assert_eq!(first, std::fs::read(&path).unwrap());
            if examples > 0 {
                assert_eq!(read_predictions(&path).unwrap(), written);
            }
        }
    }

    #[test]
    fn texts_cost_little_beside_the_logits() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("p.parquet");
        let mut written = predictions(79, 1000, 2);
        // Noise, so that the logits do not compress.
        let mut state = 1u32;
        for value in &mut written.logits {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            *value = state as f32 / u32::MAX as f32;
        }
        write_predictions(&path, &written).unwrap();
        let bytes = std::fs::metadata(&path).unwrap().len() as usize;
        assert!(bytes < 79 * 1000 * 2 * 4 * 3 / 2, "{bytes} bytes");
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("p.parquet");
        let mut short = predictions(2, 3, 2);
        short.logits.pop();
        let error = write_predictions(&path, &short).unwrap_err().to_string();
        assert!(error.contains("11 logits, expected 12"), "{error}");
        assert!(!path.exists());
        let mut unlabelled = predictions(2, 3, 2);
        unlabelled.labels.pop();
        let error = write_predictions(&path, &unlabelled).unwrap_err().to_string();
        assert!(error.contains("3 examples but 2 labels"), "{error}");
        super::super::write_records(&path, &[]).unwrap();
        let error = read_predictions(&path).unwrap_err().to_string();
        assert!(error.contains("'variant'"), "{error}");
    }
}
