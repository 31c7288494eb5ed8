//! Which work a list of variants needs, each piece once.
//!
//! Two variants that disable the same heads in layers `0..k` have the same hidden states below
//! layer `k`. So the variants form a tree: a node at depth `k` stands for one hidden state below
//! layer `k`, its children for what that layer may put out, and a leaf for the variants that end
//! there. The sweep walks the tree layer by layer. A node's queries, keys, values and contexts are
//! computed once for all its children; a child costs its own change of the attention output (of
//! low rank, the head's width for each head that it disables) and its own feed-forward half.

use crate::{Cost, Shape, Variant};
use attn_core::{HeadId, Mode};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// Variants that cannot be planned.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// Nothing to do.
    #[error("there is no variant to run: give at least one, usually the baseline")]
    NoVariants,
    /// A head outside the model.
    #[error(
        "variant '{variant}' disables head {layer}:{head}, but the model has {layers} layers of {heads} heads, \
         counted from 0", layer = id.layer, head = id.head
    )]
    NoSuchHead {
        /// The variant's name.
        variant: String,
        /// The head.
        id: HeadId,
        /// Layers in the model.
        layers: usize,
        /// Heads per layer.
        heads: usize,
    },
    /// A model without layers or heads.
    #[error("a model of {layers} layers with {heads} heads has nothing to disable")]
    NoHeads {
        /// Layers in the model.
        layers: usize,
        /// Heads per layer.
        heads: usize,
    },
}

/// What is disabled in one layer; no heads means no change, whatever the mode.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) struct Cut {
    pub heads: Vec<usize>,
    pub mode: Mode,
}

/// A hidden state of the sweep.
#[derive(Debug, Clone, Default)]
pub(crate) struct Node {
    /// What the layer below did to get here.
    pub cut: Cut,
    pub children: Vec<usize>,
    /// The variants that end here; only leaves have any.
    pub variants: Vec<usize>,
}

/// The tree of a list of variants.
#[derive(Debug, Clone)]
pub struct Plan {
    layers: usize,
    heads: usize,
    variants: Vec<Variant>,
    pub(crate) nodes: Vec<Node>,
    /// Nodes by depth, `layers + 1` lists; the first holds the root alone.
    pub(crate) depths: Vec<Vec<usize>>,
}

impl Plan {
    /// Plans a sweep over a model of `layers` layers with `heads` heads each. Variants may repeat
    /// and may mix modes.
    ///
    /// # Errors
    /// [`PlanError`] when there is no variant or one names a head that does not exist.
    pub fn new(layers: usize, heads: usize, variants: Vec<Variant>) -> Result<Self, PlanError> {
        if layers == 0 || heads == 0 {
            return Err(PlanError::NoHeads { layers, heads });
        }
        if variants.is_empty() {
            return Err(PlanError::NoVariants);
        }
        let mut nodes = vec![Node::default()];
        let mut depths = vec![Vec::new(); layers + 1];
        depths[0].push(0);
        let mut known: BTreeMap<(usize, Cut), usize> = BTreeMap::new();
        for (index, variant) in variants.iter().enumerate() {
            let cut = &variant.intervention;
            if let Some(&id) = cut
                .heads
                .iter()
                .find(|h| h.layer >= layers || h.head >= heads)
            {
                let variant = variant.name.clone();
                return Err(PlanError::NoSuchHead {
                    variant,
                    id,
                    layers,
                    heads,
                });
            }
            let mut node = 0;
            for (layer, depth) in depths[1..].iter_mut().enumerate() {
                let heads: Vec<usize> = cut.in_layer(layer).collect();
                let mode = if heads.is_empty() {
                    Mode::default()
                } else {
                    cut.mode
                };
                let cut = Cut { heads, mode };
                node = *known.entry((node, cut.clone())).or_insert_with(|| {
                    let child = nodes.len();
                    nodes[node].children.push(child);
                    nodes.push(Node {
                        cut,
                        ..Node::default()
                    });
                    depth.push(child);
                    child
                });
            }
            nodes[node].variants.push(index);
        }
        Ok(Self {
            layers,
            heads,
            variants,
            nodes,
            depths,
        })
    }

    /// Layers of the model.
    pub fn layers(&self) -> usize {
        self.layers
    }

    /// Heads per layer.
    pub fn heads(&self) -> usize {
        self.heads
    }

    /// The variants, in the order given.
    pub fn variants(&self) -> &[Variant] {
        &self.variants
    }

