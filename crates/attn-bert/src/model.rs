//! The encoder as a whole.

use crate::TokenBatch;
use crate::batch::BatchError;
use crate::config::BertConfig;
use crate::encoder::{Embeddings, Encoder, Layer, Pass, Pooler};
use crate::intervention::{InterventionError, MeanMaps};
use crate::output::{EncoderOutput, Want};
use attn_core::Intervention;
use burn::module::Module;
use burn::tensor::{Device, Tensor};

/// BERT without a task head: Hugging Face's `BertModel`.
#[derive(Module, Debug)]
pub struct BertModel {
    /// Embeddings.
    pub embeddings: Embeddings,
    /// Layers.
    pub encoder: Encoder,
    /// Absent when the model was built without one.
    pub pooler: Option<Pooler>,
}

/// A forward pass that cannot be run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ForwardError {
    /// The batch does not fit the model.
    #[error(transparent)]
    Batch(#[from] BatchError),
    /// The intervention does not fit the model.
    #[error(transparent)]
    Intervention(#[from] InterventionError),
    /// A classifier reads the pooler's output, and there is none.
    #[error("the model has no pooler, which its classifier reads")]
    NoPooler,
}

impl BertModel {
    /// A model with Burn's lazy initialisation, to be overwritten by a checkpoint or by
    /// [`checkpoint::initialise`](crate::checkpoint::initialise).
    pub fn new(config: &BertConfig, device: &Device) -> Self {
        Self {
            embeddings: Embeddings::new(config, device),
            encoder: Encoder {
                layer: (0..config.num_hidden_layers)
                    .map(|layer| Layer::new(config, layer, device))
                    .collect(),
            },
            pooler: Some(Pooler::new(config, device)),
        }
    }

    /// Number of layers.
    pub fn layers(&self) -> usize {
        self.encoder.layer.len()
    }

    /// Heads per layer.
    pub fn heads(&self) -> usize {
        self.encoder
            .layer
            .first()
            .map_or(0, |l| l.attention.self_attention.heads())
    }

    /// The device that holds the parameters.
    pub fn device(&self) -> Device {
        self.embeddings.word_embeddings.weight.val().device()
    }

    /// Checks a batch against the tables and embeds it: the hidden state below layer 0,
    /// `[batch, width, hidden]`.
    ///
    /// # Errors
    /// [`ForwardError::Batch`] when an id lies outside a table or an example is longer than the
    /// position embeddings.
    pub fn embed(&self, batch: &TokenBatch) -> Result<Tensor<3>, ForwardError> {
        let rows = |table: &burn::nn::Embedding| table.weight.lazy_shape()[0];
        let Embeddings {
            word_embeddings,
            position_embeddings,
            token_type_embeddings,
            ..
        } = &self.embeddings;
        batch.check(
            rows(word_embeddings),
            rows(token_type_embeddings),
            rows(position_embeddings),
        )?;
        let device = self.device();
        Ok(self
            .embeddings
            .forward(batch.ids_tensor(&device), batch.types_tensor(&device)))
    }

    /// Runs the encoder over a batch.
    ///
    /// `intervention` names the heads to disable; [`Intervention::none`] changes nothing, to the
    /// bit. `reference` holds the maps for mode `mean` and is ignored by the others. `want` says
    /// what to keep of each layer. Dropout is active only on an autodiff device.
    ///
    /// # Errors
    /// [`ForwardError`] when an id lies outside a table, an example is longer than the position
    /// embeddings, or the intervention names a head that does not exist or has no reference map.
    pub fn forward(
        &self,
        batch: &TokenBatch,
        intervention: &Intervention,
        reference: Option<&MeanMaps>,
        want: Want,
    ) -> Result<EncoderOutput, ForwardError> {
        let mut x = self.embed(batch)?;
        let pass = self.pass(batch, intervention, reference, want)?;
        let embeddings = want.hidden.then(|| x.clone());
        let mut outputs = Vec::with_capacity(self.layers());
        for (index, layer) in self.encoder.layer.iter().enumerate() {
            let (next, output) = layer.forward(index, x.clone(), x, &pass)?;
            x = next;
            outputs.push(output);
        }
        Ok(EncoderOutput {
            pooled: self.pooler.as_ref().map(|pooler| pooler.forward(x.clone())),
            last_hidden: x,
            embeddings,
            layers: outputs,
            lengths: batch.lengths().to_vec(),
        })
    }

    /// The pooler's output alone, `[batch, hidden]`, the same as [`BertModel::forward`]'s up to
    /// rounding. The pooler reads the first token, so that the last layer is computed for that one
    /// only: one part in seven less to multiply in a model of six layers.
    ///
    /// # Errors
    /// As [`BertModel::forward`], and [`ForwardError::NoPooler`].
    pub fn pooled(
        &self,
        batch: &TokenBatch,
        intervention: &Intervention,
        reference: Option<&MeanMaps>,
    ) -> Result<Tensor<2>, ForwardError> {
        let pooler = self.pooler.as_ref().ok_or(ForwardError::NoPooler)?;
        let mut x = self.embed(batch)?;
        let pass = self.pass(batch, intervention, reference, Want::nothing())?;
        if let Some((last, below)) = self.encoder.layer.split_last() {
            for (index, layer) in below.iter().enumerate() {
                x = layer.forward(index, x.clone(), x, &pass)?.0;
            }
            let first = x.clone().narrow(1, 0, 1);
            x = last.forward(below.len(), first, x, &pass)?.0;
        }
        Ok(pooler.forward(x))
    }

    /// What all layers share, once every disabled head is known to exist.
    fn pass<'a>(
        &self,
        batch: &'a TokenBatch,
        intervention: &'a Intervention,
        reference: Option<&'a MeanMaps>,
        want: Want,
    ) -> Result<Pass<'a>, ForwardError> {
        let (layers, heads) = (self.layers(), self.heads());
        if let Some(&head) = intervention
            .heads
            .iter()
            .find(|h| h.layer >= layers || h.head >= heads)
        {
            return Err(InterventionError::NoSuchHead {
                head,
                layers,
                heads,
            }
            .into());
        }
        let device = self.device();
        Ok(Pass {
            batch,
            bias: batch.has_padding().then(|| batch.score_bias(&device)),
            intervention,
            reference,
            want,
        })
    }
}
