//! What Section 4.6 claims, and what a sweep says about it.
//!
//! The paper gives four kinds of gains: that of the best single head ("the minimum absolute gain of
//! 0.1% for STS-B, to the maximum of 1.2% for MRPC"), of a random head on average ("for some tasks,
//! such as MRPC and RTE"), of a whole layer, and of the first layer in RTE ("a significant boost …
//! 3.2%"), with a drop "of up to -0.2%" from the same operation for QNLI and MNLI.
//!
//! Verdicts ([`judge`]):
//! - a *best* head or layer was picked among many. The claim holds when some gain is significant
//!   after Holm's correction over the whole sweep and above 0 by an interval that covers all
//!   candidates at once; it does not when even the upper end of that interval is below 0. The interval
//!   comes from the largest deviation over the candidates in each bootstrap sample, in standard errors
//!   ([`attn_stats::bootstrap::simultaneous`]), so that it knows of the choice;
//! - a *named* layer, and the average head, are one question each: the claim holds when its
//!   difference is significant by itself in the claim's direction, and does not when it is so in the
//!   other direction;
//! - the loss on QNLI and MNLI is a bound: the claim holds when a greater loss is excluded, and does not
//!   when the loss's interval lies beyond it;
//! - else it is inconclusive. A test that finds nothing is no evidence of nothing.

use super::LEVEL;
use super::compare::{Row, Scored, title};
use super::power::{bound, power};
use attn_ablate::Kind;
use attn_core::{Estimate, Metric, Task, Verdict};
use attn_stats::bootstrap;
use attn_stats::verdict::{self, Sign};
use serde::{Deserialize, Serialize};

/// The loss that the paper gives for disabling the first layer on QNLI and MNLI: at most 0.2 points.
pub const FIRST_LAYER_LOSS: f64 = 0.002;

/// The verdict on what a sweep measured: the claim's key, the difference to the baseline with its
/// interval (for the best of many one that covers all of them), its p-value and the corrected one.
/// The rules are [`attn_stats::verdict`]'s.
pub fn judge(
    key: &str,
    task: Option<Task>,
    difference: &Estimate,
    p: Option<f64>,
    holm: Option<f64>,
) -> Verdict {
    match (key, task) {
        ("best-head" | "best-layer", _) => verdict::best_of_many(difference, holm),
        ("average-head", _) => verdict::above(difference, 0.0),
        // A loss of at most so much is a change of at least as much below 0.
        ("first-layer", Some(Task::Qnli | Task::Mnli)) => {
            verdict::at_least(difference, -FIRST_LAYER_LOSS)
        }
        ("first-layer", _) => verdict::tested(difference.mean, p, Sign::Gain),
        _ => Verdict::Inconclusive,
    }
}

/// A claim of the paper beside what was found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Claim {
    /// The model.
    pub model: String,
    /// The task.
    pub task: String,
    /// How heads were disabled.
    pub mode: String,
    /// The score.
    pub metric: Metric,
    /// Names the claim in records: `best-head`, `average-head`, `best-layer`, `first-layer`.
    pub key: String,
    /// What the paper claims, in words.
    pub claim: String,
    /// The paper's difference for this task, in points of a hundred, where it gives one.
    pub paper: Option<f64>,
    /// What it is about here, for example `head 4-1`; layers and heads from 1.
    pub found: String,
    /// The difference to the baseline, as a share.
    pub difference: f64,
    /// Its interval; for a best head or layer one that covers all candidates at once.
    pub interval: Option<(f64, f64)>,
    /// p-value by itself.
    pub p: f64,
    /// p-value corrected over the sweep by Holm; absent where nothing was chosen.
    pub holm: Option<f64>,
    /// The verdict.
    pub verdict: Verdict,
    /// p-value corrected by Holm over the sweeps of all tasks of a run, in tables over several runs.
    #[serde(default)]
    pub holm_all: Option<f64>,
    /// No smaller gain can be significant here, as a proportion, where that is known (accuracy, from McNemar's test).
    /// A bound, not power: a larger gain may still be missed nearly always.
    #[serde(default, alias = "least_detectable")]
    pub smallest_significant: Option<f64>,
    /// The probability that the test finds the difference that the paper claims, if it is true, with so many examples;
    /// see [`super::power`].
    #[serde(default)]
    pub power: Option<f64>,
    /// Examples.
    pub n: usize,
    /// Seed of the bootstrap.
    pub seed: u64,
}

