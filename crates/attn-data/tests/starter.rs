//! The starter set that the program carries.

use attn_core::{Split, Task};
use attn_data::glue::{self, LoadOptions, Source};
use attn_data::starter::{files, unpack};
use std::collections::BTreeMap;
use std::fs;
use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

/// `datasets/starter` of the repository; not there in a packaged crate.
fn checkout() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../datasets/starter");
    if !folder.is_dir() {
        eprintln!("SKIPPED: no {} here", folder.display());
        return None;
    }
    Some(folder)
}

/// Every file below a folder, by its path there.
fn on_disk(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let (mut found, mut folders) = (BTreeMap::new(), vec![folder.to_owned()]);
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(&next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let inside = path.strip_prefix(folder).unwrap().to_owned();
                found.insert(inside, fs::read(&path).unwrap());
            }
        }
    }
    found
}

#[test]
fn the_archive_is_the_set_in_the_repository() {
    let Some(folder) = checkout() else { return };
    let archive: BTreeMap<PathBuf, Vec<u8>> = files().unwrap().into_iter().collect();
    let expected = on_disk(&folder);
    let names = |of: &BTreeMap<PathBuf, Vec<u8>>| of.keys().cloned().collect::<Vec<_>>();
    assert_eq!(
        names(&archive),
        names(&expected),
        "run this file's ignored test"
    );
    for (name, bytes) in &expected {
        let same = archive[name] == *bytes;
        assert!(
            same,
            "{} differs: run this file's ignored test",
            name.display()
        );
    }
}

#[test]
fn it_is_unpacked_once_and_mended() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("starter");
    assert_eq!(unpack(&place).unwrap(), place);
    let whole = on_disk(&place);
    let source = Source::new(place.join("glue")).unwrap();
    assert!(source.is_starter());
    let rte = glue::load(&source, Task::Rte, Split::Dev, &LoadOptions::default()).unwrap();
    assert!(rte.examples.len() >= 60);
    let file = place.join("glue/RTE/dev.tsv");
    let stamp = || {
        fs::metadata(place.join("glue/RTE/train.tsv"))
            .unwrap()
            .modified()
            .unwrap()
    };
    let before = stamp();
    let mut bytes = whole[Path::new("glue/RTE/dev.tsv")].clone();
    bytes[100] ^= 1;
    fs::write(&file, bytes).unwrap();
    fs::remove_file(place.join("framenet/luIndex.xml")).unwrap();
    unpack(&place).unwrap();
    assert_eq!(on_disk(&place), whole);
    assert_eq!(stamp(), before, "a file that was right was written again");
}

/// No check: writes the archive from the repository's set.
#[test]
#[ignore = "writes assets/starter.zip"]
fn write_the_archive() {
    let folder = checkout().expect("a checkout");
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    // No times: the same files give the same bytes.
    let options = SimpleFileOptions::default()
        .compression_method(zip::CompressionMethod::Deflated)
        .compression_level(Some(9))
        .last_modified_time(zip::DateTime::default());
    for (path, content) in on_disk(&folder) {
        let name = path.to_str().unwrap().replace('\\', "/");
        archive.start_file(name, options).unwrap();
        archive.write_all(&content).unwrap();
    }
    let bytes = archive.finish().unwrap().into_inner();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/starter.zip");
    fs::write(path, bytes).unwrap();
}
