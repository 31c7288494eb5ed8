//! `cargo xtask browser-test`: our HTML pages in a headless Chromium.

use anyhow::{Context, bail};
use clap::Args;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

/// Arguments of `cargo xtask browser-test`.
#[derive(Debug, Args)]
pub struct BrowserArgs {
    /// Folder for screenshots.
    #[arg(long, value_name = "DIR")]
    screens: Option<PathBuf>,
    /// Further pages to check, for example a report.
    pages: Vec<PathBuf>,
}

/// Writes the pages of the example `pages` and opens them. Without Node.js or a browser it says so
/// and passes: neither is needed to build or use the project.
pub fn run(root: &Path, args: &BrowserArgs) -> anyhow::Result<ExitCode> {
    if Command::new("node").arg("--version").output().is_err() {
        println!(
            "SKIPPED: no node on PATH; the browser test needs Node.js 20 or later and Chromium"
        );
        return Ok(ExitCode::SUCCESS);
    }
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = Command::new(cargo)
        .current_dir(root)
        .args(["build", "--workspace", "--example", "pages"])
        .status()
        .context("cannot start cargo")?;
    if !built.success() {
        bail!("the example 'pages' does not build: {built}");
    }
    let this = std::env::current_exe().context("cannot find xtask's own program")?;
    let target = this.parent().context("xtask lies in no folder")?;
    let example = target
        .join("examples")
        .join(format!("pages{}", std::env::consts::EXE_SUFFIX));
    let folder = target.join("browser-test");
    let made = Command::new(&example)
        .arg(&folder)
        .status()
        .with_context(|| format!("cannot start {}", example.display()))?;
    if !made.success() {
        bail!("the example 'pages' failed: {made}");
    }
    let mut node = Command::new("node");
    node.arg("--test-reporter=spec")
        .arg(root.join("xtask/browser/test.mjs"));
    if let Some(screens) = &args.screens {
        node.arg("--screens").arg(screens);
    }
    let status = node
        .arg(&folder)
        .args(&args.pages)
        .status()
        .context("cannot start node")?;
    Ok(if status.success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