/// Whose sweep it is.
#[derive(Debug, Clone, Copy)]
pub struct About<'a> {
    /// The model's name.
    pub model: &'a str,
    /// The task's name.
    pub task: &'a str,
    /// The mode's name.
    pub mode: &'a str,
    /// Seed of the bootstrap.
    pub seed: u64,
}

impl Claim {
    /// With the verdict that its numbers give.
    #[must_use]
    pub fn judged(self) -> Self {
        let difference = Estimate {
            mean: self.difference,
            n: self.n,
            interval: self.interval,
        };
        let task = self.task.parse().ok();
        let verdict = judge(&self.key, task, &difference, Some(self.p), self.holm);
        Self { verdict, ..self }
    }
}

/// The claims that a sweep can speak about: those on heads need all single heads, those on layers
/// all layers.
pub fn claims(scored: &Scored, about: About<'_>) -> Vec<Claim> {
    let heads: Vec<&Row> = of(scored, |kind| matches!(kind, Kind::Head(_)));
    let layers: Vec<&Row> = of(scored, |kind| matches!(kind, Kind::Layer(_)));
    let task = about.task.parse::<Task>().ok();
    let mut claims = Vec::new();
    if heads.len() > 1 {
        let paper = match task {
            Some(Task::Mrpc) => Some(1.2),
            Some(Task::StsB) => Some(0.1),
            _ => None,
        };
        let words = "disabling some single head increases performance";
        claims.extend(best(scored, &heads, ("best-head", words), paper, about));
        claims.push(average(scored, &heads, task, about));
    }
    if layers.len() > 1 {
        let words = "disabling some whole layer increases performance";
        claims.extend(best(scored, &layers, ("best-layer", words), None, about));
    }
    let first = layers.iter().find(|r| r.variant.kind == Kind::Layer(0));
    let named = match task {
        Some(Task::Rte) => Some((3.2, "disabling the first layer gives a significant boost")),
        Some(Task::Qnli | Task::Mnli) => Some((
            -100.0 * FIRST_LAYER_LOSS,
            "disabling the first layer costs at most 0.2 points",
        )),
        _ => None,
    };
    if let (Some(row), Some((paper, words))) = (first, named) {
        claims.push(single(scored, row, words, paper, about));
    }
    claims
}

fn of(scored: &Scored, wanted: impl Fn(&Kind) -> bool) -> Vec<&Row> {
    let rows = scored.rows.iter();
    rows.filter(|r| wanted(&r.variant.kind)).collect()
}

/// The interval of one candidate's difference that holds although it was picked among all of them.
fn simultaneous(candidates: &[&Row], chosen: &Row) -> Option<(f64, f64)> {
    let at = candidates.iter().position(|r| std::ptr::eq(*r, chosen))?;
    let comparisons = || candidates.iter().map(|r| &r.comparison);
    let estimates: Vec<f64> = comparisons().map(|c| c.difference).collect();
    let samples: Vec<&[f64]> = comparisons().map(|c| c.samples.as_slice()).collect();
    bootstrap::simultaneous(&estimates, &samples, at, LEVEL)
}

/// The largest gain that survives correction, or where none does the largest.
fn best(
    scored: &Scored,
    candidates: &[&Row],
    words: (&str, &str),
    paper: Option<f64>,
    about: About<'_>,
) -> Option<Claim> {
    let survives = |r: &&&Row| r.survives() && r.comparison.difference > 0.0;
    let survivor = candidates.iter().any(|r| survives(&r));
    let eligible = candidates
        .iter()
        .filter(|r| !r.comparison.difference.is_nan() && (!survivor || survives(r)));
    let row = eligible.max_by(|a, b| {
        // Of equal gains the one with the smaller p-value.
        let key = |r: &Row| (r.comparison.difference, -r.comparison.p);
        let ((x, p), (y, q)) = (key(a), key(b));
        x.total_cmp(&y).then(p.total_cmp(&q))
    })?;
    let c = &row.comparison;
    let interval = simultaneous(candidates, row);
    Some(
        Claim {
            paper,
            found: title(&row.variant),
            difference: c.difference,
            interval,
            p: c.p,
            holm: Some(c.holm),
            smallest_significant: bound(scored, scored.rows.len()),
            power: paper.and_then(|p| power(scored, row, p, scored.rows.len())),
            ..empty(scored, words, about)
        }
        .judged(),
    )
}

