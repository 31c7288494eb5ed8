//! The scale on which a map is looked at, by labellers and by the network alike.

/// The weight that is drawn darkest: the median over the rows of each row's greatest weight.
///
/// A map's weights may be 0.05 everywhere or 0.9 in one column, so one fixed scale would leave
/// many maps blank; and one row with all its weight in one place (`[CLS]` upon itself, often)
/// would make the rest of a map pale on a scale up to the greatest weight. With the median at
/// least half of the rows have a darkest cell. Greater weights are drawn as dark.
///
/// `weights` is `[length, length]`, row-major. 1 for a map without positive weights.
pub fn darkest(weights: &[f32], length: usize) -> f32 {
    let mut greatest: Vec<f32> = weights
        .chunks_exact(length.max(1))
        .map(|row| row.iter().copied().fold(0.0, f32::max))
        .collect();
    greatest.sort_by(f32::total_cmp);
    let middle = greatest.len() / 2;
    let median = match (greatest.len() % 2, greatest.get(middle)) {
        (1, Some(&m)) => m,
        (_, Some(&m)) => (m + greatest[middle - 1]) / 2.0,
        _ => 0.0,
    };
    if median > 0.0 { median } else { 1.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_row_decides() {
        let weights = [1.0, 0.0, 0.0, 0.2, 0.4, 0.4, 0.1, 0.3, 0.3];
        assert_eq!(darkest(&weights, 3), 0.4);
        assert_eq!(darkest(&[0.75, 0.25, 0.5, 0.5], 2), 0.625);
        assert_eq!(darkest(&[0.0; 4], 2), 1.0);
        assert_eq!(darkest(&[], 0), 1.0);
    }
}
