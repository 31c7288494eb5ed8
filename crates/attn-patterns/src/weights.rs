//! The network's weights as plain numbers, and as a file.

use crate::baseline::Baseline;
use crate::image::CHANNELS;
use crate::measures::MEASURES;
use attn_core::Pattern;
use attn_core::io::{IoError, write_atomically};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, Normal};
use safetensors::tensor::{Dtype, TensorView};
use safetensors::{SafeTensorError, SafeTensors};
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

/// Output channels and stride of each of the eight convolutions; all kernels are 3×3.
pub const LAYERS: [(usize, usize); 8] = [
    (16, 2),
    (16, 2),
    (32, 2),
    (32, 1),
    (48, 2),
    (48, 1),
    (48, 1),
    (48, 1),
];

/// What the file says it is.
const FORMAT: &str = "attention-atlas patterns 2";

/// The network that was trained on all labelled maps (`attn patterns train`).
const BUILT_IN: &[u8] = include_bytes!("../model/patterns.safetensors");

/// One convolution's weights.
#[derive(Debug, Clone, PartialEq)]
pub struct Convolution {
    /// Input channels.
    pub inputs: usize,
    /// Output channels, a multiple of 16.
    pub outputs: usize,
    /// Stride in both directions.
    pub stride: usize,
    /// `[outputs, inputs, 3, 3]`.
    pub weight: Vec<f32>,
    /// `[outputs]`.
    pub bias: Vec<f32>,
}

/// All weights of a [`crate::PatternNetwork`].
#[derive(Debug, Clone, PartialEq)]
pub struct Weights {
    /// The convolutions, first to last.
    pub convolutions: Vec<Convolution>,
    /// `[2 * channels, 5]`: from the mean and the maximum of the last convolution's channels.
    pub output: Vec<f32>,
    /// `[5]`.
    pub output_bias: Vec<f32>,
    /// From the numbers of [`crate::measures`](mod@crate::measures) to the classes; added.
    pub readout: Baseline,
}

/// A weight file that cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum WeightsError {
    /// The file itself.
    #[error(transparent)]
    Io(#[from] IoError),
    /// It is not what it should be.
    #[error("{path}: {reason}; expected a file that `attn patterns train` wrote")]
    File {
        /// The file.
        path: PathBuf,
        /// What was expected and found.
        reason: String,
    },
}

impl Weights {
    /// Random weights (He et al., 2015) from a seed; biases and the readout of
    /// the measures are 0.
    pub fn random(seed: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut draw = |count: usize, fan_in: usize| -> Vec<f32> {
            let spread = (2.0 / fan_in as f32).sqrt();
            // The spread is finite and positive, so that the distribution exists.
            Normal::new(0.0, spread).map_or_else(
                |_| vec![0.0; count],
                |normal| (0..count).map(|_| normal.sample(&mut rng)).collect(),
            )
        };
        let mut inputs = CHANNELS;
        let mut convolutions = Vec::new();
        for (outputs, stride) in LAYERS {
            convolutions.push(Convolution {
                inputs,
                outputs,
                stride,
                weight: draw(outputs * inputs * 9, inputs * 9),
                bias: vec![0.0; outputs],
            });
            inputs = outputs;
        }
        let classes = Pattern::ALL.len();
        Self {
            output: draw(2 * inputs * classes, 2 * inputs),
            output_bias: vec![0.0; classes],
            convolutions,
            readout: Baseline::default(),
        }
    }

    /// The weights that come with this crate: trained on all maps of datasets/attention-maps.
    ///
    /// # Errors
    /// [`WeightsError`] when the file in the crate is damaged.
    pub fn built_in() -> Result<Self, WeightsError> {
        Self::from_bytes(Path::new("model/patterns.safetensors"), BUILT_IN)
    }

    /// Names, shapes and values in the file's layout.
    fn tensors(&self) -> Vec<(String, Vec<usize>, &[f32])> {
        let mut tensors = Vec::new();
        for (i, c) in self.convolutions.iter().enumerate() {
            let shape = vec![c.outputs, c.inputs, 3, 3];
            tensors.push((
                format!("convolutions.{i}.weight"),
                shape,
                c.weight.as_slice(),
            ));
            tensors.push((format!("convolutions.{i}.bias"), vec![c.outputs], &c.bias));
        }
        let classes = self.output_bias.len();
        let inputs = self.output.len() / classes.max(1);
        tensors.push((
            "output.weight".to_owned(),
            vec![inputs, classes],
            &self.output,
        ));
        tensors.push(("output.bias".to_owned(), vec![classes], &self.output_bias));
        let Baseline {
            mean,
            spread,
            weights,
        } = &self.readout;
        let mut readout = |name: &str, shape: Vec<usize>, values| {
            tensors.push((format!("measures.{name}"), shape, values));
        };
        readout("mean", vec![MEASURES], mean.as_slice());
        readout("spread", vec![MEASURES], spread);
        readout("weight", vec![classes, MEASURES + 1], weights);
        tensors
    }

