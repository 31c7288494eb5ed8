//! Sections 4.3 and 4.4 on the maps: which layers change, and what columns stand on.

use super::book::{Book, higher, lower, name, weight};
use attn_core::{Estimate, Finding, Verdict};
use attn_stats::estimates::{corrected, difference, mean};
use attn_stats::verdict::{above, all, all_above, at_least_of, at_most, not};

/// Linguistic features of Section 4.4.
const LINGUISTIC: [&str; 6] = ["noun", "verb", "pronoun", "subject", "object", "negation"];
/// Features whose attention Section 4.4 says fine-tuning raises, and on which tasks.
const RAISED: [(&str, &[&str]); 3] = [
    ("noun", &["MRPC", "RTE", "QQP"]),
    ("object", &["MRPC", "RTE", "QQP"]),
    ("negation", &["QNLI"]),
];
/// From this proportion of all attention on, a column is a stripe: an even map of 10 tokens has 0.1.
const STRIPE: f64 = 0.1;
/// "Hardly ever": in at most one stripe of twenty.
const HARDLY: f64 = 0.05;
/// A head is raised when its weight rises by more than this: a hundredth of all attention.
const RISE: f64 = 0.01;
/// A weight is negligible beside another when it is at most a tenth of it.
const NEGLIGIBLE: f64 = 0.1;

/// What records of `attn stats` say about Sections 4.3 and 4.4.
pub fn findings(book: &Book<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for task in book.tasks() {
        findings.extend(changed_most(book, task));
        findings.extend(stripes(book, task));
        findings.extend(early_and_late(book, task));
        findings.extend(raised(book, task));
    }
    findings.extend(one_separator(book));
    findings
}

/// The layer means of a metric, first layer first.
fn layers(book: &Book<'_>, task: &str, metric: &str) -> Vec<Estimate> {
    let metric = format!("{metric}_layer_mean");
    (0..book.grid().0)
        .map_while(|layer| book.number(task, Some(layer), None, &metric))
        .collect()
}

fn changed_most(book: &Book<'_>, task: &str) -> Option<Finding> {
    let means = layers(book, task, "cosine_paper");
    let (early, last) = means.split_at_checked(means.len().checked_sub(2)?)?;
    // Every earlier layer against each of the last two: none of them is picked.
    let gaps: Vec<Estimate> = early
        .iter()
        .flat_map(|e| last.iter().map(move |l| difference(*e, *l)))
        .collect();
    let least = gaps.iter().copied().reduce(lower)?;
    let mut order: Vec<usize> = (0..means.len()).collect();
    order.sort_by(|&a, &b| means[a].mean.total_cmp(&means[b].mean));
    let last_two = all_above(&gaps, 0.0);
    // The paper names QQP as the exception.
    let (verdict, rule) = if task == "QQP" {
        (
            not(last_two),
            "the paper's exception: some earlier layer changes more than one of the last two",
        )
    } else {
        (
            last_two,
            "every earlier layer is more similar to before than each of the last two; one that is less so \
             (corrected for the number of pairs) contradicts",
        )
    };
    book.finding(
        ("last-two-layers", Some(task)),
        verdict,
        least,
        rule,
        format!(
            "layers {} and {} of {} change most; similarity of the earlier layer that changes most, less that of \
             the last two's that changes less: {}",
            order.first()? + 1,
            order.get(1)? + 1,
            means.len(),
            weight(least)
        ),
    )
}

