//! `attn classify`: every head's map of every example into one of the five patterns.

use super::maps::sample::{special, texts_of};
use super::patterns::network;
use crate::cli::ClassifyArgs;
use crate::forward::forward_in_turn;
use crate::inputs;
use crate::model::LoadedModel;
use crate::progress::Progress;
use crate::run::check_file;
use crate::stop_if_interrupted;
use anyhow::Context;
use attn_bert::Want;
use attn_core::Pattern;
use attn_core::io::write_atomically;
use attn_patterns::labels::csv_field;
use attn_patterns::{Engine, Probabilities};
use safetensors::SafeTensors;
use serde::de::DeserializeOwned;
use std::collections::HashMap;
use std::path::Path;
use std::time::Instant;

/// Sorts maps of a task or a file and writes the table.
pub fn run(args: &ClassifyArgs) -> anyhow::Result<()> {
    check_file(&args.out, &[".csv"])?;
    let (engine, _) = network::open(&args.network)?;
    let blocks = match (&args.maps, args.task) {
        (Some(path), _) => from_file(&engine, path)?,
        (None, task) => from_model(args, &engine, task)?,
    };
    write_atomically(&args.out, |out| {
        let names: Vec<&str> = Pattern::ALL.iter().map(|p| p.name()).collect();
        writeln!(out, "example,layer,head,class,{}", names.join(","))?;
        blocks
            .iter()
            .try_for_each(|block| out.write_all(block.as_bytes()))
    })?;
    println!("{}", args.out.display());
    Ok(())
}

/// The table's rows of one example. `heads` is the number of heads in a layer.
fn rows(id: &str, heads: usize, sorted: &[Probabilities]) -> String {
    let mut text = String::new();
    for (index, probabilities) in sorted.iter().enumerate() {
        let (layer, head) = (index / heads.max(1), index % heads.max(1));
        text.push_str(&format!(
            "{},{layer},{head},{}",
            csv_field(id),
            probabilities.pattern()
        ));
        for value in probabilities.0 {
            text.push_str(&format!(",{value:.4}"));
        }
        text.push('\n');
    }
    text
}

fn from_model(
    args: &ClassifyArgs,
    engine: &Engine,
    task: Option<attn_core::Task>,
) -> anyhow::Result<Vec<String>> {
    let model = LoadedModel::open(&args.model)?;
    let data = args.data.beside([&model.trained_on]);
    let set = inputs::from_task(&data, task, &model.tokenizer)?;
    for note in model.notes.iter().chain(&set.notes) {
        eprintln!("note: {note}");
    }
    let heads = model.encoder.heads();
    let mut blocks = vec![String::new(); set.examples.len()];
    let mut sorting = 0.0;
    let mut progress = Progress::new("sorting maps", set.examples.len() as u64);
    forward_in_turn(
        &model.encoder,
        &set.examples,
        Want::maps(),
        &mut progress,
        |batch, output| {
            for (&index, maps) in batch.iter().zip(output.all_maps()?) {
                let example = &set.examples[index];
                let encoding = &example.encoding;
                let start = Instant::now();
                let sorted = engine.classify(
                    &maps,
                    encoding.len(),
                    &special(encoding),
                    &texts_of(encoding),
                );
                sorting += start.elapsed().as_secs_f64();
                blocks[index] = rows(&example.example.id, heads, &sorted);
            }
            Ok(())
        },
    )?;
    let all = progress.finish();
    eprintln!(
        "of {all:.2} s, sorting took {sorting:.2} s, the model and the rest {:.2} s",
        all - sorting
    );
    Ok(blocks)
}

/// A list of the file's metadata.
fn list<T: DeserializeOwned>(
    path: &Path,
    metadata: &HashMap<String, String>,
    key: &str,
) -> anyhow::Result<Option<Vec<T>>> {
    metadata
        .get(key)
        .map(|text| serde_json::from_str(text))
        .transpose()
        .with_context(|| format!("{}: metadata '{key}' is not a list", path.display()))
}

fn from_file(engine: &Engine, path: &Path) -> anyhow::Result<Vec<String>> {
    let bytes = std::fs::read(path).with_context(|| format!("{}: cannot read", path.display()))?;
    let broken = || format!("{}: not a file that `attn extract` wrote", path.display());
    let file = SafeTensors::deserialize(&bytes).with_context(broken)?;
    let (_, header) = SafeTensors::read_metadata(&bytes).with_context(broken)?;
    let metadata = header.metadata().clone().unwrap_or_default();
    let tokens: Vec<Vec<String>> = list(path, &metadata, "tokens")?.with_context(broken)?;
    let texts: Option<Vec<Vec<u8>>> = match list(path, &metadata, "texts")? {
        Some(texts) => Some(texts),
        None => list(path, &metadata, "segments")?,
    };
    let special: Option<Vec<Vec<usize>>> = list(path, &metadata, "special")?;
    let ids: Option<Vec<String>> = list(path, &metadata, "ids")?;
    let mut blocks = Vec::with_capacity(tokens.len());
    for (index, tokens) in tokens.iter().enumerate() {
        stop_if_interrupted()?;
        let name = format!("maps.{index}");
        let tensor = file
            .tensor(&name)
            .with_context(|| format!("{}: {name}", path.display()))?;
        let length = tokens.len();
        let heads = match *tensor.shape() {
            [_, heads, rows, columns] if rows == length && columns == length => heads,
            ref other => anyhow::bail!(
                "{}: {name} has the shape {other:?}, expected [layers, heads, {length}, {length}]",
                path.display()
            ),
        };
        anyhow::ensure!(
            tensor.dtype() == safetensors::Dtype::F32,
            "{}: {name} is {:?}, expected F32",
            path.display(),
            tensor.dtype()
        );
        let maps: Vec<f32> = tensor
            .data()
            .chunks_exact(4)
            .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
            .collect();
        let own = |token: &String| ["[CLS]", "[SEP]", "<s>", "</s>"].contains(&token.as_str());
        let special = special.as_ref().and_then(|s| s.get(index)).cloned();
        let special = special.unwrap_or_else(|| {
            (0..length)
                .filter(|&p| tokens.get(p).is_some_and(own))
                .collect()
        });
        let segments = texts
            .as_ref()
            .and_then(|t| t.get(index))
            .cloned()
            .unwrap_or_default();
        let sorted = engine.classify(&maps, length, &special, &segments);
        let id = ids.as_ref().and_then(|i| i.get(index)).cloned();
        blocks.push(rows(
            &id.unwrap_or_else(|| index.to_string()),
            heads,
            &sorted,
        ));
    }
    Ok(blocks)
}
