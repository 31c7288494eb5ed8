//! Forest plots: differences with their intervals, one row each.

use crate::axis::{Axis, decimal, decimal_or_dash, extent};
use crate::font;
use crate::frame::{Body, Frame, Key};
use crate::plot::sound;
use crate::scene::{Anchor, Item, Scene, Text};
use crate::theme::{Rgb, category, size};
use crate::{Figure, FigureError};

/// One row.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ForestRow {
    /// On the left, for example `MRPC, head 4-1`.
    pub label: String,
    /// The difference; NaN is drawn as missing.
    pub estimate: f64,
    /// Its interval, if known.
    pub interval: Option<(f64, f64)>,
    /// A heading above this row, where a group begins.
    pub heading: Option<String>,
}

/// A forest plot.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ForestSpec {
    /// Above everything; wrapped when long.
    pub title: String,
    /// Under the title; may be empty.
    pub subtitle: String,
    /// From top to bottom.
    pub rows: Vec<ForestRow>,
    /// What the intervals are compared with, 0 for differences.
    pub reference: f64,
    /// Name of the x axis with its unit.
    pub x_label: String,
    /// What a right shift means, written at the right end, for example `better without`.
    pub right_label: String,
    /// What a left shift means.
    pub left_label: String,
    /// Decimals of the printed numbers; three when absent.
    pub digits: Option<usize>,
    /// Small type at the bottom.
    pub footer: String,
}

const ROW: f64 = 20.0;
const WIDTH: f64 = 380.0;
const LONGEST_LABEL: f64 = 260.0;

impl ForestSpec {
    /// Draws the figure.
    ///
    /// # Errors
    /// [`FigureError::Empty`] without rows, [`FigureError::NothingFinite`],
    /// [`FigureError::TooLarge`] with more than some 380 rows.
    pub fn render(&self) -> Result<Figure, FigureError> {
        self.scene()?.render()
    }

    fn numbers(&self, row: &ForestRow) -> String {
        let digits = self.digits.unwrap_or(3);
        let estimate = decimal_or_dash(row.estimate, digits);
        match sound(row.interval) {
            Some((low, high)) if row.estimate.is_finite() => {
                format!(
                    "{estimate} [{}, {}]",
                    decimal(low, digits),
                    decimal(high, digits)
                )
            }
            _ => estimate,
        }
    }

    pub(crate) fn scene(&self) -> Result<Scene, FigureError> {
        if self.rows.is_empty() {
            return Err(FigureError::Empty {
                figure: self.title.clone(),
                what: "the list of rows".to_owned(),
            });
        }
        let ends = |r: &ForestRow| {
            let (low, high) = sound(r.interval).unwrap_or((r.estimate, r.estimate));
            [r.estimate, low, high]
        };
        if extent(self.rows.iter().map(|r| r.estimate)).is_none() {
            return Err(FigureError::NothingFinite {
                figure: self.title.clone(),
                count: self.rows.len(),
            });
        }
        let reference = if self.reference.is_finite() {
            self.reference
        } else {
            0.0
        };
        let (low, high) =
            extent(self.rows.iter().flat_map(ends).chain([reference])).unwrap_or((-1.0, 1.0));
        let axis = Axis::round(low, high, 6);

        let width = |text: &str| font::measure(text, size::TICK, false);
        let labels = self
            .rows
            .iter()
            .map(|r| width(&r.label))
            .fold(0.0, f64::max)
            .min(LONGEST_LABEL);
        let headings = self.rows.iter().filter_map(|r| r.heading.as_deref());
        let headings = headings
            .map(|h| font::measure(h, size::TICK, true))
            .fold(0.0, f64::max);
        let left = (labels.max(headings.min(LONGEST_LABEL)) + 26.0).ceil();
        let numbers = self
            .rows
            .iter()
            .map(|r| width(&self.numbers(r)))
            .fold(0.0, f64::max);
        let across = |value: f64| left + WIDTH * axis.share(value);

        let mut rows = Vec::new();
        let mut y = 4.0;
        for row in &self.rows {
            if let Some(heading) = &row.heading {
                y += if y > 4.0 { 6.0 } else { 0.0 };
                // It has the row to itself and may reach over the plot.
                let text = font::ellipsis(heading, size::TICK, true, left + WIDTH);
                rows.push(Item::Text(
                    Text::new(0.0, y + 14.0, size::TICK, text).bold(),
                ));
                y += ROW;
            }
            self.row(row, y, (left, numbers), reference, across, &mut rows);
            y += ROW;
        }
        let bottom = y + 2.0;
        let mut items = Vec::new();
        for (&tick, label) in axis.ticks.iter().zip(axis.labels()) {
            let x = across(tick).round();
            items.push(Item::line((x, 0.0), (x, bottom), 1.0, Rgb::GRID));
            let text = Text::new(x, bottom + 15.0, size::TICK, label);
            items.push(Item::Text(text.anchor(Anchor::Middle)));
        }
        let zero = across(reference).round();
        items.push(Item::Line {
            points: vec![(zero, 0.0), (zero, bottom)],
            width: 1.25,
            colour: Rgb::INK,
            dash: Some((4.0, 3.0)),
        });
        items.push(Item::line(
            (left, bottom),
            (left + WIDTH, bottom),
            1.0,
            Rgb::INK,
        ));
        items.extend(rows);
        let mut height = bottom + 20.0;
        if !self.left_label.is_empty() || !self.right_label.is_empty() {
            let half = WIDTH / 2.0 - 6.0;
            let (text, size) = font::shrink(
                &format!("← {}", self.left_label),
                size::NOTE,
                7.0,
                false,
                half,
            );
            if !self.left_label.is_empty() {
                items.push(Item::Text(
                    Text::new(left, height + 11.0, size, text).colour(Rgb::MUTED),
                ));
            }
            let (text, size) = font::shrink(
                &format!("{} →", self.right_label),
                size::NOTE,
                7.0,
                false,
                half,
            );
            if !self.right_label.is_empty() {
                let text = Text::new(left + WIDTH, height + 11.0, size, text).colour(Rgb::MUTED);
                items.push(Item::Text(text.anchor(Anchor::End)));
            }
            height += 16.0;
        }
        if !self.x_label.is_empty() {
            let (text, size) = font::shrink(&self.x_label, size::LABEL, 8.0, false, WIDTH);
            let text = Text::new(left + WIDTH / 2.0, height + 12.0, size, text);
            items.push(Item::Text(text.anchor(Anchor::Middle)));
            height += 17.0;
        }
        let apart = self.rows.iter().any(|r| self.apart(r, reference));
        let reference_text = decimal(
            reference,
            self.digits
                .unwrap_or(3)
                .min(if reference == 0.0 { 0 } else { 9 }),
        );
        let mut keys = vec![];
        if self.rows.iter().any(|r| sound(r.interval).is_some()) {
            if apart {
                keys.push((
                    Key::Fill(category(0)),
                    format!("interval excludes {reference_text}"),
                ));
            }
            if self
                .rows
                .iter()
                .any(|r| r.estimate.is_finite() && !self.apart(r, reference))
            {
                keys.push((
                    Key::Fill(Rgb::MUTED),
                    format!("interval includes {reference_text}, or none"),
                ));
            }
        }
        let missing = self.rows.iter().any(|r| !r.estimate.is_finite());
        let remarks = missing
            .then(|| (Key::Missing, "no value".to_owned()))
            .into_iter()
            .collect();
        let body = Body {
            width: left + WIDTH + 18.0 + numbers.ceil(),
            height,
            items,
        };
        Ok(Frame {
            title: &self.title,
            subtitle: &self.subtitle,
            footer: &self.footer,
            keys,
            remarks,
            description: self.describe(),
        }
        .around(body))
    }

