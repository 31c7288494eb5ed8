//! Times the sweep with shared work against whole forward passes, and writes what
//! `tests/reference/ablate_peer.py` needs to time PyTorch on the same model and examples.
//!
//! ```text
//! cargo run --example sweep_speed -- --out DIR [--checkpoint DIR] [--ids FILE]
//!     [--examples 32] [--labels 2] [--mode uniform|zero] [--skip-naive]
//! ```
//!
//! `--checkpoint` is a folder in Hugging Face's layout (default: fresh weights in the shape of
//! all-MiniLM-L6-v2); `--ids` a JSON file `[{"ids": [...], "types": [...]}, ...]` (default: random
//! word pieces with the lengths of sentence pairs). `DIR` receives the model with its classifier,
//! `examples.json`, `variants.json` and `logits.json`.

use attn_ablate::{Folder, Logits, Plan, Reference, Sweep, SweepOptions, naive, variant};
use attn_bert::checkpoint::{Fresh, initialise, save};
use attn_bert::{Backend, BertConfig, Checkpoint, SequenceClassifier, TokenIds};
use attn_core::Mode;
use attn_core::io::write_json;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Instant;

type AnyError = Box<dyn std::error::Error>;

#[derive(Serialize, Deserialize)]
struct Tokens {
    ids: Vec<u32>,
    types: Vec<u32>,
}

struct Arguments {
    out: PathBuf,
    checkpoint: Option<PathBuf>,
    ids: Option<PathBuf>,
    examples: usize,
    labels: usize,
    mode: Mode,
    skip_naive: bool,
    bucket: usize,
    group: usize,
}

fn arguments() -> Result<Arguments, AnyError> {
    let options = SweepOptions::default();
    let mut parsed = Arguments {
        out: PathBuf::new(),
        checkpoint: None,
        ids: None,
        examples: 32,
        labels: 2,
        mode: Mode::Uniform,
        skip_naive: false,
        bucket: options.bucket_tokens,
        group: options.group_tokens,
    };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        if word == "--skip-naive" {
            parsed.skip_naive = true;
            continue;
        }
        let value = words
            .next()
            .ok_or_else(|| format!("{word} needs a value"))?;
        match word.as_str() {
            "--out" => parsed.out = value.into(),
            "--checkpoint" => parsed.checkpoint = Some(value.into()),
            "--ids" => parsed.ids = Some(value.into()),
            "--examples" => parsed.examples = value.parse()?,
            "--labels" => parsed.labels = value.parse()?,
            "--mode" => parsed.mode = value.parse()?,
            "--bucket-tokens" => parsed.bucket = value.parse()?,
            "--group-tokens" => parsed.group = value.parse()?,
            other => return Err(format!("unknown argument {other}").into()),
        }
    }
    if parsed.out.as_os_str().is_empty() {
        return Err("--out DIR is missing: say where the files for ablate_peer.py go".into());
    }
    Ok(parsed)
}

/// The shape of all-MiniLM-L6-v2 with fresh weights.
fn fresh(labels: usize) -> Result<(SequenceClassifier, BertConfig), AnyError> {
    let config = BertConfig {
        hidden_size: 384,
        num_hidden_layers: 6,
        intermediate_size: 1536,
        ..BertConfig::base()
    };
    let model = SequenceClassifier::new(&config, labels, &Backend::Flex.device(0)?);
    Ok((
        initialise(
            model,
            Fresh {
                deviation: 0.05,
                seed: 1,
            },
        ),
        config,
    ))
}

fn load(folder: &Path, labels: usize) -> Result<(SequenceClassifier, BertConfig), AnyError> {
    let checkpoint = Checkpoint::open(folder)?;
    let (model, report) = checkpoint.load_classifier(labels, 1, &Backend::Flex.device(0)?)?;
    println!(
        "loaded {} tensors, drew {} afresh",
        report.loaded,
        report.fresh.len()
    );
    Ok((model, checkpoint.config().clone()))
}

/// Random word pieces in pairs of 20 to 80, as sentence pairs have.
fn random_examples(count: usize, vocabulary: u32) -> Vec<Tokens> {
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    (0..count)
        .map(|_| {
            let length = rng.random_range(10..40usize) + rng.random_range(10..40usize);
            let ids = (0..length)
                .map(|_| rng.random_range(1..vocabulary))
                .collect();
            Tokens {
                ids,
                types: (0..length).map(|i| u32::from(i > length / 2)).collect(),
            }
        })
        .collect()
}

