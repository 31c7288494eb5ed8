//! Seeded samples and splits. File order is always kept, so that a sample reads like its file.

use super::{Dataset, GlueError};
use attn_core::{Example, Label, Split};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use std::collections::BTreeMap;

/// Score bins of a stratified split of a regression set: tenths of the ranked scores.
const BINS: usize = 10;

/// How large the first part of a split is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum PartSize {
    /// A share of the rows, between 0 and 1; rounded to whole rows.
    Fraction(f64),
    /// So many rows.
    Rows(usize),
}

impl Dataset {
    /// At most `rows` examples, drawn without replacement, in file order (the paper, Section 3:
    /// 1000 random examples of the larger development sets). A set that is not larger stays as it
    /// is. The drawing is noted.
    #[must_use]
    pub fn subsample(mut self, rows: usize, seed: u64) -> Self {
        let all = self.examples.len();
        if rows >= all {
            return self;
        }
        let mut order: Vec<usize> = (0..all).collect();
        draw(&mut order, rows, &mut ChaCha8Rng::seed_from_u64(seed));
        let mut chosen = vec![false; all];
        mark(&mut chosen, order.iter().take(rows));
        self.keep(&chosen);
        self.notes
            .push(format!("a random {rows} of {all} rows, seed {seed}"));
        self
    }

    /// Splits into a part of the given size ([`Split::Train`]) and the rest ([`Split::Dev`]), with
    /// equal shares of each class, or, for scores, of each tenth of the ranked scores (shares are
    /// exact up to one row a class). The two partition the examples; both note the split.
    ///
    /// # Errors
    /// [`GlueError::Request`] when either part would be empty.
    pub fn stratified_split(
        self,
        size: PartSize,
        seed: u64,
    ) -> Result<(Dataset, Dataset), GlueError> {
        let all = self.examples.len();
        let rows = match size {
            PartSize::Rows(rows) => rows,
            // A fraction that is no number gives 0 rows, which is refused below.
            PartSize::Fraction(fraction) => (fraction * all as f64).round() as usize,
        };
        if rows == 0 || rows >= all {
            return Err(GlueError::Request {
                what: format!("{} {}", self.task.name(), self.split),
                reason: format!(
                    "{size:?} of {all} rows leaves one part of the split empty; ask for 1 to {}",
                    all.saturating_sub(1)
                ),
            });
        }
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut first = vec![false; all];
        for (mut group, share) in shares(strata(&self.examples), rows, all) {
            draw(&mut group, share, &mut rng);
            mark(&mut first, group.iter().take(share));
        }
        let note = |part: &str| {
            format!(
                "{part} of a fixed, stratified split of the {} rows ({all}: {rows} to train, {} to dev; seed {seed})",
                self.split,
                all - rows
            )
        };
        let notes = [note("the training part"), note("the dev part")];
        let mut train = self.clone();
        let mut dev = self;
        train.keep(&first);
        dev.keep(&first.iter().map(|f| !f).collect::<Vec<_>>());
        (train.split, dev.split) = (Split::Train, Split::Dev);
        let [train_note, dev_note] = notes;
        train.notes.push(train_note);
        dev.notes.push(dev_note);
        Ok((train, dev))
    }
}

/// Row numbers by class or score bin, in a fixed order.
pub(super) fn strata(examples: &[Example]) -> Vec<Vec<usize>> {
    let mut classes: BTreeMap<Option<usize>, Vec<usize>> = BTreeMap::new();
    let mut scores: Vec<(f32, usize)> = Vec::new();
    for (row, example) in examples.iter().enumerate() {
        match example.label {
            Some(Label::Score(score)) => scores.push((score, row)),
            Some(Label::Class(class)) => classes.entry(Some(class)).or_default().push(row),
            None => classes.entry(None).or_default().push(row),
        }
    }
    scores.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    let bin = scores.len().div_ceil(BINS).max(1);
    let bins = scores
        .chunks(bin)
        .map(|bin| bin.iter().map(|(_, row)| *row).collect());
    classes.into_values().chain(bins).collect()
}

/// Shares `rows` of `all` out over groups in proportion to their sizes (largest remainder).
fn shares(groups: Vec<Vec<usize>>, rows: usize, all: usize) -> Vec<(Vec<usize>, usize)> {
    let (rows, all) = (rows as u128, all as u128);
    let exact: Vec<u128> = groups
        .iter()
        .map(|group| group.len() as u128 * rows)
        .collect();
    let mut share: Vec<usize> = exact.iter().map(|exact| (exact / all) as usize).collect();
    let mut order: Vec<usize> = (0..groups.len()).collect();
    // Stable: of equal remainders the earlier group wins.
    order.sort_by_key(|&group| std::cmp::Reverse(exact.get(group).map(|exact| exact % all)));
    let left = rows as usize - share.iter().sum::<usize>();
    for group in order.into_iter().take(left) {
        if let Some(share) = share.get_mut(group) {
            *share += 1;
        }
    }
    groups.into_iter().zip(share).collect()
}

/// Brings a random choice of `count` items to the front (the first steps of Fisher and Yates).
pub(super) fn draw(items: &mut [usize], count: usize, rng: &mut ChaCha8Rng) {
    for i in 0..count.min(items.len()) {
        let other = i as u64 + below((items.len() - i) as u64, rng);
        items.swap(i, other as usize);
    }
}

/// A uniform number below `n` (at least 1). Written out, because the sequence must not change with
/// a version of `rand`.
fn below(n: u64, rng: &mut ChaCha8Rng) -> u64 {
    let unbiased = u64::MAX - u64::MAX % n;
    loop {
        let x = rng.next_u64();
        if x < unbiased {
            return x % n;
        }
    }
}

fn mark<'a>(flags: &mut [bool], rows: impl Iterator<Item = &'a usize>) {
    for &row in rows {
        if let Some(flag) = flags.get_mut(row) {
            *flag = true;
        }
    }
}
