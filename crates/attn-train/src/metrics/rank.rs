//! Ranks with ties.

/// Ranks from 1, equal values sharing the mean of their ranks (scipy's `rankdata`). NaN ranks last.
pub fn average_ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut ranks = vec![0.0; values.len()];
    let mut before = 0usize;
    // `==`, not the sort's order: -0.0 and 0.0 are neighbours in it, but equal.
    for tied in order.chunk_by(|&a, &b| values[a] == values[b]) {
        // The mean of the ranks `before + 1` to `before + tied.len()`.
        let rank = before as f64 + (tied.len() as f64 + 1.0) / 2.0;
        for &index in tied {
            ranks[index] = rank;
        }
        before += tied.len();
    }
    ranks
}
