//! Labels that cannot be matched.

/// A model's classes and a data set's labels do not go together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LabelError {
    /// `id2label` and `label2id` name the classes differently.
    #[error(
        "config.json contradicts itself: id2label says {id2label}, label2id says {label2id}; mend the file, or \
         name the classes in the order of the outputs with --labels"
    )]
    Contradiction {
        /// What the one says.
        id2label: String,
        /// What the other says.
        label2id: String,
    },
    /// One of the two is no list of classes.
    #[error("config.json: {field} {problem}: expected one name for each index from 0 to {last}")]
    Field {
        /// `id2label` or `label2id`.
        field: &'static str,
        /// What is wrong with it.
        problem: String,
        /// The last index.
        last: usize,
    },
    /// Another number of names than the classifier has outputs.
    #[error("{field} names {names} classes, but the classifier has {outputs} outputs")]
    Count {
        /// Where the names come from.
        field: &'static str,
        /// How many.
        names: usize,
        /// The classifier's outputs.
        outputs: usize,
    },
    /// The user's names repeat one.
    #[error(
        "--labels names '{name}' twice; each of the classifier's outputs needs a name of its own"
    )]
    Repeated {
        /// The name.
        name: String,
    },
    /// No label of the data is a class of the model.
    #[error(
        "{data}: none of its labels ({labels}) is one of the model's classes ({classes}); if they mean the same, \
         name the model's classes in the data's words, in the order of its outputs: --labels {example}"
    )]
    Unmatched {
        /// The data.
        data: String,
        /// Their labels.
        labels: String,
        /// The model's classes.
        classes: String,
        /// What an answer looks like.
        example: String,
    },
    /// Some labels are no class of the model.
    #[error(
        "{data}: the model has no class {unknown}; its classes are {classes}: evaluate without those rows, or name \
         the model's classes in the data's words, in the order of its outputs: --labels {example}"
    )]
    Unknown {
        /// The data.
        data: String,
        /// The labels with their rows.
        unknown: String,
        /// The model's classes.
        classes: String,
        /// What an answer looks like.
        example: String,
    },
    /// The model has other outputs than the data have classes, and names none.
    #[error(
        "{data}: the model has {outputs} outputs without names, and the data's labels are {labels}: which is which \
         cannot be told; name all outputs, in their order: --labels {example}"
    )]
    Unnamed {
        /// The data.
        data: String,
        /// Their labels.
        labels: String,
        /// The model's outputs.
        outputs: usize,
        /// What an answer looks like.
        example: String,
    },
    /// A label fits several classes.
    #[error(
        "{data}: the label '{label}' fits several of the model's classes ({classes}); name them, in the order of its \
         outputs, with --labels"
    )]
    Ambiguous {
        /// The data.
        data: String,
        /// The label.
        label: String,
        /// The classes that it fits.
        classes: String,
    },
}
