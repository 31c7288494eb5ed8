//! The Python of README runs on files that `attn extract` writes. Needs a Python with numpy and safetensors:
//! ATTN_PYTHON, else python3; without one it says SKIPPED.

mod common;

use common::{attn, root, success, tiny};
use std::path::Path;
use std::process::Command;

/// The blocks of a Markdown file that are Python.
fn python_of(path: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(path).unwrap();
    let blocks = text.split("```python\n").skip(1);
    blocks
        .map(|rest| rest.split("```").next().unwrap().to_owned())
        .collect()
}

#[test]
fn readmes_python_reads_what_extract_writes() {
    let python = std::env::var("ATTN_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let ready = Command::new(&python)
        .args(["-c", "import numpy, safetensors.numpy"])
        .output()
        .is_ok_and(|output| output.status.success());
    if !ready {
        println!(
            "SKIPPED: {python} has no numpy and safetensors (pip install both, or set ATTN_PYTHON)"
        );
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let input = folder.path().join("texts.tsv");
    std::fs::write(&input, "a b c\td e\nb a\n").unwrap();
    for name in ["maps.safetensors", "maps.npz"] {
        success(
            attn()
                .args(["extract", "--offline", "--max-length", "32", "--model"])
                .arg(tiny())
                .arg("--input")
                .arg(&input)
                .arg("--out")
                .arg(folder.path().join(name)),
        );
    }
    let snippets = python_of(&root().join("README.md"));
    assert_eq!(snippets.len(), 2);
    let mut printed = Vec::new();
    for snippet in snippets {
        let output = Command::new(&python)
            .current_dir(folder.path())
            .args(["-c", &snippet])
            .output()
            .unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{snippet}\n{errors}");
        printed.push(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    // Both say the same tokens and shape; the second, that rows sum to 1.
    let same = printed[0].trim_end();
    assert!(same.starts_with("['[CLS]', "), "{same}");
    assert!(printed[1].starts_with(same), "{printed:?}");
    let sum: f32 = printed[1]
        .trim_end()
        .rsplit(' ')
        .next()
        .unwrap()
        .parse()
        .unwrap();
    assert!((sum - 1.0).abs() < 1e-5, "{printed:?}");
}
