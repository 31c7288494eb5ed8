//! How large the cells are, and what stands around them.

use super::{BAR, Matrix, NARROWEST, PAGE};
use crate::axis::Axis;
use crate::font;
use crate::theme::size;

/// The sizes of a figure, in pixels at scale 1.
pub(super) struct Layout {
    pub columns: usize,
    pub cell: f64,
    /// Font size of column labels.
    pub tick: f64,
    /// Font size of row labels.
    pub row_tick: f64,
    /// Width left of the cells for row labels.
    pub rows_width: f64,
    /// Height below the cells for column labels.
    pub columns_height: f64,
    /// Width of a panel's cells or of its title, whichever is more.
    pub panel: f64,
    pub bar_width: f64,
    pub left: f64,
}

pub(super) const GAP: f64 = 22.0;
pub(super) const NAME: f64 = 17.0;

pub(super) fn widest<'a>(labels: impl Iterator<Item = &'a String>, size: f64) -> f64 {
    labels
        .map(|l| font::measure(l, size, false))
        .fold(0.0, f64::max)
}

pub(super) fn layout(m: &Matrix<'_>, axes: &[Axis]) -> Layout {
    let count = m.panels.len();
    let columns = match m.columns {
        Some(columns) => columns.clamp(1, count),
        None if !m.row_names.is_empty() => count.div_ceil(m.row_names.len()).max(1),
        None if count <= 3 => count,
        None if count <= 4 => 2,
        None if count <= 9 => count.div_ceil(2),
        None => (count as f64).sqrt().ceil() as usize,
    };
    let rows = count.div_ceil(columns);
    let most_columns = m
        .panels
        .iter()
        .map(|p| p.column_labels.len())
        .max()
        .unwrap_or(1);
    let most_rows = m
        .panels
        .iter()
        .map(|p| p.row_labels.len())
        .max()
        .unwrap_or(1);
    let most = most_columns.max(most_rows) as f64;

    let bars = axes.iter().flat_map(Axis::labels).collect::<Vec<_>>();
    let bar_width = 10.0 + BAR + 6.0 + widest(bars.iter(), size::TICK).ceil() + NAME;
    let left = if m.row_names.is_empty() { 0.0 } else { 22.0 }
        + if m.y_name.is_empty() { 0.0 } else { NAME };

    // Label widths hardly depend on the cell's size, so they are taken first.
    let row_labels = || m.panels.iter().flat_map(|p| &p.row_labels);
    let column_labels = || m.panels.iter().flat_map(|p| &p.column_labels);
    let rows_width = widest(row_labels(), size::TICK).ceil() + 6.0;
    let bars_in_panels = if m.own_scales { columns as f64 } else { 1.0 };
    let room = PAGE - left - bars_in_panels * bar_width - columns as f64 * (rows_width + GAP);
    let largest = if most <= 4.0 {
        m.largest_cell.max(56.0)
    } else {
        m.largest_cell
    };
    let across = room / columns as f64 / most_columns as f64;
    let down = 1000.0 / rows as f64 / most_rows as f64;
    // A panel takes NARROWEST anyhow, for its title.
    let free = (NARROWEST / most_columns as f64).floor();
    let smallest: f64 = if m.rotate && columns == 1 { 8.0 } else { 5.0 };
    let cell = across.max(free).min(down).floor().clamp(smallest, largest);

    let tick = if m.rotate {
        (cell * 0.92).clamp(size::SMALLEST, size::TICK)
    } else {
        size::TICK
    };
    let rows_width = widest(row_labels(), tick).ceil() + 6.0;
    let columns_height = if m.rotate {
        widest(column_labels(), tick).ceil() + 6.0
    } else {
        (tick * 1.5).ceil()
    };
    // Numbers may be left out, names not: those become smaller with the cells.
    let named = row_labels().any(|label| label.parse::<f64>().is_err());
    let row_tick = if named {
        tick.min((cell * 0.95).max(size::SMALLEST))
    } else {
        tick
    };
    let panel = (cell * most_columns as f64).max(NARROWEST);
    Layout {
        columns,
        cell,
        tick,
        row_tick,
        rows_width,
        columns_height,
        panel,
        bar_width,
        left,
    }
}

/// Every how many labels one is written, given what one takes and what a cell offers.
pub(super) fn stride(needed: f64, cell: f64) -> usize {
    (needed / cell).ceil().max(1.0) as usize
}
