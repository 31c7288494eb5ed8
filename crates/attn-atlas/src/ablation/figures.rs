//! Figures 8 and 9, and the differences that survive correction, of one or several sweeps.

use super::cumulative::Curve;
use super::groups::{Difference, Group};
use attn_core::HeadGrid;
use attn_figures::{
    BarSeries, BarsPanelsSpec, BarsSpec, Baseline, ForestRow, ForestSpec, HeatmapSpec, LineSeries,
    LinesSpec, MeasuredGrid, Panel, ScaleMode,
};

/// Rows of a forest plot for each sweep, at most; the largest differences stay.
const MOST_ROWS: usize = 40;
/// Rows where nothing survives.
const FEW_ROWS: usize = 10;

/// What the groups share, for footers: the model if it is one, the mode, the split, the seed.
fn common(groups: &[Group]) -> String {
    let one = |f: fn(&Group) -> String| {
        let mut values: Vec<String> = groups.iter().map(f).collect();
        values.sort();
        values.dedup();
        values.join(", ")
    };
    let (models, modes) = (one(|g| g.model.clone()), one(|g| g.mode.clone()));
    let (splits, seeds) = (one(|g| g.split.clone()), one(|g| g.seed.to_string()));
    format!("model {models}; {splits} examples; mode {modes}; seed {seeds}")
}

fn is_one<T: PartialEq>(groups: &[Group], f: impl Fn(&Group) -> T) -> bool {
    groups.windows(2).all(|w| f(&w[0]) == f(&w[1]))
}

/// A panel's title: the task, with the model and mode where these differ between panels.
fn title(groups: &[Group], group: &Group) -> String {
    let mut parts = vec![group.task.clone()];
    // Fine-tuned models differ by task anyway; their names matter when a task occurs twice.
    let twice = groups.iter().filter(|g| g.task == group.task).count() > 1;
    if twice && !is_one(groups, |g| g.model.clone()) {
        parts.push(group.model.clone());
    }
    if !is_one(groups, |g| g.mode.clone()) {
        parts.push(group.mode.clone());
    }
    parts.join(", ")
}

fn metric_words(name: &str) -> String {
    // The panel's title says what was refitted.
    let name = name.strip_suffix("_refitted").unwrap_or(name);
    match name {
        "f1" => "F1".to_owned(),
        "pearson_spearman" => "mean of Pearson and Spearman".to_owned(),
        "matthews" => "Matthews correlation".to_owned(),
        other => other.to_owned(),
    }
}

/// Follows the title of a panel whose thresholds were refitted.
const REFITTED: &str = ", threshold refitted";