    /// Writes a safetensors file; `notes` (where the weights come from) go into its metadata.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&self, path: &Path, notes: &BTreeMap<String, String>) -> Result<(), WeightsError> {
        let bytes: Vec<(String, Vec<usize>, Vec<u8>)> = self
            .tensors()
            .into_iter()
            .map(|(name, shape, values)| {
                let bytes = values.iter().flat_map(|v| v.to_le_bytes()).collect();
                (name, shape, bytes)
            })
            .collect();
        let mut metadata: HashMap<String, String> = notes.clone().into_iter().collect();
        metadata.insert("format".to_owned(), FORMAT.to_owned());
        let packed = bytes
            .iter()
            .map(|(name, shape, data)| {
                let view = TensorView::new(Dtype::F32, shape.clone(), data)?;
                Ok((name.as_str(), view))
            })
            .collect::<Result<BTreeMap<_, _>, SafeTensorError>>()
            .and_then(|views| safetensors::serialize(views, Some(metadata)))
            .map_err(|e| file(path, e.to_string()))?;
        write_atomically(path, |out| out.write_all(&packed))?;
        Ok(())
    }

    /// Reads a file that [`Weights::write`] wrote.
    ///
    /// # Errors
    /// [`WeightsError`] when the file is missing or another one.
    pub fn read(path: &Path) -> Result<Self, WeightsError> {
        let bytes = std::fs::read(path).map_err(|e| IoError::file(path, "read", e))?;
        Self::from_bytes(path, &bytes)
    }

    /// As [`Weights::read`], from the file's content; `path` is for messages.
    ///
    /// # Errors
    /// [`WeightsError`].
    pub fn from_bytes(path: &Path, bytes: &[u8]) -> Result<Self, WeightsError> {
        let tensors = SafeTensors::deserialize(bytes).map_err(|e| file(path, e.to_string()))?;
        let (_, metadata) =
            SafeTensors::read_metadata(bytes).map_err(|e| file(path, e.to_string()))?;
        let format = metadata.metadata().as_ref().and_then(|m| m.get("format"));
        if format.map(String::as_str) != Some(FORMAT) {
            return Err(file(
                path,
                format!("format {format:?}, expected '{FORMAT}'"),
            ));
        }
        let mut read = Self::random(0);
        let wanted: Vec<(String, Vec<usize>)> = read
            .tensors()
            .into_iter()
            .map(|(name, shape, _)| (name, shape))
            .collect();
        let mut values = Vec::new();
        for (name, shape) in wanted {
            let tensor = tensors
                .tensor(&name)
                .map_err(|e| file(path, e.to_string()))?;
            if tensor.dtype() != Dtype::F32 || tensor.shape() != shape {
                let found = format!("{:?} of {:?}", tensor.dtype(), tensor.shape());
                return Err(file(
                    path,
                    format!("tensor '{name}' is {found}, expected F32 of {shape:?}"),
                ));
            }
            let numbers: Vec<f32> = tensor
                .data()
                .chunks_exact(4)
                .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
                .collect();
            if !numbers.iter().all(|v| v.is_finite()) {
                return Err(file(path, format!("tensor '{name}' holds NaN or infinity")));
            }
            values.push(numbers);
        }
        let mut values = values.into_iter();
        for c in &mut read.convolutions {
            c.weight = values.next().unwrap_or_default();
            c.bias = values.next().unwrap_or_default();
        }
        read.output = values.next().unwrap_or_default();
        read.output_bias = values.next().unwrap_or_default();
        read.readout = Baseline {
            mean: values.next().unwrap_or_default(),
            spread: values.next().unwrap_or_default(),
            weights: values.next().unwrap_or_default(),
        };
        Ok(read)
    }
}

fn file(path: &Path, reason: String) -> WeightsError {
    WeightsError::File {
        path: path.to_owned(),
        reason,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_round_trip_and_others_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("w.safetensors");
        let mut weights = Weights::random(7);
        weights.readout.weights[3] = 0.5;
        assert_ne!(weights, Weights::random(8));
        weights
            .write(&path, &[("seed".to_owned(), "7".to_owned())].into())
            .unwrap();
        assert_eq!(Weights::read(&path).unwrap(), weights);
        let mut short = weights.clone();
        short.convolutions.pop();
        short.write(&path, &BTreeMap::new()).unwrap();
        let error = Weights::read(&path).unwrap_err().to_string();
        assert!(
            error.contains("convolutions.7") && error.contains("w.safetensors"),
            "{error}"
        );
        let mut broken = weights;
        broken.output_bias[2] = f32::NAN;
        broken.write(&path, &BTreeMap::new()).unwrap();
        assert!(
            Weights::read(&path)
                .unwrap_err()
                .to_string()
                .contains("output.bias")
        );
        std::fs::write(&path, b"no").unwrap();
        assert!(Weights::read(&path).is_err());
    }
}
