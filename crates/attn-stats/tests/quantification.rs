//! Quantification and intervals over seeds against NumPy and SciPy (`reference/quantification.py`).

use attn_stats::quantify::adjusted_count;
use attn_stats::seeds::{over_seeds_and_examples, student_t_quantile};
use serde::Deserialize;

#[derive(Deserialize)]
struct Reference {
    adjusted: Vec<Counts>,
    student_t: Vec<Quantile>,
    seeds: Vec<Seeds>,
}

#[derive(Deserialize)]
struct Counts {
    observed: Vec<f64>,
    rates: Vec<f64>,
    proportions: Vec<f64>,
    log_likelihood: f64,
}

#[derive(Deserialize)]
struct Quantile {
    p: f64,
    freedom: f64,
    t: f64,
}

#[derive(Deserialize)]
struct Seeds {
    mean: f64,
    deviation: f64,
    seeds: usize,
    over_examples: (f64, f64),
    n: usize,
    freedom: f64,
    interval: (f64, f64),
}

fn reference() -> Reference {
    serde_json::from_str(include_str!("reference/quantification.json")).unwrap()
}

#[test]
fn adjusted_counts_are_scipys_maximum() {
    let mut edges = 0;
    for case in reference().adjusted {
        let found = adjusted_count(&case.observed, &case.rates).unwrap();
        let columns = case.observed.len();
        let likelihood: f64 = (0..columns)
            .filter(|&p| case.observed[p] > 0.0)
            .map(|p| {
                let rows = case.rates.chunks_exact(columns);
                let expected: f64 = rows.zip(&found.proportions).map(|(r, x)| x * r[p]).sum();
                case.observed[p] * expected.ln()
            })
            .sum();
        assert!(
            likelihood >= case.log_likelihood - 1e-9,
            "{likelihood} {}",
            case.log_likelihood
        );
        for (a, b) in found.proportions.iter().zip(&case.proportions) {
            assert!((a - b).abs() < 2e-5, "{found:?} {:?}", case.proportions);
            edges += usize::from(*b < 1e-6);
        }
    }
    assert!(edges > 2, "no case on the edge of the simplex");
}

#[test]
fn students_quantiles_are_scipys() {
    for Quantile { p, freedom, t } in reference().student_t {
        let found = student_t_quantile(p, freedom).unwrap();
        assert!((found / t - 1.0).abs() < 1e-9, "{p} {freedom}: {found} {t}");
        assert_eq!(
            student_t_quantile(1.0 - p, freedom).map(f64::signum),
            Some(-1.0)
        );
    }
}

#[test]
fn intervals_over_seeds_and_examples_are_scipys() {
    for case in reference().seeds {
        let values = (case.mean, case.deviation, case.seeds);
        let found =
            over_seeds_and_examples(values, case.over_examples, case.n, (-1.0, 1.0)).unwrap();
        assert!((found.freedom / case.freedom - 1.0).abs() < 1e-9);
        assert!(
            (found.interval.0 - case.interval.0).abs() < 1e-9,
            "{found:?}"
        );
        assert!(
            (found.interval.1 - case.interval.1).abs() < 1e-9,
            "{found:?}"
        );
    }
}
