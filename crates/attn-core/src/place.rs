//! Whether a place may be written to.
//!
//! A command must not destroy what is not its own: an output is refused that is one of its inputs,
//! that is neither a plain file nor a folder, or that holds something which this program did not
//! write.

use crate::io::is_temporary;
use crate::{Manifest, lock};
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

/// How much of a file is looked through for its mark.
const HEAD: u64 = 1 << 16;

/// An output that would destroy something. Nothing was written.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {reason}; nothing was written: name another place for the output")]
pub struct PlaceError {
    path: PathBuf,
    reason: String,
}

fn refuse<T>(path: &Path, reason: impl Into<String>) -> Result<T, PlaceError> {
    Err(PlaceError {
        path: path.to_owned(),
        reason: reason.into(),
    })
}

/// What a place is to hold.
#[derive(Debug, Clone, Copy)]
pub enum Output<'a> {
    /// A folder of results.
    Folder,
    /// A file of which every version has one of these in its first 64 KiB.
    Marked(&'a [&'a [u8]]),
    /// A file without a mark of its own, which may take the place of its equal only.
    Plain(&'a [u8]),
}

/// Refuses an output that is an input, is not a plain file or folder, or holds something that this
/// program did not write. A place where nothing is, an empty file and an empty folder are fine.
///
/// # Errors
/// [`PlaceError`], which says what is there.
pub fn check(path: &Path, output: Output<'_>, inputs: &[&Path]) -> Result<(), PlaceError> {
    if let Ok(own) = path.canonicalize() {
        let same = |input: &&&Path| input.canonicalize().is_ok_and(|input| input == own);
        if let Some(input) = inputs.iter().find(same) {
            return refuse(
                path,
                format!("the output is the input {} itself", input.display()),
            );
        }
    }
    let Ok(found) = fs::symlink_metadata(path) else {
        return Ok(()); // nothing there, or whoever writes will say why it cannot be looked at
    };
    match output {
        Output::Folder => {
            // A link to a folder (a larger disk, say) destroys nothing: what lies there counts.
            if !fs::metadata(path).is_ok_and(|m| m.is_dir()) {
                return refuse(path, format!("expected a folder, found {}", kind(&found)));
            }
            match foreign(path) {
                Some(name) => refuse(
                    path,
                    format!("holds '{name}', and nothing that says this program wrote it"),
                ),
                None => Ok(()),
            }
        }
        Output::Marked(_) | Output::Plain(_) if !found.is_file() => {
            refuse(path, format!("expected a file, found {}", kind(&found)))
        }
        Output::Marked(marks) => {
            let head = head(path, HEAD);
            let has = |mark: &&[u8]| head.windows(mark.len().max(1)).any(|part| part == *mark);
            if found.len() == 0 || marks.iter().any(has) {
                return Ok(());
            }
            refuse(
                path,
                "holds something that this program did not write there",
            )
        }
        Output::Plain(content) => {
            let same = found.len() == content.len() as u64 && head(path, u64::MAX) == content;
            if found.len() == 0 || same {
                return Ok(());
            }
            refuse(path, "exists and holds something else")
        }
    }
}

fn kind(found: &fs::Metadata) -> &'static str {
    if found.is_symlink() {
        "a link"
    } else if found.is_dir() {
        "a folder"
    } else if found.is_file() {
        "a file"
    } else {
        "a device or pipe"
    }
}

fn head(path: &Path, most: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Ok(file) = fs::File::open(path) {
        // What cannot be read has no mark.
        let _ = file.take(most).read_to_end(&mut bytes);
    }
    bytes
}

/// An entry of a folder that nothing marks as this program's.
fn foreign(folder: &Path) -> Option<String> {
    let names = names(folder);
    let counts = |name: &&String| *name != lock::LOCK && !is_temporary(name) && !is_system(name);
    let first = names.iter().find(counts)?;
    let inside = ["figures", "tables"]
        .iter()
        .any(|own| folder.ends_with(own));
    let parent = folder.parent().filter(|_| inside);
    let below = || names.iter().any(|name| is_run(&folder.join(name)));
    let ours = is_run(folder) || below() || parent.is_some_and(is_run);
    (!ours).then(|| first.clone())
}

