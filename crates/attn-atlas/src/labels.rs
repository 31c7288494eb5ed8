//! A classifier whose outputs are the labels of a data set, in the data's order.
//!
//! The one place where a model's classes and a data set's labels meet ([`fit`]): every command that
//! compares the two goes through it.

use crate::inputs::InputSet;
use crate::model::{OpenModel, notes};
use anyhow::{Context, bail, ensure};
use attn_bert::SequenceClassifier;
use attn_core::TaskKind;
use attn_data::glue::TaskRef;
use attn_data::labels::{DataClasses, LabelMap, ModelClasses};
use attn_train::Head;

/// What a model's classifier is loaded as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fit {
    /// Outputs of the loaded classifier.
    pub outputs: usize,
    /// The checkpoint's own classifier, in whichever order, or a fresh one.
    pub head: Head,
    /// How classes and labels were matched; absent for scores and for fresh classifiers.
    pub map: Option<LabelMap>,
    /// What a reader of the numbers must know.
    pub notes: Vec<String>,
}

impl Fit {
    fn of_scores() -> Self {
        Self {
            outputs: 1,
            head: Head::Own,
            map: None,
            notes: Vec::new(),
        }
    }

    /// The order of the outputs, where it is not the checkpoint's: a part of what names the numbers.
    pub fn order(&self) -> Option<&[usize]> {
        match &self.head {
            Head::Ordered(order) => Some(order),
            _ => None,
        }
    }

    /// The classes in the order of logits and predictions, for a manifest.
    pub fn classes(&self) -> Option<&[String]> {
        self.map.as_ref().map(LabelMap::classes)
    }

    /// Reads the weights. `seed` is for what the checkpoint lacks.
    ///
    /// # Errors
    /// A missing tensor, a shape that does not fit, damaged data.
    pub fn load(
        &self,
        model: &OpenModel,
        seed: u64,
    ) -> anyhow::Result<(SequenceClassifier, Vec<String>)> {
        let (checkpoint, device) = (&model.checkpoint, &model.device);
        let (classifier, report) = match &self.head {
            Head::Own => checkpoint.load_classifier(self.outputs, seed, device)?,
            Head::Ordered(order) => checkpoint.load_classifier_ordered(order, seed, device)?,
            Head::Fresh => checkpoint.load_classifier_fresh(self.outputs, seed, device)?,
        };
        let mut said = self.notes.clone();
        said.extend(notes(&report));
        Ok((classifier, said))
    }
}

/// The classes of a model's classifier, by `--labels` or its configuration; `None` without one.
///
/// # Errors
/// A configuration that contradicts itself, or names that do not fit the outputs.
pub fn classes(model: &OpenModel, given: &[String]) -> anyhow::Result<Option<ModelClasses>> {
    let Some(outputs) = model.checkpoint.classifier_labels() else {
        ensure!(
            given.is_empty(),
            "--labels: model '{}' has no classifier whose outputs could be named",
            model.name
        );
        return Ok(None);
    };
    let config = model.checkpoint.config();
    let classes = if given.is_empty() {
        ModelClasses::from_config(outputs, config.id2label.as_ref(), config.label2id.as_ref())
    } else {
        ModelClasses::given(given, outputs)
    };
    classes
        .map(Some)
        .with_context(|| format!("model '{}'", model.name))
}

/// Matches a fine-tuned model with a labelled set, whose labels become those of the fit. `fresh` is
/// whether a model without a classifier may have a random one.
///
/// # Errors
/// Unlabelled examples; a model without a classifier, or for scores where the data have classes or
/// the other way round; classes and labels that cannot be matched.
pub fn fit(
    model: &OpenModel,
    set: &mut InputSet,
    given: &[String],
    fresh: bool,
) -> anyhow::Result<Fit> {
    labelled(set)?;
    let task = set.task.clone().context("the data name no task")?;
    let name = &model.name;
    let Some(found) = model.checkpoint.classifier_labels() else {
        ensure!(
            fresh,
            "model '{name}' has no classifier: fine-tune it first (attn finetune --model {name} --task {task} --out DIR)"
        );
        classes(model, given)?;
        return Ok(Fit {
            outputs: task.kind().outputs(),
            head: Head::Own,
            map: None,
            notes: Vec::new(),
        });
    };
    match (task.kind(), found) {
        (TaskKind::Regression, 1) => {
            ensure!(
                given.is_empty(),
                "--labels names classes, but {task} has scores"
            );
            Ok(Fit::of_scores())
        }
        (TaskKind::Regression, _) => bail!(
            "model '{name}' has {found} outputs, but {task} needs 1: it was tuned for classes, not for scores"
        ),
        (TaskKind::Classification { .. }, 1) => {
            bail!("model '{name}' has 1 output, but {task} has classes: it was tuned for scores")
        }
        (TaskKind::Classification { .. }, _) => {
            let model_classes = classes(model, given)?.context("no classifier")?;
            let map =
                matched(set, &task, &model_classes).with_context(|| format!("model '{name}'"))?;
            relabel(set, &task, &map)?;
            let order = map.outputs().to_vec();
            Ok(Fit {
                outputs: order.len(),
                head: if map.is_identity() {
                    Head::Own
                } else {
                    Head::Ordered(order)
                },
                notes: map
                    .notes()
                    .iter()
                    .map(|note| format!("{} {}: {note}", set.name, set.split))
                    .collect(),
                map: Some(map),
            })
        }
    }
}

