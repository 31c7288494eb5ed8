//! Attention maps from a file: what `attn extract` writes, or arrays of one's own.
//!
//! Formats, told by their first bytes: safetensors, NumPy's `.npz` and `.npy`; weights as f16, bf16,
//! f32 or f64. Arrays are `[layers, heads, L, L]`, `[heads, L, L]` or `[L, L]`, row = query; each array
//! is one example. Where some are called `maps.<i>` only these are read, in the order of `i`;
//! otherwise all are.
//!
//! Texts beside the arrays (safetensors: metadata; npz: arrays of no dimension that hold a string),
//! all optional, are JSON lists with an entry for each example, or for a single example that entry alone:
//!
//! | name | entry | without it |
//! | --- | --- | --- |
//! | `tokens` | the tokens | special tokens and texts cannot be told |
//! | `special` | positions of special tokens | tokens called `[CLS]`, `[SEP]`, `<s>` or `</s>` |
//! | `texts`, else `segments` | 0 or 1 for each token | a special token that is not the first ends a text |
//! | `ids` | a name | the array's |
//! | `layers` | for all examples: the layers' numbers, from 0 | 0, 1, … |
//! | `merged` | a remark: what the tokens were merged by | |
//! | `heads` | for all examples: `[layer, head]` of each map of `[heads, L, L]`, from 0 | heads of layer 0 |
//!
//! The file stays on disk: memory holds its texts and one example. Every weight is checked:
//! finite, not below 0, each row's sum 1 within [`ROW_TOLERANCE`].

mod error;
mod npy;
mod source;
mod texts;

pub use error::MapsError;
pub use texts::{special_of, texts_of};

use attn_core::HeadId;
use source::{Array, Source};
use std::path::{Path, PathBuf};
use texts::Texts;

/// How far from 1 the sum of a row may be. Half precision is off by up to 0.001, bfloat16 by up to 0.004;
/// attention with dropout, logits or rows of padding are off by far more.
pub const ROW_TOLERANCE: f32 = 0.01;

/// The maps of one example.
#[derive(Debug, Clone, PartialEq)]
pub struct ExampleMaps {
    /// What the example is called.
    pub id: String,
    /// The head of each map.
    pub heads: Vec<HeadId>,
    /// Layers and heads per layer where the maps are a whole grid, layer by layer; a list of single heads is one
    /// layer.
    pub grid: (usize, usize),
    /// Number of tokens, `L`.
    pub length: usize,
    /// The maps one after another, each `[L, L]`, row = query.
    pub weights: Vec<f32>,
    /// The tokens, where the file names them.
    pub tokens: Option<Vec<String>>,
    /// Which text each token belongs to, 0 or 1; empty where it cannot be told.
    pub texts: Vec<u8>,
    /// Positions of special tokens; empty where they cannot be told.
    pub special: Vec<usize>,
}

/// A file of maps, read example by example.
pub struct MapsFile {
    path: PathBuf,
    source: Source,
    arrays: Vec<Array>,
    texts: Texts,
    notes: Vec<String>,
}

impl std::fmt::Debug for MapsFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MapsFile")
            .field("path", &self.path)
            .field("examples", &self.arrays.len())
            .finish_non_exhaustive()
    }
}

impl MapsFile {
    /// Opens a file and reads everything but the weights.
    ///
    /// # Errors
    /// A file that is in no format known, damaged or without maps; an array or a list of texts that does not
    /// fit.
    pub fn open(path: &Path) -> Result<Self, MapsError> {
        let (source, arrays, given) = source::open(path)?;
        let mut notes = Vec::new();
        let arrays = choose(path, arrays, &mut notes)?;
        for array in &arrays {
            check_shape(path, array)?;
        }
        let texts = Texts::new(path, given, &arrays, &mut notes)?;
        Ok(Self {
            path: path.to_owned(),
            source,
            arrays,
            texts,
            notes,
        })
    }

    /// Number of examples.
    pub fn len(&self) -> usize {
        self.arrays.len()
    }

    /// Whether there is none; [`MapsFile::open`] refuses such a file.
    pub fn is_empty(&self) -> bool {
        self.arrays.is_empty()
    }

    /// What an example is called; `None` behind the last.
    pub fn id(&self, index: usize) -> Option<&str> {
        let array = self.arrays.get(index)?;
        Some(self.texts.id(index).unwrap_or(&array.name))
    }

    /// The model's name, where the file has it.
    pub fn model(&self) -> Option<&str> {
        self.texts.model.as_deref()
    }

