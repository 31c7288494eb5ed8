use super::*;
use crate::Annotation;
use proptest::prelude::*;

const MAP: [f32; 9] = [0.5, 0.25, 0.25, 0.1, 0.4, 0.5, 0.1, 0.15, 0.75];

fn pairs(pairs: &[(usize, usize)]) -> Annotation {
    Annotation {
        pairs: [("frame".to_owned(), pairs.to_vec())].into(),
        ..Annotation::default()
    }
}

#[test]
fn hand_computed() {
    assert_eq!(greatest(&MAP, 3, &[(0, 1), (1, 0)]), Some(0.25));
    // Row is query, column is key.
    assert_eq!(greatest(&MAP, 3, &[(2, 1)]), Some(0.15));
    assert_eq!(greatest(&MAP, 3, &[(1, 2)]), Some(0.5));
    assert_eq!(greatest(&MAP, 3, &[]), None);
    assert_eq!(greatest(&MAP, 3, &[(0, 0), (0, 3)]), None);
    assert_eq!(greatest(&[], 0, &[(0, 0)]), None);
}

#[test]
fn two_of_144_lie_above_the_99th_percentile() {
    // numpy.percentile(range(144), 99) = 141.57
    let values: Vec<f64> = (0..144).map(f64::from).collect();
    let (threshold, above) = above_99th_percentile(&values).unwrap();
    assert!((threshold - 141.57).abs() < 1e-9);
    assert_eq!(above, [143, 142]);
    assert_eq!(above_99th_percentile(&[]), None);
    assert_eq!(above_99th_percentile(&[1.0, 1.0]), Some((1.0, vec![])));
}

#[test]
fn mean_of_the_maxima_over_examples_with_pairs() {
    let resampler = Resampler::new(0, 20);
    let mut paper = PairAttention::new(1, 1, &["frame"], &resampler);
    let mut authors = paper.clone().absent_as_zero();
    for (index, annotation) in [pairs(&[(0, 1), (1, 2)]), pairs(&[]), pairs(&[(2, 0)])]
        .iter()
        .enumerate()
    {
        let counts = resampler.counts(index as u64);
        let maps = MapsView::new(1, 1, 3, &MAP).unwrap();
        let example = Observation::new(index, maps, annotation, &counts);
        paper.observe(&example).unwrap();
        authors.observe(&example).unwrap();
    }
    let score = paper.heads("frame").unwrap()[0];
    assert!((score.mean - 0.3).abs() < 1e-7 && score.n == 2);
    let score = authors.heads("frame").unwrap()[0];
    assert!((score.mean - 0.2).abs() < 1e-7 && score.n == 3);
    assert_eq!(paper.heads("other"), None);
    let outside = pairs(&[(0, 3)]);
    let maps = MapsView::new(1, 1, 3, &MAP).unwrap();
    let example = Observation::new(0, maps, &outside, &[]);
    assert!(paper.observe(&example).is_err());
}

/// Head 0 looks at the annotated key from the annotated query and nowhere else; head 1 looks at
/// everything alike. Only head 0 knows the annotation.
#[test]
fn shuffling_tells_a_head_that_knows_from_one_that_does_not() {
    let length = 8;
    let mut null = ShuffleNull::new(1, 2, "frame", 99, 5);
    for index in 0..20 {
        let (query, key) = (1 + index % 3, 4 + index % 3);
        let mut maps = vec![1.0 / length as f32; 2 * length * length];
        for (k, weight) in maps[query * length..(query + 1) * length]
            .iter_mut()
            .enumerate()
        {
            *weight = f32::from(u8::from(k == key));
        }
        let annotation = pairs(&[(query, key)]);
        let maps = MapsView::new(1, 2, length, &maps).unwrap();
        null.observe(&Observation::new(index, maps, &annotation, &[]))
            .unwrap();
    }
    let result = null.result().unwrap();
    assert_eq!((result.n, result.above.as_slice()), (20, &[0][..]));
    assert_eq!((result.p_head[0], result.p_head[1]), (0.01, 1.0));
    assert_eq!((result.p_any[0], result.p_any[1]), (0.01, 1.0));
    assert_eq!(result.shuffled_above, (0.0, 0.0, 0.0));
    assert!(result.shuffled_mean[0] < 0.4);
    assert!((result.shuffled_mean[1] - 0.125).abs() < 1e-6);
    assert_eq!(ShuffleNull::new(1, 1, "frame", 9, 5).result(), None);
}

proptest! {
    #[test]
    fn shuffled_pairs_stay_among_the_text_and_apart(length in 7usize..20, seed: u64) {
        let pairs = [(1, 4), (2, 4), (length - 2, 2)];
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let shuffled = shuffle(length, &pairs, &mut rng);
        for (query, key) in &shuffled {
            prop_assert!((1..length - 1).contains(query) && (1..length - 1).contains(key));
        }
        // One token goes to one place.
        prop_assert_eq!(shuffled[0].1, shuffled[1].1);
        let mut again = ChaCha8Rng::seed_from_u64(seed);
        prop_assert_eq!(shuffled, shuffle(length, &pairs, &mut again));
    }

    #[test]
    fn short_inputs_do_not_hang_or_panic(length in 0usize..4, query in 0usize..4, key in 0usize..4) {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        prop_assert_eq!(shuffle(length, &[(query, key)], &mut rng).len(), 1);
    }
}
