//! The labels of a data set beside the classes of a model.

use super::aliases::{number, plain, related};
use super::{LabelError, ModelClasses};
use attn_core::{Example, Label};

/// Rows that a message names of each label.
const ROWS: usize = 5;

/// The labels of a data set.
#[derive(Debug, Clone, Copy)]
pub struct DataClasses<'a> {
    /// What the data are called in messages.
    pub name: &'a str,
    /// The label names, in the order of the examples' class indices.
    pub labels: &'a [String],
    /// Whether these are all that the task has, in the task's order (GLUE), rather than those that
    /// a file happens to hold.
    pub whole: bool,
    /// The examples.
    pub examples: &'a [Example],
}

/// How classes and labels were matched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Basis {
    /// By the names in the model's configuration.
    Names,
    /// By names that the user gave.
    Given,
    /// By index, because the model names no classes.
    Index,
}

/// Which output of a model means which label of a data set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelMap {
    classes: Vec<String>,
    outputs: Vec<usize>,
    labels: Vec<Option<usize>>,
    basis: Basis,
    notes: Vec<String>,
}

impl LabelMap {
    /// Matches a data set's labels with a model's classes.
    ///
    /// # Errors
    /// [`LabelError`] when a label that is needed is no class of the model (with the rows that have
    /// it), fits several, or when nothing but numbers is there to go by and they do not fit.
    pub fn new(data: DataClasses<'_>, model: &ModelClasses) -> Result<Self, LabelError> {
        let rows = rows_of(data);
        let needed: Vec<bool> = rows.iter().map(|r| data.whole || !r.is_empty()).collect();
        let by_name = data
            .labels
            .iter()
            .map(|label| find(data, label, &model.names))
            .collect::<Result<Vec<_>, _>>()?;
        let complete = |found: &[Option<usize>]| {
            let mut pairs = found.iter().zip(&needed);
            pairs.all(|(found, needed)| found.is_some() || !needed)
        };
        let named = complete(&by_name) && by_name.iter().any(Option::is_some);
        let (found, basis) = if named {
            let basis = if model.given {
                Basis::Given
            } else {
                Basis::Names
            };
            (by_name, basis)
        } else if model.named || by_name.iter().any(Option::is_some) {
            return Err(unknown(data, model, &by_name, &needed, &rows));
        } else {
            let found = by_index(data, model.names.len());
            let found = found.ok_or_else(|| LabelError::Unnamed {
                data: data.name.to_owned(),
                labels: data.labels.join(", "),
                outputs: model.names.len(),
                example: example(data, model),
            })?;
            (found, Basis::Index)
        };
        Ok(Self::build(data, model, found, basis, &rows))
    }

    fn build(
        data: DataClasses<'_>,
        model: &ModelClasses,
        found: Vec<Option<usize>>,
        basis: Basis,
        rows: &[Vec<&str>],
    ) -> Self {
        // Each class of the evaluation: its name and the model's output.
        let mut classes: Vec<(String, usize)> = Vec::new();
        for (label, output) in data.labels.iter().zip(&found) {
            if let Some(output) = *output
                && !classes.iter().any(|(_, placed)| *placed == output)
            {
                classes.push((label.clone(), output));
            }
        }
        let own = classes.len();
        for (output, name) in model.names.iter().enumerate() {
            if !classes.iter().any(|(_, placed)| *placed == output) {
                let name = match basis {
                    Basis::Index => output.to_string(),
                    _ => name.clone(),
                };
                classes.push((name, output));
            }
        }
        if classes.len() > own && !data.whole {
            sort(&mut classes);
        }
        let place = |output: usize| classes.iter().position(|(_, placed)| *placed == output);
        let labels: Vec<Option<usize>> = found.iter().map(|o| o.and_then(place)).collect();
        let mut map = Self {
            outputs: classes.iter().map(|(_, output)| *output).collect(),
            classes: classes.into_iter().map(|(name, _)| name).collect(),
            labels,
            basis,
            notes: Vec::new(),
        };
        map.notes = map.told(data, model, rows);
        map
    }

    /// What a reader of the numbers must know of the matching.
    fn told(&self, data: DataClasses<'_>, model: &ModelClasses, rows: &[Vec<&str>]) -> Vec<String> {
        let mut notes = Vec::new();
        let pairs = || {
            let pairs = self.classes.iter().zip(&self.outputs);
            let mut pairs: Vec<_> = pairs.map(|(name, output)| (*output, name)).collect();
            pairs.sort();
            pairs
        };
        let listed: Vec<String> = pairs()
            .iter()
            .map(|(output, name)| format!("{output} = {name}"))
            .collect();
        let listed = listed.join(", ");
        let renamed = pairs().iter().any(|(output, name)| {
            model
                .names
                .get(*output)
                .is_some_and(|n| plain(n) != plain(name))
        });
        match self.basis {
            Basis::Index => notes.push(format!(
                "labels: the model does not name its classes, its outputs were taken by index: {listed} (if that is \
                 wrong, name them with --labels)"
            )),
            Basis::Given => notes.push(format!("labels: the model's outputs as --labels names them: {listed}")),
            Basis::Names if renamed || !self.is_identity() => {
                let own: Vec<String> = model
                    .names
                    .iter()
                    .enumerate()
                    .map(|(output, name)| format!("{output} {name}"))
                    .collect();
                notes.push(format!(
                    "labels: matched by name: the model's outputs ({}) are {listed}",
                    own.join(", ")
                ));
            }
            Basis::Names => {}
        }
        for (class, name) in self.classes.iter().enumerate() {
            let words: Vec<&str> = data
                .labels
                .iter()
                .zip(&self.labels)
                .filter(|(_, label)| **label == Some(class))
                .map(|(name, _)| name.as_str())
                .collect();
            if words.len() > 1 {
                notes.push(format!(
                    "labels: {} are one class, {name}",
                    words.join(", ")
                ));
            }
        }
        let absent: Vec<&str> = self
            .classes
            .iter()
            .enumerate()
            .filter(|(class, _)| {
                let mut labels = self.labels.iter().zip(rows);
                !labels.any(|(label, rows)| *label == Some(*class) && !rows.is_empty())
            })
            .map(|(_, name)| name.as_str())
            .collect();
        if !absent.is_empty() {
            notes.push(format!("labels: no row here is {}", absent.join(" or ")));
        }
        notes
    }