/// Whether stripes stand on special tokens and not on linguistic features.
fn stripes(book: &Book<'_>, task: &str) -> Option<Finding> {
    let (layers, heads) = book.grid();
    let (mut gaps, mut n) = (Vec::new(), 0);
    for layer in 0..layers {
        for head in 0..heads {
            let at = |feature: &&str| {
                book.number(
                    task,
                    Some(layer),
                    Some(head),
                    &format!("attention_to_{feature}"),
                )
            };
            let own = ["cls", "sep"].iter().filter_map(at).reduce(higher)?;
            let Some(other) = LINGUISTIC.iter().filter_map(at).reduce(higher) else {
                continue;
            };
            if own.mean.max(other.mean) >= STRIPE {
                n = n.max(own.n);
                gaps.push(difference(own, other));
            }
        }
    }
    let fewest = gaps.iter().map(|g| g.n).min()?;
    let total = gaps.len();
    let count = |verdict| {
        let decided = |g: &&Estimate| above(&corrected(**g, total), 0.0) == verdict;
        gaps.iter().filter(decided).count()
    };
    let special = count(Verdict::Holds);
    let linguistic = count(Verdict::DoesNotHold);
    let open = total - special - linguistic;
    let verdict = at_least_of(special, linguistic, open, (1.0 - HARDLY) * total as f64);
    let proportion = special as f64 / total as f64;
    book.finding(
        ("vertical-is-special", Some(task)),
        verdict,
        Estimate::without_interval(proportion, n),
        "[CLS] or [SEP] is the strongest column in at least 95 of 100 heads with a column of 0.1 or more, each head \
         corrected for their number; does not hold when it is not, even if all open heads were",
        format!(
            "{total} heads give some feature {STRIPE} or more; the strongest is [CLS] or [SEP] in {special}, a noun, verb, \
             pronoun, subject, object or negation in {linguistic}; {open} are open (the rarest of these features is in {fewest} \
             examples)"
        ),
    )
}

/// `[CLS]` in the first half of the layers, `[SEP]` in the second.
fn early_and_late(book: &Book<'_>, task: &str) -> Option<Finding> {
    let halves = |feature: &str| {
        let means = layers(book, task, &format!("attention_to_{feature}"));
        let (early, late) = means.split_at(means.len() / 2);
        Some((mean(early)?, mean(late)?))
    };
    let (cls, sep) = (halves("cls")?, halves("sep")?);
    let (cls_early, sep_late) = (difference(cls.0, cls.1), difference(sep.1, sep.0));
    book.finding(
        ("cls-early-sep-late", Some(task)),
        all_above(&[cls_early, sep_late], 0.0),
        lower(cls_early, sep_late),
        "both differences are above 0; one that is below (corrected for two) contradicts",
        format!(
            "attention to [CLS], first half of the layers less second: {}; to [SEP], second less first: {}",
            weight(cls_early),
            weight(sep_late)
        ),
    )
}

/// What fine-tuning raises, beside what the special tokens get.
fn raised(book: &Book<'_>, task: &str) -> Option<Finding> {
    let features: Vec<&str> = RAISED
        .iter()
        .filter(|(_, tasks)| tasks.contains(&task))
        .map(|(feature, _)| *feature)
        .collect();
    let means = |feature| mean(&layers(book, task, &format!("attention_to_{feature}")));
    let special = ["cls", "sep"]
        .into_iter()
        .filter_map(means)
        .reduce(higher)?;
    let mut words = Vec::new();
    let mut rises = Vec::new();
    let mut weights = Vec::new();
    for feature in features {
        let changes = book.heads(task, &format!("difference_attention_to_{feature}"));
        let family = changes.len();
        let up: Vec<_> = changes
            .iter()
            .filter(|r| above(&corrected(r.2, family), RISE) == Verdict::Holds)
            .collect();
        rises.extend(changes.iter().map(|r| r.2));
        let after = |layer, head| {
            book.number(
                task,
                Some(layer),
                Some(head),
                &format!("attention_to_{feature}"),
            )
        };
        let most = up
            .iter()
            .filter_map(|&&(l, h, rise)| Some((l, h, rise, after(l, h)?)))
            .max_by(|a, b| a.3.mean.total_cmp(&b.3.mean));
        weights.extend(up.iter().filter_map(|&&(l, h, _)| after(l, h)));
        words.push(match most {
            Some((layer, head, rise, after)) => format!(
                "{feature}: raised in {} of {family} heads; the greatest weight among these in {}, by {} to {}",
                up.len(),
                name((layer, head)),
                weight(rise),
                weight(after)
            ),
            None => format!("{feature}: raised for sure in none of {family} heads"),
        });
    }
    if rises.is_empty() {
        return None;
    }
    // How far each weight lies above what would be negligible.
    let bar = special.map(|v| NEGLIGIBLE * v);
    let beyond: Vec<Estimate> = weights.iter().map(|w| difference(*w, bar)).collect();
    let greatest = beyond.iter().copied().reduce(higher);
    let none_raised = || all(&rises.iter().map(|r| at_most(r, RISE)).collect::<Vec<_>>());
    let verdict = match greatest {
        None if none_raised() == Verdict::Holds => Verdict::DoesNotHold,
        None => Verdict::Inconclusive,
        Some(_) => {
            let small = all(&beyond.iter().map(|b| at_most(b, 0.0)).collect::<Vec<_>>());
            let large = |b: &Estimate| above(&corrected(*b, beyond.len()), 0.0) == Verdict::Holds;
            match small {
                Verdict::Holds => Verdict::Holds,
                _ if beyond.iter().any(large) => Verdict::DoesNotHold,
                _ => Verdict::Inconclusive,
            }
        }
    };
    let number = greatest.or_else(|| rises.iter().copied().reduce(higher))?;
    book.finding(
        ("features-negligible", Some(task)),
        verdict,
        number,
        "some head is raised by more than 0.01 (corrected for all heads), and in each such head the weight is at most a tenth of what the \
         mean head gives [CLS] or [SEP], the stronger; one above that (corrected) contradicts. The number is the greatest \
         weight less that tenth",
        format!(
            "{}; the mean head gives [CLS] or [SEP], the stronger of the two, {}",
            words.join("; "),
            weight(special)
        ),
    )
}

