//! Which class each head belongs to: one coloured cell a head, a colour a class.

use crate::Figure;
use crate::FigureError;
use crate::font;
use crate::frame::{Body, Frame, Key};
use crate::scene::{Anchor, Item, Scene, Text};
use crate::theme::{Rgb, category, size};
use attn_core::HeadGrid;

/// One head's class and how sure it is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ClassCell {
    /// Index into [`ClassGridSpec::classes`].
    pub class: usize,
    /// Share of examples in which the head is of this class, 0 to 1: lower is paler.
    pub share: f64,
}

/// One grid, `layers` x `heads`.
#[derive(Debug, Clone, PartialEq)]
pub struct ClassPanel {
    /// Above the grid.
    pub title: String,
    /// Small type under the title; may be empty.
    pub note: String,
    /// One cell a head.
    pub grid: HeadGrid<ClassCell>,
}

/// Grids of classes. Layer 1 is on top and head 1 on the left.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ClassGridSpec {
    /// Above everything.
    pub title: String,
    /// Under the title; may be empty.
    pub subtitle: String,
    /// Names of the classes; at most eight have colours of their own.
    pub classes: Vec<String>,
    /// Row by row.
    pub panels: Vec<ClassPanel>,
    /// Panels in a row.
    pub columns: usize,
    /// Bold names left of each row of panels; may be empty.
    pub row_names: Vec<String>,
    /// Small type at the bottom.
    pub footer: String,
}

const CELL: f64 = 13.0;
const LEFT: f64 = 20.0;
const GAP: f64 = 14.0;
const HEADING: f64 = 32.0;
const BELOW: f64 = 16.0;

/// The colour of a class at a share. Not paler than half: dark blue must not become light blue,
/// which is another class.
fn colour(cell: ClassCell) -> Rgb {
    category(cell.class).lighter(0.5 * (1.0 - cell.share.clamp(0.0, 1.0)))
}

impl ClassGridSpec {
    /// Draws the figure.
    ///
    /// # Errors
    /// [`FigureError::Empty`] without panels or heads, [`FigureError::Length`] for a class that
    /// has no name, [`FigureError::TooLarge`].
    pub fn render(&self) -> Result<Figure, FigureError> {
        self.scene()?.render()
    }

    pub(crate) fn scene(&self) -> Result<Scene, FigureError> {
        if self.panels.iter().all(|p| p.grid.values().is_empty()) {
            return Err(FigureError::Empty {
                figure: self.title.clone(),
                what: "the list of panels".to_owned(),
            });
        }
        let columns = self.columns.clamp(1, self.panels.len());
        let most = |of: fn(&HeadGrid<ClassCell>) -> usize| {
            self.panels.iter().map(|p| of(&p.grid)).max().unwrap_or(1) as f64
        };
        let (width, height) = (most(HeadGrid::heads) * CELL, most(HeadGrid::layers) * CELL);
        let names = if self.row_names.is_empty() { 0.0 } else { 20.0 };
        let mut items = Vec::new();
        let mut description = String::new();
        for (index, panel) in self.panels.iter().enumerate() {
            let (row, column) = (index / columns, index % columns);
            let x = names + LEFT + column as f64 * (width + LEFT + GAP);
            let y = HEADING + row as f64 * (height + HEADING + BELOW);
            self.panel(panel, (x, y), width, &mut items, &mut description)?;
            if let Some(name) = self.row_names.get(row).filter(|_| column == 0) {
                let text = Text::new(12.0, y + height / 2.0, size::PANEL, name.clone()).bold();
                items.push(Item::Text(text.anchor(Anchor::Middle).rotated()));
            }
        }
        let rows = self.panels.len().div_ceil(columns) as f64;
        let keys = self
            .classes
            .iter()
            .enumerate()
            .map(|(i, name)| (Key::Fill(category(i)), name.clone()))
            .collect();
        let body = Body {
            width: names + columns as f64 * (width + LEFT + GAP) - GAP,
            height: rows * (height + HEADING + BELOW),
            items,
        };
        Ok(Frame {
            title: &self.title,
            subtitle: &self.subtitle,
            footer: &self.footer,
            keys,
            remarks: vec![(
                Key::Nothing,
                "Paler: the head is of this class in fewer of the examples.".to_owned(),
            )],
            description: format!("{description}{}", self.footer),
        }
        .around(body))
    }

