//! FrameNet from folders and zips of our own making: layout, hostile archives, strictness, filter,
//! and a parser that survives anything.

use attn_core::Reading;
use attn_data::framenet::{
    FrameNet, FrameNetError, MAX_XML_BYTES, Strictness, filter, parse_frame, parse_lexical_unit,
    read_links, treebank_tokenize, word_tokenize, write_links,
};
use proptest::prelude::*;
use std::io::Write;
use std::path::{Path, PathBuf};
use zip::{ZipWriter, write::SimpleFileOptions};

const FRAME: &str = r#"<frame name="Motion" ID="5"><FE coreType="Core" name="Theme" ID="1"/><FE coreType="Core" name="Goal" ID="2"/>
<FE coreType="Peripheral" name="Time" ID="3"/><FEcoreSet><memberFE name="Goal" ID="2"/></FEcoreSet></frame>"#;

/// A text, its target and its elements (name and words).
type Annotated<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)]);

/// A unit of the frame above with annotated sentences.
fn unit(id: u32, sentences: &[Annotated<'_>]) -> String {
    let place = |text: &str, part: &str| {
        let start = text[..text.find(part).unwrap()].chars().count();
        format!(
            r#"start="{start}" end="{}""#,
            start + part.chars().count() - 1
        )
    };
    let mut xml = format!(
        r#"<lexUnit ID="{id}" name="go{id}.v" frame="Motion" frameID="5" POS="V" status="Created"><subCorpus name="s">"#
    );
    for (n, (text, target, elements)) in sentences.iter().enumerate() {
        xml += &format!(
            r#"<sentence ID="{n}"><text>{text}</text><annotationSet ID="1" status="UNANN"><layer name="BNC" rank="1"/></annotationSet><annotationSet ID="2" status="MANUAL"><layer name="Target" rank="1"><label name="Target" {}/></layer><layer name="FE" rank="1">"#,
            place(text, target)
        );
        for (name, part) in *elements {
            xml += &format!(r#"<label name="{name}" {}/>"#, place(text, part));
        }
        xml += "</layer></annotationSet></sentence>";
    }
    xml + "</subCorpus></lexUnit>"
}

fn zip_of(folder: &Path, entries: &[(&str, &[u8])]) -> PathBuf {
    let path = folder.join("fn.zip");
    let mut zip = ZipWriter::new(std::fs::File::create(&path).unwrap());
    for (name, bytes) in entries {
        zip.start_file(*name, SimpleFileOptions::default()).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap();
    path
}

#[test]
fn the_filter_s_stages_on_sentences_of_our_own() {
    let sentences: &[Annotated<'_>] = &[
        // Kept by both: "home" stands three tokens after "went".
        ("They went at last home .", "went", &[("Goal", "home")]),
        // Two tokens apart: far enough for the paper, too near for the authors.
        ("They went straight home .", "went", &[("Goal", "home")]),
        // Next to the target.
        ("They went home .", "went", &[("Goal", "home")]),
        // Core, but in no core set.
        (
            "Trains and buses soon went .",
            "went",
            &[("Theme", "Trains")],
        ),
        // Four tokens.
        (
            "They went at last to the old town .",
            "went",
            &[("Goal", "to the old town")],
        ),
        // Thirteen tokens.
        (
            "They went , as we all well know , at last home .",
            "went",
            &[("Goal", "home")],
        ),
        // By string: the authors look the word up where it stands first, beside the target.
        (
            "Oh home went they , to their home .",
            "went",
            &[("Goal", "home")],
        ),
        // Peripheral only.
        ("They went as planned today .", "went", &[("Time", "today")]),
    ];
    let folder = tempfile::tempdir().unwrap();
    let xml = unit(1, sentences);
    let zip = zip_of(
        folder.path(),
        &[
            ("fn/lu/lu1.xml", xml.as_bytes()),
            ("fn/frame/Motion.xml", FRAME.as_bytes()),
        ],
    );
    let framenet = FrameNet::open(&zip).unwrap();
    let found = filter(&framenet, Reading::Authors).unwrap();
    assert_eq!(found.funnel.counts(), [8, 7, 7, 6, 3, 1]);
    assert_eq!(found.links[0].text, "They went at last home .");
    let paper = filter(&framenet, Reading::Paper).unwrap();
    assert_eq!(paper.funnel.counts(), [8, 7, 6, 5, 3]);
    let shown = paper.funnel.to_string();
    assert!(
        shown.contains("reading 'paper'") && shown.contains("at most 12 tokens"),
        "{shown}"
    );

    let path = folder.path().join("links.jsonl");
    write_links(&path, &paper.links).unwrap();
    assert_eq!(read_links(&path).unwrap(), paper.links);
    std::fs::write(&path, "{}\n").unwrap();
    assert!(
        read_links(&path)
            .unwrap_err()
            .to_string()
            .contains("line 1")
    );
}

#[test]
fn a_folder_reads_like_a_zip_and_paths_out_of_it_do_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (one, two) = (
        unit(2, &[("We go .", "go", &[])]),
        unit(10, &[("You go .", "go", &[])]),
    );
    let entries: &[(&str, &[u8])] = &[
        ("fn/lu/lu10.xml", two.as_bytes()),
        ("fn/lu/lu2.xml", one.as_bytes()),
        ("fn/frame/Motion.xml", FRAME.as_bytes()),
        ("../lu/lu3.xml", b"not xml"),
        ("/lu/lu4.xml", b"not xml"),
        ("fn/lu/../../lu/lu5.xml", b"not xml"),
        ("fn/lu/notes.txt", b"not xml"),
    ];
    let read = |path: &Path| {
        let mut units = Vec::new();
        let report = FrameNet::open(path)
            .unwrap()
            .for_each_lexical_unit(|u| units.push(u))
            .unwrap();
        assert_eq!(report.units, units.len());
        units
    };
    let units = read(&zip_of(folder.path(), entries));
    assert_eq!(units.iter().map(|u| u.id).collect::<Vec<_>>(), [2, 10]);
    for (name, bytes) in &entries[..3] {
        let path = folder.path().join("plain").join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
    assert_eq!(read(&folder.path().join("plain")), units);
    assert_eq!(read(&folder.path().join("plain/fn")), units);
}

#[test]
fn an_entry_that_would_fill_the_memory_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let zeros = vec![b' '; MAX_XML_BYTES as usize + 1];
    let zip = zip_of(folder.path(), &[("lu/lu1.xml", &zeros)]);
    assert!(std::fs::metadata(&zip).unwrap().len() < 1_000_000);
    let error = FrameNet::open(&zip)
        .unwrap()
        .for_each_lexical_unit(|_| {})
        .unwrap_err();
    assert!(matches!(error, FrameNetError::TooLarge { .. }), "{error}");
}

#[test]
fn strictness_decides_what_a_defect_does() {
    let folder = tempfile::tempdir().unwrap();
    let good = unit(1, &[("We go .", "go", &[])]);
    let beyond = unit(2, &[("We go .", "go", &[])]).replace(r#"end="4""#, r#"end="44""#);
    let cut = &good[..good.len() - 4];
    let all: &[(&str, &[u8])] = &[
        ("lu/lu1.xml", good.as_bytes()),
        ("lu/lu2.xml", beyond.as_bytes()),
        ("lu/lu3.xml", cut.as_bytes()),
    ];
    let open = |n: usize, strictness| {
        let zip = zip_of(folder.path(), &all[..n]);
        FrameNet::open(&zip)
            .unwrap()
            .with_strictness(strictness)
            .for_each_lexical_unit(|_| {})
    };
    let error = open(2, Strictness::Strict).unwrap_err().to_string();
    assert!(
        error.contains("lu2.xml, byte") && error.contains("beyond"),
        "{error}"
    );
    let report = open(2, Strictness::Release).unwrap();
    assert_eq!((report.units, report.dropped_labels.len()), (2, 1));
    assert!(
        open(3, Strictness::Release)
            .unwrap_err()
            .to_string()
            .contains("lu3.xml, byte")
    );
    let report = open(3, Strictness::Lenient).unwrap();
    assert_eq!(
        (
            report.units,
            report.skipped_units.len(),
            report.notes().len()
        ),
        (2, 1, 2)
    );
}

#[test]
fn what_is_no_framenet_is_said_so() {
    let folder = tempfile::tempdir().unwrap();
    let not = |path: &Path| FrameNet::open(path).err().unwrap();
    assert!(matches!(
        not(folder.path()),
        FrameNetError::NotFrameNet { .. }
    ));
    assert!(matches!(
        not(&folder.path().join("absent.zip")),
        FrameNetError::Io { .. }
    ));
    let text = folder.path().join("text.zip");
    std::fs::write(&text, "not a zip at all").unwrap();
    assert!(matches!(not(&text), FrameNetError::Zip { .. }));
    let lonely = zip_of(
        folder.path(),
        &[("lu/lu1.xml", unit(1, &[("We go .", "go", &[])]).as_bytes())],
    );
    let error = filter(&FrameNet::open(&lonely).unwrap(), Reading::Paper).unwrap_err();
    assert!(
        matches!(error, FrameNetError::UnknownFrame { .. }),
        "{error}"
    );
}

#[test]
fn tokens_are_those_of_nltk() {
    let cases: Vec<(String, Vec<String>)> =
        serde_json::from_str(include_str!("fixtures/word_tokenize.json")).unwrap();
    assert!(cases.len() > 50);
    for (text, tokens) in cases {
        let ours: Vec<_> = treebank_tokenize(&text)
            .into_iter()
            .map(|t| t.text)
            .collect();
        assert_eq!(ours, tokens, "{text:?}");
    }
}

proptest! {
    #[test]
    fn parsers_survive_any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = parse_lexical_unit("x", &bytes, &mut |_| Ok(()));
        let _ = parse_frame("x", &bytes);
    }

    #[test]
    fn parsers_survive_mutations(cuts in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0usize..4), 1..6)) {
        let mut xml = unit(1, &[("Zoë &amp; I go home .", "go", &[("Goal", "home")])]).into_bytes();
        let mut frame = FRAME.as_bytes().to_vec();
        for (place, byte, kind) in cuts {
            for bytes in [&mut xml, &mut frame] {
                if bytes.is_empty() { continue; }
                let i = place.index(bytes.len());
                match kind {
                    0 => bytes[i] = byte,
                    1 => { bytes.remove(i); }
                    2 => bytes.insert(i, b"<>/&;\"= "[usize::from(byte) % 8]),
                    _ => bytes.truncate(i),
                }
            }
        }
        let _ = parse_frame("x", &frame);
        if let Ok(unit) = parse_lexical_unit("x", &xml, &mut |_| Ok(())) {
            for sentence in &unit.sentences {
                for set in &sentence.annotations {
                    let elements = set.frame_elements.iter().filter_map(|e| e.span);
                    for span in set.target.iter().copied().chain(elements) {
                        prop_assert!(span.of(&sentence.text).is_some_and(|t| !t.is_empty()));
                    }
                }
            }
        }
    }

    #[test]
    fn tokens_lie_in_order_and_cover_all_but_blanks(text in "[a-zA-Zé .,'\"`!?()0-9\\n-]{0,60}|.{0,40}") {
        let mut end = 0;
        let mut covered = String::new();
        for token in word_tokenize(&text) {
            prop_assert!(token.span.start >= end && token.span.end > token.span.start);
            end = token.span.end;
            covered += token.span.of(&text).unwrap();
        }
        let solid = |text: &str| text.chars().filter(|c| !c.is_whitespace() && !('\u{1c}'..='\u{1f}').contains(c)).collect::<String>();
        prop_assert_eq!(solid(&covered), solid(&text));
    }
}
