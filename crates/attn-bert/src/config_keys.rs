//! The keys of `config.json` beyond [`BertConfig`](crate::BertConfig)'s fields: those that would change the
//! computation, those that are known not to, and those that nobody knows. docs/your-own.md has the table.

use serde_json::{Map, Value};

/// Keys with one supported value: another computes something that is not implemented.
type Fixed = (&'static str, fn(&Value) -> bool, &'static str);

fn off(value: &Value) -> bool {
    value.is_null() || *value == Value::Bool(false)
}

fn empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(items) => items.is_empty(),
        _ => false,
    }
}

fn word(value: &Value, expected: &str) -> bool {
    value.is_null() || value.as_str() == Some(expected)
}

const FIXED: &[Fixed] = &[
    // A decoder masks what comes later.
    ("is_decoder", off, "false"),
    ("is_encoder_decoder", off, "false"),
    ("add_cross_attention", off, "false"),
    ("cross_attention_hidden_size", Value::is_null, "null"),
    ("tie_encoder_decoder", off, "false"),
    ("model_type", |v| v.as_str() == Some("bert"), "\"bert\""),
    (
        "position_embedding_type",
        |v| word(v, "absolute"),
        "\"absolute\"",
    ),
    (
        "hidden_act",
        super::config::activation_is_known,
        ACTIVATIONS,
    ),
    // Weights that are not plain numbers, or code of the checkpoint's own.
    ("quantization_config", empty, "null"),
    ("auto_map", empty, "no code of its own"),
    ("adapters", empty, "no adapters"),
    // Google's own keys: other values belong to other models.
    ("directionality", |v| word(v, "bidi"), "\"bidi\""),
    (
        "pooler_type",
        |v| word(v, "first_token_transform"),
        "\"first_token_transform\"",
    ),
];

/// The activations by transformers' names; see [`crate::Activation`].
const ACTIVATIONS: &str = "\"gelu\", \"gelu_python\", \"gelu_new\", \"gelu_fast\", \"gelu_pytorch_tanh\", \
     \"gelu_python_tanh\", \"gelu_accurate\" or \"relu\"";

/// Fields of the configuration.
const READ: &[&str] = &[
    "architectures",
    "attention_probs_dropout_prob",
    "classifier_dropout",
    "embedding_size",
    "hidden_dropout_prob",
    "hidden_size",
    "id2label",
    "initializer_range",
    "intermediate_size",
    "label2id",
    "layer_norm_eps",
    "max_position_embeddings",
    "num_attention_heads",
    "num_hidden_layers",
    "num_labels",
    "problem_type",
    "pruned_heads",
    "tokenizer_class",
    "type_vocab_size",
    "vocab_size",
];

/// Keys that change no map, hidden state or logit: how transformers computes the same (chunks, attention
/// kernels, caches), what it hands out, where a file came from, ids for padding and generation.
const HARMLESS: &[&str] = &[
    "_attn_implementation",
    "_attn_implementation_autoset",
    "_commit_hash",
    "_name_or_path",
    "_num_labels",
    "attn_implementation",
    "bad_words_ids",
    "begin_suppress_tokens",
    "bos_token_id",
    "chunk_size_feed_forward",
    "decoder_start_token_id",
    "diversity_penalty",
    "do_sample",
    "dtype",
    "early_stopping",
    "encoder_no_repeat_ngram_size",
    "eos_token_id",
    "exponential_decay_length_penalty",
    "finetuning_task",
    "forced_bos_token_id",
    "forced_eos_token_id",
    "gradient_checkpointing",
    "language",
    "length_penalty",
    "max_length",
    "min_length",
    "name",
    "name_or_path",
    "no_repeat_ngram_size",
    "num_beam_groups",
    "num_beams",
    "num_return_sequences",
    "output_attentions",
    "output_hidden_states",
    "output_past",
    "output_scores",
    "pad_token_id",
    "pooler_fc_size",
    "pooler_num_attention_heads",
    "pooler_num_fc_layers",
    "pooler_size_per_head",
    "prefix",
    "remove_invalid_values",
    "repetition_penalty",
    "return_dict",
    "return_dict_in_generate",
    "sentence_transformers",
    "sep_token_id",
    "suppress_tokens",
    "task_specific_params",
    "temperature",
    "tf_legacy_loss",
    "tie_word_embeddings",
    "top_k",
    "top_p",
    "torch_dtype",
    "torchscript",
    "transformers_version",
    "typical_p",
    "use_bfloat16",
    "use_cache",
    "use_return_dict",
];

