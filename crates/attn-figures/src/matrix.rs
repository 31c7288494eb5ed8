//! Panels of coloured cells: what heatmaps over heads and attention maps have in common.

mod cells;
mod colour_bar;
mod layout;

use crate::FigureError;
use crate::axis::{Axis, decimal, extent};
use crate::font;
use crate::frame::{Body, Key};
use crate::scene::{Anchor, Item, Text};
use crate::theme::{ColourMap, Rgb, size};
use cells::cells;
use colour_bar::{bar, scale};
use layout::{GAP, Layout, NAME, layout, stride, widest};

/// One panel. `values` and `tips` hold `row_labels.len() * column_labels.len()` entries, row-major.
pub(crate) struct Cells {
    pub title: String,
    pub note: String,
    pub row_labels: Vec<String>,
    pub column_labels: Vec<String>,
    pub values: Vec<f64>,
    pub tips: Vec<String>,
    /// A line across the colour bar.
    pub baseline: Option<f64>,
    /// Indices of cells with a dot.
    pub dots: Vec<usize>,
}

/// All panels and how to draw them.
pub(crate) struct Matrix<'a> {
    pub figure: &'a str,
    pub panels: Vec<Cells>,
    /// Panels in a row; chosen when absent.
    pub columns: Option<usize>,
    /// Bold names to the left of the rows of panels.
    pub row_names: &'a [String],
    pub x_name: &'a str,
    pub y_name: &'a str,
    /// Column labels read upwards, all of them.
    pub rotate: bool,
    /// Cells are told apart by a white gap.
    pub gaps: bool,
    pub annotate: bool,
    pub map: ColourMap,
    pub own_scales: bool,
    pub range: Option<(f64, f64)>,
    pub value_name: &'a str,
    /// What the lines across colour bars mean.
    pub baseline_name: &'a str,
    /// What dots mean.
    pub dot_name: &'a str,
    pub largest_cell: f64,
}

/// The colour of a line to compare with: orange, as under the paper's Figure 8.
const MARK: Rgb = Rgb(230, 120, 0);
/// Width that several panels together aim for.
const PAGE: f64 = 1240.0;
const BAR: f64 = 12.0;
/// Shorter colour bars have no room for their ticks and name, even beside a single row of cells.
const SHORTEST_BAR: f64 = 110.0;
/// Width of the narrowest panel: its title and note have to fit.
const NARROWEST: f64 = 132.0;

/// Lays out all panels and the colour bars; the second part are remarks for below.
pub(crate) fn draw(m: &Matrix<'_>) -> Result<(Body, Vec<(Key, String)>), FigureError> {
    let all = || m.panels.iter().flat_map(|p| p.values.iter().copied());
    let total = all().count();
    if m.panels.is_empty() || total == 0 {
        let what = if m.panels.is_empty() {
            "the list of panels"
        } else {
            "every panel's grid"
        };
        return Err(FigureError::Empty {
            figure: m.figure.to_owned(),
            what: what.to_owned(),
        });
    }
    if extent(all()).is_none() {
        return Err(FigureError::NothingFinite {
            figure: m.figure.to_owned(),
            count: total,
        });
    }
    let axes: Vec<Axis> = if m.own_scales {
        m.panels
            .iter()
            .map(|p| scale(m, p.values.iter().copied().chain(p.baseline)))
            .collect::<Result<_, _>>()?
    } else {
        let baselines = m.panels.iter().filter_map(|p| p.baseline);
        vec![scale(m, all().chain(baselines))?]
    };
    let lay = layout(m, &axes);
    let mut items = Vec::new();
    let step = lay.rows_width + lay.panel + GAP + if m.own_scales { lay.bar_width } else { 0.0 };
    let mut y = 0.0;
    let mut bottom_of_cells: f64 = 0.0;
    let mut top_of_cells = None;
    let mut right: f64 = 0.0;
    for (row, panels) in m.panels.chunks(lay.columns).enumerate() {
        let heading =
            |p: &Cells| font::wrap(&p.title, size::PANEL, true, lay.panel + lay.rows_width);
        let notes = |p: &Cells| font::wrap(&p.note, size::NOTE, false, lay.panel + lay.rows_width);
        let titles = panels.iter().map(|p| heading(p).len()).max().unwrap_or(0) as f64;
        let note_lines = panels.iter().map(|p| notes(p).len()).max().unwrap_or(0) as f64;
        let above =
            titles * 16.0 + note_lines * 13.0 + if titles + note_lines > 0.0 { 5.0 } else { 0.0 };
        let most_rows = panels.iter().map(|p| p.row_labels.len()).max().unwrap_or(1) as f64;
        let top = y + above;
        let height = lay.cell * most_rows;
        top_of_cells.get_or_insert(top);
        bottom_of_cells = top + height;
        // A panel with nothing beneath it carries the name of the x axis.
        let last = |column: usize| (row + 1) * lay.columns + column >= m.panels.len();
        let mut named = false;
        for (column, panel) in panels.iter().enumerate() {
            let x0 = lay.left + column as f64 * step;
            let x = x0 + lay.rows_width;
            let mut line = y;
            for text in heading(panel) {
                items.push(Item::Text(
                    Text::new(x0 + 6.0, line + 12.0, size::PANEL, text).bold(),
                ));
                line += 16.0;
            }
            for text in notes(panel) {
                items.push(Item::Text(
                    Text::new(x0 + 6.0, line + 10.0, size::NOTE, text).colour(Rgb::MUTED),
                ));
                line += 13.0;
            }
            let axis = axes.get(row * lay.columns + column).or(axes.first());
            if let Some(axis) = axis {
                cells(m, &lay, panel, axis, (x, top), &mut items);
            }
            let grid_width = lay.cell * panel.column_labels.len() as f64;
            let grid_height = lay.cell * panel.row_labels.len() as f64;
            right = right.max(x + lay.panel);
            if m.own_scales
                && let Some(axis) = axis
            {
                bar(
                    m,
                    (axis, panel.baseline.as_slice()),
                    &lay,
                    (x + grid_width + 10.0, top),
                    grid_height,
                    &mut items,
                );
                right = right.max(x + lay.panel + lay.bar_width);
            }
            if last(column) && !m.x_name.is_empty() {
                named = true;
                let (name, size) = font::shrink(m.x_name, size::LABEL, 8.0, false, lay.panel);
                let centre = x + grid_width.max(font::measure(&name, size, false)) / 2.0;
                let text = Text::new(
                    centre,
                    top + grid_height + lay.columns_height + 12.0,
                    size,
                    name,
                );
                items.push(Item::Text(text.anchor(Anchor::Middle)));
            }
        }
        let below = if m.own_scales {
            height.max(SHORTEST_BAR)
        } else {
            height
        } + lay.columns_height;
        let centre = top + height / 2.0;
        if !m.y_name.is_empty() {
            let (name, size) = font::shrink(m.y_name, size::LABEL, 8.0, false, height.max(40.0));
            let text = Text::new(lay.left - 6.0, centre, size, name)
                .anchor(Anchor::Middle)
                .rotated();
            items.push(Item::Text(text));
        }
        if let Some(name) = m.row_names.get(row) {
            row_name(name, (y, top + below), &mut items);
        }
        y = top + below + if named { NAME } else { 0.0 };
        if (row + 1) * lay.columns < m.panels.len() {
            y += 14.0;
        }
    }
    if !m.own_scales
        && let Some(axis) = axes.first()
    {
        let top = top_of_cells.unwrap_or(0.0);
        let height = (bottom_of_cells - top).clamp(SHORTEST_BAR, 320.0);
        let middle = ((bottom_of_cells + top - height) / 2.0).max(top);
        let baselines: Vec<f64> = m.panels.iter().filter_map(|p| p.baseline).collect();
        bar(
            m,
            (axis, &baselines),
            &lay,
            (right + 14.0, middle.floor()),
            height,
            &mut items,
        );
        right += lay.bar_width + 4.0;
    }
    if !m.own_scales {
        y = y.max(top_of_cells.unwrap_or(0.0) + SHORTEST_BAR);
    }
    let remarks = remarks(m, &axes, &lay);
    Ok((
        Body {
            width: right,
            height: y,
            items,
        },
        remarks,
    ))
}

