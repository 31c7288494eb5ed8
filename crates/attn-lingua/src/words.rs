//! What the features know of a word's form: spelling, affixes, shape.

use crate::hash;

/// How a sentence uses capitals. Text without any (SST-2) must not be read as "no proper nouns".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Casing {
    /// No capital at all.
    Lower,
    /// Capitals only, in two letters or more.
    Upper,
    /// Both.
    Mixed,
}

impl Casing {
    /// The casing of a sentence.
    pub(crate) fn of<S: AsRef<str>>(forms: &[S]) -> Self {
        let (mut upper, mut lower) = (0usize, 0usize);
        for c in forms.iter().flat_map(|form| form.as_ref().chars()) {
            upper += usize::from(c.is_uppercase());
            lower += usize::from(c.is_lowercase());
        }
        match (upper, lower) {
            (0, _) => Casing::Lower,
            (2.., 0) => Casing::Upper,
            _ => Casing::Mixed,
        }
    }
}

/// Hashes of what can be seen on one word.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Word {
    /// The form as it stands.
    pub form: u64,
    /// Lower-cased, digits made equal, Penn escapes undone.
    pub norm: u64,
    /// The last one to four characters, lower-cased.
    pub suffix: [u64; 4],
    /// The first one to three characters, lower-cased.
    pub prefix: [u64; 3],
    /// `Xxx`, `dd:dd`, `xxx-xxx`: runs shortened to two.
    pub shape: u64,
    /// Whether the first character is a capital.
    pub capital: bool,
}

impl Word {
    /// Looks at one form.
    pub(crate) fn new(form: &str) -> Self {
        let form = unescape(form);
        let lower: Vec<char> = form.chars().flat_map(char::to_lowercase).collect();
        let n = lower.len();
        let part = |from: usize, to: usize| hash::chars(lower[from..to].iter().copied());
        Self {
            form: hash::text(form),
            norm: norm(&lower),
            suffix: [1, 2, 3, 4].map(|k| part(n.saturating_sub(k), n)),
            prefix: [1, 2, 3].map(|k| part(0, n.min(k))),
            shape: shape(form),
            capital: form.chars().next().is_some_and(char::is_uppercase),
        }
    }

    /// Looks at every form of a sentence.
    pub(crate) fn all<S: AsRef<str>>(forms: &[S]) -> Vec<Word> {
        forms.iter().map(|form| Word::new(form.as_ref())).collect()
    }
}

/// The key of a form in the lexicon.
pub(crate) fn norm_of(form: &str) -> u64 {
    let lower: Vec<char> = unescape(form)
        .chars()
        .flat_map(char::to_lowercase)
        .collect();
    norm(&lower)
}

/// Numbers that differ only in their digits are one word; typographic quotes and dashes are the
/// plain ones. The treebank has too few of either to learn them one by one.
fn norm(lower: &[char]) -> u64 {
    let has_digit = lower.iter().any(char::is_ascii_digit);
    let has_letter = lower.iter().any(|c| c.is_alphabetic());
    if has_digit && !has_letter {
        let digits = |c: &char| if c.is_ascii_digit() { '0' } else { *c };
        return hash::chars(lower.iter().map(digits).take(5));
    }
    hash::chars(lower.iter().map(|&c| match c {
        '’' | '‘' | '`' if lower.len() > 1 => '\'',
        '“' | '”' => '"',
        '–' | '—' => '-',
        other => other,
    }))
}

/// Penn Treebank escapes, as SST-2 and MRPC have them.
fn unescape(form: &str) -> &str {
    match form {
        "-LRB-" | "-lrb-" => "(",
        "-RRB-" | "-rrb-" => ")",
        "-LSB-" | "-lsb-" => "[",
        "-RSB-" | "-rsb-" => "]",
        "-LCB-" | "-lcb-" => "{",
        "-RCB-" | "-rcb-" => "}",
        "``" | "''" => "\"",
        other => other,
    }
}

fn shape(form: &str) -> u64 {
    let (mut last, mut run) = ('\0', 0usize);
    hash::chars(form.chars().filter_map(move |c| {
        let class = match c {
            c if c.is_uppercase() => 'X',
            c if c.is_lowercase() => 'x',
            c if c.is_numeric() => 'd',
            c if c.is_alphabetic() => 'o',
            c => c,
        };
        run = if class == last { run + 1 } else { 1 };
        last = class;
        (run <= 2).then_some(class)
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_that_mean_the_same_share_their_norm() {
        assert_eq!(norm_of("Don’t"), norm_of("don't"));
        assert_eq!(norm_of("1999"), norm_of("2004"));
        assert_eq!(norm_of("-LRB-"), norm_of("("));
        assert_ne!(norm_of("b2b"), norm_of("b3b"));
        assert_eq!(
            Word::new("Texas").shape,
            Word::new("Washington").shape,
            "runs are cut at two"
        );
        assert_ne!(Word::new("Texas").shape, Word::new("Al-Qaeda").shape);
    }

    #[test]
    fn casing_is_the_sentence_s() {
        assert_eq!(Casing::of(&["a", "fine", "film", "."]), Casing::Lower);
        assert_eq!(Casing::of(&["BREAKING", "NEWS"]), Casing::Upper);
        assert_eq!(Casing::of(&["I"]), Casing::Mixed);
        assert_eq!(Casing::of(&["A", "film"]), Casing::Mixed);
    }

    #[test]
    fn odd_forms_do_no_harm() {
        for form in ["", "\u{0}", "ß", "İ", "日本", "-", "''"] {
            let _ = Word::new(form);
        }
    }
}
