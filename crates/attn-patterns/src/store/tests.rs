//! Labelled maps on disk.

use super::*;

fn map(id: &str) -> StoredMap {
    StoredMap {
        entry: MapEntry {
            id: id.to_owned(),
            model: "m".to_owned(),
            state: State::FineTuned,
            drawn: Drawn::Balanced,
            task: Task::Mrpc,
            example: "dev.tsv:2".to_owned(),
            layer: 1,
            head: 2,
            tokens: ["[CLS]", "<b>é", "[SEP]"].map(str::to_owned).to_vec(),
            segments: vec![0, 0, 0],
            special: vec![0, 2],
        },
        weights: vec![0.5, 0.25, 0.25, 0.0, 1.0, 0.0, 0.125, 0.125, 0.75],
    }
}

#[test]
fn what_is_written_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let maps = [map("b"), map("a")];
    write(folder.path(), &maps).unwrap();
    assert_eq!(read(folder.path()).unwrap(), maps);
}

#[test]
fn a_changed_weight_is_found_by_its_hash() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &[map("a"), map("b")]).unwrap();
    let path = folder.path().join(WEIGHTS_FILE);
    let mut bytes = std::fs::read(&path).unwrap();
    let last = bytes.len() - 2; // the low byte of b's last weight: still a fine number
    bytes[last] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let error = read(folder.path()).unwrap_err().to_string();
    assert!(
        error.contains("map 'b'") && error.contains("damaged"),
        "{error}"
    );
}

#[test]
fn labellers_see_no_tokenizer() {
    let mut entry = map("a").entry;
    let tokens = |list: &[&str]| list.iter().map(|t| (*t).to_owned()).collect();
    entry.tokens = tokens(&["[CLS]", "br", "##oth", ".", "[SEP]"]);
    entry.special = vec![0, 4];
    assert_eq!(
        entry.neutral_tokens(),
        ["[CLS]", "br", "-oth", ".", "[SEP]"]
    );
    entry.tokens = tokens(&["<s>", "▁Br", "oth", ".", "</s>"]);
    assert_eq!(
        entry.neutral_tokens(),
        ["[CLS]", "br", "-oth", ".", "[SEP]"]
    );
}

#[test]
fn wrong_maps_are_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let broken = |change: fn(&mut StoredMap), expected: &str| {
        let mut wrong = map("x1");
        change(&mut wrong);
        let error = write(folder.path(), &[wrong]).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    };
    broken(|m| m.entry.id = "<x>".to_owned(), "'<x>'");
    broken(|m| m.entry.special = vec![2, 0], "[2, 0]");
    broken(|m| m.entry.special = vec![3], "below 3");
    broken(|m| m.entry.segments = vec![0, 2, 0], "segment 2");
    broken(|m| m.entry.segments = vec![0], "1 segments");
    broken(|m| m.weights.truncate(8), "8 weights for 3 tokens");
    let twice = write(folder.path(), &[map("a"), map("a")]).unwrap_err();
    assert!(twice.to_string().contains("twice"), "{twice}");
    // A list without its weights, a negative weight.
    write(folder.path(), &[map("a")]).unwrap();
    write_jsonl(&folder.path().join(INDEX_FILE), &[map("z").entry]).unwrap();
    let missing = read(folder.path()).unwrap_err().to_string();
    assert!(missing.contains("'z'") && missing.contains("without weights"));
    let mut negative = map("n");
    negative.weights[4] = -0.5;
    write(folder.path(), &[negative]).unwrap();
    let error = read(folder.path()).unwrap_err().to_string();
    assert!(error.contains("query 1, key 1"), "{error}");
}
