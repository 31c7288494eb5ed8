//! More and more heads disabled, the least important first (Michel et al., 2019, Section 4).
//!
//! An order that was found on the examples that it is then scored on looks better than it is: among
//! many heads, those that happen to help on these examples come first. So the examples fall into two
//! halves; each half's order is scored on the other half, and the predictions of both are pooled.
//! Every example is scored once, under an order that knows nothing of it.

use super::compare::Measured;
use super::{LEVEL, REPLICATES};
use anyhow::Context;
use attn_ablate::{Kind, Logits, Variant, order, variant};
use attn_core::{HeadGrid, HeadId, Metric, Mode};
use attn_stats::bootstrap::{Resamples, interval};
use attn_stats::metrics::Score;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Random orders behind the curve to compare with.
pub const RANDOM_ORDERS: u64 = 5;

/// Two halves of `n` examples, each ascending.
pub fn halves(n: usize, seed: u64) -> [Vec<usize>; 2] {
    let mut all: Vec<usize> = (0..n).collect();
    all.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
    let mut second = all.split_off(n / 2);
    all.sort_unstable();
    second.sort_unstable();
    [all, second]
}

/// Heads by what their absence costs, the cheapest first: the difference in score, and where that
/// is equal (a score of few examples has few values) the difference in loss. `None` unless the sweep
/// has every single head.
pub fn by_ablation(
    measured: &Measured,
    metric: Metric,
    layers: usize,
    heads: usize,
) -> Option<Vec<HeadId>> {
    let losses = measured.losses();
    let own = metric.score(&measured.logits.predictions(0), &measured.labels);
    let mut rows = Vec::new();
    for layer in 0..layers {
        for head in 0..heads {
            let id = HeadId::new(layer, head);
            let at = measured
                .variants
                .iter()
                .position(|v| v.kind == Kind::Head(id))?;
            let change = metric.score(&measured.logits.predictions(at), &measured.labels) - own;
            rows.push((id, change, losses.get(at)? - losses.first()?));
        }
    }
    rows.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.2.total_cmp(&b.2)));
    Some(rows.into_iter().map(|r| r.0).collect())
}

/// How many heads are disabled at each of about `steps` points, all of them at the last.
pub fn counts(total: usize, steps: usize) -> Vec<usize> {
    let steps = steps.clamp(1, total.max(1));
    let mut counts: Vec<usize> = (1..=steps)
        .map(|i| (i * total + steps / 2) / steps)
        .collect();
    counts.dedup();
    counts
}

/// The orders that one half is scored under.
#[derive(Debug, Clone)]
pub struct Orders {
    /// Name in records, words for readers, the order.
    named: Vec<(String, String, Vec<HeadId>)>,
}

impl Orders {
    /// By ablation and by gradient, both from the other half, and at random.
    pub fn new(by_ablation: Vec<HeadId>, importance: &HeadGrid<f64>, seed: u64) -> Self {
        let (layers, heads) = (importance.layers(), importance.heads());
        let mut named = vec![
            ("ablation".to_owned(), "by ablation".to_owned(), by_ablation),
            (
                "gradient".to_owned(),
                "by gradient importance".to_owned(),
                order::by_importance(importance),
            ),
        ];
        for i in 0..RANDOM_ORDERS {
            let order = order::random(layers, heads, seed.wrapping_add(i));
            named.push((format!("random-{i}"), String::new(), order));
        }
        Self { named }
    }

    /// The orders by name, heads as `layer:head` from 0.
    pub fn described(&self) -> serde_json::Value {
        let text = |order: &[HeadId]| -> Vec<String> {
            order
                .iter()
                .map(|h| format!("{}:{}", h.layer, h.head))
                .collect()
        };
        let named = self.named.iter();
        let pairs = named.map(|(name, _, order)| (name.clone(), text(order).into()));
        serde_json::Value::Object(pairs.collect())
    }

    /// The baseline, then for each order one variant a count.
    pub fn variants(&self, counts: &[usize], mode: Mode) -> Vec<Variant> {
        let mut variants = vec![variant::baseline()];
        for (name, _, order) in &self.named {
            variants.extend(variant::cumulative(
                name,
                order,
                counts.iter().copied(),
                mode,
            ));
        }
        variants
    }
}

