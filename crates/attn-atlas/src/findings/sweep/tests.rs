//! Findings about one sweep, from records made by hand.

use super::super::book::tests::record;
use super::*;

/// A sweep of one layer of heads with the given changes, each +- 0.005, and corrected p. The
/// baseline is 0.8 +- 0.03.
pub fn sweep(task: &str, metric: &str, heads: &[(f64, f64)]) -> Vec<Record> {
    let mut records = vec![record(task, (None, None), metric, (0.8, 0.77, 0.83))];
    for (head, &(change, p)) in heads.iter().enumerate() {
        let at = (Some(0), Some(head));
        let ends = (change, change - 0.005, change + 0.005);
        records.push(record(task, at, &format!("{metric}_difference"), ends));
        for p_value in ["p", "p_holm"] {
            records.push(record(task, at, &format!("{metric}_{p_value}"), (p, p, p)));
        }
    }
    for record in &mut records {
        record.experiment = "ablate/uniform".to_owned();
    }
    records
}

fn claim(records: &mut Vec<Record>, task: &str, key: &str, metric: &str, ends: (f64, f64, f64)) {
    let mut claim = record(task, (None, None), &format!("{metric}_difference"), ends);
    claim.experiment = format!("ablate/uniform/claim/{key}");
    records.push(claim);
}

fn judged(records: &[Record]) -> Vec<Finding> {
    let own = of_sweep(records);
    findings(&Sweep::of(&own, &[]).unwrap())
}

#[test]
fn the_best_head_is_judged_with_all_candidates() {
    let heads = [(0.012, 0.02), (-0.1, 0.01)];
    let mut records = sweep("SST-2", "accuracy", &heads);
    // A list of heads is no baseline, whatever its score.
    let mut list = record("SST-2", (None, None), "accuracy", (0.1, 0.0, 0.2));
    list.experiment = "ablate/uniform/list-0:1".to_owned();
    records.push(list);
    let before = judged(&records);
    assert_eq!(
        (before[0].verdict, before[0].ci_low),
        (Verdict::Holds, None)
    );
    claim(
        &mut records,
        "SST-2",
        "best-head",
        "accuracy",
        (0.012, -0.02, 0.04),
    );
    let found = judged(&records);
    assert_eq!(
        (found.len(), found[0].claim.as_str()),
        (1, "some-head-off-helps")
    );
    assert_eq!(
        (found[0].verdict, found[0].ci_low),
        (Verdict::Inconclusive, Some(-0.02))
    );
    assert!(
        found[0].finding.starts_with("head 1-1, accuracy"),
        "{}",
        found[0].finding
    );
    assert!(
        Sweep::of(&of_sweep(&records), &[])
            .unwrap()
            .learnt_in_words()
            .contains("not compared")
    );
}

fn first(task: &str, ends: (f64, f64, f64), p: f64) -> Finding {
    let mut records = Vec::new();
    for (metric, ends) in [("accuracy_difference", ends), ("accuracy_p", (p, p, p))] {
        let mut record = record(task, (Some(0), None), metric, ends);
        record.experiment = "ablate/uniform".to_owned();
        records.push(record);
    }
    judged(&records).pop().unwrap()
}

#[test]
fn the_first_layer_is_asked_what_the_paper_says_of_it() {
    // MNLI lost 2.0 [0.2, 4.0] points, where the paper has at most 0.2.
    let found = first("MNLI", (-0.020, -0.040, -0.002), 0.047);
    assert_eq!(
        (&found.claim[..], found.verdict),
        ("layer-off-hurts", Verdict::DoesNotHold)
    );
    let found = first("QNLI", (0.002, -0.012, 0.016), 0.892);
    assert_eq!(found.verdict, Verdict::Inconclusive);
    assert_eq!(
        first("QNLI", (0.002, -0.002, 0.016), 0.892).verdict,
        Verdict::Holds
    );
    let found = first("RTE", (0.014, -0.022, 0.051), 0.134);
    assert_eq!(
        (&found.claim[..], found.verdict),
        ("first-layer-off-helps", Verdict::Inconclusive)
    );
    assert_eq!(
        first("RTE", (0.03, 0.01, 0.05), 0.01).verdict,
        Verdict::Holds
    );
    assert_eq!(
        first("RTE", (-0.03, -0.05, -0.01), 0.01).verdict,
        Verdict::DoesNotHold
    );
}

/// Layers are no heads, and the other way round.
#[test]
fn heads_and_layers_are_asked_apart() {
    let mut records = sweep("SST-2", "accuracy", &[(0.012, 0.02)]);
    let claims = |records: &[Record]| -> Vec<String> {
        judged(records).into_iter().map(|f| f.claim).collect()
    };
    assert_eq!(claims(&records), ["some-head-off-helps"]);
    records.iter_mut().for_each(|r| r.head = None);
    assert_eq!(claims(&records), ["layer-off-helps"]);
}

#[test]
fn the_average_head_of_two_tasks() {
    let heads = [(0.012, 1.0), (-0.1, 0.01)];
    for (task, claims) in [("MRPC", 2), ("SST-2", 1)] {
        let metric = if task == "MRPC" { "f1" } else { "accuracy" };
        let mut records = sweep(task, metric, &heads);
        claim(
            &mut records,
            task,
            "average-head",
            metric,
            (-0.04, -0.06, -0.02),
        );
        let found = judged(&records);
        assert_eq!(found.len(), claims);
        if let Some(average) = found.get(1) {
            assert_eq!(average.verdict, Verdict::DoesNotHold);
        }
    }
}

#[test]
fn a_model_at_chance_has_learnt_nothing_for_sure() {
    let records = of_sweep(&sweep("RTE", "accuracy", &[(0.0, 1.0)]));
    let of = |labels: &[f64]| Sweep::of(&records, labels).unwrap().has_learnt();
    assert_eq!(of(&[0.0, 1.0]), Verdict::Holds);
    assert_eq!(of(&[0.0, 1.0, 1.0, 1.0, 1.0]), Verdict::Inconclusive);
    assert_eq!(of(&[]), Verdict::Inconclusive);
}
