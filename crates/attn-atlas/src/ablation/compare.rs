//! The scores of all variants of a sweep, beside the baseline's.

use super::threshold::Criterion;
use super::{LEVEL, REPLICATES};
use anyhow::Context;
use attn_ablate::{Kind, Logits, Variant};
use attn_core::{HeadId, Metric};
use attn_stats::bootstrap::{self, Resamples};
use attn_stats::metrics::{Mean, Score, cross_entropy};
use attn_stats::paired::{Comparison, Settings, compare};

/// The outcome of a sweep: logits of every variant for labelled examples.
#[derive(Debug, Clone)]
pub struct Measured {
    /// What was disabled; the first disables nothing.
    pub variants: Vec<Variant>,
    /// `[variant, example, output]`.
    pub logits: Logits,
    /// What is right: class indices or scores.
    pub labels: Vec<f64>,
}

/// All variants under one metric.
#[derive(Debug, Clone)]
pub struct Scored {
    /// What the variants are scored by.
    pub criterion: Criterion,
    /// The task's metric that this is, or stands beside.
    pub metric: Metric,
    /// The score with no head disabled.
    pub baseline: f64,
    /// Its bootstrap interval.
    pub baseline_interval: Option<(f64, f64)>,
    /// The variants but the baseline, in the sweep's order.
    pub rows: Vec<Row>,
    /// Examples.
    pub n: usize,
}

/// One variant under one metric.
#[derive(Debug, Clone)]
pub struct Row {
    /// What was disabled.
    pub variant: Variant,
    /// Against the baseline.
    pub comparison: Comparison,
}

impl Row {
    /// Whether the difference survives Holm's correction over the sweep.
    pub fn survives(&self) -> bool {
        self.comparison.holm < 1.0 - LEVEL
    }
}

/// What a reader calls a variant; layers and heads from 1.
pub fn title(variant: &Variant) -> String {
    match &variant.kind {
        Kind::Baseline => "none".to_owned(),
        Kind::Head(id) => format!("head {id}"),
        Kind::Layer(layer) => format!("layer {}", layer + 1),
        Kind::List => {
            let heads: Vec<String> = variant
                .intervention
                .heads
                .iter()
                .map(HeadId::to_string)
                .collect();
            format!("heads {}", heads.join(", "))
        }
        Kind::Random { index, .. } => format!(
            "random set {} of {} heads",
            index + 1,
            variant.intervention.heads.len()
        ),
        Kind::Cumulative { order, count } => format!("first {count} heads by {order}"),
    }
}

impl Measured {
    /// Scores every variant by every metric. The variants of the sweep are one family for the
    /// correction of p-values.
    ///
    /// # Errors
    /// When labels and logits differ in number or there is nothing to compare.
    pub fn score(&self, metrics: &[Metric], seed: u64) -> anyhow::Result<Vec<Scored>> {
        let predictions: Vec<Vec<f64>> = (0..self.variants.len())
            .map(|v| self.logits.predictions(v))
            .collect();
        let (baseline, others) = predictions
            .split_first()
            .context("the sweep has no variant; the first must be the baseline")?;
        let all = metrics.iter().map(|&metric| {
            let settings = Settings::new(metric, seed);
            let what = (Criterion::Metric(metric), metric);
            self.scored(what, baseline, others, &metric, settings)
        });
        all.collect()
    }

    /// Variants scored by predictions that are given, the baseline's and the others'.
    pub(super) fn scored(
        &self,
        (criterion, metric): (Criterion, Metric),
        baseline: &[f64],
        others: &[Vec<f64>],
        score: &dyn Score,
        settings: Settings,
    ) -> anyhow::Result<Scored> {
        let settings = Settings {
            replicates: REPLICATES,
            level: LEVEL,
            ..settings
        };
        let comparisons = compare(baseline, others, &self.labels, score, &settings)?;
        let resamples = Resamples::new(self.labels.len(), REPLICATES, settings.seed);
        let own = resamples.scores(baseline, &self.labels, score);
        let rows = self.variants.iter().skip(1).zip(comparisons);
        let rows = rows.map(|(variant, comparison)| Row {
            variant: variant.clone(),
            comparison,
        });
        Ok(Scored {
            criterion,
            metric,
            baseline: score.score(baseline, &self.labels),
            baseline_interval: bootstrap::interval(&own, LEVEL),
            rows: rows.collect(),
            n: self.labels.len(),
        })
    }

    /// Each variant's mean loss: cross-entropy, or for one output the squared error.
    pub fn losses(&self) -> Vec<f64> {
        let all = 0..self.variants.len();
        all.map(|v| self.loss_rows(v).iter().sum::<f64>() / self.labels.len() as f64)
            .collect()
    }

    /// Each example's loss under a variant.
    pub(super) fn loss_rows(&self, variant: usize) -> Vec<f64> {
        let labels = self.logits.labels().max(1);
        let rows = self.logits.variant(variant).chunks_exact(labels);
        rows.zip(&self.labels)
            .map(|(row, &l)| loss(row, l))
            .collect()
    }

    /// How much each variant adds to the baseline's mean loss, with a paired bootstrap interval.
    pub fn loss_differences(&self, seed: u64) -> Vec<(f64, Option<(f64, f64)>)> {
        let own = self.loss_rows(0);
        let resamples = Resamples::new(self.labels.len(), REPLICATES, seed);
        (0..self.variants.len())
            .map(|v| {
                let rows = self.loss_rows(v);
                let added: Vec<f64> = rows.iter().zip(&own).map(|(a, b)| a - b).collect();
                let samples = resamples.scores(&added, &self.labels, &Mean);
                (
                    Mean.score(&added, &[]),
                    bootstrap::interval(&samples, LEVEL),
                )
            })
            .collect()
    }

