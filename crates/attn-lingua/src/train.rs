//! Training on a Universal Dependencies treebank.
//!
//! The tagger is trained on the whole training section. The parser must learn to live with the
//! tagger's mistakes, so it never sees gold tags: five more taggers, each trained without a fifth
//! of the sentences, tag the fifth they have not seen (jackknifing). The taggers are independent
//! and train in parallel; each has a seed of its own, so that the bytes of the model do not
//! depend on the number of threads.

use crate::conllu::{ConlluError, Sentence, read_file};
use crate::model::{Damage, Model, Table, encode};
use crate::parser;
use crate::perceptron::Averaged;
use crate::tagger;
use crate::treebank::{Lowered, Tree, Treebank};
use crate::words::Casing;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// Training failed.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// The folder cannot be listed.
    #[error("cannot read the treebank folder {}: {source}", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// No file, or more than one, ends in `-ud-train.conllu`.
    #[error("{}: expected one file whose name ends in '-ud-{section}.conllu', found {found}; name the folder of one Universal Dependencies treebank", path.display())]
    Files {
        /// The folder.
        path: PathBuf,
        /// `train`, `dev` or `test`.
        section: String,
        /// How many there are.
        found: usize,
    },
    /// A treebank file is broken.
    #[error(transparent)]
    Conllu(#[from] ConlluError),
    /// There is nothing to learn from.
    #[error("the treebank has {found} sentences; at least {} are needed", FOLDS)]
    TooSmall {
        /// How many sentences there are.
        found: usize,
    },
    /// The trained model cannot be read back.
    #[error("the trained model cannot be read back: {0}")]
    Model(#[from] Damage),
}

/// Number of parts for jackknifing.
pub const FOLDS: usize = 5;

/// What shapes a model besides the treebank.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct TrainOptions {
    /// Seed of everything random.
    pub seed: u64,
    /// Passes over the treebank for the tagger.
    pub tagger_epochs: usize,
    /// Passes for each of the five taggers that tag the parser's training data.
    pub jackknife_epochs: usize,
    /// Passes for the parser.
    pub parser_epochs: usize,
    /// Share of the sentences that the parser sees lower-cased. (The tagger: a third.)
    pub parser_lowered: f64,
    /// By how much the right tag must win in training to be left alone (0: not be beaten or
    /// equalled). One update moves a tag against another by about a hundred.
    pub tagger_margin: i32,
    /// The same for the parser's transitions, where one update moves about three hundred.
    pub parser_margin: i32,
    /// Parsers trained with different seeds whose weights are averaged.
    pub parsers: usize,
    /// Bytes that the tagger's weights may take.
    pub tagger_bytes: usize,
    /// Bytes that the parser's weights may take.
    pub parser_bytes: usize,
}

impl Default for TrainOptions {
    fn default() -> Self {
        Self {
            seed: 42,
            tagger_epochs: 8,
            jackknife_epochs: 4,
            parser_epochs: 9,
            parser_lowered: 0.25,
            tagger_margin: 100,
            parser_margin: 50,
            parsers: 1,
            tagger_bytes: 1_250_000,
            parser_bytes: 4_650_000,
        }
    }
}

/// How far training is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Progress {
    /// The tagger finished an epoch.
    Tagger {
        /// Which, from 1.
        epoch: usize,
        /// Of how many.
        of: usize,
        /// Share of words tagged right during it.
        accuracy: f64,
    },
    /// A tagger for jackknifing is done.
    Jackknife {
        /// Its fold, from 1. Folds finish in any order.
        fold: usize,
        /// Of how many.
        of: usize,
        /// Share of words of the fold it has not seen that it tags right.
        accuracy: f64,
    },
    /// The parser finished an epoch.
    Parser {
        /// Which parser, from 1.
        number: usize,
        /// Which epoch, from 1.
        epoch: usize,
        /// Of how many.
        of: usize,
        /// Share of transitions that were right during it.
        accuracy: f64,
    },
}

