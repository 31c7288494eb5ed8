//! `attn view`: one input, all heads, in one HTML file.

mod statistics;

use crate::cli::{ModelArgs, ViewArgs};
use crate::labels;
use crate::model::{LoadedModel, OpenModel};
use anyhow::{Context, ensure};
use attn_ablate::{Memory, Plan, Reference, Sweep, SweepOptions, variant};
use attn_bert::{TokenBatch, TokenIds, Want};
use attn_core::io::write_atomically;
use attn_core::{Example, HeadGrid, Intervention, Mode};
use attn_data::tokenise::{Encoding, PieceRole};
use attn_figures::view::{HeadEffects, SIZE_AIM, ViewModel, ViewSpec, ViewToken};
use attn_stats::MapsView;
use std::path::Path;

/// Runs the models over the input and writes the page.
pub fn run(args: &ViewArgs) -> anyhow::Result<()> {
    for text in [Some(&args.text_a), args.text_b.as_ref()]
        .into_iter()
        .flatten()
    {
        ensure!(
            !text.trim().is_empty(),
            "a sentence is empty; give one in quotes"
        );
    }
    ensure!(
        args.mode != Mode::Mean,
        "--mode mean needs a reference sample, which one input does not have; use uniform or zero"
    );
    let example = Example::unlabelled("input", args.text_a.as_str(), args.text_b.clone());
    let model = LoadedModel::open(&args.model)?;
    let encoding = model.tokenizer.encode(&example)?;
    let maps = maps_of(&model, &encoding)?;
    let reference = match &args.reference {
        Some(name) => Some(reference(&args.model, name, &model, &example, &encoding)?),
        None => None,
    };
    let effects = effects(args, &encoding)?;
    let mut notes: Vec<String> = model.notes.clone();
    if encoding.truncated {
        notes.push(format!(
            "the input was cut to {} word pieces",
            encoding.len()
        ));
    }
    let (layers, heads, length) = (
        model.encoder.layers(),
        model.encoder.heads(),
        encoding.len(),
    );
    let mut views = vec![MapsView::new(layers, heads, length, &maps)?];
    let tuned = effects.is_some();
    let mut models = vec![ViewModel {
        name: model.name.clone(),
        role: match (&reference, tuned) {
            (Some(_), true) => "fine-tuned",
            (Some(_), false) => "model",
            (None, _) => "",
        }
        .to_owned(),
        maps: &maps,
    }];
    if let Some((other, maps)) = &reference {
        views.push(MapsView::new(layers, heads, length, maps)?);
        notes.extend(other.notes.iter().map(|n| format!("reference {n}")));
        models.push(ViewModel {
            name: other.name.clone(),
            role: if tuned { "pre-trained" } else { "reference" }.to_owned(),
            maps,
        });
    }
    let spec = ViewSpec {
        title: format!("Attention of {}", model.name),
        texts: [Some(args.text_a.clone()), args.text_b.clone()]
            .into_iter()
            .flatten()
            .collect(),
        tokens: encoding.pieces.iter().map(token).collect(),
        layers,
        heads,
        statistics: statistics::all(&views, &encoding),
        models,
        words: Vec::new(),
        effects,
        notes,
    };
    let view = spec.render()?;
    if view.html.len() > SIZE_AIM {
        eprintln!(
            "note: the page has {} MB and may open slowly; a smaller --max-length makes it smaller",
            view.html.len() / 1_000_000
        );
    }
    write_atomically(&args.out, |out| out.write_all(view.html.as_bytes()))?;
    println!("{}", args.out.display());
    Ok(())
}

fn token(piece: &attn_data::tokenise::Piece) -> ViewToken {
    ViewToken {
        text: piece.text.clone(),
        segment: piece.segment,
        special: piece.role != PieceRole::Text,
    }
}

/// `[layers, heads, L, L]` of one input.
fn maps_of(model: &LoadedModel, encoding: &Encoding) -> anyhow::Result<Vec<f32>> {
    let (ids, types) = (encoding.ids(), encoding.segments());
    let batch = TokenBatch::new(&[TokenIds {
        ids: &ids,
        types: &types,
    }])?;
    let output = model
        .encoder
        .forward(&batch, &Intervention::none(), None, Want::maps())?;
    Ok(output.example_maps(0)?)
}

/// The model to compare with, and its maps of the same word pieces.
fn reference(
    args: &ModelArgs,
    name: &Path,
    model: &LoadedModel,
    example: &Example,
    encoding: &Encoding,
) -> anyhow::Result<(LoadedModel, Vec<f32>)> {
    let args = ModelArgs {
        model: name.to_owned(),
        ..args.clone()
    };
    let name = name.display();
    let other = LoadedModel::open(&args).with_context(|| format!("--reference {name}"))?;
    let shape = |m: &LoadedModel| (m.encoder.layers(), m.encoder.heads());
    ensure!(
        shape(&other) == shape(model),
        "--reference {name}: {} layers of {} heads, but {} has {} of {}; only models of one shape can stand side by side",
        other.encoder.layers(),
        other.encoder.heads(),
        model.name,
        model.encoder.layers(),
        model.encoder.heads(),
    );
    ensure!(
        other.tokenizer.encode(example)?.texts() == encoding.texts(),
        "--reference {name}: its tokenizer cuts the input into other word pieces than that of {}",
        model.name
    );
    let maps = maps_of(&other, encoding)?;
    Ok((other, maps))
}

/// What each head does to the prediction, when the checkpoint holds a trained classifier.
fn effects(args: &ViewArgs, encoding: &Encoding) -> anyhow::Result<Option<HeadEffects>> {
    let model = OpenModel::open(&args.model)?;
    let Some(classes) = labels::classes(&model, &args.labels)? else {
        return Ok(None);
    };
    let count = classes.names().len();
    let (classifier, report) = model.checkpoint.load_classifier(count, 0, &model.device)?;
    if !report.fresh.is_empty() {
        // A pooler or classifier drawn at random would predict at random.
        return Ok(None);
    }
    let (layers, heads) = (classifier.bert.layers(), classifier.bert.heads());
    let mut variants = vec![variant::baseline()];
    variants.extend(variant::single_heads(layers, heads, args.mode));
    let plan = Plan::new(layers, heads, variants)?;
    let (ids, types) = (encoding.ids(), encoding.segments());
    let examples = [TokenIds {
        ids: &ids,
        types: &types,
    }];
    let sweep = Sweep::new(
        &classifier,
        &plan,
        Reference::None,
        SweepOptions::default(),
        "view",
    )?;
    let logits = sweep.run(&examples, &mut Memory::default())?;
    Ok(Some(HeadEffects {
        mode: match args.mode {
            Mode::Uniform => "every token attends to all alike".to_owned(),
            other => format!("mode {other}"),
        },
        labels: classes.names().to_vec(),
        baseline: logits.variant(0).to_vec(),
        heads: HeadGrid::from_fn(layers, heads, |id| {
            logits.variant(1 + id.layer * heads + id.head).to_vec()
        }),
    }))
}
