//! Section 4.6 on the records of one sweep.
//!
//! The evidence is what `attn ablate` recorded: each head's and layer's difference with its paired
//! interval and p-values, and for the best of many an interval that covers all of them. The verdicts
//! are those of its own table, by the same rules ([`judge`]).

use super::book::{Book, name, weight};
use crate::ablation::claims::{FIRST_LAYER_LOSS, judge};
use attn_core::{Estimate, Finding, Metric, Record, Task, Verdict};
use attn_stats::chance::constant_score;
use attn_stats::verdict::above;

/// What switching off a head or a layer changes, and the p-values of that.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Effect {
    /// Layer, from 0.
    pub layer: usize,
    /// Head, from 0; absent for a whole layer.
    pub head: Option<usize>,
    /// The difference to the baseline.
    pub change: Estimate,
    /// By itself.
    pub p: Option<f64>,
    /// After Holm's correction over the sweep.
    pub holm: Option<f64>,
}

impl Effect {
    /// The head or layer as people count.
    pub fn title(&self) -> String {
        match self.head {
            Some(head) => format!("head {}", name((self.layer, head))),
            None => format!("layer {}", self.layer + 1),
        }
    }

    /// Whether it costs something, after correction.
    pub fn costs(&self) -> bool {
        let significant = self.holm.is_some_and(|p| p < attn_stats::verdict::LEVEL);
        significant && self.change.mean < 0.0
    }
}

/// The part of a run's records that is its sweep: not its curves, nor lists and sets of heads.
pub fn of_sweep(records: &[Record]) -> Vec<Record> {
    let own = |r: &&Record| {
        let mut parts = r.experiment.split('/');
        parts.next() == Some("ablate")
            && parts.next().is_some()
            && parts.next().is_none_or(|p| p == "claim")
    };
    let named = |r: &Record| {
        let mut record = r.clone();
        if let Some((_, key)) = r.experiment.split_once("/claim/") {
            record.metric = format!("{key} {}", r.metric);
        }
        record
    };
    records.iter().filter(own).map(named).collect()
}

/// One task's sweep, by the metric that stands first for the task.
pub struct Sweep<'a> {
    pub model: &'a str,
    pub name: &'a str,
    pub task: Task,
    pub metric: Metric,
    pub book: Book<'a>,
    labels: &'a [f64],
}

impl<'a> Sweep<'a> {
    /// Of what [`of_sweep`] gives; `labels` are the scored examples', where they are known.
    pub fn of(records: &'a [Record], labels: &'a [f64]) -> Option<Self> {
        let first = records.first()?;
        let task: Task = first.task.parse().ok()?;
        Some(Self {
            model: &first.model,
            name: &first.task,
            task,
            metric: *task.metrics().first()?,
            book: Book::new(records),
            labels,
        })
    }

    fn number(&self, place: (Option<usize>, Option<usize>), what: &str) -> Option<Estimate> {
        let metric = format!("{}{what}", self.metric.name());
        self.book.number(self.name, place.0, place.1, &metric)
    }

    /// A head's or a whole layer's effect.
    pub fn effect(&self, layer: usize, head: Option<usize>) -> Option<Effect> {
        let at = |what| self.number((Some(layer), head), what);
        Some(Effect {
            layer,
            head,
            change: at("_difference")?,
            p: at("_p").map(|p| p.mean),
            holm: at("_p_holm").map(|p| p.mean),
        })
    }

    /// The effects of all single heads, or of all whole layers.
    pub fn effects(&self, heads: bool) -> Vec<Effect> {
        let (layers, across) = self.book.grid();
        (0..layers)
            .flat_map(|layer| {
                let places: Vec<Option<usize>> = if heads {
                    (0..across).map(Some).collect()
                } else {
                    vec![None]
                };
                places
                    .into_iter()
                    .filter_map(move |head| self.effect(layer, head))
            })
            .collect()
    }

    /// Whether the baseline scores above the best constant prediction: a model that has learnt
    /// nothing has nothing to lose.
    pub fn has_learnt(&self) -> Verdict {
        let constant = constant_score(self.metric, self.labels);
        match (self.number((None, None), ""), constant) {
            (Some(score), Some(constant)) => above(&score, constant),
            _ => Verdict::Inconclusive,
        }
    }

    /// The baseline beside the best constant, in words.
    pub fn learnt_in_words(&self) -> String {
        let score = self.number((None, None), "");
        let constant = constant_score(self.metric, self.labels);
        let words = match (score, constant) {
            (Some(score), Some(constant)) => {
                format!("baseline {}, a constant {constant:.3}", weight(score))
            }
            _ => "baseline not compared with a constant".to_owned(),
        };
        match self.has_learnt() {
            Verdict::Holds => words,
            _ => format!("{words}: not above chance for sure"),
        }
    }

