//! Bars: grouped with intervals and a baseline (the paper's Figure 9), or stacked (Figure 2).

use crate::axis::{Axis, decimal, extent};
use crate::describe;
use crate::font;
use crate::frame::{Body, Frame, Key};
use crate::plot::{Plot, sound, whisker};
use crate::scene::{Anchor, Item, Scene, Text};
use crate::theme::{Rgb, category, size};
use crate::{Figure, FigureError};

/// How several series share a category.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Arrangement {
    /// Side by side.
    #[default]
    Grouped,
    /// On top of each other; intervals are not drawn, negative values count as missing.
    Stacked,
}

/// One colour of bars.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct BarSeries {
    /// In the legend.
    pub name: String,
    /// One value per category; NaN is drawn as missing.
    pub values: Vec<f64>,
    /// Lower and upper end of an interval around each value; empty when there are none.
    pub intervals: Vec<Option<(f64, f64)>>,
}

/// A horizontal line to compare with, for example the model with all of its heads.
#[derive(Debug, Clone, PartialEq)]
pub struct Baseline {
    /// In the legend.
    pub name: String,
    /// Its height.
    pub value: f64,
}

/// A bar chart.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct BarsSpec {
    /// Above everything; wrapped when long.
    pub title: String,
    /// Under the title; may be empty.
    pub subtitle: String,
    /// From left to right: layers (`1`, `2`, …) or tasks.
    pub categories: Vec<String>,
    /// One or more.
    pub series: Vec<BarSeries>,
    /// Grouped or stacked.
    pub arrangement: Arrangement,
    /// A line across, if any.
    pub baseline: Option<Baseline>,
    /// Name of the x axis, for example `Layer`.
    pub x_label: String,
    /// Name of the y axis with its unit.
    pub y_label: String,
    /// Lower and upper end of the y axis. By default bars begin at zero; another lower end cuts
    /// them, and the figure says so.
    pub range: Option<(f64, f64)>,
    /// The values are shares of one, shown as percentages.
    pub percent: bool,
    /// Small type at the bottom.
    pub footer: String,
}

impl BarsSpec {
    /// Draws the figure.
    ///
    /// # Errors
    /// [`FigureError::Empty`] without categories or series, [`FigureError::Length`] where a series
    /// does not match the categories, [`FigureError::NothingFinite`], [`FigureError::Range`],
    /// [`FigureError::TooLarge`].
    pub fn render(&self) -> Result<Figure, FigureError> {
        self.scene()?.render()
    }

    fn check(&self) -> Result<(), FigureError> {
        let empty = |what: &str| FigureError::Empty {
            figure: self.title.clone(),
            what: what.to_owned(),
        };
        if self.categories.is_empty() {
            return Err(empty("the list of categories"));
        }
        if self.series.is_empty() {
            return Err(empty("the list of series"));
        }
        for series in &self.series {
            let length = |found, what| FigureError::Length {
                figure: self.title.clone(),
                place: format!("series '{}'", series.name),
                what,
                expected: self.categories.len(),
                found,
            };
            if series.values.len() != self.categories.len() {
                return Err(length(series.values.len(), "values (one per category)"));
            }
            if !series.intervals.is_empty() && series.intervals.len() != self.categories.len() {
                return Err(length(
                    series.intervals.len(),
                    "intervals (one per category, or none)",
                ));
            }
        }
        if extent(self.series.iter().flat_map(|s| s.values.iter().copied())).is_none() {
            let count = self.series.len() * self.categories.len();
            return Err(FigureError::NothingFinite {
                figure: self.title.clone(),
                count,
            });
        }
        Ok(())
    }

    fn axis(&self) -> Result<Axis, FigureError> {
        if let Some((low, high)) = self.range {
            if !(low.is_finite() && high.is_finite() && low < high) {
                return Err(FigureError::Range {
                    figure: self.title.clone(),
                    low,
                    high,
                });
            }
            return Ok(Axis::exact(low, high, 6));
        }
        let baseline = self.baseline.iter().map(|b| b.value);
        let heights: Vec<f64> = match self.arrangement {
            Arrangement::Stacked => (0..self.categories.len())
                .map(|c| {
                    self.series
                        .iter()
                        .filter_map(|s| positive(s.values.get(c).copied()))
                        .sum()
                })
                .collect(),
            Arrangement::Grouped => {
                let ends = |s: &BarSeries| {
                    s.intervals
                        .iter()
                        .filter_map(|&i| sound(i))
                        .flat_map(|(a, b)| [a, b])
                        .collect::<Vec<_>>()
                };
                self.series
                    .iter()
                    .flat_map(|s| s.values.iter().copied().chain(ends(s)))
                    .collect()
            }
        };
        let (low, high) = extent(heights.into_iter().chain(baseline)).unwrap_or((0.0, 1.0));
        // Shares that add up to one should end at one, not at the next tick above rounding noise.
        let high = if self.percent && (high - 1.0).abs() < 0.005 {
            1.0
        } else {
            high
        };
        Ok(Axis::round(low.min(0.0), high.max(0.0), 6))
    }

