//! The report's pages, in HTML and Markdown.

use super::*;
use crate::claims::{ClaimNumber, Verdict};
use crate::table::{Cell, Column};

const HOSTILE: &str =
    "<img src=x onerror=alert(1)></script><script>alert(2)</script> & \"q\" | [a](b)";

fn report() -> Report {
    let claim = |id: &str| PaperClaim {
        id: id.into(),
        section: "4.4".into(),
        place: "Figure 6".into(),
        statement: HOSTILE.into(),
        numbers: vec![ClaimNumber {
            name: "gain".into(),
            value: 1.2,
            unit: "percent".into(),
            task: Some("MRPC".into()),
        }],
    };
    Report {
        title: HOSTILE.into(),
        text: vec![HOSTILE.into()],
        claims: vec![claim("a"), claim("b")],
        findings: vec![Finding {
            claim: "a".into(),
            model: "m".into(),
            task: None,
            verdict: Verdict::Inconclusive,
            rule: HOSTILE.into(),
            finding: HOSTILE.into(),
            value: Some(0.5),
            ci_low: Some(-0.1),
            ci_high: Some(1.1),
            n: 408,
            seed: 42,
        }],
        sections: vec![Section {
            title: HOSTILE.into(),
            blocks: vec![
                Block::Figure(ReportFigure {
                    name: HOSTILE.into(),
                    svg: "<svg xmlns=\"http://www.w3.org/2000/svg\" onload=\"alert(1)\"/>".into(),
                    links: vec![Link::file("SVG", "figures/a b.svg")],
                }),
                Block::Table(ReportTable {
                    name: "t".into(),
                    table: Table {
                        title: HOSTILE.into(),
                        columns: vec![Column::text(HOSTILE), Column::number("v")],
                        rows: vec![vec![
                            Cell::text(HOSTILE),
                            Cell::estimate(0.5, Some((0.25, 0.75)), 2),
                        ]],
                    },
                    links: vec![],
                }),
            ],
            manifest: Some(Manifest {
                run: "r".into(),
                command: vec![HOSTILE.into()],
                config: serde_json::json!({ "x": HOSTILE }),
                inputs: vec![],
                seeds: [("all".to_owned(), 42)].into(),
                versions: Default::default(),
                device: "flex 0".into(),
                threads: 2,
                seconds: Default::default(),
                git: None,
                outputs: Vec::new(),
                notes: vec![HOSTILE.into()],
            }),
            ..Section::default()
        }],
    }
}

#[test]
fn hostile_text_stays_text() {
    let html = report().html();
    assert_eq!(html.matches("<script").count(), 1, "the page's own");
    // The one <img> is the figure that may not be inlined.
    assert_eq!(html.matches("<img").count(), 1);
    assert!(html.contains("<img src=\"data:image/svg+xml;base64,"));
    assert!(!html.contains("onload=\"alert"));
    assert!(html.contains("data-v=\"0.5\">0.50 [0.25, 0.75]"));
    assert!(html.contains("Not measured here") && html.contains("inconclusive (n = 408)"));
    assert!(html.contains(
        "data-v=\"0.5\">0.500 [−0.100, 1.100]</td><td data-v=\"408\">408</td><td>42</td>"
    ));
}

#[test]
fn markdown_has_no_markup_from_data() {
    let text = report().markdown();
    assert!(
        !text.contains("<img") && !text.contains("<script") && !text.contains("](b)"),
        "{text}"
    );
    assert!(text.contains("](figures/a%20b.svg)"));
    assert!(
        text.contains("0.500 \\[−0.100, 1.100\\]; n = 408; seed 42"),
        "{text}"
    );
    assert_eq!(text.matches("\nRule: ").count(), 1, "{text}");
    assert!(text.contains("- **inconclusive (n = 408)**: "), "{text}");
    assert!(text.ends_with("- not measured here\n") && text.starts_with("# "));
}

#[test]
fn links_lead_to_files_only() {
    assert_eq!(
        Link::file("", "javascript:alert(1)").href(),
        "javascript%3Aalert%281%29"
    );
    assert_eq!(Link::file("", "//example.org/x").href(), "example.org/x");
    assert_eq!(
        Link::file("", "../a/\"x\"<.svg").href(),
        "../a/%22x%22%3C.svg"
    );
}
