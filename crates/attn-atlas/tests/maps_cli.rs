//! Maps out of the program and in again: `extract`, `classify --maps`, `view --maps`, pictures.

mod common;

use attn_data::maps::{ExampleMaps, MapsFile};
use common::{attn, errors, failure, run, success, tiny};
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};
use std::collections::HashMap;
use std::path::Path;

/// "sleeping" is `sleep ##ing`, "walks" `walk ##s`.
const TEXTS: &str = "she is sleeping\tthe cat walks\nthe open river\n";

fn extract(folder: &Path, out: &str, more: &[&str]) {
    let input = folder.join("input.tsv");
    std::fs::write(&input, TEXTS).unwrap();
    let mut command = attn();
    command.args(["extract", "--max-length", "64", "--input"]);
    command.arg(&input).arg("--model").arg(tiny());
    success(command.arg("--out").arg(folder.join(out)).args(more));
}

fn read(path: &Path) -> Vec<ExampleMaps> {
    let mut file = MapsFile::open(path).unwrap();
    let mut all = Vec::new();
    while let Some(example) = file.example(all.len()).unwrap() {
        all.push(example);
    }
    all
}

/// The table, and what was said on the way.
fn classify(folder: &Path, maps: &str) -> (Vec<String>, String) {
    let out = folder.join("sorted.csv");
    let mut command = attn();
    command.arg("classify").arg("--maps").arg(folder.join(maps));
    let output = run(command.arg("--out").arg(&out));
    assert!(output.status.success(), "{}", errors(&output));
    let table = std::fs::read_to_string(out).unwrap();
    (table.lines().map(str::to_owned).collect(), errors(&output))
}

/// Without the example's name: eight columns are left.
fn unnamed(table: &[String]) -> Vec<Vec<&str>> {
    let columns = table.iter().map(|row| row.rsplit(',').take(8).collect());
    columns.collect()
}

#[test]
fn every_format_and_every_amount_of_text_is_sorted_alike() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    extract(folder, "maps.safetensors", &[]);
    extract(folder, "maps.npz", &[]);
    let (table, notes) = classify(folder, "maps.safetensors");
    assert_eq!(table.len(), 1 + 2 * 8);
    assert!(table[1].starts_with("input.tsv:1,0,0,"), "{}", table[1]);
    assert!(!notes.contains("note:"), "{notes}");
    assert_eq!(classify(folder, "maps.npz").0, table);

    // With the tokens alone: special tokens and the two texts follow from [CLS] and [SEP].
    let bytes = std::fs::read(folder.join("maps.safetensors")).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let (_, header) = SafeTensors::read_metadata(&bytes).unwrap();
    let tokens = header.metadata().as_ref().unwrap()["tokens"].clone();
    let with = |kept: &[(&str, &str)], name: &str| {
        let kept: HashMap<String, String> = kept
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect();
        let bytes = safetensors::serialize(tensors.tensors(), Some(kept)).unwrap();
        std::fs::write(folder.join(name), bytes).unwrap();
    };
    with(&[("tokens", &tokens)], "tokens.safetensors");
    let (bare, notes) = classify(folder, "tokens.safetensors");
    assert_eq!(unnamed(&bare), unnamed(&table));
    assert!(bare[1].starts_with("maps.0,0,0,"), "{}", bare[1]);
    assert!(notes.contains("behind the first [SEP]"), "{notes}");
    with(&[], "nothing.safetensors");
    let (_, notes) = classify(folder, "nothing.safetensors");
    assert!(notes.contains("names no tokens"), "{notes}");
}

/// A map in which every token attends to the tokens of its own text, evenly.
fn block(first: usize, second: usize) -> Vec<f32> {
    let length = first + second;
    (0..length * length)
        .map(|i| {
            let (query, key) = (i / length, i % length);
            match (query < first, key < first) {
                (true, true) => 1.0 / first as f32,
                (false, false) => 1.0 / second as f32,
                _ => 0.0,
            }
        })
        .collect()
}

