//! Statistics of attention maps.
//!
//! Everything works on plain slices: a head's map for an input of `L` tokens is `L * L` numbers,
//! row-major, row = query (the token that attends), column = key (the token attended to), each row
//! summing to 1. Nothing here knows how a map was made.
//!
//! Two layers:
//!
//! - pure functions on one map ([`features`], [`pairs`], [`cosine`], [`entropy`], [`structure`],
//!   [`mds`]);
//! - accumulators that take one example after another and keep, for each head, a mean with a
//!   bootstrap interval over examples, in memory that does not grow with their number
//!   ([`BootstrapMean`]). An [`Observer`] ties such accumulators to the maps of a forward pass:
//!
//! | observer | what | paper |
//! | --- | --- | --- |
//! | [`Cosine`] | how far fine-tuning moved each head | Section 4.3, Figure 5 |
//! | [`FeatureAttention`] | attention to `[CLS]`, `[SEP]`, nouns, … | Section 4.4, Figure 6 |
//! | [`FeatureAttention::cls_row`] | the same from `[CLS]` in the last layer | Section 4.5, Figure 7 |
//! | [`LinkAttention`] | verb to subject, noun to pronoun, beside fixed offsets | Section 4.5 |
//! | [`PairAttention`], [`ShuffleNull`] | FrameNet score, and under shuffled annotation | Section 4.2, Figure 3 |
//! | [`SharedWords`] | words that occur in both sentences | Section 5 |
//! | [`MapStructures`] | entropy, neighbours, distance | beyond |
//! | [`HeadDivergence`], [`mds`] | how different the heads are, as a map of heads | beyond |
//!
//! NaN and infinite weights never reach an observer: [`MapsView::new`] names the first one. An
//! example without tokens, or without what a statistic needs, does not count, and `n` says so.
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

mod annotation;
mod bootstrap;
pub mod cosine;
mod divergence;
pub mod entropy;
mod feature_attention;
pub mod features;
mod links;
pub mod mds;
mod observer;
pub mod pairs;
pub mod shape;
pub mod shared;
pub mod structure;
mod undefined;
mod view;

pub use annotation::{Annotation, FeaturePositions, TokenPairs, WordLinks};
pub use bootstrap::{BootstrapMean, Estimate, Resampler, quantile};
pub use cosine::Cosine;
pub use divergence::HeadDivergence;
pub use feature_attention::FeatureAttention;
pub use links::{Direction, LinkAttention, OffsetBaseline};
pub use observer::{Observation, Observer, PaddingRows};
pub use pairs::{NullResult, PairAttention, ShuffleNull};
pub use shared::SharedWords;
pub use structure::{MapStructures, StructureStatistic};
pub use undefined::undefined;
pub use view::{MapsView, StatsError};
