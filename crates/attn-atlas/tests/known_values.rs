//! Numbers that the authors' notebook prints for the real bert-base-uncased (Section 4.2). They run where the
//! model is in the cache (`attn fetch bert-base-uncased`, 440 MB) and say SKIPPED elsewhere.

mod common;

use common::{attn, errors, run};
use safetensors::SafeTensors;
use std::path::{Path, PathBuf};

const MODEL: &str = "bert-base-uncased";
/// The row of "he" in "[CLS] he was becoming agitated . [SEP]", by layer and head.
const ROWS: [((usize, usize), [f32; 7]); 2] = [
    ((1, 2), [0.02, 0.01, 0.05, 0.32, 0.46, 0.02, 0.12]),
    ((7, 6), [0.00, 0.01, 0.01, 0.06, 0.87, 0.00, 0.06]),
];
/// The two greatest scores of the 473 sentences.
const BEST: [f64; 2] = [0.201, 0.210];

/// Whether the model can be had without the network.
fn cached() -> bool {
    let output = run(attn().args(["fetch", MODEL, "--offline"]));
    if !output.status.success() {
        println!("SKIPPED: {MODEL} is not in the cache (attn fetch {MODEL})");
    }
    output.status.success()
}

/// `weights[layer][head][row "he"]`, from the file that `attn extract` wrote.
fn row(file: &SafeTensors<'_>, layer: usize, head: usize) -> Vec<f32> {
    let maps = file.tensor("maps.0").unwrap();
    let [_, heads, length, _] = maps.shape()[..] else {
        panic!("{:?}", maps.shape());
    };
    let start = ((layer * heads + head) * length + 1) * length;
    maps.data()[start * 4..(start + length) * 4]
        .chunks_exact(4)
        .map(|b| f32::from_le_bytes(b.try_into().unwrap()))
        .collect()
}

#[test]
fn the_notebooks_rows_are_ours() {
    if !cached() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("maps.safetensors");
    let input = folder.path().join("sentence.txt");
    std::fs::write(&input, "He was becoming agitated .\n").unwrap();
    let output = run(attn()
        .args(["extract", "--offline", "--model", MODEL])
        .arg("--input")
        .arg(&input)
        .arg("--out")
        .arg(&out));
    assert!(output.status.success(), "{}", errors(&output));
    let bytes = std::fs::read(&out).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    // The notebook does not say whether it counts from 0 or from 1; both rows have to agree in one way.
    let fits = |base: usize| {
        ROWS.iter().all(|&((layer, head), expected)| {
            let ours = row(&file, layer - base, head - base);
            ours.len() == expected.len()
                && ours
                    .iter()
                    .zip(expected)
                    .all(|(a, b)| (a - b).abs() < 0.006)
        })
    };
    assert!(
        fits(0) || fits(1),
        "{:?} {:?}",
        row(&file, 1, 2),
        row(&file, 7, 6)
    );
}

#[test]
fn the_two_best_frame_heads_score_as_in_the_paper() {
    let shared = std::env::var("ATTN_SHARED")
        .map_or_else(|_| common::root().join("../shared"), PathBuf::from);
    let framenet = shared.join("data/framenet/framenet_v17.zip");
    if !framenet.is_file() {
        println!("SKIPPED: {} is not there", framenet.display());
        return;
    }
    if !cached() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let output = run(attn()
        .args(["framenet", "score", "--offline", "--model", MODEL])
        .arg("--framenet")
        .arg(&framenet)
        .arg("--out")
        .arg(folder.path()));
    assert!(output.status.success(), "{}", errors(&output));
    let mut scores = authors_scores(&folder.path().join("records.jsonl"));
    scores.sort_by(f64::total_cmp);
    let best = &scores[scores.len() - 2..];
    assert!(
        best.iter().zip(BEST).all(|(a, b)| (a - b).abs() < 0.001),
        "{best:?}, expected {BEST:?}"
    );
}

/// The scores by the authors' reading of all heads.
fn authors_scores(records: &Path) -> Vec<f64> {
    let text = std::fs::read_to_string(records).unwrap();
    let records = text
        .lines()
        .map(|l| serde_json::from_str::<serde_json::Value>(l).unwrap());
    records
        .filter(|r| r["metric"] == "frame_authors" && !r["head"].is_null())
        .map(|r| r["value"].as_f64().unwrap())
        .collect()
}
