//! Seconds per training step: batch 32, 64 word pieces, two labels.
//!
//! ```sh
//! cargo run -p attn-train --example train_speed -- path/to/all-MiniLM-L6-v2 10 [dropout]
//! ```
//!
//! Only `config.json` is read: weights do not change the time. Dropout is 0 unless given, as in
//! `tests/reference/train_steps.py --time`, which times the same step with PyTorch.

use attn_bert::{Backend, Checkpoint, SequenceClassifier, checkpoint};
use attn_core::Label;
use attn_train::{Plan, Recipe, TrainExample, Trainer, TrainingSet};
use std::time::Instant;

const BATCH: usize = 32;
const LENGTH: usize = 64;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().ok_or("give a checkpoint's folder")?;
    let steps: usize = arguments.next().map_or(Ok(5), |text| text.parse())?;
    let dropout: f64 = arguments.next().map_or(Ok(0.0), |text| text.parse())?;
    let micro_tokens: usize = arguments.next().map_or(Ok(4096), |text| text.parse())?;
    let mut config = Checkpoint::open(&folder)?.config().clone();
    config.hidden_dropout_prob = dropout;
    config.attention_probs_dropout_prob = dropout;
    let device = Backend::Flex.device(0)?;
    let fresh = checkpoint::Fresh {
        deviation: config.initializer_range,
        seed: 0,
    };
    let model = checkpoint::initialise(SequenceClassifier::new(&config, 2, &device), fresh);
    let words = config.vocab_size as u32;
    let examples = (0..BATCH as u32)
        .map(|row| TrainExample {
            ids: (0..LENGTH as u32)
                .map(|i| (row * 7919 + i * 104_729) % words)
                .collect(),
            types: vec![0; LENGTH],
            label: Label::Class(row as usize % 2),
        })
        .collect();
    let set = TrainingSet::new(examples);
    let batches = vec![(0..BATCH).collect(); steps + 1];
    let recipe = Recipe {
        micro_tokens,
        ..Recipe::default()
    };
    let mut trainer = Trainer::with_plan(model, &set, recipe, Plan::fixed(batches))?;
    let mut seconds = Vec::new();
    loop {
        let start = Instant::now();
        if trainer.step()?.is_none() {
            break;
        }
        seconds.push(start.elapsed().as_secs_f64());
    }
    // The first step also allocates the optimiser's state.
    let listed: Vec<String> = seconds.iter().skip(1).map(|s| format!("{s:.3}")).collect();
    println!("attn-train [{}]", listed.join(", "));
    Ok(())
}
