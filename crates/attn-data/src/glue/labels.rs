//! Labels of one's own data: words, whole numbers or scores.

use super::error::{BadRow, excerpt};
use super::rows::score;
use attn_core::Label;
use std::collections::{BTreeMap, BTreeSet};

/// A row's label as it is written.
pub(super) type Written = Option<String>;

/// The class names in their order: by number when all are whole numbers, else by their bytes.
pub(super) fn class_names<'a>(written: impl Iterator<Item = &'a Written>) -> Vec<String> {
    let names: BTreeSet<&String> = written.flatten().collect();
    let mut names: Vec<String> = names.into_iter().cloned().collect();
    let numbers: Option<Vec<i64>> = names.iter().map(|name| name.parse().ok()).collect();
    if numbers.is_some() {
        // Stable, so that `1` and `01` keep the order of their bytes.
        names.sort_by_key(|name| name.parse::<i64>().ok());
    }
    names
}

/// Turns written labels into [`Label`]s.
pub(super) enum Reader {
    /// Scores, finite.
    Scores(String),
    /// Classes, with the column's name.
    Classes(BTreeMap<String, usize>, String),
}

impl Reader {
    pub(super) fn classes(names: &[String], column: &str) -> Self {
        let places = names
            .iter()
            .enumerate()
            .map(|(place, name)| (name.clone(), place));
        Reader::Classes(places.collect(), column.to_owned())
    }

    pub(super) fn read(&self, written: &Written) -> Result<Option<Label>, BadRow> {
        let Some(written) = written else {
            return Ok(None);
        };
        Ok(Some(match self {
            Reader::Scores(column) => Label::Score(score(written, None, column)?),
            Reader::Classes(places, column) => {
                let class = places.get(written).ok_or_else(|| {
                    let mut names: Vec<_> = places.iter().map(|(name, at)| (at, name)).collect();
                    names.sort();
                    let few = names.iter().take(5).map(|(_, name)| name.as_str());
                    let mut expected = few.collect::<Vec<_>>().join(" or ");
                    if names.len() > 5 {
                        expected += &format!(" or {} others", names.len() - 5);
                    }
                    let expected = format!("{expected} in column '{column}'");
                    BadRow::new(expected, excerpt(written.as_bytes()))
                })?;
                Label::Class(*class)
            }
        }))
    }
}
