//! Seconds per forward pass of a checkpoint's encoder with all attention maps kept. Ours in
//! `cargo xtask bench forward`; `tests/reference/forward_bench.py` has the peers.
//!
//! ```text
//! forward_bench prepare DIR --model FOLDER [--batch 8] [--length 128]   the encoder, and the batch
//! forward_bench outputs DIR                 writes the maps and the last hidden state, for the check
//! forward_bench run DIR [--passes 20]       times the passes; the last line is JSON
//! ```

use attn_bert::{
    Backend, BertModel, Checkpoint, EncoderOutput, TokenBatch, TokenIds, Want, checkpoint, to_host,
};
use attn_core::Intervention;
use attn_core::io::{write_atomically, write_json};
use safetensors::tensor::{Dtype, TensorView};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;

// As in `attn`: the allocator decides a part of the time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

type AnyError = Box<dyn std::error::Error>;

/// Equally long examples of arbitrary word pieces, all of the first segment.
#[derive(Serialize, Deserialize)]
struct Batch {
    ids: Vec<Vec<u32>>,
    /// Whether the encoder has a pooler, which then is a part of the pass.
    pooler: bool,
}

/// The value after `--name`, or the default.
fn option(words: &[&str], name: &str, default: usize) -> Result<usize, AnyError> {
    let Some(at) = words.iter().position(|word| *word == name) else {
        return Ok(default);
    };
    let value = words.get(at + 1).and_then(|value| value.parse().ok());
    let value = value.filter(|value| *value > 0);
    value.ok_or_else(|| format!("{name}: expected a number from 1 on").into())
}

fn prepare(folder: &Path, source: &Path, size: usize, length: usize) -> Result<(), AnyError> {
    let source = Checkpoint::open(source)?;
    let config = source.config();
    if length > config.max_position_embeddings {
        let most = config.max_position_embeddings;
        return Err(
            format!("the model has {most} positions: --length {length} is too long").into(),
        );
    }
    let (model, _) = source.load_encoder(&Backend::Flex.device(0)?)?;
    // Half-precision weights are rounded to f32 once, so that all programs load the same ones.
    checkpoint::save(folder, &model, config, None)?;
    let words = config.vocab_size;
    let row = |row: usize| (0..length).map(move |i| ((row * 7919 + i * 104_729) % words) as u32);
    let batch = Batch {
        ids: (0..size).map(|i| row(i).collect()).collect(),
        pooler: model.pooler.is_some(),
    };
    write_json(&folder.join("batch.json"), &batch)?;
    let facts = json!({
        "layers": config.num_hidden_layers, "heads": config.num_attention_heads,
        "hidden": config.hidden_size, "inner": config.intermediate_size,
        "batch": size, "length": length, "pooler": batch.pooler,
    });
    println!("{facts}");
    Ok(())
}

/// The prepared encoder and word pieces.
fn open(folder: &Path) -> Result<(BertModel, TokenBatch), AnyError> {
    let (model, _) = Checkpoint::open(folder)?.load_encoder(&Backend::Flex.device(0)?)?;
    let batch: Batch = serde_json::from_slice(&std::fs::read(folder.join("batch.json"))?)?;
    let types: Vec<Vec<u32>> = batch.ids.iter().map(|ids| vec![0; ids.len()]).collect();
    let examples: Vec<TokenIds<'_>> = batch
        .ids
        .iter()
        .zip(&types)
        .map(|(ids, types)| TokenIds { ids, types })
        .collect();
    let tokens = TokenBatch::new(&examples)?;
    Ok((model, tokens))
}

fn forward(model: &BertModel, tokens: &TokenBatch) -> Result<EncoderOutput, AnyError> {
    Ok(model.forward(tokens, &Intervention::none(), None, Want::maps())?)
}

/// `outputs.safetensors`: `maps` `[layers, batch, heads, L, L]` and `hidden` `[batch, L, width]`.
fn outputs(folder: &Path) -> Result<(), AnyError> {
    let (model, tokens) = open(folder)?;
    let output = forward(&model, &tokens)?;
    let bytes = |values: Vec<f32>| values.into_iter().flat_map(f32::to_le_bytes);
    let hidden_shape = output.last_hidden.dims().to_vec();
    let hidden: Vec<u8> = bytes(to_host(output.last_hidden)?).collect();
    let (mut maps, mut maps_shape) = (Vec::new(), vec![output.layers.len()]);
    for layer in output.layers {
        let layer = layer.maps.ok_or("a layer kept no maps")?;
        maps_shape.truncate(1);
        maps_shape.extend(layer.dims());
        maps.extend(bytes(to_host(layer)?));
    }
    let views = BTreeMap::from([
        ("maps", TensorView::new(Dtype::F32, maps_shape, &maps)?),
        (
            "hidden",
            TensorView::new(Dtype::F32, hidden_shape, &hidden)?,
        ),
    ]);
    let file = safetensors::serialize(views, None)?;
    write_atomically(&folder.join("outputs.safetensors"), |out| {
        out.write_all(&file)
    })?;
    Ok(())
}

fn time(folder: &Path, passes: usize) -> Result<(), AnyError> {
    let (model, tokens) = open(folder)?;
    // The first pass also makes the parameters, which Burn loads when they are first used.
    forward(&model, &tokens)?;
    let mut seconds = Vec::with_capacity(passes);
    for _ in 0..passes {
        let start = Instant::now();
        let output = std::hint::black_box(forward(&model, &tokens)?);
        seconds.push(start.elapsed().as_secs_f64());
        drop(output);
    }
    let mean = seconds.iter().sum::<f64>() / seconds.len().max(1) as f64;
    println!("{}", json!({"seconds": mean, "passes": seconds}));
    Ok(())
}

fn main() -> Result<(), AnyError> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        ["prepare", folder, "--model", model, ..] => prepare(
            Path::new(folder),
            Path::new(model),
            option(&words, "--batch", 8)?,
            option(&words, "--length", 128)?,
        ),
        ["outputs", folder] => outputs(Path::new(folder)),
        ["run", folder, ..] => time(Path::new(folder), option(&words, "--passes", 20)?),
        _ => Err("expected: prepare DIR --model FOLDER, outputs DIR, or run DIR".into()),
    }
}
