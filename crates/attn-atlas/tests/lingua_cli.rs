//! `attn lingua` from the outside: training on a tiny treebank, scoring, annotating, and a broken line.

use std::fmt::Write;
use std::path::Path;
use std::process::{Command, Output};

fn attn(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_attn"))
        .args(args)
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// "the DOG sees a CAT ." with other nouns and verbs each time.
fn treebank(sentences: usize) -> String {
    let (nouns, verbs) = (["dog", "cat", "bird", "man"], ["sees", "likes", "hears"]);
    let mut out = String::new();
    for i in 0..sentences {
        let (a, b) = (nouns[i % 4], nouns[(i / 4 + 1) % 4]);
        let verb = verbs[i % 3];
        let _ = write!(
            out,
            "# sent_id = {i}\n# text = the {a} {verb} a {b} .\n1\tthe\tthe\tDET\tDT\t_\t2\tdet\t_\t_\n2\t{a}\t{a}\tNOUN\tNN\t_\t3\tnsubj\t_\t_\n\
             3\t{verb}\t{verb}\tVERB\tVBZ\t_\t0\troot\t_\t_\n4\ta\ta\tDET\tDT\t_\t5\tdet\t_\t_\n5\t{b}\t{b}\tNOUN\tNN\t_\t3\tobj\t_\t_\n\
             6\t.\t.\tPUNCT\t.\t_\t3\tpunct\t_\t_\n\n"
        );
    }
    out
}

fn write(folder: &Path) {
    for (section, count) in [("train", 60), ("dev", 10), ("test", 10)] {
        let path = folder.join(format!("en_ewt-ud-{section}.conllu"));
        std::fs::write(path, treebank(count)).unwrap();
    }
}

#[test]
fn a_tiny_treebank_is_learnt_and_gives_the_same_bytes_twice() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path());
    let bank = folder.path().to_str().unwrap();
    let train = |name: &str| {
        let out = folder.path().join(name);
        let path = out.to_str().unwrap();
        let run = attn(&["lingua", "train", "--treebank", bank, "--out", path]);
        assert!(run.status.success(), "{}", text(&run.stderr));
        assert!(text(&run.stderr).contains("parser 1, epoch 9 of 9"));
        out
    };
    let (first, second) = (train("a/model.bin"), train("b/model.bin"));
    assert_eq!(
        std::fs::read(&first).unwrap(),
        std::fs::read(&second).unwrap()
    );
    let table = std::fs::read_to_string(first.with_extension("md")).unwrap();
    let test = table
        .lines()
        .find(|l| l.starts_with("| EWT test | gold words | as is"));
    assert!(test.unwrap().contains("| 100.00 | 100.00 |"), "{table}");

    let model = first.to_str().unwrap();
    let run = attn(&[
        "lingua",
        "annotate",
        "--model",
        model,
        "the man likes a bird .",
    ]);
    let conllu = text(&run.stdout);
    assert!(
        conllu.contains("2\tman\t_\tNOUN\tNN\t_\t3\tnsubj\t_\t_\n"),
        "{conllu}"
    );
    assert!(
        conllu.contains("3\tlikes\t_\tVERB\tVBZ\t_\t0\troot\t_\t_\n"),
        "{conllu}"
    );
    let run = attn(&["lingua", "evaluate", "--model", model, "--treebank", bank]);
    assert!(text(&run.stdout).contains("| EWT test | raw text |"));
}

#[test]
fn a_broken_row_and_a_damaged_model_are_named() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path());
    let path = folder.path().join("en_ewt-ud-train.conllu");
    let broken = treebank(2).replacen("\tNOUN\tNN", "\tNOUN", 1);
    std::fs::write(&path, broken).unwrap();
    let out = folder.path().join("model.bin");
    let arguments = [
        "--treebank",
        folder.path().to_str().unwrap(),
        "--out",
        out.to_str().unwrap(),
    ];
    let run = attn(&[&["lingua", "train"][..], &arguments].concat());
    let error = text(&run.stderr);
    assert!(!run.status.success() && !out.exists());
    assert!(
        error.contains("en_ewt-ud-train.conllu") && error.contains('4'),
        "{error}"
    );

    std::fs::write(&out, b"no model").unwrap();
    let run = attn(&["lingua", "annotate", "--model", out.to_str().unwrap(), "x"]);
    assert!(!run.status.success());
    assert!(
        text(&run.stderr).contains("model.bin"),
        "{}",
        text(&run.stderr)
    );
}
