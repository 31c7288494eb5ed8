//! BERT with a head for classification (2 or 3 labels) or regression (1).

use crate::TokenBatch;
use crate::config::BertConfig;
use crate::encoder::dropout;
use crate::intervention::MeanMaps;
use crate::model::{BertModel, ForwardError};
use crate::output::{EncoderOutput, Want};
use attn_core::Intervention;
use burn::module::Module;
use burn::nn::{Dropout, Linear, LinearConfig};
use burn::tensor::{Device, Tensor};

/// Hugging Face's `BertForSequenceClassification`: dropout and one linear map over the pooled output.
#[derive(Module, Debug)]
pub struct SequenceClassifier {
    /// The encoder, with a pooler.
    pub bert: BertModel,
    dropout: Dropout,
    /// `[hidden, labels]`; one label is a regression.
    pub classifier: Linear,
}

/// A classifier's result.
#[derive(Debug, Clone)]
pub struct ClassifierOutput {
    /// `[batch, labels]`.
    pub logits: Tensor<2>,
    /// The encoder's part.
    pub encoder: EncoderOutput,
}

impl SequenceClassifier {
    /// A model with Burn's lazy initialisation, to be overwritten by a checkpoint.
    pub fn new(config: &BertConfig, labels: usize, device: &Device) -> Self {
        Self {
            bert: BertModel::new(config, device),
            dropout: dropout(
                config
                    .classifier_dropout
                    .unwrap_or(config.hidden_dropout_prob),
            ),
            classifier: LinearConfig::new(config.hidden_size, labels).init(device),
        }
    }

    /// Number of outputs.
    pub fn labels(&self) -> usize {
        self.classifier.weight.lazy_shape()[1]
    }

    /// Runs the encoder and the head; arguments and errors as in [`BertModel::forward`].
    ///
    /// # Errors
    /// [`ForwardError`].
    pub fn forward(
        &self,
        batch: &TokenBatch,
        intervention: &Intervention,
        reference: Option<&MeanMaps>,
        want: Want,
    ) -> Result<ClassifierOutput, ForwardError> {
        let encoder = self.bert.forward(batch, intervention, reference, want)?;
        let pooled = encoder.pooled.clone().ok_or(ForwardError::NoPooler)?;
        let logits = self.classifier.forward(self.dropout.forward(pooled));
        Ok(ClassifierOutput { logits, encoder })
    }
    /// The logits alone, `[batch, labels]`: those of [`SequenceClassifier::forward`] up to rounding,
    /// for less work ([`BertModel::pooled`]). Training and prediction use it.
    ///
    /// # Errors
    /// [`ForwardError`].
    pub fn logits(
        &self,
        batch: &TokenBatch,
        intervention: &Intervention,
        reference: Option<&MeanMaps>,
    ) -> Result<Tensor<2>, ForwardError> {
        let pooled = self.bert.pooled(batch, intervention, reference)?;
        Ok(self.classifier.forward(self.dropout.forward(pooled)))
    }
}
