//! Running plans over labelled examples, with progress, so that a killed run goes on.

use crate::progress::Progress;
use crate::{INTERRUPTED, Interrupted};
use anyhow::Context;
use attn_ablate::importance::{Importance, importance};
use attn_ablate::{
    Folder, Logits, Plan, Reference, Stored, Sweep, SweepError, SweepOptions, read_sealed,
    write_sealed,
};
use attn_bert::{SequenceClassifier, TokenIds};
use attn_core::{Label, Mode};
use attn_train::TrainingSet;
use sha2::{Digest, Sha256};
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::atomic::Ordering;

/// Tokens of a backward pass.
const GRADIENT_TOKENS: usize = 2048;
/// Work is shown in millions of multiply-adds.
const UNIT: u64 = 1_000_000;

/// A fine-tuned model, examples for it, and where finished pieces of work are kept.
pub struct Subject<'a> {
    /// The model.
    pub model: &'a SequenceClassifier,
    /// The examples.
    pub set: &'a TrainingSet,
    /// Names the weights in the keys of stored work.
    pub fingerprint: String,
    /// Folder for finished pieces.
    pub store: PathBuf,
}

fn finished(error: SweepError) -> anyhow::Error {
    match error {
        SweepError::Cancelled { .. } => {
            eprintln!("{error}; the same command goes on from there");
            Interrupted.into()
        }
        other => other.into(),
    }
}

impl Subject<'_> {
    /// Runs a plan over some of the examples, by their positions. Gives the logits and the seconds
    /// that this run took.
    ///
    /// # Errors
    /// What the sweep meets, and an interruption.
    pub fn sweep(
        &self,
        what: &str,
        plan: &Plan,
        chosen: &[usize],
    ) -> anyhow::Result<(Logits, f64)> {
        let all = self.set.tokens();
        let examples: Vec<TokenIds<'_>> =
            chosen.iter().filter_map(|&i| all.get(i).copied()).collect();
        // Every length of the examples occurs among them, so that mode `mean` finds its maps.
        let reference = if plan.needs_reference() {
            Reference::Sample(&all)
        } else {
            Reference::None
        };
        let options = SweepOptions::default();
        let sweep = Sweep::new(self.model, plan, reference, options, &self.fingerprint)?;
        let buckets = sweep.buckets(&examples)?;
        eprintln!("{what}: {}", plan.counts());
        eprintln!(
            "{what}: {} examples in {} parts: {}",
            examples.len(),
            buckets.len(),
            sweep.cost(&buckets)
        );
        let store = Folder::new(&self.store, |_| ControlFlow::Continue(()));
        let mut stored = Vec::new();
        for bucket in &buckets {
            match store.look(bucket)? {
                Stored::Whole(_) => stored.push(bucket.clone()),
                Stored::Damaged(damage) => eprintln!("note: {damage}; made anew"),
                Stored::Missing => {}
            }
        }
        let before = sweep.cost(&stored).shared / UNIT;
        if !stored.is_empty() {
            eprintln!(
                "{what}: {} of {} parts were done before",
                stored.len(),
                buckets.len()
            );
        }
        let total = sweep.cost(&buckets).shared / UNIT;
        let title = format!("{what}, million multiply-adds");
        let mut bar = Progress::resumed(title, before, total);
        let tick = |p: attn_ablate::Progress| {
            bar.set((p.done / UNIT).max(before));
            if INTERRUPTED.load(Ordering::Relaxed) {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        };
        let logits = sweep.run(&examples, &mut Folder::new(&self.store, tick));
        let seconds = bar.finish();
        Ok((logits.map_err(finished)?, seconds))
    }

    /// Gradient importance over some of the examples, kept like the parts of a sweep.
    ///
    /// # Errors
    /// Labels that do not fit, a device that does not differentiate.
    pub fn importance(&self, chosen: &[usize]) -> anyhow::Result<Importance> {
        let mut hash = Sha256::new();
        hash.update(format!("importance 1\n{}\n", self.fingerprint));
        hash.update(self.set.fingerprint());
        chosen
            .iter()
            .for_each(|i| hash.update((*i as u64).to_le_bytes()));
        let key: String = hash.finalize().iter().map(|b| format!("{b:02x}")).collect();
        let path = self.store.join(format!("importance-{key}.json"));
        match read_sealed(&path)? {
            Stored::Whole(stored) => return Ok(stored),
            Stored::Damaged(damage) => eprintln!("note: {damage}; made anew"),
            Stored::Missing => {}
        }
        let of = |i: &usize| self.set.examples.get(*i);
        let examples: Vec<TokenIds<'_>> =
            chosen.iter().filter_map(of).map(|e| e.tokens()).collect();
        let labels: Vec<Label> = chosen.iter().filter_map(of).map(|e| e.label).collect();
        let result = importance(self.model, &examples, &labels, GRADIENT_TOKENS)
            .context("gradient importance")?;
        write_sealed(&path, &result)?;
        Ok(result)
    }
}

/// What a manifest says of a mode.
pub fn mode_note(mode: Mode) -> Option<String> {
    (mode == Mode::Mean).then(|| {
        "mode mean: a head's mean map is taken over the evaluation examples of the same length (no labels are used)"
            .to_owned()
    })
}
