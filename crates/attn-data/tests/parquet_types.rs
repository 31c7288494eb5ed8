//! Parquet files as others write them: labels of every type, columns that nobody needs, every usual
//! layout. `fixtures/parquet.py` made the files with pyarrow and says what is in them.

use attn_core::{Label, Split, Task};
use attn_data::glue::{LoadOptions, Source, load};
use std::path::Path;

/// What `ROWS` in the script holds.
const ROWS: [(&str, &str, usize); 3] = [
    ("A cat sat.", "A cat sat down.", 0),
    ("It rains – très fort.", "It is dry.", 1),
    ("No one came.", "Somebody came.", 1),
];

type Rows = Vec<(String, String, usize)>;

fn read(bytes: &[u8]) -> Result<Rows, String> {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("rte/validation-00000-of-00001.parquet");
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, bytes).unwrap();
    let source = Source::new(root.path()).unwrap();
    let data = load(&source, Task::Rte, Split::Dev, &LoadOptions::default());
    let data = data.map_err(|e| e.to_string())?;
    let row = |example: attn_core::Example| {
        let Some(Label::Class(class)) = example.label else {
            panic!("{example:?}");
        };
        (example.text_a, example.text_b.unwrap(), class)
    };
    Ok(data.examples.into_iter().map(row).collect())
}

fn expected() -> Rows {
    let row = |(a, b, label): (&str, &str, usize)| (a.to_owned(), b.to_owned(), label);
    ROWS.map(row).to_vec()
}

fn fixtures() -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/parquet");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| {
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            (name, std::fs::read(path).unwrap())
        })
        .collect();
    files.sort();
    files
}

#[test]
fn every_type_of_label_and_every_layout_gives_the_same_rows() {
    let refused = ["label_float", "label_list", "label_timestamp"];
    let mut read_well = 0;
    for (name, bytes) in fixtures() {
        let result = read(&bytes);
        if refused.contains(&name.as_str()) {
            let error = result.unwrap_err();
            assert!(
                error.contains("'label'") && error.contains("class indices"),
                "{name}: {error}"
            );
        } else {
            assert_eq!(result.as_ref(), Ok(&expected()), "{name}");
            read_well += 1;
        }
    }
    assert_eq!(read_well, 27);
}

/// Damage at every byte of whole files, pages included: an error that names the file, or rows.
/// (Before sizes were checked, some such bytes ended the program for want of memory.)
#[test]
fn a_damaged_byte_anywhere_is_an_error_or_rows_and_never_an_abort() {
    let kept = [
        "layout_none",
        "layout_no_dictionary",
        "layout_page_v2",
        "layout_delta",
    ];
    let mut errors = 0;
    for (name, bytes) in fixtures() {
        if !kept.contains(&name.as_str()) {
            continue;
        }
        // Every third byte keeps the test short; all bytes, and 0 and 0x7f too, were tried once.
        for at in (0..bytes.len()).step_by(3) {
            for byte in [0xff, bytes[at] ^ 0x10] {
                let mut damaged = bytes.clone();
                damaged[at] = byte;
                if let Err(error) = read(&damaged) {
                    assert!(error.contains("00001.parquet"), "{name} at {at}: {error}");
                    errors += 1;
                }
            }
        }
    }
    assert!(errors > 300, "{errors}");
}

/// Half a kilobyte that says it unpacks to much, in the three ways there are.
#[test]
fn what_unpacks_to_too_much_is_refused_by_name() {
    use polars::prelude::*;
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("x.parquet");
    let long = "a".repeat(1 << 20);
    // One text of a megabyte, a thousand times over: a dictionary stores it once.
    let texts: StringChunked = (0..1000).map(|_| Some(long.as_str())).collect();
    let other: StringChunked = (0..1000).map(|_| Some("b")).collect();
    let labels: Int64Chunked = (0..1000).map(|_| Some(0)).collect();
    let columns = vec![
        texts.with_name("sentence1".into()).into_column(),
        other.with_name("sentence2".into()).into_column(),
        labels.with_name("label".into()).into_column(),
    ];
    let mut frame = DataFrame::new(1000, columns).unwrap();
    ParquetWriter::new(std::fs::File::create(&path).unwrap())
        .with_compression(ParquetCompression::Zstd(None))
        .finish(&mut frame)
        .unwrap();
    let bytes = std::fs::read(&path).unwrap();
    assert!(bytes.len() < 1 << 20, "{}", bytes.len());
    let error = read(&bytes).unwrap_err();
    assert!(
        error.contains("00001.parquet") && error.contains("MAX_UNPACKED_BYTES"),
        "{error}"
    );
    // A footer that says it is long.
    let mut bytes = vec![0; 6 << 20];
    bytes[..4].copy_from_slice(b"PAR1");
    let end = bytes.len();
    bytes[end - 8..end - 4].copy_from_slice(&(5u32 << 20).to_le_bytes());
    bytes[end - 4..].copy_from_slice(b"PAR1");
    let error = read(&bytes).unwrap_err();
    assert!(error.contains("MAX_FOOTER_BYTES"), "{error}");
}
