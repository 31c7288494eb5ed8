//! `attn extract`.

use super::maps::sample::{special, texts_of};
use crate::cli::ExtractArgs;
use crate::forward::forward_all;
use crate::inputs::{self, InputSet};
use crate::model::LoadedModel;
use crate::output::Tensors;
use crate::progress::Progress;
use crate::run::check_file;
use crate::select::{By, Selection, WORDS_NOTE, merge};
use attn_bert::Want;
use attn_core::HeadId;
use attn_core::place::{Output, check};
use attn_data::words::{TokenWord, words};

/// What the metadata of every file of maps begins with.
const MARK: &[u8] = b"attention-atlas maps";

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
        crate::model::say(note);
    }
    let (layers, heads) = (model.encoder.layers(), model.encoder.heads());
    let all: Vec<HeadId> = (0..layers * heads)
        .map(|i| HeadId::new(i / heads, i % heads))
        .collect();
    let selection = Selection::new(&args.select, &all)?;
    // The words of each example, where tokens are to be merged.
    let words: Option<Vec<Vec<TokenWord>>> = args.words.then(|| {
        let encodings = set.examples.iter().map(|e| &e.encoding);
        encodings.map(|e| words(&e.texts(), &special(e))).collect()
    });
    let mut tensors = Vec::new();
    for (i, example) in set.examples.iter().enumerate() {
        let length = example.encoding.len();
        let shown = words.as_ref().map_or(length, |w| w[i].len());
        let shape = match &selection.by {
            By::All => vec![layers, heads, shown, shown],
            By::Layers(layers) => vec![layers.len(), heads, shown, shown],
            By::Heads => vec![selection.places.len(), shown, shown],
        };
        tensors.push((format!("maps.{i}"), shape));
        if args.hidden {
            tensors.push((
                format!("hidden.{i}"),
                vec![layers + 1, length, model.config.hidden_size],
            ));
        }
    }
    // NumPy's texts are UTF-32.
    let wide: Vec<u8> = MARK
        .iter()
        .flat_map(|b| u32::from(*b).to_le_bytes())
        .collect();
    let mut read = vec![model.folder.as_path(), &args.data.source.data];
    read.extend(args.input.as_deref());
    check(&args.out, Output::Marked(&[MARK, &wide]), &read)?;
    let mut file = Tensors::create(
        &args.out,
        &tensors,
        &metadata(&model, &set, &selection, words.as_deref())?,
    )?;
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
                let length = set.examples[i].encoding.len();
                let mut maps = selection.pick(&maps, length);
                if let Some(words) = &words {
                    maps = merge(&maps, length, &words[i])?;
                }
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

/// Text that explains the tensors: `tokens`, a JSON list of lists of tokens; `segments`, their
/// segment ids; `texts`, which text each token belongs to (0 or 1, special tokens to the one before;
/// some models give all tokens segment 0); `special`, positions of special tokens; `ids`, where each
/// example comes from; `layers` or `heads` where only some are there, from 0; `model`; `format`;
/// `merged` where tokens are words.
fn metadata(
    model: &LoadedModel,
    set: &InputSet,
    selection: &Selection,
    words: Option<&[Vec<TokenWord>]>,
) -> anyhow::Result<Vec<(&'static str, String)>> {
    /// What each word's first token has.
    fn first<T: Copy>(all: Vec<T>, words: Option<&Vec<TokenWord>>) -> Vec<T> {
        match words {
            None => all,
            Some(words) => words.iter().map(|w| all[w.tokens.start]).collect(),
        }
    }
    let examples = || {
        let own = move |i: usize| words.and_then(|w| w.get(i));
        let encodings = set.examples.iter().map(|e| &e.encoding);
        encodings.enumerate().map(move |(i, e)| (e, own(i)))
    };
    let tokens: Vec<Vec<&str>> = examples()
        .map(|(e, words)| match words {
            None => e.texts(),
            Some(words) => words.iter().map(|w| w.text.as_str()).collect(),
        })
        .collect();
    let segments: Vec<_> = examples().map(|(e, w)| first(e.segments(), w)).collect();
    let texts: Vec<_> = examples().map(|(e, w)| first(texts_of(e), w)).collect();
    let special: Vec<Vec<usize>> = examples()
        .map(|(e, words)| {
            let special = special(e);
            match words {
                None => special,
                Some(words) => (0..words.len())
                    .filter(|&i| special.contains(&words[i].tokens.start))
                    .collect(),
            }
        })
        .collect();
    let ids: Vec<_> = set.examples.iter().map(|e| e.example.id.as_str()).collect();
    let shape = match selection.by {
        By::Heads => "[heads, query, key]",
        _ => "[layers, heads, query, key]",
    };
    let mut metadata = vec![
        (
            "format",
            format!("attention-atlas maps 1: maps.<i> {shape}"),
        ),
        ("model", model.name.clone()),
        ("tokens", serde_json::to_string(&tokens)?),
        ("segments", serde_json::to_string(&segments)?),
        ("texts", serde_json::to_string(&texts)?),
        ("special", serde_json::to_string(&special)?),
        ("ids", serde_json::to_string(&ids)?),
    ];
    match &selection.by {
        By::All => {}
        By::Layers(layers) => metadata.push(("layers", serde_json::to_string(layers)?)),
        By::Heads => {
            let heads: Vec<_> = selection.heads.iter().map(|h| (h.layer, h.head)).collect();
            metadata.push(("heads", serde_json::to_string(&heads)?));
        }
    }
    if words.is_some() {
        metadata.push(("merged", WORDS_NOTE.to_owned()));
    }
    Ok(metadata)
}
