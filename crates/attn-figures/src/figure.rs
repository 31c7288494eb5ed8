//! A finished figure and what can go wrong on the way to it.

use attn_core::io::{IoError, write_atomically};
use std::path::{Path, PathBuf};

/// The same picture twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Figure {
    /// A standalone SVG document, one CSS pixel per unit, with `<title>`, `<desc>` and a value on
    /// hover for every mark.
    pub svg: String,
    /// RGB PNG at two pixels per unit (192 dots per inch).
    pub png: Vec<u8>,
}

impl Figure {
    /// Writes `<name>.svg` and `<name>.png` into `folder` (made if missing), each atomically, and
    /// gives back the two paths in this order.
    ///
    /// # Errors
    /// [`FigureError::Name`] for a name with a path in it, [`FigureError::Io`] when the system
    /// refuses to write.
    pub fn write(&self, folder: &Path, name: &str) -> Result<[PathBuf; 2], FigureError> {
        if name.is_empty() || name.contains(['/', '\\', '\0']) || name.starts_with('.') {
            return Err(FigureError::Name(name.to_owned()));
        }
        let svg = folder.join(format!("{name}.svg"));
        let png = folder.join(format!("{name}.png"));
        write_atomically(&svg, |out| out.write_all(self.svg.as_bytes()))?;
        write_atomically(&png, |out| out.write_all(&self.png))?;
        Ok([svg, png])
    }
}

/// A figure that cannot be drawn or written.
#[derive(Debug, thiserror::Error)]
pub enum FigureError {
    /// Nothing to draw.
    #[error("figure '{figure}': {what} is empty; give at least one")]
    Empty {
        /// The figure's title.
        figure: String,
        /// What is missing, for example `the list of panels`.
        what: String,
    },
    /// Every value is NaN or infinite.
    #[error(
        "figure '{figure}': none of the {count} values is finite, so there is no scale to draw them on"
    )]
    NothingFinite {
        /// The figure's title.
        figure: String,
        /// How many values there are.
        count: usize,
    },
    /// Two lengths that must agree.
    #[error("figure '{figure}', {place}: expected {expected} {what}, found {found}")]
    Length {
        /// The figure's title.
        figure: String,
        /// Which panel, series or row.
        place: String,
        /// What is counted.
        what: &'static str,
        /// How many there should be.
        expected: usize,
        /// How many there are.
        found: usize,
    },
    /// A range without extent.
    #[error(
        "figure '{figure}': the range {low} to {high} is not two finite numbers in rising order"
    )]
    Range {
        /// The figure's title.
        figure: String,
        /// Lower end.
        low: f64,
        /// Upper end.
        high: f64,
    },
    /// More than a page can hold.
    #[error(
        "figure '{figure}' would be {width} x {height} pixels, beyond the limit of {limit}; draw fewer panels or rows"
    )]
    TooLarge {
        /// The figure's title.
        figure: String,
        /// Width in CSS pixels.
        width: u64,
        /// Height in CSS pixels.
        height: u64,
        /// The limit in words.
        limit: &'static str,
    },
    /// A file name that would lead elsewhere.
    #[error(
        "'{0}' is not a figure name: expected a plain file name without folders, extension or a leading dot"
    )]
    Name(String),
    /// The PNG or PDF could not be made.
    #[error("figure '{figure}': cannot {action} the file: {reason}")]
    Bitmap {
        /// The figure's title.
        figure: String,
        /// `draw`, `encode` or `write`.
        action: &'static str,
        /// What the library said.
        reason: String,
    },
    /// The files could not be written.
    #[error(transparent)]
    Io(#[from] IoError),
}
