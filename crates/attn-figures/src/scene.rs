//! The display list that SVG and PNG are both made from.

use crate::font;
use crate::theme::Rgb;
use crate::{Figure, FigureError};

/// A point in CSS pixels, y downwards.
pub(crate) type Point = (f64, f64);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Anchor {
    Start,
    Middle,
    End,
}

/// One line of text. `x`, `y` is the anchor on the baseline; `upright` false turns it a quarter
/// to the left, so that it reads upwards.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Text {
    pub x: f64,
    pub y: f64,
    pub size: f64,
    pub bold: bool,
    pub anchor: Anchor,
    pub rotated: bool,
    pub colour: Rgb,
    pub text: String,
}

impl Text {
    pub fn new(x: f64, y: f64, size: f64, text: impl Into<String>) -> Self {
        let text = text.into();
        Self {
            x,
            y,
            size,
            bold: false,
            anchor: Anchor::Start,
            rotated: false,
            colour: Rgb::INK,
            text,
        }
    }
    pub fn bold(self) -> Self {
        Self { bold: true, ..self }
    }
    pub fn anchor(self, anchor: Anchor) -> Self {
        Self { anchor, ..self }
    }
    pub fn rotated(self) -> Self {
        Self {
            rotated: true,
            ..self
        }
    }
    pub fn colour(self, colour: Rgb) -> Self {
        Self { colour, ..self }
    }

    pub fn width(&self) -> f64 {
        font::measure(&self.text, self.size, self.bold)
    }

    /// How far before the anchor the text begins.
    pub fn lead(&self) -> f64 {
        match self.anchor {
            Anchor::Start => 0.0,
            Anchor::Middle => self.width() / 2.0,
            Anchor::End => self.width(),
        }
    }

    /// `[left, top, right, bottom]`.
    #[cfg(test)]
    pub fn bounds(&self) -> [f64; 4] {
        let (lead, width) = (self.lead(), self.width());
        let (up, down) = (self.size * font::ASCENT, self.size * font::DESCENT);
        if self.rotated {
            [
                self.x - up,
                self.y + lead - width,
                self.x + down,
                self.y + lead,
            ]
        } else {
            [
                self.x - lead,
                self.y - up,
                self.x - lead + width,
                self.y + down,
            ]
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Item {
    Rect {
        x: f64,
        y: f64,
        w: f64,
        h: f64,
        fill: Rgb,
        tip: Option<String>,
    },
    /// A rectangle for a value that is missing.
    Hatch {
        x: f64,
        y: f64,
        w: f64,
        h: f64,
        tip: Option<String>,
    },
    Outline {
        x: f64,
        y: f64,
        w: f64,
        h: f64,
        colour: Rgb,
    },
    /// `dash`: lengths of stroke and gap.
    Line {
        points: Vec<Point>,
        width: f64,
        colour: Rgb,
        dash: Option<(f64, f64)>,
    },
    /// The area between two lines over the same rising x: `(x, upper y, lower y)`.
    Band {
        points: Vec<(f64, f64, f64)>,
        colour: Rgb,
        opacity: f64,
    },
    Dot {
        x: f64,
        y: f64,
        r: f64,
        fill: Rgb,
        stroke: Rgb,
        tip: Option<String>,
    },
    Text(Text),
}

impl Item {
    /// A straight line.
    pub fn line(from: Point, to: Point, width: f64, colour: Rgb) -> Item {
        Item::Line {
            points: vec![from, to],
            width,
            colour,
            dash: None,
        }
    }

    /// The item, moved.
    pub fn shifted(self, dx: f64, dy: f64) -> Item {
        match self {
            Item::Rect {
                x,
                y,
                w,
                h,
                fill,
                tip,
            } => Item::Rect {
                x: x + dx,
                y: y + dy,
                w,
                h,
                fill,
                tip,
            },
            Item::Hatch { x, y, w, h, tip } => Item::Hatch {
                x: x + dx,
                y: y + dy,
                w,
                h,
                tip,
            },
            Item::Outline { x, y, w, h, colour } => Item::Outline {
                x: x + dx,
                y: y + dy,
                w,
                h,
                colour,
            },
            Item::Line {
                points,
                width,
                colour,
                dash,
            } => {
                let points = points.into_iter().map(|(x, y)| (x + dx, y + dy)).collect();
                Item::Line {
                    points,
                    width,
                    colour,
                    dash,
                }
            }
            Item::Band {
                points,
                colour,
                opacity,
            } => {
                let points = points
                    .into_iter()
                    .map(|(x, a, b)| (x + dx, a + dy, b + dy))
                    .collect();
                Item::Band {
                    points,
                    colour,
                    opacity,
                }
            }
            Item::Dot {
                x,
                y,
                r,
                fill,
                stroke,
                tip,
            } => Item::Dot {
                x: x + dx,
                y: y + dy,
                r,
                fill,
                stroke,
                tip,
            },
            Item::Text(text) => Item::Text(Text {
                x: text.x + dx,
                y: text.y + dy,
                ..text
            }),
        }
    }
}

/// Diagonal strokes, four pixels apart, across a rectangle.
pub(crate) fn hatching(x: f64, y: f64, w: f64, h: f64) -> Vec<(Point, Point)> {
    let mut strokes = Vec::new();
    let mut offset = 4.0;
    while offset < w + h {
        // The stroke x + y = offset, from its lower left to its upper right end.
        let from = (x + (offset - h).max(0.0), y + offset.min(h));
        let to = (x + offset.min(w), y + (offset - w).max(0.0));
        strokes.push((from, to));
        offset += 4.0;
    }
    strokes
}

/// A whole figure, laid out.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Scene {
    pub width: f64,
    pub height: f64,
    /// The accessible name.
    pub title: String,
    /// The accessible description: what the figure shows, in words.
    pub description: String,
    pub items: Vec<Item>,
}

/// 4000 x 3000 pixels drawn at twice their number take about 150 MB; a page needs far less.
const MOST_PIXELS: f64 = 12.0e6;
const LONGEST_SIDE: f64 = 8000.0;

impl Scene {
    fn check_size(&self) -> Result<(), FigureError> {
        if self.width * self.height > MOST_PIXELS || self.width.max(self.height) > LONGEST_SIDE {
            return Err(FigureError::TooLarge {
                figure: self.title.clone(),
                width: self.width as u64,
                height: self.height as u64,
                limit: "12 million pixels and 8000 on a side",
            });
        }
        Ok(())
    }

    pub fn pdf(&self) -> Result<Vec<u8>, FigureError> {
        self.check_size()?;
        crate::pdf::write(self)
    }

    pub fn render(&self) -> Result<Figure, FigureError> {
        self.check_size()?;
        Ok(Figure {
            svg: crate::svg::write(self),
            png: crate::png::write(self)?,
        })
    }

    #[cfg(test)]
    pub fn texts(&self) -> impl Iterator<Item = &Text> {
        self.items.iter().filter_map(|item| match item {
            Item::Text(text) => Some(text),
            _ => None,
        })
    }
}
