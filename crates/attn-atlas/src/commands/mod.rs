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

use crate::cli::{Cli, Command, PatternsCommand};

/// Runs the command line.
///
/// # Errors
/// What the command reports.
pub fn run(mut cli: Cli) -> anyhow::Result<()> {
    find_starter(&mut cli.command)?;
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

/// The default data are the starter set, wherever the command is run. `reproduce` looks by itself, when
/// it knows its profile.
fn find_starter(command: &mut Command) -> anyhow::Result<()> {
    let (data, cache) = match command {
        Command::Ablate(args) if args.command.is_none() => {
            (&mut args.data.source.data, &args.model.cache)
        }
        Command::Extract(args) if args.input.is_none() => {
            (&mut args.data.source.data, &args.model.cache)
        }
        Command::Classify(args) if args.maps.is_none() => {
            (&mut args.data.source.data, &args.model.cache)
        }
        Command::Finetune(args) => (&mut args.source.data, &args.model.cache),
        Command::Evaluate(args) => (&mut args.source.data, &args.model.cache),
        Command::Table1(args) => (&mut args.source.data, &args.model.cache),
        Command::SepCls(args) => (&mut args.data.source.data, &args.model.cache),
        Command::Stats(args) => (&mut args.data.source.data, &args.model.cache),
        Command::Patterns(command) => match &mut **command {
            PatternsCommand::Shares(args) => (&mut args.data.source.data, &args.model.cache),
            PatternsCommand::Grid(args) => (&mut args.data.source.data, &args.model.cache),
            _ => return Ok(()),
        },
        _ => return Ok(()),
    };
    crate::starter::find(data, cache)
}
