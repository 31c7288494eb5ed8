//! Sections 4.3 and 4.4 on the maps: which layers change, and what columns stand on.

use super::book::{Book, Number, name, weight};
use attn_figures::claims::{Finding, Verdict};

/// Linguistic features of Section 4.4.
const LINGUISTIC: [&str; 6] = ["noun", "verb", "pronoun", "subject", "object", "negation"];
/// Features whose attention Section 4.4 says fine-tuning raises, and on which tasks.
const RAISED: [(&str, &[&str]); 3] = [
    ("noun", &["MRPC", "RTE", "QQP"]),
    ("object", &["MRPC", "RTE", "QQP"]),
    ("negation", &["QNLI"]),
];
/// From this share of all attention on, a column is a stripe: an even map of 10 tokens has 0.1.
const STRIPE: f64 = 0.1;

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
fn layers(book: &Book<'_>, task: &str, metric: &str) -> Vec<Number> {
    let metric = format!("{metric}_layer_mean");
    (0..book.grid().0)
        .map_while(|layer| book.number(task, Some(layer), None, &metric))
        .collect()
}

fn changed_most(book: &Book<'_>, task: &str) -> Option<Finding> {
    let means = layers(book, task, "cosine_paper");
    let (early, last) = means.split_at_checked(means.len().checked_sub(2)?)?;
    let least_early = early.iter().copied().reduce(lower)?;
    let greatest_last = last.iter().copied().reduce(higher)?;
    let gap = least_early.minus(greatest_last);
    let mut order: Vec<usize> = (0..means.len()).collect();
    order.sort_by(|&a, &b| means[a].value.total_cmp(&means[b].value));
    let last_two = gap.positive();
    // The paper names QQP as the exception.
    let verdict = match (task, last_two) {
        ("QQP", Verdict::Holds) => Verdict::DoesNotHold,
        ("QQP", Verdict::DoesNotHold) => Verdict::Holds,
        (_, verdict) => verdict,
    };
    book.finding(
        "last-two-layers",
        Some(task),
        verdict,
        gap,
        format!(
            "layers {} and {} of {} change most; similarity of the earlier layer that changes most, less that of \
             the last two's that changes less: {}",
            order.first()? + 1,
            order.get(1)? + 1,
            means.len(),
            weight(gap)
        ),
    )
}

fn lower(a: Number, b: Number) -> Number {
    if b.value < a.value { b } else { a }
}

fn higher(a: Number, b: Number) -> Number {
    if b.value > a.value { b } else { a }
}

/// Whether stripes stand on special tokens and not on linguistic features.
fn stripes(book: &Book<'_>, task: &str) -> Option<Finding> {
    let (layers, heads) = book.grid();
    let at = |layer, head, feature: &str| {
        book.number(
            task,
            Some(layer),
            Some(head),
            &format!("attention_to_{feature}"),
        )
    };
    let (mut special, mut linguistic, mut open) = (0_usize, 0_usize, 0_usize);
    let mut n = usize::MAX;
    for layer in 0..layers {
        for head in 0..heads {
            let own = ["cls", "sep"]
                .iter()
                .filter_map(|f| at(layer, head, f))
                .reduce(higher)?;
            let Some(other) = LINGUISTIC
                .iter()
                .filter_map(|f| at(layer, head, f))
                .reduce(higher)
            else {
                continue;
            };
            if own.value.max(other.value) < STRIPE {
                continue;
            }
            n = n.min(own.n);
            match own.minus(other).positive() {
                Verdict::Holds => special += 1,
                Verdict::DoesNotHold => linguistic += 1,
                Verdict::CannotBeTold => open += 1,
            }
        }
    }
    let all = special + linguistic + open;
    if all == 0 {
        return None;
    }
    let share = |count: usize| count as f64 / all as f64;
    // "Hardly ever": in at most one stripe of twenty.
    let verdict = if share(linguistic + open) <= 0.05 {
        Verdict::Holds
    } else if share(linguistic) > 0.05 {
        Verdict::DoesNotHold
    } else {
        Verdict::CannotBeTold
    };
    book.finding(
        "vertical-is-special",
        Some(task),
        verdict,
        Number {
            value: share(special),
            low: share(special),
            high: share(special + open),
            n,
        },
        format!(
            "{all} heads give some feature {STRIPE} or more; the strongest is [CLS] or [SEP] in {special}, a noun, verb, \
             pronoun, subject, object or negation in {linguistic}, either in {open}"
        ),
    )
}

