//! `maps.safetensors`, written as the maps come, in any order and without holding them.

use super::Draft;
use anyhow::Context;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;

/// A safetensors file whose shapes are known beforehand and whose data come later. It stands under
/// a temporary name until [`TensorFile::finish`].
pub struct TensorFile {
    file: File,
    draft: Draft,
    /// Name to absolute start and number of values.
    places: BTreeMap<String, (u64, usize)>,
    written: usize,
}

impl TensorFile {
    /// Lays out the file: f32 tensors of the given names and shapes, with text metadata.
    ///
    /// # Errors
    /// When the file cannot be made.
    pub fn create(
        path: &Path,
        tensors: &[(String, Vec<usize>)],
        metadata: &[(&str, String)],
    ) -> anyhow::Result<Self> {
        let mut header = Map::new();
        let texts: Map<String, Value> = metadata
            .iter()
            .map(|(key, value)| ((*key).to_owned(), Value::from(value.as_str())))
            .collect();
        header.insert("__metadata__".to_owned(), texts.into());
        let mut offset = 0u64;
        let mut places = BTreeMap::new();
        for (name, shape) in tensors {
            let count: usize = shape.iter().product();
            let end = offset + 4 * count as u64;
            header.insert(
                name.clone(),
                json!({ "dtype": "F32", "shape": shape, "data_offsets": [offset, end] }),
            );
            places.insert(name.clone(), (offset, count));
            offset = end;
        }
        let mut header = serde_json::to_vec(&header)?;
        // Data begin at a multiple of eight, as the format asks.
        header.resize(header.len().next_multiple_of(8), b' ');
        let start = 8 + header.len() as u64;
        for (at, _) in places.values_mut() {
            *at += start;
        }
        let (draft, file) = Draft::create(path)?;
        let mut this = Self {
            file,
            draft,
            places,
            written: 0,
        };
        let mut begin = (header.len() as u64).to_le_bytes().to_vec();
        begin.extend(header);
        this.write_at(0, &begin)?;
        Ok(this)
    }

    fn write_at(&mut self, at: u64, bytes: &[u8]) -> anyhow::Result<()> {
        self.file
            .seek(SeekFrom::Start(at))
            .and_then(|_| self.file.write_all(bytes))
            .with_context(|| format!("{}: cannot write", self.draft.path.display()))
    }

    /// Writes one tensor's values.
    ///
    /// # Errors
    /// When the name was not announced, the number of values differs or the disk is full.
    pub fn put(&mut self, name: &str, values: &[f32]) -> anyhow::Result<()> {
        let &(at, count) = self
            .places
            .get(name)
            .with_context(|| format!("tensor '{name}' was not announced"))?;
        anyhow::ensure!(
            count == values.len(),
            "tensor '{name}' has {} values, expected {count}",
            values.len()
        );
        let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        self.written += 1;
        self.write_at(at, &bytes)
    }

    /// Syncs the file and gives it its name.
    ///
    /// # Errors
    /// When a tensor is missing or the system refuses.
    pub fn finish(mut self) -> anyhow::Result<()> {
        anyhow::ensure!(
            self.written == self.places.len(),
            "{}: {} of {} tensors were written",
            self.draft.path.display(),
            self.written,
            self.places.len()
        );
        self.draft.finish(&self.file)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use safetensors::SafeTensors;
    use std::fs;

    #[test]
    fn the_reference_reader_reads_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("maps.safetensors");
        let tensors = [("a".to_owned(), vec![2, 2]), ("b".to_owned(), vec![1])];
        let mut file =
            TensorFile::create(&path, &tensors, &[("tokens", "[[\"é\"]]".to_owned())]).unwrap();
        file.put("b", &[9.0]).unwrap();
        file.put("a", &[1.0, 2.0, 3.0, 4.0]).unwrap();
        file.finish().unwrap();
        let bytes = fs::read(&path).unwrap();
        let read = SafeTensors::deserialize(&bytes).unwrap();
        assert_eq!(read.tensor("a").unwrap().shape(), [2, 2]);
        assert_eq!(read.tensor("b").unwrap().data(), 9.0f32.to_le_bytes());
        let (_, metadata) = SafeTensors::read_metadata(&bytes).unwrap();
        assert_eq!(metadata.metadata().as_ref().unwrap()["tokens"], "[[\"é\"]]");
    }

    #[test]
    fn unfinished_or_wrong_files_leave_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("maps.safetensors");
        let tensors = [("a".to_owned(), vec![2])];
        let mut file = TensorFile::create(&path, &tensors, &[]).unwrap();
        assert!(file.put("b", &[1.0]).is_err());
        assert!(file.put("a", &[1.0]).is_err());
        assert!(file.finish().is_err());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