/// Refuses a key that changes the computation, by name and value; lists the keys that nobody knows.
///
/// # Errors
/// A sentence that names the key.
pub(crate) fn check(config: &Map<String, Value>) -> Result<Vec<String>, String> {
    for (key, fits, expected) in FIXED {
        if let Some(value) = config.get(*key)
            && !fits(value)
        {
            let text: String = value.to_string().chars().take(80).collect();
            return Err(format!(
                "{key} is {text}, expected {expected}: it changes what the model computes and is not implemented"
            ));
        }
    }
    if let (Some(embedding), Some(hidden)) =
        (config.get("embedding_size"), config.get("hidden_size"))
        && !embedding.is_null()
        && embedding != hidden
    {
        return Err(format!(
            "embedding_size is {embedding}, expected hidden_size, {hidden}: factorised embeddings are not implemented"
        ));
    }
    Ok(config
        .keys()
        .filter(|key| {
            let key = key.as_str();
            !READ.contains(&key)
                && !HARMLESS.contains(&key)
                && FIXED.iter().all(|(fixed, ..)| *fixed != key)
        })
        .cloned()
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn checked(value: Value) -> Result<Vec<String>, String> {
        check(value.as_object().unwrap())
    }

    #[test]
    fn keys_that_change_the_computation_are_refused_by_name_and_value() {
        for (key, value) in [
            ("is_decoder", json!(true)),
            ("is_encoder_decoder", json!(true)),
            ("add_cross_attention", json!(true)),
            ("cross_attention_hidden_size", json!(32)),
            ("tie_encoder_decoder", json!(true)),
            ("model_type", json!("roberta")),
            ("position_embedding_type", json!("relative_key_query")),
            ("hidden_act", json!("silu")),
            ("hidden_act", json!({"gelu": 1})),
            ("quantization_config", json!({"load_in_8bit": true})),
            ("auto_map", json!({"AutoModel": "own.Model"})),
            ("adapters", json!({"adapters": {"a": 1}})),
            ("directionality", json!("left")),
            ("pooler_type", json!("last_token")),
            ("is_decoder", json!("yes")),
        ] {
            let message = checked(json!({ key: value })).unwrap_err();
            assert!(
                message.starts_with(&format!("{key} is {value}")),
                "{message}"
            );
        }
        let message = checked(json!({"embedding_size": 8, "hidden_size": 32})).unwrap_err();
        assert!(message.contains("embedding_size is 8"), "{message}");
    }

    #[test]
    fn harmless_keys_pass_and_unknown_ones_are_listed() {
        let config = json!({
            "model_type": "bert", "is_decoder": false, "use_cache": true, "chunk_size_feed_forward": 7,
            "hidden_size": 32, "embedding_size": 32, "quantization_config": null, "pruned_heads": {},
            "hidden_act": "gelu_new", "position_embedding_type": "absolute", "auto_map": {},
            "num_experts": 4, "alibi": true,
        });
        assert_eq!(checked(config).unwrap(), ["alibi", "num_experts"]);
        // Every key that transformers 4.57 writes for a BERT is known.
        let file = include_str!("../tests/fixtures/tiny-bert/config.json");
        assert_eq!(
            checked(serde_json::from_str(file).unwrap()).unwrap(),
            [""; 0]
        );
        let all = include_str!("../tests/fixtures/all-keys.config.json");
        assert_eq!(
            checked(serde_json::from_str(all).unwrap()).unwrap(),
            [""; 0]
        );
    }
}
