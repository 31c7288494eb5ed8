//! What tokens of one map receive together, and how far apart two maps are.
//!
//! A map of `L` tokens is `L * L` weights, row-major, row = query. All functions give `None` when
//! the slice has another length or `L` is 0.

/// The rows of a map, when its size is right.
fn rows(map: &[f32], length: usize) -> Option<std::slice::ChunksExact<'_, f32>> {
    (length > 0 && map.len() == length * length).then(|| map.chunks_exact(length))
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
        assert_eq!(share(&MAP, 3, &[0, 2]), Some((1.0 + 0.5 + 0.5) / 3.0));
        assert_eq!(share(&MAP, 3, &[]), Some(0.0));
        let mut other = MAP;
        other[..3].copy_from_slice(&[0.0, 1.0, 0.0]);
        assert_eq!(row_distance(&MAP, &other, 3), Some(1.0 / 3.0));
        assert_eq!(row_distance(&MAP, &MAP, 3), Some(0.0));
    }

    #[test]
    fn what_does_not_fit_is_none() {
        assert_eq!(share(&[], 0, &[]), None);
        assert_eq!(share(&MAP, 2, &[0]), None);
        assert_eq!(share(&MAP, 3, &[3]), None);
        assert_eq!(row_distance(&MAP, &MAP[..4], 3), None);
    }
}
