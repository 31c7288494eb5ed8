//! The PNG writer: plotters' bitmap backend draws the display list at four pixels per unit, and
//! the result is averaged down to two, which smooths what that backend draws with hard edges.
//!
//! Text is put down glyph by glyph through the backend's `draw_pixel`: plotters' own text drawing
//! forgets each glyph's left side bearing and rounds positions to whole pixels.

use crate::FigureError;
use crate::font;
use crate::scene::{Item, Point, Scene, Text, hatching};
use crate::theme::Rgb;
use ab_glyph::{Font, PxScale, point};
use plotters::backend::{BitMapBackend, DrawingBackend};
use plotters::style::{Color, RGBAColor, RGBColor, ShapeStyle};

/// Pixels of the PNG per unit.
const SCALE: u32 = 2;
/// Pixels drawn for each pixel kept, in either direction.
const OVER: u32 = 2;

fn style(colour: Rgb, opacity: f64, width: u32) -> ShapeStyle {
    let color: RGBAColor = RGBColor(colour.0, colour.1, colour.2).mix(opacity);
    ShapeStyle {
        color,
        filled: true,
        stroke_width: width,
    }
}

/// Draws and encodes.
pub(crate) fn write(scene: &Scene) -> Result<Vec<u8>, FigureError> {
    let error = |action: &'static str, reason: String| FigureError::Bitmap {
        figure: scene.title.clone(),
        action,
        reason,
    };
    let (width, height) = (
        scene.width.ceil() as u32 * SCALE,
        scene.height.ceil() as u32 * SCALE,
    );
    let fine = (width * OVER, height * OVER);
    let mut pixels = vec![255u8; fine.0 as usize * fine.1 as usize * 3];
    {
        let mut backend = BitMapBackend::with_buffer_and_format(&mut pixels, fine)
            .map_err(|e| error("draw", e.to_string()))?;
        let mut canvas = Canvas {
            backend: &mut backend,
            scale: f64::from(SCALE * OVER),
        };
        for item in &scene.items {
            canvas.item(item).map_err(|reason| error("draw", reason))?;
        }
        canvas
            .backend
            .present()
            .map_err(|e| error("draw", e.to_string()))?;
    }
    let pixels = average(&pixels, width as usize, height as usize, OVER as usize);
    encode(&pixels, width, height).map_err(|e| error("encode", e.to_string()))
}

/// Box filter: each kept pixel is the mean of `over` x `over` drawn ones.
fn average(fine: &[u8], width: usize, height: usize, over: usize) -> Vec<u8> {
    let stride = width * over * 3;
    let mut out = Vec::with_capacity(width * height * 3);
    let count = (over * over) as u32;
    for y in 0..height {
        for x in 0..width {
            let mut sums = [0u32; 3];
            for dy in 0..over {
                let start = (y * over + dy) * stride + x * over * 3;
                for pixel in fine
                    .get(start..start + over * 3)
                    .unwrap_or_default()
                    .chunks_exact(3)
                {
                    for (sum, &channel) in sums.iter_mut().zip(pixel) {
                        *sum += u32::from(channel);
                    }
                }
            }
            out.extend(sums.map(|sum| ((sum + count / 2) / count) as u8));
        }
    }
    out
}

fn encode(pixels: &[u8], width: u32, height: u32) -> Result<Vec<u8>, png::EncodingError> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::Default);
    encoder.set_filter(png::FilterType::Sub);
    // 96 CSS pixels to the inch, so that word processors show both files at the same size.
    let per_metre = (f64::from(SCALE) * 96.0 / 0.0254).round() as u32;
    encoder.set_pixel_dims(Some(png::PixelDimensions {
        xppu: per_metre,
        yppu: per_metre,
        unit: png::Unit::Meter,
    }));
    encoder.add_text_chunk("Software".to_owned(), crate::page::PROGRAM.to_owned())?;
    let mut writer = encoder.write_header()?;
    writer.write_image_data(pixels)?;
    writer.finish()?;
    Ok(bytes)
}

struct Canvas<'a, 'b> {
    backend: &'a mut BitMapBackend<'b>,
    scale: f64,
}

impl Canvas<'_, '_> {
    fn pixel(&self, (x, y): Point) -> (i32, i32) {
        (
            (x * self.scale).round() as i32,
            (y * self.scale).round() as i32,
        )
    }

    fn rect(&mut self, x: f64, y: f64, w: f64, h: f64, fill: ShapeStyle) -> Result<(), String> {
        let (from, to) = (self.pixel((x, y)), self.pixel((x + w, y + h)));
        self.backend
            .draw_rect(from, to, &fill, true)
            .map_err(|e| e.to_string())
    }

