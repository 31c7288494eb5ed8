//! Metrics after refitting decision thresholds, by cross-fitting.
//!
//! An ablated head often shifts all logits a little. Then accuracy and F1 fall although the model still
//! tells the classes apart: the threshold is off, no information is lost. To tell the two apart each model is
//! given the threshold (for three classes and more: an offset for each class) that suits *it*, fitted on other
//! examples than those it is applied to:
//!
//! - the examples fall into [`FOLDS`] folds at random; for each fold the threshold is fitted on the others;
//! - this is repeated for [`REPEATS`] fold assignments ([`REPEATS_OF_CLASSES`] for offsets), and an example is judged by
//!   the mean of its thresholds. One assignment alone moves F1 on 400 examples by a point or two, as its seed falls.
//!   No example's label enters its own thresholds.
//!
//! Two classes: the threshold on `logit_1 - logit_0` that maximises the metric, the middle one of the best.
//! More classes: offsets to the logits that minimise the log loss (Newton's method, a little ridge for classes
//! that the other folds lack); the first class has none. The baseline is refitted, too, so that differences
//! compare like with like. Intervals and tests take the refitted predictions as given.

use crate::metrics::f1_of_counts;
use attn_core::Metric;
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

/// Folds of an assignment.
pub const FOLDS: usize = 10;
/// Fold assignments behind a threshold.
pub const REPEATS: u64 = 20;
/// Fold assignments behind the offsets of three classes and more.
pub const REPEATS_OF_CLASSES: u64 = 5;
/// Weight of the squared offsets beside the mean log loss.
const RIDGE: f64 = 1e-4;

/// The fold of each of `n` examples, from stream `repeat` of `seed`.
pub fn folds(n: usize, seed: u64, repeat: u64) -> Vec<usize> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(repeat);
    let mut folds: Vec<usize> = (0..n).map(|i| i % FOLDS).collect();
    folds.shuffle(&mut rng);
    folds
}

/// Predictions of two classes (0 and 1) from `margins` (higher speaks for class 1) by thresholds that were
/// fitted on other folds to maximise `metric`. `None` for a metric that is not of classes, for fewer examples than
/// folds, or margins that are not finite.
pub fn refitted(margins: &[f64], labels: &[f64], metric: Metric, seed: u64) -> Option<Vec<f64>> {
    let n = margins.len();
    let of_classes = matches!(metric, Metric::Accuracy | Metric::F1 | Metric::Matthews);
    if !of_classes || n != labels.len() || n < FOLDS || margins.iter().any(|m| !m.is_finite()) {
        return None;
    }
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|&a, &b| margins[a].total_cmp(&margins[b]));
    let mut thresholds = vec![0.0; n];
    for repeat in 0..REPEATS {
        let folds = folds(n, seed, repeat);
        let fitted: Vec<f64> = (0..FOLDS)
            .map(|fold| {
                let others = order.iter().filter(|&&i| folds[i] != fold);
                best_threshold(others.map(|&i| (margins[i], labels[i] == 1.0)), metric)
            })
            .collect();
        for (threshold, &fold) in thresholds.iter_mut().zip(&folds) {
            *threshold += fitted[fold] / REPEATS as f64;
        }
    }
    let pairs = margins.iter().zip(&thresholds);
    Some(pairs.map(|(m, t)| f64::from(u8::from(m > t))).collect())
}

/// The threshold with the best value of the metric among all that separate two neighbours or lie beyond the ends;
/// of several the middle one. `sorted` ascends by margin.
fn best_threshold(sorted: impl Iterator<Item = (f64, bool)>, metric: Metric) -> f64 {
    let sorted: Vec<(f64, bool)> = sorted.collect();
    let (Some(first), Some(last)) = (sorted.first(), sorted.last()) else {
        return 0.0;
    };
    let n = sorted.len() as f64;
    let there = sorted.iter().filter(|s| s.1).count() as f64;
    let mut right = there; // true positives when everything is predicted positive
    let mut values = Vec::with_capacity(sorted.len() + 1);
    for cut in 0..=sorted.len() {
        let predicted = n - cut as f64;
        let possible = cut == 0 || cut == sorted.len() || sorted[cut - 1].0 < sorted[cut].0;
        values.push(if possible {
            value(metric, right, predicted, there, n)
        } else {
            f64::NEG_INFINITY
        });
        if let Some((_, positive)) = sorted.get(cut) {
            right -= f64::from(u8::from(*positive));
        }
    }
    let best = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let ties: Vec<usize> = (0..values.len())
        .filter(|&cut| values[cut] >= best - 1e-12)
        .collect();
    match ties.get(ties.len() / 2) {
        Some(&cut) if cut > 0 && cut < sorted.len() => (sorted[cut - 1].0 + sorted[cut].0) / 2.0,
        Some(0) | None => first.0 - 1.0,
        Some(_) => last.0 + 1.0,
    }
}

