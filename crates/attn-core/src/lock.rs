//! One writer to a folder.
//!
//! The lock is the file `.lock` in the folder: held by the system's file lock, so that a process
//! that dies, however it dies, lets go of it; and naming in its text who took it last, and with
//! which settings, so that a second process can say whom it waits for, or that it wants something
//! else. The file stays: it marks the folder as this program's ([`crate::place`]). Between machines that
//! share a disk the lock is as good as their file system's; host and process stand in the file.

use crate::io::IoError;
use crate::process;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fs::{self, File, Metadata, TryLockError};
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The lock's name in its folder.
pub const LOCK: &str = ".lock";
const PROGRAM: &str = "attention-atlas";
/// Between two looks at a lock that another process holds.
const PAUSE: Duration = Duration::from_millis(100);
/// A lock file is never longer; more is no lock of ours.
const MOST: u64 = 1 << 20;

/// Who holds a folder, or held it last.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Holder {
    /// Always `attention-atlas`.
    program: String,
    /// The machine.
    pub host: String,
    /// The process on it.
    pub pid: u32,
    /// What it makes, with every setting that decides the result.
    pub settings: Value,
}

/// A folder that cannot be taken.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// The operating system refused.
    #[error(transparent)]
    Io(#[from] IoError),
    /// Another process makes something else there.
    #[error(
        "{folder}: process {pid} on {host} is writing here with other settings ({differences}): wait \
         for it to end, or name another folder"
    )]
    Differs {
        /// The folder.
        folder: PathBuf,
        /// Its holder's process.
        pid: u32,
        /// Its holder's machine.
        host: String,
        /// Each setting that differs, with both values.
        differences: String,
    },
    /// The lock's name belongs to something else.
    #[error(
        "{path}: {found}, where this program keeps its lock: nothing was written; name another \
         folder, or take it away"
    )]
    NotALock {
        /// The file.
        path: PathBuf,
        /// What it is.
        found: &'static str,
    },
    /// The waiting was ended.
    #[error("{folder}: gave up waiting for process {pid}, which is writing here")]
    GaveUp {
        /// The folder.
        folder: PathBuf,
        /// Its holder's process.
        pid: u32,
    },
}

/// A folder held by this process, until dropped.
#[derive(Debug)]
pub struct FolderLock {
    folder: PathBuf,
    _file: File,
}

