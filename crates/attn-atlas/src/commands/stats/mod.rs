//! `attn stats`: what the heads attend to (Sections 4.3 to 4.5 and 5), in one pass.
//!
//! The maps of each example go to all observers of attn-stats at once; with `--reference` a second
//! model runs over the same batch. Memory does not grow with the number of examples.

mod annotate;
mod figures;
pub mod paper;
mod suite;
mod tables;

use crate::cli::{DataArgs, StatsArgs};
use crate::forward::forward_models;
use crate::inputs::{self, InputSet};
use crate::model::{LoadedModel, OpenModel};
use crate::progress::Progress;
use crate::run::{Run, RunFolder, input_file};
use anyhow::Context;
use attn_bert::{EncoderOutput, ReadError, Want};
use attn_core::io::write_jsonl;
use attn_core::place::Output;
use attn_core::{Reading, Record, Task};
use attn_stats::{Annotation, MapsView, Observation, PaddingRows, Resampler};
use std::path::Path;
use std::time::Instant;
use suite::{EXPERIMENT, Suite};

/// Bootstrap samples behind each interval.
pub const REPLICATES: usize = 1000;
/// To what length the authors pad (Section 4.3's code).
const AUTHORS_WIDTH: usize = 200;

/// What one task gave.
pub struct Measured {
    pub task: String,
    pub n: usize,
    pub suite: Suite,
}

/// The models of a run.
struct Models {
    own: LoadedModel,
    reference: Option<LoadedModel>,
}

impl Models {
    /// The data, of whose rows these models may have been trained on some.
    fn data(&self, args: &StatsArgs) -> DataArgs {
        let models = std::iter::once(&self.own).chain(&self.reference);
        args.data.beside(models.map(|model| &model.trained_on))
    }
}

/// Measures, then writes records, tables and figures.
pub fn run(args: &StatsArgs) -> anyhow::Result<()> {
    let tasks = tasks(args)?;
    anyhow::ensure!(
        tasks.len() == 1 || (args.annotations.is_none() && args.texts_out.is_none()),
        "--annotations and --texts-out are about the texts of one task: name it with --tasks"
    );
    let mut models = open(args, tasks[0])?;
    let own = &models.own;
    if let (Some(path), [task]) = (&args.texts_out, &tasks[..]) {
        return write_texts(
            path,
            &inputs::from_task(&models.data(args), Some(*task), &own.tokenizer)?,
        );
    }
    let name = model_name(args, &models);
    let footer = footer(args, &name, &models);
    let folder = args.out.clone().unwrap_or_else(|| {
        // Models that differ by task are what fine-tuning made of the reference.
        let tuned = models.reference.as_ref().filter(|_| args.model.varies());
        let name = tuned.map_or(&own.name, |reference| &reference.name);
        inputs::default_folder(name, &args.data.source.data, EXPERIMENT)
    });
    let seed = args.data.seed;
    let mut all_rows = Vec::new();
    let mut config = serde_json::json!({
        "experiment": EXPERIMENT, "model": name,
        "reference": models.reference.as_ref().map(|r| &r.name),
        "reading": args.reading, "split": args.data.split, "tasks": tasks,
        "max_eval": args.data.max_eval, "max_length": args.model.max_length,
        "source": inputs::source_config(&args.data.source),
        "replicates": REPLICATES, "divergence_rows": args.divergence_rows,
        "annotations": if args.annotations.is_some() { "file" } else { "attn-lingua" },
    });
    let read = std::iter::once(own).chain(&models.reference);
    let mut read: Vec<&Path> = read.map(|model| model.folder.as_path()).collect();
    read.extend(args.annotations.as_deref());
    let mut run = Run::open(folder, config.clone(), seed, own.device.clone(), &read)?;
    for model in std::iter::once(own).chain(&models.reference) {
        run.read(model.inputs.clone());
    }
    if let Some(path) = &args.annotations {
        run.read([input_file("annotations", path)?]);
    }
    for &task in &tasks {
        let mut data = models.data(args);
        if args.model.varies() {
            let model = OpenModel::open(&args.model.for_task(task))?;
            let reference = models.reference.as_ref().map(|r| &r.trained_on);
            data = args
                .data
                .beside(reference.into_iter().chain([&model.trained_on]));
            run.read(model.inputs);
        }
        let data = inputs::dataset(&data.source, Some(task), data.split)?;
        all_rows.extend(inputs::has_all_rows(&data).then_some(task));
        run.read(data.inputs);
    }
    inputs::name_all_rows(&mut config, &all_rows);
    run.configure(config);
    if run.is_done() {
        return Ok(());
    }
    let annotations_out = args.annotations_out.as_deref();
    let _annotations = annotations_out
        .filter(|folder| *folder != run.folder())
        .map(|folder| RunFolder::take(folder, &serde_json::json!(run.name()), &read))
        .transpose()?;
    let resampler = Resampler::new(seed, REPLICATES);
    let (mut measured, mut records) = (Vec::new(), Vec::new());
    for (place, task) in tasks.into_iter().enumerate() {
        if place > 0 && args.model.varies() {
            models = open(args, task)?;
        }
        let own = &models.own;
        if place == 0 || args.model.varies() {
            for model in std::iter::once(own).chain(&models.reference) {
                run.note(model.notes.iter().map(|n| format!("{}: {n}", model.name)));
            }
        }
        let set = inputs::from_task(&models.data(args), Some(task), &own.tokenizer)?;
        for note in &set.notes {
            crate::model::say(note);
        }
        let (annotations, notes) = annotate::annotate(
            &set,
            &own.tokenizer,
            args.reading,
            args.annotations.as_deref(),
        )?;
        for note in &notes {
            crate::model::say(note);
        }
        run.note(notes);
        if let Some(folder) = &args.annotations_out {
            write_annotations(&folder.join(format!("{task}.jsonl")), &set, &annotations)?;
        }
        let mut progress = Progress::new(format!("{EXPERIMENT} {task}"), set.examples.len() as u64);
        let suite = measure(args, &models, &set, &annotations, &resampler, &mut progress)?;
        run.took(EXPERIMENT, progress.finish());
        let blank = Record {
            run: run.name().to_owned(),
            model: name.clone(),
            task: set.name.clone(),
            split: set.split.clone(),
            experiment: EXPERIMENT.to_owned(),
            layer: None,
            head: None,
            metric: String::new(),
            value: 0.0,
            n: 0,
            seed,
            ci_low: None,
            ci_high: None,
        };
        // The intervals are taken from the bootstrap samples only now.
        let started = Instant::now();
        records.extend(suite.records(&blank));
        run.took("intervals", started.elapsed().as_secs_f64());
        measured.push(Measured {
            task: set.name,
            n: set.examples.len(),
            suite,
        });
        run.note(set.notes);
    }
    let published = paper::Published::open()?;
    let mut written = figures::write(
        &run.folder().join("figures"),
        &measured,
        &published,
        &footer,
    )?;
    written.extend(tables::write(
        &run.folder().join("tables"),
        &measured,
        &published,
        &footer,
        &records,
    )?);
    let folder = run.finish(&records)?;
    for path in written {
        println!("{}", path.display());
    }
    println!("{}", folder.join("records.jsonl").display());
    println!("{}", folder.join("manifest.json").display());
    Ok(())
}

