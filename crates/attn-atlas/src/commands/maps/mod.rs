//! `attn maps`: maps for labelling.

pub(crate) mod sample;
mod sheets;

use crate::cli::MapsCommand;

/// Runs a subcommand.
///
/// # Errors
/// What the subcommand reports.
pub fn run(command: &MapsCommand) -> anyhow::Result<()> {
    match command {
        MapsCommand::Sample(args) => sample::run(args),
        MapsCommand::Sheets(args) => sheets::run(args),
    }
}
