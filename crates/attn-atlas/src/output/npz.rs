//! NumPy's npz: a ZIP archive of arrays in NumPy's format, version 1.0 ("A Simple File Format for
//! NumPy Arrays", NEP 1).

use super::first_error::FirstError;
use anyhow::Context;
use attn_core::io::Draft;
use std::collections::BTreeMap;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

/// An archive that is being written. Arrays are stored as they come, not compressed, so that NumPy
/// reads them fast.
pub struct Npz {
    archive: ZipWriter<FirstError<BufWriter<Draft>>>,
    path: PathBuf,
    /// Shapes of what is still to come.
    expected: BTreeMap<String, Vec<usize>>,
}

impl Npz {
    /// Begins the archive: f32 arrays of the given names and shapes to come, texts at once, each as an
    /// array of no dimension that holds one string.
    ///
    /// # Errors
    /// When the file cannot be made.
    pub fn create(
        path: &Path,
        tensors: &[(String, Vec<usize>)],
        texts: &[(&str, String)],
    ) -> anyhow::Result<Self> {
        let mut this = Self {
            archive: ZipWriter::new(FirstError::new(BufWriter::new(Draft::create(path)?))),
            path: path.to_owned(),
            expected: tensors.iter().cloned().collect(),
        };
        for (name, text) in texts {
            // NumPy's strings are UTF-32 and may not be empty.
            let codes: Vec<u8> = text
                .chars()
                .chain(text.is_empty().then_some('\0'))
                .flat_map(|c| u32::from(c).to_le_bytes())
                .collect();
            this.entry(name, &format!("<U{}", codes.len() / 4), &[], &codes)?;
        }
        Ok(this)
    }

    fn entry(
        &mut self,
        name: &str,
        kind: &str,
        shape: &[usize],
        bytes: &[u8],
    ) -> anyhow::Result<()> {
        let options = SimpleFileOptions::default()
            .compression_method(zip::CompressionMethod::Stored)
            .last_modified_time(zip::DateTime::default())
            .large_file(bytes.len() > 1 << 31);
        let mut write = || -> anyhow::Result<()> {
            self.archive.start_file(format!("{name}.npy"), options)?;
            self.archive.write_all(&header(kind, shape))?;
            self.archive.write_all(bytes)?;
            Ok(())
        };
        write().with_context(|| format!("{}: cannot write", self.path.display()))
    }

    /// Writes one array.
    ///
    /// # Errors
    /// When the name was not announced or is there already, the number of values differs or the disk
    /// is full.
    pub fn put(&mut self, name: &str, values: &[f32]) -> anyhow::Result<()> {
        let shape = self
            .expected
            .remove(name)
            .with_context(|| format!("array '{name}' was not announced"))?;
        let count: usize = shape.iter().product();
        anyhow::ensure!(
            count == values.len(),
            "array '{name}' has {} values, expected {count}",
            values.len()
        );
        let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        self.entry(name, "<f4", &shape, &bytes)
    }

    /// Completes the archive and gives it its name.
    ///
    /// # Errors
    /// When an array is missing or the system refuses.
    pub fn finish(self) -> anyhow::Result<()> {
        if let Some(missing) = self.expected.keys().next() {
            anyhow::bail!("{}: array '{missing}' was not written", self.path.display());
        }
        let cannot = || format!("{}: cannot write", self.path.display());
        let writer = self.archive.finish().with_context(cannot)?;
        let writer = writer.into_inner().with_context(cannot)?;
        let draft = writer.into_inner().map_err(|e| e.into_error());
        Ok(draft.with_context(cannot)?.finish()?)
    }
}

/// The beginning of an array's file; data begin at a multiple of 64.
fn header(kind: &str, shape: &[usize]) -> Vec<u8> {
    let mut sizes = String::new();
    for size in shape {
        sizes.push_str(&format!("{size}, "));
    }
    let mut text =
        format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': ({sizes}), }}").into_bytes();
    let total = (10 + text.len() + 1).next_multiple_of(64);
    text.resize(total - 11, b' ');
    text.push(b'\n');
    let mut out = b"\x93NUMPY\x01\x00".to_vec();
    out.extend((text.len() as u16).to_le_bytes());
    out.extend(text);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;
    use std::io::Read;

    #[test]
    fn arrays_and_texts_are_where_the_format_says() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("maps.npz");
        let tensors = [("a".to_owned(), vec![2, 1]), ("b".to_owned(), vec![1])];
        let mut file = Npz::create(&path, &tensors, &[("tokens", "[\"é\"]".to_owned())]).unwrap();
        file.put("b", &[9.0]).unwrap();
        assert!(file.put("b", &[9.0]).is_err());
        file.put("a", &[1.0, 2.0]).unwrap();
        file.finish().unwrap();
        let mut archive = zip::ZipArchive::new(File::open(&path).unwrap()).unwrap();
        let mut read = |name: &str| {
            let mut bytes = Vec::new();
            let mut entry = archive.by_name(name).unwrap();
            entry.read_to_end(&mut bytes).unwrap();
            bytes
        };
        let a = read("a.npy");
        assert_eq!((a.len(), &a[..8]), (128 + 8, &b"\x93NUMPY\x01\x00"[..]));
        let text = String::from_utf8_lossy(&a[10..128]);
        assert!(text.starts_with("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 1, ), }"));
        assert!(text.ends_with(" \n"));
        assert_eq!(
            a[128..],
            [1.0f32.to_le_bytes(), 2.0f32.to_le_bytes()].concat()
        );
        let tokens = read("tokens.npy");
        assert!(
            String::from_utf8_lossy(&tokens[10..128])
                .contains("'<U5', 'fortran_order': False, 'shape': ()")
        );
        assert_eq!(tokens[128 + 8..128 + 12], u32::from('é').to_le_bytes());
    }

    #[test]
    fn unfinished_or_wrong_files_leave_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("maps.npz");
        let tensors = [("a".to_owned(), vec![2])];
        let mut file = Npz::create(&path, &tensors, &[]).unwrap();
        assert!(file.put("c", &[1.0]).is_err());
        let error = file.finish().unwrap_err().to_string();
        assert!(error.contains("'a' was not written"), "{error}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
