//! Statistics of attention maps.
//!
//! Everything works on plain slices: a head's map for an input of `L` tokens is `L * L` numbers,
//! row-major, row = query (the token that attends), column = key (the token attended to), each row
//! summing to 1. Nothing here knows how a map was made.
//!
//! Two layers:
//!
//! - pure functions on one map ([`features`], [`shape`]);
//! - accumulators that take one example after another and keep, for each head, a mean with a
//!   bootstrap interval over examples, in memory that does not grow with their number
//!   ([`BootstrapMean`]); an [`Observer`] ties such accumulators to the maps of a forward pass.
//!
//! ```
//! use attn_stats::{MapsView, features::attention_to};
//! // One layer, one head, three tokens; most attention goes to token 2.
//! let weights = [0.1, 0.1, 0.8, 0.0, 0.2, 0.8, 0.3, 0.3, 0.4];
//! let maps = MapsView::new(1, 1, 3, &weights)?;
//! let received = attention_to(maps.map(0, 0).unwrap(), 3, &[2]).unwrap();
//! assert!((received - 2.0 / 3.0).abs() < 1e-6);
//! # Ok::<(), attn_stats::StatsError>(())
//! ```

mod bootstrap;
pub mod features;
mod observer;
pub mod shape;
mod view;

pub use bootstrap::{BootstrapMean, Estimate, Resampler};
pub use observer::{FeatureAttention, FeaturePositions, Observation, Observer};
pub use view::{MapsView, StatsError};
