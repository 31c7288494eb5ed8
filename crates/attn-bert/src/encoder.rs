//! The encoder's parts. Field names follow Hugging Face's, so that parameters keep their names; the
//! two that Rust cannot spell, `self` and `LayerNorm`, are `self_attention` and `layer_norm` here.

use crate::TokenBatch;
use crate::config::{Activation, BertConfig};
use crate::intervention::{InterventionError, MeanMaps, head_mask, intervene};
use crate::kernels;
use crate::output::{LayerOutput, Want};
use attn_core::Intervention;
use burn::module::Module;
use burn::nn::{
    Dropout, DropoutConfig, Embedding, EmbeddingConfig, LayerNorm, LayerNormConfig, Linear,
    LinearConfig,
};
use burn::tensor::{Device, Int, Tensor, activation};

pub(crate) fn layer_norm(config: &BertConfig, device: &Device) -> LayerNorm {
    // Burn's default epsilon is 1e-5; BERT's stands in the configuration.
    LayerNormConfig::new(config.hidden_size)
        .with_epsilon(config.layer_norm_eps)
        .init(device)
}

pub(crate) fn dropout(probability: f64) -> Dropout {
    DropoutConfig::new(probability).init()
}

/// Word, position and segment embeddings, summed and normalised.
#[derive(Module, Debug)]
pub struct Embeddings {
    /// `[vocab_size, hidden]`.
    pub word_embeddings: Embedding,
    /// `[max_position_embeddings, hidden]`.
    pub position_embeddings: Embedding,
    /// `[type_vocab_size, hidden]`.
    pub token_type_embeddings: Embedding,
    /// `LayerNorm` in checkpoints.
    pub layer_norm: LayerNorm,
    dropout: Dropout,
    epsilon: f64,
}

impl Embeddings {
    pub(crate) fn new(config: &BertConfig, device: &Device) -> Self {
        let table = |rows| EmbeddingConfig::new(rows, config.hidden_size).init(device);
        Self {
            word_embeddings: table(config.vocab_size),
            position_embeddings: table(config.max_position_embeddings),
            token_type_embeddings: table(config.type_vocab_size),
            layer_norm: layer_norm(config, device),
            dropout: dropout(config.hidden_dropout_prob),
            epsilon: config.layer_norm_eps,
        }
    }

    /// # Shapes
    /// - ids, types: `[batch, width]`
    /// - output: `[batch, width, hidden]`
    pub fn forward(&self, ids: Tensor<2, Int>, types: Tensor<2, Int>) -> Tensor<3> {
        let [_, width] = ids.dims();
        let positions = Tensor::<1, Int>::arange(0..width as i64, &ids.device()).unsqueeze::<2>();
        // The order of the sum is Hugging Face's: words, segments, positions.
        let sum = kernels::embedding(&self.word_embeddings, ids)
            + self.token_type_embeddings.forward(types)
            + self.position_embeddings.forward(positions);
        let normal = kernels::norm(&self.layer_norm, self.epsilon, sum);
        kernels::dropout(&self.dropout, normal)
    }
}

/// Queries, keys and values.
#[derive(Module, Debug)]
pub struct SelfAttention {
    /// Projection to queries.
    pub query: Linear,
    /// Projection to keys.
    pub key: Linear,
    /// Projection to values.
    pub value: Linear,
    dropout: Dropout,
    heads: usize,
    #[module(skip)]
    pruned: Vec<usize>,
}

/// A projection, dropout and a LayerNorm over the sum with the residual.
#[derive(Module, Debug)]
pub struct Residual {
    /// The projection.
    pub dense: Linear,
    /// `LayerNorm` in checkpoints.
    pub layer_norm: LayerNorm,
    dropout: Dropout,
    epsilon: f64,
}

impl Residual {
    fn new(inputs: usize, config: &BertConfig, device: &Device) -> Self {
        Self {
            dense: LinearConfig::new(inputs, config.hidden_size).init(device),
            layer_norm: layer_norm(config, device),
            dropout: dropout(config.hidden_dropout_prob),
            epsilon: config.layer_norm_eps,
        }
    }

