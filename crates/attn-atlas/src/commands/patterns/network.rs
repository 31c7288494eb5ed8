//! The network that sorts maps.

use crate::cli::NetworkArgs;
use anyhow::Context;
use attn_core::InputFile;
use attn_patterns::{Engine, Weights};

/// Reads the weights that the arguments name.
///
/// # Errors
/// A file that is no network.
pub fn open(args: &NetworkArgs) -> anyhow::Result<(Engine, Vec<InputFile>)> {
    let path = args
        .network
        .as_deref()
        .context("--network is missing: name a file that `attn patterns train` wrote")?;
    let engine = Engine::new(&Weights::read(path)?)?;
    Ok((
        engine,
        vec![crate::run::input_file("pattern network", path)?],
    ))
}