    /// Width of the plotting area that the bars ask for.
    fn natural_width(&self) -> f64 {
        let side_by_side = if self.arrangement == Arrangement::Grouped {
            self.series.len()
        } else {
            1
        };
        let wanted = self.categories.len() as f64 * (side_by_side as f64 * 22.0 + 18.0);
        let stacked_room = if self.arrangement == Arrangement::Stacked {
            self.categories.len() as f64 * 64.0
        } else {
            0.0
        };
        wanted.max(stacked_room).clamp(420.0, 1100.0)
    }

    pub(crate) fn scene(&self) -> Result<Scene, FigureError> {
        let (body, remarks) = self.body(self.natural_width(), 280.0)?;
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

    /// The plot without what surrounds it, its plotting area `width` by `height` pixels, and the
    /// remarks that belong below.
    pub(crate) fn body(
        &self,
        width: f64,
        height: f64,
    ) -> Result<(Body, Vec<(Key, String)>), FigureError> {
        self.check()?;
        let plot = Plot::new(width, height, self.axis()?, self.percent);
        let mut items = Vec::new();
        plot.draw_y(&self.y_label, self.percent, &mut items);
        let slot = plot.width / self.categories.len() as f64;
        for (index, category) in self.categories.iter().enumerate() {
            let x = plot.left + index as f64 * slot;
            match self.arrangement {
                Arrangement::Grouped => self.group(&plot, index, category, (x, slot), &mut items),
                Arrangement::Stacked => self.stack(&plot, index, category, (x, slot), &mut items),
            }
        }
        if plot.y.low < 0.0 {
            let zero = plot.at(0.0);
            items.push(Item::line(
                (plot.left, zero),
                (plot.right(), zero),
                1.0,
                Rgb::INK,
            ));
        }
        if let Some(baseline) = self.baseline.as_ref().filter(|b| b.value.is_finite()) {
            let y = plot.at(baseline.value);
            items.push(Item::Line {
                points: vec![(plot.left, y), (plot.right(), y)],
                width: 1.5,
                colour: Rgb::INK,
                dash: Some((6.0, 4.0)),
            });
        }
        let labels = self.category_labels(&plot, slot, &mut items);
        let height = plot.draw_x(&self.x_label, labels, &mut items);
        let body = Body {
            width: plot.right() + 4.0,
            height,
            items,
        };
        Ok((body, self.remarks(&plot)))
    }

    fn keys(&self) -> Vec<(Key, String)> {
        let mut keys = Vec::new();
        if self.series.len() > 1 || self.series.iter().any(|s| !s.name.is_empty()) {
            keys.extend(
                self.series
                    .iter()
                    .enumerate()
                    .map(|(i, s)| (Key::Fill(category(i)), s.name.clone())),
            );
        }
        if let Some(baseline) = &self.baseline {
            let value = self.format(baseline.value);
            keys.push((
                Key::Stroke(Rgb::INK, Some((6.0, 4.0))),
                format!("{} ({value})", baseline.name),
            ));
        }
        keys
    }

    fn remarks(&self, plot: &Plot) -> Vec<(Key, String)> {
        let mut remarks = Vec::new();
        if self
            .series
            .iter()
            .any(|s| s.values.iter().any(|v| self.missing(*v)))
        {
            remarks.push((Key::Missing, "no value".to_owned()));
        }
        if plot.y.low > 0.0 {
            let low = self.format(plot.y.low);
            remarks.push((
                Key::Nothing,
                format!("The vertical axis begins at {low}, not at zero."),
            ));
        }
        remarks
    }

    fn missing(&self, value: f64) -> bool {
        !value.is_finite() || (self.arrangement == Arrangement::Stacked && value < 0.0)
    }

    pub(crate) fn format(&self, value: f64) -> String {
        if !value.is_finite() {
            return "no value".to_owned();
        }
        if self.percent {
            format!("{} %", decimal(value * 100.0, 1))
        } else {
            decimal(value, 3)
        }
    }

    fn group(
        &self,
        plot: &Plot,
        index: usize,
        name: &str,
        (x, slot): (f64, f64),
        items: &mut Vec<Item>,
    ) {
        let inner = slot * 0.76;
        let bar = inner / self.series.len() as f64;
        let zero = plot.at(0.0);
        for (s, series) in self.series.iter().enumerate() {
            let Some(&value) = series.values.get(index) else {
                continue;
            };
            let left = x + (slot - inner) / 2.0 + s as f64 * bar;
            let interval = sound(series.intervals.get(index).copied().flatten());
            let mut tip = format!("{name}, {}: {}", series.name, self.format(value));
            if let Some((low, high)) = interval {
                tip.push_str(&format!(" [{}, {}]", self.format(low), self.format(high)));
            }
            let w = (bar - 1.0).max(1.0);
            if !value.is_finite() {
                items.push(Item::Hatch {
                    x: left,
                    y: zero - 12.0,
                    w,
                    h: 12.0,
                    tip: Some(tip),
                });
                continue;
            }
            let y = plot.at(value);
            let fill = category(s);
            let (top, h) = (y.min(zero), (y - zero).abs().max(0.5));
            items.push(Item::Rect {
                x: left,
                y: top,
                w,
                h,
                fill,
                tip: Some(tip),
            });
            if let Some((low, high)) = interval {
                whisker(
                    left + w / 2.0,
                    plot.at(low),
                    plot.at(high),
                    (w / 4.0).min(4.0),
                    Rgb::INK,
                    items,
                );
            }
        }
    }

    fn stack(
        &self,
        plot: &Plot,
        index: usize,
        name: &str,
        (x, slot): (f64, f64),
        items: &mut Vec<Item>,
    ) {
        let (left, w) = (x + slot * 0.12, slot * 0.76);
        let mut sum = 0.0;
        for (s, series) in self.series.iter().enumerate() {
            let value = series.values.get(index).copied();
            let Some(height) = positive(value) else {
                continue;
            };
            let (bottom, top) = (plot.at(sum), plot.at(sum + height));
            sum += height;
            let fill = category(s);
            let tip = format!("{name}, {}: {}", series.name, self.format(height));
            // A white hairline keeps neighbours apart in grey print.
            let h = (bottom - top - 1.0).max(0.5);
            items.push(Item::Rect {
                x: left,
                y: top,
                w,
                h,
                fill,
                tip: Some(tip),
            });
            let text = if self.percent {
                format!("{} %", decimal(height * 100.0, 0))
            } else {
                decimal(height, 2)
            };
            if h >= 13.0 && font::measure(&text, 9.0, false) <= w - 4.0 {
                let text = Text::new(left + w / 2.0, top + h / 2.0 + 3.3, 9.0, text);
                items.push(Item::Text(
                    text.anchor(Anchor::Middle).colour(fill.text_on()),
                ));
            }
        }
        if self
            .series
            .iter()
            .all(|s| positive(s.values.get(index).copied()).is_none())
        {
            let tip = Some(format!("{name}: no value"));
            items.push(Item::Hatch {
                x: left,
                y: plot.bottom() - 12.0,
                w,
                h: 12.0,
                tip,
            });
        }
    }

    /// Names under the axis: level, or upright when they are too long. Gives back their height.
    fn category_labels(&self, plot: &Plot, slot: f64, items: &mut Vec<Item>) -> f64 {
        let width = |l: &String| font::measure(l, size::TICK, false);
        let widest = self.categories.iter().map(width).fold(0.0, f64::max);
        let level = widest <= slot - 4.0;
        let longest: f64 = 130.0;
        let every = if level {
            1
        } else {
            (size::TICK * 1.05 / slot).ceil().max(1.0) as usize
        };
        for (index, label) in self.categories.iter().enumerate().step_by(every) {
            let x = plot.left + (index as f64 + 0.5) * slot;
            let text = if level {
                Text::new(x, plot.bottom() + 14.0, size::TICK, label.clone()).anchor(Anchor::Middle)
            } else {
                let label = font::ellipsis(label, size::TICK, false, longest);
                let x = x + size::TICK * font::CAP / 2.0;
                Text::new(x, plot.bottom() + 6.0, size::TICK, label)
                    .anchor(Anchor::End)
                    .rotated()
            };
            items.push(Item::Text(text));
        }
        if level {
            18.0
        } else {
            widest.min(longest).ceil() + 10.0
        }
    }

    pub(crate) fn describe(&self) -> String {
        let mut text = format!("Bar chart of {}. ", self.y_label);
        for series in &self.series {
            let name = if series.name.is_empty() {
                "Values"
            } else {
                &series.name
            };
            text.push_str(&describe::extremes(name, &series.values, |i| {
                self.categories.get(i).cloned().unwrap_or_default()
            }));
        }
        if let Some(baseline) = &self.baseline {
            text.push_str(&format!(
                "{}: {}. ",
                baseline.name,
                self.format(baseline.value)
            ));
        }
        text + &self.footer
    }
}

fn positive(value: Option<f64>) -> Option<f64> {
    value.filter(|v| v.is_finite() && *v >= 0.0)
}
