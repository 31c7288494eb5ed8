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
use attn_bert::Want;
use attn_core::io::write_atomically;
use attn_core::place::{Output, check};
use attn_core::{HeadId, Pattern};
use attn_data::maps::{ExampleMaps, MapsFile};
use attn_patterns::labels::csv_field;
use attn_patterns::{Engine, Probabilities};
use std::io::{self, Write};
use std::path::Path;
use std::time::Instant;

/// Sorts maps of a task or a file and writes the table.
pub fn run(args: &ClassifyArgs) -> anyhow::Result<()> {
    check_file(&args.out, &[".csv"])?;
    let read: Vec<&Path> = args.maps.as_deref().into_iter().collect();
    check(
        &args.out,
        Output::Marked(&[b"example,layer,head,class"]),
        &read,
    )?;
    let (engine, _) = network::open(&args.network)?;
    if let Some(path) = &args.maps {
        let mut file = MapsFile::open(path)?;
        for note in file.notes() {
            crate::model::say(note);
        }
        write_table(&args.out, |out| from_file(&engine, &mut file, out))?;
    } else {
        let blocks = from_model(args, &engine, args.task)?;
        write_table(&args.out, |out| {
            let mut all = blocks.iter();
            Ok(all.try_for_each(|block| out.write_all(block.as_bytes()))?)
        })?;
    }
    println!("{}", args.out.display());
    Ok(())
}

/// Writes the table, whole or not at all, with the rows that `fill` writes.
fn write_table(
    path: &Path,
    fill: impl FnOnce(&mut dyn Write) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    // The writer knows errors of files only: what else ends it is kept and told in its place.
    let mut failed = None;
    let written = write_atomically(path, |out| {
        let names: Vec<&str> = Pattern::ALL.iter().map(|p| p.name()).collect();
        writeln!(out, "example,layer,head,class,{}", names.join(","))?;
        fill(out).map_err(|error| match error.downcast::<io::Error>() {
            Ok(error) => error,
            Err(error) => {
                failed = Some(error);
                io::Error::other("stopped")
            }
        })
    });
    match failed {
        Some(error) => Err(error),
        None => Ok(written?),
    }
}

/// The table's rows of one example, a map of each head.
fn rows(id: &str, heads: &[HeadId], sorted: &[Probabilities]) -> String {
    let mut text = String::new();
    for (HeadId { layer, head }, probabilities) in heads.iter().zip(sorted) {
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
        crate::model::say(note);
    }
    let (layers, heads) = (model.encoder.layers(), model.encoder.heads());
    let ids: Vec<HeadId> = (0..layers * heads)
        .map(|i| HeadId::new(i / heads, i % heads))
        .collect();
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
                blocks[index] = rows(&example.example.id, &ids, &sorted);
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

/// Sorts the maps of a file, example by example, into `out`: memory holds one.
fn from_file(engine: &Engine, file: &mut MapsFile, out: &mut dyn Write) -> anyhow::Result<()> {
    let mut progress = Progress::new("sorting maps", file.len() as u64);
    let mut index = 0;
    while let Some(example) = file.example(index)? {
        stop_if_interrupted()?;
        let ExampleMaps {
            weights,
            length,
            special,
            texts,
            ..
        } = &example;
        let sorted = engine.classify(weights, *length, special, texts);
        out.write_all(rows(&example.id, &example.heads, &sorted).as_bytes())?;
        progress.add(1);
        index += 1;
    }
    progress.finish();
    Ok(())
}
