//! The network that sorts maps.

use crate::cli::NetworkArgs;
use attn_core::InputFile;
use attn_patterns::{Engine, Weights};

/// Reads the weights that the arguments name, or takes the built-in ones.
///
/// # Errors
/// A file that is no network.
pub fn open(args: &NetworkArgs) -> anyhow::Result<(Engine, Vec<InputFile>)> {
    match &args.network {
        Some(path) => {
            let engine = Engine::new(&Weights::read(path)?)?;
            Ok((
                engine,
                vec![crate::run::input_file("pattern network", path)?],
            ))
        }
        // The program's own version and revision name it.
        None => Ok((Engine::new(&Weights::built_in()?)?, Vec::new())),
    }
}
