//! Scores against scikit-learn's and scipy's, written by `reference/metrics.py`: random inputs, and
//! constant predictions, one class only, ties, one pair and none.

use attn_core::Metric;
use attn_train::metrics::{Pair, score};
use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Deserialize)]
struct Fixture {
    cases: Vec<Case>,
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
    let fixture: Fixture = serde_json::from_str(include_str!("fixtures/metrics.json")).unwrap();
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
