//! The maps of one example, borrowed.

/// Maps that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StatsError {
    /// The slice is not `layers * heads * L * L` long.
    #[error(
        "maps of {layers} layers, {heads} heads and {length} tokens need {expected} values, found {found}"
    )]
    Size {
        /// Layers.
        layers: usize,
        /// Heads per layer.
        heads: usize,
        /// Tokens.
        length: usize,
        /// Values needed.
        expected: usize,
        /// Values given.
        found: usize,
    },
    /// An example's maps have another number of layers or heads than the accumulator.
    #[error("the maps have {found:?} layers and heads, expected {expected:?}")]
    Grid {
        /// Layers and heads given.
        found: (usize, usize),
        /// Layers and heads expected.
        expected: (usize, usize),
    },
    /// A weight is NaN or infinite.
    #[error(
        "the map of layer {layer}, head {head} (counted from 0) holds {value} at query {query}, key {key}: \
         the model diverged or its weights are damaged"
    )]
    NotFinite {
        /// Layer, from 0.
        layer: usize,
        /// Head, from 0.
        head: usize,
        /// Row.
        query: usize,
        /// Column.
        key: usize,
        /// The value, as text.
        value: String,
    },
    /// A position of an annotation lies outside the example.
    #[error(
        "{what}: position {position} (counted from 0) is outside the example, which has {length} tokens; \
         the annotation belongs to another example, or to one that was cut"
    )]
    Position {
        /// Which annotation, for example `feature 'noun'`.
        what: String,
        /// The position.
        position: usize,
        /// Tokens, or words, there are.
        length: usize,
    },
    /// A statistic of two models was given one model's maps.
    #[error("{statistic} compares two models, but the example has no maps of the reference model")]
    NoReference {
        /// The statistic.
        statistic: &'static str,
    },
    /// The reference model's maps belong to another number of tokens.
    #[error(
        "the reference model's maps are for {found} tokens, the model's for {expected}: both must see the same \
         word pieces"
    )]
    Length {
        /// Tokens of the reference model's maps.
        found: usize,
        /// Tokens of the model's maps.
        expected: usize,
    },
    /// The `authors` reading of the cosine lacks the rows of padding.
    #[error(
        "the authors' cosine needs the rows of the padding tokens, which cropped maps do not hold: run the \
         model on the padded input and pass them on, or use the paper's reading"
    )]
    NoPadding,
    /// A map has no weight at all, so that it has no direction to compare.
    #[error(
        "the map of layer {layer}, head {head} (counted from 0) is all zeros: its rows should sum to 1"
    )]
    Zero {
        /// Layer, from 0.
        layer: usize,
        /// Head, from 0.
        head: usize,
    },
}

/// The maps of one example: `[layers, heads, L, L]`, row-major, without padding.
#[derive(Debug, Clone, Copy)]
pub struct MapsView<'a> {
    layers: usize,
    heads: usize,
    length: usize,
    values: &'a [f32],
}

impl<'a> MapsView<'a> {
    /// Wraps a slice and checks that all weights are finite.
    ///
    /// # Errors
    /// [`StatsError::Size`] when the slice has the wrong length, [`StatsError::NotFinite`] when a
    /// weight is NaN or infinite.
    pub fn new(
        layers: usize,
        heads: usize,
        length: usize,
        values: &'a [f32],
    ) -> Result<Self, StatsError> {
        // Saturating, so that absurd sizes are refused rather than wrapped around.
        let expected = [heads, length, length]
            .into_iter()
            .fold(layers, usize::saturating_mul);
        if values.len() != expected {
            let found = values.len();
            return Err(StatsError::Size {
                layers,
                heads,
                length,
                expected,
                found,
            });
        }
        // Most maps are sound: one pass without branches says so, and only then is the place sought.
        let sound = values.iter().fold(true, |sound, v| sound & v.is_finite());
        if let Some(at) = (!sound)
            .then(|| values.iter().position(|v| !v.is_finite()))
            .flatten()
        {
            let map = at / (length * length);
            return Err(StatsError::NotFinite {
                layer: map / heads,
                head: map % heads,
                query: at / length % length,
                key: at % length,
                value: values[at].to_string(),
            });
        }
        Ok(Self {
            layers,
            heads,
            length,
            values,
        })
    }

    /// Layers.
    pub fn layers(&self) -> usize {
        self.layers
    }

    /// Heads per layer.
    pub fn heads(&self) -> usize {
        self.heads
    }

    /// Tokens.
    pub fn length(&self) -> usize {
        self.length
    }

    /// All values.
    pub fn values(&self) -> &'a [f32] {
        self.values
    }

    /// One head's map, `[query, key]`; `None` outside the grid.
    pub fn map(&self, layer: usize, head: usize) -> Option<&'a [f32]> {
        if layer >= self.layers || head >= self.heads {
            return None;
        }
        self.maps().nth(layer * self.heads + head)
    }

    /// Fails unless the maps are of `layers` layers with `heads` heads each.
    ///
    /// # Errors
    /// [`StatsError::Grid`].
    pub fn check_grid(&self, layers: usize, heads: usize) -> Result<(), StatsError> {
        let (found, expected) = ((self.layers, self.heads), (layers, heads));
        if found == expected {
            Ok(())
        } else {
            Err(StatsError::Grid { found, expected })
        }
    }

    /// All heads' maps, layer by layer. None when the example has no tokens.
    pub fn maps(&self) -> impl ExactSizeIterator<Item = &'a [f32]> + use<'a> {
        self.values.chunks_exact((self.length * self.length).max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_bad_numbers_are_found() {
        let mut values = vec![0.5f32; 2 * 3 * 4];
        assert_eq!(MapsView::new(2, 3, 2, &values).unwrap().maps().len(), 6);
        assert!(matches!(
            MapsView::new(2, 3, 3, &values),
            Err(StatsError::Size { expected: 54, .. })
        ));
        values[4 * 4 + 3] = f32::NAN;
        let error = MapsView::new(2, 3, 2, &values).unwrap_err();
        assert!(
            matches!(
                error,
                StatsError::NotFinite {
                    layer: 1,
                    head: 1,
                    query: 1,
                    key: 1,
                    ..
                }
            ),
            "{error}"
        );
        assert_eq!(MapsView::new(1, 1, 0, &[]).unwrap().maps().len(), 0);
    }
}
