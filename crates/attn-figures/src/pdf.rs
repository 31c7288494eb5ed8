//! The PDF writer, for figures in papers: one page, vector shapes, selectable text.
//!
//! Text is set in the font of the PNG, of which the glyphs that occur are embedded as TrueType:
//! PDF's built-in fonts lack most of the characters that tokens hold, and publishers refuse Type 3
//! fonts. There is no clock in it: the same figure gives the same bytes.

use crate::FigureError;
use crate::font;
use crate::scene::{Item, Scene, Text, hatching};
use crate::theme::Rgb;
use ab_glyph::{Font, GlyphId};
use miniz_oxide::deflate::compress_to_vec_zlib;
use pdf_writer::types::{CidFontType, FontFlags, LineJoinStyle, SystemInfo, UnicodeCmap};
use pdf_writer::{Content, Filter, Finish, Name, Pdf, Rect, Ref, Str, TextStr};
use std::collections::BTreeMap;
use subsetter::GlyphRemapper;

/// Points in a CSS pixel.
const POINTS: f32 = 0.75;
/// Effort of compression, of 10.
const LEVEL: u8 = 6;
/// Control points of a circle's quarter, in radii.
const QUARTER: f64 = 0.552_284_75;

const IDENTITY: SystemInfo<'_> = SystemInfo {
    registry: Str(b"Adobe"),
    ordering: Str(b"Identity"),
    supplement: 0,
};

/// One face of the font: which glyphs occur.
struct Face {
    bold: bool,
    glyphs: GlyphRemapper,
    /// What each new glyph number stands for.
    characters: BTreeMap<u16, char>,
    /// Widths by new glyph number, in thousandths of an em.
    widths: BTreeMap<u16, f32>,
}

impl Face {
    fn new(bold: bool) -> Self {
        Self {
            bold,
            glyphs: GlyphRemapper::new(),
            characters: BTreeMap::new(),
            widths: BTreeMap::new(),
        }
    }

    fn name(&self) -> &'static str {
        match self.bold {
            false => "F0",
            true => "F1",
        }
    }

    /// With six letters before it, as the format asks of subsets.
    fn base_font(&self) -> &'static str {
        match self.bold {
            false => "ATLASA+DejaVuSans",
            true => "ATLASB+DejaVuSans-Bold",
        }
    }

    fn used(&self) -> bool {
        !self.characters.is_empty()
    }
}

struct Writer {
    content: Content,
    faces: [Face; 2],
    /// Opacities in per cent.
    opacities: Vec<u8>,
}

/// The whole document.
pub(crate) fn write(scene: &Scene) -> Result<Vec<u8>, FigureError> {
    let error = |reason: &str| FigureError::Bitmap {
        figure: scene.title.clone(),
        action: "write",
        reason: reason.to_owned(),
    };
    let (width, height) = (scene.width as f32 * POINTS, scene.height as f32 * POINTS);
    let mut writer = Writer {
        content: Content::new(),
        faces: [Face::new(false), Face::new(true)],
        opacities: Vec::new(),
    };
    // The scene's y points down, the page's up.
    writer
        .content
        .transform([POINTS, 0.0, 0.0, -POINTS, 0.0, height]);
    for item in &scene.items {
        writer
            .item(item)
            .ok_or_else(|| error("the embedded font cannot be read"))?;
    }

    let mut next = 0;
    let mut id = || {
        next += 1;
        Ref::new(next)
    };
    let (catalog, pages, page, stream, info) = (id(), id(), id(), id(), id());
    let mut pdf = Pdf::new();
    pdf.catalog(catalog).pages(pages);
    pdf.pages(pages).kids([page]).count(1);
    pdf.document_info(info)
        .title(TextStr(&scene.title))
        .subject(TextStr(&scene.description))
        .creator(TextStr(crate::page::PROGRAM));
    let fonts: Vec<(&Face, [Ref; 5])> = writer
        .faces
        .iter()
        .filter(|face| face.used())
        .map(|face| (face, [id(), id(), id(), id(), id()]))
        .collect();
    let mut out = pdf.page(page);
    out.parent(pages)
        .media_box(Rect::new(0.0, 0.0, width, height))
        .contents(stream);
    let mut resources = out.resources();
    let mut dictionary = resources.fonts();
    for (face, ids) in &fonts {
        dictionary.pair(Name(face.name().as_bytes()), ids[0]);
    }
    dictionary.finish();
    if !writer.opacities.is_empty() {
        let mut states = resources.ext_g_states();
        for percent in &writer.opacities {
            states
                .insert(Name(format!("A{percent}").as_bytes()))
                .start::<pdf_writer::writers::ExtGraphicsState<'_>>()
                .non_stroking_alpha(f32::from(*percent) / 100.0);
        }
        states.finish();
    }
    resources.finish();
    out.finish();
    for (face, ids) in &fonts {
        embed(&mut pdf, face, *ids).map_err(|reason| error(&reason))?;
    }
    let content = compress_to_vec_zlib(writer.content.finish().as_slice(), LEVEL);
    pdf.stream(stream, &content).filter(Filter::FlateDecode);
    Ok(pdf.finish())
}

