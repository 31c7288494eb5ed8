//! The store against a server on loopback: redirects, resuming, wrong content, refusals.

mod store_support;

use attn_data::store::{Quiet, Secret, Store, StoreError};
use std::fs;
use std::time::{Duration, Instant};
use store_support::*;
use tempfile::tempdir;

#[test]
fn the_token_goes_to_the_endpoint_only() {
    let content = bytes(5000);
    let served = content.clone();
    let cdn = Server::start(move |r, _| Reply::ranged(r, &served, "\"c\""));
    let elsewhere = format!("{}/blob", cdn.url);
    let endpoint = Server::start(move |request, _| match request.path.as_str() {
        "/org/name/resolve/main/x.bin" => Reply::redirect("/moved/x.bin"),
        "/moved/x.bin" => Reply::redirect(elsewhere.clone()),
        _ => Reply::new(404, b""),
    });
    let dir = tempdir().unwrap();
    let mut settings = settings(dir.path());
    settings.hub_endpoint = endpoint.url.clone();
    settings.hub_token = Some(Secret::new("hf_secret"));
    let store = Store::with(settings);
    let catalogue = catalogue(&[("x.bin", Some(&content))], &[hub("main")]);
    let folder = store.fetch(&catalogue, "thing", &mut Quiet).unwrap();
    assert_eq!(fs::read(folder.join("x.bin")).unwrap(), content);

    let asked: Vec<_> = endpoint.seen();
    assert_eq!(asked.len(), 2);
    for request in &asked {
        assert_eq!(
            request.header("authorization"),
            Some("Bearer hf_secret"),
            "{}",
            request.path
        );
    }
    let asked = cdn.seen();
    assert_eq!(asked.len(), 1);
    assert_eq!(
        asked[0].header("authorization"),
        None,
        "another port is another host"
    );
}

#[test]
fn redirects_that_run_in_a_circle_end() {
    let server = Server::start(|_, _| Reply::redirect("/again"));
    let dir = tempdir().unwrap();
    let catalogue = catalogue(&[("x", Some(b"1"))], &[url(&server.url)]);
    let error = store(dir.path())
        .fetch(&catalogue, "thing", &mut Quiet)
        .unwrap_err()
        .to_string();
    assert!(error.contains("do not end"), "{error}");
    assert_eq!(server.seen().len(), 11);
}

#[test]
fn a_server_that_dies_half_way_is_asked_for_the_rest() {
    let content = bytes(300_000);
    let served = content.clone();
    let server = Server::start(move |request, before| {
        let mut reply = Reply::ranged(request, &served, "\"v1\"");
        reply.die_after = (before == 0).then_some(150_000);
        reply
    });
    let dir = tempdir().unwrap();
    let catalogue = catalogue(&[("a/x.bin", Some(&content))], &[url(&server.url)]);
    let mut listener = Listener::default();
    let folder = store(dir.path())
        .fetch(&catalogue, "thing", &mut listener)
        .unwrap();
    assert_eq!(fs::read(folder.join("a/x.bin")).unwrap(), content);
    let asked = server.seen();
    assert_eq!(asked.len(), 2);
    assert_eq!(asked[1].range(), Some(150_000));
    assert_eq!(asked[1].header("if-range"), Some("\"v1\""));
    assert!(
        listener
            .updates
            .contains(&("a/x.bin".into(), 300_000, Some(300_000)))
    );
}

#[test]
fn the_next_run_goes_on_where_the_last_one_stopped() {
    let content = bytes(300_000);
    let served = content.clone();
    let server = Server::start(move |request, before| {
        let mut reply = Reply::ranged(request, &served, "\"v1\"");
        reply.die_after = (before == 0).then_some(100_000);
        reply
    });
    let dir = tempdir().unwrap();
    let mut settings = settings(dir.path());
    settings.retries = 0;
    let store = Store::with(settings);
    let catalogue = catalogue(&[("x.bin", Some(&content))], &[url(&server.url)]);
    let error = store
        .fetch(&catalogue, "thing", &mut Quiet)
        .unwrap_err()
        .to_string();
    assert!(error.contains("100000 bytes are kept"), "{error}");
    assert!(
        !store.root().join("thing/x.bin").exists(),
        "no half file under the final name"
    );
    assert!(store.locate("thing").is_none());

    store.fetch(&catalogue, "thing", &mut Quiet).unwrap();
    assert_eq!(fs::read(store.root().join("thing/x.bin")).unwrap(), content);
    assert_eq!(server.seen()[1].range(), Some(100_000));
    let left = files_under(store.root());
    assert_eq!(
        left,
        [".locks/thing.lock", ".receipts/thing.json", "thing/x.bin"]
    );
}

