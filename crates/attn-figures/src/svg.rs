//! The SVG writer: a small subset of SVG 1.1 that every browser and LaTeX tool-chain reads.

use crate::font::FAMILY;
use crate::scene::{Anchor, Item, Scene, Text, hatching};
use crate::theme::Rgb;
use std::fmt::Write;

/// Escapes text for SVG and HTML, content and attributes alike. Characters that XML forbids
/// become U+FFFD, since one of them would make the whole document unreadable.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\t' | '\n' | '\r' => out.push(' '),
            '\u{0}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            other => out.push(other),
        }
    }
    out
}

/// At most two decimals, no trailing zeros.
fn number(value: f64) -> String {
    let rounded = (value * 100.0).round() / 100.0;
    // Adding zero turns -0 into 0.
    format!("{}", rounded + 0.0)
}

fn tip(tip: &Option<String>) -> String {
    tip.as_ref()
        .map(|t| format!("<title>{}</title>", escape(t)))
        .unwrap_or_default()
}

fn rect(x: f64, y: f64, w: f64, h: f64, rest: &str) -> String {
    format!(
        "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" {rest}",
        number(x),
        number(y),
        number(w),
        number(h)
    )
}

fn path(points: impl Iterator<Item = (f64, f64)>) -> String {
    let mut data = String::new();
    for (index, (x, y)) in points.enumerate() {
        data.push(if index == 0 { 'M' } else { 'L' });
        data.push_str(&number(x));
        data.push(' ');
        data.push_str(&number(y));
    }
    data
}

fn text(t: &Text) -> String {
    let anchor = match t.anchor {
        Anchor::Start => "",
        Anchor::Middle => " text-anchor=\"middle\"",
        Anchor::End => " text-anchor=\"end\"",
    };
    let place = if t.rotated {
        format!(
            "transform=\"translate({} {}) rotate(-90)\"",
            number(t.x),
            number(t.y)
        )
    } else {
        format!("x=\"{}\" y=\"{}\"", number(t.x), number(t.y))
    };
    let bold = if t.bold { " font-weight=\"bold\"" } else { "" };
    let fill = if t.colour == Rgb::INK {
        String::new()
    } else {
        format!(" fill=\"{}\"", t.colour.hex())
    };
    format!(
        "<text {place} font-size=\"{}\"{anchor}{bold}{fill}>{}</text>",
        number(t.size),
        escape(&t.text)
    )
}

/// FNV-1a: ids must be unique among the figures of one HTML page, and the same in every run.
fn fingerprint(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// The whole document.
pub(crate) fn write(scene: &Scene) -> String {
    let mut body = String::new();
    for item in &scene.items {
        body.push_str(&element(item));
        body.push('\n');
    }
    let id = format!("f{:016x}", fingerprint(&format!("{}\n{body}", scene.title)));
    let (w, h) = (number(scene.width), number(scene.height));
    let mut out = String::with_capacity(body.len() + 1024);
    let _ = write!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{w}\" height=\"{h}\" viewBox=\"0 0 {w} {h}\" \
         role=\"img\" aria-labelledby=\"{id}-t\" aria-describedby=\"{id}-d\" font-family=\"{FAMILY}\" \
         fill=\"{}\">\n<title id=\"{id}-t\">{}</title>\n<desc id=\"{id}-d\">{}</desc>\n{}\n{body}</svg>\n",
        Rgb::INK.hex(),
        escape(&scene.title),
        escape(&scene.description),
        rect(0.0, 0.0, scene.width, scene.height, "fill=\"#ffffff\"/>"),
    );
    out
}

fn element(item: &Item) -> String {
    match item {
        Item::Rect {
            x,
            y,
            w,
            h,
            fill,
            tip: t,
        } => {
            let open = rect(
                *x,
                *y,
                *w,
                *h,
                &format!("fill=\"{}\" shape-rendering=\"crispEdges\"", fill.hex()),
            );
            if t.is_some() {
                format!("{open}>{}</rect>", tip(t))
            } else {
                format!("{open}/>")
            }
        }
        Item::Hatch { x, y, w, h, tip: t } => {
            let strokes: String = hatching(*x, *y, *w, *h)
                .into_iter()
                .map(|(a, b)| path([a, b].into_iter()))
                .collect();
            format!(
                "<g>{}{}<path d=\"{strokes}\" stroke=\"{}\" stroke-width=\"0.75\" fill=\"none\"/></g>",
                tip(t),
                rect(
                    *x,
                    *y,
                    *w,
                    *h,
                    &format!("fill=\"{}\"/>", Rgb::MISSING.hex())
                ),
                Rgb::HATCH.hex()
            )
        }
        Item::Outline { x, y, w, h, colour } => rect(
            *x,
            *y,
            *w,
            *h,
            &format!(
                "fill=\"none\" stroke=\"{}\" stroke-width=\"1\"/>",
                colour.hex()
            ),
        ),
        Item::Line {
            points,
            width,
            colour,
            dash,
        } => {
            let dash = dash
                .map(|(on, off)| format!(" stroke-dasharray=\"{} {}\"", number(on), number(off)))
                .unwrap_or_default();
            format!(
                "<path d=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"{}\" stroke-linejoin=\"round\"{dash}/>",
                path(points.iter().copied()),
                colour.hex(),
                number(*width)
            )
        }
        Item::Band {
            points,
            colour,
            opacity,
        } => {
            let upper = points.iter().map(|&(x, high, _)| (x, high));
            let lower = points.iter().rev().map(|&(x, _, low)| (x, low));
            format!(
                "<path d=\"{}Z\" fill=\"{}\" fill-opacity=\"{}\"/>",
                path(upper.chain(lower)),
                colour.hex(),
                number(*opacity)
            )
        }
        Item::Dot {
            x,
            y,
            r,
            fill,
            stroke,
            tip: t,
        } => format!(
            "<circle cx=\"{}\" cy=\"{}\" r=\"{}\" fill=\"{}\" stroke=\"{}\" stroke-width=\"1.5\">{}</circle>",
            number(*x),
            number(*y),
            number(*r),
            fill.hex(),
            stroke.hex(),
            tip(t)
        ),
        Item::Text(t) => text(t),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_markup_and_what_xml_forbids() {
        assert_eq!(
            escape("<img src=x onerror=\"alert('1')\"> & \u{1}\u{b}"),
            "&lt;img src=x onerror=&quot;alert(&#39;1&#39;)&quot;&gt; &amp; \u{fffd}\u{fffd}"
        );
    }

    #[test]
    fn numbers_are_short() {
        assert_eq!(
            [number(1.0), number(-0.001), number(2.345_6)],
            ["1", "0", "2.35"]
        );
    }
}
