//! What the page says about each head. A list of names and functions: one entry more is one column
//! more on the page.

use attn_core::HeadGrid;
use attn_figures::view::HeadStatistic;
use attn_stats::structure::Structure;
use attn_stats::{MapsView, cosine, shape};

/// Positions of special tokens: the first, and the others.
#[derive(Debug, Clone, Default)]
pub struct Special {
    pub cls: Vec<usize>,
    pub sep: Vec<usize>,
}

/// A function of one map, its number of tokens and the input's special tokens.
type OfMap = fn(&[f32], usize, &Special) -> Option<f64>;

/// A number of two maps of one head.
type OfTwo<'a> = &'a dyn Fn(&[f32], &[f32]) -> Option<f64>;

/// Identifier, name, explanation, decimals, function.
const OF_MAP: [(&str, &str, &str, usize, OfMap); 7] = [
    (
        "entropy",
        "entropy, nats",
        "Entropy of the weights that a token gives, in nats, mean over tokens: 0 for one token alone, the logarithm of the number of tokens for all alike.",
        2,
        |map, length, _| Some(Structure::of(map, length)?.entropy),
    ),
    (
        "share_on_cls",
        "share on [CLS]",
        "Share of all attention that the first special token receives.",
        3,
        |map, length, special| received(map, length, &special.cls),
    ),
    (
        "share_on_sep",
        "share on [SEP]",
        "Share of all attention that the other special tokens receive together.",
        3,
        |map, length, special| received(map, length, &special.sep),
    ),
    (
        "weight_on_previous",
        "on the previous token",
        "Weight that a token gives to the one before it, mean over tokens.",
        3,
        |map, length, _| Structure::of(map, length)?.previous,
    ),
    (
        "weight_on_next",
        "on the next token",
        "Weight that a token gives to the one after it, mean over tokens.",
        3,
        |map, length, _| Structure::of(map, length)?.next,
    ),
    (
        "weight_on_self",
        "on itself",
        "Weight that a token gives to itself, mean over tokens.",
        3,
        |map, length, _| Some(Structure::of(map, length)?.itself),
    ),
    (
        "distance",
        "distance, tokens",
        "How far from itself a token attends, weighted by the weights, in tokens, mean over tokens.",
        2,
        |map, length, _| Some(Structure::of(map, length)?.distance),
    ),
];

/// The proportion of all attention on some tokens; none where it is not known which they are.
fn received(map: &[f32], length: usize, keys: &[usize]) -> Option<f64> {
    if keys.is_empty() {
        return None;
    }
    shape::share(map, length, keys)
}

/// All statistics of one model's maps, or of a model's and its reference's.
pub fn all(models: &[MapsView<'_>], special: &Special) -> Vec<HeadStatistic> {
    let grid = |maps: &MapsView<'_>, of: &dyn Fn(&[f32]) -> Option<f64>| {
        HeadGrid::from_fn(maps.layers(), maps.heads(), |id| {
            maps.map(id.layer, id.head).and_then(of).unwrap_or(f64::NAN)
        })
    };
    let mut statistics: Vec<HeadStatistic> = OF_MAP
        .iter()
        .map(|&(id, name, explanation, digits, function)| HeadStatistic {
            id: id.to_owned(),
            name: name.to_owned(),
            explanation: explanation.to_owned(),
            digits,
            values: models
                .iter()
                .map(|m| grid(m, &|map| function(map, m.length(), special)))
                .collect(),
        })
        .collect();
    if let [tuned, reference] = models {
        let between = |of: OfTwo<'_>| {
            HeadGrid::from_fn(tuned.layers(), tuned.heads(), |id| {
                tuned
                    .map(id.layer, id.head)
                    .zip(reference.map(id.layer, id.head))
                    .and_then(|(a, b)| of(a, b))
                    .unwrap_or(f64::NAN)
            })
        };
        let statistic = |id: &str, name: &str, explanation: &str, values| HeadStatistic {
            id: id.to_owned(),
            name: name.to_owned(),
            explanation: explanation.to_owned(),
            digits: 3,
            values: vec![values],
        };
        statistics.push(statistic(
            "cosine",
            "cosine of the two models",
            "Cosine similarity of the head's maps in the two models (Figure 5): 1 for equal maps.",
            between(&cosine::cosine),
        ));
        statistics.push(statistic(
            "moved_weight",
            "weight moved",
            "Share of a token's attention that the two models place differently (total variation), mean over tokens: 0 for equal maps.",
            between(&|a, b| shape::row_distance(a, b, tuned.length())),
        ));
    }
    statistics
}
