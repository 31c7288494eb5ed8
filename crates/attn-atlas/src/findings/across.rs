//! Claims of Section 5 that need several runs: sweeps of several tasks, FrameNet's heads, and the
//! weights on words that two sentences share.

use super::Written;
use super::book::{Book, lower, name, weight};
use super::relations;
use super::sweep::{self, Effect, Sweep, of_sweep};
use attn_core::{Estimate, Finding, Record, Verdict};
use attn_stats::estimates::{difference, rule_of_three};
use attn_stats::verdict::{above, all_above, all_without_loss, at_least_of, no_loss};

/// A loss of at most this is none: one point.
const MARGIN: f64 = 0.01;
/// Of heads that do cost more, this proportion passes for harmless by chance (one side of 95 %).
const BY_CHANCE: f64 = 0.025;

/// What the runs, each given by its records, say together; Section 4.6 with them.
pub fn findings(runs: &[Written]) -> Vec<Finding> {
    let parts: Vec<(Vec<Record>, &[f64])> = runs
        .iter()
        .map(|run| (of_sweep(&run.records), run.labels.as_slice()))
        .collect();
    let sweeps: Vec<Sweep<'_>> = parts.iter().filter_map(|(r, l)| Sweep::of(r, l)).collect();
    let mut findings = Vec::new();
    for own in &sweeps {
        findings.extend(sweep::findings(own));
        findings.extend(framenet_heads(own, runs));
        findings.extend(shared_words(own, runs));
        findings.extend(spare_heads(own));
    }
    for sts in sweeps.iter().filter(|s| s.name == "STS-B") {
        let rte = |s: &&Sweep<'_>| s.name == "RTE" && s.model == sts.model;
        if let Some(rte) = sweeps.iter().find(rte) {
            findings.extend(shared_heads(sts, rte));
        }
    }
    findings.extend(relations::findings(runs));
    findings
}

/// The two heads whose ablation costs most.
fn costliest(sweep: &Sweep<'_>) -> Option<[Effect; 2]> {
    let mut effects = sweep.effects(true);
    effects.sort_by(|a, b| a.change.mean.total_cmp(&b.change.mean));
    effects.first_chunk().copied()
}

fn place(effect: &Effect) -> (usize, usize) {
    (effect.layer, effect.head.unwrap_or_default())
}

fn in_words(effect: &Effect) -> String {
    let p = effect.holm.map_or(String::new(), |p| {
        format!(", p = {p:.3} after Holm's correction")
    });
    format!("{} ({}{p})", name(place(effect)), weight(effect.change))
}

/// Whether the two heads that follow frames most matter to a task. They were chosen on FrameNet's
/// sentences, not on the task's.
fn framenet_heads(sweep: &Sweep<'_>, runs: &[Written]) -> Option<Finding> {
    let frames = runs.iter().find(|run| {
        let of = |r: &Record| r.experiment == "framenet" && r.model == sweep.model;
        run.records.first().is_some_and(of)
    })?;
    let frames = Book::new(&frames.records);
    let mut best = frames.heads(frames.tasks().first()?, "frame_element_to_target");
    best.sort_by(|a, b| b.2.mean.total_cmp(&a.2.mean));
    let effects: Vec<Effect> = best
        .iter()
        .take(2)
        .filter_map(|&(l, h, _)| sweep.effect(l, Some(h)))
        .collect();
    let changes: Vec<Estimate> = effects.iter().map(|e| rule_of_three(e.change)).collect();
    let worst = changes.iter().copied().reduce(lower)?;
    let verdict = match sweep.has_learnt() {
        Verdict::Holds => all_without_loss(&changes, MARGIN),
        _ => Verdict::Inconclusive,
    };
    let words: Vec<String> = effects
        .iter()
        .zip(&changes)
        .map(|(e, &change)| format!("head {} {}", name(place(e)), weight(change)))
        .collect();
    sweep.finding(
        "framenet-heads-idle",
        verdict,
        worst,
        "a loss of more than one point is excluded for both heads, of a model above chance; a loss (corrected for two) that \
         is not shown to be within the point contradicts",
        format!(
            "change of {} when ablated: {}; {}",
            sweep.metric,
            words.join(", "),
            sweep.learnt_in_words()
        ),
    )
}