#[test]
fn a_cancelled_fetch_is_resumed_too() {
    let content = bytes(2_000_000);
    let served = content.clone();
    let server = Server::start(move |r, _| Reply::ranged(r, &served, "\"v1\""));
    let dir = tempdir().unwrap();
    let store = store(dir.path());
    let catalogue = catalogue(&[("x.bin", Some(&content))], &[url(&server.url)]);
    let mut listener = Listener {
        stop_at: Some(500_000),
        ..Listener::default()
    };
    let error = store.fetch(&catalogue, "thing", &mut listener).unwrap_err();
    assert!(matches!(error, StoreError::Cancelled { .. }), "{error}");
    store.fetch(&catalogue, "thing", &mut Quiet).unwrap();
    assert!(server.seen()[1].range().is_some_and(|from| from >= 500_000));
    assert_eq!(fs::read(store.root().join("thing/x.bin")).unwrap(), content);
}

#[test]
fn a_server_without_ranges_sends_it_all_again() {
    let content = bytes(200_000);
    let served = content.clone();
    let server = Server::start(move |_, before| {
        let mut reply = Reply::new(200, &served);
        reply.die_after = (before == 0).then_some(90_000);
        reply
    });
    let dir = tempdir().unwrap();
    let catalogue = catalogue(&[("x.bin", Some(&content))], &[url(&server.url)]);
    let folder = store(dir.path())
        .fetch(&catalogue, "thing", &mut Quiet)
        .unwrap();
    assert_eq!(fs::read(folder.join("x.bin")).unwrap(), content);
    assert_eq!(
        server.seen()[1].range(),
        Some(90_000),
        "it was asked for the rest all the same"
    );
}

#[test]
fn content_that_changed_between_two_runs_is_not_spliced() {
    // Without a hash in the catalogue only the ETag can tell.
    let (old, new) = (vec![b'o'; 100_000], vec![b'n'; 120_000]);
    let server = Server::start(move |request, before| {
        if before == 0 {
            let mut reply = Reply::ranged(request, &old, "\"old\"");
            reply.die_after = Some(40_000);
            reply
        } else {
            Reply::ranged(request, &new, "\"new\"")
        }
    });
    let dir = tempdir().unwrap();
    let catalogue = catalogue(&[("x.bin", None)], &[url(&server.url)]);
    let folder = store(dir.path())
        .fetch(&catalogue, "thing", &mut Quiet)
        .unwrap();
    assert_eq!(server.seen()[1].header("if-range"), Some("\"old\""));
    assert_eq!(fs::read(folder.join("x.bin")).unwrap(), vec![b'n'; 120_000]);
}

#[test]
fn a_part_file_of_other_content_is_thrown_away_once() {
    let content = bytes(50_000);
    let served = content.clone();
    let server = Server::start(move |r, _| Reply::ranged(r, &served, "\"v1\""));
    let dir = tempdir().unwrap();
    let store = store(dir.path());
    let part = store.root().join(".partial/thing/x.bin.part");
    fs::create_dir_all(part.parent().unwrap()).unwrap();
    fs::write(&part, vec![0; 20_000]).unwrap();
    let catalogue = catalogue(&[("x.bin", Some(&content))], &[url(&server.url)]);
    let folder = store.fetch(&catalogue, "thing", &mut Quiet).unwrap();
    assert_eq!(fs::read(folder.join("x.bin")).unwrap(), content);
    let ranges: Vec<_> = server.seen().iter().map(Request::range).collect();
    assert_eq!(ranges, [Some(20_000), None]);
}

#[test]
fn a_wrong_hash_leaves_nothing_behind() {
    let server = Server::start(|r, _| Reply::ranged(r, &[7; 1000], "\"v1\""));
    let dir = tempdir().unwrap();
    let store = store(dir.path());
    let catalogue = catalogue(&[("x.bin", Some(&[8; 1000]))], &[url(&server.url)]);
    let error = store
        .fetch(&catalogue, "thing", &mut Quiet)
        .unwrap_err()
        .to_string();
    let (found, expected) = (sha256(&[7; 1000]), sha256(&[8; 1000]));
    assert!(
        error.contains(&format!("has sha256 {found}, expected {expected}")),
        "{error}"
    );
    assert_eq!(files_under(store.root()), [".locks/thing.lock"]);
    assert_eq!(
        server.seen().len(),
        1,
        "a whole wrong file is not asked for again"
    );
}

#[test]
fn a_wrong_size_is_refused_before_or_while_it_arrives() {
    let server = Server::start(|_, _| Reply::new(200, &[7; 2000]));
    let endless = Server::start(|_, _| {
        let mut reply = Reply::new(200, &[7; 2000]);
        reply.no_length = true;
        reply
    });
    let dir = tempdir().unwrap();
    let catalogue = catalogue(
        &[("x.bin", Some(&[7; 1000]))],
        &[url(&server.url), url(&endless.url)],
    );
    let error = store(dir.path())
        .fetch(&catalogue, "thing", &mut Quiet)
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("has 2000 bytes there, expected 1000"),
        "{error}"
    );
    assert!(
        error.contains("more than the expected 1000 bytes"),
        "{error}"
    );
    assert_eq!(
        files_under(&dir.path().join("cache")),
        [".locks/thing.lock"]
    );
}

