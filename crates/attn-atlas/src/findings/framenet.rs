//! Section 4.2: FrameNet's sentences, and heads that stand out.

use super::book::{Book, Number, name, weight};
use attn_figures::claims::{Finding, Verdict};

/// Scores by direction and reading, as `attn framenet score` names them, and in words.
const SCORES: [(&str, &str); 3] = [
    ("frame_element_to_target", "from frame element to target"),
    ("target_to_frame_element", "from target to frame element"),
    ("frame_authors", "authors' reading"),
];
/// Probability under which a head beats what shuffled annotations give any head.
const LEVEL: f64 = 0.05;

/// The number of sentences, and which heads shuffled annotations do not explain.
pub fn findings(book: &Book<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for task in book.tasks() {
        let scores = SCORES.map(|(metric, words)| one(book, task, metric, words));
        let Some((_, _, best)) = book.greatest(task, SCORES[0].0) else {
            continue;
        };
        let count = Number {
            value: best.n as f64,
            low: best.n as f64,
            high: best.n as f64,
            n: best.n,
        };
        findings.extend(book.finding(
            "framenet-sentences",
            None,
            // Fewer are what another collection than FrameNet 1.7 has, the starter set for one.
            match best.n {
                473 => Verdict::Holds,
                0..473 => Verdict::CannotBeTold,
                _ => Verdict::DoesNotHold,
            },
            count,
            format!(
                "the conditions leave {} sentences (the paper: 473 of FrameNet 1.7)",
                best.n
            ),
        ));
        findings.extend(scores.into_iter().flatten());
    }
    findings
}

fn one(book: &Book<'_>, task: &str, metric: &str, words: &str) -> Option<Finding> {
    let (layer, head, best) = book.greatest(task, metric)?;
    let beyond: Vec<String> = book
        .heads(task, &format!("{metric}_shuffled_p_any_head"))
        .into_iter()
        .filter(|(_, _, p)| p.value < LEVEL)
        .map(|(layer, head, _)| name((layer, head)))
        .collect();
    let (layers, heads) = book.grid();
    // The paper's "2 of 144" follows from the percentile alone; what can be wrong is that these heads
    // follow the annotation.
    let verdict = match beyond.len() {
        0 => Verdict::DoesNotHold,
        1 => Verdict::CannotBeTold,
        _ => Verdict::Holds,
    };
    book.finding(
        "framenet-heads",
        None,
        verdict,
        best,
        format!(
            "{words}: greatest in head {}, {}; of {} heads {} give more than any head gives a shuffled annotation (p < \
             {LEVEL}){}",
            name((layer, head)),
            weight(best),
            layers * heads,
            beyond.len(),
            if beyond.is_empty() {
                String::new()
            } else {
                format!(": {}", beyond.join(", "))
            }
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::super::book::tests::record;
    use super::*;

    #[test]
    fn heads_count_when_a_shuffled_annotation_gives_less() {
        let at = |head| (Some(0), Some(head));
        let p = "frame_authors_shuffled_p_any_head";
        let mut records = vec![
            record(
                "FrameNet",
                at(0),
                "frame_element_to_target",
                (0.1, 0.1, 0.1),
            ),
            record("FrameNet", at(0), "frame_authors", (0.1, 0.05, 0.2)),
            record("FrameNet", at(1), "frame_authors", (0.3, 0.2, 0.4)),
            record("FrameNet", at(0), p, (0.9, 0.9, 0.9)),
            record("FrameNet", at(1), p, (0.01, 0.01, 0.01)),
        ];
        let heads = |records: &[_]| findings(&Book::new(records)).pop().unwrap();
        let found = heads(&records);
        assert_eq!(found.verdict, Verdict::CannotBeTold);
        assert!(
            found.finding.contains("of 2 heads 1 give"),
            "{}",
            found.finding
        );
        assert!(found.finding.ends_with(": 1-2"), "{}", found.finding);
        records[4].value = 0.5;
        assert_eq!(heads(&records).verdict, Verdict::DoesNotHold);
    }
}
