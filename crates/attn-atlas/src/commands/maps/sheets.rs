//! `attn maps sheets`: stored maps as pictures, for labelling by eye.

use crate::cli::SheetsArgs;
use crate::progress::Progress;
use crate::stop_if_interrupted;
use attn_core::io::write_atomically;
use attn_figures::{ContactSheetSpec, SheetMap};
use attn_patterns::{StoredMap, sample, scale, store};

/// Draws the pages and an empty table for the labels.
pub fn run(args: &SheetsArgs) -> anyhow::Result<()> {
    anyhow::ensure!(args.per_sheet > 0, "--per-sheet must be at least 1");
    let maps = store::read(&args.maps)?;
    anyhow::ensure!(!maps.is_empty(), "{}: no maps", args.maps.display());
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
