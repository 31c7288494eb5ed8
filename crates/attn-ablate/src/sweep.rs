//! Running a plan over examples.

use crate::bucket::{batch, by_length, check, hash_tokens, hex};
use crate::engine::Engine;
use crate::reference::mean_maps;
use crate::{Bucket, BucketLogits, Logits, Plan, Progress, Reference, Shape, Sink, SweepOptions};
use attn_bert::{
    BatchError, ForwardError, MeanMaps, ReadError, SequenceClassifier, TokenIds, Want, to_finite,
};
use burn::module::Module;
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;

/// A sweep that could not be finished.
#[derive(Debug, thiserror::Error)]
pub enum SweepError {
    /// The plan was made for another model.
    #[error(
        "the plan is for {plan_layers} layers of {plan_heads} heads, the model has {layers} layers of {heads} heads"
    )]
    Shape {
        /// Layers of the plan.
        plan_layers: usize,
        /// Heads of the plan.
        plan_heads: usize,
        /// Layers of the model.
        layers: usize,
        /// Heads of the model.
        heads: usize,
    },
    /// Mode `mean` without a reference.
    #[error("a variant has mode 'mean', which needs reference maps: give a reference sample")]
    NoReference,
    /// An example is broken.
    #[error(transparent)]
    Batch(#[from] BatchError),
    /// The model cannot run an example or a variant.
    #[error(transparent)]
    Forward(#[from] ForwardError),
    /// The device failed.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// Something has the wrong size.
    #[error("{what} has {found} values, expected {expected}")]
    Size {
        /// What.
        what: &'static str,
        /// Values expected.
        expected: usize,
        /// Values found.
        found: usize,
    },
    /// The sink failed.
    #[error("cannot keep or find results: {0}")]
    Sink(#[source] crate::BoxError),
    /// The sink asked to stop.
    #[error("cancelled after {done} of {total} parts, which are kept")]
    Cancelled {
        /// Buckets finished.
        done: usize,
        /// All buckets.
        total: usize,
    },
}

/// A plan, a model and the way to run it.
pub struct Sweep<'a> {
    model: SequenceClassifier,
    plan: &'a Plan,
    shape: Shape,
    reference: Reference<'a>,
    options: SweepOptions,
    fingerprint: String,
}

impl<'a> Sweep<'a> {
    /// Prepares a sweep. The model runs in evaluation mode, whatever device holds it.
    /// `fingerprint` names the weights in the keys of stored results, for example by the SHA-256
    /// of the weight file: results of another model are never taken for this one's.
    ///
    /// # Errors
    /// [`SweepError`] when the plan does not fit the model, the model has no pooler, or a variant
    /// has mode `mean` and there is no reference.
    pub fn new(
        model: &SequenceClassifier,
        plan: &'a Plan,
        reference: Reference<'a>,
        options: SweepOptions,
        fingerprint: &str,
    ) -> Result<Self, SweepError> {
        let shape = Shape::of(model);
        if (plan.layers(), plan.heads()) != (shape.layers, shape.heads) {
            return Err(SweepError::Shape {
                plan_layers: plan.layers(),
                plan_heads: plan.heads(),
                layers: shape.layers,
                heads: shape.heads,
            });
        }
        if model.bert.pooler.is_none() {
            return Err(ForwardError::NoPooler.into());
        }
        if plan.needs_reference() && matches!(reference, Reference::None) {
            return Err(SweepError::NoReference);
        }
        let fingerprint = format!("{fingerprint}\n{}\n{}", plan.key(), reference.key());
        Ok(Self {
            model: model.valid(),
            plan,
            shape,
            reference,
            options,
            fingerprint,
        })
    }

    /// How the examples will be run: by length, shortest first. The same examples and options give
    /// the same buckets.
    ///
    /// # Errors
    /// [`SweepError::Batch`] for an empty or uneven example.
    pub fn buckets(&self, examples: &[TokenIds<'_>]) -> Result<Vec<Bucket>, SweepError> {
        check(examples)?;
        let lengths: Vec<usize> = examples.iter().map(|e| e.ids.len()).collect();
        let state = self.plan.peak() * self.shape.hidden.max(1) * size_of::<f32>();
        let tokens = self
            .options
            .bucket_tokens
            .min(self.options.memory / state.max(1))
            .max(1);
        let buckets = by_length(&lengths, tokens, self.options.padding)
            .into_iter()
            .map(|chosen| {
                let mut hash = Sha256::new();
                hash.update(&self.fingerprint);
                chosen
                    .iter()
                    .for_each(|&i| hash_tokens(&mut hash, &examples[i]));
                let width = chosen.iter().map(|&i| lengths[i]).max().unwrap_or(0);
                Bucket {
                    key: hex(&hash.finalize()),
                    examples: chosen,
                    width,
                }
            });
        Ok(buckets.collect())
    }

    /// Multiply-adds of the sweep over these buckets, and of the naive one over the same.
    pub fn cost(&self, buckets: &[Bucket]) -> crate::Cost {
        self.plan.cost(
            &self.shape,
            buckets.iter().map(|b| (b.examples.len(), b.width)),
        )
    }

    /// Runs one bucket. `tick` is told the multiply-adds done since its last call; its error ends
    /// the run. Gives `[variant, example of the bucket, label]`.
    ///
    /// # Errors
    /// [`SweepError`], `tick`'s among them.
    pub fn run_bucket(
        &self,
        examples: &[TokenIds<'_>],
        bucket: &Bucket,
        tick: &mut dyn FnMut(u64) -> Result<(), SweepError>,
    ) -> Result<Vec<f32>, SweepError> {
        let collected;
        let maps: Option<&MeanMaps> = match self.reference {
            Reference::None => None,
            Reference::Maps { maps, .. } => Some(maps),
            Reference::Sample(_) if !self.plan.needs_reference() => None,
            Reference::Sample(sample) => {
                let lengths: BTreeSet<usize> = bucket
                    .examples
                    .iter()
                    .filter_map(|&i| examples.get(i))
                    .map(|e| e.ids.len())
                    .collect();
                collected = mean_maps(&self.model.bert, sample, Some(&lengths))?;
                Some(&collected)
            }
        };
        let batch = batch(examples, &bucket.examples)?;
        let tokens = batch.size() * batch.width();
        let engine = Engine {
            model: &self.model,
            plan: self.plan,
            shape: self.shape,
            maps,
            batch: &batch,
            stack: (self.options.group_tokens / tokens.max(1)).max(1),
            tick,
        };
        engine.run()
    }

    /// Runs all examples. Each finished bucket goes to `sink`, and what `sink` has already is not
    /// run again.
    ///
    /// # Errors
    /// [`SweepError`]: [`SweepError::Cancelled`] when `sink` asked to stop.
    pub fn run(
        &self,
        examples: &[TokenIds<'_>],
        sink: &mut dyn Sink,
    ) -> Result<Logits, SweepError> {
        let buckets = self.buckets(examples)?;
        let mut logits = Logits::zeros(
            self.plan.variants().len(),
            examples.len(),
            self.model.labels(),
        );
        let mut progress = Progress {
            done: 0,
            total: self.cost(&buckets).shared,
            buckets: 0,
            of_buckets: buckets.len(),
            resumed: 0,
        };
        let cancelled = |p: &Progress| SweepError::Cancelled {
            done: p.buckets,
            total: p.of_buckets,
        };
        for bucket in &buckets {
            let whole = self.cost(std::slice::from_ref(bucket)).shared;
            let before = progress.done;
            let values = match sink.load(bucket).map_err(SweepError::Sink)? {
                Some(values) => {
                    progress.resumed += 1;
                    values
                }
                None => {
                    let values = self.run_bucket(examples, bucket, &mut |done| {
                        progress.done = (progress.done + done).min(before + whole);
                        match sink.progress(progress).is_break() {
                            true => Err(cancelled(&progress)),
                            false => Ok(()),
                        }
                    })?;
                    let result = BucketLogits {
                        bucket: bucket.clone(),
                        values,
                    };
                    sink.store(&result).map_err(SweepError::Sink)?;
                    result.values
                }
            };
            if !logits.place(&bucket.examples, &values) {
                return Err(SweepError::Size {
                    what: "the stored result of a bucket",
                    expected: self.plan.variants().len()
                        * bucket.examples.len()
                        * self.model.labels(),
                    found: values.len(),
                });
            }
            progress.done = before + whole;
            progress.buckets += 1;
            if sink.progress(progress).is_break() && progress.buckets < progress.of_buckets {
                return Err(cancelled(&progress));
            }
        }
        Ok(logits)
    }
}

/// The sweep without shared work: every variant a whole forward pass, in batches of `batch_size`
/// examples in the order given, padded to the longest. What [`Sweep`] is checked and timed against.
///
/// # Errors
/// As [`Sweep::run`], [`SweepError::Cancelled`] apart.
pub fn naive(
    model: &SequenceClassifier,
    plan: &Plan,
    examples: &[TokenIds<'_>],
    maps: Option<&MeanMaps>,
    batch_size: usize,
) -> Result<Logits, SweepError> {
    check(examples)?;
    let model = model.valid();
    let mut logits = Logits::zeros(plan.variants().len(), examples.len(), model.labels());
    let order: Vec<usize> = (0..examples.len()).collect();
    for chosen in order.chunks(batch_size.max(1)) {
        let batch = batch(examples, chosen)?;
        let mut values = Vec::new();
        for variant in plan.variants() {
            let output = model.forward(&batch, &variant.intervention, maps, Want::nothing())?;
            values.extend(to_finite(output.logits, "logits")?);
        }
        logits.place(chosen, &values);
    }
    Ok(logits)
}
