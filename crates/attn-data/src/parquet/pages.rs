//! What a column chunk says about itself, checked before anything of it is unpacked.
//!
//! A page's header says how long the page is once unpacked, and the reader takes that much memory on
//! its word. So the headers are walked first: their sizes and counts must fit the chunk, the file
//! and [`attn_core::limits`].

use attn_core::limits::{MAX_UNPACKED_BYTES, check};
use polars_parquet::read::ColumnChunkMetadata;
use polars_parquet_format::thrift::protocol::TCompactInputProtocol;
use polars_parquet_format::{Encoding, PageHeader};
use std::io::Cursor;

/// Longest header of one page; statistics of long texts are in it.
const MAX_PAGE_HEADER: usize = 1 << 20;

/// Walks the headers of a flat column's chunk of `rows` values and returns the bytes that its pages
/// unpack to, or says what is wrong.
pub(super) fn unpacked(
    chunk: &[u8],
    column: &ColumnChunkMetadata,
    rows: usize,
) -> Result<u64, String> {
    let values = usize::try_from(column.num_values()).ok();
    if values != Some(rows) {
        return Err(format!(
            "holds {} values in a group of {rows} rows",
            column.num_values()
        ));
    }
    let mut cursor = Cursor::new(chunk);
    let (mut seen, mut total) = (0usize, 0u64);
    while seen < rows {
        let at = cursor.position();
        let mut protocol = TCompactInputProtocol::new(&mut cursor, MAX_PAGE_HEADER);
        let header = PageHeader::read_from_in_protocol(&mut protocol)
            .map_err(|e| format!("the page at byte {at} has a broken header: {e}"))?;
        let (packed, size) = (header.compressed_page_size, header.uncompressed_page_size);
        let (Ok(packed), Ok(size)) = (u64::try_from(packed), u64::try_from(size)) else {
            return Err(format!("the page at byte {at} has a negative size"));
        };
        let end = cursor.position().saturating_add(packed);
        if end > chunk.len() as u64 {
            return Err(format!("the page at byte {at} ends behind its column"));
        }
        cursor.set_position(end);
        total = total.saturating_add(size);
        check(
            "unpacked bytes",
            total,
            MAX_UNPACKED_BYTES,
            "MAX_UNPACKED_BYTES",
        )
        .map_err(|e| e.to_string())?;
        let (count, encoding) = match &header {
            PageHeader {
                data_page_header: Some(data),
                ..
            } => (data.num_values, data.encoding),
            PageHeader {
                data_page_header_v2: Some(data),
                ..
            } => {
                let levels = [
                    data.definition_levels_byte_length,
                    data.repetition_levels_byte_length,
                ];
                if levels.iter().any(|&l| l < 0 || l as u64 > size) || data.num_nulls < 0 {
                    return Err(format!("the page at byte {at} contradicts itself"));
                }
                (data.num_values, data.encoding)
            }
            PageHeader {
                dictionary_page_header: Some(dictionary),
                ..
            } => {
                // Every entry of a dictionary takes at least a byte, and a text four for its length.
                if dictionary.num_values < 0 || dictionary.num_values as u64 > size {
                    return Err(format!(
                        "the dictionary at byte {at} has {} entries in {size} bytes",
                        dictionary.num_values
                    ));
                }
                continue;
            }
            _ => continue,
        };
        let Ok(count) = usize::try_from(count) else {
            return Err(format!("the page at byte {at} has a negative count"));
        };
        seen = seen.saturating_add(count);
        if encoding == Encoding::DELTA_BYTE_ARRAY {
            // Each text may repeat all of the one before it, so that sizes say nothing.
            check(
                "bytes that texts in the encoding DELTA_BYTE_ARRAY may unpack to (write them plain or as a dictionary)",
                size.saturating_mul(count as u64),
                MAX_UNPACKED_BYTES,
                "MAX_UNPACKED_BYTES",
            )
            .map_err(|e| e.to_string())?;
        }
    }
    if seen != rows {
        return Err(format!("its pages hold {seen} values, expected {rows}"));
    }
    Ok(total)
}
