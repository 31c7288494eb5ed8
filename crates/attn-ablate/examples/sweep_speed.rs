//! The Rust half of `cargo xtask bench ablate`, in three parts, so that it can run in turns with
//! `tests/reference/ablate_peer.py` on the same model and examples.
//!
//! ```text
//! cargo run --example sweep_speed -- prepare DIR [--model NAME|PATH] [--data GLUE] [--task MRPC]
//!     [--examples 32] [--mode uniform|zero]
//! cargo run --example sweep_speed -- run DIR [--naive] [--bucket TOKENS] [--group TOKENS]
//! cargo run --example sweep_speed -- peak
//! ```
//!
//! `prepare` writes the model with a classifier (a fresh one where the checkpoint has none),
//! `examples.json` and `variants.json` to `DIR`; `run` sweeps over them, writes `logits.json` and ends
//! with a line of JSON that says how long the sweep took; `peak` measures how many multiply-adds a
//! second Burn's matrix product reaches here on a large square.

use attn_ablate::{Folder, Plan, Reference, Sweep, SweepOptions, Variant, naive, variant};
use attn_bert::checkpoint::save;
use attn_bert::{Backend, Checkpoint, TokenIds};
use attn_core::io::write_json;
use attn_core::{Mode, Split, Task};
use attn_data::glue::{self, LoadOptions, TrainPolicy};
use attn_data::store::{Catalogue, Quiet, Settings, Store};
use attn_data::tokenise::Tokenizer;
use burn::tensor::{Distribution, Tensor};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Instant;

// As in `attn`: the allocator decides a part of the time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

type AnyError = Box<dyn std::error::Error>;

/// Longest input, as the `attn` command's default.
const MAX_LENGTH: usize = 128;
/// Seed of the sample and of a fresh classifier.
const SEED: u64 = 1;

#[derive(Serialize, Deserialize)]
struct Tokens {
    ids: Vec<u32>,
    types: Vec<u32>,
}

/// Options in the form `--name value`, after the words before them.
struct Options(Vec<String>);

impl Options {
    fn value(&self, name: &str) -> Option<&str> {
        let at = self.0.iter().position(|word| word == name)?;
        self.0.get(at + 1).map(String::as_str)
    }

    fn or<T: std::str::FromStr>(&self, name: &str, default: T) -> Result<T, AnyError> {
        match self.value(name) {
            Some(text) => {
                let parsed = text.parse();
                parsed.map_err(|_| format!("{name} {text}: not a value that fits").into())
            }
            None => Ok(default),
        }
    }
}

fn read<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T, AnyError> {
    let bytes = std::fs::read(path).map_err(|e| format!("{}: {e}", path.display()))?;
    Ok(serde_json::from_slice(&bytes).map_err(|e| format!("{}: {e}", path.display()))?)
}

