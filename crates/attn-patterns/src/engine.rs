//! The trained network without Burn: one map after another, on all cores, with vector instructions.
//!
//! Burn's convolution costs about 0.35 ms a map on two cores, three times the forward pass that
//! made the map. Written out for these small layers (channels last, sixteen output channels side
//! by side, eight pixels at a time in registers) it takes an eighth of that
//! (`examples/network_speed.rs`). It computes the same sums in another order; a test compares the
//! two.

use crate::baseline::Baseline;
use crate::image::{AREA, CHANNELS, Grid, MAP_CHANNELS, SIDE, image};
use crate::measures::{MEASURES, measures};
use crate::store::StoredMap;
use crate::weights::Weights;
use attn_core::Pattern;
use attn_kernels::{
    CONVOLUTION_LANES as LANES, CONVOLUTION_PIXELS as PIXELS, Convolution, convolve,
};
use rayon::prelude::*;

/// Classes.
pub const CLASSES: usize = Pattern::ALL.len();

/// Probabilities of the five classes, in the order of [`Pattern::ALL`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Probabilities(pub [f32; CLASSES]);

impl Probabilities {
    /// The most probable class, the first of equals.
    pub fn pattern(&self) -> Pattern {
        let mut best = Pattern::Vertical;
        for pattern in Pattern::ALL {
            if self.0[pattern.index()] > self.0[best.index()] {
                best = pattern;
            }
        }
        best
    }

    /// The probability of a class.
    pub fn of(&self, pattern: Pattern) -> f32 {
        self.0[pattern.index()]
    }
}

/// Weights that are not this network's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EngineError {
    /// A layer's sizes do not fit.
    #[error("{layer}: expected {expected}, found {found}")]
    Shape {
        /// Which layer.
        layer: String,
        /// What was expected.
        expected: String,
        /// What was found.
        found: String,
    },
}

/// The network, ready to sort maps.
#[derive(Debug, Clone)]
pub struct Engine {
    layers: Vec<Convolution>,
    /// `[2 * channels, 5]`.
    output: Vec<f32>,
    output_bias: [f32; CLASSES],
    readout: Baseline,
}

/// Buffers of one thread.
#[derive(Debug, Default)]
struct Scratch {
    /// The framed picture; its token channels stay from one map of an input to the next.
    input: Vec<f32>,
    now: Vec<f32>,
    next: Vec<f32>,
    picture: Vec<f32>,
}

impl Engine {
    /// From a network's weights.
    ///
    /// # Errors
    /// [`EngineError::Shape`] when sizes do not fit one another.
    pub fn new(weights: &Weights) -> Result<Self, EngineError> {
        let shape = |layer: String, expected: String, found: String| {
            Err(EngineError::Shape {
                layer,
                expected,
                found,
            })
        };
        let (mut side, mut inputs) = (SIDE, CHANNELS);
        let mut layers = Vec::new();
        for (index, c) in weights.convolutions.iter().enumerate() {
            let name = format!("convolution {index}");
            if c.inputs != inputs || c.outputs == 0 || c.outputs % LANES != 0 {
                let found = format!("{} to {}", c.inputs, c.outputs);
                let expected = format!("{inputs} channels to a multiple of {LANES}");
                return shape(name, expected, found);
            }
            if c.weight.len() != c.outputs * inputs * 9 || c.bias.len() != c.outputs {
                let found = format!("{} weights, {} biases", c.weight.len(), c.bias.len());
                return shape(
                    name,
                    format!("{0} * {inputs} * 9 and {0}", c.outputs),
                    found,
                );
            }
            let even = matches!(c.stride, 1 | 2) && side % c.stride == 0;
            let out_side = if even { side / c.stride } else { 0 };
            if out_side * out_side % PIXELS != 0 || out_side < 4 {
                let found = format!("stride {} on {side} pixels", c.stride);
                return shape(name, "at least 4 pixels left".to_owned(), found);
            }
            let mut weight = vec![0.0; c.weight.len()];
            for (at, &value) in c.weight.iter().enumerate() {
                let (o, rest) = (at / (inputs * 9), at % (inputs * 9));
                let (i, ky, kx) = (rest / 9, rest / 3 % 3, rest % 3);
                let row = (o / LANES * 3 + ky) * 3 * inputs + kx * inputs + i;
                if let Some(place) = weight.get_mut(row * LANES + o % LANES) {
                    *place = value;
                }
            }
            layers.push(Convolution {
                inputs,
                outputs: c.outputs,
                stride: c.stride,
                side,
                out_side,
                weight,
                bias: c.bias.clone(),
            });
            (side, inputs) = (out_side, c.outputs);
        }
        let (output, output_bias) = (&weights.output, &weights.output_bias);
        let readout = &weights.readout;
        let sizes = [&readout.mean, &readout.spread, &readout.weights].map(Vec::len);
        if sizes != [MEASURES, MEASURES, CLASSES * (MEASURES + 1)] {
            let expected = format!("{MEASURES}, {MEASURES} and {CLASSES} * {}", MEASURES + 1);
            return shape("measures".to_owned(), expected, format!("{sizes:?}"));
        }
        let bias = <[f32; CLASSES]>::try_from(output_bias.as_slice()).ok();
        let Some(bias) = bias.filter(|_| output.len() == 2 * inputs * CLASSES) else {
            let found = format!("{} weights, {} biases", output.len(), output_bias.len());
            return shape(
                "output".to_owned(),
                format!("2 * {inputs} * {CLASSES} and {CLASSES}"),
                found,
            );
        };
        Ok(Self {
            layers,
            output: output.clone(),
            output_bias: bias,
            readout: readout.clone(),
        })
    }

