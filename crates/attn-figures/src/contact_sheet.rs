//! Attention maps for labelling: many small ones on a page, all of one size, with nothing that
//! tells which head, layer or model they come from.

use crate::font;
use crate::frame::{Body, Frame};
use crate::scene::{Anchor, Item, Scene, Text};
use crate::theme::{ColourMap, Rgb, category, size};
use crate::{Figure, FigureError};

/// One map on a sheet.
#[derive(Debug, Clone, PartialEq)]
pub struct SheetMap {
    /// Printed above it.
    pub id: String,
    /// The `L` tokens.
    pub tokens: Vec<String>,
    /// Positions of special tokens, which stand out and always have their labels.
    pub special: Vec<usize>,
    /// Weights, `[L, L]`, row-major: `weights[query * L + key]`.
    pub weights: Vec<f32>,
    /// The weight that gets the darkest colour; 0 gets the lightest.
    pub darkest: f32,
}

/// A page of maps: queries from top to bottom, keys from left to right.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ContactSheetSpec {
    /// Above everything.
    pub title: String,
    /// Under the title; may be empty.
    pub subtitle: String,
    /// Row by row.
    pub maps: Vec<SheetMap>,
    /// Maps in a row; 4 when 0.
    pub columns: usize,
    /// Small type at the bottom.
    pub footer: String,
}

/// Side of a map's cells together, in units (two pixels of the PNG).
const SIDE: f64 = 200.0;
/// Room for labels, left and below.
const LABELS: f64 = 52.0;
const GAP: f64 = 14.0;
const HEADING: f64 = 17.0;
/// Labels of ordinary tokens are left out where they would be smaller.
const SMALLEST_LABEL: f64 = 5.0;

impl ContactSheetSpec {
    /// Draws the page as PNG.
    ///
    /// # Errors
    /// [`FigureError::Empty`] without maps, [`FigureError::Length`] where a map has not `L * L`
    /// weights, [`FigureError::TooLarge`].
    pub fn png(&self) -> Result<Vec<u8>, FigureError> {
        Ok(self.scene()?.render()?.png)
    }

    /// Draws the page as SVG and PNG.
    ///
    /// # Errors
    /// As [`ContactSheetSpec::png`].
    pub fn render(&self) -> Result<Figure, FigureError> {
        self.scene()?.render()
    }

    pub(crate) fn scene(&self) -> Result<Scene, FigureError> {
        if self.maps.is_empty() {
            return Err(FigureError::Empty {
                figure: self.title.clone(),
                what: "the list of maps".to_owned(),
            });
        }
        let columns = if self.columns == 0 { 4 } else { self.columns };
        let mut items = Vec::new();
        for (index, map) in self.maps.iter().enumerate() {
            let length = map.tokens.len();
            if length == 0 || map.weights.len() != length * length {
                return Err(FigureError::Length {
                    figure: self.title.clone(),
                    place: format!("map '{}' with {length} tokens", map.id),
                    what: "weights (tokens squared, at least one)",
                    expected: (length * length).max(1),
                    found: map.weights.len(),
                });
            }
            let x = (index % columns) as f64 * (LABELS + SIDE + GAP);
            let y = (index / columns) as f64 * (HEADING + SIDE + LABELS + GAP);
            draw(map, (x + LABELS, y + HEADING), &mut items);
        }
        let (across, down) = (
            columns.min(self.maps.len()) as f64,
            self.maps.len().div_ceil(columns) as f64,
        );
        let body = Body {
            width: across * (LABELS + SIDE + GAP) - GAP,
            height: down * (HEADING + SIDE + LABELS + GAP) - GAP,
            items,
        };
        let ids: Vec<&str> = self.maps.iter().map(|m| m.id.as_str()).collect();
        Ok(Frame {
            title: &self.title,
            subtitle: &self.subtitle,
            footer: &self.footer,
            keys: Vec::new(),
            remarks: Vec::new(),
            description: format!("Attention maps {}", ids.join(", ")),
        }
        .around(body))
    }
}

