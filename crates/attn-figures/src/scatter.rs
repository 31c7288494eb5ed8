//! Points in a plane whose axes mean nothing by themselves: heads after multidimensional scaling.

use crate::axis::extent;
use crate::describe;
use crate::font;
use crate::frame::{Body, Frame, Key};
use crate::scene::{Anchor, Item, Scene, Text};
use crate::theme::{ColourMap, Rgb, size};
use crate::{Figure, FigureError};

/// One labelled point.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ScatterPoint {
    /// To the right.
    pub x: f64,
    /// Upwards.
    pub y: f64,
    /// Which group (layer), from 0: its colour.
    pub group: usize,
    /// Written beside the point where there is room, for example `4-1`.
    pub label: String,
}

/// A scatter plot with one unit for both axes, so that distances on paper are distances.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ScatterSpec {
    /// Above everything; wrapped when long.
    pub title: String,
    /// Under the title; may be empty.
    pub subtitle: String,
    /// The points; those that are not finite are left out and counted below.
    pub points: Vec<ScatterPoint>,
    /// Names of the groups in order, light to dark.
    pub groups: Vec<String>,
    /// What groups are, for the legend, for example `layer`.
    pub group_name: String,
    /// Small type at the bottom.
    pub footer: String,
}

const WIDTH: f64 = 640.0;
const TALLEST: f64 = 560.0;
const DOT: f64 = 4.0;

impl ScatterSpec {
    /// Draws the figure.
    ///
    /// # Errors
    /// [`FigureError::Empty`] without points, [`FigureError::NothingFinite`] without a finite one.
    pub fn render(&self) -> Result<Figure, FigureError> {
        self.scene()?.render()
    }

    fn colour(&self, group: usize) -> Rgb {
        // The palest end of the scale is lost on white.
        let last = self.groups.len().saturating_sub(1).max(1) as f64;
        ColourMap::Sequential.colour(0.25 + 0.75 * (group as f64 / last).min(1.0))
    }

    pub(crate) fn scene(&self) -> Result<Scene, FigureError> {
        if self.points.is_empty() {
            return Err(FigureError::Empty {
                figure: self.title.clone(),
                what: "the list of points".to_owned(),
            });
        }
        let finite: Vec<&ScatterPoint> = self
            .points
            .iter()
            .filter(|p| p.x.is_finite() && p.y.is_finite())
            .collect();
        let range = |values: Vec<f64>| extent(values);
        let (Some((left, right)), Some((bottom, top))) = (
            range(finite.iter().map(|p| p.x).collect()),
            range(finite.iter().map(|p| p.y).collect()),
        ) else {
            return Err(FigureError::NothingFinite {
                figure: self.title.clone(),
                count: self.points.len(),
            });
        };
        let body = self.body(&finite, (left, right), (bottom, top));
        let mut remarks: Vec<(Key, String)> = vec![(Key::Nothing, self.group_name.clone())];
        remarks.extend(
            self.groups
                .iter()
                .enumerate()
                .map(|(i, name)| (Key::Fill(self.colour(i)), name.clone())),
        );
        let lost = self.points.len() - finite.len();
        if lost > 0 {
            let text = format!("{lost} of {} points are not finite", self.points.len());
            remarks.push((Key::Missing, text));
        }
        let farthest = finite.iter().fold((0.0, ""), |far, p| {
            let distance = p.x.hypot(p.y);
            if distance > far.0 {
                (distance, p.label.as_str())
            } else {
                far
            }
        });
        Ok(Frame {
            title: &self.title,
            subtitle: &self.subtitle,
            footer: &self.footer,
            keys: Vec::new(),
            remarks,
            description: format!(
                "Scatter plot of {} points in {} groups; {} lies farthest out, at {}. {}",
                finite.len(),
                self.groups.len(),
                farthest.1,
                describe::value(farthest.0),
                self.footer
            ),
        }
        .around(body))
    }

