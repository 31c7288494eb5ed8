//! `attn maps sample`: which maps to label (the drawing itself is `attn_patterns::sample`).

use crate::cli::{ModelArgs, SampleArgs};
use crate::forward::forward_all;
use crate::inputs::{self, Prepared};
use crate::model::LoadedModel;
use crate::progress::Progress;
use crate::run::Run;
use anyhow::Context;
use attn_bert::Want;
use attn_core::{HeadId, Split, Task};
use attn_data::glue::{self, LoadOptions, TrainPolicy};
use attn_data::tokenise::{Encoding, PieceRole, Tokenizer};
use attn_patterns::enrich::{Candidate, hints};
use attn_patterns::store::Drawn;
use attn_patterns::{Draw, MapEntry, Sampler, Source, State, StoredMap, sample, store};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// A model with what it is fine-tuned to.
struct Family {
    name: String,
    layers: usize,
    heads: usize,
    /// Task to folder.
    tuned: BTreeMap<Task, PathBuf>,
    /// The examples in this model's pieces.
    examples: Vec<Prepared>,
}

/// The sample's maps and what the manifest says of each model used.
struct Made {
    maps: BTreeMap<usize, StoredMap>,
    used: Vec<String>,
}

/// Draws the sample, runs the models and stores the maps.
pub fn run(args: &SampleArgs) -> anyhow::Result<()> {
    let tasks = if args.tasks.is_empty() {
        Task::PAPER.to_vec()
    } else {
        args.tasks.clone()
    };
    let mut run = Run::new(
        args.out.clone(),
        json!(null),
        args.seed,
        args.backend.label(args.device)?,
    );
    let mut families = Vec::new();
    let mut of_tasks = Vec::new();
    for model in &args.models {
        let loaded = LoadedModel::open(&model_args(args, model.clone()))?;
        let tuned = match &args.checkpoints {
            Some(root) if root.join(&loaded.name).is_dir() => {
                checkpoints(&root.join(&loaded.name))?
            }
            Some(root) => {
                run.note([format!(
                    "{}: no fine-tuned states of this model",
                    loaded.name
                )]);
                anyhow::ensure!(root.is_dir(), "{}: no such folder", root.display());
                BTreeMap::new()
            }
            None => BTreeMap::new(),
        };
        let (examples, tasks_of) = read(args, &tasks, &loaded.tokenizer, &mut run)?;
        of_tasks = tasks_of;
        run.read(loaded.inputs.clone());
        families.push(Family {
            name: loaded.name,
            layers: loaded.encoder.layers(),
            heads: loaded.encoder.heads(),
            tuned,
            examples,
        });
    }
    let sources: Vec<Source> = families
        .iter()
        .map(|f| Source {
            layers: f.layers,
            heads: f.heads,
            tuned: f.tuned.keys().copied().collect(),
            lengths: f.examples.iter().map(length).collect(),
        })
        .collect();
    let mut sampler = Sampler::new(&sources, &of_tasks, args.seed)?;
    let first = sampler.balanced(State::Pretrained, args.n / 2)?;
    let candidates = candidates(args, &families, &sampler)?;
    let rare = sampler.enriched(&candidates, args.enrich);
    let second = sampler.balanced(State::FineTuned, args.n - args.n / 2)?;
    if second.len() < args.n - args.n / 2 {
        run.note([format!(
            "{} of {} maps after fine-tuning: models without fine-tuned states give none",
            second.len(),
            args.n - args.n / 2
        )]);
    }
    // Numbers stay when fine-tuned states come, whose models have blocks of their own.
    let mut numbered: Vec<(usize, Draw)> = first.into_iter().enumerate().collect();
    let tuned = args.n - args.n / 2;
    for source in 0..sources.len() {
        let before: usize = (0..source)
            .map(|s| sample::share(tuned, s, sources.len()))
            .sum();
        let own = second.iter().copied().filter(|d| d.source == source);
        numbered.extend(own.enumerate().map(|(i, d)| (args.n / 2 + before + i, d)));
    }
    let rare = rare.into_iter().enumerate().map(|(i, d)| (args.n + i, d));
    let draws: Vec<(usize, Draw)> = numbered.into_iter().chain(rare).collect();
    let made = make(args, &families, &draws, &mut run)?;
    let maps: Vec<StoredMap> = made.maps.into_values().collect();
    store::write(&args.out, &maps)?;
    run.configure(json!({
        "experiment": "maps-sample", "models": families.iter().map(|f| &f.name).collect::<Vec<_>>(),
        "states": made.used, "tasks": tasks, "n": args.n, "enriched": args.enrich, "pool": args.pool,
        "shortest": sample::SHORTEST, "longest": sample::LONGEST, "length_bins": sample::BINS,
    }));
    let folder = run.finish_without_records()?;
    println!("{}: {} maps", folder.display(), maps.len());
    Ok(())
}

