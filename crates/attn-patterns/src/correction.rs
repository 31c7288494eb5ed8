//! The classifier's error rates by stratum, and proportions corrected with them.
//!
//! A classifier that errs shifts proportions: if it calls a tenth of the Diagonal maps Vertical,
//! Vertical looks too frequent. How it errs is known from cross-validation on labelled maps, but not
//! alike everywhere: it makes other errors on maps of fine-tuned models than on those of pre-trained
//! ones, and on single texts than on pairs. So rates are estimated for each [`Stratum`], and a
//! stratum without labelled maps is not corrected at all.
//!
//! The correction is multi-class adjusted classify-and-count, solved by maximum likelihood
//! ([`attn_stats::quantify`]); it assumes that maps of a class are as hard to tell in the measured
//! set as among the labelled maps of the stratum. Only labelled maps that were drawn at random may be
//! known to it: those of a search for rare patterns are harder (and some easier) than their class.

use crate::score::{self, Confusion, Outcome};
use crate::shares::Proportions;
use crate::store::State;
use attn_core::Pattern;
use attn_stats::quantify::{adjusted_count, shrunken_rates};
use attn_stats::{Estimate, Resampler, quantile};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, Exp1, Gamma};
use std::collections::BTreeMap;

const CLASSES: usize = Pattern::ALL.len();

/// How many maps the prior of each class is worth: one sorted as over all strata, and one spread evenly
/// over the patterns (Perks). Enough that a class which a stratum (or a bootstrap sample of it) lacks has
/// rates and that an error not seen among a few dozen maps is not taken for impossible, too little to
/// matter elsewhere.
pub const PRIOR_MAPS: f64 = 2.0;

/// What error rates may depend on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stratum {
    /// Before or after fine-tuning.
    pub state: State,
    /// Two texts, or one.
    pub paired: bool,
}

impl Stratum {
    /// All there are.
    pub const ALL: [Self; 4] = [
        Self::new(State::Pretrained, false),
        Self::new(State::Pretrained, true),
        Self::new(State::FineTuned, false),
        Self::new(State::FineTuned, true),
    ];

    /// Puts one together.
    pub const fn new(state: State, paired: bool) -> Self {
        Self { state, paired }
    }

    /// In words, for example `fine-tuned, pairs`.
    pub fn name(self) -> String {
        let input = if self.paired { "pairs" } else { "single texts" };
        format!("{}, {input}", self.state.name())
    }
}

/// A labelled map that was drawn at random and sorted without having been trained on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Known {
    /// Where it is from.
    pub stratum: Stratum,
    /// Its label, what the classifier said, and its group.
    pub outcome: Outcome,
}

fn outcomes(known: &[Known], stratum: Option<Stratum>) -> Vec<Outcome> {
    known
        .iter()
        .filter(|k| stratum.is_none_or(|s| s == k.stratum))
        .map(|k| k.outcome)
        .collect()
}

/// Error rates of one stratum.
#[derive(Debug, Clone)]
struct Rates {
    counts: Confusion,
    rates: Confusion,
    replicates: Vec<Confusion>,
}

/// How often the classifier gives maps of each pattern each pattern, by stratum.
///
/// Replicates are of a Bayesian bootstrap over groups (heads): each group has a random weight, drawn
/// from the exponential distribution and the same in all strata, and the prior's maps have random
/// weights as well. Unlike the plain bootstrap this knows that eight maps of eight sorted right do not
/// prove that no ninth will be sorted wrong.
#[derive(Debug, Clone)]
pub struct ErrorRates {
    strata: BTreeMap<Stratum, Rates>,
}

