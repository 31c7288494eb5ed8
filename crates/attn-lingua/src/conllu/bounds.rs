//! How long and how deep a CoNLL-U file may be ([`attn_core::limits`]).

use super::Word;
use attn_core::limits::{Exceeded, MAX_CONLLU_LINES, MAX_SENTENCE_LINES, MAX_TREE_DEPTH, check};

/// Compares the lines of a file so far, blank ones aside.
pub(super) fn file(lines: u64) -> Result<(), Exceeded> {
    check("lines", lines, MAX_CONLLU_LINES, "MAX_CONLLU_LINES")
}

/// Compares the lines of a sentence so far.
pub(super) fn sentence(lines: u64) -> Result<(), Exceeded> {
    let what = "lines in one sentence";
    check(what, lines, MAX_SENTENCE_LINES, "MAX_SENTENCE_LINES")
}

/// Compares the depth of a sentence's tree.
pub(super) fn tree(depth: usize) -> Result<(), Exceeded> {
    let what = "words from the root down to the deepest word of one sentence";
    check(what, depth as u64, MAX_TREE_DEPTH, "MAX_TREE_DEPTH")
}

/// The number of words from the root down to the deepest one; the error is a word that is its own
/// ancestor. Each word is looked at a fixed number of times, however long its chain of heads is.
pub(super) fn depth(words: &[Word]) -> Result<usize, usize> {
    // 0: not known yet.
    let mut depths = vec![0usize; words.len()];
    let mut chain = Vec::new();
    for start in 0..words.len() {
        let mut at = start;
        chain.clear();
        let above = loop {
            match depths.get(at) {
                Some(0) => chain.push(at),
                Some(&known) => break known,
                None => break 0,
            }
            if chain.len() > words.len() {
                return Err(start);
            }
            match words.get(at).and_then(|word| word.head) {
                Some(head) => at = head,
                None => break 0,
            }
        };
        for (below, word) in chain.iter().rev().enumerate() {
            if let Some(depth) = depths.get_mut(*word) {
                *depth = above + below + 1;
            }
        }
    }
    Ok(depths.into_iter().max().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(heads: &[Option<usize>]) -> Vec<Word> {
        let word = |head: &Option<usize>| Word {
            head: *head,
            ..Word::default()
        };
        heads.iter().map(word).collect()
    }

    #[test]
    fn depths_count_from_the_root_and_cycles_are_found() {
        assert_eq!(depth(&words(&[])), Ok(0));
        assert_eq!(depth(&words(&[None])), Ok(1));
        assert_eq!(depth(&words(&[Some(1), Some(2), None, Some(0)])), Ok(4));
        assert_eq!(depth(&words(&[None, Some(2), Some(1)])), Err(1));
        // A chain of a million words: the time is linear.
        let chain: Vec<_> = (0..1_000_000usize).map(|i| i.checked_sub(1)).collect();
        assert_eq!(depth(&words(&chain)), Ok(1_000_000));
    }

    #[test]
    fn a_long_sentence_and_a_deep_tree_are_errors_that_name_line_and_limit() {
        let line = |i: usize, head: usize| format!("{i}\tw\t_\tX\t_\t_\t{head}\tdep\t_\t_\n");
        let sentence = |count: usize, head: fn(usize) -> usize| {
            let lines: String = (1..=count).map(|i| line(i, head(i))).collect();
            let error = super::super::parse(&format!("\n{lines}\n"), "x.conllu");
            error
                .map(|sentences| sentences.len())
                .map_err(|e| e.to_string())
        };
        let flat = |i| usize::from(i > 1);
        assert_eq!(sentence(10_000, flat), Ok(1));
        let error = sentence(10_001, flat).unwrap_err();
        assert!(
            error.contains("x.conllu, line 10002") && error.contains("MAX_SENTENCE_LINES"),
            "{error}"
        );
        assert_eq!(sentence(1_000, |i| i - 1), Ok(1));
        let error = sentence(1_001, |i| i - 1).unwrap_err();
        assert!(
            error.contains("x.conllu, line 2") && error.contains("MAX_TREE_DEPTH"),
            "{error}"
        );
    }
}
