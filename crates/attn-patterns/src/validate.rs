//! Testing on what was not trained on: cross-validation over groups, and one model's maps after
//! training on the other's.

use crate::augment::Sketch;
use crate::engine::{Engine, EngineError, Probabilities};
use crate::folds;
use crate::score::Outcome;
use crate::store::{MapEntry, StoredMap};
use crate::train::{Recipe, TrainError, train};
use attn_core::Pattern;
use burn::tensor::Device;
use std::collections::BTreeSet;
use std::ops::ControlFlow;

/// A test that cannot be done.
#[derive(Debug, thiserror::Error)]
pub enum ValidateError {
    /// Training failed.
    #[error(transparent)]
    Train(#[from] TrainError),
    /// The trained network cannot be used.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// A side would be empty.
    #[error("{what}: {train} maps to train on and {test} to test on; there must be some of both")]
    Empty {
        /// Which split.
        what: String,
        /// Maps to train on.
        train: usize,
        /// Maps to test on.
        test: usize,
    },
}

/// What both classifiers said about a map that neither had seen.
#[derive(Debug, Clone, PartialEq)]
pub struct Prediction {
    /// Index of the map.
    pub map: usize,
    /// Its group ([`folds::groups`]).
    pub group: usize,
    /// Which fold or split it was tested in.
    pub fold: usize,
    /// Its label.
    pub truth: Pattern,
    /// The network.
    pub network: Probabilities,
    /// The logistic regression.
    pub baseline: Probabilities,
}

/// Which classifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Classifier {
    /// The convolutional network.
    Network,
    /// The logistic regression on what is measured, without the convolutions.
    Baseline,
}

/// Outcomes of one classifier, for scores.
pub fn outcomes(predictions: &[Prediction], classifier: Classifier) -> Vec<Outcome> {
    predictions
        .iter()
        .map(|p| Outcome {
            truth: p.truth,
            predicted: match classifier {
                Classifier::Network => p.network.pattern(),
                Classifier::Baseline => p.baseline.pattern(),
            },
            group: p.group,
        })
        .collect()
}

/// Labelled maps with their groups.
#[derive(Debug, Clone)]
pub struct Labelled<'a> {
    /// The maps.
    pub maps: Vec<&'a StoredMap>,
    /// Their labels.
    pub labels: Vec<Pattern>,
    /// Their groups.
    pub groups: Vec<usize>,
}

impl<'a> Labelled<'a> {
    /// Finds the groups.
    pub fn new(maps: Vec<&'a StoredMap>, labels: Vec<Pattern>) -> Self {
        let entries: Vec<&MapEntry> = maps.iter().map(|m| &m.entry).collect();
        let groups = folds::groups(&entries);
        Self {
            maps,
            labels,
            groups,
        }
    }

    /// Trains both classifiers on the maps of `train` and sorts those of `test`.
    fn split(
        &self,
        fold: usize,
        what: String,
        (train_on, test_on): (&[usize], &[usize]),
        recipe: &Recipe,
        device: &Device,
        each: &mut dyn FnMut(usize, usize, f32) -> ControlFlow<()>,
    ) -> Result<Vec<Prediction>, ValidateError> {
        if train_on.is_empty() || test_on.is_empty() {
            let (train, test) = (train_on.len(), test_on.len());
            return Err(ValidateError::Empty { what, train, test });
        }
        let maps: Vec<&StoredMap> = train_on.iter().map(|&i| self.maps[i]).collect();
        let labels: Vec<Pattern> = train_on.iter().map(|&i| self.labels[i]).collect();
        let weights = train(&maps, &labels, recipe, device, |epoch, loss| {
            each(fold, epoch, loss)
        })?;
        let engine = Engine::new(&weights)?;
        Ok(test_on
            .iter()
            .map(|&map| Prediction {
                map,
                group: self.groups[map],
                fold,
                truth: self.labels[map],
                network: engine.sort(self.maps[map]),
                baseline: weights
                    .readout
                    .classify(&Sketch::of(self.maps[map]).measures()),
            })
            .collect())
    }

