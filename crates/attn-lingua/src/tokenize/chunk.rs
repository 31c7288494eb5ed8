//! One run of characters without blanks, to words.

use super::lists;
use std::ops::Range;

/// Longest run without blanks that is taken apart, in bytes.
const LONGEST: usize = 1000;

fn is_apostrophe(c: char) -> bool {
    matches!(c, '\'' | '’' | '‘' | '`' | '´')
}

/// Splits `chunk` of `text`; `next` is the chunk behind it, empty at the end.
pub(crate) fn split(text: &str, chunk: Range<usize>, next: &str, out: &mut Vec<Range<usize>>) {
    // No language: taking it apart sign by sign would take quadratic time.
    if chunk.len() > LONGEST {
        out.push(chunk);
        return;
    }
    let mut start = chunk.start;
    let mut end = chunk.end;
    // Peeled off the end, last first.
    let mut tail: Vec<Range<usize>> = Vec::new();
    loop {
        let rest = &text[start..end];
        if rest.is_empty() || whole(rest) {
            break;
        }
        let head = opening(rest);
        if head == 0 {
            break;
        }
        out.push(start..start + head);
        start += head;
    }
    loop {
        let rest = &text[start..end];
        if rest.is_empty() || whole(rest) {
            break;
        }
        let closing = closing(rest, next, end == chunk.end);
        if closing == 0 {
            break;
        }
        tail.push(end - closing..end);
        end -= closing;
    }
    if start < end {
        core(text, start..end, out);
    }
    out.extend(tail.into_iter().rev());
}

/// Whether a piece must not be taken apart.
fn whole(piece: &str) -> bool {
    lists::is_emoticon(piece)
        || lists::is_escape(piece)
        || matches!(piece, "``" | "''" | "'n'" | "’n’")
        || {
            let mut chars = piece.chars();
            chars.next().is_some_and(is_apostrophe)
                && lists::is_clitic(&chars.as_str().to_lowercase())
        }
        || matches!(piece.to_lowercase().as_str(), "n't" | "n’t" | "'t" | "’t")
}

/// Length of the run of characters that satisfy `test` at the start.
fn run(piece: &str, test: impl Fn(char) -> bool) -> usize {
    piece.find(|c| !test(c)).unwrap_or(piece.len())
}

/// Length of the run at the end.
fn run_back(piece: &str, test: impl Fn(char) -> bool) -> usize {
    piece.len() - piece.trim_end_matches(test).len()
}

/// Bytes of an opening sign at the start of `piece`; 0 for none.
fn opening(piece: &str) -> usize {
    let Some(first) = piece.chars().next() else {
        return 0;
    };
    let rest = &piece[first.len_utf8()..];
    match first {
        '(' | '[' | '{' | '"' | '“' | '”' | '„' | '«' | '¿' | '¡' | '$' | '£' | '€' | '¥' | ')'
        | ']' | '}' | ',' | ';' => first.len_utf8(),
        '`' if piece.starts_with("``") => 2,
        '\'' if piece.starts_with("''") => 2,
        c if is_apostrophe(c) => {
            let word: String = rest
                .chars()
                .take_while(|c| c.is_alphanumeric())
                .collect::<String>()
                .to_lowercase();
            let kept = lists::keeps_apostrophe(&word) || lists::is_clitic(rest);
            if kept { 0 } else { c.len_utf8() }
        }
        '-' | '–' | '—' | '*' | '~' | '_' | '=' | '<' | '>' | '|' => {
            if is_address(piece.trim_matches(['<', '>'])) && first == '_' {
                0
            } else {
                run(piece, |c| c == first)
            }
        }
        '#' if rest.starts_with(|c: char| c.is_ascii_digit()) => 1,
        '.' | '…' if run(piece, |c| c == '.' || c == '…') > 1 || first == '…' => {
            run(piece, |c| c == '.' || c == '…')
        }
        '!' | '?' => run(piece, |c| c == '!' || c == '?'),
        ':' | '&' | '/' => 1,
        '@' if !rest.is_empty() && rest.chars().all(|c| c.is_ascii_digit() || c == '.') => 1,
        '.' if rest.starts_with(|c: char| c.is_uppercase()) => 1,
        'U' if piece.starts_with("US$") => 3,
        _ => 0,
    }
}

