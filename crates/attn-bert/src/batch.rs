//! Token ids of several examples, padded to one width.

use burn::tensor::{Device, Int, Tensor, TensorData};

/// One example's word-piece ids and segment ids, without padding.
#[derive(Debug, Clone, Copy)]
pub struct TokenIds<'a> {
    /// Word-piece ids, special tokens included.
    pub ids: &'a [u32],
    /// Segment of each piece (0 for the first text, 1 for the second); as long as `ids`.
    pub types: &'a [u32],
}

/// A batch that cannot be run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BatchError {
    /// No example, or one without pieces.
    #[error("example {index} of the batch is empty: every example needs at least one word piece")]
    Empty {
        /// Which example, from 0.
        index: usize,
    },
    /// `types` and `ids` differ in length.
    #[error("example {index} of the batch has {ids} ids but {types} segment ids")]
    Lengths {
        /// Which example, from 0.
        index: usize,
        /// Number of ids.
        ids: usize,
        /// Number of segment ids.
        types: usize,
    },
    /// Longer than the position embeddings.
    #[error(
        "an example has {found} word pieces, but the model has positions for {limit}: truncate it"
    )]
    TooLong {
        /// The example's length.
        found: usize,
        /// The model's `max_position_embeddings`.
        limit: usize,
    },
    /// An id outside an embedding table.
    #[error(
        "{table} id {id} does not exist: the model's table has {rows} rows; does the tokenizer belong to this model?"
    )]
    Id {
        /// Which table: `word piece` or `segment`.
        table: &'static str,
        /// The id.
        id: u32,
        /// Rows in the table.
        rows: usize,
    },
}

/// Token ids of several examples, padded on the right to the longest. Real tokens come first, so
/// lengths say everything that an attention mask would.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenBatch {
    ids: Vec<u32>,
    types: Vec<u32>,
    lengths: Vec<usize>,
    width: usize,
}

