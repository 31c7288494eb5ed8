//! A checkpoint's classifier in another order of its outputs, or replaced by a fresh one.

use super::bind::Fresh;
use super::{Checkpoint, CheckpointError, LoadReport, initialise};
use crate::{BertConfig, SequenceClassifier, to_host};
use burn::module::Param;
use burn::tensor::{Device, Tensor, TensorData};

const WEIGHT: &str = "classifier.weight";
const BIAS: &str = "classifier.bias";

impl Checkpoint {
    /// Loads the encoder with the file's own classifier, whose outputs come in another order: output
    /// `i` of the result is output `order[i]` of the file. `seed` is for a pooler that the file lacks.
    ///
    /// # Errors
    /// As [`Checkpoint::load_classifier`]; [`CheckpointError::Config`] when `order` does not name each
    /// output once.
    pub fn load_classifier_ordered(
        &self,
        order: &[usize],
        seed: u64,
        device: &Device,
    ) -> Result<(SequenceClassifier, LoadReport), CheckpointError> {
        let outputs = self.classifier_labels().unwrap_or(0);
        let mut sorted = order.to_vec();
        sorted.sort_unstable();
        if !sorted.into_iter().eq(0..outputs) {
            return Err(CheckpointError::Config {
                path: self.weights.path().to_owned(),
                reason: format!(
                    "the order {order:?} does not name each of the classifier's {outputs} outputs once"
                ),
            });
        }
        let (mut model, report) = self.load_classifier(outputs, seed, device)?;
        if order.iter().copied().eq(0..outputs) {
            return Ok((model, report));
        }
        // A linear map is `[inputs, outputs]`, so that outputs are neighbours in both.
        let Some(bias) = model.classifier.bias.take() else {
            return Err(CheckpointError::Tensors {
                path: self.weights.path().to_owned(),
                names: vec![BIAS.to_owned()],
                found: self.weights.names().count(),
                sample: WEIGHT.to_owned(),
            });
        };
        model.classifier.weight = reordered(model.classifier.weight, order, WEIGHT)?;
        model.classifier.bias = Some(reordered(bias, order, BIAS)?);
        Ok((model, report))
    }

    /// Loads the encoder under a fresh classifier of `labels` outputs drawn from `seed`, whatever the
    /// file holds: the one that a checkpoint without a classifier would get. The report counts the
    /// file's own among what is not used.
    ///
    /// # Errors
    /// As [`Checkpoint::load_classifier`].
    pub fn load_classifier_fresh(
        &self,
        labels: usize,
        seed: u64,
        device: &Device,
    ) -> Result<(SequenceClassifier, LoadReport), CheckpointError> {
        let Some(own) = self.classifier_labels() else {
            return self.load_classifier(labels, seed, device);
        };
        let (mut model, mut report) = self.load_classifier(own, seed, device)?;
        // Each tensor is drawn from a stream named by the seed and the tensor, so that the smallest
        // model with such a classifier has the same one.
        let smallest = BertConfig {
            vocab_size: 1,
            num_hidden_layers: 1,
            intermediate_size: 1,
            max_position_embeddings: 1,
            ..self.config.clone()
        };
        let fresh = Fresh {
            deviation: self.config.initializer_range,
            seed,
        };
        let drawn = initialise(SequenceClassifier::new(&smallest, labels, device), fresh);
        model.classifier = drawn.classifier;
        for name in [WEIGHT, BIAS] {
            let Some(file) = self.weights.names().find(|file| file.ends_with(name)) else {
                continue;
            };
            report.loaded = report.loaded.saturating_sub(1);
            report.fresh.push(name.to_owned());
            report.unused.push(file.to_owned());
        }
        report.fresh.sort();
        report.fresh.dedup();
        Ok((model, report))
    }
}

/// A parameter whose last dimension is in another order.
fn reordered<const D: usize>(
    param: Param<Tensor<D>>,
    order: &[usize],
    name: &str,
) -> Result<Param<Tensor<D>>, CheckpointError> {
    let (id, device) = (param.id, param.lazy_device());
    let shape: Vec<usize> = param.lazy_shape().iter().copied().collect();
    let failed = |reason: String| CheckpointError::Device {
        name: name.to_owned(),
        reason,
    };
    let values = to_host(param.val()).map_err(|e| failed(e.to_string()))?;
    let mut moved = Vec::with_capacity(values.len());
    for row in values.chunks_exact(order.len().max(1)) {
        moved.extend(order.iter().filter_map(|&output| row.get(output).copied()));
    }
    let tensor = Tensor::from_data(TensorData::new(moved, shape), &device);
    Ok(param.transform_for_load(tensor, id))
}
