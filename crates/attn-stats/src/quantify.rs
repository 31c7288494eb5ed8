//! Quantification: proportions of classes in a set that a classifier which errs has sorted.
//!
//! **Multi-class adjusted classify-and-count, solved by maximum likelihood.** With
//! `rates[t][p]` the proportion of items of class `t` that the classifier gives class `p`, a set with
//! proportions `x` is expected to be sorted into `sum_t x[t] * rates[t][p]`. Given what was counted,
//! [`adjusted_count`] finds the `x` on the simplex (not negative, sum 1) under which the counts are
//! likeliest. Where the linear system has a solution on the simplex, that is it: the matrix inverse
//! of adjusted count (Forman, 2005; Hopkins and King, 2010); elsewhere the likelihood decides.
//!
//! It is *not* the EM of Saerens, Latinne and Decaestecker (2002), which works on the classifier's
//! probabilities for each item and needs them calibrated; here only counts and error rates enter.
//! The iteration happens to be an EM as well.
//!
//! Assumption (label shift): `rates` are the same in the set as where they were estimated. Items of a
//! class must be as hard on average in both; nothing in the counts can show that they are not.

/// Rounds after which the iteration ends whatever it has reached.
const ROUNDS: usize = 20_000;
/// The log likelihood a count may lie below its maximum.
const GAP: f64 = 1e-10;

/// Input that cannot be adjusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum QuantifyError {
    /// Shapes.
    #[error(
        "{observed} observed proportions and {rates} error rates: expected as many rates as classes times observed proportions, and at least one"
    )]
    Shape {
        /// Length of the observed proportions.
        observed: usize,
        /// Length of the rates.
        rates: usize,
    },
    /// A value.
    #[error("{what} {index}: expected a finite number of at least 0")]
    Value {
        /// Which list.
        what: &'static str,
        /// Its place there.
        index: usize,
    },
    /// Nothing was counted.
    #[error("the observed proportions sum to 0: nothing was counted")]
    Empty,
}

/// What [`adjusted_count`] found.
#[derive(Debug, Clone, PartialEq)]
pub struct Adjusted {
    /// Proportion of each true class; not negative, sum 1.
    pub proportions: Vec<f64>,
    /// How far (at most) the log likelihood of one item lies below the greatest possible: 0 but for
    /// rounding when the iteration came to its end.
    pub gap: f64,
}

fn checked(what: &'static str, values: &[f64]) -> Result<(), QuantifyError> {
    match values.iter().position(|v| !v.is_finite() || *v < 0.0) {
        Some(index) => Err(QuantifyError::Value { what, index }),
        None => Ok(()),
    }
}

/// The proportions of the true classes behind `observed` (counts or proportions of the predicted
/// classes). `rates` is row-major, one row for each true class, one column for each predicted one.
/// A predicted class that no row allows says nothing and is left out.
///
/// # Errors
/// [`QuantifyError`].
pub fn adjusted_count(observed: &[f64], rates: &[f64]) -> Result<Adjusted, QuantifyError> {
    let columns = observed.len();
    if columns == 0 || rates.is_empty() || !rates.len().is_multiple_of(columns) {
        return Err(QuantifyError::Shape {
            observed: columns,
            rates: rates.len(),
        });
    }
    checked("observed proportion", observed)?;
    checked("error rate", rates)?;
    let rows: Vec<&[f64]> = rates.chunks_exact(columns).collect();
    let possible = |p: usize| rows.iter().any(|row| row[p] > 0.0);
    let mut seen: Vec<f64> = observed.to_vec();
    for (p, value) in seen.iter_mut().enumerate() {
        if !possible(p) {
            *value = 0.0;
        }
    }
    let total: f64 = seen.iter().sum();
    if total <= 0.0 {
        return Err(QuantifyError::Empty);
    }
    seen.iter_mut().for_each(|v| *v /= total);
    let mut proportions = vec![1.0 / rows.len() as f64; rows.len()];
    let mut gap = f64::INFINITY;
    for _ in 0..ROUNDS {
        let gradient = gradient(&proportions, &rows, &seen);
        // The likelihood is concave, so that this bounds what is missing (the Frank-Wolfe gap).
        gap = gradient.iter().copied().fold(0.0, f64::max) - 1.0;
        if gap <= GAP {
            break;
        }
        for (share, slope) in proportions.iter_mut().zip(&gradient) {
            *share *= slope;
        }
        let sum: f64 = proportions.iter().sum();
        proportions.iter_mut().for_each(|share| *share /= sum);
    }
    Ok(Adjusted {
        proportions,
        gap: gap.max(0.0),
    })
}

