//! Training the network on labelled maps, in two steps: a logistic regression on what is measured
//! ([`Baseline`]), then the convolutions, on variants of the maps, whose contribution is added to
//! its logits and starts from nothing. So they learn what the numbers leave over, and 800 maps are
//! enough for that.

use crate::augment::Sketch;
use crate::baseline::{Baseline, PENALTY};
use crate::image::{CHANNELS, SIDE};
use crate::measures::MEASURES;
use crate::network::PatternNetwork;
use crate::store::StoredMap;
use crate::weights::Weights;
use attn_bert::{ReadError, to_host};
use attn_core::Pattern;
use burn::module::Module;
use burn::optim::{AdamWConfig, GradientsParams};
use burn::tensor::activation::log_softmax;
use burn::tensor::{Device, Tensor, TensorData};
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::ops::ControlFlow;

const CLASSES: usize = Pattern::ALL.len();

/// How the network is trained.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Recipe {
    /// Passes over the maps.
    pub epochs: usize,
    /// Maps in a step.
    pub batch: usize,
    /// Greatest learning rate: reached after a twentieth of the steps, then a half cosine to 0.
    pub learning_rate: f64,
    /// AdamW's decoupled decay.
    pub weight_decay: f32,
    /// Share of the last layer's inputs that are dropped.
    pub dropout: f32,
    /// Share of the target that is spread over all classes: labellers err, too.
    pub smoothing: f32,
    /// Of initial weights, order, variants and dropout.
    pub seed: u64,
}

impl Default for Recipe {
    fn default() -> Self {
        Self {
            epochs: 20,
            batch: 32,
            learning_rate: 2e-3,
            weight_decay: 0.02,
            dropout: 0.3,
            smoothing: 0.05,
            seed: 1,
        }
    }
}