impl ErrorRates {
    /// Counts, and draws `replicates` replicates.
    pub fn new(known: &[Known], seed: u64, replicates: usize) -> Self {
        let groups = known.iter().map(|k| k.outcome.group + 1).max().unwrap_or(0);
        let drawn = |stream: usize| {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            rng.set_stream(stream as u64);
            rng
        };
        // weights[group][replicate]
        let weights: Vec<Vec<f64>> = (0..groups)
            .map(|group| {
                let mut rng = drawn(group);
                (0..replicates).map(|_| Exp1.sample(&mut rng)).collect()
            })
            .collect();
        let weighted = |stratum: Option<Stratum>, replicate: usize| {
            let mut confusion = Confusion::default();
            for o in outcomes(known, stratum) {
                confusion.add(o.truth, o.predicted, weights[o.group][replicate]);
            }
            confusion
        };
        let pooled = score::confusion(&outcomes(known, None));
        let pooled_replicates: Vec<Confusion> =
            (0..replicates).map(|i| weighted(None, i)).collect();
        let mut strata = BTreeMap::new();
        for (number, stratum) in Stratum::ALL.into_iter().enumerate() {
            let counts = score::confusion(&outcomes(known, Some(stratum)));
            if counts.total() == 0.0 {
                continue;
            }
            // Behind the groups' streams.
            let mut rng = drawn(groups + number);
            let replicates = pooled_replicates
                .iter()
                .enumerate()
                .map(|(i, pooled)| {
                    let mut own = weighted(Some(stratum), i);
                    add_prior(&mut own, pooled, &mut rng);
                    possible(stratum, shrunken(&own, &Confusion::default(), 0.0))
                })
                .collect();
            let rates = Rates {
                counts,
                rates: posterior(stratum, &counts, &pooled),
                replicates,
            };
            strata.insert(stratum, rates);
        }
        Self { strata }
    }

    /// Labelled maps by label (rows) and class given; `None` without any.
    pub fn counts(&self, stratum: Stratum) -> Option<&Confusion> {
        self.strata.get(&stratum).map(|rates| &rates.counts)
    }

    /// Error rates, `[true][predicted]`; `None` for a stratum without labelled maps.
    pub fn rates(&self, stratum: Stratum) -> Option<&Confusion> {
        self.strata.get(&stratum).map(|rates| &rates.rates)
    }

    /// Proportions of the patterns behind what the classifier said; `None` for a stratum without
    /// labelled maps. The `i`-th replicate of the proportions goes with the `i`-th of the rates, so
    /// that intervals cover the examples and the rates.
    pub fn correct(&self, sorted: &Proportions, stratum: Stratum) -> Option<Proportions> {
        let rates = self.strata.get(&stratum)?;
        let pairs = sorted.replicates.iter().zip(&rates.replicates);
        Some(Proportions {
            mean: correct(&sorted.mean, &rates.rates),
            n: sorted.n,
            replicates: pairs
                .map(|(sorted, rates)| sorted.map(|proportions| correct(&proportions, rates)))
                .collect(),
        })
    }
}

/// The prior's rates: half as over all strata, half even.
fn prior(pooled: &Confusion) -> Confusion {
    let mut rates = shrunken(pooled, &Confusion::default(), 0.0);
    let even = 1.0 / CLASSES as f64;
    for rate in rates.counts.iter_mut().flatten() {
        *rate = 0.5 * (*rate + even);
    }
    rates
}

/// Rates of a stratum with its prior.
fn posterior(stratum: Stratum, own: &Confusion, pooled: &Confusion) -> Confusion {
    possible(stratum, shrunken(own, &prior(pooled), PRIOR_MAPS))
}

/// Without the pattern that a stratum cannot have: Block is attention within each of two texts.
fn possible(stratum: Stratum, mut rates: Confusion) -> Confusion {
    if !stratum.paired {
        rates.counts[Pattern::Block.index()] = [0.0; CLASSES];
    }
    rates
}

