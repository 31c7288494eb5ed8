//! Tests of the correction: made-up errors, and the labelled maps of this repository.

use super::*;

const PAIRS: Stratum = Stratum::new(State::Pretrained, true);
const TUNED: Stratum = Stratum::new(State::FineTuned, true);

/// Maps of two patterns in two strata with other error rates: before fine-tuning a tenth of the
/// Vertical maps is called Block, after it three tenths.
fn known() -> Vec<Known> {
    let mut known = Vec::new();
    for (stratum, wrong) in [(PAIRS, 1), (TUNED, 3)] {
        for i in 0..200 {
            let block = i % 4 == 0;
            let truth = if block {
                Pattern::Block
            } else {
                Pattern::Vertical
            };
            let predicted = if block || (i / 4) % 10 < wrong {
                Pattern::Block
            } else {
                Pattern::Vertical
            };
            let outcome = Outcome {
                truth,
                predicted,
                group: i,
            };
            known.push(Known { stratum, outcome });
        }
    }
    known
}

fn sorted(block: f64) -> Proportions {
    let mut mean = [0.0; CLASSES];
    mean[Pattern::Vertical.index()] = 1.0 - block;
    mean[Pattern::Block.index()] = block;
    Proportions {
        mean,
        n: 500,
        replicates: vec![Some(mean); 400],
    }
}

#[test]
fn each_stratum_is_corrected_by_its_own_errors() {
    let rates = ErrorRates::new(&known(), 1, 400);
    // A quarter Block before and after: 25 % + 10 % of 75 %, and 25 % + 30 % of 75 %.
    let before = rates.correct(&sorted(0.325), PAIRS).unwrap();
    let after = rates.correct(&sorted(0.475), TUNED).unwrap();
    let block = Pattern::Block.index();
    assert!(
        (before.mean[block] - 0.25).abs() < 0.01,
        "{:?}",
        before.mean
    );
    assert!((after.mean[block] - 0.25).abs() < 0.01, "{:?}", after.mean);
    // As sorted Block rises by 15 points with certainty; corrected, the interval holds 0.
    let change = after.minus(&before).estimates()[block];
    let (low, high) = change.interval.unwrap();
    assert!(
        change.mean.abs() < 0.01 && low < -0.02 && high > 0.02,
        "{change:?}"
    );
    assert!(high - low < 0.3, "{change:?}");
    let naive = sorted(0.475).minus(&sorted(0.325)).estimates()[block];
    assert!(naive.interval.unwrap().0 > 0.1);
}

#[test]
fn a_stratum_without_labels_is_not_corrected() {
    let rates = ErrorRates::new(&known(), 1, 50);
    let single = Stratum::new(State::FineTuned, false);
    assert!(rates.correct(&sorted(0.3), single).is_none() && rates.counts(single).is_none());
    assert_eq!(single.name(), "fine-tuned, single texts");
}

#[test]
fn single_texts_have_no_block() {
    let single = Stratum::new(State::Pretrained, false);
    let known: Vec<Known> = known()
        .into_iter()
        .filter(|k| k.outcome.truth == Pattern::Vertical)
        .map(|k| Known {
            stratum: single,
            ..k
        })
        .collect();
    let rates = ErrorRates::new(&known, 1, 100);
    let found = rates.correct(&sorted(0.0), single).unwrap();
    let block = found.estimates()[Pattern::Block.index()];
    assert_eq!((block.mean, block.interval), (0.0, Some((0.0, 0.0))));
}

#[test]
fn the_correction_is_tried_on_maps_it_has_not_seen() {
    let found = validate(&known(), 60, 3);
    let names: Vec<&str> = found.iter().map(|v| v.what.as_str()).collect();
    assert_eq!(
        names,
        [
            "pretrained, pairs",
            "fine-tuned, pairs",
            "change by fine-tuning, pairs"
        ]
    );
    // Rates that differ by stratum: its own correct, those of all strata together mislead.
    for v in &found {
        assert_eq!(v.rounds, 60);
        assert!(v.corrected < v.sorted && v.corrected < v.pooled, "{v:?}");
        assert!(v.worse < 0.2, "{v:?}");
    }
}

/// Eight of eight maps sorted right: the interval of the rate must not be a point. With one group a map
/// rates are Dirichlet distributed; here Beta(8 + 0.95 + 0.2, 0.05 + 0.8), whose 2.5 % quantile is SciPy's
/// `beta.ppf(0.025, 9.15, 0.85)`.
#[test]
fn no_error_among_few_maps_is_no_certainty() {
    let outcome = |i: usize, predicted| Outcome {
        truth: Pattern::Diagonal,
        predicted,
        group: i,
    };
    let mut known: Vec<Known> = (0..8)
        .map(|i| Known {
            stratum: PAIRS,
            outcome: outcome(i, Pattern::Diagonal),
        })
        .collect();
    // The other stratum brings the prior one error in twenty.
    known.extend((8..20).map(|i| {
        let wrong = i == 19;
        let predicted = if wrong {
            Pattern::Block
        } else {
            Pattern::Diagonal
        };
        Known {
            stratum: TUNED,
            outcome: outcome(i, predicted),
        }
    }));
    let rates = ErrorRates::new(&known, 5, 4000);
    let diagonal = Pattern::Diagonal.index();
    let mean = rates.rates(PAIRS).unwrap().counts[diagonal][diagonal];
    assert!((mean - 9.15 / 10.0).abs() < 1e-12, "{mean}");
    let mut drawn: Vec<f64> = rates.strata[&PAIRS]
        .replicates
        .iter()
        .map(|r| r.counts[diagonal][diagonal])
        .collect();
    drawn.sort_by(f64::total_cmp);
    let average = drawn.iter().sum::<f64>() / drawn.len() as f64;
    // The standard error of this mean is 0.0013.
    assert!((average - mean).abs() < 0.005, "{average} {mean}");
    let low = quantile(&drawn, 0.025).unwrap();
    assert!((low - 0.69).abs() < 0.02, "{low}");
}
