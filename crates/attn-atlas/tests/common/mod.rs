//! The program, a tiny model and data to run it on.
#![allow(dead_code)] // not every test file uses everything

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// `attn`, at the workspace's root.
pub fn attn() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_attn"));
    command.current_dir(root()).env("ATTN_OFFLINE", "1");
    command
}

/// The workspace's root.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A classifier of two layers with four heads and three labels: fits MNLI.
pub fn tiny() -> PathBuf {
    root().join("crates/attn-bert/tests/fixtures/tiny-bert")
}

/// Runs to the end.
pub fn run(command: &mut Command) -> Output {
    command.output().expect("attn starts")
}

/// What went to standard error.
pub fn errors(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Runs a command that must succeed and gives its standard output.
pub fn success(command: &mut Command) -> String {
    let output = run(command);
    assert!(output.status.success(), "{}", errors(&output));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Runs a command that must fail in an orderly way and gives its message.
pub fn failure(command: &mut Command) -> String {
    let output = run(command);
    let errors = errors(&output);
    assert_eq!(output.status.code(), Some(1), "{errors}");
    assert!(!errors.contains("panicked"), "{errors}");
    errors
}
