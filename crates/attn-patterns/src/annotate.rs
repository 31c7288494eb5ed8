//! The labelling page: one self-contained HTML file that shows one map after another.
//!
//! It needs no server and loads nothing: maps, tokens and script are in the file, a content
//! security policy forbids everything else. All text from data is put in as text (JSON in the file
//! with `<` escaped, `textContent` and canvas text in the page), never as HTML. Labels stay in the
//! browser's storage and go out and in as CSV ([`crate::labels`]).

use crate::sample::order;
use crate::scale::darkest;
use crate::store::StoredMap;
use attn_core::Pattern;
use serde_json::json;

const PAGE: &str = include_str!("annotate.html");

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
    PAGE.replace("/*DATA*/", &data.to_string().replace('<', "\\u003c"))
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let at = |i: usize| u32::from(chunk.get(i).copied().unwrap_or(0));
        let word = at(0) << 16 | at(1) << 8 | at(2);
        for i in 0..4 {
            let letter = LETTERS[(word >> (18 - 6 * i)) as usize & 63];
            out.push(if i <= chunk.len() { char::from(letter) } else { '=' });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_the_standards() {
        // RFC 4648, section 10.
        for (text, expected) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg==")] {
            assert_eq!(base64(text.as_bytes()), expected);
        }
        assert_eq!(base64(&[0xff, 0xef, 0xfe]), "/+/+");
    }

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
