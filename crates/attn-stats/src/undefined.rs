//! Whether labels define a metric at all, before any prediction is looked at.

use attn_core::Metric;

/// Why a metric says nothing about predictions of these labels; `None` where it does.
///
/// scikit-learn gives 0 for F1 without a positive label and for the Matthews correlation of a single
/// class, whatever is predicted (recall, or the labels' variance, is 0 / 0 then), and scipy NaN for
/// a correlation with a constant. Such a number tells nothing of the model: a file that lacks a class
/// has no such score.
pub fn undefined(metric: Metric, labels: &[f64]) -> Option<String> {
    let Some(&first) = labels.first() else {
        return Some("there is no example".to_owned());
    };
    let constant = labels.iter().all(|&label| label == first);
    match metric {
        Metric::Accuracy => None,
        Metric::F1 => (!labels.contains(&1.0))
            .then(|| "no label is the positive class (the second)".to_owned()),
        Metric::Matthews => constant.then(|| "all labels are one class".to_owned()),
        Metric::Pearson | Metric::Spearman | Metric::PearsonSpearman => {
            constant.then(|| "all labels are the same number".to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_of_one_class_leave_accuracy_alone() {
        let all = [
            Metric::Accuracy,
            Metric::F1,
            Metric::Matthews,
            Metric::Pearson,
            Metric::Spearman,
            Metric::PearsonSpearman,
        ];
        let defined = |labels: &[f64]| {
            let defined = all.iter().map(|&m| undefined(m, labels).is_none());
            defined.collect::<Vec<_>>()
        };
        let both = [true, true, true, true, true, true];
        assert_eq!(defined(&[0.0, 1.0]), both);
        assert_eq!(
            defined(&[0.0, 0.0]),
            [true, false, false, false, false, false]
        );
        // F1 of a file of positives alone is defined: precision is 1, recall is what it is.
        assert_eq!(
            defined(&[1.0, 1.0]),
            [true, true, false, false, false, false]
        );
        assert_eq!(defined(&[0.0, 2.0])[1..3], [false, true]);
        assert_eq!(defined(&[]), [false; 6]);
    }
}