/// A point of a curve.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    /// Heads disabled.
    pub count: usize,
    /// The score.
    pub value: f64,
    /// Its interval.
    pub interval: Option<(f64, f64)>,
}

/// A curve.
#[derive(Debug, Clone, PartialEq)]
pub struct Curve {
    /// In records: `ablation`, `gradient`, `random`.
    pub name: String,
    /// In legends.
    pub words: String,
    /// From no head to all.
    pub points: Vec<Point>,
}

/// One half: its examples' positions and their logits under [`Orders::variants`].
pub type Half = (Vec<usize>, Logits);

/// The logits of both halves, in the order of all `n` examples.
///
/// # Errors
/// Halves that differ in variants or outputs, or that are not the halves of `n` examples.
pub fn pool(halves: &[Half; 2], n: usize) -> anyhow::Result<Logits> {
    let shape = |l: &Logits| (l.variants(), l.labels());
    let [(_, first), (_, second)] = halves;
    let ((variants, outputs), other) = (shape(first), shape(second));
    anyhow::ensure!(
        (variants, outputs) == other,
        "one half has {variants} variants and {outputs} outputs, the other {} and {}",
        other.0,
        other.1
    );
    let mut values = vec![f32::NAN; variants * n * outputs];
    for (chosen, logits) in halves {
        for variant in 0..variants {
            let rows = logits.variant(variant).chunks_exact(outputs.max(1));
            anyhow::ensure!(
                rows.len() == chosen.len(),
                "a half has examples without logits"
            );
            for (&at, row) in chosen.iter().zip(rows) {
                let start = (variant * n + at) * outputs;
                let place = values.get_mut(start..start + outputs);
                place
                    .context("an example beyond the last")?
                    .copy_from_slice(row);
            }
        }
    }
    Logits::from_values(variants, n, outputs, values).context("halves of another size")
}

