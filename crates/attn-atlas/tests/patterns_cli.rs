//! From labelled maps to a trained network and sorted maps, through the command line.
//!
//! The maps are made up here, so that the test needs no model: it shows that the commands fit one
//! another, not how well anything is sorted.

mod common;

use attn_core::{Pattern, Task};
use attn_patterns::store::{self, Drawn};
use attn_patterns::{MapEntry, State, StoredMap, Weights};
use common::{attn, errors, failure, run, success, tiny};
use safetensors::tensor::{Dtype, TensorView};
use std::collections::HashMap;
use std::path::Path;

const LENGTH: usize = 12;

fn runs(args: &[&str]) -> String {
    success(attn().args(args))
}

/// What a run that succeeds says on standard error.
fn notes(args: &[&str]) -> String {
    let output = run(attn().args(args));
    assert!(output.status.success(), "{}", errors(&output));
    errors(&output)
}

fn fails(args: &[&str]) -> String {
    failure(attn().args(args))
}

/// Rows sum to 1 but for rounding: columns 0 and the last, the diagonal, or both.
fn weights(pattern: Pattern, index: usize) -> Vec<f32> {
    (0..LENGTH * LENGTH)
        .map(|i| {
            let (query, key) = (i / LENGTH, i % LENGTH);
            let vertical = key == 0 || key == LENGTH - 1;
            let diagonal = key == query;
            let strong = match pattern {
                Pattern::Vertical => vertical,
                Pattern::Diagonal => diagonal,
                _ => vertical || diagonal,
            };
            let noise = ((i * 31 + index * 17) % 13) as f32 / 1300.0;
            if strong { 0.4 + noise } else { 0.01 + noise }
        })
        .collect()
}

/// With rows that sum to 1.
fn normalised(mut weights: Vec<f32>) -> Vec<f32> {
    for row in weights.chunks_mut(LENGTH) {
        let sum: f32 = row.iter().sum();
        row.iter_mut().for_each(|w| *w /= sum);
    }
    weights
}

fn maps() -> (Vec<StoredMap>, Vec<Pattern>) {
    let kinds = [
        Pattern::Vertical,
        Pattern::Diagonal,
        Pattern::VerticalDiagonal,
    ];
    let map = |index: usize| StoredMap {
        entry: MapEntry {
            id: format!("m{index:02}"),
            model: if index.is_multiple_of(2) {
                "one"
            } else {
                "two"
            }
            .to_owned(),
            state: if index < 12 {
                State::Pretrained
            } else {
                State::FineTuned
            },
            drawn: Drawn::Balanced,
            task: Task::Sst2,
            example: format!("dev.tsv:{index}"),
            layer: 0,
            head: index,
            tokens: (0..LENGTH).map(|i| format!("w{index}x{i}")).collect(),
            segments: vec![0; LENGTH],
            special: vec![0, LENGTH - 1],
        },
        weights: weights(kinds[index % 3], index),
    };
    let labels = (0..24).map(|i| kinds[i % 3]).collect();
    ((0..24).map(map).collect(), labels)
}

/// What `attn extract` writes, of two inputs with one layer of two heads.
fn extracted(path: &Path) {
    let data: Vec<u8> = [Pattern::Vertical, Pattern::Diagonal]
        .iter()
        .flat_map(|p| normalised(weights(*p, 3)))
        .flat_map(f32::to_le_bytes)
        .collect();
    let shape = vec![1, 2, LENGTH, LENGTH];
    let view = |_| TensorView::new(Dtype::F32, shape.clone(), &data).unwrap();
    let tokens: Vec<String> = (0..LENGTH).map(|i| format!("t{i}")).collect();
    let metadata: HashMap<String, String> = [
        (
            "tokens".to_owned(),
            serde_json::to_string(&[&tokens, &tokens]).unwrap(),
        ),
        (
            "special".to_owned(),
            format!("[[0,{0}],[0,{0}]]", LENGTH - 1),
        ),
        ("ids".to_owned(), "[\"a,1\",\"b\"]".to_owned()),
    ]
    .into();
    let tensors = (0..2).map(|i| (format!("maps.{i}"), view(i)));
    let bytes = safetensors::serialize(tensors, Some(metadata)).unwrap();
    std::fs::write(path, bytes).unwrap();
}

