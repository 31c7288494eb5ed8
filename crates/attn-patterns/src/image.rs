//! A map of any length as a picture of fixed size: what the network sees.
//!
//! A labeller sees the map and its tokens, so the network gets both, as channels of a
//! [`SIDE`]×[`SIDE`] picture, `[channel, row, column]`:
//!
//! | channel | what | from |
//! | --- | --- | --- |
//! | 0 | the greatest weight of the cells that a pixel touches | map |
//! | 1 | the mean weight over a pixel's area | map |
//! | 2 | 1 where the pixel touches the column of a special token | tokens |
//! | 3 | 1 where it touches the row of one | tokens |
//! | 4 | 1 within either text of an input of two, 0 elsewhere | tokens |
//! | 5 | 1 where it touches a cell at most one token from the main diagonal | tokens |
//!
//! Weights are divided by [`crate::scale::darkest`] and cut at 1, as in the drawn picture. **Thin
//! lines survive**: a pixel of channel 0 takes the maximum over every cell it touches, however
//! little, so that no column or diagonal of one cell can fall between pixels as it does when one
//! samples every n-th cell; channel 1 keeps what the maximum forgets, namely how much of the area
//! is dark. Maps shorter than [`SIDE`] are magnified the same way, so that up to 64 tokens nothing
//! is lost. (32 pixels were tried: macro-F1 was lower in cross-validation and across models.)
//! Channel 5 tells a diagonal in a
//! long map (one pixel wide) from a coarse block in a short one.
//!
//! Channels 2 to 5 depend on the tokens alone and are the same for all heads of an input.

use crate::scale::darkest;
use std::ops::Range;

/// Pixels along a side.
pub const SIDE: usize = 64;
/// Channels that come from the weights.
pub const MAP_CHANNELS: usize = 2;
/// Channels that come from the tokens.
pub const TOKEN_CHANNELS: usize = 4;
/// All channels.
pub const CHANNELS: usize = MAP_CHANNELS + TOKEN_CHANNELS;
/// Values of one channel.
pub const AREA: usize = SIDE * SIDE;

/// How `length` cells lie under the pixels of a side.
#[derive(Debug, Clone)]
pub struct Grid {
    length: usize,
    /// Cells that each pixel touches.
    touched: Vec<Range<usize>>,
    /// `(cell, share of the pixel)` for each pixel.
    shares: Vec<Vec<(usize, f32)>>,
}

impl Grid {
    /// For maps over `length` tokens; no length gives an empty picture.
    pub fn new(length: usize) -> Self {
        let mut touched = Vec::with_capacity(SIDE);
        let mut shares = Vec::with_capacity(SIDE);
        for pixel in 0..SIDE {
            // In units of a 1/SIDE of a cell, to stay with whole numbers.
            let (start, end) = (pixel * length, (pixel + 1) * length);
            let cells = start / SIDE..end.div_ceil(SIDE);
            let share = |cell: usize| {
                let overlap = end.min((cell + 1) * SIDE) - start.max(cell * SIDE);
                overlap as f32 / length as f32
            };
            shares.push(cells.clone().map(|cell| (cell, share(cell))).collect());
            touched.push(cells);
        }
        Self {
            length,
            touched,
            shares,
        }
    }

    /// Channels 0 and 1 of a map `[length, length]`, appended to `out` (`2 * AREA` values). A
    /// map of another size gives zeros.
    pub fn map_channels(&self, weights: &[f32], out: &mut Vec<f32>) {
        let length = self.length;
        if length == 0 || weights.len() != length * length {
            out.resize(out.len() + MAP_CHANNELS * AREA, 0.0);
            return;
        }
        let scale = 1.0 / darkest(weights, length);
        let scaled: Vec<f32> = weights.iter().map(|w| (w * scale).min(1.0)).collect();
        let row = |r: usize| &scaled[r * length..(r + 1) * length];
        let mut folded = vec![0.0f32; length];
        for touched in &self.touched {
            folded.fill(0.0);
            for cell in touched.clone() {
                for (most, &value) in folded.iter_mut().zip(row(cell)) {
                    *most = most.max(value);
                }
            }
            out.extend(
                self.touched
                    .iter()
                    .map(|cells| folded[cells.clone()].iter().copied().fold(0.0, f32::max)),
            );
        }
        for shares in &self.shares {
            folded.fill(0.0);
            for &(cell, share) in shares {
                for (sum, &value) in folded.iter_mut().zip(row(cell)) {
                    *sum += value * share;
                }
            }
            out.extend(self.shares.iter().map(|cells| {
                cells
                    .iter()
                    .map(|&(cell, share)| folded[cell] * share)
                    .sum::<f32>()
            }));
        }
    }

