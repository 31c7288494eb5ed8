//! Tiny checkpoints whose classifier says what a test needs.

use crate::common::tiny;
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The tiny classifier with its outputs in another order, or with constant logits in their place.
pub enum Head<'a> {
    Order(&'a [usize]),
    Bias(&'a [f32]),
}

/// Copies the tiny checkpoint, changes its classifier and what `config.json` calls its classes.
pub fn model(folder: &Path, name: &str, head: Head<'_>, fields: Value) -> PathBuf {
    let to = folder.join(name);
    std::fs::create_dir(&to).unwrap();
    for entry in std::fs::read_dir(tiny()).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            std::fs::copy(&path, to.join(path.file_name().unwrap())).unwrap();
        }
    }
    let bytes = std::fs::read(tiny().join("model.safetensors")).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let own = |name: &str| file.tensor(name).unwrap().data().to_vec();
    let rows = |data: Vec<u8>, order: &[usize]| -> Vec<u8> {
        let width = data.len() / 3;
        let row = |&i: &usize| data[i * width..(i + 1) * width].to_vec();
        order.iter().flat_map(row).collect()
    };
    let (weight, bias) = match head {
        Head::Order(order) => (
            rows(own("classifier.weight"), order),
            rows(own("classifier.bias"), order),
        ),
        Head::Bias(bias) => (
            vec![0; bias.len() * 32 * 4],
            bias.iter().flat_map(|b| b.to_le_bytes()).collect(),
        ),
    };
    let outputs = bias.len() / 4;
    let mut tensors: BTreeMap<String, TensorView<'_>> = file.tensors().into_iter().collect();
    let view = |shape: &[usize], data| TensorView::new(Dtype::F32, shape.to_vec(), data).unwrap();
    tensors.insert("classifier.weight".into(), view(&[outputs, 32], &weight));
    tensors.insert("classifier.bias".into(), view(&[outputs], &bias));
    let format = Some([("format".to_owned(), "pt".to_owned())].into());
    let written = safetensors::serialize(tensors, format).unwrap();
    std::fs::write(to.join("model.safetensors"), written).unwrap();
    let config = to.join("config.json");
    let mut values: Value = serde_json::from_slice(&std::fs::read(&config).unwrap()).unwrap();
    let object = values.as_object_mut().unwrap();
    object.remove("id2label");
    object.remove("label2id");
    object.extend(fields.as_object().unwrap().clone());
    std::fs::write(&config, values.to_string()).unwrap();
    to
}
