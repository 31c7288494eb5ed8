//! Some heads as a figure.

use super::{Input, Kind};
use crate::select::{By, Selection};
use anyhow::{Context, ensure};
use attn_figures::{AttentionMap, AttentionMapSpec};

/// So many maps are drawn when no head is named.
const MOST: usize = 12;

/// The figure's file: a map of each selected head, and with a reference model its map beside it.
///
/// # Errors
/// Too many heads for a figure.
pub fn draw(input: &Input, selection: &Selection, kind: Kind) -> anyhow::Result<Vec<u8>> {
    ensure!(
        selection.by != By::All || selection.places.len() <= MOST,
        "which of the {} heads? A figure shows those that --head 3-4, --heads 3-4,5-1 or --layers 2 name; a page (.html) \
         holds all",
        selection.places.len()
    );
    let length = input.tokens.len();
    let picked: Vec<Vec<f32>> = input
        .models
        .iter()
        .map(|model| selection.pick(&model.maps, length))
        .collect();
    let tokens: Vec<String> = input.tokens.iter().map(|t| t.text.clone()).collect();
    let mut maps = Vec::new();
    for (place, head) in selection.heads.iter().enumerate() {
        for (model, picked) in input.models.iter().zip(&picked) {
            let size = length * length;
            let weights = picked
                .get(place * size..(place + 1) * size)
                .with_context(|| format!("head {head}: no map"))?;
            let head = format!("Head {head}");
            maps.push(AttentionMap {
                title: match model.role {
                    "" => head,
                    role => format!("{head}, {role}"),
                },
                tokens: tokens.clone(),
                weights: weights.iter().map(|&w| f64::from(w)).collect(),
                note: match model.role {
                    "" => String::new(),
                    _ => model.name.clone(),
                },
            });
        }
    }
    let spec = AttentionMapSpec {
        title: input.title.clone(),
        subtitle: input.texts.join(" | "),
        columns: (input.models.len() == 2).then_some(2),
        maps,
        footer: std::iter::once("Heads are layer-head, counted from 1".to_owned())
            .chain(input.notes.iter().cloned())
            .collect::<Vec<_>>()
            .join("; "),
        ..AttentionMapSpec::default()
    };
    Ok(match kind {
        Kind::Pdf => spec.pdf()?,
        Kind::Png => spec.render()?.png,
        _ => spec.render()?.svg.into_bytes(),
    })
}
