//! Curves: losses over steps, cumulative ablations, each with a confidence band.

use crate::axis::{Axis, extent};
use crate::describe;
use crate::font;
use crate::frame::{Body, Frame, Key};
use crate::plot::{Plot, sound};
use crate::scene::{Anchor, Item, Scene, Text};
use crate::theme::{Rgb, category, size};
use crate::{Figure, FigureError};

/// One curve.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LineSeries {
    /// In the legend.
    pub name: String,
    /// `(x, y)`, drawn in the order of x. A NaN interrupts the curve.
    pub points: Vec<(f64, f64)>,
    /// Lower and upper end of the band at each point; empty when there is none.
    pub band: Vec<Option<(f64, f64)>>,
}

/// A line chart.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LinesSpec {
    /// Above everything; wrapped when long.
    pub title: String,
    /// Under the title; may be empty.
    pub subtitle: String,
    /// One or more.
    pub series: Vec<LineSeries>,
    /// Name of the x axis with its unit.
    pub x_label: String,
    /// Name of the y axis with its unit.
    pub y_label: String,
    /// Lower and upper end of the y axis; from the values when absent.
    pub range: Option<(f64, f64)>,
    /// Small type at the bottom.
    pub footer: String,
}

/// Curves are told apart by their dashes too, for grey print.
const DASHES: [Option<(f64, f64)>; 4] =
    [None, Some((7.0, 3.0)), Some((2.5, 2.5)), Some((12.0, 4.0))];

/// One point of a curve that can be drawn, with its interval.
type Sample = (f64, f64, Option<(f64, f64)>);

impl LinesSpec {
    /// Draws the figure.
    ///
    /// # Errors
    /// [`FigureError::Empty`] without series or points, [`FigureError::Length`] where a band does
    /// not match its points, [`FigureError::NothingFinite`], [`FigureError::Range`].
    pub fn render(&self) -> Result<Figure, FigureError> {
        self.scene()?.render()
    }

    /// Each series in the order of x.
    fn samples(&self) -> Result<Vec<Vec<Sample>>, FigureError> {
        let empty = |what: &str| FigureError::Empty {
            figure: self.title.clone(),
            what: what.to_owned(),
        };
        if self.series.is_empty() {
            return Err(empty("the list of series"));
        }
        let mut all = Vec::new();
        for series in &self.series {
            if !series.band.is_empty() && series.band.len() != series.points.len() {
                return Err(FigureError::Length {
                    figure: self.title.clone(),
                    place: format!("series '{}'", series.name),
                    what: "band entries (one per point, or none)",
                    expected: series.points.len(),
                    found: series.band.len(),
                });
            }
            let band = |i: usize| sound(series.band.get(i).copied().flatten());
            let mut points: Vec<Sample> = series
                .points
                .iter()
                .enumerate()
                .map(|(i, &(x, y))| (x, y, band(i)))
                .collect();
            points.retain(|p| p.0.is_finite());
            points.sort_by(|a, b| a.0.total_cmp(&b.0));
            all.push(points);
        }
        let count = self.series.iter().map(|s| s.points.len()).sum();
        if count == 0 {
            return Err(empty("every series"));
        }
        if !all.iter().flatten().any(|p| p.1.is_finite()) {
            return Err(FigureError::NothingFinite {
                figure: self.title.clone(),
                count,
            });
        }
        Ok(all)
    }

