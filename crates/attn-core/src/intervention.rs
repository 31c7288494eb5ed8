//! What is done to heads, as data (Section 4.6).

use crate::HeadId;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What a disabled head attends to instead.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Every query gives each of the `L` real tokens the weight `1/L` (the paper, Section 4.6).
    #[default]
    Uniform,
    /// The head contributes nothing (Michel et al., 2019).
    Zero,
    /// The head's mean map over a reference sample of the same length.
    Mean,
}

impl Mode {
    /// The name on the command line and in records.
    pub fn name(self) -> &'static str {
        match self {
            Mode::Uniform => "uniform",
            Mode::Zero => "zero",
            Mode::Mean => "mean",
        }
    }
}

impl std::fmt::Display for Mode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

/// An unknown intervention mode.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown mode '{0}': expected uniform, zero or mean")]
pub struct ParseModeError(String);

impl std::str::FromStr for Mode {
    type Err = ParseModeError;
    fn from_str(text: &str) -> Result<Self, ParseModeError> {
        [Mode::Uniform, Mode::Zero, Mode::Mean]
            .into_iter()
            .find(|m| m.name() == text)
            .ok_or_else(|| ParseModeError(text.to_owned()))
    }
}

/// A set of heads to disable and the way to do it. The empty set changes nothing, to the bit.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct Intervention {
    /// The heads, ordered.
    pub heads: BTreeSet<HeadId>,
    /// What they attend to instead.
    pub mode: Mode,
}

impl Intervention {
    /// Disables nothing.
    pub fn none() -> Self {
        Self::default()
    }

    /// Disables the given heads.
    pub fn new(mode: Mode, heads: impl IntoIterator<Item = HeadId>) -> Self {
        Self {
            heads: heads.into_iter().collect(),
            mode,
        }
    }

    /// Disables all `heads` heads of a layer.
    pub fn layer(mode: Mode, layer: usize, heads: usize) -> Self {
        Self::new(mode, (0..heads).map(|head| HeadId::new(layer, head)))
    }

    /// The disabled heads of one layer, ascending.
    pub fn in_layer(&self, layer: usize) -> impl Iterator<Item = usize> + '_ {
        self.heads
            .range(HeadId::new(layer, 0)..HeadId::new(layer + 1, 0))
            .map(|head| head.head)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_of_a_layer() {
        let cut = Intervention::new(
            Mode::Zero,
            ["1:2", "0:3", "1:0"].map(|h| h.parse().unwrap()),
        );
        assert_eq!(cut.in_layer(1).collect::<Vec<_>>(), [0, 2]);
        assert_eq!(cut.in_layer(2).count(), 0);
        assert_eq!(
            Intervention::layer(Mode::Uniform, 4, 12)
                .in_layer(4)
                .count(),
            12
        );
    }
}
