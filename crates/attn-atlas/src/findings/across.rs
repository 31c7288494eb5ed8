//! Claims of Section 5 that need several runs: sweeps of several tasks, and FrameNet's heads.

use super::book::{Book, Number, name, weight};
use attn_core::{Record, Task};
use attn_figures::claims::{Finding, Verdict};

/// A loss beyond this is harm; one that the interval keeps above it is none.
const MARGIN: f64 = 0.01;
/// Corrected probability under which a head's loss counts.
const LEVEL: f64 = 0.05;

/// One task's sweep.
struct Sweep<'a> {
    model: &'a str,
    task: &'a str,
    metric: &'static str,
    book: Book<'a>,
}

/// A head, what switching it off changes, and the probability after Holm's correction.
type Effect = (usize, usize, Number, Option<f64>);

impl<'a> Sweep<'a> {
    fn of(records: &'a [Record]) -> Option<Self> {
        let first = records.first()?;
        if !first.experiment.starts_with("ablate/") {
            return None;
        }
        let task: Task = first.task.parse().ok()?;
        Some(Self {
            model: &first.model,
            task: &first.task,
            metric: task.metrics().first()?.name(),
            book: Book::new(records),
        })
    }

    fn effects(&self) -> Vec<Effect> {
        let p = format!("{}_p_holm", self.metric);
        self.book
            .heads(self.task, &format!("{}_difference", self.metric))
            .into_iter()
            .map(|(layer, head, change)| {
                let p = self.book.number(self.task, Some(layer), Some(head), &p);
                (layer, head, change, p.map(|p| p.value))
            })
            .collect()
    }

    /// The two heads whose loss costs most.
    fn costliest(&self) -> Option<[Effect; 2]> {
        let mut effects = self.effects();
        effects.sort_by(|a, b| a.2.value.total_cmp(&b.2.value));
        effects.first_chunk().copied()
    }

    fn finding(
        &self,
        claim: &str,
        verdict: Verdict,
        number: Number,
        text: String,
    ) -> Option<Finding> {
        self.book
            .finding(claim, Some(self.task), verdict, number, text)
    }
}

/// What the runs, each given by its records, say together.
pub fn findings(runs: &[Vec<Record>]) -> Vec<Finding> {
    let sweeps: Vec<Sweep<'_>> = runs.iter().filter_map(|r| Sweep::of(r)).collect();
    let mut findings = Vec::new();
    for sweep in &sweeps {
        findings.extend(framenet_heads(sweep, runs));
        findings.extend(spare_heads(sweep));
    }
    for sts in sweeps.iter().filter(|s| s.task == "STS-B") {
        let rte = |s: &&Sweep<'_>| s.task == "RTE" && s.model == sts.model;
        if let Some(rte) = sweeps.iter().find(rte) {
            findings.extend(shared_heads(sts, rte));
        }
    }
    findings
}

/// Whether the two heads that follow frames most matter to a task.
fn framenet_heads(sweep: &Sweep<'_>, runs: &[Vec<Record>]) -> Option<Finding> {
    let frames = runs.iter().find(|records| {
        let of = |r: &Record| r.experiment == "framenet" && r.model == sweep.model;
        records.first().is_some_and(of)
    })?;
    let frames = Book::new(frames);
    let mut best = frames.heads(frames.tasks().first()?, "frame_element_to_target");
    best.sort_by(|a, b| b.2.value.total_cmp(&a.2.value));
    let metric = format!("{}_difference", sweep.metric);
    let effects: Vec<(usize, usize, Number)> = best
        .iter()
        .take(2)
        .filter_map(|&(l, h, _)| {
            Some((
                l,
                h,
                sweep.book.number(sweep.task, Some(l), Some(h), &metric)?,
            ))
        })
        .collect();
    let worst = effects
        .iter()
        .map(|e| e.2)
        .min_by(|a, b| a.value.total_cmp(&b.value))?;
    let verdict = if effects.iter().any(|e| e.2.high < 0.0) {
        Verdict::DoesNotHold
    } else if effects.iter().all(|e| e.2.low >= -MARGIN) {
        Verdict::Holds
    } else {
        Verdict::CannotBeTold
    };
    let words: Vec<String> = effects
        .iter()
        .map(|&(l, h, change)| format!("without head {} {}", name((l, h)), weight(change)))
        .collect();
    sweep.finding(
        "framenet-heads-idle",
        verdict,
        worst,
        format!(
            "change of {}: {}; a loss of more than {MARGIN} has to be excluded for the claim to hold",
            sweep.metric,
            words.join(", ")
        ),
    )
}

