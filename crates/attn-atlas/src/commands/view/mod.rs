//! `attn view`: one input as a page to explore, or some of its heads as a figure.

mod file;
mod model;
mod picture;
mod statistics;

use crate::cli::ViewArgs;
use crate::select::{By, Selection, WORDS_NOTE, merge};
use anyhow::ensure;
use attn_core::io::write_atomically;
use attn_core::place::{Output, check};
use attn_core::{HeadId, Mode};
use attn_data::words::words;
use attn_figures::view::{HeadEffects, SIZE_AIM, ViewModel, ViewSpec, ViewToken};
use attn_figures::{FIGURE_MARKS, PAGE_MARKS};
use attn_stats::MapsView;
use statistics::Special;
use std::path::Path;

/// One model's maps of the input.
struct Shown {
    name: String,
    /// What it is beside the other; empty where there is none.
    role: &'static str,
    /// `[layers * heads, L, L]`.
    maps: Vec<f32>,
}

/// What there is to show.
struct Input {
    title: String,
    texts: Vec<String>,
    tokens: Vec<ViewToken>,
    /// Layers, and heads per layer.
    grid: (usize, usize),
    /// The head of each map.
    heads: Vec<HeadId>,
    models: Vec<Shown>,
    effects: Option<HeadEffects>,
    notes: Vec<String>,
}

/// Kinds of file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Html,
    Svg,
    Png,
    Pdf,
}

fn kind(args: &ViewArgs) -> anyhow::Result<Kind> {
    let ending = args.out.extension().unwrap_or_default().to_string_lossy();
    Ok(match ending.to_lowercase().as_str() {
        "html" | "htm" => Kind::Html,
        "svg" => Kind::Svg,
        "png" => Kind::Png,
        "pdf" => Kind::Pdf,
        _ => anyhow::bail!(
            "--out {}: expected a name that ends in .html (a page of all heads) or .svg, .png or .pdf (a figure)",
            args.out.display()
        ),
    })
}

/// Runs the models over the input, or reads the file, and writes the page or figure.
pub fn run(args: &ViewArgs) -> anyhow::Result<()> {
    for text in [&args.text_a, &args.text_b].into_iter().flatten() {
        ensure!(
            !text.trim().is_empty(),
            "a sentence is empty; give one in quotes"
        );
    }
    ensure!(
        args.mode != Mode::Mean,
        "--mode mean needs a reference sample, which one input does not have; use uniform or zero"
    );
    let kind = kind(args)?;
    ensure!(
        kind != Kind::Html || (args.select.layers.is_empty() && args.select.heads.len() < 2),
        "--out {}: a page holds all heads; one --head opens it there, several heads or layers go into a figure \
         (.svg, .png, .pdf)",
        args.out.display()
    );
    let mut input = match &args.maps {
        Some(path) => file::input(path, args.example.as_deref())?,
        None => model::input(args, kind == Kind::Html)?,
    };
    let selection = Selection::new(&args.select, &input.heads)?;
    if args.words {
        merge_words(&mut input)?;
    }
    let bytes = match kind {
        Kind::Html => page(&input, &selection)?.into_bytes(),
        _ => picture::draw(&input, &selection, kind)?,
    };
    for note in &input.notes {
        crate::model::say(note);
    }
    let read: Vec<&Path> = args.maps.as_deref().into_iter().collect();
    let marks = match kind {
        Kind::Html => PAGE_MARKS,
        _ => FIGURE_MARKS,
    };
    check(&args.out, Output::Marked(marks), &read)?;
    write_atomically(&args.out, |out| out.write_all(&bytes))?;
    println!("{}", args.out.display());
    Ok(())
}

/// Tokens and maps become those of words.
fn merge_words(input: &mut Input) -> anyhow::Result<()> {
    let texts: Vec<&str> = input.tokens.iter().map(|t| t.text.as_str()).collect();
    let special: Vec<usize> = (0..texts.len())
        .filter(|&i| input.tokens[i].special)
        .collect();
    let words = words(&texts, &special);
    for model in &mut input.models {
        model.maps = merge(&model.maps, input.tokens.len(), &words)?;
    }
    input.tokens = words
        .into_iter()
        .map(|word| ViewToken {
            text: word.text,
            ..input.tokens[word.tokens.start].clone()
        })
        .collect();
    input.notes.push(WORDS_NOTE.to_owned());
    Ok(())
}

fn page(input: &Input, selection: &Selection) -> anyhow::Result<String> {
    let (layers, heads) = input.grid;
    let plain = (0..layers * heads).map(|i| HeadId::new(i / heads, i % heads));
    ensure!(
        plain.eq(input.heads.iter().copied()),
        "the file holds some of a model's heads, and a page numbers them from the first: draw a figure of them \
         (--out with .svg, .png or .pdf)"
    );
    let special = |first: bool| {
        let is = |&i: &usize| input.tokens[i].special && (i == 0) == first;
        (0..input.tokens.len()).filter(is).collect()
    };
    let special = Special {
        cls: special(true),
        sep: special(false),
    };
    let views = input
        .models
        .iter()
        .map(|m| MapsView::new(layers, heads, input.tokens.len(), &m.maps))
        .collect::<Result<Vec<_>, _>>()?;
    let spec = ViewSpec {
        title: input.title.clone(),
        texts: input.texts.clone(),
        tokens: input.tokens.clone(),
        layers,
        heads,
        statistics: statistics::all(&views, &special),
        models: input
            .models
            .iter()
            .map(|m| ViewModel {
                name: m.name.clone(),
                role: m.role.to_owned(),
                maps: &m.maps,
            })
            .collect(),
        words: Vec::new(),
        effects: input.effects.clone(),
        notes: input.notes.clone(),
        open: match selection.by {
            By::Heads => selection.heads.first().copied(),
            _ => None,
        },
    };
    let view = spec.render()?;
    if view.html.len() > SIZE_AIM {
        eprintln!(
            "note: the page has {} MB and may open slowly; a smaller --max-length makes it smaller",
            view.html.len() / 1_000_000
        );
    }
    Ok(view.html)
}