/// Word pieces; beyond all bounds when some were cut off.
fn length(example: &Prepared) -> usize {
    match example.encoding.truncated {
        true => usize::MAX,
        false => example.encoding.len(),
    }
}

fn model_args(args: &SampleArgs, model: PathBuf) -> ModelArgs {
    ModelArgs {
        model,
        backend: args.backend,
        device: args.device,
        max_length: sample::LONGEST,
        cache: args.cache.clone(),
    }
}

/// Fine-tuned states of one model: in `root` itself, or in its folder of the model's name.
///
/// # Errors
/// As [`checkpoints`].
pub(crate) fn tuned_states(root: &Path, model: &str) -> anyhow::Result<BTreeMap<Task, PathBuf>> {
    let own = root.join(model);
    checkpoints(if own.is_dir() { &own } else { root })
}

/// Fine-tuned states under a folder: `<task>-pretrained-s<seed>`, the smallest seed of each task.
fn checkpoints(folder: &Path) -> anyhow::Result<BTreeMap<Task, PathBuf>> {
    let mut found: BTreeMap<Task, (u64, PathBuf)> = BTreeMap::new();
    let entries = std::fs::read_dir(folder).with_context(|| {
        format!(
            "{}: cannot read the folder of fine-tuned states",
            folder.display()
        )
    })?;
    for entry in entries {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let parsed = name
            .split_once("-pretrained-s")
            .and_then(|(task, seed)| Some((task.parse::<Task>().ok()?, seed.parse::<u64>().ok()?)));
        let Some((task, seed)) = parsed else { continue };
        // config.json is written last: without it the state is not finished.
        if !path.join("config.json").is_file() {
            continue;
        }
        if found.get(&task).is_none_or(|(other, _)| seed < *other) {
            found.insert(task, (seed, path));
        }
    }
    anyhow::ensure!(
        !found.is_empty(),
        "{}: no fine-tuned state; expected folders <task>-pretrained-s<seed> with config.json",
        folder.display()
    );
    Ok(found
        .into_iter()
        .map(|(task, (_, path))| (task, path))
        .collect())
}

/// Both splits of the tasks, without examples that repeat a text of an earlier one.
fn read(
    args: &SampleArgs,
    tasks: &[Task],
    tokenizer: &Tokenizer,
    run: &mut Run,
) -> anyhow::Result<(Vec<Prepared>, Vec<Task>)> {
    let source = glue::Source::new(&args.data)?;
    let options = LoadOptions {
        lenient: false,
        train: TrainPolicy::File,
    };
    let (mut examples, mut of_tasks, mut texts) = (Vec::new(), Vec::new(), BTreeSet::new());
    for &task in tasks {
        for split in [Split::Dev, Split::Train] {
            let dataset = glue::load(&source, task, split, &options)?;
            let set = inputs::from_dataset(dataset, tokenizer)?;
            run.read(set.inputs);
            for prepared in set.examples {
                let example = &prepared.example;
                let own: Vec<String> = std::iter::once(&example.text_a)
                    .chain(&example.text_b)
                    .cloned()
                    .collect();
                if own.iter().any(|text| texts.contains(text)) {
                    continue;
                }
                texts.extend(own);
                examples.push(prepared);
                of_tasks.push(task);
            }
        }
    }
    Ok((examples, of_tasks))
}

/// What every head of every model makes of a pool of examples that are left.
fn candidates(
    args: &SampleArgs,
    families: &[Family],
    sampler: &Sampler<'_>,
) -> anyhow::Result<Vec<Vec<Candidate>>> {
    let mut all = Vec::new();
    for (source, (family, name)) in families.iter().zip(&args.models).enumerate() {
        let wanted = if args.enrich == 0 { 0 } else { args.pool };
        let pool = sampler.pool(source, wanted);
        let own: Vec<Prepared> = pool.iter().map(|&i| family.examples[i].clone()).collect();
        let model = LoadedModel::open(&model_args(args, name.clone()))?;
        let mut progress = Progress::new("searching rare kinds", own.len() as u64);
        let mut found = Vec::new();
        forward_all(
            &model.encoder,
            &own,
            Want::maps(),
            &mut progress,
            |batch, output| {
                for (&at, maps) in batch.iter().zip(output.all_maps()?) {
                    let encoding = &own[at].encoding;
                    let square = encoding.len() * encoding.len();
                    let mut entry = entry_of(encoding);
                    for (index, weights) in maps.chunks_exact(square.max(1)).enumerate() {
                        let head = HeadId::new(index / family.heads, index % family.heads);
                        (entry.layer, entry.head) = (head.layer, head.head);
                        found.push(Candidate {
                            head,
                            example: pool[at],
                            hints: hints(&entry, weights),
                        });
                    }
                }
                Ok(())
            },
        )?;
        progress.finish();
        all.push(found);
    }
    Ok(all)
}