    pub(crate) fn scene(&self) -> Result<Scene, FigureError> {
        let samples = self.samples()?;
        let ys = samples.iter().flatten().flat_map(|&(_, y, band)| {
            let (low, high) = band.unwrap_or((y, y));
            [y, low, high]
        });
        let y = match self.range {
            Some((low, high)) if low.is_finite() && high.is_finite() && low < high => {
                Axis::exact(low, high, 6)
            }
            Some((low, high)) => {
                return Err(FigureError::Range {
                    figure: self.title.clone(),
                    low,
                    high,
                });
            }
            None => {
                let (low, high) = extent(ys).unwrap_or((0.0, 1.0));
                Axis::round(low, high, 6)
            }
        };
        let (low, high) = extent(samples.iter().flatten().map(|p| p.0)).unwrap_or((0.0, 1.0));
        let x = Axis::exact(low, high, 8);
        let plot = Plot::new(560.0, 280.0, y, false);
        let mut items = Vec::new();
        plot.draw_y(&self.y_label, false, &mut items);
        let across = |value: f64| plot.left + plot.width * x.share(value);
        for (&tick, label) in x.ticks.iter().zip(x.labels()) {
            let at = across(tick);
            items.push(Item::line(
                (at, plot.bottom()),
                (at, plot.bottom() + 4.0),
                1.0,
                Rgb::INK,
            ));
            let text = Text::new(at, plot.bottom() + 16.0, size::TICK, label);
            items.push(Item::Text(text.anchor(Anchor::Middle)));
        }
        let inside = |v: f64| v >= plot.y.low && v <= plot.y.high;
        for (index, points) in samples.iter().enumerate() {
            for run in runs(points) {
                let band: Vec<_> = run
                    .iter()
                    .filter_map(|&(x, _, band)| {
                        band.map(|(low, high)| (across(x), plot.at(high), plot.at(low)))
                    })
                    .collect();
                // A band with holes would claim what was not measured.
                if band.len() == run.len() && band.len() > 1 {
                    items.push(Item::Band {
                        points: band,
                        colour: category(index),
                        opacity: 0.2,
                    });
                }
            }
        }
        for (index, points) in samples.iter().enumerate() {
            let colour = category(index);
            for run in runs(points) {
                let line: Vec<_> = run
                    .iter()
                    .map(|&(x, y, _)| (across(x), plot.at(y)))
                    .collect();
                if line.len() > 1 {
                    let dash = DASHES[index % DASHES.len()];
                    items.push(Item::Line {
                        points: line,
                        width: 2.0,
                        colour,
                        dash,
                    });
                }
                // Dots carry the values on hover; thousands of steps do without.
                let dots = points.len() <= 60 || run.len() == 1;
                for &(x, y, band) in run.iter().filter(|p| dots && inside(p.1)) {
                    let mut tip = format!(
                        "{}, {} {}: {}",
                        self.series[index].name,
                        self.x_label,
                        short(x),
                        describe::value(y)
                    );
                    if let Some((low, high)) = band {
                        tip.push_str(&format!(
                            " [{}, {}]",
                            describe::value(low),
                            describe::value(high)
                        ));
                    }
                    let (x, y) = (across(x), plot.at(y));
                    items.push(Item::Dot {
                        x,
                        y,
                        r: 3.0,
                        fill: Rgb::WHITE,
                        stroke: colour,
                        tip: Some(tip),
                    });
                }
            }
        }
        let height = plot.draw_x(&self.x_label, 20.0, &mut items);
        // The last tick label is centred on the right edge.
        let overhang = x
            .labels()
            .last()
            .map_or(0.0, |l| font::measure(l, size::TICK, false) / 2.0);
        let keys = self.series.iter().enumerate();
        let keys = keys.map(|(i, s)| {
            (
                Key::Stroke(category(i), DASHES[i % DASHES.len()]),
                s.name.clone(),
            )
        });
        let keys = if self.series.len() > 1 || self.series.iter().any(|s| !s.name.is_empty()) {
            keys.collect()
        } else {
            Vec::new()
        };
        let mut remarks = Vec::new();
        if samples
            .iter()
            .flatten()
            .any(|p| p.1.is_finite() && !inside(p.1))
        {
            remarks.push((
                Key::Nothing,
                "Values beyond the axis are drawn at its edge.".to_owned(),
            ));
        }
        let body = Body {
            width: plot.right() + overhang.ceil() + 2.0,
            height,
            items,
        };
        Ok(Frame {
            title: &self.title,
            subtitle: &self.subtitle,
            footer: &self.footer,
            keys,
            remarks,
            description: self.describe(&samples),
        }
        .around(body))
    }

    fn describe(&self, samples: &[Vec<Sample>]) -> String {
        let mut text = format!("Line chart of {} over {}. ", self.y_label, self.x_label);
        for (series, points) in self.series.iter().zip(samples) {
            let name = if series.name.is_empty() {
                "Values"
            } else {
                &series.name
            };
            let values: Vec<f64> = points.iter().map(|p| p.1).collect();
            text.push_str(&describe::extremes(name, &values, |i| {
                points.get(i).map(|p| short(p.0)).unwrap_or_default()
            }));
        }
        text + &self.footer
    }
}

/// Stretches between missing values.
fn runs(points: &[Sample]) -> impl Iterator<Item = &[Sample]> {
    points
        .split(|p| !p.1.is_finite())
        .filter(|run| !run.is_empty())
}

fn short(x: f64) -> String {
    format!("{}", (x * 1000.0).round() / 1000.0)
}
