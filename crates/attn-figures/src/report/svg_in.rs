//! Figures that come from files: what may stand in the page as markup, and what may not.
//!
//! A page that inlines an SVG runs whatever is in it. Ours hold shapes and text only, so a short
//! list of elements and attributes lets them through; they are written anew from what was parsed,
//! with their ids made unique. Everything else (scripts, handlers, styles, links, foreign objects,
//! a drawing program's extensions) is no error: the whole file is shown through `<img>` instead,
//! where browsers run and load nothing, and stays crisp but has no values on hover.

use crate::svg::escape;
use attn_core::io::base64;
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

const ELEMENTS: [&str; 16] = [
    "svg",
    "title",
    "desc",
    "g",
    "rect",
    "path",
    "line",
    "polyline",
    "polygon",
    "circle",
    "ellipse",
    "text",
    "tspan",
    "defs",
    "clipPath",
    "linearGradient",
];
const ATTRIBUTES: [&str; 45] = [
    "width",
    "height",
    "viewBox",
    "role",
    "id",
    "aria-labelledby",
    "aria-describedby",
    "font-family",
    "font-size",
    "font-weight",
    "font-style",
    "text-anchor",
    "dominant-baseline",
    "transform",
    "fill",
    "fill-opacity",
    "fill-rule",
    "stroke",
    "stroke-width",
    "stroke-opacity",
    "stroke-dasharray",
    "stroke-linejoin",
    "stroke-linecap",
    "opacity",
    "shape-rendering",
    "x",
    "y",
    "dx",
    "dy",
    "x1",
    "y1",
    "x2",
    "y2",
    "cx",
    "cy",
    "r",
    "rx",
    "ry",
    "d",
    "points",
    "clip-path",
    "aria-label",
    "aria-hidden",
    "letter-spacing",
    "preserveAspectRatio",
];

/// Markup for a figure: the SVG itself, or an `<img>` that holds it. `prefix` makes ids unique.
pub(super) fn inline(svg: &str, prefix: &str, alt: &str) -> String {
    sanitise(svg, prefix).unwrap_or_else(|| {
        let data = base64(svg.as_bytes());
        format!(
            "<img src=\"data:image/svg+xml;base64,{data}\" alt=\"{}\">",
            escape(alt)
        )
    })
}

/// The figure's own description, when it is one of ours.
pub(super) fn description(svg: &str) -> Option<String> {
    let start = svg.find("<desc")?;
    let inner = svg.get(start..)?;
    let from = inner.find('>')? + 1;
    let to = inner.find("</desc>")?;
    let text = inner.get(from..to)?;
    quick_xml::escape::unescape(text)
        .ok()
        .map(|t| t.trim().to_owned())
}

/// The SVG written anew, or `None` when it holds anything beyond the lists.
fn sanitise(svg: &str, prefix: &str) -> Option<String> {
    let mut reader = Reader::from_str(svg);
    let mut out = String::with_capacity(svg.len() + 1024);
    let mut open: Vec<String> = Vec::new();
    loop {
        match reader.read_event().ok()? {
            Event::Start(start) => {
                // One root; everything else within it.
                if open.is_empty() && !out.is_empty() {
                    return None;
                }
                let name = element(&start, prefix, &mut out)?;
                out.push('>');
                open.push(name);
            }
            Event::Empty(start) => {
                if open.is_empty() {
                    return None;
                }
                element(&start, prefix, &mut out)?;
                out.push_str("/>");
            }
            Event::End(end) => {
                let name = open.pop()?;
                if end.name().as_ref() != name {
                    return None;
                }
                out.push_str("</");
                out.push_str(&name);
                out.push('>');
            }
            Event::Text(text) => {
                if !open.is_empty() {
                    out.push_str(&escape(&text));
                }
            }
            Event::GeneralRef(reference) => {
                let text = match reference.resolve_char_ref().ok()? {
                    Some(character) => character.to_string(),
                    None => match reference.as_ref() {
                        "lt" => "<".to_owned(),
                        "gt" => ">".to_owned(),
                        "amp" => "&".to_owned(),
                        "quot" => "\"".to_owned(),
                        "apos" => "'".to_owned(),
                        _ => return None,
                    },
                };
                out.push_str(&escape(&text));
            }
            Event::Decl(_) | Event::Comment(_) if open.is_empty() && out.is_empty() => {}
            Event::Eof => return (open.is_empty() && !out.is_empty()).then_some(out),
            // Processing instructions, CDATA, document types: nothing we write has them.
            _ => return None,
        }
    }
}

