//! What a classifier scores that has learnt nothing.

use attn_core::Metric;

/// The score of the best constant prediction on these labels (class indices, or numbers): always
/// the most frequent class for accuracy, always class 1 for F1; 0 for correlations, for which a
/// constant has none. `None` without labels.
pub fn constant_score(metric: Metric, labels: &[f64]) -> Option<f64> {
    if labels.is_empty() {
        return None;
    }
    let n = labels.len() as f64;
    Some(match metric {
        Metric::Accuracy => {
            let mut sorted = labels.to_vec();
            sorted.sort_by(f64::total_cmp);
            let most = sorted.chunk_by(|a, b| a == b).map(<[f64]>::len).max();
            most.unwrap_or(0) as f64 / n
        }
        Metric::F1 => {
            let positive = labels.iter().filter(|&&l| l == 1.0).count() as f64;
            2.0 * positive / (n + positive)
        }
        _ => 0.0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `sklearn.metrics.accuracy_score` and `f1_score` of a constant.
    #[test]
    fn constants_by_hand() {
        let labels = [1.0, 0.0, 1.0, 1.0];
        assert_eq!(constant_score(Metric::Accuracy, &labels), Some(0.75));
        // Precision 3/4, recall 1: 2 * 0.75 / 1.75.
        let f1 = constant_score(Metric::F1, &labels).unwrap();
        assert!((f1 - 6.0 / 7.0).abs() < 1e-12);
        assert_eq!(constant_score(Metric::F1, &[0.0, 0.0]), Some(0.0));
        assert_eq!(constant_score(Metric::Pearson, &labels), Some(0.0));
        let three = [0.0, 2.0, 2.0, 1.0, 2.0];
        assert_eq!(constant_score(Metric::Accuracy, &three), Some(0.6));
        assert_eq!(constant_score(Metric::Accuracy, &[]), None);
    }
}
