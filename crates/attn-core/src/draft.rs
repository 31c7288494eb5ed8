//! A file under a temporary name until it is whole; clearing away what killed processes left of
//! such files; and which files a run has written.
//!
//! The temporary lies beside the file as `.NAME.HOST-PID-START-N.tmp`. Whoever finds one can tell
//! whether its process is gone: it was this machine's, it no longer runs, and nobody holds the lock
//! that a writer takes on its own temporary.

use crate::io::IoError;
use crate::{process, stop};
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

const END: &str = ".tmp";

/// When this process wrote first, in nanoseconds since 1970: tells it from an earlier one with the
/// same number (in a container every program may be number 7).
fn start() -> u64 {
    static START: OnceLock<u64> = OnceLock::new();
    *START.get_or_init(|| {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        since.map_or(0, |s| u64::try_from(s.as_nanos()).unwrap_or(0))
    })
}

/// A name for a temporary that no other process or thread uses.
fn temporary_name(name: &str) -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let (host, pid, start) = (process::host_mark(), std::process::id(), start());
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    format!(".{name}.{host}-{pid}-{start:x}-{count}{END}")
}

/// Whether a file name is that of a temporary of ours, whoever's.
pub fn is_temporary(name: &str) -> bool {
    owner(name).is_some()
}

/// Host, process and start of the writer of a temporary.
fn owner(name: &str) -> Option<(&str, u32, u64)> {
    let inner = name.strip_prefix('.')?.strip_suffix(END)?;
    let (_, tag) = inner.rsplit_once('.')?;
    let mut parts = tag.split('-');
    let (host, pid, start, count) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let whole = parts.next().is_none() && host.len() == 8 && count.parse::<u64>().is_ok();
    let start = u64::from_str_radix(start, 16).ok()?;
    (whole && u32::from_str_radix(host, 16).is_ok()).then_some((host, pid.parse().ok()?, start))
}

/// Whether the writer of a temporary is gone.
fn is_left_over(path: &Path, name: &str) -> bool {
    let Some((host, pid, began)) = owner(name) else {
        return false;
    };
    let own = pid == std::process::id();
    if host != process::host_mark() || (own && began == start()) || (!own && process::is_alive(pid))
    {
        return false;
    }
    // In a container the number may mean another process; a writer holds its own temporary.
    let plain = fs::symlink_metadata(path).is_ok_and(|m| m.is_file());
    plain && File::open(path).is_ok_and(|file| file.try_lock().is_ok())
}

/// Deletes what killed processes of this machine left half-written in a folder (not below it). Gives
/// the number of files. A folder that cannot be read has none: whoever writes there says why.
pub fn clear_leftovers(folder: &Path) -> usize {
    let Ok(entries) = fs::read_dir(folder) else {
        return 0;
    };
    let names = entries.filter_map(|entry| Some(entry.ok()?.file_name()));
    let gone = names.filter(|name| {
        let (path, name) = (folder.join(name), name.to_string_lossy());
        is_left_over(&path, &name) && fs::remove_file(&path).is_ok()
    });
    gone.count()
}

/// Clears a folder when this process writes there for the first time.
fn clear_once(folder: &Path) {
    static SEEN: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());
    let mut seen = SEEN.lock().unwrap_or_else(PoisonError::into_inner);
    if seen.insert(folder.to_owned()) {
        drop(seen);
        clear_leftovers(folder);
    }
}

/// A file being written under a temporary name; dropped before [`Draft::finish`] it is removed.
#[derive(Debug)]
pub struct Draft {
    file: File,
    temporary: PathBuf,
    path: PathBuf,
    finished: bool,
}

impl Draft {
    /// Begins a file; missing parent folders are made.
    ///
    /// # Errors
    /// A path that names no file, a folder that cannot be made or written to.
    pub fn create(path: &Path) -> Result<Self, IoError> {
        let parent = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        let name = path.file_name().ok_or_else(|| {
            let reason = io::Error::new(io::ErrorKind::InvalidInput, "not a file name");
            IoError::file(path, "write", reason)
        })?;
        fs::create_dir_all(parent).map_err(|e| IoError::file(parent, "create the folder", e))?;
        clear_once(parent);
        let temporary = parent.join(temporary_name(&name.to_string_lossy()));
        // `create_new` follows no link and takes no file that is there.
        let file = File::options()
            .read(true)
            .write(true)
            .create_new(true)
            .open(&temporary)
            .map_err(|e| IoError::file(path, "write", e))?;
        // Not every file system can lock; the process's number then has to do.
        let _ = file.try_lock();
        Ok(Self {
            file,
            temporary,
            path: path.to_owned(),
            finished: false,
        })
    }

