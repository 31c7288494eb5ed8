//! Gradients by parameter, where their arithmetic is cheapest.
//!
//! On the CPU backend a tensor's memory is the host's: its values are taken out as a `Vec<f32>`
//! without copying, and sums, norms and updates are one fused pass each instead of a chain of
//! tensor operations that each walk and allocate the whole array. On a GPU values stay there.

use attn_bert::{ReadError, to_host};
use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{Device, Gradients as Tape, Tensor};
use rayon::prelude::*;

/// Numbers per parallel task; sums are formed per chunk and added in order, so that they do not
/// depend on the number of threads.
pub(crate) const CHUNK: usize = 1 << 16;

/// The values of one parameter-shaped array, flattened.
#[derive(Debug, Clone)]
#[expect(
    clippy::large_enum_variant,
    reason = "one value a parameter, a few hundred in all: boxing would save nothing"
)]
pub(crate) enum Values {
    Host(Vec<f32>),
    Device(Tensor<1>),
}

/// Where arithmetic on parameters runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Host,
    Device,
}

impl Place {
    /// The host for the CPU backend, the device itself for others.
    pub fn of(device: &Device) -> Self {
        #[cfg(feature = "flex")]
        if device.clone().without_autodiff() == Device::flex() {
            return Place::Host;
        }
        let _ = device;
        Place::Device
    }
}

impl Values {
    /// Takes over a tensor without autodiff. On the CPU nothing is copied when the tensor is the
    /// only owner of its memory.
    pub fn take<const D: usize>(tensor: Tensor<D>, place: Place) -> Result<Self, ReadError> {
        Ok(match place {
            Place::Host => Values::Host(take_host(tensor)?),
            Place::Device => {
                let count = tensor.dims().iter().product::<usize>();
                Values::Device(tensor.reshape([count]))
            }
        })
    }

    /// A copy on the host.
    pub fn to_vec(&self) -> Result<Vec<f32>, ReadError> {
        match self {
            Values::Host(values) => Ok(values.clone()),
            Values::Device(tensor) => to_host(tensor.clone()),
        }
    }

    fn add(&mut self, other: Values) -> Result<(), ReadError> {
        match (&mut *self, other) {
            (Values::Host(sum), Values::Host(other)) => {
                sum.par_chunks_mut(CHUNK)
                    .zip(other.par_chunks(CHUNK))
                    .for_each(|(sum, other)| {
                        for (sum, other) in sum.iter_mut().zip(other) {
                            *sum += other;
                        }
                    });
            }
            (Values::Device(sum), Values::Device(other)) => *sum = sum.clone() + other,
            // A model lies on one device, so that this is never reached; it is right all the same.
            (Values::Host(sum), other @ Values::Device(_)) => {
                for (sum, other) in sum.iter_mut().zip(other.to_vec()?) {
                    *sum += other;
                }
            }
            (Values::Device(sum), Values::Host(other)) => {
                let device = sum.device();
                *sum = sum.clone() + Tensor::from_floats(other.as_slice(), &device);
            }
        }
        Ok(())
    }
}

/// A tensor's values as a vector, without copying where possible.
pub(crate) fn take_host<const D: usize>(tensor: Tensor<D>) -> Result<Vec<f32>, ReadError> {
    tensor
        .try_into_vec_as::<f32>()
        .map_err(|e| ReadError::Device(e.to_string()))
}

/// The gradient of a whole module: one entry a parameter, in the module's order. A parameter that
/// the loss does not depend on has none.
#[derive(Debug, Clone)]
pub(crate) struct Gradient {
    pub parts: Vec<Option<Values>>,
}

impl Gradient {
    /// Takes the module's gradients from a finished backward pass.
    pub fn collect<M: Module>(tape: Tape, module: &M, place: Place) -> Result<Self, ReadError> {
        let mut collector = Collector {
            tape,
            place,
            parts: Vec::new(),
            error: None,
        };
        module.visit(&mut collector);
        match collector.error {
            Some(error) => Err(error),
            None => Ok(Self {
                parts: collector.parts,
            }),
        }
    }

    /// Adds another gradient of the same module.
    pub fn add(&mut self, other: Gradient) -> Result<(), ReadError> {
        for (sum, other) in self.parts.iter_mut().zip(other.parts) {
            match (&mut *sum, other) {
                (Some(sum), Some(other)) => sum.add(other)?,
                (None, other) => *sum = other,
                (Some(_), None) => {}
            }
        }
        Ok(())
    }

    /// Euclidean norm over all parameters.
    pub fn norm(&self) -> Result<f64, ReadError> {
        let mut total = 0.0f64;
        let mut sums: Vec<Tensor<1>> = Vec::new();
        for part in self.parts.iter().flatten() {
            match part {
                Values::Host(values) => total += sum_of_squares(values),
                Values::Device(tensor) => sums.push(tensor.clone().square().sum()),
            }
        }
        if !sums.is_empty() {
            total += to_host(Tensor::cat(sums, 0))?
                .into_iter()
                .map(f64::from)
                .sum::<f64>();
        }
        Ok(total.sqrt())
    }
}

fn sum_of_squares(values: &[f32]) -> f64 {
    let square = |chunk: &[f32]| {
        // Sixteen sums side by side: one would wait for itself at every number.
        let mut lanes = [0.0f64; 16];
        for block in chunk.chunks(16) {
            for (lane, &value) in lanes.iter_mut().zip(block) {
                *lane += f64::from(value) * f64::from(value);
            }
        }
        lanes.iter().sum::<f64>()
    };
    let sums: Vec<f64> = values.par_chunks(CHUNK).map(square).collect();
    sums.iter().sum()
}

struct Collector {
    tape: Tape,
    place: Place,
    parts: Vec<Option<Values>>,
    error: Option<ReadError>,
}

impl ModuleVisitor for Collector {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let gradient = param.val().grad_remove(&mut self.tape);
        let part = gradient
            .map(|gradient| Values::take(gradient, self.place))
            .transpose();
        match part {
            Ok(part) => self.parts.push(part),
            Err(error) => {
                self.parts.push(None);
                self.error.get_or_insert(error);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn norms_and_sums_agree_between_host_and_device() {
        let device = Device::flex();
        let data: Vec<f32> = (0..200_000)
            .map(|i| ((i * 7919 % 1000) as f32 - 500.0) / 100.0)
            .collect();
        let expected = data
            .iter()
            .map(|&v| f64::from(v).powi(2))
            .sum::<f64>()
            .sqrt();
        for place in [Place::Host, Place::Device] {
            let part = || {
                let tensor = Tensor::<2>::from_data(
                    burn::tensor::TensorData::new(data.clone(), [400, 500]),
                    &device,
                );
                Some(Values::take(tensor, place).unwrap())
            };
            let mut gradient = Gradient {
                parts: vec![part(), None],
            };
            let norm = gradient.norm().unwrap();
            assert!(
                (norm / expected - 1.0).abs() < 1e-5,
                "{place:?} {norm} {expected}"
            );
            gradient
                .add(Gradient {
                    parts: vec![part(), part()],
                })
                .unwrap();
            let sum = gradient.parts[0].as_ref().unwrap().to_vec().unwrap();
            assert!(
                sum.iter()
                    .zip(&data)
                    .all(|(sum, value)| *sum == 2.0 * value)
            );
            assert!(gradient.parts[1].is_some());
        }
    }

    #[test]
    fn the_cpu_backend_is_the_host() {
        assert_eq!(Place::of(&Device::flex().autodiff()), Place::Host);
    }
}
