//! `attn`: the stages of Attention Atlas on the command line.

mod ablation;
mod cli;
mod commands;
mod findings;
mod forward;
mod held_out;
mod inputs;
mod labels;
mod memory;
mod model;
mod output;
mod progress;
mod run;
mod training;

use clap::Parser;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Set by Ctrl-C; long loops look at it and stop between two batches.
static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// The user pressed Ctrl-C.
#[derive(Debug)]
struct Interrupted;

impl std::fmt::Display for Interrupted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("interrupted; nothing half-written was left under a final name")
    }
}

impl std::error::Error for Interrupted {}

/// Ends the current stage when the user pressed Ctrl-C.
fn stop_if_interrupted() -> anyhow::Result<()> {
    if INTERRUPTED.load(Ordering::Relaxed) {
        Err(Interrupted.into())
    } else {
        Ok(())
    }
}

fn main() -> ExitCode {
    memory::keep_freed();
    let cli = cli::Cli::parse();
    // A second Ctrl-C ends the program at once; files are renamed into place only when whole.
    let handler = ctrlc::set_handler(|| {
        if INTERRUPTED.swap(true, Ordering::Relaxed) {
            std::process::exit(130);
        }
        eprintln!("\nstopping after this batch (press Ctrl-C again to stop at once)");
    });
    if let Err(error) = handler {
        eprintln!("warning: Ctrl-C will end the program at once: {error}");
    }
    match commands::run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.is::<Interrupted>() => {
            eprintln!("{error}");
            ExitCode::from(130)
        }
        Err(error) => {
            eprintln!("error: {}", in_one_line(&error));
            ExitCode::FAILURE
        }
    }
}

/// An error with its causes, each once: our libraries' messages tell their cause already.
fn in_one_line(error: &anyhow::Error) -> String {
    let mut line = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if !line.contains(&cause) {
            let colon = if line.is_empty() { "" } else { ": " };
            line.push_str(colon);
            line.push_str(&cause);
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::Context;

    #[test]
    fn a_cause_is_told_once() {
        let full = || std::io::Error::from(std::io::ErrorKind::StorageFull);
        let ours = attn_core::io::IoError::File {
            path: "a".into(),
            action: "write",
            source: full(),
        };
        let error = Err::<(), _>(ours).context("MRPC").unwrap_err();
        assert_eq!(
            in_one_line(&error),
            format!("MRPC: a: cannot write: {}", full())
        );
        let error = Err::<(), _>(full()).context("MRPC").unwrap_err();
        assert_eq!(in_one_line(&error), format!("MRPC: {}", full()));
    }
}