/// What training on a set begins with: the model's own classifier where it is for the set's classes,
/// put into their order; else a fresh one, which is told.
///
/// # Errors
/// A configuration that contradicts itself.
pub fn start(model: &OpenModel, set: &InputSet) -> anyhow::Result<Fit> {
    let task = set.task.as_ref().context("the data name no task")?;
    let outputs = task.kind().outputs();
    let own = |head, notes| {
        Ok(Fit {
            outputs,
            head,
            map: None,
            notes,
        })
    };
    let Some(found) = model.checkpoint.classifier_labels() else {
        return own(Head::Own, Vec::new());
    };
    let fresh = |why: String| {
        own(
            Head::Fresh,
            vec![format!(
                "model '{}': its classifier {why}: training begins with a fresh one",
                model.name
            )],
        )
    };
    if found != outputs {
        return fresh(format!("has {found} outputs, {task} needs {outputs}"));
    }
    if task.kind() == TaskKind::Regression {
        return Ok(Fit::of_scores());
    }
    let classes = classes(model, &[])?.context("no classifier")?;
    match matched(set, task, &classes) {
        Ok(map) if map.classes() != task.labels() => {
            fresh(format!("is for {}", classes.names().join(", ")))
        }
        Ok(map) if map.is_identity() => own(Head::Own, map.notes().to_vec()),
        Ok(map) => own(Head::Ordered(map.outputs().to_vec()), map.notes().to_vec()),
        Err(_) => fresh(format!(
            "is for {}, {task} has {}",
            classes.names().join(", "),
            task.labels().join(", ")
        )),
    }
}

fn matched(
    set: &InputSet,
    task: &TaskRef,
    classes: &ModelClasses,
) -> Result<LabelMap, attn_data::labels::LabelError> {
    let labels = task.labels();
    let examples: Vec<_> = set.examples.iter().map(|e| e.example.clone()).collect();
    let name = format!("{} {}", set.name, set.split);
    let data = DataClasses {
        name: name.trim(),
        labels: &labels,
        whole: task.glue().is_some(),
        examples: &examples,
    };
    LabelMap::new(data, classes)
}

/// Gives the examples the map's labels, and a task of one's own its classes.
fn relabel(set: &mut InputSet, task: &TaskRef, map: &LabelMap) -> anyhow::Result<()> {
    for prepared in &mut set.examples {
        let example = &mut prepared.example;
        if let Some(label) = example.label {
            let mapped = map.label(label);
            ensure!(
                mapped.is_some(),
                "example {}: its label {label:?} is none of the data's",
                example.id
            );
            example.label = mapped;
        }
    }
    if let TaskRef::Custom { name, pair, .. } = task {
        set.task = Some(TaskRef::Custom {
            name: name.clone(),
            kind: TaskKind::Classification {
                labels: map.classes().len(),
            },
            labels: map.classes().to_vec(),
            pair: *pair,
        });
    }
    Ok(())
}

/// Checks that every example has a label.
///
/// # Errors
/// The first example without one, and what to do.
pub fn labelled(set: &InputSet) -> anyhow::Result<()> {
    let Some(bare) = set.examples.iter().find(|e| e.example.label.is_none()) else {
        return Ok(());
    };
    let advice = match &set.task {
        Some(TaskRef::Glue(_)) if set.split == "test" => {
            "GLUE's test sets are published without labels; take --split dev"
        }
        Some(TaskRef::Glue(_)) => "give it one, or delete the row",
        _ => "name the column of the labels with --label",
    };
    bail!(
        "{} {}: example {} has no label, so that nothing can be learnt from it or scored on it: {advice}",
        set.name,
        set.split,
        bare.example.id
    )
}
