//! Files that NumPy and safetensors wrote (tests/reference/maps.py): the same numbers, or an error that
//! says which array is wrong and how.

use attn_core::HeadId;
use attn_data::maps::{ExampleMaps, MapsFile};
use serde_json::Value;
use std::path::{Path, PathBuf};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures/maps")
        .join(name)
}

fn read(name: &str) -> (Vec<ExampleMaps>, Vec<String>) {
    let mut file = MapsFile::open(&fixture(name)).unwrap();
    let mut all = Vec::new();
    while let Some(example) = file.example(all.len()).unwrap() {
        all.push(example);
    }
    assert_eq!(all.len(), file.len());
    (all, file.notes().to_vec())
}

/// The values that NumPy has.
fn expected(file: &str, array: &str) -> (Vec<u64>, Vec<f32>) {
    let text = std::fs::read_to_string(fixture("expected.json")).unwrap();
    let all: Value = serde_json::from_str(&text).unwrap();
    let array = &all[file][array];
    let shape = array["shape"].as_array().unwrap();
    let values = array["values"].as_array().unwrap();
    (
        shape.iter().map(|n| n.as_u64().unwrap()).collect(),
        values.iter().map(|v| v.as_f64().unwrap() as f32).collect(),
    )
}

#[test]
fn numbers_are_numpys() {
    for (file, arrays) in [
        ("own.npz", &["deep", "heads", "one"][..]),
        ("half.npz", &["maps.0"]),
        ("fortran.npy", &["fortran"]),
        ("half.safetensors", &["maps.0", "maps.1"]),
        ("bf16.safetensors", &["bf"]),
    ] {
        let (examples, _) = read(file);
        assert_eq!(examples.len(), arrays.len(), "{file}");
        for (example, array) in examples.iter().zip(arrays) {
            let (shape, values) = expected(file, array);
            assert_eq!(example.weights, values, "{file} {array}");
            assert_eq!(Some(&(example.length as u64)), shape.last());
            assert_eq!(
                example.heads.len() as u64,
                values.len() as u64 / shape.last().unwrap().pow(2)
            );
        }
    }
}

#[test]
fn shapes_and_texts_say_what_they_can() {
    let (examples, notes) = read("own.npz");
    let grids: Vec<_> = examples.iter().map(|e| (e.id.as_str(), e.grid)).collect();
    assert_eq!(
        grids,
        [("deep", (2, 3)), ("heads", (1, 3)), ("one", (1, 1))]
    );
    assert_eq!(examples[0].heads[5], HeadId::new(1, 2));
    assert!(
        examples
            .iter()
            .all(|e| e.tokens.is_none() && e.special.is_empty() && e.texts.is_empty())
    );
    let notes = notes.join("\n");
    for expected in [
        "[layers, heads, L, L], each an example of its own: deep",
        "[L, L], each an example of its own: one",
        "names no tokens",
        "Block",
    ] {
        assert!(notes.contains(expected), "{notes}");
    }
    // One example's tokens alone, as an array of strings; texts follow from [SEP].
    let (examples, notes) = read("half.npz");
    let only = &examples[0];
    assert_eq!(only.tokens.as_deref().unwrap()[1], "é");
    assert_eq!(
        (only.special.as_slice(), only.texts.as_slice()),
        (&[0, 3, 5][..], &[0, 0, 0, 0, 1, 1][..])
    );
    assert!(
        notes.join(" ").contains("behind the first [SEP]"),
        "{notes:?}"
    );
    let (examples, _) = read("half.safetensors");
    assert_eq!(examples[1].id, "y");
    assert_eq!(examples[1].heads, [HeadId::new(7, 0)]);
    assert_eq!(examples[1].texts, [0, 0, 0]);
}

#[test]
fn errors_name_array_expectation_and_finding() {
    for (file, expected) in [
        (
            "nan.npz",
            "array 'a', layer 1, head 2 (counted from 1): the weight NaN at query 2, key 0",
        ),
        (
            "negative.npz",
            "array 'a', layer 1, head 1 (counted from 1): the weight -0.5 at query 1, key 1",
        ),
        (
            "sums.npz",
            "array 'a', layer 1, head 1 (counted from 1): the row of query 0 (counted from 0) sums to 3, expected 1 within 0.01",
        ),
        (
            "shape.npz",
            "array 'wide': expected [layers, heads, L, L], [heads, L, L] or [L, L], none of them 0, found [2, 3, 4]",
        ),
        (
            "batch.npz",
            "array 'five': expected [layers, heads, L, L], [heads, L, L] or [L, L], none of them 0, found [2, 1, 2, 3, 3]",
        ),
        (
            "integers.npz",
            "array 'counts': expected float16, float32 or float64, found the type '<i8'",
        ),
        (
            "tokens.npz",
            "'tokens': expected 3 for example 0 (counted from 0), as its maps have, found 2",
        ),
        ("gap.npz", "has no array 'maps.1', but later ones"),
        ("expected.json", "is none of the formats known"),
        ("none", "cannot read"),
    ] {
        let error = MapsFile::open(&fixture(file))
            .and_then(|mut f| f.example(0))
            .unwrap_err();
        let error = error.to_string();
        assert!(error.contains(expected), "{file}: {error}");
        assert!(error.contains(file), "{error}");
    }
}

#[test]
fn cut_files_are_errors() {
    let folder = tempfile::tempdir().unwrap();
    for name in [
        "own.npz",
        "half.npz",
        "fortran.npy",
        "half.safetensors",
        "bf16.safetensors",
    ] {
        let bytes = std::fs::read(fixture(name)).unwrap();
        for length in (0..bytes.len()).step_by(7) {
            let path = folder.path().join(name);
            std::fs::write(&path, &bytes[..length]).unwrap();
            let read = MapsFile::open(&path).and_then(|mut f| f.example(0));
            assert!(read.is_err(), "{name} cut to {length} bytes");
        }
        // And damage anywhere is an error or other numbers, never a panic.
        for at in (0..bytes.len()).step_by(11) {
            let mut damaged = bytes.clone();
            damaged[at] ^= 0x55;
            let path = folder.path().join(name);
            std::fs::write(&path, &damaged).unwrap();
            let _ = MapsFile::open(&path).and_then(|mut f| f.example(0));
        }
    }
}
