//! `attn stats` from outside: annotations by another tool, and what the manifest says of them and of the
//! build.

mod common;

use attn_core::{Manifest, Record};
use common::{attn, errors, run, tiny};
use std::path::Path;

/// As spaCy's English models write them, but for a label that nobody knows.
const CONLLU: &str = "\
1\tthe\tthe\tDET\tDT\t_\t2\tdet\t_\t_
2\tdog\tdog\tNOUN\tNN\t_\t3\tnsubj\t_\t_
3\tsees\tsee\tVERB\tVBZ\t_\t0\tROOT\t_\t_
4\ta\ta\tDET\tDT\t_\t5\tdet\t_\t_
5\tcat\tcat\tNOUN\tNN\t_\t3\tdobj\t_\t_

1\tshe\tshe\tPRON\tPRP\t_\t2\tnsubj\t_\t_
2\tsleeps\tsleep\tVERB\tVBZ\t_\t0\tROOT\t_\t_
3\tnow\tnow\tADV\tRB\t_\t2\tMO\t_\t_

";

#[test]
fn one_dobj_is_an_object_row_with_n_1() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    std::fs::create_dir(at("SST-2")).unwrap();
    let rows = "sentence\tlabel\nthe dog sees a cat\t1\nshe sleeps now\t0\n";
    std::fs::write(at("SST-2/dev.tsv"), rows).unwrap();
    std::fs::write(at("texts.conllu"), CONLLU).unwrap();
    let mut command = attn();
    command.args([
        "stats",
        "--tasks",
        "SST-2",
        "--max-length",
        "64",
        "--train-from",
        "file",
    ]);
    command
        .arg("--data")
        .arg(folder.path())
        .arg("--model")
        .arg(tiny());
    command.arg("--annotations").arg(at("texts.conllu"));
    // No `git` on the path, and no repository where it runs.
    command
        .arg("--out")
        .arg(at("out"))
        .current_dir(folder.path())
        .env("PATH", "");
    let output = run(&mut command);
    let said = errors(&output);
    assert!(output.status.success(), "{said}");
    let records: Vec<Record> = attn_core::io::read_jsonl(&at("out").join("records.jsonl")).unwrap();
    let n = |metric: &str| -> Vec<usize> {
        let rows = records.iter().filter(|r| r.metric == metric);
        rows.filter(|r| r.head.is_some()).map(|r| r.n).collect()
    };
    assert_eq!(n("attention_to_object"), [1; 8]);
    assert_eq!(n("attention_to_subject"), [2; 8]);
    let manifest = std::fs::read_to_string(at("out").join("manifest.json")).unwrap();
    let manifest: Manifest = serde_json::from_str(&manifest).unwrap();
    let notes = manifest.notes.join("\n");
    for expected in [
        "dobj → obj (1)",
        "relations that are not known, they count as no feature and no link: MO (1)",
    ] {
        assert!(notes.contains(expected), "{notes}");
        assert!(said.contains(expected), "{said}");
    }
    // The build's revision.
    assert_eq!(manifest.git.as_deref(), option_env!("ATTN_REVISION"));
    let built_in_a_checkout = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../.git")
        .exists();
    assert_eq!(manifest.git.is_some(), built_in_a_checkout);
}
