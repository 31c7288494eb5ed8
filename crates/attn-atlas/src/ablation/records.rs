//! A sweep's numbers as long-format records.
//!
//! `experiment` is `ablate/<mode>` for the baseline (no layer, no head), single heads (layer and
//! head) and whole layers (layer, no head), and `ablate/<mode>/<variant>` for everything else. For
//! each score there are the metrics `f1` (say) with its interval, `f1_difference` to the baseline
//! with its paired interval, and the p-values `f1_p`, `f1_p_holm` and `f1_p_bh`. The same for `f1_refitted` (thresholds
//! refitted) and for `auc` or `log_loss`, which need no threshold; of a `log_loss` less is better.

use super::claims::Claim;
use super::compare::{Row, Scored};
use attn_ablate::{Kind, Variant};
use attn_core::{Metric, Mode, Record};

/// The prefix of a sweep's experiments.
pub const EXPERIMENT: &str = "ablate";

/// What all records of a run have in common.
#[derive(Debug, Clone)]
pub struct Common {
    /// The run's name.
    pub run: String,
    /// The model's.
    pub model: String,
    /// The task's.
    pub task: String,
    /// The part of the data.
    pub split: String,
    /// How heads are disabled.
    pub mode: Mode,
    /// Seed of everything random.
    pub seed: u64,
}

impl Common {
    /// A record of this run. `about` is what follows the mode in the experiment's name; `at` the
    /// layer and head.
    pub fn record(
        &self,
        about: &str,
        at: (Option<usize>, Option<usize>),
        metric: impl Into<String>,
        (value, interval): (f64, Option<(f64, f64)>),
        n: usize,
    ) -> Record {
        let experiment = match about {
            "" => format!("{EXPERIMENT}/{}", self.mode),
            about => format!("{EXPERIMENT}/{}/{about}", self.mode),
        };
        Record {
            run: self.run.clone(),
            model: self.model.clone(),
            task: self.task.clone(),
            split: self.split.clone(),
            experiment,
            layer: at.0,
            head: at.1,
            metric: metric.into(),
            value,
            n,
            seed: self.seed,
            ci_low: interval.map(|i| i.0),
            ci_high: interval.map(|i| i.1),
        }
    }
}

/// Where a variant stands: what follows the mode, layer and head.
fn place(variant: &Variant) -> (&str, (Option<usize>, Option<usize>)) {
    match variant.kind {
        Kind::Baseline => ("", (None, None)),
        Kind::Head(id) => ("", (Some(id.layer), Some(id.head))),
        Kind::Layer(layer) => ("", (Some(layer), None)),
        _ => (variant.name.as_str(), (None, None)),
    }
}

/// The records of a sweep. Numbers that are not defined (a correlation of constant predictions) are
/// left out: a record always has a value.
pub fn of_scores(common: &Common, scored: &[Scored]) -> Vec<Record> {
    let mut records = Vec::new();
    for scored in scored {
        let (name, n) = (scored.criterion.name(), scored.n);
        let baseline = (scored.baseline, scored.baseline_interval);
        records.push(common.record("", (None, None), name.clone(), baseline, n));
        for Row {
            variant,
            comparison: c,
            ..
        } in &scored.rows
        {
            let (about, at) = place(variant);
            let values = [
                ("", c.score, c.interval),
                ("_difference", c.difference, c.difference_interval),
                ("_p", c.p, None),
                ("_p_holm", c.holm, None),
                ("_p_bh", c.benjamini_hochberg, None),
            ];
            records.extend(values.map(|(suffix, value, interval)| {
                common.record(about, at, format!("{name}{suffix}"), (value, interval), n)
            }));
        }
    }
    records.retain(|r| r.value.is_finite());
    records
}

/// The claims as records, too: their differences.
pub fn of_claims(common: &Common, claims: &[Claim]) -> Vec<Record> {
    let value = |c: &Claim| {
        let metric = format!("{}_difference", c.metric.name());
        let about = format!("claim/{}", c.key);
        common.record(
            &about,
            (None, None),
            metric,
            (c.difference, c.interval),
            c.n,
        )
    };
    let finite = claims.iter().filter(|c| c.difference.is_finite());
    finite.map(value).collect()
}

/// The name of a metric's record for a number of heads disabled one after another.
pub fn cumulative_metric(metric: Metric, count: usize) -> String {
    format!("{}_without_{count}_heads", metric.name())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ablation::compare::tests::measured;

    #[test]
    fn every_variant_has_its_five_numbers() {
        let common = Common {
            run: "r".to_owned(),
            model: "m".to_owned(),
            task: "RTE".to_owned(),
            split: "dev".to_owned(),
            mode: Mode::Uniform,
            seed: 7,
        };
        let measured = measured(50, "head-1:0", "layer-0", 0.5);
        let scored = measured.score(&[Metric::Accuracy], 7).unwrap();
        let records = of_scores(&common, &scored);
        assert_eq!(records.len(), 1 + 8 * 5);
        assert!(records.iter().all(|r| r.experiment == "ablate/uniform"));
        let find = |layer, head, metric: &str| {
            let found = records.iter();
            found
                .filter(|r| r.layer == layer && r.head == head && r.metric == metric)
                .map(|r| r.value)
                .collect::<Vec<_>>()
        };
        let row = &scored[0].rows[3].comparison;
        assert_eq!(
            find(Some(1), Some(0), "accuracy_difference"),
            [row.difference]
        );
        assert_eq!(
            find(Some(0), None, "accuracy_p_holm"),
            [scored[0].rows[6].comparison.holm]
        );
        assert_eq!(find(None, None, "accuracy"), [scored[0].baseline]);
        let list = attn_ablate::variant::list(["0:1".parse().unwrap()], Mode::Uniform);
        assert_eq!(place(&list), ("list-0:1", (None, None)));
    }
}
