//! The rules that turn a number or a test into a [`Verdict`]: all of them, in one place.
//!
//! A verdict needs evidence. Without a confidence interval and without a test it is
//! [`Verdict::Inconclusive`], and so it is with NaN. An interval of width 0 comes from a sample
//! without variation and says nothing about how far the number may be off: it counts as none.
//! A test that finds nothing is no evidence of nothing, so that "does not hold" always rests on an
//! interval that excludes the claim, or on a significant difference the other way.
//!
//! "Negligible", "no loss" and the like are claims that a number is small: they need a margin that
//! the caller states, and hold when the whole 95 % interval lies within it. (Two one-sided tests at
//! 5 % would use the 90 % interval; ours is the stricter.)
//!
//! A claim about all of several (tasks, heads) holds when each part does, each at its own 95 %: the
//! intersection–union test needs no correction. To say that one of several is *not* so, or that
//! one of them is, is a choice among them, and is corrected for their number.

use crate::estimates::corrected;
use attn_core::{Estimate, Verdict};

/// A p-value below this is significant.
pub const LEVEL: f64 = 0.05;
/// Rounding: an end this near to a bound lies on it.
const EXACT: f64 = 1e-12;

/// Which way a claimed difference goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sign {
    /// It is claimed to be above 0.
    Gain,
    /// It is claimed to be below 0.
    Loss,
}

/// The interval, when it can carry a verdict.
fn usable(estimate: &Estimate) -> Option<(f64, f64)> {
    let finite = |v: f64| v.is_finite();
    estimate
        .interval
        .filter(|&(low, high)| finite(estimate.mean) && finite(low) && finite(high) && low < high)
}

/// The claim "it is more than `bound`".
pub fn above(estimate: &Estimate, bound: f64) -> Verdict {
    match usable(estimate) {
        Some((low, _)) if low > bound + EXACT => Verdict::Holds,
        Some((_, high)) if high <= bound + EXACT => Verdict::DoesNotHold,
        _ => Verdict::Inconclusive,
    }
}

/// The claim "it is at most `bound`". An interval that begins at the bound and goes up contradicts
/// it, as one that ends at the bound supports it.
pub fn at_most(estimate: &Estimate, bound: f64) -> Verdict {
    match usable(estimate) {
        Some((_, high)) if high <= bound + EXACT => Verdict::Holds,
        Some((low, _)) if low >= bound - EXACT => Verdict::DoesNotHold,
        _ => Verdict::Inconclusive,
    }
}

/// The claim "it is at least `bound`".
pub fn at_least(estimate: &Estimate, bound: f64) -> Verdict {
    at_most(&mirrored(estimate), -bound)
}

/// The claim "it lies between `low` and `high`".
pub fn within(estimate: &Estimate, low: f64, high: f64) -> Verdict {
    all(&[at_least(estimate, low), at_most(estimate, high)])
}

/// The claim "it is negligible": an equivalence test with a stated margin.
pub fn negligible(estimate: &Estimate, margin: f64) -> Verdict {
    within(estimate, -margin, margin)
}

/// The claim "this change is no loss", a loss of at most `margin` being none: it holds when a
/// greater one is excluded; it does not when there is a loss, and not one that is shown to be
/// within the margin.
pub fn no_loss(change: &Estimate, margin: f64) -> Verdict {
    match usable(change) {
        Some((low, _)) if low >= -margin - EXACT => Verdict::Holds,
        Some((_, high)) if high < -EXACT => Verdict::DoesNotHold,
        _ => Verdict::Inconclusive,
    }
}

/// The claim that a difference goes `sign`'s way, asked about one variant named beforehand and
/// answered by a paired test.
pub fn tested(difference: f64, p: Option<f64>, sign: Sign) -> Verdict {
    let significant = p.is_some_and(|p| p < LEVEL);
    if !significant || difference == 0.0 || !difference.is_finite() {
        return Verdict::Inconclusive;
    }
    if (difference > 0.0) == (sign == Sign::Gain) {
        Verdict::Holds
    } else {
        Verdict::DoesNotHold
    }
}

/// The claim "some of these gains", asked about the largest of many. `best` has an interval that
/// covers all of them at once, `p` is corrected for all of them. Whichever there are must agree:
/// the claim holds when each shows a gain, and does not when the interval excludes one.
pub fn best_of_many(best: &Estimate, p: Option<f64>) -> Verdict {
    let by_interval = above(best, 0.0);
    match (p, by_interval) {
        (_, Verdict::DoesNotHold) => Verdict::DoesNotHold,
        // An interval that allows no gain overrules a test, a missing one does not.
        (Some(_), Verdict::Inconclusive) if usable(best).is_some() => Verdict::Inconclusive,
        (Some(_), _) => match tested(best.mean, p, Sign::Gain) {
            Verdict::Holds => Verdict::Holds,
            _ => Verdict::Inconclusive,
        },
        (None, by_interval) => by_interval,
    }
}