    /// The position of the first variant that disables nothing.
    pub fn baseline(&self) -> Option<usize> {
        self.variants
            .iter()
            .position(|v| v.intervention.heads.is_empty())
    }

    /// Whether any variant needs reference maps.
    pub fn needs_reference(&self) -> bool {
        self.variants
            .iter()
            .any(|v| v.intervention.mode == Mode::Mean && !v.intervention.heads.is_empty())
    }

    /// A key of what the variants do (not of their names): equal plans have equal keys. Lower-case
    /// hexadecimal SHA-256.
    pub fn key(&self) -> String {
        let mut hash = Sha256::new();
        hash.update(format!("plan 1 {} {}\n", self.layers, self.heads));
        for variant in &self.variants {
            let cut = &variant.intervention;
            let heads: Vec<String> = cut
                .heads
                .iter()
                .map(|h| format!("{}:{}", h.layer, h.head))
                .collect();
            hash.update(format!("{} {}\n", cut.mode, heads.join(",")));
        }
        crate::bucket::hex(&hash.finalize())
    }

    /// How many pieces of each kind the sweep computes for one batch.
    pub fn counts(&self) -> Counts {
        let at = |depth: usize| self.depths.get(depth).map_or(0, Vec::len);
        Counts {
            variants: self.variants.len(),
            layers: self.layers,
            attentions: (0..self.layers - 1).map(at).sum(),
            feed_forwards: (1..self.layers).map(at).sum(),
            reads: at(self.layers - 1),
            leaves: at(self.layers),
        }
    }

    /// The largest number of hidden states that the sweep holds at once.
    pub(crate) fn peak(&self) -> usize {
        self.depths.iter().map(Vec::len).max().unwrap_or(1)
    }

    /// Multiply-adds of the sweep and of the naive one for a model of `shape` over padded batches,
    /// given as `(examples, width)`. The formula stands in docs/ablation.md.
    pub fn cost(&self, shape: &Shape, batches: impl IntoIterator<Item = (usize, usize)>) -> Cost {
        let mut cost = Cost::default();
        for (examples, width) in batches {
            cost.naive += (self.variants.len() * self.layers) as u64 * shape.layer(examples, width);
            for (depth, nodes) in self.depths.iter().enumerate().take(self.layers) {
                cost.shared += nodes
                    .iter()
                    .map(|&n| self.node_cost(shape, depth, n, examples, width))
                    .sum::<u64>();
            }
        }
        cost
    }

    /// Multiply-adds of what stands above one node up to its children.
    pub(crate) fn node_cost(
        &self,
        shape: &Shape,
        depth: usize,
        node: usize,
        examples: usize,
        width: usize,
    ) -> u64 {
        let Some(node) = self.nodes.get(node) else {
            return 0;
        };
        let children = node.children.len() as u64;
        if depth + 1 == self.layers {
            return shape.read(examples, width) + children * shape.top(examples);
        }
        let changed: usize = node
            .children
            .iter()
            .filter_map(|&c| self.nodes.get(c))
            .map(|c| c.cut.heads.len())
            .sum();
        shape.attention(examples, width)
            + children * shape.feed_forward(examples, width)
            + changed as u64 * shape.change(examples, width)
    }
}

/// How much a plan computes for one batch. Shown, it is a sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// Variants.
    pub variants: usize,
    /// Layers of the model.
    pub layers: usize,
    /// Attention halves below the last layer (queries, keys, values, weights, contexts, output
    /// projection).
    pub attentions: usize,
    /// Feed-forward halves below the last layer.
    pub feed_forwards: usize,
    /// Attentions of the last layer, for the row of `[CLS]` only.
    pub reads: usize,
    /// Last rows above that: output projection, feed-forward half, pooler and classifier.
    pub leaves: usize,
}

impl Counts {
    /// Layer evaluations of the naive sweep: every variant, every layer.
    pub fn naive(&self) -> usize {
        self.variants * self.layers
    }

    /// Layer evaluations of the sweep: an attention half and a feed-forward half make one, weighed
    /// by their matrix products in BERT's proportions (a third and two thirds). The last layer
    /// counts for nothing, since one row of it is computed; [`Plan::cost`] counts exactly.
    pub fn shared(&self) -> f64 {
        self.attentions as f64 / 3.0 + self.feed_forwards as f64 * 2.0 / 3.0
    }
}