fn open(args: &StatsArgs, task: Task) -> anyhow::Result<Models> {
    let own = LoadedModel::open(&args.model.for_task(task))?;
    let reference = match &args.reference {
        None => None,
        Some(name) => {
            let mut model = args.model.clone();
            model.model.clone_from(name);
            Some(LoadedModel::open(&model)?)
        }
    };
    let models = Models { own, reference };
    check_grids(args, &models)?;
    Ok(models)
}

/// Heads are compared one to one, and inputs must fit into what the authors pad to.
fn check_grids(args: &StatsArgs, models: &Models) -> anyhow::Result<()> {
    let Some(reference) = &models.reference else {
        return Ok(());
    };
    let grid = |m: &LoadedModel| (m.encoder.layers(), m.encoder.heads());
    let (own, other) = (grid(&models.own), grid(reference));
    anyhow::ensure!(
        own == other,
        "model '{}' has {own:?} layers and heads, the reference '{}' {other:?}: heads can only be compared one to one",
        models.own.name,
        reference.name
    );
    anyhow::ensure!(
        args.reading == Reading::Paper || args.model.max_length <= AUTHORS_WIDTH,
        "--max-length {} is more than the {AUTHORS_WIDTH} pieces to which the authors' reading pads",
        args.model.max_length
    );
    Ok(())
}

/// What the run's models are called together.
fn model_name(args: &StatsArgs, models: &Models) -> String {
    match (&models.reference, args.model.varies()) {
        (Some(reference), true) => format!("{}, fine-tuned on each task", reference.name),
        (None, true) => "one model a task".to_owned(),
        (_, false) => models.own.name.clone(),
    }
}

/// Two models must see the same word pieces.
fn check_pieces(set: &InputSet, reference: &LoadedModel) -> anyhow::Result<()> {
    for example in &set.examples {
        let other = reference.tokenizer.encode(&example.example)?;
        anyhow::ensure!(
            other.ids() == example.encoding.ids(),
            "example {}: the reference model '{}' cuts it into other word pieces; give a model with the same \
             vocabulary",
            example.example.id,
            reference.name
        );
    }
    Ok(())
}

