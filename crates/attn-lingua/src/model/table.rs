//! Frozen weights: pruned, quantised, small on disk and quick to look up.
//!
//! On disk a table is a list of rows in the order of their feature hashes. A row is the distance
//! to the hash before it (LEB128), then its entries: `class * 2 + last` (LEB128) and one byte of
//! weight. The byte is a sign and a 7-bit code, and the weight is the code's *square*: weights
//! of a perceptron have a long tail, and equal steps would spend most codes on a few giants.
//! Only ratios matter to the winner, so that weights stay integers and no unit is stored.
//!
//! In memory the rows lie in the same order, with an index by the hash's leading bits: building
//! it is one pass over the bytes, and a look-up touches about one row.

use super::format::{Damage, Reader, write_varint};
use crate::perceptron::Averaged;

/// Largest code of a weight.
const TOP: i64 = 127;
/// How many features are looked up together.
const BATCH: usize = 64;

#[derive(Debug, Clone, Copy)]
struct Row {
    key: u32,
    start: u32,
}

/// Read-only weights of a perceptron.
#[derive(Debug, Clone)]
pub(crate) struct Table {
    classes: usize,
    shift: u32,
    index: Vec<u32>,
    /// One bit per value of the hash's leading bits: whether any feature begins so.
    filter: Vec<u64>,
    filter_shift: u32,
    /// One more than there are rows: the last only ends the row before it.
    rows: Vec<Row>,
    entries: Vec<(u16, i16)>,
}

impl Table {
    /// Fills `scores` with the score of every class.
    pub(crate) fn score(&self, features: &[u32], scores: &mut Vec<i32>) {
        scores.clear();
        scores.resize(self.classes, 0);
        // Three short loops without unforeseeable branches, so that the processor can wait for
        // many rows at once. Most features are unknown: the filter, small enough for the
        // second-level cache, sorts nearly all of those out before main memory is touched.
        let (mut known, mut found) = ([0u32; BATCH], [(0u32, 0u32); BATCH]);
        for keys in features.chunks(BATCH) {
            let mut count = 0;
            for &key in keys {
                let bit = key >> self.filter_shift;
                known[count] = key;
                count += (self.filter[(bit >> 6) as usize] >> (bit & 63) & 1) as usize;
            }
            let mut rows = 0;
            for &key in &known[..count] {
                let bucket = (u64::from(key) >> self.shift) as usize;
                let (from, to) = (self.index[bucket] as usize, self.index[bucket + 1] as usize);
                for at in from..to {
                    found[rows] = (self.rows[at].start, self.rows[at + 1].start);
                    if self.rows[at].key == key {
                        rows += 1;
                        break;
                    }
                }
            }
            for &(start, end) in &found[..rows] {
                for &(class, weight) in &self.entries[start as usize..end as usize] {
                    let score = &mut scores[usize::from(class)];
                    *score = score.wrapping_add(i32::from(weight));
                }
            }
        }
    }

    /// Number of features and of weights.
    pub(crate) fn size(&self) -> (usize, usize) {
        (self.rows.len() - 1, self.entries.len())
    }

    /// Reads what [`encode`] wrote. `classes` is what the labels of the model ask for; a class
    /// beyond it is damage.
    pub(crate) fn decode(
        bytes: &[u8],
        classes: usize,
        part: &'static str,
    ) -> Result<Table, Damage> {
        let mut reader = Reader::new(bytes, part);
        let count = reader.varint("number of features")? as usize;
        // Every row takes three bytes or more, so that a damaged count cannot ask for the moon.
        if count > bytes.len() / 3 {
            return Err(reader.damage(format!(
                "{count} features cannot lie in {} bytes",
                bytes.len()
            )));
        }
        let bits = usize::BITS - count.max(1).leading_zeros();
        let shift = 32 - bits.min(24);
        // Eight bits per feature or more: one unknown feature in ten passes.
        let filter_shift = shift.saturating_sub(3).max(8);
        let mut filter = vec![0u64; (1usize << (32 - filter_shift)).div_ceil(64)];
        let mut index = vec![0u32; (1usize << (32 - shift)) + 1];
        let mut rows = Vec::with_capacity(count + 1);
        let mut entries = Vec::with_capacity(bytes.len() / 3);
        let (mut key, mut bucket) = (0u64, 0usize);
        for row in 0..count {
            key += reader.varint("feature")?;
            if key > u64::from(u32::MAX)
                || (row > 0 && rows.last().is_some_and(|r: &Row| u64::from(r.key) == key))
            {
                return Err(reader.damage(format!("feature {row} is out of order")));
            }
            while bucket <= (key >> shift) as usize {
                index[bucket] = row as u32;
                bucket += 1;
            }
            let bit = key >> filter_shift;
            filter[(bit >> 6) as usize] |= 1 << (bit & 63);
            rows.push(Row {
                key: key as u32,
                start: entries.len() as u32,
            });
            loop {
                let head = reader.varint("class")?;
                let class = head >> 1;
                if class >= classes as u64 {
                    return Err(
                        reader.damage(format!("class {class} of {classes} in feature {row}"))
                    );
                }
                let code = reader.byte("weight")?;
                let size = i16::from(code & 0x7f);
                let weight = if code & 0x80 == 0 {
                    size * size
                } else {
                    -size * size
                };
                entries.push((class as u16, weight));
                if head & 1 == 1 {
                    break;
                }
            }
        }
        reader.finish()?;
        index[bucket..].fill(count as u32);
        rows.push(Row {
            key: u32::MAX,
            start: entries.len() as u32,
        });
        Ok(Table {
            classes,
            shift,
            index,
            filter,
            filter_shift,
            rows,
            entries,
        })
    }
}