/// The sweeps to show, each followed by the same after refitting thresholds, and panels in a row so that both stand
/// side by side. Regressions, which have no threshold and so no second panel, come last.
fn pairs(
    groups: &[Group],
    wanted: impl Fn(&Group) -> bool,
) -> (Vec<(&Group, &'static str)>, Option<usize>) {
    let shown = groups.iter().filter(|g| wanted(g));
    let (with, without): (Vec<&Group>, Vec<&Group>) = shown.partition(|g| g.refitted.is_some());
    let mut panels = Vec::new();
    for group in &with {
        panels.push((*group, ""));
        panels.extend(group.refitted.as_deref().map(|g| (g, REFITTED)));
    }
    panels.extend(without.iter().map(|g| (*g, "")));
    let columns = match with.len() {
        0 => None,
        1 => Some(2),
        _ => Some(4),
    };
    (panels, columns)
}

/// Figure 8: the score without each head, a panel a sweep and one for the score after refitting thresholds; the orange line on its colour bar is the
/// score with all heads, a dot marks heads whose difference survives correction. `None` when no
/// sweep has all single heads.
pub fn figure_8(groups: &[Group]) -> Option<HeatmapSpec> {
    let (all, columns) = pairs(groups, |g| g.heads.is_some());
    let shown: Vec<(&Group, HeadGrid<f64>, &str)> = all
        .into_iter()
        .filter_map(|(g, what)| Some((g, g.head_points()?, what)))
        .collect();
    if shown.is_empty() {
        return None;
    }
    let panels = shown.iter().map(|(g, grid, what)| {
        let higher = grid
            .values()
            .iter()
            .filter(|v| **v > 100.0 * g.baseline.0)
            .count();
        Panel {
            title: format!("{}{what}", title(groups, g)),
            grid: grid.clone(),
            note: format!(
                "{}; n = {}; {higher} of {} above {:.1}",
                metric_words(&g.metric),
                g.n,
                grid.values().len(),
                100.0 * g.baseline.0
            ),
        }
    });
    Some(HeatmapSpec {
        title: "Performance while disabling one head at a time".to_owned(),
        subtitle: "Score of the fine-tuned model in points of 100, as predicted and with each variant's threshold refitted on \
                   other examples; darker is better"
            .to_owned(),
        panels: panels.collect(),
        scale: ScaleMode::PerPanel,
        value_label: "score without the head".to_owned(),
        columns,
        baselines: shown.iter().map(|s| 100.0 * s.0.baseline.0).collect(),
        baseline_label: "no head disabled".to_owned(),
        dots: shown.iter().map(|s| s.0.surviving_heads()).collect(),
        dot_label: "difference survives Holm's correction over the sweep (p < 0.05)".to_owned(),
        footer: format!("{}; after Kovaleva et al. 2019, Figure 8", common(groups)),
        ..HeatmapSpec::default()
    })
}

/// Figure 9: the score without each layer, with the line of the score with all heads; a panel a
/// sweep. `None` when no sweep has all layers.
pub fn figure_9(groups: &[Group]) -> Option<BarsPanelsSpec> {
    let (shown, columns) = pairs(groups, |g| !g.layers.is_empty());
    if shown.is_empty() {
        return None;
    }
    let panels = shown.iter().map(|(g, what)| {
        let (value, _) = g.baseline;
        BarsSpec {
            title: format!("{}{what}", title(groups, g)),
            subtitle: format!("n = {}; no head disabled: {:.1}", g.n, 100.0 * value),
            categories: (1..=g.layers.len()).map(|l| l.to_string()).collect(),
            series: vec![BarSeries {
                name: "all heads of the layer disabled, with 95 % interval".to_owned(),
                values: g.layers.iter().map(|l| 100.0 * l.0).collect(),
                intervals: g
                    .layers
                    .iter()
                    .map(|l| l.1.map(|(low, high)| (100.0 * low, 100.0 * high)))
                    .collect(),
            }],
            baseline: Some(Baseline {
                name: "no head disabled".to_owned(),
                value: 100.0 * value,
            }),
            x_label: "Layer".to_owned(),
            y_label: metric_words(&g.metric),
            range: Some(range(g)),
            ..BarsSpec::default()
        }
    });
    Some(BarsPanelsSpec {
        title: "Performance while disabling one layer at a time".to_owned(),
        subtitle: "Score of the fine-tuned model in points of 100, all heads of a layer disabled, as predicted and with each \
                   variant's threshold refitted on other examples"
            .to_owned(),
        panels: panels.collect(),
        columns,
        footer: format!("{}; after Kovaleva et al. 2019, Figure 9", common(groups)),
    })
}

/// From a little under the lowest interval to a little over the highest, in whole fives: bars from
/// zero would hide differences of a point.
fn range(group: &Group) -> (f64, f64) {
    let ends = group.layers.iter().chain([&group.baseline]);
    let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
    for (value, interval) in ends {
        let (a, b) = interval.unwrap_or((*value, *value));
        low = low.min(100.0 * a);
        high = high.max(100.0 * b);
    }
    let down = ((low - 1.0) / 5.0).floor() * 5.0;
    let up = ((high + 1.0) / 5.0).ceil() * 5.0;
    (if low >= 0.0 { down.max(0.0) } else { down }, up)
}

/// The differences that survive correction, the largest first within each sweep; where none does,
/// the largest few, and the figure says so. `None` without any difference.
pub fn forest(groups: &[Group]) -> Option<ForestSpec> {
    let mut rows = Vec::new();
    let (mut surviving, mut tested, mut cut) = (0, 0, 0);
    for group in groups {
        tested += group.differences.len();
        surviving += group.differences.iter().filter(|d| d.survives()).count();
    }
    for group in groups {
        let wanted = |d: &&Difference| surviving == 0 || d.survives();
        let mut chosen: Vec<&Difference> = group.differences.iter().filter(wanted).collect();
        chosen.sort_by(|a, b| b.value.abs().total_cmp(&a.value.abs()));
        let most = if surviving == 0 { FEW_ROWS } else { MOST_ROWS };
        cut += chosen.len().saturating_sub(most);
        chosen.truncate(most);
        chosen.sort_by(|a, b| b.value.total_cmp(&a.value));
        for (index, difference) in chosen.into_iter().enumerate() {
            let heading = format!(
                "{} ({}), n = {}",
                title(groups, group),
                metric_words(&group.metric),
                group.n
            );
            rows.push(ForestRow {
                label: difference.name.clone(),
                estimate: 100.0 * difference.value,
                interval: difference.interval.map(|(a, b)| (100.0 * a, 100.0 * b)),
                heading: (index == 0).then_some(heading),
            });
        }
    }
    if rows.is_empty() {
        return None;
    }
    let mut subtitle = match surviving {
        0 => format!(
            "None of {tested} differences survives Holm's correction (p < 0.05); shown are the largest of each sweep"
        ),
        count => format!("{count} of {tested} differences survive Holm's correction (p < 0.05)"),
    };
    if surviving > 0 && cut > 0 {
        subtitle.push_str(&format!("; {cut} smaller ones are left out"));
    }
    Some(ForestSpec {
        title: "What disabling heads and layers changes".to_owned(),
        subtitle,
        rows,
        reference: 0.0,
        x_label: "difference to the score with all heads (points of 100, 95 % paired interval)"
            .to_owned(),
        right_label: "better without".to_owned(),
        left_label: "worse without".to_owned(),
        digits: Some(1),
        footer: common(groups),
    })
}

/// The curves of [`super::cumulative`].
pub fn cumulative(curves: &[Curve], task: &str, metric: &str, footer: String) -> LinesSpec {
    let series = curves.iter().map(|curve| LineSeries {
        name: curve.words.clone(),
        points: curve
            .points
            .iter()
            .map(|p| (p.count as f64, 100.0 * p.value))
            .collect(),
        band: curve
            .points
            .iter()
            .map(|p| p.interval.map(|(a, b)| (100.0 * a, 100.0 * b)))
            .collect(),
    });
    LinesSpec {
        title: format!("{task} with more and more heads disabled, the least important first"),
        subtitle: "Orders come from one half of the examples and are scored on the other, and the other way round; \
                   bands are 95 % intervals"
            .to_owned(),
        series: series.collect(),
        x_label: "heads disabled".to_owned(),
        y_label: format!("{} (points of 100)", metric_words(metric)),
        range: None,
        footer,
    }
}

/// What disabling a head does to the loss, beside Michel et al.'s gradient importance.
pub fn importance(
    task: &str,
    loss: HeadGrid<f64>,
    gradient: &MeasuredGrid,
    correlation: &str,
    footer: String,
) -> HeatmapSpec {
    let panel = |title: &str, grid, note: &str| Panel {
        title: title.to_owned(),
        grid,
        note: note.to_owned(),
    };
    HeatmapSpec {
        title: format!("Which heads {task} needs: measured, and estimated by gradients"),
        subtitle: correlation.to_owned(),
        panels: vec![
            panel(
                "Rise of the loss without the head",
                loss,
                "mean over examples",
            ),
            panel(
                "Gradient importance",
                gradient.values.clone(),
                "mean |d loss / d gate|, divided by the layer's norm",
            ),
        ],
        scale: ScaleMode::PerPanel,
        footer,
        ..HeatmapSpec::default()
    }
}

#[cfg(test)]
mod tests;
