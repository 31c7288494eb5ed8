//! The figures of `attn stats`: a panel for each task, rows for what is measured.

use super::Measured;
use super::paper::Published;
use super::suite::features;
use attn_core::HeadGrid;
use attn_figures::{HeatmapSpec, Panel, ScaleMode, ScatterPoint, ScatterSpec};
use attn_lingua::LinkKind;
use attn_stats::{Direction, Estimate, FeatureAttention, StructureStatistic};
use std::path::{Path, PathBuf};

/// What a feature is called in figures and tables.
pub fn shown(feature: &str) -> &str {
    match feature {
        "cls" => "[CLS]",
        "sep" => "[SEP]",
        other => other,
    }
}

/// One grid with its note, or nothing.
type Values = Option<(HeadGrid<f64>, String)>;

/// A row of panels, one a task.
struct Row {
    name: String,
    values: Vec<Values>,
}

impl Row {
    fn new(
        name: impl Into<String>,
        measured: &[Measured],
        value: impl Fn(&Measured) -> Values,
    ) -> Self {
        Self {
            name: name.into(),
            values: measured.iter().map(value).collect(),
        }
    }

    fn is_empty(&self) -> bool {
        self.values.iter().all(Option::is_none)
    }
}

/// A grid of estimates with its number of examples.
fn values(measured: &Measured, estimates: Option<Vec<Estimate>>) -> Values {
    let estimates = estimates?;
    let n = estimates.first()?.n;
    let means = estimates.iter().map(|e| e.mean).collect();
    let grid = HeadGrid::from_values(measured.suite.layers, measured.suite.heads, means)?;
    Some((grid, format!("n = {n}")))
}

fn published(grid: Option<HeadGrid<f64>>) -> Values {
    Some((grid?, "the paper, bert-base-uncased".to_owned()))
}

/// Puts rows of panels into a specification; rows without any value are left out. `None` when
/// nothing is left.
fn lay_out(spec: HeatmapSpec, measured: &[Measured], rows: Vec<Row>) -> Option<HeatmapSpec> {
    let mut spec = spec;
    for row in rows.into_iter().filter(|row| !row.is_empty()) {
        for (task, value) in measured.iter().zip(row.values) {
            let (grid, note) = value.unwrap_or_else(|| {
                let empty = |_| f64::NAN;
                let grid = HeadGrid::from_fn(task.suite.layers, task.suite.heads, empty);
                (grid, "none".to_owned())
            });
            spec.panels.push(Panel {
                title: task.task.clone(),
                grid,
                note,
            });
        }
        spec.row_names.push(row.name);
    }
    spec.columns = Some(measured.len());
    (!spec.panels.is_empty()).then_some(spec)
}

/// Draws all figures that there is something for; gives back the files that one would open.
pub fn write(
    folder: &Path,
    measured: &[Measured],
    paper: &Published,
    footer: &str,
) -> anyhow::Result<Vec<PathBuf>> {
    let base = |title: &str, subtitle: &str, value: &str| HeatmapSpec {
        title: title.to_owned(),
        subtitle: subtitle.to_owned(),
        value_label: value.to_owned(),
        footer: format!("{footer}; after Kovaleva et al. 2019"),
        ..HeatmapSpec::default()
    };
    let figures = [
        ("figure-5-cosine", cosine(&base, measured, paper)),
        ("figure-6-sep-cls", sep_cls(&base, measured, paper)),
        ("figure-6-features", words(&base, measured, false)),
        ("figure-6-differences", words(&base, measured, true)),
        ("figure-7-cls-row", cls_row(&base, measured, paper)),
        ("section-4.5-links", links(&base, measured)),
        ("section-4.5-accuracy", accuracy(&base, measured)),
        ("section-5-shared-words", shared(&base, measured)),
        ("structure", structure(&base, measured)),
    ];
    let mut written = Vec::new();
    for (name, spec) in figures {
        let Some(spec) = spec else { continue };
        spec.render()?.write(folder, name)?;
        written.push(folder.join(format!("{name}.svg")));
    }
    for task in measured {
        let Some(spec) = heads(task, footer) else {
            continue;
        };
        let name = format!("heads-{}", task.task);
        spec.render()?.write(folder, &name)?;
        written.push(folder.join(format!("{name}.svg")));
    }
    Ok(written)
}

/// Title, subtitle and value in, the rest filled in.
type Base<'a> = &'a dyn Fn(&str, &str, &str) -> HeatmapSpec;

