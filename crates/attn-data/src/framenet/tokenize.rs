//! NLTK's `word_tokenize`, as it was when the paper was written, with character spans.
//!
//! The authors counted tokens with NLTK 3.4 (2019). Its rules are the Penn Treebank tokenizer's
//! with four improvements; later releases changed them (since 3.5 an opening apostrophe is split
//! from a whole word, `*` and every dash are tokens). The difference decides which sentences pass
//! the paper's limit of 12 tokens: NLTK 3.4 gives the 26,669 sentences behind the paper's 473,
//! today's rules give 26,662. Hence the old rules.
//!
//! NLTK rewrites the text with a chain of substitutions and splits the result at white space. We
//! do the same on a row of [`Cell`]s, each of which remembers the character it came from, so that
//! every token knows its place in the text although quotes change their spelling on the way
//! (`"` becomes ` `` ` or `''`).

use super::Span;
use super::sentences::sentence_starts;

/// A token of [`word_tokenize`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// NLTK's spelling: an opening `"` reads ` `` `, a closing one `''`.
    pub text: String,
    /// Where it lies in the text, in characters.
    pub span: Span,
}

/// A character of the text under rewriting.
#[derive(Debug, Clone, Copy)]
struct Cell {
    ch: char,
    /// Index of the character it came from; absent for inserted blanks.
    source: Option<usize>,
}

const BLANK: Cell = Cell {
    ch: ' ',
    source: None,
};

/// Splits a text as NLTK 3.4's `word_tokenize(text)` does: into sentences (see the module
/// `sentences` for how far that goes), then each sentence into words and punctuation.
pub fn word_tokenize(text: &str) -> Vec<Token> {
    let chars: Vec<char> = text.chars().collect();
    let mut starts = sentence_starts(&chars);
    starts.push(chars.len());
    starts
        .windows(2)
        .flat_map(|w| treebank(&chars, w[0], w[1]))
        .collect()
}

/// Splits a text that is one sentence: `word_tokenize(text, preserve_line=True)`.
pub fn treebank_tokenize(text: &str) -> Vec<Token> {
    let chars: Vec<char> = text.chars().collect();
    treebank(&chars, 0, chars.len())
}

/// What Python's `str.split` and `\s` take for white space.
pub(super) fn is_space(ch: char) -> bool {
    ch.is_whitespace() || matches!(ch, '\u{1c}'..='\u{1f}')
}

fn is_word(ch: char) -> bool {
    ch.is_alphanumeric() || ch == '_'
}

/// Scans from left to right; where `rule` matches it writes the replacement and says how many
/// cells it used, elsewhere the cell is copied: the semantics of a regular-expression substitution.
fn rewrite(cells: &[Cell], rule: impl Fn(&[Cell], usize, &mut Vec<Cell>) -> usize) -> Vec<Cell> {
    let mut out = Vec::with_capacity(cells.len() + 16);
    let mut i = 0;
    while let Some(&cell) = cells.get(i) {
        match rule(cells, i, &mut out) {
            0 => {
                out.push(cell);
                i += 1;
            }
            used => i += used,
        }
    }
    out
}

/// The character at `i`, or NUL outside (no rule looks for NUL).
fn at(cells: &[Cell], i: usize) -> char {
    cells.get(i).map_or('\0', |c| c.ch)
}

/// Whether a word begins or ends between `i - 1` and `i`.
fn boundary(cells: &[Cell], i: usize) -> bool {
    (i > 0 && is_word(at(cells, i - 1))) != is_word(at(cells, i))
}

fn starts_with(cells: &[Cell], i: usize, text: &str) -> bool {
    text.chars().enumerate().all(|(k, c)| at(cells, i + k) == c)
}

fn starts_with_any_case(cells: &[Cell], i: usize, text: &str) -> bool {
    text.chars()
        .enumerate()
        .all(|(k, c)| at(cells, i + k).to_ascii_lowercase() == c)
}

/// Puts blanks around each run that `length` finds (0: no match).
fn pad(cells: &[Cell], length: impl Fn(&[Cell], usize) -> usize) -> Vec<Cell> {
    rewrite(cells, |cells, i, out| {
        let n = length(cells, i);
        if let Some(run) = cells.get(i..i + n).filter(|run| !run.is_empty()) {
            out.push(BLANK);
            out.extend_from_slice(run);
            out.push(BLANK);
        }
        n
    })
}

fn pad_chars(cells: &[Cell], set: &str) -> Vec<Cell> {
    pad(cells, |cells, i| usize::from(set.contains(at(cells, i))))
}

