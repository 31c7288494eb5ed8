//! The bytes of a model file.
//!
//! ```text
//! 0   magic       8 bytes  "ATTNLING"
//! 8   version     u32 LE
//! 12  sections    u32 LE
//! 16  size        u64 LE   bytes of the payload, which is the rest of the file
//! 24  checksum    u64 LE   of the payload
//! 32  payload: per section its size (u64 LE) and its bytes
//! ```

use crate::hash;

/// First bytes of every model file.
pub(crate) const MAGIC: [u8; 8] = *b"ATTNLING";
/// Version of the format and of the feature templates: old weights mean nothing to new templates.
pub(crate) const VERSION: u32 = 1;
const HEADER: usize = 32;

/// Why bytes are not a model.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    /// The file starts otherwise.
    #[error(
        "not an attn-lingua model: it does not start with the bytes \"ATTNLING\"; name a file that training wrote"
    )]
    Magic,
    /// Written by another version of this crate.
    #[error("model format {found}, but this program reads format {expected}: train the model anew")]
    Version {
        /// The version in the file.
        found: u32,
        /// The version this program reads.
        expected: u32,
    },
    /// Too few or too many bytes.
    #[error(
        "the model's header promises {expected} bytes, but there are {found}: the file is truncated or was appended to; copy or download it again"
    )]
    Size {
        /// Bytes by the header (32 at least).
        expected: u64,
        /// Bytes there are.
        found: u64,
    },
    /// The bytes changed.
    #[error(
        "the model's checksum is {found:016x}, expected {expected:016x}: the file is damaged; copy or download it again"
    )]
    Checksum {
        /// By the header.
        expected: u64,
        /// Of the payload.
        found: u64,
    },
    /// The checksum is right and the contents are not.
    #[error("model section '{section}', byte {at}: {problem}")]
    Content {
        /// Which part of the model.
        section: &'static str,
        /// Offset within the section.
        at: usize,
        /// What is wrong.
        problem: String,
    },
}

/// Wraps sections into a file.
pub(crate) fn pack(sections: &[&[u8]]) -> Vec<u8> {
    let mut payload = Vec::new();
    for section in sections {
        payload.extend_from_slice(&(section.len() as u64).to_le_bytes());
        payload.extend_from_slice(section);
    }
    let mut bytes = Vec::with_capacity(HEADER + payload.len());
    bytes.extend_from_slice(&MAGIC);
    bytes.extend_from_slice(&VERSION.to_le_bytes());
    bytes.extend_from_slice(&(sections.len() as u32).to_le_bytes());
    bytes.extend_from_slice(&(payload.len() as u64).to_le_bytes());
    bytes.extend_from_slice(&hash::checksum(&payload).to_le_bytes());
    bytes.extend_from_slice(&payload);
    bytes
}

/// Checks a file and splits it into its `N` sections.
pub(crate) fn unpack<const N: usize>(bytes: &[u8]) -> Result<[&[u8]; N], Damage> {
    let header = bytes.split_at_checked(HEADER);
    if bytes.len() < MAGIC.len() || bytes[..MAGIC.len()] != MAGIC {
        return Err(Damage::Magic);
    }
    let Some((header, payload)) = header else {
        return Err(Damage::Size {
            expected: HEADER as u64,
            found: bytes.len() as u64,
        });
    };
    let mut reader = Reader::new(&header[MAGIC.len()..], "header");
    let version = u32::from_le_bytes(reader.array("version")?);
    if version != VERSION {
        return Err(Damage::Version {
            found: version,
            expected: VERSION,
        });
    }
    let count = u32::from_le_bytes(reader.array("number of sections")?);
    let size = u64::from_le_bytes(reader.array("size")?);
    let expected = u64::from_le_bytes(reader.array("checksum")?);
    if size != payload.len() as u64 {
        let expected = size.saturating_add(HEADER as u64);
        return Err(Damage::Size {
            expected,
            found: bytes.len() as u64,
        });
    }
    let found = hash::checksum(payload);
    if found != expected {
        return Err(Damage::Checksum { expected, found });
    }
    let mut reader = Reader::new(payload, "payload");
    if count as usize != N {
        return Err(reader.damage(format!("{count} sections where {N} are expected")));
    }
    let mut sections = [&[][..]; N];
    for section in &mut sections {
        let size = u64::from_le_bytes(reader.array("section size")?);
        *section = reader.bytes(size, "section")?;
    }
    reader.finish()?;
    Ok(sections)
}

