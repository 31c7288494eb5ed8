//! Hashes of the tensors in a file of attention maps, kept in the file's metadata.

use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, HashMap};

/// The metadata's entry: a JSON object from a tensor's name to the sha256 of its bytes.
pub const KEY: &str = "sha256";

/// Length of a hash in hexadecimal digits.
pub const LENGTH: usize = 64;

/// The hash of a tensor's bytes.
pub fn hash(bytes: &[u8]) -> String {
    let mut hasher = Hasher::default();
    hasher.update(bytes);
    hasher.finish()
}

/// A hash of bytes that come one part after another.
#[derive(Debug, Clone, Default)]
pub struct Hasher(Sha256);

impl Hasher {
    /// Takes the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The hash in hexadecimal digits.
    pub fn finish(self) -> String {
        let digest = self.0.finalize();
        digest.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// The hashes that a file carries.
#[derive(Debug, Clone, Default)]
pub struct Hashes(Option<BTreeMap<String, String>>);

impl Hashes {
    /// Those in a file's metadata; a file without any (an older version's, another program's) has
    /// nothing to check.
    ///
    /// # Errors
    /// An entry that is not as it should be.
    pub fn of(metadata: Option<&HashMap<String, String>>) -> Result<Self, String> {
        let Some(text) = metadata.and_then(|entries| entries.get(KEY)) else {
            return Ok(Self(None));
        };
        match serde_json::from_str(text) {
            Ok(hashes) => Ok(Self(Some(hashes))),
            Err(error) => Err(format!("its metadata '{KEY}' is damaged: {error}")),
        }
    }

    /// Whether the file carries hashes.
    pub fn are_there(&self) -> bool {
        self.0.is_some()
    }

    /// Whether a tensor is as it was written.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn check(&self, name: &str, bytes: &[u8]) -> Result<(), String> {
        if !self.are_there() {
            return Ok(());
        }
        self.compare(name, &hash(bytes))
    }

    /// The same for a tensor whose hash is known.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn compare(&self, name: &str, found: &str) -> Result<(), String> {
        let Some(hashes) = &self.0 else { return Ok(()) };
        match hashes.get(name) {
            Some(expected) if expected == found => Ok(()),
            Some(expected) => Err(format!(
                "its bytes have the sha256 {found}, expected {expected}: the file is damaged"
            )),
            None => Err("the file's hashes do not name it: the file is damaged".to_owned()),
        }
    }
}