    fn claim(&self, key: &str) -> Option<Estimate> {
        let metric = format!("{key} {}_difference", self.metric.name());
        self.book.number(self.name, None, None, &metric)
    }

    /// A finding about this task.
    pub fn finding(
        &self,
        claim: &str,
        verdict: Verdict,
        number: Estimate,
        rule: &str,
        text: String,
    ) -> Option<Finding> {
        let about = (claim, Some(self.name));
        self.book.finding(about, verdict, number, rule, text)
    }
}

/// What a sweep says about Section 4.6.
pub fn findings(sweep: &Sweep<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    findings.extend(best(sweep, true));
    if matches!(sweep.task, Task::Mrpc | Task::Rte) {
        findings.extend(average(sweep));
    }
    findings.extend(best(sweep, false));
    findings.extend(first_layer(sweep));
    findings
}

/// The largest gain: of those that are significant after correction, or of all.
fn best(sweep: &Sweep<'_>, heads: bool) -> Option<Finding> {
    let effects = sweep.effects(heads);
    let gains = |e: &&Effect| e.change.mean > 0.0 && e.holm.is_some_and(|p| p < 0.05);
    // Of equal gains the one with the smaller p-value.
    let key = |e: &Effect| (e.change.mean, -e.p.unwrap_or(1.0));
    let most = |a: &&Effect, b: &&Effect| {
        let ((x, p), (y, q)) = (key(a), key(b));
        x.total_cmp(&y).then(p.total_cmp(&q))
    };
    let shown = effects.iter().filter(gains).max_by(most);
    let chosen = shown.or_else(|| effects.iter().max_by(most))?;
    let (key, claim) = if heads {
        ("best-head", "some-head-off-helps")
    } else {
        ("best-layer", "layer-off-helps")
    };
    // The sweep's interval covers all candidates; one candidate's own does not know of the choice.
    let bare = Estimate::without_interval(chosen.change.mean, chosen.change.n);
    let number = sweep
        .claim(key)
        .filter(|e| (e.mean - bare.mean).abs() < 1e-9)
        .unwrap_or(bare);
    let holm = chosen.holm.map_or(String::new(), |p| {
        format!(", p = {p:.3} after Holm's correction over the sweep")
    });
    sweep.finding(
        claim,
        judge(key, Some(sweep.task), &number, chosen.p, chosen.holm),
        number,
        "the largest gain is significant after Holm's correction and above 0 by an interval that covers all candidates; \
         does not hold when that interval is below 0",
        format!(
            "{}, {}: {}{holm}; difference to the baseline (all heads active)",
            chosen.title(),
            sweep.metric,
            weight(number)
        ),
    )
}

fn average(sweep: &Sweep<'_>) -> Option<Finding> {
    let number = sweep.claim("average-head")?;
    sweep.finding(
        "random-head-off-helps",
        judge("average-head", Some(sweep.task), &number, None, None),
        number,
        "the mean difference over all heads is above 0; below 0 contradicts",
        format!(
            "mean over {} heads, {}: {}; difference to the baseline (all heads active)",
            sweep.effects(true).len(),
            sweep.metric,
            weight(number)
        ),
    )
}

/// The first layer, which the paper names: a gain on RTE, a small loss on QNLI and MNLI.
fn first_layer(sweep: &Sweep<'_>) -> Option<Finding> {
    let (claim, rule) = match sweep.task {
        Task::Rte => (
            "first-layer-off-helps",
            "the first layer alone, p < 0.05 by a paired test, upwards; downwards contradicts"
                .to_owned(),
        ),
        Task::Qnli | Task::Mnli => (
            "layer-off-hurts",
            format!(
                "a loss of more than {:.1} points is excluded; a 95 % interval of the loss from there up contradicts",
                100.0 * FIRST_LAYER_LOSS
            ),
        ),
        _ => return None,
    };
    let effect = sweep.effect(0, None)?;
    let p = effect.p.map_or(String::new(), |p| format!(", p = {p:.3}"));
    sweep.finding(
        claim,
        judge(
            "first-layer",
            Some(sweep.task),
            &effect.change,
            effect.p,
            effect.holm,
        ),
        effect.change,
        &rule,
        format!(
            "layer 1, {}: {}{p}; difference to the baseline (all heads active)",
            sweep.metric,
            weight(effect.change)
        ),
    )
}

#[cfg(test)]
pub mod tests;
