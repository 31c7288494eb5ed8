//! CSV after RFC 4180, with line numbers.

use super::error::{BadRow, excerpt};
use attn_core::limits::MAX_FIELDS;
use std::borrow::Cow;

/// Cuts a CSV file into records: fields separated by commas; a field in quote marks may hold
/// commas, line ends and doubled quote marks; a quote mark anywhere else is an error.
pub(super) struct Records<'a> {
    rest: &'a [u8],
    line: usize,
}

/// One record: the line it starts on, and its fields or what is wrong with it.
pub(super) type Record<'a> = (usize, Result<Vec<Cow<'a, [u8]>>, BadRow>);

impl<'a> Records<'a> {
    pub(super) fn new(content: &'a [u8]) -> Self {
        Self {
            rest: content,
            line: 1,
        }
    }

    /// Ends a broken record at the end of the line on which it broke.
    fn skip_line(&mut self) {
        let end = self.rest.iter().position(|&byte| byte == b'\n');
        self.advance(end.map_or(self.rest.len(), |end| end + 1));
    }

    fn advance(&mut self, bytes: usize) {
        let (gone, rest) = self.rest.split_at(bytes.min(self.rest.len()));
        self.line += gone.iter().filter(|&&byte| byte == b'\n').count();
        self.rest = rest;
    }

    /// One field up to its separator, which stays.
    fn field(&mut self) -> Result<Cow<'a, [u8]>, BadRow> {
        if self.rest.first() == Some(&b'"') {
            return self.quoted();
        }
        let is_end = |byte: &u8| matches!(byte, b',' | b'\n' | b'"');
        let mut end = self.rest.iter().position(is_end).unwrap_or(self.rest.len());
        if self.rest.get(end) == Some(&b'"') {
            let expected = "a quote mark only in a field that starts with one (doubled there)";
            return Err(BadRow::new(expected, excerpt(self.rest)));
        }
        // The `\r` of a line end, or of a file that ends in one.
        let ends_line = self.rest.get(end) != Some(&b',');
        if ends_line
            && self
                .rest
                .get(..end)
                .is_some_and(|field| field.ends_with(b"\r"))
        {
            end -= 1;
        }
        let field = self.rest.get(..end).unwrap_or_default();
        self.advance(end);
        Ok(Cow::Borrowed(field))
    }

    fn quoted(&mut self) -> Result<Cow<'a, [u8]>, BadRow> {
        let start = self.line;
        let open = self.rest;
        self.advance(1);
        let mut whole = Cow::Borrowed(&[][..]);
        loop {
            let Some(end) = self.rest.iter().position(|&byte| byte == b'"') else {
                self.advance(self.rest.len());
                let found = format!(
                    "none up to the end of the file after {}; nothing after line {start} was read",
                    excerpt(open)
                );
                return Err(BadRow::new("a closing quote mark", found));
            };
            let piece = self.rest.get(..end).unwrap_or_default();
            if whole.is_empty() {
                whole = Cow::Borrowed(piece);
            } else {
                whole.to_mut().extend_from_slice(piece);
            }
            self.advance(end + 1);
            if self.rest.first() != Some(&b'"') {
                break;
            }
            whole.to_mut().push(b'"');
            self.advance(1);
        }
        match self.rest {
            [] | [b',' | b'\n', ..] | [b'\r'] | [b'\r', b'\n', ..] => Ok(whole),
            _ => Err(BadRow::new(
                "a comma after the closing quote mark",
                excerpt(self.rest),
            )),
        }
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Record<'a>;

    fn next(&mut self) -> Option<Record<'a>> {
        if self.rest.is_empty() {
            return None;
        }
        let line = self.line;
        let mut fields = Vec::new();
        loop {
            match self.field() {
                Ok(_) if fields.len() as u64 >= MAX_FIELDS => {
                    self.skip_line();
                    let expected = format!("at most {MAX_FIELDS} fields (MAX_FIELDS)");
                    return Some((line, Err(BadRow::new(expected, "more"))));
                }
                Ok(field) => fields.push(field),
                Err(bad) => {
                    self.skip_line();
                    return Some((line, Err(bad)));
                }
            }
            match self.rest {
                [b',', ..] => self.advance(1),
                // A line end, or the end of the file.
                _ => {
                    self.skip_line();
                    return Some((line, Ok(fields)));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(content: &str) -> Vec<(usize, Result<Vec<String>, String>)> {
        let text = |field: Cow<[u8]>| String::from_utf8(field.into_owned()).unwrap();
        Records::new(content.as_bytes())
            .map(|(line, record)| {
                let fields = record.map(|fields| fields.into_iter().map(text).collect());
                (line, fields.map_err(|bad| bad.expected))
            })
            .collect()
    }

    fn ok(line: usize, fields: &[&str]) -> (usize, Result<Vec<String>, String>) {
        (
            line,
            Ok(fields.iter().map(|&field| field.to_owned()).collect()),
        )
    }

    #[test]
    fn quotes_commas_and_line_ends_inside_fields() {
        let content = "a,b\r\n\"x, \"\"y\"\"\",\"two\nlines\"\r\n,\"\"\n\"\"\"\",z";
        let expected = [
            ok(1, &["a", "b"]),
            ok(2, &["x, \"y\"", "two\nlines"]),
            ok(4, &["", ""]),
            ok(5, &["\"", "z"]),
        ];
        assert_eq!(read(content), expected);
    }

    #[test]
    fn a_stray_quote_costs_its_line_and_an_open_one_the_rest() {
        let rows = read("a \"b\",c\nd,e\n\"f\"g,h\ni,j\nk,\"l\nm,n\n");
        let bad: Vec<_> = rows
            .iter()
            .map(|(line, row)| (*line, row.is_err()))
            .collect();
        assert_eq!(
            bad,
            [(1, true), (2, false), (3, true), (4, false), (5, true)]
        );
    }
}