    /// A stroke with round joints. Straight ones are rectangles, which keeps them crisp.
    fn line(&mut self, points: &[Point], width: f64, colour: Rgb) -> Result<(), String> {
        let fill = style(colour, 1.0, 1);
        let half = width / 2.0;
        for pair in points.windows(2) {
            let (a, b) = (pair[0], pair[1]);
            let (dx, dy) = (b.0 - a.0, b.1 - a.1);
            let length = dx.hypot(dy);
            if dx == 0.0 {
                self.rect(a.0 - half, a.1.min(b.1), width, dy.abs(), fill)?;
            } else if dy == 0.0 {
                self.rect(a.0.min(b.0), a.1 - half, dx.abs(), width, fill)?;
            } else if length.is_finite() {
                let (nx, ny) = (-dy / length * half, dx / length * half);
                let corners = [
                    (a.0 + nx, a.1 + ny),
                    (b.0 + nx, b.1 + ny),
                    (b.0 - nx, b.1 - ny),
                    (a.0 - nx, a.1 - ny),
                ]
                .map(|p| self.pixel(p));
                self.backend
                    .fill_polygon(corners, &fill)
                    .map_err(|e| e.to_string())?;
            }
        }
        let joints = points
            .get(1..points.len().saturating_sub(1))
            .unwrap_or_default();
        for &joint in joints {
            self.disc(joint, half, colour)?;
        }
        Ok(())
    }

    fn disc(&mut self, centre: Point, radius: f64, colour: Rgb) -> Result<(), String> {
        let (x, y) = (centre.0 * self.scale, centre.1 * self.scale);
        let r = radius * self.scale;
        let fill = style(colour, 1.0, 1);
        for row in (y - r).floor() as i32..=(y + r).ceil() as i32 {
            let reach = r * r - (f64::from(row) + 0.5 - y).powi(2);
            if reach > 0.0 {
                let reach = reach.sqrt();
                let (from, to) = ((x - reach).round() as i32, (x + reach).round() as i32);
                self.backend
                    .draw_rect((from, row), (to, row + 1), &fill, true)
                    .map_err(|e| e.to_string())?;
            }
        }
        Ok(())
    }

    /// Column by column: no pixel is painted twice, so the opacity is even.
    fn band(
        &mut self,
        points: &[(f64, f64, f64)],
        colour: Rgb,
        opacity: f64,
    ) -> Result<(), String> {
        let fill = style(colour, opacity, 1);
        for pair in points.windows(2) {
            let ((x0, high0, low0), (x1, high1, low1)) = (pair[0], pair[1]);
            for column in (x0 * self.scale).round() as i32..(x1 * self.scale).round() as i32 {
                let t = ((f64::from(column) + 0.5) / self.scale - x0) / (x1 - x0);
                let y = |a: f64, b: f64| ((a + (b - a) * t) * self.scale).round() as i32;
                let (top, bottom) = (y(high0, high1), y(low0, low1));
                if bottom > top {
                    self.backend
                        .draw_rect((column, top), (column + 1, bottom), &fill, true)
                        .map_err(|e| e.to_string())?;
                }
            }
        }
        Ok(())
    }

    fn text(&mut self, text: &Text) -> Result<(), String> {
        let Some(font) = font::face(text.bold) else {
            return Err("the embedded font cannot be read".to_owned());
        };
        let em = f64::from(font.units_per_em().unwrap_or(2048.0));
        let pixels = text.size * self.scale;
        // ab_glyph scales by the font's height (ascent to descent), not by its em.
        let scale = PxScale::from((f64::from(font.height_unscaled()) / em * pixels) as f32);
        let colour = RGBColor(text.colour.0, text.colour.1, text.colour.2);
        let lead = text.lead() * self.scale;
        let (x0, y0) = (text.x * self.scale, text.y * self.scale);
        let mut pen = -lead;
        let mut previous = None;
        for character in text.text.chars() {
            let id = font.glyph_id(character);
            if let Some(previous) = previous {
                pen += f64::from(font.kern_unscaled(previous, id)) / em * pixels;
            }
            // Sub-pixel position along the line, whole pixels across it.
            let along = if text.rotated { y0 - pen } else { x0 + pen };
            let fraction = if text.rotated { -along } else { along };
            let glyph =
                id.with_scale_and_position(scale, point((fraction - fraction.floor()) as f32, 0.0));
            if let Some(outline) = font.outline_glyph(glyph) {
                let corner = outline.px_bounds().min;
                let mut failed = None;
                outline.draw(|gx, gy, cover| {
                    let (u, v) = (corner.x as i32 + gx as i32, corner.y as i32 + gy as i32);
                    let at = if text.rotated {
                        (x0.round() as i32 + v, -(fraction.floor() as i32) - u - 1)
                    } else {
                        (fraction.floor() as i32 + u, y0.round() as i32 + v)
                    };
                    let ink = colour.mix(f64::from(cover.min(1.0))).to_backend_color();
                    if let Err(e) = self.backend.draw_pixel(at, ink) {
                        failed = Some(e.to_string());
                    }
                });
                if let Some(reason) = failed {
                    return Err(reason);
                }
            }
            pen += f64::from(font.h_advance_unscaled(id)) / em * pixels;
            previous = Some(id);
        }
        Ok(())
    }

