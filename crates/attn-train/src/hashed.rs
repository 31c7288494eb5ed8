//! A writer that ends what it wrote with its sha256.

use sha2::{Digest, Sha256};
use std::io::Write;

/// Passes bytes on and keeps their hash.
pub(crate) struct Hashed<'a> {
    out: &'a mut dyn Write,
    hash: Sha256,
}

impl<'a> Hashed<'a> {
    pub fn new(out: &'a mut dyn Write) -> Self {
        let hash = Sha256::new();
        Self { out, hash }
    }

    /// Writes the hash of all that was written.
    pub fn seal(self) -> std::io::Result<()> {
        self.out.write_all(&self.hash.finalize())
    }
}

impl Write for Hashed<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.hash.update(bytes.get(..written).unwrap_or_default());
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.out.flush()
    }
}