impl std::fmt::Display for Counts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (naive, shared) = (self.naive(), self.shared());
        write!(
            f,
            "{} variants x {} layers = {naive} layer evaluations one by one; shared: {} attention halves, \
             {} feed-forward halves, {} single rows in the last layer, together {shared:.1} layer evaluations",
            self.variants, self.layers, self.attentions, self.feed_forwards, self.leaves
        )?;
        match shared > 0.0 {
            true => write!(f, " ({:.2} times fewer)", naive as f64 / shared),
            false => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::variant;

    fn sweep(layers: usize, heads: usize) -> Plan {
        let mut variants = vec![variant::baseline()];
        variants.extend(variant::single_heads(layers, heads, Mode::Uniform));
        variants.extend(variant::whole_layers(layers, heads, Mode::Uniform));
        Plan::new(layers, heads, variants).unwrap()
    }

    /// Below the last layer, a variant of layer l needs one feed-forward half there and one whole
    /// layer for each of the L-2-l above; the baseline needs L-1 layers.
    #[test]
    fn a_full_sweep_needs_what_the_formula_says() {
        for (layers, heads) in [(6, 12), (12, 12), (2, 4), (1, 3)] {
            let counts = sweep(layers, heads).counts();
            let above: usize = (0..layers - 1)
                .map(|l| (heads + 1) * (layers - 2 - l))
                .sum();
            assert_eq!(counts.naive(), (1 + (heads + 1) * layers) * layers);
            assert_eq!(counts.attentions, above + layers - 1);
            assert_eq!(
                counts.feed_forwards,
                above + layers - 1 + (heads + 1) * (layers - 1)
            );
            assert_eq!(counts.reads, 1 + (heads + 1) * (layers - 1));
            assert_eq!(counts.leaves, 1 + (heads + 1) * layers);
        }
        let text = sweep(6, 12).counts().to_string();
        assert!(
            text.contains("79 variants x 6 layers = 474 layer evaluations"),
            "{text}"
        );
        assert!(text.contains("(2.66 times fewer)"), "{text}");
    }

    #[test]
    fn a_model_of_one_head_has_one_variant_for_head_and_layer() {
        let plan = sweep(2, 1);
        assert_eq!((plan.variants().len(), plan.counts().leaves), (5, 3));
    }

    #[test]
    fn prefixes_are_shared_and_modes_are_not() {
        let head = |text: &str| text.parse::<HeadId>().unwrap();
        let order = [head("2:0"), head("2:1"), head("0:0"), head("2:2")];
        let mut variants = variant::cumulative("o", &order, 1..=4, Mode::Zero);
        let plan = Plan::new(3, 3, variants.clone()).unwrap();
        // Two different states above layer 0, none new in layer 1, four leaves.
        assert_eq!(
            plan.depths.iter().map(Vec::len).collect::<Vec<_>>(),
            [1, 2, 2, 4]
        );
        variants.extend(variant::cumulative("o", &order, 1..=4, Mode::Uniform));
        variants.push(variant::baseline());
        let both = Plan::new(3, 3, variants).unwrap();
        assert_eq!(
            both.depths.iter().map(Vec::len).collect::<Vec<_>>(),
            [1, 3, 3, 9]
        );
        assert_eq!((plan.baseline(), both.baseline()), (None, Some(8)));
        assert_ne!(plan.key(), both.key());
    }

    #[test]
    fn impossible_plans_are_errors() {
        assert_eq!(
            Plan::new(2, 2, Vec::new()).unwrap_err(),
            PlanError::NoVariants
        );
        let outside = variant::list([HeadId::new(2, 0)], Mode::Zero);
        let error = Plan::new(2, 2, vec![outside]).unwrap_err().to_string();
        assert!(
            error.contains("list-2:0") && error.contains("2 layers of 2 heads"),
            "{error}"
        );
        assert!(Plan::new(0, 2, vec![variant::baseline()]).is_err());
    }

    /// Below the last layer, the counts and the exact cost agree in BERT's proportions for short
    /// inputs, where attention proper costs next to nothing.
    #[test]
    fn cost_agrees_with_the_counts() {
        let plan = sweep(12, 12);
        let shape = Shape {
            layers: 12,
            heads: 12,
            hidden: 768,
            intermediate: 3072,
        };
        let cost = plan.cost(&shape, [(4, 30)]);
        let counts = plan.counts();
        let expected = counts.naive() as f64 / counts.shared();
        assert!(
            (cost.ratio() / expected - 1.0).abs() < 0.05,
            "{} {expected}",
            cost.ratio()
        );
    }
}
