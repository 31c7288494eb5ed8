//! What each observer costs beside a forward pass: `cargo run -p attn-stats --example cost`.
//! Arguments: layers, heads, tokens (12 12 128 unless given).

use attn_core::Reading;
use attn_stats::{
    Annotation, Cosine, Direction, FeatureAttention, HeadDivergence, LinkAttention, MapStructures,
    MapsView, Observation, Observer, PairAttention, Resampler, SharedWords,
};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::time::Instant;

const EXAMPLES: usize = 64;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<usize> = std::env::args().skip(1).flat_map(|a| a.parse()).collect();
    let [layers, heads, length] = arguments[..] else {
        return measure(12, 12, 128);
    };
    measure(layers, heads, length)
}

fn measure(layers: usize, heads: usize, length: usize) -> Result<(), Box<dyn std::error::Error>> {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut draw = || {
        let mut maps: Vec<f32> = (0..layers * heads * length * length)
            .map(|_| rng.random::<f32>().powi(8))
            .collect();
        for row in maps.chunks_exact_mut(length) {
            let sum: f32 = row.iter().sum();
            row.iter_mut().for_each(|w| *w /= sum);
        }
        maps
    };
    let (own, other) = (draw(), draw());
    let annotation = annotation(length);
    let resampler = Resampler::new(7, 1000);
    let names = [
        "cls", "sep", "noun", "verb", "pronoun", "subject", "object", "negation",
    ];
    let kinds = ["verb_subject", "noun_pronoun"];
    let mut observers: Vec<(&str, Box<dyn Observer>)> = vec![
        (
            "cosine",
            Box::new(Cosine::new(layers, heads, Reading::Paper, &resampler)),
        ),
        (
            "features, two models",
            Box::new(FeatureAttention::new(layers, heads, &names, &resampler).paired()),
        ),
        (
            "row of [CLS], two models",
            Box::new(
                FeatureAttention::cls_row(layers, heads, layers - 1, &names, &resampler).paired(),
            ),
        ),
        (
            "links with accuracy",
            Box::new(LinkAttention::new(layers, heads, &kinds, &resampler)),
        ),
        (
            "pairs",
            Box::new(PairAttention::new(layers, heads, &["frame"], &resampler)),
        ),
        (
            "shared words",
            Box::new(SharedWords::new(layers, heads, "verb_subject", &resampler)),
        ),
        (
            "structures",
            Box::new(MapStructures::new(layers, heads, &resampler)),
        ),
        (
            "divergence, 8 queries",
            Box::new(HeadDivergence::new(
                layers,
                heads,
                HeadDivergence::ROWS,
                &resampler,
            )),
        ),
    ];
    println!("{layers} layers, {heads} heads, {length} tokens; milliseconds an example:");
    let started = Instant::now();
    for _ in 0..EXAMPLES {
        MapsView::new(layers, heads, length, &own)?;
    }
    let each = |started: Instant| started.elapsed().as_secs_f64() * 1e3 / EXAMPLES as f64;
    println!("{:>8.2}  check for NaN", each(started));
    let started = Instant::now();
    let counts: Vec<Vec<u8>> = (0..EXAMPLES as u64).map(|i| resampler.counts(i)).collect();
    println!("{:>8.2}  bootstrap counts", each(started));
    let (own, other) = (
        MapsView::new(layers, heads, length, &own)?,
        MapsView::new(layers, heads, length, &other)?,
    );
    for (name, observer) in &mut observers {
        let started = Instant::now();
        for (index, counts) in counts.iter().enumerate() {
            let example = Observation::new(index, own, &annotation, counts).with_reference(other);
            observer.observe(&example)?;
        }
        println!("{:>8.2}  {name}", each(started));
    }
    println!(
        "directions of links: {}",
        Direction::ALL.map(Direction::name).join(", ")
    );
    Ok(())
}

/// One word a token, every third a noun and so on.
fn annotation(length: usize) -> Annotation {
    let every = |n: usize, from: usize| (from..length.saturating_sub(1)).step_by(n).collect();
    let words: Vec<Vec<usize>> = (1..length.saturating_sub(1)).map(|p| vec![p]).collect();
    let link = |n: usize| (0..n).map(|i| ((i * 7) % words.len(), (i * 11 + 3) % words.len()));
    Annotation {
        features: [
            ("cls", vec![0]),
            ("sep", vec![length / 2, length - 1]),
            ("noun", every(3, 1)),
            ("verb", every(7, 2)),
            ("pronoun", every(9, 4)),
            ("subject", every(11, 1)),
            ("object", every(13, 3)),
            ("negation", every(40, 5)),
            ("first_text", (1..length / 2).collect()),
            ("second_text", (length / 2 + 1..length - 1).collect()),
        ]
        .map(|(name, positions)| (name.to_owned(), positions))
        .into(),
        links: [
            ("verb_subject".to_owned(), link(6).collect()),
            ("noun_pronoun".to_owned(), link(40).collect()),
        ]
        .into(),
        pairs: [("frame".to_owned(), vec![(1, 5), (2, 5)])].into(),
        words,
    }
}
