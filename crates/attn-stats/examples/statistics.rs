//! Statistics of a map made by hand, from attn-stats alone: `cargo run -p attn-stats --example statistics`.

use attn_stats::{
    Annotation, FeatureAttention, MapStructures, MapsView, Observation, Observer, Resampler,
    StructureStatistic,
};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let resampler = Resampler::new(42, 1000);
    let mut nouns = FeatureAttention::new(1, 1, &["noun"], &resampler);
    let mut structures = MapStructures::new(1, 1, &resampler);
    // Two examples of one layer and one head: three tokens, then two. Rows sum to 1.
    let maps: [(usize, &[f32], Vec<usize>); 2] = [
        (3, &[0.1, 0.1, 0.8, 0.0, 0.2, 0.8, 0.3, 0.3, 0.4], vec![2]),
        (2, &[0.5, 0.5, 0.25, 0.75], vec![0, 1]),
    ];
    for (index, (length, weights, positions)) in maps.into_iter().enumerate() {
        let annotation = Annotation::of_features([("noun".to_owned(), positions)].into());
        let counts = resampler.counts(index as u64);
        let maps = MapsView::new(1, 1, length, weights)?;
        let example = Observation::new(index, maps, &annotation, &counts);
        nouns.observe(&example)?;
        structures.observe(&example)?;
    }
    let results = [
        ("attention to nouns", nouns.heads("noun")),
        (
            "entropy of rows in nats",
            structures.heads(StructureStatistic::Entropy),
        ),
    ];
    for (name, heads) in results {
        for estimate in heads.unwrap_or_default() {
            let (low, high) = estimate.interval.unwrap_or((f64::NAN, f64::NAN));
            println!(
                "{name}: {:.3} [{low:.3}, {high:.3}], n = {}",
                estimate.mean, estimate.n
            );
        }
    }
    Ok(())
}
