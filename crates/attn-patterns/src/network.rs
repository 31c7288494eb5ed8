//! The convolutional network that sorts maps (Section 4.1: "a convolutional neural network with 8
//! convolutional layers and ReLU activation functions"), in Burn, for training. Sorting is done by
//! [`crate::Engine`].

use crate::baseline::Baseline;
use crate::weights::{Convolution, LAYERS, Weights};
use attn_bert::{ReadError, to_host};
use burn::module::{Module, Param};
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{Linear, LinearConfig, PaddingConfig2d};
use burn::tensor::activation::relu;
use burn::tensor::{Device, Tensor, TensorData};

/// Eight convolutions with ReLU; mean and maximum over the last one's 4×4 places, and beside them
/// the numbers of [`crate::measures`](mod@crate::measures); a linear map of all of these to the five
/// classes. What the numbers contribute is fitted first ([`Baseline`]) and stays. 94 thousand parameters, 3.6 million multiply-adds a map: small enough that
/// sorting a model's maps costs less than making them.
#[derive(Module, Debug)]
pub struct PatternNetwork {
    /// The convolutions.
    pub convolutions: Vec<Conv2d>,
    /// From mean and maximum to the classes.
    pub output: Linear,
}

fn param<const D: usize>(values: &[f32], shape: [usize; D], device: &Device) -> Param<Tensor<D>> {
    let data = TensorData::new(values.to_vec(), shape);
    Param::from_tensor(Tensor::from_data(data, device))
}

impl PatternNetwork {
    /// A network with these weights.
    pub fn new(weights: &Weights, device: &Device) -> Self {
        let convolutions = weights
            .convolutions
            .iter()
            .map(|c| {
                let mut layer = Conv2dConfig::new([c.inputs, c.outputs], [3, 3])
                    .with_stride([c.stride, c.stride])
                    .with_padding(PaddingConfig2d::Explicit(1, 1, 1, 1))
                    .init(device);
                layer.weight = param(&c.weight, [c.outputs, c.inputs, 3, 3], device);
                layer.bias = Some(param(&c.bias, [c.outputs], device));
                layer
            })
            .collect();
        let classes = weights.output_bias.len();
        let inputs = weights.output.len() / classes.max(1);
        let mut output = LinearConfig::new(inputs, classes).init(device);
        output.weight = param(&weights.output, [inputs, classes], device);
        output.bias = Some(param(&weights.output_bias, [classes], device));
        Self {
            convolutions,
            output,
        }
    }

    /// What the convolutions add to the logits of the five classes. `mask` multiplies the features before the last layer: dropout,
    /// drawn by the caller.
    ///
    /// # Shapes
    /// - images: `[batch, CHANNELS, SIDE, SIDE]`
    /// - mask: `[batch, 96]`
    /// - output: `[batch, 5]`, in the order of [`attn_core::Pattern::ALL`]
    pub fn forward(&self, images: Tensor<4>, mask: Option<Tensor<2>>) -> Tensor<2> {
        let mut x = images;
        for convolution in &self.convolutions {
            x = relu(convolution.forward(x));
        }
        let places: Tensor<3> = x.flatten(2, 3);
        let mean: Tensor<2> = places.clone().mean_dim(2).squeeze_dim(2);
        let most: Tensor<2> = places.max_dim(2).squeeze_dim(2);
        let features = Tensor::cat(vec![mean, most], 1);
        self.output.forward(match mask {
            Some(mask) => features * mask,
            None => features,
        })
    }

    /// The weights, read from the device, with the readout of the measures.
    ///
    /// # Errors
    /// [`ReadError`] when the device fails.
    pub fn weights(&self, readout: Baseline) -> Result<Weights, ReadError> {
        let mut convolutions = Vec::new();
        for (layer, &(outputs, stride)) in self.convolutions.iter().zip(&LAYERS) {
            let weight = layer.weight.val();
            let inputs = weight.dims()[1];
            let bias = layer.bias.as_ref().map(|b| to_host(b.val())).transpose()?;
            convolutions.push(Convolution {
                inputs,
                outputs,
                stride,
                weight: to_host(weight)?,
                bias: bias.unwrap_or_else(|| vec![0.0; outputs]),
            });
        }
        let bias = self
            .output
            .bias
            .as_ref()
            .map(|b| to_host(b.val()))
            .transpose()?;
        Ok(Weights {
            convolutions,
            output: to_host(self.output.weight.val())?,
            output_bias: bias.unwrap_or_default(),
            readout,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_go_in_and_come_out() {
        let weights = Weights::random(1);
        let network = PatternNetwork::new(&weights, &Device::flex());
        assert_eq!(network.weights(Baseline::default()).unwrap(), weights);
        assert_eq!(network.num_params(), 93_797);
    }
}
