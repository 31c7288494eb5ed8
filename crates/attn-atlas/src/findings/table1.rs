//! Section 4.3 on Table 1: what fine-tuning and pre-training gain.

use super::book::{Book, Number, points};
use attn_core::Task;
use attn_figures::claims::{Finding, Verdict};

/// Gains of fine-tuning, by task and on average, and the random start beside both.
pub fn findings(book: &Book<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut gains = Vec::new();
    for name in book.tasks() {
        let Ok(task) = name.parse::<Task>() else {
            continue;
        };
        // Accuracy where there are two scores, as in the paper's mean gain.
        let metric = match task {
            Task::StsB => "pearson_spearman",
            _ => "accuracy",
        };
        let score = |state: &str| book.number(name, None, None, &format!("{state}_{metric}"));
        let (untuned, normal, tuned) = (score("untuned"), score("normal"), score("pretrained"));
        if let (Some(tuned), Some(untuned)) = (tuned, untuned) {
            let gain = tuned.minus(untuned);
            gains.push(gain);
            findings.extend(book.finding(
                "tuning-gain",
                Some(name),
                gain.positive(),
                gain,
                format!("fine-tuning gains {} of {metric}", points(gain)),
            ));
        }
        if let (Some(tuned), Some(normal)) = (tuned, normal) {
            let gain = tuned.minus(normal);
            findings.extend(book.finding(
                "random-start-lower",
                Some(name),
                gain.positive(),
                gain,
                format!(
                    "the pre-trained start ends {} of {metric} above the random one",
                    points(gain)
                ),
            ));
        }
        if let (Some(untuned), Some(normal), Task::StsB | Task::Qnli) = (untuned, normal, task) {
            let gain = untuned.minus(normal);
            findings.extend(book.finding(
                "random-below-untuned",
                Some(name),
                gain.positive(),
                gain,
                format!(
                    "the un-tuned model (mean over random classifiers) stands {} of {metric} above the fine-tuned random start",
                    points(gain)
                ),
            ));
        }
    }
    if gains.len() > 1 {
        findings.extend(mean_gain(book, &gains));
    }
    findings
}

/// The mean over tasks; different tasks' examples are independent.
fn mean_gain(book: &Book<'_>, gains: &[Number]) -> Option<Finding> {
    let count = gains.len() as f64;
    let value = gains.iter().map(|g| g.value).sum::<f64>() / count;
    let side = |of: fn(&Number) -> f64| gains.iter().map(|g| of(g).powi(2)).sum::<f64>().sqrt();
    let mean = Number {
        value,
        low: value - side(|g| g.value - g.low) / count,
        high: value + side(|g| g.high - g.value) / count,
        n: gains.iter().map(|g| g.n).sum(),
    };
    // The paper's claim is about every task.
    let verdict = if gains.iter().all(|g| g.low > 0.0) {
        Verdict::Holds
    } else if gains.iter().any(|g| g.high <= 0.0) {
        Verdict::DoesNotHold
    } else {
        Verdict::CannotBeTold
    };
    book.finding(
        "tuning-gain",
        None,
        verdict,
        mean,
        format!(
            "mean gain over {} tasks {} (the paper: 35.9); above 0 for sure on {} of them",
            gains.len(),
            points(mean),
            gains.iter().filter(|g| g.low > 0.0).count()
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::super::book::tests::record;
    use super::*;

    #[test]
    fn a_gain_is_judged_by_its_interval() {
        let none = (None, None);
        let records = [
            record("RTE", none, "untuned_accuracy", (0.50, 0.45, 0.55)),
            record("RTE", none, "pretrained_accuracy", (0.54, 0.49, 0.59)),
            record("SST-2", none, "untuned_accuracy", (0.50, 0.45, 0.55)),
            record("SST-2", none, "pretrained_accuracy", (0.84, 0.80, 0.88)),
            record("SST-2", none, "normal_accuracy", (0.90, 0.88, 0.92)),
        ];
        let found = findings(&Book::new(&records));
        let of = |claim: &str, task: Option<&str>| {
            found
                .iter()
                .find(|f| f.claim == claim && f.task.as_deref() == task)
                .unwrap()
        };
        assert_eq!(
            of("tuning-gain", Some("RTE")).verdict,
            Verdict::CannotBeTold
        );
        assert_eq!(of("tuning-gain", Some("SST-2")).verdict, Verdict::Holds);
        assert_eq!(of("tuning-gain", None).verdict, Verdict::CannotBeTold);
        assert!((of("tuning-gain", None).value.unwrap() - 0.19).abs() < 1e-9);
        let random = of("random-start-lower", Some("SST-2"));
        assert_eq!(random.verdict, Verdict::DoesNotHold);
    }
}
