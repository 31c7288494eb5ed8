//! A training's state on disk: everything needed to go on to the same final weights.
//!
//! One safetensors file holds the weights in Burn's layout, both running means of the optimiser and,
//! in its metadata, the number of steps done, the recipe, a fingerprint of the data and the records so
//! far. The order of examples and dropout follow from the seed and the step's number, so no generator
//! needs to be stored. The file is written under another name, synced and renamed: whenever the
//! program is killed, it is whole. Its last tensor is the sha256 of all that stands before it, so
//! that damage is found before anything is built on it.

use crate::adamw::{AdamW, Moments};
use crate::exact::{freeze, thaw};
use crate::finetune::History;
use crate::gradient::Values;
use crate::hashed::Hashed;
use crate::{Recipe, TrainError};
use attn_bert::{ReadError, to_host};
use attn_core::io::{IoError, write_atomically};
use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Tensor, TensorData};
use safetensors::SafeTensors;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use std::io::Write;
use std::path::Path;

/// Changes when an older state could not be gone on from.
const VERSION: u64 = 2;
const GROUPS: [&str; 3] = ["weights", "first", "second"];
/// The last tensor: the sha256 of the file before it.
const SEAL: &str = "sha256";
const SEAL_BYTES: usize = 32;

/// What a state says about itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct StateHeader {
    pub version: u64,
    /// Steps done.
    pub step: usize,
    pub recipe: Recipe,
    /// Sha256 over the training set.
    pub data: String,
    /// Sha256 over the initial weights: another seed or checkpoint is another run.
    pub origin: String,
    pub history: History,
}

impl StateHeader {
    pub fn new(step: usize, recipe: &Recipe, data: &str, origin: &str, history: &History) -> Self {
        let (recipe, history) = (recipe.clone(), history.clone());
        Self {
            version: VERSION,
            step,
            recipe,
            data: data.to_owned(),
            origin: origin.to_owned(),
            history,
        }
    }

    /// Why a run described by `self` cannot go on from `saved`, if so.
    pub fn mismatch(&self, saved: &StateHeader) -> Option<String> {
        const START: &str = "delete it to start anew, or give the run another place for its state";
        if saved.version != self.version {
            return Some(format!(
                "it was written by another version of this program; {START}"
            ));
        }
        if saved.recipe != self.recipe {
            let (old, new) = (fields(&saved.recipe), fields(&self.recipe));
            let changed: Vec<String> = old
                .iter()
                .filter(|(name, value)| new.get(*name) != Some(value))
                .map(|(name, value)| {
                    format!(
                        "{name} was {value}, now {}",
                        new.get(name).unwrap_or(&Value::Null)
                    )
                })
                .collect();
            return Some(format!(
                "the recipe has changed ({}); {START}",
                changed.join(", ")
            ));
        }
        if saved.data != self.data {
            return Some(format!("it belongs to other training data; {START}"));
        }
        (saved.origin != self.origin).then(|| {
            format!(
                "it started from other weights (another model, seed or initialisation); {START}"
            )
        })
    }
}

fn fields(recipe: &Recipe) -> Map<String, Value> {
    match serde_json::to_value(recipe) {
        Ok(Value::Object(fields)) => fields,
        _ => Map::new(),
    }
}

/// A parameter's name and shape, and its values where they lie.
struct Named {
    name: String,
    shape: Vec<usize>,
    values: Tensor<1>,
}

#[derive(Default)]
struct Namer {
    path: Vec<String>,
    found: Vec<Named>,
}

impl ModuleVisitor for Namer {
    fn enter_module(&mut self, name: &str, _container: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let tensor = param.val().inner();
        let shape = tensor.dims().to_vec();
        let count = shape.iter().product::<usize>();
        self.found.push(Named {
            name: self.path.join("."),
            shape,
            values: tensor.reshape([count]),
        });
    }
}

