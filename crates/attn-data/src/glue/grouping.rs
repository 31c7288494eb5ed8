//! Splits that keep rows which belong together on one side.
//!
//! MNLI has three hypotheses for each premise, QNLI several questions for a sentence and several
//! sentences for a question. A split of single rows puts almost every scored premise among the
//! training rows as well, so that a model is scored on texts it has learnt. Here rows that share a
//! value are tied, ties are closed (if a is tied to b and b to c, all three are together: connected
//! components), and a split takes such a group as a whole.

use super::sample::{draw, strata};
use super::{Dataset, GlueError};
use attn_core::Split;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use std::collections::HashMap;

/// The root of `item` in a forest of parents, with the way there halved.
fn root(parents: &mut [usize], mut item: usize) -> usize {
    while parents[item] != item {
        parents[item] = parents[parents[item]];
        item = parents[item];
    }
    item
}

/// The group of each row, numbered from 0 in the order of their first rows. Rows that share a key are
/// in one group; keys are compared to the byte.
pub fn groups<'a>(rows: impl IntoIterator<Item = Vec<&'a str>>) -> Vec<usize> {
    let mut parents: Vec<usize> = Vec::new();
    let mut seen: HashMap<&str, usize> = HashMap::new();
    for (row, keys) in rows.into_iter().enumerate() {
        parents.push(row);
        for key in keys {
            let other = *seen.entry(key).or_insert(row);
            let (a, b) = (root(&mut parents, row), root(&mut parents, other));
            // The earlier row stays the root, whatever the order of the keys.
            parents[a.max(b)] = a.min(b);
        }
    }
    let mut numbers = HashMap::new();
    (0..parents.len())
        .map(|row| {
            let root = root(&mut parents, row);
            let next = numbers.len();
            *numbers.entry(root).or_insert(next)
        })
        .collect()
}

impl Dataset {
    /// Groups of rows that share a text: in either place, outer blanks apart.
    pub fn text_groups(&self) -> Vec<usize> {
        groups(self.examples.iter().map(|example| {
            let texts = std::iter::once(&example.text_a).chain(&example.text_b);
            texts.map(|text| text.trim()).collect()
        }))
    }

    /// Groups of rows that share a value in a column that the file was read with
    /// ([`super::CustomColumns::groups`]); `None` without such columns. Columns are apart: a 7 in one
    /// is not a 7 in another.
    pub fn column_groups(&self) -> Option<Vec<usize>> {
        if self.keys.is_empty() {
            return None;
        }
        let keys: Vec<Vec<String>> = self
            .keys
            .iter()
            .map(|row| {
                let columns = row.iter().enumerate();
                columns.map(|(i, value)| format!("{i} {value}")).collect()
            })
            .collect();
        Some(groups(
            keys.iter()
                .map(|row| row.iter().map(String::as_str).collect()),
        ))
    }

    /// As [`Dataset::stratified_split`] with `fraction` of the rows in the first part, but each of
    /// `groups` (one number a row) goes to one part as a whole. So sizes and classes are as near to
    /// the fraction as the groups allow, not exact; the notes give the sizes. `why` says in the notes
    /// what the rows of a group have in common.
    ///
    /// The largest groups are placed first, each where more is missing of what it brings; groups of
    /// one size come in random order.
    ///
    /// # Errors
    /// [`GlueError::Request`] when either part would be empty.
    pub fn grouped_split(
        self,
        groups: &[usize],
        fraction: f64,
        seed: u64,
        why: &str,
    ) -> Result<(Dataset, Dataset), GlueError> {
        let all = self.examples.len();
        let strata = strata(&self.examples);
        let mut stratum_of = vec![0; all];
        for (number, rows) in strata.iter().enumerate() {
            for &row in rows {
                stratum_of[row] = number;
            }
        }
        let count = groups.iter().map(|g| g + 1).max().unwrap_or(0);
        let mut members: Vec<Vec<usize>> = vec![Vec::new(); count];
        for (row, &group) in groups.iter().enumerate().take(all) {
            members[group].push(row);
        }
        members.retain(|rows| !rows.is_empty());
        let count = members.len();
        let mut order: Vec<usize> = (0..count).collect();
        draw(&mut order, count, &mut ChaCha8Rng::seed_from_u64(seed));
        order.sort_by_key(|&group| std::cmp::Reverse(members[group].len()));
        // What each part still lacks of each stratum.
        let parts = [fraction, 1.0 - fraction];
        let wanted = |part: f64| strata.iter().map(move |rows| rows.len() as f64 * part);
        let mut lacking = parts.map(|part| wanted(part).collect::<Vec<f64>>());
        let mut first = vec![false; all];
        for group in order {
            let need = |lacking: &[f64], part: f64| -> f64 {
                let rows = members[group].iter();
                rows.map(|&row| {
                    lacking[stratum_of[row]] / (strata[stratum_of[row]].len() as f64 * part)
                })
                .sum()
            };
            let to_first = need(&lacking[0], parts[0]) >= need(&lacking[1], parts[1]);
            let part = &mut lacking[usize::from(!to_first)];
            for &row in &members[group] {
                part[stratum_of[row]] -= 1.0;
                first[row] = to_first;
            }
        }
        let rows = first.iter().filter(|&&f| f).count();
        if rows == 0 || rows == all || !(fraction > 0.0 && fraction < 1.0) {
            return Err(GlueError::Request {
                what: format!("{} {}", self.task.name(), self.split),
                reason: format!(
                    "a fraction of {fraction} of {all} rows in {count} groups ({why}) leaves one part of the split \
                     empty; ask for a fraction between 0 and 1, or group by a column with more values"
                ),
            });
        }
        let note = |part: &str| {
            format!(
                "{part} of a fixed, stratified split of the {} rows ({all}: {rows} to train, {} to dev; seed {seed}), \
                 grouped: {count} groups of rows, {why}, of which none is on both sides",
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

    /// Keeps the rows that are marked.
    pub(super) fn keep(&mut self, marked: &[bool]) {
        let mut flags = marked.iter();
        let mut chosen = || flags.next().copied().unwrap_or(false);
        self.examples.retain(|_| chosen());
        let mut flags = marked.iter();
        let mut chosen = || flags.next().copied().unwrap_or(false);
        self.keys.retain(|_| chosen());
    }
}
