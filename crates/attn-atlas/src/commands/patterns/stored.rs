//! What a finished run of `attn patterns shares` sorted, read from its records.

use super::shares::{EXPERIMENT, Measured, TUNED_SUFFIX};
use anyhow::{Context, bail};
use attn_core::io::read_jsonl;
use attn_core::{Manifest, Pattern, Record, Task};
use attn_patterns::{Proportions, State};
use attn_stats::{Estimate, Resampler};
use std::path::{Path, PathBuf};

/// A stored run.
pub struct Stored {
    /// The model's name.
    pub model: String,
    /// What was measured, not corrected.
    pub measured: Vec<Measured>,
    /// How the run came about.
    pub manifest: Manifest,
    /// Its records.
    pub records: PathBuf,
}

fn estimate(record: &Record) -> Estimate {
    Estimate {
        mean: record.value,
        n: record.n,
        interval: record.ci_low.zip(record.ci_high),
    }
}

/// The pattern of a metric such as `share_block`; `None` for `share_block_corrected` and others.
fn pattern_of(metric: &str, prefix: &str) -> Option<Pattern> {
    metric.strip_prefix(prefix)?.parse().ok()
}

/// Reads a run's folder.
///
/// # Errors
/// A missing file, records of another experiment, patterns that are missing.
pub fn read(folder: &Path, resampler: &Resampler) -> anyhow::Result<Stored> {
    let path = folder.join("manifest.json");
    let text = std::fs::read(&path).with_context(|| format!("{}: cannot read", path.display()))?;
    let manifest: Manifest = serde_json::from_slice(&text)
        .with_context(|| format!("{}: not a run's manifest", path.display()))?;
    let path = folder.join("records.jsonl");
    let records: Vec<Record> = read_jsonl(&path)?;
    let Some(first) = records.first().filter(|r| r.experiment == EXPERIMENT) else {
        bail!(
            "{}: expected records of {EXPERIMENT}; name a folder that `attn patterns shares` wrote",
            path.display()
        );
    };
    let model = first.model.trim_end_matches(TUNED_SUFFIX).to_owned();
    let mut places: Vec<(&str, &str)> = Vec::new();
    for r in &records {
        let place = (r.task.as_str(), r.model.as_str());
        if !places.contains(&place) {
            places.push(place);
        }
    }
    let mut measured = Vec::new();
    for (stream, (task, name)) in places.into_iter().enumerate() {
        let own = || {
            let here = move |r: &&Record| r.task == task && r.model == name;
            records.iter().filter(here)
        };
        let all = |layer: Option<usize>, head: Option<usize>, prefix: &str| {
            let mut found = Pattern::ALL.map(|_| None);
            for r in own().filter(|r| r.layer == layer && r.head == head) {
                if let Some(pattern) = pattern_of(&r.metric, prefix) {
                    found[pattern.index()] = Some(estimate(r));
                }
            }
            let missing = || {
                format!(
                    "{}: {name}, {task}: not all of the five patterns have a record '{prefix}…'",
                    path.display()
                )
            };
            let [a, b, c, d, e] = found;
            let whole = a.zip(b).zip(c).zip(d).zip(e);
            let ((((a, b), c), d), e) = whole.with_context(missing)?;
            anyhow::Ok([a, b, c, d, e])
        };
        let shares = all(None, None, "share_")?;
        let size =
            |of: fn(&Record) -> Option<usize>| own().filter_map(of).max().map_or(0, |m| m + 1);
        let grid = (size(|r| r.layer), size(|r| r.head));
        let mut heads = Vec::with_capacity(grid.0 * grid.1);
        for layer in 0..grid.0 {
            for head in 0..grid.1 {
                heads.push(all(Some(layer), Some(head), "head_share_")?);
            }
        }
        let task_of: Task = task
            .parse()
            .with_context(|| format!("{}: task", path.display()))?;
        measured.push(Measured {
            task: task.to_owned(),
            paired: task_of.is_pair(),
            split: own().next().map_or(String::new(), |r| r.split.clone()),
            state: if name.ends_with(TUNED_SUFFIX) {
                State::FineTuned
            } else {
                State::Pretrained
            },
            n: shares[0].n,
            grid,
            // The intervals as they were measured; what is drawn serves the correction alone.
            plain: shares,
            sorted: Proportions::of_estimates(&shares, resampler, stream as u64),
            corrected: None,
            heads,
        });
    }
    Ok(Stored {
        model,
        measured,
        manifest,
        records: path,
    })
}