/// Slope of the log likelihood of one item in each proportion.
fn gradient(proportions: &[f64], rows: &[&[f64]], seen: &[f64]) -> Vec<f64> {
    let mut gradient = vec![0.0; rows.len()];
    for (p, &seen) in seen.iter().enumerate() {
        let expected: f64 = proportions
            .iter()
            .zip(rows)
            .map(|(x, row)| x * row[p])
            .sum();
        if seen > 0.0 && expected > 0.0 {
            for (slope, row) in gradient.iter_mut().zip(rows) {
                *slope += seen * row[p] / expected;
            }
        }
    }
    gradient
}

/// Error rates of one stratum, drawn towards the rates over all strata by `weight` items' worth, so
/// that a class with few items in the stratum (or none) has rates, too. `counts` and `pooled` hold
/// counts of items, row-major, true class by predicted class (`classes` of each). A class without
/// items anywhere counts as always sorted right.
pub fn shrunken_rates(counts: &[f64], pooled: &[f64], classes: usize, weight: f64) -> Vec<f64> {
    let mut rates = Vec::with_capacity(classes * classes);
    for truth in 0..classes {
        let row = |all: &[f64], p: usize| all.get(truth * classes + p).copied().unwrap_or(0.0);
        let total = |all: &[f64]| (0..classes).map(|p| row(all, p)).sum::<f64>();
        let (own, all) = (total(counts), total(pooled));
        for p in 0..classes {
            let prior = if all > 0.0 {
                row(pooled, p) / all
            } else {
                f64::from(u8::from(p == truth))
            };
            let rate = if own + weight > 0.0 {
                (row(counts, p) + weight * prior) / (own + weight)
            } else {
                prior
            };
            rates.push(rate);
        }
    }
    rates
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_mixture_is_found() {
        let truth = [0.3, 0.25, 0.45];
        let rates = [0.9, 0.1, 0.0, 0.3, 0.6, 0.1, 0.05, 0.05, 0.9];
        let observed: Vec<f64> = (0..3)
            .map(|p| (0..3).map(|t| truth[t] * rates[t * 3 + p]).sum())
            .collect();
        let found = adjusted_count(&observed, &rates).unwrap();
        assert!(found.gap < 1e-9);
        for (a, b) in found.proportions.iter().zip(truth) {
            assert!((a - b).abs() < 1e-6, "{found:?}");
        }
        // Counts do as well as proportions.
        let counts: Vec<f64> = observed.iter().map(|o| o * 5000.0).collect();
        let again = adjusted_count(&counts, &rates).unwrap();
        assert!((again.proportions[0] - truth[0]).abs() < 1e-6);
    }

    /// The inverse would be negative: 2 % seen where 10 % false alarms are certain.
    #[test]
    fn proportions_stay_on_the_simplex() {
        let found = adjusted_count(&[0.98, 0.02], &[0.9, 0.1, 0.1, 0.9]).unwrap();
        assert!(found.proportions[1] < 1e-6 && found.proportions[1] >= 0.0);
        assert!((found.proportions.iter().sum::<f64>() - 1.0).abs() < 1e-12);
    }

    #[test]
    fn wrong_input_is_named() {
        let error = |o: &[f64], r: &[f64]| adjusted_count(o, r).unwrap_err().to_string();
        assert!(error(&[0.5, 0.5], &[1.0, 0.0, 0.0]).contains("2 observed proportions and 3"));
        assert!(error(&[], &[]).contains("0 observed"));
        assert!(error(&[0.5, f64::NAN], &[1.0; 4]).contains("observed proportion 1"));
        assert!(error(&[0.5, 0.5], &[1.0, -0.1, 0.0, 1.0]).contains("error rate 1"));
        assert!(error(&[0.0, 0.0], &[1.0, 0.0, 0.0, 1.0]).contains("nothing was counted"));
    }

    #[test]
    fn rates_lean_on_all_strata() {
        // Own: class 0 three right, one wrong; class 1 never seen. Pooled: 8 of 10, 1 of 2.
        let rates = shrunken_rates(&[3.0, 1.0, 0.0, 0.0], &[8.0, 2.0, 1.0, 1.0], 2, 1.0);
        for (rate, expected) in rates.iter().zip([3.8 / 5.0, 1.2 / 5.0, 0.5, 0.5]) {
            assert!((rate - expected).abs() < 1e-12, "{rates:?}");
        }
        assert_eq!(shrunken_rates(&[], &[], 2, 0.0), [1.0, 0.0, 0.0, 1.0]);
    }
}
