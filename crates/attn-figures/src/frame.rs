//! What surrounds every figure: title and subtitle above, legend, footer below.

use crate::font;
use crate::scene::{Item, Scene, Text};
use crate::theme::{MARGIN, Rgb, size};

/// The middle of a figure, laid out from (0, 0).
#[derive(Debug, Default)]
pub(crate) struct Body {
    pub width: f64,
    pub height: f64,
    pub items: Vec<Item>,
}

/// What a legend entry shows before its name.
#[derive(Debug, Clone)]
pub(crate) enum Key {
    Fill(Rgb),
    Stroke(Rgb, Option<(f64, f64)>),
    Missing,
    Dot,
    /// Words alone.
    Nothing,
}

/// Narrower figures would leave no room for their titles.
const NARROWEST: f64 = 380.0;

fn paragraph(
    items: &mut Vec<Item>,
    text: &str,
    y: &mut f64,
    width: f64,
    size: f64,
    bold: bool,
    colour: Rgb,
) {
    for line in font::wrap(text, size, bold, width) {
        let mut text = Text::new(MARGIN, *y + size * font::ASCENT, size, line).colour(colour);
        text.bold = bold;
        items.push(Item::Text(text));
        *y += (size * 1.35).round();
    }
}

/// Rows of legend entries, wrapped at `width`.
fn legend(entries: &[(Key, String)], width: f64) -> Body {
    const SWATCH: f64 = 18.0;
    const ROW: f64 = 18.0;
    let mut body = Body {
        width,
        ..Body::default()
    };
    let (mut x, mut y) = (0.0, 0.0);
    for (key, name) in entries {
        let swatch = if matches!(key, Key::Nothing) {
            0.0
        } else {
            SWATCH + 6.0
        };
        let name = font::ellipsis(name, size::TICK, false, width - swatch);
        let needed = swatch + font::measure(&name, size::TICK, false);
        if x > 0.0 && x + needed > width {
            x = 0.0;
            y += ROW;
        }
        match key {
            Key::Fill(fill) => body.items.push(Item::Rect {
                x,
                y: y + 3.0,
                w: SWATCH,
                h: 11.0,
                fill: *fill,
                tip: None,
            }),
            Key::Missing => body.items.push(Item::Hatch {
                x,
                y: y + 3.0,
                w: SWATCH,
                h: 11.0,
                tip: None,
            }),
            Key::Stroke(colour, dash) => body.items.push(Item::Line {
                points: vec![(x, y + 8.5), (x + SWATCH, y + 8.5)],
                width: 2.0,
                colour: *colour,
                dash: *dash,
            }),
            Key::Dot => body.items.push(Item::Dot {
                x: x + SWATCH / 2.0,
                y: y + 8.5,
                r: 3.0,
                fill: Rgb::WHITE,
                stroke: Rgb::INK,
                tip: None,
            }),
            Key::Nothing => {}
        }
        body.items.push(Item::Text(Text::new(
            x + swatch,
            y + 12.0,
            size::TICK,
            name,
        )));
        x += needed + 20.0;
    }
    body.height = if entries.is_empty() { 0.0 } else { y + ROW };
    body
}

/// Everything but the middle of a figure.
pub(crate) struct Frame<'a> {
    pub title: &'a str,
    pub subtitle: &'a str,
    pub footer: &'a str,
    /// Entries between subtitle and body.
    pub keys: Vec<(Key, String)>,
    /// Entries between body and footer.
    pub remarks: Vec<(Key, String)>,
    pub description: String,
}

impl Frame<'_> {
    /// Puts the parts together.
    pub fn around(self, body: Body) -> Scene {
        let inner = body.width.max(NARROWEST).ceil();
        let mut items = Vec::new();
        let mut y = MARGIN;
        paragraph(
            &mut items,
            self.title,
            &mut y,
            inner,
            size::TITLE,
            true,
            Rgb::INK,
        );
        paragraph(
            &mut items,
            self.subtitle,
            &mut y,
            inner,
            size::SUBTITLE,
            false,
            Rgb::MUTED,
        );
        if !self.title.is_empty() || !self.subtitle.is_empty() {
            y += 8.0;
        }
        let place = |items: &mut Vec<Item>, part: Body, x: f64, y: f64| {
            items.extend(part.items.into_iter().map(|item| item.shifted(x, y)));
        };
        let keys = legend(&self.keys, inner);
        if keys.height > 0.0 {
            let height = keys.height;
            place(&mut items, keys, MARGIN, y);
            y += height + 6.0;
        }
        let left = MARGIN + ((inner - body.width) / 2.0).floor();
        let height = body.height.ceil();
        place(&mut items, body, left, y);
        y += height;
        let remarks = legend(&self.remarks, inner);
        if remarks.height > 0.0 {
            let height = remarks.height;
            place(&mut items, remarks, MARGIN, y + 10.0);
            y += height + 10.0;
        }
        if !self.footer.is_empty() {
            y += 10.0;
            paragraph(
                &mut items,
                self.footer,
                &mut y,
                inner,
                size::FOOTER,
                false,
                Rgb::MUTED,
            );
        }
        let title = if self.title.is_empty() {
            "Figure"
        } else {
            self.title
        };
        Scene {
            width: inner + 2.0 * MARGIN,
            height: (y + MARGIN).ceil(),
            title: title.to_owned(),
            description: self.description,
            items,
        }
    }
}
