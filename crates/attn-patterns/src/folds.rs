//! Folds that keep what belongs together on one side.
//!
//! Maps of one head look alike, and so do maps of one sentence, so a network that has seen either
//! would be tested on what it knows. Two maps are tied when they are of the same head (of the
//! same model, before or after fine-tuning) or share a text; ties are closed (if a is tied to b
//! and b to c, all three are together), and a fold takes such a group as a whole. In a sample of
//! [`crate::sample`] no two maps share a text, so that the groups are the heads.

use crate::store::MapEntry;
use attn_core::Pattern;
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use std::collections::BTreeMap;

/// The root of `item` in a forest of parents.
fn root(parents: &mut [usize], mut item: usize) -> usize {
    while parents[item] != item {
        parents[item] = parents[parents[item]];
        item = parents[item];
    }
    item
}

/// The texts of an input, spelt alike whatever the tokenizer.
fn texts(entry: &MapEntry) -> [String; 2] {
    let mut texts = [String::new(), String::new()];
    for (position, token) in entry.neutral_tokens().iter().enumerate() {
        if entry.special.contains(&position) {
            continue;
        }
        let segment = entry.segments.get(position).copied().unwrap_or(0);
        let text = &mut texts[usize::from(segment > 0)];
        match token.strip_prefix('-') {
            Some(rest) if !rest.is_empty() => text.push_str(rest),
            _ => text.push_str(token),
        }
    }
    texts
}

/// The group of each map, numbered from 0 in the order of their first maps.
pub fn groups(entries: &[&MapEntry]) -> Vec<usize> {
    let mut parents: Vec<usize> = (0..entries.len()).collect();
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for (index, entry) in entries.iter().enumerate() {
        let head = format!("head {} {} {}", entry.layer, entry.head, entry.model);
        let texts = texts(entry);
        let texts = texts
            .iter()
            .filter(|t| !t.is_empty())
            .map(|t| format!("text {t}"));
        for key in std::iter::once(head).chain(texts) {
            let other = *seen.entry(key).or_insert(index);
            let (a, b) = (root(&mut parents, index), root(&mut parents, other));
            parents[a.max(b)] = a.min(b);
        }
    }
    let mut numbers = BTreeMap::new();
    (0..entries.len())
        .map(|index| {
            let root = root(&mut parents, index);
            let next = numbers.len();
            *numbers.entry(root).or_insert(next)
        })
        .collect()
}

/// The fold (0 to `folds - 1`) of each map: groups stay whole, and every fold gets about the same
/// number of maps of each class. Groups are dealt in random order, the large ones first, each to
/// the fold that it leaves most even.
pub fn assign(groups: &[usize], labels: &[Pattern], folds: usize, seed: u64) -> Vec<usize> {
    const CLASSES: usize = Pattern::ALL.len();
    let count = groups.iter().map(|g| g + 1).max().unwrap_or(0);
    let mut sizes = vec![[0.0f64; CLASSES]; count];
    for (&group, label) in groups.iter().zip(labels) {
        sizes[group][label.index()] += 1.0;
    }
    let mut order: Vec<usize> = (0..count).collect();
    order.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
    let size = |group: usize| sizes[group].iter().sum::<f64>();
    order.sort_by(|&a, &b| size(b).total_cmp(&size(a)));
    let totals: [f64; CLASSES] =
        std::array::from_fn(|class| sizes.iter().map(|s| s[class]).sum::<f64>().max(1.0));
    let mut filled = vec![[0.0f64; CLASSES]; folds.max(1)];
    let mut fold_of = vec![0; count];
    for group in order {
        // How much the sum of squared shares grows: rare classes weigh as much as frequent ones.
        let cost = |fold: &[f64; CLASSES]| -> f64 {
            (0..CLASSES)
                .map(|c| {
                    let (before, more) = (fold[c] / totals[c], sizes[group][c] / totals[c]);
                    (before + more).powi(2) - before.powi(2)
                })
                .sum()
        };
        let best = (0..filled.len())
            .min_by(|&a, &b| {
                let sum = |f: usize| filled[f].iter().sum::<f64>();
                cost(&filled[a])
                    .total_cmp(&cost(&filled[b]))
                    .then(sum(a).total_cmp(&sum(b)))
            })
            .unwrap_or(0);
        for (fold, more) in filled[best].iter_mut().zip(sizes[group]) {
            *fold += more;
        }
        fold_of[group] = best;
    }
    groups.iter().map(|&g| fold_of[g]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Drawn, State};
    use attn_core::Task;

    fn entry(model: &str, head: usize, text: &str, state: State) -> MapEntry {
        MapEntry {
            id: "x".to_owned(),
            model: model.to_owned(),
            state,
            drawn: Drawn::Balanced,
            task: Task::Sst2,
            example: String::new(),
            layer: 0,
            head,
            tokens: ["[CLS]", text, "[SEP]"].map(str::to_owned).to_vec(),
            segments: vec![0; 3],
            special: vec![0, 2],
        }
    }

    #[test]
    fn heads_and_texts_tie_maps_together() {
        let (pre, tuned) = (State::Pretrained, State::FineTuned);
        let entries = [
            entry("a", 1, "one", pre),
            entry("a", 1, "two", tuned),  // the head of the first
            entry("b", 1, "Two", pre),    // the text of the second
            entry("b", 2, "three", pre),  // nothing in common
            entry("a", 3, "▁three", pre), // another tokenizer's spelling of the fourth's
        ];
        let entries: Vec<&MapEntry> = entries.iter().collect();
        assert_eq!(groups(&entries), [0, 0, 0, 1, 1]);
        assert!(groups(&[]).is_empty());
    }

    #[test]
    fn folds_are_even_and_keep_groups() {
        let groups: Vec<usize> = (0..300).map(|i| i / 3).collect();
        let labels: Vec<Pattern> = (0..300).map(|i| Pattern::ALL[(i * i / 7) % 5]).collect();
        let folds = assign(&groups, &labels, 5, 1);
        assert_eq!(folds, assign(&groups, &labels, 5, 1));
        for pair in groups.iter().zip(&folds).collect::<Vec<_>>().windows(2) {
            assert!(pair[0].0 != pair[1].0 || pair[0].1 == pair[1].1);
        }
        for class in Pattern::ALL {
            let total = labels.iter().filter(|&&l| l == class).count() as f64 / 5.0;
            for fold in 0..5 {
                let n = labels
                    .iter()
                    .zip(&folds)
                    .filter(|(l, f)| **l == class && **f == fold);
                let n = n.count() as f64;
                assert!(
                    (n - total).abs() <= 3.0,
                    "{class} in fold {fold}: {n} of {total}"
                );
            }
        }
    }
}
