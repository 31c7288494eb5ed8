//! Sizes and colours.
//!
//! Both colour maps survive grey printing and the common kinds of colour blindness: the
//! sequential one falls steadily in luminance ("darker colors stand for greater weights", as
//! under the paper's figures), the diverging one is white at zero and equally dark at equal
//! distances on either side, so that only the hue tells the sign.

/// An sRGB colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Rgb(pub u8, pub u8, pub u8);

impl Rgb {
    /// White.
    pub const WHITE: Rgb = Rgb(255, 255, 255);
    /// The colour of text and axes.
    pub const INK: Rgb = Rgb(31, 35, 40);
    /// Secondary text: contrast 7 to 1 on white.
    pub const MUTED: Rgb = Rgb(84, 90, 97);
    /// Grid lines.
    pub const GRID: Rgb = Rgb(226, 229, 233);
    /// The ground of a cell without a value.
    pub const MISSING: Rgb = Rgb(240, 240, 240);
    /// The hatching of a cell without a value.
    pub const HATCH: Rgb = Rgb(150, 150, 150);

    /// `#rrggbb`.
    pub fn hex(self) -> String {
        format!("#{:02x}{:02x}{:02x}", self.0, self.1, self.2)
    }

    /// Relative luminance as WCAG defines it, 0 (black) to 1 (white).
    pub fn luminance(self) -> f64 {
        let linear = |c: u8| {
            let c = f64::from(c) / 255.0;
            if c <= 0.04045 {
                c / 12.92
            } else {
                ((c + 0.055) / 1.055).powf(2.4)
            }
        };
        0.2126 * linear(self.0) + 0.7152 * linear(self.1) + 0.0722 * linear(self.2)
    }

    /// WCAG contrast ratio to another colour, 1 to 21.
    pub fn contrast(self, other: Rgb) -> f64 {
        let (a, b) = (self.luminance(), other.luminance());
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    /// White or ink, whichever is easier to read on this ground.
    pub fn text_on(self) -> Rgb {
        if self.contrast(Rgb::WHITE) > self.contrast(Rgb::INK) {
            Rgb::WHITE
        } else {
            Rgb::INK
        }
    }

    /// This colour with `share` of white (0 to 1) mixed in.
    pub fn lighter(self, share: f64) -> Rgb {
        mix(self, Rgb::WHITE, share)
    }
}

fn mix(a: Rgb, b: Rgb, t: f64) -> Rgb {
    let channel = |a: u8, b: u8| {
        (f64::from(a) + (f64::from(b) - f64::from(a)) * t.clamp(0.0, 1.0)).round() as u8
    };
    Rgb(channel(a.0, b.0), channel(a.1, b.1), channel(a.2, b.2))
}

/// How a number between 0 and 1 becomes a colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ColourMap {
    /// Light yellow over teal to dark blue: darker is greater.
    #[default]
    Sequential,
    /// Blue over white to orange: for differences, with zero in the middle.
    Diverging,
}

/// ColorBrewer's nine-class YlGnBu, as published.
const YELLOW_GREEN_BLUE: [Rgb; 9] = [
    Rgb(0xff, 0xff, 0xd9),
    Rgb(0xed, 0xf8, 0xb1),
    Rgb(0xc7, 0xe9, 0xb4),
    Rgb(0x7f, 0xcd, 0xbb),
    Rgb(0x41, 0xb6, 0xc4),
    Rgb(0x1d, 0x91, 0xc0),
    Rgb(0x22, 0x5e, 0xa8),
    Rgb(0x25, 0x34, 0x94),
    Rgb(0x08, 0x1d, 0x58),
];

/// A lightness and the `(a, b)` of two hues at it.
type Arm = (f64, (f64, f64), (f64, f64));

/// From white outwards, in CIELAB: lightness, then `(a, b)` of the blue and of the orange arm.
const ARMS: [Arm; 5] = [
    (98.0, (0.0, 0.0), (0.0, 0.0)),
    (84.0, (-8.0, -18.0), (13.0, 30.0)),
    (68.0, (-8.0, -34.0), (29.0, 52.0)),
    (52.0, (-2.0, -42.0), (38.0, 54.0)),
    (38.0, (4.0, -42.0), (38.0, 48.0)),
];

impl ColourMap {
    /// The colour at `t`, which is clamped to 0–1; NaN gives the colour of a missing value.
    pub fn colour(self, t: f64) -> Rgb {
        if t.is_nan() {
            return Rgb::MISSING;
        }
        let t = t.clamp(0.0, 1.0);
        match self {
            ColourMap::Sequential => {
                let (i, rest) = step(t, YELLOW_GREEN_BLUE.len());
                mix(YELLOW_GREEN_BLUE[i], YELLOW_GREEN_BLUE[i + 1], rest)
            }
            ColourMap::Diverging => {
                let (i, rest) = step((t - 0.5).abs() * 2.0, ARMS.len());
                let arm = |k: usize| if t < 0.5 { ARMS[k].1 } else { ARMS[k].2 };
                let between = |a: f64, b: f64| a + (b - a) * rest;
                let (from, to) = (arm(i), arm(i + 1));
                lab(
                    between(ARMS[i].0, ARMS[i + 1].0),
                    between(from.0, to.0),
                    between(from.1, to.1),
                )
            }
        }
    }
}

