//! The three formats: where each array lies, and its numbers when they are asked for.

use super::MapsError;
use super::npy::{self, Header, Kind};
use attn_core::hashes::{Hasher, Hashes};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::Path;
use zip::ZipArchive;

/// Texts by name: JSON, or an array of strings.
pub type Given = BTreeMap<String, Value>;

/// An array in the file.
#[derive(Debug, Clone)]
pub struct Array {
    pub name: String,
    pub shape: Vec<usize>,
    kind: Kind,
    big_endian: bool,
    fortran: bool,
    count: usize,
    place: Place,
}

#[derive(Debug, Clone, Copy)]
enum Place {
    /// Bytes from the start of the file.
    At(u64),
    /// An entry of the archive, and how many bytes of it are header.
    Entry(usize, u64),
}

/// An open file.
pub enum Source {
    Plain(BufReader<File>, Hashes),
    Archive(Box<ZipArchive<BufReader<File>>>),
}

/// Headers beyond this many bytes are damage.
const LONGEST_HEADER: u64 = 1 << 30;

/// Opens a file; the arrays are in its own order, those of other than numbers left out.
pub fn open(path: &Path) -> Result<(Source, Vec<Array>, Given), MapsError> {
    let io = |e| MapsError::io(path, e);
    let mut file = BufReader::new(File::open(path).map_err(io)?);
    let size = file.get_ref().metadata().map_err(io)?.len();
    let mut start = Vec::new();
    file.by_ref().take(8).read_to_end(&mut start).map_err(io)?;
    if start.starts_with(b"PK\x03\x04") || start.starts_with(b"PK\x05\x06") {
        file.rewind().map_err(io)?;
        return archive(path, file);
    }
    if start.starts_with(b"\x93NUMPY") {
        file.rewind().map_err(io)?;
        let header = npy::header(&mut file)
            .map_err(io)?
            .map_err(|what| MapsError::format(path, what))?;
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        let array = numbers(path, &name, &header, Place::At(header.start))?;
        if header.start + (array.count * array.kind.bytes()) as u64 != size {
            return Err(MapsError::format(
                path,
                "has another size than its header says",
            ));
        }
        return Ok((
            Source::Plain(file, Hashes::default()),
            vec![array],
            Given::new(),
        ));
    }
    safetensors(path, file, &start, size)
}

/// An array that must be one of numbers.
fn numbers(path: &Path, name: &str, header: &Header, place: Place) -> Result<Array, MapsError> {
    let wrong = |expected: &str, found: String| MapsError::Array {
        path: path.to_owned(),
        array: name.to_owned(),
        expected: expected.to_owned(),
        found,
    };
    let (kind, big_endian) = header.kind().ok_or_else(|| {
        wrong(
            "float16, float32 or float64",
            format!("the type '{}'", header.descr),
        )
    })?;
    let count = header
        .count()
        .filter(|n| n.checked_mul(8).is_some())
        .ok_or_else(|| wrong("a size that fits memory", format!("{:?}", header.shape)))?;
    Ok(Array {
        name: name.to_owned(),
        shape: header.shape.clone(),
        kind,
        big_endian,
        fortran: header.fortran,
        count,
        place,
    })
}

fn safetensors(
    path: &Path,
    mut file: BufReader<File>,
    start: &[u8],
    size: u64,
) -> Result<(Source, Vec<Array>, Given), MapsError> {
    let unknown = || MapsError::format(path, "is none of the formats known");
    let start = <[u8; 8]>::try_from(start).map_err(|_| unknown())?;
    let length = u64::from_le_bytes(start);
    if length.saturating_add(8) > size || length > LONGEST_HEADER {
        return Err(unknown());
    }
    let mut text = Vec::new();
    file.by_ref()
        .take(length)
        .read_to_end(&mut text)
        .map_err(|e| MapsError::io(path, e))?;
    let metadata: safetensors::tensor::Metadata = serde_json::from_slice(&text).map_err(|e| {
        MapsError::format(path, format!("has a header that is not understood ({e})"))
    })?;
    if metadata.data_len() as u64 + 8 + length != size {
        return Err(MapsError::format(
            path,
            format!(
                "has {size} bytes, {} expected: the file is cut or damaged",
                metadata.data_len() as u64 + 8 + length
            ),
        ));
    }
    let mut arrays = Vec::new();
    for name in metadata.offset_keys() {
        let Some(info) = metadata.info(&name) else {
            continue;
        };
        let kind = match info.dtype {
            safetensors::Dtype::F16 => Kind::F16,
            safetensors::Dtype::BF16 => Kind::Bf16,
            safetensors::Dtype::F32 => Kind::F32,
            safetensors::Dtype::F64 => Kind::F64,
            other => {
                return Err(MapsError::Array {
                    path: path.to_owned(),
                    array: name,
                    expected: "F16, BF16, F32 or F64".to_owned(),
                    found: format!("{other:?}"),
                });
            }
        };
        let (from, to) = info.data_offsets;
        let count = info
            .shape
            .iter()
            .try_fold(1usize, |all, &n| all.checked_mul(n));
        let count = count
            .filter(|n| n.checked_mul(kind.bytes()) == to.checked_sub(from))
            .ok_or_else(|| MapsError::Array {
                path: path.to_owned(),
                array: name.clone(),
                expected: format!("the bytes of {:?}", info.shape),
                found: format!("{} bytes", to.saturating_sub(from)),
            })?;
        arrays.push(Array {
            name,
            shape: info.shape.clone(),
            kind,
            big_endian: false,
            fortran: false,
            count,
            place: Place::At(8 + length + from as u64),
        });
    }
    let given = metadata.metadata().clone().unwrap_or_default();
    let given = given
        .into_iter()
        .map(|(key, text)| (key, json(&text)))
        .collect();
    let hashes =
        Hashes::of(metadata.metadata().as_ref()).map_err(|what| MapsError::format(path, what))?;
    Ok((Source::Plain(file, hashes), arrays, given))
}

