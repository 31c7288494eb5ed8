//! Maps of one's own, from a file.

use super::{Input, Shown};
use anyhow::Context;
use attn_data::maps::MapsFile;
use attn_data::words::words;
use attn_figures::view::ViewToken;
use std::path::Path;

/// Reads one example: the first, or the one named by id or number from 0.
///
/// # Errors
/// Those of the file; an example that there is not.
pub fn input(path: &Path, example: Option<&str>) -> anyhow::Result<Input> {
    let mut file = MapsFile::open(path)?;
    let index = match example {
        None => 0,
        Some(wanted) => (0..file.len())
            .find(|&i| file.id(i) == Some(wanted))
            .or_else(|| wanted.parse().ok().filter(|&i: &usize| i < file.len()))
            .with_context(|| {
                format!(
                    "--example {wanted}: {} has no example of that name; its {} examples count from 0, the first is \
                     called '{}'",
                    path.display(),
                    file.len(),
                    file.id(0).unwrap_or_default()
                )
            })?,
    };
    let maps = file
        .example(index)?
        .with_context(|| format!("{}: no examples", path.display()))?;
    let mut notes = file.notes().to_vec();
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let name = file
        .model()
        .map_or_else(|| name.into_owned(), str::to_owned);
    let texts = match &maps.tokens {
        Some(tokens) => texts(tokens, &maps.special, &maps.texts),
        None => {
            notes.push("the file names no tokens: they are numbered from 1".to_owned());
            Vec::new()
        }
    };
    let tokens = (0..maps.length)
        .map(|i| ViewToken {
            text: match &maps.tokens {
                Some(tokens) => tokens[i].clone(),
                None => (i + 1).to_string(),
            },
            segment: maps.texts.get(i).copied().unwrap_or(0).into(),
            special: maps.special.contains(&i),
        })
        .collect();
    Ok(Input {
        title: format!("Attention of {name}, example {}", maps.id),
        texts,
        tokens,
        grid: maps.grid,
        heads: maps.heads,
        models: vec![Shown {
            name,
            role: "",
            maps: maps.weights,
        }],
        effects: None,
        notes,
    })
}

/// The texts as far as tokens tell: their words, with blanks between.
fn texts(tokens: &[String], special: &[usize], of: &[u8]) -> Vec<String> {
    let mut texts: Vec<String> = Vec::new();
    for word in words(tokens, special) {
        if special.contains(&word.tokens.start) {
            continue;
        }
        let text = usize::from(of.get(word.tokens.start).copied().unwrap_or(0).min(1));
        texts.resize(texts.len().max(text + 1), String::new());
        if !texts[text].is_empty() {
            texts[text].push(' ');
        }
        texts[text].push_str(&word.text);
    }
    texts
}
