//! Feature templates of the tagger.

use super::Lexicon;
use crate::hash::{Features, mix};
use crate::words::{Casing, Word};

const FAMILY: u64 = 1;

/// Word and class before the first or after the last word.
const BEFORE: u64 = 1;
const AFTER: u64 = 2;

/// A sentence with what is known of each word.
#[derive(Debug)]
pub(crate) struct Context<'a> {
    words: &'a [Word],
    classes: Vec<u64>,
    casing: u64,
}

impl<'a> Context<'a> {
    /// Looks the words up once.
    pub(crate) fn new(words: &'a [Word], lexicon: &Lexicon, casing: Casing) -> Self {
        let classes = words
            .iter()
            .map(|word| u64::from(lexicon.class(word.norm)) + 10)
            .collect();
        Self {
            words,
            classes,
            casing: casing as u64 + 1,
        }
    }

    fn at<T: Copy>(&self, i: usize, by: isize, list: &[T], get: impl Fn(&T) -> u64) -> u64 {
        match i.checked_add_signed(by) {
            None => BEFORE,
            Some(j) => list.get(j).map_or(AFTER, get),
        }
    }

    /// The features of word `i` after the words before it were tagged.
    pub(crate) fn features(&self, i: usize, tags: &[u16], f: &mut Features) {
        let word = &self.words[i];
        let norm = |by| self.at(i, by, self.words, |w| w.norm);
        let class = |by| self.at(i, by, &self.classes, |c| *c);
        let suffix = |by| self.at(i, by, self.words, |w| w.suffix[2]);
        let shape = |by| self.at(i, by, self.words, |w| w.shape);
        let tag = |back: usize| {
            i.checked_sub(back)
                .map_or(BEFORE, |j| u64::from(tags[j]) + 10)
        };
        let (t1, t2) = (tag(1), tag(2));
        let (w, c, sh) = (word.norm, class(0), word.shape);
        let [s1, s2, s3, s4] = word.suffix;
        let [p1, p2, p3] = word.prefix;
        let (prev, next) = (norm(-1), norm(1));
        let (cp, cn, cnn) = (class(-1), class(1), class(2));
        let capital = u64::from(word.capital);
        let first = u64::from(i == 0);

        f.start(FAMILY);
        // The word itself.
        f.add([0]);
        f.add([w]);
        f.add([word.form]);
        f.add([s1]);
        f.add([s2]);
        f.add([s3]);
        f.add([s4]);
        f.add([p1]);
        f.add([p2]);
        f.add([p3]);
        f.add([sh, self.casing]);
        f.add([sh, first, self.casing]);
        f.add([s3, sh]);
        f.add([s2, capital, self.casing]);
        f.add([s4, p1]);
        f.add([c]);
        f.add([c, capital, self.casing]);
        // Its neighbours.
        f.add([prev]);
        f.add([norm(-2)]);
        f.add([next]);
        f.add([norm(2)]);
        f.add([prev, w]);
        f.add([w, next]);
        f.add([prev, next]);
        f.add([suffix(-1)]);
        f.add([suffix(1)]);
        f.add([shape(1)]);
        f.add([sh, shape(1)]);
        f.add([sh, shape(-1)]);
        f.add([cn]);
        f.add([w, cn]);
        f.add([c, cn]);
        f.add([cp, c, cn]);
        f.add([cn, cnn]);
        f.add([c, cn, cnn]);
        f.add([s3, cn]);
        f.add([w, cn, cnn]);
        f.add([c, suffix(1)]);
        // The tags before it.
        f.add([t1]);
        f.add([t2]);
        f.add([t1, t2]);
        f.add([t1, w]);
        f.add([t1, t2, w]);
        f.add([t1, t2, c]);
        f.add([t1, s3]);
        f.add([t1, s2, capital]);
        f.add([t1, next]);
        f.add([t1, c, cn]);
        f.add([t1, w, cn]);
        f.add([t1, cn]);
        f.add([t1, t2, cn]);
        f.add([mix(t1, sh), suffix(1)]);
        f.add([mix(t2, prev), w]);
        f.add([mix(t2, prev), c]);
    }
}
