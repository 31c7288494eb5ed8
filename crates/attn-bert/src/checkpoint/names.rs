//! From a parameter's place in our modules to its name in a checkpoint.

/// Where a traversal stands: field names and the types that hold them.
#[derive(Debug, Default)]
pub(super) struct Place {
    fields: Vec<String>,
    containers: Vec<String>,
}

impl Place {
    pub fn enter(&mut self, field: &str, container: &str) {
        self.fields.push(field.to_owned());
        self.containers.push(container.to_owned());
    }

    pub fn leave(&mut self) {
        self.fields.pop();
        self.containers.pop();
    }

    /// The parameter's name in Hugging Face's files. Only spelling differs: `self` and `LayerNorm`
    /// are not field names that Rust allows or likes, and Burn calls a LayerNorm's parameters
    /// `gamma` and `beta`, as TensorFlow's BERT did.
    pub fn name(&self) -> String {
        let parts: Vec<&str> = self
            .fields
            .iter()
            .map(|field| match field.as_str() {
                "self_attention" => "self",
                "layer_norm" => "LayerNorm",
                "gamma" => "weight",
                "beta" => "bias",
                other => other,
            })
            .collect();
        parts.join(".")
    }

    /// Burn stores a linear map as `[inputs, outputs]`, PyTorch as `[outputs, inputs]`.
    pub fn is_transposed(&self) -> bool {
        self.containers.last().is_some_and(|c| c == "Struct:Linear")
            && self.fields.last().is_some_and(|f| f == "weight")
    }

    /// The value of a fresh parameter that is not random.
    pub fn constant(&self) -> Option<f32> {
        match self.fields.last().map(String::as_str) {
            Some("gamma") => Some(1.0),
            Some("beta" | "bias") => Some(0.0),
            _ => None,
        }
    }
}

/// One spelling for all: without the prefixes `module.` (of `DataParallel`) and `bert.`, and with the `gamma`
/// and `beta` of old checkpoints as `weight` and `bias`.
pub(super) fn canonical(name: &str) -> String {
    let name = name.strip_prefix("module.").unwrap_or(name);
    let name = name.strip_prefix("bert.").unwrap_or(name);
    if let Some(stem) = name.strip_suffix(".gamma") {
        format!("{stem}.weight")
    } else if let Some(stem) = name.strip_suffix(".beta") {
        format!("{stem}.bias")
    } else {
        name.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_meet() {
        assert_eq!(
            canonical("bert.embeddings.LayerNorm.gamma"),
            "embeddings.LayerNorm.weight"
        );
        assert_eq!(canonical("classifier.weight"), "classifier.weight");
        assert_eq!(canonical("module.classifier.weight"), "classifier.weight");
        assert_eq!(
            canonical("module.bert.pooler.dense.bias"),
            "pooler.dense.bias"
        );
        let mut place = Place::default();
        for (field, container) in [
            ("encoder", "Struct:BertModel"),
            ("layer", "Struct:Encoder"),
            ("3", "Vec"),
            ("attention", "Struct:Layer"),
            ("self_attention", "Struct:Attention"),
            ("query", "Struct:SelfAttention"),
            ("weight", "Struct:Linear"),
        ] {
            place.enter(field, container);
        }
        assert_eq!(place.name(), "encoder.layer.3.attention.self.query.weight");
        assert!(place.is_transposed());
        place.leave();
        assert!(!place.is_transposed());
    }
}
