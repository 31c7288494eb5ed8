//! Scores against scikit-learn's and scipy's, written by `reference/metrics.py`: random inputs, and
//! constant predictions, one class only, ties, one pair and none.

use attn_core::Metric;
use attn_stats::bootstrap::{Pair, score_pairs as score};
use attn_stats::metrics::{auc, cross_entropy};
use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Deserialize)]
struct Fixture {
    cases: Vec<Case>,
    auc: Vec<Area>,
    log_loss: Vec<Loss>,
}

#[derive(Deserialize)]
struct Area {
    name: String,
    predictions: Vec<f64>,
    labels: Vec<f64>,
    auc: Option<f64>,
}

#[derive(Deserialize)]
struct Loss {
    name: String,
    logits: Vec<Vec<f64>>,
    labels: Vec<f64>,
    log_loss: f64,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    predictions: Vec<f64>,
    labels: Vec<f64>,
    expected: BTreeMap<Metric, Option<f64>>,
}

#[test]
fn scores_are_scikit_learns_and_scipys() {
    let fixture: Fixture = serde_json::from_str(include_str!("reference/metrics.json")).unwrap();
    let mut checked = 0;
    for case in &fixture.cases {
        let pairs: Vec<Pair> = case
            .predictions
            .iter()
            .zip(&case.labels)
            .map(|(&p, &l)| Pair::new(p, l))
            .collect();
        for (&metric, &expected) in &case.expected {
            let found = score(metric, &pairs);
            match (found, expected) {
                // serde_json may read a number's last bit wrong, which numbers far from zero magnify.
                (Some(found), Some(expected)) => {
                    assert!(
                        (found - expected).abs() < 1e-10,
                        "{}, {metric}: {found}, expected {expected}",
                        case.name
                    );
                }
                (None, None) => {}
                _ => panic!("{}, {metric}: {found:?}, expected {expected:?}", case.name),
            }
            checked += 1;
        }
    }
    assert!(checked > 90, "only {checked} scores in the fixture");
}

#[test]
fn no_pair_has_no_score_and_numbers_that_are_not_finite_have_no_correlation() {
    for metric in [
        Metric::Accuracy,
        Metric::F1,
        Metric::Matthews,
        Metric::Pearson,
        Metric::Spearman,
        Metric::PearsonSpearman,
    ] {
        assert_eq!(score(metric, &[]), None, "{metric}");
    }
    for bad in [f64::NAN, f64::INFINITY] {
        let pairs = [
            Pair::new(1.0, 2.0),
            Pair::new(bad, 3.0),
            Pair::new(0.5, 1.0),
        ];
        for metric in [Metric::Pearson, Metric::Spearman, Metric::PearsonSpearman] {
            assert_eq!(score(metric, &pairs), None, "{metric}");
        }
    }
    let pairs = [Pair::new(f64::NAN, 1.0), Pair::new(1.0, 1.0)];
    assert_eq!(score(Metric::Accuracy, &pairs), Some(0.5));
    assert_eq!(score(Metric::Matthews, &pairs), Some(0.0));
}

#[test]
fn areas_and_log_losses_are_scikit_learns() {
    let fixture: Fixture = serde_json::from_str(include_str!("reference/metrics.json")).unwrap();
    for case in &fixture.auc {
        match (auc(&case.predictions, &case.labels), case.auc) {
            (Some(found), Some(expected)) => {
                assert!((found - expected).abs() < 1e-12, "{}", case.name);
            }
            (found, expected) => assert_eq!(found, expected, "{}", case.name),
        }
    }
    for case in &fixture.log_loss {
        let rows = case.logits.iter().zip(&case.labels);
        let sum: f64 = rows.map(|(row, &label)| cross_entropy(row, label)).sum();
        let found = sum / case.labels.len() as f64;
        assert!(
            (found - case.log_loss).abs() < 1e-9,
            "{}: {found}",
            case.name
        );
    }
    assert_eq!((fixture.auc.len(), fixture.log_loss.len()), (6, 2));
}
