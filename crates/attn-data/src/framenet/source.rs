//! Where the XML comes from: a folder or a zip, read by many threads at once.

use super::FrameNetError;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use zip::ZipArchive;

/// No XML file may unpack to more than this: a small zip entry can otherwise fill the memory.
pub const MAX_XML_BYTES: u64 = 64 * 1024 * 1024;

/// A file of the release.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Entry {
    /// The lexical unit's number; 0 for a frame.
    pub number: u32,
    /// Its name for messages and, in a folder, its path below it.
    pub name: String,
    /// Its place in the zip's directory.
    index: usize,
}

/// A handle on the release; each thread has a clone of its own.
#[derive(Clone)]
pub(super) enum Source {
    Folder(PathBuf),
    Zip(PathBuf, ZipArchive<SharedFile>),
}

/// A file that several threads read at places of their own, without a common position.
#[derive(Clone)]
pub(super) struct SharedFile {
    file: Arc<File>,
    position: u64,
    length: u64,
}

impl SharedFile {
    #[cfg(unix)]
    fn read_at(&self, buffer: &mut [u8]) -> io::Result<usize> {
        std::os::unix::fs::FileExt::read_at(&*self.file, buffer, self.position)
    }

    #[cfg(windows)]
    fn read_at(&self, buffer: &mut [u8]) -> io::Result<usize> {
        std::os::windows::fs::FileExt::seek_read(&*self.file, buffer, self.position)
    }
}

impl Read for SharedFile {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.read_at(buffer)?;
        self.position = self.position.saturating_add(n as u64);
        Ok(n)
    }
}

impl Seek for SharedFile {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let place = match to {
            SeekFrom::Start(place) => Some(place),
            SeekFrom::End(by) => self.length.checked_add_signed(by),
            SeekFrom::Current(by) => self.position.checked_add_signed(by),
        };
        self.position = place
            .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "seek before the start"))?;
        Ok(self.position)
    }
}

/// The files that FrameNet's layout names, in the order in which they are read.
pub(super) struct Listing {
    pub units: Vec<Entry>,
    pub frames: Vec<Entry>,
}

fn io_error(path: &Path, action: &'static str) -> impl FnOnce(io::Error) -> FrameNetError {
    let path = path.to_owned();
    move |source| FrameNetError::Io {
        path,
        action,
        source,
    }
}

impl Source {
    pub fn open(path: &Path) -> Result<(Self, Listing), FrameNetError> {
        let (source, names) = if path.is_dir() {
            (Source::Folder(path.to_owned()), folder_names(path)?)
        } else {
            let file = File::open(path).map_err(io_error(path, "open"))?;
            let length = file.metadata().map_err(io_error(path, "look at"))?.len();
            let shared = SharedFile {
                file: Arc::new(file),
                position: 0,
                length,
            };
            let archive = ZipArchive::new(shared).map_err(|e| zip_error(path, None, &e))?;
            // A name that is not even text cannot be one of ours.
            let names = (0..archive.len())
                .filter_map(|i| Some((archive.name_for_index(i)?.ok()?.into_owned(), i)))
                .collect();
            (Source::Zip(path.to_owned(), archive), names)
        };
        let listing = select(names);
        if listing.units.is_empty() {
            return Err(FrameNetError::NotFrameNet {
                path: path.to_owned(),
            });
        }
        Ok((source, listing))
    }

    /// The entry's name in messages.
    pub fn label(&self, entry: &Entry) -> String {
        match self {
            Source::Folder(folder) => folder.join(&entry.name).display().to_string(),
            Source::Zip(path, _) => format!("{}!{}", path.display(), entry.name),
        }
    }

    /// Reads one file whole.
    pub fn read(&mut self, entry: &Entry) -> Result<Vec<u8>, FrameNetError> {
        let too_large = |file| FrameNetError::TooLarge {
            file,
            limit: MAX_XML_BYTES,
        };
        let label = self.label(entry);
        let mut bytes = Vec::new();
        match self {
            Source::Folder(folder) => {
                let path = folder.join(&entry.name);
                let file = File::open(&path).map_err(io_error(&path, "open"))?;
                file.take(MAX_XML_BYTES + 1)
                    .read_to_end(&mut bytes)
                    .map_err(io_error(&path, "read"))?;
            }
            Source::Zip(path, archive) => {
                let file = archive
                    .by_index(entry.index)
                    .map_err(|e| zip_error(path, Some(&entry.name), &e))?;
                if file.size() > MAX_XML_BYTES {
                    return Err(too_large(label));
                }
                bytes.reserve(file.size() as usize);
                // The size in the header may lie, so the reading itself is bounded too.
                let reason = |e: io::Error| FrameNetError::Zip {
                    file: label.clone(),
                    reason: e.to_string(),
                };
                file.take(MAX_XML_BYTES + 1)
                    .read_to_end(&mut bytes)
                    .map_err(reason)?;
            }
        }
        if bytes.len() as u64 > MAX_XML_BYTES {
            return Err(too_large(label));
        }
        Ok(bytes)
    }
}

