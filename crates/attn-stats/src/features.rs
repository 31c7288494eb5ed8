//! Attention to features (Section 4.4): how much weight chosen tokens receive.

/// The weight that token `key` receives from all tokens, divided by the number of tokens: the mean
/// of one column of the map. `None` when `key` lies outside.
pub fn column_mean(map: &[f32], length: usize, key: usize) -> Option<f32> {
    if key >= length || map.len() != length * length {
        return None;
    }
    // f64, so that the sum does not depend on how the compiler orders it.
    let sum: f64 = map
        .iter()
        .skip(key)
        .step_by(length)
        .map(|&w| f64::from(w))
        .sum();
    Some((sum / length as f64) as f32)
}

/// Attention to a feature (Section 4.4): the greatest [`column_mean`] among the feature's tokens.
/// `None` when the input has no such token ("we disregard input sentences that do not contain a
/// given feature") or a position lies outside the map.
pub fn attention_to(map: &[f32], length: usize, positions: &[usize]) -> Option<f32> {
    let means: Option<Vec<f32>> = positions
        .iter()
        .map(|&key| column_mean(map, length, key))
        .collect();
    means?.into_iter().reduce(f32::max)
}

/// All column means of a map at once, row by row (which is how it lies in memory), into `sums` of
/// `length` places. What is not a map of `length` tokens leaves zeros.
pub(crate) fn column_means(map: &[f32], length: usize, sums: &mut Vec<f64>) {
    sums.clear();
    sums.resize(length, 0.0);
    if length == 0 || map.len() != length * length {
        return;
    }
    for row in map.chunks_exact(length) {
        for (sum, &weight) in sums.iter_mut().zip(row) {
            *sum += f64::from(weight);
        }
    }
    let share = 1.0 / length as f64;
    for sum in sums {
        *sum *= share;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows: query. Column sums 0.7, 0.8, 1.5.
    const MAP: [f32; 9] = [0.5, 0.25, 0.25, 0.1, 0.4, 0.5, 0.1, 0.15, 0.75];

    #[test]
    fn hand_computed() {
        let near = |a: Option<f32>, b: f32| assert!((a.unwrap() - b).abs() < 1e-6, "{a:?} {b}");
        near(column_mean(&MAP, 3, 0), 0.7 / 3.0);
        near(attention_to(&MAP, 3, &[0, 1]), 0.8 / 3.0);
        near(attention_to(&MAP, 3, &[2]), 0.5);
        near(attention_to(&[1.0], 1, &[0]), 1.0);
    }

    #[test]
    fn all_columns_at_once_are_the_columns_one_by_one() {
        let mut sums = vec![9.0; 7];
        column_means(&MAP, 3, &mut sums);
        assert_eq!(sums.len(), 3);
        for (key, &sum) in sums.iter().enumerate() {
            assert!((sum as f32 - column_mean(&MAP, 3, key).unwrap()).abs() < 1e-7);
        }
        column_means(&[], 0, &mut sums);
        assert!(sums.is_empty());
    }

    #[test]
    fn absent_or_impossible_features_are_none() {
        assert_eq!(attention_to(&MAP, 3, &[]), None);
        assert_eq!(attention_to(&MAP, 3, &[3]), None);
        assert_eq!(attention_to(&MAP, 2, &[0]), None);
        assert_eq!(attention_to(&[], 0, &[0]), None);
    }

    #[test]
    fn all_columns_of_a_map_share_out_one() {
        let total: f32 = (0..3).map(|k| column_mean(&MAP, 3, k).unwrap()).sum();
        assert!((total - 1.0).abs() < 1e-6);
    }
}
