//! The coordinate system of bars and lines: axes, grid lines and their labels.

use crate::axis::Axis;
use crate::font;
use crate::scene::{Anchor, Item, Text};
use crate::theme::{Rgb, size};

/// A plotting area. `left`, `top`, `width`, `height` are the inside, without labels.
pub(crate) struct Plot {
    pub left: f64,
    pub top: f64,
    pub width: f64,
    pub height: f64,
    pub y: Axis,
}

impl Plot {
    /// An area whose left edge leaves room for the y axis' labels and name.
    pub fn new(width: f64, height: f64, y: Axis, percent: bool) -> Self {
        let labels = tick_labels(&y, percent);
        let widest = labels
            .iter()
            .map(|l| font::measure(l, size::TICK, false))
            .fold(0.0, f64::max);
        Self {
            left: (widest + 30.0).ceil(),
            top: 8.0,
            width,
            height,
            y,
        }
    }

    pub fn right(&self) -> f64 {
        self.left + self.width
    }

    pub fn bottom(&self) -> f64 {
        self.top + self.height
    }

    /// The height of a value, kept inside the area.
    pub fn at(&self, value: f64) -> f64 {
        self.top + self.height * (1.0 - self.y.share(value).clamp(0.0, 1.0))
    }

    /// Grid lines, tick labels and the name of the y axis.
    pub fn draw_y(&self, name: &str, percent: bool, items: &mut Vec<Item>) {
        for (&tick, label) in self.y.ticks.iter().zip(tick_labels(&self.y, percent)) {
            let y = self.at(tick).round();
            items.push(Item::line(
                (self.left, y),
                (self.right(), y),
                1.0,
                Rgb::GRID,
            ));
            let text = Text::new(
                self.left - 6.0,
                y + size::TICK * font::CAP / 2.0,
                size::TICK,
                label,
            );
            items.push(Item::Text(text.anchor(Anchor::End)));
        }
        if !name.is_empty() {
            let (name, size) = font::shrink(name, size::LABEL, 8.0, false, self.height);
            let text = Text::new(12.0, self.top + self.height / 2.0, size, name);
            items.push(Item::Text(text.anchor(Anchor::Middle).rotated()));
        }
    }

    /// The line at the foot and the name of the x axis, whose tick labels take `labels` pixels.
    /// Gives back the height of everything.
    pub fn draw_x(&self, name: &str, labels: f64, items: &mut Vec<Item>) -> f64 {
        let bottom = self.bottom();
        items.push(Item::line(
            (self.left, bottom),
            (self.right(), bottom),
            1.0,
            Rgb::INK,
        ));
        let mut height = bottom + labels;
        if !name.is_empty() {
            let (name, size) = font::shrink(name, size::LABEL, 8.0, false, self.width);
            let text = Text::new(self.left + self.width / 2.0, height + 13.0, size, name);
            items.push(Item::Text(text.anchor(Anchor::Middle)));
            height += 18.0;
        }
        height
    }
}

fn tick_labels(axis: &Axis, percent: bool) -> Vec<String> {
    if percent {
        axis.percent_labels()
    } else {
        axis.labels()
    }
}

/// An interval as a vertical whisker with caps.
pub(crate) fn whisker(x: f64, low: f64, high: f64, cap: f64, colour: Rgb, items: &mut Vec<Item>) {
    items.push(Item::line((x, low), (x, high), 1.25, colour));
    items.push(Item::line((x - cap, low), (x + cap, low), 1.25, colour));
    items.push(Item::line((x - cap, high), (x + cap, high), 1.25, colour));
}

/// An interval that can be drawn: finite and in order.
pub(crate) fn sound(interval: Option<(f64, f64)>) -> Option<(f64, f64)> {
    interval.filter(|(low, high)| low.is_finite() && high.is_finite() && low <= high)
}
