//! The convolutional network that sorts maps (Section 4.1: "a convolutional neural network with 8
//! convolutional layers and ReLU activation functions").

use crate::engine::{Convolution, Engine, EngineError};
use crate::image::CHANNELS;
use attn_bert::{ReadError, to_host};
use burn::module::Module;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{Dropout, DropoutConfig, Initializer, Linear, LinearConfig, PaddingConfig2d};
use burn::tensor::activation::relu;
use burn::tensor::{Device, Tensor};

/// A network that cannot be read or built.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NetworkError {
    /// The device failed.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The weights do not fit.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

/// Output channels and stride of each convolution; all kernels are 3×3.
pub const LAYERS: [(usize, usize); 8] = [
    (16, 2),
    (16, 1),
    (16, 1),
    (32, 2),
    (32, 1),
    (48, 2),
    (48, 1),
    (48, 1),
];

/// Eight convolutions with ReLU; mean and maximum over the last one's 4×4 places; a linear map to
/// the five classes. 75 thousand parameters, 3.2 million multiply-adds a map: small enough that
/// sorting a model's maps costs less than making them.
#[derive(Module, Debug)]
pub struct PatternNetwork {
    /// The convolutions.
    pub convolutions: Vec<Conv2d>,
    /// Active in training only.
    pub dropout: Dropout,
    /// From mean and maximum to the classes.
    pub output: Linear,
}

impl PatternNetwork {
    /// A network with random weights (He et al., 2015), drawn from the device's generator.
    pub fn new(dropout: f64, device: &Device) -> Self {
        let mut inputs = CHANNELS;
        let convolutions = LAYERS
            .iter()
            .map(|&(outputs, stride)| {
                let layer = Conv2dConfig::new([inputs, outputs], [3, 3])
                    .with_stride([stride, stride])
                    .with_padding(PaddingConfig2d::Explicit(1, 1, 1, 1))
                    .with_initializer(Initializer::KaimingNormal {
                        gain: std::f64::consts::SQRT_2,
                        fan_out_only: false,
                    })
                    .init(device);
                inputs = outputs;
                layer
            })
            .collect();
        Self {
            convolutions,
            dropout: DropoutConfig::new(dropout).init(),
            output: LinearConfig::new(2 * inputs, 5).init(device),
        }
    }

    /// Logits of the five classes.
    ///
    /// # Shapes
    /// - images: `[batch, CHANNELS, SIDE, SIDE]`
    /// - output: `[batch, 5]`, in the order of [`attn_core::Pattern::ALL`]
    pub fn forward(&self, images: Tensor<4>) -> Tensor<2> {
        let mut x = images;
        for convolution in &self.convolutions {
            x = relu(convolution.forward(x));
        }
        let places: Tensor<3> = x.flatten(2, 3);
        let mean: Tensor<2> = places.clone().mean_dim(2).squeeze_dim(2);
        let most: Tensor<2> = places.max_dim(2).squeeze_dim(2);
        let joined = Tensor::cat(vec![mean, most], 1);
        self.output.forward(self.dropout.forward(joined))
    }
}

/// The network's weights in the form that sorts maps fastest.
///
/// # Errors
/// [`NetworkError`] when the device fails or the network has other layers than [`LAYERS`].
pub fn engine(network: &PatternNetwork) -> Result<Engine, NetworkError> {
    let mut convolutions = Vec::new();
    for (layer, &(outputs, stride)) in network.convolutions.iter().zip(&LAYERS) {
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
    let bias = network
        .output
        .bias
        .as_ref()
        .map(|b| to_host(b.val()))
        .transpose()?;
    Ok(Engine::new(
        &convolutions,
        &to_host(network.output.weight.val())?,
        &bias.unwrap_or_default(),
    )?)
}