/// Writes a face: composite font, its descendant, descriptor, characters and glyphs.
fn embed(
    pdf: &mut Pdf,
    face: &Face,
    [whole, part, descriptor, characters, file]: [Ref; 5],
) -> Result<(), String> {
    let font = font::face(face.bold).ok_or("the embedded font cannot be read")?;
    let em = font.units_per_em().unwrap_or(2048.0);
    let thousandths = |value: f32| value / em * 1000.0;
    let base = Name(face.base_font().as_bytes());
    pdf.type0_font(whole)
        .base_font(base)
        .encoding_predefined(Name(b"Identity-H"))
        .descendant_font(part)
        .to_unicode(characters);
    let mut cid = pdf.cid_font(part);
    cid.subtype(CidFontType::Type2)
        .base_font(base)
        .system_info(IDENTITY)
        .font_descriptor(descriptor)
        .cid_to_gid_map_predefined(Name(b"Identity"));
    let mut widths = cid.widths();
    for (glyph, width) in &face.widths {
        widths.consecutive(*glyph, [*width]);
    }
    widths.finish();
    cid.finish();
    let (ascent, descent) = (font.ascent_unscaled(), font.descent_unscaled());
    pdf.font_descriptor(descriptor)
        .name(base)
        .flags(FontFlags::NON_SYMBOLIC)
        // What DejaVu Sans' letters take, accents included; readers use it for nothing else.
        .bbox(Rect::new(
            -1021.0,
            thousandths(descent),
            1793.0,
            thousandths(ascent),
        ))
        .italic_angle(0.0)
        .ascent(thousandths(ascent))
        .descent(thousandths(descent))
        .cap_height(font::CAP as f32 * 1000.0)
        .stem_v(if face.bold { 160.0 } else { 80.0 })
        .font_file2(file);
    let mut map = UnicodeCmap::<u16>::new(Name(b"Characters"), IDENTITY);
    for (glyph, character) in &face.characters {
        map.pair(*glyph, *character);
    }
    pdf.cmap(characters, map.finish().as_slice());
    let subset = subsetter::subset(font::bytes(face.bold), 0, &face.glyphs)
        .map_err(|e| format!("the font cannot be made smaller: {e}"))?;
    let packed = compress_to_vec_zlib(&subset, LEVEL);
    let mut stream = pdf.stream(file, &packed);
    stream.filter(Filter::FlateDecode);
    stream.pair(Name(b"Length1"), subset.len() as i32);
    Ok(())
}

impl Writer {
    fn fill(&mut self, Rgb(r, g, b): Rgb) {
        let [r, g, b] = [r, g, b].map(|c| f32::from(c) / 255.0);
        self.content.set_fill_rgb(r, g, b);
    }

    fn stroke(&mut self, Rgb(r, g, b): Rgb, width: f64) {
        let [r, g, b] = [r, g, b].map(|c| f32::from(c) / 255.0);
        self.content.set_stroke_rgb(r, g, b);
        // The writer panics at a negative width.
        self.content.set_line_width((width as f32).max(0.0));
    }

    fn path(&mut self, points: impl IntoIterator<Item = (f64, f64)>) {
        for (index, (x, y)) in points.into_iter().enumerate() {
            let (x, y) = (x as f32, y as f32);
            match index {
                0 => self.content.move_to(x, y),
                _ => self.content.line_to(x, y),
            };
        }
    }

    fn rect(&mut self, x: f64, y: f64, w: f64, h: f64) {
        self.content.rect(x as f32, y as f32, w as f32, h as f32);
    }

