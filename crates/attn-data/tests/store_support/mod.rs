//! A small HTTP server on loopback and what the store's tests share.
#![allow(dead_code, missing_docs)]

use attn_data::store::{Catalogue, Progress, Settings, Store, Transfer};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

pub fn sha256(bytes: &[u8]) -> String {
    format!("{:x}", Sha256::digest(bytes))
}

/// Bytes that differ everywhere, so that a wrong splice shows.
pub fn bytes(n: usize) -> Vec<u8> {
    (0..n)
        .map(|i| (i.wrapping_mul(2_654_435_761) >> 7) as u8)
        .collect()
}

#[derive(Debug, Clone)]
pub struct Request {
    pub path: String,
    pub headers: BTreeMap<String, String>,
}

impl Request {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    /// The first byte of a `Range: bytes=N-` header.
    pub fn range(&self) -> Option<usize> {
        self.header("range")?
            .strip_prefix("bytes=")?
            .strip_suffix('-')?
            .parse()
            .ok()
    }
}

#[derive(Debug, Clone, Default)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// Close the connection after so many bytes of the body.
    pub die_after: Option<usize>,
    /// Say nothing for so long first.
    pub sleep: Duration,
    /// Leave out Content-Length.
    pub no_length: bool,
    /// Wait so long before each byte of the body.
    pub drip: Duration,
}

impl Reply {
    pub fn new(status: u16, body: &[u8]) -> Self {
        Self {
            status,
            body: body.to_vec(),
            ..Self::default()
        }
    }

    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    pub fn redirect(to: impl Into<String>) -> Self {
        Self::new(302, b"").with("Location", to)
    }

    /// The whole or the rest of `body`, as the request's Range asks, with an ETag.
    pub fn ranged(request: &Request, body: &[u8], etag: &str) -> Self {
        let valid = request.header("if-range").is_none_or(|tag| tag == etag);
        match request.range() {
            Some(from) if valid && from < body.len() => Self::new(206, &body[from..]).with(
                "Content-Range",
                format!("bytes {from}-{}/{}", body.len() - 1, body.len()),
            ),
            Some(_) if valid => Self::new(416, b""),
            _ => Self::new(200, body),
        }
        .with("ETag", etag)
    }
}

/// Answers until it is dropped.
pub struct Server {
    pub url: String,
    pub requests: Arc<Mutex<Vec<Request>>>,
    stop: Arc<AtomicBool>,
    address: std::net::SocketAddr,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
    }
}

impl Server {
    /// Starts a server; `answer` gets the request and how many came before it.
    pub fn start(answer: impl Fn(&Request, usize) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let stop = Arc::new(AtomicBool::new(false));
        let (log, stopped, answer) = (requests.clone(), stop.clone(), Arc::new(answer));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if stopped.load(Ordering::SeqCst) {
                    return;
                }
                let (log, answer) = (log.clone(), answer.clone());
                std::thread::spawn(move || {
                    let Ok(stream) = stream else { return };
                    let _ = handle(stream, &log, &*answer);
                });
            }
        });
        Self {
            url: format!("http://{address}"),
            requests,
            stop,
            address,
        }
    }

    pub fn seen(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }
}

fn handle(
    mut stream: TcpStream,
    log: &Mutex<Vec<Request>>,
    answer: &(dyn Fn(&Request, usize) -> Reply + Send + Sync),
) -> std::io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    stream.set_write_timeout(Some(Duration::from_secs(5)))?;
    let mut lines = BufReader::new((&stream).take(64 * 1024)).lines();
    let first = lines.next().unwrap_or(Ok(String::new()))?;
    let path = first.split(' ').nth(1).unwrap_or_default().to_owned();
    let mut headers = BTreeMap::new();
    for line in lines {
        let line = line?;
        let Some((name, value)) = line.split_once(':') else {
            break;
        };
        headers.insert(name.to_lowercase(), value.trim().to_owned());
    }
    let request = Request { path, headers };
    let before = {
        let mut log = log.lock().unwrap();
        log.push(request.clone());
        log.len() - 1
    };
    let reply = answer(&request, before);
    std::thread::sleep(reply.sleep);
    let mut head = format!("HTTP/1.1 {} X\r\nConnection: close\r\n", reply.status);
    if !reply.no_length {
        head += &format!("Content-Length: {}\r\n", reply.body.len());
    }
    for (name, value) in &reply.headers {
        head += &format!("{name}: {value}\r\n");
    }
    stream.write_all((head + "\r\n").as_bytes())?;
    let end = reply
        .die_after
        .unwrap_or(reply.body.len())
        .min(reply.body.len());
    if reply.drip.is_zero() {
        stream.write_all(&reply.body[..end])?;
        return stream.flush();
    }
    for byte in &reply.body[..end] {
        std::thread::sleep(reply.drip);
        stream.write_all(&[*byte])?;
        stream.flush()?;
    }
    Ok(())
}

/// Remembers what a fetch said; stops it after `stop_at` bytes of a file.
#[derive(Default)]
pub struct Listener {
    pub notes: Vec<String>,
    pub updates: Vec<(String, u64, Option<u64>)>,
    pub stop_at: Option<u64>,
    pub stopped: bool,
}

impl Progress for Listener {
    fn update(&mut self, t: &Transfer<'_>) {
        self.stopped |= self.stop_at.is_some_and(|at| t.done >= at);
        self.updates.push((t.file.to_owned(), t.done, t.total));
    }
    fn note(&mut self, message: &str) {
        self.notes.push(message.to_owned());
    }
    fn cancelled(&self) -> bool {
        self.stopped
    }
}

/// Settings that know nothing of this machine's environment.
pub fn settings(root: &Path) -> Settings {
    let mut settings = Settings::from_lookup(Some(root.join("cache")), &|_| None).unwrap();
    settings.hub_cache = Some(root.join("hub-cache"));
    settings.backoff = Duration::from_millis(5);
    settings.connect_timeout = Duration::from_secs(5);
    settings.stall_timeout = Duration::from_secs(5);
    settings
}

pub fn store(root: &Path) -> Store {
    Store::with(settings(root))
}

/// A catalogue with one artefact `thing`: files as (path, content for the hash or none), sources
/// as TOML.
pub fn catalogue(files: &[(&str, Option<&[u8]>)], sources: &[String]) -> Catalogue {
    let mut text = String::from(
        "[[artefact]]\nname = \"thing\"\nkind = \"model\"\ndescription = \"d\"\nlicence = \"CC0\"\n",
    );
    for (path, content) in files {
        text += &format!("[[artefact.file]]\npath = \"{path}\"\n");
        if let Some(content) = content {
            text += &format!(
                "sha256 = \"{}\"\nbytes = {}\n",
                sha256(content),
                content.len()
            );
        }
    }
    for source in sources {
        text += &format!("[[artefact.source]]\n{source}\n");
    }
    Catalogue::parse(&text, "test.toml", Path::new("")).unwrap()
}

pub fn url(base: &str) -> String {
    format!("kind = \"url\"\nurl = \"{base}/{{file}}\"")
}

pub fn hub(revision: &str) -> String {
    format!("kind = \"hub\"\nrepo = \"org/name\"\nrevision = \"{revision}\"")
}

/// Every file under a folder, as paths relative to it.
pub fn files_under(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut todo = vec![folder.to_owned()];
    while let Some(next) = todo.pop() {
        for entry in std::fs::read_dir(&next).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                todo.push(path);
            } else {
                found.push(
                    path.strip_prefix(folder)
                        .unwrap()
                        .to_string_lossy()
                        .into_owned(),
                );
            }
        }
    }
    found.sort();
    found
}
