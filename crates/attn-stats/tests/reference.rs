//! Agreement with `reference/stats.py` (PyTorch and NumPy, float64) on a small fixture: maps drawn by
//! the formula that the script's head states, annotations of our own in `reference/examples.json`.
//! `expected.json` is the script's output.

use attn_core::Reading;
use attn_stats::pairs::above_99th_percentile;
use attn_stats::{
    Annotation, Cosine, Direction, Estimate, FeatureAttention, HeadDivergence, LinkAttention,
    MapStructures, MapsView, Observation, Observer, PaddingRows, PairAttention, Resampler,
    SharedWords, StructureStatistic, mds,
};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

#[derive(Deserialize)]
struct Spec {
    layers: usize,
    heads: usize,
    seeds: [u64; 2],
    padding: usize,
    examples: Vec<SpecExample>,
}

#[derive(Deserialize)]
struct SpecExample {
    length: usize,
    #[serde(flatten)]
    annotation: Annotation,
}

#[derive(Deserialize)]
struct Expected {
    metrics: BTreeMap<String, Metric>,
    frame_99th_percentile: f64,
    mds: Plane,
}

#[derive(Deserialize)]
struct Metric {
    n: usize,
    mean: Vec<f64>,
}

#[derive(Deserialize)]
struct Plane {
    share: f64,
    squared: Vec<f64>,
}

fn splitmix64(x: u64) -> u64 {
    let x = x.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ (x >> 31)
}

/// `[layers, heads, rows, length]`.
fn draw(seed: u64, example: usize, maps: usize, rows: usize, length: usize) -> Vec<f32> {
    let start = seed * 1_000_003 + example as u64 * 10_007 * 4096;
    let mut values = Vec::new();
    for row in 0..maps * rows {
        let logits: Vec<f64> = (0..length)
            .map(|key| start + (row * length + key) as u64)
            .map(|i| 6.0 * (splitmix64(i) >> 40) as f64 / f64::from(1 << 24))
            .collect();
        let most = logits.iter().copied().fold(f64::MIN, f64::max);
        let total: f64 = logits.iter().map(|l| (l - most).exp()).sum();
        values.extend(logits.iter().map(|l| ((l - most).exp() / total) as f32));
    }
    values
}

const FEATURES: [&str; 5] = ["cls", "sep", "noun", "verb", "negation"];
const LINKS: [&str; 2] = ["verb_subject", "noun_pronoun"];

struct Checker {
    expected: BTreeMap<String, Metric>,
    seen: BTreeSet<String>,
}

impl Checker {
    fn check(&mut self, metric: &str, estimates: Option<Vec<Estimate>>) {
        let expected = self
            .expected
            .get(metric)
            .unwrap_or_else(|| panic!("the script does not know {metric}"));
        let estimates = estimates.unwrap_or_else(|| panic!("{metric} is absent"));
        assert_eq!(estimates.len(), expected.mean.len(), "{metric}");
        for (cell, (ours, &theirs)) in estimates.iter().zip(&expected.mean).enumerate() {
            assert!(
                (ours.mean - theirs).abs() < 1e-5,
                "{metric}, cell {cell}: {} here, {theirs} there",
                ours.mean
            );
            assert_eq!(ours.n, expected.n, "{metric}");
        }
        self.seen.insert(metric.to_owned());
    }
}