fn parameters<M: Module>(module: &M) -> Vec<Named> {
    let mut namer = Namer::default();
    module.visit(&mut namer);
    namer.found
}

/// The names of a module's parameters, in its order.
pub(crate) fn names<M: Module>(module: &M) -> Vec<String> {
    parameters(module).into_iter().map(|p| p.name).collect()
}

/// Lower-case hex sha256 over a module's weights.
pub(crate) fn weights_fingerprint<M: Module>(module: &M) -> Result<String, ReadError> {
    let mut hash = Sha256::new();
    for parameter in parameters(module) {
        hash.update(parameter.name.as_bytes());
        for chunk in to_host(parameter.values)?.chunks(4096) {
            hash.update(
                chunk
                    .iter()
                    .flat_map(|v| v.to_le_bytes())
                    .collect::<Vec<u8>>(),
            );
        }
    }
    Ok(hash
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect())
}

/// Writes a state.
///
/// # Errors
/// [`TrainError::Io`] when the file cannot be written, a full disk among the reasons: the file that
/// was there stays as it was.
pub(crate) fn save<M: Module>(
    path: &Path,
    module: &M,
    optimiser: &AdamW,
    header: &StateHeader,
) -> Result<(), TrainError> {
    let parameters = parameters(module);
    let encode = |reason: String| IoError::file(path, "encode", std::io::Error::other(reason));
    let text = serde_json::to_value(header)
        .map(freeze)
        .map_err(|e| encode(e.to_string()))?;
    let mut tensors = Map::new();
    tensors.insert("__metadata__".into(), json!({ "state": text.to_string() }));
    let mut offset = 0usize;
    for group in GROUPS {
        for parameter in &parameters {
            let end = offset + 4 * parameter.shape.iter().product::<usize>();
            let entry =
                json!({ "dtype": "F32", "shape": parameter.shape, "data_offsets": [offset, end] });
            tensors.insert(format!("{group}.{}", parameter.name), entry);
            offset = end;
        }
    }
    // Offsets decide the order in the file, whatever the names.
    let seal = [offset, offset + SEAL_BYTES];
    let entry = json!({ "dtype": "U8", "shape": [SEAL_BYTES], "data_offsets": seal });
    tensors.insert(SEAL.to_owned(), entry);
    let mut head = Value::Object(tensors).to_string().into_bytes();
    head.resize(head.len().next_multiple_of(8), b' '); // the format aligns its data
    write_atomically(path, |out| {
        let mut hashed = Hashed::new(out);
        let out = &mut hashed;
        out.write_all(&(head.len() as u64).to_le_bytes())?;
        out.write_all(&head)?;
        for parameter in &parameters {
            write_values(
                out,
                &to_host(parameter.values.clone()).map_err(std::io::Error::other)?,
            )?;
        }
        for pick in [(|m: &Moments| &m.first) as fn(&Moments) -> &Values, |m| {
            &m.second
        }] {
            for (index, parameter) in parameters.iter().enumerate() {
                match optimiser
                    .moments
                    .get(index)
                    .and_then(Option::as_ref)
                    .map(pick)
                {
                    Some(Values::Host(values)) => write_values(out, values)?,
                    Some(other) => {
                        write_values(out, &other.to_vec().map_err(std::io::Error::other)?)?
                    }
                    None => write_values(out, &vec![0.0; parameter.shape.iter().product()])?,
                }
            }
        }
        hashed.seal()
    })?;
    Ok(())
}

fn write_values(out: &mut dyn Write, values: &[f32]) -> std::io::Result<()> {
    values.chunks(1 << 14).try_for_each(|chunk| {
        out.write_all(
            &chunk
                .iter()
                .flat_map(|v| v.to_le_bytes())
                .collect::<Vec<u8>>(),
        )
    })
}

/// A state read back.
pub(crate) struct Saved {
    pub header: StateHeader,
    bytes: Vec<u8>,
}

