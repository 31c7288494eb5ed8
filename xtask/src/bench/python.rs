//! A Python for the peers.

use super::BenchArgs;
use anyhow::{Context, bail};
use std::path::{Path, PathBuf};
use std::process::Command;

/// What every peer may import. Versions are those that the numbers in docs/ were taken with.
const PACKAGES: [&str; 3] = ["torch==2.6.0", "transformers==4.57.6", "numpy<3"];

/// PyTorch's own index of builds without CUDA, a tenth of the size of PyPI's for Linux.
const TORCH_CPU: &str = "https://download.pytorch.org/whl/cpu";

/// The Python of `--python`, or one with [`PACKAGES`] in a scratch environment beside the compiled
/// programs, made on first use.
///
/// # Errors
/// When there is no Python 3, pip fails, or the Python given cannot import torch and transformers.
pub fn find(args: &BenchArgs) -> anyhow::Result<PathBuf> {
    if let Some(python) = &args.python {
        imports(python).with_context(|| {
            format!(
                "--python {}: give a Python with {}",
                python.display(),
                PACKAGES.join(", ")
            )
        })?;
        return Ok(python.clone());
    }
    let program = std::env::current_exe().context("cannot find xtask's own program")?;
    let folder = program.with_file_name("bench-venv");
    let python = folder.join(if cfg!(windows) {
        "Scripts/python.exe"
    } else {
        "bin/python"
    });
    if python.is_file() && imports(&python).is_ok() {
        return Ok(python);
    }
    eprintln!(
        "making a Python environment with {} in {}",
        PACKAGES.join(", "),
        folder.display()
    );
    let system = if cfg!(windows) { "python" } else { "python3" };
    finish(Command::new(system).args(["-m", "venv"]).arg(&folder))
        .context("a Python 3 with its venv module is needed, or --python PATH")?;
    let install = |more: &[&str]| {
        let mut pip = Command::new(&python);
        pip.args(["-m", "pip", "install", "--quiet"]);
        finish(pip.arg("--disable-pip-version-check").args(more))
    };
    // The builds compute the same on the processor; where the small one cannot be had, PyPI's does.
    if install(&["--index-url", TORCH_CPU, PACKAGES[0]]).is_err() {
        eprintln!(
            "no build of {} without CUDA to be had; taking PyPI's",
            PACKAGES[0]
        );
    }
    install(&PACKAGES)?;
    imports(&python)?;
    Ok(python)
}

fn imports(python: &Path) -> anyhow::Result<()> {
    finish(Command::new(python).args(["-c", "import torch, transformers"]))
}

fn finish(command: &mut Command) -> anyhow::Result<()> {
    let name = command.get_program().to_string_lossy().into_owned();
    let status = command
        .status()
        .with_context(|| format!("cannot start {name}"))?;
    if !status.success() {
        bail!("{name} failed: {status}");
    }
    Ok(())
}
