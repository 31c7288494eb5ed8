//! Adam with decoupled weight decay (Loshchilov and Hutter, 2019), as BERT is fine-tuned with.
//!
//! Burn's own AdamW always corrects the bias of its means; the original BERT does not. Here both can
//! be had, the decay spares biases and LayerNorm, and on the CPU the whole update of a parameter is
//! one pass over its memory.

use crate::Recipe;
use crate::gradient::{CHUNK, Gradient, Values, take_host};
use attn_bert::ReadError;
use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::{Tensor, TensorData};
use rayon::prelude::*;

/// Running means of a parameter's gradient and of its square.
#[derive(Debug, Clone)]
pub(crate) struct Moments {
    pub first: Values,
    pub second: Values,
}

/// The optimiser and its state.
#[derive(Debug, Clone, Default)]
pub(crate) struct AdamW {
    /// Updates done.
    pub time: usize,
    /// One entry a parameter, in the module's order; empty before the first update.
    pub moments: Vec<Option<Moments>>,
}

/// The numbers of one update.
#[derive(Debug, Clone, Copy)]
struct Update {
    /// What gradients are multiplied by: below 1 when the norm is clipped.
    scale: f32,
    beta1: f32,
    beta2: f32,
    /// One less each, subtracted in f64: in f32, 1 - 0.999 is off by a hundred-thousandth.
    rest1: f32,
    rest2: f32,
    epsilon: f32,
    /// Learning rate over the first mean's correction.
    rate: f32,
    /// One over the root of the second mean's correction.
    root: f32,
    /// What a decaying parameter is multiplied by: 1 - learning rate * decay.
    keep: f32,
}

impl AdamW {
    /// One update: the gradient is scaled by `scale`, and parameters move at `learning_rate`.
    pub fn step<M: Module>(
        &mut self,
        module: M,
        gradient: Gradient,
        recipe: &Recipe,
        learning_rate: f64,
        scale: f64,
    ) -> Result<M, ReadError> {
        self.time += 1;
        let time = i32::try_from(self.time).unwrap_or(i32::MAX);
        let correction = |beta: f64| {
            if recipe.bias_correction {
                1.0 - beta.powi(time)
            } else {
                1.0
            }
        };
        let update = Update {
            scale: scale as f32,
            beta1: recipe.beta1 as f32,
            beta2: recipe.beta2 as f32,
            rest1: (1.0 - recipe.beta1) as f32,
            rest2: (1.0 - recipe.beta2) as f32,
            epsilon: recipe.epsilon as f32,
            rate: (learning_rate / correction(recipe.beta1)) as f32,
            root: correction(recipe.beta2).sqrt().recip() as f32,
            keep: (1.0 - learning_rate * recipe.weight_decay) as f32,
        };
        self.moments.resize(gradient.parts.len(), None);
        let mut mapper = Stepper {
            gradient,
            moments: &mut self.moments,
            update,
            at: 0,
            error: None,
        };
        let module = module.map(&mut mapper);
        match mapper.error {
            Some(error) => Err(error),
            None => Ok(module),
        }
    }
}

struct Stepper<'a> {
    gradient: Gradient,
    moments: &'a mut [Option<Moments>],
    update: Update,
    at: usize,
    error: Option<ReadError>,
}

impl ModuleMapper for Stepper<'_> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let at = self.at;
        self.at += 1;
        let gradient = self.gradient.parts.get_mut(at).and_then(Option::take);
        let (Some(gradient), Some(moments), None) =
            (gradient, self.moments.get_mut(at), &self.error)
        else {
            return param;
        };
        // BERT's biases and LayerNorm parameters are its only vectors; they do not decay.
        let update = Update {
            keep: if D > 1 { self.update.keep } else { 1.0 },
            ..self.update
        };
        // Consumed first, so that the tensor is alone with its memory and can be changed in place.
        let (id, tensor, mapper) = param.consume();
        let (autodiff, tracked) = (tensor.is_autodiff(), tensor.is_require_grad());
        let (device, shape) = (tensor.device().inner(), tensor.dims());
        let updated = match gradient {
            Values::Host(gradient) => host_step(tensor.inner(), gradient, moments, update)
                .map(|values| Tensor::from_data(TensorData::new(values, shape), &device)),
            Values::Device(gradient) => Ok(device_step(tensor.inner(), gradient, moments, update)),
        };
        let updated = updated.unwrap_or_else(|error| {
            // The device failed, and the caller hears of it: the module must not be used any more.
            self.error = Some(error);
            Tensor::full(shape, f32::NAN, &device)
        });
        let updated = if autodiff {
            Tensor::from_inner(updated).set_require_grad(tracked)
        } else {
            updated
        };
        Param::from_mapped_value(id, updated, mapper)
    }
}

