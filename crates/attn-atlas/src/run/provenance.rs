//! Hashes of what a run reads and writes, and versions of what computes.

use anyhow::Context;
use attn_core::InputFile;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// The dependency versions that this program was built with.
const LOCK: &str = include_str!("../../../../Cargo.lock");

/// Libraries whose version decides numbers.
const NUMERIC: [&str; 5] = ["burn", "burn-flex", "gemm", "tokenizers", "safetensors"];

/// The sha256 of bytes, in lower-case hex.
pub fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn hex(digest: &[u8]) -> String {
    digest.iter().map(|b| format!("{b:02x}")).collect()
}

/// Hashes a file that a run reads.
///
/// # Errors
/// When it cannot be read.
pub fn input_file(role: &str, path: &Path) -> anyhow::Result<InputFile> {
    let read = || format!("{}: cannot read", path.display());
    let mut file = File::open(path).with_context(read)?;
    let (mut hasher, mut bytes, mut block) = (Sha256::new(), 0u64, vec![0u8; 1 << 16]);
    loop {
        let count = file.read(&mut block).with_context(read)?;
        if count == 0 {
            break;
        }
        bytes += count as u64;
        hasher.update(&block[..count]);
    }
    let sha256 = hex(&hasher.finalize());
    let name = path
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    Ok(InputFile {
        role: role.to_owned(),
        file: name,
        bytes,
        sha256,
    })
}

/// Version of a package in a Cargo.lock.
fn locked_version(lock: &str, package: &str) -> Option<String> {
    let mut lines = lock
        .lines()
        .skip_while(|line| *line != format!("name = \"{package}\""));
    let version = lines.nth(1)?.strip_prefix("version = \"")?;
    Some(version.trim_end_matches('"').to_owned())
}

/// Versions of the program and of what decides numbers.
pub fn versions() -> BTreeMap<String, String> {
    let mut versions: BTreeMap<String, String> = NUMERIC
        .into_iter()
        .filter_map(|package| Some((package.to_owned(), locked_version(LOCK, package)?)))
        .collect();
    versions.insert(
        "attention-atlas".to_owned(),
        env!("CARGO_PKG_VERSION").to_owned(),
    );
    versions
}

/// Revision that this program was built from, as the build script found it.
pub fn git_revision() -> Option<String> {
    option_env!("ATTN_REVISION").map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_and_versions() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("abc.txt");
        std::fs::write(&path, "abc").unwrap();
        let file = input_file("input", &path).unwrap();
        // FIPS 180-2, appendix B.1.
        assert_eq!(
            file.sha256,
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        assert_eq!((file.bytes, file.file.as_str()), (3, "abc.txt"));
        assert!(input_file("input", &folder.path().join("none")).is_err());
        let versions = versions();
        assert_eq!(versions["burn"], "0.22.1");
        assert!(versions.contains_key("tokenizers"));
        assert_eq!(locked_version(LOCK, "no-such-package"), None);
    }
}
