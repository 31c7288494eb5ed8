//! `cargo xtask`: development and reproduction tasks. Thin: it builds `attn` with the right
//! features and runs it from the workspace's root, where the starter set and `results` are.

mod browser;

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
    /// Open the pages of `attn view` and `attn report` in a headless Chromium, if there is one.
    BrowserTest(browser::BrowserArgs),
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

fn root() -> anyhow::Result<&'static Path> {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .context("xtask lies in no workspace")
}

/// Builds `attn` and gives its path. Packages are selected with `--workspace`, as the tests do:
/// another selection would resolve other features and build Burn a second time.
fn build(features: &[String]) -> anyhow::Result<PathBuf> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command
        .current_dir(root()?)
        .args(["build", "--workspace", "--bin", "attn"]);
    for feature in features {
        command.args(["--features", &format!("attn-atlas/{feature}")]);
    }
    let status = command.status().context("cannot start cargo")?;
    if !status.success() {
        bail!("attn does not build: {status}");
    }
    // Cargo puts both programs into one folder, wherever its target folder is.
    let this = std::env::current_exe().context("cannot find xtask's own program")?;
    Ok(this.with_file_name(format!("attn{}", std::env::consts::EXE_SUFFIX)))
}

fn reproduce(options: &[String]) -> anyhow::Result<ExitCode> {
    let attn = build(&features(options))?;
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
        Task::BrowserTest(args) => browser::run(root()?, &args),
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
