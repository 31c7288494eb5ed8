//! Heatmaps over layers and heads: the paper's Figures 4 to 8.

use crate::describe;
use crate::frame::Frame;
use crate::matrix::{self, Cells, Matrix};
use crate::scene::Scene;
use crate::theme::ColourMap;
use crate::{Figure, FigureError};
use attn_core::{HeadGrid, HeadId};

/// One grid of values, `layers` x `heads`.
#[derive(Debug, Clone, PartialEq)]
pub struct Panel {
    /// Above the grid, for example the task.
    pub title: String,
    /// One value per head; NaN and infinities are drawn as missing.
    pub grid: HeadGrid<f64>,
    /// Small type under the title, for example `n = 408`; may be empty.
    pub note: String,
}

/// Whether panels can be compared by colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ScaleMode {
    /// One scale and one colour bar for all panels.
    #[default]
    Shared,
    /// Each panel has its own.
    PerPanel,
}

/// One or several heatmaps. Layer 1 is on top and head 1 on the left, as in the paper.
///
/// `Default` gives an empty one to fill in with struct update syntax.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct HeatmapSpec {
    /// Above everything; wrapped when long.
    pub title: String,
    /// Under the title; may be empty.
    pub subtitle: String,
    /// Row by row.
    pub panels: Vec<Panel>,
    /// Panels in a row; chosen from their number when absent.
    pub columns: Option<usize>,
    /// Bold names left of each row of panels (Figure 6: `[SEP]` and `[CLS]`); may be empty.
    pub row_names: Vec<String>,
    /// Whether the panels share a colour scale.
    pub scale: ScaleMode,
    /// What the colours mean, with its unit, written along the colour bar.
    pub value_label: String,
    /// Lower and upper end of the scale; from the values when absent.
    pub range: Option<(f64, f64)>,
    /// For differences: zero is white, blue is less, orange is more.
    pub diverging: bool,
    /// Prints values inside the cells where they fit.
    pub annotate: bool,
    /// A value to compare with for each panel (the paper's orange line: no head disabled), drawn
    /// across the colour bar; empty when there is none, NaN where a panel has none. Panels that
    /// share a scale share the bar, too, so that several lines can cross it.
    pub baselines: Vec<f64>,
    /// What the line means.
    pub baseline_label: String,
    /// Heads of each panel that get a dot; empty when there are none.
    pub dots: Vec<Vec<HeadId>>,
    /// What a dot means.
    pub dot_label: String,
    /// What the rows of a panel are where they are not layers (Figure 7: features), by name; rows
    /// beyond the names are numbered. Empty for layers.
    pub rows: Vec<String>,
    /// Small type at the bottom: model, task, n, seed, mode.
    pub footer: String,
}

impl HeatmapSpec {
    /// Draws the figure.
    ///
    /// # Errors
    /// [`FigureError::Empty`] without panels or cells, [`FigureError::NothingFinite`] without a
    /// finite value, [`FigureError::Range`] for a range that is none, [`FigureError::TooLarge`].
    pub fn render(&self) -> Result<Figure, FigureError> {
        self.scene()?.render()
    }

    pub(crate) fn scene(&self) -> Result<Scene, FigureError> {
        let count = |n: usize| (1..=n).map(|i| i.to_string()).collect::<Vec<_>>();
        let panels: Vec<Cells> = self
            .panels
            .iter()
            .enumerate()
            .map(|(index, panel)| Cells {
                title: panel.title.clone(),
                note: panel.note.clone(),
                row_labels: (0..panel.grid.layers()).map(|row| self.row(row)).collect(),
                column_labels: count(panel.grid.heads()),
                values: panel.grid.values().to_vec(),
                tips: panel
                    .grid
                    .iter()
                    .map(|(id, &v)| {
                        format!(
                            "{}, head {}: {}",
                            self.place(id.layer),
                            id.head + 1,
                            describe::value(v)
                        )
                    })
                    .collect(),
                baseline: self.baselines.get(index).copied().filter(|b| b.is_finite()),
                dots: self.dots_of(index, &panel.grid),
            })
            .collect();
        let matrix = Matrix {
            figure: &self.title,
            panels,
            columns: self.columns,
            row_names: &self.row_names,
            x_name: "Head",
            y_name: if self.rows.is_empty() { "Layer" } else { "" },
            rotate: false,
            gaps: true,
            annotate: self.annotate,
            map: if self.diverging {
                ColourMap::Diverging
            } else {
                ColourMap::Sequential
            },
            own_scales: self.scale == ScaleMode::PerPanel,
            range: self.range,
            value_name: &self.value_label,
            baseline_name: &self.baseline_label,
            dot_name: &self.dot_label,
            largest_cell: 34.0,
        };
        let (body, remarks) = matrix::draw(&matrix)?;
        Ok(Frame {
            title: &self.title,
            subtitle: &self.subtitle,
            footer: &self.footer,
            keys: Vec::new(),
            remarks,
            description: self.describe(),
        }
        .around(body))
    }

    /// Row-major positions of a panel's dotted heads; those outside the grid are left out.
    fn dots_of(&self, panel: usize, grid: &HeadGrid<f64>) -> Vec<usize> {
        let heads = self.dots.get(panel).into_iter().flatten();
        heads
            .filter(|id| grid.get(**id).is_some())
            .map(|id| id.layer * grid.heads() + id.head)
            .collect()
    }

    /// The label of a row.
    fn row(&self, row: usize) -> String {
        let number = || (row + 1).to_string();
        self.rows.get(row).cloned().unwrap_or_else(number)
    }

    /// A row in words.
    fn place(&self, row: usize) -> String {
        if self.rows.is_empty() {
            format!("layer {}", row + 1)
        } else {
            self.row(row)
        }
    }

    fn describe(&self) -> String {
        let rows = if self.rows.is_empty() { "layer" } else { "row" };
        let mut text = format!("Heatmap of {} by {rows} and head. ", self.value_label);
        for (index, panel) in self.panels.iter().enumerate() {
            let columns = self
                .columns
                .unwrap_or(self.panels.len().div_ceil(self.row_names.len().max(1)));
            let row = self
                .row_names
                .get(index / columns.max(1))
                .map(|r| format!("{r}, "))
                .unwrap_or_default();
            let name = format!(
                "{row}{} ({} layers of {} heads)",
                panel.title,
                panel.grid.layers(),
                panel.grid.heads()
            );
            let heads = panel.grid.heads().max(1);
            text.push_str(&describe::extremes(&name, panel.grid.values(), |i| {
                format!("{}, head {}", self.place(i / heads), i % heads + 1)
            }));
            if let Some(baseline) = self.baselines.get(index).filter(|b| b.is_finite()) {
                let (label, value) = (&self.baseline_label, describe::value(*baseline));
                text.push_str(&format!("{label}: {value}. "));
            }
            let dots = self.dots_of(index, &panel.grid).len();
            if dots > 0 {
                text.push_str(&format!("{dots} heads with a dot ({}). ", self.dot_label));
            }
        }
        text.push_str(&self.footer);
        text
    }
}