/// Scores pooled predictions ([`pool`]). The curve of random orders is their mean; its interval comes
/// from resampling examples and orders together.
///
/// # Errors
/// When the logits have other variants than `orders` and `counts` make, or another number of examples
/// than there are labels.
pub fn curves(
    orders: &Orders,
    counts: &[usize],
    logits: &Logits,
    labels: &[f64],
    metric: Metric,
    seed: u64,
) -> anyhow::Result<Vec<Curve>> {
    let wanted = 1 + orders.named.len() * counts.len();
    anyhow::ensure!(
        logits.variants() == wanted && logits.examples() == labels.len(),
        "the cumulative sweep has {} variants of {} examples, expected {wanted} of {}",
        logits.variants(),
        logits.examples(),
        labels.len()
    );
    let resamples = Resamples::new(labels.len(), REPLICATES, seed);
    let scored: Vec<(f64, Vec<f64>)> = (0..wanted)
        .map(|variant| {
            let predictions = logits.predictions(variant);
            (
                metric.score(&predictions, labels),
                resamples.scores(&predictions, labels, &metric),
            )
        })
        .collect();
    let none = |(value, samples): &(f64, Vec<f64>)| Point {
        count: 0,
        value: *value,
        interval: interval(samples, LEVEL),
    };
    let (baseline, others) = scored.split_first().context("no baseline")?;
    let per_order: Vec<&[(f64, Vec<f64>)]> = others.chunks(counts.len().max(1)).collect();
    let (named, random) = per_order.split_at(2.min(per_order.len()));
    let mut curves: Vec<Curve> = named
        .iter()
        .zip(&orders.named)
        .map(|(scores, (name, words, _))| Curve {
            name: name.clone(),
            words: words.clone(),
            points: std::iter::once(none(baseline))
                .chain(
                    scores
                        .iter()
                        .zip(counts)
                        .map(|((value, samples), &count)| Point {
                            count,
                            value: *value,
                            interval: interval(samples, LEVEL),
                        }),
                )
                .collect(),
        })
        .collect();
    if !random.is_empty() {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut points = vec![none(baseline)];
        for (step, &count) in counts.iter().enumerate() {
            let all: Vec<&(f64, Vec<f64>)> = random.iter().filter_map(|o| o.get(step)).collect();
            let mean =
                |values: &mut dyn Iterator<Item = f64>| values.sum::<f64>() / all.len() as f64;
            let samples: Vec<f64> = (0..REPLICATES)
                .map(|s| {
                    mean(&mut (0..all.len()).map(|_| all[rng.random_range(0..all.len())].1[s]))
                })
                .collect();
            points.push(Point {
                count,
                value: mean(&mut all.iter().map(|o| o.0)),
                interval: interval(&samples, LEVEL),
            });
        }
        curves.push(Curve {
            name: "random".to_owned(),
            words: format!("at random, mean of {} orders", random.len()),
            points,
        });
    }
    Ok(curves)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ablation::compare::tests::measured;

    #[test]
    fn halves_share_nothing_and_leave_nothing_out() {
        for n in [0, 1, 7, 100] {
            let [a, b] = halves(n, 3);
            let mut all = [a.clone(), b.clone()].concat();
            all.sort_unstable();
            assert_eq!(all, (0..n).collect::<Vec<_>>());
            assert!(b.len() - a.len() <= 1);
        }
        assert_ne!(halves(100, 3), halves(100, 4));
    }

    #[test]
    fn counts_rise_to_all() {
        assert_eq!(counts(72, 12), (1..=12).map(|i| 6 * i).collect::<Vec<_>>());
        assert_eq!(counts(8, 3), [3, 5, 8]);
        assert_eq!(counts(3, 12), [1, 2, 3]);
    }

    #[test]
    fn the_most_harmful_head_comes_first_and_the_most_useful_last() {
        let measured = measured(300, "head-1:0", "head-0:2", 0.6);
        let order = by_ablation(&measured, Metric::Accuracy, 2, 3).unwrap();
        assert_eq!((order[0], order[5]), (HeadId::new(1, 0), HeadId::new(0, 2)));
        assert!(by_ablation(&measured, Metric::Accuracy, 2, 4).is_none());
    }

    /// Each order's predictions are those of its own variants: an order that is always wrong from
    /// its second step on falls to zero there, and only there.
    #[test]
    fn curves_pool_both_halves() {
        let importance = HeadGrid::from_fn(2, 3, |id| (id.layer * 3 + id.head) as f64);
        let order: Vec<HeadId> = importance.iter().map(|i| i.0).collect();
        let orders = Orders::new(order, &importance, 1);
        let counts = counts(6, 3);
        let variants = orders.variants(&counts, Mode::Zero);
        assert_eq!(variants.len(), 1 + 7 * 3);
        let labels: Vec<f64> = (0..40).map(|i| (i % 2) as f64).collect();
        let both = halves(40, 9).map(|chosen| {
            let mut values = Vec::new();
            for variant in &variants {
                let wrong = matches!(&variant.kind, Kind::Cumulative { order, count } if order == "gradient" && *count > 2);
                for &e in &chosen {
                    let class = if wrong { 1.0 - labels[e] } else { labels[e] } as f32;
                    values.extend([1.0 - class, class]);
                }
            }
            let logits = Logits::from_values(variants.len(), chosen.len(), 2, values).unwrap();
            (chosen, logits)
        });
        let pooled = pool(&both, 40).unwrap();
        let curves = curves(&orders, &counts, &pooled, &labels, Metric::Accuracy, 5).unwrap();
        let values: Vec<Vec<f64>> = curves
            .iter()
            .map(|c| c.points.iter().map(|p| p.value).collect())
            .collect();
        assert_eq!(
            values,
            [vec![1.0; 4], vec![1.0, 1.0, 0.0, 0.0], vec![1.0; 4]]
        );
        assert_eq!(curves[2].words, "at random, mean of 5 orders");
        assert!(
            super::curves(&orders, &counts[..2], &pooled, &labels, Metric::Accuracy, 5).is_err()
        );
        assert!(pool(&both, 39).is_err());
    }
}