fn compare(shared: &Logits, naive: &Logits) {
    let pairs = shared.values().iter().zip(naive.values());
    let difference = pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    let unequal: usize = (0..naive.variants())
        .map(|v| {
            shared
                .predictions(v)
                .iter()
                .zip(naive.predictions(v))
                .filter(|(a, b)| **a != *b)
                .count()
        })
        .sum();
    println!("largest difference of a logit {difference:.1e}, unequal predictions {unequal}");
}

/// Processor seconds of this process, where the system tells (Linux): they say more than the clock
/// on a busy machine.
fn processor_seconds() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    let fields: Vec<&str> = stat.rsplit(')').next()?.split_whitespace().collect();
    let ticks: f64 = [11, 12]
        .iter()
        .filter_map(|&i| fields.get(i)?.parse::<f64>().ok())
        .sum();
    Some(ticks / 100.0) // Linux counts hundredths of a second here on every platform
}

/// Runs `work` and says how long it took; gives the processor seconds, else those of the clock.
fn timed<T>(name: &str, work: impl FnOnce() -> Result<T, AnyError>) -> Result<(T, f64), AnyError> {
    let (clock, processor) = (Instant::now(), processor_seconds());
    let result = work()?;
    let clock = clock.elapsed().as_secs_f64();
    let processor = processor_seconds()
        .zip(processor)
        .map(|(after, before)| after - before);
    match processor {
        Some(p) => println!("{name}: {clock:.2} s, {p:.2} s of processor time"),
        None => println!("{name}: {clock:.2} s"),
    }
    Ok((result, processor.unwrap_or(clock)))
}

fn main() -> Result<(), AnyError> {
    let arguments = arguments()?;
    let (model, mut config) = match &arguments.checkpoint {
        Some(folder) => load(folder, arguments.labels)?,
        None => fresh(arguments.labels)?,
    };
    let mut examples = match &arguments.ids {
        Some(path) => serde_json::from_slice(&std::fs::read(path)?)?,
        None => random_examples(arguments.examples, config.vocab_size as u32),
    };
    examples.truncate(arguments.examples);
    let tokens: Vec<TokenIds<'_>> = examples
        .iter()
        .map(|e| TokenIds {
            ids: &e.ids,
            types: &e.types,
        })
        .collect();
    let (layers, heads) = (model.bert.layers(), model.bert.heads());
    let mut variants = vec![variant::baseline()];
    variants.extend(variant::single_heads(layers, heads, arguments.mode));
    variants.extend(variant::whole_layers(layers, heads, arguments.mode));
    let plan = Plan::new(layers, heads, variants)?;

    config.num_labels = Some(arguments.labels);
    config.architectures = Some(vec!["BertForSequenceClassification".to_owned()]);
    save(&arguments.out.join("model"), &model, &config, None)?;
    write_json(&arguments.out.join("examples.json"), &examples)?;
    write_json(&arguments.out.join("variants.json"), &plan.variants())?;

    let options = SweepOptions {
        bucket_tokens: arguments.bucket,
        group_tokens: arguments.group,
        ..SweepOptions::default()
    };
    let sweep = Sweep::new(&model, &plan, Reference::None, options, "speed")?;
    let buckets = sweep.buckets(&tokens)?;
    println!("{}", plan.counts());
    println!(
        "{} examples in {} buckets: {}",
        tokens.len(),
        buckets.len(),
        sweep.cost(&buckets)
    );

    let store = tempfile::tempdir()?;
    let (shared, shared_seconds) = timed("shared", || {
        Ok(sweep.run(
            &tokens,
            &mut Folder::new(store.path(), |_| ControlFlow::Continue(())),
        )?)
    })?;
    write_json(&arguments.out.join("logits.json"), &shared)?;
    if !arguments.skip_naive {
        let (whole, seconds) = timed("naive", || Ok(naive(&model, &plan, &tokens, None, 32)?))?;
        println!("ratio {:.2}", seconds / shared_seconds);
        compare(&shared, &whole);
    }
    Ok(())
}