#[test]
fn all_statistics_agree_with_pytorch() {
    let spec: Spec = serde_json::from_str(include_str!("reference/examples.json")).unwrap();
    let expected: Expected = serde_json::from_str(include_str!("reference/expected.json")).unwrap();
    let (layers, heads) = (spec.layers, spec.heads);
    let resampler = Resampler::new(1, 20);
    let mut paper = Cosine::new(layers, heads, Reading::Paper, &resampler);
    let mut authors = Cosine::new(layers, heads, Reading::Authors, &resampler);
    let mut features = FeatureAttention::new(layers, heads, &FEATURES, &resampler).paired();
    let mut zeros =
        FeatureAttention::new(layers, heads, &FEATURES, &resampler).absent_as_zero(&FEATURES);
    let mut cls =
        FeatureAttention::cls_row(layers, heads, layers - 1, &FEATURES, &resampler).paired();
    let mut links = LinkAttention::new(layers, heads, &LINKS, &resampler);
    let mut pairs = PairAttention::new(layers, heads, &["frame"], &resampler);
    let mut shared = SharedWords::new(layers, heads, "shared_word", &resampler);
    let mut structures = MapStructures::new(layers, heads, &resampler);
    let mut divergence = HeadDivergence::new(layers, heads, usize::MAX, &resampler);
    for (index, example) in spec.examples.iter().enumerate() {
        let length = example.length;
        let [own, reference] = spec
            .seeds
            .map(|seed| draw(seed, index, layers * heads, length, length));
        let [pad_own, pad_reference] = spec
            .seeds
            .map(|seed| draw(seed + 2, index, layers * heads, spec.padding, length));
        let counts = resampler.counts(index as u64);
        let view = |values| MapsView::new(layers, heads, length, values).unwrap();
        let observation = Observation {
            padding: Some(PaddingRows {
                own: &pad_own,
                reference: &pad_reference,
            }),
            ..Observation::new(index, view(&own), &example.annotation, &counts)
                .with_reference(view(&reference))
        };
        let observers: [&mut dyn Observer; 10] = [
            &mut paper,
            &mut authors,
            &mut features,
            &mut zeros,
            &mut cls,
            &mut links,
            &mut pairs,
            &mut shared,
            &mut structures,
            &mut divergence,
        ];
        for observer in observers {
            observer.observe(&observation).unwrap();
        }
    }
    let mut checker = Checker {
        expected: expected.metrics,
        seen: BTreeSet::new(),
    };
    let mut check = |metric: &str, estimates| checker.check(metric, estimates);
    check("cosine_paper", paper.heads());
    check("cosine_paper_layer_mean", paper.layers());
    check("cosine_authors", authors.heads());
    for name in FEATURES {
        let to = format!("attention_to_{name}");
        check(&to, features.heads(name));
        check(&format!("{to}_layer_mean"), features.layers(name));
        check(&format!("reference_{to}"), features.reference_heads(name));
        check(
            &format!("reference_{to}_layer_mean"),
            features.reference_layers(name),
        );
        check(&format!("difference_{to}"), features.head_differences(name));
        check(&format!("{to}_authors"), zeros.heads(name));
        check(&format!("cls_row_{name}"), cls.heads(name));
        check(
            &format!("reference_cls_row_{name}"),
            cls.reference_heads(name),
        );
    }
    for name in LINKS {
        for direction in Direction::ALL {
            let of = |what: &str| format!("{name}_{}_{what}", direction.name());
            check(&of("link_mean"), links.link_means(name, direction));
            check(
                &of("example_maximum"),
                links.example_maxima(name, direction),
            );
            let (accuracy, sources) = links.accuracies(name, direction).unwrap();
            assert!(sources >= accuracy[0].n);
            check(&of("accuracy"), Some(accuracy));
        }
    }
    check("pairs_frame", pairs.heads("frame"));
    check("shared_twins", shared.twins());
    check("shared_others", shared.others());
    for statistic in StructureStatistic::ALL {
        check(statistic.name(), structures.heads(statistic));
    }
    let estimates = divergence.pairs().unwrap();
    check(
        "jensen_shannon",
        Some(estimates.into_iter().map(|(_, e)| e).collect()),
    );
    check("jensen_shannon_within_layer", divergence.within_layer());
    check("jensen_shannon_across_layers", divergence.across_layers());
    // Baselines: the script gives all offsets, we the best.
    for name in LINKS {
        for direction in Direction::ALL {
            let metric = format!("{name}_{}_offsets", direction.name());
            let theirs = &checker.expected[&metric].mean;
            let best = links.best_offset(name, direction).unwrap();
            let greatest = theirs.iter().copied().fold(0.0, f64::max);
            assert!((best.accuracy.mean - greatest).abs() < 1e-6, "{metric}");
            let place = best.offset + 10 - isize::from(best.offset > 0);
            assert!((theirs[place as usize] - greatest).abs() < 1e-6, "{metric}");
            checker.seen.insert(metric);
        }
    }
    let scores: Vec<f64> = pairs
        .heads("frame")
        .unwrap()
        .iter()
        .map(|e| e.mean)
        .collect();
    let (threshold, _) = above_99th_percentile(&scores).unwrap();
    assert!((threshold - expected.frame_99th_percentile).abs() < 1e-5);
    let plane = mds::classical_mds(&divergence.matrix().unwrap(), layers * heads).unwrap();
    assert!((plane.share - expected.mds.share).abs() < 1e-5);
    let mut theirs = expected.mds.squared.iter();
    for (i, a) in plane.points.iter().enumerate() {
        for b in &plane.points[i + 1..] {
            let ours = (a.0 - b.0).powi(2) + (a.1 - b.1).powi(2);
            assert!((ours - theirs.next().unwrap()).abs() < 1e-5);
        }
    }
    // Everything that the script computes is compared, but for the authors' way of two statistics
    // that differ only in which examples count (tested by hand) and the reference model's zeros.
    let left: Vec<&String> = checker
        .expected
        .keys()
        .filter(|metric| !checker.seen.contains(*metric))
        .filter(|metric| !metric.starts_with("reference_") && *metric != "pairs_frame_authors")
        .collect();
    assert!(left.is_empty(), "not compared: {left:?}");
}
