//! The store against servers that mean no good, or other things than a file: drips, pages, packed or
//! endless bodies, other bytes than announced.

mod store_support;

use attn_data::store::{Catalogue, Quiet, Store};
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::time::{Duration, Instant};
use store_support::*;
use tempfile::tempdir;

/// Fetches one file whose hash the catalogue does not know from a hub; the content, or the error.
fn fetch(
    file: &str,
    answer: impl Fn(&Request) -> Reply + Send + Sync + 'static,
) -> Result<Vec<u8>, String> {
    let server = Server::start(move |request, _| answer(request));
    let dir = tempdir().unwrap();
    let mut settings = settings(dir.path());
    settings.hub_endpoint = server.url.clone();
    settings.retries = 1;
    let store = Store::with(settings);
    let catalogue = catalogue(&[(file, None)], &[hub("main")]);
    match store.fetch(&catalogue, "thing", &mut Quiet) {
        Ok(folder) => Ok(std::fs::read(folder.join(file)).unwrap()),
        Err(error) => {
            assert!(!store.root().join("thing").join(file).exists());
            Err(error.to_string())
        }
    }
}

/// A byte now and then keeps every read alive and gets nowhere.
#[test]
fn a_drip_is_given_up_and_a_slow_server_is_not() {
    let content = bytes(400);
    let pinned = content.clone();
    let server = Server::start(move |_, _| Reply {
        drip: Duration::from_millis(20),
        ..Reply::new(200, &content)
    });
    let dir = tempdir().unwrap();
    let mut settings = settings(dir.path());
    settings.retries = 1;
    settings.pace_timeout = Duration::from_millis(300);
    let catalogue = catalogue(&[("x.bin", Some(&pinned))], &[url(&server.url)]);
    let start = Instant::now();
    let error = Store::with(settings.clone())
        .fetch(&catalogue, "thing", &mut Quiet)
        .unwrap_err()
        .to_string();
    assert!(error.contains("which is no progress"), "{error}");
    assert!(
        start.elapsed() < Duration::from_secs(6),
        "{:?}",
        start.elapsed()
    );
    // With time for it, the same server gets there.
    settings.pace_timeout = Duration::from_secs(60);
    Store::with(settings)
        .fetch(&catalogue, "thing", &mut Quiet)
        .unwrap();
}

#[test]
fn what_the_hub_announces_is_compared() {
    // `printf '{}' | git hash-object --stdin`
    let git = "9e26dfeeb6e641a33dae4961196235bdb965b21b";
    let file = |etag: String| move |_: &Request| Reply::new(200, b"{}").with("ETag", etag.clone());
    assert_eq!(
        fetch("config.json", file(format!("\"{git}\""))),
        Ok(b"{}".to_vec())
    );
    assert_eq!(
        fetch("config.json", file(format!("W/\"{git}\""))),
        Ok(b"{}".to_vec())
    );
    assert_eq!(
        fetch("config.json", file("\"anything\"".into())),
        Ok(b"{}".to_vec())
    );
    let error = fetch("config.json", file(format!("\"{}\"", "0".repeat(40)))).unwrap_err();
    assert!(
        error.contains("git's hash 9e26") && error.contains("announced 0000"),
        "{error}"
    );

    // A large file: hash and size come before the redirect, here to the same server.
    let body = bytes(1000);
    let large = |etag: String, size: usize| {
        let body = body.clone();
        move |request: &Request| match request.path.as_str() {
            "/blob" => Reply::new(200, &body),
            _ => Reply::redirect("/blob")
                .with("X-Linked-Etag", format!("\"{etag}\""))
                .with("X-Linked-Size", size.to_string()),
        }
    };
    let right = sha256(&body);
    assert_eq!(fetch("x.bin", large(right.clone(), 1000)), Ok(body.clone()));
    let error = fetch("x.bin", large("a".repeat(64), 1000)).unwrap_err();
    assert!(error.contains("but the hub announced aaaa"), "{error}");
    let error = fetch("x.bin", large(right, 999)).unwrap_err();
    assert!(
        error.contains("1000 bytes there, but the hub announced 999"),
        "{error}"
    );
}