impl TokenBatch {
    /// Pads the examples to the longest of them.
    ///
    /// # Errors
    /// [`BatchError`] for an empty batch, an empty example or uneven `ids` and `types`.
    pub fn new(examples: &[TokenIds<'_>]) -> Result<Self, BatchError> {
        if examples.is_empty() {
            return Err(BatchError::Empty { index: 0 });
        }
        for (index, example) in examples.iter().enumerate() {
            if example.ids.is_empty() {
                return Err(BatchError::Empty { index });
            }
            if example.ids.len() != example.types.len() {
                let (ids, types) = (example.ids.len(), example.types.len());
                return Err(BatchError::Lengths { index, ids, types });
            }
        }
        let lengths: Vec<usize> = examples.iter().map(|e| e.ids.len()).collect();
        let width = lengths.iter().copied().max().unwrap_or(0);
        // Padding is id 0 in both tables: any row will do, since nothing attends to it.
        let pad = |part: fn(&TokenIds<'_>) -> Vec<u32>| {
            let mut all = Vec::with_capacity(examples.len() * width);
            for example in examples {
                all.extend(part(example));
                all.resize(all.len() + width - example.ids.len(), 0);
            }
            all
        };
        let (ids, types) = (pad(|e| e.ids.to_vec()), pad(|e| e.types.to_vec()));
        Ok(Self {
            ids,
            types,
            lengths,
            width,
        })
    }

    /// Number of examples.
    pub fn size(&self) -> usize {
        self.lengths.len()
    }

    /// Padded length.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Number of real tokens of each example.
    pub fn lengths(&self) -> &[usize] {
        &self.lengths
    }

    /// Checks the ids against a model's tables, which backends do not: an id out of range would
    /// read another row or crash.
    pub(crate) fn check(
        &self,
        words: usize,
        segments: usize,
        positions: usize,
    ) -> Result<(), BatchError> {
        if self.width > positions {
            return Err(BatchError::TooLong {
                found: self.width,
                limit: positions,
            });
        }
        let over =
            |table, ids: &[u32], rows: usize| match ids.iter().find(|&&id| id as usize >= rows) {
                Some(&id) => Err(BatchError::Id { table, id, rows }),
                None => Ok(()),
            };
        over("word piece", &self.ids, words)?;
        over("segment", &self.types, segments)
    }

    fn int_tensor(&self, values: &[u32], device: &Device) -> Tensor<2, Int> {
        let values: Vec<i32> = values.iter().map(|&v| v as i32).collect();
        Tensor::from_data(TensorData::new(values, [self.size(), self.width]), device)
    }

    /// Word-piece ids `[batch, width]`.
    pub fn ids_tensor(&self, device: &Device) -> Tensor<2, Int> {
        self.int_tensor(&self.ids, device)
    }

    /// Segment ids `[batch, width]`.
    pub fn types_tensor(&self, device: &Device) -> Tensor<2, Int> {
        self.int_tensor(&self.types, device)
    }

    /// Whether any example is shorter than the width.
    pub fn has_padding(&self) -> bool {
        self.lengths.iter().any(|&l| l < self.width)
    }

    fn per_key(&self, real: impl Fn(usize) -> f32, padding: f32, device: &Device) -> Tensor<4> {
        let mut values = Vec::with_capacity(self.size() * self.width);
        for &length in &self.lengths {
            values.resize(values.len() + length, real(length));
            values.resize(values.len() + self.width - length, padding);
        }
        Tensor::from_data(
            TensorData::new(values, [self.size(), 1, 1, self.width]),
            device,
        )
    }

    /// What to add to attention scores so that padding gets no weight: `[batch, 1, 1, key]`, 0 for
    /// real tokens and a number whose exponential is exactly 0 for padding.
    pub fn score_bias(&self, device: &Device) -> Tensor<4> {
        self.per_key(|_| 0.0, -1e9, device)
    }

    /// The weights of a head that attends to all real tokens alike, `[batch, 1, 1, key]`: `1/L`
    /// for each of an example's `L` real tokens, 0 for padding (Section 4.6).
    pub fn uniform_weights(&self, device: &Device) -> Tensor<4> {
        self.per_key(|length| 1.0 / length as f32, 0.0, device)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_batches_say_what_is_wrong() {
        assert_eq!(TokenBatch::new(&[]), Err(BatchError::Empty { index: 0 }));
        let uneven = [TokenIds {
            ids: &[1, 2],
            types: &[0],
        }];
        assert_eq!(
            TokenBatch::new(&uneven),
            Err(BatchError::Lengths {
                index: 0,
                ids: 2,
                types: 1
            })
        );
        let batch = TokenBatch::new(&[TokenIds {
            ids: &[1, 9],
            types: &[0, 3],
        }])
        .unwrap();
        assert_eq!(batch.check(10, 4, 2), Ok(()));
        assert!(
            batch
                .check(9, 4, 2)
                .unwrap_err()
                .to_string()
                .contains("word piece id 9")
        );
        assert!(
            batch
                .check(10, 2, 2)
                .unwrap_err()
                .to_string()
                .contains("segment id 3")
        );
        assert_eq!(
            batch.check(10, 4, 1),
            Err(BatchError::TooLong { found: 2, limit: 1 })
        );
    }

    #[test]
    fn pads_on_the_right() {
        let batch = TokenBatch::new(&[
            TokenIds {
                ids: &[5],
                types: &[1],
            },
            TokenIds {
                ids: &[6, 7, 8],
                types: &[0, 0, 1],
            },
        ])
        .unwrap();
        assert_eq!((batch.width(), batch.lengths()), (3, &[1, 3][..]));
        assert_eq!(batch.ids, [5, 0, 0, 6, 7, 8]);
        assert_eq!(batch.types, [1, 0, 0, 0, 0, 1]);
        assert!(batch.has_padding());
    }
}
