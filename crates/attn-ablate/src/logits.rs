//! What a sweep gives.

use serde::{Deserialize, Serialize};

/// The logits of every variant for every example.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Logits {
    variants: usize,
    examples: usize,
    labels: usize,
    values: Vec<f32>,
}

impl Logits {
    pub(crate) fn zeros(variants: usize, examples: usize, labels: usize) -> Self {
        Self {
            variants,
            examples,
            labels,
            values: vec![0.0; variants * examples * labels],
        }
    }

    /// Wraps values in the order `[variant, example, label]`; `None` when their number is wrong.
    pub fn from_values(
        variants: usize,
        examples: usize,
        labels: usize,
        values: Vec<f32>,
    ) -> Option<Self> {
        (values.len() == variants * examples * labels).then_some(Self {
            variants,
            examples,
            labels,
            values,
        })
    }

    /// Number of variants.
    pub fn variants(&self) -> usize {
        self.variants
    }

    /// Number of examples.
    pub fn examples(&self) -> usize {
        self.examples
    }

    /// Number of labels; 1 for a regression.
    pub fn labels(&self) -> usize {
        self.labels
    }

    /// All values, `[variant, example, label]`, row-major.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// One variant's logits, `[example, label]`, row-major; empty when there is no such variant.
    pub fn variant(&self, variant: usize) -> &[f32] {
        let size = self.examples * self.labels;
        self.values
            .get(variant * size..(variant + 1) * size)
            .unwrap_or_default()
    }

    /// One variant's predictions: for a classification the index of the largest logit (the first
    /// of equals), for a regression the value itself.
    pub fn predictions(&self, variant: usize) -> Vec<f64> {
        let rows = self.variant(variant).chunks_exact(self.labels.max(1));
        rows.map(|row| match row {
            [value] => f64::from(*value),
            row => {
                let best = row
                    .iter()
                    .enumerate()
                    .fold((0, f32::NEG_INFINITY), |best, (i, &v)| {
                        if v > best.1 { (i, v) } else { best }
                    });
                best.0 as f64
            }
        })
        .collect()
    }

    /// Puts a bucket's values, `[variant, chosen example, label]`, in place. `false` when their
    /// number is wrong or an example does not exist.
    pub(crate) fn place(&mut self, chosen: &[usize], values: &[f32]) -> bool {
        let (size, labels) = (chosen.len(), self.labels);
        if values.len() != self.variants * size * labels
            || chosen.iter().any(|&e| e >= self.examples)
        {
            return false;
        }
        for (row, source) in values.chunks_exact(labels.max(1)).enumerate() {
            let (variant, example) = (row / size, chosen[row % size]);
            let start = (variant * self.examples + example) * labels;
            self.values[start..start + labels].copy_from_slice(source);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_go_where_they_belong() {
        let mut logits = Logits::zeros(2, 3, 2);
        assert!(logits.place(&[2, 0], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]));
        assert!(logits.place(&[1], &[9.0, 9.0, 0.5, 0.25]));
        assert_eq!(logits.variant(0), [3.0, 4.0, 9.0, 9.0, 1.0, 2.0]);
        assert_eq!(logits.variant(1), [7.0, 8.0, 0.5, 0.25, 5.0, 6.0]);
        assert_eq!(logits.predictions(1), [1.0, 0.0, 1.0]);
        assert_eq!(logits.predictions(0)[1], 0.0); // the first of equals
        assert!(logits.variant(2).is_empty());
        assert!(!logits.place(&[3], &[0.0; 4]) && !logits.place(&[0], &[0.0; 3]));
        let scores = Logits::from_values(1, 2, 1, vec![0.5, -1.0]).unwrap();
        assert_eq!(scores.predictions(0), [0.5, -1.0]);
        assert_eq!(Logits::from_values(1, 2, 1, vec![0.5]), None);
    }
}
