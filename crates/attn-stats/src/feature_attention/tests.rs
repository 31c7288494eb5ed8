//! Attention to features, on maps made by hand.

use super::*;
use crate::Annotation;

fn noun(positions: &[usize]) -> Annotation {
    Annotation::of_features(
        [
            ("noun".to_owned(), positions.to_vec()),
            ("cls".to_owned(), vec![0]),
        ]
        .into(),
    )
}

// One layer, two heads, two tokens. Column means: head 0 .8 .2, head 1 .5 .5.
const MAPS: [f32; 8] = [0.9, 0.1, 0.7, 0.3, 0.5, 0.5, 0.5, 0.5];
// Head 0 .6 .4, head 1 .5 .5.
const OTHER: [f32; 8] = [0.4, 0.6, 0.8, 0.2, 1.0, 0.0, 0.0, 1.0];

fn watch(attention: &mut FeatureAttention, examples: &[&[usize]]) {
    let resampler = Resampler::new(0, 50);
    for (index, positions) in examples.iter().enumerate() {
        let (annotation, counts) = (noun(positions), resampler.counts(index as u64));
        let maps = MapsView::new(1, 2, 2, &MAPS).unwrap();
        let other = MapsView::new(1, 2, 2, &OTHER).unwrap();
        let example = Observation::new(index, maps, &annotation, &counts).with_reference(other);
        attention.observe(&example).unwrap();
    }
}

fn near(a: f64, b: f64) {
    assert!((a - b).abs() < 1e-6, "{a} {b}");
}

#[test]
fn examples_without_the_feature_do_not_count() {
    let resampler = Resampler::new(0, 50);
    let mut attention = FeatureAttention::new(1, 2, &["noun"], &resampler);
    watch(&mut attention, &[&[0], &[], &[1]]);
    let estimates = attention.heads("noun").unwrap();
    assert_eq!(estimates[0].n, 2);
    near(estimates[0].mean, (0.8 + 0.2) / 2.0);
    near(estimates[1].mean, 0.5);
    let layers = attention.layers("noun").unwrap();
    assert_eq!((estimates.len(), layers.len()), (2, 1));
    near(layers[0].mean, 0.5);
    assert_eq!(attention.heads("verb"), None);
    assert_eq!(attention.reference_heads("noun"), None);
    assert_eq!(attention.head_differences("noun"), None);
}

#[test]
fn the_authors_count_them_as_zero() {
    let resampler = Resampler::new(0, 50);
    let mut attention =
        FeatureAttention::new(1, 2, &["noun"], &resampler).absent_as_zero(&["noun"]);
    watch(&mut attention, &[&[0], &[], &[0, 1]]);
    let estimates = attention.heads("noun").unwrap();
    assert_eq!(estimates[0].n, 3);
    near(estimates[0].mean, 1.6 / 3.0);
}

#[test]
fn two_models_and_their_difference() {
    let resampler = Resampler::new(0, 50);
    let mut attention = FeatureAttention::new(1, 2, &["noun"], &resampler).paired();
    watch(&mut attention, &[&[0], &[0], &[1]]);
    near(
        attention.heads("noun").unwrap()[0].mean,
        (0.8 + 0.8 + 0.2) / 3.0,
    );
    near(
        attention.reference_heads("noun").unwrap()[0].mean,
        (0.6 + 0.6 + 0.4) / 3.0,
    );
    let difference = attention.head_differences("noun").unwrap();
    near(difference[0].mean, 0.2 / 3.0);
    let (low, high) = difference[0].interval.unwrap();
    assert!(low >= -0.2 - 1e-6 && high <= 0.2 + 1e-6 && low < high);
    near(
        attention.layer_differences("noun").unwrap()[0].mean,
        0.1 / 3.0,
    );
    near(
        attention.reference_layers("noun").unwrap()[0].mean,
        (1.6 / 3.0 + 0.5) / 2.0,
    );
}

#[test]
fn row_of_cls() {
    let resampler = Resampler::new(0, 50);
    let mut attention = FeatureAttention::cls_row(1, 2, 0, &["noun"], &resampler).paired();
    watch(&mut attention, &[&[1], &[0, 1], &[]]);
    let heads = attention.heads("noun").unwrap();
    assert_eq!((heads.len(), heads[0].n), (2, 2));
    near(heads[0].mean, (0.1 + 0.9) / 2.0);
    near(attention.layers("noun").unwrap()[0].mean, 0.5);
    near(
        attention.head_differences("noun").unwrap()[0].mean,
        0.5 - 0.6,
    );
    // Without [CLS] there is no such row.
    let mut attention = FeatureAttention::cls_row(1, 2, 0, &["noun"], &resampler);
    let annotation = Annotation::of_features([("noun".to_owned(), vec![0])].into());
    let maps = MapsView::new(1, 2, 2, &MAPS).unwrap();
    attention
        .observe(&Observation::new(0, maps, &annotation, &[]))
        .unwrap();
    assert_eq!(attention.heads("noun"), None);
}

#[test]
fn what_does_not_fit_is_refused() {
    let resampler = Resampler::new(0, 5);
    let annotation = noun(&[0]);
    let maps = MapsView::new(1, 2, 1, &[1.0f32, 1.0]).unwrap();
    let example = Observation::new(0, maps, &annotation, &[]);
    let mut attention = FeatureAttention::new(2, 2, &["noun"], &resampler);
    assert_eq!(
        attention.observe(&example).unwrap_err(),
        StatsError::Grid {
            found: (1, 2),
            expected: (2, 2)
        }
    );
    let mut attention = FeatureAttention::new(1, 2, &["noun"], &resampler);
    let far = noun(&[1]);
    let outside = Observation {
        annotation: &far,
        ..example
    };
    assert!(matches!(
        attention.observe(&outside),
        Err(StatsError::Position { .. })
    ));
    assert!(matches!(
        attention.paired().observe(&example),
        Err(StatsError::NoReference { .. })
    ));
}

#[test]
fn one_token_and_none() {
    let resampler = Resampler::new(0, 5);
    let mut attention = FeatureAttention::new(1, 2, &["noun"], &resampler);
    let (empty, one) = (Annotation::default(), noun(&[0]));
    let maps = MapsView::new(1, 2, 0, &[]).unwrap();
    attention
        .observe(&Observation::new(0, maps, &empty, &[1]))
        .unwrap();
    assert_eq!(attention.heads("noun"), None);
    let maps = MapsView::new(1, 2, 1, &[1.0f32, 1.0]).unwrap();
    attention
        .observe(&Observation::new(1, maps, &one, &[1]))
        .unwrap();
    assert_eq!(attention.heads("noun").unwrap()[0].mean, 1.0);
}
