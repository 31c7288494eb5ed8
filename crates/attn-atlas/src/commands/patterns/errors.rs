//! `attn patterns errors`: how the network errs before and after fine-tuning, on single texts and on
//! pairs, and what correcting for it does where the labels are known.

use super::evaluate::{
    PredictionRow, REPLICATES, built_in_predictions, confusion_table, read_predictions,
};
use super::write_text;
use crate::cli::ErrorsArgs;
use crate::run::Run;
use attn_core::{Pattern, Record};
use attn_figures::{Cell, Column, Table};
use attn_patterns::correction::{self, Validation};
use attn_patterns::score::Outcome;
use attn_patterns::store::Drawn;
use attn_patterns::{ErrorRates, Known, State, Stratum};
use attn_stats::{Estimate, Resampler};
use serde_json::json;

/// What the network adds to each pattern's proportion in one set of maps.
struct Bias {
    maps: String,
    n: usize,
    estimates: [Estimate; 5],
}

/// Counts, tries the correction, writes tables and records.
pub fn run(args: &ErrorsArgs) -> anyhow::Result<()> {
    let rows = match &args.errors {
        Some(path) => read_predictions(path)?,
        None => built_in_predictions()?,
    };
    let known: Vec<Known> = rows.iter().filter_map(PredictionRow::known).collect();
    anyhow::ensure!(
        !known.is_empty(),
        "no map that was drawn at random: error rates of searched-for maps are not those of others"
    );
    let config = json!({ "experiment": "patterns-errors", "maps": known.len(), "rounds": args.rounds,
        "replicates": REPLICATES });
    let mut run = Run::open(args.out.clone(), config, args.seed, "none".to_owned(), &[])?;
    if let Some(path) = &args.errors {
        run.read([crate::run::input_file("known errors", path)?]);
    }
    let resampler = Resampler::new(args.seed, REPLICATES);
    let rates = ErrorRates::new(&known, args.seed, 0);
    let biases = biases(&rows, &known, &resampler);
    let validations = correction::validate(&known, args.rounds, args.seed);
    let tables = args.out.join("tables");
    let mut text = bias_table(&biases, args.seed).markdown();
    for stratum in Stratum::ALL {
        text.push('\n');
        match rates.counts(stratum) {
            Some(counts) => {
                let title = format!(
                    "{}: labels (rows) and what it says (columns)",
                    stratum.name()
                );
                text.push_str(&confusion_table(&title, counts).markdown());
            }
            None => {
                let note = format!(
                    "{}: no labelled map that was drawn at random, so that its errors are not known",
                    stratum.name()
                );
                text.push_str(&format!("{note}.\n"));
                run.note([note]);
            }
        }
    }
    write_text(&tables.join("error-rates.md"), &text)?;
    write_text(
        &tables.join("error-rates.csv"),
        &bias_table(&biases, args.seed).csv(),
    )?;
    print!(
        "{text}\n{}",
        validation_table(&validations, args.seed).markdown()
    );
    let table = validation_table(&validations, args.seed);
    write_text(&tables.join("correction.md"), &table.markdown())?;
    write_text(&tables.join("correction.csv"), &table.csv())?;
    let records = records(run.name(), &biases, &validations, args.seed);
    let folder = run.finish(&records)?;
    println!("{}", folder.display());
    Ok(())
}

