//! What a downloaded file holds: looked at before it gets its final name, where no pinned hash tells.
//!
//! A login page, a pointer to a file elsewhere or a packed copy has a name, a length and often a
//! hash like the file that was wanted. They are told apart by their first bytes, and the files that a
//! model is read from by their structure.

use attn_core::limits::{MAX_TOKENIZER_BYTES, safetensors_header};
use serde::Deserialize;
use serde::de::IgnoredAny;
use sha1::{Digest, Sha1};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

/// Most bytes of a small file (JSON, text, a vocabulary) of which the catalogue gives no size.
pub(super) const MAX_SMALL_BYTES: u64 = 2 * MAX_TOKENIZER_BYTES;
/// Most bytes of any other file of which the catalogue gives no size.
pub(super) const MAX_UNKNOWN_BYTES: u64 = 16 << 30;

/// The folder in the cache that holds checkpoints of one's own.
const TAKEN: &str = "checkpoints";

/// Checks an artefact's name, which becomes a folder in the cache.
pub(super) fn check_name(name: &str) -> Result<(), String> {
    if !super::catalogue::is_plain(name) {
        return Err("its name may hold letters, digits, '-', '_' and '.', not first a '.'".into());
    }
    if name.eq_ignore_ascii_case(TAKEN) {
        return Err(format!("the name '{TAKEN}' is taken: choose another"));
    }
    Ok(())
}

/// How large a file may be whose size the catalogue does not give.
pub(super) fn most_bytes(path: &str) -> u64 {
    match extension(path).as_str() {
        "json" | "txt" | "md" | "model" | "toml" | "yaml" | "py" | "" => MAX_SMALL_BYTES,
        _ => MAX_UNKNOWN_BYTES,
    }
}

fn extension(path: &str) -> String {
    let name = path.rsplit('/').next().unwrap_or_default();
    name.rsplit_once('.')
        .map_or(String::new(), |(_, extension)| extension.to_lowercase())
}

/// Says what is wrong with the content of a file that is to be called `name`, if anything.
pub(super) fn problem(name: &str, file: &Path) -> io::Result<Option<String>> {
    let mut open = File::open(file)?;
    let mut start = Vec::new();
    (&mut open).take(512).read_to_end(&mut start)?;
    open.seek(SeekFrom::Start(0))?;
    let extension = extension(name);
    let text = String::from_utf8_lossy(&start);
    let text = text.trim_start_matches('\u{feff}').trim_start();
    let begins = |with: &str| {
        text.get(..with.len())
            .is_some_and(|t| t.eq_ignore_ascii_case(with))
    };
    let what = if !matches!(extension.as_str(), "html" | "htm")
        && (begins("<!doctype html") || begins("<html"))
    {
        "is an HTML page: the address may want a login or name another file"
    } else if begins("version https://git-lfs.github.com/spec/") {
        "is a pointer to a file that git-lfs keeps elsewhere"
    } else if start.starts_with(b"\x1f\x8b") && !matches!(extension.as_str(), "gz" | "tgz") {
        "is packed with gzip, and its name does not say so"
    } else {
        let broken = match extension.as_str() {
            "safetensors" => safetensors(&mut open)?,
            "json" => json(&mut open)?,
            "parquet" if !start.starts_with(b"PAR1") => Some("is no Parquet file".to_owned()),
            "zip" if !start.starts_with(b"PK") => Some("is no zip file".to_owned()),
            _ => None,
        };
        return Ok(broken.map(|broken| format!("{name} {broken}; it was not kept")));
    };
    Ok(Some(format!("{name} {what}; it was not kept")))
}

fn json(file: &mut File) -> io::Result<Option<String>> {
    match serde_json::from_reader::<_, IgnoredAny>(BufReader::new(file)) {
        Ok(_) => Ok(None),
        Err(e) if e.is_io() => Err(e.into()),
        Err(e) => Ok(Some(format!("is no JSON ({e})"))),
    }
}

#[derive(Deserialize)]
struct Tensor {
    data_offsets: (u64, u64),
}