#[test]
fn pages_pointers_packed_and_broken_files_are_not_kept() {
    let html = b"<!DOCTYPE html><html><body>Please sign in</body></html>";
    let gzip = b"\x1f\x8b\x08\0\0\0\0\0";
    let pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 5\n";
    let cut = b"\x40\0\0\0\0\0\0\0{\"a\": ";
    for (file, body, said) in [
        ("config.json", &html[..], "HTML"),
        ("vocab.txt", html, "HTML"),
        ("model.safetensors", html, "HTML"),
        ("config.json", gzip, "gzip"),
        ("model.safetensors", pointer, "git-lfs"),
        ("model.safetensors", cut, "no safetensors file"),
        ("config.json", b"{\"a\":", "no JSON"),
    ] {
        let error = fetch(file, move |_| Reply::new(200, body)).unwrap_err();
        assert!(
            error.contains(said) && error.contains(file),
            "{file}: {error}"
        );
    }
    let packed = move |_: &Request| Reply::new(200, gzip).with("Content-Encoding", "gzip");
    let error = fetch("config.json", packed).unwrap_err();
    assert!(error.contains("'gzip', which was not asked for"), "{error}");
}

#[test]
fn a_body_of_unknown_size_is_bounded_by_its_kind() {
    // 65 MiB of blanks before a JSON value, without a length.
    let mut body = vec![b' '; 65 << 20];
    body.push(b'1');
    let endless = move |_: &Request| Reply {
        no_length: true,
        ..Reply::new(200, &body)
    };
    let error = fetch("config.json", endless).unwrap_err();
    assert!(
        error.contains("more than the expected 67108864 bytes"),
        "{error}"
    );
    let long = |_: &Request| Reply {
        no_length: true,
        ..Reply::new(200, b"{}").with("Content-Length", "200000000")
    };
    let error = fetch("config.json", long).unwrap_err();
    assert!(
        error.contains("200000000 bytes there, at most 67108864"),
        "{error}"
    );
}

#[test]
fn an_artefact_cannot_be_called_checkpoints() {
    let text = |name: &str| {
        format!(
            "[[artefact]]\nname = \"{name}\"\nkind = \"model\"\ndescription = \"d\"\nlicence = \"CC0\"\n\
             [[artefact.file]]\npath = \"x\"\n[[artefact.source]]\nkind = \"url\"\nurl = \"http://h.test/x\"\n"
        )
    };
    let parse = |name| Catalogue::parse(&text(name), "c.toml", std::path::Path::new("."));
    parse("checkpoint").unwrap();
    for name in ["checkpoints", "Checkpoints"] {
        let error = parse(name).unwrap_err().to_string();
        assert!(error.contains("'checkpoints' is taken"), "{error}");
    }
}

/// A server that keeps its connection: each request gets the next of `answers`, as they stand.
fn raw_server(answers: &'static [&'static str]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let mut answers = answers.iter();
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
            while let Some(Ok(line)) = lines.next() {
                if line.is_empty() {
                    let Some(answer) = answers.next() else { return };
                    if stream.write_all(answer.as_bytes()).is_err() {
                        break;
                    }
                }
            }
        }
    });
    url
}

fn raw(answers: &'static [&'static str]) -> String {
    let dir = tempdir().unwrap();
    let mut settings = settings(dir.path());
    settings.hub_endpoint = raw_server(answers);
    settings.retries = 0;
    settings.stall_timeout = Duration::from_secs(2);
    let catalogue = catalogue(&[("x.bin", None)], &[hub("main")]);
    let store = Store::with(settings);
    let error = store.fetch(&catalogue, "thing", &mut Quiet).unwrap_err();
    error.to_string()
}

/// Bytes that follow an answer's announced length must not be taken for the next answer's head: a
/// refusal behind such an answer was told as a broken protocol.
#[test]
fn a_refusal_is_a_refusal_whatever_came_before_it() {
    let error = raw(&[
        "HTTP/1.1 302 Found\r\nLocation: /next\r\nContent-Length: 0\r\n\r\n<html>moved</html>",
        "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n",
    ]);
    assert!(error.contains("access refused (HTTP 401)"), "{error}");
    assert!(error.contains("set HF_TOKEN"), "{error}");
    for plain in [
        "HTTP/1.1 401\r\n\r\n",
        "HTTP/1.0 401 Unauthorized\nContent-Length: 2\n\nno",
        "HTTP/1.1 401 Unauthorized\r\nX-Error-Message: Zugriff verweigert: \u{e9}\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"x\"\r\nContent-Length: 100\r\n\r\nno",
    ] {
        let answers: &'static [&'static str] = Box::leak(Box::new([plain]));
        let error = raw(answers);
        assert!(
            error.contains("access refused (HTTP 401)"),
            "{plain}: {error}"
        );
    }
    let error = raw(&["220 smtp.test ESMTP ready\r\n\r\n"]);
    assert!(
        error.contains("not HTTP") && error.contains("127.0.0.1"),
        "{error}"
    );
}