#[test]
fn labelled_maps_become_a_network_that_sorts() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (stored, labels) = maps();
    store::write(&folder.path().join("maps"), &stored).unwrap();
    let table = |change: Option<usize>| -> String {
        let rows = stored
            .iter()
            .zip(&labels)
            .enumerate()
            .map(|(i, (map, label))| {
                let label = if change == Some(i) {
                    Pattern::Block
                } else {
                    *label
                };
                format!("{},{label}\n", map.entry.id)
            });
        std::iter::once("id,label\n".to_owned())
            .chain(rows)
            .collect()
    };
    std::fs::write(at("a.csv"), table(None)).unwrap();
    std::fs::write(at("b.csv"), table(Some(5))).unwrap();
    std::fs::write(at("c.csv"), "id,label\nm05,3\n").unwrap();

    // One map is open until a third look settles it.
    let passes = [
        "patterns",
        "agree",
        "--first",
        &at("a.csv"),
        "--second",
        &at("b.csv"),
    ]
    .map(str::to_owned);
    let mut agree: Vec<&str> = passes.iter().map(String::as_str).collect();
    let (maps, third) = (at("maps"), at("c.csv"));
    agree.extend(["--maps", &maps, "--out", &maps]);
    assert!(runs(&agree).contains("1 maps need a third look"));
    assert_eq!(
        std::fs::read_to_string(at("maps/differing.txt")).unwrap(),
        "m05\n"
    );
    let train = [
        "patterns",
        "train",
        "--maps",
        &maps,
        "--epochs",
        "2",
        "--out",
        &at("n.safetensors"),
    ]
    .map(str::to_owned);
    let train: Vec<&str> = train.iter().map(String::as_str).collect();
    assert!(fails(&train).contains("labels.csv"));
    agree.extend(["--third", &third]);
    let told = runs(&agree);
    assert!(
        told.contains("Cohen's kappa") && told.contains("labels.csv"),
        "{told}"
    );

    let page = at("page.html");
    runs(&["annotate", "--maps", &maps, "--out", &page]);
    assert!(std::fs::read_to_string(&page).unwrap().contains("m05"));
    let sheets = at("sheets");
    runs(&[
        "maps",
        "sheets",
        "--maps",
        &maps,
        "--seed",
        "1",
        "--only",
        &at("maps/differing.txt"),
        "--out",
        &sheets,
    ]);
    assert!(Path::new(&sheets).join("sheet-01.png").is_file());

    runs(&train);
    let results = at("results");
    let evaluate = [
        "patterns", "evaluate", "--maps", &maps, "--epochs", "2", "--folds", "2", "--out", &results,
    ];
    let told = runs(&evaluate);
    // The same run is found and not done again; another one is.
    assert!(notes(&evaluate).contains("done before"));
    let mut other = evaluate;
    other[5] = "1";
    assert!(!notes(&other).contains("done before"));
    assert!(!notes(&evaluate).contains("done before"));
    assert!(told.contains("maps of two, not trained on"), "{told}");
    for file in [
        "records.jsonl",
        "predictions.jsonl",
        "findings.jsonl",
        "manifest.json",
        "tables/scores.csv",
    ] {
        assert!(Path::new(&results).join(file).is_file(), "{file}");
    }
    let predictions =
        std::fs::read_to_string(Path::new(&results).join("predictions.jsonl")).unwrap();
    assert_eq!(predictions.lines().count(), 24);
    let errors = at("errors");
    runs(&[
        "patterns",
        "errors",
        "--errors",
        &at("results/predictions.jsonl"),
        "--rounds",
        "20",
        "--out",
        &errors,
    ]);
    let rates = std::fs::read_to_string(Path::new(&errors).join("tables/error-rates.md")).unwrap();
    assert!(
        rates.contains("labels (rows) and what it says (columns)"),
        "{rates}"
    );

    let (file, sorted, network) = (
        at("maps.safetensors"),
        at("sorted.csv"),
        at("n.safetensors"),
    );
    extracted(Path::new(&file));
    runs(&[
        "classify",
        "--network",
        &network,
        "--maps",
        &file,
        "--out",
        &sorted,
    ]);
    let text = std::fs::read_to_string(&sorted).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 5, "{text}");
    assert!(lines[0].starts_with("example,layer,head,class,vertical,"));
    assert!(
        lines[1].starts_with("\"a,1\",0,0,") && lines[4].starts_with("b,0,1,"),
        "{text}"
    );
    // The same maps, the same answer.
    assert_eq!(
        lines[1].split(',').skip(4).collect::<Vec<_>>(),
        lines[3].split(',').skip(3).collect::<Vec<_>>()
    );
    let error = fails(&[
        "classify",
        "--network",
        &file,
        "--maps",
        &file,
        "--out",
        &sorted,
    ]);
    assert!(error.contains("attn patterns train"), "{error}");
}