    /// Whether the row's interval leaves the reference out.
    fn apart(&self, row: &ForestRow, reference: f64) -> bool {
        sound(row.interval).is_some_and(|(low, high)| low > reference || high < reference)
    }

    fn row(
        &self,
        row: &ForestRow,
        y: f64,
        (left, numbers): (f64, f64),
        reference: f64,
        across: impl Fn(f64) -> f64,
        items: &mut Vec<Item>,
    ) {
        let middle = y + ROW / 2.0;
        let baseline = middle + size::TICK * font::CAP / 2.0;
        let label = font::ellipsis(&row.label, size::TICK, false, LONGEST_LABEL);
        items.push(Item::Text(
            Text::new(left - 14.0, baseline, size::TICK, label).anchor(Anchor::End),
        ));
        let text = self.numbers(row);
        let at = left + WIDTH + 16.0 + numbers;
        items.push(Item::Text(
            Text::new(at, baseline, size::TICK, text.clone()).anchor(Anchor::End),
        ));
        let tip = Some(format!("{}: {text}", row.label));
        if !row.estimate.is_finite() {
            items.push(Item::Hatch {
                x: across(reference) - 12.0,
                y: middle - 5.0,
                w: 24.0,
                h: 10.0,
                tip,
            });
            return;
        }
        let colour = if self.apart(row, reference) {
            category(0)
        } else {
            Rgb::MUTED
        };
        if let Some((low, high)) = sound(row.interval) {
            let (a, b) = (across(low), across(high));
            items.push(Item::line((a, middle), (b, middle), 1.75, colour));
            for x in [a, b] {
                items.push(Item::line(
                    (x, middle - 3.5),
                    (x, middle + 3.5),
                    1.5,
                    colour,
                ));
            }
        }
        let fill = if self.apart(row, reference) {
            colour
        } else {
            Rgb::WHITE
        };
        items.push(Item::Dot {
            x: across(row.estimate),
            y: middle,
            r: 4.0,
            fill,
            stroke: colour,
            tip,
        });
    }

    fn describe(&self) -> String {
        let mut text = format!("Forest plot of {}. ", self.x_label);
        for row in &self.rows {
            if let Some(heading) = &row.heading {
                text.push_str(&format!("{heading}: "));
            }
            text.push_str(&format!("{} {}; ", row.label, self.numbers(row)));
        }
        text + &self.footer
    }
}
