//! Sweeps found in records, whichever runs they come from.

use super::records::EXPERIMENT;
use super::threshold::refitted_name;
use anyhow::{Context, bail};
use attn_core::{HeadGrid, Metric, Record, Task};
use attn_figures::{MeasuredGrid, grid_from_records};
use std::collections::BTreeMap;

/// One sweep's numbers under one score, as figures need them.
#[derive(Debug, Clone)]
pub struct Group {
    /// The model.
    pub model: String,
    /// The task.
    pub task: String,
    /// The part of the data.
    pub split: String,
    /// How heads were disabled.
    pub mode: String,
    /// The score.
    pub metric: String,
    /// Its value with no head disabled, and interval.
    pub baseline: (f64, Option<(f64, f64)>),
    /// Examples.
    pub n: usize,
    /// Seed of everything random.
    pub seed: u64,
    /// The score without each head; absent when not all were disabled one by one.
    pub heads: Option<MeasuredGrid>,
    /// Score and interval without each layer, from the first; absent when not all were disabled.
    pub layers: Vec<(f64, Option<(f64, f64)>)>,
    /// All differences to the baseline.
    pub differences: Vec<Difference>,
    /// The same sweep under the same score after refitting thresholds; absent for a regression.
    pub refitted: Option<Box<Group>>,
}

/// One variant's difference.
#[derive(Debug, Clone)]
pub struct Difference {
    /// Layer, from 0, if the variant is about one.
    pub layer: Option<usize>,
    /// Head, from 0.
    pub head: Option<usize>,
    /// What a reader calls it.
    pub name: String,
    /// The difference.
    pub value: f64,
    /// Its interval.
    pub interval: Option<(f64, f64)>,
    /// p-value by itself.
    pub p: f64,
    /// p-value corrected by Holm over the sweep.
    pub holm: f64,
}

impl Difference {
    /// Whether it survives Holm's correction.
    pub fn survives(&self) -> bool {
        self.holm < 1.0 - super::LEVEL
    }
}

fn interval(record: &Record) -> Option<(f64, f64)> {
    record.ci_low.zip(record.ci_high)
}

/// The mode in an experiment's name, and what follows it.
fn parts(experiment: &str) -> Option<(&str, &str)> {
    let rest = experiment.strip_prefix(EXPERIMENT)?.strip_prefix('/')?;
    Some(rest.split_once('/').unwrap_or((rest, "")))
}

/// The sweeps in some records, tasks in the paper's order. `metric` is the score to show; without
/// it each task's main one.
///
/// # Errors
/// No sweep among the records, a sweep that was recorded twice, one without the score.
pub fn groups(records: &[Record], metric: Option<Metric>) -> anyhow::Result<Vec<Group>> {
    // Task order, task, model, split, mode.
    type Key = (usize, String, String, String, String);
    let mut found: BTreeMap<Key, Vec<&Record>> = BTreeMap::new();
    for record in records {
        let Some((mode, about)) = parts(&record.experiment) else {
            continue;
        };
        // Curves and claims are no variants of the sweep.
        if about.starts_with("claim/") || about.starts_with("cumulative") || about == "gradient" {
            continue;
        }
        let order = record.task.parse::<Task>().ok();
        let order = order.and_then(|t| Task::ALL.iter().position(|&k| k == t));
        let key = (
            order.unwrap_or(usize::MAX),
            record.task.clone(),
            record.model.clone(),
            record.split.clone(),
            mode.to_owned(),
        );
        found.entry(key).or_default().push(record);
    }
    if found.is_empty() {
        bail!("no record of an ablation ('{EXPERIMENT}/…'): expected runs made by attn ablate");
    }
    found
        .into_iter()
        .map(|((_, task, model, split, mode), records)| {
            let place = format!("{model}, {task} {split}, mode {mode}");
            let names = [model, task, split, mode];
            let mut plain = group(&records, metric.map(Metric::name), names.clone())
                .with_context(|| place.clone())?;
            let refitted = refitted_name(&plain.metric);
            if records.iter().any(|r| r.metric == refitted) {
                let group = group(&records, Some(&refitted), names).context(place)?;
                plain.refitted = Some(Box::new(group));
            }
            Ok(plain)
        })
        .collect()
}