/// A training that cannot be done.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// Nothing to learn from.
    #[error("{maps} maps and {labels} labels: expected the same number, at least one")]
    Sizes {
        /// Maps given.
        maps: usize,
        /// Labels given.
        labels: usize,
    },
    /// The recipe makes no sense.
    #[error("the recipe's {0} is 0; give at least 1")]
    Recipe(&'static str),
    /// The loss is not a number any more.
    #[error("the loss of epoch {epoch} is {loss}: lower the learning rate")]
    Diverged {
        /// Counted from 1.
        epoch: usize,
        /// The mean loss.
        loss: f32,
    },
    /// Asked to stop.
    #[error("training was stopped after epoch {epoch}")]
    Stopped {
        /// Counted from 1.
        epoch: usize,
    },
    /// The device failed.
    #[error(transparent)]
    Read(#[from] ReadError),
}

/// The learning rate of a step.
fn rate(recipe: &Recipe, step: usize, steps: usize) -> f64 {
    let warm = (steps / 20).max(1);
    if step < warm {
        return recipe.learning_rate * (step + 1) as f64 / warm as f64;
    }
    let share = (step - warm) as f64 / (steps - warm).max(1) as f64;
    recipe.learning_rate * 0.5 * (1.0 + (std::f64::consts::PI * share).cos())
}

/// Weights of the classes: the inverse root of their shares, 1 on average over the maps, so that
/// rare classes are heard without drowning the others.
fn class_weights(labels: &[Pattern]) -> [f32; CLASSES] {
    let mut counts = [0.0f32; CLASSES];
    for label in labels {
        counts[label.index()] += 1.0;
    }
    let raw = counts.map(|c| c.max(1.0).sqrt().recip());
    let mean = counts.iter().zip(raw).map(|(c, r)| c * r).sum::<f32>() / labels.len().max(1) as f32;
    raw.map(|r| r / mean)
}

/// Trains a network. `each` hears of every epoch (from 1) with its mean loss and may break off.
///
/// The same maps, labels and recipe give the same weights, whatever the number of threads.
///
/// # Errors
/// [`TrainError`].
pub fn train(
    maps: &[&StoredMap],
    labels: &[Pattern],
    recipe: &Recipe,
    device: &Device,
    each: impl FnMut(usize, f32) -> ControlFlow<()>,
) -> Result<Weights, TrainError> {
    let readout = |measured: &[[f32; MEASURES]]| Baseline::fit(measured, labels, PENALTY);
    train_on_top_of(readout, (maps, labels), recipe, device, each)
}

/// [`train`] with another way to fit the readout, so that a test can leave all to the convolutions.
fn train_on_top_of(
    readout: impl FnOnce(&[[f32; MEASURES]]) -> Baseline,
    (maps, labels): (&[&StoredMap], &[Pattern]),
    recipe: &Recipe,
    device: &Device,
    mut each: impl FnMut(usize, f32) -> ControlFlow<()>,
) -> Result<Weights, TrainError> {
    if maps.is_empty() || maps.len() != labels.len() {
        let (maps, labels) = (maps.len(), labels.len());
        return Err(TrainError::Sizes { maps, labels });
    }
    for (value, name) in [
        (recipe.epochs, "number of epochs"),
        (recipe.batch, "batch size"),
    ] {
        if value == 0 {
            return Err(TrainError::Recipe(name));
        }
    }
    let sketches: Vec<Sketch> = maps.iter().map(|m| Sketch::of(m)).collect();
    let class_weights = class_weights(labels);
    let device = device.clone().autodiff();
    let measured: Vec<_> = sketches.iter().map(Sketch::measures).collect();
    let mut start = Weights::random(recipe.seed);
    start.readout = readout(&measured);
    start.output.fill(0.0);
    let mut network = PatternNetwork::new(&start, &device).train();
    let mut optimiser = AdamWConfig::new()
        .with_weight_decay(recipe.weight_decay)
        .with_epsilon(1e-8)
        .init();
    let steps_per_epoch = maps.len().div_ceil(recipe.batch);
    let steps = steps_per_epoch * recipe.epochs;
    let mut order: Vec<usize> = (0..maps.len()).collect();
    let mut rng = ChaCha8Rng::seed_from_u64(recipe.seed);
    rng.set_stream(1);
    let mut step = 0;
    for epoch in 1..=recipe.epochs {
        order.shuffle(&mut rng);
        let mut total = 0.0;
        for batch in order.chunks(recipe.batch) {
            let seeds: Vec<(usize, u64)> = batch.iter().map(|&i| (i, rng.random())).collect();
            // Each map has a generator of its own, so that threads do not matter.
            let (pictures, counted): (Vec<Vec<f32>>, Vec<[f32; CLASSES]>) = seeds
                .par_iter()
                .map(|&(i, seed)| {
                    let variant = sketches[i].vary(&mut ChaCha8Rng::seed_from_u64(seed));
                    let counted = start.readout.logits(&variant.measures());
                    (variant.image(), counted)
                })
                .unzip();
            let counted = TensorData::new(counted.concat(), [batch.len(), CLASSES]);
            let counted = Tensor::<2>::from_data(counted, &device);
            let shape = [batch.len(), CHANNELS, SIDE, SIDE];
            let pictures = Tensor::from_data(TensorData::new(pictures.concat(), shape), &device);
            let mask = dropout(&mut rng, batch.len(), &network, recipe.dropout, &device);
            let logits = network.forward(pictures, Some(mask)) + counted;
            let targets = targets(batch, labels, &class_weights, recipe.smoothing, &device);
            let loss = (log_softmax(logits, 1) * targets).sum() * (-1.0 / batch.len() as f32);
            total +=
                to_host(loss.clone())?.first().copied().unwrap_or(f32::NAN) * batch.len() as f32;
            let gradients = GradientsParams::from_grads(loss.backward(), &network);
            network = optimiser.step(rate(recipe, step, steps), network, gradients);
            step += 1;
        }
        let loss = total / maps.len() as f32;
        if !loss.is_finite() {
            return Err(TrainError::Diverged { epoch, loss });
        }
        if each(epoch, loss).is_break() {
            return Err(TrainError::Stopped { epoch });
        }
    }
    Ok(network.valid().weights(start.readout)?)
}

/// A dropout mask `[batch, features]`, drawn here so that it depends on the seed alone.
fn dropout(
    rng: &mut ChaCha8Rng,
    batch: usize,
    network: &PatternNetwork,
    share: f32,
    device: &Device,
) -> Tensor<2> {
    let features = network.output.weight.dims()[0];
    let kept = 1.0 / (1.0 - share.clamp(0.0, 0.99));
    let values: Vec<f32> = (0..batch * features)
        .map(|_| {
            if rng.random::<f32>() < share {
                0.0
            } else {
                kept
            }
        })
        .collect();
    Tensor::from_data(TensorData::new(values, [batch, features]), device)
}

/// Smoothed and weighted targets `[batch, 5]`.
fn targets(
    batch: &[usize],
    labels: &[Pattern],
    weights: &[f32; CLASSES],
    smoothing: f32,
    device: &Device,
) -> Tensor<2> {
    let values: Vec<f32> = batch
        .iter()
        .flat_map(|&i| {
            let label = labels[i].index();
            (0..CLASSES).map(move |class| {
                let hit = if class == label { 1.0 - smoothing } else { 0.0 };
                weights[label] * (hit + smoothing / CLASSES as f32)
            })
        })
        .collect();
    Tensor::from_data(TensorData::new(values, [batch.len(), CLASSES]), device)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Engine;
    use crate::synthetic;

    fn recipe() -> Recipe {
        Recipe {
            epochs: 8,
            ..Recipe::default()
        }
    }

    fn right(weights: &Weights, maps: &[StoredMap], labels: &[Pattern]) -> usize {
        let engine = Engine::new(weights).unwrap();
        let predicted = maps.iter().map(|m| engine.sort(m).pattern());
        predicted.zip(labels).filter(|(p, l)| p == *l).count()
    }

    #[test]
    fn it_learns_made_up_maps_and_repeats_itself() {
        let (maps, labels) = synthetic::maps(200, 1);
        let maps: Vec<&StoredMap> = maps.iter().collect();
        let device = Device::flex();
        let mut losses = Vec::new();
        // Without the measures, which alone would sort these maps.
        let run = |losses: &mut Vec<f32>| {
            let none = |_: &[[f32; MEASURES]]| Baseline::default();
            let longer = Recipe {
                epochs: 20,
                ..recipe()
            };
            train_on_top_of(none, (&maps, &labels), &longer, &device, |_, loss| {
                losses.push(loss);
                ControlFlow::Continue(())
            })
            .unwrap()
        };
        let weights = run(&mut losses);
        let (first, last) = (losses[0], losses[losses.len() - 1]);
        assert!(last < 0.6 * first, "{losses:?}");
        let (test, truth) = synthetic::maps(100, 2);
        let before = right(&Weights::random(1), &test, &truth);
        let after = right(&weights, &test, &truth);
        assert!(after >= 85 && before < 50, "{before} then {after} of 100");
        let one = rayon::ThreadPoolBuilder::new()
            .num_threads(1)
            .build()
            .unwrap();
        assert_eq!(one.install(|| run(&mut Vec::new())), weights);
        // With them it begins where it would end.
        let mut with = Vec::new();
        let go = |_, loss| {
            with.push(loss);
            ControlFlow::Continue(())
        };
        let both = train(&maps, &labels, &recipe(), &device, go).unwrap();
        assert!(with[0] < 0.6 * first, "{with:?}, {first}");
        assert!(right(&both, &test, &truth) >= after);
    }

    #[test]
    fn bad_requests_are_refused() {
        let (maps, labels) = synthetic::maps(5, 1);
        let maps: Vec<&StoredMap> = maps.iter().collect();
        let device = Device::flex();
        let go = |_, _| ControlFlow::Continue(());
        let error = |maps: &[&StoredMap], recipe: &Recipe| {
            train(maps, &labels, recipe, &device, go)
                .unwrap_err()
                .to_string()
        };
        assert!(error(&maps[..4], &recipe()).contains("4 maps and 5 labels"));
        let wrong = Recipe {
            batch: 0,
            ..recipe()
        };
        assert!(error(&maps, &wrong).contains("batch"));
        let wrong = Recipe {
            learning_rate: f64::NAN,
            ..recipe()
        };
        assert!(error(&maps, &wrong).contains("learning rate"));
        let stopped = train(&maps, &labels, &recipe(), &device, |_, _| {
            ControlFlow::Break(())
        });
        assert!(matches!(stopped, Err(TrainError::Stopped { epoch: 1 })));
    }

    #[test]
    fn the_rate_rises_and_falls_to_nothing() {
        let recipe = Recipe::default();
        let rates: Vec<f64> = (0..100).map(|s| rate(&recipe, s, 100)).collect();
        assert!(rates[0] < rates[4] && (rates[5] - recipe.learning_rate).abs() < 1e-9);
        assert!(rates[5..].windows(2).all(|w| w[1] < w[0]) && rates[99] < 1e-5);
        let weights = class_weights(&[Pattern::Vertical; 4]);
        assert!((weights[0] - 1.0).abs() < 1e-6 && weights[1] > weights[0]);
    }
}
