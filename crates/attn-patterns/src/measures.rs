//! What a labeller counts: a hundred numbers about a map, after the questions of the guide
//! (datasets/attention-maps/GUIDE.md).
//!
//! The guide asks for shares: in how many rows is the darkest column dark, in how many a line beside
//! the diagonal, how many dark cells belong to neither, in how many rows is anything dark across two
//! sentences or inside them. A convolution of 3×3 with pooling must learn to count from 800 maps;
//! here it is done for it. "Dark" is a share of [`crate::scale::darkest`], as in the picture; the
//! guide says half of it, and 0.3 and 0.7 stand beside it, since nobody sees a sharp edge there.
//! Rows of special tokens are left out, as the guide says. Nothing depends on the absolute weights,
//! which the labellers do not see.
//!
//! Order: whether there are two texts; [`NAMES`] for each of [`LEVELS`]; then, of weights that are
//! cut at the darkest: the sum on special tokens, means across the texts and inside them (off the
//! diagonal), the logarithm of the ratio of these, and the two greatest column means.

use crate::scale::darkest;

/// What counts as dark.
pub const LEVELS: [f32; 3] = [0.3, 0.5, 0.7];

/// What is measured at each level; shares of rows unless said otherwise.
pub const NAMES: [&str; 31] = [
    "dark in the first column (of all, by share of dark rows)",
    "second column",
    "third column",
    "first column of a token that is not special",
    "second of these",
    "dark in any column that is dark in a third of the rows",
    "dark in the first line within two of the diagonal",
    "second of these lines",
    "third of these lines",
    "dark on the diagonal",
    "one beside it, the better side",
    "two beside it",
    "three beside it",
    "dark within two of the diagonal, columns left out",
    "dark cells a row, in fours",
    "share of dark cells in columns (dark in 0.4 of the rows)",
    "share near the diagonal, not in columns",
    "share of neither",
    "nothing dark",
    "dark cells of neither a row, in fours, at most 1",
    "dark across the texts",
    "dark cells across a row, in twos",
    "share of cells across that are dark",
    "dark inside the own text",
    "share of cells inside that are dark",
    "dark inside, off the three diagonals",
    "as before, without the first column of each text",
    "as before, the lesser of the two texts",
    "share of dark cells that are inside",
    "as before, off the diagonals and without the first column",
    "how much more of its own text's rows than of the other's a column is dark in, at most",
];

/// How many numbers there are.
pub const MEASURES: usize = 1 + LEVELS.len() * NAMES.len() + 6;

/// A map as the guide wants it looked at.
struct Picture {
    length: usize,
    /// Rows of tokens that are not special (all, if all are special).
    rows: Vec<usize>,
    special: Vec<bool>,
    text: Vec<usize>,
    pair: bool,
    /// `[length, length]`, cut at 1.
    scaled: Vec<f32>,
}

/// The numbers of one map: `weights` is `[length, length]`, row-major; special positions and
/// segments as in [`crate::MapEntry`]. Zeros for a map of another size.
pub fn measures(
    weights: &[f32],
    length: usize,
    special: &[usize],
    segments: &[u8],
) -> [f32; MEASURES] {
    let mut all = [0.0; MEASURES];
    if length == 0 || weights.len() != length * length {
        return all;
    }
    let scale = 1.0 / darkest(weights, length);
    let is_special: Vec<bool> = (0..length).map(|p| special.contains(&p)).collect();
    let mut rows: Vec<usize> = (0..length).filter(|&p| !is_special[p]).collect();
    if rows.is_empty() {
        rows = (0..length).collect();
    }
    let text: Vec<usize> = (0..length)
        .map(|p| usize::from(segments.get(p).is_some_and(|&s| s > 0)))
        .collect();
    let picture = Picture {
        length,
        rows,
        special: is_special,
        pair: text.contains(&1),
        text,
        scaled: weights.iter().map(|w| (w * scale).min(1.0)).collect(),
    };
    let pair = f32::from(u8::from(picture.pair));
    let numbers = std::iter::once(pair)
        .chain(LEVELS.iter().flat_map(|&level| picture.at(level)))
        .chain(picture.means());
    for (place, number) in all.iter_mut().zip(numbers) {
        *place = number;
    }
    all
}