/// Writes `rows`, leaving out the smallest weights so that at most `budget` bytes come out.
pub(crate) fn encode(rows: &[Averaged], budget: usize) -> Vec<u8> {
    let weights = || {
        rows.iter()
            .flat_map(|row| row.weights.iter().map(|&(_, w)| w.unsigned_abs()))
    };
    let largest = weights().max().unwrap_or(0);
    let all = encode_from(rows, 0, largest);
    if all.len() <= budget {
        return all;
    }
    // The size falls as the threshold rises: halve the interval until it is one in a million.
    let (mut low, mut high) = (0, largest.saturating_add(1));
    while high - low > (largest >> 20).max(1) {
        let middle = low + (high - low) / 2;
        if encode_from(rows, middle, largest).len() <= budget {
            high = middle;
        } else {
            low = middle;
        }
    }
    encode_from(rows, high, largest)
}

fn encode_from(rows: &[Averaged], threshold: u64, largest: u64) -> Vec<u8> {
    let mut body = Vec::new();
    let (mut count, mut last) = (0u64, 0u32);
    let mut kept: Vec<(u16, u8)> = Vec::new();
    for row in rows {
        kept.clear();
        kept.extend(
            row.weights
                .iter()
                .filter(|w| w.1.unsigned_abs() >= threshold)
                .filter_map(|&(class, weight)| {
                    let code = code(weight.unsigned_abs(), largest);
                    (code > 0).then_some((class, code | if weight < 0 { 0x80 } else { 0 }))
                }),
        );
        let Some(end) = kept.len().checked_sub(1) else {
            continue;
        };
        write_varint(&mut body, u64::from(row.key - last));
        (count, last) = (count + 1, row.key);
        for (i, &(class, code)) in kept.iter().enumerate() {
            write_varint(&mut body, u64::from(class) * 2 + u64::from(i == end));
            body.push(code);
        }
    }
    let mut bytes = Vec::with_capacity(body.len() + 5);
    write_varint(&mut bytes, count);
    bytes.extend_from_slice(&body);
    bytes
}

/// The code whose square, on the scale where `largest` is [`TOP`] squared, is nearest in root.
fn code(weight: u64, largest: u64) -> u8 {
    // In f64, square root and division are exactly rounded by IEEE 754: the same on any machine.
    let root = (weight as f64 / largest.max(1) as f64).sqrt() * TOP as f64;
    root.round() as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows() -> Vec<Averaged> {
        (0..5000u32)
            .map(|i| Averaged {
                key: i * 858_993,
                weights: vec![
                    ((i % 90) as u16, i64::from(i) + 1),
                    (90, -i64::from(i) * 7 - 1),
                ],
            })
            .collect()
    }

    #[test]
    fn a_table_scores_as_its_weights_say() {
        let table = Table::decode(&encode(&rows(), usize::MAX), 91, "test").unwrap();
        let mut scores = Vec::new();
        table.score(&[858_993 * 4999, 1], &mut scores);
        // The largest weight is 7 * 4999 + 1 with code 127; 5000 is a seventh: 127² / 7 = 48².
        assert_eq!((scores[90], scores[4999 % 90]), (-127 * 127, 48 * 48));
        assert_eq!(scores.iter().filter(|s| **s != 0).count(), 2);
    }

    #[test]
    fn the_budget_is_kept_and_the_smallest_go_first() {
        let bytes = encode(&rows(), 9000);
        assert!(bytes.len() <= 9000 && bytes.len() > 8000, "{}", bytes.len());
        let table = Table::decode(&bytes, 91, "test").unwrap();
        let mut scores = Vec::new();
        table.score(&[0], &mut scores);
        assert!(
            scores.iter().all(|s| *s == 0),
            "the smallest weight must be gone"
        );
        table.score(&[858_993 * 4999], &mut scores);
        assert!(scores[90] < 0, "the largest must be there");
    }

    #[test]
    fn damage_is_an_error() {
        let bytes = encode(&rows(), usize::MAX);
        assert!(Table::decode(&bytes[..bytes.len() - 1], 91, "test").is_err());
        assert!(
            Table::decode(&bytes, 90, "test")
                .unwrap_err()
                .to_string()
                .contains("class 90 of 90")
        );
        assert!(Table::decode(&[0xff, 0xff, 0xff, 0x7f], 9, "test").is_err());
        assert_eq!(Table::decode(&[0], 9, "test").unwrap().size(), (0, 0));
        for i in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[i] ^= 0xff;
            let _ = Table::decode(&damaged, 91, "test");
        }
    }
}
