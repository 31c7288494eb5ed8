//! How to train: the numbers of Section 3 and of Devlin et al. (2019), and the learning rate's
//! course.

use crate::TrainError;
use serde::{Deserialize, Serialize};

/// Everything that decides the course of training but the data and the initial weights.
/// The same recipe, data and weights give the same trained weights, bit for bit, on the same backend.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Recipe {
    /// Examples per step.
    pub batch: usize,
    /// Passes over the data.
    pub epochs: usize,
    /// Highest learning rate, reached after the warm-up.
    pub learning_rate: f64,
    /// Share of all steps over which the learning rate rises from 0; over the others it falls to 0.
    pub warmup: f64,
    /// Decoupled weight decay, of matrices and tables only: biases and LayerNorm have none.
    pub weight_decay: f64,
    /// Decay of the gradient's running mean.
    pub beta1: f64,
    /// Decay of the squared gradient's running mean.
    pub beta2: f64,
    /// Added to the root of the squared gradient's mean: 1e-8 (Hugging Face), 1e-6 (BertAdam).
    pub epsilon: f64,
    /// Whether Adam corrects its means for starting at 0. The original BERT's optimiser, BertAdam,
    /// does not.
    pub bias_correction: bool,
    /// Largest norm of the gradient over all parameters; longer ones are scaled down to it.
    pub clip: f64,
    /// Seed of the order of examples and of dropout.
    pub seed: u64,
    /// Word pieces, padding included, that a forward pass may hold: batches beyond that are run in
    /// parts whose gradients are added, which changes nothing but rounding (and, with dropout, which
    /// random numbers fall on which example). Decides memory.
    pub micro_tokens: usize,
    /// Batches per window within which examples are sorted by length before they are cut into
    /// batches, so that little is padded; 1 draws every batch from the whole set.
    pub bucket: usize,
}

impl Default for Recipe {
    /// The paper's fine-tuning (Section 3: 3 epochs, batch 32, 5e-5) with Hugging Face's AdamW.
    fn default() -> Self {
        Self {
            batch: 32,
            epochs: 3,
            learning_rate: 5e-5,
            warmup: 0.1,
            weight_decay: 0.01,
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-8,
            bias_correction: true,
            clip: 1.0,
            seed: 0,
            micro_tokens: 4096,
            bucket: 16,
        }
    }
}

impl Recipe {
    /// The same with the optimiser of the original BERT code: no bias correction, epsilon 1e-6.
    pub fn bert_adam(self) -> Self {
        Self {
            bias_correction: false,
            epsilon: 1e-6,
            ..self
        }
    }

    /// Checks every number.
    ///
    /// # Errors
    /// [`TrainError::Recipe`] that names the field.
    pub fn check(&self) -> Result<(), TrainError> {
        let counts = [
            ("batch", self.batch),
            ("epochs", self.epochs),
            ("micro_tokens", self.micro_tokens),
            ("bucket", self.bucket),
        ];
        for (field, value) in counts {
            if value == 0 {
                return Err(TrainError::Recipe {
                    field,
                    found: "0".into(),
                    expected: "at least 1",
                });
            }
        }
        let fields: [(&'static str, f64, bool, &'static str); 7] = [
            (
                "learning_rate",
                self.learning_rate,
                self.learning_rate > 0.0,
                "a number above 0",
            ),
            (
                "warmup",
                self.warmup,
                (0.0..=1.0).contains(&self.warmup),
                "a share from 0 to 1",
            ),
            (
                "weight_decay",
                self.weight_decay,
                self.weight_decay >= 0.0,
                "0 or more",
            ),
            (
                "beta1",
                self.beta1,
                (0.0..1.0).contains(&self.beta1),
                "from 0 up to but not 1",
            ),
            (
                "beta2",
                self.beta2,
                (0.0..1.0).contains(&self.beta2),
                "from 0 up to but not 1",
            ),
            (
                "epsilon",
                self.epsilon,
                self.epsilon > 0.0,
                "a number above 0",
            ),
            (
                "clip",
                self.clip,
                self.clip > 0.0,
                "a number above 0 (1e9 never clips)",
            ),
        ];
        for (field, value, fits, expected) in fields {
            if !fits || !value.is_finite() {
                return Err(TrainError::Recipe {
                    field,
                    found: value.to_string(),
                    expected,
                });
            }
        }
        Ok(())
    }

    /// The learning rate of step `step` (from 0) of `total`: linear from 0 over the warm-up, then
    /// linear to 0, as `get_linear_schedule_with_warmup` of transformers. The warm-up's steps are
    /// rounded up.
    pub fn rate_at(&self, step: usize, total: usize) -> f64 {
        let warmup = (self.warmup * total as f64).ceil() as usize;
        let factor = if step < warmup {
            step as f64 / warmup as f64
        } else {
            total.saturating_sub(step) as f64 / total.saturating_sub(warmup).max(1) as f64
        };
        self.learning_rate * factor
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_learning_rate_rises_and_falls_in_straight_lines() {
        let recipe = Recipe {
            learning_rate: 1.0,
            ..Recipe::default()
        };
        let rates: Vec<f64> = (0..=20).map(|step| recipe.rate_at(step, 20)).collect();
        assert_eq!(rates[..3], [0.0, 0.5, 1.0]);
        assert!((rates[11] - 0.5).abs() < 1e-12 && rates[20] == 0.0);
        assert!(
            rates[2..]
                .windows(2)
                .all(|w| (w[0] - w[1] - 1.0 / 18.0).abs() < 1e-12)
        );
        // 0.1 of 23 steps are 3 steps of warm-up.
        assert!((recipe.rate_at(1, 23) - 1.0 / 3.0).abs() < 1e-12);
        let flat = Recipe {
            warmup: 0.0,
            ..recipe
        };
        assert_eq!((flat.rate_at(0, 1), flat.rate_at(1, 1)), (1.0, 0.0));
        let all = Recipe {
            warmup: 1.0,
            ..flat
        };
        assert_eq!((all.rate_at(2, 4), all.rate_at(4, 4)), (0.5, 0.0));
    }

    #[test]
    fn impossible_numbers_are_named() {
        assert!(Recipe::default().check().is_ok() && Recipe::default().bert_adam().check().is_ok());
        type Change = fn(&mut Recipe);
        let change: [(&str, Change); 9] = [
            ("batch", |r| r.batch = 0),
            ("epochs", |r| r.epochs = 0),
            ("bucket", |r| r.bucket = 0),
            ("learning_rate", |r| r.learning_rate = -1e-5),
            ("learning_rate", |r| r.learning_rate = f64::NAN),
            ("warmup", |r| r.warmup = 1.5),
            ("beta2", |r| r.beta2 = 1.0),
            ("epsilon", |r| r.epsilon = f64::INFINITY),
            ("clip", |r| r.clip = 0.0),
        ];
        for (field, change) in change {
            let mut recipe = Recipe::default();
            change(&mut recipe);
            assert!(
                recipe.check().unwrap_err().to_string().contains(field),
                "{field}"
            );
        }
    }
}
