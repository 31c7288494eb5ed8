//! `attn extract`.

use super::maps::sample::{special, texts_of};
use crate::cli::ExtractArgs;
use crate::forward::forward_all;
use crate::inputs::{self, InputSet};
use crate::model::LoadedModel;
use crate::output::Tensors;
use crate::progress::Progress;
use crate::run::check_file;
use attn_bert::Want;

/// Writes the maps of every example to a safetensors or npz file.
pub fn run(args: &ExtractArgs) -> anyhow::Result<()> {
    check_file(&args.out, &[".safetensors", ".npz"])?;
    let model = LoadedModel::open(&args.model)?;
    let data = args.data.beside([&model.trained_on]);
    let set = match &args.input {
        Some(path) => inputs::from_file(path, &model.tokenizer)?,
        None => inputs::from_task(&data, args.task, &model.tokenizer)?,
    };
    for note in model.notes.iter().chain(&set.notes) {
        eprintln!("note: {note}");
    }
    let (layers, heads) = (model.encoder.layers(), model.encoder.heads());
    let mut tensors = Vec::new();
    for (i, example) in set.examples.iter().enumerate() {
        let length = example.encoding.len();
        tensors.push((format!("maps.{i}"), vec![layers, heads, length, length]));
        if args.hidden {
            tensors.push((
                format!("hidden.{i}"),
                vec![layers + 1, length, model.config.hidden_size],
            ));
        }
    }
    let mut file = Tensors::create(&args.out, &tensors, &metadata(&model, &set)?)?;
    let want = Want {
        maps: true,
        hidden: args.hidden,
        contexts: false,
    };
    let mut progress = Progress::new("extracting maps", set.examples.len() as u64);
    forward_all(
        &model.encoder,
        &set.examples,
        want,
        &mut progress,
        |batch, output| {
            for (position, (&i, maps)) in batch.iter().zip(output.all_maps()?).enumerate() {
                file.put(&format!("maps.{i}"), &maps)?;
                if args.hidden {
                    file.put(&format!("hidden.{i}"), &output.example_hidden(position)?)?;
                }
            }
            Ok(())
        },
    )?;
    progress.finish();
    file.finish()?;
    println!("{}", args.out.display());
    Ok(())
}

/// Text that explains the tensors: `tokens`, a JSON list of lists of word pieces; `segments`, their
/// segment ids; `texts`, which text each piece belongs to (0 or 1, special tokens to the one before;
/// some models give all pieces segment 0); `special`, positions of special tokens; `ids`, where each
/// example comes from; `model`; `format`.
fn metadata(model: &LoadedModel, set: &InputSet) -> anyhow::Result<Vec<(&'static str, String)>> {
    let encodings = || set.examples.iter().map(|e| &e.encoding);
    let tokens: Vec<_> = encodings().map(|e| e.texts()).collect();
    let segments: Vec<_> = encodings().map(|e| e.segments()).collect();
    let texts: Vec<_> = encodings().map(texts_of).collect();
    let special: Vec<_> = encodings().map(special).collect();
    let ids: Vec<_> = set.examples.iter().map(|e| e.example.id.as_str()).collect();
    Ok(vec![
        (
            "format",
            "attention-atlas maps 1: maps.<i> [layers, heads, query, key]".to_owned(),
        ),
        ("model", model.name.clone()),
        ("tokens", serde_json::to_string(&tokens)?),
        ("segments", serde_json::to_string(&segments)?),
        ("texts", serde_json::to_string(&texts)?),
        ("special", serde_json::to_string(&special)?),
        ("ids", serde_json::to_string(&ids)?),
    ])
}