fn prepare(folder: &Path, options: &Options) -> Result<(), AnyError> {
    let name = options.value("--model").unwrap_or("all-MiniLM-L6-v2");
    let data = options.value("--data").unwrap_or("datasets/starter/glue");
    let task: Task = options.or("--task", Task::Mrpc)?;
    let count: usize = options.or("--examples", 32)?;
    let mode: Mode = options.or("--mode", Mode::Uniform)?;
    let store = Store::with(Settings::from_env(None)?);
    let source = store.resolve_model(&Catalogue::embedded()?, name, &mut Quiet)?;
    let checkpoint = Checkpoint::open(&source)?;
    let outputs = task.kind().outputs();
    let (model, report) = checkpoint.load_classifier(outputs, SEED, &Backend::Flex.device(0)?)?;
    println!(
        "loaded {} tensors, drew {} afresh",
        report.loaded,
        report.fresh.len()
    );
    let tokenizer = Tokenizer::open(&source, MAX_LENGTH)?;
    let load = LoadOptions {
        lenient: true,
        train: TrainPolicy::File,
    };
    let set =
        glue::load(&glue::Source::new(data)?, task, Split::Dev, &load)?.subsample(count, SEED);
    let examples = set.examples.iter().map(|example| {
        let encoding = tokenizer.encode(example)?;
        Ok(Tokens {
            ids: encoding.ids(),
            types: encoding.segments(),
        })
    });
    let examples: Vec<Tokens> = examples.collect::<Result<_, AnyError>>()?;
    let (layers, heads) = (model.bert.layers(), model.bert.heads());
    let mut variants = vec![variant::baseline()];
    variants.extend(variant::single_heads(layers, heads, mode));
    variants.extend(variant::whole_layers(layers, heads, mode));
    let mut config = checkpoint.config().clone();
    config.num_labels = Some(outputs);
    config.architectures = Some(vec!["BertForSequenceClassification".to_owned()]);
    save(&folder.join("model"), &model, &config, None)?;
    write_json(&folder.join("examples.json"), &examples)?;
    write_json(&folder.join("variants.json"), &variants)?;
    let facts = json!({
        "layers": layers, "heads": heads, "hidden": config.hidden_size, "variants": variants.len(),
        "examples": examples.len(), "tokens": examples.iter().map(|e| e.ids.len()).sum::<usize>(),
        "task": task.name(), "mode": mode.name(), "labels": outputs,
    });
    println!("{facts}");
    Ok(())
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

fn run(folder: &Path, words: &Options) -> Result<(), AnyError> {
    let whole = words.0.iter().any(|word| word == "--naive");
    let examples: Vec<Tokens> = read(&folder.join("examples.json"))?;
    let variants: Vec<Variant> = read(&folder.join("variants.json"))?;
    let checkpoint = Checkpoint::open(folder.join("model"))?;
    let labels = checkpoint
        .classifier_labels()
        .ok_or("the prepared model has no classifier")?;
    let (model, _) = checkpoint.load_classifier(labels, SEED, &Backend::Flex.device(0)?)?;
    let tokens: Vec<TokenIds<'_>> = examples
        .iter()
        .map(|e| TokenIds {
            ids: &e.ids,
            types: &e.types,
        })
        .collect();
    let plan = Plan::new(model.bert.layers(), model.bert.heads(), variants)?;
    let default = SweepOptions::default();
    let options = SweepOptions {
        bucket_tokens: words.or("--bucket", default.bucket_tokens)?,
        group_tokens: words.or("--group", default.group_tokens)?,
        ..default
    };
    let sweep = Sweep::new(&model, &plan, Reference::None, options, "speed")?;
    let buckets = sweep.buckets(&tokens)?;
    let cost = sweep.cost(&buckets);
    println!("{}", plan.counts());
    println!(
        "{} examples in {} buckets: {cost}",
        tokens.len(),
        buckets.len()
    );
    let store = tempfile::tempdir()?;
    let (clock, processor) = (Instant::now(), processor_seconds());
    let logits = if whole {
        naive(&model, &plan, &tokens, None, 32)?
    } else {
        // With the store that the command uses: keeping finished parts is a part of the work.
        let mut sink = Folder::new(store.path(), |_| ControlFlow::Continue(()));
        sweep.run(&tokens, &mut sink)?
    };
    let seconds = clock.elapsed().as_secs_f64();
    let processor = processor_seconds().zip(processor).map(|(b, a)| b - a);
    write_json(&folder.join("logits.json"), &logits)?;
    let padded: usize = buckets.iter().map(|b| b.width * b.examples.len()).sum();
    let real: usize = tokens.iter().map(|t| t.ids.len()).sum();
    let result = json!({
        "seconds": seconds, "processor_seconds": processor,
        "multiply_adds": if whole { cost.naive } else { cost.shared },
        "naive_multiply_adds": cost.naive, "padding": padded as f64 / real as f64 - 1.0,
    });
    println!("{result}");
    Ok(())
}

/// The best of several products of two squares of 1024: large enough to leave caches and small
/// costs behind.
fn peak() -> Result<(), AnyError> {
    const SIDE: usize = 1024;
    let device = Backend::Flex.device(0)?;
    let square = || Tensor::<2>::random([SIDE, SIDE], Distribution::Uniform(-1.0, 1.0), &device);
    let (a, b) = (square(), square());
    let mut best = 0.0f64;
    for _ in 0..12 {
        let clock = Instant::now();
        let product = a.clone().matmul(b.clone());
        attn_bert::to_host(product)?;
        best = best.max((SIDE * SIDE * SIDE) as f64 / clock.elapsed().as_secs_f64());
    }
    println!("{}", json!({ "multiply_adds_per_second": best }));
    Ok(())
}

fn main() -> Result<(), AnyError> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let folder = || -> Result<PathBuf, AnyError> {
        let folder = words.get(1).filter(|word| !word.starts_with("--"));
        Ok(folder
            .ok_or("which folder? give DIR after the command")?
            .into())
    };
    match words.first().map(String::as_str) {
        Some("prepare") => prepare(&folder()?, &Options(words.clone())),
        Some("run") => run(&folder()?, &Options(words.clone())),
        Some("peak") => peak(),
        _ => Err("expected prepare DIR, run DIR or peak".into()),
    }
}
