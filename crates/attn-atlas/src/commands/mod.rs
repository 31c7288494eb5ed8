//! One module a subcommand.

mod data;
mod devices;
mod extract;
mod fetch;
mod framenet;
mod maps;
mod reproduce;
mod sep_cls;

use crate::cli::{Cli, Command};

/// Runs the command line.
///
/// # Errors
/// What the command reports.
pub fn run(cli: Cli) -> anyhow::Result<()> {
    match cli.command {
        Command::Devices => devices::run(),
        Command::Fetch(args) => fetch::run(&args),
        Command::Extract(args) => extract::run(&args),
        Command::SepCls(args) => sep_cls::run(&args),
        Command::Maps(command) => maps::run(&command),
        Command::Data(command) => data::run(command),
        Command::Framenet(command) => framenet::run(command),
        Command::Reproduce(args) => reproduce::run(&args),
    }
}
