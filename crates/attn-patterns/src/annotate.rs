//! The labelling page: one self-contained HTML file that shows one map after another.
//!
//! It needs no server and loads nothing: maps, tokens and script are in the file, and a content
//! security policy allows that script and style alone, by their hashes, and no request. All text from data is put in as text (JSON in the file
//! with `<` escaped, `textContent` and canvas text in the page), never as HTML. Labels stay in the
//! browser's storage and go out and in as CSV ([`crate::labels`]).

use crate::sample::order;
use crate::scale::darkest;
use crate::store::StoredMap;
use attn_core::Pattern;
use attn_core::io::base64;
use serde_json::json;
use sha2::{Digest, Sha256};

const PAGE: &str = include_str!("../assets/annotate.html");
const STYLE: &str = include_str!("../assets/annotate.css");
const SCRIPT: &str = include_str!("../assets/annotate.js");

/// `sha256-…`, as a content security policy names a script or style.
fn hash(text: &str) -> String {
    format!("sha256-{}", base64(&Sha256::digest(text.as_bytes())))
}

/// The page for these maps in a seeded order. `colours` is the scale from light to dark, at least
/// two RGB colours. The page shows nothing that tells where a map is from.
pub fn page(maps: &[StoredMap], seed: u64, colours: &[[u8; 3]]) -> String {
    let shown: Vec<_> = order(maps.len(), seed)
        .into_iter()
        .filter_map(|i| maps.get(i))
        .map(|map| {
            let scale = 255.0 / darkest(&map.weights, map.entry.length());
            let cells: Vec<u8> = map
                .weights
                .iter()
                .map(|w| (w * scale).round().min(255.0) as u8)
                .collect();
            json!({
                "id": map.entry.id, "tokens": map.entry.neutral_tokens(),
                "special": map.entry.special, "cells": base64(&cells),
            })
        })
        .collect();
    let classes: Vec<_> = Pattern::ALL
        .iter()
        .map(|p| json!({ "name": p.name(), "title": p.title() }))
        .collect();
    let data = json!({
        "key": format!("{seed} {}", maps.len()), "maps": shown, "classes": classes,
        "colours": colours,
    });
    // `</script>` in a token would end the element; JSON reads `\u003c` as `<`.
    let data = data.to_string().replace('<', "\\u003c");
    // Data last: what it holds is not looked at again.
    PAGE.replace("STYLE-HASH", &hash(STYLE))
        .replace("SCRIPT-HASH", &hash(SCRIPT))
        .replace("/*STYLE*/", STYLE)
        .replace("/*SCRIPT*/", SCRIPT)
        .replace("/*DATA*/", &data)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_can_not_leave_its_element() {
        let (mut maps, _) = crate::synthetic::maps(3, 1);
        maps[1].entry.tokens[2] = "</script><script>alert(1)</script>".to_owned();
        let page = page(&maps, 4, &[[255, 255, 255], [0, 0, 0]]);
        let (_, rest) = page.split_once("id=\"data\">").unwrap();
        let (data, _) = rest.split_once("</script>").unwrap();
        let value: serde_json::Value = serde_json::from_str(data).unwrap();
        assert_eq!(value["maps"].as_array().unwrap().len(), 3);
        assert!(!page.contains("<script>alert"));
        assert!(!page.contains("\"model\"") && !page.contains("\"layer\""));
    }
}
