//! The labelled maps in datasets/attention-maps hold together, and the built-in network fits them.

use attn_patterns::labels::{self, settle};
use attn_patterns::store::{self, Drawn};
use attn_patterns::{Engine, State, Weights, folds};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../datasets/attention-maps")
}

#[test]
fn every_label_follows_from_the_passes() {
    let maps = store::read(&folder()).unwrap();
    assert!(maps.len() >= 600, "{} maps", maps.len());
    let read = |name: &str| labels::read(&folder().join(name)).unwrap();
    let (first, second, third) = (read("first.csv"), read("second.csv"), read("third.csv"));
    let (settled, open) = settle(&first, &second, &third);
    assert!(open.is_empty(), "{open:?}");
    let given = read("labels.csv");
    let ids: BTreeSet<&String> = maps.iter().map(|m| &m.entry.id).collect();
    assert!(given.keys().eq(ids) && settled.len() == given.len());
    for (id, label) in &given {
        assert_eq!(label.pattern, settled[id].pattern, "{id}");
    }
    // The third look settles what differs and nothing else.
    for id in third.keys() {
        assert_ne!(first[id].pattern, second[id].pattern, "{id}");
    }
}

#[test]
fn no_sentence_is_used_twice_and_rows_are_weights() {
    let maps = store::read(&folder()).unwrap();
    let entries: Vec<_> = maps.iter().map(|m| &m.entry).collect();
    let examples: BTreeSet<_> = entries.iter().map(|e| (e.task, &e.example)).collect();
    assert_eq!(examples.len(), maps.len());
    // So that the groups of the folds are the heads.
    let heads: BTreeSet<_> = entries
        .iter()
        .map(|e| (&e.model, e.layer, e.head))
        .collect();
    let groups: BTreeSet<usize> = folds::groups(&entries).into_iter().collect();
    assert_eq!(groups.len(), heads.len());
    let mut parts: BTreeMap<(&str, State, Drawn), usize> = BTreeMap::new();
    for map in &maps {
        let entry = &map.entry;
        *parts
            .entry((&entry.model, entry.state, entry.drawn))
            .or_default() += 1;
        for row in map.weights.chunks(entry.length()) {
            assert!((row.iter().sum::<f32>() - 1.0).abs() < 0.01, "{}", entry.id);
        }
    }
    assert!(parts.values().all(|&n| n >= 50), "{parts:?}");
}

#[test]
fn the_built_in_network_belongs_to_these_maps() {
    let engine = Engine::new(&Weights::built_in().unwrap()).unwrap();
    let given = labels::read(&folder().join("labels.csv")).unwrap();
    let maps = store::read(&folder()).unwrap();
    let right = maps
        .iter()
        .filter(|m| engine.sort(m).pattern() == given[&m.entry.id].pattern)
        .count();
    // It was trained on them: this says that file, code and labels fit, not how good it is.
    assert!(right * 100 >= maps.len() * 92, "{right} of {}", maps.len());
}
