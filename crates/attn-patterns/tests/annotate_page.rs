//! The labelling page in a real browser: keys, undo, CSV out and in, and hostile tokens.
//!
//! A copy of the page gets a second script that presses keys and writes down what happened;
//! headless Chromium runs it and prints the document.

use attn_core::Task;
use attn_core::io::base64;
use attn_patterns::store::Drawn;
use attn_patterns::{MapEntry, State, StoredMap, annotate};
use sha2::{Digest, Sha256};
use std::path::PathBuf;
use std::process::Command;

/// What a token would do if it were taken for HTML.
const HOSTILE: &str = "<img src=x onerror=\"document.title='broken'\">";

const DRIVER: &str = r#"
const press = key => document.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
const text = name => document.getElementById(name).textContent;
const log = [];
localStorage.clear();
const first = text("id");
document.getElementById("note").value = 'so, "la la"';
press("2");
log.push(text("done"), text("place"));
press("5"); press("1");
log.push(text("done"));
press("u");
log.push(text("done"), text("place"));
press("ArrowLeft"); press("3");
log.push(labelling.csv().split("\n").length);
const saved = labelling.csv();
press("u"); press("u"); press("u");
log.push(text("done"));
labelling.load(saved);
log.push(labelling.csv() === saved, saved.includes(first + ',diagonal,"so, ""la la"""'));
labelling.load("id,label\n" + first + ",nonsense\n");
log.push(text("message"), labelling.csv() === saved);
press("n");
log.push(text("place"));
const image = document.getElementById("map").getContext("2d").getImageData(0, 0, 760, 760).data;
const colours = new Set();
for (let i = 0; i < image.length; i += 4) colours.add(image[i] << 16 | image[i + 1] << 8 | image[i + 2]);
log.push(colours.size > 20, document.images.length);
setTimeout(() => {
  log.push(document.title);
  const out = document.createElement("pre");
  out.id = "log"; out.textContent = JSON.stringify(log);
  document.body.append(out);
}, 200);
"#;

fn browser() -> Option<PathBuf> {
    let names = ["chromium", "chromium-browser", "google-chrome", "chrome"];
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .flat_map(|folder| names.map(|name| folder.join(name)))
        .find(|candidate| candidate.is_file())
}

fn map(index: usize) -> StoredMap {
    let length = 9;
    StoredMap {
        entry: MapEntry {
            id: format!("m{index}"),
            model: "m".to_owned(),
            state: State::Pretrained,
            drawn: Drawn::Balanced,
            task: Task::Rte,
            example: format!("x:{index}"),
            layer: 0,
            head: index,
            tokens: (0..length)
                .map(|i| {
                    if i == 4 {
                        HOSTILE.to_owned()
                    } else {
                        format!("w{i}")
                    }
                })
                .collect(),
            segments: vec![0; length],
            special: vec![0, length - 1],
        },
        weights: (0..length * length)
            .map(|i| ((i * 31 + index) % 23) as f32 / 253.0)
            .collect(),
    }
}

#[test]
fn keys_undo_and_csv_work_in_a_browser() {
    let Some(browser) = browser() else {
        eprintln!("SKIPPED: no Chromium in PATH; install one (Debian: apt-get install chromium)");
        return;
    };
    let maps: Vec<StoredMap> = (0..4).map(map).collect();
    let page = annotate::page(&maps, 3, &[[255, 255, 217], [65, 182, 196], [8, 29, 88]]);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("page.html");
    // The page's policy allows its own script alone, so the test's must be named beside it.
    let hash = base64(&Sha256::digest(DRIVER.as_bytes()));
    let allowed = page.replacen("script-src ", &format!("script-src 'sha256-{hash}' "), 1);
    let driven = allowed.replace("</body>", &format!("<script>{DRIVER}</script></body>"));
    std::fs::write(&path, driven).unwrap();
    let output = Command::new(browser)
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--virtual-time-budget=4000",
            "--dump-dom",
        ])
        .arg(format!(
            "--user-data-dir={}",
            folder.path().join("profile").display()
        ))
        .arg(format!("file://{}", path.display()))
        .output()
        .unwrap();
    let document = String::from_utf8_lossy(&output.stdout);
    let found = document
        .split_once("<pre id=\"log\">")
        .and_then(|(_, rest)| rest.split_once("</pre>"));
    let Some((log, _)) = found else {
        let errors = String::from_utf8_lossy(&output.stderr);
        panic!("the page's test script did not finish\n{errors}\n{document}");
    };
    let log: serde_json::Value =
        serde_json::from_str(&log.replace("&amp;", "&").replace("&lt;", "<")).unwrap();
    let expected = serde_json::json!([
        "1 labelled",
        "2 of 4",     // after the first key
        "3 labelled", // after three
        "2 labelled",
        "3 of 4",     // undone, back at the third
        4,            // header, two rows, the end: the second was labelled anew
        "0 labelled", // all undone
        true,
        true, // CSV in gives what went out, quotes and all
        "Not loaded: row 2 has the unknown label 'nonsense'.",
        true,
        "3 of 4", // the next without a label
        true,
        0, // a picture was drawn; no token became an image
        "Labelling attention maps",
    ]);
    assert_eq!(log, expected);
}
