//! Is it information that a head's ablation loses, or only the decision threshold?
//!
//! Beside the paper's metric each variant is scored without a threshold (AUC of `logit_1 - logit_0`; for three classes and
//! more the log loss), and by the same metric after every model's threshold was refitted on other examples
//! ([`attn_stats::threshold`]). A regression has no threshold, and so nothing of this.

use super::compare::{Measured, Scored};
use anyhow::Context;
use attn_core::Metric;
use attn_stats::metrics::{Auc, Mean};
use attn_stats::paired::{Settings, Test};
use attn_stats::threshold::{refitted, refitted_classes};

/// What variants are scored by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Criterion {
    /// A metric of the task, on the classes that the model predicts.
    Metric(Metric),
    /// The same metric after refitting thresholds.
    Refitted(Metric),
    /// The area under the ROC curve.
    Auc,
    /// The mean log loss of the model's probabilities; lower is better.
    LogLoss,
}

impl Criterion {
    /// The name in records.
    pub fn name(self) -> String {
        match self {
            Criterion::Metric(metric) => metric.name().to_owned(),
            Criterion::Refitted(metric) => refitted_name(metric.name()),
            Criterion::Auc => "auc".to_owned(),
            Criterion::LogLoss => "log_loss".to_owned(),
        }
    }

    /// For readers.
    pub fn words(self) -> String {
        match self {
            Criterion::Metric(metric) => metric.name().to_owned(),
            Criterion::Refitted(metric) => format!("{metric}, threshold refitted"),
            Criterion::Auc => "AUC".to_owned(),
            Criterion::LogLoss => "log loss (lower is better)".to_owned(),
        }
    }
}

/// The name in records of a metric after refitting thresholds.
pub fn refitted_name(metric: &str) -> String {
    format!("{metric}_refitted")
}

impl Measured {
    /// Every variant by what needs no threshold, then by each metric with refitted thresholds. Nothing for a regression
    /// or for too few examples.
    ///
    /// # Errors
    /// When labels and logits differ in number or there is nothing to compare.
    pub fn without_threshold(&self, metrics: &[Metric], seed: u64) -> anyhow::Result<Vec<Scored>> {
        let outputs = self.logits.labels();
        let Some(&main) = metrics.first().filter(|_| outputs > 1) else {
            return Ok(Vec::new());
        };
        let variants = 0..self.variants.len();
        let logits = |v: usize| -> Vec<f64> {
            let values = self.logits.variant(v).iter();
            values.map(|&l| f64::from(l)).collect()
        };
        let margins = |v: usize| -> Vec<f64> {
            let logits = logits(v);
            logits.chunks_exact(2).map(|row| row[1] - row[0]).collect()
        };
        let two = outputs == 2;
        let mut scored = Vec::new();
        let values: Vec<Vec<f64>> = variants
            .clone()
            .map(|v| if two { margins(v) } else { self.loss_rows(v) })
            .collect();
        let (baseline, others) = values.split_first().context("the sweep has no variant")?;
        let settings = Settings::with(Test::Permutation, seed);
        scored.push(if two {
            self.scored((Criterion::Auc, main), baseline, others, &Auc, settings)?
        } else {
            self.scored(
                (Criterion::LogLoss, main),
                baseline,
                others,
                &Mean,
                settings,
            )?
        });
        for &metric in metrics {
            let all: Option<Vec<Vec<f64>>> = variants
                .clone()
                .map(|v| match (two, metric) {
                    (true, _) => refitted(&values[v], &self.labels, metric, seed),
                    (false, Metric::Accuracy) => {
                        refitted_classes(&logits(v), outputs, &self.labels, seed)
                    }
                    _ => None,
                })
                .collect();
            if let Some((baseline, others)) = all.as_deref().and_then(|all| all.split_first()) {
                let what = (Criterion::Refitted(metric), metric);
                let settings = Settings::new(metric, seed);
                scored.push(self.scored(what, baseline, others, &metric, settings)?);
            }
        }
        Ok(scored)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ablation::compare::tests::measured;
    use attn_ablate::Logits;

    /// A variant that shifts all logits loses accuracy, but neither AUC nor accuracy after refitting; one that swaps
    /// predictions loses all three.
    #[test]
    fn a_shift_loses_the_threshold_only() {
        let plain = measured(300, "head-1:0", "head-0:1", 0.6);
        let (n, mut values) = (300, plain.logits.values().to_vec());
        // Graded margins, so that there is something to order; then head 0:0 is shifted.
        for (i, row) in values.chunks_exact_mut(2).enumerate() {
            row[1] += 0.4 * ((i % n) as f32 * 0.37).sin();
            if i / n == 1 {
                row[1] -= 1.5;
            }
        }
        let shifted = Measured {
            logits: Logits::from_values(9, n, 2, values).unwrap(),
            ..plain
        };
        let metrics = [Metric::F1, Metric::Accuracy];
        let before = shifted.score(&metrics, 3).unwrap();
        let after = shifted.without_threshold(&metrics, 3).unwrap();
        let names: Vec<String> = after.iter().map(|s| s.criterion.name()).collect();
        assert_eq!(names, ["auc", "f1_refitted", "accuracy_refitted"]);
        let of = |scored: &Scored, row: usize| scored.rows[row].comparison.difference;
        for (before, after) in [(&before[0], &after[1]), (&before[1], &after[2])] {
            assert!(of(before, 0) < -0.2 && before.rows[0].survives());
            assert!(of(after, 0).abs() < 0.05 && !after.rows[0].survives());
            // The swapped predictor's best threshold is one class for all: F1 2/3, accuracy 1/2, against 0.8.
            assert!(
                of(after, 1) < -0.1 && after.rows[1].survives(),
                "{}",
                of(after, 1)
            );
        }
        assert!(of(&after[0], 0).abs() < 0.05 && of(&after[0], 1) < -0.2);
        assert!(after[0].rows[1].survives());
    }

    #[test]
    fn regressions_have_none_and_three_classes_a_log_loss() {
        let plain = measured(60, "head-1:0", "head-0:1", 0.6);
        let one: Vec<f32> = plain.logits.values().iter().step_by(2).copied().collect();
        let regression = Measured {
            logits: Logits::from_values(9, 60, 1, one).unwrap(),
            ..plain.clone()
        };
        assert!(
            regression
                .without_threshold(&[Metric::Pearson], 3)
                .unwrap()
                .is_empty()
        );
        let rows = plain.logits.values().chunks_exact(2);
        let three: Vec<f32> = rows.flat_map(|r| [r[0], r[1], -1.0]).collect();
        let classes = Measured {
            logits: Logits::from_values(9, 60, 3, three).unwrap(),
            ..plain
        };
        let found = classes.without_threshold(&[Metric::Accuracy], 3).unwrap();
        let names: Vec<String> = found.iter().map(|s| s.criterion.name()).collect();
        assert_eq!(names, ["log_loss", "accuracy_refitted"]);
        assert!((found[0].baseline - classes.losses()[0]).abs() < 1e-12);
    }
}
