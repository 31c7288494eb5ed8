//! The embedded font: measuring text and making it fit.
//!
//! DejaVu Sans comes from the `dejavu` crate as bytes (Bitstream Vera licence: free to embed and
//! redistribute unmodified). Its widths are those of Verdana's, the SVG's first fallback, and
//! wider than those of most other sans-serif fonts, so text that fits here fits in a browser that
//! lacks it.

use ab_glyph::{Font, FontRef};
use std::sync::OnceLock;

/// What the SVG asks browsers for.
pub(crate) const FAMILY: &str = "DejaVu Sans, Verdana, sans-serif";

/// Share of the font size above the baseline that letters take (with accents).
pub(crate) const ASCENT: f64 = 0.78;
/// Share of the font size below the baseline; layout tests measure with it.
#[cfg(test)]
pub(crate) const DESCENT: f64 = 0.22;
/// Height of a digit, as a share of the font size.
pub(crate) const CAP: f64 = 0.73;

/// The font's file.
pub(crate) fn bytes(bold: bool) -> &'static [u8] {
    if bold {
        dejavu::sans::bold()
    } else {
        dejavu::sans::regular()
    }
}

/// The parsed font, or `None` should the embedded bytes ever be damaged.
pub(crate) fn face(bold: bool) -> Option<&'static FontRef<'static>> {
    static REGULAR: OnceLock<Option<FontRef<'static>>> = OnceLock::new();
    static BOLD: OnceLock<Option<FontRef<'static>>> = OnceLock::new();
    let cell = if bold { &BOLD } else { &REGULAR };
    cell.get_or_init(|| FontRef::try_from_slice(bytes(bold)).ok())
        .as_ref()
}

/// Width of a line of text in pixels at a font size in pixels per em.
pub(crate) fn measure(text: &str, size: f64, bold: bool) -> f64 {
    let Some(font) = face(bold) else {
        return text.chars().count() as f64 * size * 0.65;
    };
    let em = f64::from(font.units_per_em().unwrap_or(2048.0));
    let mut previous = None;
    let mut width = 0.0;
    for character in text.chars() {
        let glyph = font.glyph_id(character);
        if let Some(previous) = previous {
            width += f64::from(font.kern_unscaled(previous, glyph));
        }
        width += f64::from(font.h_advance_unscaled(glyph));
        previous = Some(glyph);
    }
    width / em * size
}

/// The text, cut with an ellipsis where it is wider than `width`.
pub(crate) fn ellipsis(text: &str, size: f64, bold: bool, width: f64) -> String {
    if measure(text, size, bold) <= width {
        return text.to_owned();
    }
    let mut kept = String::new();
    for character in text.chars() {
        kept.push(character);
        if measure(&format!("{kept}…"), size, bold) > width {
            kept.pop();
            break;
        }
    }
    let kept = kept.trim_end();
    format!("{kept}…")
}

/// The largest size between `smallest` and `size` at which the text fits, and the text, cut if
/// even the smallest does not do.
pub(crate) fn shrink(
    text: &str,
    size: f64,
    smallest: f64,
    bold: bool,
    width: f64,
) -> (String, f64) {
    let natural = measure(text, size, bold);
    let fitted = if natural > width {
        (size * width / natural * 10.0).floor() / 10.0
    } else {
        size
    };
    let fitted = fitted.max(smallest.min(size));
    (ellipsis(text, fitted, bold, width), fitted)
}

/// Breaks the text into lines no wider than `width`, at spaces where there are any.
pub(crate) fn wrap(text: &str, size: f64, bold: bool, width: f64) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split_whitespace() {
        let joined = if line.is_empty() {
            word.to_owned()
        } else {
            format!("{line} {word}")
        };
        if measure(&joined, size, bold) <= width {
            line = joined;
            continue;
        }
        if !line.is_empty() {
            lines.push(std::mem::take(&mut line));
        }
        // A single word wider than the line is broken between characters.
        for character in word.chars() {
            line.push(character);
            if measure(&line, size, bold) > width && line.chars().count() > 1 {
                line.pop();
                lines.push(std::mem::take(&mut line));
                line.push(character);
            }
        }
    }
    if !line.is_empty() {
        lines.push(line);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_faces_parse_and_bold_is_wider() {
        assert!(face(false).is_some() && face(true).is_some());
        assert!(measure("Layer", 10.0, true) > measure("Layer", 10.0, false));
    }

    #[test]
    fn fitted_text_fits() {
        let long = "Donaudampfschifffahrtsgesellschaft attends to [SEP] in the last layers";
        for width in [12.0, 40.0, 90.0, 300.0] {
            assert!(measure(&ellipsis(long, 10.0, false, width), 10.0, false) <= width);
            let lines = wrap(long, 10.0, false, width);
            assert!(
                lines.iter().all(|l| measure(l, 10.0, false) <= width),
                "{lines:?}"
            );
            let letters = |s: &str| s.chars().filter(|c| !c.is_whitespace()).collect::<String>();
            assert_eq!(
                letters(&lines.concat()),
                letters(long),
                "wrapping loses nothing"
            );
            let (text, size) = shrink(long, 12.0, 8.0, true, width);
            assert!(measure(&text, size, true) <= width && size >= 8.0);
        }
        assert_eq!(ellipsis("short", 10.0, false, 200.0), "short");
    }
}