/// A text as JSON, or as a string where it is none.
fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| Value::from(text))
}

fn archive(path: &Path, file: BufReader<File>) -> Result<(Source, Vec<Array>, Given), MapsError> {
    let broken = |e: &dyn std::fmt::Display| {
        MapsError::format(path, format!("is a zip that cannot be read ({e})"))
    };
    let mut zip = ZipArchive::new(file).map_err(|e| broken(&e))?;
    let (mut arrays, mut given) = (Vec::new(), Given::new());
    for index in 0..zip.len() {
        let mut entry = zip.by_index(index).map_err(|e| broken(&e))?;
        let name = entry.name().map_err(|e| broken(&e))?.into_owned();
        let Some(name) = name.strip_suffix(".npy") else {
            return Err(MapsError::format(
                path,
                format!("is a zip with '{name}', which is no NumPy array"),
            ));
        };
        let header = npy::header(&mut entry)
            .map_err(|e| broken(&e))?
            .map_err(|what| MapsError::format(path, format!("holds '{name}', which {what}")))?;
        let Some(characters) = header.characters() else {
            let place = Place::Entry(index, header.start);
            arrays.push(numbers(path, name, &header, place)?);
            continue;
        };
        // Text is short beside maps; no more is read than the archive says there is.
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).map_err(|e| broken(&e))?;
        let mut strings = npy::strings(&bytes, characters);
        let value = match header.shape.len() {
            0 => json(&strings.pop().unwrap_or_default()),
            _ => Value::from(strings),
        };
        given.insert(name.to_owned(), value);
    }
    Ok((Source::Archive(Box::new(zip)), arrays, given))
}

impl Source {
    /// An array's numbers, row-major.
    pub fn read(&mut self, path: &Path, array: &Array) -> Result<Vec<f32>, MapsError> {
        let io = |e| MapsError::io(path, e);
        let values = match (self, array.place) {
            (Source::Plain(file, hashes), Place::At(at)) => {
                file.seek(SeekFrom::Start(at)).map_err(io)?;
                let mut hasher = hashes.are_there().then(Hasher::default);
                let values = decode(file, array, hasher.as_mut()).map_err(io)?;
                if let Some(hasher) = hasher {
                    let whole = hashes.compare(&array.name, &hasher.finish());
                    whole.map_err(|found| MapsError::Array {
                        path: path.to_owned(),
                        array: array.name.clone(),
                        expected: "the bytes that the file's hashes name".to_owned(),
                        found,
                    })?;
                }
                values
            }
            (Source::Archive(zip), Place::Entry(index, start)) => {
                let mut entry = zip
                    .by_index(index)
                    .map_err(|e| MapsError::format(path, format!("cannot be unpacked ({e})")))?;
                io::copy(&mut entry.by_ref().take(start), &mut io::sink()).map_err(io)?;
                let values = decode(&mut entry, array, None).map_err(io)?;
                // To the end, so that the checksum is looked at.
                let rest = io::copy(&mut entry, &mut io::sink()).map_err(io)?;
                if rest > 0 {
                    return Err(MapsError::Array {
                        path: path.to_owned(),
                        array: array.name.clone(),
                        expected: format!("the bytes of {:?}", array.shape),
                        found: format!("{rest} bytes more"),
                    });
                }
                values
            }
            _ => return Err(MapsError::format(path, "changed its format")),
        };
        Ok(if array.fortran {
            npy::from_fortran(&values, &array.shape)
        } else {
            values
        })
    }
}

/// Decodes in blocks, so that memory holds the numbers and little else.
fn decode(
    input: &mut dyn Read,
    array: &Array,
    mut hasher: Option<&mut Hasher>,
) -> io::Result<Vec<f32>> {
    let width = array.kind.bytes();
    let mut block = vec![0u8; width * 8192];
    let mut values = Vec::new();
    while values.len() < array.count {
        let wanted = (array.count - values.len()).min(8192) * width;
        let part = &mut block[..wanted];
        input.read_exact(part)?;
        if let Some(hasher) = hasher.as_mut() {
            hasher.update(part);
        }
        if array.big_endian {
            part.chunks_exact_mut(width).for_each(<[u8]>::reverse);
        }
        values.extend(part.chunks_exact(width).map(|b| array.kind.number(b)));
    }
    Ok(values)
}
