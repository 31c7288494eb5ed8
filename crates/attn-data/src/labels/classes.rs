//! What a classifier's outputs are called.

use super::LabelError;
use super::aliases::{number, plain};
use serde_json::Value;
use std::collections::BTreeMap;

/// A classifier's classes, in the order of its outputs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelClasses {
    pub(super) names: Vec<String>,
    pub(super) named: bool,
    pub(super) given: bool,
}

impl ModelClasses {
    /// Reads the names out of a configuration. `LABEL_0`, `LABEL_1`, … in either field are
    /// transformers' way to say that there is none; the other field counts then.
    ///
    /// # Errors
    /// [`LabelError`] when a field does not name each output once, or the two contradict each other.
    pub fn from_config(
        outputs: usize,
        id2label: Option<&BTreeMap<String, String>>,
        label2id: Option<&BTreeMap<String, Value>>,
    ) -> Result<Self, LabelError> {
        let by_id = entries(
            "id2label",
            id2label.into_iter().flatten().map(|(id, name)| {
                let index = id.trim().parse().ok();
                (index, id.clone(), name.clone())
            }),
            outputs,
        )?;
        let by_name = entries(
            "label2id",
            label2id.into_iter().flatten().map(|(name, id)| {
                let index = match id {
                    Value::String(text) => text.trim().parse().ok(),
                    other => other.as_u64().and_then(|id| usize::try_from(id).ok()),
                };
                (index, id.to_string(), name.clone())
            }),
            outputs,
        )?;
        if let (Some(a), Some(b)) = (&by_id, &by_name)
            && a.iter().map(|n| plain(n)).ne(b.iter().map(|n| plain(n)))
        {
            return Err(LabelError::Contradiction {
                id2label: numbered(a),
                label2id: numbered(b),
            });
        }
        Ok(match by_id.or(by_name) {
            Some(names) => Self {
                // A class that is called by its own index has no name either.
                named: !is_numbered(&names),
                names,
                given: false,
            },
            None => Self {
                names: (0..outputs).map(|i| format!("LABEL_{i}")).collect(),
                named: false,
                given: false,
            },
        })
    }

    /// Names that the user gives, in the order of the outputs.
    ///
    /// # Errors
    /// Another number of names than there are outputs, or a name that comes twice.
    pub fn given(names: &[String], outputs: usize) -> Result<Self, LabelError> {
        if names.len() != outputs {
            return Err(LabelError::Count {
                field: "--labels",
                names: names.len(),
                outputs,
            });
        }
        let plain: Vec<String> = names.iter().map(|name| plain(name)).collect();
        if let Some((name, _)) = names
            .iter()
            .zip(&plain)
            .enumerate()
            .find(|(at, (_, own))| plain.iter().take(*at).any(|other| other == *own))
            .map(|(_, found)| found)
        {
            return Err(LabelError::Repeated { name: name.clone() });
        }
        Ok(Self {
            names: names.iter().map(|name| name.trim().to_owned()).collect(),
            named: true,
            given: true,
        })
    }

    /// The names; `LABEL_0`, … where there are none.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Whether the classes have names, rather than numbers alone.
    pub fn is_named(&self) -> bool {
        self.named
    }
}

fn is_numbered(names: &[String]) -> bool {
    names
        .iter()
        .enumerate()
        .all(|(index, name)| number(name) == Some(index))
}

/// `0 neutral, 1 entailment`.
fn numbered(names: &[String]) -> String {
    let parts: Vec<String> = names
        .iter()
        .enumerate()
        .map(|(index, name)| format!("{index} {name}"))
        .collect();
    parts.join(", ")
}

/// The names that a field gives to the indices; `None` where it gives none but placeholders.
fn entries(
    field: &'static str,
    entries: impl Iterator<Item = (Option<usize>, String, String)>,
    outputs: usize,
) -> Result<Option<Vec<String>>, LabelError> {
    let entries: Vec<_> = entries.collect();
    let placeholder = |name: &str| {
        let plain = plain(name);
        plain.starts_with("label") && number(&plain).is_some()
    };
    if entries.iter().all(|(_, _, name)| placeholder(name)) {
        return Ok(None);
    }
    let last = outputs.saturating_sub(1);
    let problem = |problem| LabelError::Field {
        field,
        problem,
        last,
    };
    if entries.len() != outputs {
        return Err(LabelError::Count {
            field,
            names: entries.len(),
            outputs,
        });
    }
    let mut names = vec![None; outputs];
    for (index, written, name) in entries {
        match index.and_then(|index| names.get_mut(index)) {
            Some(place @ None) => *place = Some(name),
            Some(Some(other)) => {
                return Err(problem(format!(
                    "gives the index {written} to '{other}' and to '{name}'"
                )));
            }
            None => return Err(problem(format!("has the index {written} ('{name}')"))),
        }
    }
    // As many entries as indices, each index once: none is left over.
    Ok(names.into_iter().collect())
}
