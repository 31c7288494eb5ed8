//! `attn maps sheets`: stored maps as pictures, for labelling by eye.

use crate::cli::SheetsArgs;
use crate::progress::Progress;
use crate::stop_if_interrupted;
use anyhow::Context;
use attn_core::io::write_atomically;
use attn_figures::{ContactSheetSpec, SheetMap};
use attn_patterns::{StoredMap, labels, sample, scale, store};
use std::collections::BTreeSet;

/// Draws the pages and an empty table for the labels.
pub fn run(args: &SheetsArgs) -> anyhow::Result<()> {
    anyhow::ensure!(args.per_sheet > 0, "--per-sheet must be at least 1");
    let mut maps = store::read(&args.maps)?;
    if let Some(path) = &args.skip {
        let labelled = labels::read(path)?;
        maps.retain(|m| !labelled.contains_key(&m.entry.id));
    }
    if let Some(path) = &args.only {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("{}: cannot read", path.display()))?;
        let wanted: BTreeSet<&str> = text.lines().map(str::trim).collect();
        maps.retain(|m| wanted.contains(m.entry.id.as_str()));
    }
    anyhow::ensure!(!maps.is_empty(), "{}: no maps to draw", args.maps.display());
    let settings = serde_json::json!({
        "experiment": "maps sheets", "maps": args.maps, "skip": args.skip, "only": args.only,
        "seed": args.seed, "per_sheet": args.per_sheet,
    });
    let _place = crate::run::RunFolder::take(&args.out, &settings, &[&args.maps])?;
    let order = sample::order(maps.len(), args.seed);
    let sheets: Vec<&[usize]> = order.chunks(args.per_sheet).collect();
    let mut table = "sheet,id,label,note\n".to_owned();
    let mut progress = Progress::new("sheets", sheets.len() as u64);
    for (index, members) in sheets.iter().enumerate() {
        stop_if_interrupted()?;
        let number = index + 1;
        let spec = ContactSheetSpec {
            title: format!("Sheet {number} of {}", sheets.len()),
            subtitle: "Rows: the token that attends. Columns: the token attended to. Darker: more attention.".to_owned(),
            maps: members.iter().filter_map(|&i| maps.get(i)).map(sheet_map).collect(),
            ..ContactSheetSpec::default()
        };
        let png = spec.png()?;
        let path = args.out.join(format!("sheet-{number:02}.png"));
        write_atomically(&path, |out| out.write_all(&png))?;
        for map in &spec.maps {
            table.push_str(&format!("{number},{},,\n", map.id));
        }
        progress.add(1);
    }
    progress.finish();
    let path = args.out.join("labels.csv");
    write_atomically(&path, |out| out.write_all(table.as_bytes()))?;
    println!("{}", args.out.display());
    Ok(())
}

fn sheet_map(map: &StoredMap) -> SheetMap {
    SheetMap {
        id: map.entry.id.clone(),
        tokens: map.entry.neutral_tokens(),
        special: map.entry.special.clone(),
        weights: map.weights.clone(),
        darkest: scale::darkest(&map.weights, map.entry.length()),
    }
}
