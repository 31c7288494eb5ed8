//! What to measure: named sets of heads to disable. All of it is data; nothing here computes.

use attn_core::{HeadId, Intervention, Mode};
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

/// Where a variant comes from, for tables and figures.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Disables nothing.
    Baseline,
    /// One head (Figure 8).
    Head(HeadId),
    /// All heads of one layer, counted from 0 (Figure 9).
    Layer(usize),
    /// A list that somebody wrote down.
    List,
    /// A random set.
    Random {
        /// The seed of the draw.
        seed: u64,
        /// Which set of that seed, from 0.
        index: usize,
    },
    /// The first heads of an order.
    Cumulative {
        /// The order's name.
        order: String,
        /// How many heads are disabled.
        count: usize,
    },
}

/// A named intervention.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Variant {
    /// The name in results, for example `head-3:0`; counts from 0.
    pub name: String,
    /// Where it comes from.
    pub kind: Kind,
    /// What it does.
    pub intervention: Intervention,
}

/// The variant that disables nothing.
pub fn baseline() -> Variant {
    Variant {
        name: "baseline".to_owned(),
        kind: Kind::Baseline,
        intervention: Intervention::none(),
    }
}

/// One variant for each head, layer by layer (Figure 8).
pub fn single_heads(layers: usize, heads: usize, mode: Mode) -> Vec<Variant> {
    (0..layers * heads)
        .map(|i| {
            let id = HeadId::new(i / heads, i % heads);
            Variant {
                name: format!("head-{}:{}", id.layer, id.head),
                kind: Kind::Head(id),
                intervention: Intervention::new(mode, [id]),
            }
        })
        .collect()
}

/// One variant for each layer, with all its heads disabled (Figure 9).
pub fn whole_layers(layers: usize, heads: usize, mode: Mode) -> Vec<Variant> {
    (0..layers)
        .map(|layer| Variant {
            name: format!("layer-{layer}"),
            kind: Kind::Layer(layer),
            intervention: Intervention::layer(mode, layer, heads),
        })
        .collect()
}

/// One variant with all the listed heads disabled.
pub fn list(heads: impl IntoIterator<Item = HeadId>, mode: Mode) -> Variant {
    let intervention = Intervention::new(mode, heads);
    let names: Vec<String> = intervention
        .heads
        .iter()
        .map(|h| format!("{}:{}", h.layer, h.head))
        .collect();
    Variant {
        name: format!("list-{}", names.join(",")),
        kind: Kind::List,
        intervention,
    }
}

/// `count` random sets of `size` different heads (or of all heads, when there are fewer). Set
/// number `i` depends on the seed and on `i` only, not on `count`.
pub fn random_sets(
    layers: usize,
    heads: usize,
    size: usize,
    count: usize,
    seed: u64,
    mode: Mode,
) -> Vec<Variant> {
    (0..count)
        .map(|index| {
            let order = shuffled(layers, heads, seed, index as u64);
            Variant {
                name: format!("random-{size}-s{seed}-{index}"),
                kind: Kind::Random { seed, index },
                intervention: Intervention::new(mode, order.into_iter().take(size)),
            }
        })
        .collect()
}

/// One variant for each length of a prefix of `order`: the first head, the first two, and so on.
/// `counts` are the lengths wanted; those of 0 and those beyond the order are left out.
pub fn cumulative(
    name: &str,
    order: &[HeadId],
    counts: impl IntoIterator<Item = usize>,
    mode: Mode,
) -> Vec<Variant> {
    counts
        .into_iter()
        .filter_map(|count| {
            let heads = order.get(..count).filter(|heads| !heads.is_empty())?;
            Some(Variant {
                name: format!("cumulative-{name}-{count}"),
                kind: Kind::Cumulative {
                    order: name.to_owned(),
                    count,
                },
                intervention: Intervention::new(mode, heads.iter().copied()),
            })
        })
        .collect()
}

/// All heads in an order drawn from `seed` and `stream`.
pub(crate) fn shuffled(layers: usize, heads: usize, seed: u64, stream: u64) -> Vec<HeadId> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(stream);
    let mut all: Vec<HeadId> = (0..layers * heads)
        .map(|i| HeadId::new(i / heads, i % heads))
        .collect();
    all.shuffle(&mut rng);
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_and_layers_cover_the_model() {
        let heads = single_heads(2, 3, Mode::Zero);
        assert_eq!(heads.len(), 6);
        assert_eq!(heads[4].name, "head-1:1");
        assert_eq!(
            heads[4].intervention.heads.iter().next(),
            Some(&HeadId::new(1, 1))
        );
        let layers = whole_layers(2, 3, Mode::Zero);
        assert_eq!(
            layers
                .iter()
                .map(|l| l.intervention.heads.len())
                .collect::<Vec<_>>(),
            [3, 3]
        );
        let listed = list(["1:2", "0:1"].map(|h| h.parse().unwrap()), Mode::Mean);
        assert_eq!(
            (listed.name.as_str(), listed.intervention.mode),
            ("list-0:1,1:2", Mode::Mean)
        );
    }

    #[test]
    fn random_sets_repeat_and_differ() {
        let draw = |count, seed| random_sets(3, 4, 5, count, seed, Mode::Uniform);
        let sets = draw(4, 7);
        assert!(sets.iter().all(|v| v.intervention.heads.len() == 5));
        assert_eq!(sets[..2], draw(2, 7)[..]);
        assert_ne!(sets[0].intervention, sets[1].intervention);
        assert_ne!(sets[0].intervention, draw(1, 8)[0].intervention);
        assert_eq!(
            random_sets(1, 2, 9, 1, 0, Mode::Zero)[0]
                .intervention
                .heads
                .len(),
            2
        );
    }

    #[test]
    fn cumulative_sets_grow_along_the_order() {
        let order = ["1:0", "0:1", "0:0"].map(|h| h.parse().unwrap());
        let sets = cumulative("x", &order, [0, 1, 3, 4], Mode::Zero);
        assert_eq!(
            sets.iter()
                .map(|v| v.intervention.heads.len())
                .collect::<Vec<_>>(),
            [1, 3]
        );
        assert!(sets[0].intervention.heads.contains(&HeadId::new(1, 0)));
        assert_eq!(
            sets[1].kind,
            Kind::Cumulative {
                order: "x".to_owned(),
                count: 3
            }
        );
    }
}