#[test]
fn block_is_found_by_the_separator_alone_and_in_half_precision() {
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (10, 9);
    let length = first + second;
    let mut tokens: Vec<String> = (0..length).map(|i| format!("t{i}")).collect();
    tokens[0] = "[CLS]".to_owned();
    tokens[first - 1] = "[SEP]".to_owned();
    tokens[length - 1] = "[SEP]".to_owned();
    let weights = block(first, second);
    // f16 by hand: sign, exponent, ten bits; all weights here are normal numbers or 0.
    let half = |w: f32| -> u16 {
        let bits = w.to_bits();
        match bits {
            0 => 0,
            _ => ((((bits >> 23) - 112) << 10) | ((bits >> 13) & 0x3ff)) as u16,
        }
    };
    let f32s: Vec<u8> = weights.iter().flat_map(|w| w.to_le_bytes()).collect();
    let f16s: Vec<u8> = weights
        .iter()
        .flat_map(|w| half(*w).to_le_bytes())
        .collect();
    for (dtype, data) in [(Dtype::F32, &f32s), (Dtype::F16, &f16s)] {
        // A plain [L, L] array of one's own, with its tokens.
        let view = TensorView::new(dtype, vec![length, length], data).unwrap();
        let texts = [("tokens".to_owned(), serde_json::to_string(&tokens).unwrap())];
        let bytes = safetensors::serialize([("mine", view)], Some(texts.into())).unwrap();
        std::fs::write(folder.path().join("own.safetensors"), bytes).unwrap();
        let (table, _) = classify(folder.path(), "own.safetensors");
        assert!(
            table[1].starts_with("mine,0,0,block,"),
            "{dtype:?}: {}",
            table[1]
        );
    }
}

#[test]
fn heads_and_layers_are_those_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    extract(folder, "all.safetensors", &[]);
    extract(folder, "heads.npz", &["--head", "2-4,0:1"]);
    extract(folder, "layers.npz", &["--layers", "1"]);
    let (all, heads, layers) = (
        read(&folder.join("all.safetensors")),
        read(&folder.join("heads.npz")),
        read(&folder.join("layers.npz")),
    );
    for (all, (heads, layers)) in all.iter().zip(heads.iter().zip(&layers)) {
        let size = all.length * all.length;
        let of = |place: usize| &all.weights[place * size..(place + 1) * size];
        assert_eq!(
            heads
                .heads
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>(),
            ["2-4", "1-2"]
        );
        assert_eq!(heads.weights, [of(7), of(1)].concat());
        assert_eq!(layers.weights, all.weights[4 * size..]);
        assert_eq!(layers.heads, all.heads[4..]);
        assert_eq!((&heads.tokens, &layers.texts), (&all.tokens, &all.texts));
    }
    let (table, _) = classify(folder, "heads.npz");
    assert!(
        table[1].starts_with("input.tsv:1,1,3,") && table[2].starts_with("input.tsv:1,0,1,"),
        "{table:?}"
    );
    let mut command = attn();
    command
        .args(["extract", "--head", "3-1", "--input"])
        .arg(folder.join("input.tsv"));
    let error = failure(
        command
            .arg("--model")
            .arg(tiny())
            .args(["--max-length", "64", "--out"])
            .arg(folder.join("x.npz")),
    );
    assert!(
        error.contains("there is no head 3-1; layers go from 1 to 2, heads from 1 to 4"),
        "{error}"
    );
}

#[test]
fn words_are_sums_of_columns_and_means_of_rows() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    extract(folder, "tokens.safetensors", &[]);
    extract(folder, "words.safetensors", &["--words"]);
    let (tokens, words) = (
        read(&folder.join("tokens.safetensors")),
        read(&folder.join("words.safetensors")),
    );
    let (tokens, words) = (&tokens[0], &words[0]);
    assert_eq!(
        tokens.tokens.as_ref().unwrap().join(" "),
        "[CLS] she is sleep ##ing [SEP] the cat walk ##s [SEP]"
    );
    assert_eq!(
        words.tokens.as_ref().unwrap().join(" "),
        "[CLS] she is sleeping [SEP] the cat walks [SEP]"
    );
    assert_eq!(words.special, [0, 4, 8]);
    assert_eq!(words.texts, [0, 0, 0, 0, 0, 1, 1, 1, 1]);
    for head in 0..8 {
        let token = |q: usize, k: usize| tokens.weights[(head * 11 + q) * 11 + k];
        let word = |q: usize, k: usize| words.weights[(head * 9 + q) * 9 + k];
        // "walks" to "sleeping": tokens 8 and 9 to tokens 3 and 4.
        let mean = (token(8, 3) + token(8, 4) + token(9, 3) + token(9, 4)) / 2.0;
        assert!((word(7, 3) - mean).abs() < 1e-6);
        // "cat" to "cat": one token each.
        assert!((word(6, 6) - token(7, 7)).abs() < 1e-7);
    }
    let (_, notes) = classify(folder, "words.safetensors");
    assert!(
        notes.contains("summed over a word's tokens as keys"),
        "{notes}"
    );
}