/// By stratum; then what fine-tuning adds, for pairs, and for each model whose maps of both states
/// are labelled.
fn biases(rows: &[PredictionRow], known: &[Known], resampler: &Resampler) -> Vec<Bias> {
    let mut biases = Vec::new();
    let mut add = |maps: String, after: &[Outcome], before: Option<&[Outcome]>| {
        let estimates = match before {
            Some([]) => None,
            Some(before) => correction::bias_change(after, before, resampler),
            None => correction::bias(after, resampler),
        };
        let n = after.len() + before.map_or(0, <[Outcome]>::len);
        biases.extend(estimates.map(|estimates| Bias { maps, n, estimates }));
    };
    let of = |stratum: Stratum| -> Vec<Outcome> {
        let own = known.iter().filter(|k| k.stratum == stratum);
        own.map(|k| k.outcome).collect()
    };
    for stratum in Stratum::ALL {
        add(stratum.name(), &of(stratum), None);
    }
    let [before, after] =
        [State::Pretrained, State::FineTuned].map(|state| of(Stratum::new(state, true)));
    add(
        "fine-tuned less pretrained, pairs".to_owned(),
        &after,
        Some(&before),
    );
    let models: std::collections::BTreeSet<&str> = rows.iter().map(|r| r.model.as_str()).collect();
    for model in models {
        let [before, after] = [State::Pretrained, State::FineTuned].map(|state| -> Vec<Outcome> {
            let own = rows
                .iter()
                .filter(|r| r.model == model && r.state == state && r.drawn == Drawn::Balanced);
            own.map(PredictionRow::outcome).collect()
        });
        add(
            format!("fine-tuned less pretrained, {model}"),
            &after,
            Some(&before),
        );
    }
    biases
}

fn bias_table(biases: &[Bias], seed: u64) -> Table {
    let mut columns = vec![
        Column::text("labelled maps, drawn at random"),
        Column::number("n"),
    ];
    columns.extend(Pattern::ALL.map(|p| Column::number(p.title()).unit("points")));
    let rows = biases
        .iter()
        .map(|b| {
            let mut row = vec![Cell::text(&b.maps), Cell::number(b.n as f64, 0)];
            row.extend(b.estimates.map(|e| {
                let interval = e.interval.map(|i| (i.0 * 100.0, i.1 * 100.0));
                Cell::estimate(e.mean * 100.0, interval, 1)
            }));
            row
        })
        .collect();
    Table {
        title: format!(
            "What the network adds to each pattern's proportion: as sorted less as labelled [95 % interval, heads \
             resampled, seed {seed}]"
        ),
        columns,
        rows,
    }
}

fn validation_table(validations: &[Validation], seed: u64) -> Table {
    let rows = validations
        .iter()
        .map(|v| {
            vec![
                Cell::text(&v.what),
                Cell::number(v.n as f64, 0),
                Cell::number(v.sorted * 100.0, 2),
                Cell::number(v.pooled * 100.0, 2),
                Cell::number(v.corrected * 100.0, 2),
                Cell::number(v.worse * 100.0, 0),
                Cell::number(v.rounds as f64, 0),
            ]
        })
        .collect();
    Table {
        title: format!(
            "The correction on labelled maps that it has not seen: distance from the labels' proportions, mean over \
             the five patterns, in points; mean over random halves, heads kept together, seed {seed}"
        ),
        columns: vec![
            Column::text("proportions of"),
            Column::number("n"),
            Column::number("as sorted"),
            Column::number("corrected, one set of rates"),
            Column::number("corrected by state and input"),
            Column::number("worse than as sorted").unit("% of halves"),
            Column::number("halves"),
        ],
        rows,
    }
}

fn records(run: &str, biases: &[Bias], validations: &[Validation], seed: u64) -> Vec<Record> {
    let record = |split: &str, metric: String, e: Estimate| Record {
        run: run.to_owned(),
        model: "network".to_owned(),
        task: "attention-maps".to_owned(),
        split: split.to_owned(),
        experiment: "patterns-errors".to_owned(),
        layer: None,
        head: None,
        metric,
        value: e.mean,
        n: e.n,
        seed,
        ci_low: e.interval.map(|i| i.0),
        ci_high: e.interval.map(|i| i.1),
    };
    let mut records = Vec::new();
    for b in biases {
        for pattern in Pattern::ALL {
            let metric = format!("bias_{pattern}");
            records.push(record(&b.maps, metric, b.estimates[pattern.index()]));
        }
    }
    for v in validations {
        for (metric, mean) in [
            ("error_as_sorted", v.sorted),
            ("error_corrected_pooled", v.pooled),
            ("error_corrected", v.corrected),
            ("corrected_worse", v.worse),
        ] {
            let e = Estimate {
                mean,
                n: v.n,
                interval: None,
            };
            records.push(record(&v.what, metric.to_owned(), e));
        }
    }
    records
}
