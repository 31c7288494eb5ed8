//! One module a subcommand.

mod ablate;
mod annotate;
mod classify;
mod data;
mod devices;
mod evaluate;
mod extract;
mod fetch;
mod finetune;
mod framenet;
mod lingua;
mod maps;
mod patterns;
pub mod report;
mod reproduce;
mod sep_cls;
mod stats;
mod table1;
mod view;

use crate::cli::{Cli, Command};

/// Runs the command line.
///
/// # Errors
/// What the command reports.
pub fn run(cli: Cli) -> anyhow::Result<()> {
    match cli.command {
        Command::Ablate(args) => ablate::run(&args),
        Command::Devices => devices::run(),
        Command::Fetch(args) => fetch::run(&args),
        Command::Extract(args) => extract::run(&args),
        Command::Finetune(args) => finetune::run(&args),
        Command::Evaluate(args) => evaluate::run(&args),
        Command::Table1(args) => table1::run(&args),
        Command::SepCls(args) => sep_cls::run(&args),
        Command::Maps(command) => maps::run(&command),
        Command::Annotate(args) => annotate::run(&args),
        Command::Patterns(command) => patterns::run(&command),
        Command::Classify(args) => classify::run(&args),
        Command::View(args) => view::run(&args),
        Command::Report(args) => report::run(&args),
        Command::Stats(args) => stats::run(&args),
        Command::Data(command) => data::run(command),
        Command::Framenet(command) => framenet::run(command),
        Command::Lingua(command) => lingua::run(&command),
        Command::Reproduce(args) => reproduce::run(&args),
    }
}