/// The greatest `N` of some shares, 0 where there are fewer.
fn greatest<const N: usize>(values: impl Iterator<Item = f32>) -> [f32; N] {
    let mut best = [0.0; N];
    for mut value in values {
        for place in &mut best {
            if value > *place {
                std::mem::swap(&mut value, place);
            }
        }
    }
    best
}

fn share(part: usize, of: usize) -> f32 {
    part as f32 / of.max(1) as f32
}

impl Picture {
    /// Dark cells of a row, each with its column.
    fn dark(&self, row: usize, level: f32) -> impl Iterator<Item = usize> {
        let cells = &self.scaled[row * self.length..(row + 1) * self.length];
        let dark = cells.iter().enumerate().filter(move |c| *c.1 >= level);
        dark.map(|(column, _)| column)
    }

    /// [`NAMES`] at one level.
    fn at(&self, level: f32) -> [f32; NAMES.len()] {
        let rows = self.rows.len();
        let mut counts = vec![0usize; self.length];
        let (mut lines, mut possible) = ([0usize; 7], [0usize; 7]);
        for &row in &self.rows {
            for (offset, possible) in possible.iter_mut().enumerate() {
                *possible += usize::from((3..self.length + 3).contains(&(row + offset)));
            }
            for column in self.dark(row, level) {
                counts[column] += 1;
                if let Some(line) = (column + 3).checked_sub(row).filter(|&o| o < 7) {
                    lines[line] += 1;
                }
            }
        }
        let shares: Vec<f32> = counts.iter().map(|&c| share(c, rows)).collect();
        let lines: [f32; 7] = std::array::from_fn(|o| share(lines[o], possible[o]));
        let (mut total, mut columns, mut near, mut rest) = (0, 0, 0, 0);
        let (mut in_column, mut in_band, mut nothing) = (0, 0, 0);
        for &row in &self.rows {
            let (mut column_here, mut band_here, mut any) = (false, false, false);
            for column in self.dark(row, level) {
                (any, total) = (true, total + 1);
                column_here |= shares[column] >= 1.0 / 3.0;
                if shares[column] >= 0.4 {
                    columns += 1;
                } else if column.abs_diff(row) <= 2 {
                    (band_here, near) = (true, near + 1);
                } else {
                    rest += 1;
                }
            }
            in_column += usize::from(column_here);
            in_band += usize::from(band_here);
            nothing += usize::from(!any);
        }
        let own = |column: &usize| !self.special[*column];
        let all: [f32; 3] = greatest(shares.iter().copied());
        let words: [f32; 2] = greatest((0..self.length).filter(own).map(|c| shares[c]));
        let close: [f32; 3] = greatest(lines[1..6].iter().copied());
        let one = [
            all[0],
            all[1],
            all[2],
            words[0],
            words[1],
            share(in_column, rows),
            close[0],
            close[1],
            close[2],
            lines[3],
            lines[2].max(lines[4]),
            lines[1].max(lines[5]),
            lines[0].max(lines[6]),
            share(in_band, rows),
            share(total, 4 * rows),
            share(columns, total),
            share(near, total),
            share(rest, total),
            share(nothing, rows),
            share(rest, 4 * rows).min(1.0),
        ];
        let mut both = [0.0; NAMES.len()];
        let two = self.texts(level);
        for (place, number) in both.iter_mut().zip(one.into_iter().chain(two)) {
            *place = number;
        }
        both
    }

