//! `cargo xtask`: development and reproduction tasks. Thin: it builds `attn` with the right
//! features and runs it from the workspace's root, where the starter set and `results` are.

mod bench;
mod browser;
mod prose;
mod tidy;

use anyhow::{Context, bail};
use clap::{Parser, Subcommand};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

/// Tasks of the Attention Atlas workspace.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", about, disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Regenerate the paper's tables and figures: builds `attn` and runs `attn reproduce`.
    ///
    /// All options are those of `attn reproduce`, for example
    /// `--only sep-cls --model NAME|PATH --data DIR --backend flex --out DIR`;
    /// `cargo xtask reproduce --help` lists them.
    #[command(disable_help_flag = true)]
    Reproduce {
        /// Options for `attn reproduce`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        options: Vec<String>,
    },
    /// Time our programs against straightforward Python ones on the same work.
    #[command(subcommand)]
    Bench(Box<bench::Bench>),
    /// Open the pages of `attn view` and `attn report` in a headless Chromium, if there is one.
    BrowserTest(browser::BrowserArgs),
    /// Check that the tree is tidy: dependencies in one direction, short files, no import circles.
    Tidy,
    /// Fill the numbers in README.md and docs/*.md from the committed results, or check them.
    Prose(prose::ProseArgs),
}

/// Which cargo features a command line needs: the backend's, beside the default.
fn features(options: &[String]) -> Vec<String> {
    let mut backends = Vec::new();
    for (i, option) in options.iter().enumerate() {
        if let Some(value) = option.strip_prefix("--backend=") {
            backends.push(value.to_owned());
        } else if option == "--backend" {
            backends.extend(options.get(i + 1).cloned());
        }
    }
    backends.retain(|b| b == "wgpu" || b == "cuda");
    backends
}

pub(crate) fn root() -> anyhow::Result<&'static Path> {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .context("xtask lies in no workspace")
}

/// A program of the workspace.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Program {
    /// A binary, for example `attn`.
    Binary(&'static str),
    /// An example of one of the crates.
    Example(&'static str),
}

/// Builds a program and gives its path. Packages are selected with `--workspace`, as the tests do:
/// another selection would resolve other features and build Burn a second time.
pub(crate) fn build(program: Program, features: &[String]) -> anyhow::Result<PathBuf> {
    let (option, name, folder) = match program {
        Program::Binary(name) => ("--bin", name, ""),
        Program::Example(name) => ("--example", name, "examples"),
    };
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command
        .current_dir(root()?)
        .args(["build", "--workspace", option, name]);
    for feature in features {
        command.args(["--features", &format!("attn-atlas/{feature}")]);
    }
    // Cargo tells this program about its own package; build scripts that look at the same variables
    // would take them for changes and run again.
    for (variable, _) in std::env::vars_os() {
        let name = variable.to_string_lossy();
        if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&variable);
        }
    }
    let status = command.status().context("cannot start cargo")?;
    if !status.success() {
        bail!("{name} does not build: {status}");
    }
    // Cargo puts all programs into one folder, wherever its target folder is.
    let this = std::env::current_exe().context("cannot find xtask's own program")?;
    let file = Path::new(folder).join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    Ok(this.with_file_name(file))
}

fn reproduce(options: &[String]) -> anyhow::Result<ExitCode> {
    let attn = build(Program::Binary("attn"), &features(options))?;
    let status = Command::new(&attn)
        .current_dir(root()?)
        .arg("reproduce")
        .args(options)
        .status()
        .with_context(|| format!("cannot start {}", attn.display()))?;
    match status.code() {
        Some(code) => Ok(ExitCode::from(u8::try_from(code).unwrap_or(1))),
        None => bail!("attn was killed: {status}"),
    }
}

fn main() -> anyhow::Result<ExitCode> {
    match Cli::parse().task {
        Task::Reproduce { options } => reproduce(&options),
        Task::Bench(bench) => bench::run(*bench).map(|()| ExitCode::SUCCESS),
        Task::BrowserTest(args) => browser::run(root()?, &args),
        Task::Tidy => tidy::run(root()?),
        Task::Prose(args) => prose::run(root()?, &args),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backend_brings_its_feature() {
        let options = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(
            features(&options("--only sep-cls --backend wgpu")),
            ["wgpu"]
        );
        assert_eq!(features(&options("--backend=cuda")), ["cuda"]);
        assert!(features(&options("--backend flex --backend")).is_empty());
    }
}
