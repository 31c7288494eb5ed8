//! Where to look for rare kinds of map.
//!
//! In a balanced sample most maps are Vertical, and few or none are Diagonal or Block, so that a
//! network could not learn them nor be tested on them. So a part of the sample is drawn from
//! candidates that look promising by the two numbers below. **They choose which maps are shown to
//! the labellers, who do not know of them; they are never a label.** The entries of such maps say
//! so ([`crate::store::Drawn::Enriched`]), and scores are reported with and without them.

use crate::scale::darkest;
use crate::store::MapEntry;
use attn_core::HeadId;

/// How much of a kind a map seems to have, in units of the drawn scale (0 light, 1 dark).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hints {
    /// The mean darkness of the best of the previous, same and next token, less that of the
    /// darkest column.
    pub diagonal: f64,
    /// The mean darkness of content cells within the own text, less that across the texts; cells
    /// near the diagonal and special tokens are left out. 0 for a single text.
    pub block: f64,
}

/// Looks at a map, `[L, L]`.
pub fn hints(entry: &MapEntry, weights: &[f32]) -> Hints {
    let length = entry.length();
    let scale = f64::from(darkest(weights, length));
    let special = |p: usize| entry.special.contains(&p);
    let (mut diagonals, mut columns) = ([0.0f64; 3], vec![0.0f64; length]);
    let (mut own, mut other) = ((0.0f64, 0.0f64), (0.0f64, 0.0f64));
    let mut rows = 0.0f64;
    for (query, row) in weights.chunks_exact(length.max(1)).enumerate() {
        if special(query) {
            continue;
        }
        rows += 1.0;
        for (key, &weight) in row.iter().enumerate() {
            let dark = (f64::from(weight) / scale).min(1.0);
            if let Some(sum) = (key + 1)
                .checked_sub(query)
                .and_then(|o| diagonals.get_mut(o))
            {
                *sum += dark;
                continue;
            }
            if let Some(sum) = columns.get_mut(key) {
                *sum += dark;
            }
            if !special(key) {
                let same = entry.segments.get(query) == entry.segments.get(key);
                let part = if same { &mut own } else { &mut other };
                *part = (part.0 + dark, part.1 + 1.0);
            }
        }
    }
    let most = |values: &[f64]| values.iter().copied().fold(0.0, f64::max) / rows.max(1.0);
    let block = if own.1 > 0.0 && other.1 > 0.0 {
        own.0 / own.1 - other.0 / other.1
    } else {
        0.0
    };
    Hints {
        diagonal: most(&diagonals) - most(&columns),
        block,
    }
}

/// A map that could be taken.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Candidate {
    /// Its head.
    pub head: HeadId,
    /// Its example's index.
    pub example: usize,
    /// What it seems to have.
    pub hints: Hints,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::synthetic;
    use attn_core::Pattern;

    #[test]
    fn hints_are_greatest_for_their_kinds() {
        let (maps, labels) = synthetic::maps(50, 9);
        let best = |of: fn(&Hints) -> f64| {
            let hints = maps.iter().map(|m| of(&hints(&m.entry, &m.weights)));
            let mut sorted: Vec<(f64, Pattern)> = hints.zip(labels.iter().copied()).collect();
            sorted.sort_by(|a, b| b.0.total_cmp(&a.0));
            sorted.into_iter().take(10).map(|s| s.1).collect::<Vec<_>>()
        };
        assert_eq!(best(|h| h.diagonal), [Pattern::Diagonal; 10]);
        assert_eq!(best(|h| h.block), [Pattern::Block; 10]);
    }
}
