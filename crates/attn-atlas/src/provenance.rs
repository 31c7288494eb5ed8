//! Where a checkpoint's weights come from: which pre-trained encoder, and what it was tuned on.

use crate::inputs::InputSet;
use attn_core::{InputFile, Manifest};
use attn_data::store::{Catalogue, Encoder};
use std::path::Path;

/// What is known of a checkpoint.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Provenance {
    /// The pre-trained encoder behind it, when the catalogue knows it.
    pub encoder: Option<Encoder>,
    /// Notes of its fine-tuning; empty for a checkpoint that `attn finetune` did not write.
    notes: Vec<String>,
}

/// The part of a note after which that of the training rows and that of the rest are the same.
const TRAINING: &str = "the training part of ";
const DEV: &str = "the dev part of ";

fn split_of(note: &str, task: &str, part: &str) -> Option<String> {
    let rest = note.strip_prefix(task)?;
    let (_, split) = rest.split_once(part)?;
    Some(split.to_owned())
}

impl Provenance {
    /// Of a checkpoint folder with these input files. Weights that `attn finetune` started at random
    /// have no encoder behind them.
    pub fn of(folder: &Path, inputs: &[InputFile], catalogue: &Catalogue) -> Self {
        let known = |inputs: &[InputFile]| {
            let models = inputs.iter().filter(|i| i.role == "model");
            models
                .filter_map(|i| catalogue.encoder(&i.sha256))
                .next()
                .cloned()
        };
        if let Some(encoder) = known(inputs) {
            return Self {
                encoder: Some(encoder),
                notes: Vec::new(),
            };
        }
        let manifest = std::fs::read(folder.join("training/manifest.json")).ok();
        let manifest = manifest.and_then(|text| serde_json::from_slice::<Manifest>(&text).ok());
        let Some(manifest) = manifest else {
            return Self::default();
        };
        let pretrained = manifest.config.get("init").and_then(|i| i.as_str()) == Some("pretrained");
        Self {
            encoder: known(&manifest.inputs).filter(|_| pretrained),
            notes: manifest.notes,
        }
    }

    /// What a reader of a score on this task must know of the encoder.
    pub fn note(&self, task: &str) -> Option<String> {
        self.encoder.as_ref()?.note(task)
    }

    /// Refuses to score a checkpoint on the rest of another split than the one it was tuned on: that
    /// rest holds rows (or premises and questions) that it was trained on.
    ///
    /// # Errors
    /// Names both splits.
    pub fn check_split(&self, model: &str, set: &InputSet) -> anyhow::Result<()> {
        let learnt = self
            .notes
            .iter()
            .find_map(|n| split_of(n, &set.name, TRAINING));
        let scored = set.notes.iter().find_map(|n| split_of(n, &set.name, DEV));
        let (Some(learnt), Some(scored)) = (learnt, scored) else {
            return Ok(());
        };
        anyhow::ensure!(
            learnt == scored,
            "model '{model}' was tuned on a part of another split ({learnt}) than the one it would be scored on the \
             rest of ({scored}), which holds rows that it has learnt: give --split-seed, --train-fraction and, for a \
             split that was not grouped, --ungrouped as in its fine-tuning, or fine-tune it anew"
        );
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINI: &str = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db";

    fn model(sha256: &str) -> InputFile {
        InputFile {
            role: "model".to_owned(),
            file: "model.safetensors".to_owned(),
            bytes: 1,
            sha256: sha256.to_owned(),
        }
    }

    fn tuned(init: &str, notes: &[&str]) -> (tempfile::TempDir, Provenance) {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("training")).unwrap();
        let manifest = serde_json::json!({
            "run": "r", "command": [], "config": {"init": init}, "inputs": [model(MINI)], "seeds": {},
            "versions": {}, "device": "flex 0", "threads": 1, "seconds": {}, "git": null, "notes": notes,
            "outputs": [],
        });
        let path = folder.path().join("training/manifest.json");
        std::fs::write(path, manifest.to_string()).unwrap();
        let catalogue = Catalogue::embedded().unwrap();
        let own = model(&"1".repeat(64));
        let found = Provenance::of(folder.path(), &[own], &catalogue);
        (folder, found)
    }

    #[test]
    fn the_encoder_is_found_behind_a_fine_tuned_checkpoint() {
        let catalogue = Catalogue::embedded().unwrap();
        let own = Provenance::of(Path::new("none"), &[model(MINI)], &catalogue);
        assert!(own.note("MNLI").unwrap().contains("MultiNLI"));
        assert!(own.note("RTE").is_none());
        let (_folder, found) = tuned("pretrained", &[]);
        assert!(found.note("QQP").unwrap().contains("Quora"));
        let (_folder, found) = tuned("normal", &[]);
        assert_eq!(found.note("QQP"), None);
        let stranger = Provenance::of(Path::new("none"), &[model(&"2".repeat(64))], &catalogue);
        assert_eq!(stranger, Provenance::default());
    }

    #[test]
    fn a_model_is_not_scored_on_the_rest_of_another_split() {
        let (_folder, found) = tuned(
            "pretrained",
            &[
                "QNLI train: the training part of a fixed, stratified split of the dev rows (5463: 4370 to train, 1093 to dev; seed 42)",
            ],
        );
        let set = |name: &str, note: &str| InputSet {
            name: name.to_owned(),
            split: "dev".to_owned(),
            task: None,
            examples: Vec::new(),
            inputs: Vec::new(),
            notes: vec![note.to_owned()],
            all_rows: false,
        };
        let same = "QNLI dev: the dev part of a fixed, stratified split of the dev rows (5463: 4370 to train, 1093 to dev; seed 42)";
        assert!(found.check_split("m", &set("QNLI", same)).is_ok());
        let grouped = format!("{same}, grouped: 2684 groups");
        let error = found.check_split("m", &set("QNLI", &grouped)).unwrap_err();
        assert!(error.to_string().contains("--ungrouped"), "{error}");
        // Another task, or a file of its own: nothing was split.
        assert!(
            found
                .check_split("m", &set("MNLI", &grouped.replace("QNLI", "MNLI")))
                .is_ok()
        );
        assert!(
            found
                .check_split("m", &set("QNLI", "QNLI dev: 5463 rows"))
                .is_ok()
        );
    }
}
