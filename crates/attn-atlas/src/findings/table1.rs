//! Section 4.3 on Table 1: what fine-tuning and pre-training gain.
//!
//! A score of the model that is not fine-tuned depends on how its random classifier fell: without
//! several of them it has no interval here, whatever its examples say. The interval of a fine-tuned
//! score with one seed is over examples alone, and the finding says so.

use super::book::{Book, points};
use attn_core::{Estimate, Finding, Task, Verdict};
use attn_stats::estimates::{difference, independent_mean};
use attn_stats::verdict::{above, all_above};

/// Gains of fine-tuning, by task and on average, and the random start beside both.
pub fn findings(book: &Book<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut gains = Vec::new();
    let rule = "the difference is above 0; one below contradicts";
    for name in book.tasks() {
        let Ok(task) = name.parse::<Task>() else {
            continue;
        };
        // Accuracy where there are two scores, as in the paper's mean gain.
        let metric = match task {
            Task::StsB => "pearson_spearman",
            _ => "accuracy",
        };
        let score = |state: &str| of_state(book, name, state, metric);
        let (untuned, normal, tuned) = (score("untuned"), score("normal"), score("pretrained"));
        if let (Some(tuned), Some(untuned)) = (&tuned, &untuned) {
            let gain = difference(tuned.score, untuned.score);
            gains.push(gain);
            findings.extend(book.finding(
                ("tuning-gain", Some(name)),
                above(&gain, 0.0),
                gain,
                rule,
                format!(
                    "fine-tuning gains {} of {metric}; {}, {}",
                    points(gain),
                    tuned.seeds("fine-tuned"),
                    untuned.seeds("not fine-tuned")
                ),
            ));
        }
        if let (Some(tuned), Some(normal)) = (&tuned, &normal) {
            let gain = difference(tuned.score, normal.score);
            findings.extend(book.finding(
                ("random-start-lower", Some(name)),
                above(&gain, 0.0),
                gain,
                rule,
                format!(
                    "fine-tuned from pre-trained weights, the model scores {} of {metric} above fine-tuned from random \
                     initialisation; {}, {}",
                    points(gain),
                    tuned.seeds("pre-trained"),
                    normal.seeds("random")
                ),
            ));
        }
        if let (Some(untuned), Some(normal), Task::StsB | Task::Qnli) = (&untuned, &normal, task) {
            let gain = difference(untuned.score, normal.score);
            findings.extend(book.finding(
                ("random-below-untuned", Some(name)),
                above(&gain, 0.0),
                gain,
                rule,
                format!(
                    "not fine-tuned, the pre-trained model scores {} of {metric} above the one fine-tuned from random \
                     initialisation; {}, {}",
                    points(gain),
                    untuned.seeds("not fine-tuned"),
                    normal.seeds("random")
                ),
            ));
        }
    }
    if gains.len() > 1 {
        findings.extend(mean_gain(book, &gains));
    }
    findings
}

/// A score and what its interval knows of seeds.
struct Score {
    score: Estimate,
    /// Seeds, when their spread is known.
    repeats: Option<usize>,
}

impl Score {
    fn seeds(&self, which: &str) -> String {
        match self.repeats {
            Some(repeats) => format!("{which}: {repeats} seeds"),
            None => format!("{which}: one seed, its spread unknown"),
        }
    }
}

fn of_state(book: &Book<'_>, task: &str, state: &str, metric: &str) -> Option<Score> {
    let name = format!("{state}_{metric}");
    let score = book.number(task, None, None, &name)?;
    let spread = book.number(task, None, None, &format!("{name}_sd_over_seeds"));
    // One random classifier says nothing of another.
    let alone = state == "untuned" && spread.is_none();
    Some(Score {
        score: if alone {
            Estimate::without_interval(score.mean, score.n)
        } else {
            score
        },
        repeats: spread.map(|s| s.n),
    })
}

/// The mean over tasks; different tasks' examples are independent. The paper's claim is about every
/// task.
fn mean_gain(book: &Book<'_>, gains: &[Estimate]) -> Option<Finding> {
    let mean = independent_mean(gains)?;
    let sure = gains
        .iter()
        .filter(|g| above(g, 0.0) == Verdict::Holds)
        .count();
    book.finding(
        ("tuning-gain", None),
        all_above(gains, 0.0),
        mean,
        "above 0 on every task; one below (corrected for their number) contradicts",
        format!(
            "mean gain over {} tasks {} (the paper: 35.9); above 0 for sure on {sure} of them",
            gains.len(),
            points(mean),
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::super::book::tests::record;
    use super::*;
    use attn_core::Record;

    fn of<'a>(found: &'a [Finding], claim: &str, task: Option<&str>) -> &'a Finding {
        let same = |f: &&Finding| f.claim == claim && f.task.as_deref() == task;
        found.iter().find(same).unwrap()
    }

    /// The spread over three seeds.
    fn spread(task: &str, state: &str, deviation: f64) -> Record {
        let metric = format!("{state}_accuracy_sd_over_seeds");
        Record {
            n: 3,
            ci_low: None,
            ci_high: None,
            ..record(task, (None, None), &metric, (deviation, 0.0, 0.0))
        }
    }

    #[test]
    fn a_gain_is_judged_by_its_interval() {
        let none = (None, None);
        let mut records = vec![
            record("RTE", none, "untuned_accuracy", (0.50, 0.45, 0.55)),
            spread("RTE", "untuned", 0.01),
            record("RTE", none, "pretrained_accuracy", (0.54, 0.49, 0.59)),
            record("SST-2", none, "untuned_accuracy", (0.50, 0.45, 0.55)),
            spread("SST-2", "untuned", 0.01),
            record("SST-2", none, "pretrained_accuracy", (0.84, 0.80, 0.88)),
            record("SST-2", none, "normal_accuracy", (0.90, 0.88, 0.92)),
        ];
        let found = findings(&Book::new(&records));
        assert_eq!(
            of(&found, "tuning-gain", Some("RTE")).verdict,
            Verdict::Inconclusive
        );
        assert_eq!(
            of(&found, "tuning-gain", Some("SST-2")).verdict,
            Verdict::Holds
        );
        let mean = of(&found, "tuning-gain", None);
        assert_eq!(mean.verdict, Verdict::Inconclusive);
        assert!((mean.value.unwrap() - 0.19).abs() < 1e-9);
        let random = of(&found, "random-start-lower", Some("SST-2"));
        assert_eq!(random.verdict, Verdict::DoesNotHold);
        assert!(
            random
                .finding
                .contains("random: one seed, its spread unknown")
        );
        // Random classifiers that scatter: the interval over them is wide.
        records[3] = record("SST-2", none, "untuned_accuracy", (0.50, 0.10, 0.90));
        let found = findings(&Book::new(&records));
        let gain = of(&found, "tuning-gain", Some("SST-2"));
        assert_eq!(gain.verdict, Verdict::Inconclusive);
    }

    #[test]
    fn one_random_classifier_decides_nothing() {
        let none = (None, None);
        let records = [
            record("MRPC", none, "untuned_accuracy", (0.31, 0.26, 0.35)),
            record("MRPC", none, "pretrained_accuracy", (0.86, 0.83, 0.90)),
        ];
        let found = findings(&Book::new(&records));
        let gain = of(&found, "tuning-gain", Some("MRPC"));
        assert_eq!((gain.verdict, gain.ci_low), (Verdict::Inconclusive, None));
        assert!(gain.finding.contains("(no interval)"), "{}", gain.finding);
    }
}
