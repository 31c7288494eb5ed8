//! Logits by variant and example, so that any statistic can be made again without the model.

use super::{ParquetError, Table, Texts, missing, reals, write_columns};
use polars::prelude::*;
use std::path::Path;

/// What models said of examples: of one model, or of variants of one (heads switched off).
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Predictions {
    /// Names of the variants.
    pub variants: Vec<String>,
    /// Ids of the examples.
    pub examples: Vec<String>,
    /// The gold label of each example, as a class index or a score; absent for unlabelled ones.
    pub labels: Vec<Option<f64>>,
    /// Logits per example.
    pub outputs: usize,
    /// `[variants, examples, outputs]`, row-major.
    pub logits: Vec<f32>,
}

impl Predictions {
    /// The logits of one variant, `[examples, outputs]`; empty when there is no such variant.
    pub fn variant(&self, index: usize) -> &[f32] {
        let size = self.examples.len() * self.outputs;
        self.logits
            .get(index * size..(index + 1) * size)
            .unwrap_or_default()
    }
}

fn logit(index: usize) -> String {
    format!("logit_{index}")
}

/// Writes one row for each variant and example, variant by variant: `variant`, `example`, `label`
/// (null where there is none), `logit_0`, `logit_1`, …. Atomic; the same values give the same bytes.
///
/// # Errors
/// [`ParquetError::Encode`] when the parts do not fit one another, [`ParquetError::Io`] when the file
/// cannot be written.
pub fn write_predictions(path: &Path, predictions: &Predictions) -> Result<(), ParquetError> {
    let Predictions {
        variants,
        examples,
        labels,
        outputs,
        logits,
    } = predictions;
    let rows = variants.len() * examples.len();
    if labels.len() != examples.len() || logits.len() != rows * outputs {
        return Err(ParquetError::Encode {
            path: path.to_owned(),
            reason: format!(
                "{} variants of {} examples with {} labels and {outputs} outputs do not make {} logits",
                variants.len(),
                examples.len(),
                labels.len(),
                logits.len()
            ),
        });
    }
    let variant: StringChunked = variants
        .iter()
        .flat_map(|name| examples.iter().map(move |_| Some(name.as_str())))
        .collect();
    let example: StringChunked = variants
        .iter()
        .flat_map(|_| examples.iter().map(|id| Some(id.as_str())))
        .collect();
    let label: Float64Chunked = variants
        .iter()
        .flat_map(|_| labels.iter().copied())
        .collect();
    let mut columns = vec![
        variant.with_name("variant".into()).into_column(),
        example.with_name("example".into()).into_column(),
        label.with_name("label".into()).into_column(),
    ];
    for index in 0..*outputs {
        let values: Float32Chunked = logits
            .iter()
            .skip(index)
            .step_by(*outputs)
            .copied()
            .map(Some)
            .collect();
        columns.push(values.with_name(logit(index).into()).into_column());
    }
    write_columns(path, rows, columns)
}

/// Reads what [`write_predictions`] wrote.
///
/// # Errors
/// [`ParquetError`] when the file cannot be opened, is no Parquet, lacks a column or a value, or does
/// not hold the same examples for every variant.
pub fn read_predictions(path: &Path) -> Result<Predictions, ParquetError> {
    let mut table = Table::open(path)?;
    let outputs = (0..).take_while(|&i| table.has(&logit(i))).count();
    let mut read = Predictions {
        outputs,
        ..Predictions::default()
    };
    let mut rows = 0;
    for group in 0..table.groups() {
        let variant = Texts::read(&mut table, group, "variant", rows)?;
        let example = Texts::read(&mut table, group, "example", rows)?;
        let label = reals(&mut table, group, "label")?;
        let columns: Vec<_> = (0..outputs)
            .map(|i| reals(&mut table, group, &logit(i)))
            .collect::<Result<_, _>>()?;
        for at in 0..table.rows(group) {
            let row = rows + at;
            let name = variant
                .get(at)
                .ok_or_else(|| missing(path, row, "variant"))?;
            let id = example
                .get(at)
                .ok_or_else(|| missing(path, row, "example"))?;
            if read.variants.last().is_none_or(|last| last != name) {
                read.variants.push(name.to_owned());
            }
            if read.variants.len() == 1 {
                read.examples.push(id.to_owned());
                read.labels.push(label.get(at).copied().flatten());
            } else if read
                .examples
                .get(row % read.examples.len())
                .map(String::as_str)
                != Some(id)
            {
                return Err(missing(path, row, "example"));
            }
            for column in &columns {
                let value = column.get(at).copied().flatten();
                // They were 32-bit numbers when written, and widening keeps each.
                let value = value.ok_or_else(|| missing(path, row, "logit_0"))? as f32;
                read.logits.push(value);
            }
        }
        rows += table.rows(group);
    }
    if read.variants.len() * read.examples.len() != rows {
        return Err(missing(path, rows, "example"));
    }
    Ok(read)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn predictions() -> Predictions {
        Predictions {
            variants: vec!["baseline".into(), "1:2".into()],
            examples: vec!["a:1".into(), "a:2".into(), "a:3".into()],
            labels: vec![Some(1.0), None, Some(0.5)],
            outputs: 2,
            logits: (0..12).map(|i| i as f32 / 7.0).collect(),
        }
    }

    #[test]
    fn predictions_round_trip() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("predictions.parquet");
        for predictions in [predictions(), Predictions::default()] {
            write_predictions(&path, &predictions).unwrap();
            let read = read_predictions(&path).unwrap();
            assert_eq!(read, predictions);
        }
        assert_eq!(predictions().variant(1)[0], 6.0 / 7.0);
        assert!(predictions().variant(2).is_empty());
    }

    #[test]
    fn parts_that_do_not_fit_are_errors() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("predictions.parquet");
        let mut unfit = predictions();
        unfit.logits.pop();
        let error = write_predictions(&path, &unfit).unwrap_err().to_string();
        assert!(error.contains("11 logits") && !path.exists(), "{error}");
        // One variant holds other examples than the first.
        let text = |values: [&str; 4]| -> StringChunked { values.into_iter().map(Some).collect() };
        let label: Float64Chunked = [Some(0.0); 4].into_iter().collect();
        let value: Float32Chunked = [Some(0.0f32); 4].into_iter().collect();
        let columns = vec![
            text(["b", "b", "c", "c"])
                .with_name("variant".into())
                .into_column(),
            text(["1", "2", "1", "3"])
                .with_name("example".into())
                .into_column(),
            label.with_name("label".into()).into_column(),
            value.with_name("logit_0".into()).into_column(),
        ];
        write_columns(&path, 4, columns).unwrap();
        let error = read_predictions(&path).unwrap_err().to_string();
        assert!(
            error.contains("row 4") && error.contains("example"),
            "{error}"
        );
    }
}
