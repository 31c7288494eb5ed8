//! Section 4.5 and the last part of Section 5: links between words, the row of `[CLS]`, shared words.

use super::book::{Book, Number, name, weight};
use attn_figures::claims::{Finding, Verdict};

/// Links as `attn stats` names them, and in words.
const LINKS: [(&str, &str); 4] = [
    ("verb_subject_forward", "verb to subject"),
    ("verb_subject_backward", "subject to verb"),
    ("noun_pronoun_forward", "noun to pronoun"),
    ("noun_pronoun_backward", "pronoun to noun"),
];
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
/// The heads of BERT-base that Section 5 names, from 0.
const PAPER_HEADS: [(usize, usize); 2] = [(3, 0), (1, 11)];

/// What records of `attn stats` say about Section 4.5 and shared words.
pub fn findings(book: &Book<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for task in book.tasks() {
        findings.extend(LINKS.iter().filter_map(|link| diagonal(book, task, *link)));
        findings.extend(cls_row(book, task));
        findings.extend(shared(book, task));
    }
    findings
}

/// A head that follows links because it looks a fixed number of tokens away does no better than the
/// best fixed distance.
fn diagonal(book: &Book<'_>, task: &str, (link, words): (&str, &str)) -> Option<Finding> {
    let (layer, head, above) = book.greatest(task, &format!("{link}_accuracy_above_offset"))?;
    let accuracy = book.number(task, Some(layer), Some(head), &format!("{link}_accuracy"))?;
    let verdict = match above.positive() {
        Verdict::Holds => Verdict::DoesNotHold,
        Verdict::DoesNotHold => Verdict::Holds,
        Verdict::CannotBeTold => Verdict::CannotBeTold,
    };
    book.finding(
        "links-are-diagonal",
        Some(task),
        verdict,
        above,
        format!(
            "{words}: best head {} finds {:.1} % of its words' partners, {} above the best fixed distance (the best of all \
             heads and distances, chosen on the same words)",
            name((layer, head)),
            100.0 * accuracy.value,
            weight(above)
        ),
    )
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
    let (rival, other) = FEATURES
        .iter()
        .filter(|f| **f != claimed)
        .filter_map(|f| Some((*f, of(f)?)))
        .max_by(|a, b| a.1.value.total_cmp(&b.1.value))?;
    let gap = own.minus(other);
    book.finding(
        claim,
        Some(task),
        gap.positive(),
        gap,
        format!(
            "mean weight of [CLS] in layer {} on {claimed} {}, on {rival}, the greatest of the others, {}",
            last + 1,
            weight(own),
            weight(other)
        ),
    )
}

/// Words that occur in both sentences, on the two tasks of Section 5.
fn shared(book: &Book<'_>, task: &str) -> Option<Finding> {
    if !["STS-B", "RTE"].contains(&task) {
        return None;
    }
    let all = book.heads(task, "shared_difference");
    let raised = all.iter().filter(|h| h.2.low > 0.0).count();
    let (layer, head, best) = book.greatest(task, "shared_difference")?;
    let mut finding = format!(
        "{raised} of {} heads give a word and its twin in the other sentence more weight than other words of the two; most \
         {}, {}",
        all.len(),
        name((layer, head)),
        weight(best)
    );
    let (layers, _) = book.grid();
    // Heads of another model have nothing in common with BERT-base's but their numbers.
    let named: Vec<Number> = PAPER_HEADS
        .iter()
        .filter(|_| layers == 12)
        .filter_map(|&(l, h)| book.number(task, Some(l), Some(h), "shared_difference"))
        .collect();
    let verdict = match &named[..] {
        [a, b] => {
            finding.push_str(&format!(
                "; heads 4-1 and 2-12 {}, {}",
                weight(*a),
                weight(*b)
            ));
            match (a.positive(), b.positive()) {
                (Verdict::Holds, Verdict::Holds) => Verdict::Holds,
                (Verdict::DoesNotHold, _) | (_, Verdict::DoesNotHold) => Verdict::DoesNotHold,
                _ => Verdict::CannotBeTold,
            }
        }
        _ => {
            finding.push_str("; the paper's heads 4-1 and 2-12 are of a model of 12 layers");
            Verdict::CannotBeTold
        }
    };
    book.finding("shared-words", Some(task), verdict, best, finding)
}

#[cfg(test)]
mod tests {
    use super::super::book::tests::record;
    use super::*;

    #[test]
    fn a_head_above_every_distance_speaks_against_the_paper() {
        let at = (Some(0), Some(0));
        let above = "verb_subject_forward_accuracy_above_offset";
        let mut records = vec![
            record("RTE", at, "verb_subject_forward_accuracy", (0.5, 0.4, 0.6)),
            record("RTE", at, above, (0.1, 0.05, 0.15)),
        ];
        assert_eq!(
            findings(&Book::new(&records))[0].verdict,
            Verdict::DoesNotHold
        );
        records[1] = record("RTE", at, above, (-0.1, -0.15, -0.05));
        assert_eq!(findings(&Book::new(&records))[0].verdict, Verdict::Holds);
    }

    #[test]
    fn the_row_of_cls_is_judged_by_what_the_paper_names_for_the_task() {
        let last = (Some(1), None);
        let mut records = Vec::new();
        for task in ["RTE", "MRPC"] {
            records.push(record(
                task,
                last,
                "cls_row_sep_layer_mean",
                (0.5, 0.4, 0.6),
            ));
            records.push(record(
                task,
                last,
                "cls_row_punctuation_layer_mean",
                (0.1, 0.05, 0.15),
            ));
        }
        let found = findings(&Book::new(&records));
        let short: Vec<_> = found.iter().map(|f| (&f.claim[..], f.verdict)).collect();
        let expected = [
            ("cls-looks-at-punctuation", Verdict::DoesNotHold),
            ("cls-looks-at-sep", Verdict::Holds),
        ];
        assert_eq!(short, expected);
    }
}
