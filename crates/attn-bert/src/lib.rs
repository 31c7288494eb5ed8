//! BERT on [Burn](https://burn.dev): an encoder that returns its attention maps.
//!
//! The model is Hugging Face's `BertModel` (Devlin et al., 2019): word, position and token-type
//! embeddings, post-LayerNorm encoder layers, a pooler, and heads for classification and
//! regression. Three things set it apart from a ready-made encoder:
//!
//! - [`BertModel::forward`] hands out, on request, each layer's attention maps
//!   `[batch, heads, query, key]` (the softmax output before dropout), the per-head contexts and
//!   the hidden states ([`Want`]);
//! - any set of heads can be disabled in a forward pass ([`attn_core::Intervention`]), through one
//!   function ([`intervene`](intervention::intervene));
//! - checkpoints in Hugging Face's layout go in and out by their own names, and what does not fit
//!   is an error that names the tensor and both shapes ([`checkpoint`]).
//!
//! ```no_run
//! use attn_bert::{Backend, Checkpoint, TokenBatch, TokenIds, Want};
//! use attn_core::Intervention;
//!
//! let device = Backend::Flex.device(0)?;
//! let checkpoint = Checkpoint::open("path/to/all-MiniLM-L6-v2")?;
//! let (model, report) = checkpoint.load_encoder(&device)?;
//! let ids = [101, 7592, 2088, 102];
//! let batch = TokenBatch::new(&[TokenIds { ids: &ids, types: &[0; 4] }])?;
//! let output = model.forward(&batch, &Intervention::none(), None, Want::maps())?;
//! let maps = output.example_maps(0)?; // [layers, heads, 4, 4], row-major
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod backend;
mod batch;
pub mod checkpoint;
mod classifier;
mod config;
mod config_keys;
mod encoder;
pub mod intervention;
pub mod kernels;
mod model;
mod output;

pub use backend::{Backend, BackendError, DeviceInfo, ParseBackendError};
pub use batch::{BatchError, TokenBatch, TokenIds};
pub use checkpoint::{Checkpoint, CheckpointError, LoadReport};
pub use classifier::{ClassifierOutput, SequenceClassifier};
pub use config::{Activation, BertConfig};
pub use intervention::{InterventionError, MeanMaps};
pub use model::{BertModel, ForwardError};
pub use output::{EncoderOutput, LayerOutput, ReadError, Want, check_maps, to_finite, to_host};
