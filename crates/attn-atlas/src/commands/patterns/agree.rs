//! `attn patterns agree`: two labelling passes, how well they agree, and what they end in.

use super::write_text;
use crate::cli::AgreeArgs;
use attn_core::Pattern;
use attn_figures::{Cell, Column, Table};
use attn_patterns::labels::{self, Agreement};
use attn_patterns::score::{self, Confusion, Outcome};
use attn_patterns::{MapEntry, folds, store};
use attn_stats::Resampler;
use std::collections::BTreeMap;

/// Bootstrap samples behind each interval.
const REPLICATES: usize = 1000;

/// Compares the passes.
pub fn run(args: &AgreeArgs) -> anyhow::Result<()> {
    let maps = store::read(&args.maps)?;
    let (first, second) = (labels::read(&args.first)?, labels::read(&args.second)?);
    let third = match &args.third {
        Some(path) => labels::read(path)?,
        None => BTreeMap::new(),
    };
    for (path, labels) in [(&args.first, &first), (&args.second, &second)] {
        let missing: Vec<&str> = maps
            .iter()
            .map(|m| m.entry.id.as_str())
            .filter(|id| !labels.contains_key(*id))
            .collect();
        if !missing.is_empty() {
            eprintln!(
                "note: {}: {} maps have no label, {} among them",
                path.display(),
                missing.len(),
                missing[0]
            );
        }
        let known = |id: &String| maps.iter().any(|m| m.entry.id == *id);
        if let Some(id) = labels.keys().find(|id| !known(id)) {
            anyhow::bail!(
                "{}: label of '{id}', which is no map of {}",
                path.display(),
                args.maps.display()
            );
        }
    }
    let agreement = Agreement::of(&first, &second);
    let entries: Vec<&MapEntry> = maps.iter().map(|m| &m.entry).collect();
    let groups = folds::groups(&entries);
    let outcomes: Vec<Outcome> = entries
        .iter()
        .zip(&groups)
        .filter_map(|(entry, &group)| {
            Some(Outcome {
                truth: first.get(&entry.id)?.pattern,
                predicted: second.get(&entry.id)?.pattern,
                group,
            })
        })
        .collect();
    let settings = serde_json::json!({
        "experiment": "patterns agree", "first": args.first, "second": args.second,
        "third": args.third, "maps": args.maps, "seed": args.seed,
    });
    let _place = crate::run::RunFolder::take(&args.out, &settings, &[])?;
    let (text, csv) = report(&agreement, &outcomes, args.seed)?;
    print!("{text}");
    write_text(&args.out.join("agreement.md"), &text)?;
    write_text(&args.out.join("agreement.csv"), &csv)?;
    let (settled, open) = labels::settle(&first, &second, &third);
    let list: String = agreement
        .differ
        .iter()
        .map(|id| format!("{id}\n"))
        .collect();
    if !open.is_empty() {
        write_text(&args.out.join("differing.txt"), &list)?;
    }
    if open.is_empty() && settled.len() == maps.len() {
        let path = args.out.join("labels.csv");
        labels::write_settled(&path, &settled)?;
        println!("\n{}", path.display());
    } else {
        let unlabelled = maps.len() - settled.len() - open.len();
        println!(
            "\nno labels.csv yet: {} maps need a third look, {unlabelled} lack a label in one of the passes",
            open.len()
        );
    }
    Ok(())
}

fn report(
    agreement: &Agreement,
    outcomes: &[Outcome],
    seed: u64,
) -> anyhow::Result<(String, String)> {
    let resampled = score::replicates(outcomes, &Resampler::new(seed, REPLICATES));
    let estimate = |statistic: &dyn Fn(&Confusion) -> Option<f64>| {
        score::estimate(outcomes, &resampled, statistic)
    };
    let mut rows = Vec::new();
    let mut add = |name: String, estimate: Option<attn_stats::Estimate>, n: f64| {
        let cell = estimate.map_or(Cell::text("-"), |e| Cell::estimate(e.mean, e.interval, 3));
        rows.push(vec![Cell::text(name), cell, Cell::number(n, 0)]);
    };
    let total = agreement.confusion.total();
    anyhow::ensure!(total > 0.0, "the passes have no map in common");
    add(
        "Cohen's kappa".to_owned(),
        estimate(&Confusion::kappa),
        total,
    );
    add(
        "share of maps with the same label".to_owned(),
        estimate(&Confusion::accuracy),
        total,
    );
    // What a classifier could reach that agrees with either pass as well as the other does.
    add(
        "macro-F1 of one pass against the other".to_owned(),
        estimate(&Confusion::macro_f1),
        total,
    );
    for class in Pattern::ALL {
        // Dice's coefficient of two sets of maps is F1 with either pass as the truth.
        let either = agreement.confusion.support(class);
        add(
            format!("{}: agreement (F1)", class.title()),
            estimate(&|c| c.f1(class)),
            either,
        );
    }
    let scores = Table {
        title: format!("Two labelling passes, [95 % interval, heads resampled, seed {seed}]"),
        columns: vec![
            Column::text("measure"),
            Column::number("value"),
            Column::number("n (first pass)"),
        ],
        rows,
    };
    let confusion = super::evaluate::confusion_table(
        "First pass (rows) against second pass (columns)",
        &agreement.confusion,
    );
    let text = format!("{}\n{}", scores.markdown(), confusion.markdown());
    Ok((text, scores.csv()))
}