fn group(
    records: &[&Record],
    metric: Option<&str>,
    [model, task, split, mode]: [String; 4],
) -> anyhow::Result<Group> {
    let main = task
        .parse::<Task>()
        .ok()
        .and_then(|t| t.metrics().first().copied());
    let baselines = || {
        let whole = records.iter();
        whole.filter(|r| r.layer.is_none() && parts(&r.experiment).is_some_and(|p| p.1.is_empty()))
    };
    let metric = match metric.or(main.map(Metric::name)) {
        Some(metric) => metric.to_owned(),
        None => baselines()
            .next()
            .context("no score of the baseline")?
            .metric
            .clone(),
    };
    let mut own = baselines().filter(|r| r.metric == metric);
    let baseline = own.next().with_context(|| {
        let known: Vec<&str> = baselines().map(|r| r.metric.as_str()).collect();
        format!(
            "no score '{metric}' of the baseline; there are: {}",
            known.join(", ")
        )
    })?;
    if let Some(second) = own.next() {
        bail!(
            "two runs of the same sweep ({}; {}): give one of them",
            baseline.run,
            second.run
        );
    }
    let named = |suffix: &str| {
        let name = format!("{metric}{suffix}");
        records.iter().filter(move |r| r.metric == name)
    };
    type Place<'a> = (Option<usize>, Option<usize>, &'a str);
    let values = |suffix: &str| -> BTreeMap<Place<'_>, f64> {
        let all = named(suffix).map(|r| ((r.layer, r.head, r.experiment.as_str()), r.value));
        all.collect()
    };
    let (p, holm) = (values("_p"), values("_p_holm"));
    let of = |map: &BTreeMap<Place<'_>, f64>, r: &Record| {
        let place = (r.layer, r.head, r.experiment.as_str());
        map.get(&place).copied().unwrap_or(f64::NAN)
    };
    let differences: Vec<Difference> = named("_difference")
        .map(|r| Difference {
            layer: r.layer,
            head: r.head,
            name: match (r.layer, r.head) {
                (Some(layer), Some(head)) => format!("head {}-{}", layer + 1, head + 1),
                (Some(layer), None) => format!("layer {}", layer + 1),
                _ => parts(&r.experiment).map_or("", |p| p.1).to_owned(),
            },
            value: r.value,
            interval: interval(r),
            p: of(&p, r),
            holm: of(&holm, r),
        })
        .collect();
    let mut layers: BTreeMap<usize, &Record> = BTreeMap::new();
    for record in named("").filter(|r| r.head.is_none()) {
        if let Some(layer) = record.layer {
            layers.insert(layer, record);
        }
    }
    let whole = layers.keys().copied().eq(0..layers.len());
    let layers = layers.values().filter(|_| whole);
    // A list of some heads makes no grid; that is no error.
    let heads = grid_from_records(records.iter().copied(), &metric).ok();
    Ok(Group {
        baseline: (baseline.value, interval(baseline)),
        n: baseline.n,
        seed: baseline.seed,
        heads: heads.filter(|h| h.values.values().len() > 1),
        layers: layers.map(|r| (r.value, interval(r))).collect(),
        differences,
        refitted: None,
        model,
        task,
        split,
        mode,
        metric,
    })
}

impl Group {
    /// Which single heads' differences survive.
    pub fn surviving_heads(&self) -> Vec<attn_core::HeadId> {
        let surviving = self.differences.iter().filter(|d| d.survives());
        surviving
            .filter_map(|d| Some(attn_core::HeadId::new(d.layer?, d.head?)))
            .collect()
    }

    /// The score without each head, in points of a hundred.
    pub fn head_points(&self) -> Option<HeadGrid<f64>> {
        Some(self.heads.as_ref()?.values.map(|v| 100.0 * v))
    }
}
