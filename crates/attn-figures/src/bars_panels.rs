//! Several bar charts side by side, each with its own scale and baseline: the paper's Figure 9,
//! one panel a task.

use crate::bars::BarsSpec;
use crate::font;
use crate::frame::{Body, Frame, Key};
use crate::scene::{Item, Scene, Text};
use crate::theme::{Rgb, category, size};
use crate::{Figure, FigureError};

/// Bar charts in rows. Of each panel the title stands above it, its subtitle below that in small
/// type, and its footer is not shown; the legend is that of the first panel.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct BarsPanelsSpec {
    /// Above everything; wrapped when long.
    pub title: String,
    /// Under the title; may be empty.
    pub subtitle: String,
    /// Row by row.
    pub panels: Vec<BarsSpec>,
    /// Panels in a row; chosen from their number when absent.
    pub columns: Option<usize>,
    /// Small type at the bottom.
    pub footer: String,
}

/// Width that the panels of a row together aim for.
const PAGE: f64 = 1180.0;
const HEIGHT: f64 = 170.0;
const GAP: f64 = 24.0;

impl BarsPanelsSpec {
    /// Draws the figure.
    ///
    /// # Errors
    /// [`FigureError::Empty`] without panels, and whatever a panel is refused for on its own.
    pub fn render(&self) -> Result<Figure, FigureError> {
        self.scene()?.render()
    }

    fn columns(&self) -> usize {
        let count = self.panels.len();
        let chosen = if count <= 3 {
            count
        } else {
            count.div_ceil(2).min(4)
        };
        self.columns.unwrap_or(chosen).clamp(1, count.max(1))
    }

    pub(crate) fn scene(&self) -> Result<Scene, FigureError> {
        if self.panels.is_empty() {
            return Err(FigureError::Empty {
                figure: self.title.clone(),
                what: "the list of panels".to_owned(),
            });
        }
        let columns = self.columns();
        let width = (PAGE / columns as f64 - GAP - 50.0).clamp(120.0, 420.0);
        let mut drawn = Vec::new();
        let mut remarks: Vec<(Key, String)> = Vec::new();
        for panel in &self.panels {
            let (body, own) = panel.body(width, HEIGHT)?;
            // A scale of its own is a panel's own remark; say once what holds for several.
            for (key, text) in own {
                let text = match key {
                    Key::Nothing => "Vertical axes need not begin at zero.".to_owned(),
                    _ => text,
                };
                if remarks.iter().all(|(_, known)| *known != text) {
                    remarks.push((key, text));
                }
            }
            drawn.push(body);
        }
        let step = drawn.iter().map(|b| b.width).fold(0.0, f64::max) + GAP;
        let mut items = Vec::new();
        let mut y = 0.0;
        for (panels, bodies) in self.panels.chunks(columns).zip(drawn.chunks_mut(columns)) {
            let mut tallest: f64 = 0.0;
            let notes = |p: &BarsSpec| font::wrap(&p.subtitle, size::NOTE, false, step - GAP);
            let lines = panels.iter().map(|p| notes(p).len()).max().unwrap_or(0);
            let above = 16.0 + lines as f64 * 13.0 + 4.0;
            for (column, (panel, body)) in panels.iter().zip(bodies).enumerate() {
                let x = column as f64 * step;
                let title = font::ellipsis(&panel.title, size::PANEL, true, step - GAP);
                items.push(Item::Text(
                    Text::new(x + 24.0, y + 12.0, size::PANEL, title).bold(),
                ));
                for (line, note) in notes(panel).into_iter().enumerate() {
                    let at = y + 26.0 + line as f64 * 13.0;
                    let text = Text::new(x + 24.0, at, size::NOTE, note).colour(Rgb::MUTED);
                    items.push(Item::Text(text));
                }
                tallest = tallest.max(body.height);
                let body = std::mem::take(body);
                items.extend(body.items.into_iter().map(|i| i.shifted(x, y + above)));
            }
            y += above + tallest + 16.0;
        }
        let body = Body {
            width: step * columns as f64 - GAP,
            height: y - 16.0,
            items,
        };
        Ok(Frame {
            title: &self.title,
            subtitle: &self.subtitle,
            footer: &self.footer,
            keys: self.keys(),
            remarks,
            description: self.describe(),
        }
        .around(body))
    }

