//! A Parquet file, read one group of rows and one column at a time.
//!
//! Only the columns that are asked for are looked at; others may be of any type. What the file says
//! about itself is compared with [`attn_core::limits`] before it is unpacked, and a panic of the
//! decoder becomes an error here.

use super::{ParquetError, pages};
use arrow::array::{
    Array, BooleanArray, Float32Array, Float64Array, Int32Array, Int64Array, UInt32Array,
    UInt64Array, Utf8ViewArray,
};
use arrow::datatypes::{ArrowDataType, Field};
use attn_core::guard::quietly;
use attn_core::io::IoError;
use attn_core::limits::{Exceeded, MAX_FOOTER_BYTES, MAX_ROWS, MAX_UNPACKED_BYTES, check};
use polars_buffer::Buffer;
use polars_parquet::parquet::schema::types::{IntegerType, PrimitiveType};
use polars_parquet::read::{
    BasicDecompressor, FileMetadata, PageReader, ParquetType, PhysicalType, PrimitiveConvertedType,
    PrimitiveLogicalType, column_iter_to_arrays, read_metadata,
};
use std::cell::Cell;
use std::fs::File;
use std::io::{Cursor, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// An open file, its footer read and checked.
pub(crate) struct Table {
    path: PathBuf,
    file: File,
    metadata: FileMetadata,
    /// Bytes that the columns read so far were unpacked to.
    unpacked: Cell<u64>,
}

/// The values of one column in one group of rows.
pub(crate) enum Cells {
    Text(Vec<Utf8ViewArray>),
    Whole(Vec<Option<i128>>),
    Bool(Vec<Option<bool>>),
    Real(Vec<Option<f64>>),
}

impl Table {
    /// Opens a file and reads its footer.
    pub(crate) fn open(path: &Path) -> Result<Self, ParquetError> {
        let mut file = File::open(path).map_err(|e| IoError::file(path, "open", e))?;
        let failed = |e| IoError::file(path, "read", e);
        let damaged = |reason: String| ParquetError::Damaged {
            path: path.to_owned(),
            reason,
        };
        let limit = |exceeded: Exceeded| ParquetError::Limit {
            path: path.to_owned(),
            exceeded,
        };
        // The file ends in footer, length of the footer (4 bytes), `PAR1`.
        let size = file.metadata().map_err(failed)?.len();
        let mut tail = [0; 8];
        if size < 12 {
            return Err(damaged(format!("{size} bytes are too few")));
        }
        file.seek(SeekFrom::Start(size - 8)).map_err(failed)?;
        file.read_exact(&mut tail).map_err(failed)?;
        let [a, b, c, d, ..] = tail;
        let footer = u64::from(u32::from_le_bytes([a, b, c, d]));
        if !tail.ends_with(b"PAR1") {
            return Err(damaged("it does not end in 'PAR1'".to_owned()));
        }
        if footer + 12 > size {
            return Err(damaged("its footer is longer than the file".to_owned()));
        }
        check(
            "bytes of footer",
            footer,
            MAX_FOOTER_BYTES,
            "MAX_FOOTER_BYTES",
        )
        .map_err(limit)?;
        let metadata = quietly(|| read_metadata(&mut file))
            .map_err(|e| damaged(e.to_string()))?
            .map_err(|e| damaged(e.to_string()))?;
        let mut rows = 0u64;
        for group in &metadata.row_groups {
            rows = rows.saturating_add(group.num_rows() as u64);
        }
        check("rows", rows, MAX_ROWS, "MAX_ROWS").map_err(limit)?;
        if rows != metadata.num_rows as u64 {
            return Err(damaged(format!(
                "it says {} rows and holds {rows}",
                metadata.num_rows
            )));
        }
        Ok(Self {
            path: path.to_owned(),
            file,
            metadata,
            unpacked: Cell::new(0),
        })
    }

    /// Number of groups of rows.
    pub(crate) fn groups(&self) -> usize {
        self.metadata.row_groups.len()
    }

    /// Rows in a group.
    pub(crate) fn rows(&self, group: usize) -> usize {
        self.metadata
            .row_groups
            .get(group)
            .map_or(0, |group| group.num_rows())
    }

    /// Whether there is a column of that name.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.field(name).is_some()
    }

    fn field(&self, name: &str) -> Option<&ParquetType> {
        let fields = self.metadata.schema().fields();
        fields.iter().find(|field| field.name() == name)
    }

    /// The error for a column that is absent or of another type.
    pub(crate) fn wrong(&self, name: &str, expected: &'static str) -> ParquetError {
        let found = match self.field(name) {
            Some(ParquetType::PrimitiveType(column)) => match &column.logical_type {
                Some(logical) => format!("{:?} ({logical:?})", column.physical_type),
                None => format!("{:?}", column.physical_type),
            },
            Some(ParquetType::GroupType { .. }) => "lists or structures".to_owned(),
            None => {
                let fields = self.metadata.schema().fields();
                let names: Vec<_> = fields.iter().take(40).map(ParquetType::name).collect();
                format!("only the columns {}", names.join(", "))
            }
        };
        ParquetError::Column {
            path: self.path.clone(),
            column: name.to_owned(),
            expected,
            found,
        }
    }

    /// Reads one column of one group of rows. `expected` is for the message when it is absent or of
    /// a type that is no text, number or truth value.
    pub(crate) fn cells(
        &mut self,
        group: usize,
        name: &str,
        expected: &'static str,
    ) -> Result<Cells, ParquetError> {
        let wrong = |table: &Self| table.wrong(name, expected);
        let Some(ParquetType::PrimitiveType(column)) = self.field(name) else {
            return Err(wrong(self));
        };
        let dtype = arrow_type(column).ok_or_else(|| wrong(self))?;
        let nullable =
            column.field_info.repetition != polars_parquet::parquet::schema::Repetition::Required;
        if column.field_info.repetition == polars_parquet::parquet::schema::Repetition::Repeated {
            return Err(wrong(self));
        }
        let field = Field::new(name.into(), dtype, nullable);
        let path = self.path.clone();
        let damaged = |reason: String| ParquetError::Damaged {
            path: path.clone(),
            reason: format!("column '{name}', row group {}: {reason}", group + 1),
        };
        let rows = self.rows(group);
        let chunk = self
            .metadata
            .row_groups
            .get(group)
            .and_then(|group| group.columns_under_root_iter(name)?.next())
            .ok_or_else(|| damaged("it is not there".to_owned()))?;
        // polars computes the range with asserts.
        let range = quietly(|| chunk.byte_range()).map_err(|e| damaged(e.to_string()))?;
        let file = &mut self.file;
        let size = file.metadata().map_or(0, |m| m.len());
        if range.start > range.end || range.end > size {
            return Err(damaged("it lies outside the file".to_owned()));
        }
        let mut bytes = vec![0; (range.end - range.start) as usize];
        file.seek(SeekFrom::Start(range.start))
            .and_then(|_| file.read_exact(&mut bytes))
            .map_err(|e| IoError::file(&path, "read", e))?;
        let unpacked = pages::unpacked(&bytes, chunk, rows).map_err(&damaged)?;
        self.count(unpacked)?;
        if rows == 0 {
            return Ok(Cells::Text(Vec::new()));
        }
        let arrays = quietly(|| {
            let pages = PageReader::new(
                Cursor::new(Buffer::from(bytes)),
                chunk,
                Vec::new(),
                MAX_UNPACKED_BYTES as usize,
            );
            let types = vec![&chunk.descriptor().descriptor.primitive_type];
            column_iter_to_arrays(
                vec![BasicDecompressor::new(pages, Vec::new())],
                types,
                field,
                None,
            )
        })
        .map_err(|e| damaged(e.to_string()))?
        .map_err(|e| damaged(e.to_string()))?
        .0;
        let cells = collect(&arrays).ok_or_else(|| damaged("its type changes".to_owned()))?;
        if cells.len() != rows {
            return Err(damaged(format!(
                "it holds {} values, expected {rows}",
                cells.len()
            )));
        }
        // A text of a dictionary is stored once and read often.
        if let Cells::Text(arrays) = &cells {
            let bytes = arrays.iter().flat_map(|a| a.views().iter());
            self.count(bytes.map(|view| u64::from(view.length)).sum())?;
        }
        Ok(cells)
    }

    /// Adds to the bytes that the file was unpacked to, up to the limit.
    fn count(&self, bytes: u64) -> Result<(), ParquetError> {
        let total = self.unpacked.get().saturating_add(bytes);
        self.unpacked.set(total);
        check(
            "unpacked bytes",
            total,
            MAX_UNPACKED_BYTES,
            "MAX_UNPACKED_BYTES",
        )
        .map_err(|exceeded| ParquetError::Limit {
            path: self.path.clone(),
            exceeded,
        })
    }
}

