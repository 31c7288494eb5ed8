//! Names of outputs, looked at before any work.

use std::path::Path;

/// Checks, before any work, that a folder for results is one or can be made.
///
/// # Errors
/// A file of that name, or something on the way to it.
pub fn check_folder(folder: &Path) -> anyhow::Result<()> {
    for part in folder.ancestors() {
        if part.is_dir() || part.as_os_str().is_empty() {
            return Ok(());
        }
        anyhow::ensure!(
            part.symlink_metadata().is_err(),
            "--out {}: {} is a file; name a folder",
            folder.display(),
            part.display()
        );
    }
    Ok(())
}

/// Checks, before any work, that a file can be written under a name that has one of the endings.
///
/// # Errors
/// A folder of that name, another ending, or a folder that cannot be.
pub fn check_file(path: &Path, endings: &[&str]) -> anyhow::Result<()> {
    let shown = path.display();
    let text = path.as_os_str().as_encoded_bytes();
    anyhow::ensure!(
        !path.is_dir() && !text.ends_with(b"/") && path.file_name().is_some(),
        "--out {shown}: a folder; name the file to write, ending in {}",
        endings.join(" or ")
    );
    let name = path.file_name().unwrap_or_default().as_encoded_bytes();
    let fits = |ending: &&str| {
        let at = name.len().checked_sub(ending.len());
        at.and_then(|at| name.get(at..))
            .is_some_and(|found| found.eq_ignore_ascii_case(ending.as_bytes()))
    };
    anyhow::ensure!(
        endings.iter().any(fits),
        "--out {shown}: cannot write this kind of file; expected a name that ends in {}",
        endings.join(" or ")
    );
    check_folder(path.parent().unwrap_or(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_for_results_are_checked_beforehand() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("file"), "x").unwrap();
        assert!(check_folder(&at("")).is_ok() && check_folder(&at("a/b")).is_ok());
        assert!(check_folder(Path::new("new")).is_ok());
        for bad in ["file", "file/a/b"] {
            let error = check_folder(&at(bad)).unwrap_err().to_string();
            assert!(error.contains("file is a file; name a folder"), "{error}");
        }
        let endings = [".safetensors", ".npz"];
        let check = |path: &Path| check_file(path, &endings);
        for good in ["a.safetensors", "new/a.NPZ"] {
            assert!(check(&at(good)).is_ok(), "{good}");
        }
        for (bad, expected) in [
            ("", "a folder; name the file"),
            ("new/", "a folder; name the file"),
            ("x.pt", "ends in .safetensors or .npz"),
            ("maps", "ends in .safetensors or .npz"),
            ("file/x.npz", "file is a file"),
        ] {
            let error = check(&at(bad)).unwrap_err().to_string();
            assert!(error.contains(expected), "{bad}: {error}");
        }
    }
}
