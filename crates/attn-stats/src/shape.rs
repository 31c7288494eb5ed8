//! The shape of one map: how spread out a head's attention is and where, relative to the token that
//! attends, it goes.
//!
//! A map of `L` tokens is `L * L` weights, row-major, row = query. All functions give `None` when
//! the slice has another length or `L` is 0.

/// The rows of a map, when its size is right.
fn rows(map: &[f32], length: usize) -> Option<std::slice::ChunksExact<'_, f32>> {
    (length > 0 && map.len() == length * length).then(|| map.chunks_exact(length))
}

/// Entropy of the weights that a token gives, in bits, mean over the tokens: 0 when each attends to
/// a single one, `log2(L)` when each attends to all alike.
pub fn entropy(map: &[f32], length: usize) -> Option<f64> {
    let row = |row: &[f32]| -> f64 {
        let weights = row.iter().map(|&w| f64::from(w));
        // Adding zero turns -0 into 0.
        0.0 - weights
            .filter(|&w| w > 0.0)
            .map(|w| w * w.log2())
            .sum::<f64>()
    };
    Some(rows(map, length)?.map(row).sum::<f64>() / length as f64)
}

/// The weight that a token gives to the one `offset` places behind it (-1: the previous token, 0:
/// itself, 1: the next), mean over the tokens that have such a one (Section 4.1, the diagonal
/// pattern). `None` as well when no token has.
pub fn offset_mean(map: &[f32], length: usize, offset: isize) -> Option<f64> {
    let (mut sum, mut count) = (0.0, 0usize);
    for (query, row) in rows(map, length)?.enumerate() {
        let key = query.checked_add_signed(offset);
        if let Some(&w) = key.and_then(|key| row.get(key)) {
            sum += f64::from(w);
            count += 1;
        }
    }
    (count > 0).then(|| sum / count as f64)
}

/// The share of all attention that the given tokens receive together: the sum of their columns over
/// the number of tokens. Unlike [`attention_to`](crate::features::attention_to) it adds several
/// tokens up. `None` as well when a position lies outside.
pub fn share(map: &[f32], length: usize, keys: &[usize]) -> Option<f64> {
    let mut sum = 0.0;
    for row in rows(map, length)? {
        for &key in keys {
            sum += f64::from(*row.get(key)?);
        }
    }
    Some(sum / length as f64)
}

/// Total variation between two maps of the same tokens: half the sum of absolute differences of a
/// row, mean over the rows. 0 for equal maps, 1 where no token attends to anything in common.
pub fn row_distance(a: &[f32], b: &[f32], length: usize) -> Option<f64> {
    let (a, b) = (rows(a, length)?, rows(b, length)?);
    let sum: f64 = a
        .flatten()
        .zip(b.flatten())
        .map(|(&a, &b)| f64::from(a - b).abs())
        .sum();
    Some(sum / 2.0 / length as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows: one token alone; two alike; four quarters in three tokens.
    const MAP: [f32; 9] = [1.0, 0.0, 0.0, 0.5, 0.5, 0.0, 0.25, 0.5, 0.25];

    #[test]
    fn hand_computed() {
        assert_eq!(entropy(&MAP, 3), Some((0.0 + 1.0 + 1.5) / 3.0));
        assert_eq!(offset_mean(&MAP, 3, -1), Some((0.5 + 0.5) / 2.0));
        assert_eq!(offset_mean(&MAP, 3, 0), Some((1.0 + 0.5 + 0.25) / 3.0));
        assert_eq!(offset_mean(&MAP, 3, 1), Some(0.0));
        assert_eq!(offset_mean(&MAP, 3, -2), Some(0.25));
        assert_eq!(share(&MAP, 3, &[0, 2]), Some((1.0 + 0.5 + 0.5) / 3.0));
        assert_eq!(share(&MAP, 3, &[]), Some(0.0));
        let mut other = MAP;
        other[..3].copy_from_slice(&[0.0, 1.0, 0.0]);
        assert_eq!(row_distance(&MAP, &other, 3), Some(1.0 / 3.0));
        assert_eq!(row_distance(&MAP, &MAP, 3), Some(0.0));
    }

    #[test]
    fn extremes() {
        let uniform = [0.25f32; 16];
        assert_eq!(entropy(&uniform, 4), Some(2.0));
        assert!(entropy(&[1.0], 1).unwrap().is_sign_positive());
        assert_eq!(offset_mean(&[1.0], 1, 1), None, "no token has a next one");
    }

    #[test]
    fn what_does_not_fit_is_none() {
        assert_eq!(entropy(&MAP, 2), None);
        assert_eq!(entropy(&[], 0), None);
        assert_eq!(share(&MAP, 3, &[3]), None);
        assert_eq!(offset_mean(&MAP, 3, isize::MIN), None);
        assert_eq!(row_distance(&MAP, &MAP[..4], 3), None);
    }
}
