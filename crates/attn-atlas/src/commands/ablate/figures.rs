//! `attn ablate figures`: several runs in one figure.

use super::CLAIMS;
use crate::ablation::claims::Claim;
use crate::ablation::figures::{figure_8, figure_9, forest};
use crate::ablation::groups::{Group, groups};
use crate::ablation::tables;
use crate::cli::AblateFiguresArgs;
use crate::run::RunFolder;
use anyhow::Context;
use attn_core::io::read_jsonl;
use attn_core::{Metric, Record, Task};
use std::path::{Path, PathBuf};

/// Draws the figures of the runs given and writes one table of their claims.
pub fn run(args: &AblateFiguresArgs) -> anyhow::Result<()> {
    let mut records: Vec<Record> = Vec::new();
    let mut claims: Vec<Claim> = Vec::new();
    for run in &args.runs {
        anyhow::ensure!(
            run.join("manifest.json").is_file(),
            "{}: not a finished run of attn ablate (no manifest.json); run it to its end first",
            run.display()
        );
        records.extend(crate::findings::records(run)?);
        let path = run.join(CLAIMS);
        anyhow::ensure!(
            path.is_file(),
            "{}: not a run of attn ablate (no {CLAIMS})",
            run.display()
        );
        let found = read_jsonl::<Claim>(&path).context("claims")?;
        // By today's rules, whichever wrote them.
        claims.extend(found.into_iter().map(Claim::judged));
    }
    let inputs: Vec<&Path> = args.runs.iter().map(PathBuf::as_path).collect();
    let settings = serde_json::json!({
        "experiment": "ablate figures", "runs": args.runs, "metric": args.metric,
    });
    let _place = RunFolder::take(&args.out, &settings, &inputs)?;
    let written = write(&records, args.metric, &args.out.join("figures"))?;
    let shown = |c: &Claim| {
        let main = c.task.parse::<Task>().ok();
        let main = main.and_then(|t| t.metrics().first().copied());
        args.metric.or(main).is_none_or(|m| m == c.metric)
    };
    claims.retain(shown);
    let order = |c: &Claim| {
        let task = c.task.parse::<Task>().ok();
        task.and_then(|t| Task::ALL.iter().position(|&k| k == t))
    };
    claims.sort_by_key(|c| order(c).unwrap_or(usize::MAX));
    let groups = groups(&records, args.metric)?;
    correct_together(&mut claims, &groups);
    let heading = format!("Section 4.6's claims on {} runs", args.runs.len());
    let table = tables::claims(&heading, &claims);
    println!("{}", table.plain());
    let path = tables::write(&table, &args.out.join("tables"), "claims")?;
    let heading = format!(
        "Differences to the baseline that remain significant (p < 0.05) when the {} sweeps are corrected one by one and together",
        groups.len()
    );
    let table = tables::remaining(&heading, &groups);
    println!("{}", table.plain());
    let remaining = tables::write(&table, &args.out.join("tables"), "remaining")?;
    for path in written.iter().chain([&path, &remaining]) {
        println!("{}", path.display());
    }
    Ok(())
}

/// Gives each claim that was corrected over its sweep its p-value corrected by Holm over the sweeps of all tasks. Holm's
/// correction gives equal p-values the same, so that a claim's is that of the variant with its p-value.
fn correct_together(claims: &mut [Claim], groups: &[Group]) {
    let all: Vec<&Group> = groups.iter().collect();
    let corrected = tables::over_all(&all);
    for claim in claims.iter_mut().filter(|c| c.holm.is_some()) {
        let of = |(group, _): &(&Group, &Vec<f64>)| {
            (&group.model, &group.task, &group.mode) == (&claim.model, &claim.task, &claim.mode)
                && group.metric == claim.metric.name()
        };
        let Some((group, corrected)) = groups.iter().zip(&corrected).find(of) else {
            continue;
        };
        // JSON may give a number's last bit wrong.
        let same = |p: f64| (p - claim.p).abs() <= 1e-12 * claim.p;
        let at = group.differences.iter().position(|d| same(d.p));
        claim.holm_all = at.and_then(|at| corrected.get(at)).copied();
    }
}

/// Draws what the records allow: Figure 8 needs every single head, Figure 9 every layer. Gives the
/// files.
pub fn write(
    records: &[Record],
    metric: Option<Metric>,
    folder: &Path,
) -> anyhow::Result<Vec<PathBuf>> {
    let groups = groups(records, metric)?;
    let mut written = Vec::new();
    if let Some(figure) = figure_8(&groups) {
        written.extend(figure.render()?.write(folder, "figure-8-heads")?);
    }
    if let Some(figure) = figure_9(&groups) {
        written.extend(figure.render()?.write(folder, "figure-9-layers")?);
    }
    if let Some(figure) = forest(&groups) {
        written.extend(figure.render()?.write(folder, "ablation-forest")?);
    }
    Ok(written)
}
