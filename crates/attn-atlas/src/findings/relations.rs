//! Section 4.5: whether the heads that seem to follow links between words are heads with diagonal maps.
//!
//! The paper picks heads by the weight that links get, and finds that their maps are diagonal:
//! attention to the previous or following token. So each candidate is held against both: the patterns
//! that the classifier of Section 4.1 finds in its maps (`attn patterns shares`), and the proportion
//! of its weight on neighbouring tokens (`attn stats`).

use super::Written;
use super::book::{Book, lower, name, weight};
use attn_core::{Estimate, Finding, Record};
use attn_stats::estimates::{difference, mean, sum};
use attn_stats::pairs::above_99th_percentile;
use attn_stats::verdict::all_above;

/// Links as `attn stats` names them, and in words.
const LINKS: [(&str, &str); 4] = [
    ("verb_subject_forward", "verb to subject"),
    ("verb_subject_backward", "subject to verb"),
    ("noun_pronoun_forward", "noun to pronoun"),
    ("noun_pronoun_backward", "pronoun to noun"),
];
/// A head is diagonal when more than half of its maps are.
const HALF: f64 = 0.5;

/// A model's name without what was done to it.
fn base(model: &str) -> &str {
    let end = model.find([',', '(']).unwrap_or(model.len());
    model.get(..end).unwrap_or(model).trim_end()
}

/// The run of `attn stats` on a model that was fine-tuned.
pub fn stats_of<'a>(model: &str, runs: &'a [Written]) -> Option<&'a Written> {
    runs.iter().find(|run| {
        run.records.first().is_some_and(|r| {
            r.experiment == "stats" && base(&r.model) == base(model) && tuned(&r.model)
        })
    })
}

fn tuned(model: &str) -> bool {
    model.contains("fine-tuned") && !model.contains("not fine-tuned")
}

/// For each run of `attn stats`, with the patterns of the same model in the same state.
pub fn findings(runs: &[Written]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for stats in runs {
        let Some(first) = stats.records.first().filter(|r| r.experiment == "stats") else {
            continue;
        };
        let same = |r: &&Record| {
            r.experiment.starts_with("patterns")
                && base(&r.model) == base(&first.model)
                && tuned(&r.model) == tuned(&first.model)
                && r.head.is_some()
        };
        let patterns: Vec<Record> = runs
            .iter()
            .flat_map(|run| &run.records)
            .filter(same)
            .cloned()
            .collect();
        let (stats, patterns) = (Book::new(&stats.records), Book::new(&patterns));
        for task in stats.tasks() {
            let found = LINKS
                .iter()
                .filter_map(|l| diagonal(&stats, &patterns, task, *l));
            findings.extend(found);
        }
    }
    findings
}

/// A candidate head, the proportion of its maps that are diagonal, and of its weight on neighbours.
struct Candidate {
    place: (usize, usize),
    score: Estimate,
    diagonal: Option<Estimate>,
    neighbours: Estimate,
}

fn diagonal(
    stats: &Book<'_>,
    patterns: &Book<'_>,
    task: &str,
    (link, words): (&str, &str),
) -> Option<Finding> {
    let scores = stats.heads(task, &format!("{link}_example_maximum"));
    let values: Vec<f64> = scores.iter().map(|s| s.2.mean).collect();
    let (_, above) = above_99th_percentile(&values)?;
    let parts = |book: &Book<'_>, names: [&str; 2], (layer, head)| {
        let one = |n: &&str| book.number(task, Some(layer), head, n);
        let found: Vec<Estimate> = names.iter().filter_map(one).collect();
        (found.len() == 2).then(|| sum(&found))
    };
    let near = ["attention_to_previous", "attention_to_next"];
    let kinds = ["head_share_diagonal", "head_share_vertical_diagonal"];
    let candidates: Vec<Candidate> = above
        .iter()
        .filter_map(|&index| {
            let &(layer, head, score) = scores.get(index)?;
            Some(Candidate {
                place: (layer, head),
                score,
                diagonal: parts(patterns, kinds, (layer, Some(head))).map(proportion),
                neighbours: parts(stats, near, (layer, Some(head)))?,
            })
        })
        .collect();
    let layers: Vec<Estimate> = (0..stats.grid().0)
        .filter_map(|layer| {
            let means = near.map(|n| format!("{n}_layer_mean"));
            parts(stats, [&means[0], &means[1]], (layer, None))
        })
        .collect();
    let typical = mean(&layers)?;
    let mut asked = Vec::new();
    for candidate in &candidates {
        let half = Estimate {
            mean: HALF,
            n: candidate.score.n,
            interval: Some((HALF, HALF)),
        };
        // Without patterns there is nothing to decide by.
        let none = Estimate::without_interval(f64::NAN, candidate.score.n);
        asked.push(candidate.diagonal.map_or(none, |d| difference(d, half)));
        asked.push(difference(candidate.neighbours, typical));
    }
    let deciding = candidates
        .iter()
        .map(|c| c.diagonal.unwrap_or(c.neighbours));
    let number = deciding.reduce(lower)?;
    let told: Vec<String> = candidates
        .iter()
        .map(|c| {
            format!(
                "head {} (greatest weight of a link {}): {} of its maps diagonal or vertical and diagonal, {} of its weight on \
                 neighbouring tokens",
                name(c.place),
                weight(c.score),
                c.diagonal.map_or("no patterns run; unknown".to_owned(), weight),
                weight(c.neighbours)
            )
        })
        .collect();
    stats.finding(
        ("links-are-diagonal", Some(task)),
        all_above(&asked, 0.0),
        number,
        "each head above the 99th percentile by the weight of links has more than half of its maps sorted as diagonal (alone or \
         with vertical) and more weight on neighbouring tokens than the mean head; less of either (corrected) contradicts",
        format!(
            "{words}: {}; the mean head {}",
            told.join("; "),
            weight(typical)
        ),
    )
}