/// Bytes of a closing sign at the end of `piece`; 0 for none. `last`: nothing was peeled yet.
fn closing(piece: &str, next: &str, last: bool) -> usize {
    let Some(final_char) = piece.chars().next_back() else {
        return 0;
    };
    let before = &piece[..piece.len() - final_char.len_utf8()];
    match final_char {
        ')' | ']' | '}' | '"' | '”' | '“' | '»' | ',' | ';' | ':' | '%' | '$' | '£' | '€' => {
            final_char.len_utf8()
        }
        '>' | '<' | '|' | '=' | '~' | '—' | '–' | '-' => run_back(piece, |c| c == final_char),
        '*' if !before.is_empty() => run_back(piece, |c| c == '*'),
        '_' => run_back(piece, |c| c == '_'),
        '/' if !is_address(piece) && !before.is_empty() => 1,
        '!' | '?' => run_back(piece, |c| c == '!' || c == '?'),
        '\'' if piece.ends_with("''") => 2,
        c if is_apostrophe(c) && !before.is_empty() => c.len_utf8(),
        '…' => run_back(piece, |c| c == '.' || c == '…'),
        '.' => {
            let dots = run_back(piece, |c| c == '.' || c == '…');
            if dots > 1 {
                return dots;
            }
            usize::from(!before.is_empty() && !full_stop_belongs(before, next, last))
        }
        _ => 0,
    }
}

/// Whether the full stop behind `word` is part of an abbreviation. `next` is what follows.
fn full_stop_belongs(word: &str, next: &str, last: bool) -> bool {
    let lower = word.to_lowercase();
    let name = lower.rsplit(['-', '/', '(']).next().unwrap_or("");
    // At the end of the text the full stop ends the sentence, whatever it ends besides.
    if next.is_empty() && last {
        return false;
    }
    let inner = lower.contains('.')
        && lower
            .split('.')
            .all(|part| part.chars().count() == 1 && part.chars().all(char::is_alphabetic));
    let initial = word.chars().count() == 1 && word.chars().all(|c| c.is_uppercase());
    let number = (lower == "no" || lower == "nos")
        && next.starts_with(|c: char| c.is_ascii_digit() || c == '#');
    inner || initial || number || lists::is_abbreviation(name)
}

/// Web and mail addresses, names of files and hosts.
fn is_address(piece: &str) -> bool {
    let lower = piece.to_ascii_lowercase();
    if lower.contains("://") || lower.starts_with("www.") || lower.starts_with("mailto:") {
        return true;
    }
    if let Some((name, host)) = lower.split_once('@') {
        return !name.is_empty() && !host.is_empty();
    }
    let ending = lower
        .split('/')
        .next()
        .and_then(|host| host.rsplit_once('.'));
    ending.is_some_and(|(name, end)| !name.is_empty() && lists::is_ending(end))
}