fn value(metric: Metric, right: f64, predicted: f64, there: f64, n: f64) -> f64 {
    match metric {
        Metric::F1 => f1_of_counts(right, predicted, there).unwrap_or(0.0),
        Metric::Matthews => {
            let spread = predicted * (n - predicted) * there * (n - there);
            if spread > 0.0 {
                (right * n - predicted * there) / spread.sqrt()
            } else {
                0.0
            }
        }
        _ => (right + (n - there) - (predicted - right)) / n,
    }
}

/// Predictions of `outputs` classes from logits `[example, output]` with class offsets that were fitted on other
/// folds. `None` for fewer than two outputs, fewer examples than folds, logits that are not finite or labels that
/// are no classes.
pub fn refitted_classes(
    logits: &[f64],
    outputs: usize,
    labels: &[f64],
    seed: u64,
) -> Option<Vec<f64>> {
    let n = labels.len();
    let classes = labels
        .iter()
        .all(|&l| l >= 0.0 && l.fract() == 0.0 && l < outputs as f64);
    let finite = logits.iter().all(|v| v.is_finite());
    if outputs < 2 || n < FOLDS || logits.len() != n * outputs || !classes || !finite {
        return None;
    }
    let rows: Vec<&[f64]> = logits.chunks_exact(outputs).collect();
    let mut offsets = vec![vec![0.0; outputs]; n];
    for repeat in 0..REPEATS_OF_CLASSES {
        let folds = folds(n, seed, repeat);
        let fitted: Vec<Vec<f64>> = (0..FOLDS)
            .map(|fold| {
                let others: Vec<usize> = (0..n).filter(|&i| folds[i] != fold).collect();
                best_offsets(&rows, labels, &others, outputs)
            })
            .collect();
        for (own, &fold) in offsets.iter_mut().zip(&folds) {
            for (own, fitted) in own.iter_mut().zip(&fitted[fold]) {
                *own += fitted / REPEATS_OF_CLASSES as f64;
            }
        }
    }
    let largest = |(row, offset): (&&[f64], &Vec<f64>)| {
        let sums = row.iter().zip(offset).map(|(a, b)| a + b).enumerate();
        let best = sums.fold((0, f64::NEG_INFINITY), |best, (i, v)| {
            if v > best.1 { (i, v) } else { best }
        });
        best.0 as f64
    };
    Some(rows.iter().zip(&offsets).map(largest).collect())
}

/// The offsets that minimise the mean log loss over `chosen` examples plus the ridge; the first is 0.
fn best_offsets(rows: &[&[f64]], labels: &[f64], chosen: &[usize], outputs: usize) -> Vec<f64> {
    let free = outputs - 1;
    let n = chosen.len().max(1) as f64;
    let mut offsets = vec![0.0; outputs];
    for _ in 0..30 {
        let mut gradient: Vec<f64> = offsets[1..].iter().map(|b| 2.0 * RIDGE * b).collect();
        let mut hessian = vec![vec![0.0; free]; free];
        for (i, row) in hessian.iter_mut().enumerate() {
            row[i] = 2.0 * RIDGE;
        }
        let mut p = vec![0.0; outputs];
        for &i in chosen {
            softmax(rows[i], &offsets, &mut p);
            for a in 0..free {
                let is = f64::from(u8::from(labels[i] == (a + 1) as f64));
                gradient[a] += (p[a + 1] - is) / n;
                for b in 0..free {
                    let same = f64::from(u8::from(a == b));
                    hessian[a][b] += p[a + 1] * (same - p[b + 1]) / n;
                }
            }
        }
        let step = solve(hessian, gradient);
        let mut moved = 0.0f64;
        for (offset, step) in offsets[1..].iter_mut().zip(step) {
            // Newton's step may overshoot far from the minimum.
            let step = step.clamp(-5.0, 5.0);
            *offset -= step;
            moved = moved.max(step.abs());
        }
        if moved < 1e-9 {
            break;
        }
    }
    offsets
}

fn softmax(row: &[f64], offsets: &[f64], out: &mut [f64]) {
    let mut largest = f64::NEG_INFINITY;
    for ((out, v), b) in out.iter_mut().zip(row).zip(offsets) {
        *out = v + b;
        largest = largest.max(*out);
    }
    let mut sum = 0.0;
    for out in out.iter_mut() {
        *out = (*out - largest).exp();
        sum += *out;
    }
    out.iter_mut().for_each(|v| *v /= sum);
}