/// A proportion of examples, between 0 and 1. One that is the same in every bootstrap sample, all or
/// none, is as far off as the rule of three allows.
fn proportion(estimate: Estimate) -> Estimate {
    let bound = 3.0 / estimate.n.max(1) as f64;
    let interval = estimate.interval.map(|(low, high)| {
        let room = if high > low { 0.0 } else { bound };
        ((low - room).max(0.0), (high + room).min(1.0))
    });
    Estimate {
        interval,
        ..estimate
    }
}

#[cfg(test)]
mod tests {
    use super::super::book::tests::record;
    use super::*;
    use attn_core::Verdict;

    /// Two heads, of which the first follows verbs to subjects.
    fn stats(neighbours: f64) -> Written {
        let mut records = Vec::new();
        for (head, score, near) in [(0, 0.7, neighbours), (1, 0.2, 0.1)] {
            let at = (Some(0), Some(head));
            let mut put = |metric: &str, v: f64| {
                records.push(record("RTE", at, metric, (v, v - 0.01, v + 0.01)));
            };
            put("verb_subject_forward_example_maximum", score);
            put("attention_to_previous", near / 2.0);
            put("attention_to_next", near / 2.0);
        }
        for metric in ["attention_to_previous", "attention_to_next"] {
            let metric = format!("{metric}_layer_mean");
            records.push(record("RTE", (Some(0), None), &metric, (0.1, 0.09, 0.11)));
        }
        for record in &mut records {
            record.experiment = "stats".to_owned();
            record.model = "m, fine-tuned on each task".to_owned();
        }
        Written {
            records,
            labels: Vec::new(),
        }
    }

    fn patterns(model: &str, diagonal: f64) -> Written {
        let mut records = Vec::new();
        for (pattern, v) in [("diagonal", diagonal), ("vertical_diagonal", 0.0)] {
            let metric = format!("head_share_{pattern}");
            records.push(record("RTE", (Some(0), Some(0)), &metric, (v, v, v)));
        }
        for record in &mut records {
            record.experiment = "patterns-shares".to_owned();
            record.model = model.to_owned();
        }
        Written {
            records,
            labels: Vec::new(),
        }
    }

    fn verdict(runs: &[Written]) -> Verdict {
        let found = findings(runs);
        assert_eq!(found.len(), 1);
        found[0].verdict
    }

    #[test]
    fn candidates_are_held_against_patterns_and_neighbours() {
        let tuned = "m (fine-tuned)";
        assert_eq!(verdict(&[stats(0.9), patterns(tuned, 1.0)]), Verdict::Holds);
        assert_eq!(
            verdict(&[stats(0.9), patterns(tuned, 0.1)]),
            Verdict::DoesNotHold
        );
        // Sorted as diagonal, but its weight lies elsewhere.
        assert_eq!(
            verdict(&[stats(0.1), patterns(tuned, 1.0)]),
            Verdict::DoesNotHold
        );
        assert_eq!(
            verdict(&[stats(0.2), patterns(tuned, 1.0)]),
            Verdict::Inconclusive
        );
    }

    #[test]
    fn without_the_same_models_patterns_nothing_is_decided() {
        assert_eq!(verdict(&[stats(0.9)]), Verdict::Inconclusive);
        for other in ["m", "another (fine-tuned)"] {
            assert_eq!(
                verdict(&[stats(0.9), patterns(other, 1.0)]),
                Verdict::Inconclusive
            );
        }
        assert!(findings(&[patterns("m", 1.0)]).is_empty());
        assert_eq!(base("m, fine-tuned on each task"), "m");
    }
}