    /// Sorts all maps of one input: `maps` holds `[length, length]` values each, row-major;
    /// `special` and `segments` are the input's ([`crate::MapEntry`]). One entry a map, in order,
    /// whatever the number of threads; incomplete maps at the end are ignored.
    pub fn classify(
        &self,
        maps: &[f32],
        length: usize,
        special: &[usize],
        segments: &[u8],
    ) -> Vec<Probabilities> {
        let grid = Grid::new(length);
        let tokens = self.frame(&grid.token_channels(special, segments));
        maps.par_chunks_exact((length * length).max(1))
            .map_init(Scratch::default, |scratch, map| {
                let Scratch {
                    input,
                    now,
                    next,
                    picture,
                } = scratch;
                if input.is_empty() {
                    input.clone_from(&tokens);
                }
                picture.clear();
                grid.map_channels(map, picture);
                for (channel, values) in picture.chunks_exact(AREA).enumerate() {
                    put(input, channel, values);
                }
                let counted = self
                    .readout
                    .logits(&measures(map, length, special, segments));
                softmax(add(self.logits(input, now, next), counted))
            })
            .collect()
    }

    /// Sorts one stored map.
    pub fn sort(&self, map: &StoredMap) -> Probabilities {
        let entry = &map.entry;
        let picture = image(
            &map.weights,
            entry.length(),
            &entry.special,
            &entry.segments,
        );
        let counted = measures(
            &map.weights,
            entry.length(),
            &entry.special,
            &entry.segments,
        );
        softmax(add(self.logits_of(&picture), self.readout.logits(&counted)))
    }

    /// What the convolutions say of one picture, `[CHANNELS, SIDE, SIDE]` ([`crate::image::image`]).
    pub fn logits_of(&self, picture: &[f32]) -> [f32; CLASSES] {
        let mut input = self.frame(&[]);
        for (channel, values) in picture.chunks_exact(AREA).take(CHANNELS).enumerate() {
            put(&mut input, channel, values);
        }
        self.logits(&input, &mut Vec::new(), &mut Vec::new())
    }

    /// An input with its border and the token channels in place.
    fn frame(&self, tokens: &[f32]) -> Vec<f32> {
        let mut frame = vec![0.0; (SIDE + 2) * (SIDE + 2) * CHANNELS];
        for (channel, values) in tokens.chunks_exact(AREA).enumerate() {
            put(&mut frame, MAP_CHANNELS + channel, values);
        }
        frame
    }

    fn logits(&self, input: &[f32], now: &mut Vec<f32>, next: &mut Vec<f32>) -> [f32; CLASSES] {
        for (index, layer) in self.layers.iter().enumerate() {
            let width = layer.out_side + 2;
            next.clear();
            next.resize(width * width * layer.outputs, 0.0);
            convolve(layer, if index == 0 { input } else { now }, next);
            std::mem::swap(now, next);
        }
        let Some(last) = self.layers.last() else {
            return self.output_bias;
        };
        let (channels, side) = (last.outputs, last.out_side);
        let (mut mean, mut most) = (vec![0.0f32; channels], vec![0.0f32; channels]);
        for row in now.chunks_exact((side + 2) * channels).skip(1).take(side) {
            for pixel in row.chunks_exact(channels).skip(1).take(side) {
                for ((mean, most), &value) in mean.iter_mut().zip(&mut most).zip(pixel) {
                    *mean += value;
                    *most = most.max(value);
                }
            }
        }
        let places = (side * side) as f32;
        let mut logits = self.output_bias;
        let features = mean.iter().map(|m| m / places).chain(most);
        for (feature, weights) in features.zip(self.output.chunks_exact(CLASSES)) {
            for (logit, weight) in logits.iter_mut().zip(weights) {
                *logit += feature * weight;
            }
        }
        logits
    }
}