/// The header's length and JSON, and that the tensors end where the file does.
fn safetensors(file: &mut File) -> io::Result<Option<String>> {
    let size = file.metadata()?.len();
    let mut start = Vec::new();
    (&mut *file).take(8).read_to_end(&mut start)?;
    if let Err(exceeded) = safetensors_header(&start) {
        return Ok(Some(format!("is no safetensors file: {exceeded}")));
    }
    let Some(length) = start.first_chunk::<8>() else {
        return Ok(Some(format!("is no safetensors file: {size} bytes")));
    };
    let length = u64::from_le_bytes(*length);
    let mut header = Vec::new();
    file.take(length).read_to_end(&mut header)?;
    let tensors: BTreeMap<String, serde_json::Value> = match serde_json::from_slice(&header) {
        Ok(tensors) => tensors,
        Err(e) => return Ok(Some(format!("is no safetensors file: {e}"))),
    };
    let mut end = 0;
    for (name, tensor) in tensors {
        if name == "__metadata__" {
            continue;
        }
        match Tensor::deserialize(&tensor) {
            Ok(tensor) => end = end.max(tensor.data_offsets.1),
            Err(e) => return Ok(Some(format!("is no safetensors file: '{name}': {e}"))),
        }
    }
    let expected = end.saturating_add(8).saturating_add(length);
    Ok((expected != size).then(|| format!("has {size} bytes, its header says {expected}")))
}

/// The hash that git gives a file, in lower-case hex.
pub(super) fn git_hash(file: &Path) -> io::Result<String> {
    let mut open = File::open(file)?;
    let mut hash = Sha1::new();
    hash.update(format!("blob {}\0", open.metadata()?.len()));
    io::copy(&mut open, &mut HashWriter(&mut hash))?;
    Ok(format!("{:x}", hash.finalize()))
}

struct HashWriter<'a>(&'a mut Sha1);

impl io::Write for HashWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(name: &str, bytes: &[u8]) -> Option<String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("part");
        std::fs::write(&path, bytes).unwrap();
        problem(name, &path).unwrap()
    }

    #[test]
    fn what_stands_in_for_a_file_is_told_apart() {
        for (name, bytes, expected) in [
            ("config.json", &b"\n <!DOCTYPE html><html>"[..], "HTML"),
            ("vocab.txt", b"<HTML><body>sign in", "HTML"),
            (
                "model.safetensors",
                b"version https://git-lfs.github.com/spec/v1\noid",
                "git-lfs",
            ),
            ("config.json", b"\x1f\x8b\x08\0", "gzip"),
            ("config.json", b"{\"a\": 1", "no JSON"),
            ("model.safetensors", b"PK", "no safetensors"),
            (
                "model.safetensors",
                b"\xff\xff\xff\xff\0\0\0\0{}",
                "MAX_WEIGHT_HEADER_BYTES",
            ),
            (
                "model.safetensors",
                b"\x02\0\0\0\0\0\0\0{}1",
                "11 bytes, its header says 10",
            ),
            ("x.parquet", b"abc", "Parquet"),
            ("a/x.zip", b"abc", "zip"),
        ] {
            let error = said(name, bytes).unwrap();
            assert!(
                error.contains(expected) && error.contains(name),
                "{name}: {error}"
            );
        }
        for (name, bytes) in [
            ("config.json", &b"{\"a\": [1]}\n"[..]),
            ("model.safetensors", b"\x02\0\0\0\0\0\0\0{}"),
            ("page.html", b"<html>"),
            ("x.tsv.gz", b"\x1f\x8b\x08\0"),
            ("vocab.txt", b"[PAD]\n<html>\n"),
            ("x.bin", b""),
        ] {
            assert_eq!(said(name, bytes), None, "{name}");
        }
    }

    /// `printf 'hello\n' | git hash-object --stdin`
    #[test]
    fn the_hash_is_gits() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        std::fs::write(&path, b"hello\n").unwrap();
        assert_eq!(
            git_hash(&path).unwrap(),
            "ce013625030ba8dba906f756967f9e9ca394464a"
        );
    }
}
