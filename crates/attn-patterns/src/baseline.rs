//! A plain classifier, to see whether the network earns its place: a few numbers that describe a
//! map, and a multinomial logistic regression on them.

use crate::engine::Probabilities;
use crate::store::StoredMap;
use attn_core::Pattern;

const CLASSES: usize = Pattern::ALL.len();
/// How many numbers describe a map.
pub const FEATURES: usize = 10;

/// Their names.
pub const NAMES: [&str; FEATURES] = [
    "share on [CLS]",
    "share on [SEP]",
    "greatest column mean elsewhere",
    "share on the previous token",
    "share on the same token",
    "share on the next token",
    "share two or three tokens away",
    "share within the own text",
    "entropy",
    "two texts",
];

/// The numbers of one map, each a mean over the rows of tokens that are not special: shares of a
/// row's weight, and its entropy in units of the logarithm of the length. The share within the own
/// text leaves out special tokens and the three diagonals, and is relative to what both texts get.
pub fn features(map: &StoredMap) -> [f64; FEATURES] {
    let (entry, length) = (&map.entry, map.entry.length());
    let mut sums = [0.0f64; FEATURES];
    let special = |position: usize| entry.special.contains(&position);
    let pair = entry.segments.contains(&1);
    let mut columns = vec![0.0f64; length];
    let (mut rows, mut own, mut both) = (0.0f64, 0.0f64, 0.0f64);
    for (query, row) in map.weights.chunks_exact(length.max(1)).enumerate() {
        if special(query) {
            continue;
        }
        rows += 1.0;
        for (key, &weight) in row.iter().enumerate() {
            let weight = f64::from(weight);
            if weight > 0.0 && length > 1 {
                sums[8] -= weight * weight.ln() / (length as f64).ln();
            }
            if special(key) {
                sums[usize::from(entry.special.first() != Some(&key))] += weight;
                continue;
            }
            columns[key] += weight;
            match (key + 3).checked_sub(query) {
                Some(offset @ 2..=4) => sums[1 + offset] += weight,
                Some(0 | 1 | 5 | 6) => sums[6] += weight,
                _ => {}
            }
            if query.abs_diff(key) > 1 {
                both += weight;
                if entry.segments.get(query) == entry.segments.get(key) {
                    own += weight;
                }
            }
        }
    }
    sums[2] = columns.iter().copied().fold(0.0, f64::max);
    let mut features = sums.map(|sum| if rows > 0.0 { sum / rows } else { 0.0 });
    features[7] = if pair && both > 0.0 { own / both } else { 0.5 };
    features[9] = f64::from(u8::from(pair));
    features
}

/// A fitted logistic regression on standardised features.
#[derive(Debug, Clone, PartialEq)]
pub struct Baseline {
    mean: [f64; FEATURES],
    spread: [f64; FEATURES],
    /// `[class][feature]`, the constant last.
    weights: [[f64; FEATURES + 1]; CLASSES],
}

/// Strength of the L2 penalty, in maps; scikit-learn's default (C = 1).
const PENALTY: f64 = 1.0;
/// Steps of Nesterov's accelerated gradient descent; the loss is convex and its minimum reached
/// well before.
const STEPS: usize = 3000;

