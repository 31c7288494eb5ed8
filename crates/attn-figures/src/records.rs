//! From long-format records to grids.

use attn_core::{HeadGrid, HeadId, Record};
use std::collections::BTreeMap;

/// A metric over all heads of a model, `layers` x `heads`.
#[derive(Debug, Clone, PartialEq)]
pub struct MeasuredGrid {
    /// The values.
    pub values: HeadGrid<f64>,
    /// 95 % intervals, where both ends were recorded.
    pub intervals: HeadGrid<Option<(f64, f64)>>,
    /// Examples behind each value.
    pub n: HeadGrid<usize>,
}

impl MeasuredGrid {
    /// `n = 408`, or `n = 17–408` where heads differ.
    pub fn n_text(&self) -> String {
        let least = self.n.values().iter().min().copied().unwrap_or(0);
        let most = self.n.values().iter().max().copied().unwrap_or(0);
        if least == most {
            format!("n = {most}")
        } else {
            format!("n = {least}–{most}")
        }
    }

    /// Values with their intervals, as [`crate::grid_table`] takes them.
    pub fn with_intervals(&self) -> HeadGrid<(f64, Option<(f64, f64)>)> {
        HeadGrid::from_fn(self.values.layers(), self.values.heads(), |id| {
            let value = self.values.get(id).copied().unwrap_or(f64::NAN);
            (value, self.intervals.get(id).copied().flatten())
        })
    }
}

/// Records that do not make a grid. Heads are shown counted from 1.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecordsError {
    /// No record has the metric and a head.
    #[error(
        "no record of metric '{metric}' names a layer and a head; metrics with heads are: {known}"
    )]
    NoMetric {
        /// The metric asked for.
        metric: String,
        /// Those that there are, or `none`.
        known: String,
    },
    /// A head without a record.
    #[error(
        "metric '{metric}': no record for layer {}, head {} (counted from 1) of a {layers} x {heads} grid \
         with {found} records; was the run interrupted?", .missing.layer + 1, .missing.head + 1
    )]
    Missing {
        /// The metric.
        metric: String,
        /// The first head that is missing.
        missing: HeadId,
        /// Layers of the grid that the records span.
        layers: usize,
        /// Heads per layer.
        heads: usize,
        /// Heads that have a record.
        found: usize,
    },
    /// A head with several records.
    #[error(
        "metric '{metric}', layer {}, head {} (counted from 1) has two records ({first}; {second}); \
         filter by run, model, task, split and experiment first", .head.layer + 1, .head.head + 1
    )]
    Twice {
        /// The metric.
        metric: String,
        /// The head.
        head: HeadId,
        /// Where the first comes from.
        first: String,
        /// Where the second comes from.
        second: String,
    },
}

fn origin(r: &Record) -> String {
    format!(
        "{}/{}/{}/{}/{}, seed {}",
        r.run, r.model, r.task, r.split, r.experiment, r.seed
    )
}

/// Collects one metric into a grid. The grid's shape is that of the greatest layer and head among
/// the metric's records; records without layer or head are passed over.
///
/// # Errors
/// [`RecordsError`] names the first missing or doubled head.
pub fn grid_from_records<'a>(
    records: impl IntoIterator<Item = &'a Record>,
    metric: &str,
) -> Result<MeasuredGrid, RecordsError> {
    let mut found: BTreeMap<HeadId, &Record> = BTreeMap::new();
    let mut known = std::collections::BTreeSet::new();
    for record in records {
        let (Some(layer), Some(head)) = (record.layer, record.head) else {
            continue;
        };
        known.insert(record.metric.as_str());
        if record.metric != metric {
            continue;
        }
        let id = HeadId::new(layer, head);
        if let Some(first) = found.insert(id, record) {
            return Err(RecordsError::Twice {
                metric: metric.to_owned(),
                head: id,
                first: origin(first),
                second: origin(record),
            });
        }
    }
    let layers = found.keys().map(|id| id.layer.saturating_add(1)).max();
    let heads = found.keys().map(|id| id.head.saturating_add(1)).max();
    let (Some(layers), Some(heads)) = (layers, heads) else {
        let known = known.into_iter().collect::<Vec<_>>().join(", ");
        let known = if known.is_empty() {
            "none".to_owned()
        } else {
            known
        };
        return Err(RecordsError::NoMetric {
            metric: metric.to_owned(),
            known,
        });
    };
    // Looked for in order and without making the grid, which a broken record could make enormous.
    let all = (0..layers).flat_map(|layer| (0..heads).map(move |head| HeadId::new(layer, head)));
    let mut ordered = Vec::with_capacity(found.len());
    for id in all {
        let Some(record) = found.get(&id) else {
            let (metric, found) = (metric.to_owned(), found.len());
            return Err(RecordsError::Missing {
                metric,
                missing: id,
                layers,
                heads,
                found,
            });
        };
        ordered.push(*record);
    }
    let grid = HeadGrid::from_fn(layers, heads, |id| ordered.get(id.layer * heads + id.head));
    Ok(MeasuredGrid {
        values: grid.map(|r| r.map_or(f64::NAN, |r| r.value)),
        intervals: grid.map(|r| r.and_then(|r| r.ci_low.zip(r.ci_high))),
        n: grid.map(|r| r.map_or(0, |r| r.n)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(layer: usize, head: usize, metric: &str) -> Record {
        Record {
            run: "r".into(),
            model: "m".into(),
            task: "RTE".into(),
            split: "dev".into(),
            experiment: "e".into(),
            layer: Some(layer),
            head: Some(head),
            metric: metric.into(),
            value: layer as f64 * 10.0 + head as f64,
            n: 277,
            seed: 1,
            ci_low: Some(0.0),
            ci_high: (head == 0).then_some(1.0),
        }
    }

    #[test]
    fn collects_in_any_order() {
        let mut rows: Vec<Record> = (0..6).map(|i| record(i / 3, i % 3, "a")).collect();
        rows.reverse();
        rows.push(record(7, 7, "b"));
        rows.push(Record {
            layer: None,
            head: None,
            ..record(0, 0, "a")
        });
        let grid = grid_from_records(&rows, "a").unwrap();
        assert_eq!(grid.values.values(), [0.0, 1.0, 2.0, 10.0, 11.0, 12.0]);
        assert_eq!(
            grid.intervals.get(HeadId::new(1, 0)),
            Some(&Some((0.0, 1.0)))
        );
        assert_eq!(grid.intervals.get(HeadId::new(1, 1)), Some(&None));
        assert_eq!(grid.n_text(), "n = 277");
    }

    #[test]
    fn errors_name_the_head() {
        let mut rows: Vec<Record> = (0..6).map(|i| record(i / 3, i % 3, "a")).collect();
        rows.remove(1);
        let error = grid_from_records(&rows, "a").unwrap_err().to_string();
        assert!(
            error.contains("layer 1, head 2") && error.contains("2 x 3"),
            "{error}"
        );
        rows.push(record(0, 0, "a"));
        let error = grid_from_records(&rows, "a").unwrap_err().to_string();
        assert!(
            error.contains("layer 1, head 1") && error.contains("two records"),
            "{error}"
        );
        let error = grid_from_records(&rows, "zz").unwrap_err().to_string();
        assert!(error.contains("'zz'") && error.contains(": a"), "{error}");
        let wild = [record(usize::MAX, usize::MAX, "a")];
        assert!(matches!(
            grid_from_records(&wild, "a"),
            Err(RecordsError::Missing { .. })
        ));
    }
}