/// How many heads can go one at a time.
fn spare_heads(sweep: &Sweep<'_>) -> Option<Finding> {
    let effects = sweep.effects(true);
    let total = effects.len();
    let n = effects.first()?.change.n;
    let (mut harmless, mut refuted) = (0, 0);
    for effect in &effects {
        match no_loss(&rule_of_three(effect.change), MARGIN) {
            Verdict::Holds => harmless += 1,
            _ if effect.costs() => refuted += 1,
            _ => {}
        }
    }
    let open = total - harmless - refuted;
    let needed = (0.5 + BY_CHANCE) * total as f64;
    let verdict = match sweep.has_learnt() {
        Verdict::Holds => at_least_of(harmless, refuted, open, needed),
        _ => Verdict::Inconclusive,
    };
    sweep.finding(
        "overparametrised",
        verdict,
        Estimate::without_interval(harmless as f64 / total as f64, n),
        "of a model above chance, more than half of the heads (and 2.5 of 100 that would pass by chance) lose at most one \
         point for sure, ablated one at a time; fewer than that, even with all open ones, contradict",
        format!(
            "of {total} heads ablated one at a time, {harmless} cost at most {MARGIN} of {} for sure (95 % interval), {refuted} of \
             the others cost something (significant after Holm's correction), {open} are open; {}",
            sweep.metric,
            sweep.learnt_in_words()
        ),
    )
}

/// Whether STS-B and RTE lose most with the same two heads.
fn shared_heads(sts: &Sweep<'_>, rte: &Sweep<'_>) -> Option<Finding> {
    let (a, b) = (costliest(sts)?, costliest(rte)?);
    let heads = |effects: &[Effect; 2]| [place(&effects[0]), place(&effects[1])];
    let shared = heads(&a).iter().filter(|h| heads(&b).contains(h)).count();
    // A head that STS-B relies on and RTE for sure less than on its own two.
    let apart = a.iter().any(|head| {
        let there = rte.effect(head.layer, head.head);
        there.is_some_and(|e| above(&difference(e.change, b[1].change), 0.0) == Verdict::Holds)
    });
    let verdict = if !a.iter().chain(&b).all(Effect::costs) {
        Verdict::Inconclusive
    } else if shared == 2 {
        Verdict::Holds
    } else if apart {
        Verdict::DoesNotHold
    } else {
        Verdict::Inconclusive
    };
    let n = a[0].change.n.min(b[0].change.n);
    let mut finding = sts.finding(
        "sts-rte-share-heads",
        verdict,
        Estimate::without_interval(shared as f64, n),
        "the two costliest heads of both tasks cost something (significant after Holm's correction) and are the same; does \
         not hold when one of STS-B's costs RTE less than RTE's own",
        format!(
            "STS-B loses most without {} and {}, RTE without {} and {}: {shared} in common; RTE: {}",
            in_words(&a[0]),
            in_words(&a[1]),
            in_words(&b[0]),
            in_words(&b[1]),
            rte.learnt_in_words()
        ),
    )?;
    finding.task = None;
    Some(finding)
}