    fn panel(
        &self,
        panel: &ClassPanel,
        (x, y): (f64, f64),
        width: f64,
        items: &mut Vec<Item>,
        description: &mut String,
    ) -> Result<(), FigureError> {
        let (title, title_size) = font::shrink(&panel.title, size::PANEL, 8.0, true, width);
        items.push(Item::Text(Text::new(x, y - 18.0, title_size, title).bold()));
        let (note, note_size) = font::shrink(&panel.note, size::NOTE, 7.0, false, width);
        items.push(Item::Text(
            Text::new(x, y - 5.0, note_size, note).colour(Rgb::MUTED),
        ));
        let mut counts = vec![0usize; self.classes.len()];
        for (id, &cell) in panel.grid.iter() {
            let Some(name) = self.classes.get(cell.class) else {
                return Err(FigureError::Length {
                    figure: self.title.clone(),
                    place: format!("panel '{}', head {id}", panel.title),
                    what: "classes with a name",
                    expected: cell.class + 1,
                    found: self.classes.len(),
                });
            };
            if let Some(count) = counts.get_mut(cell.class) {
                *count += 1;
            }
            items.push(Item::Rect {
                x: x + id.head as f64 * CELL,
                y: y + id.layer as f64 * CELL,
                w: CELL - 1.0,
                h: CELL - 1.0,
                fill: colour(cell),
                tip: Some(format!(
                    "layer {}, head {}: {name} in {:.0} % of examples",
                    id.layer + 1,
                    id.head + 1,
                    cell.share * 100.0
                )),
            });
        }
        // The first and every fourth number are enough to count by.
        let shown = |n: &usize| *n == 1 || n.is_multiple_of(4);
        for layer in (1..=panel.grid.layers()).filter(shown) {
            let at = y + (layer as f64 - 0.5) * CELL + 3.0;
            let text = Text::new(x - 4.0, at, 8.0, layer.to_string());
            items.push(Item::Text(text.anchor(Anchor::End)));
        }
        for head in (1..=panel.grid.heads()).filter(shown) {
            let at = x + (head as f64 - 0.5) * CELL;
            let bottom = y + panel.grid.layers() as f64 * CELL + 9.0;
            let text = Text::new(at, bottom, 8.0, head.to_string());
            items.push(Item::Text(text.anchor(Anchor::Middle)));
        }
        let told: Vec<String> = self
            .classes
            .iter()
            .zip(&counts)
            .map(|(name, n)| format!("{n} {name}"))
            .collect();
        description.push_str(&format!("{}: {} heads. ", panel.title, told.join(", ")));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(class: usize) -> ClassGridSpec {
        ClassGridSpec {
            title: "Classes".to_owned(),
            classes: vec!["one".to_owned(), "two".to_owned()],
            panels: vec![ClassPanel {
                title: "RTE".to_owned(),
                note: "n = 3".to_owned(),
                grid: HeadGrid::from_fn(2, 3, |h| ClassCell {
                    class: if h.layer == 1 { class } else { 0 },
                    share: 0.5 + 0.1 * h.head as f64,
                }),
            }],
            columns: 4,
            ..ClassGridSpec::default()
        }
    }

    #[test]
    fn classes_have_colours_and_paler_shares() {
        let scene = spec(1).scene().unwrap();
        let fills: Vec<Rgb> = scene
            .items
            .iter()
            .filter_map(|item| match item {
                Item::Rect {
                    fill, tip: Some(_), ..
                } => Some(*fill),
                _ => None,
            })
            .collect();
        assert_eq!(fills.len(), 6);
        assert!(fills[0].luminance() > fills[2].luminance());
        assert_ne!(fills[0], fills[3]);
        assert!(
            scene.description.contains("RTE: 3 one, 3 two heads"),
            "{}",
            scene.description
        );
        let svg = spec(1).render().unwrap().svg;
        assert!(svg.contains("layer 2, head 3: two in 70 % of examples"));
        for text in scene.texts() {
            let [left, top, right, bottom] = text.bounds();
            assert!(left >= 0.0 && top >= 0.0 && right <= scene.width && bottom <= scene.height);
        }
    }

    #[test]
    fn a_class_without_a_name_is_an_error() {
        let error = spec(2).render().unwrap_err().to_string();
        assert!(error.contains("head 2-1"), "{error}");
        assert!(ClassGridSpec::default().render().is_err());
    }
}