    /// The file's final name.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Syncs the file and gives it its name.
    ///
    /// # Errors
    /// When the system refuses (a full disk); the temporary is removed then.
    pub fn finish(mut self) -> Result<(), IoError> {
        let synced = self.file.sync_all();
        stop::before_rename(&self.path);
        synced
            .and_then(|()| fs::rename(&self.temporary, &self.path))
            .map_err(|e| IoError::file(&self.path, "write", e))?;
        self.finished = true;
        Journal::note(&self.path);
        stop::after_rename(&self.path);
        Ok(())
    }
}

impl Write for Draft {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Seek for Draft {
    fn seek(&mut self, place: SeekFrom) -> io::Result<u64> {
        self.file.seek(place)
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if !self.finished {
            // The error that led here is the one to report.
            let _ = fs::remove_file(&self.temporary);
        }
    }
}

type Written = (u64, PathBuf, BTreeSet<PathBuf>);
static JOURNALS: Mutex<Vec<Written>> = Mutex::new(Vec::new());

/// Notes every file that gets its name in a folder, or below it, while the journal is open: what a
/// run wrote is then known without any part of it telling, and does not depend on what lay in the
/// folder before.
#[derive(Debug)]
pub struct Journal {
    id: u64,
}

impl Journal {
    /// Opens a journal of a folder.
    pub fn open(folder: &Path) -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let id = COUNT.fetch_add(1, Ordering::Relaxed);
        journals().push((id, absolute(folder), BTreeSet::new()));
        Self { id }
    }

    /// What was written so far, by its path within the folder.
    pub fn written(&self) -> Vec<PathBuf> {
        let all = journals();
        let own = all.iter().filter(|(id, ..)| *id == self.id);
        own.flat_map(|(_, folder, files)| files.iter().map(move |f| (folder, f)))
            .filter_map(|(folder, file)| Some(file.strip_prefix(folder).ok()?.to_owned()))
            .collect()
    }

    fn note(path: &Path) {
        let path = absolute(path);
        for (_, folder, files) in journals().iter_mut() {
            if path.starts_with(&*folder) {
                files.insert(path.clone());
            }
        }
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        journals().retain(|(id, ..)| *id != self.id);
    }
}

fn journals() -> std::sync::MutexGuard<'static, Vec<Written>> {
    JOURNALS.lock().unwrap_or_else(PoisonError::into_inner)
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(name: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("attn-core-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        path
    }

    #[test]
    fn names_tell_the_writer() {
        let name = temporary_name("a.b.tmp");
        let (host, pid, began) = owner(&name).unwrap();
        assert_eq!((host, pid), (&*process::host_mark(), std::process::id()));
        assert_eq!(began, start());
        for other in [
            ".a.tmp",
            ".a.123.tmp",
            "a.00000000-1-1-1.tmp",
            ".a.0000000g-1-1-1.tmp",
            ".a.00000000-1-1.tmp",
            ".a.00000000-1-1-1-1.tmp",
            ".a.00000000-1-1-1.txt",
        ] {
            assert!(!is_temporary(other), "{other}");
        }
    }

    #[test]
    fn only_the_dead_ones_files_are_cleared() {
        let folder = folder("leftovers");
        // Before the others come: a first write clears its folder.
        let mut held = Draft::create(&folder.join("whole")).unwrap();
        let (mark, own) = (process::host_mark(), std::process::id());
        // No process has this number: Linux ends at 2^22.
        let dead = format!(".x.{mark}-4194999-1-0.tmp");
        let [other_host, alive, earlier, strange] = [
            ".x.00000000-4194999-1-0.tmp".to_owned(),
            format!(".x.{mark}-1-1-0.tmp"),
            format!(".x.{mark}-{own}-1-0.tmp"),
            ".notes.tmp".to_owned(),
        ];
        for name in [&dead, &other_host, &alive, &earlier, &strange] {
            fs::write(folder.join(name), "half").unwrap();
        }
        assert_eq!(clear_leftovers(&folder), 2); // the dead one's, and that of an earlier process
        for name in [&other_host, &alive, &strange] {
            assert!(folder.join(name).exists(), "{name}");
        }
        held.write_all(b"whole").unwrap();
        held.finish().unwrap();
        assert_eq!(fs::read(folder.join("whole")).unwrap(), b"whole");
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_journal_has_what_was_written_while_it_was_open() {
        let folder = folder("journal");
        let write = |name: &str| Draft::create(&folder.join(name)).unwrap().finish().unwrap();
        write("before");
        let journal = Journal::open(&folder);
        write("b/c");
        write("a");
        drop(Draft::create(&folder.join("given-up")).unwrap());
        assert_eq!(journal.written(), [Path::new("a"), Path::new("b/c")]);
        fs::remove_dir_all(folder).unwrap();
    }
}
