//! One labelled input.

use serde::{Deserialize, Serialize};

/// What an example's annotators said.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Label {
    /// Index into the task's label names.
    Class(usize),
    /// A real number (STS-B: 0 to 5).
    Score(f32),
}

impl Label {
    /// The class index, if this is one.
    pub fn class(self) -> Option<usize> {
        match self {
            Label::Class(index) => Some(index),
            Label::Score(_) => None,
        }
    }

    /// The label as a number: the class index or the score.
    pub fn value(self) -> f32 {
        match self {
            Label::Class(index) => index as f32,
            Label::Score(score) => score,
        }
    }
}

/// One or two texts with an optional label.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Example {
    /// Stable within its file: `<file name>:<line>`, lines counted from 1 with the header.
    pub id: String,
    /// The first text, exactly as in the file.
    pub text_a: String,
    /// The second text of a pair task.
    pub text_b: Option<String>,
    /// Absent for unlabelled input.
    pub label: Option<Label>,
}

impl Example {
    /// An unlabelled example.
    pub fn unlabelled(
        id: impl Into<String>,
        text_a: impl Into<String>,
        text_b: Option<String>,
    ) -> Self {
        Self {
            id: id.into(),
            text_a: text_a.into(),
            text_b,
            label: None,
        }
    }
}
