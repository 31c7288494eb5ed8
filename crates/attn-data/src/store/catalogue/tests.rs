//! Tests of the list of artefacts.

use super::*;

#[test]
fn the_built_in_catalogue_holds_the_four_artefacts() {
    let catalogue = Catalogue::embedded().unwrap();
    for name in [
        "all-MiniLM-L6-v2",
        "bert-base-uncased",
        "glue",
        "framenet_v17",
    ] {
        assert!(!catalogue.get(name).unwrap().sources.is_empty(), "{name}");
    }
    let glue = catalogue.get("glue").unwrap();
    assert_eq!(glue.files.len(), 18);
    let error = catalogue.get("bert").unwrap_err().to_string();
    assert!(
        error.contains("'bert'") && error.contains("bert-base-uncased, glue"),
        "{error}"
    );
}

fn with(file: &str, source: &str) -> Result<Catalogue, StoreError> {
    let text = format!(
        "[[artefact]]\nname = \"a\"\nkind = \"model\"\ndescription = \"d\"\nlicence = \"l\"\n\
         [[artefact.file]]\n{file}\n[[artefact.source]]\n{source}\n"
    );
    Catalogue::parse(&text, "test.toml", Path::new("/base"))
}

#[test]
fn paths_that_leave_the_folder_are_refused() {
    let source = "kind = \"local\"\npath = \"m\"";
    for path in [
        "../x",
        "/etc/x",
        "a/../../x",
        "a//b",
        "",
        ".",
        "a/..",
        "C:/x",
        "a\\\\b",
        ".hidden/x",
        "x\\u0000",
    ] {
        let error = with(&format!("path = \"{path}\""), source)
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("test.toml") && error.contains("not allowed"),
            "{path}: {error}"
        );
    }
    let catalogue = with("path = \"a/b.txt\"", source).unwrap();
    let Source::Local { path } = &catalogue.artefacts()[0].sources[0] else {
        panic!("kind")
    };
    assert_eq!(path, Path::new("/base/m"));
}

#[test]
fn sources_that_smuggle_options_or_paths_are_refused() {
    for source in [
        "kind = \"wheel\"\nrequirement = \"--index-url=http://x\"\nfolder = \"a\"",
        "kind = \"wheel\"\nrequirement = \"x @ http://y/z.whl\"\nfolder = \"a\"",
        "kind = \"wheel\"\nrequirement = \"x==1\"\nfolder = \"../a\"",
        "kind = \"hub\"\nrepo = \"../x\"",
        "kind = \"hub\"\nrepo = \"a/b/c\"",
        "kind = \"hub\"\nrepo = \"a/b\"\nrevision = \"../../x\"",
        "kind = \"url\"\nurl = \"file:///etc/passwd\"",
        "kind = \"hub\"\nrepo = \"a/b\"\nrevison = \"main\"",
    ] {
        assert!(with("path = \"x\"", source).is_err(), "{source}");
    }
    let error = with(
        "path = \"x\"\nsha256 = \"abc\"",
        "kind = \"local\"\npath = \"m\"",
    )
    .unwrap_err();
    assert!(error.to_string().contains("64 hex"), "{error}");
}