/// One map with its upper left cell at `(x0, y0)`.
fn draw(map: &SheetMap, (x0, y0): (f64, f64), items: &mut Vec<Item>) {
    let length = map.tokens.len();
    let cell = SIDE / length as f64;
    let (id, id_size) = font::shrink(&map.id, size::PANEL, 8.0, true, SIDE);
    items.push(Item::Text(Text::new(x0, y0 - 5.0, id_size, id).bold()));
    for (index, &weight) in map.weights.iter().enumerate() {
        let (row, column) = (index / length, index % length);
        let share = f64::from(weight) / f64::from(map.darkest);
        items.push(Item::Rect {
            x: x0 + column as f64 * cell,
            y: y0 + row as f64 * cell,
            w: cell,
            h: cell,
            fill: ColourMap::Sequential.colour(share),
            tip: None,
        });
    }
    items.push(Item::Outline {
        x: x0,
        y: y0,
        w: SIDE,
        h: SIDE,
        colour: Rgb::HATCH,
    });
    let natural = (cell * 0.95).min(size::TICK);
    for (position, token) in map.tokens.iter().enumerate() {
        let special = map.special.contains(&position);
        if !special && natural < SMALLEST_LABEL {
            continue;
        }
        let label = natural.max(if special { 7.0 } else { 0.0 });
        let colour = if special { category(5) } else { Rgb::INK };
        let middle = (position as f64 + 0.5) * cell;
        if special {
            let (row, column) = (y0 + middle, x0 + middle);
            items.push(Item::line((x0 - 4.0, row), (x0 - 1.0, row), 1.5, colour));
            let end = y0 + SIDE;
            items.push(Item::line(
                (column, end + 1.0),
                (column, end + 4.0),
                1.5,
                colour,
            ));
        }
        // Two special tokens side by side (`</s></s>`) have room for one label.
        if special && cell < label && position > 0 && map.special.contains(&(position - 1)) {
            continue;
        }
        let text = font::ellipsis(token, label, special, LABELS - 8.0);
        let drop = label * font::CAP / 2.0;
        let put = |x: f64, y: f64| {
            let mut text = Text::new(x, y, label, text.clone())
                .anchor(Anchor::End)
                .colour(colour);
            text.bold = special;
            text
        };
        items.push(Item::Text(put(x0 - 6.0, y0 + middle + drop)));
        items.push(Item::Text(
            put(x0 + middle + drop, y0 + SIDE + 6.0).rotated(),
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(length: usize) -> SheetMap {
        SheetMap {
            id: format!("m{length}"),
            tokens: (0..length).map(|i| format!("token{i}")).collect(),
            special: vec![0, length - 1],
            weights: (0..length * length).map(|i| (i % 7) as f32 / 7.0).collect(),
            darkest: 0.5,
        }
    }

    #[test]
    fn special_tokens_keep_their_labels_on_long_maps() {
        let spec = ContactSheetSpec {
            title: "Sheet".to_owned(),
            maps: vec![map(8), map(64)],
            ..ContactSheetSpec::default()
        };
        let scene = spec.scene().unwrap();
        let texts: Vec<&str> = scene.texts().map(|t| t.text.as_str()).collect();
        assert_eq!(texts.iter().filter(|t| **t == "token63").count(), 2);
        assert_eq!(
            texts.iter().filter(|t| **t == "token5").count(),
            2,
            "8 tokens only"
        );
        assert!(texts.contains(&"m8") && texts.contains(&"m64"));
        let cells = |item: &&Item| matches!(item, Item::Rect { .. });
        assert_eq!(scene.items.iter().filter(cells).count(), 64 + 64 * 64);
        for text in scene.texts() {
            let [left, top, right, bottom] = text.bounds();
            let inside =
                left >= 0.0 && top >= 0.0 && right <= scene.width && bottom <= scene.height;
            assert!(inside, "{text:?}");
        }
        assert!(spec.png().unwrap().starts_with(b"\x89PNG"));
    }

    #[test]
    fn maps_of_the_wrong_size_are_named() {
        let mut wrong = map(8);
        wrong.weights.pop();
        let spec = |maps| ContactSheetSpec {
            maps,
            ..ContactSheetSpec::default()
        };
        let error = spec(vec![wrong]).png().unwrap_err().to_string();
        assert!(error.contains("'m8'") && error.contains("63"), "{error}");
        assert!(spec(vec![]).png().is_err());
    }
}
