//! A Python for the peers.

use super::BenchArgs;
use anyhow::{Context, bail};
use std::path::{Path, PathBuf};
use std::process::Command;

/// What every peer may import. Versions are those that the numbers in docs/ were taken with.
const PACKAGES: [&str; 3] = ["torch==2.6.0", "transformers==4.57.6", "numpy<3"];

/// What the peers of `forward` import besides.
pub const ONNX: [&str; 2] = ["onnxruntime==1.32.0", "onnx==1.23.2"];

/// PyTorch's own index of builds without CUDA, a tenth of the size of PyPI's for Linux.
const TORCH_CPU: &str = "https://download.pytorch.org/whl/cpu";

/// The Python of `--python`, or one with [`PACKAGES`] and `more` in a scratch environment beside the
/// compiled programs, made on first use.
///
/// # Errors
/// When there is no Python 3, pip fails, or the Python given cannot import them all: what it lacks is
/// named.
pub fn find(args: &BenchArgs, more: &[&str]) -> anyhow::Result<PathBuf> {
    let packages = [&PACKAGES[..], more].concat();
    if let Some(python) = &args.python {
        imports(python, &packages).with_context(|| {
            let lacking = lacking(python, &packages).join("' '");
            let python = python.display();
            format!("--python {python} lacks packages: {python} -m pip install '{lacking}'")
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
    if python.is_file() && imports(&python, &packages).is_ok() {
        return Ok(python);
    }
    eprintln!(
        "making a Python environment with {} in {}",
        packages.join(", "),
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
    install(&packages)?;
    imports(&python, &packages)?;
    Ok(python)
}

fn imports(python: &Path, packages: &[&str]) -> anyhow::Result<()> {
    finish(Command::new(python).args(["-c", &import_line(packages)]))
}

/// The packages that cannot be imported.
fn lacking<'a>(python: &Path, packages: &[&'a str]) -> Vec<&'a str> {
    let found = |package: &str| {
        let mut import = Command::new(python);
        let output = import.args(["-c", &import_line(&[package])]).output();
        output.is_ok_and(|output| output.status.success())
    };
    let lacking = packages.iter().copied();
    lacking.filter(|package| !found(package)).collect()
}

/// The statement that imports packages, whose modules are called as they are.
fn import_line(packages: &[&str]) -> String {
    let module = |package: &&str| {
        let mut parts = package.split(['=', '<', '>']);
        parts.next().unwrap_or_default().to_owned()
    };
    let modules: Vec<String> = packages.iter().map(module).collect();
    format!("import {}", modules.join(", "))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_are_imported_without_their_versions() {
        assert_eq!(import_line(&PACKAGES), "import torch, transformers, numpy");
        assert_eq!(import_line(&ONNX), "import onnxruntime, onnx");
    }

    #[test]
    fn a_python_is_told_what_it_lacks() {
        let python = PathBuf::from("no/such/python");
        let args = BenchArgs {
            python: Some(python),
            rounds: 1,
            threads: None,
            under: None,
            out: None,
        };
        let error = format!("{:#}", find(&args, &ONNX).unwrap_err());
        assert!(error.contains("-m pip install 'torch=="), "{error}");
        assert!(error.contains(&format!("'{}'", ONNX[0])), "{error}");
    }
}