fn average(scored: &Scored, heads: &[&Row], task: Option<Task>, about: About<'_>) -> Claim {
    let count = heads.len() as f64;
    let mean = |value: &dyn Fn(&Row) -> f64| heads.iter().map(|r| value(r)).sum::<f64>() / count;
    let difference = mean(&|r| r.comparison.difference);
    let replicates = heads
        .iter()
        .map(|r| r.comparison.samples.len())
        .min()
        .unwrap_or(0);
    let samples: Vec<f64> = (0..replicates)
        .map(|s| mean(&|r| r.comparison.samples[s]))
        .collect();
    let interval = bootstrap::interval(&samples, LEVEL);
    let words = match task {
        Some(Task::Mrpc | Task::Rte) => {
            "disabling a random head increases performance on average (named for this task)"
        }
        _ => "disabling a random head increases performance on average (claimed for some tasks)",
    };
    Claim {
        found: format!("mean of {} heads", heads.len()),
        difference,
        interval,
        p: bootstrap_p(&samples),
        ..empty(scored, ("average-head", words), about)
    }
    .judged()
}

fn single(scored: &Scored, row: &Row, words: &str, paper: f64, about: About<'_>) -> Claim {
    let c = &row.comparison;
    Claim {
        paper: Some(paper),
        found: title(&row.variant),
        difference: c.difference,
        interval: c.difference_interval,
        p: c.p,
        holm: Some(c.holm),
        smallest_significant: bound(scored, 1),
        power: power(scored, row, paper, 1),
        ..empty(scored, ("first-layer", words), about)
    }
    .judged()
}

/// Two-sided p-value of a mean difference: twice the smaller share of samples on one side of 0, the
/// observed one counted with them.
fn bootstrap_p(samples: &[f64]) -> f64 {
    let finite: Vec<f64> = samples.iter().copied().filter(|v| !v.is_nan()).collect();
    if finite.is_empty() {
        return f64::NAN;
    }
    let share = |count: usize| (1 + count) as f64 / (1 + finite.len()) as f64;
    let below = share(finite.iter().filter(|v| **v <= 0.0).count());
    let above = share(finite.iter().filter(|v| **v >= 0.0).count());
    (2.0 * below.min(above)).min(1.0)
}

