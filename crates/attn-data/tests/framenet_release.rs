//! The real FrameNet 1.7, where it is at hand: everything is read and the paper's numbers appear.

use attn_core::Reading;
use attn_data::framenet::{FrameNet, Link, LinkElement, filter, read_links, write_links};
use std::path::PathBuf;

fn release() -> Option<PathBuf> {
    let shared = std::env::var_os("ATTN_SHARED").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
        PathBuf::from,
    );
    let zip = shared.join("data/framenet/framenet_v17.zip");
    if !zip.is_file() {
        eprintln!(
            "SKIPPED: no FrameNet release at {}; set ATTN_SHARED",
            zip.display()
        );
        return None;
    }
    Some(zip)
}

#[test]
fn the_whole_release_and_the_paper_s_473_sentences() {
    let Some(zip) = release() else { return };
    let framenet = FrameNet::open(&zip).unwrap();
    assert_eq!(framenet.unit_count(), 13_572);
    assert_eq!(framenet.frames().unwrap().len(), 1_221);
    let (counts, _) = framenet
        .map_units(|unit| {
            Ok(unit
                .sentences
                .iter()
                .map(|s| s.annotations.len())
                .sum::<usize>())
        })
        .unwrap();
    assert_eq!(counts.len(), 13_572);
    assert_eq!(counts.iter().sum::<usize>(), 202_024);

    let found = filter(&framenet, Reading::Authors).unwrap();
    println!("{}", found.funnel);
    assert_eq!(
        found.funnel.counts(),
        [200_751, 26_669, 26_012, 19_442, 1_691, 473]
    );
    assert_eq!(found.links.len(), 473);
    assert_eq!(found.report.units, 13_572);
    assert_eq!(found.report.dropped_labels.len(), 7);
    // The paper's own example (Section 4.2, Figure 3) is among them.
    let example = found
        .links
        .iter()
        .find(|l| l.text.starts_with("He was becoming agitated"))
        .unwrap();
    let words = |e: &LinkElement| e.span.of(&example.text).unwrap().to_owned();
    assert_eq!(
        example.elements.iter().map(words).collect::<Vec<_>>(),
        ["He"]
    );
    assert_eq!(example.target[0].of(&example.text), Some("agitated"));

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("links.jsonl");
    write_links(&path, &found.links).unwrap();
    assert_eq!(read_links(&path).unwrap(), found.links);

    let paper = filter(&framenet, Reading::Paper).unwrap();
    println!("{}", paper.funnel);
    assert_eq!(
        paper.funnel.counts(),
        [200_751, 26_669, 25_211, 19_776, 3_454]
    );
    let sound = |l: &Link| {
        l.elements
            .iter()
            .all(|e| e.span.of(&l.text).is_some_and(|t| !t.is_empty()))
    };
    assert!(paper.links.iter().all(sound));
}