fn cosine(base: Base<'_>, measured: &[Measured], paper: &Published) -> Option<HeatmapSpec> {
    let here = |m: &Measured| values(m, m.suite.cosine.as_ref()?.heads());
    let rows = vec![
        Row::new("here", measured, here),
        Row::new("paper", measured, |m| published(paper.cosine(&m.task))),
    ];
    // Without a reference model there is nothing of ours to stand beside the paper.
    rows.first().filter(|row| !row.is_empty())?;
    let spec = HeatmapSpec {
        range: Some((0.0, 1.0)),
        ..base(
            "How far fine-tuning moved each head (Figure 5)",
            "Cosine similarity of a head's maps in the reference model and in the model, mean over examples",
            "cosine similarity",
        )
    };
    lay_out(spec, measured, rows)
}

fn sep_cls(base: Base<'_>, measured: &[Measured], paper: &Published) -> Option<HeatmapSpec> {
    let mut rows = Vec::new();
    for name in ["sep", "cls"] {
        let own = |m: &Measured| values(m, m.suite.features.heads(name));
        rows.push(Row::new(shown(name), measured, own));
        let theirs = |m: &Measured| published(paper.attention(name, &m.task));
        rows.push(Row::new(
            format!("{}, paper", shown(name)),
            measured,
            theirs,
        ));
    }
    let spec = base(
        "Attention to [SEP] and [CLS] (Figure 6)",
        "Weight that the token receives from all tokens, divided by their number, mean over examples",
        "mean attention weight",
    );
    lay_out(spec, measured, rows)
}

fn words(base: Base<'_>, measured: &[Measured], differences: bool) -> Option<HeatmapSpec> {
    let rows = features().into_iter().filter_map(|name| {
        let get: fn(&FeatureAttention, &str) -> Option<Vec<Estimate>> = match differences {
            true => FeatureAttention::head_differences,
            false if matches!(name, "cls" | "sep") => return None,
            false => FeatureAttention::heads,
        };
        let value = |m: &Measured| values(m, get(&m.suite.features, name));
        Some(Row::new(shown(name), measured, value))
    });
    let spec = if differences {
        HeatmapSpec {
            diverging: true,
            ..base(
                "What fine-tuning changed in attention to features (Section 4.4)",
                "Model less reference model: weight that the feature's most attended token receives from all tokens, \
                 divided by their number; mean over examples that have the feature",
                "difference in mean attention weight",
            )
        }
    } else {
        base(
            "Attention to linguistic features (Section 4.4)",
            "Weight that the feature's most attended token receives from all tokens, divided by their number; mean \
             over examples that have the feature",
            "mean attention weight",
        )
    };
    lay_out(spec, measured, rows.collect())
}

fn cls_row(base: Base<'_>, measured: &[Measured], paper: &Published) -> Option<HeatmapSpec> {
    let names = features();
    let own = |m: &Measured| -> Values {
        let heads = m.suite.heads;
        let rows = names.iter().map(|name| {
            let estimates = m.suite.cls_row.heads(name);
            let means = |all: Vec<Estimate>| all.iter().map(|e| e.mean).collect();
            estimates.map_or_else(|| vec![f64::NAN; heads], means)
        });
        let all: Vec<f64> = rows.flatten().collect();
        let grid = HeadGrid::from_values(names.len(), heads, all)?;
        Some((grid, format!("n = {} or less", m.n)))
    };
    let theirs = |m: &Measured| -> Values {
        let heads = paper.cls_row(&m.task, "noun")?.len();
        let rows = names.iter().map(|name| {
            let values = paper.cls_row(&m.task, name);
            values.map_or_else(|| vec![f64::NAN; heads], <[f64]>::to_vec)
        });
        let all: Vec<f64> = rows.flatten().collect();
        published(HeadGrid::from_values(names.len(), heads, all))
    };
    let rows = vec![
        Row::new("here", measured, own),
        Row::new("paper", measured, theirs),
    ];
    let spec = HeatmapSpec {
        rows: names.iter().map(|name| shown(name).to_owned()).collect(),
        ..base(
            "What [CLS] attends to in the last layer (Figure 7)",
            "Weight in the row of [CLS] on the feature's most attended token, mean over examples that have it",
            "mean attention weight",
        )
    };
    lay_out(spec, measured, rows)
}