    /// `LayerNorm(residual + dropout(dense(x)))`.
    ///
    /// # Shapes
    /// - x: `[batch, width, inputs]`
    /// - residual, output: `[batch, width, hidden]`
    pub fn forward(&self, x: Tensor<3>, residual: Tensor<3>) -> Tensor<3> {
        kernels::linear_norm(
            &self.dense,
            &self.dropout,
            &self.layer_norm,
            self.epsilon,
            x,
            residual,
        )
    }
}

impl Residual {
    /// The LayerNorm alone, of a sum that was made elsewhere.
    ///
    /// # Shapes
    /// - sum, output: `[batch, width, hidden]`
    pub fn normalise(&self, sum: Tensor<3>) -> Tensor<3> {
        kernels::norm(&self.layer_norm, self.epsilon, sum)
    }
}

/// Self-attention with its output projection.
#[derive(Module, Debug)]
pub struct Attention {
    /// `self` in checkpoints.
    pub self_attention: SelfAttention,
    /// Output projection and residual.
    pub output: Residual,
}

/// The first feed-forward projection.
#[derive(Module, Debug)]
pub struct Intermediate {
    /// The projection.
    pub dense: Linear,
    #[module(skip)]
    activation: Activation,
}

/// One encoder layer.
#[derive(Module, Debug)]
pub struct Layer {
    /// Attention block.
    pub attention: Attention,
    /// Feed-forward, first half.
    pub intermediate: Intermediate,
    /// Feed-forward, second half.
    pub output: Residual,
}

/// What all layers of one forward pass share.
pub(crate) struct Pass<'a> {
    pub batch: &'a TokenBatch,
    /// `[batch, 1, 1, key]`, absent when nothing is padded.
    pub bias: Option<Tensor<4>>,
    pub intervention: &'a Intervention,
    pub reference: Option<&'a MeanMaps>,
    pub want: Want,
}

impl SelfAttention {
    fn new(config: &BertConfig, layer: usize, device: &Device) -> Self {
        let square = || LinearConfig::new(config.hidden_size, config.hidden_size).init(device);
        Self {
            query: square(),
            key: square(),
            value: square(),
            dropout: dropout(config.attention_probs_dropout_prob),
            heads: config.num_attention_heads,
            pruned: config.pruned_in(layer),
        }
    }

    /// Number of heads.
    pub fn heads(&self) -> usize {
        self.heads
    }

    /// `[batch, width, hidden]` to `[batch, heads, width, head_size]`.
    pub fn split(&self, x: Tensor<3>) -> Tensor<4> {
        kernels::split(x, self.heads)
    }

    /// Attention weights before any intervention: `softmax(Q Kᵀ / √d)`; zeros for pruned heads.
    ///
    /// # Shapes
    /// - x: `[batch, width, hidden]`; bias: `[batch, 1, 1, key]`
    /// - output: `[batch, heads, query, key]`
    pub fn weights(&self, x: Tensor<3>, bias: Option<Tensor<4>>) -> Tensor<4> {
        self.weights_of(x.clone(), x, bias)
    }

    /// The same for some tokens' queries alone.
    ///
    /// # Shapes
    /// - queries: `[batch, query, hidden]`; x: `[batch, width, hidden]`; bias: `[batch, 1, 1, key]`
    /// - output: `[batch, heads, query, key]`
    pub fn weights_of(
        &self,
        queries: Tensor<3>,
        x: Tensor<3>,
        bias: Option<Tensor<4>>,
    ) -> Tensor<4> {
        let query = kernels::linear(&self.query, queries);
        let key = kernels::linear(&self.key, x);
        let weights = kernels::attention_weights(query, key, self.heads, bias);
        if self.pruned.is_empty() {
            return weights;
        }
        let (shape, device) = (weights.dims(), weights.device());
        let pruned = head_mask(&self.pruned, self.heads, &device).expand(shape);
        weights.mask_fill(pruned, 0.0)
    }