/// Adds the prior's maps of each class, with random weights: a class's rates are then a draw from the
/// Dirichlet distribution.
fn add_prior(own: &mut Confusion, pooled: &Confusion, rng: &mut ChaCha8Rng) {
    let rates = prior(pooled);
    for (row, rates) in own.counts.iter_mut().zip(rates.counts) {
        for (count, rate) in row.iter_mut().zip(rates) {
            if let Ok(gamma) = Gamma::new(PRIOR_MAPS * rate, 1.0) {
                let drawn: f64 = gamma.sample(rng);
                *count += drawn;
            }
        }
    }
}

fn shrunken(own: &Confusion, pooled: &Confusion, weight: f64) -> Confusion {
    let flat = |c: &Confusion| c.counts.concat();
    let rates = shrunken_rates(&flat(own), &flat(pooled), CLASSES, weight);
    let mut confusion = Confusion::default();
    for (row, rates) in confusion.counts.iter_mut().zip(rates.chunks_exact(CLASSES)) {
        row.copy_from_slice(rates);
    }
    confusion
}

/// One correction; what cannot be adjusted (no map at all) stays.
pub fn correct(sorted: &[f64; CLASSES], rates: &Confusion) -> [f64; CLASSES] {
    match adjusted_count(sorted, &rates.counts.concat()) {
        Ok(found) => std::array::from_fn(|class| found.proportions[class]),
        Err(_) => *sorted,
    }
}

/// Proportions of the labels, and of what the classifier said.
fn proportions(confusion: &Confusion) -> ([f64; CLASSES], [f64; CLASSES]) {
    let total = confusion.total().max(f64::MIN_POSITIVE);
    let rows = confusion.counts.map(|row| row.iter().sum::<f64>() / total);
    let columns =
        std::array::from_fn(|c| confusion.counts.iter().map(|row| row[c]).sum::<f64>() / total);
    (rows, columns)
}

/// What the classifier adds to each pattern's proportion on labelled maps (as sorted less labelled),
/// with its interval over groups. `None` without maps.
pub fn bias(outcomes: &[Outcome], resampler: &Resampler) -> Option<[Estimate; CLASSES]> {
    bias_change(outcomes, &[], resampler)
}

/// The same for one set of maps less that for another: what the classifier adds to a change of
/// proportions.
pub fn bias_change(
    after: &[Outcome],
    before: &[Outcome],
    resampler: &Resampler,
) -> Option<[Estimate; CLASSES]> {
    if after.is_empty() {
        return None;
    }
    let of = |confusion: &Confusion| {
        let (labelled, sorted) = proportions(confusion);
        let bias: [f64; CLASSES] = std::array::from_fn(|c| sorted[c] - labelled[c]);
        bias
    };
    let difference = |a: &Confusion, b: &Confusion| {
        let (a, b) = (of(a), of(b));
        let difference: [f64; CLASSES] = std::array::from_fn(|c| a[c] - b[c]);
        difference
    };
    let mean = difference(&score::confusion(after), &score::confusion(before));
    let (a, b) = (
        score::replicates(after, resampler),
        score::replicates(before, resampler),
    );
    let replicates: Vec<[f64; CLASSES]> = a.iter().zip(&b).map(|(a, b)| difference(a, b)).collect();
    let n = after.len() + before.len();
    Some(std::array::from_fn(|c| {
        let mut values: Vec<f64> = replicates.iter().map(|r| r[c]).collect();
        values.sort_by(f64::total_cmp);
        Estimate {
            mean: mean[c],
            n,
            interval: quantile(&values, 0.025)
                .zip(quantile(&values, 0.975))
                .filter(|_| n > 1),
        }
    }))
}

/// How far three ways of counting are from the labels, on labelled maps that they have not seen.
#[derive(Debug, Clone, PartialEq)]
pub struct Validation {
    /// What was estimated: proportions in a stratum, or their change by fine-tuning.
    pub what: String,
    /// Labelled maps, both halves together.
    pub n: usize,
    /// Splits behind the means.
    pub rounds: usize,
    /// Mean absolute error over the patterns, as sorted.
    pub sorted: f64,
    /// The same, corrected with rates of all strata together.
    pub pooled: f64,
    /// The same, corrected with the stratum's own rates.
    pub corrected: f64,
    /// In which proportion of the splits the correction by stratum is farther from the labels than
    /// what was sorted.
    pub worse: f64,
}