impl Saved {
    /// Reads a state's file, or gives `None` when there is none.
    ///
    /// # Errors
    /// [`TrainError::Damaged`] when it is not what [`save`] wrote, down to the last bit.
    pub fn read(path: &Path) -> Result<Option<Self>, TrainError> {
        let bytes = match std::fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(IoError::file(path, "read", error).into()),
        };
        let broken = |reason: String| TrainError::Damaged {
            path: path.to_owned(),
            reason,
        };
        let (content, seal) = bytes
            .split_last_chunk::<SEAL_BYTES>()
            .ok_or_else(|| broken(format!("it has {} bytes", bytes.len())))?;
        if Sha256::digest(content).as_slice() != seal {
            return Err(broken(
                "its content does not have the sha256 at its end".into(),
            ));
        }
        SafeTensors::deserialize(&bytes).map_err(|e| broken(e.to_string()))?;
        let (_, metadata) =
            SafeTensors::read_metadata(&bytes).map_err(|e| broken(e.to_string()))?;
        let text = metadata
            .metadata()
            .as_ref()
            .and_then(|entries| entries.get("state"))
            .ok_or_else(|| broken("it has no entry 'state'".into()))?;
        let value: Value = serde_json::from_str(text).map_err(|e| broken(e.to_string()))?;
        let header = serde_json::from_value(thaw(value)).map_err(|e| broken(e.to_string()))?;
        Ok(Some(Self { header, bytes }))
    }

    /// Puts the state's weights into a module of the same shape and gives the optimiser as it was.
    pub fn restore<M: Module>(&self, path: &Path, module: M) -> Result<(M, AdamW), TrainError> {
        let broken = |reason: String| TrainError::Resume {
            path: path.to_owned(),
            reason,
        };
        let file = SafeTensors::deserialize(&self.bytes).map_err(|e| broken(e.to_string()))?;
        let mut groups: Vec<Vec<Vec<f32>>> = Vec::new();
        let parameters = parameters(&module);
        for group in GROUPS {
            let mut values = Vec::new();
            for Named { name, shape, .. } in &parameters {
                let tensor = file
                    .tensor(&format!("{group}.{name}"))
                    .map_err(|e| broken(e.to_string()))?;
                if tensor.shape() != shape {
                    let found = tensor.shape();
                    return Err(broken(format!(
                        "tensor '{group}.{name}' has shape {found:?}, the model expects {shape:?}"
                    )));
                }
                let words = tensor.data().as_chunks::<4>().0;
                values.push(words.iter().map(|word| f32::from_le_bytes(*word)).collect());
            }
            groups.push(values);
        }
        drop(parameters);
        let mut groups = groups.into_iter();
        let (weights, first, second) = (groups.next(), groups.next(), groups.next());
        let module = module.map(&mut Filler {
            values: weights.unwrap_or_default().into_iter(),
        });
        let moments = first
            .unwrap_or_default()
            .into_iter()
            .zip(second.unwrap_or_default())
            .map(|(first, second)| {
                Some(Moments {
                    first: Values::Host(first),
                    second: Values::Host(second),
                })
            })
            .collect();
        Ok((
            module,
            AdamW {
                time: self.header.step,
                moments,
            },
        ))
    }
}

/// Replaces a module's values, in its order.
struct Filler {
    values: std::vec::IntoIter<Vec<f32>>,
}

impl ModuleMapper for Filler {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let Some(values) = self.values.next() else {
            return param;
        };
        param.map(|tensor| {
            let (device, autodiff) = (tensor.device().inner(), tensor.is_autodiff());
            let (shape, tracked) = (tensor.dims(), tensor.is_require_grad());
            let fresh = Tensor::from_data(TensorData::new(values, shape), &device);
            if autodiff {
                Tensor::from_inner(fresh).set_require_grad(tracked)
            } else {
                fresh
            }
        })
    }
}