/// Writes an unsigned number in LEB128.
pub(crate) fn write_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Writes texts: their number, then each with its length in front.
pub(crate) fn write_texts(out: &mut Vec<u8>, texts: &[String]) {
    write_varint(out, texts.len() as u64);
    for text in texts {
        write_varint(out, text.len() as u64);
        out.extend_from_slice(text.as_bytes());
    }
}

/// A cursor over bytes that may end too soon.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    section: &'static str,
}

impl<'a> Reader<'a> {
    /// Reads `bytes`; `section` is for messages.
    pub(crate) fn new(bytes: &'a [u8], section: &'static str) -> Self {
        Self {
            bytes,
            at: 0,
            section,
        }
    }

    /// The error `problem` at the current place.
    pub(crate) fn damage(&self, problem: String) -> Damage {
        Damage::Content {
            section: self.section,
            at: self.at,
            problem,
        }
    }

    /// One byte.
    #[inline]
    pub(crate) fn byte(&mut self, what: &str) -> Result<u8, Damage> {
        let byte = self.bytes.get(self.at).copied();
        let byte = byte.ok_or_else(|| self.damage(format!("ends before the {what}")))?;
        self.at += 1;
        Ok(byte)
    }

    /// `size` bytes.
    pub(crate) fn bytes(&mut self, size: u64, what: &str) -> Result<&'a [u8], Damage> {
        let left = &self.bytes[self.at..];
        let Some(bytes) = usize::try_from(size).ok().and_then(|size| left.get(..size)) else {
            return Err(self.damage(format!(
                "{size} bytes of {what} expected, {} left",
                left.len()
            )));
        };
        self.at += bytes.len();
        Ok(bytes)
    }

    /// `N` bytes as an array.
    pub(crate) fn array<const N: usize>(&mut self, what: &str) -> Result<[u8; N], Damage> {
        let mut array = [0; N];
        array.copy_from_slice(self.bytes(N as u64, what)?);
        Ok(array)
    }

    /// A LEB128 number.
    #[inline]
    pub(crate) fn varint(&mut self, what: &str) -> Result<u64, Damage> {
        let mut value = 0u64;
        for shift in (0..63).step_by(7) {
            let byte = self.byte(what)?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(self.damage(format!("the {what} is too large a number")))
    }

    /// What [`write_texts`] wrote.
    pub(crate) fn texts(&mut self, what: &str) -> Result<Vec<String>, Damage> {
        let count = self.varint(what)?;
        let mut texts = Vec::new();
        for _ in 0..count {
            let size = self.varint(what)?;
            let bytes = self.bytes(size, what)?;
            let text = std::str::from_utf8(bytes);
            texts.push(
                text.map_err(|_| self.damage(format!("a {what} is not UTF-8")))?
                    .to_owned(),
            );
        }
        Ok(texts)
    }

    /// Ends reading: what is left over is damage.
    pub(crate) fn finish(self) -> Result<(), Damage> {
        match self.bytes.len() - self.at {
            0 => Ok(()),
            left => Err(self.damage(format!("{left} bytes too many"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_come_back_and_every_damage_is_seen() {
        let bytes = pack(&[b"first", b"", b"third"]);
        assert_eq!(unpack::<3>(&bytes).unwrap(), [&b"first"[..], b"", b"third"]);
        for end in 0..bytes.len() {
            assert!(unpack::<3>(&bytes[..end]).is_err(), "cut at {end}");
        }
        for i in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[i] ^= 1;
            assert!(unpack::<3>(&damaged).is_err(), "byte {i}");
        }
        let mut longer = bytes.clone();
        longer.push(0);
        assert!(matches!(unpack::<3>(&longer), Err(Damage::Size { .. })));
        assert!(matches!(unpack::<2>(&bytes), Err(Damage::Content { .. })));
    }

    #[test]
    fn numbers_and_texts_come_back() {
        let mut bytes = Vec::new();
        for value in [0, 127, 128, 300, u64::from(u32::MAX), 1 << 62] {
            bytes.clear();
            write_varint(&mut bytes, value);
            assert_eq!(Reader::new(&bytes, "t").varint("n").unwrap(), value);
        }
        assert!(Reader::new(&[0xff; 12], "t").varint("n").is_err());
        let texts = ["".to_owned(), "NOUN|NN".to_owned(), "ü".to_owned()];
        bytes.clear();
        write_texts(&mut bytes, &texts);
        assert_eq!(Reader::new(&bytes, "t").texts("tag").unwrap(), texts);
        bytes[0] = 9;
        assert!(Reader::new(&bytes, "t").texts("tag").is_err());
    }
}