/// The update on the host, in one pass. Returns the new values.
fn host_step<const D: usize>(
    tensor: Tensor<D>,
    gradient: Vec<f32>,
    moments: &mut Option<Moments>,
    update: Update,
) -> Result<Vec<f32>, ReadError> {
    let mut values = take_host(tensor)?;
    let zeros = || Values::Host(vec![0.0; values.len()]);
    let moments = moments.get_or_insert_with(|| Moments {
        first: zeros(),
        second: zeros(),
    });
    if let Values::Device(tensor) = &moments.first {
        moments.first = Values::Host(take_host(tensor.clone())?);
    }
    if let Values::Device(tensor) = &moments.second {
        moments.second = Values::Host(take_host(tensor.clone())?);
    }
    if let (Values::Host(first), Values::Host(second)) = (&mut moments.first, &mut moments.second) {
        values
            .par_chunks_mut(CHUNK)
            .zip(first.par_chunks_mut(CHUNK))
            .zip(second.par_chunks_mut(CHUNK))
            .zip(gradient.par_chunks(CHUNK))
            .for_each(|(((values, first), second), gradient)| {
                update_chunk(values, first, second, gradient, update);
            });
    }
    Ok(values)
}

fn update_chunk(
    values: &mut [f32],
    first: &mut [f32],
    second: &mut [f32],
    gradient: &[f32],
    u: Update,
) {
    for (((value, first), second), gradient) in
        values.iter_mut().zip(first).zip(second).zip(gradient)
    {
        let gradient = gradient * u.scale;
        *first = *first * u.beta1 + gradient * u.rest1;
        *second = *second * u.beta2 + gradient * gradient * u.rest2;
        *value = *value * u.keep - u.rate * *first / (second.sqrt() * u.root + u.epsilon);
    }
}

/// The same with tensor operations.
fn device_step<const D: usize>(
    tensor: Tensor<D>,
    gradient: Tensor<1>,
    moments: &mut Option<Moments>,
    u: Update,
) -> Tensor<D> {
    let shape = tensor.dims();
    let on_device = |values: Values| match values {
        Values::Device(tensor) => tensor,
        Values::Host(values) => Tensor::from_floats(values.as_slice(), &gradient.device()),
    };
    let (first, second) = match moments.take() {
        Some(Moments { first, second }) => (on_device(first), on_device(second)),
        None => (gradient.zeros_like(), gradient.zeros_like()),
    };
    let gradient = gradient * u.scale;
    let first = first * u.beta1 + gradient.clone() * u.rest1;
    let second = second * u.beta2 + gradient.square() * u.rest2;
    let step = first.clone() * u.rate / (second.clone().sqrt() * u.root + u.epsilon);
    *moments = Some(Moments {
        first: Values::Device(first),
        second: Values::Device(second),
    });
    tensor * u.keep - step.reshape(shape)
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::nn::{Linear, LinearConfig};
    use burn::tensor::Device;

    /// Weight `[2, 1]` and bias `[1]`.
    fn linear(weight: [f32; 2], bias: f32) -> Linear {
        let device = Device::flex();
        let mut linear = LinearConfig::new(2, 1).init(&device);
        linear.weight =
            Param::from_tensor(Tensor::from_floats([[weight[0]], [weight[1]]], &device));
        linear.bias = Some(Param::from_tensor(Tensor::from_floats([bias], &device)));
        linear
    }

    fn gradient(values: [f32; 3], on_host: bool) -> Gradient {
        let part = |values: &[f32]| {
            Some(if on_host {
                Values::Host(values.to_vec())
            } else {
                Values::Device(Tensor::from_floats(values, &Device::flex()))
            })
        };
        Gradient {
            parts: vec![part(&values[..2]), part(&values[2..])],
        }
    }

    fn run(recipe: &Recipe, on_host: bool) -> Vec<f32> {
        let (mut module, mut optimiser) = (linear([0.5, -0.25], 1.0), AdamW::default());
        for (gradients, scale) in [
            ([0.1, -0.2, 0.3], 1.0),
            ([0.4, 0.1, -0.5], 0.5),
            ([-0.3, 0.6, 0.2], 1.0),
        ] {
            let gradient = gradient(gradients, on_host);
            module = optimiser
                .step(module, gradient, recipe, 0.01, scale)
                .unwrap();
        }
        let mut values = take_host(module.weight.val()).unwrap();
        values.extend(take_host(module.bias.unwrap().val()).unwrap());
        values
    }

    /// Expected values: torch.optim.AdamW(lr=0.01, eps=1e-8, weight_decay=0.1, 0 for the bias), and
    /// the same formula without bias correction written out in NumPy (float64).
    #[test]
    fn three_steps_follow_the_reference() {
        let corrected = Recipe {
            weight_decay: 0.1,
            ..Recipe::default()
        };
        let plain = corrected.clone().bert_adam();
        for (recipe, expected) in [(&corrected, CORRECTED), (&plain, PLAIN)] {
            for on_host in [true, false] {
                let values = run(recipe, on_host);
                for (value, expected) in values.iter().zip(expected) {
                    assert!(
                        (value - expected).abs() < 2e-7,
                        "{on_host} {values:?} {expected:?}"
                    );
                }
            }
        }
    }

    const CORRECTED: [f32; 3] = [0.479_545_3, -0.239_444_63, 0.986_442_72];
    const PLAIN: [f32; 3] = [0.42927896, -0.22184485, 0.95103954];

    #[test]
    fn a_module_keeps_its_place_on_the_tape() {
        let module = linear([0.5, -0.25], 1.0).train();
        assert!(module.weight.is_require_grad());
        let gradient = gradient([0.1, 0.2, 0.3], true);
        let module = AdamW::default()
            .step(module, gradient, &Recipe::default(), 0.01, 1.0)
            .unwrap();
        assert!(module.weight.is_require_grad() && module.bias.unwrap().is_require_grad());
    }
}