/// Splits what is left between opening and closing signs.
fn core(text: &str, span: Range<usize>, out: &mut Vec<Range<usize>>) {
    let piece = &text[span.clone()];
    if whole(piece) || is_address(piece) {
        out.push(span);
        return;
    }
    let mut start = span.start;
    let mut at = span.start;
    while at < span.end {
        let length = separator(text, start, at, span.end);
        if length > 0 {
            if start < at {
                word(text, start..at, out);
            }
            out.push(at..at + length);
            start = at + length;
            at = start;
        } else {
            at += text[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    if start < span.end {
        word(text, start..span.end, out);
    }
}

/// Bytes of a sign at `at` that parts words within `start..end`; 0 for none.
fn separator(text: &str, start: usize, at: usize, end: usize) -> usize {
    let (before, rest) = (&text[start..at], &text[at..end]);
    let Some(c) = rest.chars().next() else {
        return 0;
    };
    let behind = &rest[c.len_utf8()..];
    let letter_behind = behind.starts_with(|c: char| c.is_alphabetic());
    let letter_before = before.ends_with(|c: char| c.is_alphabetic());
    match c {
        '(' | ')' | '[' | ']' | '{' | '}' | '"' | '“' | '”' | '—' | '–' | '=' | '<' | '>' | '…' => {
            c.len_utf8()
        }
        '-' => {
            let dashes = run(rest, |c| c == '-');
            if dashes > 1 {
                dashes
            } else if hyphen_belongs(before, behind) {
                0
            } else {
                1
            }
        }
        '/' => {
            let digits = |s: &str| {
                s.chars()
                    .all(|c| c.is_ascii_digit() || matches!(c, '/' | '-' | '.' | ','))
            };
            let whole = &text[start..end];
            usize::from(!digits(whole) && !before.is_empty() && !behind.is_empty())
        }
        '.' => {
            let dots = run(rest, |c| c == '.');
            if dots > 1 { dots } else { 0 }
        }
        ',' | ';' | ':' | '!' | '?' if letter_before && letter_behind => 1,
        '%' if behind.starts_with('-') => 1,
        _ => 0,
    }
}

/// Whether a hyphen joins `before` and `behind` into one word.
fn hyphen_belongs(before: &str, behind: &str) -> bool {
    let digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
    if before.is_empty() || behind.is_empty() {
        return before.is_empty();
    }
    if lists::is_prefix(&before.to_lowercase()) {
        return behind.starts_with(|c: char| c.is_alphanumeric());
    }
    // Telephone numbers, post codes, dates: three groups, or four digits behind three or five.
    let (next, more) = behind
        .split_once('-')
        .map_or((behind, false), |(next, _)| (next, true));
    let group = before.rsplit('-').next().unwrap_or("");
    let first = before
        .trim_matches(|c: char| c.is_ascii_digit() || c == '-')
        .is_empty();
    (first && digits(group) && digits(next))
        && (more || before.contains('-') || (next.len() == 4 && matches!(group.len(), 3 | 5)))
}

/// Splits one word into the parts of a contraction.
fn word(text: &str, span: Range<usize>, out: &mut Vec<Range<usize>>) {
    let piece = &text[span.clone()];
    let mut cut = |at: usize| {
        out.push(span.start..span.start + at);
        out.push(span.start + at..span.end);
    };
    // Lower-casing may change a word's length; only ASCII words are cut by what it says.
    let lower = piece.to_lowercase().replace(['’', '´', '`'], "'");
    let apostrophe = piece.char_indices().rev().find(|(_, c)| is_apostrophe(*c));
    if let Some((at, sign)) = apostrophe.filter(|(at, _)| *at > 0) {
        let tail = piece[at + sign.len_utf8()..].to_lowercase();
        if tail == "t" && piece[..at].to_lowercase().ends_with('n') && at > 1 {
            return cut(at - 1);
        }
        if lists::is_clitic(&tail) {
            // A clitic may follow another: "should|n't|'ve".
            word(text, span.start..span.start + at, out);
            out.push(span.start + at..span.end);
            return;
        }
    }
    let parts = lists::parts(&lower);
    if piece.is_ascii() && parts.iter().sum::<usize>() == piece.len() {
        let mut start = span.start;
        for part in parts {
            out.push(start..start + part);
            start += part;
        }
        return;
    }
    let digits = run(piece, |c| {
        c.is_ascii_digit() || matches!(c, '.' | ',' | ':')
    });
    if digits > 0 && digits < piece.len() && piece.starts_with(|c: char| c.is_ascii_digit()) {
        let unit = piece[digits..].to_lowercase();
        if lists::is_unit(&unit) {
            return cut(digits);
        }
    }
    if let Some(currency) = piece
        .find('$')
        .filter(|at| *at > 0 && piece[at + 1..].starts_with(|c: char| c.is_ascii_digit()))
    {
        return cut(currency + 1);
    }
    out.push(span);
}