#[test]
fn a_missing_file_falls_through_to_the_next_source() {
    let first = Server::start(|_, _| Reply::new(404, b"no"));
    let second = Server::start(|r, _| Reply::ranged(r, r.path.as_bytes(), "\"v\""));
    let dir = tempdir().unwrap();
    let files: [(&str, Option<&[u8]>); 2] = [("a", Some(b"/a")), ("b", Some(b"/b"))];
    let catalogue = catalogue(&files, &[url(&first.url), url(&second.url)]);
    let mut listener = Listener::default();
    let store = store(dir.path());
    let folder = store.fetch(&catalogue, "thing", &mut listener).unwrap();
    assert_eq!(fs::read(folder.join("b")).unwrap(), b"/b");
    assert_eq!(
        first.seen().len(),
        1,
        "a source is given up after its first failure"
    );
    assert!(
        listener.notes.iter().any(|n| n.contains("HTTP 404")),
        "{:?}",
        listener.notes
    );
    let receipt = store.receipt("thing").unwrap();
    assert!(
        receipt
            .files
            .iter()
            .all(|f| f.verified && f.source.contains(&second.url))
    );
}

#[test]
fn a_refusal_says_what_a_token_would_do() {
    for status in [401, 403] {
        let server = Server::start(move |_, _| {
            Reply::new(status, b"").with("X-Error-Message", "Access to model is restricted")
        });
        let dir = tempdir().unwrap();
        let mut settings = settings(dir.path());
        settings.hub_endpoint = server.url.clone();
        let catalogue = catalogue(&[("x", Some(b"1"))], &[hub("main")]);
        let error = Store::with(settings)
            .fetch(&catalogue, "thing", &mut Quiet)
            .unwrap_err();
        let error = error.to_string();
        assert!(
            error.contains("HF_TOKEN") && error.contains(&status.to_string()),
            "{error}"
        );
        assert!(
            error.contains("is restricted") && error.contains("/org/name"),
            "{error}"
        );
        assert_eq!(server.seen().len(), 1, "a refusal is not asked again");
    }
}

#[test]
fn a_busy_server_is_asked_again() {
    let server = Server::start(|request, before| match before {
        0 => Reply::new(503, b""),
        1 => Reply::new(429, b""),
        _ => Reply::ranged(request, b"ok", "\"v\""),
    });
    let dir = tempdir().unwrap();
    let catalogue = catalogue(&[("x", Some(b"ok"))], &[url(&server.url)]);
    store(dir.path())
        .fetch(&catalogue, "thing", &mut Quiet)
        .unwrap();
    assert_eq!(server.seen().len(), 3);
}

#[test]
fn a_server_that_says_nothing_is_left() {
    let server = Server::start(|_, _| {
        let mut reply = Reply::new(200, b"1");
        reply.sleep = Duration::from_secs(4);
        reply
    });
    let dir = tempdir().unwrap();
    let mut settings = settings(dir.path());
    settings.stall_timeout = Duration::from_millis(200);
    settings.retries = 1;
    let catalogue = catalogue(&[("x", Some(b"1"))], &[url(&server.url)]);
    let start = Instant::now();
    let error = Store::with(settings)
        .fetch(&catalogue, "thing", &mut Quiet)
        .unwrap_err()
        .to_string();
    assert!(
        start.elapsed() < Duration::from_secs(3),
        "{:?}",
        start.elapsed()
    );
    assert!(
        error.contains("timeout") && error.contains("2 tries"),
        "{error}"
    );
}

#[test]
fn an_unverified_file_is_announced_and_the_hubs_own_hash_is_used() {
    let content = bytes(3000);
    let (served, announced) = (content.clone(), sha256(&content));
    let server = Server::start(move |request, _| {
        let announced = if request.path.contains("bad") {
            "0".repeat(64)
        } else {
            announced.clone()
        };
        Reply::ranged(request, &served, "\"v\"").with("X-Linked-Etag", format!("\"{announced}\""))
    });
    let dir = tempdir().unwrap();
    let mut settings = settings(dir.path());
    settings.hub_endpoint = server.url.clone();
    let store = Store::with(settings);
    let mut listener = Listener::default();
    store
        .fetch(
            &catalogue(&[("good", None)], &[hub("main")]),
            "thing",
            &mut listener,
        )
        .unwrap();
    let warned = listener
        .notes
        .iter()
        .any(|n| n.contains("UNVERIFIED") && n.contains(&sha256(&content)));
    assert!(warned, "{:?}", listener.notes);
    let receipt = store.receipt("thing").unwrap();
    assert!(!receipt.files[0].verified && receipt.files[0].sha256 == sha256(&content));

    let bad = catalogue(&[("bad", None)], &[hub("main")]);
    let error = store
        .fetch(&bad, "thing", &mut Quiet)
        .unwrap_err()
        .to_string();
    assert!(error.contains("the hub announced 0000"), "{error}");
    assert!(!store.root().join("thing/bad").exists());
}