/// Which of `points - 1` segments `t` lies in, and where within it.
fn step(t: f64, points: usize) -> (usize, f64) {
    let position = t * (points - 1) as f64;
    let index = (position as usize).min(points - 2);
    (index, position - index as f64)
}

/// CIELAB (D65) to sRGB.
fn lab(lightness: f64, a: f64, b: f64) -> Rgb {
    let fy = (lightness + 16.0) / 116.0;
    let cube = |f: f64| {
        if f > 6.0 / 29.0 {
            f * f * f
        } else {
            3.0 * (6.0f64 / 29.0).powi(2) * (f - 4.0 / 29.0)
        }
    };
    let (x, y, z) = (
        0.95047 * cube(fy + a / 500.0),
        cube(fy),
        1.08883 * cube(fy - b / 200.0),
    );
    let encode = |c: f64| {
        let c = c.clamp(0.0, 1.0);
        let c = if c <= 0.003_130_8 {
            12.92 * c
        } else {
            1.055 * c.powf(1.0 / 2.4) - 0.055
        };
        (c * 255.0).round() as u8
    };
    Rgb(
        encode(3.240_454_2 * x - 1.537_138_5 * y - 0.498_531_4 * z),
        encode(-0.969_266 * x + 1.876_010_8 * y + 0.041_556 * z),
        encode(0.055_643_4 * x - 0.204_025_9 * y + 1.057_225_2 * z),
    )
}

/// Okabe and Ito's colours for kinds of things, told apart under every common colour blindness.
const CATEGORIES: [Rgb; 8] = [
    Rgb(0, 114, 178),
    Rgb(230, 159, 0),
    Rgb(0, 158, 115),
    Rgb(204, 121, 167),
    Rgb(86, 180, 233),
    Rgb(213, 94, 0),
    Rgb(110, 110, 110),
    Rgb(240, 228, 66),
];

/// The colour of the `index`-th series; repeats after eight.
pub fn category(index: usize) -> Rgb {
    CATEGORIES[index % CATEGORIES.len()]
}

/// Font sizes in pixels per em.
pub(crate) mod size {
    pub const TITLE: f64 = 16.0;
    pub const SUBTITLE: f64 = 12.0;
    pub const PANEL: f64 = 12.0;
    pub const LABEL: f64 = 11.0;
    pub const TICK: f64 = 10.0;
    pub const NOTE: f64 = 10.0;
    pub const FOOTER: f64 = 9.0;
    pub const SMALLEST: f64 = 6.5;
}

/// Free space around a figure, in pixels.
pub(crate) const MARGIN: f64 = 18.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequential_darkens_at_every_step() {
        let luminance: Vec<f64> = (0..=200)
            .map(|i| {
                ColourMap::Sequential
                    .colour(f64::from(i) / 200.0)
                    .luminance()
            })
            .collect();
        assert!(luminance.windows(2).all(|w| w[1] < w[0]), "{luminance:?}");
        assert!(luminance[0] > 0.9 && luminance[200] < 0.03);
    }

    #[test]
    fn diverging_is_as_dark_on_both_sides() {
        let at = |t: f64| ColourMap::Diverging.colour(t);
        let mut before = f64::INFINITY;
        for i in 0..=100 {
            let t = f64::from(i) / 200.0;
            let (blue, orange) = (at(0.5 - t), at(0.5 + t));
            assert!(
                (blue.luminance() - orange.luminance()).abs() < 0.012,
                "{t}: {blue:?} {orange:?}"
            );
            assert!(blue.luminance() < before + 1e-9);
            before = blue.luminance();
        }
        let (blue, orange) = (at(0.0), at(1.0));
        assert!(
            blue.2 > blue.0 + 60 && orange.0 > orange.2 + 60,
            "{blue:?} {orange:?}"
        );
    }

    #[test]
    fn text_is_readable_on_every_cell() {
        for map in [ColourMap::Sequential, ColourMap::Diverging] {
            for i in 0..=100 {
                let ground = map.colour(f64::from(i) / 100.0);
                assert!(ground.contrast(ground.text_on()) >= 3.9, "{map:?} {i}");
            }
        }
        assert_eq!(ColourMap::Sequential.colour(f64::NAN), Rgb::MISSING);
    }
}
