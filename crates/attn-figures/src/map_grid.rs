//! All heads' maps of one example on a page: the paper's Appendix A.
//!
//! SVG only, for zooming in: 144 maps of 50 tokens are 360 thousand cells, so each map is a small
//! picture of one pixel a cell, scaled without smoothing, and the tokens are written once and
//! referred to from every map.

use crate::FigureError;
use crate::font;
use crate::svg::escape;
use crate::theme::{ColourMap, Rgb, category};
use attn_core::HeadGrid;
use attn_core::io::base64;
use std::fmt::Write;

/// Maps of one example, layers by heads.
#[derive(Debug, Clone, PartialEq)]
pub struct MapGridSpec {
    /// Above everything.
    pub title: String,
    /// Under the title; may be empty.
    pub subtitle: String,
    /// The `L` tokens, the same for all maps.
    pub tokens: Vec<String>,
    /// Positions of special tokens, which stand out.
    pub special: Vec<usize>,
    /// Weights of each head, `[L, L]`, row-major.
    pub maps: HeadGrid<Vec<f32>>,
    /// The weight that gets the darkest colour in each map.
    pub darkest: HeadGrid<f32>,
    /// Small type at the bottom.
    pub footer: String,
}

const SIDE: f64 = 96.0;
const LABELS: f64 = 22.0;
const GAP: f64 = 6.0;
const TOP: f64 = 64.0;
const LEFT: f64 = 26.0;