/// Whether the two heads that STS-B or RTE relies on give high weights to words that occur in both
/// sentences. The paper's are 4-1 and 2-12 of BERT-base: another model's are others.
fn shared_words(sweep: &Sweep<'_>, runs: &[Written]) -> Option<Finding> {
    if !["STS-B", "RTE"].contains(&sweep.name) {
        return None;
    }
    let stats = relations::stats_of(sweep.model, runs)?;
    let book = Book::new(&stats.records);
    let two = costliest(sweep)?;
    let weights: Vec<(Effect, Estimate)> = two
        .iter()
        .filter_map(|e| {
            let weight = book.number(sweep.name, Some(e.layer), e.head, "shared_difference")?;
            Some((*e, weight))
        })
        .collect();
    let numbers: Vec<Estimate> = weights.iter().map(|w| w.1).collect();
    let least = numbers.iter().copied().reduce(lower)?;
    let verdict = if two.iter().all(Effect::costs) && numbers.len() == 2 {
        all_above(&numbers, 0.0)
    } else {
        Verdict::Inconclusive
    };
    let words: Vec<String> = weights
        .iter()
        .map(|(e, w)| format!("{}: {}", in_words(e), weight(*w)))
        .collect();
    sweep.finding(
        "shared-words",
        verdict,
        least,
        "the two heads that the task relies on most cost something (significant after Holm's correction), and both give a \
         word more weight to its twin in the other sentence than to other words of the two; less (corrected for two) contradicts",
        format!(
            "weight on the twin less that on other words, in the two heads whose ablation costs most: {}",
            words.join("; ")
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::super::book::tests::record;
    use super::super::sweep::tests::sweep;
    use super::*;

    fn written(records: Vec<Record>) -> Written {
        let labels = [0.0, 1.0].repeat(50);
        Written { records, labels }
    }

    fn verdict(found: &[Finding], claim: &str, task: Option<&str>) -> Verdict {
        let own = |f: &&Finding| f.claim == claim && f.task.as_deref() == task;
        found.iter().find(own).unwrap().verdict
    }

    fn frames() -> Vec<Record> {
        let mut frames = Vec::new();
        for (head, v) in [(0, 0.2), (1, 0.1)] {
            let metric = "frame_element_to_target";
            let at = (Some(0), Some(head));
            frames.push(record("FrameNet", at, metric, (v, v - 0.05, v + 0.05)));
        }
        for record in &mut frames {
            record.experiment = "framenet".to_owned();
        }
        frames
    }

    fn sts() -> Vec<Record> {
        let heads = [(0.0, 1.0), (-0.1, 0.01), (-0.2, 0.01), (0.0, 1.0)];
        sweep("STS-B", "pearson_spearman", &heads)
    }

    #[test]
    fn sweeps_and_frames_are_judged_together() {
        let rte = sweep(
            "RTE",
            "accuracy",
            &[(0.0, 1.0), (-0.2, 0.01), (-0.1, 0.01), (0.0, 1.0)],
        );
        let found = findings(&[sts(), rte, frames()].map(written));
        assert_eq!(verdict(&found, "sts-rte-share-heads", None), Verdict::Holds);
        // Head 1-2 is one of the two and costs 0.1.
        assert_eq!(
            verdict(&found, "framenet-heads-idle", Some("RTE")),
            Verdict::DoesNotHold
        );
        // Two of four are half, and not more than half.
        assert_eq!(
            verdict(&found, "overparametrised", Some("STS-B")),
            Verdict::DoesNotHold
        );
    }

    #[test]
    fn what_is_not_significant_shares_nothing_and_contradicts_nothing() {
        let weak = sweep("RTE", "accuracy", &[(0.0, 1.0), (-0.2, 1.0), (-0.1, 1.0)]);
        let found = findings(&[sts(), weak].map(written));
        assert_eq!(
            verdict(&found, "sts-rte-share-heads", None),
            Verdict::Inconclusive
        );
        // Others than STS-B's, for sure; and others, but hardly.
        for (third, right) in [
            (-0.01, Verdict::DoesNotHold),
            (-0.149, Verdict::Inconclusive),
        ] {
            let heads = [(-0.15, 0.01), (third, 0.01), (third, 0.01), (-0.2, 0.01)];
            let other = sweep("RTE", "accuracy", &heads);
            let found = findings(&[sts(), other].map(written));
            assert_eq!(verdict(&found, "sts-rte-share-heads", None), right);
        }
    }

    #[test]
    fn a_model_at_chance_shows_nothing() {
        let idle = || sweep("RTE", "accuracy", &[(0.0001, 1.0); 4]);
        let found = findings(&[idle(), frames()].map(written));
        for claim in ["overparametrised", "framenet-heads-idle"] {
            assert_eq!(
                verdict(&found, claim, Some("RTE")),
                Verdict::Holds,
                "{claim}"
            );
        }
        // Four of five are of one class: 0.8 is what a constant scores.
        let at_chance = Written {
            records: idle(),
            labels: vec![1.0, 1.0, 1.0, 1.0, 0.0],
        };
        let found = findings(&[at_chance, written(frames())]);
        for claim in ["overparametrised", "framenet-heads-idle"] {
            assert_eq!(
                verdict(&found, claim, Some("RTE")),
                Verdict::Inconclusive,
                "{claim}"
            );
        }
        let open = found
            .iter()
            .find(|f| f.claim == "overparametrised")
            .unwrap();
        assert_eq!((open.ci_low, open.ci_high), (None, None));
        assert!(
            open.finding.contains("not above chance for sure"),
            "{}",
            open.finding
        );
    }

    #[test]
    fn shared_words_are_asked_of_the_heads_that_matter_here() {
        let stats = |first: f64| {
            let mut records = Vec::new();
            for (head, v) in [(1, first), (2, 0.5)] {
                let at = (Some(0), Some(head));
                records.push(record(
                    "STS-B",
                    at,
                    "shared_difference",
                    (v, v - 0.05, v + 0.05),
                ));
            }
            for record in &mut records {
                record.experiment = "stats".to_owned();
                record.model = "m, fine-tuned on each task".to_owned();
            }
            written(records)
        };
        for (first, right) in [
            (0.4, Verdict::Holds),
            (0.01, Verdict::Inconclusive),
            (-0.4, Verdict::DoesNotHold),
        ] {
            let found = findings(&[written(sts()), stats(first)]);
            assert_eq!(verdict(&found, "shared-words", Some("STS-B")), right);
        }
        let weak = sweep(
            "STS-B",
            "pearson_spearman",
            &[(0.0, 1.0), (-0.1, 1.0), (-0.2, 1.0)],
        );
        let found = findings(&[written(weak), stats(0.4)]);
        assert_eq!(
            verdict(&found, "shared-words", Some("STS-B")),
            Verdict::Inconclusive
        );
    }
}