/// Writes `<name attributes` without the closing bracket.
fn element(start: &BytesStart<'_>, prefix: &str, out: &mut String) -> Option<String> {
    let name = start.name().as_ref().to_owned();
    let root = out.is_empty();
    if !ELEMENTS.contains(&name.as_str()) || root != (name == "svg") {
        return None;
    }
    out.push('<');
    out.push_str(&name);
    for attribute in start.attributes() {
        let attribute = attribute.ok()?;
        let key = attribute.key.as_ref();
        let value = quick_xml::escape::unescape(&attribute.value).ok()?;
        if key == "xmlns" {
            // HTML needs none.
            continue;
        }
        if !ATTRIBUTES.contains(&key) {
            return None;
        }
        let value = match key {
            "id" | "aria-labelledby" | "aria-describedby" => format!("{prefix}{value}"),
            // A reference may lead into this figure only.
            _ if value.to_ascii_lowercase().contains("url(") => {
                let id = value.strip_prefix("url(#")?.strip_suffix(')')?;
                format!("url(#{prefix}{id})")
            }
            _ => value.into_owned(),
        };
        out.push_str(&format!(" {key}=\"{}\"", escape(&value)));
    }
    Some(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{BarSeries, BarsSpec};

    #[test]
    fn our_own_figures_pass_with_titles_and_new_ids() {
        let spec = BarsSpec {
            title: "<b> & \"x\"".into(),
            categories: vec!["a&b".into(), "c".into()],
            series: vec![BarSeries {
                name: "s".into(),
                values: vec![1.0, 2.0],
                intervals: vec![],
            }],
            y_label: "v".into(),
            ..BarsSpec::default()
        };
        let svg = spec.render().unwrap().svg;
        let markup = inline(&svg, "f7-", "alt");
        assert!(
            markup.starts_with("<svg") && markup.contains("id=\"f7-f"),
            "{markup}"
        );
        assert!(markup.contains("aria-labelledby=\"f7-f"));
        assert_eq!(
            markup.matches("<title").count(),
            svg.matches("<title").count()
        );
        assert!(
            markup.contains("&lt;b&gt; &amp; &quot;x&quot;") && markup.contains("a&amp;b"),
            "{markup}"
        );
        assert!(description(&svg).unwrap().contains("a&b"));
    }

    #[test]
    fn everything_else_is_shown_as_an_image() {
        let wrap = |inner: &str| {
            format!("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"9\">{inner}</svg>")
        };
        assert!(inline(&wrap("<rect x=\"1\"/>"), "p", "").starts_with("<svg"));
        for bad in [
            "<script>alert(1)</script>",
            "<rect onload=\"alert(1)\"/>",
            "<a href=\"javascript:alert(1)\"><text>x</text></a>",
            "<foreignObject><img src=\"x\"/></foreignObject>",
            "<style>@import url(http://x)</style>",
            "<rect fill=\"url(http://example.org/#a)\"/>",
            "<image href=\"http://example.org/x.png\"/>",
            "<svg><rect/></svg>",
            "<rect>",
            "<![CDATA[<script>]]>",
            "&unknown;",
        ] {
            let markup = inline(&wrap(bad), "p", "a \"figure\"");
            assert!(
                markup.starts_with("<img src=\"data:image/svg+xml;base64,"),
                "{bad}: {markup}"
            );
            assert!(markup.ends_with("alt=\"a &quot;figure&quot;\">"));
        }
        assert!(inline("<!DOCTYPE svg [<!ENTITY a \"b\">]><svg/>", "p", "").starts_with("<img"));
        assert!(inline("<svg/><svg/>", "p", "").starts_with("<img"));
        assert!(inline("no xml <at> all", "p", "").starts_with("<img"));
    }
}