#[test]
fn a_text_becomes_a_figure_in_every_format() {
    let folder = tempfile::tempdir().unwrap();
    let out = |name: &str| folder.path().join(name);
    let view = |name: &str, more: &[&str]| {
        let mut command = attn();
        command.args([
            "view",
            "she is sleeping",
            "the cat walks",
            "--max-length",
            "64",
            "--model",
        ]);
        command.arg(tiny()).arg("--out").arg(out(name)).args(more);
        command
    };
    success(&mut view("map.svg", &["--head", "2-3"]));
    let svg = std::fs::read_to_string(out("map.svg")).unwrap();
    assert!(svg.contains("Head 2-3") && svg.contains("“##ing”"), "{svg}");
    success(&mut view("words.svg", &["--heads", "2-3,0:0", "--words"]));
    let svg = std::fs::read_to_string(out("words.svg")).unwrap();
    assert!(svg.contains("Head 2-3") && svg.contains("Head 1-1") && svg.contains("“sleeping”"));
    assert!(
        svg.contains("subword tokens are merged into words"),
        "{svg}"
    );
    success(&mut view("map.png", &["--layers", "1"]));
    assert!(
        std::fs::read(out("map.png"))
            .unwrap()
            .starts_with(b"\x89PNG")
    );
    success(view("map.pdf", &["--head", "1:3"]).args(["--head", "1-1"]));
    assert!(std::fs::read(out("map.pdf")).unwrap().starts_with(b"%PDF"));
    success(&mut view("page.html", &["--head", "2-3", "--words"]));
    let page = std::fs::read_to_string(out("page.html")).unwrap();
    assert!(
        page.contains("\"open\":6"),
        "the page opens at layer 2, head 3"
    );
    assert!(page.contains("\"sleeping\""));
    for (name, more, expected) in [
        ("map.jpg", &["--head", "1-1"][..], ".svg, .png or .pdf"),
        ("map", &[], "expected a name that ends in .html"),
        ("page.html", &["--layers", "0"], "a page holds all heads"),
        ("map.svg", &["--head", "9-9"], "there is no head 9-9"),
    ] {
        let error = failure(&mut view(name, more));
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn maps_of_ones_own_are_shown() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("own.svg");
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("../attn-data/tests/fixtures/maps");
    let view = |file: &str, more: &[&str]| {
        let mut command = attn();
        command.arg("view").arg("--maps").arg(own.join(file));
        command.arg("--out").arg(&out).args(more);
        command
    };
    let output = run(&mut view(
        "own.npz",
        &["--example", "deep", "--head", "2-3"],
    ));
    assert!(output.status.success(), "{}", errors(&output));
    assert!(
        errors(&output).contains("names no tokens"),
        "{}",
        errors(&output)
    );
    let svg = std::fs::read_to_string(&out).unwrap();
    // A value that NumPy has, on its cell.
    let expected: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(own.join("expected.json")).unwrap()).unwrap();
    let weight = expected["own.npz"]["deep"]["values"][5 * 25 + 2 * 5 + 4]
        .as_f64()
        .unwrap();
    let tip = format!("query 3 “3”, key 5 “5”: {weight:.3}");
    assert!(svg.contains(&tip), "no {tip} in {svg}");
    success(&mut view("half.npz", &[]));
    let svg = std::fs::read_to_string(&out).unwrap();
    assert!(svg.contains("é s | b") || svg.contains("és | b"), "{svg}");
    let page = folder.path().join("own.html");
    let mut command = attn();
    command.arg("view").arg("--maps").arg(own.join("own.npz"));
    success(command.arg("--words").arg("--out").arg(&page));
    let page = std::fs::read_to_string(page).unwrap();
    assert!(page.contains("\"layers\":2") && page.contains("\"heads\":3"));
    // A page numbers heads from the first; this file has layer 8 alone.
    let mut command = attn();
    command
        .arg("view")
        .arg("--maps")
        .arg(own.join("half.safetensors"));
    let error = failure(command.arg("--out").arg(folder.path().join("x.html")));
    assert!(error.contains("draw a figure of them"), "{error}");
    success(&mut view("half.safetensors", &["--head", "8-1"]));
    for (file, more, expected) in [
        (
            "own.npz",
            &["--example", "other"][..],
            "has no example of that name; its 3 examples",
        ),
        ("nan.npz", &[], "array 'a', layer 1, head 2"),
        ("sums.npz", &[], "sums to 3, expected 1 within 0.01"),
    ] {
        let error = failure(&mut view(file, more));
        assert!(error.contains(expected), "{error}");
    }
}
