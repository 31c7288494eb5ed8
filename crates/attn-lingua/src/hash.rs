//! Hashes that are part of the model format.
//!
//! Features are not numbered but hashed: a feature's 32-bit hash is its name in training and in
//! the model file. The functions here therefore must never change without a new format version,
//! and they must give the same numbers on every machine (no pointer width, no `std` hasher).

/// Hash of a text: FNV-1a over its bytes, then one round of [`mix`] to spread the high bits.
pub(crate) fn text(text: &str) -> u64 {
    chars(text.chars())
}

/// [`text`] of a sequence of characters that need not lie together in memory.
pub(crate) fn chars(text: impl Iterator<Item = char>) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325u64;
    for c in text {
        hash = (hash ^ u64::from(u32::from(c))).wrapping_mul(0x0000_0100_0000_01b3);
    }
    mix(hash, 7)
}

/// Folds `value` into `hash`. Order matters: `mix(mix(h, a), b) != mix(mix(h, b), a)`.
#[inline(always)]
pub(crate) fn mix(hash: u64, value: u64) -> u64 {
    let x = (hash ^ value).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    x ^ (x >> 29)
}

/// Checksum of a model's payload: eight bytes at a time, so that six megabytes take about a
/// millisecond. It finds damage by accident; it is no protection against malice.
pub(crate) fn checksum(bytes: &[u8]) -> u64 {
    let mut hash = mix(0xa076_1d64_78bd_642f, bytes.len() as u64);
    let (words, rest) = bytes.as_chunks::<8>();
    for word in words {
        hash = mix(hash.rotate_left(23), u64::from_le_bytes(*word));
    }
    for &byte in rest {
        hash = mix(hash.rotate_left(23), u64::from(byte));
    }
    hash
}

/// A list of feature hashes under construction. Every `add` has its own template number, so that
/// the same values in two templates are two features.
#[derive(Debug, Default)]
pub(crate) struct Features {
    hashes: Vec<u32>,
    template: u64,
}

impl Features {
    /// Starts over; `family` keeps tagger and parser features apart.
    pub(crate) fn start(&mut self, family: u64) {
        self.hashes.clear();
        self.template = family << 32;
    }

    /// Adds the feature made of `values` under the next template number.
    #[inline(always)]
    pub(crate) fn add<const N: usize>(&mut self, values: [u64; N]) {
        self.template += 1;
        let mut hash = mix(0x2545_f491_4f6c_dd1d, self.template);
        for value in values {
            hash = mix(hash, value);
        }
        // The high half of a product depends on every bit below it; the low half does not.
        let hash = hash.wrapping_mul(0xff51_afd7_ed55_8ccd);
        self.hashes.push((hash >> 32) as u32);
    }

    /// The features added since [`Features::start`].
    pub(crate) fn hashes(&self) -> &[u32] {
        &self.hashes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hashes_are_frozen() {
        // Numbers written down once: a change of any of them makes every model file useless.
        assert_eq!(text(""), mix(0xcbf2_9ce4_8422_2325, 7));
        assert_ne!(text("ab"), text("ba"));
        assert_ne!(mix(mix(1, 2), 3), mix(mix(1, 3), 2));
        let mut features = Features::default();
        features.start(1);
        features.add([1, 2]);
        features.add([1, 2]);
        assert_ne!(
            features.hashes()[0],
            features.hashes()[1],
            "templates must differ"
        );
    }

    #[test]
    fn the_checksum_sees_every_byte() {
        let bytes: Vec<u8> = (0..45).collect();
        let whole = checksum(&bytes);
        for i in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[i] ^= 0x40;
            assert_ne!(checksum(&damaged), whole, "byte {i}");
        }
        assert_ne!(checksum(&bytes[..44]), whole);
    }
}
