//! What all our HTML pages share: one file, no network, data that can only ever be text.
//!
//! Three walls stand between data and a browser's script engine. Text goes into markup through
//! [`escape`] alone; data for the page's script is JSON in a `<script type="application/json">`
//! whose `<` are written `\u003c`, so that no `</script>` can end it; and a Content-Security-Policy
//! allows the page's own script and style by their SHA-256 and forbids every request, so that what
//! might get through the first two would still not run.

use crate::svg::escape;
use attn_core::io::base64;
use sha2::{Digest, Sha256};
use std::fmt::Write;

/// Colours, type and controls of every page.
const STYLE: &str = include_str!("../assets/page.css");
/// Theme switch, saving of files, tooltip, live region.
const SCRIPT: &str = include_str!("../assets/page.js");

/// What every figure file of ours has within its first 64 KiB, by which one may take the place of another:
/// the title's identifier in SVG, the program's name in PNG and PDF.
pub const FIGURE_MARKS: &[&[u8]] = &[b"aria-labelledby=\"f", PROGRAM.as_bytes()];

/// The program's name in the files that it writes.
pub(crate) const PROGRAM: &str = "Attention Atlas";

/// What every page of ours has near its beginning, those of earlier versions included: whoever is to
/// write over a page can tell it from somebody else's.
pub const PAGE_MARKS: &[&[u8]] = &[
    b"<meta name=\"generator\" content=\"Attention Atlas\">",
    b"<meta name=\"referrer\" content=\"no-referrer\">\n<link rel=\"icon\" href=\"data:,\">",
];

/// A page before it is put together. `body` is markup; everything else is text.
pub(crate) struct Page<'a> {
    pub title: &'a str,
    pub body: &'a str,
    /// For the page's script: JSON, read from the element `data`.
    pub data: Option<&'a str>,
    pub style: &'a str,
    pub scripts: &'a [&'a str],
}

impl Page<'_> {
    /// The whole document.
    pub fn html(&self) -> String {
        let style = format!("{STYLE}{}", self.style);
        // One function scope, so that a page's script shares names with the common one and with
        // nothing else.
        let script = format!(
            "(() => {{\n\"use strict\";\n{SCRIPT}{}}})();\n",
            self.scripts.concat()
        );
        let mut out = String::with_capacity(
            self.body.len() + style.len() + script.len() + self.data.map_or(0, str::len) + 2048,
        );
        out.push_str("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
        let _ = write!(
            out,
            "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; \
             script-src '{}'; style-src '{}'; img-src data: blob:; base-uri 'none'; form-action 'none'\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"referrer\" content=\"no-referrer\">\n\
             <meta name=\"generator\" content=\"Attention Atlas\">\n\
             <link rel=\"icon\" href=\"data:,\">\n\
             <title>{}</title>\n<style>{style}</style>\n</head>\n<body>\n{}",
            source_hash(&script),
            source_hash(&style),
            escape(self.title),
            self.body
        );
        if let Some(data) = self.data {
            let _ = write!(
                out,
                "\n<script type=\"application/json\" id=\"data\">{}</script>",
                json_in_html(data)
            );
        }
        let _ = write!(out, "\n<script>{script}</script>\n</body>\n</html>\n");
        out
    }
}

/// `sha256-…`, as a Content-Security-Policy names a script or style.
fn source_hash(text: &str) -> String {
    format!("sha256-{}", base64(&Sha256::digest(text.as_bytes())))
}

/// JSON that HTML cannot misread: `<` and `>` occur in JSON only within strings, where the escape
/// stands for the same character. U+2028 and U+2029 end lines in older script engines.
pub(crate) fn json_in_html(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for character in json.chars() {
        match character {
            '<' => out.push_str("\\u003c"),
            '>' => out.push_str("\\u003e"),
            '\u{2028}' => out.push_str("\\u2028"),
            '\u{2029}' => out.push_str("\\u2029"),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_cannot_leave_its_element() {
        let json =
            serde_json::to_string(&["</script><script>alert(1)</script>", "a\u{2028}b", "<!--"])
                .unwrap();
        let page = Page {
            title: "<img src=x onerror=alert(1)>",
            body: "<main></main>",
            data: Some(&json),
            style: "",
            scripts: &["let x = 1;\n"],
        }
        .html();
        assert_eq!(
            page.matches("</script>").count(),
            2,
            "the data's and the page's own"
        );
        assert!(!page.contains("<img") && !page.contains("<!--"));
        let start = page.find("id=\"data\">").unwrap() + 10;
        let data = &page[start..page[start..].find("</script>").unwrap() + start];
        let back: Vec<String> = serde_json::from_str(data).unwrap();
        assert_eq!(back[0], "</script><script>alert(1)</script>");
        // A page that names no host can ask none.
        assert!(
            !page
                .replace("http://www.w3.org/2000/svg", "")
                .contains("http://")
        );
        assert!(!page.contains("https://"));
    }
}
