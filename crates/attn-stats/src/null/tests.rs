//! The null models of links, counted by hand.

use super::*;
use crate::placement::WordKind;

/// Eight tokens `[CLS] a b c d e f [SEP]`, a word a token.
fn link(target: usize, element: usize) -> SpanLink {
    SpanLink {
        words: (1..7).map(|token| vec![token]).collect(),
        kinds: vec![WordKind::Content; 6],
        target: std::iter::once(target..target + 1).collect(),
        elements: std::iter::once(element..element + 1).collect(),
        first: (0..8).collect(),
        least_distance: 2,
    }
}

/// Three heads: one looks from the element at the target and nowhere else, one at what stands three
/// tokens further, one at everything alike.
fn maps(target: usize, element: usize) -> Vec<f32> {
    let mut maps = vec![0.0f32; 3 * 64];
    for query in 0..8 {
        let knows = if query == element + 1 { target + 1 } else { 0 };
        let ahead = if query < 5 { query + 3 } else { 0 };
        maps[query * 8 + knows] = 1.0;
        maps[64 + query * 8 + ahead] = 1.0;
        maps[128 + query * 8..128 + query * 8 + 8].fill(0.125);
    }
    maps
}

fn observed(null: NullKind, pairing: Pairing) -> NullResult {
    let resampler = Resampler::new(5, 200);
    let mut found = PlacementNull::new((1, 3), null, pairing, 99, &resampler);
    for index in 0..20 {
        // Always three words from the element to the target.
        let (element, target) = (index % 3, index % 3 + 3);
        let (maps, link) = (maps(target, element), link(target, element));
        let view = MapsView::new(1, 3, 8, &maps).unwrap();
        let real = [(element + 1, target + 1)];
        let counts = resampler.counts(index as u64);
        found.observe(index, view, &link, &real, &counts).unwrap();
    }
    found.result().unwrap()
}

/// The words can be two, three, four or five apart, either way: 4 + 3 + 2 + 1 places, twice. The
/// head that knows the link has weight in one of the 20; the one that looks three ahead, in 3.
#[test]
fn the_words_null_is_passed_by_an_offset_too() {
    let found = observed(NullKind::Words, Pairing::ElementToTarget);
    assert_eq!((found.n, found.movable), (20, 20));
    for (head, right) in [(0, 1.0 / 20.0), (1, 3.0 / 20.0), (2, 0.125)] {
        assert!((found.expected[head] - right).abs() < 1e-9, "{found:?}");
        let real = if head == 2 { 0.125 } else { 1.0 };
        assert!((found.excess[head].mean - (real - right)).abs() < 1e-6);
    }
    assert_eq!(found.p_any, [0.01, 0.01, 1.0]);
    assert_eq!(found.p_head, [0.01, 0.01, 1.0]);
    assert_eq!(found.drawn_above, (0.0, 0.0, 0.0));
}

/// At the same distance there are three places: the head that looks three ahead has its weight in
/// each, the one that knows the link in one.
#[test]
fn the_distance_null_is_not() {
    let found = observed(NullKind::Distance, Pairing::ElementToTarget);
    for (head, right) in [(0, 1.0 / 3.0), (1, 1.0), (2, 0.125)] {
        assert!((found.expected[head] - right).abs() < 1e-9, "{found:?}");
    }
    assert_eq!(
        (found.p_any[0], found.p_any[1], found.p_any[2]),
        (0.01, 1.0, 1.0)
    );
    assert!(found.excess[0].interval.unwrap().0 > 0.5);
    assert!(found.excess[1].mean.abs() < 1e-9);
}

#[test]
fn content_words_are_matched() {
    let resampler = Resampler::new(5, 20);
    let new = || {
        PlacementNull::new(
            (1, 3),
            NullKind::Content,
            Pairing::ElementToTarget,
            9,
            &resampler,
        )
    };
    let mut null = new();
    let mut link = link(3, 0);
    // Only the real words are content words: nowhere to go but to change places.
    link.kinds = vec![WordKind::Function; 6];
    link.kinds[0] = WordKind::Content;
    link.kinds[3] = WordKind::Content;
    let maps = maps(3, 0);
    let view = MapsView::new(1, 3, 8, &maps).unwrap();
    null.observe(0, view, &link, &[(1, 4)], &[1; 20]).unwrap();
    let found = null.result().unwrap();
    assert_eq!(found.expected, [0.5, 0.5, 0.125]);
    assert_eq!(
        found.excess[0].interval, None,
        "one sentence has no interval"
    );
    assert_eq!(new().result(), None);
    null.observe(1, view, &link, &[], &[1; 20]).unwrap();
    assert_eq!(null.result().unwrap().n, 1);
    let error = null
        .observe(2, view, &link, &[(1, 8)], &[1; 20])
        .unwrap_err();
    assert!(error.to_string().contains("position 8"), "{error}");
}

#[test]
fn the_same_seed_gives_the_same_result() {
    let once = observed(NullKind::Words, Pairing::Zipped);
    assert_eq!(once, observed(NullKind::Words, Pairing::Zipped));
    // The head that knows the link from the element gives nothing the other way.
    let back = observed(NullKind::Words, Pairing::TargetToElement);
    assert!(back.expected[0] < 0.06 && back.expected[0] > 0.04);
}
