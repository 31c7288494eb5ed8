//! Maps of a text, from a model.

use super::{Input, Shown};
use crate::cli::{ModelArgs, ViewArgs};
use crate::labels;
use crate::model::{LoadedModel, OpenModel};
use anyhow::{Context, ensure};
use attn_ablate::{Memory, Plan, Reference, Sweep, SweepOptions, variant};
use attn_bert::{TokenBatch, TokenIds, Want};
use attn_core::{Example, HeadGrid, HeadId, Intervention, Mode};
use attn_data::tokenise::{Encoding, Piece, PieceRole};
use attn_figures::view::{HeadEffects, ViewToken};
use std::path::Path;

/// Runs the model, the reference and, for a page, the classifier with each head ablated.
pub fn input(args: &ViewArgs, page: bool) -> anyhow::Result<Input> {
    let text_a = args.text_a.as_deref().unwrap_or_default();
    let example = Example::unlabelled("input", text_a, args.text_b.clone());
    let model = LoadedModel::open(&args.model)?;
    let encoding = model.tokenizer.encode(&example)?;
    let maps = maps_of(&model, &encoding)?;
    let reference = match &args.reference {
        Some(name) => Some(reference(&args.model, name, &model, &example, &encoding)?),
        None => None,
    };
    // A figure shows no predictions, but says as a page does which model is the fine-tuned one.
    let effects = match page || reference.is_some() {
        true => effects(args, &encoding)?,
        false => None,
    };
    let mut notes: Vec<String> = model.notes.clone();
    if encoding.truncated {
        notes.push(format!("the input was cut to {} tokens", encoding.len()));
    }
    let (layers, heads) = (model.encoder.layers(), model.encoder.heads());
    let tuned = effects.is_some();
    let mut models = vec![Shown {
        name: model.name.clone(),
        role: match (&reference, tuned) {
            (Some(_), true) => "fine-tuned",
            (Some(_), false) => "model",
            (None, _) => "",
        },
        maps,
    }];
    if let Some((other, maps)) = reference {
        notes.extend(other.notes.iter().map(|n| format!("reference {n}")));
        models.push(Shown {
            name: other.name,
            role: if tuned { "pre-trained" } else { "reference" },
            maps,
        });
    }
    Ok(Input {
        title: format!("Attention of {}", model.name),
        texts: [args.text_a.clone(), args.text_b.clone()]
            .into_iter()
            .flatten()
            .collect(),
        tokens: encoding.pieces.iter().map(token).collect(),
        grid: (layers, heads),
        heads: (0..layers * heads)
            .map(|i| HeadId::new(i / heads, i % heads))
            .collect(),
        models,
        effects,
        notes,
    })
}

fn token(piece: &Piece) -> ViewToken {
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
