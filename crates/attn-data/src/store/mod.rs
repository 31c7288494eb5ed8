//! The artefact store: models and data sets by name, fetched once, verified, cached.
//!
//! Nothing that others made lies in the repository. [`Catalogue`] (`datasets/sources.toml`) lists
//! each artefact with its licence, its files with sha256 and size, and its sources in the order in
//! which they are tried; [`Store::fetch`] brings it into the cache:
//!
//! ```text
//! <root>/<name>/<file>           the files; also the layout of a mirror, so a cache can be one
//! <root>/.receipts/<name>.json   hash, size, time and source of each verified file
//! <root>/.partial/<name>/…       downloads that were cut off; the next run goes on from there
//! <root>/.locks/<name>.lock      held while a process fetches the artefact
//! ```
//!
//! What holds, whatever happens:
//! - A file has its final name only when it is whole, verified and on the disk. A killed run (or
//!   Ctrl-C) leaves a part file, never half a file under a final name.
//! - Two processes that fetch the same artefact do so one after the other; the second finds it done.
//! - The token goes to the hub's endpoint and to nobody the endpoint redirects to.
//! - Offline, nothing but this machine's disks is touched; what is missing then is listed with the
//!   place where it belongs.
//! - What was damaged in the cache since it was verified is noticed when a process first uses it, if it
//!   is small enough to be read within a second, and fetched again.
//! - A file without a hash in the catalogue is announced loudly as unverified, every time it is
//!   fetched, and its hash goes to the receipt. It is compared with what the hub says of it (size,
//!   sha256 or git's hash), bounded in size, and looked into: an HTML page, a git-lfs pointer, a packed
//!   copy, broken JSON or safetensors do not get its name.
//! - A server that sends next to nothing is given up, however long it keeps at it.
//!
//! ```no_run
//! use attn_data::store::{Bars, Catalogue, Store};
//!
//! # fn main() -> Result<(), attn_data::store::StoreError> {
//! let store = Store::open(None)?;
//! let folder = store.resolve_model(&Catalogue::embedded()?, "all-MiniLM-L6-v2", &mut Bars::new())?;
//! println!("{}", folder.display());
//! # Ok(())
//! # }
//! ```

mod catalogue;
mod content;
mod encoder;
mod error;
mod fetch;
mod http;
mod places;
mod progress;
mod receipt;
mod settings;
mod slot;
mod web;

pub use catalogue::{Artefact, Catalogue, FileEntry, Kind, Source};
pub use encoder::{Encoder, Seen};
pub use error::{Failure, StoreError, Unavailable};
pub use progress::{Bars, Progress, Quiet, Stage, Transfer};
pub use receipt::{Receipt, ReceiptFile};
pub use settings::{Secret, Settings};

use receipt::Lock;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// The bytes of a cached artefact are read again by each process that uses it, up to so many: under a
/// second where a core hashes 200 MB a second, as most do.
pub const CHECKED_BYTES: u64 = 192 << 20;

/// A cache of artefacts on this machine.
#[derive(Debug, Clone)]
pub struct Store {
    settings: Settings,
}

impl Store {
    /// The store in `root`, or in the folder that the environment names (see
    /// [`Settings::from_env`]). Nothing is created before something is fetched.
    ///
    /// # Errors
    /// [`StoreError::NoCacheFolder`].
    pub fn open(root: Option<PathBuf>) -> Result<Self, StoreError> {
        Settings::from_env(root).map(Self::with)
    }

    /// A store with settings of its own.
    pub fn with(settings: Settings) -> Self {
        Self { settings }
    }

    /// The settings it works with.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The cache's folder.
    pub fn root(&self) -> &Path {
        &self.settings.root
    }

    /// The receipt of a cached artefact: hashes and sizes without reading the files. `None` when it
    /// is not cached or a file has changed since.
    pub fn receipt(&self, name: &str) -> Option<Receipt> {
        if name.is_empty() || name.starts_with('.') || name.contains(['/', '\\', ':']) {
            return None;
        }
        Receipt::read(self.root(), name).filter(|receipt| receipt.holds(self.root()))
    }

    /// The folder of a cached artefact, by its exact name. Looks at sizes and times of change only;
    /// [`Store::verify`] reads everything.
    pub fn locate(&self, name: &str) -> Option<PathBuf> {
        self.receipt(name)
            .map(|receipt| self.root().join(receipt.name))
    }