/// Writes one channel into a framed input, channels last.
fn put(frame: &mut [f32], channel: usize, values: &[f32]) {
    let rows = frame.chunks_exact_mut((SIDE + 2) * CHANNELS).skip(1);
    for (row, values) in rows.zip(values.chunks_exact(SIDE)) {
        let places = row.iter_mut().skip(CHANNELS + channel).step_by(CHANNELS);
        for (place, &value) in places.zip(values) {
            *place = value;
        }
    }
}

fn add(a: [f32; CLASSES], b: [f32; CLASSES]) -> [f32; CLASSES] {
    std::array::from_fn(|class| a[class] + b[class])
}

pub(crate) fn softmax(logits: [f32; CLASSES]) -> Probabilities {
    let most = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let powers = logits.map(|l| (l - most).exp());
    let sum: f32 = powers.iter().sum();
    Probabilities(powers.map(|p| p / sum))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::PatternNetwork;
    use crate::weights::Convolution as Weighted;
    use burn::tensor::{Device, Tensor, TensorData};

    fn maps(count: usize, length: usize) -> Vec<f32> {
        let value = |i: usize| ((i * 2_654_435_761) >> 7) % 1000;
        (0..count * length * length)
            .map(|i| value(i) as f32 / 1e4)
            .collect()
    }

    #[test]
    fn it_computes_what_burn_computes() {
        let device = Device::flex();
        let mut weights = Weights::random(3);
        for (i, weight) in weights.readout.weights.iter_mut().enumerate() {
            *weight = (i % 11) as f32 / 20.0;
        }
        let network = PatternNetwork::new(&weights, &device);
        let engine = Engine::new(&weights).unwrap();
        for length in [8, 50, 128] {
            let maps = maps(3, length);
            let (special, mut segments) = ([0, length / 2, length - 1], vec![0; length]);
            segments[length / 2 + 1..].fill(1);
            let pictures: Vec<f32> = maps
                .chunks_exact(length * length)
                .flat_map(|m| image(m, length, &special, &segments))
                .collect();
            let data = TensorData::new(pictures.clone(), [3, CHANNELS, SIDE, SIDE]);
            let logits = network.forward(Tensor::from_data(data, &device), None);
            let expected = attn_bert::to_host(logits).unwrap();
            let classified = engine.classify(&maps, length, &special, &segments);
            for (i, picture) in pictures.chunks_exact(CHANNELS * AREA).enumerate() {
                let found = engine.logits_of(picture);
                let expected = &expected[i * CLASSES..(i + 1) * CLASSES];
                for (a, b) in found.iter().zip(expected) {
                    assert!(
                        (a - b).abs() < 1e-4 * (1.0 + b.abs()),
                        "{found:?} {expected:?}"
                    );
                }
                let p = classified[i].0;
                assert!((p.iter().sum::<f32>() - 1.0).abs() < 1e-5);
                let map = &maps[i * length * length..(i + 1) * length * length];
                let counted = measures(map, length, &special, &segments);
                let both = add(found, weights.readout.logits(&counted));
                for (a, b) in p.iter().zip(softmax(both).0) {
                    assert!((a - b).abs() < 1e-6);
                }
            }
        }
        assert!(engine.classify(&[], 0, &[], &[]).is_empty());
    }

    #[test]
    fn wrong_weights_are_named() {
        let layer = Weighted {
            inputs: CHANNELS,
            outputs: 16,
            stride: 2,
            weight: vec![0.0; 16 * CHANNELS * 9],
            bias: vec![0.0; 16],
        };
        let make = |layer: Weighted, output: usize| {
            Engine::new(&Weights {
                convolutions: vec![layer],
                output: vec![0.0; output],
                output_bias: vec![0.0; CLASSES],
                readout: Baseline::default(),
            })
        };
        assert!(make(layer.clone(), 160).is_ok());
        let error = |layer, output| make(layer, output).unwrap_err().to_string();
        let wrong = Weighted {
            inputs: 3,
            ..layer.clone()
        };
        assert!(error(wrong, 160).contains("convolution 0"));
        let wrong = Weighted {
            stride: 3,
            ..layer.clone()
        };
        assert!(error(wrong, 160).contains("stride 3"));
        let wrong = Weighted {
            bias: vec![],
            ..layer.clone()
        };
        assert!(error(wrong, 160).contains("0 biases"));
        assert!(error(layer, 16).contains("output"));
    }
}