    /// Names of the first panel's series and of the line, without values: they differ by panel.
    fn keys(&self) -> Vec<(Key, String)> {
        let Some(first) = self.panels.first() else {
            return Vec::new();
        };
        let series = first.series.iter().enumerate();
        let mut keys: Vec<(Key, String)> = series
            .filter(|(_, s)| !s.name.is_empty())
            .map(|(i, s)| (Key::Fill(category(i)), s.name.clone()))
            .collect();
        if let Some(baseline) = &first.baseline {
            keys.push((
                Key::Stroke(Rgb::INK, Some((6.0, 4.0))),
                baseline.name.clone(),
            ));
        }
        keys
    }

    fn describe(&self) -> String {
        let mut text = String::new();
        for panel in &self.panels {
            text.push_str(&format!("{}: {} ", panel.title, panel.describe()));
        }
        text + &self.footer
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{BarSeries, Baseline};

    fn panel(task: &str, baseline: f64) -> BarsSpec {
        BarsSpec {
            title: task.to_owned(),
            subtitle: format!("n = 408, no head disabled {baseline}"),
            categories: (1..=6).map(|l| l.to_string()).collect(),
            series: vec![BarSeries {
                name: "one layer disabled".to_owned(),
                values: (0..6).map(|l| baseline - 0.01 * f64::from(l)).collect(),
                intervals: (0..6)
                    .map(|l| Some((baseline - 0.01 * f64::from(l) - 0.03, baseline + 0.02)))
                    .collect(),
            }],
            baseline: Some(Baseline {
                name: "no head disabled".to_owned(),
                value: baseline,
            }),
            x_label: "Layer".to_owned(),
            y_label: "accuracy".to_owned(),
            range: Some((baseline - 0.1, baseline + 0.03)),
            ..BarsSpec::default()
        }
    }

    #[test]
    fn panels_do_not_overlap_and_say_what_they_show() {
        let spec = BarsPanelsSpec {
            title: "One layer at a time".to_owned(),
            panels: ["MRPC", "STS-B", "RTE", "QNLI", "MNLI"]
                .iter()
                .enumerate()
                .map(|(i, task)| panel(task, 0.6 + 0.05 * i as f64))
                .collect(),
            footer: "seed 42".to_owned(),
            ..BarsPanelsSpec::default()
        };
        let scene = spec.scene().unwrap();
        for text in scene.texts() {
            let [left, top, right, bottom] = text.bounds();
            assert!(
                left >= 0.0 && top >= 0.0 && right <= scene.width && bottom <= scene.height,
                "{text:?} leaves {} x {}",
                scene.width,
                scene.height
            );
        }
        let bars: Vec<(f64, f64, f64)> = scene
            .items
            .iter()
            .filter_map(|item| match item {
                Item::Rect {
                    x,
                    y,
                    w,
                    tip: Some(_),
                    ..
                } => Some((*x, *y, *w)),
                _ => None,
            })
            .collect();
        assert_eq!(bars.len(), 30);
        // Three columns in the first row of panels: bars of different panels are in order.
        assert!(bars[..18].windows(2).all(|w| w[0].0 + w[0].2 <= w[1].0));
        assert!(scene.description.contains("RTE: Bar chart of accuracy"));
        let words: Vec<&str> = scene.texts().map(|t| t.text.as_str()).collect();
        assert!(words.contains(&"no head disabled"), "{words:?}");
    }

    #[test]
    fn no_panel_is_an_error() {
        let error = BarsPanelsSpec::default().render().unwrap_err();
        assert!(error.to_string().contains("list of panels"));
    }
}