/// The part of an entry that its tokens decide.
fn entry_of(encoding: &Encoding) -> MapEntry {
    MapEntry {
        id: String::new(),
        model: String::new(),
        state: State::Pretrained,
        drawn: Drawn::Balanced,
        task: Task::Mrpc,
        example: String::new(),
        layer: 0,
        head: 0,
        tokens: encoding.texts().into_iter().map(str::to_owned).collect(),
        segments: texts_of(encoding),
        special: special(encoding),
    }
}

/// Runs each model state over its examples and keeps the drawn heads' maps.
fn make(
    args: &SampleArgs,
    families: &[Family],
    draws: &[(usize, Draw)],
    run: &mut Run,
) -> anyhow::Result<Made> {
    let mut groups: BTreeMap<(usize, Option<Task>), Vec<usize>> = BTreeMap::new();
    for (index, (_, draw)) in draws.iter().enumerate() {
        let tuned = (draw.state == State::FineTuned).then_some(draw.task);
        groups.entry((draw.source, tuned)).or_default().push(index);
    }
    let mut made = Made {
        maps: BTreeMap::new(),
        used: Vec::new(),
    };
    let width = (args.n + args.enrich).to_string().len();
    let mut progress = Progress::new("maps", draws.len() as u64);
    for ((source, tuned), members) in groups {
        let (Some(family), Some(original)) = (families.get(source), args.models.get(source)) else {
            continue;
        };
        let folder = tuned.and_then(|task| family.tuned.get(&task));
        let path = folder.map_or(original.clone(), Clone::clone);
        let model = LoadedModel::open(&model_args(args, path))?;
        let state = folder.map_or_else(
            || family.name.clone(),
            |_| format!("{}/{}", family.name, model.name),
        );
        if folder.is_some() {
            run.read(model.inputs.iter().cloned().map(|mut input| {
                input.role = format!("{} ({state})", input.role);
                input
            }));
        }
        made.used.push(state);
        let own: Vec<Prepared> = members
            .iter()
            .map(|&i| family.examples[draws[i].1.example].clone())
            .collect();
        forward_all(
            &model.encoder,
            &own,
            Want::maps(),
            &mut progress,
            |batch, output| {
                for (&at, maps) in batch.iter().zip(output.all_maps()?) {
                    let index = members[at];
                    let (number, draw) = &draws[index];
                    let encoding = &own[at].encoding;
                    let square = encoding.len() * encoding.len();
                    let start = (draw.head.layer * family.heads + draw.head.head) * square;
                    let weights = maps
                        .get(start..start + square)
                        .with_context(|| format!("{}: no head {}", family.name, draw.head))?;
                    let entry = MapEntry {
                        id: format!("m{:0width$}", number + 1),
                        model: family.name.clone(),
                        state: draw.state,
                        drawn: draw.drawn,
                        task: draw.task,
                        example: own[at].example.id.clone(),
                        layer: draw.head.layer,
                        head: draw.head.head,
                        tokens: encoding.texts().into_iter().map(str::to_owned).collect(),
                        segments: texts_of(encoding),
                        special: special(encoding),
                    };
                    let weights = weights.to_vec();
                    made.maps.insert(*number, StoredMap { entry, weights });
                }
                Ok(())
            },
        )?;
    }
    run.took("maps", progress.finish());
    Ok(made)
}

/// Which text each piece belongs to, by its origin: models with `<s>` give all pieces segment id 0.
pub(crate) fn texts_of(encoding: &Encoding) -> Vec<u8> {
    let mut text = 0;
    encoding
        .pieces
        .iter()
        .map(|piece| {
            text = piece.origin.map_or(text, |(text, _, _)| u8::from(text > 0));
            text
        })
        .collect()
}

/// Positions of special tokens.
pub(crate) fn special(encoding: &Encoding) -> Vec<usize> {
    (0..encoding.len())
        .filter(|&i| encoding.pieces[i].role != PieceRole::Text)
        .collect()
}