/// Solves a small positive definite system by elimination.
fn solve(mut matrix: Vec<Vec<f64>>, mut right: Vec<f64>) -> Vec<f64> {
    let n = right.len();
    for pivot in 0..n {
        for row in pivot + 1..n {
            let factor = matrix[row][pivot] / matrix[pivot][pivot];
            let above = matrix[pivot].clone();
            for (cell, above) in matrix[row].iter_mut().zip(above).skip(pivot) {
                *cell -= factor * above;
            }
            right[row] -= factor * right[pivot];
        }
    }
    for row in (0..n).rev() {
        let known: f64 = (row + 1..n).map(|c| matrix[row][c] * right[c]).sum();
        right[row] = (right[row] - known) / matrix[row][row];
    }
    right
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::{accuracy, score};
    use rand::Rng;

    /// Margins that tell two classes apart, with noise.
    fn margins(n: usize) -> (Vec<f64>, Vec<f64>) {
        let mut rng = ChaCha8Rng::seed_from_u64(6);
        let labels: Vec<f64> = (0..n).map(|i| f64::from(u8::from(i % 3 == 0))).collect();
        let rows = labels
            .iter()
            .map(|l| 4.0 * l - 2.0 + rng.random_range(-3.0..3.0));
        (rows.collect(), labels)
    }

    #[test]
    fn a_shift_is_undone_and_noise_is_not() {
        let (plain, labels) = margins(300);
        for metric in [Metric::Accuracy, Metric::F1, Metric::Matthews] {
            let of = |margins: &[f64]| {
                let refitted = refitted(margins, &labels, metric, 7).unwrap();
                score(metric, &refitted, &labels).unwrap()
            };
            let shifted: Vec<f64> = plain.iter().map(|m| m - 8.0).collect();
            let cut: Vec<f64> = shifted
                .iter()
                .map(|m| f64::from(u8::from(*m > 0.0)))
                .collect();
            assert!(score(metric, &cut, &labels).unwrap() < of(&plain) - 0.1);
            assert!((of(&shifted) - of(&plain)).abs() < 1e-12, "{metric}");
            let noise: Vec<f64> = (0..300).map(|i| (i as f64 * 1.7).sin()).collect();
            assert!(of(&noise) < of(&plain) - 0.1, "{metric}");
        }
        assert_eq!(refitted(&plain, &labels, Metric::Pearson, 7), None);
        assert_eq!(refitted(&plain[..9], &labels[..9], Metric::F1, 7), None);
    }

    /// Two classes by offsets and by a threshold agree nearly.
    #[test]
    fn offsets_undo_a_shift_of_classes() {
        let (plain, labels) = margins(300);
        let logits: Vec<f64> = plain.iter().flat_map(|m| [0.0, *m, -20.0]).collect();
        let shifted: Vec<f64> = plain.iter().flat_map(|m| [0.0, *m - 6.0, -20.0]).collect();
        let refit = |logits: &[f64]| refitted_classes(logits, 3, &labels, 7).unwrap();
        // The ridge draws larger offsets in a little more, which may decide a doubtful example or two.
        let (one, other) = (refit(&logits), refit(&shifted));
        let differ = one.iter().zip(&other).filter(|(a, b)| a != b).count();
        assert!(differ <= 3, "{differ}");
        let before: Vec<f64> = plain
            .iter()
            .map(|m| f64::from(u8::from(m - 6.0 > 0.0)))
            .collect();
        let [before, after] = [before, refit(&shifted)].map(|p| accuracy(&p, &labels).unwrap());
        assert!(after > before + 0.1, "{before} {after}");
        assert_eq!(refitted_classes(&logits, 3, &[7.0; 300], 7), None);
        assert_eq!(refitted_classes(&[0.0; 9], 1, &[0.0; 9], 7), None);
    }

    #[test]
    fn the_best_threshold_is_the_middle_one_of_the_best() {
        let of = |rows: &[(f64, bool)]| best_threshold(rows.iter().copied(), Metric::Accuracy);
        assert_eq!(of(&[(0.0, false), (1.0, true)]), 0.5);
        assert_eq!(of(&[(0.0, true), (1.0, true)]), -1.0);
        assert_eq!(of(&[(0.0, false), (1.0, false)]), 2.0);
        // No cut between equal margins.
        assert_eq!(
            of(&[(0.0, false), (1.0, false), (1.0, true), (1.0, true)]),
            0.5
        );
        assert_eq!(of(&[]), 0.0);
    }

    #[test]
    fn folds_are_even_and_differ() {
        let first = folds(25, 3, 0);
        for fold in 0..FOLDS {
            let count = first.iter().filter(|f| **f == fold).count();
            assert!((2..=3).contains(&count));
        }
        assert_ne!(first, folds(25, 3, 1));
        assert_eq!(first, folds(25, 3, 0));
    }
}