#[test]
fn a_model_is_sampled_sorted_and_drawn() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let tiny = tiny().to_str().unwrap().to_owned();
    let sample = |out: &str, more: &[&str]| {
        let mut args = vec![
            "maps", "sample", "--models", &tiny, "--n", "40", "--enrich", "4", "--pool", "10",
            "--out", out,
        ];
        args.extend(more);
        runs(&args);
        store::read(Path::new(out)).unwrap()
    };
    let first = sample(&at("first"), &[]);
    let of = |maps: &[StoredMap], drawn| maps.iter().filter(|m| m.entry.drawn == drawn).count();
    assert_eq!(
        (of(&first, Drawn::Balanced), of(&first, Drawn::Enriched)),
        (20, 4)
    );
    assert_eq!(first[0].entry.id, "m01");
    let mut examples: Vec<_> = first
        .iter()
        .map(|m| (m.entry.task, &m.entry.example))
        .collect();
    examples.sort();
    examples.dedup();
    assert_eq!(examples.len(), 24, "each example once");
    for map in &first {
        let length = map.entry.length();
        for row in map.weights.chunks(length) {
            assert!((row.iter().sum::<f32>() - 1.0).abs() < 0.01);
        }
    }
    // A fine-tuned state adds to the maps and changes none.
    let state = folder.path().join("states/tiny-bert/RTE-pretrained-s1");
    std::fs::create_dir_all(&state).unwrap();
    for file in std::fs::read_dir(&tiny).unwrap() {
        let file = file.unwrap();
        if file.path().is_file() {
            std::fs::copy(file.path(), state.join(file.file_name())).unwrap();
        }
    }
    let states = at("states");
    let both = sample(&at("both"), &["--checkpoints", &states]);
    assert_eq!(both.len(), 44);
    assert!(first.iter().all(|m| both.contains(m)));
    let tuned = both.iter().filter(|m| m.entry.state == State::FineTuned);
    assert!(tuned.clone().all(|m| m.entry.task == Task::Rte));
    assert_eq!(tuned.count(), 20);

    let network = at("n.safetensors");
    Weights::random(1)
        .write(Path::new(&network), &Default::default())
        .unwrap();
    let prediction = |label: &str| {
        format!(
            "{{\"id\":\"x\",\"group\":0,\"fold\":0,\"drawn\":\"balanced\",\"model\":\"m\",\"state\":\"pretrained\",\"task\":\"RTE\",\"label\":\"{label}\",\"network\":\"{label}\",\"probabilities\":[],\"baseline\":\"block\"}}\n"
        )
    };
    std::fs::write(at("p.jsonl"), prediction("vertical") + &prediction("block")).unwrap();
    let results = at("results");
    let limits = ["--model", &tiny, "--max-length", "64", "--max-eval", "6"];
    let mut args = vec![
        "patterns",
        "shares",
        "--network",
        &network,
        "--tasks",
        "RTE,SST-2",
        "--out",
        &results,
    ];
    let errors = at("p.jsonl");
    args.extend(limits);
    args.extend(["--checkpoints", &states, "--errors", &errors]);
    runs(&args);
    // The same run is found and not done again; another one is.
    assert!(notes(&args).contains("done before"));
    let mut other = args.clone();
    other.extend(["--seed", "7"]);
    assert!(!notes(&other).contains("done before"));
    assert!(!notes(&args).contains("done before"));
    let read = |name: &str| std::fs::read_to_string(Path::new(&results).join(name)).unwrap();
    let records: Vec<attn_core::Record> =
        attn_core::io::read_jsonl(&Path::new(&results).join("records.jsonl")).unwrap();
    for task in ["RTE", "SST-2"] {
        let plain = records.iter().filter(|r| {
            r.task == task
                && !r.model.contains("tuned")
                && r.metric.starts_with("share_")
                && !r.metric.ends_with("corrected")
        });
        assert!(
            (plain.map(|r| r.value).sum::<f64>() - 1.0).abs() < 1e-9,
            "{task}"
        );
    }
    assert!(
        records
            .iter()
            .any(|r| r.metric == "head_share_block" && r.layer == Some(1) && r.head == Some(3))
    );
    // The state has the same weights, so that no head changes.
    let changes = read("tables/changes.csv");
    assert!(
        changes.lines().nth(1).unwrap().starts_with("RTE,8,0"),
        "{changes}"
    );
    assert!(read("tables/figure-2.md").contains("the paper"));
    assert!(read("figures/dominant-classes.svg").contains("layer 2, head 4"));

    // There are labelled maps of pairs before fine-tuning alone: nothing else is corrected.
    let corrected: Vec<&str> = records
        .iter()
        .filter(|r| r.metric == "share_block_corrected")
        .map(|r| r.task.as_str())
        .collect();
    assert_eq!(corrected, ["RTE"]);
    assert!(
        read("manifest.json")
            .contains("not corrected: no map that was drawn at random is labelled")
    );
    assert!(read("tables/figure-2-changes.md").contains("not corrected"));
    // The same from the records alone.
    let again = at("again");
    runs(&[
        "patterns", "shares", "--from", &results, "--errors", &errors, "--out", &again,
    ]);
    let anew: Vec<attn_core::Record> =
        attn_core::io::read_jsonl(&Path::new(&again).join("records.jsonl")).unwrap();
    assert_eq!(anew.len(), records.len());
    for (a, b) in anew.iter().zip(&records) {
        assert_eq!(
            (&a.metric, &a.task, &a.model, a.head),
            (&b.metric, &b.task, &b.model, b.head)
        );
        assert!((a.value - b.value).abs() < 1e-9, "{a:?} {b:?}");
    }
    let manifest = std::fs::read_to_string(Path::new(&again).join("manifest.json")).unwrap();
    assert!(
        manifest.contains("sorted by `attn patterns shares"),
        "{manifest}"
    );
    let error = fails(&["patterns", "shares", "--from", &at("first")]);
    assert!(error.contains("records.jsonl"), "{error}");

    let pages = at("pages");
    let mut args = vec!["patterns", "grid", "--tasks", "SST-2", "--out", &pages];
    args.extend(limits);
    runs(&args);
    let page = std::fs::read_to_string(Path::new(&pages).join("appendix-a-SST-2.svg")).unwrap();
    assert_eq!(page.matches("<image").count(), 8);
    let sorted = at("sorted.csv");
    let mut args = vec![
        "classify",
        "--network",
        &network,
        "--task",
        "RTE",
        "--out",
        &sorted,
    ];
    args.extend(limits);
    runs(&args);
    assert_eq!(
        std::fs::read_to_string(&sorted).unwrap().lines().count(),
        1 + 6 * 8
    );
}