/// The claim that each of these is more than `bound`. One of several may seem to contradict it by
/// chance: that is corrected for their number.
pub fn all_above(estimates: &[Estimate], bound: f64) -> Verdict {
    let every = all(&estimates
        .iter()
        .map(|e| above(e, bound))
        .collect::<Vec<_>>());
    let family = estimates.len();
    let refuted = |e: &Estimate| above(&corrected(*e, family), bound) == Verdict::DoesNotHold;
    match every {
        Verdict::Holds => Verdict::Holds,
        _ if estimates.iter().any(refuted) => Verdict::DoesNotHold,
        _ => Verdict::Inconclusive,
    }
}

/// The claim "each of these changes is no loss" ([`no_loss`]); a loss among several is corrected for
/// their number.
pub fn all_without_loss(changes: &[Estimate], margin: f64) -> Verdict {
    let every = all(&changes
        .iter()
        .map(|c| no_loss(c, margin))
        .collect::<Vec<_>>());
    let family = changes.len();
    let lost = |c: &Estimate| no_loss(&corrected(*c, family), margin) == Verdict::DoesNotHold;
    match every {
        Verdict::Holds => Verdict::Holds,
        _ if changes.iter().any(lost) => Verdict::DoesNotHold,
        _ => Verdict::Inconclusive,
    }
}

/// The claim that one of `family` heads stands out: under every null its excess is more than `margin`,
/// for sure and corrected for the number of heads, and its p-value, corrected likewise, significant. A
/// tiny excess that many sentences make significant does not stand out; where a greater one than
/// `margin` is excluded under some null, the head does not for sure. `excesses` holds an excess and a
/// p-value a null.
pub fn stands_out(excesses: &[(Estimate, f64)], margin: f64, family: usize) -> Verdict {
    let shown = |&(excess, p): &(Estimate, f64)| {
        p < LEVEL && above(&corrected(excess, family), margin) == Verdict::Holds
    };
    if !excesses.is_empty() && excesses.iter().all(shown) {
        Verdict::Holds
    } else if excesses
        .iter()
        .any(|(excess, _)| at_most(excess, margin) == Verdict::Holds)
    {
        Verdict::DoesNotHold
    } else {
        Verdict::Inconclusive
    }
}

/// The claim that all of several claims hold. Nothing is shown of none.
pub fn all(verdicts: &[Verdict]) -> Verdict {
    if verdicts.contains(&Verdict::DoesNotHold) {
        Verdict::DoesNotHold
    } else if verdicts.is_empty() || verdicts.contains(&Verdict::Inconclusive) {
        Verdict::Inconclusive
    } else {
        Verdict::Holds
    }
}

/// The claim that another does not hold.
pub fn not(verdict: Verdict) -> Verdict {
    match verdict {
        Verdict::Holds => Verdict::DoesNotHold,
        Verdict::DoesNotHold => Verdict::Holds,
        Verdict::Inconclusive => Verdict::Inconclusive,
    }
}

/// The claim "at least `needed` of these", where each is decided by itself or left open: it holds
/// when enough are shown, does not when too few are left even with all the open ones. Nothing in
/// between is decided, and the number of open ones is no end of an interval.
pub fn at_least_of(shown: usize, refuted: usize, open: usize, needed: f64) -> Verdict {
    if shown + refuted + open == 0 {
        Verdict::Inconclusive
    } else if shown as f64 >= needed {
        Verdict::Holds
    } else if ((shown + open) as f64) < needed {
        Verdict::DoesNotHold
    } else {
        Verdict::Inconclusive
    }
}

/// The claim that a count is `claimed`. It was counted, not estimated: there is nothing to be
/// undecided, and no interval.
pub fn exactly(counted: usize, claimed: usize) -> Verdict {
    if counted == claimed {
        Verdict::Holds
    } else {
        Verdict::DoesNotHold
    }
}

fn mirrored(estimate: &Estimate) -> Estimate {
    Estimate {
        mean: -estimate.mean,
        n: estimate.n,
        interval: estimate.interval.map(|(low, high)| (-high, -low)),
    }
}

#[cfg(test)]
mod tests;