    fn item(&mut self, item: &Item) -> Result<(), String> {
        match item {
            Item::Rect {
                x, y, w, h, fill, ..
            } => self.rect(*x, *y, *w, *h, style(*fill, 1.0, 1)),
            Item::Hatch { x, y, w, h, .. } => {
                self.rect(*x, *y, *w, *h, style(Rgb::MISSING, 1.0, 1))?;
                for (from, to) in hatching(*x, *y, *w, *h) {
                    self.line(&[from, to], 0.75, Rgb::HATCH)?;
                }
                Ok(())
            }
            Item::Outline { x, y, w, h, colour } => {
                let (x, y, w, h) = (*x, *y, *w, *h);
                for side in [
                    [(x - 0.5, y), (x + w + 0.5, y)],
                    [(x - 0.5, y + h), (x + w + 0.5, y + h)],
                    [(x, y), (x, y + h)],
                    [(x + w, y), (x + w, y + h)],
                ] {
                    self.line(&side, 1.0, *colour)?;
                }
                Ok(())
            }
            Item::Line {
                points,
                width,
                colour,
                dash: None,
            } => self.line(points, *width, *colour),
            Item::Line {
                points,
                width,
                colour,
                dash: Some((on, off)),
            } => {
                for stroke in dashes(points, *on, *off) {
                    self.line(&stroke, *width, *colour)?;
                }
                Ok(())
            }
            Item::Band {
                points,
                colour,
                opacity,
            } => self.band(points, *colour, *opacity),
            Item::Dot {
                x,
                y,
                r,
                fill,
                stroke,
                ..
            } => {
                self.disc((*x, *y), r + 0.75, *stroke)?;
                self.disc((*x, *y), r - 0.75, *fill)
            }
            Item::Text(text) => self.text(text),
        }
    }
}

/// The strokes of a dashed line.
fn dashes(points: &[Point], on: f64, off: f64) -> Vec<Vec<Point>> {
    let mut strokes: Vec<Vec<Point>> = Vec::new();
    if on.min(off) <= 0.0 {
        return vec![points.to_vec()];
    }
    let (mut drawing, mut left) = (true, on);
    let mut stroke: Vec<Point> = points.first().copied().into_iter().collect();
    for pair in points.windows(2) {
        let (mut a, b) = (pair[0], pair[1]);
        let mut length = (b.0 - a.0).hypot(b.1 - a.1);
        while length.is_finite() && length > left {
            let t = left / length;
            a = (a.0 + (b.0 - a.0) * t, a.1 + (b.1 - a.1) * t);
            length -= left;
            if drawing {
                stroke.push(a);
                strokes.push(std::mem::take(&mut stroke));
            } else {
                stroke = vec![a];
            }
            drawing = !drawing;
            left = if drawing { on } else { off };
        }
        left -= length;
        if drawing {
            stroke.push(b);
        }
    }
    if drawing && stroke.len() > 1 {
        strokes.push(stroke);
    }
    strokes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dashes_cover_their_share() {
        let strokes = dashes(&[(0.0, 0.0), (10.0, 0.0), (10.0, 10.0)], 3.0, 2.0);
        let length: f64 = strokes
            .iter()
            .flat_map(|s| s.windows(2))
            .map(|p| (p[1].0 - p[0].0).hypot(p[1].1 - p[0].1))
            .sum();
        assert_eq!(strokes.len(), 4);
        assert!((length - 12.0).abs() < 1e-9, "{length}");
    }

    #[test]
    fn averaging_keeps_even_areas() {
        assert_eq!(average(&[10; 48], 2, 2, 2), [10; 12]);
        let half: Vec<u8> = [[0u8; 3], [100; 3], [0; 3], [100; 3]].concat();
        assert_eq!(average(&half, 1, 1, 2), [50; 3]);
    }
}
