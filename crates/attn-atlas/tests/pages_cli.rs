//! `attn view` from outside: what is on the page is what the model computes, and errors.

mod common;

use common::{attn, failure, root, success, tiny};
use serde_json::Value;
use std::path::Path;
use std::process::Command;

const HOSTILE: &str =
    "A man <img src=x onerror=alert(1)> sleeps </script><script>alert(1)</script>.";

fn view(model: &Path, out: &Path) -> Command {
    let mut command = attn();
    command.args([
        "view",
        HOSTILE,
        "He rests.",
        "--max-length",
        "64",
        "--model",
    ]);
    command.arg(model).arg("--out").arg(out);
    command
}

/// The numbers that the page holds.
fn data(page: &str) -> Value {
    let (_, rest) = page.split_once("id=\"data\">").unwrap();
    serde_json::from_str(rest.split_once("</script>").unwrap().0).unwrap()
}

fn base64(text: &str) -> Vec<u8> {
    let digit = |c: u8| match c {
        b'A'..=b'Z' => c - b'A',
        b'a'..=b'z' => c - b'a' + 26,
        b'0'..=b'9' => c - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => 0,
    };
    let groups = text.as_bytes().chunks(4).flat_map(|group| {
        let bits = group
            .iter()
            .fold(0u32, |all, &c| all << 6 | u32::from(digit(c)));
        bits.to_be_bytes()[1..].to_vec()
    });
    groups.collect()
}

#[test]
fn the_page_holds_the_maps_that_extract_writes() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("view.html");
    success(view(&tiny(), &out).arg("--reference").arg(tiny()));
    let page = std::fs::read_to_string(&out).unwrap();
    assert_eq!(page.matches("</script>").count(), 2);
    assert!(!page.contains("<img"));
    let data = data(&page);
    assert_eq!(data["texts"][0], HOSTILE);
    let (layers, heads) = (2, 4);
    assert_eq!(
        (data["layers"].as_u64(), data["heads"].as_u64()),
        (Some(layers), Some(heads))
    );
    let length = data["tokens"].as_array().unwrap().len();

    let input = folder.path().join("input.tsv");
    std::fs::write(&input, format!("{HOSTILE}\tHe rests.\n")).unwrap();
    let maps = folder.path().join("maps.safetensors");
    let mut extract = attn();
    extract
        .args(["extract", "--max-length", "64", "--input"])
        .arg(&input)
        .arg("--model")
        .arg(tiny());
    success(extract.arg("--out").arg(&maps));
    let bytes = std::fs::read(&maps).unwrap();
    let tensors = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let exact: Vec<f32> = tensors
        .tensor("maps.0")
        .unwrap()
        .data()
        .chunks_exact(4)
        .map(|b| f32::from_le_bytes(b.try_into().unwrap()))
        .collect();
    assert_eq!(exact.len(), 8 * length * length);
    let stored = base64(data["models"][0]["maps"].as_str().unwrap());
    for (exact, stored) in exact.iter().zip(stored.chunks_exact(2)) {
        let stored = f32::from(u16::from_le_bytes([stored[0], stored[1]])) / 65535.0;
        assert!((exact - stored).abs() < 1e-5, "{exact} {stored}");
    }

    // A model beside itself: nothing moved.
    let statistics = data["statistics"].as_array().unwrap();
    let moved = statistics
        .iter()
        .find(|s| s["id"] == "moved_weight")
        .unwrap();
    assert!(
        moved["values"][0]
            .as_array()
            .unwrap()
            .iter()
            .all(|v| v == 0.0)
    );
    let cosine = statistics.iter().find(|s| s["id"] == "cosine").unwrap();
    let cosine = cosine["values"][0].as_array().unwrap();
    assert!(
        cosine
            .iter()
            .all(|v| (v.as_f64().unwrap() - 1.0).abs() < 1e-6)
    );
    // The fixture is a classifier of three labels: each head off gives other logits than none.
    let effects = &data["effects"];
    assert_eq!(effects["labels"].as_array().unwrap().len(), 3);
    let off = effects["heads"].as_array().unwrap();
    assert_eq!(off.len(), 8);
    assert!(off.iter().all(|logits| *logits != effects["baseline"]));
}

#[test]
fn the_statistics_are_those_of_the_stored_maps() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("view.html");
    success(&mut view(&tiny(), &out));
    let data = data(&std::fs::read_to_string(&out).unwrap());
    let length = data["tokens"].as_array().unwrap().len();
    let stored = base64(data["models"][0]["maps"].as_str().unwrap());
    let map: Vec<f64> = stored
        .chunks_exact(2)
        .take(length * length)
        .map(|b| f64::from(u16::from_le_bytes([b[0], b[1]])) / 65535.0)
        .collect();
    let entropy: f64 = map
        .iter()
        .filter(|&&w| w > 0.0)
        .map(|w| -w * w.ln())
        .sum::<f64>()
        / length as f64;
    let first: f64 = map.iter().step_by(length).sum::<f64>() / length as f64;
    let value = |id: &str| {
        let all = data["statistics"].as_array().unwrap();
        all.iter().find(|s| s["id"] == id).unwrap()["values"][0][0]
            .as_f64()
            .unwrap()
    };
    assert!(
        (value("entropy") - entropy).abs() < 1e-3,
        "{} {entropy}",
        value("entropy")
    );
    assert!(
        (value("share_on_cls") - first).abs() < 1e-4,
        "{} {first}",
        value("share_on_cls")
    );
}

#[test]
fn what_cannot_be_shown_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("view.html");
    let mean = failure(view(&tiny(), &out).args(["--mode", "mean"]));
    assert!(mean.contains("reference sample"), "{mean}");
    let mut empty = attn();
    empty
        .args(["view", " ", "--model"])
        .arg(tiny())
        .arg("--out")
        .arg(&out);
    assert!(failure(&mut empty).contains("empty"));
    let missing = failure(view(&tiny(), &out).args(["--reference", "no/such/folder"]));
    assert!(missing.contains("--reference no/such/folder"), "{missing}");
    assert!(!out.exists());
    let nowhere = failure(
        attn()
            .args(["report"])
            .arg(root().join("docs"))
            .arg("--out")
            .arg(&out),
    );
    assert!(nowhere.contains("no run here"), "{nowhere}");
}
