//! Corrections of p-values for their number. NaN (no test) stays NaN and does not count.

/// Holm's step-down correction (1979): bounds the chance of even one false claim in the family.
pub fn holm(p: &[f64]) -> Vec<f64> {
    let order = ascending(p);
    let mut out = vec![f64::NAN; p.len()];
    let mut largest = 0.0f64;
    for (rank, &index) in order.iter().enumerate() {
        largest = largest.max((p[index] * (order.len() - rank) as f64).min(1.0));
        out[index] = largest;
    }
    out
}

/// Benjamini and Hochberg's step-up correction (1995): bounds the expected share of false claims.
pub fn benjamini_hochberg(p: &[f64]) -> Vec<f64> {
    let order = ascending(p);
    let mut out = vec![f64::NAN; p.len()];
    let mut smallest = 1.0f64;
    for (rank, &index) in order.iter().enumerate().rev() {
        smallest = smallest.min(p[index] * order.len() as f64 / (rank + 1) as f64);
        out[index] = smallest;
    }
    out
}

fn ascending(p: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..p.len()).filter(|&i| !p[i].is_nan()).collect();
    order.sort_by(|&a, &b| p[a].total_cmp(&p[b]));
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absent_tests_do_not_count() {
        let p = [0.01, f64::NAN, 0.04];
        assert_eq!(holm(&p)[0], 0.02);
        assert_eq!(benjamini_hochberg(&p)[2], 0.04);
        assert!(holm(&p)[1].is_nan() && benjamini_hochberg(&p)[1].is_nan());
        assert!(holm(&[]).is_empty() && benjamini_hochberg(&[]).is_empty());
    }
}
