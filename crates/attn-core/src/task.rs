//! The GLUE tasks (Wang et al., 2018) and how each is labelled and scored.

use serde::{Deserialize, Serialize};

/// A GLUE task. The paper uses the first seven; [`Task::CoLa`] and [`Task::Wnli`] it leaves out
/// (Section 3), and we load them for completeness.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Task {
    /// Microsoft Research Paraphrase Corpus: are two sentences paraphrases?
    #[serde(rename = "MRPC")]
    Mrpc,
    /// Semantic Textual Similarity Benchmark: how alike are two sentences, 0 to 5?
    #[serde(rename = "STS-B")]
    StsB,
    /// Stanford Sentiment Treebank, two classes.
    #[serde(rename = "SST-2")]
    Sst2,
    /// Quora Question Pairs: do two questions ask the same?
    #[serde(rename = "QQP")]
    Qqp,
    /// Recognizing Textual Entailment.
    #[serde(rename = "RTE")]
    Rte,
    /// Question NLI: does the sentence answer the question?
    #[serde(rename = "QNLI")]
    Qnli,
    /// Multi-Genre NLI, matched section.
    #[serde(rename = "MNLI")]
    Mnli,
    /// Corpus of Linguistic Acceptability (not in the paper).
    #[serde(rename = "CoLA")]
    CoLa,
    /// Winograd NLI (not in the paper).
    #[serde(rename = "WNLI")]
    Wnli,
}

/// What a task predicts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskKind {
    /// One of `labels` classes.
    Classification {
        /// How many classes there are.
        labels: usize,
    },
    /// A real number (STS-B: 0 to 5).
    Regression,
}

impl TaskKind {
    /// How many logits a model for such a task has.
    pub fn outputs(self) -> usize {
        match self {
            TaskKind::Classification { labels } => labels,
            TaskKind::Regression => 1,
        }
    }
}

/// A score on a data set. All are "higher is better".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// Share of right predictions.
    Accuracy,
    /// F1 of the positive class (label 1).
    F1,
    /// Matthews correlation coefficient.
    Matthews,
    /// Pearson correlation.
    Pearson,
    /// Spearman rank correlation.
    Spearman,
    /// Mean of Pearson and Spearman: what Table 1 calls "Acc" for STS-B.
    PearsonSpearman,
}

impl Metric {
    /// The name in records.
    pub fn name(self) -> &'static str {
        match self {
            Metric::Accuracy => "accuracy",
            Metric::F1 => "f1",
            Metric::Matthews => "matthews",
            Metric::Pearson => "pearson",
            Metric::Spearman => "spearman",
            Metric::PearsonSpearman => "pearson_spearman",
        }
    }
}

impl std::fmt::Display for Metric {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

impl Task {
    /// Every task that the loaders know, the paper's seven first, in Table 1's order.
    pub const ALL: [Task; 9] = [
        Task::Mrpc,
        Task::StsB,
        Task::Sst2,
        Task::Qqp,
        Task::Rte,
        Task::Qnli,
        Task::Mnli,
        Task::CoLa,
        Task::Wnli,
    ];

    /// The seven tasks of the paper, in Table 1's order.
    pub const PAPER: [Task; 7] = [
        Task::Mrpc,
        Task::StsB,
        Task::Sst2,
        Task::Qqp,
        Task::Rte,
        Task::Qnli,
        Task::Mnli,
    ];

    /// GLUE's name, which is also the folder's.
    pub fn name(self) -> &'static str {
        match self {
            Task::Mrpc => "MRPC",
            Task::StsB => "STS-B",
            Task::Sst2 => "SST-2",
            Task::Qqp => "QQP",
            Task::Rte => "RTE",
            Task::Qnli => "QNLI",
            Task::Mnli => "MNLI",
            Task::CoLa => "CoLA",
            Task::Wnli => "WNLI",
        }
    }

    /// What the task predicts.
    pub fn kind(self) -> TaskKind {
        match self {
            Task::StsB => TaskKind::Regression,
            _ => TaskKind::Classification {
                labels: self.label_names().len(),
            },
        }
    }

    /// Class names in the order of their indices; empty for STS-B. The order is that of
    /// `nyu-mll/glue`, so that a published checkpoint's logits mean what ours mean.
    pub fn label_names(self) -> &'static [&'static str] {
        match self {
            Task::Mrpc => &["not_equivalent", "equivalent"],
            Task::StsB => &[],
            Task::Sst2 => &["negative", "positive"],
            Task::Qqp => &["not_duplicate", "duplicate"],
            Task::Rte | Task::Qnli => &["entailment", "not_entailment"],
            Task::Mnli => &["entailment", "neutral", "contradiction"],
            Task::CoLa => &["unacceptable", "acceptable"],
            Task::Wnli => &["not_entailment", "entailment"],
        }
    }

    /// Whether an example has two texts.
    pub fn is_pair(self) -> bool {
        !matches!(self, Task::Sst2 | Task::CoLa)
    }

    /// The scores GLUE reports for the task; the first is the main one.
    pub fn metrics(self) -> &'static [Metric] {
        match self {
            Task::Mrpc | Task::Qqp => &[Metric::F1, Metric::Accuracy],
            Task::StsB => &[Metric::PearsonSpearman, Metric::Pearson, Metric::Spearman],
            Task::CoLa => &[Metric::Matthews, Metric::Accuracy],
            _ => &[Metric::Accuracy],
        }
    }
}

impl std::fmt::Display for Task {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

/// A task name that is not GLUE's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown task '{0}': expected one of MRPC, STS-B, SST-2, QQP, RTE, QNLI, MNLI, CoLA, WNLI")]
pub struct ParseTaskError(String);

impl std::str::FromStr for Task {
    type Err = ParseTaskError;

    /// Accepts GLUE's names in any case, with or without the hyphen.
    fn from_str(text: &str) -> Result<Self, ParseTaskError> {
        let plain = |s: &str| s.replace(['-', '_'], "").to_ascii_lowercase();
        Task::ALL
            .into_iter()
            .find(|t| plain(t.name()) == plain(text))
            .ok_or_else(|| ParseTaskError(text.to_owned()))
    }
}

/// A part of a data set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Split {
    /// For fine-tuning.
    Train,
    /// For evaluation; MNLI's is the matched section.
    Dev,
    /// GLUE's test set, published without labels: for what needs none. MNLI's is the matched section.
    Test,
}

impl Split {
    /// `train`, `dev` or `test`.
    pub fn name(self) -> &'static str {
        match self {
            Split::Train => "train",
            Split::Dev => "dev",
            Split::Test => "test",
        }
    }
}

impl std::fmt::Display for Split {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

impl std::str::FromStr for Split {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "train" => Ok(Split::Train),
            "dev" | "validation" | "dev_matched" => Ok(Split::Dev),
            "test" | "test_matched" => Ok(Split::Test),
            other => Err(format!(
                "unknown split '{other}': expected 'train', 'dev' or 'test'"
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_parse_back_in_any_spelling() {
        for task in Task::ALL {
            assert_eq!(task.name().parse(), Ok(task));
            assert_eq!(
                task.name().to_lowercase().replace('-', "").parse(),
                Ok(task)
            );
        }
        let error = "SNLI".parse::<Task>().unwrap_err().to_string();
        assert!(
            error.contains("'SNLI'") && error.contains("MNLI"),
            "{error}"
        );
    }

    #[test]
    fn outputs_follow_the_labels() {
        assert_eq!(Task::Mnli.kind().outputs(), 3);
        assert_eq!(Task::StsB.kind().outputs(), 1);
        assert_eq!(Task::Rte.kind().outputs(), 2);
    }
}
