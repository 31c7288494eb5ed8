//! Agreement with `reference/placement.py` (NumPy), which finds the null distributions of FrameNet's
//! score by going through every order of a sentence's words.

use attn_stats::{MapsView, NullKind, Pairing, PlacementNull, Resampler, SpanLink, WordKind};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::ops::Range;

#[derive(Deserialize)]
struct Spec {
    layers: usize,
    heads: usize,
    seed: u64,
    sentences: Vec<Sentence>,
}

#[derive(Deserialize)]
struct Sentence {
    length: usize,
    words: Vec<Vec<usize>>,
    kinds: Vec<String>,
    target: Vec<(usize, usize)>,
    elements: Vec<(usize, usize)>,
    first: Vec<usize>,
    least_distance: usize,
}

#[derive(Deserialize)]
struct Expected {
    expected: Vec<f64>,
    excess: Vec<f64>,
    places: Vec<usize>,
}

impl Sentence {
    fn link(&self) -> SpanLink {
        let kind = |name: &String| match name.as_str() {
            "content" => WordKind::Content,
            "function" => WordKind::Function,
            _ => WordKind::Punctuation,
        };
        let ranges = |runs: &[(usize, usize)]| -> Vec<Range<usize>> {
            runs.iter().map(|&(a, b)| a..b).collect()
        };
        SpanLink {
            words: self.words.clone(),
            kinds: self.kinds.iter().map(kind).collect(),
            target: ranges(&self.target),
            elements: ranges(&self.elements),
            first: self.first.clone(),
            least_distance: self.least_distance,
        }
    }
}

fn splitmix64(x: u64) -> u64 {
    let x = x.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ (x >> 31)
}

fn maps(seed: u64, example: usize, heads: usize, length: usize) -> Vec<f32> {
    let start = seed * 1_000_003 + example as u64 * 10_007 * 4096;
    let logit = |i: u64| 6.0 * (splitmix64(start + i) >> 40) as f64 / f64::from(1 << 24);
    let logits: Vec<f64> = (0..(heads * length * length) as u64).map(logit).collect();
    let rows = logits.chunks_exact(length).flat_map(|row| {
        let most = row.iter().copied().fold(f64::MIN, f64::max);
        let total: f64 = row.iter().map(|l| (l - most).exp()).sum();
        row.iter().map(move |l| ((l - most).exp() / total) as f32)
    });
    rows.collect()
}

#[test]
fn null_distributions_agree_with_every_order_of_the_words() {
    let spec: Spec = serde_json::from_str(include_str!("reference/placement.json")).unwrap();
    let right: BTreeMap<String, Expected> =
        serde_json::from_str(include_str!("reference/placement-expected.json")).unwrap();
    let pairings = [
        ("element_to_target", Pairing::ElementToTarget),
        ("target_to_element", Pairing::TargetToElement),
        ("zipped", Pairing::Zipped),
    ];
    let resampler = Resampler::new(3, 40);
    let grid = (spec.layers, spec.heads);
    for kind in NullKind::ALL {
        for (name, pairing) in pairings {
            let right = &right[&format!("{} {name}", kind.name())];
            let mut null = PlacementNull::new(grid, kind, pairing, 4000, &resampler);
            for (index, sentence) in spec.sentences.iter().enumerate() {
                let link = sentence.link();
                let places = link.placements(kind);
                assert_eq!(places.len(), right.places[index], "{kind:?} {name} {index}");
                let maps = maps(spec.seed, index, grid.0 * grid.1, sentence.length);
                let view = MapsView::new(grid.0, grid.1, sentence.length, &maps).unwrap();
                let runs: Vec<Range<usize>> =
                    link.target.iter().chain(&link.elements).cloned().collect();
                let real = link.pairs(&runs, pairing);
                let counts = resampler.counts(index as u64);
                null.observe(index, view, &link, &real, &counts).unwrap();
            }
            let found = null.result().unwrap();
            for head in 0..right.expected.len() {
                let near = |ours: f64, theirs: f64, what: &str| {
                    assert!(
                        (ours - theirs).abs() < 1e-6,
                        "{kind:?} {name} {what} {head}: {ours} here, {theirs} there"
                    );
                };
                near(found.expected[head], right.expected[head], "expected");
                near(found.excess[head].mean, right.excess[head], "excess");
            }
        }
    }
}
