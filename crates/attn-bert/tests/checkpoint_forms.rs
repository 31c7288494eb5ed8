//! The forms in which checkpoints come, against what transformers computes with them
//! (`reference/checkpoint_forms.py`): shards, wrapped pickles, the prefix `module.`, pruned heads; and what is
//! wrong with such folders: a missing or contradicting shard, a pointer or page in a file's place, numbers that
//! are not finite, keys that change the computation.

mod common;

use attn_bert::checkpoint::{Checkpoint, save};
use attn_bert::{SequenceClassifier, Want, to_host};
use attn_core::{HeadId, Intervention, Mode};
use common::*;
use safetensors::tensor::{Dtype, TensorView};
use std::fs;
use std::path::Path;
use tempfile::TempDir;

const CLOSE: f32 = 2e-5;

fn form(name: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(fixture("forms").join(name)).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), folder.path().join(entry.file_name())).unwrap();
    }
    folder
}

fn expected() -> Expected {
    Expected::read(&fixture("forms/expected.safetensors"))
}

/// Ids and segments of both examples, without padding.
fn examples() -> Vec<(Vec<u32>, Vec<u32>)> {
    let expected = expected();
    let part = |name: &str| expected.ints(name).unwrap().1;
    let (ids, types, mask) = (
        part("input_ids"),
        part("token_type_ids"),
        part("attention_mask"),
    );
    (0..2)
        .map(|row| {
            let length = mask[row * 7..(row + 1) * 7].iter().sum::<i64>() as usize;
            let cut = |v: &[i64]| v[row * 7..][..length].iter().map(|&v| v as u32).collect();
            (cut(&ids), cut(&types))
        })
        .collect()
}

fn run(model: &SequenceClassifier, intervention: &Intervention) -> (Vec<f32>, Vec<Vec<f32>>) {
    let output = model
        .forward(&batch(&examples()), intervention, None, Want::maps())
        .unwrap();
    (
        to_host(output.logits).unwrap(),
        output.encoder.all_maps().unwrap(),
    )
}

fn load(folder: &Path) -> SequenceClassifier {
    let checkpoint = Checkpoint::open(folder).unwrap();
    assert_eq!(checkpoint.classifier_labels(), Some(3));
    let (model, report) = checkpoint.load_classifier(3, 0, &device()).unwrap();
    assert!(
        report.fresh.is_empty() && report.unused.is_empty(),
        "{report:?}"
    );
    model
}

fn refused(folder: &Path, parts: &[&str]) {
    let result =
        Checkpoint::open(folder).and_then(|c| c.load_classifier(3, 0, &device()).map(|_| ()));
    let message = result.unwrap_err().to_string();
    for part in parts {
        assert!(message.contains(part), "{part}: {message}");
    }
}

#[test]
fn every_form_computes_what_transformers_computes() {
    let expected = expected();
    let (shape, maps) = expected.floats("maps").unwrap();
    let (_, logits) = expected.floats("logits").unwrap();
    for name in ["plain", "shards", "shards-bin", "data-parallel", "training"] {
        let folder = fixture("forms").join(name);
        let (ours, our_maps) = run(&load(&folder), &Intervention::none());
        let off = max_difference(&ours, &logits);
        assert!(off < CLOSE, "{name}: {off}");
        for (example, (ids, _)) in examples().iter().enumerate() {
            let theirs = cut_maps(&shape, &maps, example, ids.len());
            assert!(
                max_difference(&our_maps[example], &theirs) < CLOSE,
                "{name}"
            );
        }
    }
    let files = |name: &str| {
        let checkpoint = Checkpoint::open(fixture("forms").join(name)).unwrap();
        checkpoint.weights().files().count()
    };
    assert_eq!((files("plain"), files("shards")), (1, 4));
}