    /// Contexts: weights times values, with dropout of the weights in training.
    ///
    /// # Shapes
    /// - weights: `[batch, heads, query, key]`; value: `[batch, key, hidden]`
    /// - output: `[batch, query, hidden]`, the heads side by side
    pub fn mix(&self, weights: Tensor<4>, value: Tensor<3>) -> Tensor<3> {
        kernels::attention_contexts(&self.dropout, weights, value)
    }
}

impl Layer {
    pub(crate) fn new(config: &BertConfig, layer: usize, device: &Device) -> Self {
        Self {
            attention: Attention {
                self_attention: SelfAttention::new(config, layer, device),
                output: Residual::new(config.hidden_size, config, device),
            },
            intermediate: Intermediate {
                dense: LinearConfig::new(config.hidden_size, config.intermediate_size).init(device),
                activation: config.hidden_act,
            },
            output: Residual::new(config.intermediate_size, config, device),
        }
    }

    /// The layer's upper half: both feed-forward projections and the residual around them. `x` is
    /// what the attention block puts out.
    ///
    /// # Shapes
    /// - x, output: `[batch, width, hidden]`
    pub fn feed_forward(&self, x: Tensor<3>) -> Tensor<3> {
        let dense = &self.intermediate.dense;
        let inner = match self.intermediate.activation {
            Activation::Gelu => kernels::linear_gelu(dense, x.clone()),
            Activation::GeluTanh => activation::gelu_approximate(dense.forward(x.clone())),
            Activation::Relu => activation::relu(dense.forward(x.clone())),
        };
        self.output.forward(inner, x)
    }

    /// What the layer makes of `queries`, all rows of `x` or some of them, and what [`Pass::want`] asks
    /// of it. Keys and values are those of all rows; queries, output projection and feed-forward part, five
    /// sixths of the layer's multiplications, are computed for `queries` alone.
    ///
    /// # Shapes
    /// - queries, output: `[batch, query, hidden]`
    /// - x: `[batch, width, hidden]`
    pub(crate) fn forward(
        &self,
        index: usize,
        queries: Tensor<3>,
        x: Tensor<3>,
        pass: &Pass<'_>,
    ) -> Result<(Tensor<3>, LayerOutput), InterventionError> {
        let attention = &self.attention.self_attention;
        let weights = attention.weights_of(queries.clone(), x.clone(), pass.bias.clone());
        let weights = intervene(
            weights,
            index,
            pass.intervention,
            pass.reference,
            pass.batch,
        )?;
        let maps = pass.want.maps.then(|| weights.clone());
        let value = kernels::linear(&attention.value, x);
        let context = attention.mix(weights, value);
        let contexts = pass.want.contexts.then(|| attention.split(context.clone()));
        let x = self.attention.output.forward(context, queries);
        let x = self.feed_forward(x);
        let hidden = pass.want.hidden.then(|| x.clone());
        Ok((
            x,
            LayerOutput {
                maps,
                contexts,
                hidden,
            },
        ))
    }
}

/// The stack of layers.
#[derive(Module, Debug)]
pub struct Encoder {
    /// From the embeddings upwards.
    pub layer: Vec<Layer>,
}

/// `tanh(dense(hidden state of the first token))`.
#[derive(Module, Debug)]
pub struct Pooler {
    /// The projection.
    pub dense: Linear,
}

impl Pooler {
    pub(crate) fn new(config: &BertConfig, device: &Device) -> Self {
        Self {
            dense: LinearConfig::new(config.hidden_size, config.hidden_size).init(device),
        }
    }

    /// # Shapes
    /// - hidden: `[batch, width, hidden]`
    /// - output: `[batch, hidden]`
    pub fn forward(&self, hidden: Tensor<3>) -> Tensor<2> {
        let [batch, _, size] = hidden.dims();
        let first = hidden.narrow(1, 0, 1).reshape([batch, size]);
        self.dense.forward(first).tanh()
    }
}
