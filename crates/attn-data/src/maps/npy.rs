//! NumPy's array format ("A Simple File Format for NumPy Arrays", NEP 1), versions 1 to 3.

use std::io::{self, Read};

/// How numbers are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    F16,
    Bf16,
    F32,
    F64,
}

impl Kind {
    pub fn bytes(self) -> usize {
        match self {
            Kind::F16 | Kind::Bf16 => 2,
            Kind::F32 => 4,
            Kind::F64 => 8,
        }
    }

    /// One number of little-endian bytes.
    pub fn number(self, bytes: &[u8]) -> f32 {
        match (self, bytes) {
            (Kind::F16, &[a, b]) => half::f16::from_le_bytes([a, b]).to_f32(),
            (Kind::Bf16, &[a, b]) => half::bf16::from_le_bytes([a, b]).to_f32(),
            (Kind::F32, &[a, b, c, d]) => f32::from_le_bytes([a, b, c, d]),
            (Kind::F64, &[a, b, c, d, e, f, g, h]) => {
                f64::from_le_bytes([a, b, c, d, e, f, g, h]) as f32
            }
            _ => f32::NAN,
        }
    }
}

/// What stands before an array's data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// NumPy's type string, for example `<f4`.
    pub descr: String,
    pub fortran: bool,
    pub shape: Vec<usize>,
    /// Bytes before the data.
    pub start: u64,
}

impl Header {
    /// The kind of number and whether its bytes are big-endian; `None` for anything else.
    pub fn kind(&self) -> Option<(Kind, bool)> {
        let kind = match self.descr.get(1..)? {
            "f2" => Kind::F16,
            "f4" => Kind::F32,
            "f8" => Kind::F64,
            _ => return None,
        };
        match self.descr.get(..1)? {
            "<" | "=" | "|" => Some((kind, false)),
            ">" => Some((kind, true)),
            _ => None,
        }
    }

    /// Characters of each string in an array of NumPy's little-endian UTF-32.
    pub fn characters(&self) -> Option<usize> {
        self.descr.strip_prefix("<U")?.parse().ok()
    }

    /// Number of values; `None` when no memory could hold them.
    pub fn count(&self) -> Option<usize> {
        self.shape
            .iter()
            .try_fold(1usize, |all, &n| all.checked_mul(n))
    }
}

/// Headers are a line of text; more is no header.
const LONGEST: usize = 1 << 16;

/// Reads a header. `Ok(Err)` says what is wrong with it.
pub fn header(input: &mut dyn Read) -> io::Result<Result<Header, String>> {
    let mut start = [0u8; 8];
    input.read_exact(&mut start)?;
    if start[..6] != *b"\x93NUMPY" {
        return Ok(Err("is no NumPy array".to_owned()));
    }
    let width = match start[6] {
        1 => 2,
        2 | 3 => 4,
        other => return Ok(Err(format!("has NumPy's format version {other}"))),
    };
    let mut size = [0u8; 4];
    input.read_exact(&mut size[..width])?;
    let size = u32::from_le_bytes(size) as usize;
    if size > LONGEST {
        return Ok(Err(format!("has a header of {size} bytes")));
    }
    let mut text = vec![0u8; size];
    input.read_exact(&mut text)?;
    let text = String::from_utf8_lossy(&text);
    Ok(parse(&text)
        .map(|(descr, fortran, shape)| Header {
            descr,
            fortran,
            shape,
            start: (8 + width + size) as u64,
        })
        .ok_or_else(|| format!("has a header that is not understood: {}", text.trim())))
}

/// The three entries of the header, a Python dictionary.
fn parse(text: &str) -> Option<(String, bool, Vec<usize>)> {
    let after = |key: &str| {
        let (_, rest) = text.split_once(&format!("'{key}'"))?;
        Some(rest.trim_start().strip_prefix(':')?.trim_start())
    };
    let descr = after("descr")?.strip_prefix('\'')?.split_once('\'')?.0;
    let fortran = after("fortran_order")?.starts_with("True");
    let inside = after("shape")?.strip_prefix('(')?.split_once(')')?.0;
    let shape = inside
        .split(',')
        .map(str::trim)
        .filter(|size| !size.is_empty())
        .map(|size| size.parse().ok())
        .collect::<Option<Vec<usize>>>()?;
    Some((descr.to_owned(), fortran, shape))
}

/// Column-major values, row-major.
pub fn from_fortran(values: &[f32], shape: &[usize]) -> Vec<f32> {
    // The first index runs fastest in the input, the last in the output.
    let mut out = Vec::with_capacity(values.len());
    let mut index = vec![0usize; shape.len()];
    for _ in 0..values.len() {
        let (at, _) = index
            .iter()
            .zip(shape)
            .fold((0, 1), |(at, step), (i, n)| (at + i * step, step * n));
        out.push(values.get(at).copied().unwrap_or(f32::NAN));
        for (place, n) in index.iter_mut().zip(shape).rev() {
            *place += 1;
            if *place < *n {
                break;
            }
            *place = 0;
        }
    }
    out
}

/// The strings of an array of NumPy's UTF-32; a character that is none becomes U+FFFD.
pub fn strings(bytes: &[u8], characters: usize) -> Vec<String> {
    bytes
        .chunks_exact((characters * 4).max(4))
        .map(|string| {
            let codes = string
                .as_chunks::<4>()
                .0
                .iter()
                .map(|c| u32::from_le_bytes(*c));
            let text: String = codes
                .map(|code| char::from_u32(code).unwrap_or('\u{fffd}'))
                .collect();
            text.trim_end_matches('\0').to_owned()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_as_numpy_writes_them() {
        let text = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }  \n";
        let parsed = parse(text).unwrap();
        assert_eq!(parsed, ("<f4".to_owned(), false, vec![2, 3]));
        let scalar = parse("{'descr': '<U5', 'fortran_order': True, 'shape': (), }");
        assert_eq!(scalar, Some(("<U5".to_owned(), true, Vec::new())));
        for bad in [
            "",
            "{}",
            "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }",
        ] {
            assert_eq!(parse(bad), None, "{bad}");
        }
        let error = header(&mut &b"\x93NUMPY\x09\x00 "[..])
            .unwrap()
            .unwrap_err();
        assert!(error.contains("version 9"), "{error}");
        assert!(header(&mut &b"\x93NUM"[..]).is_err());
    }

    #[test]
    fn column_major_becomes_row_major() {
        // [[1, 2, 3], [4, 5, 6]]
        let fortran = [1.0, 4.0, 2.0, 5.0, 3.0, 6.0];
        assert_eq!(
            from_fortran(&fortran, &[2, 3]),
            [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]
        );
    }
}