#[test]
fn pruned_heads_keep_their_places_and_add_nothing() {
    let expected = expected();
    let folder = fixture("forms/pruned");
    let checkpoint = Checkpoint::open(&folder).unwrap();
    let notes = checkpoint.notes().join(" ");
    assert!(
        notes.contains("pruned heads") && notes.contains("1-2, 1-4, 2-1"),
        "{notes}"
    );
    let model = load(&folder);
    let (logits, maps) = run(&model, &Intervention::none());
    let (_, theirs) = expected.floats("pruned.logits").unwrap();
    assert!(max_difference(&logits, &theirs) < CLOSE);
    // transformers has maps of the heads that are left; the others' are zeros here.
    let left = [vec![0, 2], vec![1, 2, 3]];
    for (example, (ids, _)) in examples().iter().enumerate() {
        let length = ids.len();
        for layer in 0..2 {
            let (shape, values) = expected.floats(&format!("pruned.maps.{layer}")).unwrap();
            let theirs = cut_maps(&[&[1], &shape[..]].concat(), &values, example, length);
            let mut theirs = theirs.chunks(length * length);
            for head in 0..4 {
                let ours =
                    &maps[example][(layer * 4 + head) * length * length..][..length * length];
                if left[layer].contains(&head) {
                    assert!(max_difference(ours, theirs.next().unwrap()) < CLOSE);
                } else {
                    assert!(ours.iter().all(|&v| v == 0.0));
                }
            }
        }
    }
    // The same as the whole model with these heads ablated with mode zero.
    let heads = [(0, 1), (0, 3), (1, 0)].map(|(layer, head)| HeadId::new(layer, head));
    let zero = Intervention {
        heads: heads.into_iter().collect(),
        mode: Mode::Zero,
    };
    let (ablated, _) = run(&load(&fixture("forms/plain")), &zero);
    assert!(max_difference(&logits, &ablated) < CLOSE);
    // Saved and loaded again, they are still cut out.
    let saved = tempfile::tempdir().unwrap();
    save(saved.path(), &model, checkpoint.config(), None).unwrap();
    let again = Checkpoint::open(saved.path()).unwrap();
    assert_eq!(again.config(), checkpoint.config());
    let name = "bert.encoder.layer.0.attention.self.query.weight";
    assert_eq!(again.weights().shape(name), Some(&[8, 16][..]));
    assert_eq!(run(&load(saved.path()), &Intervention::none()).0, logits);
    // A head that does not exist, and matrices that were not cut.
    let folder = form("pruned");
    let config = folder.path().join("config.json");
    let text = fs::read_to_string(&config).unwrap();
    let mut value: serde_json::Value = serde_json::from_str(&text).unwrap();
    value["pruned_heads"] = serde_json::json!({"2": [0]});
    fs::write(&config, value.to_string()).unwrap();
    refused(folder.path(), &["config.json", "pruned_heads", "\"2\""]);
    value["pruned_heads"] = serde_json::json!({"0": [1]});
    fs::write(&config, value.to_string()).unwrap();
    refused(folder.path(), &["attention.self", "[8", "[12"]);
}

