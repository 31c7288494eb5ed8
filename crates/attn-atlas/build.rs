//! Tells the program which revision it is built from.
//!
//! Asked at run time, Git would speak of what the checkout has become since, or of none. The build
//! looks again when a commit is made or a source file changes.

use std::path::Path;
use std::process::Command;

/// What goes into the program, as Git path specifications from the repository's root.
const SOURCES: [&str; 5] = [
    ":(top)crates",
    ":(top)Cargo.toml",
    ":(top)Cargo.lock",
    ":(top)datasets",
    ":(top,exclude,glob)crates/*/tests/**",
];

fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    output
        .status
        .success()
        .then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// The commit, `-dirty` where sources differ from it; `None` outside of a checkout.
fn revision() -> Option<String> {
    let revision = git(&["rev-parse", "HEAD"])?;
    let mut status = vec!["status", "--porcelain", "--"];
    status.extend(SOURCES);
    let changes = git(&status)?;
    Some(if changes.is_empty() {
        revision
    } else {
        format!("{revision}-dirty")
    })
}

fn watch(path: &Path) {
    // A watched path that is missing would make every build look again.
    if path.exists() {
        println!("cargo:rerun-if-changed={}", path.display());
    }
}

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    // Every commit and checkout adds a line to it; a repository may keep no such log.
    for name in ["logs/HEAD", "HEAD"] {
        if let Some(path) = git(&["rev-parse", "--git-path", name]) {
            watch(Path::new(&path));
        }
    }
    watch(Path::new("../../Cargo.lock"));
    let crates = std::fs::read_dir("..").into_iter().flatten().flatten();
    for folder in crates {
        for part in ["src", "assets", "model", "Cargo.toml"] {
            watch(&folder.path().join(part));
        }
    }
    if let Some(revision) = revision() {
        println!("cargo:rustc-env=ATTN_REVISION={revision}");
    }
}