/// The type to decode a column as, by what Parquet itself says of it (not by the Arrow schema that
/// some writers put beside it): texts, dictionaries of texts among them, whole numbers of any
/// width, real numbers, truth values.
fn arrow_type(column: &PrimitiveType) -> Option<ArrowDataType> {
    use PrimitiveConvertedType as Converted;
    use PrimitiveLogicalType as Logical;
    let unsigned = match (&column.logical_type, &column.converted_type) {
        (Some(Logical::Integer(kind)), _) => matches!(
            kind,
            IntegerType::UInt8 | IntegerType::UInt16 | IntegerType::UInt32 | IntegerType::UInt64
        ),
        (None, Some(kind)) => matches!(
            kind,
            Converted::Uint8 | Converted::Uint16 | Converted::Uint32 | Converted::Uint64
        ),
        _ => false,
    };
    // Dates, times and decimals are numbers underneath, and no labels.
    let plain = matches!(
        column.logical_type,
        None | Some(Logical::Integer(_) | Logical::String | Logical::Enum | Logical::Json)
    ) && !matches!(
        column.converted_type,
        Some(
            Converted::Decimal(..)
                | Converted::Date
                | Converted::TimeMillis
                | Converted::TimeMicros
                | Converted::TimestampMillis
                | Converted::TimestampMicros
                | Converted::Bson
                | Converted::Interval
        )
    );
    match column.physical_type {
        _ if !plain => None,
        PhysicalType::Boolean => Some(ArrowDataType::Boolean),
        PhysicalType::Int32 if unsigned => Some(ArrowDataType::UInt32),
        PhysicalType::Int32 => Some(ArrowDataType::Int32),
        PhysicalType::Int64 if unsigned => Some(ArrowDataType::UInt64),
        PhysicalType::Int64 => Some(ArrowDataType::Int64),
        PhysicalType::Float => Some(ArrowDataType::Float32),
        PhysicalType::Double => Some(ArrowDataType::Float64),
        PhysicalType::ByteArray => Some(ArrowDataType::Utf8View),
        PhysicalType::Int96 | PhysicalType::FixedLenByteArray(_) => None,
    }
}

