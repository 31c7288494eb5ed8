//! Records in, figures (SVG and PNG), tables (Markdown, CSV, plain text) and HTML pages ([`view`],
//! [`report`]) out.
//!
//! Every figure is described by a plain struct (`HeatmapSpec`, `BarsSpec`, …) whose
//! `render` gives a [`Figure`]: the same picture as SVG text and as PNG bytes. In between lies
//! one display list of rectangles, lines, bands, dots and text. Our own writer turns it into SVG,
//! because accessible names and values on hover (`<title>` on every cell) matter and plotters'
//! SVG backend has no place for them; plotters' bitmap backend turns it into PNG. So the two can
//! not differ in layout, and layout is tested once, on the list.
//!
//! What must hold:
//! - the same input gives the same bytes: no clock, no random numbers, no system fonts;
//! - text never leaves the canvas: it is wrapped, shrunk or cut with an ellipsis, measured with
//!   the font that the PNG is drawn with (DejaVu Sans, embedded);
//! - text is data: a token such as `<img src=x onerror=…>` stays text in SVG and Markdown;
//! - values that are not finite are shown as missing, never as zero;
//! - layers and heads count from 0 in the input and from 1 in what people read.
//!
//! The crate knows neither Burn nor polars, nor which experiment a number comes from.

mod attention_map;
mod axis;
mod bars;
mod bars_panels;
pub mod claims;
mod class_grid;
mod contact_sheet;
mod describe;
mod figure;
mod font;
mod forest;
mod frame;
mod generated;
mod heatmap;
mod lines;
mod map_grid;
mod matrix;
mod page;
mod pdf;
mod plot;
mod png;
mod records;
pub mod report;
mod scatter;
mod scene;
mod svg;
pub mod table;
pub mod theme;
pub mod view;

pub use attention_map::{AttentionMap, AttentionMapSpec};
pub use bars::{Arrangement, BarSeries, BarsSpec, Baseline};
pub use bars_panels::BarsPanelsSpec;
pub use class_grid::{ClassCell, ClassGridSpec, ClassPanel};
pub use contact_sheet::{ContactSheetSpec, SheetMap};
pub use figure::{Figure, FigureError};
pub use forest::{ForestRow, ForestSpec};
pub use generated::{BlockError, BlockMode, BlockOutcome, replace_block, update_block};
pub use heatmap::{HeatmapSpec, Panel, ScaleMode};
pub use lines::{LineSeries, LinesSpec};
pub use map_grid::MapGridSpec;
pub use page::{FIGURE_MARKS, PAGE_MARKS};
pub use records::{MeasuredGrid, RecordsError, grid_from_records};
pub use scatter::{ScatterPoint, ScatterSpec};
pub use table::{Align, Cell, Column, Table, grid_table};

#[cfg(test)]
mod tests;