impl MapGridSpec {
    /// The page as a standalone SVG document.
    ///
    /// # Errors
    /// [`FigureError::Empty`] without tokens or heads, [`FigureError::Length`] where a map has not
    /// `L * L` weights, [`FigureError::Bitmap`].
    pub fn svg(&self) -> Result<String, FigureError> {
        let (layers, heads, length) = (self.maps.layers(), self.maps.heads(), self.tokens.len());
        if length == 0 || layers * heads == 0 {
            return Err(FigureError::Empty {
                figure: self.title.clone(),
                what: "the list of tokens or the grid".to_owned(),
            });
        }
        let step = LABELS + SIDE + GAP;
        let (width, height) = (
            LEFT + heads as f64 * step + 10.0,
            TOP + layers as f64 * step + 30.0,
        );
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
             width=\"{width}\" height=\"{height}\" font-family=\"{}\" role=\"img\">\n\
             <title>{}</title><desc>{} maps over the tokens: {}</desc>\n\
             <rect width=\"{width}\" height=\"{height}\" fill=\"#fff\"/>\n",
            font::FAMILY,
            escape(&self.title),
            layers * heads,
            escape(&self.tokens.join(" ")),
        );
        let ink = Rgb::INK.hex();
        let mut text = |x: f64, y: f64, size: f64, rest: &str, words: &str| {
            let _ = writeln!(
                svg,
                "<text x=\"{x:.1}\" y=\"{y:.1}\" font-size=\"{size}\" fill=\"{ink}\" {rest}>{}</text>",
                escape(words)
            );
        };
        text(12.0, 22.0, 16.0, "font-weight=\"bold\"", &self.title);
        text(12.0, 38.0, 11.0, "", &self.subtitle);
        text(12.0, height - 10.0, 9.0, "", &self.footer);
        for head in 0..heads {
            let x = LEFT + head as f64 * step + LABELS + SIDE / 2.0;
            text(
                x,
                TOP - 8.0,
                9.0,
                "text-anchor=\"middle\"",
                &format!("head {}", head + 1),
            );
        }
        for layer in 0..layers {
            let y = TOP + layer as f64 * step + SIDE / 2.0;
            let turned = format!("text-anchor=\"middle\" transform=\"rotate(-90 14 {y:.1})\"");
            text(14.0, y, 9.0, &turned, &format!("layer {}", layer + 1));
        }
        self.labels(&mut svg);
        for (id, weights) in self.maps.iter() {
            if weights.len() != length * length {
                return Err(FigureError::Length {
                    figure: self.title.clone(),
                    place: format!("head {id} with {length} tokens"),
                    what: "weights (tokens squared)",
                    expected: length * length,
                    found: weights.len(),
                });
            }
            let (x, y) = (
                LEFT + id.head as f64 * step + LABELS,
                TOP + id.layer as f64 * step,
            );
            let darkest = self.darkest.get(id).copied().unwrap_or(1.0);
            let picture = self.picture(weights, darkest)?;
            let _ = writeln!(
                svg,
                "<g transform=\"translate({x:.1} {y:.1})\"><title>layer {}, head {}; darkest colour: {darkest:.3}</title>\
                 <image width=\"{SIDE}\" height=\"{SIDE}\" preserveAspectRatio=\"none\" style=\"image-rendering:pixelated\" \
                 href=\"data:image/png;base64,{picture}\"/>\
                 <rect width=\"{SIDE}\" height=\"{SIDE}\" fill=\"none\" stroke=\"{}\" stroke-width=\"0.5\"/>\
                 <use href=\"#tokens\"/></g>",
                id.layer + 1,
                id.head + 1,
                Rgb::HATCH.hex(),
            );
        }
        svg.push_str("</svg>\n");
        Ok(svg)
    }

    /// The tokens along both sides of a map, once, as a group to refer to.
    fn labels(&self, svg: &mut String) {
        let cell = SIDE / self.tokens.len() as f64;
        let size = (cell * 0.9).min(7.0);
        let _ = writeln!(
            svg,
            "<defs><g id=\"tokens\" font-size=\"{size:.2}\" text-anchor=\"end\">"
        );
        for (position, token) in self.tokens.iter().enumerate() {
            let special = self.special.contains(&position);
            let colour = if special { category(5) } else { Rgb::INK }.hex();
            let short = escape(&font::ellipsis(token, size, false, LABELS - 3.0));
            let middle = (position as f64 + 0.5) * cell + size * font::CAP / 2.0;
            let _ = writeln!(
                svg,
                "<text x=\"-2\" y=\"{middle:.2}\" fill=\"{colour}\">{short}</text>\
                 <text transform=\"translate({middle:.2} {:.1}) rotate(-90)\" fill=\"{colour}\">{short}</text>",
                SIDE + 2.0,
            );
        }
        svg.push_str("</g></defs>\n");
    }

    /// One pixel a cell, as PNG in base64.
    fn picture(&self, weights: &[f32], darkest: f32) -> Result<String, FigureError> {
        let side = self.tokens.len() as u32;
        let pixels: Vec<u8> = weights
            .iter()
            .flat_map(|w| {
                let Rgb(r, g, b) = ColourMap::Sequential.colour(f64::from(w / darkest));
                [r, g, b]
            })
            .collect();
        let encode = || -> Result<Vec<u8>, png::EncodingError> {
            let mut bytes = Vec::new();
            let mut encoder = png::Encoder::new(&mut bytes, side, side);
            encoder.set_color(png::ColorType::Rgb);
            encoder.set_depth(png::BitDepth::Eight);
            let mut writer = encoder.write_header()?;
            writer.write_image_data(&pixels)?;
            writer.finish()?;
            Ok(bytes)
        };
        encode()
            .map(|bytes| base64(&bytes))
            .map_err(|e| FigureError::Bitmap {
                figure: self.title.clone(),
                action: "encode",
                reason: e.to_string(),
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec() -> MapGridSpec {
        MapGridSpec {
            title: "All <heads>".to_owned(),
            subtitle: String::new(),
            tokens: ["[CLS]", "a", "<b>", "[SEP]"].map(str::to_owned).to_vec(),
            special: vec![0, 3],
            maps: HeadGrid::from_fn(2, 3, |h| vec![h.head as f32 / 4.0; 16]),
            darkest: HeadGrid::from_fn(2, 3, |_| 0.5),
            footer: String::new(),
        }
    }

    #[test]
    fn one_picture_a_head_and_tokens_once() {
        let svg = spec().svg().unwrap();
        assert_eq!(svg.matches("<image").count(), 6);
        assert_eq!(svg.matches("<use href=\"#tokens\"/>").count(), 6);
        assert_eq!(svg.matches(">[CLS]</text>").count(), 2);
        assert!(
            svg.contains("layer 2, head 3") && svg.contains("&lt;b&gt;") && !svg.contains("<b>")
        );
    }

    #[test]
    fn wrong_maps_are_named() {
        let mut wrong = spec();
        if let Some(map) = wrong.maps.values_mut().get_mut(4) {
            map.pop();
        }
        let error = wrong.svg().unwrap_err().to_string();
        assert!(
            error.contains("head 2-2") && error.contains("15"),
            "{error}"
        );
        wrong.tokens.clear();
        assert!(wrong.svg().is_err());
    }
}