fn starting_quotes(mut cells: Vec<Cell>) -> Vec<Cell> {
    let quote = |ch: char, from: Cell| Cell { ch, ..from };
    cells = pad(&cells, |cells, i| match at(cells, i) {
        '«' | '“' | '‘' | '„' => 1,
        _ => cells[i..].iter().take_while(|c| c.ch == '`').count(),
    });
    if let Some(&first) = cells.first()
        && first.ch == '"'
    {
        cells.splice(0..1, [quote('`', first), quote('`', first)]);
    }
    cells = pad(
        &cells,
        |cells, i| if starts_with(cells, i, "``") { 2 } else { 0 },
    );
    cells = rewrite(&cells, |cells, i, out| {
        if !" ([{<".contains(at(cells, i)) {
            return 0;
        }
        let (first, last, used) = match (cells.get(i + 1), cells.get(i + 2)) {
            (Some(q), _) if q.ch == '"' => (*q, *q, 2),
            (Some(q), Some(r)) if q.ch == '\'' && r.ch == '\'' => (*q, *r, 3),
            _ => return 0,
        };
        out.extend([cells[i], BLANK, quote('`', first), quote('`', last), BLANK]);
        used
    });
    // An apostrophe before a single letter that is no clitic: "'e" becomes "' e".
    rewrite(&cells, |cells, i, out| {
        let letter = at(cells, i + 1);
        let clitic = matches!(letter.to_ascii_lowercase(), 'm' | 't' | 's' | 'd');
        if at(cells, i) != '\'' || !is_word(letter) || clitic || !boundary(cells, i + 2) {
            return 0;
        }
        out.extend([cells[i], BLANK, cells[i + 1]]);
        2
    })
}

/// Splits off the sentence's last period, with `closers` after it; `apart` puts them apart.
fn final_period(cells: Vec<Cell>, closers: &str, apart: bool) -> Vec<Cell> {
    let Some(dot) = cells.iter().rposition(|c| c.ch == '.') else {
        return cells;
    };
    if dot == 0 || at(&cells, dot - 1) == '.' {
        return cells;
    }
    let rest = &cells[dot + 1..];
    let run = rest.iter().take_while(|c| closers.contains(c.ch)).count();
    if !rest[run..].iter().all(|c| is_space(c.ch)) {
        return cells;
    }
    let mut out = cells[..dot].to_vec();
    out.extend([BLANK, cells[dot]]);
    out.extend(apart.then_some(BLANK));
    out.extend_from_slice(&rest[..run]);
    out.push(BLANK);
    out
}

fn punctuation(mut cells: Vec<Cell>) -> Vec<Cell> {
    cells = final_period(cells, "])}>\"'»”’ ", true);
    cells = rewrite(&cells, |cells, i, out| {
        let next = at(cells, i + 1);
        if !matches!(at(cells, i), ':' | ',') || i + 1 >= cells.len() || next.is_ascii_digit() {
            return 0;
        }
        out.extend([BLANK, cells[i], BLANK, cells[i + 1]]);
        2
    });
    cells = pad(&cells, |cells, i| {
        let last = i + 1 == cells.len() || (i + 2 == cells.len() && at(cells, i + 1) == '\n');
        usize::from(matches!(at(cells, i), ':' | ',') && last)
    });
    cells = pad(
        &cells,
        |cells, i| if starts_with(cells, i, "...") { 3 } else { 0 },
    );
    cells = pad_chars(&cells, ";@#$%&");
    cells = final_period(cells, "])}>\"'", false);
    cells = pad_chars(&cells, "?!");
    cells = rewrite(&cells, |cells, i, out| {
        if at(cells, i) == '\'' || at(cells, i + 1) != '\'' || at(cells, i + 2) != ' ' {
            return 0;
        }
        out.extend([cells[i], BLANK, cells[i + 1], BLANK]);
        3
    });
    cells = pad_chars(&cells, "[](){}<>");
    pad(
        &cells,
        |cells, i| if starts_with(cells, i, "--") { 2 } else { 0 },
    )
}

fn ending_quotes(mut cells: Vec<Cell>) -> Vec<Cell> {
    cells = pad_chars(&cells, "»”’");
    cells = rewrite(&cells, |cells, i, out| {
        if at(cells, i) != '"' {
            return 0;
        }
        let quote = Cell {
            ch: '\'',
            ..cells[i]
        };
        out.extend([BLANK, quote, quote, BLANK]);
        1
    });
    cells = rewrite(&cells, |cells, i, out| {
        if is_space(at(cells, i)) || !starts_with(cells, i + 1, "''") {
            return 0;
        }
        out.extend([cells[i], BLANK, cells[i + 1], cells[i + 2], BLANK]);
        3
    });
    let host = |ch: char| ch != '\'' && ch != ' ';
    cells = rewrite(&cells, |cells, i, out| {
        if !host(at(cells, i)) || at(cells, i + 1) != '\'' {
            return 0;
        }
        let end = match (at(cells, i + 2), at(cells, i + 3)) {
            ('s' | 'S' | 'm' | 'M' | 'd' | 'D', ' ') => i + 3,
            (' ', _) => i + 2,
            _ => return 0,
        };
        out.extend([cells[i], BLANK]);
        out.extend_from_slice(&cells[i + 1..end]);
        out.push(BLANK);
        end + 1 - i
    });
    rewrite(&cells, |cells, i, out| {
        const CLITICS: [&str; 8] = ["'ll", "'LL", "'re", "'RE", "'ve", "'VE", "n't", "N'T"];
        let found = CLITICS.iter().any(|c| starts_with(cells, i + 1, c));
        if !host(at(cells, i)) || !found || at(cells, i + 4) != ' ' {
            return 0;
        }
        out.extend([
            cells[i],
            BLANK,
            cells[i + 1],
            cells[i + 2],
            cells[i + 3],
            BLANK,
        ]);
        5
    })
}