    /// What a reader must know: how shapes were taken, what cannot be told.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Reads and checks one example's maps; `None` behind the last.
    ///
    /// # Errors
    /// When the disk fails, or a weight is not one.
    pub fn example(&mut self, index: usize) -> Result<Option<ExampleMaps>, MapsError> {
        let Some(array) = self.arrays.get(index) else {
            return Ok(None);
        };
        let (layers, heads, length) = grid_of(&array.shape);
        let weights = self.source.read(&self.path, array)?;
        let ids = self.texts.heads(layers, heads);
        check_weights(&self.path, array, &ids, length, &weights)?;
        Ok(Some(ExampleMaps {
            id: self.texts.id(index).unwrap_or(&array.name).to_owned(),
            heads: ids,
            grid: (layers, heads),
            length,
            weights,
            tokens: self.texts.tokens(index).map(<[String]>::to_vec),
            texts: self.texts.texts(index),
            special: self.texts.special(index),
        }))
    }
}

/// `maps.<i>` in the order of their numbers, or else every array of numbers.
fn choose(
    path: &Path,
    arrays: Vec<Array>,
    notes: &mut Vec<String>,
) -> Result<Vec<Array>, MapsError> {
    let number = |array: &Array| array.name.strip_prefix("maps.")?.parse::<usize>().ok();
    let mut chosen: Vec<(usize, Array)> = arrays
        .iter()
        .filter_map(|a| Some((number(a)?, a.clone())))
        .collect();
    if !chosen.is_empty() {
        chosen.sort_by_key(|(number, _)| *number);
        if let Some(missing) = (0..chosen.len()).find(|i| chosen[*i].0 != *i) {
            return Err(MapsError::format(
                path,
                format!("has no array 'maps.{missing}', but later ones"),
            ));
        }
        return Ok(chosen.into_iter().map(|(_, array)| array).collect());
    }
    if arrays.is_empty() {
        return Err(MapsError::format(path, "holds no arrays of numbers"));
    }
    let names = |rank: usize| -> Vec<&str> {
        let of_rank = arrays.iter().filter(|a| a.shape.len() == rank);
        of_rank.map(|a| a.name.as_str()).collect()
    };
    for (rank, taken) in [
        (4, "[layers, heads, L, L]"),
        (3, "[heads, L, L]"),
        (2, "[L, L]"),
    ] {
        let names = names(rank);
        let more = if names.len() > 3 { ", …" } else { "" };
        if !names.is_empty() {
            let first = names.into_iter().take(3).collect::<Vec<_>>().join(", ");
            notes.push(format!(
                "arrays taken as {taken}, each an example of its own: {first}{more}"
            ));
        }
    }
    Ok(arrays)
}

/// Layers, heads and length of a shape that was checked.
fn grid_of(shape: &[usize]) -> (usize, usize, usize) {
    match *shape {
        [layers, heads, length, _] => (layers, heads, length),
        [heads, length, _] => (1, heads, length),
        [length, _] => (1, 1, length),
        _ => (0, 0, 0),
    }
}

fn check_shape(path: &Path, array: &Array) -> Result<(), MapsError> {
    let square = match *array.shape.as_slice() {
        [.., rows, columns] => rows == columns && (2..=4).contains(&array.shape.len()),
        _ => false,
    };
    if square && !array.shape.contains(&0) {
        return Ok(());
    }
    Err(MapsError::Array {
        path: path.to_owned(),
        array: array.name.clone(),
        expected: "[layers, heads, L, L], [heads, L, L] or [L, L], none of them 0".to_owned(),
        found: format!("{:?}", array.shape),
    })
}

fn check_weights(
    path: &Path,
    array: &Array,
    heads: &[HeadId],
    length: usize,
    weights: &[f32],
) -> Result<(), MapsError> {
    for (map, head) in weights.chunks_exact(length * length).zip(heads) {
        for (query, row) in map.chunks_exact(length).enumerate() {
            let wrong = row.iter().position(|w| !w.is_finite() || *w < -1e-6);
            if let Some(key) = wrong {
                return Err(MapsError::Weight {
                    path: path.to_owned(),
                    array: array.name.clone(),
                    head: *head,
                    query,
                    key,
                    value: row[key].to_string(),
                });
            }
            let sum: f32 = row.iter().sum();
            if (sum - 1.0).abs() > ROW_TOLERANCE {
                return Err(MapsError::Row {
                    path: path.to_owned(),
                    array: array.name.clone(),
                    head: *head,
                    query,
                    sum,
                });
            }
        }
    }
    Ok(())
}