/// Trains on the file `*-ud-train.conllu` in `treebank`. The same treebank and options give the
/// same bytes, whatever the number of threads. `progress` may be called from several threads.
pub fn train(
    treebank: &Path,
    options: &TrainOptions,
    progress: &(dyn Fn(Progress) + Sync),
) -> Result<Model, TrainError> {
    train_on(
        &read_file(&section_file(treebank, "train")?)?,
        options,
        progress,
    )
}

/// The file of a section (`train`, `dev`, `test`) in a treebank's folder. Of several treebanks in
/// one folder, the one that has a training section counts.
pub fn section_file(treebank: &Path, section: &str) -> Result<PathBuf, TrainError> {
    let folder = |source| TrainError::Folder {
        path: treebank.to_owned(),
        source,
    };
    let mut names = Vec::new();
    for entry in std::fs::read_dir(treebank).map_err(folder)? {
        names.push(
            entry
                .map_err(folder)?
                .file_name()
                .to_string_lossy()
                .into_owned(),
        );
    }
    let prefixes: Vec<&str> = names
        .iter()
        .filter_map(|name| name.strip_suffix("-ud-train.conllu"))
        .collect();
    let error = |section: &str, found| TrainError::Files {
        path: treebank.to_owned(),
        section: section.to_owned(),
        found,
    };
    let &[prefix] = prefixes.as_slice() else {
        return Err(error("train", prefixes.len()));
    };
    let name = format!("{prefix}-ud-{section}.conllu");
    if !names.contains(&name) {
        return Err(error(section, 0));
    }
    Ok(treebank.join(name))
}

/// Trains on sentences in memory; see [`train`].
pub fn train_on(
    sentences: &[Sentence],
    options: &TrainOptions,
    progress: &(dyn Fn(Progress) + Sync),
) -> Result<Model, TrainError> {
    let bank = Treebank::new(sentences);
    let total = bank.trees.len();
    if total < FOLDS {
        return Err(TrainError::TooSmall { found: total });
    }
    let tags = bank.names.tags.len();
    // Six independent trainings: the tagger that stays (number 0) and one per fold.
    let mut trained: Vec<Trained> = (0..=FOLDS)
        .into_par_iter()
        .map(|part| match part {
            0 => final_tagger(&bank, options, progress),
            fold => jackknife(&bank, fold - 1, options, progress),
        })
        .collect::<Result<_, Damage>>()?;
    let mut cased = Vec::with_capacity(total);
    let mut lowered = Vec::with_capacity(total);
    for fold in trained.split_off(1) {
        if let Trained::Fold(tags) = fold {
            for (a, b) in tags {
                cased.push(a);
                lowered.push(b);
            }
        }
    }
    let Some(Trained::Final { weights, lexicon }) = trained.pop() else {
        return Err(TrainError::TooSmall { found: total });
    };
    let examples: Vec<parser::Example<'_>> = bank
        .trees
        .iter()
        .zip(&bank.lowered)
        .zip(cased.iter().zip(&lowered))
        .map(|((tree, low), (tags, low_tags))| parser::Example {
            cased: (&tree.words, tags),
            lowered: (&low.words, low_tags),
            heads: &tree.heads,
            labels: &tree.labels,
        })
        .collect();
    // A model with an empty parser knows the UPOS numbers that the parser's features need.
    let coarse = Model::assemble(&bank.names, &lexicon, &[0], &[0])?
        .coarse()
        .to_vec();
    debug_assert_eq!(coarse.len(), tags);
    let parser = train_parsers(
        &examples,
        &coarse,
        bank.names.labels.len(),
        options,
        progress,
    );
    let parser = encode(&parser, options.parser_bytes);
    Ok(Model::assemble(&bank.names, &lexicon, &weights, &parser)?)
}