/// Each kind of link in each direction, with a name for people.
pub fn link_rows() -> impl Iterator<Item = (LinkKind, Direction, String)> {
    LinkKind::ALL.into_iter().flat_map(|kind| {
        Direction::ALL.map(|direction| {
            let (verb, subject) = match kind {
                LinkKind::VerbSubject => ("verb", "subject"),
                LinkKind::NounPronoun => ("noun", "pronoun"),
            };
            let name = match direction {
                Direction::Forward => format!("{verb} to {subject}"),
                Direction::Backward => format!("{subject} to {verb}"),
            };
            (kind, direction, name)
        })
    })
}

fn links(base: Base<'_>, measured: &[Measured]) -> Option<HeatmapSpec> {
    let mut rows: Vec<Row> = link_rows()
        .map(|(kind, direction, name)| {
            let value = |m: &Measured| values(m, m.suite.links.link_means(kind.name(), direction));
            Row::new(name, measured, value)
        })
        .collect();
    rows.push(Row::new("next token", measured, |m| {
        values(m, m.suite.structures.heads(StructureStatistic::Next))
    }));
    rows.push(Row::new("previous token", measured, |m| {
        values(m, m.suite.structures.heads(StructureStatistic::Previous))
    }));
    let spec = base(
        "Attention between linked words, beside attention to neighbours (Section 4.5)",
        "Greatest weight among a link's word pieces, mean over the links of an example and over examples; weight on \
         the next and the previous token",
        "mean attention weight",
    );
    lay_out(spec, measured, rows)
}

fn accuracy(base: Base<'_>, measured: &[Measured]) -> Option<HeatmapSpec> {
    let rows = link_rows().map(|(kind, direction, name)| {
        let value =
            |m: &Measured| values(m, m.suite.links.above_best_offset(kind.name(), direction));
        Row::new(name, measured, value)
    });
    let spec = HeatmapSpec {
        diverging: true,
        ..base(
            "Do heads find linked words better than a fixed offset? (Section 4.5)",
            "Share of words whose strongest target is one that they are linked to, less the share that the best fixed \
             offset finds (Clark et al. 2019)",
            "accuracy less the best offset's",
        )
    };
    lay_out(spec, measured, rows.collect())
}

fn shared(base: Base<'_>, measured: &[Measured]) -> Option<HeatmapSpec> {
    let rows = vec![
        Row::new("in both", measured, |m| values(m, m.suite.shared.twins())),
        Row::new("others", measured, |m| values(m, m.suite.shared.others())),
    ];
    let spec = base(
        "Attention between words that occur in both sentences (Section 5)",
        "Greatest weight among the word pieces of a word and its twin in the other sentence, both directions; below, \
         the same for words of the two sentences that are no twins",
        "mean attention weight",
    );
    lay_out(spec, measured, rows)
}

fn structure(base: Base<'_>, measured: &[Measured]) -> Option<HeatmapSpec> {
    let rows = StructureStatistic::ALL.map(|statistic| {
        let name = statistic.name().replace('_', " ");
        Row::new(name, measured, |m| {
            values(m, m.suite.structures.heads(statistic))
        })
    });
    let spec = HeatmapSpec {
        scale: ScaleMode::PerPanel,
        ..base(
            "What the maps look like",
            "Entropy of the rows in nats; weight on the previous, the next and the same token; mean distance in \
             tokens (each panel has its own scale)",
            "",
        )
    };
    lay_out(spec, measured, rows.into())
}

/// The heads of a model as points.
fn heads(task: &Measured, footer: &str) -> Option<ScatterSpec> {
    let plane = task.suite.plane()?;
    let per_layer = task.suite.heads.max(1);
    let points = plane.points.iter().enumerate();
    Some(ScatterSpec {
        title: format!("How the heads differ on {}", task.task),
        subtitle: format!(
            "Square root of the Jensen-Shannon divergence between heads, drawn in two dimensions that keep {:.0} % of \
             the squared distances",
            plane.share * 100.0
        ),
        points: points
            .map(|(i, &(x, y))| ScatterPoint {
                x,
                y,
                group: i / per_layer,
                label: format!("{}-{}", i / per_layer + 1, i % per_layer + 1),
            })
            .collect(),
        groups: (1..=task.suite.layers).map(|l| l.to_string()).collect(),
        group_name: "layer".to_owned(),
        footer: format!(
            "{footer}; n = {}; classical scaling, after Clark et al. 2019",
            task.n
        ),
    })
}
