//! Handwritten files: what is read, and what each broken one says.

use super::*;

const UNIT: &str = r##"<?xml version="1.0" encoding="UTF-8"?>
<lexUnit status="Created" POS="V" name="hand over.v" ID="7" frame="Giving" frameID="3" xmlns="http://framenet.icsi.berkeley.edu">
  <header><frame><FE type="Core" name="Donor"/></frame></header>
  <definition>a &lt;b&gt; c</definition>
  <valences/>
  <subCorpus name="empty"/>
  <subCorpus name="one">
    <sentence ID="11">
      <text>Zo&#235; &amp; I hand it over .</text>
      <annotationSet ID="1" status="UNANN"><layer name="BNC" rank="1"><label start="0" end="2" name="N"/></layer></annotationSet>
      <annotationSet ID="2" status="MANUAL">
        <layer rank="1" name="Target"><label start="16" end="19" name="Target"/><label start="8" end="11" name="Target"/></layer>
        <layer rank="1" name="FE">
          <label start="0" end="6" name="Donor"/><label itype="DNI" name="Recipient"></label><label start="13" end="14" name="Theme"/>
        </layer>
        <layer rank="2" name="FE"><label start="6" end="6" name="Manner"/></layer>
        <layer rank="1" name="GF"><label start="900" end="1" name="Ext"/></layer>
        <layer rank="3" name="FE"/>
      </annotationSet>
    </sentence>
  </subCorpus>
</lexUnit>"##;

fn read(xml: &str) -> Result<LexicalUnit> {
    parse_lexical_unit("lu7.xml", xml.as_bytes(), &mut Err)
}

/// The error and the part of the file that its offset points at.
fn broken(from: &str, to: &str) -> (String, String) {
    assert!(UNIT.contains(from), "{from}");
    let xml = UNIT.replacen(from, to, 1);
    match read(&xml).unwrap_err() {
        FrameNetError::Xml {
            file,
            offset,
            reason,
        } => {
            assert_eq!(file, "lu7.xml");
            (
                reason,
                xml.get(offset as usize..)
                    .unwrap_or("out of range")
                    .to_owned(),
            )
        }
        other => panic!("{other}"),
    }
}

#[test]
fn ranks_null_instantiations_entities_and_split_targets() {
    let unit = read(UNIT).unwrap();
    assert_eq!(
        (
            unit.id,
            unit.name.as_str(),
            unit.frame.as_str(),
            unit.frame_id
        ),
        (7, "hand over.v", "Giving", 3)
    );
    let [sentence] = &unit.sentences[..] else {
        panic!()
    };
    assert_eq!(sentence.text, "Zoë & I hand it over .");
    let [set] = &sentence.annotations[..] else {
        panic!()
    };
    // The parts of speech are gone; `end` is inclusive; the target is sorted.
    assert_eq!(
        set.target,
        [Span { start: 8, end: 12 }, Span { start: 16, end: 20 }]
    );
    let words: Vec<_> = set
        .target
        .iter()
        .map(|s| s.of(&sentence.text).unwrap())
        .collect();
    assert_eq!(words, ["hand", "over"]);
    let elements: Vec<_> = set
        .frame_elements
        .iter()
        .map(|e| {
            (
                e.name.as_str(),
                e.rank,
                e.span.map(|s| s.of(&sentence.text).unwrap()),
            )
        })
        .collect();
    assert_eq!(elements[0], ("Donor", 1, Some("Zoë & I")));
    assert_eq!(elements[1], ("Recipient", 1, None));
    assert_eq!(elements[3], ("Manner", 2, Some("I")));
    assert_eq!(
        set.frame_elements[1].null_instantiation,
        Some(NullInstantiation::Definite)
    );
    assert_eq!(set.frame_elements[0].null_instantiation, None);
}