/// How many heads can go one at a time.
fn spare_heads(sweep: &Sweep<'_>) -> Option<Finding> {
    let effects = sweep.effects();
    let all = effects.len();
    if all == 0 {
        return None;
    }
    let harmful = effects
        .iter()
        .filter(|(_, _, change, holm)| change.value < 0.0 && holm.is_some_and(|p| p < LEVEL))
        .count();
    let harmless = effects.iter().filter(|e| e.2.low >= -MARGIN).count();
    let share = |count: usize| count as f64 / all as f64;
    let verdict = if share(harmless) >= 0.5 && share(harmful) <= 0.05 {
        Verdict::Holds
    } else if share(harmful) > 0.5 {
        Verdict::DoesNotHold
    } else {
        Verdict::CannotBeTold
    };
    let number = Number {
        value: share(harmless),
        low: share(harmless),
        high: 1.0 - share(harmful),
        n: effects.first()?.2.n,
    };
    sweep.finding(
        "overparametrised",
        verdict,
        number,
        format!(
            "of {all} heads switched off one at a time, {harmless} cost at most {MARGIN} of {} for sure (95 % interval), \
             {harmful} cost some for sure (after Holm's correction)",
            sweep.metric
        ),
    )
}

/// Whether STS-B and RTE lose most with the same two heads.
fn shared_heads(sts: &Sweep<'_>, rte: &Sweep<'_>) -> Option<Finding> {
    let (a, b) = (sts.costliest()?, rte.costliest()?);
    let heads = |effects: &[Effect; 2]| effects.map(|e| (e.0, e.1));
    let shared = heads(&a).iter().filter(|h| heads(&b).contains(h)).count();
    let sure = |e: &Effect| e.3.is_some_and(|p| p < LEVEL);
    let verdict = if !a.iter().chain(&b).all(sure) {
        Verdict::CannotBeTold
    } else if shared == 2 {
        Verdict::Holds
    } else {
        Verdict::DoesNotHold
    };
    let words = |effects: &[Effect; 2]| {
        let word = |e: &Effect| {
            let p =
                e.3.map_or(String::new(), |p| format!(", p = {p:.3} after Holm"));
            format!("{} ({}{p})", name((e.0, e.1)), weight(e.2))
        };
        format!("{} and {}", word(&effects[0]), word(&effects[1]))
    };
    let count = shared as f64;
    let number = Number {
        value: count,
        low: count,
        high: count,
        n: a[0].2.n.min(b[0].2.n),
    };
    let mut finding = sts.finding(
        "sts-rte-share-heads",
        verdict,
        number,
        format!(
            "STS-B loses most without {}, RTE without {}: {shared} in common",
            words(&a),
            words(&b)
        ),
    )?;
    finding.task = None;
    Some(finding)
}

#[cfg(test)]
mod tests {
    use super::super::book::tests::record;
    use super::*;

    /// A sweep of one layer of heads with the given changes, each +- 0.005, and corrected p.
    fn sweep(task: &str, metric: &str, heads: &[(f64, f64)]) -> Vec<Record> {
        let mut records = Vec::new();
        for (head, &(change, p)) in heads.iter().enumerate() {
            let at = (Some(0), Some(head));
            let ends = (change, change - 0.005, change + 0.005);
            records.push(record(task, at, &format!("{metric}_difference"), ends));
            records.push(record(task, at, &format!("{metric}_p_holm"), (p, p, p)));
        }
        for record in &mut records {
            record.experiment = "ablate/uniform".to_owned();
        }
        records
    }

    fn verdict(found: &[Finding], claim: &str) -> Verdict {
        found.iter().find(|f| f.claim == claim).unwrap().verdict
    }

    #[test]
    fn sweeps_and_frames_are_judged_together() {
        let sts = sweep(
            "STS-B",
            "pearson_spearman",
            &[(0.0, 1.0), (-0.1, 0.01), (-0.2, 0.01)],
        );
        let rte = sweep("RTE", "accuracy", &[(0.0, 1.0), (-0.2, 0.01), (-0.1, 0.01)]);
        let mut frames = vec![
            record(
                "FrameNet",
                (Some(0), Some(0)),
                "frame_element_to_target",
                (0.2, 0.1, 0.3),
            ),
            record(
                "FrameNet",
                (Some(0), Some(1)),
                "frame_element_to_target",
                (0.1, 0.0, 0.3),
            ),
        ];
        for record in &mut frames {
            record.experiment = "framenet".to_owned();
        }
        let found = findings(&[sts.clone(), rte, frames]);
        assert_eq!(verdict(&found, "sts-rte-share-heads"), Verdict::Holds);
        // Head 1-2 is one of the two and costs 0.1.
        assert_eq!(verdict(&found, "framenet-heads-idle"), Verdict::DoesNotHold);
        assert_eq!(verdict(&found, "overparametrised"), Verdict::DoesNotHold);
        // Where nothing is sure, nothing can be told.
        let weak = sweep("RTE", "accuracy", &[(0.0, 1.0), (-0.2, 1.0), (-0.1, 1.0)]);
        let found = findings(&[sts, weak]);
        assert_eq!(
            verdict(&found, "sts-rte-share-heads"),
            Verdict::CannotBeTold
        );
    }
}
