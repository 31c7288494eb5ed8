//! Weights as integers in base64.

use attn_core::io::base64;

/// How a page stores weights, which lie between 0 and 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Precision {
    /// `round(65535 w)` in 16 bits, little-endian.
    Linear16,
    /// `round(255 √w)` in 8 bits: fine steps for small weights, which are most, coarse ones for
    /// great weights.
    Root8,
}

impl Precision {
    /// The finest precision with which `weights` numbers take at most `bytes` bytes of base64.
    pub(crate) fn for_weights(weights: usize, bytes: usize) -> Self {
        if weights.saturating_mul(2).div_ceil(3).saturating_mul(4) <= bytes {
            Precision::Linear16
        } else {
            Precision::Root8
        }
    }

    /// Bits of a weight.
    pub fn bits(self) -> u32 {
        match self {
            Precision::Linear16 => 16,
            Precision::Root8 => 8,
        }
    }

    /// By how much a weight `w` that is read back may be off.
    pub fn error(self, w: f64) -> f64 {
        match self {
            Precision::Linear16 => 0.5 / 65535.0,
            // (q + ½)² − q² with q = 255 √w, over 255².
            Precision::Root8 => w.max(0.0).sqrt() / 255.0 + 0.25 / (255.0 * 255.0),
        }
    }

    /// Base64 of the weights; those that rounding put outside 0 to 1 are moved to its ends.
    pub(crate) fn encode(self, weights: &[f32]) -> String {
        let clamped = weights.iter().map(|&w| f64::from(w).clamp(0.0, 1.0));
        let bytes: Vec<u8> = match self {
            Precision::Linear16 => clamped
                .flat_map(|w| ((w * 65535.0).round() as u16).to_le_bytes())
                .collect(),
            Precision::Root8 => clamped.map(|w| (w.sqrt() * 255.0).round() as u8).collect(),
        };
        base64(&bytes)
    }
}

impl std::fmt::Display for Precision {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Precision::Linear16 => f.write_str("16 bits a weight, off by at most 0.000008"),
            Precision::Root8 => f.write_str(
                "8 bits a weight, off by at most 0.00002 near 0, 0.0004 at 0.01 and 0.004 at 1",
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the page's script does, in Rust.
    fn decode(precision: Precision, bytes: &[u8]) -> Vec<f64> {
        match precision {
            Precision::Linear16 => bytes
                .chunks(2)
                .map(|b| f64::from(u16::from_le_bytes([b[0], b[1]])) / 65535.0)
                .collect(),
            Precision::Root8 => bytes
                .iter()
                .map(|&b| (f64::from(b) / 255.0).powi(2))
                .collect(),
        }
    }

    fn from_base64(text: &str) -> Vec<u8> {
        let digit = |c: u8| match c {
            b'A'..=b'Z' => c - b'A',
            b'a'..=b'z' => c - b'a' + 26,
            b'0'..=b'9' => c - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => 0,
        };
        let padding = text.bytes().filter(|&c| c == b'=').count();
        let mut bytes: Vec<u8> = text
            .as_bytes()
            .chunks(4)
            .flat_map(|g| {
                let bits = g
                    .iter()
                    .fold(0u32, |all, &c| all << 6 | u32::from(digit(c)));
                bits.to_be_bytes()[1..].to_vec()
            })
            .collect();
        bytes.truncate(bytes.len() - padding);
        bytes
    }

    #[test]
    fn weights_come_back_within_the_stated_error() {
        let weights: Vec<f32> = (0..=5000).map(|i| (i as f32 / 5000.0).powi(3)).collect();
        for precision in [Precision::Linear16, Precision::Root8] {
            let back = decode(precision, &from_base64(&precision.encode(&weights)));
            assert_eq!(back.len(), weights.len());
            for (&w, v) in weights.iter().zip(back) {
                let w = f64::from(w);
                assert!(
                    (w - v).abs() <= precision.error(w) * (1.0 + 1e-9),
                    "{precision:?} {w} {v}"
                );
            }
        }
        // The sentence shown to readers.
        let root = |w| Precision::Root8.error(w);
        assert!(root(0.0) < 0.00002 && root(0.01) < 0.0004 && root(1.0) < 0.004);
        assert!(Precision::Linear16.error(1.0) < 0.000008);
    }

    #[test]
    fn precision_falls_with_size() {
        // Two models of 144 heads at 128 tokens still fit in 16 bits.
        assert_eq!(
            Precision::for_weights(2 * 144 * 128 * 128, 13_500_000),
            Precision::Linear16
        );
        assert_eq!(
            Precision::for_weights(144 * 512 * 512, 13_500_000),
            Precision::Root8
        );
    }
}