#[test]
fn each_defect_is_named_with_its_place() {
    let cases = [
        (
            r#" frameID="3""#,
            "",
            "without its attribute frameID",
            "<lexUnit",
        ),
        (
            r#"ID="11""#,
            r#"ID="x""#,
            "ID=\"x\": expected a number",
            "<sentence",
        ),
        (
            r#"start="0" end="6""#,
            r#"start="0" end="22""#,
            "lies beyond its sentence of 22",
            "<label start=\"0\" end=\"22\"",
        ),
        (
            r#"start="0" end="6""#,
            r#"start="6" end="0""#,
            "starts at 6 but ends at 0",
            "<label start=\"6\"",
        ),
        (
            r#"start="0" end="6""#,
            r#"end="6""#,
            "without its attribute start",
            "<label end",
        ),
        (
            r#"itype="DNI""#,
            r#"itype="XNI""#,
            "found Some(\"XNI\")",
            "<label itype",
        ),
        (r#"rank="2""#, r#"rank="4""#, "rank 4", "<layer rank=\"4\""),
        ("&#235;", "&e;", "unknown entity &e;", "&e;"),
        ("<text>", "<txt>", "", ""),
        ("</annotationSet>", "", "", ""),
        ("</lexUnit>", "", "", ""),
        (
            "</lexUnit>",
            "</lexUnit><more/>",
            "follows the end",
            "<more/>",
        ),
        ("<text>Zo", "<text>Zo<b/>", "expected text only", "<b/>"),
    ];
    for (from, to, reason, place) in cases {
        let (said, at) = broken(from, to);
        assert!(said.contains(reason), "{from} -> {to}: {said}");
        assert!(at.starts_with(place), "{from} -> {to}: {said} at {at}");
    }
    assert!(
        read("")
            .unwrap_err()
            .to_string()
            .contains("expected <lexUnit>")
    );
    assert!(
        read("<frame/>")
            .unwrap_err()
            .to_string()
            .contains("found <frame>")
    );
    let utf8 = parse_lexical_unit("lu7.xml", b"<lexUnit \xff", &mut Err).unwrap_err();
    assert!(
        utf8.to_string().contains("byte 9: expected UTF-8"),
        "{utf8}"
    );
}

#[test]
fn a_label_beyond_the_text_can_be_dropped() {
    let xml = UNIT.replacen(r#"start="16" end="19""#, r#"start="30" end="33""#, 1);
    let mut dropped = Vec::new();
    let unit = parse_lexical_unit("lu7.xml", xml.as_bytes(), &mut |e| {
        dropped.push(e.to_string());
        Ok(())
    });
    assert_eq!(
        unit.unwrap().sentences[0].annotations[0].target,
        [Span { start: 8, end: 12 }]
    );
    assert_eq!(dropped.len(), 1);
    assert!(dropped[0].contains("label 30 to 33"), "{dropped:?}");
}

#[test]
fn a_document_type_defines_nothing() {
    let bomb = r#"<!DOCTYPE lexUnit [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;"><!ENTITY c SYSTEM "file:///etc/hostname">]>"#;
    let (head, body) = UNIT.split_once('\n').unwrap();
    let with = |text: &str| format!("{head}{bomb}{}", body.replacen("&#235;", text, 1));
    assert_eq!(read(&with("&#235;")).unwrap(), read(UNIT).unwrap());
    for entity in ["&b;", "&c;"] {
        let error = read(&with(entity)).unwrap_err().to_string();
        assert!(error.contains("unknown entity"), "{error}");
    }
    let error = read(&UNIT.replacen("hand over.v", "&b;", 1))
        .unwrap_err()
        .to_string();
    assert!(error.contains("attribute name"), "{error}");
}

#[test]
fn a_frame_gives_its_elements_and_core_sets() {
    let xml = r#"<frame name="Giving" ID="3"><definition/><FE coreType="Core" name="Donor" ID="1"><definition>x</definition></FE>
        <FE coreType="Extra-Thematic" name="Purpose" ID="2"/><FEcoreSet><memberFE ID="1" name="Donor"/></FEcoreSet><lexUnit/></frame>"#;
    let frame = parse_frame("f.xml", xml.as_bytes()).unwrap();
    assert_eq!(frame.core_type("Donor"), Some(CoreType::Core));
    assert_eq!(frame.core_type("Purpose"), Some(CoreType::ExtraThematic));
    assert_eq!(frame.core_type("Theme"), None);
    assert!(frame.in_core_set("Donor") && !frame.in_core_set("Purpose"));
    let error = parse_frame("f.xml", xml.replacen("\"Core\"", "\"Kern\"", 1).as_bytes())
        .unwrap_err()
        .to_string();
    assert!(error.contains("coreType=\"Kern\""), "{error}");
}