/// "cannot" and its like, which the Treebank writes as two tokens.
fn contractions(mut cells: Vec<Cell>) -> Vec<Cell> {
    const PAIRS: [(&str, &str); 8] = [
        ("can", "not"),
        ("d", "'ye"),
        ("gim", "me"),
        ("gon", "na"),
        ("got", "ta"),
        ("lem", "me"),
        ("mor", "'n"),
        ("wan", "na"),
    ];
    for (first, second) in PAIRS {
        let middle = first.len();
        let length = middle + second.len();
        // NLTK asks for white space after "wanna" and eats it; the others end at a word boundary.
        let space = first == "wan";
        cells = rewrite(&cells, |cells, i, out| {
            let end = if space {
                is_space(at(cells, i + length))
            } else {
                boundary(cells, i + length)
            };
            if !boundary(cells, i)
                || !starts_with_any_case(cells, i, first)
                || !starts_with_any_case(cells, i + middle, second)
                || !end
            {
                return 0;
            }
            out.push(BLANK);
            out.extend_from_slice(&cells[i..i + middle]);
            out.push(BLANK);
            out.extend_from_slice(&cells[i + middle..i + length]);
            out.push(BLANK);
            length + usize::from(space)
        });
    }
    for verb in ["is", "was"] {
        let end = 3 + verb.len();
        cells = rewrite(&cells, |cells, i, out| {
            if !starts_with_any_case(cells, i, " 't")
                || !starts_with_any_case(cells, i + 3, verb)
                || !boundary(cells, i + end)
            {
                return 0;
            }
            out.extend([BLANK, cells[i + 1], cells[i + 2], BLANK]);
            out.extend_from_slice(&cells[i + 3..i + end]);
            out.push(BLANK);
            end
        });
    }
    cells
}

/// The tokens of one sentence, `chars[start..end]`.
fn treebank(chars: &[char], start: usize, end: usize) -> Vec<Token> {
    let cells: Vec<Cell> = chars
        .iter()
        .enumerate()
        .take(end)
        .skip(start)
        .map(|(i, &ch)| Cell {
            ch,
            source: Some(i),
        })
        .collect();
    let mut cells = punctuation(starting_quotes(cells));
    cells.insert(0, BLANK);
    cells.push(BLANK);
    let cells = contractions(ending_quotes(cells));
    cells
        .split(|c| is_space(c.ch))
        .filter_map(|word| {
            let start = word.iter().filter_map(|c| c.source).min()?;
            let end = word.iter().filter_map(|c| c.source).max()? + 1;
            Some(Token {
                text: word.iter().map(|c| c.ch).collect(),
                span: Span { start, end },
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        word_tokenize(text).into_iter().map(|t| t.text).collect()
    }

    #[test]
    fn quotes_change_spelling_but_keep_their_place() {
        let text = "\"Don't go,\" she said.";
        let tokens = word_tokenize(text);
        let spelled: Vec<_> = tokens.iter().map(|t| t.text.as_str()).collect();
        assert_eq!(
            spelled,
            ["``", "Do", "n't", "go", ",", "''", "she", "said", "."]
        );
        let places: Vec<_> = tokens
            .iter()
            .map(|t| &text[t.span.start..t.span.end])
            .collect();
        assert_eq!(
            places,
            ["\"", "Do", "n't", "go", ",", "\"", "she", "said", "."]
        );
    }

    #[test]
    fn the_rules_of_2019_leave_an_opening_apostrophe_on_its_word() {
        assert_eq!(
            words("Where 'ave you been?"),
            ["Where", "'ave", "you", "been", "?"]
        );
        assert_eq!(
            words("You ain't seen 'e"),
            ["You", "ai", "n't", "seen", "'", "e"]
        );
    }

    #[test]
    fn inner_sentences_lose_their_period() {
        assert_eq!(
            words("It rained. We left."),
            ["It", "rained", ".", "We", "left", "."]
        );
        assert_eq!(words("Mr. Hale left."), ["Mr.", "Hale", "left", "."]);
    }
}
