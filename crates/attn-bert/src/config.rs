//! `config.json` of a BERT checkpoint.

use serde::{Deserialize, Serialize};

/// The feed-forward activation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
pub enum Activation {
    /// Exact GELU, with the error function (BERT's).
    #[default]
    #[serde(rename = "gelu")]
    Gelu,
    /// GELU by its tanh approximation.
    #[serde(rename = "gelu_new", alias = "gelu_pytorch_tanh", alias = "gelu_fast")]
    GeluTanh,
    /// Rectified linear unit.
    #[serde(rename = "relu")]
    Relu,
}

/// The fields of Hugging Face's `BertConfig` that decide the computation. Others are ignored when
/// reading. Defaults are Hugging Face's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BertConfig {
    /// Rows of the word-piece table.
    pub vocab_size: usize,
    /// Width of the hidden states.
    pub hidden_size: usize,
    /// Encoder layers.
    pub num_hidden_layers: usize,
    /// Heads per layer; divides `hidden_size`.
    pub num_attention_heads: usize,
    /// Width of the feed-forward layer.
    pub intermediate_size: usize,
    /// Feed-forward activation.
    #[serde(default)]
    pub hidden_act: Activation,
    /// Dropout on embeddings, both residual outputs and the pooled output.
    #[serde(default = "tenth")]
    pub hidden_dropout_prob: f64,
    /// Dropout on attention probabilities.
    #[serde(default = "tenth")]
    pub attention_probs_dropout_prob: f64,
    /// Dropout before the classifier; `hidden_dropout_prob` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub classifier_dropout: Option<f64>,
    /// Longest input, in word pieces.
    pub max_position_embeddings: usize,
    /// Rows of the segment table.
    #[serde(default = "two")]
    pub type_vocab_size: usize,
    /// Standard deviation of fresh weights.
    #[serde(default = "fiftieth")]
    pub initializer_range: f64,
    /// LayerNorm's epsilon (BERT: 1e-12).
    #[serde(default = "layer_norm_eps")]
    pub layer_norm_eps: f64,
    /// Number of outputs of the classifier, as far as the file says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub num_labels: Option<usize>,
    /// Class names by index; Hugging Face keeps the number of labels here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id2label: Option<std::collections::BTreeMap<String, String>>,
    /// The same the other way round, as it is written. Some checkpoints name their classes here alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label2id: Option<std::collections::BTreeMap<String, serde_json::Value>>,
    /// How positions enter; only `absolute` is BERT.
    #[serde(default = "absolute")]
    pub position_embedding_type: String,
    /// Must be `bert` when present.
    #[serde(default = "bert")]
    pub model_type: String,
    /// Written so that transformers picks the class; not read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub architectures: Option<Vec<String>>,
    /// `regression` or `single_label_classification`, for transformers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem_type: Option<String>,
}

fn tenth() -> f64 {
    0.1
}
fn fiftieth() -> f64 {
    0.02
}
fn layer_norm_eps() -> f64 {
    1e-12
}
fn two() -> usize {
    2
}
fn absolute() -> String {
    "absolute".to_owned()
}
fn bert() -> String {
    "bert".to_owned()
}

impl BertConfig {
    /// The shape of bert-base-uncased: 12 layers, 12 heads, hidden 768.
    pub fn base() -> Self {
        Self {
            vocab_size: 30522,
            hidden_size: 768,
            num_hidden_layers: 12,
            num_attention_heads: 12,
            intermediate_size: 3072,
            hidden_act: Activation::Gelu,
            hidden_dropout_prob: tenth(),
            attention_probs_dropout_prob: tenth(),
            classifier_dropout: None,
            max_position_embeddings: 512,
            type_vocab_size: 2,
            initializer_range: fiftieth(),
            layer_norm_eps: layer_norm_eps(),
            num_labels: None,
            id2label: None,
            label2id: None,
            position_embedding_type: absolute(),
            model_type: bert(),
            architectures: None,
            problem_type: None,
        }
    }

    /// Width of one head's queries, keys and values.
    pub fn head_size(&self) -> usize {
        self.hidden_size / self.num_attention_heads.max(1)
    }

    /// How many outputs the checkpoint's classifier should have, if the file says.
    pub fn labels(&self) -> Option<usize> {
        self.num_labels
            .or(self.id2label.as_ref().map(|names| names.len()))
    }

    /// Says what makes this configuration impossible to build, if anything.
    pub fn problem(&self) -> Option<String> {
        let sizes = [
            ("vocab_size", self.vocab_size),
            ("hidden_size", self.hidden_size),
            ("num_hidden_layers", self.num_hidden_layers),
            ("num_attention_heads", self.num_attention_heads),
            ("intermediate_size", self.intermediate_size),
            ("max_position_embeddings", self.max_position_embeddings),
            ("type_vocab_size", self.type_vocab_size),
        ];
        if let Some((name, _)) = sizes.iter().find(|(_, size)| *size == 0) {
            return Some(format!("{name} is 0"));
        }
        let (hidden, heads) = (self.hidden_size, self.num_attention_heads);
        if !hidden.is_multiple_of(heads) {
            return Some(format!(
                "hidden_size {hidden} is not a multiple of num_attention_heads {heads}"
            ));
        }
        if self.model_type != "bert" {
            return Some(format!(
                "model_type is '{}', expected 'bert'",
                self.model_type
            ));
        }
        if self.position_embedding_type != "absolute" {
            return Some(format!(
                "position_embedding_type is '{}', expected 'absolute'",
                self.position_embedding_type
            ));
        }
        let odds = [
            ("hidden_dropout_prob", self.hidden_dropout_prob),
            (
                "attention_probs_dropout_prob",
                self.attention_probs_dropout_prob,
            ),
            ("classifier_dropout", self.classifier_dropout.unwrap_or(0.0)),
        ];
        if let Some((name, value)) = odds.iter().find(|(_, p)| !(0.0..1.0).contains(p)) {
            return Some(format!(
                "{name} is {value}, expected a number from 0 up to but not 1"
            ));
        }
        if !(self.layer_norm_eps >= 0.0 && self.layer_norm_eps.is_finite()) {
            return Some(format!("layer_norm_eps is {}", self.layer_norm_eps));
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_berts_and_problems_are_named() {
        let text = r#"{"vocab_size":9,"hidden_size":8,"num_hidden_layers":1,"num_attention_heads":2,
            "intermediate_size":8,"max_position_embeddings":4,"unknown":[1]}"#;
        let mut config: BertConfig = serde_json::from_str(text).unwrap();
        assert_eq!((config.layer_norm_eps, config.problem()), (1e-12, None));
        config.num_attention_heads = 3;
        assert!(config.problem().unwrap().contains("multiple"));
        config.num_attention_heads = 0;
        assert!(config.problem().unwrap().contains("num_attention_heads"));
        let roberta = text.replace("\"unknown\":[1]", "\"model_type\":\"roberta\"");
        let config: BertConfig = serde_json::from_str(&roberta).unwrap();
        assert!(config.problem().unwrap().contains("roberta"));
        let swish = text.replace("\"unknown\":[1]", "\"hidden_act\":\"swish\"");
        assert!(serde_json::from_str::<BertConfig>(&swish).is_err());
    }
}
