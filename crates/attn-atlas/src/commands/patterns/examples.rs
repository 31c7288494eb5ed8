//! `attn patterns examples`: Figure 1, typical maps of each class.

use super::LabelledMaps;
use super::evaluate::read_predictions;
use crate::cli::ExamplesArgs;
use attn_core::Pattern;
use attn_figures::{AttentionMap, AttentionMapSpec};
use attn_patterns::StoredMap;

/// Draws the figure: of the maps of each class that the network, trained without them, sorts as
/// people do, those it is surest of; one of each head, and of either model where there are two.
pub fn run(args: &ExamplesArgs) -> anyhow::Result<()> {
    let data = LabelledMaps::read(&args.maps, None)?;
    let predictions = read_predictions(&args.errors)?;
    let mut maps = Vec::new();
    for class in Pattern::ALL {
        let mut sure: Vec<(f32, &StoredMap, usize)> = predictions
            .iter()
            .filter(|p| p.label == class && p.network == class)
            .filter_map(|p| {
                let map = data.maps.iter().find(|m| m.entry.id == p.id)?;
                Some((p.probabilities.get(class.index()).copied()?, map, p.group))
            })
            .filter(|(_, map, _)| (12..=40).contains(&map.entry.length()))
            .collect();
        sure.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.entry.id.cmp(&b.1.entry.id)));
        let mut chosen: Vec<(f32, &StoredMap, usize)> = Vec::new();
        for candidate in &sure {
            let model = &candidate.1.entry.model;
            let taken = chosen.iter().any(|c| c.2 == candidate.2);
            let turn = chosen.iter().filter(|c| c.1.entry.model == *model).count();
            let others = sure.iter().any(|s| s.1.entry.model != *model);
            if chosen.len() < args.each && !taken && (turn * 2 < args.each || !others) {
                chosen.push(*candidate);
            }
        }
        maps.extend(chosen.into_iter().map(|(_, map, _)| drawn(class, map)));
    }
    anyhow::ensure!(
        !maps.is_empty(),
        "no map that the network sorts as people do"
    );
    let spec = AttentionMapSpec {
        title: "Typical maps of each kind".to_owned(),
        subtitle:
            "Of our labelled maps, those that the network, trained without them, is surest of"
                .to_owned(),
        maps,
        columns: Some(args.each.max(1)),
        value_label: "attention weight".to_owned(),
        range: None,
        footer: "after Kovaleva et al. 2019, Figure 1".to_owned(),
    };
    for path in spec.render()?.write(&args.out, "figure-1")? {
        println!("{}", path.display());
    }
    Ok(())
}

fn drawn(class: Pattern, map: &StoredMap) -> AttentionMap {
    let entry = &map.entry;
    AttentionMap {
        title: class.title().to_owned(),
        tokens: entry.tokens.clone(),
        weights: map.weights.iter().map(|&w| f64::from(w)).collect(),
        note: format!(
            "{}, {}, head {}, {} {}",
            entry.model,
            entry.state.name(),
            entry.head_id(),
            entry.task,
            entry.example
        ),
    }
}
