//! The statistics agree with SciPy, statsmodels and scikit-learn (reference/paired.py).

use attn_core::Metric;
use attn_stats::metrics::{Score, pearson, ranks, spearman};
use attn_stats::paired::*;
use serde_json::Value;

fn reference() -> Value {
    serde_json::from_str(include_str!("reference/paired.json")).unwrap()
}

fn cases(name: &str) -> Vec<Value> {
    reference()[name].as_array().unwrap().clone()
}

fn numbers(value: &Value) -> Vec<f64> {
    value
        .as_array()
        .unwrap()
        .iter()
        .map(|v| v.as_f64().unwrap())
        .collect()
}

fn close(a: f64, b: f64, tolerance: f64, what: &str) {
    assert!((a - b).abs() <= tolerance, "{what}: {a}, expected {b}");
}

#[test]
fn scores_are_scikit_learns_and_scipys() {
    for case in cases("scores") {
        let (p, l) = (numbers(&case["predictions"]), numbers(&case["labels"]));
        for metric in [
            Metric::Accuracy,
            Metric::F1,
            Metric::Matthews,
            Metric::Pearson,
            Metric::Spearman,
        ] {
            if let Some(expected) = case[metric.name()].as_f64() {
                close(metric.score(&p, &l), expected, 1e-12, metric.name());
            }
        }
        if case["ranks"].is_array() {
            assert_eq!(ranks(&p), numbers(&case["ranks"]));
            let both = (pearson(&p, &l).unwrap() + spearman(&p, &l).unwrap()) / 2.0;
            assert_eq!(Metric::PearsonSpearman.score(&p, &l), both);
        }
    }
}

#[test]
fn mcnemar_is_statsmodels_exact_test() {
    for case in cases("mcnemar") {
        let [b, v, l] = ["baseline", "variant", "labels"].map(|name| numbers(&case[name]));
        let test = mcnemar(&b, &v, &l);
        assert_eq!(Some(test.lost as u64), case["lost"].as_u64());
        assert_eq!(Some(test.gained as u64), case["gained"].as_u64());
        let expected = case["p"].as_f64().unwrap();
        close(test.p, expected, 1e-9 * expected.max(1e-3), "p");
    }
}

#[test]
fn permutation_is_scipys() {
    for case in cases("permutation") {
        let [b, v, l] = ["baseline", "variant", "labels"].map(|name| numbers(&case[name]));
        let metric = match case["metric"].as_str().unwrap() {
            "f1" => Metric::F1,
            "pearson" => Metric::Pearson,
            _ => Metric::Spearman,
        };
        let expected = case["p"].as_f64().unwrap();
        let exact = case["exact"].as_bool().unwrap();
        let test = permutation(&b, &v, &l, &metric, Swaps::only(4999), 1);
        // F1 is summed over counts, where SciPy draws.
        assert_eq!(test.exact, exact || metric == Metric::F1);
        // Two draws of 5000 differ by about 1.4 * sqrt(p (1 - p) / 5000); four times that.
        let tolerance = if exact {
            1e-12
        } else {
            6.0 * (expected * (1.0 - expected) / 5000.0).sqrt()
        };
        close(test.p, expected, tolerance, metric.name());
        assert!(
            (0.0003..0.9).contains(&expected),
            "the case says nothing: p = {expected}"
        );
        assert_eq!(test, permutation(&b, &v, &l, &metric, Swaps::only(4999), 1));
        if !test.exact && expected > 0.01 {
            let other = permutation(&b, &v, &l, &metric, Swaps::only(4999), 2);
            assert_ne!(test.p, other.p);
        }
    }
}

#[test]
fn corrections_are_statsmodels() {
    for case in cases("corrections") {
        let p = numbers(&case["p"]);
        for (ours, name) in [
            (holm(&p), "holm"),
            (benjamini_hochberg(&p), "benjamini_hochberg"),
        ] {
            for (a, b) in ours.iter().zip(numbers(&case[name])) {
                close(*a, b, 1e-12, name);
            }
        }
    }
}