    /// The last eleven of [`NAMES`]; zeros for a single text.
    fn texts(&self, level: f32) -> [f32; 11] {
        if !self.pair {
            return [0.0; 11];
        }
        let rows = self.rows.len();
        let (mut rows_of, mut words_of) = ([0usize; 2], [0usize; 2]);
        for &row in &self.rows {
            rows_of[self.text[row]] += 1;
        }
        for word in (0..self.length).filter(|&p| !self.special[p]) {
            words_of[self.text[word]] += 1;
        }
        // Dark cells of each column: in rows of its own text, of the other's, and, of the first,
        // off the three diagonals.
        let mut by_column = vec![[0usize; 3]; self.length];
        let (mut across, mut inside) = (0, 0);
        let (mut across_rows, mut inside_rows, mut off_rows) = (0, 0, 0);
        for &row in &self.rows {
            let (mut crosses, mut stays, mut off) = (false, false, false);
            for column in self.dark(row, level).filter(|&c| !self.special[c]) {
                if self.text[column] != self.text[row] {
                    (crosses, across) = (true, across + 1);
                    by_column[column][1] += 1;
                    continue;
                }
                (stays, inside) = (true, inside + 1);
                by_column[column][0] += 1;
                if column.abs_diff(row) > 1 {
                    off = true;
                    by_column[column][2] += 1;
                }
            }
            across_rows += usize::from(crosses);
            inside_rows += usize::from(stays);
            off_rows += usize::from(off);
        }
        // The first column of each text: one full stop is no block.
        let mut first = [(0, 0); 2];
        for (column, counts) in by_column.iter().enumerate() {
            let best = &mut first[self.text[column]];
            if counts[2] > best.1 {
                *best = (column, counts[2]);
            }
        }
        let (mut rest, mut rest_rows) = (0, [0usize; 2]);
        for &row in &self.rows {
            let text = self.text[row];
            let left = self.dark(row, level).filter(|&c| {
                !self.special[c]
                    && self.text[c] == text
                    && c.abs_diff(row) > 1
                    && !(first[text].1 > 0 && c == first[text].0)
            });
            let left = left.count();
            rest += left;
            rest_rows[text] += usize::from(left > 0);
        }
        let mut stops_short = 0.0f32;
        if rows_of[0] > 2 && rows_of[1] > 2 {
            for (column, counts) in by_column.iter().enumerate() {
                let text = self.text[column];
                let more = share(counts[0], rows_of[text]) - share(counts[1], rows_of[1 - text]);
                stops_short = stops_short.max(more);
            }
        }
        // Of both texts that have a row at all.
        let lesser = (0..2)
            .filter(|&t| rows_of[t] > 0)
            .map(|t| share(rest_rows[t], rows_of[t]))
            .fold(1.0, f32::min);
        let cells_across = rows_of[0] * words_of[1] + rows_of[1] * words_of[0];
        let cells_inside = rows_of[0] * words_of[0] + rows_of[1] * words_of[1];
        let of_both = |part: usize| (part as f32 + 0.5) / ((part + across) as f32 + 1.0);
        [
            share(across_rows, rows),
            share(across, 2 * rows),
            share(across, cells_across),
            share(inside_rows, rows),
            share(inside, cells_inside),
            share(off_rows, rows),
            share(rest_rows[0] + rest_rows[1], rows),
            lesser,
            of_both(inside),
            of_both(rest),
            stops_short,
        ]
    }

