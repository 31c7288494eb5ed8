//! The committed sweeps' statistics are those of NumPy, SciPy and scikit-learn (reference/sweeps.py), from the same stored
//! predictions.

use attn_core::Metric;
use attn_data::parquet::{Predictions, read_predictions};
use attn_stats::bootstrap::{Resamples, simultaneous};
use attn_stats::metrics::{Score, auc, cross_entropy};
use attn_stats::paired::{Swaps, holm, permutation};
use attn_stats::threshold::refitted;
use serde_json::Value;

fn reference() -> Value {
    serde_json::from_str(include_str!("reference/sweeps.json")).unwrap()
}

fn sweep(model: &str, task: &str) -> Predictions {
    let results = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../results");
    let run = results.join(format!("{model}-glue/ablation/{task}"));
    read_predictions(&run.join("predictions.parquet")).unwrap()
}

fn labels(sweep: &Predictions) -> Vec<f64> {
    sweep.labels.iter().map(|l| l.unwrap()).collect()
}

fn at(sweep: &Predictions, variant: &str) -> usize {
    sweep.variants.iter().position(|v| v == variant).unwrap()
}

fn close(found: f64, expected: &Value, tolerance: f64, what: &str) {
    let expected = expected.as_f64().unwrap();
    assert!(
        (found - expected).abs() <= tolerance,
        "{what}: {found}, expected {expected}"
    );
}

#[test]
fn correlations_and_the_best_head_are_numpys() {
    let metric = Metric::PearsonSpearman;
    for case in reference()["correlations"].as_array().unwrap() {
        let sweep = sweep(case["model"].as_str().unwrap(), "STS-B");
        let labels = labels(&sweep);
        let all: Vec<Vec<f64>> = (0..sweep.variants.len())
            .map(|v| sweep.variant(v).iter().map(|&x| f64::from(x)).collect())
            .collect();
        let scores: Vec<f64> = all.iter().map(|p| metric.score(p, &labels)).collect();
        let p: Vec<f64> = all[1..]
            .iter()
            .map(|variant| {
                permutation(&all[0], variant, &labels, &metric, Swaps::only(9_999), 42).p
            })
            .collect();
        let corrected = holm(&p);
        let significant = corrected.iter().filter(|p| **p < 0.05).count();
        // Two draws of swaps differ a little: a variant or two lie at the edge.
        close(significant as f64, &case["significant"], 2.0, "significant");
        assert_eq!(Some(corrected.len() as u64), case["tests"].as_u64());
        for row in case["rows"].as_array().unwrap() {
            let v = at(&sweep, row["variant"].as_str().unwrap());
            close(
                scores[v] - scores[0],
                &row["difference"],
                1e-9,
                "difference",
            );
            let expected = row["p"].as_f64().unwrap();
            let noise = 6.0 * (expected * (1.0 - expected) / 10_000.0).sqrt();
            close(p[v - 1], &row["p"], noise, "p");
        }
        let Some(best) = case["best_gain"].as_str() else {
            continue;
        };
        let heads: Vec<usize> = (1..all.len())
            .filter(|&v| sweep.variants[v].starts_with("head-"))
            .collect();
        let resamples = Resamples::new(labels.len(), 1000, 42);
        let own = resamples.scores(&all[0], &labels, &metric);
        let samples: Vec<Vec<f64>> = heads
            .iter()
            .map(|&v| {
                let scores = resamples.scores(&all[v], &labels, &metric);
                scores.iter().zip(&own).map(|(v, b)| v - b).collect()
            })
            .collect();
        let samples: Vec<&[f64]> = samples.iter().map(Vec::as_slice).collect();
        let estimates: Vec<f64> = heads.iter().map(|&v| scores[v] - scores[0]).collect();
        let chosen = heads.iter().position(|&v| v == at(&sweep, best)).unwrap();
        let (low, high) = simultaneous(&estimates, &samples, chosen, 0.95).unwrap();
        // 1000 against 2000 resamples; a tenth of a point is 0.001.
        close(low, &case["interval"][0], 0.0006, "low");
        close(high, &case["interval"][1], 0.0006, "high");
        assert!(low > 0.0);
    }
}

#[test]
fn thresholds_are_scikit_learns() {
    for case in reference()["thresholds"].as_array().unwrap() {
        let (task, variant) = (
            case["task"].as_str().unwrap(),
            case["variant"].as_str().unwrap(),
        );
        let sweep = sweep("all-MiniLM-L6-v2", task);
        let (labels, what) = (labels(&sweep), format!("{task} {variant}"));
        let margins = |v: usize| -> Vec<f64> {
            let rows = sweep.variant(v).chunks_exact(2);
            rows.map(|r| f64::from(r[1]) - f64::from(r[0])).collect()
        };
        let [a, b] = [margins(0), margins(at(&sweep, variant))];
        let metric = match case["metric"].as_str().unwrap() {
            "f1" => Metric::F1,
            _ => Metric::Accuracy,
        };
        let areas = auc(&b, &labels).unwrap() - auc(&a, &labels).unwrap();
        close(areas, &case["auc"], 1e-9, &what);
        let classes =
            |m: &[f64]| -> Vec<f64> { m.iter().map(|m| f64::from(u8::from(*m > 0.0))).collect() };
        let difference = metric.score(&classes(&b), &labels) - metric.score(&classes(&a), &labels);
        close(difference, &case["difference"], 1e-9, &what);
        if metric == Metric::F1 {
            let test = permutation(
                &classes(&a),
                &classes(&b),
                &labels,
                &metric,
                Swaps::only(9),
                1,
            );
            assert!(test.exact);
            let expected = case["p"].as_f64().unwrap();
            let noise = 6.0 * (expected * (1.0 - expected) / 20_000.0).sqrt();
            close(test.p, &case["p"], noise, &what);
        }
        let fit = |m: &[f64]| metric.score(&refitted(m, &labels, metric, 42).unwrap(), &labels);
        // Other fold assignments move the refitted difference by a fraction of a point or so.
        let found = fit(&b) - fit(&a);
        for expected in case["refitted"].as_array().unwrap() {
            close(found, expected, 0.013, &what);
        }
    }
    let case = &reference()["log_loss"];
    let sweep = sweep("all-MiniLM-L6-v2", "MNLI");
    let labels = labels(&sweep);
    let loss = |v: usize| {
        let rows = sweep.variant(v).chunks_exact(3).zip(&labels);
        let sum: f64 = rows
            .map(|(row, &label)| cross_entropy(&[row[0], row[1], row[2]].map(f64::from), label))
            .sum();
        sum / labels.len() as f64
    };
    let found = loss(at(&sweep, case["variant"].as_str().unwrap())) - loss(0);
    close(found, &case["difference"], 1e-9, "log loss");
}