    /// Cross-validation: every map is sorted once, by classifiers that saw no map of its group.
    /// `each` hears of fold (from 0), epoch and loss.
    ///
    /// # Errors
    /// [`ValidateError`].
    pub fn cross_validate(
        &self,
        folds: usize,
        recipe: &Recipe,
        device: &Device,
        mut each: impl FnMut(usize, usize, f32) -> ControlFlow<()>,
    ) -> Result<Vec<Prediction>, ValidateError> {
        let assigned = folds::assign(&self.groups, &self.labels, folds, recipe.seed);
        let mut predictions = Vec::with_capacity(self.maps.len());
        for fold in 0..folds {
            let (test, train): (Vec<usize>, Vec<usize>) =
                (0..self.maps.len()).partition(|&i| assigned[i] == fold);
            let what = format!("fold {}", fold + 1);
            predictions.extend(self.split(
                fold,
                what,
                (&train, &test),
                recipe,
                device,
                &mut each,
            )?);
        }
        predictions.sort_by_key(|p| p.map);
        Ok(predictions)
    }

    /// For each model: trains on all other models' maps (less those that share a group with one of
    /// this model's) and sorts this model's. The fold number is the model's place in the second
    /// part, the models' names.
    ///
    /// # Errors
    /// [`ValidateError`], among others when there is one model only.
    pub fn cross_model(
        &self,
        recipe: &Recipe,
        device: &Device,
        mut each: impl FnMut(usize, usize, f32) -> ControlFlow<()>,
    ) -> Result<(Vec<Prediction>, Vec<String>), ValidateError> {
        let models: BTreeSet<&str> = self.maps.iter().map(|m| m.entry.model.as_str()).collect();
        let models: Vec<&str> = models.into_iter().collect();
        let mut predictions = Vec::new();
        for (fold, model) in models.iter().enumerate() {
            let (test, others): (Vec<usize>, Vec<usize>) =
                (0..self.maps.len()).partition(|&i| self.maps[i].entry.model == *model);
            let seen: BTreeSet<usize> = test.iter().map(|&i| self.groups[i]).collect();
            let train: Vec<usize> = others
                .into_iter()
                .filter(|&i| !seen.contains(&self.groups[i]))
                .collect();
            let what = format!("model {model}");
            predictions.extend(self.split(
                fold,
                what,
                (&train, &test),
                recipe,
                device,
                &mut each,
            )?);
        }
        Ok((predictions, models.into_iter().map(str::to_owned).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::score::confusion;
    use crate::synthetic;

    #[test]
    fn every_map_is_tested_once_and_its_group_apart() {
        let (maps, labels) = synthetic::maps(120, 3);
        let labelled = Labelled::new(maps.iter().collect(), labels);
        let recipe = Recipe {
            epochs: 4,
            ..Recipe::default()
        };
        let go = |_, _, _| ControlFlow::Continue(());
        let device = Device::flex();
        let predictions = labelled.cross_validate(3, &recipe, &device, go).unwrap();
        let order: Vec<usize> = predictions.iter().map(|p| p.map).collect();
        assert_eq!(order, (0..120).collect::<Vec<_>>());
        for a in &predictions {
            for b in &predictions {
                assert!(a.group != b.group || a.fold == b.fold);
            }
        }
        let plain = confusion(&outcomes(&predictions, Classifier::Baseline));
        assert!(plain.accuracy().unwrap() > 0.9, "{plain:?}");
        let (crossed, models) = labelled.cross_model(&recipe, &device, go).unwrap();
        assert_eq!(
            (crossed.len(), models),
            (120, vec!["one".to_owned(), "two".to_owned()])
        );
        for p in &crossed {
            assert_eq!(labelled.maps[p.map].entry.model == "two", p.fold == 1);
        }
        let one = Labelled::new(maps.iter().step_by(2).collect(), vec![Pattern::Block; 60]);
        let error = one
            .cross_model(&recipe, &device, go)
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("model one") && error.contains("0 maps to train"),
            "{error}"
        );
    }
}
