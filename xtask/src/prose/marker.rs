//! Finding the markers in a page.

use anyhow::{bail, ensure};

const BEGIN: &str = "<!--n ";
const CLOSE: &str = "-->";
const END: &str = "<!--/n-->";

/// A part of a page.
#[derive(Debug, PartialEq)]
pub enum Piece<'a> {
    /// To be left as it is.
    Text(&'a str),
    /// A marked number.
    Number {
        /// Line, from 1.
        line: usize,
        /// What stands in the marker, without its blanks.
        query: &'a str,
        /// What stands between the markers.
        found: &'a str,
    },
}

/// Cuts a page into text and numbers. Code is text.
pub fn pieces(page: &str) -> anyhow::Result<Vec<Piece<'_>>> {
    let mut pieces = Vec::new();
    let mut fenced = false;
    for (index, line) in page.split_inclusive('\n').enumerate() {
        let number = index + 1;
        let fence = line.trim_start().starts_with("```");
        if fenced || fence {
            fenced ^= fence;
            pieces.push(Piece::Text(line));
            continue;
        }
        if line.trim_start().starts_with(BEGIN) {
            bail!(
                "line {number}: a marker at the beginning of a line makes the line HTML; put a word before it"
            );
        }
        let mut rest = line;
        loop {
            let Some(at) = next(rest) else {
                ensure!(
                    !plain(rest).contains(END),
                    "line {number}: '{END}' has no beginning"
                );
                pieces.push(Piece::Text(rest));
                break;
            };
            let (before, marked) = rest.split_at(at);
            ensure!(
                !plain(before).contains(END),
                "line {number}: '{END}' has no beginning"
            );
            pieces.push(Piece::Text(before));
            let marked = &marked[BEGIN.len()..];
            let whole = marked.split_once(CLOSE).and_then(|(query, after)| {
                let (found, rest) = after.split_once(END)?;
                Some((query.trim(), found, rest))
            });
            let Some((query, found, after)) = whole else {
                bail!(
                    "line {number}: a marker must end on its line: {BEGIN}QUERY{CLOSE}NUMBER{END}"
                );
            };
            ensure!(
                !found.contains(BEGIN),
                "line {number}: a marker within a marker"
            );
            pieces.push(Piece::Number {
                line: number,
                query,
                found,
            });
            rest = after;
        }
    }
    Ok(pieces)
}

/// Where the next marker outside of back quotes begins.
fn next(line: &str) -> Option<usize> {
    let mut from = 0;
    while let Some(found) = line[from..].find(BEGIN) {
        let at = from + found;
        if line[..at].matches('`').count().is_multiple_of(2) {
            return Some(at);
        }
        from = at + BEGIN.len();
    }
    None
}

/// A line without what stands between back quotes.
fn plain(line: &str) -> String {
    line.split('`').step_by(2).collect()
}
