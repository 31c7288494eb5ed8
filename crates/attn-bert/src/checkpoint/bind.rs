//! Walking a module's parameters: filling them from a weight file or afresh, and reading them out.

use super::CheckpointError;
use super::names::{Place, canonical};
use super::pruned::Cut;
use super::weights::Weights;
use crate::BertConfig;
use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Tensor, TensorData};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, Normal};
use std::collections::BTreeSet;

/// How fresh parameters are drawn: N(0, `deviation`) for matrices and tables, LayerNorm 1 and 0,
/// biases 0 (the paper's random baseline, Section 4.3).
#[derive(Debug, Clone, Copy)]
pub struct Fresh {
    /// Standard deviation, `initializer_range` in configurations.
    pub deviation: f64,
    /// Each tensor draws from a stream of its own, named by this seed and the tensor, so that its
    /// values do not depend on which other tensors are fresh.
    pub seed: u64,
}

impl Fresh {
    fn values(&self, place: &Place, count: usize) -> Vec<f32> {
        if let Some(constant) = place.constant() {
            return vec![constant; count];
        }
        // FNV-1a of the name: stable between versions, unlike the standard hasher.
        let hash = canonical(&place.name())
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325u64, |h, b| {
                (h ^ u64::from(b)).wrapping_mul(0x100_0000_01b3)
            });
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed ^ hash);
        match Normal::new(0.0f64, self.deviation) {
            Ok(normal) => (0..count).map(|_| normal.sample(&mut rng) as f32).collect(),
            // Only a deviation that is negative or not finite gets here.
            Err(_) => vec![0.0; count],
        }
    }
}

/// Fills a module's parameters.
pub(super) struct Binder<'a> {
    /// The file and the configuration that belongs to it.
    pub weights: Option<(&'a Weights, &'a BertConfig)>,
    pub fresh: Fresh,
    /// Canonical names that may be missing from the file.
    pub optional: fn(&str) -> bool,
    pub loaded: BTreeSet<String>,
    pub drawn: Vec<String>,
    pub missing: Vec<String>,
    pub error: Option<CheckpointError>,
    place: Place,
}

impl<'a> Binder<'a> {
    pub fn new(
        weights: Option<(&'a Weights, &'a BertConfig)>,
        fresh: Fresh,
        optional: fn(&str) -> bool,
    ) -> Self {
        Self {
            weights,
            fresh,
            optional,
            loaded: BTreeSet::new(),
            drawn: Vec::new(),
            missing: Vec::new(),
            error: None,
            place: Place::default(),
        }
    }

    /// Values for the parameter at the current place in our layout, or `None` when it stays.
    fn values(&mut self, shape: &[usize]) -> Result<Option<Vec<f32>>, CheckpointError> {
        let name = canonical(&self.place.name());
        let found = self
            .weights
            .and_then(|(weights, config)| Some((weights, config, weights.name_of(&name)?)));
        let Some((weights, config, file_name)) = found else {
            if self.weights.is_some() && !(self.optional)(&name) {
                self.missing.push(name);
                return Ok(None);
            }
            self.drawn.push(name);
            return Ok(Some(self.fresh.values(&self.place, shape.iter().product())));
        };
        let transposed = self.place.is_transposed();
        let whole: Vec<usize> = if transposed {
            shape.iter().rev().copied().collect()
        } else {
            shape.to_vec()
        };
        let cut = Cut::of(config, &name, &whole);
        let expected = cut.as_ref().map_or(whole, Cut::shape);
        let found = weights.shape(file_name).unwrap_or_default();
        if found != expected {
            return Err(CheckpointError::Shape {
                path: weights.file_of(file_name).to_owned(),
                name: file_name.to_owned(),
                found: found.to_vec(),
                expected,
            });
        }
        let mut values = weights.values(file_name).transpose()?.unwrap_or_default();
        if let Some(first) = values.iter().position(|v| !v.is_finite()) {
            return Err(CheckpointError::NotFinite {
                path: weights.file_of(file_name).to_owned(),
                name: file_name.to_owned(),
                index: place_of(first, &expected),
                value: values[first],
            });
        }
        if let Some(cut) = cut {
            values = cut.widen(&values);
        }
        self.loaded.insert(file_name.to_owned());
        Ok(Some(match shape {
            [inputs, outputs] if transposed => transpose(&values, *outputs, *inputs),
            _ => values,
        }))
    }
}

/// The index along each axis of the number at `flat` of a tensor of this shape, row-major.
fn place_of(mut flat: usize, shape: &[usize]) -> Vec<usize> {
    let mut place: Vec<usize> = shape
        .iter()
        .rev()
        .map(|&size| {
            let index = flat % size.max(1);
            flat /= size.max(1);
            index
        })
        .collect();
    place.reverse();
    place
}

/// `[rows, columns]` to `[columns, rows]`, both row-major.
fn transpose(values: &[f32], rows: usize, columns: usize) -> Vec<f32> {
    (0..columns)
        .flat_map(|column| (0..rows).map(move |row| values[row * columns + column]))
        .collect()
}

impl ModuleMapper for Binder<'_> {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.place.enter(name, container);
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.place.leave();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        if self.error.is_some() {
            return param;
        }
        let shape: Vec<usize> = param.lazy_shape().iter().copied().collect();
        match self.values(&shape) {
            Ok(Some(values)) => {
                let (id, device) = (param.id, param.lazy_device());
                let tensor = Tensor::from_data(TensorData::new(values, shape), &device);
                param.transform_for_load(tensor, id)
            }
            Ok(None) => param,
            Err(error) => {
                self.error = Some(error);
                param
            }
        }
    }
}

/// A parameter read out of a module, in PyTorch's layout.
pub(super) struct Parameter {
    pub name: String,
    pub shape: Vec<usize>,
    pub values: Vec<f32>,
}

/// Reads all parameters, in the module's order.
///
/// # Errors
/// [`CheckpointError::Device`] when the device fails.
pub(super) fn parameters<M: Module>(module: &M) -> Result<Vec<Parameter>, CheckpointError> {
    let mut reader = Reader {
        place: Place::default(),
        found: Vec::new(),
        error: None,
    };
    module.visit(&mut reader);
    match reader.error {
        Some(error) => Err(error),
        None => Ok(reader.found),
    }
}

struct Reader {
    place: Place,
    found: Vec<Parameter>,
    error: Option<CheckpointError>,
}

impl ModuleVisitor for Reader {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.place.enter(name, container);
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.place.leave();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let name = self.place.name();
        let tensor = param.val();
        let shape = tensor.dims();
        match crate::to_host(tensor) {
            Ok(values) if self.place.is_transposed() && D == 2 => {
                let (inputs, outputs) = (shape[0], shape[1]);
                let values = transpose(&values, inputs, outputs);
                self.found.push(Parameter {
                    name,
                    shape: vec![outputs, inputs],
                    values,
                });
            }
            Ok(values) => self.found.push(Parameter {
                name,
                shape: shape.to_vec(),
                values,
            }),
            Err(e) => {
                self.error.get_or_insert(CheckpointError::Device {
                    name,
                    reason: e.to_string(),
                });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_count_from_the_last_axis() {
        assert_eq!(place_of(0, &[2, 3]), [0, 0]);
        assert_eq!(place_of(5, &[2, 3]), [1, 2]);
        assert_eq!(place_of(4, &[7]), [4]);
    }

    #[test]
    fn transposes() {
        let original = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        let turned = transpose(&original, 2, 3);
        assert_eq!(turned, [1.0, 4.0, 2.0, 5.0, 3.0, 6.0]);
        assert_eq!(transpose(&turned, 3, 2), original);
    }
}