/// The bold name of a row of panels, read upwards beside what the row takes from `top` to `bottom`;
/// on two lines where one is too short.
fn row_name(name: &str, (top, bottom): (f64, f64), items: &mut Vec<Item>) {
    let room = bottom - top;
    let (_, size) = font::shrink(name, size::PANEL, 9.0, true, room);
    let lines = font::wrap(name, size, true, room);
    let lines = &lines[..lines.len().min(2)];
    for (place, line) in lines.iter().enumerate() {
        let x = if lines.len() == 1 { 12.0 } else { 8.0 } + place as f64 * (size + 1.0);
        items.push(Item::Text(
            Text::new(x, (top + bottom) / 2.0, size, line.clone())
                .bold()
                .anchor(Anchor::Middle)
                .rotated(),
        ));
    }
}

/// What the colours alone do not say.
fn remarks(m: &Matrix<'_>, axes: &[Axis], lay: &Layout) -> Vec<(Key, String)> {
    let mut remarks = Vec::new();
    if m.panels.iter().any(|p| p.baseline.is_some()) {
        remarks.push((Key::Stroke(MARK, None), m.baseline_name.to_owned()));
    }
    if m.panels.iter().any(|p| !p.dots.is_empty()) {
        remarks.push((Key::Dot, m.dot_name.to_owned()));
    }
    let missing = m
        .panels
        .iter()
        .flat_map(|p| &p.values)
        .filter(|v| !v.is_finite())
        .count();
    if missing > 0 {
        remarks.push((
            Key::Missing,
            format!(
                "no value ({missing} {})",
                if missing == 1 { "cell" } else { "cells" }
            ),
        ));
    }
    let beyond = m.panels.iter().enumerate().any(|(i, p)| {
        let axis = axes.get(i).or(axes.first());
        axis.is_some_and(|a| {
            p.values
                .iter()
                .any(|&v| v.is_finite() && (v < a.low || v > a.high))
        })
    });
    if beyond {
        remarks.push((
            Key::Nothing,
            "Values beyond the scale have the colour of its nearer end.".to_owned(),
        ));
    }
    if m.annotate && annotation(m, axes, lay.cell).is_none() {
        remarks.push((
            Key::Nothing,
            "Some cells are too small for printed values; the SVG shows them on hover.".to_owned(),
        ));
    }
    remarks
}

/// Decimals and font size at which every value fits its cell, if any do.
fn annotation(m: &Matrix<'_>, axes: &[Axis], cell: f64) -> Option<(usize, f64)> {
    let span = axes
        .iter()
        .map(|a| a.high - a.low)
        .fold(f64::INFINITY, f64::min);
    let digits = if span >= 10.0 {
        0
    } else if span >= 0.1 {
        2
    } else {
        3
    };
    let texts: Vec<String> = m
        .panels
        .iter()
        .flat_map(|p| &p.values)
        .filter(|v| v.is_finite())
        .map(|&v| decimal(v, digits))
        .collect();
    let natural = widest(texts.iter(), 10.0);
    let size = ((cell - 4.0) / natural * 100.0).floor() / 10.0;
    let size = size.min(10.0).min(cell * 0.7);
    (size >= size::SMALLEST).then_some((digits, size))
}