    fn body(&self, points: &[&ScatterPoint], x: (f64, f64), y: (f64, f64)) -> Body {
        const PAD: f64 = 26.0;
        // Points that all coincide lie in the middle.
        let span = |(low, high): (f64, f64)| (high - low).max(1e-9);
        let unit =
            ((WIDTH - 2.0 * PAD) / span(x)).min((TALLEST - 2.0 * PAD) / span(y).max(span(x) * 0.3));
        let height = (span(y) * unit).max(120.0) + 2.0 * PAD;
        let middle = |(low, high): (f64, f64)| (low + high) / 2.0;
        let place = |p: &ScatterPoint| {
            (
                WIDTH / 2.0 + (p.x - middle(x)) * unit,
                height / 2.0 - (p.y - middle(y)) * unit,
            )
        };
        let mut items = Vec::new();
        for (from, to) in [
            ((0.0, 0.0), (WIDTH, 0.0)),
            ((WIDTH, 0.0), (WIDTH, height)),
            ((WIDTH, height), (0.0, height)),
            ((0.0, height), (0.0, 0.0)),
        ] {
            items.push(Item::line(from, to, 1.0, Rgb::GRID));
        }
        let mut taken: Vec<[f64; 4]> = Vec::new();
        for point in points {
            let (cx, cy) = place(point);
            items.push(Item::Dot {
                x: cx,
                y: cy,
                r: DOT,
                fill: self.colour(point.group),
                stroke: Rgb::WHITE,
                tip: Some(format!(
                    "{}: {}, {}",
                    point.label,
                    describe::value(point.x),
                    describe::value(point.y)
                )),
            });
            taken.push([cx - DOT, cy - DOT, cx + DOT, cy + DOT]);
        }
        // A label goes right, left, above or below its point, or stays out.
        for point in points {
            let (cx, cy) = place(point);
            let width = font::measure(&point.label, size::FOOTER, false);
            let half = size::FOOTER * font::CAP / 2.0;
            let sides = [
                (cx + DOT + 2.0, cy + half, Anchor::Start, cx + DOT + 2.0),
                (
                    cx - DOT - 2.0,
                    cy + half,
                    Anchor::End,
                    cx - DOT - 2.0 - width,
                ),
                (cx, cy - DOT - 3.0, Anchor::Middle, cx - width / 2.0),
                (
                    cx,
                    cy + DOT + 3.0 + 2.0 * half,
                    Anchor::Middle,
                    cx - width / 2.0,
                ),
            ];
            for (tx, ty, anchor, left) in sides {
                let bounds = [left, ty - 2.0 * half, left + width, ty];
                let inside = bounds[0] > 2.0
                    && bounds[2] < WIDTH - 2.0
                    && bounds[1] > 2.0
                    && bounds[3] < height - 2.0;
                let free = taken.iter().all(|t| {
                    bounds[2] < t[0] || t[2] < bounds[0] || bounds[3] < t[1] || t[3] < bounds[1]
                });
                if inside && free {
                    items.push(Item::Text(
                        Text::new(tx, ty, size::FOOTER, &point.label)
                            .anchor(anchor)
                            .colour(Rgb::MUTED),
                    ));
                    taken.push(bounds);
                    break;
                }
            }
        }
        Body {
            width: WIDTH,
            height,
            items,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(points: &[(f64, f64)]) -> ScatterSpec {
        ScatterSpec {
            title: "Heads".to_owned(),
            points: points
                .iter()
                .enumerate()
                .map(|(i, &(x, y))| ScatterPoint {
                    x,
                    y,
                    group: i % 3,
                    label: format!("{}-1", i + 1),
                })
                .collect(),
            groups: ["1", "2", "3"].map(str::to_owned).to_vec(),
            group_name: "layer".to_owned(),
            ..ScatterSpec::default()
        }
    }

    fn dots(scene: &Scene) -> Vec<(f64, f64)> {
        let dot = |item: &Item| match item {
            Item::Dot { x, y, .. } => Some((*x, *y)),
            _ => None,
        };
        scene.items.iter().filter_map(dot).collect()
    }

    #[test]
    fn both_axes_have_one_unit() {
        let scene = spec(&[(0.0, 0.0), (2.0, 0.0), (0.0, 1.0)]).scene().unwrap();
        let dots = dots(&scene);
        let across = dots[1].0 - dots[0].0;
        let up = dots[0].1 - dots[2].1;
        assert!(
            (across - 2.0 * up).abs() < 1e-6 && up > 50.0,
            "{across} {up}"
        );
    }

    #[test]
    fn degenerate_input() {
        assert!(matches!(spec(&[]).render(), Err(FigureError::Empty { .. })));
        assert!(matches!(
            spec(&[(f64::NAN, 1.0)]).render(),
            Err(FigureError::NothingFinite { .. })
        ));
        let scene = spec(&[(1.0, 1.0), (1.0, 1.0), (f64::INFINITY, 0.0)])
            .scene()
            .unwrap();
        assert_eq!(dots(&scene).len(), 2);
        assert!(
            scene
                .texts()
                .any(|t| t.text.contains("1 of 3 points are not finite"))
        );
        spec(&[(1.0, 1.0)]).render().unwrap();
    }

    #[test]
    fn labels_do_not_overlap() {
        let crowd: Vec<(f64, f64)> = (0..60)
            .map(|i| ((i % 8) as f64 * 0.02, (i / 8) as f64 * 0.01))
            .chain([(1.0, 1.0), (-1.0, 0.5)])
            .collect();
        let scene = spec(&crowd).scene().unwrap();
        let labels: Vec<[f64; 4]> = scene
            .texts()
            .filter(|t| t.text.ends_with("-1"))
            .map(Text::bounds)
            .collect();
        assert!(labels.len() >= 2);
        for (i, a) in labels.iter().enumerate() {
            for b in &labels[i + 1..] {
                let apart = a[2] <= b[0] || b[2] <= a[0] || a[3] <= b[1] || b[3] <= a[1];
                assert!(
                    apart || (a[3].min(b[3]) - a[1].max(b[1])) < 4.0,
                    "{a:?} {b:?}"
                );
            }
        }
    }
}