impl Baseline {
    /// Fits to maps with these features and labels.
    pub fn fit(features: &[[f64; FEATURES]], labels: &[Pattern]) -> Self {
        let n = features.len().max(1) as f64;
        let mean: [f64; FEATURES] =
            std::array::from_fn(|f| features.iter().map(|x| x[f]).sum::<f64>() / n);
        let spread = std::array::from_fn(|f| {
            let variance = features
                .iter()
                .map(|x| (x[f] - mean[f]).powi(2))
                .sum::<f64>()
                / n;
            variance.sqrt().max(1e-9)
        });
        let mut this = Self {
            mean,
            spread,
            weights: [[0.0; FEATURES + 1]; CLASSES],
        };
        let inputs: Vec<[f64; FEATURES + 1]> = features.iter().map(|x| this.standard(x)).collect();
        // Half the sum of squares bounds the curvature (Böhning, 1992).
        let squares: f64 = inputs.iter().flatten().map(|x| x * x).sum();
        let step = 1.0 / (0.5 * squares + PENALTY);
        let mut ahead = this.weights;
        for time in 0..STEPS {
            let mut gradient = ahead.map(|row| {
                let mut row = row.map(|w| w * PENALTY);
                row[FEATURES] = 0.0;
                row
            });
            for (x, label) in inputs.iter().zip(labels) {
                let p = probabilities(&ahead, x);
                for (class, row) in gradient.iter_mut().enumerate() {
                    let error = p[class] - f64::from(u8::from(class == label.index()));
                    for (g, x) in row.iter_mut().zip(x) {
                        *g += error * x;
                    }
                }
            }
            let momentum = time as f64 / (time as f64 + 3.0);
            for class in 0..CLASSES {
                for f in 0..=FEATURES {
                    let next = ahead[class][f] - step * gradient[class][f];
                    ahead[class][f] = next + momentum * (next - this.weights[class][f]);
                    this.weights[class][f] = next;
                }
            }
        }
        this
    }

    fn standard(&self, features: &[f64; FEATURES]) -> [f64; FEATURES + 1] {
        let mut x = [1.0; FEATURES + 1];
        for (f, x) in x.iter_mut().take(FEATURES).enumerate() {
            *x = (features[f] - self.mean[f]) / self.spread[f];
        }
        x
    }

    /// Probabilities of the classes.
    pub fn classify(&self, features: &[f64; FEATURES]) -> Probabilities {
        Probabilities(probabilities(&self.weights, &self.standard(features)).map(|p| p as f32))
    }
}

fn probabilities(
    weights: &[[f64; FEATURES + 1]; CLASSES],
    x: &[f64; FEATURES + 1],
) -> [f64; CLASSES] {
    let scores = weights.map(|row| row.iter().zip(x).map(|(w, x)| w * x).sum::<f64>());
    let most = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let powers = scores.map(|s| (s - most).exp());
    let sum: f64 = powers.iter().sum();
    powers.map(|p| p / sum)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::synthetic;

    #[test]
    fn features_measure_what_they_say() {
        let (maps, labels) = synthetic::maps(40, 5);
        for (map, label) in maps.iter().zip(labels) {
            let f = features(map);
            assert!(f.iter().all(|v| (0.0..=1.0 + 1e-4).contains(v)), "{f:?}");
            match label {
                Pattern::Vertical => assert!(f[0] + f[1] > 0.5, "{f:?}"),
                Pattern::Diagonal => assert!(f[3] + f[4] + f[5] > 0.5, "{f:?}"),
                Pattern::Block => assert!(f[7] > 0.8, "{f:?}"),
                _ => {}
            }
        }
    }

    /// Coefficients of scikit-learn 1.6's LogisticRegression(C=1, tol=1e-10) are matched through
    /// its probabilities on four points with one informative feature.
    #[test]
    fn the_fit_is_scikit_learns() {
        let mut x = [[0.0; FEATURES]; 6];
        for (row, value) in x.iter_mut().zip([0.0, 1.0, 2.0, 3.0, 4.0, 7.0]) {
            row[0] = value;
        }
        let labels = [0, 0, 1, 1, 2, 2].map(|i| Pattern::ALL[i]);
        let baseline = Baseline::fit(&x, &labels);
        let mut at = [0.0; FEATURES];
        at[0] = 2.5;
        let p = baseline.classify(&at).0;
        // Two classes never occur: their unpenalised constants fall without end.
        assert!(p[3] < 1e-2 && p[4] < 1e-2, "{p:?}");
        let known = p[0] + p[1] + p[2];
        for (p, expected) in p.iter().zip(EXPECTED) {
            assert!((p / known - expected).abs() < 2e-3, "{p} {expected}");
        }
    }

    const EXPECTED: [f32; 3] = [0.328_749, 0.401_066, 0.270_185];
}