    /// `None` should the embedded font ever be damaged.
    fn item(&mut self, item: &Item) -> Option<()> {
        match item {
            Item::Rect {
                x, y, w, h, fill, ..
            } => {
                self.fill(*fill);
                self.rect(*x, *y, *w, *h);
                self.content.fill_nonzero();
            }
            Item::Hatch { x, y, w, h, .. } => {
                self.fill(Rgb::MISSING);
                self.rect(*x, *y, *w, *h);
                self.content.fill_nonzero();
                self.stroke(Rgb::HATCH, 0.75);
                for (from, to) in hatching(*x, *y, *w, *h) {
                    self.path([from, to]);
                }
                self.content.stroke();
            }
            Item::Outline { x, y, w, h, colour } => {
                self.stroke(*colour, 1.0);
                self.rect(*x, *y, *w, *h);
                self.content.stroke();
            }
            Item::Line {
                points,
                width,
                colour,
                dash,
            } => {
                self.stroke(*colour, *width);
                self.content.set_line_join(LineJoinStyle::RoundJoin);
                if let Some((on, off)) = dash {
                    self.content
                        .set_dash_pattern([*on as f32, *off as f32], 0.0);
                }
                self.path(points.iter().copied());
                self.content.stroke();
                if dash.is_some() {
                    self.content.set_dash_pattern([], 0.0);
                }
            }
            Item::Band {
                points,
                colour,
                opacity,
            } => {
                let percent = (opacity * 100.0).round().clamp(0.0, 100.0) as u8;
                if !self.opacities.contains(&percent) {
                    self.opacities.push(percent);
                }
                self.content.save_state();
                self.content
                    .set_parameters(Name(format!("A{percent}").as_bytes()));
                self.fill(*colour);
                let upper = points.iter().map(|&(x, high, _)| (x, high));
                let lower = points.iter().rev().map(|&(x, _, low)| (x, low));
                self.path(upper.chain(lower));
                self.content.close_path().fill_nonzero().restore_state();
            }
            Item::Dot {
                x,
                y,
                r,
                fill,
                stroke,
                ..
            } => {
                self.fill(*fill);
                self.stroke(*stroke, 1.5);
                self.circle(*x, *y, *r);
                self.content.fill_nonzero_and_stroke();
            }
            Item::Text(text) => self.text(text)?,
        }
        Some(())
    }

    fn circle(&mut self, x: f64, y: f64, r: f64) {
        let at = |u: f64, v: f64| ((x + u * r) as f32, (y + v * r) as f32);
        let (x0, y0) = at(1.0, 0.0);
        self.content.move_to(x0, y0);
        for turn in [(1.0, 0.0), (0.0, 1.0), (-1.0, 0.0), (0.0, -1.0)] {
            // A quarter from (u, v) to (-v, u).
            let (u, v) = turn;
            let (x1, y1) = at(u - v * QUARTER, v + u * QUARTER);
            let (x2, y2) = at(-v + u * QUARTER, u + v * QUARTER);
            let (x3, y3) = at(-v, u);
            self.content.cubic_to(x1, y1, x2, y2, x3, y3);
        }
        self.content.close_path();
    }

    fn text(&mut self, text: &Text) -> Option<()> {
        let font = font::face(text.bold)?;
        let em = font.units_per_em().unwrap_or(2048.0);
        let face = &mut self.faces[usize::from(text.bold)];
        // Pairs of a shift before a glyph, in thousandths of an em, and the glyph.
        let (mut glyphs, mut previous) = (Vec::new(), None::<GlyphId>);
        for character in text.text.chars() {
            let glyph = font.glyph_id(character);
            let kern = previous.map_or(0.0, |p| font.kern_unscaled(p, glyph) / em * 1000.0);
            let new = face.glyphs.remap(glyph.0);
            // All characters that the font lacks share one glyph: no single one may stand for it.
            let told = if glyph.0 == 0 { '\u{fffd}' } else { character };
            face.characters.entry(new).or_insert(told);
            face.widths
                .entry(new)
                .or_insert_with(|| font.h_advance_unscaled(glyph) / em * 1000.0);
            glyphs.push((kern, new));
            previous = Some(glyph);
        }
        if glyphs.is_empty() {
            return Some(());
        }
        let name = face.name();
        self.fill(text.colour);
        let (x, y, lead) = (text.x as f32, text.y as f32, text.lead() as f32);
        // Glyphs' y points up, the scene's down.
        let matrix = if text.rotated {
            [0.0, -1.0, -1.0, 0.0, x, y + lead]
        } else {
            [1.0, 0.0, 0.0, -1.0, x - lead, y]
        };
        let content = &mut self.content;
        content
            .begin_text()
            .set_font(Name(name.as_bytes()), text.size as f32)
            .set_text_matrix(matrix);
        let mut positioned = content.show_positioned();
        let mut items = positioned.items();
        let mut run: Vec<u8> = Vec::new();
        for (kern, glyph) in glyphs {
            if kern != 0.0 {
                items.show(Str(&run)).adjust(-kern);
                run.clear();
            }
            run.extend(glyph.to_be_bytes());
        }
        items.show(Str(&run));
        items.finish();
        positioned.finish();
        content.end_text();
        Some(())
    }
}

#[cfg(test)]
mod tests;
