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

/// Runs a shell script with the right to mount a small disk, in a name space of its own: `$1` its
/// size in KiB, `$2` where to mount it, `$3` a folder to write beside it, then the words of
/// `work`. `None` where that cannot be had (statuses 1, 77 and 78 say so), which is told.
pub fn on_a_small_disk(
    script: &str,
    size: usize,
    [disk, beside]: [&Path; 2],
    work: &Command,
) -> Option<Output> {
    let mut small = Command::new("unshare");
    small
        .args(["-rm", "sh", "-c", script, "sh", &size.to_string()])
        .args([disk, beside])
        .arg(work.get_program())
        .args(work.get_args())
        .envs(work.get_envs().filter_map(|(k, v)| Some((k, v?))))
        .current_dir(root());
    let Ok(output) = small.output() else {
        eprintln!("SKIPPED: no `unshare` here, a small disk cannot be made");
        return None;
    };
    if matches!(output.status.code(), Some(1 | 77 | 78)) {
        eprintln!("SKIPPED: no right to mount a small disk here: {output:?}");
        return None;
    }
    Some(output)
}