impl FolderLock {
    /// Takes a folder, which is made if it is not there. Where another process (or another part of
    /// this one) holds it with equal settings, waits for it, and tells `waiting` again and again who
    /// it is; [`ControlFlow::Break`] ends the wait.
    ///
    /// # Errors
    /// [`LockError`]: other settings, something else of the lock's name (a link is never followed),
    /// the system.
    pub fn acquire(
        folder: &Path,
        settings: &Value,
        mut waiting: impl FnMut(Option<&Holder>) -> ControlFlow<()>,
    ) -> Result<Self, LockError> {
        let path = folder.join(LOCK);
        loop {
            // Within the loop: a holder that wrote nothing takes the folder away again.
            fs::create_dir_all(folder)
                .map_err(|e| IoError::file(folder, "create the folder", e))?;
            let Some(mut file) = open(&path)? else {
                continue; // taken away or put there in this moment
            };
            match file.try_lock() {
                Ok(()) if is_at(&file, &path) => {
                    if let Content::Foreign = read(&mut file) {
                        let found = "a file of another program";
                        return Err(LockError::NotALock { path, found });
                    }
                    write(&mut file, settings).map_err(|e| IoError::file(&path, "write", e))?;
                    let folder = folder.to_owned();
                    return Ok(Self {
                        folder,
                        _file: file,
                    });
                }
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    let holder = match read(&mut file) {
                        Content::Ours(holder) => Some(*holder),
                        // Not yet written, or (on Windows) not to be read while it is locked.
                        _ => None,
                    };
                    if let Some(holder) = &holder
                        && let Some(differences) = differences(&holder.settings, settings)
                    {
                        return Err(LockError::Differs {
                            folder: folder.to_owned(),
                            pid: holder.pid,
                            host: holder.host.clone(),
                            differences,
                        });
                    }
                    if waiting(holder.as_ref()).is_break() {
                        return Err(LockError::GaveUp {
                            folder: folder.to_owned(),
                            pid: holder.map_or(0, |holder| holder.pid),
                        });
                    }
                    std::thread::sleep(PAUSE);
                }
                Err(TryLockError::Error(error)) => {
                    return Err(IoError::file(&path, "lock", error).into());
                }
            }
        }
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

impl Drop for FolderLock {
    /// A command that failed before it wrote anything leaves nothing.
    fn drop(&mut self) {
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        if entries
            .map(|entry| entry.file_name())
            .all(|name| name == LOCK)
        {
            // Still held: whoever waits finds that the file is gone and makes its own.
            let _ = fs::remove_file(self.folder.join(LOCK));
            let _ = fs::remove_dir(&self.folder);
        }
    }
}

/// Whether a folder has been taken by this program before.
pub(crate) fn marks(folder: &Path) -> bool {
    let path = folder.join(LOCK);
    let plain = fs::symlink_metadata(&path).is_ok_and(|m| m.is_file());
    plain && File::open(path).is_ok_and(|mut file| !matches!(read(&mut file), Content::Foreign))
}

/// Opens the lock file without following a link and without changing what is there.
fn open(path: &Path) -> Result<Option<File>, LockError> {
    let failed = |e| IoError::file(path, "open", e);
    let not = |found| {
        Err(LockError::NotALock {
            path: path.to_owned(),
            found,
        })
    };
    let mut options = File::options();
    options.read(true).write(true);
    match fs::symlink_metadata(path) {
        Ok(found) if found.is_symlink() => not("a link"),
        Ok(found) if !found.is_file() => not("not a plain file"),
        Ok(found) if names(&found) > 1 => not("a file with a second name"),
        Ok(_) => match options.open(path) {
            // Between the look and the opening a link may have come: nothing was written to it.
            Ok(file) if is_at(&file, path) => Ok(Some(file)),
            Ok(_) => Ok(None),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failed(error).into()),
        },
        Err(error) if error.kind() == ErrorKind::NotFound => {
            match options.create_new(true).open(path) {
                Ok(file) => Ok(Some(file)),
                Err(error)
                    if [ErrorKind::AlreadyExists, ErrorKind::NotFound].contains(&error.kind()) =>
                {
                    Ok(None)
                }
                Err(error) => Err(failed(error).into()),
            }
        }
        Err(error) => Err(failed(error).into()),
    }
}

#[cfg(unix)]
fn names(found: &Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::nlink(found)
}

#[cfg(not(unix))]
fn names(_found: &Metadata) -> u64 {
    1
}

/// Whether a file that is open is the one that the path names.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let place = |m: Metadata| (m.dev(), m.ino());
    let named = fs::symlink_metadata(path).map(place).ok();
    named.is_some() && file.metadata().map(place).ok() == named
}

#[cfg(not(unix))]
fn is_at(_file: &File, path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|m| m.is_file())
}

enum Content {
    /// Nothing: just made, or by a version that wrote nothing into it.
    Empty,
    Ours(Box<Holder>),
    Foreign,
}

fn read(file: &mut File) -> Content {
    let mut text = String::new();
    let whole = file
        .seek(SeekFrom::Start(0))
        .and_then(|_| file.take(MOST).read_to_string(&mut text));
    if whole.is_err() {
        return Content::Foreign;
    }
    if text.trim().is_empty() {
        return Content::Empty;
    }
    match serde_json::from_str::<Holder>(&text) {
        Ok(holder) if holder.program == PROGRAM => Content::Ours(Box::new(holder)),
        // A kill in the middle of writing it leaves a part: still ours.
        _ if text.starts_with(&format!("{{\"program\":\"{PROGRAM}\"")) => Content::Empty,
        _ => Content::Foreign,
    }
}

fn write(file: &mut File, settings: &Value) -> std::io::Result<()> {
    let holder = Holder {
        program: PROGRAM.to_owned(),
        host: process::host().to_owned(),
        pid: std::process::id(),
        settings: settings.clone(),
    };
    let text = serde_json::to_vec(&holder)?;
    file.set_len(0)?;
    file.seek(SeekFrom::Start(0))?;
    file.write_all(&text)
}

