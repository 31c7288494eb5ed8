//! `attn patterns examples`: Figure 1, typical maps of each class.

use super::LabelledMaps;
use super::evaluate::read_predictions;
use crate::cli::ExamplesArgs;
use crate::run::{RunFolder, input_file};
use attn_core::{InputFile, Pattern};
use attn_figures::{ContactSheetSpec, SheetMap};
use attn_patterns::{StoredMap, scale};

/// Draws the figure into a folder that nobody else writes into meanwhile.
pub fn run(args: &ExamplesArgs) -> anyhow::Result<()> {
    let settings = serde_json::json!({
        "experiment": "patterns examples", "maps": args.maps, "errors": args.errors, "each": args.each,
    });
    let _place = RunFolder::take(&args.out, &settings, &[&args.maps])?;
    draw(args)
}

/// The files that the figure is made from.
///
/// # Errors
/// One that cannot be read.
pub fn inputs(args: &ExamplesArgs) -> anyhow::Result<Vec<InputFile>> {
    let mut files = LabelledMaps::read(&args.maps, None)?.inputs;
    files.push(input_file("predictions", &args.errors)?);
    Ok(files)
}

/// Draws the figure: of the maps of each class that the network, trained without them, sorts as
/// they are labelled, those it is surest of; one of each head, and of either model where there are two.
pub fn draw(args: &ExamplesArgs) -> anyhow::Result<()> {
    let data = LabelledMaps::read(&args.maps, None)?;
    let predictions = read_predictions(&args.errors)?;
    let mut kinds: Vec<Vec<(Pattern, &StoredMap)>> = Vec::new();
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
        if !chosen.is_empty() {
            kinds.push(chosen.into_iter().map(|(_, map, _)| (class, map)).collect());
        }
    }
    // As many rows as the rarest kind allows, so that each kind has a column.
    let rows = kinds.iter().map(Vec::len).min().unwrap_or(0);
    anyhow::ensure!(rows > 0, "no map that the network sorts as it is labelled");
    let shown: Vec<(Pattern, &StoredMap)> = (0..rows)
        .flat_map(|row| kinds.iter().filter_map(move |kind| kind.get(row).copied()))
        .collect();
    let sources: Vec<String> = shown
        .iter()
        .map(|(class, map)| source(*class, map))
        .collect();
    let spec = ContactSheetSpec {
        title: "Typical maps of each kind".to_owned(),
        subtitle: "Labelled maps of which the network, trained without them, is surest. Rows attend to columns; darker is more, each map on its own scale"
            .to_owned(),
        maps: shown.iter().map(|(class, map)| drawn(*class, map)).collect(),
        columns: kinds.len(),
        footer: format!(
            "{}. After Kovaleva et al. 2019, Figure 1",
            sources.join("; ")
        ),
    };
    for path in spec.render()?.write(&args.out, "figure-1")? {
        println!("{}", path.display());
    }
    Ok(())
}

fn drawn(class: Pattern, map: &StoredMap) -> SheetMap {
    let entry = &map.entry;
    SheetMap {
        id: class.title().to_owned(),
        tokens: entry.tokens.clone(),
        special: entry.special.clone(),
        darkest: scale::darkest(&map.weights, entry.length()),
        weights: map.weights.clone(),
    }
}

/// Where a map is from, in words.
fn source(class: Pattern, map: &StoredMap) -> String {
    let entry = &map.entry;
    format!(
        "{}: {} {}, head {}, {} {} ({})",
        class.title(),
        entry.model,
        entry.state.name(),
        entry.head_id(),
        entry.task,
        entry.example,
        entry.id
    )
}
