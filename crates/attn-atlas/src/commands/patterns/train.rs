//! `attn patterns train`.

use super::{LabelledMaps, recipe};
use crate::cli::PatternTrainArgs;
use crate::progress::Progress;
use crate::stop_if_interrupted;
use attn_core::place::{Output, check};
use attn_patterns::train::train;
use attn_patterns::{StoredMap, TrainError};
use std::collections::BTreeMap;
use std::ops::ControlFlow;

/// Trains on all labelled maps and writes the weights.
pub fn run(args: &PatternTrainArgs) -> anyhow::Result<()> {
    let labelled = &args.labelled;
    let device = labelled.backend.device(labelled.device)?;
    let data = LabelledMaps::read(&labelled.maps, labelled.labels.as_deref())?;
    check(
        &args.out,
        Output::Marked(&[b"attention-atlas patterns"]),
        &[],
    )?;
    let recipe = recipe(labelled);
    let maps: Vec<&StoredMap> = data.maps.iter().collect();
    let mut progress = Progress::new("training, epochs", recipe.epochs as u64);
    let mut last = f32::NAN;
    let trained = train(&maps, &data.labels, &recipe, &device, |_, loss| {
        last = loss;
        progress.add(1);
        if stop_if_interrupted().is_err() {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    });
    if matches!(trained, Err(TrainError::Stopped { .. })) {
        stop_if_interrupted()?;
    }
    let weights = trained?;
    progress.finish();
    let mut notes = BTreeMap::from([
        ("recipe".to_owned(), serde_json::to_string(&recipe)?),
        ("maps".to_owned(), maps.len().to_string()),
    ]);
    for input in &data.inputs {
        notes.insert(format!("sha256 {}", input.file), input.sha256.clone());
    }
    weights.write(&args.out, &notes)?;
    println!(
        "{} (mean loss of the last epoch {last:.3})",
        args.out.display()
    );
    Ok(())
}
