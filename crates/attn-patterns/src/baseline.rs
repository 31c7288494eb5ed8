//! A multinomial logistic regression on the numbers of [`crate::measures`].
//!
//! It is a part of the network ([`crate::train`](mod@crate::train) fits it first and lets the
//! convolutions learn what it leaves over), and by itself the plain classifier that the
//! convolutions have to beat.

use crate::engine::{Probabilities, softmax};
use crate::measures::MEASURES;
use attn_core::Pattern;

const CLASSES: usize = Pattern::ALL.len();

/// A fitted logistic regression on standardised features.
#[derive(Debug, Clone, PartialEq)]
pub struct Baseline {
    /// What is subtracted from each number.
    pub mean: Vec<f32>,
    /// What it is then divided by.
    pub spread: Vec<f32>,
    /// `[class][measure]`, the constant last: `[5, MEASURES + 1]`.
    pub weights: Vec<f32>,
}

/// Strength of the L2 penalty, in maps: scikit-learn's C = 0.1. (1 and 0.03 were tried.)
pub const PENALTY: f64 = 10.0;
/// Steps of Nesterov's accelerated gradient descent; the loss is convex and its minimum reached
/// well before.
const STEPS: usize = 3000;

impl Default for Baseline {
    /// One that says nothing: all classes are alike to it.
    fn default() -> Self {
        Self {
            mean: vec![0.0; MEASURES],
            spread: vec![1.0; MEASURES],
            weights: vec![0.0; CLASSES * (MEASURES + 1)],
        }
    }
}

impl Baseline {
    /// Fits to maps with these numbers and labels, with an L2 penalty of this strength
    /// ([`PENALTY`]) on all but the constants.
    pub fn fit(measures: &[[f32; MEASURES]], labels: &[Pattern], penalty: f64) -> Self {
        let n = measures.len().max(1) as f64;
        let mean: [f64; MEASURES] =
            std::array::from_fn(|f| measures.iter().map(|x| f64::from(x[f])).sum::<f64>() / n);
        let spread: [f64; MEASURES] = std::array::from_fn(|f| {
            let squares = measures.iter().map(|x| (f64::from(x[f]) - mean[f]).powi(2));
            let spread = (squares.sum::<f64>() / n).sqrt();
            // A number that never changes says nothing, however it may change later.
            if spread > 1e-6 { spread } else { 1e6 }
        });
        let standard = |x: &[f32; MEASURES]| {
            let mut inputs = [1.0; MEASURES + 1];
            for (f, input) in inputs.iter_mut().take(MEASURES).enumerate() {
                *input = (f64::from(x[f]) - mean[f]) / spread[f];
            }
            inputs
        };
        let inputs: Vec<[f64; MEASURES + 1]> = measures.iter().map(standard).collect();
        // Half the sum of squares bounds the curvature (Böhning, 1992).
        let squares: f64 = inputs.iter().flatten().map(|x| x * x).sum();
        let step = 1.0 / (0.5 * squares + penalty);
        let mut weights = vec![[0.0f64; MEASURES + 1]; CLASSES];
        let mut ahead = weights.clone();
        for time in 0..STEPS {
            let mut gradient = ahead.clone();
            for row in &mut gradient {
                row.iter_mut().for_each(|w| *w *= penalty);
                row[MEASURES] = 0.0;
            }
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
            let rows = weights.iter_mut().zip(&mut ahead).zip(&gradient);
            for ((weights, ahead), gradient) in rows {
                for ((weight, ahead), g) in weights.iter_mut().zip(ahead).zip(gradient) {
                    let next = *ahead - step * g;
                    *ahead = next + momentum * (next - *weight);
                    *weight = next;
                }
            }
        }
        Self {
            mean: mean.iter().map(|&m| m as f32).collect(),
            spread: spread.iter().map(|&s| s as f32).collect(),
            weights: weights.iter().flatten().map(|&w| w as f32).collect(),
        }
    }

    /// Logits of the classes.
    pub fn logits(&self, measures: &[f32; MEASURES]) -> [f32; CLASSES] {
        let scales = self.mean.iter().zip(&self.spread);
        let mut inputs: Vec<f32> = measures
            .iter()
            .zip(scales)
            .map(|(x, (mean, spread))| (x - mean) / spread)
            .collect();
        inputs.push(1.0);
        let mut logits = [0.0; CLASSES];
        let rows = self.weights.chunks_exact(MEASURES + 1);
        for (logit, row) in logits.iter_mut().zip(rows) {
            *logit = row.iter().zip(&inputs).map(|(w, x)| w * x).sum();
        }
        logits
    }

    /// Probabilities of the classes.
    pub fn classify(&self, measures: &[f32; MEASURES]) -> Probabilities {
        softmax(self.logits(measures))
    }
}

fn probabilities(weights: &[[f64; MEASURES + 1]], x: &[f64; MEASURES + 1]) -> [f64; CLASSES] {
    let mut scores = [0.0; CLASSES];
    for (score, row) in scores.iter_mut().zip(weights) {
        *score = row.iter().zip(x).map(|(w, x)| w * x).sum::<f64>();
    }
    let most = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let powers = scores.map(|s| (s - most).exp());
    let sum: f64 = powers.iter().sum();
    powers.map(|p| p / sum)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::augment::Sketch;
    use crate::synthetic;

    #[test]
    fn it_sorts_made_up_maps() {
        let numbers = |seed| {
            let (maps, labels) = synthetic::maps(100, seed);
            let numbers: Vec<_> = maps.iter().map(|m| Sketch::of(m).measures()).collect();
            (numbers, labels)
        };
        let (train, labels) = numbers(5);
        let fitted = Baseline::fit(&train, &labels, PENALTY);
        let (test, truth) = numbers(6);
        let right = test
            .iter()
            .zip(truth)
            .filter(|(x, label)| fitted.classify(x).pattern() == *label)
            .count();
        assert!(right >= 90, "{right} of 100");
        let nothing = Baseline::default().classify(&test[0]).0;
        assert!(nothing.iter().all(|p| (p - 0.2).abs() < 1e-6));
    }

    /// Coefficients of scikit-learn 1.6's LogisticRegression(C=1, tol=1e-10) are matched through
    /// its probabilities on four points with one informative feature.
    #[test]
    fn the_fit_is_scikit_learns() {
        let mut x = [[0.0; MEASURES]; 6];
        for (row, value) in x.iter_mut().zip([0.0, 1.0, 2.0, 3.0, 4.0, 7.0]) {
            row[0] = value;
        }
        let labels = [0, 0, 1, 1, 2, 2].map(|i| Pattern::ALL[i]);
        let baseline = Baseline::fit(&x, &labels, 1.0);
        let mut at = [0.0; MEASURES];
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
