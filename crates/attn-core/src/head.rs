//! Attention heads and values laid out over them.

use serde::{Deserialize, Serialize};

/// One attention head. Both numbers count from 0; [`std::fmt::Display`] shows them from 1, as
/// papers do (`4-1` is the first head of the fourth layer).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct HeadId {
    /// Layer, from 0 (nearest the embeddings).
    pub layer: usize,
    /// Head within the layer, from 0.
    pub head: usize,
}

impl HeadId {
    /// The head at `layer` and `head`, both from 0.
    pub const fn new(layer: usize, head: usize) -> Self {
        Self { layer, head }
    }
}

impl std::fmt::Display for HeadId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{}", self.layer + 1, self.head + 1)
    }
}

/// A head that is written neither `layer:head` nor `layer-head`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "'{0}' is not a head: expected layer:head, both counted from 0, for example 3:0, or layer-head, both counted \
     from 1 as in tables, for example 4-1"
)]
pub struct ParseHeadError(String);

/// Reads `3:0`, from 0, and `4-1`, from 1 as [`std::fmt::Display`] writes it: the separator tells
/// which.
impl std::str::FromStr for HeadId {
    type Err = ParseHeadError;
    fn from_str(text: &str) -> Result<Self, ParseHeadError> {
        let error = || ParseHeadError(text.to_owned());
        let (layer, head, first) = match (text.split_once(':'), text.split_once('-')) {
            (Some((layer, head)), None) => (layer, head, 0),
            (None, Some((layer, head))) => (layer, head, 1),
            _ => return Err(error()),
        };
        let number = |text: &str| {
            let number: usize = text.trim().parse().map_err(|_| error())?;
            number.checked_sub(first).ok_or_else(error)
        };
        Ok(Self {
            layer: number(layer)?,
            head: number(head)?,
        })
    }
}

/// One value per head, layers by heads.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HeadGrid<T> {
    layers: usize,
    heads: usize,
    values: Vec<T>,
}

impl<T> HeadGrid<T> {
    /// Builds a grid by calling `value` for each head, layer by layer.
    pub fn from_fn(layers: usize, heads: usize, mut value: impl FnMut(HeadId) -> T) -> Self {
        let values = (0..layers * heads)
            .map(|i| value(HeadId::new(i / heads, i % heads)))
            .collect();
        Self {
            layers,
            heads,
            values,
        }
    }

    /// Wraps values in row-major order (`values[layer * heads + head]`); `None` when their
    /// number is not `layers * heads`.
    pub fn from_values(layers: usize, heads: usize, values: Vec<T>) -> Option<Self> {
        (values.len() == layers * heads).then_some(Self {
            layers,
            heads,
            values,
        })
    }

    /// Number of layers.
    pub fn layers(&self) -> usize {
        self.layers
    }

    /// Heads per layer.
    pub fn heads(&self) -> usize {
        self.heads
    }

    /// All values, row-major.
    pub fn values(&self) -> &[T] {
        &self.values
    }

    /// All values, row-major, to change in place.
    pub fn values_mut(&mut self) -> &mut [T] {
        &mut self.values
    }

    /// The value of one head, or `None` outside the grid.
    pub fn get(&self, id: HeadId) -> Option<&T> {
        (id.layer < self.layers && id.head < self.heads)
            .then(|| &self.values[id.layer * self.heads + id.head])
    }

    /// Heads with their values, layer by layer.
    pub fn iter(&self) -> impl Iterator<Item = (HeadId, &T)> {
        self.values
            .iter()
            .enumerate()
            .map(|(i, value)| (HeadId::new(i / self.heads, i % self.heads), value))
    }

    /// A grid of the same shape with `f` applied to each value.
    pub fn map<U>(&self, f: impl FnMut(&T) -> U) -> HeadGrid<U> {
        HeadGrid {
            layers: self.layers,
            heads: self.heads,
            values: self.values.iter().map(f).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_from_zero_and_shows_from_one() {
        let head: HeadId = "3:0".parse().unwrap();
        assert_eq!(
            (head, head.to_string()),
            (HeadId::new(3, 0), "4-1".to_owned())
        );
        assert_eq!("4-1".parse(), Ok(head));
        assert_eq!(
            HeadId::new(11, 11).to_string().parse(),
            Ok(HeadId::new(11, 11))
        );
        for bad in [
            "3", "3:", ":0", "a:b", "3:0:1", "-1:0", "0-1", "1-0", "3-", "-3", "3-1-2", "3:1-2",
        ] {
            assert!(bad.parse::<HeadId>().is_err(), "{bad}");
        }
    }

    #[test]
    fn grid_is_row_major_and_bounded() {
        let grid = HeadGrid::from_fn(2, 3, |h| h.layer * 10 + h.head);
        assert_eq!(grid.values(), [0, 1, 2, 10, 11, 12]);
        assert_eq!(grid.get(HeadId::new(1, 2)), Some(&12));
        assert_eq!(grid.get(HeadId::new(0, 3)), None);
        assert_eq!(HeadGrid::from_values(2, 3, vec![0; 5]), None);
    }
}
