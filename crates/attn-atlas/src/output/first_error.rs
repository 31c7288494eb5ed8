//! A writer that fails once.
//!
//! zip's writer tries to complete an archive when it is dropped, and prints a message of its own where
//! that fails. After the first error the archive is given up anyway, so what follows need not fail too.

use std::io::{self, Seek, SeekFrom, Write};

/// Passes everything on up to the first error; after it, takes everything and keeps nothing.
pub(super) struct FirstError<W> {
    inner: W,
    failed: bool,
}

impl<W: Write + Seek> FirstError<W> {
    pub(super) fn new(inner: W) -> Self {
        Self {
            inner,
            failed: false,
        }
    }

    /// The writer, flushed.
    ///
    /// # Errors
    /// When flushing fails or anything failed before.
    pub(super) fn into_inner(mut self) -> io::Result<W> {
        self.flush()?;
        if self.failed {
            return Err(io::Error::other("an earlier write failed"));
        }
        Ok(self.inner)
    }

    fn once<T>(&mut self, after: T, call: impl FnOnce(&mut W) -> io::Result<T>) -> io::Result<T> {
        if self.failed {
            return Ok(after);
        }
        let result = call(&mut self.inner);
        let interrupted = |e: &io::Error| e.kind() == io::ErrorKind::Interrupted;
        self.failed = result.as_ref().is_err_and(|e| !interrupted(e));
        result
    }
}

impl<W: Write + Seek> Write for FirstError<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.once(bytes.len(), |inner| inner.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.once((), Write::flush)
    }
}

impl<W: Write + Seek> Seek for FirstError<W> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.once(0, |inner| inner.seek(to))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    #[test]
    fn the_first_error_is_told_and_the_rest_is_silent() {
        let mut room = [0u8; 4];
        let mut full = FirstError::new(Cursor::new(&mut room[..]));
        full.write_all(b"1234").unwrap();
        assert!(full.seek(SeekFrom::Start(0)).is_ok());
        assert!(full.seek(SeekFrom::Current(-9)).is_err(), "the first error");
        assert!(full.write_all(b"123456789").is_ok() && full.flush().is_ok());
        assert!(full.into_inner().is_err());
        let whole = FirstError::new(Cursor::new(vec![1]));
        assert_eq!(whole.into_inner().unwrap().into_inner(), [1]);
    }
}
