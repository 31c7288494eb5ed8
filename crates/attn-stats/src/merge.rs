//! Maps over words in place of tokens (Clark et al., 2019, Section 4.1).
//!
//! Attention *to* a word is the sum over its tokens: it is a probability. Attention *from* a word is
//! the mean over its tokens: each of them gives 1 away. So rows still sum to 1.

use std::ops::Range;

/// One map `[length, length]`, row = query, as `[words, words]`: columns summed, rows averaged.
/// `words` are the tokens of each word; together they hold every token once. `None` when they or the map
/// do not fit `length`.
pub fn words(map: &[f32], length: usize, words: &[Range<usize>]) -> Option<Vec<f32>> {
    let mut next = 0;
    for word in words {
        if word.start != next || word.is_empty() {
            return None;
        }
        next = word.end;
    }
    if next != length || map.len() != length * length {
        return None;
    }
    let mut merged = Vec::with_capacity(words.len() * words.len());
    for queries in words {
        for keys in words {
            let rows = queries
                .clone()
                .filter_map(|q| map.get(q * length..)?.get(keys.clone()));
            let sum: f64 = rows.flatten().map(|&w| f64::from(w)).sum();
            merged.push((sum / queries.len() as f64) as f32);
        }
    }
    Some(merged)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_summed_and_rows_averaged() {
        // By hand: tokens a, b1, b2; b1 and b2 are one word.
        let map = [0.2, 0.3, 0.5, 0.4, 0.4, 0.2, 0.1, 0.6, 0.3];
        let merged = words(&map, 3, &[0..1, 1..3]).unwrap();
        let expected = [0.2, 0.8, 0.25, 0.75];
        for (a, b) in merged.iter().zip(expected) {
            assert!((a - b).abs() < 1e-6, "{merged:?}");
        }
        // One token each: nothing changes, to the bit.
        assert_eq!(words(&map, 3, &[0..1, 1..2, 2..3]).unwrap(), map);
        assert_eq!(
            words(&map, 3, std::slice::from_ref(&(0..3))).unwrap().len(),
            1
        );
    }

    #[test]
    #[allow(clippy::single_range_in_vec_init)]
    fn words_that_do_not_fit_are_refused() {
        let map = [0.25; 4];
        for bad in [
            vec![0..1],
            vec![0..2, 2..3],
            vec![0..1, 0..2],
            vec![1..2, 0..1],
            vec![0..0, 0..2],
        ] {
            assert_eq!(words(&map, 2, &bad), None, "{bad:?}");
        }
        assert_eq!(words(&map, 3, std::slice::from_ref(&(0..3))), None);
    }
}
