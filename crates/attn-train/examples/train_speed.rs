//! Seconds per training step: batch 32, 64 word pieces, two labels, dropout off. Ours in
//! `cargo xtask bench train`; `tests/reference/train_speed.py` is the peer.
//!
//! ```text
//! train_speed prepare DIR --model FOLDER   a checkpoint with a classifier, and the batch
//! train_speed run DIR [--steps N]          times the steps; the last line is JSON
//! ```

use attn_bert::{Backend, Checkpoint, checkpoint};
use attn_core::Label;
use attn_core::io::write_json;
use attn_train::{Init, Plan, Recipe, TrainExample, Trainer, TrainingSet, prepare};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::time::Instant;

// As in `attn`: the allocator decides a part of the time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const BATCH: usize = 32;
const LENGTH: usize = 64;
const LABELS: usize = 2;

type AnyError = Box<dyn std::error::Error>;

#[derive(Serialize, Deserialize)]
struct Row {
    ids: Vec<u32>,
    label: usize,
}

fn make(folder: &Path, source: &Path) -> Result<(), AnyError> {
    let mut source = Checkpoint::open(source)?;
    source.set_dropout(0.0)?;
    let device = Backend::Flex.device(0)?;
    let (model, _) = prepare(&source, LABELS, Init::Pretrained, 0, &device)?;
    let kind = attn_core::TaskKind::Classification { labels: LABELS };
    let config = attn_train::tuned_config(source.config(), kind, &[]);
    checkpoint::save(folder, &model, &config, None)?;
    let words = config.vocab_size as u32;
    let rows: Vec<Row> = (0..BATCH as u32)
        .map(|row| Row {
            ids: (0..LENGTH as u32)
                .map(|i| (row * 7919 + i * 104_729) % words)
                .collect(),
            label: row as usize % LABELS,
        })
        .collect();
    write_json(&folder.join("batch.json"), &rows)?;
    let facts = serde_json::json!({
        "layers": config.num_hidden_layers, "heads": config.num_attention_heads,
        "hidden": config.hidden_size, "batch": BATCH, "length": LENGTH,
    });
    println!("{facts}");
    Ok(())
}

fn time(folder: &Path, steps: usize) -> Result<(), AnyError> {
    let device = Backend::Flex.device(0)?;
    let (model, _) = Checkpoint::open(folder)?.load_classifier(LABELS, 0, &device)?;
    let rows: Vec<Row> = serde_json::from_slice(&std::fs::read(folder.join("batch.json"))?)?;
    let examples = rows
        .into_iter()
        .map(|row| TrainExample {
            types: vec![0; row.ids.len()],
            ids: row.ids,
            label: Label::Class(row.label),
        })
        .collect();
    let set = TrainingSet::new(examples);
    // The first step also allocates the optimiser's state.
    let batches = vec![(0..set.len()).collect(); steps + 1];
    let recipe = Recipe {
        warmup: 0.0,
        ..Recipe::default()
    };
    let mut trainer = Trainer::with_plan(model, &set, recipe, Plan::fixed(batches))?;
    let (mut seconds, mut losses) = (Vec::new(), Vec::new());
    loop {
        let start = Instant::now();
        let Some(record) = trainer.step()? else {
            break;
        };
        seconds.push(start.elapsed().as_secs_f64());
        losses.push(record.loss);
    }
    seconds.remove(0);
    let mean = seconds.iter().sum::<f64>() / seconds.len().max(1) as f64;
    println!(
        "{}",
        serde_json::json!({"seconds": mean, "steps": seconds, "losses": losses})
    );
    Ok(())
}

fn main() -> Result<(), AnyError> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        ["prepare", folder, "--model", model] => make(&PathBuf::from(folder), Path::new(model)),
        ["run", folder] => time(Path::new(folder), 5),
        ["run", folder, "--steps", steps] => time(Path::new(folder), steps.parse()?),
        _ => Err("expected: prepare DIR --model FOLDER, or run DIR [--steps N]".into()),
    }
}
