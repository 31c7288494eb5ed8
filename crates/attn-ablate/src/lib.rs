//! Disabling attention heads: what happens, how sure one can be, and how to find out quickly
//! (Section 4.6 of the paper, Figures 8 and 9).
//!
//! An experiment is a list of [`Variant`]s, each a set of heads to disable and a way to do it, one
//! of them the baseline that disables nothing. From there:
//!
//! - [`Plan`] arranges the variants as a tree in which variants that agree up to a layer share
//!   everything up to it, and counts the work;
//! - [`Sweep`] runs a fine-tuned classifier over examples with all variants at once and gives the
//!   logits of each. They equal those of one whole forward pass a variant ([`naive`]) within
//!   rounding;
//! - [`attn_stats::paired`] compares each variant with the baseline: intervals, paired tests, correction
//!   for the number of variants;
//! - [`importance`] is the gradient estimate of Michel et al. (2019), to be compared with what the
//!   sweep measured, and [`order`] turns either into an order for cumulative curves.
//!
//! ```no_run
//! use attn_ablate::{Memory, Plan, Reference, Sweep, SweepOptions, variant};
//! use attn_bert::{Backend, Checkpoint, TokenIds};
//! use attn_core::Mode;
//!
//! let device = Backend::Flex.device(0)?;
//! let checkpoint = Checkpoint::open("path/to/fine-tuned")?;
//! let (model, _) = checkpoint.load_classifier(2, 0, &device)?;
//! let (layers, heads) = (model.bert.layers(), model.bert.heads());
//! let mut variants = vec![variant::baseline()];
//! variants.extend(variant::single_heads(layers, heads, Mode::Uniform));
//! variants.extend(variant::whole_layers(layers, heads, Mode::Uniform));
//! let plan = Plan::new(layers, heads, variants)?;
//! println!("{}", plan.counts());
//! let examples = [TokenIds { ids: &[101, 7592, 102], types: &[0; 3] }];
//! let sweep = Sweep::new(&model, &plan, Reference::None, SweepOptions::default(), "fine-tuned")?;
//! let logits = sweep.run(&examples, &mut Memory::default())?;
//! let baseline = logits.variant(0); // [example, label], row-major
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod bucket;
mod cost;
mod engine;
pub mod importance;
mod logits;
pub mod order;
mod plan;
mod reference;
mod seal;
mod sink;
mod sweep;
pub mod variant;

pub use bucket::{Bucket, SweepOptions};
pub use cost::{Cost, Shape};
pub use logits::Logits;
pub use plan::{Counts, Plan, PlanError};
pub use reference::{Reference, mean_maps};
pub use seal::{Damage, Stored, read_sealed, write_sealed};
pub use sink::{BoxError, BucketLogits, Folder, Memory, Progress, Sink};
pub use sweep::{Sweep, SweepError, naive};
pub use variant::{Kind, Variant};
