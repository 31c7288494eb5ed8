//! `cargo xtask tidy`: what keeps the tree readable, checked from its text alone.
//!
//! - Crates depend on one another in one direction only ([`edges`]), and Burn appears where tensors are.
//! - Every Rust file begins with a `//!` line that says what it is for, and is short enough to read in
//!   one sitting ([`LINES`]).
//! - No two files import each other ([`imports`]); a folder's `mod.rs` and the files in it count as one
//!   thing there.
//! - `unsafe` appears in attn-kernels only, also where the compiler's lint is not on.

mod edges;
mod imports;
mod source;

use anyhow::Context;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// The most lines that a Rust file may have.
const LINES: usize = 400;

/// Checks the tree and prints what is wrong with it, one line each.
pub fn run(root: &Path) -> anyhow::Result<ExitCode> {
    let complaints = complaints(root)?;
    for complaint in &complaints {
        println!("{complaint}");
    }
    if complaints.is_empty() {
        println!("tidy");
        return Ok(ExitCode::SUCCESS);
    }
    println!("{} complaints", complaints.len());
    Ok(ExitCode::FAILURE)
}

fn complaints(root: &Path) -> anyhow::Result<Vec<String>> {
    let mut all = edges::check(root)?;
    for folder in packages(root)? {
        let name = folder
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let files = rust_files(&folder)?;
        for file in &files {
            let text = std::fs::read_to_string(file)
                .with_context(|| format!("{}: cannot be read", file.display()))?;
            let shown = file
                .strip_prefix(root)
                .unwrap_or(file)
                .display()
                .to_string();
            all.extend(
                source::check(&name, &text)
                    .into_iter()
                    .map(|c| format!("{shown}: {c}")),
            );
        }
        all.extend(imports::check(root, &folder.join("src"), &files)?);
    }
    Ok(all)
}

/// The folders of all packages of the workspace.
fn packages(root: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut folders = vec![root.join("xtask")];
    let crates = root.join("crates");
    for entry in std::fs::read_dir(&crates).with_context(|| crates.display().to_string())? {
        let path = entry?.path();
        if path.join("Cargo.toml").is_file() {
            folders.push(path);
        }
    }
    folders.sort();
    Ok(folders)
}

/// All Rust files below a folder, sorted.
fn rust_files(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
            let path = entry?.path();
            let name = path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            if path.is_dir() && name != "target" {
                folders.push(path);
            } else if name.ends_with(".rs") {
                files.push(path);
            }
        }
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(root: &Path, file: &str, text: &str) {
        let path = root.join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// A workspace with one of each fault.
    #[test]
    fn each_fault_is_found_once() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        write(root, "xtask/Cargo.toml", "[package]\nname = \"xtask\"\n");
        write(root, "xtask/src/main.rs", "//! Tasks.\nfn main() {}\n");
        write(
            root,
            "crates/attn-core/Cargo.toml",
            "[package]\nname = \"attn-core\"\n[dependencies]\nattn-bert.workspace = true\n",
        );
        write(
            root,
            "crates/attn-core/src/lib.rs",
            "pub fn undocumented() {}\n",
        );
        write(
            root,
            "crates/attn-stats/Cargo.toml",
            "[package]\nname = \"attn-stats\"\n[dependencies]\nburn.workspace = true\nattn-core.workspace = true\n",
        );
        write(
            root,
            "crates/attn-stats/src/lib.rs",
            "//! Statistics.\nmod a;\nmod b;\n",
        );
        write(
            root,
            "crates/attn-stats/src/a.rs",
            "//! A.\nuse crate::b::B;\npub struct A;\n",
        );
        let long = "\n".repeat(400);
        write(
            root,
            "crates/attn-stats/src/b.rs",
            &format!("//! B.\nuse super::a::A;\npub struct B;\n{long}"),
        );
        write(
            root,
            "crates/attn-stats/tests/t.rs",
            "//! T.\nfn f() { unsafe { g() } }\n// unsafe in a comment\n",
        );
        let found = complaints(root).unwrap();
        let expected = [
            "crates/attn-core/Cargo.toml: attn-core may not depend on attn-bert",
            "crates/attn-stats/Cargo.toml: attn-stats may not depend on burn",
            "crates/attn-core/src/lib.rs: no `//!` line says what the file is for",
            "crates/attn-stats/src/b.rs: 403 lines; at most 400",
            "crates/attn-stats/tests/t.rs: line 2: `unsafe`, which only attn-kernels may contain",
            "crates/attn-stats/src/a.rs and crates/attn-stats/src/b.rs import each other",
        ];
        for line in expected {
            assert_eq!(
                found.iter().filter(|f| *f == line).count(),
                1,
                "{line}: {found:#?}"
            );
        }
        assert_eq!(found.len(), expected.len(), "{found:#?}");
    }
}