fn measure(
    args: &StatsArgs,
    models: &Models,
    set: &InputSet,
    annotations: &[Annotation],
    resampler: &Resampler,
    progress: &mut Progress,
) -> anyhow::Result<Suite> {
    let encoder = &models.own.encoder;
    let (layers, heads) = (encoder.layers(), encoder.heads());
    let paired = models.reference.is_some();
    let mut suite = Suite::new(
        (layers, heads),
        args.reading,
        paired,
        args.divergence_rows,
        resampler,
    );
    let mut encoders = vec![encoder];
    if let Some(reference) = &models.reference {
        check_pieces(set, reference)?;
        encoders.push(&reference.encoder);
    }
    let padded = paired && args.reading == Reading::Authors;
    let width = padded.then_some(AUTHORS_WIDTH);
    forward_models(
        &encoders,
        &set.examples,
        Want::maps(),
        width,
        progress,
        |batch, outputs| {
            let maps = each(outputs, EncoderOutput::all_maps)?;
            let padding = if padded {
                each(outputs, EncoderOutput::padding_rows)?
            } else {
                Vec::new()
            };
            for (place, &index) in batch.iter().enumerate() {
                let example = &set.examples[index];
                let counts = resampler.counts(index as u64);
                let mut observe = || {
                    let view = |model: usize| {
                        let values = part(&maps, model, place).unwrap_or_default();
                        MapsView::new(layers, heads, example.encoding.len(), values)
                    };
                    let mut seen = Observation::new(index, view(0)?, &annotations[index], &counts);
                    if paired {
                        seen = seen.with_reference(view(1)?);
                    }
                    if let (Some(own), Some(reference)) =
                        (part(&padding, 0, place), part(&padding, 1, place))
                    {
                        seen.padding = Some(PaddingRows { own, reference });
                    }
                    suite.observe(&seen)
                };
                observe().with_context(|| format!("example {}", example.example.id))?;
            }
            Ok(())
        },
    )?;
    Ok(suite)
}

/// What `read` gives for each model: `[model][example]`.
fn each(
    outputs: &[EncoderOutput],
    read: fn(&EncoderOutput) -> Result<Vec<Vec<f32>>, ReadError>,
) -> Result<Vec<Vec<Vec<f32>>>, ReadError> {
    outputs.iter().map(read).collect()
}

/// One model's values for the example at `place` of a batch.
fn part(all: &[Vec<Vec<f32>>], model: usize, place: usize) -> Option<&[f32]> {
    all.get(model)?.get(place).map(Vec::as_slice)
}

fn footer(args: &StatsArgs, name: &str, models: &Models) -> String {
    let reference = models
        .reference
        .as_ref()
        .map_or(String::new(), |r| format!("; reference {}", r.name));
    format!(
        "model {name}{reference}; {} examples; reading {}; seed {}",
        args.data.split, args.reading, args.data.seed
    )
}

/// The tasks asked for, or those of the paper's seven that the folder has.
fn tasks(args: &StatsArgs) -> anyhow::Result<Vec<Task>> {
    inputs::tasks(&args.data.source, &args.tasks, args.data.split)
}

/// The texts, one a line, line breaks within them as blanks.
fn write_texts(path: &Path, set: &InputSet) -> anyhow::Result<()> {
    let mut lines = String::new();
    for text in annotate::texts(set) {
        lines.push_str(&text.replace(['\n', '\r'], " "));
        lines.push('\n');
    }
    attn_core::place::check(path, Output::Plain(lines.as_bytes()), &[])?;
    crate::run::write_text(path, &lines)?;
    println!("{}", path.display());
    Ok(())
}

/// One example's annotation with its index and word pieces, as the reference scripts read it.
#[derive(serde::Serialize)]
struct AnnotationLine<'a> {
    index: usize,
    id: &'a str,
    length: usize,
    /// Word pieces, and the segment (0 or 1) of each.
    ids: Vec<u32>,
    segments: Vec<u32>,
    #[serde(flatten)]
    annotation: &'a Annotation,
}

fn write_annotations(path: &Path, set: &InputSet, all: &[Annotation]) -> anyhow::Result<()> {
    let lines: Vec<AnnotationLine<'_>> = set
        .examples
        .iter()
        .zip(all)
        .enumerate()
        .map(|(index, (example, annotation))| AnnotationLine {
            index,
            id: &example.example.id,
            length: example.encoding.len(),
            ids: example.encoding.ids(),
            segments: example.encoding.segments(),
            annotation,
        })
        .collect();
    Ok(write_jsonl(path, &lines)?)
}