#[test]
fn shards_that_contradict_the_index() {
    let index_name = "model.safetensors.index.json";
    let edited = |change: &dyn Fn(&mut serde_json::Value)| {
        let folder = form("shards");
        let path = folder.path().join(index_name);
        let mut index = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        change(&mut index);
        fs::write(&path, index.to_string()).unwrap();
        folder
    };
    let part = |number: usize| format!("model-0000{number}-of-00003.safetensors");
    let folder = form("shards");
    fs::remove_file(folder.path().join(part(2))).unwrap();
    refused(folder.path(), &[index_name, &part(2), "not in the folder"]);
    let folder = edited(&|i| i["weight_map"]["bert.absent.weight"] = part(1).into());
    refused(
        folder.path(),
        &[index_name, "'bert.absent.weight'", &part(1), "lacks it"],
    );
    let folder = edited(&|i| {
        let map = i["weight_map"].as_object_mut().unwrap();
        map.remove("classifier.bias").unwrap();
    });
    refused(
        folder.path(),
        &[index_name, "does not name", "'classifier.bias'"],
    );
    let folder = edited(&|i| i["weight_map"]["classifier.bias"] = part(1).into());
    refused(folder.path(), &[index_name, "'classifier.bias'", &part(1)]);
    let folder = edited(&|i| i["weight_map"]["classifier.bias"] = "../other.safetensors".into());
    refused(folder.path(), &[index_name, "'../other.safetensors'"]);
    let folder = edited(&|i| i["weight_map"] = serde_json::json!({}));
    refused(folder.path(), &[index_name, "no tensors"]);
    let folder = edited(&|i| *i = serde_json::json!([1]));
    refused(folder.path(), &[index_name]);
    // One tensor in two files: the last part's stand in a fourth, too.
    let folder = edited(&|i| i["weight_map"]["extra"] = "model-00004.safetensors".into());
    let bytes = fs::read(folder.path().join(part(3))).unwrap();
    let tensors = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let mut views: Vec<(String, TensorView<'_>)> = tensors.tensors();
    let zeros = [0u8; 4];
    views.push((
        "extra".to_owned(),
        TensorView::new(Dtype::F32, vec![1], &zeros).unwrap(),
    ));
    let fourth = safetensors::serialize(views, None).unwrap();
    fs::write(folder.path().join("model-00004.safetensors"), fourth).unwrap();
    refused(
        folder.path(),
        &[index_name, "in two files", &part(3), "model-00004"],
    );
}

#[test]
fn what_is_not_a_weight_file_is_called_by_its_name() {
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 437955512\n";
    let page = "\n<!doctype html><html><title>Not found</title></html>";
    for (form_name, file) in [
        ("plain", "model.safetensors"),
        ("plain", "config.json"),
        ("data-parallel", "pytorch_model.bin"),
        ("shards", "model.safetensors.index.json"),
        ("shards", "model-00002-of-00003.safetensors"),
    ] {
        for (content, word) in [(pointer, "git-lfs pointer"), (page, "HTML page")] {
            let folder = form(form_name);
            fs::write(folder.path().join(file), content).unwrap();
            refused(folder.path(), &[file, word]);
        }
    }
}

/// Rewrites tensors of `plain`.
fn with_values(change: impl Fn(&str, &mut Vec<f32>)) -> TempDir {
    let folder = form("plain");
    let path = folder.path().join("model.safetensors");
    let bytes = fs::read(&path).unwrap();
    let tensors = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let changed: Vec<(String, Vec<usize>, Vec<u8>)> = tensors
        .tensors()
        .into_iter()
        .map(|(name, view)| {
            let words = view.data().as_chunks::<4>().0;
            let mut values: Vec<f32> = words.iter().map(|b| f32::from_le_bytes(*b)).collect();
            change(&name, &mut values);
            let data = values.iter().flat_map(|v| v.to_le_bytes()).collect();
            (name, view.shape().to_vec(), data)
        })
        .collect();
    let views = changed.iter().map(|(name, shape, data)| {
        let view = TensorView::new(Dtype::F32, shape.clone(), data).unwrap();
        (name.clone(), view)
    });
    fs::write(&path, safetensors::serialize(views, None).unwrap()).unwrap();
    folder
}

#[test]
fn weights_that_are_no_numbers_are_refused_with_tensor_and_place() {
    let name = "bert.encoder.layer.1.output.dense.weight";
    for (value, word) in [
        (f32::NAN, "NaN"),
        (f32::INFINITY, "inf"),
        (f32::NEG_INFINITY, "-inf"),
    ] {
        let folder = with_values(|n, values| {
            if n == name {
                (values[35], values[36]) = (value, value);
            }
        });
        refused(folder.path(), &["model.safetensors", name, word, "[2, 3]"]);
    }
    let folder = with_values(|n, values| {
        if n == "classifier.bias" {
            values[1] = f32::NAN;
        }
    });
    refused(folder.path(), &["'classifier.bias'", "[1]"]);
    // The encoder alone does not use it.
    Checkpoint::open(folder.path())
        .unwrap()
        .load_encoder(&device())
        .unwrap();
}

/// Finite weights whose sums overflow: refused at the first map.
#[test]
fn numbers_that_overflow_later_are_refused_at_the_first_map() {
    let folder = with_values(|n, values| {
        if n == "bert.encoder.layer.1.attention.self.query.weight" {
            values.iter_mut().for_each(|v| *v = v.signum() * 3e38);
        }
    });
    let model = load(folder.path());
    let output = model
        .forward(
            &batch(&examples()),
            &Intervention::none(),
            None,
            Want::maps(),
        )
        .unwrap();
    for message in [
        output.encoder.all_maps().unwrap_err().to_string(),
        output.encoder.example_maps(1).unwrap_err().to_string(),
    ] {
        assert!(
            message.contains("attention map") && message.contains("layer 1"),
            "{message}"
        );
    }
    let message = attn_bert::to_finite(output.logits, "logits")
        .unwrap_err()
        .to_string();
    assert!(message.contains("logits: NaN at [0, 0]"), "{message}");
}

#[test]
fn configuration_keys_that_change_the_computation() {
    let with = |key: &str, value: serde_json::Value| {
        let folder = form("plain");
        let path = folder.path().join("config.json");
        let mut config: serde_json::Value =
            serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        config[key] = value;
        fs::write(&path, config.to_string()).unwrap();
        folder
    };
    for (key, value) in [
        ("is_decoder", serde_json::json!(true)),
        ("add_cross_attention", serde_json::json!(true)),
        ("position_embedding_type", serde_json::json!("relative_key")),
        ("hidden_act", serde_json::json!("silu")),
        ("quantization_config", serde_json::json!({"bits": 4})),
        (
            "problem_type",
            serde_json::json!("multi_label_classification"),
        ),
    ] {
        let text = value.to_string();
        refused(
            with(key, value).path(),
            &["config.json", &format!("{key} is {text}")],
        );
    }
    let folder = with("mixture_of_depths", serde_json::json!(2));
    let checkpoint = Checkpoint::open(folder.path()).unwrap();
    let (_, report) = checkpoint.load_encoder(&device()).unwrap();
    assert_eq!(report.notes.len(), 1);
    assert!(report.notes[0].contains("mixture_of_depths"), "{report:?}");
    let folder = with("chunk_size_feed_forward", serde_json::json!(3));
    assert!(Checkpoint::open(folder.path()).unwrap().notes().is_empty());
}

/// `bert.x` and `x`, or `gamma` and `weight`, in one file: which counts?
#[test]
fn two_tensors_for_one_parameter() {
    let folder = form("plain");
    let path = folder.path().join("model.safetensors");
    let bytes = fs::read(&path).unwrap();
    let tensors = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let mut views = tensors.tensors();
    let twice = tensors.tensor("bert.pooler.dense.bias").unwrap();
    views.push(("pooler.dense.bias".to_owned(), twice));
    fs::write(&path, safetensors::serialize(views, None).unwrap()).unwrap();
    refused(
        folder.path(),
        &["'bert.pooler.dense.bias'", "'pooler.dense.bias'"],
    );
}