    /// The last six numbers.
    fn means(&self) -> [f32; 6] {
        let mut columns = vec![0.0f32; self.length];
        let (mut special, mut across, mut inside) = (0.0f32, (0.0f32, 0), (0.0f32, 0));
        for &row in &self.rows {
            let cells = &self.scaled[row * self.length..(row + 1) * self.length];
            for (column, &value) in cells.iter().enumerate() {
                columns[column] += value;
                let word = if self.special[column] { 0.0 } else { value };
                special += value - word;
                if self.text[column] != self.text[row] {
                    across = (across.0 + word, across.1 + 1);
                } else if column.abs_diff(row) > 2 {
                    inside = (inside.0 + word, inside.1 + 1);
                }
            }
        }
        let rows = self.rows.len() as f32;
        let [first, second] = greatest(columns.iter().map(|c| c / rows));
        let special = special / rows / 3.0;
        if !self.pair {
            return [special, 0.0, 0.0, 0.0, first, second];
        }
        let mean = |(sum, count): (f32, usize)| sum / count.max(1) as f32;
        let (across, inside) = (mean(across), mean(inside));
        let ratio = ((inside + 0.003) / (across + 0.003)).ln();
        [special, 5.0 * across, 5.0 * inside, ratio, first, second]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(all: &[f32; MEASURES], level: usize, what: &str) -> f32 {
        let index = NAMES.iter().position(|n| *n == what).unwrap();
        all[1 + level * NAMES.len() + index]
    }

    /// Two texts of eight words: `[CLS]` 0, words, `[SEP]` 9, words, `[SEP]` 18.
    fn map(dark: impl Fn(usize, usize) -> bool) -> [f32; MEASURES] {
        let weights: Vec<f32> = (0..19 * 19)
            .map(|i| if dark(i / 19, i % 19) { 0.5 } else { 0.01 })
            .collect();
        let segments: Vec<u8> = (0..19).map(|p| u8::from(p > 9)).collect();
        measures(&weights, 19, &[0, 9, 18], &segments)
    }

    #[test]
    fn they_count_what_the_guide_asks_for() {
        let (column, line) = (NAMES[0], NAMES[6]);
        let stripes = map(|row, key| key == 9 || (key == 4 && row % 2 == 0));
        assert_eq!(at(&stripes, 1, column), 1.0);
        assert_eq!(at(&stripes, 1, NAMES[3]), 0.5);
        assert_eq!(at(&stripes, 1, "share of neither"), 0.0);
        let diagonal = map(|row, key| key + 1 == row);
        assert_eq!(at(&diagonal, 2, line), 1.0);
        assert_eq!(at(&diagonal, 2, "dark on the diagonal"), 0.0);
        assert!(at(&diagonal, 1, "dark across the texts") < 0.01);
        assert!(at(&diagonal, 1, NAMES[26]) < 0.01);
        let block = map(|row, key| (row > 9) == (key > 9) && (row + key) % 3 == 0);
        assert_eq!(at(&block, 1, "dark across the texts"), 0.0);
        assert_eq!(at(&block, 1, "dark inside the own text"), 1.0);
        assert!(at(&block, 1, NAMES[26]) > 0.9 && at(&block, 1, NAMES[27]) > 0.8);
        // The same, but one sentence attends to the other.
        let crossed = map(|row, key| (row > 9) != (key > 9) && (row + key) % 3 == 0);
        assert_eq!(at(&crossed, 1, "dark across the texts"), 1.0);
        assert!(at(&crossed, 1, "share of neither") > 0.8);
        let blank = map(|row, key| row == 0 && key == 0);
        assert_eq!(
            blank[MEASURES - 6..].iter().filter(|v| v.is_nan()).count(),
            0
        );
    }

    #[test]
    fn the_scale_of_the_weights_and_odd_input_do_not_matter() {
        let weights: Vec<f32> = (0..144).map(|i| (i * 37 % 101) as f32 / 101.0).collect();
        let segments = [0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1];
        let one = measures(&weights, 12, &[0, 5, 11], &segments);
        let halved: Vec<f32> = weights.iter().map(|w| w * 0.5).collect();
        let other = measures(&halved, 12, &[0, 5, 11], &segments);
        for (a, b) in one.iter().zip(other) {
            assert!((a - b).abs() < 1e-5 && a.is_finite());
        }
        for (length, special) in [(0, vec![]), (1, vec![0]), (2, vec![0, 1]), (3, vec![9])] {
            let weights = vec![0.0; length * length];
            let found = measures(&weights, length, &special, &[1]);
            assert!(found.iter().all(|v| v.is_finite()), "{length} {found:?}");
        }
        assert_eq!(measures(&[1.0; 3], 2, &[], &[]), [0.0; MEASURES]);
    }
}