/// The arrays of one column as values of one kind.
fn collect(arrays: &[Box<dyn Array>]) -> Option<Cells> {
    fn all<A: Array + Clone + 'static>(arrays: &[Box<dyn Array>]) -> Option<Vec<A>> {
        arrays
            .iter()
            .map(|array| array.as_any().downcast_ref::<A>().cloned())
            .collect()
    }
    macro_rules! numbers {
        ($($array:ty => $cells:path),*) => {$(
            if let Some(arrays) = all::<$array>(arrays) {
                let values = arrays.iter().flat_map(|array| array.iter());
                return Some($cells(values.map(|v| v.map(|v| (*v).into())).collect()));
            }
        )*};
    }
    if let Some(texts) = all::<Utf8ViewArray>(arrays) {
        return Some(Cells::Text(texts));
    }
    if let Some(arrays) = all::<BooleanArray>(arrays) {
        let values = arrays.iter().flat_map(|array| array.iter());
        return Some(Cells::Bool(values.collect()));
    }
    numbers!(
        Int32Array => Cells::Whole, Int64Array => Cells::Whole,
        UInt32Array => Cells::Whole, UInt64Array => Cells::Whole,
        Float32Array => Cells::Real, Float64Array => Cells::Real
    );
    None
}

impl Cells {
    fn len(&self) -> usize {
        match self {
            Cells::Text(arrays) => arrays.iter().map(Array::len).sum(),
            Cells::Whole(values) => values.len(),
            Cells::Bool(values) => values.len(),
            Cells::Real(values) => values.len(),
        }
    }

    /// The text of a row; none when it is null or the column holds something else.
    pub(crate) fn text(&self, row: usize) -> Option<&str> {
        let Cells::Text(arrays) = self else {
            return None;
        };
        let mut row = row;
        for array in arrays {
            if row < array.len() {
                return array.get(row);
            }
            row -= array.len();
        }
        None
    }
}
