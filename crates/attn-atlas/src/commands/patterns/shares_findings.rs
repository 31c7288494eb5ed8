//! What the measured proportions say: their change by fine-tuning, and the paper's claims.

use super::shares::Measured;
use super::shares_output::{paper, words};
use attn_core::{Finding, Pattern, Verdict};
use attn_figures::{Cell, Column, Table};
use attn_patterns::State;
use attn_stats::Estimate;
use attn_stats::verdict::within;

/// "At most a third to three fifths": up to 61 per cent in the paper's text.
const MOST: f64 = 0.61;

/// The change of each pattern's proportion by fine-tuning: as sorted, and corrected where both states
/// can be. `None` for what is not fine-tuned or has no counterpart.
pub fn change(
    measured: &[Measured],
    after: &Measured,
) -> Option<([Estimate; 5], Option<[Estimate; 5]>)> {
    if after.state != State::FineTuned {
        return None;
    }
    let before = measured
        .iter()
        .find(|m| m.state == State::Pretrained && m.task == after.task)?;
    let sorted = after.sorted.minus(&before.sorted).estimates();
    let corrected = after.corrected.as_ref().zip(before.corrected.as_ref());
    let corrected = corrected.map(|(after, before)| after.minus(before).estimates());
    Some((sorted, corrected))
}

/// What an interval shows of a change.
fn direction(change: &Estimate) -> &'static str {
    match change.interval {
        Some((low, _)) if low > 0.0 => "rises",
        Some((_, high)) if high < 0.0 => "falls",
        _ => "inconclusive",
    }
}

/// Changes by fine-tuning in points, as sorted and corrected.
pub fn change_table(model: &str, measured: &[Measured], seed: u64) -> Table {
    let points = |e: &Estimate| {
        let interval = e.interval.map(|i| (i.0 * 100.0, i.1 * 100.0));
        Cell::estimate(e.mean * 100.0, interval, 1)
    };
    let mut rows = Vec::new();
    for after in measured {
        let Some((sorted, corrected)) = change(measured, after) else {
            continue;
        };
        for pattern in Pattern::ALL {
            let i = pattern.index();
            let corrected = corrected.as_ref().map(|c| &c[i]);
            rows.push(vec![
                Cell::text(&after.task),
                Cell::text(pattern.title()),
                points(&sorted[i]),
                corrected.map_or(Cell::Missing, points),
                Cell::text(corrected.map_or("not corrected", direction)),
                Cell::number(after.n as f64, 0),
            ]);
        }
    }
    Table {
        title: format!(
            "Change of proportions by fine-tuning in points, {model} [95 % interval, each for itself; corrected: over \
             examples and labelled maps; seed {seed}]"
        ),
        columns: vec![
            Column::text("task"),
            Column::text("pattern"),
            Column::number("as sorted"),
            Column::number("corrected"),
            Column::text("corrected interval"),
            Column::number("n"),
        ],
        rows,
    }
}

/// What the measured proportions say about the paper's claims.
///
/// # Errors
/// A broken file of the paper's numbers.
pub fn findings(model: &str, measured: &[Measured], seed: u64) -> anyhow::Result<Vec<Finding>> {
    let paper = paper()?;
    let mut findings = Vec::new();
    // The paper's maps are of fine-tuned models; without any, those before say what they can.
    let tuned = measured.iter().any(|m| m.state == State::FineTuned);
    let state = if tuned {
        State::FineTuned
    } else {
        State::Pretrained
    };
    let chosen = || measured.iter().filter(|m| m.state == state);
    for m in chosen() {
        let i = Pattern::Heterogeneous.index();
        let corrected = m.corrected.as_ref().map(|c| c.estimates()[i]);
        let published = paper.shares.iter().find(|p| p.task == m.task);
        let published = published.and_then(|p| p.percent.get(&Pattern::Heterogeneous));
        let published = published.map_or("not given".to_owned(), |p| format!("{p:.1} %"));
        let finding = match &corrected {
            Some(e) => format!(
                "{:.1} % of the maps ({}) are heterogeneous, corrected for the network's errors; {published} in the \
                 paper's Figure 2",
                e.mean * 100.0,
                words(m.state),
            ),
            None => format!(
                "{:.1} % of the maps ({}) are sorted as heterogeneous; the network's errors there are not known (no \
                 labelled maps of '{}'); {published} in the paper's Figure 2",
                m.plain[i].mean * 100.0,
                words(m.state),
                m.stratum().name(),
            ),
        };
        let interval = corrected.and_then(|e| e.interval);
        findings.push(Finding {
            claim: "heterogeneous-share".to_owned(),
            model: model.to_owned(),
            task: Some(m.task.clone()),
            verdict: corrected.map_or(Verdict::Inconclusive, |e| within(&e, 0.0, MOST)),
            rule: format!("the 95 % interval lies below {MOST}; above it contradicts"),
            finding,
            value: Some(corrected.map_or(m.plain[i].mean, |e| e.mean)),
            ci_low: interval.map(|i| i.0),
            ci_high: interval.map(|i| i.1),
            n: m.n,
            seed,
        });
    }
    findings.push(five(model, &chosen().collect::<Vec<_>>(), seed));
    Ok(findings)
}

/// Which patterns occur in every task in which they can.
fn five(model: &str, chosen: &[&Measured], seed: u64) -> Finding {
    let corrected: Vec<&&Measured> = chosen.iter().filter(|m| m.corrected.is_some()).collect();
    let everywhere = |pattern: Pattern| {
        // Block is about two texts by definition.
        let mut able = corrected
            .iter()
            .filter(|m| m.paired || pattern != Pattern::Block)
            .peekable();
        able.peek().is_some()
            && able.all(|m| {
                let estimate = m.corrected.as_ref().map(|c| c.estimates()[pattern.index()]);
                estimate
                    .and_then(|e| e.interval)
                    .is_some_and(|i| i.0 > 0.001)
            })
    };
    let found: Vec<&str> = Pattern::ALL
        .into_iter()
        .filter(|p| everywhere(*p))
        .map(Pattern::title)
        .collect();
    let tasks: Vec<&str> = corrected.iter().map(|m| m.task.as_str()).collect();
    Finding {
        claim: "five-patterns".to_owned(),
        model: model.to_owned(),
        task: None,
        verdict: if found.len() == Pattern::ALL.len() {
            Verdict::Holds
        } else {
            Verdict::Inconclusive
        },
        rule: "all five are found in every task in which they can occur, each by the lower end of its interval"
            .to_owned(),
        finding: format!(
            "patterns of which more than one map in a thousand is found in each of {} (Block: each with two texts), \
             by the lower end of the corrected interval: {}",
            tasks.join(", "),
            found.join(", ")
        ),
        value: Some(found.len() as f64),
        ci_low: None,
        ci_high: None,
        n: corrected.iter().map(|m| m.n).sum(),
        seed,
    }
}
