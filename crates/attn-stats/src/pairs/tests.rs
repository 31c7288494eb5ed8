//! Attention between pairs of tokens, on maps made by hand.

use super::*;
use crate::{Annotation, MapsView};

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
