//! What pre-trained encoders have seen of the tasks they are tested on.

use serde::Deserialize;

/// Task data in an encoder's own training.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seen {
    /// Names of the tasks that it bears on.
    pub tasks: Vec<String>,
    /// What was trained on.
    pub data: String,
}

/// A pre-trained encoder, known by its weights.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Encoder {
    /// What it is called.
    pub name: String,
    /// sha256 of the files that hold its weights, in lower-case hex: the same weights are the same
    /// encoder, whatever the folder is called.
    pub weights: Vec<String>,
    /// Who says so.
    pub source: String,
    /// Task data that it was trained on; empty when none of the tasks' is known to be.
    #[serde(default)]
    pub seen: Vec<Seen>,
}

impl Encoder {
    pub(super) fn check(&mut self) -> Result<(), String> {
        if self.weights.is_empty() {
            return Err("it has no weights: name the sha256 of its file of weights".into());
        }
        for sha256 in &mut self.weights {
            sha256.make_ascii_lowercase();
            if sha256.len() != 64 || !sha256.bytes().all(|b| b.is_ascii_hexdigit()) {
                return Err(format!("weights '{sha256}' must be 64 hex digits (sha256)"));
            }
        }
        match self.seen.iter().find(|s| s.tasks.is_empty()) {
            Some(seen) => Err(format!("'{}' names no tasks", seen.data)),
            None => Ok(()),
        }
    }

    /// What a reader of a score on a task must know; `None` when the encoder is not known to have seen
    /// data of it.
    pub fn note(&self, task: &str) -> Option<String> {
        let of_task = |s: &&Seen| s.tasks.iter().any(|t| t.eq_ignore_ascii_case(task));
        let data: Vec<&str> = self
            .seen
            .iter()
            .filter(of_task)
            .map(|s| s.data.as_str())
            .collect();
        (!data.is_empty()).then(|| {
            format!(
                "{task}: the pre-trained encoder {} has seen {} in its own training ({}), so that scores from \
                 its weights are not those of a model new to the task",
                self.name,
                data.join(" and "),
                self.source
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::Catalogue;
    use std::path::Path;

    #[test]
    fn the_built_in_list_knows_the_encoders_by_their_weights() {
        let catalogue = Catalogue::embedded().unwrap();
        let weights = |name: &str| {
            let artefact = catalogue.get(name).unwrap();
            let file = artefact
                .files
                .iter()
                .find(|f| f.path == "model.safetensors");
            file.and_then(|f| f.sha256.clone()).unwrap()
        };
        let mini = catalogue.encoder(&weights("all-MiniLM-L6-v2")).unwrap();
        let note = |task: &str| mini.note(task).unwrap_or_default();
        assert!(
            note("MNLI").contains("SNLI and MultiNLI") && note("MNLI").contains("all-MiniLM-L6-v2")
        );
        assert!(note("QQP").contains("Quora") && note("QNLI").contains("SQuAD 2.0"));
        assert!(mini.note("RTE").is_none() && mini.note("SST-2").is_none());
        // A copy of multilingual-e5-small with another vocabulary, which is no artefact here.
        let e5 = "33e8a825b5a890327df520032c3685e0af723fbdcc2466c6ae52b88b85c5c6cb";
        let e5 = catalogue.encoder(e5).unwrap();
        for task in ["MNLI", "QQP", "QNLI"] {
            assert!(
                e5.note(task).unwrap().contains("multilingual-e5-small"),
                "{task}"
            );
        }
        let bert = catalogue.encoder(&weights("bert-base-uncased")).unwrap();
        assert!(bert.seen.is_empty() && bert.note("QNLI").is_none());
        // A model of the user's own has no statement.
        assert!(catalogue.encoder(&"0".repeat(64)).is_none());
    }

    #[test]
    fn a_broken_statement_is_refused() {
        let parse = |text: &str| {
            let text = format!("[[encoder]]\nname = \"e\"\nsource = \"s\"\n{text}");
            Catalogue::parse(&text, "test.toml", Path::new(""))
                .unwrap_err()
                .to_string()
        };
        assert!(parse("weights = []").contains("encoder 'e': it has no weights"));
        assert!(parse("weights = [\"abc\"]").contains("64 hex digits"));
        let sha = "0".repeat(64);
        let error = parse(&format!(
            "weights = [\"{sha}\"]\n[[encoder.seen]]\ntasks = []\ndata = \"d\""
        ));
        assert!(error.contains("'d' names no tasks"), "{error}");
        assert!(parse(&format!("weights = [\"{sha}\"]\nsean = []")).contains("sean"));
    }
}
