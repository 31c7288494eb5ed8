//! `maps.safetensors`, written as the maps come, in any order and without holding them.

use anyhow::Context;
use attn_core::hashes;
use attn_core::io::Draft;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;

const METADATA: &str = "__metadata__";

/// A safetensors file whose shapes are known beforehand and whose data come later. It stands under
/// a temporary name until [`TensorFile::finish`]. Its metadata have the sha256 of each tensor, which
/// is written when the last tensor is: the header has room for it from the start.
pub struct TensorFile {
    draft: Draft,
    header: Map<String, Value>,
    /// Name to absolute start and number of values.
    places: BTreeMap<String, (u64, usize)>,
    hashes: BTreeMap<String, String>,
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
        header.insert(METADATA.to_owned(), texts.into());
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
        let blank = "0".repeat(hashes::LENGTH);
        let mut this = Self {
            draft: Draft::create(path)?,
            header,
            hashes: places.keys().map(|n| (n.clone(), blank.clone())).collect(),
            places,
        };
        let begin = this.begin()?;
        for (at, _) in this.places.values_mut() {
            *at += begin.len() as u64;
        }
        this.hashes.clear();
        this.write_at(0, &begin)?;
        Ok(this)
    }

    /// The file up to its data, with the hashes as they are.
    fn begin(&mut self) -> anyhow::Result<Vec<u8>> {
        let text = serde_json::to_string(&self.hashes)?;
        if let Some(Value::Object(texts)) = self.header.get_mut(METADATA) {
            texts.insert(hashes::KEY.to_owned(), text.into());
        }
        let mut header = serde_json::to_vec(&self.header)?;
        // Data begin at a multiple of eight, as the format asks.
        header.resize(header.len().next_multiple_of(8), b' ');
        let mut begin = (header.len() as u64).to_le_bytes().to_vec();
        begin.extend(header);
        Ok(begin)
    }

    fn write_at(&mut self, at: u64, bytes: &[u8]) -> anyhow::Result<()> {
        self.draft
            .seek(SeekFrom::Start(at))
            .and_then(|_| self.draft.write_all(bytes))
            .with_context(|| format!("{}: cannot write", self.draft.path().display()))
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
        self.hashes.insert(name.to_owned(), hashes::hash(&bytes));
        self.write_at(at, &bytes)
    }

    /// Writes the hashes, syncs the file and gives it its name.
    ///
    /// # Errors
    /// When a tensor is missing or the system refuses.
    pub fn finish(mut self) -> anyhow::Result<()> {
        anyhow::ensure!(
            self.hashes.len() == self.places.len(),
            "{}: {} of {} tensors were written",
            self.draft.path().display(),
            self.hashes.len(),
            self.places.len()
        );
        let begin = self.begin()?;
        self.write_at(0, &begin)?;
        Ok(self.draft.finish()?)
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
        let metadata = metadata.metadata().as_ref().unwrap();
        assert_eq!(metadata["tokens"], "[[\"é\"]]");
        // By sha256sum, of four zero bytes but for the last two: 9.0 is 0x41100000.
        let sums = hashes::Hashes::of(Some(metadata)).unwrap();
        assert!(metadata["sha256"].contains(&hashes::hash(&[0, 0, 0x10, 0x41])));
        for name in ["a", "b"] {
            sums.check(name, read.tensor(name).unwrap().data()).unwrap();
        }
        assert!(sums.check("b", &[0, 0, 0x10, 0x40]).is_err());
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