fn empty(scored: &Scored, (key, words): (&str, &str), about: About<'_>) -> Claim {
    Claim {
        key: key.to_owned(),
        model: about.model.to_owned(),
        task: about.task.to_owned(),
        mode: about.mode.to_owned(),
        metric: scored.metric,
        claim: words.to_owned(),
        paper: None,
        found: String::new(),
        difference: f64::NAN,
        interval: None,
        p: f64::NAN,
        holm: None,
        verdict: Verdict::Inconclusive,
        holm_all: None,
        smallest_significant: None,
        power: None,
        n: scored.n,
        seed: about.seed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ablation::compare::tests::measured;

    fn of_task(task: &str, n: usize, good: &str, bad: &str, gain: f64) -> Vec<Claim> {
        let scored = measured(n, good, bad, gain)
            .score(&[Metric::Accuracy], 3)
            .unwrap();
        let about = About {
            model: "m",
            task,
            mode: "uniform",
            seed: 3,
        };
        claims(&scored[0], about)
    }

    #[test]
    fn a_clear_gain_holds_and_a_small_one_cannot_be_told() {
        let clear = of_task("MRPC", 400, "head-1:0", "layer-1", 0.5);
        let verdicts: Vec<Verdict> = clear.iter().map(|c| c.verdict).collect();
        // One good head of six and no bad one: the average gains too; no layer does.
        assert_eq!(
            verdicts,
            [Verdict::Holds, Verdict::Holds, Verdict::Inconclusive]
        );
        assert_eq!(
            (clear[0].found.as_str(), clear[0].paper),
            ("head 2-1", Some(1.2))
        );
        let (low, high) = clear[0].interval.unwrap();
        assert!(low > 0.0 && low < clear[0].difference && clear[0].difference < high);
        assert!(clear[0].holm.unwrap() >= clear[0].p && clear[1].holm.is_none());
        // 8 variants: 2^(1-k) * 8 < 0.05 first for k = 9.
        assert_eq!(clear[0].smallest_significant, Some(9.0 / 400.0));
        // 1.2 points of 400 examples are 5: fewer than any test can find significant.
        assert!(clear[0].power.unwrap() < 0.05 && clear[1].power.is_none());
        let small = of_task("MRPC", 60, "head-1:0", "layer-1", 0.15);
        assert!(small[0].difference > 0.0);
        assert_eq!(small[0].verdict, Verdict::Inconclusive);
    }

    #[test]
    fn a_named_layer_is_tested_alone_and_in_its_direction() {
        let rte = of_task("RTE", 300, "layer-0", "head-0:0", 0.3);
        let first = rte.last().unwrap();
        assert_eq!((first.verdict, first.paper), (Verdict::Holds, Some(3.2)));
        assert_eq!(first.smallest_significant, Some(6.0 / 300.0));
        let power = first.power.unwrap();
        assert!(power > 0.3 && power < 1.0, "{power}");
        let drop = of_task("RTE", 300, "head-0:0", "layer-0", 0.3);
        assert_eq!(drop.last().unwrap().verdict, Verdict::DoesNotHold);
        // The loss on MNLI is bounded: a large one contradicts.
        let mnli = of_task("MNLI", 300, "head-0:0", "layer-0", 0.3);
        let first = mnli.last().unwrap();
        assert_eq!(
            (first.verdict, first.paper),
            (Verdict::DoesNotHold, Some(-0.2))
        );
        // The paper says nothing of SST-2's first layer.
        assert_eq!(of_task("SST-2", 50, "layer-0", "layer-1", 0.3).len(), 3);
    }

    /// A verdict follows from the numbers beside it, whoever wrote it down.
    #[test]
    fn claims_are_judged_anew() {
        let line = r#"{"model":"m","task":"STS-B","mode":"uniform","metric":"pearson_spearman","key":"best-head",
            "claim":"c","paper":0.1,"found":"head 6-10","difference":0.0007,"interval":[-0.022,0.026],"p":0.0001,
            "holm":0.008,"verdict":"holds","least_detectable":null,"n":1000,"seed":42}"#;
        let claim: Claim = serde_json::from_str(line).unwrap();
        assert_eq!(claim.verdict, Verdict::Holds);
        assert_eq!(claim.clone().judged().verdict, Verdict::Inconclusive);
        let studentised = Claim {
            interval: Some((0.0003, 0.0068)),
            ..claim.clone()
        };
        assert_eq!(studentised.judged().verdict, Verdict::Holds);
        let missing = Claim {
            key: "average-head".into(),
            interval: None,
            ..claim
        };
        assert_eq!(missing.judged().verdict, Verdict::Inconclusive);
    }

    #[test]
    fn the_simultaneous_interval_is_wider_than_one_heads_own() {
        let scored = measured(200, "head-1:0", "head-0:0", 0.4)
            .score(&[Metric::Accuracy], 3)
            .unwrap();
        let heads = of(&scored[0], |k| matches!(k, Kind::Head(_)));
        let own = heads[3].comparison.difference_interval.unwrap();
        let all = simultaneous(&heads, heads[3]).unwrap();
        assert!(all.1 - all.0 > own.1 - own.0, "{all:?} {own:?}");
    }

    #[test]
    fn bootstrap_p_values_are_two_sided() {
        assert!((bootstrap_p(&[1.0; 999]) - 0.002).abs() < 1e-12);
        assert_eq!(bootstrap_p(&[-1.0, 1.0, 1.0]), 1.0);
        assert!(bootstrap_p(&[]).is_nan());
    }
}
