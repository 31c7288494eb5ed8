//! `attn devices`, `--backend` and `--device` from outside: what is there, what is said about the
//! rest, and the same maps from every backend of the build.

mod common;

use attn_bert::Backend;
use common::{attn, errors, failure, run, success, tiny};
use safetensors::SafeTensors;
use std::path::Path;
use std::process::Command;

fn extract(backend: &str, device: &str, folder: &Path) -> Command {
    let sentences = folder.join("sentences.tsv");
    std::fs::write(
        &sentences,
        "The cat sleeps.\nWas it the dog?\tNo, a bird.\n",
    )
    .unwrap();
    let mut command = attn();
    command.args(["extract", "--backend", backend, "--device", device]);
    command.args(["--max-length", "64", "--model"]).arg(tiny());
    command.arg("--input").arg(sentences);
    command.arg("--out").arg(maps_file(folder, backend));
    command
}

fn maps_file(folder: &Path, backend: &str) -> std::path::PathBuf {
    folder.join(format!("{backend}.safetensors"))
}

#[test]
fn every_backend_has_a_line() {
    let listed = success(attn().arg("devices"));
    for backend in Backend::ALL {
        let line = listed
            .lines()
            .find(|line| line.starts_with(backend.name()))
            .unwrap_or_else(|| panic!("no {backend} in:\n{listed}"));
        match backend.devices() {
            Ok(_) => assert!(line.starts_with(&format!("{backend:6} 0  ")), "{line}"),
            Err(error) => assert!(line.ends_with(&error.to_string()), "{line}"),
        }
    }
    assert!(listed.contains("flex   0  the processor, "), "{listed}");
}

#[test]
fn a_backend_that_is_missing_says_how_to_get_it() {
    let folder = tempfile::tempdir().unwrap();
    for backend in Backend::ALL.into_iter().filter(|b| b.device(0).is_err()) {
        let said = failure(&mut extract(backend.name(), "0", folder.path()));
        assert!(
            said.contains(&backend.device(0).unwrap_err().to_string()),
            "{said}"
        );
        if !backend.is_compiled_in() {
            let command =
                format!("cargo build --workspace --bin attn --features attn-atlas/{backend}");
            assert!(said.contains(&command), "{said}");
        }
        assert!(!maps_file(folder.path(), backend.name()).exists());
    }
}

#[test]
fn a_device_or_backend_that_is_not_there_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let said = failure(&mut extract("flex", "7", folder.path()));
    assert!(
        said.contains("backend 'flex' has no device 7: it has 1") && said.contains("attn devices"),
        "{said}"
    );
    let unknown = run(&mut extract("tpu", "0", folder.path()));
    assert_eq!(unknown.status.code(), Some(2));
    let said = errors(&unknown);
    assert!(
        said.contains("unknown backend 'tpu': expected flex, wgpu or cuda"),
        "{said}"
    );
}

#[test]
fn instructions_are_shown_and_can_be_forced() {
    let listed = success(attn().arg("devices").env("ATTN_KERNELS", "portable"));
    assert!(listed.contains("portable instructions"), "{listed}");
    let listed = success(attn().arg("devices").env_remove("ATTN_KERNELS"));
    let best = attn_kernels::Path::best();
    assert!(listed.contains(&format!("{best} instructions")), "{listed}");
    // One of the two is another processor's.
    let folder = tempfile::tempdir().unwrap();
    let foreign = if cfg!(target_arch = "x86_64") {
        "neon"
    } else {
        "avx2"
    };
    for (value, reason) in [
        (foreign, "lacks them"),
        ("sse9", "expected one of portable"),
    ] {
        let said = failure(extract("flex", "0", folder.path()).env("ATTN_KERNELS", value));
        assert!(
            said.contains(&format!("ATTN_KERNELS={value}")) && said.contains(reason),
            "{said}"
        );
    }
    assert!(!maps_file(folder.path(), "flex").exists());
}

#[test]
fn maps_are_the_same_on_every_backend() {
    let folder = tempfile::tempdir().unwrap();
    let maps = |backend: Backend| -> Vec<f32> {
        success(&mut extract(backend.name(), "0", folder.path()));
        let bytes = std::fs::read(maps_file(folder.path(), backend.name())).unwrap();
        let file = SafeTensors::deserialize(&bytes).unwrap();
        let mut names = file.names();
        names.sort();
        let tensors = names.into_iter().map(|name| file.tensor(name).unwrap());
        let bytes: Vec<u8> = tensors.flat_map(|t| t.data().to_vec()).collect();
        let values = bytes.as_chunks::<4>().0.iter();
        values.map(|b| f32::from_le_bytes(*b)).collect()
    };
    let flex = maps(Backend::Flex);
    assert!(flex.len() > 500 && flex.iter().all(|w| (0.0..=1.0).contains(w)));
    for backend in [Backend::Wgpu, Backend::Cuda] {
        if let Err(error) = backend.device(0) {
            eprintln!("SKIPPED: {error}");
            continue;
        }
        // CUDA rounds the factors of matrix products (docs/backends.md).
        let allowed = if backend == Backend::Cuda {
            1.5e-2
        } else {
            2e-5
        };
        let ours = maps(backend);
        assert_eq!(ours.len(), flex.len());
        let differences = ours.iter().zip(&flex).map(|(a, b)| (a - b).abs());
        let worst = differences.fold(0.0, f32::max);
        assert!(worst <= allowed, "{backend}: maps differ by {worst}");
    }
}
