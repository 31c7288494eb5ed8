//! Attention maps over tokens: the paper's Figures 1 and 3.

use crate::describe;
use crate::font;
use crate::frame::Frame;
use crate::matrix::{self, Cells, Matrix};
use crate::scene::Scene;
use crate::theme::{ColourMap, size};
use crate::{Figure, FigureError};

/// The map of one head for one input.
#[derive(Debug, Clone, PartialEq)]
pub struct AttentionMap {
    /// Above the map; may be empty.
    pub title: String,
    /// The `L` tokens.
    pub tokens: Vec<String>,
    /// Weights, `[L, L]`, row-major: `weights[query * L + key]`.
    pub weights: Vec<f64>,
    /// Small type under the title; may be empty.
    pub note: String,
}

/// One or several attention maps: queries from top to bottom, keys from left to right. Made for
/// up to 128 tokens; long tokens are cut with an ellipsis, whole on hover.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct AttentionMapSpec {
    /// Above everything; wrapped when long.
    pub title: String,
    /// Under the title; may be empty.
    pub subtitle: String,
    /// Row by row.
    pub maps: Vec<AttentionMap>,
    /// Maps in a row; chosen from their number when absent.
    pub columns: Option<usize>,
    /// What the colours mean; `attention weight` when empty.
    pub value_label: String,
    /// Lower and upper end of the scale; from the weights when absent.
    pub range: Option<(f64, f64)>,
    /// Small type at the bottom.
    pub footer: String,
}

/// Longer tokens are cut, in pixels at the largest label size.
const LONGEST_TOKEN: f64 = 76.0;

impl AttentionMapSpec {
    /// Draws the figure.
    ///
    /// # Errors
    /// [`FigureError::Length`] where a map has not `L * L` weights, [`FigureError::Empty`] without
    /// maps or tokens, [`FigureError::NothingFinite`], [`FigureError::Range`],
    /// [`FigureError::TooLarge`].
    pub fn render(&self) -> Result<Figure, FigureError> {
        self.scene()?.render()
    }

    /// The figure as a PDF page, with text that can be selected.
    ///
    /// # Errors
    /// As [`AttentionMapSpec::render`].
    pub fn pdf(&self) -> Result<Vec<u8>, FigureError> {
        self.scene()?.pdf()
    }

    pub(crate) fn scene(&self) -> Result<Scene, FigureError> {
        let mut panels = Vec::new();
        let mut description = format!("Attention maps, {} in all. ", self.maps.len());
        for (index, map) in self.maps.iter().enumerate() {
            let length = map.tokens.len();
            if map.weights.len() != length * length {
                return Err(FigureError::Length {
                    figure: self.title.clone(),
                    place: format!("map {} '{}' with {length} tokens", index + 1, map.title),
                    what: "weights (tokens squared)",
                    expected: length * length,
                    found: map.weights.len(),
                });
            }
            let labels: Vec<String> = map
                .tokens
                .iter()
                .map(|t| font::ellipsis(t, size::TICK, false, LONGEST_TOKEN))
                .collect();
            let place = |i: usize| {
                let (query, key) = (i / length.max(1), i % length.max(1));
                let token = |k: usize| map.tokens.get(k).map_or("", String::as_str);
                format!(
                    "query {} “{}”, key {} “{}”",
                    query + 1,
                    token(query),
                    key + 1,
                    token(key)
                )
            };
            let name = if map.title.is_empty() {
                format!("Map {}", index + 1)
            } else {
                map.title.clone()
            };
            description.push_str(&describe::extremes(&name, &map.weights, place));
            panels.push(Cells {
                title: map.title.clone(),
                note: map.note.clone(),
                row_labels: labels.clone(),
                column_labels: labels,
                values: map.weights.clone(),
                tips: map
                    .weights
                    .iter()
                    .enumerate()
                    .map(|(i, &w)| format!("{}: {}", place(i), describe::value(w)))
                    .collect(),
                baseline: None,
                dots: Vec::new(),
            });
        }
        let matrix = Matrix {
            figure: &self.title,
            panels,
            columns: self.columns,
            row_names: &[],
            x_name: "Key (attended to)",
            y_name: "Query (attending)",
            rotate: true,
            gaps: false,
            annotate: false,
            map: ColourMap::Sequential,
            own_scales: false,
            range: self.range,
            value_name: if self.value_label.is_empty() {
                "attention weight"
            } else {
                &self.value_label
            },
            baseline_name: "",
            dot_name: "",
            largest_cell: 26.0,
        };
        let (body, remarks) = matrix::draw(&matrix)?;
        Ok(Frame {
            title: &self.title,
            subtitle: &self.subtitle,
            footer: &self.footer,
            keys: Vec::new(),
            remarks,
            description: format!("{description}{}", self.footer),
        }
        .around(body))
    }
}
