//! The course of a training on disk: steps, epochs and the loss curve.

use crate::run::write_text;
use attn_core::io::write_jsonl;
use attn_figures::{LineSeries, LinesSpec};
use attn_train::History;
use std::path::Path;

/// Weight of the newest step in the smoothed loss curve.
const SMOOTHING: f64 = 0.1;

/// Writes steps, epochs and the loss curve.
///
/// # Errors
/// When a file cannot be written.
pub(super) fn write_course(folder: &Path, what: &str, history: &History) -> anyhow::Result<()> {
    let folder = folder.join("training");
    write_jsonl(&folder.join("steps.jsonl"), &history.steps)?;
    write_jsonl(&folder.join("epochs.jsonl"), &history.epochs)?;
    let mut smooth = None;
    let (mut raw, mut smoothed) = (Vec::new(), Vec::new());
    for step in &history.steps {
        let mean = smooth.map_or(step.loss, |old| {
            SMOOTHING * step.loss + (1.0 - SMOOTHING) * old
        });
        smooth = Some(mean);
        raw.push((step.step as f64, step.loss));
        smoothed.push((step.step as f64, mean));
    }
    let scores: Vec<String> = history
        .epochs
        .iter()
        .filter_map(|epoch| {
            let score = epoch.scores.first()?;
            Some(format!(
                "epoch {}: {} {:.3}",
                epoch.epoch, score.metric, score.value?
            ))
        })
        .collect();
    let spec = LinesSpec {
        title: format!("Training loss, {what}"),
        subtitle: scores.join("; "),
        series: vec![
            LineSeries {
                name: "loss of each batch".to_owned(),
                points: raw,
                ..LineSeries::default()
            },
            LineSeries {
                name: "running mean over about 10 batches".to_owned(),
                points: smoothed,
                ..LineSeries::default()
            },
        ],
        x_label: "step".to_owned(),
        y_label: "loss".to_owned(),
        ..LinesSpec::default()
    };
    spec.render()?.write(&folder, "loss-curve")?;
    let mut text = String::from("epoch,loss,metric,value\n");
    for epoch in &history.epochs {
        for score in &epoch.scores {
            let value = score.value.map_or(String::new(), |v| v.to_string());
            text.push_str(&format!(
                "{},{},{},{value}\n",
                epoch.epoch, epoch.loss, score.metric
            ));
        }
    }
    write_text(&folder.join("epochs.csv"), &text)
}