/// Settings that differ, with both values, in words; `None` when none does.
pub fn differences(there: &Value, here: &Value) -> Option<String> {
    let mut found = Vec::new();
    compare("", there, here, &mut found);
    (!found.is_empty()).then(|| found.join(", "))
}

fn compare(name: &str, there: &Value, here: &Value, found: &mut Vec<String>) {
    match (there, here) {
        (Value::Object(a), Value::Object(b)) => {
            let keys: std::collections::BTreeSet<&String> = a.keys().chain(b.keys()).collect();
            for key in keys {
                let inner = if name.is_empty() {
                    key.clone()
                } else {
                    format!("{name}.{key}")
                };
                let of = |map: &serde_json::Map<String, Value>| {
                    map.get(key).cloned().unwrap_or(Value::Null)
                };
                compare(&inner, &of(a), &of(b), found);
            }
        }
        _ if there == here => {}
        _ => {
            let name = if name.is_empty() { "settings" } else { name };
            found.push(format!("{name} is {there} there, {here} here"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::sync::atomic::{AtomicUsize, Ordering};

    fn folder(name: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("attn-lock-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        path
    }

    fn give_up(_: Option<&Holder>) -> ControlFlow<()> {
        ControlFlow::Break(())
    }

    #[test]
    fn equal_settings_wait_and_others_are_refused_by_name() {
        let folder = folder("two");
        let settings = json!({ "recipe": { "epochs": 1, "seed": 7 }, "task": "RTE" });
        let held = FolderLock::acquire(&folder, &settings, give_up).unwrap();
        let other = json!({ "recipe": { "epochs": 2, "seed": 7 }, "task": "RTE" });
        let refused = FolderLock::acquire(&folder, &other, give_up).unwrap_err();
        let refused = refused.to_string();
        assert!(
            refused.contains("(recipe.epochs is 1 there, 2 here)"),
            "{refused}"
        );
        let given_up = FolderLock::acquire(&folder, &settings, give_up).unwrap_err();
        assert!(matches!(given_up, LockError::GaveUp { pid, .. } if pid == std::process::id()));
        let waits = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            let second = scope.spawn(|| {
                let again = |_: Option<&Holder>| {
                    waits.fetch_add(1, Ordering::Relaxed);
                    ControlFlow::Continue(())
                };
                FolderLock::acquire(&folder, &settings, again).map(drop)
            });
            while waits.load(Ordering::Relaxed) == 0 {
                std::thread::yield_now();
            }
            drop(held); // and the folder with it: the second makes it again
            second.join().unwrap().unwrap();
        });
        assert!(!folder.exists());
    }

    #[test]
    fn what_is_no_lock_is_left_as_it_is() {
        let folder = folder("foreign");
        let (lock, precious) = (folder.join(LOCK), folder.join("precious"));
        fs::write(&precious, "precious").unwrap();
        let refused = || {
            let error = FolderLock::acquire(&folder, &Value::Null, give_up).unwrap_err();
            assert!(matches!(error, LockError::NotALock { .. }), "{error}");
            assert_eq!(fs::read(&precious).unwrap(), b"precious");
            assert!(!marks(&folder));
            error.to_string()
        };
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink(&precious, &lock).unwrap();
            assert!(refused().contains("a link"));
            fs::remove_file(&lock).unwrap();
            fs::hard_link(&precious, &lock).unwrap();
            assert!(refused().contains("a second name"));
            fs::remove_file(&lock).unwrap();
        }
        fs::write(&lock, "pid 7").unwrap();
        assert!(refused().contains("another program"));
        assert_eq!(fs::read(&lock).unwrap(), b"pid 7");
        fs::remove_file(&lock).unwrap();
        fs::create_dir(&lock).unwrap();
        assert!(refused().contains("not a plain file"));
        fs::remove_dir(&lock).unwrap();
        drop(FolderLock::acquire(&folder, &Value::Null, give_up).unwrap());
        assert!(marks(&folder)); // a holder that is gone does not matter
        drop(FolderLock::acquire(&folder, &json!(1), give_up).unwrap());
        // Where nothing was written, nothing stays.
        let empty = folder.join("deep/empty");
        drop(FolderLock::acquire(&empty, &Value::Null, give_up).unwrap());
        assert!(!empty.exists());
        fs::remove_dir_all(folder).unwrap();
    }
}
