//! `attn patterns`: the five kinds of map (Section 4.1).

mod agree;
mod errors;
mod evaluate;
pub(crate) mod examples;
pub(crate) mod grid;
pub(crate) mod network;
pub(crate) mod shares;
mod shares_findings;
mod shares_output;
mod stored;
mod train;

use crate::cli::{LabelledArgs, PatternsCommand};
use anyhow::Context;
use attn_core::io::write_atomically;
use attn_core::{InputFile, Pattern};
use attn_patterns::{Recipe, StoredMap, labels, store};
use std::path::Path;

/// Runs a subcommand.
///
/// # Errors
/// What the subcommand reports.
pub fn run(command: &PatternsCommand) -> anyhow::Result<()> {
    match command {
        PatternsCommand::Agree(args) => agree::run(args),
        PatternsCommand::Train(args) => train::run(args),
        PatternsCommand::Evaluate(args) => evaluate::run(args),
        PatternsCommand::Errors(args) => errors::run(args),
        PatternsCommand::Shares(args) => shares::run(args),
        PatternsCommand::Examples(args) => examples::run(args),
        PatternsCommand::Grid(args) => grid::run(args),
    }
}

fn write_text(path: &Path, text: &str) -> anyhow::Result<()> {
    Ok(write_atomically(path, |out| {
        out.write_all(text.as_bytes())
    })?)
}

/// Maps with their labels, and the files they come from.
struct LabelledMaps {
    maps: Vec<StoredMap>,
    labels: Vec<Pattern>,
    inputs: Vec<InputFile>,
}

impl LabelledMaps {
    /// Reads them; every map needs a label.
    fn read(folder: &Path, labels_file: Option<&Path>) -> anyhow::Result<Self> {
        let path = labels_file.map_or_else(|| folder.join("labels.csv"), Path::to_path_buf);
        let maps = store::read(folder)?;
        let given = labels::read(&path)?;
        let labels = maps
            .iter()
            .map(|m| {
                let id = &m.entry.id;
                let label = given.get(id).map(|l| l.pattern);
                label.with_context(|| format!("{}: map '{id}' has no label", path.display()))
            })
            .collect::<anyhow::Result<Vec<_>>>()?;
        let known = |id: &String| maps.iter().any(|m| m.entry.id == *id);
        if let Some(id) = given.keys().find(|id| !known(id)) {
            anyhow::bail!(
                "{}: label of '{id}', which is no map of {}",
                path.display(),
                folder.display()
            );
        }
        let inputs = vec![
            crate::run::input_file("maps", &folder.join(store::INDEX_FILE))?,
            crate::run::input_file("maps", &folder.join(store::WEIGHTS_FILE))?,
            crate::run::input_file("labels", &path)?,
        ];
        Ok(Self {
            maps,
            labels,
            inputs,
        })
    }
}

/// The recipe that the arguments ask for.
fn recipe(args: &LabelledArgs) -> Recipe {
    let default = Recipe::default();
    Recipe {
        epochs: args.epochs.unwrap_or(default.epochs),
        learning_rate: args.learning_rate.unwrap_or(default.learning_rate),
        seed: args.seed,
        ..default
    }
}