fn zip_error(path: &Path, entry: Option<&str>, error: &zip::result::ZipError) -> FrameNetError {
    let file = match entry {
        Some(entry) => format!("{}!{entry}", path.display()),
        None => path.display().to_string(),
    };
    FrameNetError::Zip {
        file,
        reason: error.to_string(),
    }
}

/// Names below a folder, at the top and in one folder further down.
fn folder_names(folder: &Path) -> Result<Vec<(String, usize)>, FrameNetError> {
    let mut prefixes = vec![String::new()];
    for entry in std::fs::read_dir(folder).map_err(io_error(folder, "list"))? {
        let entry = entry.map_err(io_error(folder, "list"))?;
        if entry.path().is_dir() {
            prefixes.extend(entry.file_name().to_str().map(|name| format!("{name}/")));
        }
    }
    let mut names = Vec::new();
    for prefix in prefixes {
        for kind in ["lu", "frame"] {
            let below = folder.join(format!("{prefix}{kind}"));
            if !below.is_dir() {
                continue;
            }
            for entry in std::fs::read_dir(&below).map_err(io_error(&below, "list"))? {
                let entry = entry.map_err(io_error(&below, "list"))?;
                if let Some(name) = entry.file_name().to_str() {
                    names.push((format!("{prefix}{kind}/{name}"), 0));
                }
            }
        }
    }
    Ok(names)
}

/// Picks what the layout names; anything else (other folders, `..`, absolute paths) is ignored.
fn select(names: Vec<(String, usize)>) -> Listing {
    let mut found: Vec<(String, bool, Entry)> = names
        .into_iter()
        .filter_map(|(name, index)| {
            let parts: Vec<&str> = name.split('/').collect();
            let (prefix, kind, file) = match parts.as_slice() {
                [kind, file] => ("", *kind, *file),
                [prefix, kind, file] if !matches!(*prefix, "" | "." | "..") => {
                    (*prefix, *kind, *file)
                }
                _ => return None,
            };
            if name.contains(['\\', '\0', ':']) {
                return None;
            }
            let stem = file
                .strip_suffix(".xml")
                .filter(|stem| !stem.is_empty() && !stem.starts_with('.'))?;
            let (number, unit) = match kind {
                "lu" => {
                    let digits = stem
                        .strip_prefix("lu")
                        .filter(|d| d.bytes().all(|b| b.is_ascii_digit()))?;
                    (digits.parse().ok()?, true)
                }
                "frame" => (0, false),
                _ => return None,
            };
            let prefix = prefix.to_owned();
            Some((
                prefix,
                unit,
                Entry {
                    number,
                    name,
                    index,
                },
            ))
        })
        .collect();
    // Two releases side by side would count everything twice: the first by name is taken.
    let prefix = found
        .iter()
        .filter(|f| f.1)
        .map(|f| f.0.clone())
        .min()
        .unwrap_or_default();
    found.retain(|f| f.0 == prefix);
    found.sort_by(|a, b| a.2.cmp(&b.2));
    let (units, frames): (Vec<_>, Vec<_>) = found.into_iter().partition(|f| f.1);
    let entries = |list: Vec<(String, bool, Entry)>| list.into_iter().map(|f| f.2).collect();
    Listing {
        units: entries(units),
        frames: entries(frames),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_layout_is_selected_and_units_come_by_number() {
        let names = [
            "fn/lu/lu10.xml",
            "fn/lu/lu9.xml",
            "../lu/lu1.xml",
            "/lu/lu2.xml",
            "fn/lu/../lu/lu3.xml",
            "fn\\lu\\lu4.xml",
            "fn/lu/lexUnit.xsl",
            "fn/lu/lu+5.xml",
            "fn/frame/Motion.xml",
            "fn/frame/.xml",
            "gn/lu/lu6.xml",
        ];
        let listing = select(
            names
                .iter()
                .enumerate()
                .map(|(i, n)| ((*n).to_owned(), i))
                .collect(),
        );
        let names = |list: &[Entry]| list.iter().map(|e| e.name.clone()).collect::<Vec<_>>();
        assert_eq!(names(&listing.units), ["fn/lu/lu9.xml", "fn/lu/lu10.xml"]);
        assert_eq!(names(&listing.frames), ["fn/frame/Motion.xml"]);
    }
}
