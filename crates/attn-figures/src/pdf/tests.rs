//! What the file holds, byte by byte.

use super::*;
use crate::scene::Anchor;
use miniz_oxide::inflate::decompress_to_vec_zlib;

fn scene(items: Vec<Item>) -> Scene {
    Scene {
        width: 200.0,
        height: 100.0,
        title: "Łódź (draft)".to_owned(),
        description: String::new(),
        items,
    }
}

/// The first stream after a place in the file, unpacked.
fn stream(pdf: &[u8], from: usize) -> Vec<u8> {
    let find = |what: &[u8], from: usize| {
        let at = pdf[from..].windows(what.len()).position(|w| w == what);
        from + at.unwrap()
    };
    let start = find(b"stream\n", from) + 7;
    decompress_to_vec_zlib(&pdf[start..find(b"\nendstream", start)]).unwrap()
}

fn place(pdf: &[u8], what: &str) -> usize {
    pdf.windows(what.len())
        .position(|w| w == what.as_bytes())
        .unwrap_or_else(|| panic!("no '{what}'"))
}

#[test]
fn shapes_and_text_are_where_the_scene_has_them() {
    let pdf = write(&scene(vec![
        Item::Rect {
            x: 10.0,
            y: 20.0,
            w: 30.0,
            h: 5.0,
            fill: Rgb(255, 0, 51),
            tip: None,
        },
        Item::Text(Text::new(50.0, 60.0, 10.0, "łąłą").anchor(Anchor::Start)),
        Item::Text(Text::new(50.0, 60.0, 10.0, "b").rotated().bold()),
    ]))
    .unwrap();
    assert!(pdf.starts_with(b"%PDF-1."));
    place(&pdf, "/MediaBox [0 0 150 75]");
    let contents = pdf.len() - 1;
    let at = (0..contents)
        .rev()
        .find(|&i| pdf[i..].starts_with(b"/FlateDecode"))
        .unwrap();
    let text = String::from_utf8_lossy(&stream(&pdf, at)).into_owned();
    for expected in [
        "0.75 0 0 -0.75 0 75 cm",
        "1 0 0.2 rg\n10 20 30 5 re\nf",
        "/F0 10 Tf\n1 0 0 -1 50 60 Tm",
        "/F1 10 Tf\n0 -1 -1 0 50 60 Tm",
    ] {
        assert!(text.contains(expected), "{text}");
    }
    // Two glyphs of the regular face beside .notdef, each with its character.
    let map = place(&pdf, "beginbfchar");
    let map = String::from_utf8_lossy(&pdf[map - 3..map + 60]).into_owned();
    assert!(
        map.starts_with("\n2 ") || map.contains("2 beginbfchar"),
        "{map}"
    );
    assert!(map.contains("<0142>") && map.contains("<0105>"), "{map}");
    // The embedded glyphs are a part of a font of 740 kB.
    assert!(pdf.len() < 20_000, "{}", pdf.len());
    assert_eq!(
        write(&scene(Vec::new())).unwrap(),
        write(&scene(Vec::new())).unwrap()
    );
}

#[test]
fn odd_items_do_no_harm() {
    let items = vec![
        Item::Hatch {
            x: 0.0,
            y: 0.0,
            w: 9.0,
            h: 9.0,
            tip: None,
        },
        Item::Outline {
            x: 0.0,
            y: 0.0,
            w: 9.0,
            h: 9.0,
            colour: Rgb::INK,
        },
        Item::Line {
            points: Vec::new(),
            width: -1.0,
            colour: Rgb::INK,
            dash: Some((1.0, 2.0)),
        },
        Item::Band {
            points: vec![(0.0, 1.0, 2.0), (5.0, 1.0, 2.0)],
            colour: Rgb::INK,
            opacity: 0.25,
        },
        Item::Dot {
            x: 5.0,
            y: 5.0,
            r: 2.0,
            fill: Rgb::INK,
            stroke: Rgb::INK,
            tip: None,
        },
        Item::Text(Text::new(0.0, 9.0, 8.0, "日本 \u{1f600}\u{0}")),
        Item::Text(Text::new(0.0, 9.0, 8.0, "")),
    ];
    let pdf = write(&scene(items)).unwrap();
    place(&pdf, "/ca 0.25");
    // Characters without a glyph are told apart from those that have one, and never taken for another.
    assert_eq!(pdf.windows(6).filter(|w| w == b"<FFFD>").count(), 1);
    assert!(!pdf.windows(6).any(|w| w == b"<65E5>"));
}
