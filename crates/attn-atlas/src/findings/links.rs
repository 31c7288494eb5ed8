//! Section 4.5, the row of `[CLS]`.
//!
//! The links between words and the shared words need more than one run ([`super::across`]).

use super::book::{Book, weight};
use attn_core::{Estimate, Finding};
use attn_stats::estimates::difference;
use attn_stats::verdict::all_above;

/// What the row of `[CLS]` may attend to most.
const FEATURES: [&str; 9] = [
    "sep",
    "cls",
    "noun",
    "verb",
    "pronoun",
    "subject",
    "object",
    "negation",
    "punctuation",
];
/// Tasks on which the paper has `[CLS]` look at punctuation rather than `[SEP]`.
const PUNCTUATION: [&str; 3] = ["STS-B", "RTE", "QNLI"];

/// What records of `attn stats` say about the row of `[CLS]`.
pub fn findings(book: &Book<'_>) -> Vec<Finding> {
    let tasks = book.tasks().into_iter();
    tasks.filter_map(|task| cls_row(book, task)).collect()
}

/// What the last layer's `[CLS]` attends to most, on average over heads.
fn cls_row(book: &Book<'_>, task: &str) -> Option<Finding> {
    let last = book.grid().0.checked_sub(1)?;
    let of = |feature: &str| {
        book.number(
            task,
            Some(last),
            None,
            &format!("cls_row_{feature}_layer_mean"),
        )
    };
    let (claim, claimed) = if PUNCTUATION.contains(&task) {
        ("cls-looks-at-punctuation", "punctuation")
    } else {
        ("cls-looks-at-sep", "sep")
    };
    let own = of(claimed)?;
    let others: Vec<(&str, Estimate)> = FEATURES
        .iter()
        .filter(|f| **f != claimed)
        .filter_map(|f| Some((*f, of(f)?)))
        .collect();
    let gaps: Vec<Estimate> = others.iter().map(|(_, o)| difference(own, *o)).collect();
    let &(rival, other) = others.iter().max_by(|a, b| a.1.mean.total_cmp(&b.1.mean))?;
    book.finding(
        (claim, Some(task)),
        all_above(&gaps, 0.0),
        difference(own, other),
        "more than every other feature; less than one (corrected for their number) contradicts",
        format!(
            "mean weight of [CLS] in layer {} on {claimed} {}, on {rival}, the greatest of the others, {}",
            last + 1,
            weight(own),
            weight(other)
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::super::book::tests::record;
    use super::*;
    use attn_core::Verdict;

    #[test]
    fn the_row_of_cls_is_judged_by_what_the_paper_names_for_the_task() {
        let last = (Some(1), None);
        let mut records = Vec::new();
        for task in ["RTE", "MRPC", "QQP"] {
            for (feature, v) in [("sep", 0.5), ("punctuation", 0.1)] {
                let metric = format!("cls_row_{feature}_layer_mean");
                records.push(record(task, last, &metric, (v, v - 0.05, v + 0.05)));
            }
        }
        // As much on nouns.
        records.push(record(
            "QQP",
            last,
            "cls_row_noun_layer_mean",
            (0.49, 0.44, 0.54),
        ));
        let found = findings(&Book::new(&records));
        let short: Vec<_> = found.iter().map(|f| (&f.claim[..], f.verdict)).collect();
        let expected = [
            ("cls-looks-at-punctuation", Verdict::DoesNotHold),
            ("cls-looks-at-sep", Verdict::Holds),
            ("cls-looks-at-sep", Verdict::Inconclusive),
        ];
        assert_eq!(short, expected);
    }
}
