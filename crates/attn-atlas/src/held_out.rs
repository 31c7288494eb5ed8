//! Which rows a model was fine-tuned on, so that no command takes them for unseen ones, and none
//! leaves rows out that nothing was trained on.

use anyhow::Context;
use attn_core::{InputFile, Manifest};
use std::path::Path;

/// What a fine-tuning read, by the manifest beside the tuned weights.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TrainedOn {
    /// sha256 of the files that training rows came from.
    files: Vec<String>,
    /// Whether those rows were a part of the files, and the rest held out.
    split: bool,
}

/// What is known of the rows of data when only some of them may be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HeldOut {
    /// By the models: nothing is trained here, so that rows are held out only where one of the models
    /// was trained on the others.
    Models(Vec<TrainedOn>),
    /// As for a training: this command trains, or belongs to a run that does.
    Training,
}

impl Default for HeldOut {
    fn default() -> Self {
        Self::Models(Vec::new())
    }
}

/// What models have seen of some files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// Nothing that is known.
    Nothing,
    /// A part: the rest was held out.
    Part,
    /// All rows.
    All,
}

impl TrainedOn {
    /// Reads `training/manifest.json` of a checkpoint folder; nothing where there is none.
    ///
    /// # Errors
    /// A manifest that cannot be understood.
    pub fn of(folder: &Path) -> anyhow::Result<Self> {
        let path = folder.join("training/manifest.json");
        let Ok(text) = std::fs::read(&path) else {
            return Ok(Self::default());
        };
        let manifest: Manifest = serde_json::from_slice(&text).with_context(|| {
            format!(
                "{}: not the manifest of a training; delete the folder training to use the weights alone",
                path.display()
            )
        })?;
        Ok(Self::from_manifest(&manifest))
    }

    fn from_manifest(manifest: &Manifest) -> Self {
        let of_role = |ending: &str| -> Vec<String> {
            let inputs = manifest.inputs.iter();
            inputs
                .filter(|input| input.role.ends_with(ending))
                .map(|input| input.sha256.clone())
                .collect()
        };
        let train = of_role(" train");
        // Without a training file the rows came from the dev file.
        let files = if train.is_empty() {
            of_role(" dev")
        } else {
            train
        };
        // Trainings of before this was written down say it in a note.
        let split = match manifest.config.get("held_out") {
            Some(flag) => flag.as_bool().unwrap_or(false),
            None => manifest.notes.iter().any(|n| n.contains("split of the")),
        };
        Self { files, split }
    }
}

impl HeldOut {
    /// What the models have seen of the files that were read.
    pub fn seen(&self, inputs: &[InputFile]) -> Seen {
        let Self::Models(models) = self else {
            return Seen::Part;
        };
        let of = |model: &&TrainedOn| inputs.iter().any(|i| model.files.contains(&i.sha256));
        let mut seen = models.iter().filter(of).map(|model| model.split);
        match seen.next() {
            None => Seen::Nothing,
            Some(split) if split && seen.all(|split| split) => Seen::Part,
            Some(_) => Seen::All,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input(role: &str, sha256: &str) -> InputFile {
        InputFile {
            role: role.to_owned(),
            file: "f".to_owned(),
            bytes: 1,
            sha256: sha256.to_owned(),
        }
    }

    fn trained(roles: &[(&str, &str)], config: serde_json::Value, note: &str) -> TrainedOn {
        let inputs: Vec<_> = roles.iter().map(|(role, sha)| input(role, sha)).collect();
        let manifest = serde_json::json!({
            "run": "r", "command": [], "config": config, "inputs": inputs, "seeds": {}, "versions": {},
            "device": "d", "threads": 1, "seconds": {}, "git": null, "notes": [note], "outputs": [],
        });
        TrainedOn::from_manifest(&serde_json::from_value(manifest).unwrap())
    }

    #[test]
    fn rows_are_held_out_where_a_model_was_trained_on_the_others() {
        let plain = serde_json::json!({});
        let data = [input("RTE dev", "a")];
        let seen = |models: Vec<TrainedOn>| HeldOut::Models(models).seen(&data);
        assert_eq!(seen(Vec::new()), Seen::Nothing);
        assert_eq!(seen(vec![TrainedOn::default()]), Seen::Nothing);
        let note = "RTE dev: the dev part of a fixed, stratified split of the dev rows (9)";
        let part = trained(&[("RTE dev", "a"), ("model", "b")], plain.clone(), note);
        assert_eq!(seen(vec![part.clone()]), Seen::Part);
        let flagged = trained(
            &[("RTE dev", "a")],
            serde_json::json!({"held_out": true}),
            "",
        );
        assert_eq!(seen(vec![TrainedOn::default(), flagged]), Seen::Part);
        // With a training file the dev file was not learnt from.
        let apart = trained(&[("RTE train", "b"), ("RTE dev", "a")], plain.clone(), note);
        assert_eq!(seen(vec![apart]), Seen::Nothing);
        let all = trained(
            &[("a train", "a"), ("a dev", "a")],
            serde_json::json!({"held_out": false}),
            note,
        );
        assert_eq!(seen(vec![all.clone()]), Seen::All);
        assert_eq!(seen(vec![part, all]), Seen::All);
        assert_eq!(HeldOut::Training.seen(&data), Seen::Part);
    }

    #[test]
    fn a_folder_without_a_training_has_seen_nothing_and_a_damaged_one_is_named() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(TrainedOn::of(folder.path()).unwrap(), TrainedOn::default());
        std::fs::create_dir(folder.path().join("training")).unwrap();
        std::fs::write(folder.path().join("training/manifest.json"), "{").unwrap();
        let error = TrainedOn::of(folder.path()).unwrap_err().to_string();
        assert!(error.contains("manifest.json"), "{error}");
    }
}