/// Percentile intervals of two independent sets of resamples: equal within their own noise.
#[test]
fn intervals_are_scipys() {
    for case in cases("spearman_intervals") {
        let (a, b) = (numbers(&case["a"]), numbers(&case["b"]));
        let ours = spearman_interval(&a, &b, 0.95, 4000, 1).unwrap();
        let (low, high) = ours.interval.unwrap();
        close(ours.value, case["spearman"].as_f64().unwrap(), 1e-12, "rho");
        close(low, case["low"].as_f64().unwrap(), 0.02, "low");
        close(high, case["high"].as_f64().unwrap(), 0.02, "high");
    }
    let case = &reference()["difference_interval"];
    let [b, v, l] = ["baseline", "variant", "labels"].map(|name| numbers(&case[name]));
    let settings = Settings {
        replicates: 4000,
        ..Settings::new(Metric::Accuracy, 1)
    };
    let rows = compare(&b, &[v, b.clone()], &l, &Metric::Accuracy, &settings).unwrap();
    let (low, high) = rows[0].difference_interval.unwrap();
    close(low, case["low"].as_f64().unwrap(), 0.004, "low");
    close(high, case["high"].as_f64().unwrap(), 0.004, "high");
    assert_eq!(
        (rows[1].difference, rows[1].difference_interval),
        (0.0, Some((0.0, 0.0)))
    );
}

/// A variant's own numbers do not depend on its neighbours or on threads; corrections do.
#[test]
fn comparisons_are_paired_and_repeatable() {
    let case = &cases("permutation")[2];
    let [b, v, l] = ["baseline", "variant", "labels"].map(|name| numbers(&case[name]));
    let settings = Settings {
        swaps: Swaps::only(999),
        ..Settings::new(Metric::F1, 3)
    };
    assert_eq!(
        (settings.test, Test::of(Metric::Accuracy)),
        (Test::Permutation, Test::McNemar)
    );
    let one = compare(&b, std::slice::from_ref(&v), &l, &Metric::F1, &settings).unwrap();
    let many = vec![b.clone(), v.clone(), b.clone()];
    let three = compare(&b, &many, &l, &Metric::F1, &settings).unwrap();
    assert_eq!((one[0].p, one[0].interval), (three[1].p, three[1].interval));
    assert_eq!(
        (one[0].holm, three[1].holm),
        (one[0].p, (3.0 * one[0].p).min(1.0))
    );
    assert_eq!(three[0].p, 1.0);
    close(
        one[0].difference,
        Metric::F1.score(&v, &l) - Metric::F1.score(&b, &l),
        1e-15,
        "difference",
    );
    let (low, high) = one[0].difference_interval.unwrap();
    assert!(low < one[0].difference && one[0].difference < high);
    // Pairing pays: the difference is surer than two scores apart.
    let (score_low, score_high) = one[0].interval.unwrap();
    assert!(high - low < score_high - score_low);
    // A score that is known by its values only: all but the p-value is the same, and that nearly.
    let own = |p: &[f64], l: &[f64]| Metric::F1.score(p, l);
    let plain = compare(&b, std::slice::from_ref(&v), &l, &own, &settings).unwrap();
    assert_eq!(
        (plain[0].interval, plain[0].difference_interval),
        (one[0].interval, one[0].difference_interval)
    );
    close(plain[0].p, one[0].p, 0.05, "p by random swaps");
    let error = compare(&b, &[vec![1.0]], &l, &Metric::F1, &settings)
        .unwrap_err()
        .to_string();
    assert!(error.contains("variant 0 has 1 predictions"), "{error}");
    assert_eq!(
        compare(&[], &[], &[], &Metric::F1, &settings),
        Err(CompareError::Empty)
    );
    assert_eq!(spearman_interval(&[1.0], &[], 0.95, 10, 0), None);
}