    /// The same sweep over some of the examples, by their positions.
    pub fn part(&self, chosen: &[usize]) -> Option<Self> {
        let outputs = self.logits.labels();
        let mut values = Vec::new();
        for v in 0..self.variants.len() {
            let rows = self.logits.variant(v);
            for &e in chosen {
                values.extend_from_slice(rows.get(e * outputs..(e + 1) * outputs)?);
            }
        }
        Some(Self {
            variants: self.variants.clone(),
            logits: Logits::from_values(self.variants.len(), chosen.len(), outputs, values)?,
            labels: chosen
                .iter()
                .map(|&e| self.labels.get(e).copied())
                .collect::<Option<_>>()?,
        })
    }
}

fn loss(row: &[f32], label: f64) -> f64 {
    match row {
        [value] => (f64::from(*value) - label).powi(2),
        row => {
            let row: Vec<f64> = row.iter().map(|&v| f64::from(v)).collect();
            cross_entropy(&row, label)
        }
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use attn_ablate::variant;
    use attn_core::Mode;
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    /// Two layers of three heads over `n` examples of two classes: the baseline is right with
    /// probability 0.8, `good` corrects errors with probability `gain`, `bad` spoils as many, and
    /// every other variant changes nothing.
    pub fn measured(n: usize, good: &str, bad: &str, gain: f64) -> Measured {
        let mut variants = vec![variant::baseline()];
        variants.extend(variant::single_heads(2, 3, Mode::Uniform));
        variants.extend(variant::whole_layers(2, 3, Mode::Uniform));
        let mut rng = ChaCha8Rng::seed_from_u64(5);
        let labels: Vec<f64> = (0..n).map(|i| (i % 2) as f64).collect();
        let right: Vec<bool> = (0..n).map(|_| rng.random_bool(0.8)).collect();
        let mut values = Vec::new();
        for variant in &variants {
            for (label, &right) in labels.iter().zip(&right) {
                let right = match right {
                    false if variant.name == good => rng.random_bool(gain),
                    true if variant.name == bad => !rng.random_bool(gain),
                    right => right,
                };
                let class = if right { *label } else { 1.0 - label };
                values.extend([1.0 - class as f32, class as f32]);
            }
        }
        let logits = Logits::from_values(variants.len(), n, 2, values).unwrap();
        Measured {
            variants,
            logits,
            labels,
        }
    }

    #[test]
    fn a_clear_difference_survives_and_none_does_not() {
        let measured = measured(400, "head-1:0", "layer-0", 0.6);
        let scored = measured.score(&[Metric::Accuracy, Metric::F1], 1).unwrap();
        assert_eq!(scored.len(), 2);
        for scored in &scored {
            assert_eq!((scored.rows.len(), scored.n), (8, 400));
            let (low, high) = scored.baseline_interval.unwrap();
            assert!(low < scored.baseline && scored.baseline < high);
            for row in &scored.rows {
                let expected = ["head-1:0", "layer-0"].contains(&row.variant.name.as_str());
                assert_eq!(
                    row.survives(),
                    expected,
                    "{} {:?}",
                    row.variant.name,
                    row.comparison
                );
                // The samples are those that the interval was made from.
                assert_eq!(
                    bootstrap::interval(&row.comparison.samples, LEVEL),
                    row.comparison.difference_interval
                );
            }
            assert!(scored.rows[3].comparison.difference > 0.05);
            assert!(scored.rows[6].comparison.difference < -0.05);
        }
        // Logits of 0 and 1: a right example costs ln(1 + 1/e), a wrong one that plus 1.
        let wrong = 1.0 - scored[0].baseline;
        let expected = (1.0 + (-1.0f64).exp()).ln() + wrong;
        assert!((measured.losses()[0] - expected).abs() < 1e-9);
        let added = measured.loss_differences(1);
        let (value, interval) = added[4];
        let (low, high) = interval.unwrap();
        // The good head corrects examples, each of which then costs 1 less.
        assert!((value + scored[0].rows[3].comparison.difference).abs() < 1e-9);
        assert!(low < value && value < high && high < 0.0);
    }

    #[test]
    fn a_part_holds_the_chosen_examples() {
        let whole = measured(10, "head-0:0", "head-0:1", 0.5);
        let part = whole.part(&[7, 2]).unwrap();
        assert_eq!(part.labels, [1.0, 0.0]);
        for v in 0..9 {
            let (p, w) = (part.logits.predictions(v), whole.logits.predictions(v));
            assert_eq!(p, [w[7], w[2]]);
        }
        assert!(whole.part(&[10]).is_none());
    }

    #[test]
    fn titles_count_from_one() {
        let titles: Vec<String> = [
            variant::baseline(),
            variant::single_heads(4, 2, Mode::Zero)[6].clone(),
            variant::whole_layers(4, 2, Mode::Zero)[3].clone(),
            variant::list(["3:0", "1:1"].map(|h| h.parse().unwrap()), Mode::Mean),
            variant::random_sets(4, 2, 3, 1, 7, Mode::Zero)[0].clone(),
        ]
        .iter()
        .map(title)
        .collect();
        let expected = [
            "none",
            "head 4-1",
            "layer 4",
            "heads 2-2, 4-1",
            "random set 1 of 3 heads",
        ];
        assert_eq!(titles, expected);
    }
}