/// What file systems put into folders by themselves.
fn is_system(name: &str) -> bool {
    ["lost+found", ".DS_Store", "desktop.ini"].contains(&name)
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}

/// Whether a run or a training of this program's lies in a folder, finished or not.
fn is_run(folder: &Path) -> bool {
    let manifest = |name: &str| {
        let text = fs::read(folder.join(name)).unwrap_or_default();
        serde_json::from_slice::<Manifest>(&text).is_ok()
    };
    let maps = || {
        ["maps.jsonl", "maps.safetensors"]
            .iter()
            .all(|name| folder.join(name).is_file())
    };
    lock::marks(folder)
        // Labelled maps, to which labels are added.
        || maps()
        || manifest("manifest.json")
        || manifest("training/manifest.json")
        || folder.join("training/state.safetensors").is_file()
        || folder.join("training/receipt.json").is_file()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ops::ControlFlow;

    fn folder(name: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("attn-place-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        path
    }

    const CSV: Output<'_> = Output::Marked(&[b"example,layer,head"]);

    #[test]
    fn files_of_others_are_kept() {
        let folder = folder("files");
        let [ours, theirs, empty, none] =
            ["ours", "theirs", "empty", "none"].map(|n| folder.join(n));
        fs::write(&ours, "example,layer,head,class\n").unwrap();
        fs::write(&theirs, "a thesis").unwrap();
        fs::write(&empty, "").unwrap();
        for path in [&ours, &empty, &none] {
            check(path, CSV, &[&theirs]).unwrap();
        }
        let said =
            |path: &Path, inputs: &[&Path]| check(path, CSV, inputs).unwrap_err().to_string();
        assert!(said(&theirs, &[]).contains("did not write"));
        assert!(said(&folder, &[]).contains("found a folder"));
        // The same file by another path is the same file.
        let around = folder
            .join("../")
            .join(folder.file_name().unwrap())
            .join("ours");
        assert!(said(&around, &[&ours]).contains("is the input"));
        check(&theirs, Output::Plain(b"a thesis"), &[]).unwrap();
        check(&theirs, Output::Plain(b"another"), &[]).unwrap_err();
        #[cfg(unix)]
        {
            let link = folder.join("link");
            std::os::unix::fs::symlink(&ours, &link).unwrap();
            assert!(said(&link, &[]).contains("found a link"));
            assert!(said(Path::new("/dev/null"), &[]).contains("a device"));
        }
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn folders_of_others_are_kept() {
        let folder = folder("folders");
        let path = |name: &str| folder.join(name);
        let ok = |name: &str| check(&path(name), Output::Folder, &[]);
        fs::create_dir_all(path("empty")).unwrap();
        fs::create_dir_all(path("thesis/figures")).unwrap();
        fs::write(path("thesis/figures/1.svg"), "mine").unwrap();
        ok("none").unwrap();
        ok("empty").unwrap();
        for name in ["thesis", "thesis/figures"] {
            let said = ok(name).unwrap_err().to_string();
            assert!(
                said.contains("'figures'") || said.contains("'1.svg'"),
                "{said}"
            );
        }
        fs::write(path("file"), "x").unwrap();
        assert!(ok("file").unwrap_err().to_string().contains("found a file"));
        let stop = |_: Option<&lock::Holder>| ControlFlow::Break(());
        let taken = path("run/part");
        let held = lock::FolderLock::acquire(&taken, &serde_json::Value::Null, stop).unwrap();
        fs::create_dir_all(taken.join("figures")).unwrap();
        drop(held);
        fs::write(taken.join("figures/1.svg"), "ours").unwrap();
        for name in ["run", "run/part", "run/part/figures"] {
            ok(name).unwrap();
        }
        let same = check(&path("run"), Output::Folder, &[&path("run")]).unwrap_err();
        assert!(same.to_string().contains("is the input"));
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink(path("run"), path("link")).unwrap();
            ok("link").unwrap();
            std::os::unix::fs::symlink(path("gone"), path("dangling")).unwrap();
            let said = ok("dangling").unwrap_err().to_string();
            assert!(said.contains("found a link"), "{said}");
        }
        fs::remove_dir_all(folder).unwrap();
    }
}