    /// Hashes a cached artefact's files anew and returns its receipt.
    ///
    /// # Errors
    /// [`StoreError::NotCached`]; [`StoreError::Corrupt`] with the first file that is not what it was
    /// (also when it was touched since); [`StoreError::Disk`]; [`StoreError::Cancelled`].
    pub fn verify(&self, name: &str, progress: &mut dyn Progress) -> Result<Receipt, StoreError> {
        let missing = || StoreError::NotCached {
            name: name.to_owned(),
            root: self.root().to_owned(),
        };
        if name.starts_with('.') || name.contains(['/', '\\', ':']) {
            return Err(missing());
        }
        let receipt = Receipt::read(self.root(), name).ok_or_else(missing)?;
        for file in &receipt.files {
            let path = self.root().join(name).join(&file.path);
            let on = &mut |done| {
                let total = Some(file.bytes);
                let (stage, source) = (Stage::Verify, "the cache");
                progress.update(&Transfer {
                    artefact: name,
                    file: &file.path,
                    source,
                    stage,
                    done,
                    total,
                });
                !progress.cancelled()
            };
            let (sha256, bytes) =
                slot::hash_file(&path, on)?.ok_or_else(|| StoreError::Cancelled {
                    name: name.to_owned(),
                })?;
            if (sha256.as_str(), bytes) != (file.sha256.as_str(), file.bytes) {
                return Err(StoreError::Corrupt {
                    name: name.to_owned(),
                    path,
                    found: format!("{bytes} bytes with sha256 {sha256}"),
                    expected: format!("{} bytes with sha256 {}", file.bytes, file.sha256),
                });
            }
        }
        Ok(receipt)
    }

    /// Looks at a cached artefact's bytes, once in a process: a file whose size and time are as they
    /// were may still be damaged. What is damaged is taken away, to be fetched again. An artefact of
    /// more than [`CHECKED_BYTES`] is only named: hashing it would take longer than a second.
    fn is_undamaged(&self, name: &str, progress: &mut dyn Progress) -> Result<bool, StoreError> {
        static SEEN: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());
        let mut seen = SEEN.lock().unwrap_or_else(PoisonError::into_inner);
        if !seen.insert(self.root().join(name)) {
            return Ok(true);
        }
        drop(seen);
        let receipt = Receipt::read(self.root(), name);
        let bytes: u64 = receipt.iter().flat_map(|r| &r.files).map(|f| f.bytes).sum();
        if bytes > CHECKED_BYTES {
            progress.note(&format!(
                "{name}: {} MB in the cache are taken to be as they were (size and time are); \
                 `attn fetch --verify {name}` reads them all",
                bytes / 1_000_000
            ));
            return Ok(true);
        }
        match self.verify(name, progress) {
            Ok(_) => Ok(true),
            Err(StoreError::Corrupt { path, found, .. }) => {
                progress.note(&format!(
                    "{}: damaged ({found}); fetching it again",
                    path.display()
                ));
                let lock = Lock::acquire(self.root(), name, progress)?;
                for path in [path, Receipt::path(self.root(), name)] {
                    std::fs::remove_file(&path)
                        .map_err(|e| StoreError::disk(&path, "remove", e))?;
                }
                drop(lock);
                Ok(false)
            }
            Err(other) => Err(other),
        }
    }

    /// The folder of an artefact, fetched if it is not cached. Resumes what an earlier run left,
    /// waits for another process that fetches the same, tries mirrors and then the artefact's
    /// sources in order. What is cached is hashed once in a process (up to [`CHECKED_BYTES`]), and
    /// fetched again where it is damaged.
    ///
    /// # Errors
    /// [`StoreError::Unknown`] for a name that the catalogue lacks; [`StoreError::Unavailable`] with
    /// each source's reason and what to put where; [`StoreError::Disk`] (full disk, no permission);
    /// [`StoreError::Cancelled`].
    pub fn fetch(
        &self,
        catalogue: &Catalogue,
        name: &str,
        progress: &mut dyn Progress,
    ) -> Result<PathBuf, StoreError> {
        let artefact = catalogue.get(name)?;
        let folder = self.root().join(&artefact.name);
        let cached = || {
            self.receipt(&artefact.name)
                .is_some_and(|receipt| receipt.covers(artefact))
        };
        if cached() && self.is_undamaged(&artefact.name, progress)? {
            return Ok(folder);
        }
        let _lock = Lock::acquire(self.root(), &artefact.name, progress)?;
        if !cached() {
            fetch::run(&self.settings, artefact, progress)?;
        }
        Ok(folder)
    }

    /// The folder of a model: an existing folder wins, then a name in the catalogue, which is
    /// fetched if need be.
    ///
    /// # Errors
    /// [`StoreError::NotAFolder`] for the path of a file; [`StoreError::Unknown`] with the models'
    /// names; those of [`Store::fetch`].
    pub fn resolve_model(
        &self,
        catalogue: &Catalogue,
        spec: &str,
        progress: &mut dyn Progress,
    ) -> Result<PathBuf, StoreError> {
        let path = Path::new(spec);
        if path.is_dir() {
            return Ok(path.to_owned());
        }
        if path.exists() {
            return Err(StoreError::NotAFolder {
                path: path.to_owned(),
            });
        }
        match catalogue.get(spec) {
            Ok(artefact) if artefact.kind == Kind::Model => self.fetch(catalogue, spec, progress),
            _ => Err(StoreError::Unknown {
                what: "model",
                name: spec.to_owned(),
                known: catalogue.names(Some(Kind::Model)),
            }),
        }
    }
}