/// Errors of one split.
#[derive(Default, Clone)]
struct Errors {
    rounds: usize,
    sums: [f64; 3],
    worse: usize,
}

impl Errors {
    fn add(&mut self, truth: &[f64; CLASSES], found: [[f64; CLASSES]; 3]) {
        let error = |x: &[f64; CLASSES]| {
            x.iter().zip(truth).map(|(a, b)| (a - b).abs()).sum::<f64>() / CLASSES as f64
        };
        let errors = found.map(|x| error(&x));
        for (sum, error) in self.sums.iter_mut().zip(errors) {
            *sum += error;
        }
        self.worse += usize::from(errors[2] > errors[0]);
        self.rounds += 1;
    }

    fn done(self, what: String, n: usize) -> Option<Validation> {
        let rounds = self.rounds as f64;
        (self.rounds > 0).then(|| Validation {
            what,
            n,
            rounds: self.rounds,
            sorted: self.sums[0] / rounds,
            pooled: self.sums[1] / rounds,
            corrected: self.sums[2] / rounds,
            worse: self.worse as f64 / rounds,
        })
    }
}

/// Tries the correction where the truth is known: groups are split into halves at random, rates come
/// from one half, and the proportions of the other are estimated and compared with its labels. The
/// last row is about the change from `pretrained, pairs` to `fine-tuned, pairs`.
pub fn validate(known: &[Known], rounds: usize, seed: u64) -> Vec<Validation> {
    let groups = known.iter().map(|k| k.outcome.group + 1).max().unwrap_or(0);
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut strata: BTreeMap<Stratum, Errors> = BTreeMap::new();
    let mut change = Errors::default();
    for _ in 0..rounds {
        let half: Vec<bool> = (0..groups).map(|_| rng.random()).collect();
        let (first, second): (Vec<Known>, Vec<Known>) = known
            .iter()
            .partition(|k| half.get(k.outcome.group).copied().unwrap_or(false));
        let pooled = score::confusion(&outcomes(&first, None));
        let mut found = BTreeMap::new();
        for stratum in Stratum::ALL {
            let own = score::confusion(&outcomes(&first, Some(stratum)));
            let test = score::confusion(&outcomes(&second, Some(stratum)));
            if own.total() == 0.0 || test.total() == 0.0 {
                continue;
            }
            let (truth, sorted) = proportions(&test);
            let all = correct(&sorted, &posterior(stratum, &pooled, &pooled));
            let corrected = correct(&sorted, &posterior(stratum, &own, &pooled));
            let three = [sorted, all, corrected];
            strata.entry(stratum).or_default().add(&truth, three);
            found.insert(stratum, (truth, three));
        }
        let of = |state| found.get(&Stratum::new(state, true));
        if let (Some(before), Some(after)) = (of(State::Pretrained), of(State::FineTuned)) {
            let minus = |a: &[f64; CLASSES], b: &[f64; CLASSES]| {
                let difference: [f64; CLASSES] = std::array::from_fn(|c| a[c] - b[c]);
                difference
            };
            let three = std::array::from_fn(|i| minus(&after.1[i], &before.1[i]));
            change.add(&minus(&after.0, &before.0), three);
        }
    }
    let count = |stratum: Stratum| known.iter().filter(|k| k.stratum == stratum).count();
    let both =
        count(Stratum::new(State::Pretrained, true)) + count(Stratum::new(State::FineTuned, true));
    let last = change.done("change by fine-tuning, pairs".to_owned(), both);
    strata
        .into_iter()
        .filter_map(|(stratum, errors)| errors.done(stratum.name(), count(stratum)))
        .chain(last)
        .collect()
}

#[cfg(test)]
mod tests;