    /// Channels 2 to 5 (`4 * AREA` values) of an input with these special positions and segments
    /// (0 or 1; missing ones count as 0).
    pub fn token_channels(&self, special: &[usize], segments: &[u8]) -> Vec<f32> {
        let touches = |cells: &Range<usize>| special.iter().any(|p| cells.contains(p));
        let flags: Vec<f32> = self
            .touched
            .iter()
            .map(|c| f32::from(u8::from(touches(c))))
            .collect();
        let pair = segments.contains(&1);
        // The text of the cell under a pixel's middle.
        let text = |pixel: usize| {
            let cell = (2 * pixel + 1) * self.length / (2 * SIDE);
            segments.get(cell).copied().unwrap_or(0)
        };
        let mut out = Vec::with_capacity(TOKEN_CHANNELS * AREA);
        for _ in 0..SIDE {
            out.extend_from_slice(&flags);
        }
        for &flag in &flags {
            out.extend([flag; SIDE]);
        }
        for row in 0..SIDE {
            for column in 0..SIDE {
                out.push(f32::from(u8::from(pair && text(row) == text(column))));
            }
        }
        for rows in &self.touched {
            for columns in &self.touched {
                // Ranges [a, b) and [c, d) hold cells at most one apart.
                let near = rows.start <= columns.end && columns.start <= rows.end;
                out.push(f32::from(u8::from(near)));
            }
        }
        out
    }
}

/// The whole picture of one map: `[CHANNELS, SIDE, SIDE]`.
pub fn image(weights: &[f32], length: usize, special: &[usize], segments: &[u8]) -> Vec<f32> {
    let grid = Grid::new(length);
    let mut out = Vec::with_capacity(CHANNELS * AREA);
    grid.map_channels(weights, &mut out);
    out.extend(grid.token_channels(special, segments));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn channel(image: &[f32], index: usize) -> &[f32] {
        &image[index * AREA..(index + 1) * AREA]
    }

    #[test]
    fn lines_of_one_cell_survive_at_every_length() {
        for length in [1, 5, 8, 31, 32, 33, 50, 64, 100, 128, 200] {
            let mut diagonal = vec![0.0; length * length];
            let mut column = diagonal.clone();
            let place = length / 3;
            for i in 0..length {
                diagonal[i * length + i] = 0.7;
                column[i * length + place] = 0.2;
            }
            let picture = image(&diagonal, length, &[0], &[]);
            for pixel in 0..SIDE {
                assert_eq!(channel(&picture, 0)[pixel * SIDE + pixel], 1.0, "{length}");
            }
            let picture = image(&column, length, &[0], &[]);
            let pixel = (2 * place + 1) * SIDE / (2 * length);
            for row in 0..SIDE {
                assert_eq!(channel(&picture, 0)[row * SIDE + pixel], 1.0, "{length}");
            }
        }
    }

    #[test]
    fn the_mean_keeps_the_mass() {
        let length = 47;
        let weights: Vec<f32> = (0..length * length)
            .map(|i| (i * 37 % 101) as f32 / 101.0)
            .collect();
        let picture = image(&weights, length, &[], &[]);
        let scale = darkest(&weights, length);
        let mean = |values: &[f32]| values.iter().sum::<f32>() / values.len() as f32;
        let scaled: Vec<f32> = weights.iter().map(|w| (w / scale).min(1.0)).collect();
        assert!((mean(channel(&picture, 1)) - mean(&scaled)).abs() < 1e-4);
    }

    #[test]
    fn token_channels_say_where_things_are() {
        // Four tokens: 16 pixels each.
        let picture = image(&[0.25; 16], 4, &[0, 3], &[0, 0, 1, 1]);
        let at = |c: usize, row: usize, column: usize| channel(&picture, c)[row * SIDE + column];
        assert_eq!(
            (at(2, 40, 0), at(2, 40, 16), at(2, 40, 63)),
            (1.0, 0.0, 1.0)
        );
        assert_eq!((at(3, 0, 40), at(3, 16, 40)), (1.0, 0.0));
        assert_eq!((at(4, 0, 31), at(4, 0, 32), at(4, 63, 32)), (1.0, 0.0, 1.0));
        assert_eq!((at(5, 0, 31), at(5, 0, 32)), (1.0, 0.0));
        let single = image(&[0.25; 16], 4, &[0, 3], &[0; 4]);
        assert!(channel(&single, 4).iter().all(|&v| v == 0.0));
        // A wrong size or nothing at all is blank, not a panic.
        assert_eq!(image(&[1.0; 3], 2, &[], &[]).len(), CHANNELS * AREA);
        assert_eq!(image(&[], 0, &[], &[]).len(), CHANNELS * AREA);
    }
}