/// Trains `options.parsers` parsers that differ in their seeds and adds up their weights: the sum
/// of linear models is their vote.
fn train_parsers(
    examples: &[parser::Example<'_>],
    coarse: &[u8],
    labels: usize,
    options: &TrainOptions,
    progress: &(dyn Fn(Progress) + Sync),
) -> Vec<Averaged> {
    let of = options.parser_epochs;
    let parsers: Vec<Vec<Averaged>> = (0..options.parsers.max(1))
        .into_par_iter()
        .map(|number| {
            let shape = parser::Options {
                labels,
                epochs: of,
                seed: options.seed.wrapping_add(0x7061_7273 + number as u64),
                lowered: options.parser_lowered,
                margin: options.parser_margin,
            };
            let done = |epoch, accuracy| {
                progress(Progress::Parser {
                    number: number + 1,
                    epoch,
                    of,
                    accuracy,
                })
            };
            parser::train(examples, coarse, shape, done).average()
        })
        .collect();
    Averaged::sum(parsers)
}

/// What one of the six trainings gives.
enum Trained {
    Final {
        weights: Vec<u8>,
        lexicon: tagger::Lexicon,
    },
    /// Cased and lower-cased tags of the sentences of the fold, in order.
    Fold(Vec<(Vec<u16>, Vec<u16>)>),
}

fn final_tagger(
    bank: &Treebank,
    options: &TrainOptions,
    progress: &(dyn Fn(Progress) + Sync),
) -> Result<Trained, Damage> {
    let trees: Vec<&Tree> = bank.trees.iter().collect();
    let lowered: Vec<&Lowered> = bank.lowered.iter().collect();
    let (tags, of) = (bank.names.tags.len(), options.tagger_epochs);
    let done = |epoch, accuracy| {
        progress(Progress::Tagger {
            epoch,
            of,
            accuracy,
        })
    };
    let (perceptron, lexicon) = tagger::train(
        &trees,
        &lowered,
        tags,
        of,
        options.tagger_margin,
        options.seed,
        done,
    );
    Ok(Trained::Final {
        weights: encode(&perceptron.average(), options.tagger_bytes),
        lexicon,
    })
}

fn jackknife(
    bank: &Treebank,
    fold: usize,
    options: &TrainOptions,
    progress: &(dyn Fn(Progress) + Sync),
) -> Result<Trained, Damage> {
    let total = bank.trees.len();
    // Folds are runs of neighbours: a document should not be in and out at once.
    let inside = |i: &usize| i * FOLDS / total == fold;
    let rest = || (0..total).filter(|i| !inside(i));
    let trees: Vec<&Tree> = rest().map(|i| &bank.trees[i]).collect();
    let low: Vec<&Lowered> = rest().map(|i| &bank.lowered[i]).collect();
    let tags = bank.names.tags.len();
    let seed = options.seed.wrapping_add(fold as u64 + 1);
    let (perceptron, lexicon) = tagger::train(
        &trees,
        &low,
        tags,
        options.jackknife_epochs,
        options.tagger_margin,
        seed,
        |_, _| (),
    );
    let table = Table::decode(
        &encode(&perceptron.average(), usize::MAX),
        tags,
        "jackknife tagger",
    )?;
    let (mut right, mut all) = (0usize, 0usize);
    let tagged = (0..total)
        .filter(inside)
        .map(|i| {
            let tree = &bank.trees[i];
            let cased = tagger::tag(&table, &lexicon, &tree.words, tree.casing);
            right += cased.iter().zip(&tree.tags).filter(|(a, b)| a == b).count();
            all += cased.len();
            (
                cased,
                tagger::tag(&table, &lexicon, &bank.lowered[i].words, Casing::Lower),
            )
        })
        .collect();
    progress(Progress::Jackknife {
        fold: fold + 1,
        of: FOLDS,
        accuracy: right as f64 / all.max(1) as f64,
    });
    Ok(Trained::Fold(tagged))
}
