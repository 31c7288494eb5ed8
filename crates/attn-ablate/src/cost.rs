//! What a sweep costs, in multiply-adds of matrix products.

use attn_bert::SequenceClassifier;
use serde::{Deserialize, Serialize};

/// The sizes that decide a model's cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shape {
    /// Layers.
    pub layers: usize,
    /// Heads per layer.
    pub heads: usize,
    /// Width `D` of the hidden states.
    pub hidden: usize,
    /// Width `F` of the feed-forward layer.
    pub intermediate: usize,
}

impl Shape {
    /// The shape of a model.
    pub fn of(model: &SequenceClassifier) -> Self {
        let [hidden, intermediate] = match model.bert.encoder.layer.first() {
            Some(layer) => {
                let shape = layer.intermediate.dense.weight.lazy_shape();
                [shape[0], shape[1]]
            }
            None => [0, 0],
        };
        Self {
            layers: model.bert.layers(),
            heads: model.bert.heads(),
            hidden,
            intermediate,
        }
    }

    fn sizes(&self, examples: usize, width: usize) -> [u64; 4] {
        [
            examples as u64,
            width as u64,
            self.hidden as u64,
            self.intermediate as u64,
        ]
    }

    /// Attention half of a layer: `B W (4 D² + 2 W D)` (queries, keys, values, output; scores and
    /// contexts).
    pub(crate) fn attention(&self, examples: usize, width: usize) -> u64 {
        let [b, w, d, _] = self.sizes(examples, width);
        b * w * (4 * d * d + 2 * w * d)
    }

    /// Feed-forward half of a layer: `B W 2 D F`.
    pub(crate) fn feed_forward(&self, examples: usize, width: usize) -> u64 {
        let [b, w, d, f] = self.sizes(examples, width);
        b * w * 2 * d * f
    }

    /// A layer, as the naive sweep computes it.
    pub(crate) fn layer(&self, examples: usize, width: usize) -> u64 {
        self.attention(examples, width) + self.feed_forward(examples, width)
    }

    /// The change of the attention output by one disabled head: `B W (D / H) D`.
    pub(crate) fn change(&self, examples: usize, width: usize) -> u64 {
        let [b, w, d, _] = self.sizes(examples, width);
        b * w * d * (d / self.heads.max(1) as u64)
    }

    /// The last layer's attention for one row: `B (3 D² + 2 W H D)`. Keys and values are never
    /// computed: the query goes through the keys' projection and the weighted hidden state through
    /// the values'.
    pub(crate) fn read(&self, examples: usize, width: usize) -> u64 {
        let [b, w, d, _] = self.sizes(examples, width);
        b * (3 * d * d + 2 * w * self.heads as u64 * d)
    }

    /// The last layer above its contexts, and the pooler, for one row: `B (2 D² + 2 D F)`.
    pub(crate) fn top(&self, examples: usize) -> u64 {
        let [b, _, d, f] = self.sizes(examples, 0);
        b * (2 * d * d + 2 * d * f)
    }
}

/// Multiply-adds of a sweep.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Cost {
    /// Every variant a whole forward pass.
    pub naive: u64,
    /// With shared work.
    pub shared: u64,
}

impl Cost {
    /// How many times cheaper sharing is, as far as matrix products go.
    pub fn ratio(&self) -> f64 {
        self.naive as f64 / self.shared.max(1) as f64
    }
}

impl std::fmt::Display for Cost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let giga = |value: u64| value as f64 / 1e9;
        write!(
            f,
            "{:.1} billion multiply-adds instead of {:.1} ({:.2} times fewer)",
            giga(self.shared),
            giga(self.naive),
            self.ratio()
        )
    }
}
