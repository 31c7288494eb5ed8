//! The cells of one panel with their labels.

use super::*;

/// Cells, their values where they fit, dots, and labels of rows and columns.
pub(super) fn cells(
    m: &Matrix<'_>,
    lay: &Layout,
    panel: &Cells,
    axis: &Axis,
    origin: (f64, f64),
    items: &mut Vec<Item>,
) {
    let (x0, y0) = origin;
    let (rows, columns) = (panel.row_labels.len(), panel.column_labels.len());
    let side = if m.gaps && lay.cell >= 12.0 {
        lay.cell - 1.0
    } else {
        lay.cell
    };
    let print = if m.annotate {
        annotation(m, std::slice::from_ref(axis), lay.cell)
    } else {
        None
    };
    for (index, &value) in panel.values.iter().enumerate() {
        let (row, column) = (index / columns.max(1), index % columns.max(1));
        let (x, y) = (x0 + column as f64 * lay.cell, y0 + row as f64 * lay.cell);
        let tip = panel.tips.get(index).cloned();
        if !value.is_finite() {
            items.push(Item::Hatch {
                x,
                y,
                w: side,
                h: side,
                tip,
            });
            continue;
        }
        let fill = m.map.colour(axis.share(value));
        items.push(Item::Rect {
            x,
            y,
            w: side,
            h: side,
            fill,
            tip,
        });
        if let Some((digits, size)) = print {
            let text = Text::new(
                x + side / 2.0,
                y + side / 2.0 + size * font::CAP / 2.0,
                size,
                decimal(value, digits),
            );
            items.push(Item::Text(
                text.anchor(Anchor::Middle).colour(fill.text_on()),
            ));
        }
        if panel.dots.contains(&index) {
            items.push(Item::Dot {
                x: x + side / 2.0,
                y: y + side / 2.0,
                r: (side * 0.16).clamp(1.2, 3.5),
                fill: Rgb::WHITE,
                stroke: Rgb::INK,
                tip: None,
            });
        }
    }
    if !m.gaps {
        let (w, h) = (lay.cell * columns as f64, lay.cell * rows as f64);
        items.push(Item::Outline {
            x: x0,
            y: y0,
            w,
            h,
            colour: Rgb::HATCH,
        });
    }
    for (row, label) in panel
        .row_labels
        .iter()
        .enumerate()
        .step_by(stride(lay.row_tick * 1.05, lay.cell))
    {
        let y = y0 + (row as f64 + 0.5) * lay.cell + lay.row_tick * font::CAP / 2.0;
        items.push(Item::Text(
            Text::new(x0 - 5.0, y, lay.row_tick, label.clone()).anchor(Anchor::End),
        ));
    }
    let bottom = y0 + rows as f64 * lay.cell;
    let needed = if m.rotate {
        lay.tick * 1.05
    } else {
        widest(panel.column_labels.iter(), lay.tick) + 3.0
    };
    for (column, label) in panel
        .column_labels
        .iter()
        .enumerate()
        .step_by(stride(needed, lay.cell))
    {
        let x = x0 + (column as f64 + 0.5) * lay.cell;
        let text = if m.rotate {
            Text::new(
                x + lay.tick * font::CAP / 2.0,
                bottom + 5.0,
                lay.tick,
                label.clone(),
            )
            .anchor(Anchor::End)
            .rotated()
        } else {
            Text::new(x, bottom + lay.tick + 2.0, lay.tick, label.clone()).anchor(Anchor::Middle)
        };
        items.push(Item::Text(text));
    }
}