/// `[CLS]` in the first half of the layers, `[SEP]` in the second.
fn early_and_late(book: &Book<'_>, task: &str) -> Option<Finding> {
    let halves = |feature: &str| {
        let means = layers(book, task, &format!("attention_to_{feature}"));
        let (early, late) = means.split_at(means.len() / 2);
        Some((Number::mean(early)?, Number::mean(late)?))
    };
    let (cls, sep) = (halves("cls")?, halves("sep")?);
    let (cls_early, sep_late) = (cls.0.minus(cls.1), sep.1.minus(sep.0));
    let verdict = match (cls_early.positive(), sep_late.positive()) {
        (Verdict::Holds, Verdict::Holds) => Verdict::Holds,
        (Verdict::DoesNotHold, _) | (_, Verdict::DoesNotHold) => Verdict::DoesNotHold,
        _ => Verdict::CannotBeTold,
    };
    book.finding(
        "cls-early-sep-late",
        Some(task),
        verdict,
        lower(cls_early, sep_late),
        format!(
            "attention to [CLS], first half of the layers less second: {}; to [SEP], second less first: {}",
            weight(cls_early),
            weight(sep_late)
        ),
    )
}

/// What fine-tuning raises most, beside what the special tokens get.
fn raised(book: &Book<'_>, task: &str) -> Option<Finding> {
    let features: Vec<&str> = RAISED
        .iter()
        .filter(|(_, tasks)| tasks.contains(&task))
        .map(|(feature, _)| *feature)
        .collect();
    let means = |feature| layers(book, task, &format!("attention_to_{feature}"));
    let special = ["cls", "sep"].map(|f| Number::mean(&means(f)));
    let special = special.into_iter().flatten().reduce(higher)?;
    let mut words = Vec::new();
    let (mut any, mut deciding) = (false, None::<Number>);
    for feature in features {
        let raises = book.heads(task, &format!("difference_attention_to_{feature}"));
        let count = raises.iter().filter(|r| r.2.low > 0.0).count();
        let &(layer, head, rise) = raises
            .iter()
            .max_by(|a, b| a.2.value.total_cmp(&b.2.value))?;
        let after = book.number(
            task,
            Some(layer),
            Some(head),
            &format!("attention_to_{feature}"),
        )?;
        any |= count > 0;
        words.push(format!(
            "{feature}: raised in {count} of {} heads, most in {} by {} to {:.3}",
            raises.len(),
            name((layer, head)),
            weight(rise),
            after.value
        ));
        let below = special.minus(after);
        deciding = Some(deciding.map_or(below, |d| lower(d, below)));
    }
    let deciding = deciding?;
    book.finding(
        "features-negligible",
        Some(task),
        if any {
            deciding.positive()
        } else {
            Verdict::DoesNotHold
        },
        deciding,
        format!(
            "{}; the mean head gives [CLS] or [SEP], the stronger of the two, {}",
            words.join("; "),
            weight(special)
        ),
    )
}

/// SST-2's only separator against the two of other tasks.
fn one_separator(book: &Book<'_>) -> Option<Finding> {
    let mean = |task: &str| Number::mean(&layers(book, task, "attention_to_sep"));
    let sst2 = mean("SST-2")?;
    let others: Vec<(&str, Number)> = book
        .tasks()
        .into_iter()
        .filter(|task| *task != "SST-2")
        .filter_map(|task| Some((task, sst2.minus(mean(task)?))))
        .collect();
    let least = others.iter().map(|(_, gap)| *gap).reduce(lower)?;
    let above = others.iter().filter(|(_, gap)| gap.low > 0.0).count();
    let all = others.len();
    book.finding(
        "sst2-sep-greater",
        Some("SST-2"),
        least.positive(),
        least,
        format!(
            "mean weight on [SEP] over all heads {}; greater than on {above} of {all} other tasks; the least gap is {}",
            weight(sst2),
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
        use Verdict::*;
        assert_eq!(verdicts, [Holds, DoesNotHold, DoesNotHold, CannotBeTold]);
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
        assert_eq!(found[0].value, Some(0.5));
    }
}