/// SST-2's only separator against the two of other tasks.
fn one_separator(book: &Book<'_>) -> Option<Finding> {
    let all = |task: &str| mean(&layers(book, task, "attention_to_sep"));
    let sst2 = all("SST-2")?;
    let gaps: Vec<Estimate> = book
        .tasks()
        .into_iter()
        .filter(|task| *task != "SST-2")
        .filter_map(|task| Some(difference(sst2, all(task)?)))
        .collect();
    let least = gaps.iter().copied().reduce(lower)?;
    let greater = gaps
        .iter()
        .filter(|g| above(g, 0.0) == Verdict::Holds)
        .count();
    book.finding(
        ("sst2-sep-greater", Some("SST-2")),
        all_above(&gaps, 0.0),
        least,
        "greater than on every other task; less than on one (corrected for their number) contradicts",
        format!(
            "mean weight on [SEP] over all heads {}; greater than on {greater} of {} other tasks; the least gap is {}",
            weight(sst2),
            gaps.len(),
            weight(least)
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::super::book::tests::record;
    use super::*;
    use attn_core::Record;

    fn layer(task: &str, metric: &str, values: &[f64]) -> Vec<Record> {
        values
            .iter()
            .enumerate()
            .map(|(at, &v)| {
                let metric = format!("{metric}_layer_mean");
                record(task, (Some(at), None), &metric, (v, v - 0.01, v + 0.01))
            })
            .collect()
    }

    #[test]
    fn the_last_two_layers_are_found_and_qqp_is_the_exception() {
        let mut records = layer("RTE", "cosine_paper", &[0.9, 0.9, 0.5, 0.4]);
        records.extend(layer("QQP", "cosine_paper", &[0.9, 0.9, 0.5, 0.4]));
        records.extend(layer("MRPC", "cosine_paper", &[0.9, 0.3, 0.5, 0.4]));
        records.extend(layer("MNLI", "cosine_paper", &[0.9, 0.505, 0.5, 0.4]));
        let verdicts: Vec<Verdict> = findings(&Book::new(&records))
            .into_iter()
            .map(|f| f.verdict)
            .collect();
        use Verdict::{DoesNotHold, Holds, Inconclusive};
        assert_eq!(verdicts, [Holds, DoesNotHold, DoesNotHold, Inconclusive]);
    }

    #[test]
    fn separators_are_compared_across_tasks_and_layers() {
        let mut records = layer("SST-2", "attention_to_sep", &[0.1, 0.5]);
        records.extend(layer("SST-2", "attention_to_cls", &[0.5, 0.1]));
        records.extend(layer("RTE", "attention_to_sep", &[0.1, 0.3]));
        records.extend(layer("RTE", "attention_to_cls", &[0.1, 0.5]));
        let found = findings(&Book::new(&records));
        let verdict = |claim: &str, task: &str| {
            let of = |f: &&Finding| f.claim == claim && f.task.as_deref() == Some(task);
            found.iter().find(of).unwrap().verdict
        };
        assert_eq!(verdict("sst2-sep-greater", "SST-2"), Verdict::Holds);
        assert_eq!(verdict("cls-early-sep-late", "SST-2"), Verdict::Holds);
        assert_eq!(verdict("cls-early-sep-late", "RTE"), Verdict::DoesNotHold);
    }

    #[test]
    fn a_stripe_on_nouns_speaks_against_the_paper() {
        let at = |head| (Some(0), Some(head));
        let of =
            |head, metric: &str, v: f64| record("RTE", at(head), metric, (v, v - 0.01, v + 0.01));
        let records = [
            of(0, "attention_to_cls", 0.4),
            of(0, "attention_to_noun", 0.1),
            of(1, "attention_to_sep", 0.1),
            of(1, "attention_to_noun", 0.4),
            of(2, "attention_to_sep", 0.01),
            of(2, "attention_to_noun", 0.02),
        ];
        let found = findings(&Book::new(&records));
        assert_eq!(found[0].claim, "vertical-is-special");
        assert_eq!(found[0].verdict, Verdict::DoesNotHold);
        assert_eq!((found[0].value, found[0].ci_high), (Some(0.5), None));
    }

    /// Heads that nothing decides are no end of an interval.
    #[test]
    fn open_heads_leave_the_verdict_open() {
        let at = |head| (Some(0), Some(head));
        let mut records = Vec::new();
        for head in 0..4 {
            let special = if head == 0 { 0.21 } else { 0.4 };
            for (feature, v) in [("cls", special), ("noun", 0.2)] {
                let metric = format!("attention_to_{feature}");
                records.push(record("RTE", at(head), &metric, (v, v - 0.02, v + 0.02)));
            }
        }
        let found = findings(&Book::new(&records)).remove(0);
        assert_eq!(found.verdict, Verdict::Inconclusive);
        assert_eq!(
            (found.value, found.ci_low, found.ci_high),
            (Some(0.75), None, None)
        );
        assert!(
            found.finding.contains("1 are open (the"),
            "{}",
            found.finding
        );
    }

    fn nouns(rise: f64, after: f64) -> Finding {
        let mut records = layer("RTE", "attention_to_cls", &[0.31]);
        records.extend(layer("RTE", "attention_to_sep", &[0.05]));
        let at = (Some(0), Some(0));
        for (metric, v) in [
            ("difference_attention_to_noun", rise),
            ("attention_to_noun", after),
        ] {
            records.push(record("RTE", at, metric, (v, v - 0.005, v + 0.005)));
        }
        let found = findings(&Book::new(&records));
        let mut found = found
            .into_iter()
            .filter(|f| f.claim == "features-negligible");
        found.next().unwrap()
    }

    #[test]
    fn negligible_is_a_tenth_and_has_to_be_shown() {
        // 0.27 beside 0.31.
        assert_eq!(nouns(0.1, 0.27).verdict, Verdict::DoesNotHold);
        assert_eq!(nouns(0.05, 0.02).verdict, Verdict::Holds);
        assert_eq!(nouns(0.05, 0.031).verdict, Verdict::Inconclusive);
        // Not raised for sure, and for sure by nothing worth speaking of.
        assert_eq!(nouns(0.011, 0.02).verdict, Verdict::Inconclusive);
        assert_eq!(nouns(0.001, 0.02).verdict, Verdict::DoesNotHold);
    }
}