    /// The classes, in the order of labels, logits and predictions: the data's words for those that
    /// the data have, the model's for the others.
    pub fn classes(&self) -> &[String] {
        &self.classes
    }

    /// The model's output for each of [`LabelMap::classes`].
    pub fn outputs(&self) -> &[usize] {
        &self.outputs
    }

    /// Whether the model's outputs are in the data's order already.
    pub fn is_identity(&self) -> bool {
        self.outputs.iter().copied().eq(0..self.outputs.len())
    }

    /// How they were matched.
    pub fn basis(&self) -> Basis {
        self.basis
    }

    /// For screen and manifest; nothing where names and order are the same on both sides.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// A label of the data as a class of [`LabelMap::classes`]. Scores stay; `None` for an index
    /// that the data do not have.
    pub fn label(&self, label: Label) -> Option<Label> {
        match label {
            Label::Class(index) => self.labels.get(index).copied()?.map(Label::Class),
            score => Some(score),
        }
    }
}

/// The ids of the rows that have each label.
fn rows_of(data: DataClasses<'_>) -> Vec<Vec<&str>> {
    let mut rows = vec![Vec::new(); data.labels.len()];
    for example in data.examples {
        let class = example.label.and_then(Label::class);
        if let Some(rows) = class.and_then(|class| rows.get_mut(class)) {
            rows.push(example.id.as_str());
        }
    }
    rows
}

/// The class that a label names: the one of the same name, else the one that is known to mean it.
fn find(data: DataClasses<'_>, label: &str, names: &[String]) -> Result<Option<usize>, LabelError> {
    let wanted = plain(label);
    let of = |fits: &dyn Fn(&str) -> bool| -> Vec<usize> {
        let all = names.iter().enumerate();
        all.filter(|(_, name)| fits(&plain(name)))
            .map(|(index, _)| index)
            .collect()
    };
    let same = of(&|name| name == wanted);
    let fitting = if same.is_empty() {
        of(&|name| related(name, &wanted))
    } else {
        same
    };
    match fitting.as_slice() {
        [] => Ok(None),
        [one] => Ok(Some(*one)),
        several => {
            let names: Vec<&str> = several
                .iter()
                .filter_map(|&index| names.get(index).map(String::as_str))
                .collect();
            Err(LabelError::Ambiguous {
                data: data.name.to_owned(),
                label: label.to_owned(),
                classes: names.join(", "),
            })
        }
    }
}

/// By number where every label is one of a class (`2`, `LABEL_2`), else in order where there are as
/// many labels as outputs.
fn by_index(data: DataClasses<'_>, outputs: usize) -> Option<Vec<Option<usize>>> {
    let numbers = data
        .labels
        .iter()
        .map(|label| number(label).filter(|&number| number < outputs).map(Some));
    match numbers.collect::<Option<Vec<_>>>() {
        Some(numbers) if !numbers.is_empty() => Some(numbers),
        _ => (data.labels.len() == outputs).then(|| (0..outputs).map(Some).collect()),
    }
}

/// Numbers by their size, else names by their letters.
fn sort(classes: &mut [(String, usize)]) {
    let value = |name: &str| name.trim().parse::<i64>().ok();
    if classes.iter().all(|(name, _)| value(name).is_some()) {
        classes.sort_by_key(|(name, output)| (value(name), *output));
    } else {
        classes.sort_by_cached_key(|(name, output)| (plain(name), *output));
    }
}

fn unknown(
    data: DataClasses<'_>,
    model: &ModelClasses,
    found: &[Option<usize>],
    needed: &[bool],
    rows: &[Vec<&str>],
) -> LabelError {
    let (name, classes) = (data.name.to_owned(), model.names.join(", "));
    let example = example(data, model);
    let any = found
        .iter()
        .zip(needed)
        .any(|(f, needed)| f.is_some() && *needed);
    if !any {
        return LabelError::Unmatched {
            data: name,
            labels: data.labels.join(", "),
            classes,
            example,
        };
    }
    let unknown: Vec<String> = data
        .labels
        .iter()
        .zip(found)
        .zip(needed.iter().zip(rows))
        .filter(|((_, found), (needed, _))| found.is_none() && **needed)
        .map(|((label, _), (_, rows))| {
            let shown: Vec<&str> = rows.iter().take(ROWS).copied().collect();
            let more = if rows.len() > ROWS { ", …" } else { "" };
            let count = rows.len();
            let plural = if count == 1 { "" } else { "s" };
            match count {
                0 => format!("'{label}'"),
                _ => format!(
                    "'{label}' ({count} row{plural}: {}{more})",
                    shown.join(", ")
                ),
            }
        })
        .collect();
    LabelError::Unknown {
        data: name,
        unknown: unknown.join(" or "),
        classes,
        example,
    }
}

/// A list as `--labels` takes it: as many names as the model has outputs.
fn example(data: DataClasses<'_>, model: &ModelClasses) -> String {
    if data.labels.len() == model.names.len() {
        data.labels.join(",")
    } else {
        model.names.join(",")
    }
}
